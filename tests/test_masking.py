"""Masking where the truth is known by construction; the model of the ear beside published data and a literal copy."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import Finding
from dsp.meters.bands import BAND_HZ
from dsp.mix import Mix, in_memory, measure_with_stems
from dsp.profile import load_profile
from dsp.stems.alone import StemInput
from dsp.stems.carving import bell, carve
from dsp.stems.excitation import cams, erb_hz, excitation, loudness, partial_loudness, threshold_db_spl
from dsp.stems.field import Field
from dsp.stems.masking import Hidden, masking
from dsp.stems.model import Role
from dsp.stems.parts import parts_of
from dsp.units import Samples
from plugin_bridge.files import read_audio

RATE, SECONDS = 32_000, 6.0
FRAMES = round(RATE * SECONDS)
PROFILE = load_profile("mix")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"


def noise(low_hz: float, high_hz: float, level_db: float, seed: int, pan: float = 0.0) -> Samples:
    """Band-limited noise of an RMS per channel at the centre, constant-power panned: (2, frames)."""
    rng = np.random.default_rng(seed)
    sos = signal.butter(4, (low_hz, high_hz), "bandpass", fs=RATE, output="sos")
    mono = signal.sosfilt(sos, rng.standard_normal(FRAMES))
    mono *= 10 ** (level_db / 20) / np.sqrt(np.mean(mono**2))
    angle = (pan + 1) * np.pi / 4
    return (np.sqrt(2.0) * np.stack([np.cos(angle) * mono, np.sin(angle) * mono])).astype(np.float32)


def song(stems: dict[str, tuple[str, Samples]], rate: int = RATE, confidence: float = 0.9) -> Mix:
    """A mix that is the sum of its stems, given by name with their roles."""
    channels = max(s.shape[0] for _, s in stems.values())
    source = Source("mix", "WAV", "float", rate, "mono" if channels == 1 else "stereo", 32)
    tracks = [
        (StemInput(name, source, s.shape[0], frames=s.shape[1]), in_memory(s, rate)) for name, (_, s) in stems.items()
    ]
    mix = measure_with_stems(source, None, tracks)
    assert mix.stems
    told = tuple(dataclasses.replace(s, role=Role(stems[s.name][0], confidence, "told")) for s in mix.stems.stems)
    return dataclasses.replace(mix, stems=dataclasses.replace(mix.stems, stems=told))


def field_of(mix: Mix) -> Field:
    assert mix.stems
    return Field(mix.stems)


def pair(mix: Mix, part: str, masker: str) -> list[Hidden]:
    """What a masker hides of a part, worst region first."""
    field = field_of(mix)
    names = [p.name for p in field.parts]
    return [h for h in masking(field).hidden if (names[h.part], names[h.masker]) == (part, masker)]


def said(mix: Mix, check: str = "masking") -> tuple[Finding, ...]:
    return run_check(find_check(check), mix, PROFILE)


# The ear


def test_excitation_is_that_of_the_filters_written_out() -> None:
    """Every hertz of every third octave through the rounded exponentials, one by one."""
    rng = np.random.default_rng(1)
    band_hz = BAND_HZ[8:26]
    power = (10.0 ** rng.uniform(4.0, 8.0, len(band_hz))).astype(np.float32)
    ours = excitation(power, power, band_hz)
    for k in (2, 8, 15):
        fc, total = band_hz[k], 0.0
        sharp = 4 * fc / float(erb_hz(np.array(fc)))
        for f0, p in zip(band_hz, power, strict=True):
            low, high = f0 * 10**-0.05, f0 * 10**0.05
            level = 10 * np.log10(p * min(1.0, float(erb_hz(np.array(f0))) / (high - low)))
            for f in np.arange(low, high, 1.0):
                side = sharp if f > fc else sharp - 0.35 * sharp / 30.2 * (level - 51)
                g = abs(f - fc) / fc
                total += p / (high - low) * (1 + side * g) * np.exp(-side * g)
        theirs = 10 * np.log10(total) - float(threshold_db_spl(np.array(fc)))
        assert 10 * np.log10(ours[k]) == pytest.approx(theirs, abs=0.5)


@pytest.mark.parametrize(("hertz", "ratio_db"), [(500, 17.0), (1000, 18.0), (2000, 20.0), (4000, 23.0)])
def test_a_tone_is_heard_out_of_noise_at_the_critical_ratio(hertz: float, ratio_db: float) -> None:
    """Hawkins and Stevens 1950: threshold of a tone above the density of a white noise that masks it."""
    k = int(np.abs(BAND_HZ - hertz).argmin())
    density_db = 30.0
    white = (10 ** (density_db / 10) * BAND_HZ * (10**0.05 - 10**-0.05)).astype(np.float32)
    masker = excitation(white, white, BAND_HZ)[k]
    levels = np.arange(30.0, 80.0, 0.25)
    for level in levels:
        tone = np.zeros(len(BAND_HZ), dtype=np.float32)
        tone[k] = 10 ** (level / 10)
        own = excitation(tone, white + tone, BAND_HZ)[k]
        just = partial_loudness(np.array([1.0], np.float32), np.array([0.0], np.float32))[0]
        if partial_loudness(own[None], masker[None])[0] >= just:
            break
    assert level - density_db == pytest.approx(ratio_db, abs=3.0)


def test_ten_decibels_double_the_loudness() -> None:
    def sones(level_db: float) -> float:
        tone = np.zeros(len(BAND_HZ), dtype=np.float32)
        tone[16] = 10 ** (level_db / 10)
        return float(loudness(excitation(tone, tone, BAND_HZ)) @ cams(BAND_HZ))

    for level in (50.0, 60.0, 70.0):
        assert sones(level + 10) / sones(level) == pytest.approx(2.0, abs=0.25)


def test_partial_loudness_begins_at_loudness_and_falls_without_a_step() -> None:
    own = np.full(4000, 1e4, dtype=np.float32)
    masker = np.geomspace(1e-3, 1e9, 4000).astype(np.float32)
    partial = partial_loudness(own, masker)
    assert partial[0] == pytest.approx(loudness(own)[0], rel=1e-2)
    assert (np.diff(partial) <= 1e-6).all()
    assert (-np.diff(partial)).max() < 0.02 * partial[0]
    assert 0 <= partial[-1] < 1e-3
    assert np.allclose(partial_loudness(own, 0 * own), loudness(own), rtol=1e-5)


# Who hides whom


@cache
def sweep(level_db: float) -> list[Hidden]:
    mix = song(
        {"Vox": ("lead-vocal", noise(600, 1800, -30, 1)), "Guitar": ("electric-guitar", noise(600, 1800, level_db, 2))}
    )
    return pair(mix, "Vox", "Guitar")


def test_a_louder_masker_hides_strictly_more() -> None:
    levels = (-60, -48, -42, -36, -30, -26)
    returns, heard = ([getattr(sweep(v)[0], n) for v in levels] for n in ("returns", "heard"))
    assert (np.diff(returns) > 0.01).all()
    assert (np.diff(heard) < -0.01).all()
    assert returns[0] < 0.05
    assert heard[0] > 0.9
    assert returns[-1] > 0.75
    for h in (sweep(v)[0] for v in levels):  # nothing else plays: what is lost is what returns
        assert h.returns + h.heard == pytest.approx(1.0, abs=0.01)
        assert h.region.name == "midrange"


def test_without_a_common_region_nothing_is_hidden() -> None:
    mix = song({"Vox": ("lead-vocal", noise(2500, 5000, -30, 1)), "Bass": ("bass", noise(60, 160, -20, 2))})
    assert all(h.returns < 0.01 for h in pair(mix, "Vox", "Bass"))


def test_without_a_common_time_nothing_is_hidden() -> None:
    vox, keys = noise(600, 1800, -30, 1), noise(600, 1800, -20, 2)
    vox[:, FRAMES // 2 - RATE // 4 :] = 0
    keys[:, : FRAMES // 2 + RATE // 4] = 0
    mix = song({"Vox": ("lead-vocal", vox), "Keys": ("keys", keys)})
    assert not pair(mix, "Vox", "Keys")
    assert masking(field_of(mix)).heard[0] == pytest.approx(1.0, abs=0.01)


def test_the_time_is_told() -> None:
    keys = noise(600, 1800, -22, 2)
    keys[:, : round(3 * RATE)] *= 0.05
    mix = song({"Vox": ("lead-vocal", noise(600, 1800, -30, 1)), "Keys": ("keys", keys)})
    assert pair(mix, "Vox", "Keys")[0].spans == ((3.0, 6.0),)


def test_what_plays_on_the_other_side_hides_less() -> None:
    def hidden(pan: float) -> float:
        keys, strings = noise(600, 1800, -30, 1, -pan), noise(600, 1800, -26, 2, pan)
        return pair(song({"Keys": ("keys", keys), "Strings": ("strings", strings)}), "Keys", "Strings")[0].returns

    assert hidden(0.0) > 0.6
    assert hidden(0.0) > hidden(0.5) > hidden(0.9)
    assert hidden(0.9) < 0.1


def test_low_hides_high_more_than_high_hides_low() -> None:
    def power(band: int, level_db: float) -> Samples:
        out = np.zeros(len(BAND_HZ), dtype=np.float32)
        out[band] = 10 ** (level_db / 10)
        return out

    def share(part: int, masker: int) -> float:
        own, other = power(part, 45.0), power(masker, 85.0)
        signal_, noise_ = (excitation(p, own + other, BAND_HZ) for p in (own, other))
        return float(1 - (partial_loudness(signal_, noise_) @ cams(BAND_HZ)) / (loudness(signal_) @ cams(BAND_HZ)))

    for low, high in ((9, 12), (13, 16), (18, 20)):
        assert share(high, low) > 0.5
        assert share(high, low) > 2 * share(low, high)
    # the same on audio, each in the region where it plays
    low_noise, high_noise = noise(400, 500, -20, 1), noise(1000, 1200, -20, 2)
    soft_low, soft_high = noise(400, 500, -55, 1), noise(1000, 1200, -55, 2)
    upward = pair(song({"A": ("keys", soft_high), "B": ("synth", low_noise)}), "A", "B")
    downward = pair(song({"A": ("keys", soft_low), "B": ("synth", high_noise)}), "A", "B")
    assert next(h for h in upward if h.region.name == "midrange").returns > 0.5
    assert next(h for h in downward if h.region.name == "mud").returns < 0.1


def test_the_masker_is_the_one_that_plays_there() -> None:
    mix = song(
        {
            "Vox": ("lead-vocal", noise(600, 1800, -32, 1)),
            "Guitar": ("electric-guitar", noise(600, 1800, -26, 2)),
            "Bass": ("bass", noise(60, 160, -20, 3)),
            "Shaker": ("percussion", noise(7000, 12000, -26, 4)),
        }
    )
    (finding,) = said(mix)
    assert (finding.status, finding.cause[0].stem) == ("warning", "Guitar")
    assert finding.cause[0].share == pytest.approx(1.0, abs=0.1)


def test_the_lead_makes_no_room_for_others() -> None:
    mix = song({"Vox": ("lead-vocal", noise(600, 1800, -20, 1)), "Keys": ("keys", noise(600, 1800, -30, 2))})
    assert not pair(mix, "Keys", "Vox")
    assert [f.status for f in said(mix)] == ["pass"]


def test_one_instrument_is_not_set_against_itself() -> None:
    guitar = noise(300, 3000, -24, 1)
    mix = song(
        {
            "Kick In": ("kick", noise(50, 90, -24, 2)),
            "Kick Out": ("kick", noise(50, 90, -20, 3)),
            "Overheads": ("cymbals", noise(50, 9000, -15, 4)),
            "Gtr L": ("electric-guitar", noise(300, 3000, -30, 5, -0.9)),
            "Gtr R": ("electric-guitar", noise(300, 3000, -15, 6, 0.9)),
            "Hall": ("effects", noise(50, 9000, -15, 7)),
            "Room": ("room", noise(50, 9000, -15, 8)),
        }
    )
    assert mix.stems
    names = [p.name for p in parts_of(mix.stems)]
    assert names == ["Kick In and Kick Out", "Overheads", "Gtr L and Gtr R"]
    assert {h.part for h in masking(field_of(mix)).hidden} <= {0, 2}
    copies = song({"A": ("keys", 0.3 * guitar), "B": ("synth", guitar)})
    assert pair(copies, "A", "B")[0].returns > 0.5
    assert [f.status for f in said(copies)] == ["pass"]
    others = song({"A": ("keys", 0.3 * guitar), "B": ("synth", noise(300, 3000, -24, 9))})
    assert [f.status for f in said(others)] == ["warning"]


def test_a_fader_changes_nothing() -> None:
    stems = {"Vox": ("lead-vocal", noise(600, 1800, -32, 1)), "Keys": ("keys", noise(600, 1800, -28, 2))}
    down = {name: (role, np.float32(10 ** (-12 / 20)) * s) for name, (role, s) in stems.items()}
    a, b = (pair(song(s), "Vox", "Keys")[0] for s in (stems, down))
    assert a.returns == pytest.approx(b.returns, abs=1e-3)
    assert [f.status for f in said(song(stems))] == [f.status for f in said(song(down))] == ["warning"]


# Making room


def test_the_cut_does_what_was_predicted() -> None:
    """The masker is really filtered and everything measured again."""
    vox, keys = noise(2800, 5000, -38, 1), noise(300, 9000, -24, 2)
    mix = song({"Vox": ("lead-vocal", vox), "Keys": ("keys", keys)})
    before = pair(mix, "Vox", "Keys")[0]
    cut = carve(field_of(mix), before)
    assert before.region.low_hz < cut.frequency_hz < before.region.high_hz
    assert -6 <= cut.gain_db <= -2
    assert 0.7 <= cut.q <= 2.0
    a, w = 10 ** (cut.gain_db / 40), 2 * np.pi * cut.frequency_hz / RATE
    alpha = np.sin(w) / (2 * cut.q)
    b = np.array([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a])
    filtered = signal.lfilter(b, [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a], keys).astype(np.float32)
    after = pair(song({"Vox": ("lead-vocal", vox), "Keys": ("keys", filtered)}), "Vox", "Keys")[0]
    assert after.heard - before.heard == pytest.approx(cut.gives, abs=0.05)
    assert cut.gives > 0.1


def test_a_bell_is_its_gain_at_its_middle() -> None:
    response = bell(np.array([100.0, 1000.0, 10000.0]), 1000.0, -6.0, 1.0)
    assert 10 * np.log10(response[1]) == pytest.approx(-6.0)
    assert response[0] == pytest.approx(1.0, abs=0.03)
    assert response[2] == pytest.approx(1.0, abs=0.03)


def test_where_the_part_is_seldom_busy_the_cut_is_keyed() -> None:
    kick, t = noise(60, 160, -20, 1), np.arange(FRAMES) / RATE
    kick *= np.where(t % 2.0 < 0.25, 1.0, 0.02).astype(np.float32)
    (finding,) = said(song({"Kick": ("kick", kick), "Bass": ("bass", noise(60, 160, -18, 2))}))
    assert finding.status == "warning"
    assert "keyed by Kick" in finding.message
    assert [type(f).__name__ for f in finding.fixes][:1] == ["Advice"]
    steady = noise(60, 160, -26, 1)
    (finding,) = said(
        song({"Kick": ("kick", steady), "Bass": ("bass", noise(60, 4000, -12, 2) + noise(60, 160, -20, 3))})
    )
    assert [type(f).__name__ for f in finding.fixes][:1] == ["EqMove"]
    assert finding.fixes[0].target == "Bass"


# What must not happen


@pytest.mark.parametrize("check", ["masking", "vocal-level"])
@pytest.mark.parametrize("rate", [8_000, 48_000, 192_000])
@pytest.mark.parametrize("frames", [1, 480, 3 * 8_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_no_stems_make_it_crash(check: str, rate: int, frames: int, channels: int) -> None:
    rng = np.random.default_rng(3)
    stems = {
        name: (role, np.float32(g) * rng.standard_normal((channels, frames)).astype(np.float32))
        for name, role, g in (("Vox", "lead-vocal", 0.1), ("Nothing", "keys", 0.0), ("Odd", "other", 10.0))
    }
    stems["Mono"] = ("kick", stems["Vox"][1][:1, : max(1, frames // 2)])
    for finding in said(song(stems, rate), check):
        assert finding.status not in ("crashed", "warning", "problem"), finding.message
        assert "nan" not in finding.message.lower()


def test_one_stem_unknown_stems_and_many() -> None:
    one = {"Vox": ("lead-vocal", noise(600, 1800, -30, 1))}
    assert [f.status for f in said(song(one))] == ["pass"]
    unknown = {n: ("other", noise(600, 1800, -20 - k, k)) for k, n in enumerate("AB")}
    assert [f.status for f in said(song(unknown))] == ["undetermined"]
    many = {f"Track {k}": ("keys", noise(100 + 20 * k, 900 + 200 * k, -30, k)) for k in range(12)}
    assert [f.status for f in said(song(many))] == ["pass"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["keep_on_rolling", "city_blues_redfarn", "modern_motion", "waveform_playlist_pop"])
def test_real_songs_as_they_are_raise_no_alarm(name: str) -> None:
    files = [p for p in sorted((DATA / name).glob("*.*")) if p.suffix in (".flac", ".mp3") and "MIX" not in p.name]
    if not files:
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    tracks = []
    for path in files:
        audio, source = read_audio(path)
        stem = StemInput(path.stem, source, audio.channels, frames=audio.frames)
        tracks.append((stem, in_memory(np.asarray(audio.samples), audio.sample_rate)))
    mix = measure_with_stems(dataclasses.replace(source, layout="stereo"), None, tracks)
    for check in ("masking", "vocal-level"):
        for finding in said(mix, check):
            assert finding.status in ("pass", "skipped", "undetermined"), finding.message
