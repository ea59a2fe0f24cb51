"""Rumble: put into stems at known levels, told from notes, and its headroom against a filter that is really applied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from dsp.audio import Source
from dsp.checks import rumble as check
from dsp.findings import EqMove, Finding
from dsp.meters.true_peak import TruePeakMeter
from dsp.mix import Mix
from dsp.profile import load_instruments, load_profile
from dsp.stems.high_pass import headroom, low_part, low_passed
from dsp.stems.model import Role
from plugin_bridge.files import read_audio
from render_tests.scenes.registry import clean_mix, with_stems

MIX = load_profile("mix")
RATE = 48_000
SECONDS = 16.0
FRAMES = round(RATE * SECONDS)
SOURCE = Source("made", "WAV", "PCM", RATE, "stereo", 24)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Signal = npt.NDArray[np.float64]
SECOND = np.arange(FRAMES) / RATE


def rms_db(x: Signal) -> float:
    return float(10 * np.log10(np.mean(x**2)))


def at_level(x: Signal, level_db: float) -> Signal:
    return np.asarray(x * 10 ** ((level_db - rms_db(x)) / 20))


def notes(f0: float, *, rests: bool = True, partials: int = 16, seed: int = 1) -> Signal:
    """Plucked and sung notes from `f0` up, in phrases of four with a rest of three seconds between them."""
    rng = np.random.default_rng(seed)
    out = np.zeros(FRAMES)
    t = np.arange(round(0.7 * RATE)) / RATE
    beats = np.arange(0.2, SECONDS - 0.8, 0.5)
    for k, at in enumerate(beats):
        if rests and k % 10 >= 4:
            continue
        hz = f0 * 2 ** (rng.choice([0, 3, 5, 7]) / 12)
        tone = sum(np.sin(2 * np.pi * hz * p * t + p) / p**1.2 for p in range(1, partials + 1) if hz * p < 0.4 * RATE)
        start = round(at * RATE)
        swell = np.minimum(1.0, t / 0.01) * np.exp(-t / 0.25) * np.minimum(1.0, (t[-1] - t) / 0.05)
        out[start : start + len(t)] += (tone * swell)[: FRAMES - start]
    return at_level(out[None], -30.0)


def street(level_db: float, low_hz: float = 10.0, high_hz: float = 60.0) -> Signal:
    noise = np.random.default_rng(5).standard_normal(FRAMES)
    return at_level(
        signal.sosfilt(signal.butter(3, (low_hz, high_hz), "bandpass", fs=RATE, output="sos"), noise)[None], level_db
    )


def footsteps(level_db: float) -> Signal:
    t = np.arange(round(0.4 * RATE)) / RATE
    step = np.sin(2 * np.pi * 28.0 * t) * np.sin(np.pi * t / t[-1]) ** 2
    out = np.zeros(FRAMES)
    for at in np.arange(0.1, SECONDS - 0.5, 0.63):
        out[round(at * RATE) : round(at * RATE) + len(step)] += step
    return at_level(out[None], level_db)


def band() -> Signal:
    """The rest of a mix, in stereo: chords that never stop, nothing below 100 Hz."""
    noise = np.random.default_rng(9).standard_normal((2, FRAMES))
    return at_level(signal.sosfilt(signal.butter(2, (150, 5000), "bandpass", fs=RATE, output="sos"), noise), -28.0)


def measured(stem: Signal, role: str, others: dict[str, Signal] | None = None) -> Mix:
    tracks = {"Stem": stem, "Band": band(), **(others or {})}
    mix = with_stems(SOURCE, None, {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in tracks.items()})
    assert mix.stems is not None
    roles = {"Stem": role, "Band": "synth"}
    stems = tuple(replace(s, role=Role(roles.get(s.name, "kick"), 1.0, "given")) for s in mix.stems.stems)
    return replace(mix, stems=replace(mix.stems, stems=stems))


def said(stem: Signal, role: str, others: dict[str, Signal] | None = None) -> tuple[Finding, ...]:
    return check.run(measured(stem, role, others), MIX)


def value(finding: Finding, name: str) -> float:
    return next(m.value for m in finding.evidence if m.name == name and m.value is not None)


def peak_db(x: Signal) -> float:
    meter = TruePeakMeter(RATE, len(x))
    meter.process(np.ascontiguousarray(x, dtype=np.float32))
    peak = meter.result().max_dbtp
    assert peak is not None
    return peak


# Found, in the right stem, with the headroom a filter really gives back


@pytest.mark.parametrize("level_db", [-42.0, -36.0, -30.0])
@pytest.mark.parametrize(
    ("role", "lowest_hz"), [("lead-vocal", 180.0), ("electric-guitar", 110.0), ("brass", 230.0), ("other", 200.0)]
)
def test_rumble_between_phrases_is_found_with_its_headroom(role: str, lowest_hz: float, level_db: float) -> None:
    stem = notes(lowest_hz) + street(level_db)
    (finding,) = said(stem, role)
    assert finding.status in ("info", "warning")
    assert [c.stem for c in finding.cause] == ["Stem"]
    (move,) = finding.fixes
    assert isinstance(move, EqMove)
    assert (move.target, move.kind, move.gain_db, move.q) == ("Stem", "high-pass", 0.0, 0.707)
    assert 40.0 <= move.frequency_hz <= lowest_hz / 1.6
    below = street(level_db)
    assert value(finding, "rumble_dbfs") == pytest.approx(rms_db(below), abs=1.0)

    applied = signal.sosfilt(signal.butter(2, move.frequency_hz, "highpass", fs=RATE, output="sos"), stem)
    everything = band() + stem
    after = band() + applied
    for name, before_db, after_db in (
        ("stem_peak_returned_db", peak_db(stem), peak_db(applied)),
        ("stem_rms_returned_db", rms_db(stem), rms_db(applied)),
        ("mix_peak_returned_db", peak_db(everything), peak_db(after)),
        ("mix_rms_returned_db", rms_db(everything), rms_db(after)),
    ):
        assert value(finding, name) == pytest.approx(before_db - after_db, abs=1.0 if "peak" in name else 0.1), name


def test_the_more_rumble_the_more_headroom() -> None:
    returned = [
        value(said(notes(180.0) + street(db), "lead-vocal")[0], "stem_rms_returned_db") for db in (-45, -38, -31)
    ]
    assert np.all(np.diff(returned) > 0.1)


def test_footsteps_are_found() -> None:
    finding = said(notes(180.0) + footsteps(-30.0), "lead-vocal")[0]
    assert finding.status == "warning"
    assert "goes on where it does not play" in finding.message


def test_rumble_under_notes_that_never_rest_is_found() -> None:
    finding = said(notes(180.0, rests=False) + street(-34.0, 10.0, 40.0), "lead-vocal")[0]
    assert finding.status in ("info", "warning")
    assert "below its lowest note" in finding.message


def test_plosives_rise_towards_zero() -> None:
    t = np.arange(round(0.15 * RATE)) / RATE
    puff = np.sin(np.pi * t / t[-1]) ** 2 * np.sin(2 * np.pi * 14.0 * t)
    pops = np.zeros(FRAMES)
    for at in np.arange(0.2, SECONDS - 0.8, 1.0):
        pops[round(at * RATE) : round(at * RATE) + len(puff)] += puff
    assert said(notes(180.0, rests=False) + at_level(pops[None], -34.0), "lead-vocal")[0].status != "pass"


def test_hum_is_called_hum() -> None:
    stem = notes(180.0) + 0.02 * np.sin(2 * np.pi * 50.0 * SECOND)
    assert "Hum at 50 Hz" in said(stem, "electric-guitar")[0].message


def test_little_rumble_in_many_stems_is_summed() -> None:
    others = {f"Mic {k}": notes(200.0, seed=k) + street(-47.0) for k in range(3)}
    mix = measured(notes(180.0) + street(-47.0), "lead-vocal", others)
    assert mix.stems is not None
    stems = tuple(s if s.name == "Band" else replace(s, role=Role("brass", 1.0, "")) for s in mix.stems.stems)
    finding = check.run(replace(mix, stems=replace(mix.stems, stems=stems)), MIX)[0]
    assert value(finding, "stems_with_rumble") == 4.0
    assert value(finding, "all_rumble_share_db") > value(finding, "rumble_share_db") + 5.0


# What is music stays


@pytest.mark.parametrize(
    ("role", "f0"),
    [
        *(("lead-vocal", 85.0), ("electric-guitar", 61.7), ("electric-guitar", 55.0), ("bass", 31.0), ("bass", 41.2)),
        *(("keys", 27.5), ("toms", 60.0), ("acoustic-guitar", 82.4), ("other", 45.0), ("synth", 32.7), ("brass", 43.7)),
    ],
)
@pytest.mark.parametrize("rests", [True, False])
def test_low_notes_are_not_rumble(role: str, f0: float, rests: bool) -> None:
    assert [f.status for f in said(notes(f0, rests=rests), role)] == ["pass"]


def test_a_kick_every_beat_is_not_rumble() -> None:
    t = np.arange(round(0.4 * RATE)) / RATE
    hit = np.sin(2 * np.pi * (48 * t + 2.0 * (1 - np.exp(-t / 0.018)))) * np.exp(-t / 0.11)
    track = np.zeros(FRAMES)
    for at in np.arange(0.1, SECONDS - 0.5, 0.5):
        track[round(at * RATE) : round(at * RATE) + len(hit)] += hit
    for role in ("kick", "drums", "room", "cymbals", "percussion"):
        assert [f.status for f in said(at_level(track[None], -24.0), role)] == ["pass"], role


def test_the_body_of_an_acoustic_guitar_is_music() -> None:
    t = np.arange(round(0.2 * RATE)) / RATE
    thump = np.sin(2 * np.pi * 98.0 * t) * np.exp(-t / 0.05)
    body = np.zeros(FRAMES)
    for at in np.arange(0.2, SECONDS - 0.8, 0.5):
        body[round(at * RATE) : round(at * RATE) + len(thump)] += thump
    assert said(notes(110.0, rests=False) + at_level(body[None], -36.0), "acoustic-guitar")[0].status == "pass"


def test_a_low_voice_with_rumble_keeps_its_notes() -> None:
    (finding,) = said(notes(85.0) + street(-34.0, 10.0, 40.0), "lead-vocal")
    (move,) = finding.fixes
    assert isinstance(move, EqMove)
    assert move.frequency_hz <= 85.0 / 1.6
    loss = 10 * np.log10(1 / (1 + (move.frequency_hz / 85.0) ** 4))
    assert loss > -0.7


def test_bleed_of_the_kick_is_not_rumble() -> None:
    t = np.arange(round(0.4 * RATE)) / RATE
    hit = np.sin(2 * np.pi * 55 * t) * np.exp(-t / 0.11)
    kick, rng = np.zeros(FRAMES), np.random.default_rng(4)
    for at in np.arange(0.1, SECONDS - 0.5, 0.6):
        kick[round(at * RATE) : round(at * RATE) + len(hit)] += hit * rng.uniform(0.5, 1.0)
    kick = at_level(kick[None], -24.0)
    bled = notes(200.0) + 0.2 * np.roll(kick, 100)
    assert [f.status for f in said(bled, "lead-vocal", {"Kick": kick})] == ["pass"]


def test_effects_are_not_judged() -> None:
    assert [f.status for f in said(notes(180.0) + street(-30.0), "effects")] == ["pass"]


# The filter on paper


def test_low_part_and_rest_are_the_filter() -> None:
    stem = notes(180.0) + street(-36.0)
    mix = measured(stem, "lead-vocal")
    assert mix.stems is not None
    sketch = mix.stems.named("Stem").readings.sketch
    low = low_part(sketch, 80.0)
    passed = signal.sosfilt(
        signal.butter(2, 80.0, "highpass", fs=sketch.rate_hz, output="sos"), sketch.joined().astype(np.float64)
    )
    assert np.abs(sketch.joined() - low - passed).max() < 1e-5
    fourth = signal.sosfilt(signal.butter(4, 40.0, fs=sketch.rate_hz, output="sos"), sketch.joined().astype(np.float64))
    assert np.abs(low_passed(sketch, 40.0) - fourth).max() < 1e-5
    nothing = headroom(
        mix.readings.level, mix.readings.true_peak, mix.stems.mix_sketch, np.zeros_like(mix.stems.mix_sketch.joined())
    )
    assert nothing.peak_db == pytest.approx(0.0, abs=1e-6)
    assert nothing.rms_db == pytest.approx(0.0, abs=1e-6)


def test_corners_lie_where_notes_may_lie_only_for_wide_roles() -> None:
    for role in load_instruments().values():
        corner, lowest = role.number("high_pass_hz"), role.number("lowest_hz")
        assert (corner is None) == (lowest is None), role.id
        assert corner is None or 20.0 < corner <= 100.0


# Quiet where nothing is wrong


def test_the_clean_song_has_none() -> None:
    assert [f.status for f in check.run(clean_mix(), MIX)] == ["pass"]


@pytest.mark.parametrize("frames", [1, 4_800, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 48_000, 192_000])
def test_scraps_of_any_rate_are_survived(frames: int, channels: int, rate: int) -> None:
    noise = (0.1 * np.random.default_rng(7).standard_normal((channels, frames))).astype(np.float32)
    source = replace(SOURCE, sample_rate=rate, layout="mono" if channels == 1 else "stereo")
    mix = with_stems(source, noise, {"Kick": noise, "Lead Vox": -noise[:1], "Bass": 0 * noise})
    for finding in check.run(mix, MIX):
        assert finding.evidence
        assert np.isfinite([m.value for m in finding.evidence if m.value is not None]).all()


@pytest.mark.corpus
@pytest.mark.parametrize("song", ["keep_on_rolling", "city_blues_redfarn", "modern_motion"])
def test_sampled_instruments_carry_none(song: str) -> None:
    files = sorted((DATA / "stems" / song).glob("[0-9]*.flac"))
    if not files:
        pytest.skip("the real stems are not beside this checkout (../shared/data)")
    read = {f.stem: read_audio(f) for f in files}
    source = next(iter(read.values()))[1]
    stems = {name: np.asarray(audio.samples) for name, (audio, _) in read.items()}
    assert [f.status for f in check.run(with_stems(source, None, stems), MIX)] == ["pass"]
