"""Phrases, hits, density and compressors: against levels that are known, and a compressor that sees every sample."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pedalboard
import pytest

from dsp.audio import Source
from dsp.checks import stem_dynamics
from dsp.findings import Advice, Finding
from dsp.meters.bands import BAND_HZ
from dsp.meters.dynamics import dynamics
from dsp.meters.level import LevelMeter
from dsp.meters.loudness import LoudnessMeter
from dsp.meters.true_peak import TruePeakMeter
from dsp.mix import Mix
from dsp.profile import load_profile
from dsp.stems.compression import Aim, Density, Detector, Levels, compressed, density, detector, makeup, suggest
from dsp.stems.model import Role
from dsp.stems.phrases import Piece, band_weights, evenness, hits, phrases, rest_power, share_of
from dsp.stems.sketch import SketchMeter
from plugin_bridge.files import read_audio
from render_tests.scenes.registry import clean_mix, clean_tracks, with_stems

MIX = load_profile("mix")
RATE = 48_000
SOURCE = Source("made", "WAV", "PCM", RATE, "stereo", 24)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Signal = npt.NDArray[np.float64]


def sung(levels_db: list[float], seconds: float = 1.5, rest_s: float = 0.6, seed: int = 1) -> Signal:
    """Phrases of those levels of something like a voice: harmonics with vibrato and syllables, (1, frames)."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    syllables = 0.35 + 0.65 * np.abs(np.sin(np.pi * 2.2 * t)) ** 0.7
    edge = np.minimum(1.0, np.minimum(t, seconds - t) / 0.05)
    parts = []
    for level in levels_db:
        f0 = rng.uniform(180, 320)
        phase = 2 * np.pi * np.cumsum(f0 * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * t))) / RATE
        voice = sum(np.sin(k * phase + k * k) / k for k in range(1, 15)) * syllables * edge
        parts += [10 ** (level / 20) * voice / np.sqrt(np.mean(voice**2)), np.zeros(round(rest_s * RATE))]
    return np.concatenate(parts)[None]


def steady(frames: int, level_db: float = -24.0) -> Signal:
    """Noise as the rest of a mix, (2, frames)."""
    noise = np.random.default_rng(3).standard_normal((2, frames))
    return np.asarray(noise * 10 ** (level_db / 20))


def measured(stems: dict[str, Signal], mix: Signal | None = None, source: Source = SOURCE) -> Mix:
    made = {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in stems.items()}
    return with_stems(source, None if mix is None else np.ascontiguousarray(mix, dtype=np.float32), made)


def in_role(mix: Mix, **roles: str) -> Mix:
    assert mix.stems is not None
    stems = tuple(replace(s, role=Role(roles.get(s.name, s.role.name), 1.0, "given")) for s in mix.stems.stems)
    return replace(mix, stems=replace(mix.stems, stems=stems))


def said(mix: Mix) -> tuple[Finding, ...]:
    return stem_dynamics.run(mix, MIX)


def value(finding: Finding, name: str) -> float:
    return next(m.value for m in finding.evidence if m.name == name and m.value is not None)


def dense(x: Signal) -> Density | None:
    channels = len(x)
    meters = (
        LevelMeter(RATE, channels),
        LoudnessMeter(RATE, channels, [1.0] * channels),
        TruePeakMeter(RATE, channels),
    )
    for meter in meters:
        meter.process(np.ascontiguousarray(x, dtype=np.float32))
    level, loudness, peak = (m.result() for m in meters)
    return density(level, dynamics(loudness, peak))  # type: ignore[arg-type]


# Phrases and hits


def test_phrases_lie_between_rests() -> None:
    power = np.full(1000, 1e-12)
    for start, end in ((100, 200), (220, 300), (400, 500), (700, 720)):
        power[start:end] = 0.01
    found = phrases(power, 0.01)
    assert np.allclose([(p.start_s, p.end_s) for p in found], [(1.0, 3.0), (4.0, 5.0)], atol=0.06)
    assert found[1].level_db == pytest.approx(-0.691 - 20.0, abs=0.6)


