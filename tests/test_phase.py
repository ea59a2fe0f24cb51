"""Pairs of one source: delay and polarity against construction, and no pairs where there are none."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import DelayMove, Finding, PolarityMove
from dsp.mix import Mix
from dsp.profile import load_profile
from dsp.stems import correlate, path
from dsp.stems.model import Role
from dsp.stems.phase import Pair, find_pairs
from dsp.units import Samples
from plugin_bridge.demo import write_demo
from plugin_bridge.files import read_audio
from render_tests.scenes import base
from render_tests.scenes.phase import bass_tracks, late, summed, two_basses
from render_tests.scenes.registry import clean_mix, with_stems

RATE = base.RATE
Track = npt.NDArray[np.float64]


def measured(rate: int = RATE, /, **tracks: Any) -> Mix:
    stems = {n: np.ascontiguousarray(np.atleast_2d(np.asarray(t)), dtype=np.float32) for n, t in tracks.items()}
    return with_stems(replace(base.SOURCE, sample_rate=rate), None, stems)


def pairs(rate: int = RATE, /, **tracks: Any) -> tuple[Pair, ...]:
    stems = measured(rate, **tracks).stems
    assert stems is not None
    return find_pairs(stems)


def told(mix: Mix) -> tuple[Finding, ...]:
    return run_check(find_check("phase-alignment"), mix, load_profile("mix"))


def with_roles(mix: Mix, **roles: str) -> Mix:
    stems = mix.stems
    assert stems is not None
    given = tuple(replace(s, role=Role(roles[s.name], 1.0, "told")) if s.name in roles else s for s in stems.stems)
    return replace(mix, stems=replace(stems, stems=given))


@cache
def hits(seed: int = 0, seconds: float = 14.0, rate: int = RATE, every_s: float = 0.45) -> Track:
    """A drum: a mode and a burst of noise, another one at every stroke."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * rate))
    t = np.arange(round(0.3 * rate)) / rate
    for k in range(int((seconds - 1.0) / every_s)):
        at = round((0.3 + k * every_s + rng.uniform(0.0, 0.03)) * rate)
        head = np.sin(2 * np.pi * rng.uniform(150, 210) * t) * np.exp(-t / 0.06)
        noise = rng.standard_normal(t.size) * np.exp(-t / 0.03)
        out[at : at + t.size] += 0.2 * rng.uniform(0.5, 1.0) * (head + 0.5 * noise)
    return out


def microphone(track: Track, seed: int = 0) -> Track:
    """A second microphone: another tone, its own noise and a little of the room."""
    rng = np.random.default_rng(seed)
    track = signal.sosfilt(signal.butter(1, (90.0, 9000.0), "bandpass", fs=RATE, output="sos"), track)
    t = np.arange(round(0.2 * RATE)) / RATE
    room = 0.008 * rng.standard_normal(t.size) * np.exp(-t / 0.04) * (t > 0.004)
    room[0] = 1.0
    heard = signal.fftconvolve(track, room)[: track.size]
    return np.asarray(heard + 1e-4 * rng.standard_normal(track.size))


def test_the_delay_of_a_pure_delay_is_exact() -> None:
    hz = np.arange(40.0, 3200.0, 4.0)
    for delay_s in (-2.3e-4, 0.0, 1.234e-5, 1.9e-4):
        for sign in (1, -1):
            found, share = correlate.exact(sign * np.exp(-2j * np.pi * hz * delay_s), hz, 2.5e-4)
            assert found == pytest.approx(delay_s, abs=2e-8)
            assert share == pytest.approx(sign, abs=1e-6)


def test_minimum_phase_is_that_of_the_filter() -> None:
    b, a = [1.02, -1.9, 0.9], [1.0, -1.9, 0.92]  # a bell: zeros and poles inside the circle
    assert np.abs(np.roots(b)).max() < 1.0
    bands = 1000.0 * 10.0 ** (np.arange(-16, 14) / 10.0)
    _, on_bands = signal.freqz(b, a, bands, fs=RATE)
    hz = np.array([60.0, 200.0, 500.0, 1000.0, 2000.0, 3000.0])
    _, there = signal.freqz(b, a, hz, fs=RATE)
    phases = correlate.minimum_phase(bands, 20.0 * np.log10(np.abs(on_bands)), hz, RATE)
    assert phases == pytest.approx(np.angle(there), abs=0.03)


