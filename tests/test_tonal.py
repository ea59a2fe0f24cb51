"""Frequency balance: level match, deviation, ranges, genres, and what the check makes of them."""

from __future__ import annotations

import dataclasses
import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import EqMove, Finding
from dsp.listening.tonal import EDGE, MATCH_HZ, TonalBalance, compare, level_match, nearest, region_of
from dsp.meters.bands import BAND_HZ, NOMINAL_HZ, band_shape
from dsp.mix import Mix, measure
from dsp.profile import genre_names, load_genre, load_profile
from dsp.regions import REGIONS
from dsp.units import Curve, Samples, from_power_db, power_db_curve
from render_tests.scenes.base import RATE, clean
from render_tests.scenes.processors import compressed, gain, limited

CHECK = find_check("frequency-balance")
GENRES = genre_names()
#: The share of a bump of an octave inside the matched range that the level match may take along.
DRAG = 0.45


def power_of(genre: str, level_db: float = -30.0) -> Curve:
    """The spectrum that is exactly a genre's, at some level."""
    return np.asarray(10.0 ** ((load_genre(genre).level_at(BAND_HZ) + level_db) / 10.0))


def bell_db(frequency_hz: float, level_db: float, q: float = 1.0) -> Curve:
    """A bell's gain at the mid-bands, dB."""
    s, a = 1j * BAND_HZ / frequency_hz, 10.0 ** (level_db / 40.0)
    return np.asarray(20.0 * np.log10(np.abs((s * s + s * a / q + 1.0) / (s * s + s / (a * q) + 1.0))))


@cache
def song(seconds: float = 24.0, rate: int = 48_000, genre: str = "modern") -> Samples:
    """Noise with the spectrum of a genre, beating like drums."""
    rng = np.random.default_rng(11)
    frames = round(seconds * rate)
    hz = np.fft.rfftfreq(frames, 1.0 / rate)
    density = load_genre(genre).level_at(np.maximum(hz, 20.0)) - 10.0 * np.log10(np.maximum(hz, 20.0))
    spectrum = np.fft.rfft(rng.standard_normal((2, frames))) * 10.0 ** (density / 20.0) * (hz > 20.0)
    noise = np.fft.irfft(spectrum, frames)
    beat = 0.4 + np.exp(-np.mod(np.arange(frames) / rate, 0.5) / 0.12)
    out = noise * beat
    return np.asarray(0.1 * out / np.sqrt(np.mean(out**2)), dtype=np.float32)


def mix_of(samples: Samples, rate: int = 48_000) -> Mix:
    layout = "stereo" if len(samples) == 2 else "mono"
    return measure(Source("song.wav", "WAV", "PCM", rate, layout, 24), [np.ascontiguousarray(samples, np.float32)])


@cache
def song_mix(genre: str = "modern") -> Mix:
    return mix_of(song(genre=genre))


@cache
def clean_mix() -> Mix:
    return mix_of(clean())


def judged(mix: Mix, genre: str = "modern") -> tuple[Finding, ...]:
    return run_check(CHECK, mix, dataclasses.replace(load_profile("mix"), genre=load_genre(genre)))


def balance_of(mix: Mix, genre: str = "modern") -> TonalBalance:
    return compare(mix.spectrum, mix.readings.gram.band_hz, load_genre(genre))


# The data


def test_the_genres_are_those_promised() -> None:
    promised = "modern pop rock metal hip-hop electronic jazz blues country disco reggae classical"
    assert set(GENRES) == set(promised.split())


@pytest.mark.parametrize("name", GENRES)
def test_a_genre_file_is_whole_and_names_its_source(name: str) -> None:
    genre = load_genre(name)
    assert genre.band_hz == tuple(map(float, NOMINAL_HZ[:29]))
    assert len(genre.level_db) == len(genre.sigma_db) == 29
    assert len(genre.sigma_short_db) in (0, 29)
    assert dict(zip(genre.band_hz, genre.level_db, strict=True))[1000.0] == 0.0
    assert min(genre.sigma_db + genre.sigma_short_db) > 2.0
    assert max(genre.sigma_db + genre.sigma_short_db) < 11.0
    assert 100.0 <= genre.low_hz < 400.0
    assert 8000.0 <= genre.high_hz <= 14_000.0
    assert len(genre.source) > 40
    assert len(genre.sigma_source) > 40
    assert "\n" not in genre.source
    steps = np.abs(np.diff(genre.level_db)) / np.diff(np.log2(genre.band_hz))
    assert steps.max() < 17.0  # averages are smooth


