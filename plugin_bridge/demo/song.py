"""Writes the demo song to a directory: the mix, its stems and the truth about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plugin_bridge.demo.flaws import DEMO_FLAWS, checked_flaws

Progress = Callable[[float, str], None]

# How much of the time has gone by when the audio exists and only the files remain to be written.
_RENDERED: Final = 0.75


@dataclass(frozen=True, slots=True)
class DemoSong:
    """Where the parts of a written demo song are."""

    mix: Path
    stems: tuple[Path, ...]
    truth: Path


def write_demo(directory: Path, *, flaws: Iterable[str] = DEMO_FLAWS, progress: Progress | None = None) -> DemoSong:
    """Render the song and write ``mix.wav``, ``stems/NAME.wav`` and ``truth.json`` into ``directory``.

    ``flaws`` names the deliberate mistakes; without any the mix is healthy. ``progress`` is called with a
    fraction from 0 to 1 and a short label. The same flaws always give the same bytes. Raises FileExistsError
    rather than overwrite a ``mix.wav``, and ValueError for a flaw that does not exist.
    """
    chosen = checked_flaws(flaws)
    mix_path = directory / "mix.wav"
    if mix_path.exists():
        raise FileExistsError(f"{mix_path} already exists; choose an empty directory or remove it first")
    report: Progress = progress or (lambda fraction, label: None)

    report(0.0, "Playing the demo song")
    # Imported late: the audio engine takes longer to load than the rest of the command line.
    from plugin_bridge.demo.render import render_song
    from plugin_bridge.demo.truth import describe
    from plugin_bridge.demo.wav import quantised, write_wav

    song = render_song(chosen)
    stems_directory = directory / "stems"
    stems_directory.mkdir(parents=True, exist_ok=True)
    stem_paths = []
    stems = {name: quantised(audio) for name, audio in song.stems.items()}
    mix = quantised(song.mix)
    for index, (name, audio) in enumerate(stems.items()):
        report(_RENDERED + (1.0 - _RENDERED) * index / (len(stems) + 2), f"Writing {name}")
        stem_paths.append(stems_directory / f"{name}.wav")
        write_wav(stem_paths[-1], audio)
    report(0.97, "Measuring the truth")
    truth_path = directory / "truth.json"
    truth = describe(stems, song.bus, mix, chosen)
    truth_path.write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    # The mix comes last: where it is, everything else is.
    write_wav(mix_path, mix)
    report(1.0, "Demo song written")
    return DemoSong(mix=mix_path, stems=tuple(stem_paths), truth=truth_path)
