"""Versions of a mix: what changed, in which stem; filters and delays fitted to transfers of known form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pedalboard.io import AudioFile
from scipy import signal

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import DelayMove, EqMove, Finding, GainMove, PolarityMove
from dsp.mix import Mix, measure
from dsp.profile import load_profile
from dsp.stems.change_fit import INSIDE, Filter, Transfer, fit, response
from dsp.stems.versions import Version, compared
from dsp.units import Samples
from plugin_bridge.stem_folder import find_stems
from plugin_bridge.stems import measure_folder
from render_tests.injections import as_file, bell, bell_coefficients, delayed, gained, limited, summed
from render_tests.scenes.base import RATE as SCENE_RATE
from render_tests.scenes.registry import clean_tracks, with_stems

RATE, SECONDS = 44_100, 8.0
EDGE = 10.0 ** (1 / 20)


def source(rate: int = RATE, layout: str = "stereo") -> Source:
    return Source("mix.wav", "WAV", "PCM", rate, layout, 24)


def noise(seed: int, low_hz: float, high_hz: float, channels: int = 2, rate: int = RATE) -> Samples:
    """Noise in a band that swells and fades, as a part that is played."""
    rng = np.random.default_rng(seed)
    frames = round(SECONDS * rate)
    sections = signal.butter(2, (low_hz, high_hz), "bandpass", fs=rate, output="sos")
    track = signal.sosfilt(sections, rng.standard_normal((channels, frames)))
    swell = 0.2 + np.abs(np.sin(2 * np.pi * rng.uniform(0.2, 0.8) * np.arange(frames) / rate + rng.uniform(0, 6)))
    return as_file(0.02 * track * swell / np.sqrt(np.mean(track**2)))


def song() -> dict[str, Samples]:
    """Three parts that overlap, the second mono."""
    return {
        "Low": noise(1, 40, 900), "Middle": noise(2, 150, 5_000, channels=1), "High": noise(3, 800, 12_000),
    }  # fmt: skip


def version(stems: dict[str, Samples], mix: Samples, reference: Samples) -> Version:
    measured = with_stems(source(), mix, stems, references=[reference])
    assert measured.stems is not None
    return compared(measured.stems, 0)


def mixed(stems: dict[str, Samples]) -> Samples:
    return as_file(summed(stems))


def transfer(ratio: object, weight: float = 1.0) -> Transfer:
    """Points of a twelfth of an octave with the ratio a function gives."""
    middle = 30.0 * 2.0 ** (np.arange(100) / 12)
    hz = middle[:, None] * EDGE ** np.linspace(-0.25, 0.25, INSIDE)
    assert callable(ratio)
    return Transfer(hz, np.asarray(ratio(hz), dtype=np.complex128).mean(axis=1), np.full(len(hz), weight))


@pytest.mark.parametrize("kind", ["bell", "low-shelf", "high-shelf"])
def test_filters_reach_their_gain_where_they_should(kind: str) -> None:
    at = {"bell": 1_000.0, "low-shelf": 1.0, "high-shelf": 1e6}[kind]
    away = {"bell": 1e6, "low-shelf": 1e6, "high-shelf": 1.0}[kind]
    for gain_db in (-9.0, 6.0):
        values = np.abs(response(kind, 1_000.0, gain_db, 0.9, np.array([at, away])))
        assert 20 * np.log10(values) == pytest.approx([gain_db, 0.0], abs=0.01)
        inverse = response(kind, 1_000.0, -gain_db, 0.9, np.array([300.0, 2_000.0]))
        assert inverse * response(kind, 1_000.0, gain_db, 0.9, np.array([300.0, 2_000.0])) == pytest.approx(1.0)


def test_the_bell_is_the_digital_one_where_that_is_not_warped() -> None:
    b, a = bell_coefficients(192_000, 800.0, 7.0, 1.4)
    hz = np.array([100.0, 500.0, 800.0, 1_500.0, 4_000.0])
    digital = signal.freqz(b, a, hz, fs=192_000)[1]
    assert response("bell", 800.0, 7.0, 1.4, hz) == pytest.approx(digital, rel=2e-3)


@pytest.mark.parametrize("made", [
    Filter("bell", 310.0, 6.0, 1.0), Filter("bell", 4_000.0, -8.0, 2.5), Filter("bell", 80.0, 3.0, 0.6),
    Filter("low-shelf", 150.0, -5.0, 0.71), Filter("high-shelf", 3_000.0, 4.0, 0.71),
])  # fmt: skip
def test_a_filter_is_found_again(made: Filter) -> None:
    found = fit(transfer(lambda hz: 1.0 / made.response(hz)))
    assert found.kind == "eq"
    assert [f.kind for f in found.filters] == [made.kind]
    assert found.filters[0].frequency_hz == pytest.approx(made.frequency_hz, rel=0.02)
    assert found.filters[0].gain_db == pytest.approx(made.gain_db, abs=0.1)
    assert found.filters[0].q == pytest.approx(made.q, rel=0.05)


def test_two_filters_and_a_fader_are_told_apart() -> None:
    one, two = Filter("bell", 120.0, 6.0, 1.2), Filter("bell", 2_500.0, -5.0, 1.0)
    found = fit(transfer(lambda hz: 0.5 / (one.response(hz) * two.response(hz))))
    assert found.kind == "eq"
    assert found.gain_db == pytest.approx(6.02, abs=0.2)
    assert sorted(round(f.gain_db) for f in found.filters) == [-5, 6]


@pytest.mark.parametrize(
    ("factor", "kind", "gain_db"), [(0.5, "gain", 6.02), (-1.0, "polarity", 0.0), (2.0, "gain", -6.02)]
)
def test_faders_and_polarity(factor: float, kind: str, gain_db: float) -> None:
    found = fit(transfer(lambda hz: factor + 0.0 * hz))
    assert found.kind == kind
    assert found.gain_db == pytest.approx(gain_db, abs=0.01)
    assert found.left < 1e-9


@pytest.mark.parametrize("delay_s", [0.0001, -0.0004, 0.0031, 0.015])
def test_a_delay_is_found_in_the_phase(delay_s: float) -> None:
    found = fit(transfer(lambda hz: np.exp(2j * np.pi * hz * delay_s)))
    assert found.kind == "delay"
    assert found.delay_s == pytest.approx(delay_s, abs=2e-7)


def test_noise_is_no_change_of_a_known_kind() -> None:
    rng = np.random.default_rng(3)
    found = fit(transfer(lambda hz: 1.0 + rng.standard_normal(hz.shape) + 1j * rng.standard_normal(hz.shape)))
    assert found.kind == "other"


@pytest.mark.parametrize("reference_db", [0.0, -3.7])
@pytest.mark.parametrize("stem", ["Low", "Middle", "High"])
def test_a_fader_is_named_whatever_the_level_of_the_reference(stem: str, reference_db: float) -> None:
    before = song()
    after = {**before, stem: as_file(gained(before[stem], 4.0))}
    found = version(after, mixed(after), as_file(gained(mixed(before), reference_db)))
    assert found.state == "version"
    assert found.gain_db == pytest.approx(-reference_db, abs=0.05)
    assert [c.stem for c in found.changes] == [stem]
    assert found.changes[0].fit.kind == "gain"
    assert found.changes[0].fit.gain_db == pytest.approx(4.0, abs=0.05)
    assert found.explained > 0.99


def test_several_changes_are_all_found() -> None:
    before = song()
    after = {
        "Low": as_file(gained(before["Low"], -4.0)),
        "Middle": as_file(bell(before["Middle"], RATE, 1_200.0, 6.0, 1.0)),
        "High": as_file(gained(before["High"], 3.0)),
    }
    found = version(after, mixed(after), mixed(before))
    kinds = {c.stem: c.fit.kind for c in found.changes}
    assert kinds == {"Low": "gain", "Middle": "eq", "High": "gain"}
    assert sum(c.share for c in found.changes) == pytest.approx(1.0, abs=0.05)


def test_the_effect_is_how_much_more_the_mix_has() -> None:
    before = song()
    after = {**before, "Middle": as_file(bell(before["Middle"], RATE, 1_000.0, 6.0, 1.0))}
    found = version(after, mixed(after), mixed(before)).changes[0]
    bands = with_stems(source(), mixed(after), after, references=[mixed(before)]).stems
    assert bands is not None
    true_db = 10 * np.log10(bands.mix_power.sum(axis=0) / bands.references[0].power.sum(axis=0))
    heard = np.isfinite(found.effect_db)
    assert heard.sum() > 15
    assert found.effect_db[heard] == pytest.approx(true_db[heard], abs=0.05)


def test_a_ride_is_placed_in_time() -> None:
    before = song()
    ridden = np.array(before["Middle"])
    ridden[:, 2 * RATE : 4 * RATE] *= 10 ** (5 / 20)
    after = {**before, "Middle": as_file(ridden)}
    found = version(after, mixed(after), mixed(before)).changes[0]
    assert found.stem == "Middle"
    assert found.over_time is not None
    assert found.over_time.deepest_db == pytest.approx(5.0, abs=0.5)
    assert 1.9 <= found.over_time.at_s <= 4.1


def test_what_happened_to_the_bus_is_no_stems_doing() -> None:
    stems = song()
    for made, kind in ((bell(mixed(stems), RATE, 700.0, 5.0, 1.0), "eq"), (-mixed(stems), "polarity")):
        found = version(stems, as_file(made), mixed(stems)).changes
        assert [c.stem for c in found] == [None]
        assert found[0].fit.kind == kind
    loud = as_file(limited(mixed(stems), RATE, 6.0))
    found = version(stems, loud, mixed(stems)).changes
    assert [c.stem for c in found] == [None]
    assert found[0].over_time is not None
    assert found[0].over_time.down
    assert 2.0 < -found[0].over_time.deepest_db < 6.5


def test_the_same_mix_another_song_and_another_start() -> None:
    stems = song()
    mix = mixed(stems)
    assert version(stems, mix, mix).state == "same"
    assert version(stems, mix, as_file(gained(mix, -6.0))).state == "same"
    assert version(stems, mix, np.ascontiguousarray(mix[:, : 5 * RATE])).state == "same"
    assert version(stems, mix, noise(77, 30, 9_000)).state == "other"
    shifted = version(stems, mix, as_file(delayed(mix, RATE, 0.0234)))
    assert shifted.state == "shifted"
    assert shifted.shift_s == pytest.approx(0.0234, abs=1e-4)
    assert version(stems, mix, as_file(delayed(mix, RATE, 3.0 / RATE))).shift_s == pytest.approx(3.0 / RATE, abs=6e-6)
    assert version(stems, mix, np.zeros_like(mix)).state == "other"


def test_a_track_that_is_not_among_the_stems_is_blamed_on_none() -> None:
    before = song()
    after = {**before, "High": as_file(gained(before["High"], 6.0))}
    mix = mixed(after)
    del after["High"]
    assert version(after, mix, mixed(before)).changes == ()


def findings(
    stems: dict[str, Samples], mix: Samples, reference: Samples, of: Source | None = None
) -> tuple[Finding, ...]:
    measured = with_stems(of or source(), mix, stems, references=[reference])
    beside: Mix = measure(replace(of or source(), name="old.wav"), [reference])
    return run_check(find_check("versions"), replace(measured, references=(beside,)), load_profile("mix"))


def test_moves_undo_what_was_done() -> None:
    before = song()
    made: dict[str, npt.ArrayLike] = {
        "gain": gained(before["Middle"], 4.0), "polarity": -before["Middle"],
        "delay": delayed(before["Middle"], RATE, 0.002), "eq": bell(before["Middle"], RATE, 1_000.0, 6.0, 1.0),
    }  # fmt: skip
    moves = {}
    for kind, track in made.items():
        after = {**before, "Middle": as_file(track)}
        first = findings(after, mixed(after), mixed(before))[0]
        assert first.status == "warning", first.message
        assert first.cause[0].stem == "Middle"
        (moves[kind],) = first.fixes
    assert moves["gain"] == GainMove("Middle", -4.0)
    assert moves["polarity"] == PolarityMove("Middle")
    delay, eq = moves["delay"], moves["eq"]
    assert isinstance(delay, DelayMove)
    assert isinstance(eq, EqMove)
    assert delay.samples == pytest.approx(-88.2, abs=0.05)
    assert eq.kind == "bell"
    assert eq.gain_db == pytest.approx(-6.0, abs=0.2)
    assert eq.frequency_hz == pytest.approx(1_000.0, rel=0.03)


def test_untouched_and_unrelated_references_are_quiet() -> None:
    stems = song()
    for reference in (mixed(stems), noise(5, 40, 8_000)):
        assert {f.status for f in findings(stems, mixed(stems), reference)} == {"pass"}
    shifted = findings(stems, mixed(stems), as_file(delayed(mixed(stems), RATE, 0.0234)))
    assert [f.status for f in shifted] == ["info"]


@pytest.mark.parametrize(("rate", "channels", "frames"), [
    (8_000, 1, 16_000), (8_000, 2, 16_000), (192_000, 2, 96_000), (48_000, 2, 1), (48_000, 1, 0), (48_000, 2, 3_000),
    (48_000, 2, 60_000),
])  # fmt: skip
def test_odd_programmes_do_not_crash(rate: int, channels: int, frames: int) -> None:
    rng = np.random.default_rng(1)
    tracks = {n: as_file(0.1 * rng.standard_normal((channels, frames))) for n in ("A", "B")}
    tracks["Silent"] = np.zeros((1, frames), np.float32)
    mix = mixed(tracks)
    after = {**tracks, "A": as_file(0.5 * tracks["A"])}
    of = source(rate, "mono" if channels == 1 else "stereo")
    for reference in (mix, np.zeros_like(mix), as_file(0.1 * rng.standard_normal((channels, frames)))):
        for given in (after, {"Silent": tracks["Silent"]}, {"A": after["A"]}):
            for finding in findings(given, mixed(after), reference, of):
                assert finding.status != "crashed", finding.message


@pytest.mark.slow
def test_an_mp3_of_the_mix_is_the_same_mix_and_still_shows_what_was_changed(tmp_path: Path) -> None:
    """Real files: stems as WAV, the older version as MP3, which its encoder has changed everywhere."""
    tracks = clean_tracks()
    (tmp_path / "stems").mkdir()
    written(tmp_path / "older.mp3", as_file(summed(tracks)), quality=256)
    written(tmp_path / "mix.wav", as_file(summed(tracks)), bit_depth=24)
    for name, samples in tracks.items():
        written(tmp_path / "stems" / f"{name}.wav", samples, bit_depth=24)
    assert beside_mp3(tmp_path).state == "same"
    tracks["Lead"] = as_file(bell(tracks["Lead"], SCENE_RATE, 900.0, 8.0, 1.0))
    written(tmp_path / "stems" / "Lead.wav", tracks["Lead"], bit_depth=24)
    written(tmp_path / "mix.wav", as_file(summed(tracks)), bit_depth=24)
    first = beside_mp3(tmp_path).changes[0]
    assert first.stem == "Lead"
    assert first.fit.kind == "eq"
    assert max(f.gain_db for f in first.fit.filters) == pytest.approx(8.0, abs=1.0)


def written(path: Path, samples: Samples, **options: Any) -> None:
    with AudioFile(str(path), "w", SCENE_RATE, len(samples), **options) as file:
        file.write(samples)


def beside_mp3(folder: Path) -> Version:
    stems = find_stems(folder / "stems", folder / "mix.wav")
    measured = measure_folder(folder / "mix.wav", stems, references=[folder / "older.mp3"])
    assert measured.stems is not None
    assert measured.stems.references[0].lossy
    return compared(measured.stems, 0)
