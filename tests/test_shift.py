"""Stems that were cut at their first note are found in the mix; those in place, looped or absent are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from dsp.stems.model import Stems
from dsp.stems.shift import bus_delay, find_offsets, share
from dsp.units import Samples
from plugin_bridge.files import read_audio
from render_tests.scenes import base
from render_tests.scenes.base import clean
from render_tests.scenes.phase import summed
from render_tests.scenes.registry import clean_mix, clean_tracks, with_stems

#: Of the long song.
RATE = 16_000
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"


def beside(mix: Samples, stems: Mapping[str, Samples], rate: int = RATE) -> Stems:
    found = with_stems(replace(base.SOURCE, sample_rate=rate), np.ascontiguousarray(mix, dtype=np.float32), stems).stems
    assert found is not None
    return found


def trimmed(stems: Mapping[str, Samples], **cuts: int) -> dict[str, Samples]:
    """The stems without their first samples."""
    return {n: np.ascontiguousarray(s[:, cuts.get(n, 0) :]) for n, s in stems.items()}


@cache
def long_song() -> dict[str, Samples]:
    """A minute of four players, for cuts longer than half a minute: written anew in every bar."""
    rng = np.random.default_rng(4)
    frames = 60 * RATE
    out = {}
    for name, low, high in (("Low", 60, 250), ("Mid", 200, 900), ("High", 800, 6000), ("Wide", 100, 3000)):
        track = np.zeros(frames)
        for _ in range(160):
            at, size = int(rng.integers(0, frames - RATE)), int(rng.integers(RATE // 8, RATE // 2))
            sound = rng.standard_normal(size) * np.exp(-np.arange(size) / (0.1 * RATE))
            track[at : at + size] += sound
        band = signal.butter(2, (low, high), "bandpass", fs=RATE, output="sos")
        track = np.asarray(signal.sosfilt(band, track))
        out[name] = base.quantised(0.1 * track[None] / np.abs(track).max())
    return out


def test_stems_in_place_are_left_alone() -> None:
    stems = clean_mix().stems
    assert stems is not None
    assert find_offsets(stems) == {}
    assert bus_delay(stems) == pytest.approx(0.0, abs=0.05)
    assert [share(s, stems) for s in stems.stems] == pytest.approx([1.0] * 7, abs=0.3)


@pytest.mark.parametrize(
    "cuts", [{"Lead": 147_901}, {"Keys": 480, "Bass": 24_003}, {"Guitar R": 7_777, "Drums": 24_000}]
)
def test_cuts_are_found_to_the_sample(cuts: dict[str, int]) -> None:
    assert find_offsets(beside(clean(), trimmed(clean_tracks(), **cuts), base.RATE)) == cuts


@pytest.mark.parametrize("cut_s", [0.01, 0.3, 5.0, 40.0])
def test_cuts_of_any_length(cut_s: float) -> None:
    for name in ("Low", "High"):
        cuts = {name: round(cut_s * RATE) + 11}
        assert find_offsets(beside(summed(long_song()), trimmed(long_song(), **cuts))) == cuts


def test_a_quiet_stem_in_a_dense_mix() -> None:
    quiet = {n: base.quantised(s * (0.03 if n == "High" else 1.0)) for n, s in long_song().items()}
    dense = {**quiet, "Noise": base.quantised(0.02 * np.random.default_rng(1).standard_normal((2, 60 * RATE)))}
    assert find_offsets(beside(summed(dense), trimmed(dense, High=90_001))) == {"High": 90_001}


def test_a_stem_that_starts_too_late_moves_earlier() -> None:
    stems = long_song()
    padded = {**stems, "Mid": np.pad(stems["Mid"], ((0, 0), (12_345, 0)))}
    assert find_offsets(beside(summed(stems), padded)) == {"Mid": -12_345}


def test_a_mix_that_was_processed() -> None:
    """Compressed by the ear of a soft clipper, equalised and turned down: places stay exact."""
    mix = summed(long_song()).astype(np.float64)
    mix = np.tanh(4.0 * mix) * 0.15
    mix = np.asarray(signal.sosfilt(signal.butter(1, 40.0, "highpass", fs=RATE, output="sos"), mix))
    found = find_offsets(beside(mix.astype(np.float32), trimmed(long_song(), Wide=70_000, Low=31)))
    assert set(found) >= {"Wide"}
    assert found["Wide"] == pytest.approx(70_000, abs=1)


@pytest.mark.parametrize("delay", [3, 64, 1_000])
def test_a_bus_that_delays_moves_all_stems(delay: int) -> None:
    mix = np.pad(summed(long_song()), ((0, 0), (delay, 0)))
    stems = beside(mix, trimmed(long_song(), Mid=50_000))
    assert bus_delay(stems) == pytest.approx(delay, abs=0.3)
    assert find_offsets(stems) == {"Low": delay, "Mid": 50_000 + delay, "High": delay, "Wide": delay}


def test_a_loop_that_fits_where_it_is_stays() -> None:
    bar = 0.05 * np.random.default_rng(5).standard_normal((1, 2 * RATE)).astype(np.float32)
    loop = np.ascontiguousarray(np.tile(bar, (1, 10)))
    stems = {**long_song(), "Loop": np.pad(loop, ((0, 0), (0, 40 * RATE)))}
    assert find_offsets(beside(summed(stems), stems)) == {}
    # what was before it is gone; of all repeats the one that fits best is its own
    late = {**stems, "Loop": np.pad(loop, ((0, 0), (6 * RATE, 34 * RATE)))}
    assert find_offsets(beside(summed(late), {**late, "Loop": loop})) == {"Loop": 6 * RATE}


def test_what_is_not_in_the_mix_or_silent_or_given_twice() -> None:
    stems = long_song()
    other = base.quantised(0.1 * np.random.default_rng(2).standard_normal((1, 60 * RATE)))
    given = {**stems, "Other": other, "Silent": np.zeros((1, 60 * RATE), np.float32), "Low again": stems["Low"]}
    assert find_offsets(beside(summed(stems), given)) == {}
    without = {n: s for n, s in stems.items() if n != "Mid"}
    assert find_offsets(beside(summed(without), stems)) == {}


def test_without_a_mix_there_is_nothing_to_find() -> None:
    stems = with_stems(base.SOURCE, None, clean_tracks()).stems
    assert stems is not None
    assert find_offsets(stems) == {}
    assert bus_delay(stems) == 0.0


@pytest.mark.parametrize("frames", [0, 1, 100, 30_000])
def test_hardly_anything(frames: int) -> None:
    noise: npt.NDArray[np.float32] = np.asarray(
        0.1 * np.random.default_rng(0).standard_normal((2, frames)), dtype=np.float32
    )
    stems = {"a": noise, "b": noise[:1, : frames // 2], "c": np.zeros((1, frames), np.float32)}
    assert isinstance(find_offsets(beside(noise, stems)), dict)
    assert isinstance(find_offsets(beside(np.zeros((2, frames), np.float32), stems)), dict)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["keep_on_rolling", "city_blues_redfarn"])
def test_real_songs(name: str) -> None:
    if not (DATA / name).is_dir():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    paths = sorted(p for p in (DATA / name).glob("*.flac") if not p.name.startswith("MIX"))
    whole = {p.stem: read_audio(p)[0].samples for p in paths}
    mix = read_audio(DATA / name / "MIX_sum_of_stems.flac")[0].samples
    assert find_offsets(beside(mix, whole, 44_100)) == {}
    rng = np.random.default_rng(3)
    for _ in range(3):
        cuts = {}
        for stem in rng.choice(list(whole), 3, replace=False).tolist():
            cut = int(np.exp(rng.uniform(np.log(441.0), np.log(15 * 44_100.0))))
            if np.square(whole[stem][:, cut:]).sum() > 0.3 * np.square(whole[stem]).sum() > 0.0:
                cuts[stem] = cut
        found = find_offsets(beside(mix, trimmed(whole, **cuts), 44_100))
        assert found.keys() == cuts.keys()
        assert all(abs(found[n] - cuts[n]) <= 1 for n in cuts)