def test_genres_differ_as_ears_know_them() -> None:
    def at(name: str, frequency_hz: float) -> float:
        return float(load_genre(name).level_at(np.array([frequency_hz]))[0])

    assert at("classical", 8000) < at("jazz", 8000) < at("rock", 8000) < at("hip-hop", 8000)
    assert at("metal", 3150) > at("rock", 3150) + 3.0
    assert at("electronic", 50) > at("rock", 50) > at("classical", 50)


def test_regions_adjoin_and_bands_fall_where_their_names_say() -> None:
    assert all(a.high_hz == b.low_hz for a, b in itertools.pairwise(REGIONS))
    for exact, nominal in zip(BAND_HZ, NOMINAL_HZ, strict=True):
        region = region_of(float(exact))
        assert region.low_hz <= nominal
        assert nominal < region.high_hz or region is REGIONS[-1]


# The comparison


@pytest.mark.parametrize("name", GENRES)
@pytest.mark.parametrize("level_db", [-90.0, -30.0, 0.0])
def test_a_genre_lies_exactly_on_itself_at_any_level(name: str, level_db: float) -> None:
    balance = compare(power_of(name, level_db), BAND_HZ, load_genre(name))
    assert balance.offset_db == pytest.approx(level_db, abs=1e-9)
    np.testing.assert_allclose(balance.deviation_db, 0.0, atol=1e-9)
    assert balance.ranges(0.1, 2.0) == ()
    assert balance.anchors == 11


@given(
    st.lists(st.floats(-15.0, 15.0), min_size=11, max_size=11),
    st.floats(-80.0, 20.0),
    st.integers(0, 10),
    st.floats(0.0, 30.0),
)
def test_the_level_match_follows_a_fader_and_hardly_a_band(
    difference: list[float], fader_db: float, band: int, more_db: float
) -> None:
    sigma = load_genre("modern").sigma_at(BAND_HZ[9:20])
    values = np.array(difference)
    level = level_match(values, sigma)
    assert values.min() - 1e-6 <= level <= values.max() + 1e-6
    assert level_match(values + fader_db, sigma) == pytest.approx(level + fader_db, abs=1e-3)
    values[band] += more_db
    assert -1e-3 <= level_match(values, sigma) - level <= more_db + 1e-3


@pytest.mark.parametrize("frequency_hz", [125.0, 250.0, 400.0, 630.0, 1000.0, 1600.0, 2500.0, 4000.0, 8000.0])
@pytest.mark.parametrize("level_db", [3.0, 6.0, 9.0, -6.0, -9.0])
def test_a_bump_is_found_where_it_is_and_nearly_as_high(frequency_hz: float, level_db: float) -> None:
    bump = bell_db(frequency_hz, level_db, 1.4)
    balance = compare(power_of("modern") * 10.0 ** (bump / 10.0), BAND_HZ, load_genre("modern"))
    peak = int(np.nanargmax(np.sign(level_db) * balance.deviation_db))
    assert abs(np.log2(BAND_HZ[peak] / frequency_hz)) < 0.2
    shift = bump - balance.deviation_db  # one number: what the level match took along
    assert np.ptp(shift) < 1e-9
    inside = MATCH_HZ[0] <= frequency_hz <= MATCH_HZ[1]
    assert -1e-9 <= np.sign(level_db) * shift[0] <= (DRAG if inside else 0.15) * abs(level_db)


def test_a_range_has_the_edges_and_the_peak_of_what_was_added() -> None:
    power = power_of("modern")
    power[10:13] *= from_power_db(9.0)  # 250, 315 and 400 Hz
    (found,) = compare(power, BAND_HZ, load_genre("modern")).ranges(1.0, 2.0)
    assert (found.first, found.last) == (10, 12)
    assert found.low_hz == pytest.approx(BAND_HZ[10] / EDGE)
    assert found.high_hz == pytest.approx(BAND_HZ[12] * EDGE)
    assert found.octaves == pytest.approx(1.0, abs=0.01)
    assert found.region.name == "mud"
    assert found.deviation_db == pytest.approx(9.0, abs=1.0)
    assert found.sigmas > 2.0


def test_below_the_measured_range_only_a_large_excess_counts() -> None:
    def sub(level_db: float) -> float:
        power = power_of("modern")
        power[1:5] *= from_power_db(level_db)  # 31.5 to 63 Hz
        return float(np.abs(compare(power, BAND_HZ, load_genre("modern")).sigmas(2.0)).max())

    assert sub(-30.0) < 1e-9
    assert sub(8.0) < 1.0
    assert sub(20.0) > 1.0