def test_a_long_phrase_is_cut_where_it_is_quietest() -> None:
    power = np.full(900, 0.01)
    power[400:430] = 0.004
    edges = [(p.start_s, p.end_s) for p in phrases(power, 0.01)]
    assert len(edges) == 2
    assert 3.9 <= edges[0][1] <= 4.35
    assert edges[0][1] == edges[1][0]


def test_every_hit_is_found_once_with_its_level() -> None:
    levels = np.tile([0.0, -3.0, -8.0, -1.0], 8)
    power = np.full(1700, 1e-9)
    for k, level in enumerate(levels):
        at = 50 + 50 * k
        power[at : at + 30] = 10 ** (level / 10) * np.exp(-np.arange(30) / 4.0)
    found = hits(power, 0.01)
    assert len(found) == len(levels)
    got = np.array([p.level_db for p in found])
    assert np.allclose(got - got.max(), levels, atol=0.1)


@pytest.mark.parametrize("find", [phrases, hits])
@pytest.mark.parametrize("power", [np.zeros(0), np.zeros(2), np.zeros(500), np.ones(1), np.full(60, 1e-30)])
def test_silence_and_scraps_have_no_pieces_that_break_anything(find: object, power: Signal) -> None:
    pieces = find(power, 0.01)  # type: ignore[operator]
    even = evenness(pieces, np.zeros(3), 0.05)
    assert even is None or np.isfinite(even.spread_db)


def test_weighted_shares() -> None:
    assert share_of(np.array([1.0, 3.0]), np.array([1.0, 1.0]), 0.5) == pytest.approx(2.0)
    assert share_of(np.arange(101.0), np.ones(101), 0.9) == pytest.approx(90.4)


def test_band_weights_are_the_k_weighting() -> None:
    weights = 10 * np.log10(band_weights(30))
    assert weights[16] == pytest.approx(0.691, abs=0.05)  # 1 kHz: the offset of BS.1770
    assert weights[BAND_HZ > 4000].min() > 3.5
    assert weights[0] < -4.0


# Evenness


def pieces_of(levels: Signal) -> tuple[Piece, ...]:
    return tuple(Piece(2.0 * k, 2.0 * k + 1.5, float(v)) for k, v in enumerate(levels))


def test_what_the_arrangement_does_is_not_uneven() -> None:
    song = np.repeat([0.0, 0.0, 8.0, 0.0, 8.0, 8.0], 4)
    rest = np.repeat(10 ** (song / 10), 40)
    with_the_band = evenness(pieces_of(-30.0 + song), rest, 0.05)
    in_front = evenness(pieces_of(np.full(len(song), -30.0)), rest, 0.05)
    assert with_the_band is not None
    assert in_front is not None
    assert with_the_band.level_spread_db == pytest.approx(8.0, abs=0.1)
    assert with_the_band.spread_db == pytest.approx(0.0, abs=0.5)
    assert with_the_band.follows == pytest.approx(1.0, abs=0.05)
    assert in_front.spread_db == pytest.approx(0.0, abs=1e-6)
    assert in_front.follows == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("ride_db", [0.0, 2.5, 5.0, 7.0])
def test_a_ridden_voice_spreads_by_the_ride(ride_db: float) -> None:
    signs = np.random.default_rng(2).permutation([1, -1] * 6)
    voice = sung([-22.0 + ride_db * s for s in signs])
    mix = in_role(measured({"Vox": voice, "Band": steady(voice.shape[1])}), Vox="lead-vocal", Band="synth")
    findings = said(mix)
    if ride_db < 4.0:
        assert [f.status for f in findings] == ["pass"]
        return
    (finding,) = findings
    assert finding.status == "warning"
    assert value(finding, "spread_db") == pytest.approx(2 * ride_db, abs=1.0)
    assert [c.stem for c in finding.cause] == ["Vox"]
    texts = [f.text for f in finding.fixes if isinstance(f, Advice) and f.target == "Vox"]
    assert len(texts) == 2
    assert "Make-up gain 0" in texts[1]
    assert value(finding, "expected_spread_db") < value(finding, "spread_db") - 2.0
    places = [m for m in finding.evidence if m.name == "deviation_db"]
    assert places
    assert all(isinstance(m.at_s, tuple) for m in places)


