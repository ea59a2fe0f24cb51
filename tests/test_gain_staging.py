"""Gain staging: clipping at any ceiling, hot and quiet stems, noise in gaps, and who makes the sum too high."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import Finding, GainMove
from dsp.mix import Mix
from dsp.profile import load_profile
from dsp.stems.model import Stems
from dsp.stems.trims import bits_left, bus_gain_db, clips, loud_dbfs, noise_floor_dbfs, overloads
from dsp.units import Samples, amplitude_db
from plugin_bridge.files import read_audio
from render_tests.injections import as_file, limited
from render_tests.scenes.base import SOURCE, quantised
from render_tests.scenes.registry import clean_tracks, with_stems

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"
RATE, SECONDS = 48_000, 6.0
FRAMES = round(RATE * SECONDS)


def tone(hz: float, level: float, channels: int = 1) -> Samples:
    """A steady sine with silence at both ends, in every channel."""
    t = np.arange(FRAMES) / RATE
    fade = np.clip(np.minimum(t, SECONDS - t) / 0.05, 0.0, 1.0)
    return np.ascontiguousarray(np.tile(level * np.sin(2 * np.pi * hz * t) * fade, (channels, 1)), dtype=np.float32)


def strokes(level: float, seed: int = 1, noise_db: float = -200.0) -> Samples:
    """A struck string every second, over noise."""
    rng = np.random.default_rng(seed)
    out = 10.0 ** (noise_db / 20.0) * rng.standard_normal((1, FRAMES))
    t = np.arange(RATE // 2) / RATE
    for k in range(int(SECONDS)):
        out[0, k * RATE : k * RATE + len(t)] += level * rng.uniform(0.7, 1.0) * np.sin(600 * t) * np.exp(-t / 0.05)
    return out.astype(np.float32)


def measured(tracks: dict[str, Samples], mix: Samples | None = None, **source: Any) -> Mix:
    return with_stems(dataclasses.replace(SOURCE, **source), mix, tracks)


def stems_of(mix: Mix) -> Stems:
    assert mix.stems
    return mix.stems


def said(mix: Mix) -> dict[str, Finding]:
    return {f.title: f for f in run_check(find_check("gain-staging"), mix, load_profile("mix")) if f.status != "pass"}


@pytest.mark.parametrize("gain_db", [0.0, -10.0, -16.8])
def test_a_clipped_stem_is_named_at_any_fader(gain_db: float) -> None:
    gain = np.float32(10.0 ** (gain_db / 20.0))
    hit = quantised(np.clip(3.0 * strokes(0.3), -0.5, 0.5)) * gain
    found = said(measured({"Snare": hit, "Pad": tone(440.0, 0.02)}))
    clipped = found["Clipped stems"]
    assert clipped.status == "problem"
    assert [c.stem for c in clipped.cause] == ["Snare"]
    ceiling = next(m for m in clipped.evidence if m.name == "stem_clip_ceiling_dbfs")
    assert ceiling.value == pytest.approx(amplitude_db(0.5) + gain_db, abs=0.01)
    assert ceiling.at_s == pytest.approx(0.0, abs=0.05)
    assert "before its fader" in getattr(clipped.fixes[0], "text", "")


def test_a_pulse_wave_is_no_accident() -> None:
    square = quantised(0.3 * np.sign(tone(110.0, 1.0)))
    found = said(measured({"Lead Square": square, "Pad": tone(440.0, 0.1)}))
    assert found["Flat-topped stems"].status == "info"
    assert "Clipped stems" not in found
    clip = clips(stems_of(measured({"Lead Square": square})).stems[0], RATE)
    assert clip
    assert clip.share > 0.9


def test_shares_of_the_sum_add_up_and_the_trim_brings_it_to_its_target() -> None:
    tracks = {"A": tone(200.0, 0.9), "B": tone(900.0, 0.45), "C": tone(3000.0, 0.225), "Silent": 0 * tone(200.0, 1.0)}
    mix = measured(tracks, codec="float", bit_depth=32)
    found = said(mix)["The sum is too high"]
    assert found.status == "warning"
    assert [c.stem for c in found.cause] == ["A", "B", "C"]
    powers = np.array([16.0, 4.0, 1.0]) / 21.0  # of sines that do not meet: their squares
    assert [c.share for c in found.cause] == pytest.approx(powers.tolist(), abs=0.01)
    moves = [f for f in found.fixes if isinstance(f, GainMove)]
    assert [m.target for m in moves] == list(tracks)
    assert len({m.gain_db for m in moves}) == 1
    trim = 10.0 ** (moves[0].gain_db / 20.0)
    peak = amplitude_db(trim * float(np.abs(np.sum(list(tracks.values()), axis=0)).max()))
    assert -6.2 < peak <= -6.0
    assert found.evidence[0].value == pytest.approx(mix.readings.level.sample_peak_dbfs, abs=1e-6)


def test_overloads_are_placed_where_they_are() -> None:
    t = np.arange(FRAMES) / RATE
    hit = tone(300.0, 0.5)
    burst = (0.7 * np.sin(2 * np.pi * 90 * t) * ((t > 2.0) & (t < 2.4)))[None].astype(np.float32)
    mix = measured({"Pad": hit, "Sub": burst}, codec="float", bit_depth=32)
    (place,) = overloads(mix.readings.level, 0.0)
    assert (place.start_s, place.end_s) == (2.0, 2.5)
    assert overloads(mix.readings.level, 3.0) == ()
    cause = said(mix)["The sum is too high"].cause
    assert [c.stem for c in cause] == ["Sub", "Pad"]
    assert sum(c.share or 0.0 for c in cause) == pytest.approx(1.0)


def test_a_mix_that_is_no_plain_sum_is_judged_elsewhere() -> None:
    tracks = {"A": tone(200.0, 0.5), "B": tone(900.0, 0.4)}
    total = np.tile(tracks["A"] + tracks["B"], (2, 1))
    assert bus_gain_db(stems_of(measured(tracks, np.ascontiguousarray(total))), -25.0) == pytest.approx(0.0, abs=0.01)
    half = stems_of(measured(tracks, np.ascontiguousarray(0.5 * total)))
    assert bus_gain_db(half, -25.0) == pytest.approx(-6.02, abs=0.01)
    other = {"A": tone(330.0, 0.9), "B": tone(1400.0, 0.8)}
    strange = measured(other, np.ascontiguousarray(0.1 * total))
    assert bus_gain_db(stems_of(strange), -25.0) is None
    assert "The sum is too high" not in said(strange)


def test_the_level_that_goes_into_a_limiter_is_judged() -> None:
    tracks = clean_tracks()
    total = np.asarray(np.sum([np.tile(t, (3 - len(t), 1)) for t in tracks.values()], axis=0))
    gain = np.float32(1.4 / np.abs(total).max())
    hot = {name: np.asarray(t) * gain for name, t in tracks.items()}
    mix = measured(hot, as_file(limited(total * gain, RATE, 6.0)), codec="float", bit_depth=32)
    assert mix.readings.level.sample_peak_dbfs == pytest.approx(amplitude_db(1.4) - 6.0, abs=0.2)
    told = said(mix)["The sum is too high"]
    assert told.status == "warning"
    assert told.evidence[0].value == pytest.approx(amplitude_db(1.4), abs=0.01)
    assert "before the bus works on it" in told.message
    assert {m.gain_db for m in told.fixes if isinstance(m, GainMove)} == {-9.0}


def test_hot_stems_are_one_finding_and_quiet_ones_none() -> None:
    loud = {f"Loud {k}": tone(100.0 * k, 0.9 - 0.01 * k) for k in range(1, 9)}
    quiet = {f"Quiet {k}": tone(90.0 * k, 0.003 * k) for k in range(1, 9)}
    found = said(measured(loud | quiet, codec="float", bit_depth=32))
    assert set(found) == {"Hot stems", "The sum is too high"}
    assert found["Hot stems"].status == "info"
    assert [c.stem for c in found["Hot stems"].cause] == list(loud)
    assert "and 2 more" in found["Hot stems"].message
    over = said(measured({"Vox": tone(300.0, 1.3), "Pad": tone(100.0, 0.1)}, codec="float", bit_depth=32))
    assert over["Hot stems"].status == "warning"
    assert "floating point" in over["Hot stems"].message


def test_a_low_level_costs_only_16_bit_files_anything() -> None:
    tracks = {"Vox": tone(300.0, 0.2), "Far": tone(100.0, 0.01)}
    found = said(measured(tracks, bit_depth=16))
    assert [c.stem for c in found["Quiet 16-bit stems"].cause] == ["Far"]
    assert said(measured(tracks, bit_depth=24)) == {}
    assert said(measured(tracks, bit_depth=None, lossy=True)) == {}
    far = stems_of(measured(tracks)).named("Far").readings.level
    assert bits_left(far, 16) == pytest.approx(16 + np.log2(0.01), abs=0.01)


@pytest.mark.parametrize("noise_db", [-70.0, -60.0, -50.0])
def test_noise_between_the_notes_is_measured(noise_db: float) -> None:
    level = stems_of(measured({"Gtr": strokes(0.5, noise_db=noise_db)})).stems[0].readings.level
    floor = noise_floor_dbfs(level)
    assert floor == pytest.approx(noise_db, abs=0.5)
    assert (loud_dbfs(level) or 0.0) == pytest.approx(-14.0, abs=2.0)


@pytest.mark.parametrize(
    "track",
    [tone(300.0, 0.3), strokes(0.5), strokes(0.5) * (1.0 + 0 * tone(1.0, 1.0)), 0 * tone(300.0, 1.0)],
    ids=["steady", "gated", "gated too", "silent"],
)
def test_what_has_no_gaps_or_silent_ones_has_no_noise_floor(track: Samples) -> None:
    found = measured({"A": np.ascontiguousarray(track, dtype=np.float32), "B": tone(100.0, 0.1)})
    assert noise_floor_dbfs(stems_of(found).stems[0].readings.level) is None


def test_noisy_stems_are_told() -> None:
    found = said(measured({"Gtr": strokes(0.5, noise_db=-45.0), "Keys": strokes(0.3, 2, -70.0)}))
    assert [c.stem for c in found["Noise between the notes"].cause] == ["Gtr"]
    assert found["Noise between the notes"].status == "info"


def test_what_is_well_is_praised_with_numbers() -> None:
    mix = measured({"Gtr": strokes(0.4, noise_db=-70.0), "Keys": tone(300.0, 0.1)})
    (finding,) = run_check(find_check("gain-staging"), mix, load_profile("mix"))
    assert finding.status == "pass"
    names = [m.name for m in finding.evidence]
    assert [names.count(f"stem_{n}") for n in ("peak_dbfs", "crest_db", "noise_dbfs")] == [2, 2, 1]
    assert "1 of 2 between -12 and -6 dBFS" in finding.message


@pytest.mark.corpus
@pytest.mark.parametrize("song", ["keep_on_rolling", "city_blues_redfarn", "modern_motion", "waveform_playlist_pop"])
def test_real_stems_give_no_false_alarm(song: str) -> None:
    files = sorted(p for p in (DATA / song).glob("*.*") if p.suffix in (".flac", ".mp3") and "MIX" not in p.name)
    if not files:
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    tracks = {}
    for path in files:
        audio, source = read_audio(path)
        tracks[path.stem] = np.ascontiguousarray(audio.samples[:, : 30 * audio.sample_rate])
    total = np.ascontiguousarray(np.sum(list(tracks.values()), axis=0, dtype=np.float32))
    mix = with_stems(source, total, tracks)
    found = {
        f.title: f
        for check in ("gain-staging", "stem-files")
        for f in run_check(find_check(check), mix, load_profile("mix"))
        if f.status in ("warning", "problem", "undetermined", "crashed")
    }
    if song != "waveform_playlist_pop":
        assert not found
        return
    assert set(found) == {"Hot stems", "The sum is too high"}  # unity sum of four mastered stems: +8.4 dBTP
    assert found["The sum is too high"].cause[0].stem in ("Vocals30", "BassDrums30")
