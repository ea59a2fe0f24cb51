"""Scenes of stems that are not as they should be: clipped, too hot together, silent, twice, on one side, cut off."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dsp.units import Samples
from render_tests.scenes.base import RATE, quantised
from render_tests.scenes.processors import gain
from render_tests.scenes.registry import Take, clean_tracks, float_source, scene, wav_source


def _sum(stems: Mapping[str, Samples]) -> Samples:
    """The mix: the plain sum of the stems."""
    return np.ascontiguousarray(np.sum(list(stems.values()), axis=0, dtype=np.float32))


@scene("gain-staging", "problem")
def clipped_stem() -> Take:
    """The drums were recorded 6 dB too hot and turned down again: their own ceiling lies at -10 dBFS."""
    stems = dict(clean_tracks())
    stems["Drums"] = quantised(np.clip(stems["Drums"], -gain(-10.0), gain(-10.0)))
    return Take(_sum(stems), wav_source("clipped"), stems=stems, cause=("Drums",))


@scene("gain-staging", "warning", "headroom", "true-peak", "loudness", "clipping")
def hot_sum() -> Take:
    """Every fader stands 5 dB too high: no stem clips, the sum does."""
    stems = {name: np.ascontiguousarray(track * np.float32(gain(5.0))) for name, track in clean_tracks().items()}
    stems["Drums"] = np.ascontiguousarray(stems["Drums"] * np.float32(gain(-2.0)))
    return Take(_sum(stems), float_source("hot"), stems=stems, cause=("Drums", "Bass"))


@scene("stem-files", "info")
def empty_track() -> Take:
    """A track without a clip on it was exported with the others."""
    stems = {**clean_tracks(), "Shaker": np.zeros_like(clean_tracks()["Bass"])}
    return Take(_sum(stems), wav_source("empty"), stems=stems, cause=("Shaker",))


@scene("stem-files", "warning", "stem-sum", "bus-processing")
def muted_track() -> Take:
    """The bass was muted while the stems were exported; the mix has it."""
    stems = {**clean_tracks(), "Bass": np.zeros_like(clean_tracks()["Bass"])}
    return Take(_sum(clean_tracks()), wav_source("muted"), stems=stems, cause=("Bass",))


@scene("stem-files", "warning", "frequency-balance")
def the_same_keys_twice() -> Take:
    """The keys were exported under two names, 3 dB apart."""
    keys = clean_tracks()["Keys"]
    stems = {**clean_tracks(), "Piano": quantised(keys * gain(-3.0))}
    return Take(_sum(stems), wav_source("twice"), stems=stems, cause=("Piano", "Keys"))


@scene("stem-files", "warning", "stereo-width")
def one_guitar_on_both_sides() -> Take:
    """The right guitar is not a second take but the first one once more."""
    stems = dict(clean_tracks())
    stems["Guitar R"] = np.ascontiguousarray(stems["Guitar L"][::-1])
    return Take(_sum(stems), wav_source("sides"), stems=stems, cause=("Guitar L", "Guitar R"))


@scene("stem-files", "warning", "core-centre", "low-end-mono", "balance", "correlation")
def bass_without_right_channel() -> Take:
    """The right channel of the bass was lost."""
    stems = dict(clean_tracks())
    stems["Bass"] = stems["Bass"] * np.array([[1.0], [0.0]], dtype=np.float32)
    return Take(_sum(stems), wav_source("one side"), stems=stems, cause=("Bass",))


@scene("stem-files", "warning", "stem-sum", "bus-processing")
def bass_cut_off() -> Take:
    """The export of the bass stopped after a third of the song; the mix has all of it."""
    stems = {**clean_tracks(), "Bass": clean_tracks()["Bass"][:, : round(8.3 * RATE)]}
    places = {"stem_end_db": ((8.29, 8.31),)}
    return Take(_sum(clean_tracks()), wav_source("cut"), places, stems=stems, cause=("Bass",))