def test_rumble_under_a_voice_is_no_phrase() -> None:
    voice = sung([-22.0] * 8, rest_s=1.2)
    t = np.arange(voice.shape[1]) / RATE
    voice = voice + 0.06 * np.sin(2 * np.pi * 31.0 * t)
    mix = in_role(measured({"Vox": voice, "Band": steady(voice.shape[1])}), Vox="lead-vocal", Band="synth")
    assert all("uneven" not in f.title for f in said(mix))


def test_a_role_that_is_a_guess_is_told_but_not_warned_of() -> None:
    voice = sung([-16.0, -28.0] * 5)
    mix = in_role(measured({"Vox": voice, "Band": steady(voice.shape[1])}), Vox="lead-vocal", Band="synth")
    assert mix.stems is not None
    unsure = tuple(replace(s, role=replace(s.role, confidence=0.3)) for s in mix.stems.stems)
    assert said(mix)[0].status == "warning"
    assert said(replace(mix, stems=replace(mix.stems, stems=unsure)))[0].status == "info"


def test_uneven_kicks_are_found_and_even_ones_are_not() -> None:
    t = np.arange(round(0.3 * RATE)) / RATE
    kick = np.sin(2 * np.pi * 55 * t) * np.exp(-t / 0.06)
    for levels, status in (([0.0, -1.0, 0.5, -0.5] * 8, "pass"), ([0.0, -11.0] * 16, "warning")):
        track = np.zeros((1, 34 * RATE // 2))
        for k, level in enumerate(levels):
            track[0, k * RATE // 2 : k * RATE // 2 + len(kick)] += 0.3 * 10 ** (level / 20) * kick
        mix = in_role(measured({"Kick": track, "Band": steady(track.shape[1], -40.0)}), Kick="kick", Band="synth")
        finding = said(mix)[0]
        assert finding.status == status, finding.message
        if status == "warning":
            assert value(finding, "spread_db") == pytest.approx(11.0, abs=0.5)


# Density


def test_density_of_known_signals() -> None:
    t = np.arange(12 * RATE) / RATE
    sine = dense(0.3 * np.sin(2 * np.pi * 997 * t)[None])
    assert sine is not None
    assert sine.crest_db == pytest.approx(3.01, abs=0.02)
    assert sine.psr_db == pytest.approx(3.01, abs=0.05)
    panned = dense(np.stack([0.3 * np.sin(2 * np.pi * 997 * t), 0.0 * t]))
    assert panned is not None
    assert panned.crest_db == pytest.approx(3.01, abs=0.02)
    assert dense(0.1 * np.random.default_rng(1).standard_normal((1, 4 * RATE))) is None
    assert dense(np.zeros((2, 12 * RATE))) is None


def test_the_harder_it_is_compressed_the_denser_it_is() -> None:
    drums = clean_tracks()["Drums"]
    peak = float(np.abs(drums).max())
    found = []
    for drive_db in (0, 6, 12, 18, 24):
        limiter = pedalboard.Limiter(threshold_db=float(20 * np.log10(peak)), release_ms=60)
        squashed = limiter(drums * np.float32(10 ** (drive_db / 20)), RATE)
        density_of = dense(squashed.astype(np.float64))
        assert density_of is not None
        found.append(density_of.crest_db)
    assert np.all(np.diff(found) < 0.05)
    assert found[0] > 14.0
    assert found[-1] < found[0] - 8.0


def test_make_up_gain_is_called_out() -> None:
    tracks: dict[str, Signal] = {k: v.astype(np.float64) for k, v in clean_tracks().items()}
    peak = float(np.abs(tracks["Drums"]).max())
    tracks["Drums"] = np.clip(tracks["Drums"] * 10 ** (18 / 20), -peak, peak)
    (finding,) = said(measured(tracks))
    assert finding.status == "warning"
    assert finding.cause[0].stem == "Drums"
    assert "make-up gain was used for loudness" in finding.message
    assert value(finding, "above_other_stems_lu") > 6.0
    assert value(finding, "passage_crest_db") < 9.0


def test_make_up_gain_on_the_bus_is_measured() -> None:
    frames = 20 * RATE
    swell = np.repeat(10 ** (np.tile([-30.0, -12.0], 10) / 20), RATE)
    tone = np.sin(2 * np.pi * 440 * np.arange(frames) / RATE) * swell
    out = tone * np.where(swell > 0.1, 10 ** (1 / 20), 10 ** (6 / 20))
    mix = measured({"Pad": np.stack([tone, tone])}, np.stack([out, out]))
    assert mix.stems is not None
    found = makeup(mix.stems)
    assert found is not None
    assert found[0] == pytest.approx(6.0, abs=0.2)
    assert found[1] == pytest.approx(5.0, abs=0.2)
    assert any(f.title == "Make-up gain on the mix bus" for f in said(mix))
    plain = measured({"Pad": np.stack([tone, tone])}, np.stack([2 * tone, 2 * tone]))
    assert all(f.title != "Make-up gain on the mix bus" for f in said(plain))


# Compressors


def every_sample(x: Signal, threshold_db: float, ratio: float, attack_ms: float, release_ms: float) -> Signal:
    """Gain reduction of the textbook compressor, one value per sample."""
    rise, fall = (1 - np.exp(-1000.0 / (ms * RATE)) for ms in (attack_ms, release_ms))
    level, out = 0.0, np.empty(x.shape[1])
    for i, peak in enumerate(np.abs(x).max(axis=0).tolist()):
        level += (rise if peak > level else fall) * (peak - level)
        out[i] = level
    return np.asarray(np.maximum(20 * np.log10(np.maximum(out, 1e-9)) - threshold_db, 0.0) * (1 - 1 / ratio))


@cache
def voice_sketch() -> tuple[Signal, Detector]:
    voice = sung([-18.0, -24.0, -30.0, -20.0, -26.0])
    meter = SketchMeter(RATE, 1, voice.shape[1] / RATE)
    meter.process(voice.astype(np.float32))
    return voice, detector(meter.result(), 10.0, 100.0)


@pytest.mark.parametrize(("threshold_db", "ratio"), [(-20.0, 2.0), (-26.0, 3.0), (-32.0, 6.0)])
def test_the_expected_reduction_is_that_of_a_compressor(threshold_db: float, ratio: float) -> None:
    voice, found = voice_sketch()
    expected = found.reduction_db(threshold_db, ratio)
    real = np.interp(
        found.at_s * RATE, np.arange(voice.shape[1]), every_sample(voice, threshold_db, ratio, 10.0, 100.0)
    )
    assert expected.max() == pytest.approx(real.max(), abs=0.3)
    acting = (real > 0.1) | (expected > 0.1)
    assert np.median(expected[acting]) == pytest.approx(np.median(real[acting]), abs=0.3)


def test_the_expected_reduction_is_that_of_a_plugin() -> None:
    voice, found = voice_sketch()
    compressor = pedalboard.Compressor(threshold_db=-28, ratio=3, attack_ms=10, release_ms=100)
    out = compressor(voice.astype(np.float32), RATE)
    hop = RATE // 20
    n = voice.shape[1] // hop
    before, after = ((x[:, : n * hop].reshape(n, hop) ** 2).sum(axis=1) for x in (voice, out.astype(np.float64)))
    loud = before > before.max() * 1e-3
    real = 10 * np.log10(before[loud] / after[loud])
    expected = np.interp((np.arange(n) + 0.5) * 0.05, found.at_s, found.reduction_db(-28.0, 3.0))[loud]
    assert np.median(expected) == pytest.approx(np.median(real), abs=1.0)
    assert expected.max() == pytest.approx(real.max(), abs=1.0)


def test_the_setting_does_what_it_promises_when_it_is_applied() -> None:
    voice = sung([-18.0, -28.0, -22.0, -30.0, -19.0, -27.0, -18.0, -29.0, -24.0, -20.0])
    band = steady(voice.shape[1])
    mix = measured({"Vox": voice, "Band": band})
    assert mix.stems is not None
    stem = mix.stems.named("Vox")
    loudness = stem.readings.loudness
    levels = Levels(loudness.power, loudness.hop_s, rest_power(mix.stems, stem), mix.stems.frame_s)
    even = evenness(phrases(levels.power, levels.hop_s), levels.rest, levels.frame_s)
    assert even is not None
    setting = suggest(stem.readings.sketch, even, levels, Aim(6.0, 4.0, 10.0, 100.0))
    assert setting is not None
    assert setting.spread_after_db <= 6.0 < even.spread_db
    taken = every_sample(voice, setting.threshold_dbfs, setting.ratio, setting.attack_ms, setting.release_ms)
    assert taken.max() == pytest.approx(setting.max_reduction_db, abs=0.5)
    again = measured({"Vox": voice * 10 ** (-taken / 20), "Band": band})
    assert again.stems is not None
    power = again.stems.named("Vox").readings.loudness.power
    after = evenness(phrases(power, levels.hop_s), levels.rest, levels.frame_s)
    assert after is not None
    assert after.spread_db == pytest.approx(setting.spread_after_db, abs=0.7)


def test_compressed_levels_of_pieces() -> None:
    power = np.full(400, 0.01)
    reduction = np.repeat([0.0, 6.0], 200)
    found = Detector((np.arange(400) + 0.5) * 0.01, np.zeros(400))
    pieces = (Piece(0.0, 1.9, -20.0), Piece(2.1, 4.0, -20.0))
    assert compressed(pieces, power, 0.01, found, reduction) == pytest.approx([-20.0, -26.0], abs=0.01)


# Quiet where nothing is wrong


def test_the_clean_song_is_fine_and_says_how_close_it_came() -> None:
    (finding,) = said(clean_mix())
    assert finding.status == "pass"
    assert {m.name for m in finding.evidence} >= {"stems_judged", "density_margin_db", "spread_db"}


@pytest.mark.parametrize("frames", [1, 4_800, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 48_000, 192_000])
def test_scraps_of_any_rate_are_survived(frames: int, channels: int, rate: int) -> None:
    noise = 0.1 * np.random.default_rng(7).standard_normal((channels, frames))
    source = replace(SOURCE, sample_rate=rate, layout="mono" if channels == 1 else "stereo")
    tracks = {"Kick": noise, "Lead Vox": -noise[:1], "Bass": 0.0 * noise}
    for finding in said(measured(tracks, noise, source)):
        assert finding.evidence
        assert finding.status in ("pass", "info")


@pytest.mark.corpus
@pytest.mark.parametrize("song", ["keep_on_rolling", "city_blues_redfarn", "modern_motion"])
def test_stems_of_sampled_instruments_are_fine(song: str) -> None:
    files = sorted((DATA / "stems" / song).glob("[0-9]*.flac"))
    if not files:
        pytest.skip("the real stems are not beside this checkout (../shared/data)")
    read = {f.stem: read_audio(f) for f in files}
    source = next(iter(read.values()))[1]
    stems = {name: np.asarray(audio.samples) for name, (audio, _) in read.items()}
    assert [f.status for f in said(with_stems(source, None, stems))] == ["pass"]