@pytest.mark.parametrize("seed", range(6))
def test_delay_and_polarity_of_a_second_microphone(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    first, second = hits(seed), microphone(hits(seed), seed)
    (aligned,) = pairs(a=first, b=second)
    samples, sign = float(np.exp(rng.uniform(np.log(4.8), np.log(720.0)))), float(rng.choice([-1.0, 1.0]))
    (pair,) = pairs(a=first, b=sign * late(second, samples))
    assert aligned.polarity == 1
    assert pair.polarity == sign
    assert (pair.lag_s - aligned.lag_s) * RATE == pytest.approx(samples, abs=0.1)
    (turned,) = pairs(a=late(first, samples), b=sign * second)
    assert turned.polarity == sign
    assert (turned.lag_s - aligned.lag_s) * RATE == pytest.approx(-samples, abs=0.1)


def bell(hz: float, q: float, gain_db: float, rate: int = RATE) -> Track:
    """A bell after Bristow-Johnson's cookbook, as one second-order section."""
    a, w = 10.0 ** (gain_db / 40.0), 2.0 * np.pi * hz / rate
    alpha, middle = np.sin(w) / (2.0 * q), -2.0 * np.cos(w)
    return np.array([1 + alpha * a, middle, 1 - alpha * a, 1 + alpha / a, middle, 1 - alpha / a]) / (1 + alpha / a)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Even in octaves."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def second_path(track: Track, rng: np.random.Generator, rate: int = RATE) -> Track:
    """An amplifier: one to three bells, often a high- and a low-pass, distortion, and noise 20 to 40 dB down."""
    sections = [bell(between(rng, 60, 8000), between(rng, 0.5, 3), rng.uniform(-8, 8), rate) for _ in range(3)]
    chain = np.array(sections[: rng.integers(1, 4)])
    if rng.random() < 0.6:
        low = signal.butter(int(rng.choice([1, 2, 4])), between(rng, 30, 120), "high", fs=rate, output="sos")
        chain = np.concatenate([chain, low])
    if rng.random() < 0.6:
        high = signal.butter(int(rng.choice([2, 4])), between(rng, 3000, 10000), fs=rate, output="sos")
        chain = np.concatenate([chain, high])
    peak = float(np.abs(track).max())
    drive = rng.uniform(0.5, 3.0)
    driven = np.tanh(drive * track / peak) * peak / drive if rng.random() < 0.4 else track
    heard = np.asarray(signal.sosfilt(chain, driven))
    noise = rng.standard_normal(len(heard)) * np.sqrt(np.square(heard).mean())
    return between(rng, 0.2, 1.0) * (heard + noise * 10.0 ** (-rng.uniform(20.0, 40.0) / 20.0))


def injected(first: Track, second: Track, rng: np.random.Generator, rate: int = RATE) -> tuple[float, bool] | None:
    """The error of an injected delay of 0.1 to 15 ms (samples), and whether its random polarity is found.

    A filter above all that the source holds is the same as a delay, so the delay is that against the pair as it was.
    """
    samples, sign = between(rng, 1e-4, 15e-3) * rate, float(rng.choice([-1.0, 1.0]))
    before, after = (pairs(rate, a=first, b=b) for b in (second, sign * late(second, samples)))
    if not before or not after:
        return None
    error = (after[0].lag_s - before[0].lag_s) * rate - samples
    return error, after[0].polarity == sign * before[0].polarity and before[0].polarity == 1


def test_gains_in_bands_know_neither_noise_nor_delay() -> None:
    rng = np.random.default_rng(4)
    power = rng.exponential(size=(400, 3)) ** 3
    noisy = np.roll(0.25 * power, 7, axis=0) + np.array([1e-3, 1e-2, 1e3])  # the last drowns
    found = path.band_gains(power, noisy, np.array([100.0, 1000.0, 8000.0]), (1e-9, 1e-9))
    assert found.hz == pytest.approx([100.0, 1000.0])
    assert found.gain == pytest.approx(np.log(0.5), abs=0.02)


def test_a_path_is_a_delay_and_a_filter() -> None:
    """Closed form: spectra of a known filter and delay, upside down, with and without bands above them."""
    chain = np.array([bell(300, 1.0, 6.0), *signal.butter(2, 5000, fs=RATE, output="sos")])
    hz, delay_s = np.arange(40.0, 3200.0, 4.0), 1.3e-4
    bands_hz = 1000.0 * 10.0 ** (np.arange(-16, 14) / 10.0)
    there, at_bands = (signal.sosfreqz(chain, f, fs=RATE)[1] for f in (hz, bands_hz))
    cross = -0.5 * there * np.exp(-2j * np.pi * hz * delay_s)
    powers = (np.ones(len(hz)), np.abs(cross) ** 2 / 0.98)
    known = path.BandGains(bands_hz, np.log(0.5 * np.abs(at_bands)), np.full(len(bands_hz), 0.02))
    found = path.fit(cross, powers, hz, windows=96, bands=known, sample_rate=RATE)
    assert found.polarity == -1
    assert found.lag_s * RATE == pytest.approx(delay_s * RATE, abs=0.1)
    assert found.error_s * RATE < 0.2
    blind = path.fit(cross, powers, hz, windows=96, bands=path.BandGains(*np.zeros((3, 0))), sample_rate=RATE)
    assert blind.error_s > 2.0 * found.error_s  # what a filter does above is not known: the error says so
    assert abs(blind.lag_s - delay_s) < 3.0 * blind.error_s


def test_injected_delays_and_polarities() -> None:
    """Thirty amplifiers of one drum and another: within a tenth of a sample, polarity right in all."""
    rng, errors = np.random.default_rng(12), []
    for k in range(30):
        track = hits(20 + k % 3, seconds=10.0)
        found = injected(track, second_path(track, rng), rng)
        assert found is not None
        assert found[1]
        errors.append(abs(found[0]))
    assert np.mean(np.array(errors) < 0.1) >= 0.95
    assert max(errors) < 0.2


def test_copies_are_found_to_a_hundredth_and_bells_to_a_tenth() -> None:
    """Against the truth, not against the pair as it was: no filter, or one whose whole range the source sounds in."""
    rng, track = np.random.default_rng(13), hits(23, seconds=10.0)
    for k in range(6):
        samples = between(rng, 5.0, 700.0)
        heard = track if k % 2 else np.asarray(signal.sosfilt(bell(between(rng, 80, 3000), 1.0, 6.0)[None], track))
        noise = 10.0 ** (-rng.uniform(20.0, 40.0) / 20.0) * track.std() * rng.standard_normal(len(track))
        (pair,) = pairs(a=track, b=-0.6 * late(heard + noise, samples))
        assert pair.polarity == -1
        assert pair.lag_s * RATE == pytest.approx(samples, abs=0.02 if k % 2 else 0.1)


def test_an_amplifier_is_no_delay() -> None:
    """What its filters turn is taken out: a direct signal and an amplifier that were lined up stay so."""
    track = hits(3) + 0.02 * microphone(np.random.default_rng(1).standard_normal(hits(3).size) * np.abs(hits(3)))
    amplified = signal.sosfilt(signal.butter(2, 3800, fs=RATE, output="sos"), track)  # 2.8 samples of group delay
    (pair,) = pairs(a=track, b=amplified)
    assert pair.lag_s * RATE == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_other_rates(rate: int) -> None:
    track = hits(1, rate=rate)
    count = 0.002 * rate
    (pair,) = pairs(rate, a=track, b=-0.5 * late(track, count))
    assert pair.lag_s == pytest.approx(0.002, abs=0.1 / 48_000)
    assert pair.polarity == -1


def test_stereo_beside_mono_and_channels_that_cancel() -> None:
    track, count = hits(2), 100.0
    moved = late(track, count)
    for stereo in (np.stack([moved, 0.6 * moved]), np.stack([moved, -moved]), np.stack([moved, 0.0 * moved])):
        (pair,) = pairs(a=track, b=stereo)
        assert abs(pair.lag_s) * RATE == pytest.approx(count, abs=0.1)


def test_opposite_sides_cancel_nothing() -> None:
    """A copy that comes late from the other side widens: no sum in any channel, nothing to gain."""
    track = hits(2)
    silence = np.zeros_like(track)
    (pair,) = pairs(a=np.stack([track, silence]), b=np.stack([silence, late(track, 300.0)]))
    assert pair.gains.align == pytest.approx(0.0, abs=0.01)
    (finding,) = told(measured(a=np.stack([track, silence]), b=np.stack([silence, late(track, 300.0)])))
    assert finding.status == "pass"


def test_gains_are_those_of_the_sums() -> None:
    """Against sums of the samples: what the low mids of the two together gain."""
    first, second = hits(4), 0.7 * late(hits(4), 90.0)
    (pair,) = pairs(a=first, b=second)
    low = signal.butter(6, (60, 500), "bandpass", fs=RATE, output="sos")

    def level(x: Track) -> float:
        return float(10.0 * np.log10(np.square(signal.sosfilt(low, x)).sum()))

    was = level(first + second)
    assert pair.gains.align == pytest.approx(level(first + 0.7 * first) - was, abs=0.4)
    assert pair.gains.flip == pytest.approx(level(first - second) - was, abs=0.4)


def loop(track: Track) -> Track:
    """A bar repeated to the sample."""
    start, size = round(base.HEAD_S * RATE), round(base.BEATS_PER_BAR * base.BEAT_S * RATE)
    return np.tile(track[..., start : start + size], 6)


def same_beat(sound: Track) -> Track:
    """One sound on every beat, to the sample."""
    out = np.zeros(14 * RATE)
    for beat in range(20):
        base.add(out, base.beat_s(beat), 0.2 * sound)
    return out


def test_unrelated_stems_are_never_paired() -> None:
    clean = clean_mix()
    assert clean.stems is not None
    assert find_pairs(clean.stems) == ()
    rng = np.random.default_rng
    t = np.arange(round(0.5 * RATE)) / RATE
    sub = np.sin(2 * np.pi * 55 * t) * np.exp(-t / 0.3) * np.minimum(1.0, (0.5 - t) / 0.02)
    unrelated: dict[str, tuple[Track, Track]] = {
        "two takes": (base.guitar(rng(1), -0.7, 0.03), base.guitar(rng(2), 0.7, -0.03)),
        "drum and bass loops": (loop(base.drums(rng(3))), loop(base.bass(rng(4)))),
        "kick and bass on every beat": (same_beat(base.kick(rng(1))), same_beat(sub)),
        "kick and snare on every beat": (same_beat(base.kick(rng(1))), same_beat(base.snare(rng(1)))),
        "two snares on every beat": (same_beat(base.snare(rng(2))), same_beat(base.snare(rng(1)))),
    }
    for name, (a, b) in unrelated.items():
        (finding,) = told(measured(a=0.2 * a, b=0.2 * b))
        assert finding.status == "pass", name


def test_known_to_be_of_other_families_is_never_aligned() -> None:
    mix = measured(a=hits(5), b=late(hits(5), 150.0))
    assert told(mix)[0].status in {"info", "warning"}
    (finding,) = told(with_roles(mix, a="kick", b="bass"))
    assert finding.status == "pass"


def test_a_late_twin_is_named_with_its_nudge() -> None:
    direct, amplifier = bass_tracks()
    tracks = {"Bass DI": direct, "Bass Amp": late(amplifier, 81.6)}
    (aligned,) = pairs(**{"Bass DI": direct, "Bass Amp": amplifier})
    for names in (("Bass DI", "Bass Amp"), ("Bass Amp", "Bass DI")):
        (finding,) = told(measured(**{n: tracks[n] for n in names}))
        assert finding.status == "warning"
        assert finding.cause[0].stem == "Bass Amp"
        (move,) = finding.fixes
        assert isinstance(move, DelayMove)
        assert move.samples == pytest.approx(
            -81.6 - aligned.lag_s * RATE, abs=0.2
        )  # a soft bass: the filter is a guess
        # the move is one that aligns
        mended = {**tracks, move.target: late(tracks[move.target], move.samples)}
        assert told(measured(**mended))[0].status == "pass"


def test_who_is_upside_down_is_told_by_a_third() -> None:
    track = hits(6)
    close, under, over = track, 0.6 * microphone(track, 1), 0.5 * late(microphone(track, 2), 250.0)
    roles = {"top": "snare", "under": "snare", "over": "cymbals"}
    for wrong in ("top", "under"):
        tracks = {"top": close, "under": under, "over": over}
        tracks[wrong] = -tracks[wrong]
        findings = told(with_roles(measured(**tracks), **roles))
        assert findings[0].status == "problem"
        assert [c.stem for c in findings[0].cause] == [wrong]
        assert PolarityMove(wrong) in findings[0].fixes


def test_who_is_upside_down_is_told_by_a_reference() -> None:
    clean = two_basses(bass_tracks()[1])
    for wrong in ("Bass DI", "Bass Amp"):
        tracks: dict[str, Samples] = {**clean, wrong: -clean[wrong]}
        mix = with_stems(base.SOURCE, None, tracks, [summed(clean)])
        assert told(mix)[0].cause[0].stem == wrong


def test_overheads_come_late_by_nature() -> None:
    track = hits(7)
    mix = with_roles(measured(snare=track, over=0.7 * late(microphone(track), 240.0)), snare="snare", over="cymbals")
    (finding,) = told(mix)
    assert finding.status in {"pass", "info"}
    inside = with_roles(measured(a=track, b=0.7 * late(microphone(track), 36.0)), a="kick", b="kick")
    assert told(inside)[0].status == "pass"
    apart = with_roles(measured(a=track, b=0.7 * late(microphone(track), 360.0)), a="kick", b="kick")
    assert told(apart)[0].status == "warning"


@pytest.mark.parametrize("frames", [1, 100, 30_000])
def test_nothing_crashes(frames: int) -> None:
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((2, frames))
    mix = measured(a=noise, b=noise[:1], silent=np.zeros((2, frames)), one=noise[:1, :1])
    assert all(f.status == "pass" for f in told(mix))
    assert told(measured(alone=noise))[0].status == "pass"


DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"


def song(name: str, most_s: float | None = None) -> tuple[dict[str, Samples], int]:
    """The stems of a real song."""
    if not (DATA / name).is_dir():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    kinds = {".flac", ".ogg", ".mp3"}
    paths = sorted(p for p in (DATA / name).iterdir() if p.suffix in kinds and not p.name.startswith("MIX"))
    audio = {p.stem: read_audio(p)[0] for p in paths}
    rate = next(iter(audio.values())).sample_rate
    frames = None if most_s is None else round(most_s * rate)
    return {n: np.ascontiguousarray(a.samples[:, :frames]) for n, a in audio.items()}, rate


SONGS = [
    "keep_on_rolling", "city_blues_redfarn", "modern_motion", "armygeddon", "escape_from_chaosland",
    "waveform_playlist_pop",
]  # fmt: skip


@pytest.mark.corpus
@pytest.mark.parametrize("name", SONGS)
def test_untouched_songs_have_nothing_to_align(name: str) -> None:
    tracks, rate = song(name)
    (finding,) = told(measured(rate, **tracks))
    assert finding.status == "pass", finding.message


@pytest.mark.corpus
@pytest.mark.parametrize("name", SONGS[:3])
def test_second_microphones_of_real_stems(name: str) -> None:
    """Polarity right in all, and the delay within a tenth of a sample in nearly all: an amplifier, room and noise."""
    tracks, rate = song(name, 60.0)
    rng, errors = np.random.default_rng(9), []
    for stem in tracks.values():
        mono = stem.mean(axis=0)
        if np.abs(mono).max() < 1e-3:
            continue
        peak = float(np.abs(mono).max())
        tone = signal.butter(1, (rng.uniform(40, 120), rng.uniform(3000, 8000)), "bandpass", fs=rate, output="sos")
        second = np.tanh(rng.uniform(0.5, 2.0) * signal.sosfilt(tone, mono) / peak) * peak
        second = microphone(second, 5)
        samples, sign = float(np.exp(rng.uniform(np.log(4.8), np.log(660.0)))), float(rng.choice([-1.0, 1.0]))
        before, after = (pairs(rate, a=mono, b=b) for b in (second, sign * late(second, samples)))
        if before and after and min(p[0].explained for p in (before, after)) >= 0.6:
            assert after[0].polarity == sign * before[0].polarity
            errors.append(abs((after[0].lag_s - before[0].lag_s) * rate - samples))
    assert len(errors) >= 4
    assert np.mean(np.array(errors) < 0.1) >= 0.75
    assert max(errors) < 0.3


@pytest.mark.corpus
@pytest.mark.slow
def test_injected_delays_and_polarities_of_real_stems() -> None:
    """Amplifiers of real stems: within a tenth of a sample in at least 95 %, polarity right in all."""
    rng, errors, each = np.random.default_rng(14), [], 20 if os.environ.get("PROOF") == "all" else 10
    for name in SONGS[:3]:
        tracks, rate = song(name, 60.0)
        sounding = [t.mean(axis=0, dtype=np.float64) for t in tracks.values() if np.abs(t).max() > 1e-3]
        for k in range(each):
            mono = sounding[k % len(sounding)]
            found = injected(mono, second_path(mono, rng, rate), rng, rate)
            if found is not None:  # some play too seldom in these seconds
                assert found[1]
                errors.append(abs(found[0]))
    assert len(errors) >= 2 * each
    assert np.mean(np.array(errors) < 0.1) >= 0.95


@pytest.mark.slow
def test_the_late_amplifier_of_the_demo_song(tmp_path: Path) -> None:
    demo = write_demo(tmp_path / "flawed")
    mix = measured(**{p.stem: read_audio(p)[0].samples for p in demo.stems})
    warned = [f for f in told(mix) if f.status in {"warning", "problem"}]
    assert [f.cause[0].stem for f in warned] == ["Bass Amp"]
    (move,) = warned[0].fixes
    assert isinstance(move, DelayMove)
    assert move.samples == pytest.approx(-81.6, abs=0.1)