@pytest.mark.parametrize("ends_hz", [3400.0, 6000.0, 11_000.0, 16_000.0])
def test_above_a_low_pass_nothing_is_judged(ends_hz: float) -> None:
    power = power_of("modern")
    slope = np.where(ends_hz < BAND_HZ / EDGE, 1e-9, np.where(ends_hz < BAND_HZ * EDGE, 0.2, 1.0))
    for told in (ends_hz, None):
        balance = compare(power * slope, BAND_HZ, load_genre("modern"), told)
        assert balance.ranges(1.0, 2.0) == ()
        assert not balance.present[ends_hz < BAND_HZ / EDGE].any()
        assert np.isnan(balance.deviation_db[~balance.present]).all()
    assert balance.anchors == 11


def test_a_tone_and_nothing_have_no_balance() -> None:
    tone = np.array([band_shape(np.array([997.0]), float(f))[0] for f in BAND_HZ])
    assert compare(tone, BAND_HZ, load_genre("modern")).anchors < 8
    empty = compare(np.zeros(30), BAND_HZ, load_genre("modern"))
    assert empty.anchors == 0
    assert empty.ranges(1.0, 2.0) == ()
    assert not empty.judged.any()
    assert all(value is None for _, value in empty.regions())


@pytest.mark.parametrize("name", [g for g in GENRES if g not in ("modern",)])
def test_the_nearest_genre_to_a_genre_is_itself(name: str) -> None:
    """A wide spread does not make a genre near to everything."""
    found = nearest([compare(power_of(name), BAND_HZ, load_genre(g)) for g in GENRES])
    assert found[0].genre.name == name
    assert found[0].distance_db == pytest.approx(0.0, abs=1e-9)
    assert found[1].distance_db > 0.2
    assert nearest([]) == ()


# The check


@pytest.mark.parametrize("name", ["modern", "classical", "electronic", "metal"])
def test_music_like_its_genre_passes(name: str) -> None:
    (finding,) = judged(song_mix(name), name)
    assert finding.status == "pass", finding.message
    assert load_genre(name).title in finding.message  # the nearest, labelled
    assert "suggestion" in finding.message


def test_the_dark_top_of_classical_music_is_not_missing_air() -> None:
    loud = song(genre="classical") * np.float32(gain(14.0))
    assert [f.status for f in judged(mix_of(loud), "classical")] == ["pass"]
    unnamed = judged(mix_of(loud))
    assert all(f.status in ("pass", "info", "warning") for f in unnamed)
    assert "Classical" in unnamed[0].message


@pytest.mark.parametrize(
    ("frequency_hz", "level_db", "region"), [(300.0, 12.0, "mud"), (700.0, 13.0, "midrange"), (1500.0, -13.0, "mid")]
)
def test_a_large_bump_is_a_problem_with_a_moderate_move(frequency_hz: float, level_db: float, region: str) -> None:
    mix = song_mix()
    bumped = dataclasses.replace(mix)
    spectrum = mix.spectrum * 10.0 ** (bell_db(frequency_hz, level_db) / 10.0)
    object.__setattr__(bumped, "spectrum", spectrum)
    # what is missing is a problem only in a genre that somebody named
    finding = judged(bumped)[0] if level_db > 0 else judged(bumped, "rock")[0]
    assert finding.status == "problem", finding.message
    low_hz, high_hz = finding.evidence[0].band_hz or (0.0, 0.0)
    assert low_hz < frequency_hz < high_hz
    assert finding.title.lower().startswith(region)
    assert ("hot" in finding.message) == (level_db > 0.0)
    (move,) = [f for f in finding.fixes if isinstance(f, EqMove)]
    assert move.target == "mix"
    assert move.kind == "bell"
    assert 0.5 <= abs(move.gain_db) <= 3.0
    assert np.sign(move.gain_db) == -np.sign(level_db)
    assert abs(np.log2(move.frequency_hz / frequency_hz)) < 0.5


def test_moves_stay_above_the_bass_and_boosts_below_the_top_octave() -> None:
    mix = song_mix()
    for genre, frequency_hz, level_db in itertools.product(
        ("modern", "jazz"), 1000.0 * 2.0 ** np.arange(-5, 4.5, 0.5), (-24.0, -14.0, 14.0, 24.0)
    ):
        changed = dataclasses.replace(mix)
        spectrum = mix.spectrum * 10.0 ** (bell_db(float(frequency_hz), level_db, 0.7) / 10.0)
        object.__setattr__(changed, "spectrum", spectrum)
        for finding in judged(changed, genre):
            for move in (f for f in finding.fixes if isinstance(f, EqMove)):
                assert abs(move.gain_db) <= 3.0
                assert move.frequency_hz >= (89.0 if genre == "modern" else 178.0)
                assert move.kind == "bell" or (move.kind == "high-shelf" and move.gain_db < 0.0)
                assert move.gain_db < 0.0 or move.frequency_hz <= 10_000.0


