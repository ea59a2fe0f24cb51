"""Faults a master cannot mend: how small they may be and still be found, and what music must not set them off."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import DelayMove, Finding, PolarityMove
from dsp.meters.glitches import Glitches, GlitchMeter
from dsp.mix import Mix, measure
from dsp.profile import load_profile
from dsp.units import Curve
from tests.music_signals import blocks, music, wave

RATE = 48_000
FAULTS = ("clicks", "noise-and-hum", "subsonic", "resonance", "channel-delay", "dc-offset")


def measured(samples: Curve, rate: int = RATE) -> Mix:
    x = wave(samples)
    return measure(Source("song", "WAV", "PCM", rate, {1: "mono", 2: "stereo"}[len(x)], 24), [x])


def said(check: str, samples: Curve, rate: int = RATE) -> Finding:
    (finding,) = run_check(find_check(check), measured(samples, rate), load_profile("mix"))
    return finding


def glitches(samples: Curve, rate: int = RATE) -> Glitches:
    meter = GlitchMeter(rate, len(samples))
    meter.process(wave(samples))
    return meter.result()


def value(finding: Finding, name: str) -> float:
    found = [m.value for m in finding.evidence if m.name == name]
    assert found, (name, finding.message)
    assert found[0] is not None
    return found[0]


@cache
def song(rate: int = RATE, drums: bool = True) -> Curve:
    """Twelve seconds with half a second of silence at either end; the drums end as softly as drums do."""
    made = 0.5 * music(12.0, rate, drums=False)
    rng = np.random.default_rng(8)
    t = np.arange(round(0.3 * rate)) / rate
    end = np.minimum(1.0, (t[-1] - t) / 0.1)
    for beat in range(24) if drums else ():
        noise = np.repeat(rng.standard_normal(round(0.3 * 48_000)), max(1, round(rate / 48_000)))[: t.size]
        noise = np.pad(noise, (0, t.size - noise.size))
        snare = (0.3 * noise + 0.3 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.03) * end
        kick = 0.6 * np.sin(2 * np.pi * (48 * t + 4.5 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.05) * end
        at = round(0.5 * beat * rate)
        made[:, at : at + t.size] += (0.5 * (snare if beat % 2 else kick))[: made.shape[1] - at]
    return np.pad(made, ((0, 0), (rate // 2, rate // 2)))


#: Between two beats of `song`, where no string has just been plucked (s).
QUIET_MOMENT_S = 5.43


# The meter


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70_000), st.integers(0, 5))
def test_any_partition_gives_the_same_glitches(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = song()[:, : 4 * RATE].copy()
    for at in rng.integers(RATE // 2, 4 * RATE - 2000, 6):
        x[rng.integers(2), at] += 0.3
    hole = int(rng.integers(RATE, 3 * RATE))
    x[:, hole : hole + 700] = 0.0
    whole = glitches(x)
    meter = GlitchMeter(RATE, 2)
    for block in blocks(wave(x), max(size, 97)):
        meter.process(block)
        meter.result()  # looking must not disturb
    parts = meter.result()
    for name in vars(whole):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name), err_msg=name)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("gain_db", [0.0, -20.0])
def test_clicks_and_holes_are_placed_to_the_sample_at_every_rate(rate: int, gain_db: float) -> None:
    x = song(rate).copy()
    click, hole, length = round(QUIET_MOMENT_S * rate) + 3, round(7.93 * rate) + 1, round(0.02 * rate)
    x[1, click] += 0.25
    x[0, hole : hole + length] = 0.0
    found = glitches(10 ** (gain_db / 20) * x, rate)
    assert click / rate in [pytest.approx(t, abs=0.5 / rate) for t in found.click_s]
    assert len(found.click_s) == 1
    assert found.click_channel.tolist() == [1]
    assert found.hole_s == pytest.approx([hole / rate], abs=3.5 / rate)
    assert found.hole_length_s == pytest.approx([length / rate], abs=5 / rate)
    assert found.hole_channel.tolist() == [0]


def test_a_fader_and_the_other_channel_change_nothing() -> None:
    x = song().copy()
    x[0, round(QUIET_MOMENT_S * RATE)] += 0.2
    a, b, c = glitches(x), glitches(0.25 * x), glitches(x[::-1])
    np.testing.assert_array_equal(a.click_s, b.click_s)
    np.testing.assert_allclose(b.click_size, 0.25 * a.click_size, rtol=1e-5)
    np.testing.assert_allclose(b.click_ratio, a.click_ratio, rtol=1e-5)
    np.testing.assert_array_equal(c.click_s, a.click_s)
    np.testing.assert_array_equal(c.click_channel, 1 - a.click_channel)


# Clicks


@pytest.mark.parametrize(
    ("kind", "size_db"), [("impulse", -6), ("impulse", -20), ("impulse", -40), ("step", -26), ("step", -40)]
)
def test_clicks_are_found_down_to_forty_decibels_below_the_peak_in_soft_music(kind: str, size_db: int) -> None:
    x = song(drums=False).copy()
    size, at = np.abs(x).max() * 10 ** (size_db / 20), round(QUIET_MOMENT_S * RATE)
    if kind == "impulse":
        x[:, at] += size
    else:
        x[:, at:] += size * np.exp(-np.arange(x.shape[1] - at) / (0.2 * RATE))
    finding = said("clicks", x)
    assert finding.status == "warning"
    assert [m.at_s for m in finding.evidence if m.name == "click_db"] == [pytest.approx(at / RATE, abs=1e-4)]


def test_a_click_survives_16_bit_dither() -> None:
    x = song().copy()
    x[0, round(QUIET_MOMENT_S * RATE)] += 0.1
    rng = np.random.default_rng(2)
    step = 2.0**-15
    x = np.round(x / step + rng.random(x.shape) - rng.random(x.shape)) * step
    assert value(said("clicks", x), "clicks") == 1


@pytest.mark.parametrize("length_ms", [2.5, 5, 10, 40, 120])
@pytest.mark.parametrize("channel", [slice(0, 2), slice(1, 2)])
def test_dropouts_are_found_with_their_length(length_ms: float, channel: slice) -> None:
    x = song().copy()
    at, frames = round(QUIET_MOMENT_S * RATE), round(length_ms / 1000 * RATE)
    x[channel, at : at + frames] = 0.0
    finding = said("clicks", x)
    assert finding.status == "problem"
    assert value(finding, "dropout_s") == pytest.approx(length_ms / 1000, abs=2e-4)


def test_a_file_too_short_is_not_judged() -> None:
    assert said("clicks", song()[:, RATE : RATE + 4800]).status == "undetermined"


# Hum and noise


def with_hum(mains_hz: float, level_db: float, samples: Curve, rate: int = RATE) -> Curve:
    t = np.arange(samples.shape[1]) / rate
    hum = np.sum([np.sin(2 * np.pi * k * mains_hz * t + k) / k for k in (1, 2, 3)], axis=0)
    return np.asarray(samples + hum * 10 ** (level_db / 20) / np.sqrt(np.mean(hum**2)))


@cache
def pausing_song(rate: int = RATE) -> Curve:
    """Two songs with two seconds of rest before, between and after."""
    made = 0.4 * music(8.0, rate)
    rest = np.zeros((2, 2 * rate))
    return np.concatenate([rest, made, rest, made, rest], axis=1)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0, 49.9, 60.1])
@pytest.mark.parametrize("level_db", [-70.0, -60.0, -50.0, -40.0])
def test_hum_is_found_with_its_level(mains_hz: float, level_db: float) -> None:
    finding = said("noise-and-hum", with_hum(mains_hz, level_db, pausing_song()))
    assert finding.status in ("warning", "problem")
    assert value(finding, "hum_dbfs") == pytest.approx(level_db, abs=1.0)


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_hum_is_found_at_other_rates(rate: int) -> None:
    finding = said("noise-and-hum", with_hum(50.0, -60.0, pausing_song(rate), rate), rate)
    assert value(finding, "hum_dbfs") == pytest.approx(-60.0, abs=1.0)


@pytest.mark.parametrize("hz", [48.9994, 61.7354, 46.2493, 58.2705, 51.9131])
def test_a_bass_that_drones_next_to_the_mains_is_no_hum(hz: float) -> None:
    t = np.arange(20 * RATE) / RATE
    tone = np.sum([np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 8)], axis=0)
    x = song()
    for drone in (tone, tone * (np.sin(2 * np.pi * t / 4.0) > 0)):  # throughout, and in notes of two seconds
        mixed = 0.05 * np.stack([drone, drone])
        mixed[:, RATE : RATE + x.shape[1]] += x
        finding = said("noise-and-hum", mixed)
        assert finding.status == "pass", finding.message


def test_a_bass_at_the_very_mains_that_plays_notes_is_no_hum() -> None:
    spectrum = np.fft.rfft(pausing_song())
    spectrum[:, : round(133 * pausing_song().shape[1] / RATE)] = 0.0  # this is the only bass
    x, t = np.fft.irfft(spectrum, pausing_song().shape[1]), np.arange(RATE) / RATE
    for start in (*range(2, 10), *range(12, 20)):
        x[:, start * RATE : start * RATE + len(t)] += 0.05 * np.sin(2 * np.pi * 50.0 * t) * np.exp(-t / 0.4)
    assert said("noise-and-hum", x).status == "pass"


@pytest.mark.parametrize(("level_db", "status"), [(-95.0, "pass"), (-78.0, "info"), (-60.0, "warning")])
def test_hiss_in_the_gaps_counts_from_where_it_matters(level_db: float, status: str) -> None:
    x = pausing_song() + 10 ** (level_db / 20) * np.random.default_rng(1).standard_normal(pausing_song().shape)
    finding = said("noise-and-hum", x)
    assert finding.status == status, finding.message
    if status != "pass":
        assert value(finding, "noise_dbfs") == pytest.approx(level_db, abs=1.0)


# Channels


def late(samples: Curve, frames: float) -> Curve:
    """Later by a number of samples that need not be whole."""
    size = samples.size + 16_384
    turned = np.fft.rfft(samples, size) * np.exp(-2j * np.pi * np.fft.rfftfreq(size) * frames)
    return np.asarray(np.fft.irfft(turned, size)[: samples.size])


@pytest.mark.parametrize("frames", [1.0, 2.0, 2.5, 5.0, 24.0, 48.0, 240.0, 577.0, 960.0, 1920.0])
@pytest.mark.parametrize("channel", [0, 1])
def test_a_late_channel_is_found_with_its_delay(frames: float, channel: int) -> None:
    x = song().copy()
    x[channel] = late(x[channel], frames)
    finding = said("channel-delay", x)
    assert finding.status == ("warning" if frames < 4.8 else "problem"), finding.message
    assert value(finding, "channel_delay_samples") == pytest.approx((2 * channel - 1) * frames, abs=0.2)
    (fix,) = finding.fixes
    assert isinstance(fix, DelayMove)
    assert fix.target == ("left channel", "right channel")[channel]
    assert fix.samples == pytest.approx(-frames, abs=0.2)


@pytest.mark.parametrize("frames", [0.0, 48.0])
def test_an_inverted_channel_is_found_also_late(frames: float) -> None:
    x = song().copy()
    x[1] = -late(x[1], frames)
    finding = said("channel-delay", x)
    assert finding.status == "problem"
    assert isinstance(finding.fixes[0], PolarityMove)
    assert len(finding.fixes) == (2 if frames else 1)


@pytest.mark.parametrize("delay_ms", [0.3, 5.0, 12.0, 30.0])
def test_a_doubled_guitar_is_not_a_late_channel(delay_ms: float) -> None:
    guitar = 0.6 * music(12.0, RATE, seed=3, drums=False)[0]
    x = song().copy()
    x[0, RATE // 2 : RATE // 2 + guitar.size] += guitar
    x[1, RATE // 2 : RATE // 2 + guitar.size] += late(guitar, delay_ms / 1000 * RATE)
    assert said("channel-delay", x).status == "pass"


def test_unrelated_channels_and_single_tones_have_no_delay() -> None:
    apart = np.stack([music(8.0, seed=1, drums=False)[0], np.roll(music(8.0, seed=9)[1], 31_111)])
    assert said("channel-delay", 0.5 * apart).status == "pass"
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)
    assert said("channel-delay", np.stack([tone, np.roll(tone, 40)])).status in ("pass", "undetermined")


# Direct current


def test_steps_of_the_offset_are_placed() -> None:
    x = song().copy()
    x[1, 6 * RATE :] += 10 ** (-44 / 20)
    finding = said("dc-offset", x)
    assert value(finding, "dc_step_dbfs") == pytest.approx(-44.0, abs=1.0)
    assert [m.at_s for m in finding.evidence if m.name == "dc_step_dbfs"] == [pytest.approx(6.0, abs=0.5)]


def test_an_offset_is_not_a_sound_at_the_ends() -> None:
    x = song() + 10 ** (-42 / 20)
    finding = said("head-and-tail", x)
    assert finding.status == "pass", finding.message
    assert value(finding, "silence_before_s") == pytest.approx(0.5, abs=0.02)


# What must stay quiet


def envelope(frames: int, attack_s: float, decay_s: float) -> Curve:
    t = np.arange(frames) / RATE
    return np.asarray(np.minimum(1.0, t / max(attack_s, 1e-9)) * np.exp(-t / decay_s))


def placed(seconds: float, every_s: float, sound: Callable[[int], Curve]) -> Curve:
    """A sound at regular times, on silence: `sound(k)` is the k-th."""
    out = np.zeros(round(seconds * RATE))
    for k in range(int(seconds / every_s) - 1):
        made, at = sound(k), round(k * every_s * RATE)
        end = min(at + made.size, out.size)
        out[at:end] += made[: end - at]
    return out


def snare_roll() -> Curve:
    rng = np.random.default_rng(3)
    return placed(20, 0.06, lambda k: 0.4 * rng.standard_normal(6000) * envelope(6000, 0, 0.02 + 0.02 * (k % 3)))


def rimshots() -> Curve:
    rng = np.random.default_rng(4)
    t = np.arange(4000) / RATE

    def shot(k: int) -> Curve:
        stick = rng.standard_normal(t.size) * envelope(t.size, 0, 0.0012)
        return 0.5 * (stick + np.sin(2 * np.pi * 1700 * t) * envelope(t.size, 0, 0.015))

    return placed(20, 0.47, shot)


def square(hz: float, frames: int, duty: float = 0.5) -> Curve:
    return np.where(np.arange(frames) * hz / RATE % 1.0 < duty, 1.0, -1.0)


def chiptune() -> Curve:
    """Two naive pulse waves, a stepped triangle and held noise, all with hard edges."""
    scale, low = (262, 330, 392, 523, 392, 330), (41.2, 49.0, 55.0, 36.7)
    lead = placed(20, 0.1, lambda k: 0.2 * (square(scale[k % 6] * (1 + k % 3), 4300, 0.25) + 0.5))
    bass = placed(
        20,
        0.4,
        lambda k: 0.25 * np.round(7 * (2 * np.abs(2 * (np.arange(17_000) * low[k % 4] / RATE % 1) - 1) - 1)) / 7,
    )
    rng = np.random.default_rng(5)
    noise = placed(20, 0.2, lambda k: 0.15 * np.repeat(rng.choice([-1.0, 1.0], 400), 8) * (1 - np.arange(3200) / 3200))
    return lead + bass + noise


def gated() -> Curve:
    """A saw chord switched on and off in sixteenths, to digital silence."""
    t = np.arange(20 * RATE) / RATE
    chord = sum(2 * (t * hz % 1.0) - 1 for hz in (110.0, 164.8, 220.0))
    return 0.15 * np.asarray(chord) * (t % 0.125 < 0.0625)


def staccato() -> Curve:
    t = np.arange(3600) / RATE
    return placed(
        20, 0.25, lambda k: 0.4 * np.sin(2 * np.pi * (300 + 40 * (k % 7)) * t) * np.minimum(1, (t[-1] - t) / 0.004)
    )


def saw_bass() -> Curve:
    t = np.arange(20 * RATE) / RATE
    hz = np.array([41.2, 30.87, 49.0, 36.7])[(t // 2).astype(int) % 4]
    return 0.4 * (2 * (np.cumsum(hz) / RATE % 1.0) - 1)


def hard_kicks() -> Curve:
    """An electronic kick whose wave starts at its crest, four to the bar."""
    t = np.arange(20_000) / RATE
    return placed(
        20, 0.5, lambda k: 0.6 * np.cos(2 * np.pi * (50 * t + 3 * (1 - np.exp(-t / 0.02)))) * envelope(t.size, 0, 0.12)
    )


def organ() -> Curve:
    """Chords with eight drawbars above a pedal on G1 that never stops."""
    t = np.arange(24 * RATE) / RATE
    pedal = sum(np.sin(2 * np.pi * k * 48.9994 * t) / k for k in (1, 2, 3, 4))
    chords = np.zeros(t.size)
    for bar, notes in enumerate(((196.0, 246.9, 293.7), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6)) * 4):
        here = slice(bar * 2 * RATE, (bar + 1) * 2 * RATE)
        u = t[here] - bar * 2
        fade = np.minimum(1.0, np.minimum(u, 2 - u) / 0.03)
        chords[here] += sum(np.sin(2 * np.pi * k * hz * u) / k for hz in notes for k in (1, 2, 3, 4, 6, 8)) * fade
    return 0.06 * np.asarray(pedal) + 0.05 * chords


def full_stop() -> Curve:
    x = song().copy()
    at = round(QUIET_MOMENT_S * RATE)
    x[:, at : at + round(0.3 * RATE)] = 0.0
    return np.concatenate([x, x], axis=1)


def bass_drop() -> Curve:
    """A bass falls to 27 Hz twice in a song."""
    x = np.concatenate([song()] * 3, axis=1)
    t = np.arange(2 * RATE) / RATE
    drop = 0.25 * np.sin(2 * np.pi * np.cumsum(27 + 60 * np.exp(-t / 0.3)) / RATE) * np.minimum(1, (2 - t) / 0.2)
    for at in (10, 26):
        x[:, at * RATE : at * RATE + drop.size] += drop
    return x


HARD = [
    *(snare_roll, rimshots, chiptune, gated, staccato, saw_bass, hard_kicks, organ, full_stop, bass_drop),
]


@pytest.mark.parametrize("make", HARD, ids=lambda f: f.__name__)
@pytest.mark.parametrize("check", FAULTS)
def test_hard_music_sets_off_nothing(make: Callable[[], Curve], check: str) -> None:
    """Alone, where nothing masks it; regular glitches and single drops may be mentioned."""
    x = make()
    finding = said(check, x if x.ndim == 2 else np.stack([x, x]))
    assert finding.status in ("pass", "info", "undetermined"), finding.message


@pytest.mark.parametrize("check", FAULTS)
@pytest.mark.parametrize("drums", [True, False])
def test_plain_songs_pass(check: str, drums: bool) -> None:
    finding = said(check, np.concatenate([song(drums=drums)] * 2, axis=1))
    assert finding.status == "pass", finding.message


@pytest.mark.parametrize("check", [*FAULTS, "head-and-tail"])
@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.5, 2.0, 10.0])
def test_excerpts_raise_no_alarm(check: str, seconds: float) -> None:
    x = song()[:, 2 * RATE : round((2 + seconds) * RATE)]
    for finding in run_check(find_check(check), measured(x), load_profile("mix")):
        if check != "head-and-tail":
            assert finding.status in ("pass", "undetermined", "skipped"), finding.message
        assert all(m.value is None or math.isfinite(m.value) for m in finding.evidence)


# Resonance


def test_a_whistle_is_found_with_its_note() -> None:
    x = pausing_song()
    t = np.arange(x.shape[1]) / RATE
    finding = said("resonance", x + 0.004 * np.sin(2 * np.pi * 2637.0 * t))
    assert finding.status == "warning", finding.message
    assert "E7" in finding.message
    (line,) = {m.band_hz for m in finding.evidence if m.name == "whistle_db"}
    assert line is not None
    assert math.sqrt(line[0] * line[1]) == pytest.approx(2637.0, abs=3.0)
