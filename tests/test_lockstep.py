"""Stems measured in lockstep with their mix: exact sums, leave-one-out, places in time, any number of tracks."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from dsp.audio import Source
from dsp.meters.spectrum import BandGramMeter
from dsp.mix import Mix, in_memory, measure, measure_with_stems
from dsp.stems.alone import StemInput
from dsp.stems.lockstep import Lockstep
from dsp.stems.model import MIX, SUM
from dsp.units import Samples
from render_tests.scenes.base import RATE, SOURCE, clean
from render_tests.scenes.registry import clean_mix, clean_tracks, with_stems

Tracks = dict[str, Samples]
#: Bands from 40 Hz up: below, the song holds so little that powers dip under zero and are clipped there.
BANDS = slice(2, None)


@cache
def short() -> Tracks:
    """Seven seconds of the clean song, an odd number of samples."""
    return {name: np.ascontiguousarray(track[:, 5 * RATE : 12 * RATE + 777]) for name, track in clean_tracks().items()}


def total(tracks: Tracks) -> Samples:
    out = np.zeros((2, max(t.shape[1] for t in tracks.values())), np.float32)
    for track in tracks.values():
        out[:, : track.shape[1]] += track
    return out


def measured(tracks: Tracks) -> Mix:
    return with_stems(SOURCE, total(tracks), tracks)


def test_the_mix_is_measured_as_it_is_alone() -> None:
    alone = measure(SOURCE, in_memory(clean(), RATE))
    assert clean_mix().measurements() == alone.measurements()
    assert np.array_equal(clean_mix().readings.gram.data, alone.readings.gram.data)


@pytest.mark.parametrize("name", ["Bass", "Guitar L", "Drums"])
def test_leaving_a_stem_out_is_exact(name: str) -> None:
    stems = measured(short()).stems
    assert stems is not None
    own = stems.named(name).readings
    predicted = (stems.mix_power - 2 * own.cross[:, MIX, 0] + own.power)[:, BANDS]
    rest = total({k: v for k, v in short().items() if k != name})
    meter = BandGramMeter(RATE, 2)
    meter.process(rest)
    truth = meter.finish().power.mean(axis=1)[:, BANDS]
    assert np.abs(predicted - truth).max() < 2e-6 * stems.mix_power.max()
    loud = truth > 1e-4 * truth.max()
    assert np.abs(10 * np.log10(predicted[loud] / truth[loud])).max() < 0.05


def test_shares_of_the_sum_add_up_to_one() -> None:
    stems = measured(short()).stems
    assert stems is not None
    shared = sum(s.readings.cross[:, SUM, 0].astype(np.float64) for s in stems.stems)
    assert np.abs((shared - stems.sum_power)[:, BANDS]).max() < 1e-6 * stems.sum_power.max()
    assert np.abs(stems.sum_power - stems.mix_power).max() < 1e-5 * stems.mix_power.max()


def test_without_a_mix_the_sum_is_the_mix() -> None:
    summed, given = with_stems(SOURCE, None, short()), measured(short())
    assert summed.stems is not None
    assert summed.stems.summed
    assert summed.stems.bus is None
    assert summed.readings.loudness.integrated_lufs == pytest.approx(given.readings.loudness.integrated_lufs, abs=1e-6)


def test_a_mono_stem_feeds_both_channels_at_unity() -> None:
    mono = {"Bass": short()["Bass"][:1], "Keys": short()["Keys"]}
    both = {"Bass": np.repeat(mono["Bass"], 2, axis=0), "Keys": mono["Keys"]}
    one, two = (with_stems(SOURCE, total(both), tracks).stems for tracks in (mono, both))
    assert one is not None
    assert two is not None
    for a, b in zip(one.stems, two.stems, strict=True):
        assert np.allclose(a.readings.power, b.readings.power, rtol=1e-5, atol=1e-14)
        assert np.allclose(a.readings.cross, b.readings.cross, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("shift", [-12_345, 1, 24_000, 31_111])
def test_a_stem_in_another_place_is_put_there(shift: int) -> None:
    tracks = dict(short())
    whole = tracks["Keys"]
    cut = whole[:, -shift:] if shift < 0 else np.pad(whole, ((0, 0), (shift, 0)))
    # the file that a shift of -12345 lacks at its start begins 12345 samples into the mix
    stem = StemInput("Keys", SOURCE, 2, offset_samples=-shift, frames=cut.shape[1])
    placed = measure_with_stems(SOURCE, in_memory(total(tracks), RATE), [(stem, in_memory(cut, RATE))]).stems
    whole_stems = measured(tracks).stems
    assert placed is not None
    assert whole_stems is not None
    truth, found = whole_stems.named("Keys").readings, placed.named("Keys").readings
    start = 0 if shift > 0 else 12_345 // 2_400 + 10
    frames = min(len(truth.power), len(found.power)) - 10
    assert np.allclose(found.power[start:frames], truth.power[start:frames], rtol=1e-3, atol=1e-12)


def test_what_is_short_is_followed_by_silence_and_what_is_long_is_kept() -> None:
    tracks = {"Bass": short()["Bass"][:, : 2 * RATE], "Keys": short()["Keys"]}
    mix = with_stems(SOURCE, short()["Keys"][:, : 4 * RATE], tracks)
    assert mix.duration_s == 4.0
    stems = mix.stems
    assert stems is not None
    assert stems.named("Keys").readings.level.frames == short()["Keys"].shape[1]
    assert stems.named("Bass").frames == 2 * RATE
    assert float(stems.named("Bass").readings.power[50:].max()) < 1e-12


def test_a_reference_is_measured_beside() -> None:
    other = (0.5 * total(short())).astype(np.float32)
    stems = with_stems(SOURCE, total(short()), short(), references=[other]).stems
    assert stems is not None
    (reference,) = stems.references
    assert np.allclose(reference.power, stems.mix_power / 4, rtol=1e-4, atol=1e-12)
    assert np.allclose(reference.cross[:, 0, BANDS], stems.mix_power[:, BANDS] / 2, rtol=1e-3, atol=1e-9)


def noise(seconds: float, channels: int = 2, seed: int = 0) -> Samples:
    drawn = np.random.default_rng(seed).standard_normal((channels, round(seconds * 48_000)))
    return (0.1 * drawn).astype(np.float32)


AWKWARD: dict[str, tuple[str, int, Tracks]] = {
    "no frames": ("stereo", 48_000, {"a": np.zeros((2, 0), np.float32), "b": np.zeros((1, 0), np.float32)}),
    "one stem": ("stereo", 48_000, {"a": noise(4.0)}),
    "alike": ("stereo", 48_000, {"a": noise(4.0), "b": noise(4.0), "c": -noise(4.0)}),
    "opposite": ("stereo", 48_000, {"Kick": noise(4.0, 1), "Snare": -noise(4.0, 1)}),
    "loud": ("stereo", 48_000, {"Lead Vox": np.float32(1e5) * noise(4.0), "Bass": noise(4.0, 1, 1)}),
    "forty": ("stereo", 48_000, {f"Track {k}": noise(1.0, 1 + k % 2, k) for k in range(40)}),
    "of two lengths": ("stereo", 48_000, {"Kick": noise(0.3, 1), "Bass": noise(6.0, 1, 1), "Keys": noise(2.0, 2, 2)}),
    "one frame": ("stereo", 48_000, {"a": np.full((1, 1), 0.1, np.float32), "b": np.zeros((2, 1), np.float32)}),
    "silence": ("stereo", 48_000, {"a": np.zeros((1, 48_000), np.float32), "b": np.zeros((2, 48_000), np.float32)}),
    "mono mix": ("mono", 44_100, {"a": np.full((1, 30_000), 0.1, np.float32), "b": np.full((1, 100), 0.1, np.float32)}),
    "8 kHz": ("stereo", 8_000, {"a": np.sin(np.arange(24_000, dtype=np.float32))[None] * np.float32(0.1)}),
    "192 kHz": ("stereo", 192_000, {"a": np.sin(np.arange(400_000, dtype=np.float32))[None] * np.float32(0.1)}),
}


def awkward(name: str, with_mix: bool) -> Mix:
    layout, rate, tracks = AWKWARD[name]
    source = Source(name, "WAV", "PCM", rate, layout, 24)
    own = None
    if with_mix:
        own = np.zeros((source.channels, max(t.shape[1] for t in tracks.values())), np.float32)
        for track in tracks.values():
            own[:, : track.shape[1]] += track
    return with_stems(source, own, tracks)


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("with_mix", [True, False])
def test_awkward_stems_are_measured(name: str, with_mix: bool) -> None:
    stems = awkward(name, with_mix).stems
    assert stems is not None
    for stem in stems.stems:
        assert np.isfinite(stem.readings.cross).all()
        assert np.isfinite(stem.readings.gram.data).all()
        assert len(stem.readings.power) == len(stems.mix_power)


def test_stems_of_other_channels_are_refused() -> None:
    source = dataclasses.replace(SOURCE, layout="mono")
    with pytest.raises(ValueError, match="expected stems of 1"):
        Lockstep(RATE, 1, [StemInput("a", source, 2)])