def verdict(mix: Mix) -> tuple[list[tuple[str, str]], Curve]:
    return [(f.status, f.title) for f in judged(mix)], balance_of(mix).smooth_db


@pytest.mark.parametrize("master", ["limiter", "compressor", "clipper", "quiet"])
def test_mix_and_master_of_a_song_get_the_same_verdict(master: str) -> None:
    mix = clean()
    mastered = {
        "limiter": lambda: limited(mix * np.float32(gain(6.0)), 0.891),
        "compressor": lambda: compressed(mix, 0.15, 2.0) * gain(4.0),
        "clipper": lambda: np.tanh(mix * np.float32(gain(3.0))),
        "quiet": lambda: mix * np.float32(gain(-20.0)),
    }[master]()
    before, curve = verdict(clean_mix())
    after, changed = verdict(mix_of(np.asarray(mastered, dtype=np.float32)))
    assert after == before
    assert np.nanmax(np.abs(changed - curve)[6:]) < 1.0


@pytest.mark.parametrize("rate", [44_100, 88_200, 96_000])
def test_the_sample_rate_changes_nothing(rate: int) -> None:
    up, down = (rate // 300, 160) if rate % 4410 == 0 else (rate // 48_000, 1)
    converted = signal.resample_poly(clean().astype(np.float64), up, down, axis=1)
    before, curve = verdict(clean_mix())
    after, changed = verdict(mix_of(converted.astype(np.float32), rate))
    assert after == before
    assert np.nanmax(np.abs(changed[:28] - curve[:28])) < 0.1


def test_the_end_of_the_spectrum_is_said_and_not_blamed() -> None:
    low = signal.resample_poly(song().astype(np.float64), 1, 6, axis=1)
    (finding,) = judged(mix_of(low.astype(np.float32), 8_000))
    assert finding.status == "pass", finding.message
    assert "nothing above is judged" in finding.message
    sections = signal.butter(12, 11_000, fs=48_000, output="sos")
    (finding,) = judged(mix_of(signal.sosfiltfilt(sections, song()).astype(np.float32)))
    assert finding.status == "pass", finding.message
    assert "nothing above is judged" in finding.message


@pytest.mark.parametrize("name", ["silence", "0.1 s", "10 s", "tone", "mostly silence", "no frames"])
def test_too_little_is_undetermined_with_the_reason(name: str) -> None:
    t = np.arange(24 * RATE) / RATE
    padded = np.concatenate([song(8.0), np.zeros((2, 60 * RATE), np.float32)], axis=1)
    samples, reason = {
        "silence": (np.zeros((2, 24 * RATE)), "silence"),
        "no frames": (np.zeros((2, 0)), "silence"),
        "0.1 s": (song()[:, : RATE // 10], "loud enough"),
        "10 s": (song(10.0), "loud enough"),
        "tone": (0.3 * np.stack([np.sin(2 * np.pi * 997 * t)] * 2), "not a whole mix"),
        "mostly silence": (padded, "loud enough"),
    }[name]
    (finding,) = judged(mix_of(np.asarray(samples, dtype=np.float32)))
    assert finding.status == "undetermined"
    assert reason in finding.message


def test_the_place_of_a_deviation_is_named() -> None:
    samples = song(60.0).astype(np.float64)
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    spectrum[:, (hz < 250) | (hz > 500)] = 0.0
    extra = 4.0 * np.fft.irfft(spectrum, samples.shape[1])
    extra[:, : 30 * RATE] = extra[:, 40 * RATE :] = 0.0
    finding = judged(mix_of((0.5 * (samples + extra)).astype(np.float32)))[0]
    assert finding.evidence[0].at_s == (30.0, 40.0)
    assert "0:30.0-0:40.0" in finding.message


def test_the_whole_check_takes_milliseconds() -> None:
    """On four minutes of gram; generous, for busy machines."""
    import time

    mix = song_mix()
    gram = mix.readings.gram
    longer = dataclasses.replace(gram, data=np.tile(gram.data, (10, 1, 1)))
    power = np.tile(mix.readings.loudness.power, 10)
    loudness = dataclasses.replace(mix.readings.loudness, power=power)
    mix = Mix(mix.source, dataclasses.replace(mix.readings, gram=longer, loudness=loudness))
    judged(mix)
    started = time.perf_counter()
    judged(Mix(mix.source, mix.readings))
    assert time.perf_counter() - started < 0.5


def test_power_and_decibels_agree() -> None:
    assert power_db_curve(power_of("modern"))[16] == pytest.approx(-30.0)
