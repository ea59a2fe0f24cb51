"""Clips on the timeline, against arrays laid out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soxr
from pedalboard.io import AudioFile

from dsp.units import Samples
from plugin_bridge.mixer.curves import evaluate
from plugin_bridge.mixer.placing import TrackAudio
from plugin_bridge.mixer.pool import Pool
from plugin_bridge.sessions.model import Clip, Fade, Media, Point, Track

RATE = 8_000
rng = np.random.default_rng(7)
NOISE = (0.2 * rng.standard_normal((2, RATE))).astype(np.float32)

Written = Callable[..., Media]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(samples: Samples = NOISE, rate: int = RATE, depth: int = 32, name: str = "noise.wav") -> Media:
        path = tmp_path / name
        with AudioFile(str(path), "w", rate, len(samples), bit_depth=depth) as file:
            file.write(samples)
        return Media(name, path)

    return write


def played(tmp_path: Path, *clips: Clip, frames: int = 2 * RATE, channels: int = 2, start_s: float = 0.0) -> Samples:
    track = Track("t", "T", "track", "m", channels=channels, clips=clips)
    audio = TrackAudio(track, Pool(RATE, tmp_path), start_s)
    whole = audio.read(0, frames)
    # Any pieces give the same.
    cuts = [0, 1, 700, 701, 5000, frames]
    pieces = np.concatenate([audio.read(a, b) for a, b in pairwise(cuts)], axis=1)
    np.testing.assert_array_equal(whole, pieces)
    return whole


def clip(media: Media, position_s: float = 0.0, length_s: float = 1.0, **more: object) -> Clip:
    return Clip("c", (media,), position_s, length_s, **more)  # type: ignore[arg-type]


def test_a_clip_lies_on_its_sample(tmp_path: Path, written: Written) -> None:
    out = played(tmp_path, clip(written(), 0.25, 0.5, offset_s=0.125, gain=0.5))
    expected = np.zeros((2, 2 * RATE), np.float32)
    expected[:, 2000:6000] = 0.5 * NOISE[:, 1000:5000]
    np.testing.assert_array_equal(out, expected)


def test_positions_are_rounded_and_the_start_of_the_session_is_frame_0(tmp_path: Path, written: Written) -> None:
    out = played(tmp_path, clip(written(), 1.0 + 0.6 / RATE, 0.5), start_s=0.5)
    np.testing.assert_array_equal(out[:, 4001:8001], NOISE[:, :4000])
    assert not out[:, :4001].any()


@pytest.mark.parametrize("depth", [16, 24, 32])
def test_every_depth_is_read_anywhere(tmp_path: Path, written: Written, depth: int) -> None:
    out = played(tmp_path, clip(written(depth=depth)))
    assert np.abs(out[:, :RATE] - NOISE).max() <= (0.0 if depth == 32 else 2.0 ** (1 - depth))


def test_media_shorter_than_the_clip_end_in_silence(tmp_path: Path, written: Written) -> None:
    out = played(tmp_path, clip(written(), 0.0, 2.0, offset_s=0.5))
    np.testing.assert_array_equal(out[:, : RATE // 2], NOISE[:, RATE // 2 :])
    assert not out[:, RATE // 2 :].any()


def test_fades_envelopes_and_polarity(tmp_path: Path, written: Written) -> None:
    ones = written(np.ones((2, RATE), np.float32))
    envelope = (Point(0.0, 1.0), Point(0.5, 0.25), Point(1.0, 0.25))
    out = played(
        tmp_path,
        clip(ones, fade_in=Fade(0.1), fade_out=Fade(0.2), envelope=envelope, inverted=True),
    )
    t = np.arange(RATE) / RATE
    gain = np.interp(t, [0.0, 0.5, 1.0], [1.0, 0.25, 0.25])
    gain[:800] *= np.arange(800) / 799
    gain[-1600:] *= np.arange(1600)[::-1] / 1599
    np.testing.assert_allclose(out[0, :RATE], -gain, atol=1e-6)


def test_a_mono_file_is_on_both_sides_and_channels_can_be_picked(tmp_path: Path, written: Written) -> None:
    mono = written(NOISE[:1], name="mono.wav")
    np.testing.assert_array_equal(played(tmp_path, clip(mono))[:, :RATE], NOISE[[0, 0]])
    right = replace(written(), channel=1)
    np.testing.assert_array_equal(played(tmp_path, clip(right))[:, :RATE], NOISE[[1, 1]])
    both = Clip("c", (right, mono), 0.0, 1.0)
    np.testing.assert_array_equal(played(tmp_path, both)[:, :RATE], NOISE[[1, 0]])
    np.testing.assert_array_equal(played(tmp_path, clip(right), channels=1)[:, :RATE], NOISE[1:])


def test_reversed_and_looped(tmp_path: Path, written: Written) -> None:
    backwards = played(tmp_path, clip(written(), reversed=True, offset_s=0.25, length_s=0.5))
    np.testing.assert_array_equal(backwards[:, :4000], NOISE[:, ::-1][:, 2000:6000])
    looped = played(tmp_path, clip(written(), length_s=2.0, offset_s=0.25, loop_s=(0.5, 0.75)))
    at = np.concatenate([np.arange(2000, 6000), 4000 + np.arange(12000) % 2000])
    np.testing.assert_array_equal(looped, NOISE[:, at])
    whole = played(tmp_path, clip(written(), length_s=2.0, loop_s=(0.0, float("inf"))))
    np.testing.assert_array_equal(whole, np.concatenate([NOISE, NOISE], axis=1))


def test_other_rates_are_converted_as_soxr_does(tmp_path: Path, written: Written) -> None:
    out = played(tmp_path, clip(written(rate=12_000, name="fast.wav")))
    expected = soxr.resample(NOISE.T, 12_000, RATE, quality="VHQ").T
    np.testing.assert_allclose(out[:, : expected.shape[1]], expected, atol=1e-6)
    twice = played(tmp_path, clip(written(), length_s=0.5, rate=2.0))
    np.testing.assert_allclose(twice[:, :4000], soxr.resample(NOISE.T, 2 * RATE, RATE, quality="VHQ").T, atol=1e-6)


def test_stretching_keeps_the_pitch(tmp_path: Path, written: Written) -> None:
    tone = (0.5 * np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE)).astype(np.float32)[None]
    out = played(tmp_path, clip(written(tone, name="tone.wav"), length_s=1.0, rate=2.0, pitch_kept=True), channels=1)
    spectrum = np.abs(np.fft.rfft(out[0, 1000:7000] * np.hanning(6000)))
    assert abs(spectrum.argmax() * RATE / 6000 - 500) < 3


def test_opaque_clips_hide_what_lies_below(tmp_path: Path, written: Written) -> None:
    low = clip(written(), 0.0, 1.0)
    high = clip(written(np.ones((2, RATE), np.float32), name="ones.wav"), 0.5, 0.25, layer=1, opaque=True)
    out = played(tmp_path, high, low)
    np.testing.assert_array_equal(out[:, :4000], NOISE[:, :4000])
    np.testing.assert_array_equal(out[:, 4000:6000], np.ones((2, 2000)))
    np.testing.assert_array_equal(out[:, 6000:8000], NOISE[:, 6000:])
    faded = played(tmp_path, replace(high, fade_in=Fade(0.1)), low)
    fade = (np.arange(800) / 799).astype(np.float32)
    np.testing.assert_allclose(faded[:, 4000:4800], fade + (1 - fade) * NOISE[:, 4000:4800], atol=1e-6)
    np.testing.assert_array_equal(played(tmp_path, replace(high, muted=True), low)[:, :RATE], NOISE)


def test_missing_broken_and_odd_media_are_told(tmp_path: Path, written: Written) -> None:
    pointer = tmp_path / "lfs.wav"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    cut = tmp_path / "cut.wav"
    cut.write_bytes(written(name="whole.wav").file.read_bytes()[:20_000])  # type: ignore[union-attr]
    odd = NOISE.copy()
    odd[0, 100] = np.nan
    clips = [clip(Media("gone.wav", None, "it is not there")), clip(Media("lfs.wav", pointer)), clip(Media("c", cut))]
    track = Track("t", "T", "track", "m", clips=(*clips, clip(written(odd, name="nan.wav")), Clip("e", (), 0.0, 1.0)))
    audio = TrackAudio(track, Pool(RATE, tmp_path), 0.0)
    assert [bool(p.offline) for p in audio.placed] == [True, True, False, False, True]
    assert "LFS" in audio.placed[1].offline
    assert "declared" in audio.placed[2].takes[0].partial
    assert np.isfinite(audio.read(0, RATE)).all()
    assert audio.dirty


def test_curves_hold_and_bend() -> None:
    t = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 9.0])
    held = (Point(0.0, 1.0, "hold"), Point(1.0, 0.0), Point(2.0, 1.0))
    np.testing.assert_allclose(evaluate(held, t), [1.0, 1.0, 0.0, 0.5, 1.0, 1.0])
    in_db = (Point(0.0, 1.0, "fader-db"), Point(2.0, 0.01))
    np.testing.assert_allclose(evaluate(in_db, np.array([1.0])), [0.1])
    assert evaluate((Point(1.0, 0.5),), t).tolist() == [0.5] * 6
    twice = (Point(0.0, 0.0), Point(1.0, 1.0, "hold"), Point(1.0, 0.25), Point(2.0, 0.25))
    np.testing.assert_allclose(evaluate(twice, t), [0.0, 0.5, 0.25, 0.25, 0.25, 0.25])
