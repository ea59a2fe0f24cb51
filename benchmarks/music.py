"""Four minutes of music to measure: the demo song, repeated, and its stems."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from dsp.units import Samples
from plugin_bridge.demo import write_demo
from plugin_bridge.files import read_audio

SECONDS = 240


def four_minutes(rate: int) -> Samples:
    """The demo song's flawed mix, over and over, float32 of shape (2, frames)."""
    with tempfile.TemporaryDirectory() as folder:
        song, _ = read_audio(write_demo(Path(folder) / "song").mix)
    if song.sample_rate != rate:
        raise ValueError(f"expected a song at {rate} Hz, got {song.sample_rate}")
    repeats = -(-SECONDS * rate // song.frames)
    return np.ascontiguousarray(np.tile(song.samples, repeats)[:, : SECONDS * rate])


def sixteen_stems(rate: int) -> dict[str, Samples]:
    """Sixteen stereo stems of four minutes, by name: those of the demo song, two of them twice."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_demo(Path(folder) / "song").stems
        stems = {}
        for path in (*paths, *paths[:2]):
            stem, _ = read_audio(path)
            if stem.sample_rate != rate:
                raise ValueError(f"expected stems at {rate} Hz, got {stem.sample_rate}")
            both = np.broadcast_to(stem.samples, (2, stem.frames))
            name = path.stem if path.stem not in stems else f"{path.stem} again"
            stems[name] = np.ascontiguousarray(np.tile(both, -(-SECONDS * rate // stem.frames))[:, : SECONDS * rate])
    return stems
