"""Where a changed Ardour session is written: beside the old one, or in a folder of its own with copies of its media."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Final

from dsp.errors import UsageError
from plugin_bridge.sessions.model import Session

#: Folders of a session that hold what it needs: audio and MIDI, states of plugins, links to files elsewhere.
NEEDED: Final = ("interchange", "plugins", "externals")


def check_place(source: Path, out: Path) -> None:
    """Refuse a place that already belongs to another session. Raises UsageError."""
    folder = out.absolute().parent
    if _same(source, out):
        return
    if any((folder / name).exists() for name in NEEDED) or any(folder.glob("*.ardour")):
        raise UsageError(f"{folder} holds a session already; write beside {source.name}, or to a folder of its own")


def copy_media(source: Path, session: Session, out: Path) -> None:
    """Copy what a session needs to where `out` lies; nothing where that is the session's own folder. Raises OSError.

    Ardour looks for audio in interchange/NAME, NAME being that of the session's folder. What it names by a full path
    stays where it is; what was found elsewhere in the old folder goes to the other audio.
    """
    if _same(source, out):
        return
    old, new = source.absolute().parent.resolve(), out.absolute().parent.resolve()
    made: list[Path] = []
    try:
        for name in NEEDED:
            if (old / name).is_dir():
                made.append(new / name)
                shutil.copytree(old / name, new / name, ignore=lambda at, names: _strange(old, at, names))
        inner = new / "interchange" / _legal(new.name)
        _rename(new / "interchange", session, inner)
        audio = inner / "audiofiles"
        for track in session.tracks:
            for media in (m for c in track.clips for m in c.media):
                if media.file is None or not media.file.is_relative_to(old) or media.name.startswith("/"):
                    continue
                if (audio / media.name).exists() or any(
                    (new / "interchange").glob(f"*/audiofiles/{_plain(media.name)}")
                ):
                    continue
                made.append(new / "interchange")
                (audio / media.name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(media.file, audio / Path(media.name).name)
    except BaseException:
        for path in made:
            shutil.rmtree(path, ignore_errors=True)
        raise


def _rename(interchange: Path, session: Session, inner: Path) -> None:
    """Call the session's own folder of audio as Ardour looks for it."""
    if not interchange.is_dir() or inner.exists():
        return
    found = sorted(p for p in interchange.iterdir() if p.is_dir())
    own = next((p for p in found if p.name == session.name), found[0] if found else None)
    if own is not None:
        os.replace(own, inner)


def _same(source: Path, out: Path) -> bool:
    return source.absolute().parent.resolve() == out.absolute().parent.resolve()


def _legal(name: str) -> str:
    """A name as Ardour calls a folder (libs/ardour/utils.cc, legalize_for_path)."""
    return re.sub(r'[/\\:;*?"<>|\x00-\x1f]', "_", name)


def _plain(name: str) -> str:
    """A name that a pattern matches to the letter."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _strange(old: Path, at: str, names: list[str]) -> set[str]:
    """What is not copied: links that lead out of the session's folder, and peaks, which Ardour makes anew."""
    odd = set()
    for name in names:
        path = Path(at, name)
        if path.is_symlink() and not path.resolve().is_relative_to(old):
            odd.add(name)
    return odd
