"""Attribution: shares and predictions against measured audio, who is blamed for a bump, and what is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import diagnose, run_check
from dsp.findings import Advice, Cause, DelayMove, EqMove, Finding, Fix, GainMove, Measurement, PolarityMove
from dsp.listening.causes import TRACERS, attributed
from dsp.listening.causes_excess import Blame, blame, first_last, source_moves, weights_of
from dsp.listening.causes_peaks import near_share, peak_shares
from dsp.listening.causes_trace import BUS, named, ranked
from dsp.listening.tonal import compare
from dsp.mix import Mix, in_memory, measure
from dsp.profile import load_profile
from dsp.stems.attribution import Parts, change, eq_response, moved, parts, predicted, predicted_mix_power, without
from dsp.stems.model import Role
from dsp.units import Samples, amplitude_db, power_db_curve
from plugin_bridge.files import read_audio
from render_tests.scenes.base import RATE, SOURCE, clean
from render_tests.scenes.registry import clean_mix, clean_tracks, with_stems
from render_tests.scenes.tonal import bell

MIX = load_profile("mix")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"
#: Bands that hold enough of noise for its spectrum to be known to a tenth of a decibel.
HEARD = slice(6, 28)


@cache
def noises(seconds: float = 3.0) -> dict[str, Samples]:
    """Four tracks of noise; "double" is "left" at -6 dB, "against" the same turned round at -12 dB."""
    rng = np.random.default_rng(3)
    one, other = (0.05 * rng.standard_normal((2, round(seconds * RATE))) for _ in range(2))
    tracks = {"left": one, "double": 0.5 * one, "against": -0.25 * one, "apart": 0.7 * other}
    return {k: v.astype(np.float32) for k, v in tracks.items()}


def total(tracks: Mapping[str, Samples]) -> Samples:
    return np.sum(list(tracks.values()), axis=0, dtype=np.float32)


@cache
def noise_mix() -> Mix:
    return with_stems(SOURCE, None, noises())


def power_of(samples: Samples) -> Samples:
    """Mean band powers of audio, by the meter alone."""
    gram = measure(SOURCE, in_memory(samples, RATE)).readings.gram
    return np.asarray(gram.power.mean(axis=(0, 1)))


def stems_of(mix: Mix) -> Parts:
    assert mix.stems is not None
    return parts(mix.stems)


# Shares


def test_shares_sum_to_one_and_name_what_cancels() -> None:
    shares = stems_of(noise_mix()).shares(np.ones(30))
    assert shares.sum() == pytest.approx(1.0, abs=1e-4)
    # amplitudes 1 + 0.5 - 0.25 add to 1.25, the other is 0.7: shares 1.25, 0.625, -0.3125 and 0.49 of their sum
    assert shares == pytest.approx(np.array([1.25, 0.625, -0.3125, 0.49]) / 2.0525, abs=0.03)


@pytest.mark.parametrize("name", ["left", "double", "against", "apart"])
def test_leaving_a_stem_out_is_exact(name: str) -> None:
    stems = noise_mix().stems
    assert stems is not None
    rest = power_of(total({k: v for k, v in noises().items() if k != name}))
    assert power_db_curve(without(stems, name).mean(axis=0)[HEARD]) == pytest.approx(
        power_db_curve(rest[HEARD]), abs=0.02
    )
    of = parts(stems)
    index = [s.name for s in of.stems].index(name)
    measured = float((power_db_curve(rest) - power_db_curve(of.whole))[HEARD].mean())
    weights = np.zeros(30)
    weights[HEARD] = 1.0
    assert of.without_db(index, weights) == pytest.approx(measured, abs=0.02)


def test_only_the_seconds_concerned_count() -> None:
    tracks = {k: np.array(v) for k, v in noises().items()}
    tracks["apart"][:, : 2 * RATE] = 0.0
    mix = with_stems(SOURCE, None, tracks)
    assert mix.stems is not None
    late = np.zeros(len(mix.stems.mix_power), dtype=bool)
    late[45:55] = True
    assert parts(mix.stems, late).shares(np.ones(30))[3] == pytest.approx(0.49 / 2.0525, abs=0.06)
    assert parts(mix.stems, ~np.roll(late, -20)).shares(np.ones(30))[3] < 0.2


def test_stems_before_their_faders_are_scaled_to_what_is_in_the_mix() -> None:
    tracks = {k: noises()[k] for k in ("left", "apart")}
    mix = with_stems(SOURCE, (0.1 * tracks["left"] + tracks["apart"]).astype(np.float32), tracks)
    of = stems_of(mix)
    assert of.fitted
    assert of.shares(np.ones(30)) == pytest.approx([0.01 / 0.5, 0.98], abs=0.02)


# Moves


@pytest.mark.parametrize(
    ("kind", "at_zero_db", "at_centre_db", "at_top_db"),
    [("bell", 0.0, 6.0, 0.0), ("low-shelf", 6.0, 3.0, 0.0), ("high-shelf", 0.0, 3.0, 6.0)],
)
def test_filters_reach_their_gain(kind: str, at_zero_db: float, at_centre_db: float, at_top_db: float) -> None:
    response = eq_response(EqMove("x", kind, 1000.0, 6.0, 0.7), np.array([0.1, 1000.0, 1e7]))
    assert 20.0 * np.log10(np.abs(response)) == pytest.approx([at_zero_db, at_centre_db, at_top_db], abs=1e-3)


def test_passes_fall_by_twelve_decibels_an_octave_and_others_are_refused() -> None:
    high = np.abs(eq_response(EqMove("x", "high-pass", 100.0, 0.0, 0.71), np.array([1.0, 2.0, 1e5])))
    assert high[1] / high[0] == pytest.approx(4.0, rel=0.01)
    assert high[2] == pytest.approx(1.0, rel=1e-3)
    low = np.abs(eq_response(EqMove("x", "low-pass", 100.0, 0.0, 0.71), np.array([0.1, 1e4, 2e4])))
    assert low[1] / low[2] == pytest.approx(4.0, rel=0.01)
    with pytest.raises(ValueError, match="no filter 'comb'"):
        eq_response(EqMove("x", "comb", 100.0, 0.0, 1.0), np.ones(1))


def rbj(samples: Samples, move: EqMove) -> Samples:
    """A digital bell: another implementation of the same cookbook."""
    w, a = 2 * np.pi * move.frequency_hz / RATE, 10.0 ** (move.gain_db / 40.0)
    alpha = np.sin(w) / (2.0 * move.q)
    above = [1.0 + alpha * a, -2.0 * np.cos(w), 1.0 - alpha * a]
    below = [1.0 + alpha / a, -2.0 * np.cos(w), 1.0 - alpha / a]
    return np.asarray(signal.lfilter(above, below, samples, axis=1), dtype=np.float32)


MOVES: list[Fix] = [
    EqMove("left", "bell", 400.0, -6.0, 1.0),
    EqMove("apart", "bell", 2500.0, 6.0, 2.0),
    GainMove("double", -4.0),
    PolarityMove("against"),
    DelayMove("apart", 20.0),
]


@pytest.mark.parametrize("move", MOVES, ids=lambda m: f"{type(m).__name__} {m.target}")
def test_what_a_move_is_predicted_to_do_is_what_it_does(move: Fix) -> None:
    tracks = {k: np.array(v) for k, v in noises().items()}
    own = tracks[move.target]
    if isinstance(move, EqMove):
        tracks[move.target] = rbj(own, move)
    elif isinstance(move, GainMove):
        tracks[move.target] = own * np.float32(10.0 ** (move.gain_db / 20.0))
    elif isinstance(move, PolarityMove):
        tracks[move.target] = -own
    else:
        tracks[move.target] = np.roll(own, 20, axis=1)
    stems = noise_mix().stems
    assert stems is not None
    expected = power_db_curve(predicted_mix_power(stems, [move]).mean(axis=0))
    assert expected[HEARD] == pytest.approx(power_db_curve(power_of(total(tracks)))[HEARD], abs=0.35)


def test_moves_on_the_mix_and_advice_are_predicted_too() -> None:
    stems = noise_mix().stems
    assert stems is not None
    assert predicted_mix_power(stems, [Advice("listen")]) == pytest.approx(stems.mix_power, rel=1e-5)
    lower = predicted_mix_power(stems, [GainMove("mix", -10.0)])
    assert lower == pytest.approx(0.1 * stems.mix_power, rel=1e-5)


# Who is to blame


def bumped(of: Parts, stem: int, move: EqMove) -> Parts:
    """The parts as they would be with a bell on one stem, products with other stems aside."""
    by = change([move], of.band_hz, RATE)
    cross, power = of.cross.copy(), of.power.copy()
    whole = np.maximum(moved(of.whole, cross[stem], power[stem], by), 0.0)
    # H s times the conjugate of the whole plus (H - 1) s
    cross[stem] += by.less_one * cross[stem] + (by.less_one_squared + np.conj(by.less_one)) * power[stem]
    power[stem] *= by.squared
    return replace(of, whole=whole, mix=whole, power=power, cross=cross)


def test_the_stem_with_the_bump_is_blamed_in_95_of_100() -> None:
    """Bells of 3 to 9 dB anywhere that make the mix leave the genre's spread, by at least 1.5 dB of their own."""
    mix = clean_mix()
    assert mix.stems is not None
    rng, of, right, seen = np.random.default_rng(1), parts(mix.stems, mix.loud_frames), 0, 0
    for _ in range(6000):
        stem = int(rng.integers(len(of.stems)))
        frequency, gain = 60.0 * (10_000.0 / 60.0) ** rng.random(), rng.uniform(3.0, 9.0)
        made = bumped(of, stem, EqMove("", "bell", frequency, gain, 0.5 * 6.0 ** rng.random()))
        changed_db = power_db_curve(made.whole / of.whole)
        if changed_db.max() < 1.5:
            continue
        balance = compare(made.whole, of.band_hz, MIX.genre)
        hot = [r for r in balance.ranges(1.0, 2.0) if r.deviation_db > 0 and r.low_hz <= frequency <= r.high_hz]
        if not hot:
            continue
        if changed_db[hot[0].first : hot[0].last + 1].mean() < 1.5:
            continue
        seen += 1
        deviation = np.where(balance.present, np.nan_to_num(balance.deviation_db), 0.0)
        found = blame(made, deviation, balance.sigma_db, hot[0].first, hot[0].last)
        assert found.shares.sum() == pytest.approx(1.0)
        right += int(found.shares.argmax()) == stem
        if seen == 100:
            break
    assert seen == 100
    assert right >= 95


def test_moves_reach_their_aim_within_their_limits() -> None:
    of = stems_of(noise_mix())
    weights = weights_of(of.band_hz, 800.0, 1250.0)
    found = Blame(np.array([0.1, 0.0, 0.0, 0.9]), tuple((1000.0, 1.0) for _ in of.stems))
    moves, reached = source_moves(of, found, -0.5, weights)
    assert [m.target for m in moves] == ["apart"]
    assert reached <= -0.5
    assert reached == pytest.approx(of.change_db(predicted(of, moves), weights))
    moves, reached = source_moves(of, found, -20.0, weights)
    assert all(isinstance(m, EqMove) and -6.0 <= m.gain_db < 0.0 for m in moves)
    assert -6.0 < reached < 0.0
    moves, _ = source_moves(of, found, 20.0, weights)
    assert all(isinstance(m, EqMove) and 0.0 < m.gain_db <= 3.0 for m in moves)
    shelf = EqMove("mix", "high-shelf", 4000.0, -2.0, 0.7)
    moves, _ = source_moves(of, found, -0.5, weights, shelf)
    assert isinstance(moves[0], EqMove)
    assert (moves[0].kind, moves[0].frequency_hz, moves[0].q) == ("high-shelf", 4000.0, 0.7)
    assert source_moves(of, found, 0.0, weights) == ((), 0.0)
    assert first_last(weights_of(of.band_hz, 1001.0, 1002.0)) == (16, 16)


def test_equalisation_of_the_bus_is_not_blamed_on_stems() -> None:
    mix = with_stems(SOURCE, bell(clean(), 630.0, 9.0, 1.0).astype(np.float32) * np.float32(0.6), clean_tracks())
    hot = [f for f in run_check(find_check("frequency-balance"), mix, MIX) if f.status == "problem"]
    assert hot[0].cause[0].stem == BUS
    assert "mix bus itself lifts this region" in hot[0].message


# What a finding says


def test_families_are_named_together() -> None:
    stems = stems_of(noise_mix()).stems
    role = Role("electric-guitar", 1.0, "told")
    guitars = [replace(s, name=f"Guitar {side}", role=role) for s, side in zip(stems, "LR", strict=False)]
    keys = replace(stems[3], name="Keys", role=Role("keys", 1.0, "told"))
    causes = ranked([*guitars, keys], np.array([0.37, 0.34, 0.18]) / 0.89)
    assert named(causes, [*guitars, keys]) == "80 % guitars (Guitar L 42 %, Guitar R 38 %), 20 % Keys"
    assert [c.stem for c in ranked([*guitars, keys], np.array([0.02, -1.0, 0.98]))] == ["Keys"]
    assert ranked(guitars, np.zeros(2)) == ()
    assert ranked(guitars, np.array([1.0, 3.0]), bus=0.6)[0] == Cause(BUS, 0.6)


def test_without_stems_or_with_a_cause_nothing_changes() -> None:
    finding = Finding("headroom", "problem", "high", "Hot", "Hot.", (Measurement("x", 1.0, "dB"),))
    assert attributed(finding, measure(SOURCE, [clean()]), MIX) is finding
    told = replace(finding, cause=(Cause("Bass", 1.0),))
    assert attributed(told, noise_mix(), MIX) is told
    passed = replace(finding, status="pass")
    assert attributed(passed, noise_mix(), MIX) is passed
    other = replace(finding, check="file-format")
    assert attributed(other, noise_mix(), MIX) is other


def test_a_peak_belongs_to_who_sounds_there() -> None:
    quiet = 0.01 * noises()["left"]
    loud = np.array(quiet[:, ::-1])
    loud[:, RATE : RATE + 480] += 0.8
    mix = with_stems(SOURCE, None, {"quiet": quiet, "loud": np.ascontiguousarray(loud)})
    assert mix.stems is not None
    shares, own = peak_shares(mix, mix.stems, [(0.9, 1.1)])
    assert shares[1] > 0.99
    assert amplitude_db(float(own[1])) == pytest.approx(amplitude_db(0.8), abs=0.1)
    traced = attributed(run_check(find_check("true-peak"), mix, MIX)[0], mix, MIX)
    assert traced.cause[0].stem == "loud"


def test_a_stem_that_clips_by_itself_is_found() -> None:
    t = np.arange(4 * RATE) / RATE
    tone = np.clip(0.9 * np.sin(2 * np.pi * 100.3 * t), -0.5, 0.5) * (t > 1.0)
    tracks = {
        "clean": np.stack([0.1 * np.sin(2 * np.pi * 220.0 * t) * (t < 1.0)] * 2).astype(np.float32),
        "clipped": np.stack([tone] * 2).astype(np.float32),
    }
    mix = with_stems(SOURCE, None, tracks)
    found = run_check(find_check("clipping"), mix, MIX)[0]
    assert found.cause == (Cause("clipped", 1.0),)
    assert isinstance(found.fixes[0], Advice)
    assert found.fixes[0].target == "clipped"
    clean_stems = {
        "clean": tracks["clean"],
        "other": np.stack([0.4 * np.sin(2 * np.pi * 99.0 * t)] * 2).astype(np.float32),
    }
    of_bus = with_stems(SOURCE, np.clip(total(clean_stems) * np.float32(3), -0.5, 0.5), clean_stems)
    assert run_check(find_check("clipping"), of_bus, MIX)[0].cause[0].stem == BUS
    assert near_share(np.array([1.0, 2.0]), np.array([2.001]), 0.002) == 0.5


def test_a_rumbling_stem_is_high_passed_and_the_mix_is_not() -> None:
    t = np.arange(20 * RATE) / RATE
    tracks = {k: np.array(v) for k, v in clean_tracks().items()}
    length = min(len(t), tracks["Room"].shape[1])
    tracks["Room"] = tracks["Room"].copy()
    tracks["Room"][:, :length] += (0.1 * np.sin(2 * np.pi * 20.0 * t[:length])).astype(np.float32)
    mix = with_stems(SOURCE, None, tracks)
    found = run_check(find_check("subsonic"), mix, MIX)[0]
    assert found.status in ("info", "warning")
    assert found.cause[0].stem == "Room"
    for move in found.fixes:
        assert not isinstance(move, EqMove) or move.target == "Room"


def test_a_whistle_is_cut_where_it_is() -> None:
    tracks = {k: np.array(v) for k, v in clean_tracks().items()}
    t = np.arange(tracks["Keys"].shape[1]) / RATE
    tracks["Keys"] = (tracks["Keys"] + 0.0045 * np.sin(2 * np.pi * 3290.0 * t)).astype(np.float32)
    mix = with_stems(SOURCE, None, tracks)
    found = run_check(find_check("resonance"), mix, MIX)[0]
    assert found.status in ("info", "warning"), found.message
    assert found.cause[0].stem == "Keys"
    assert [m.target for m in found.fixes if isinstance(m, EqMove)] == ["Keys"]


def awkward(name: str) -> Mix:
    rng = np.random.default_rng(7)

    def noise(channels: int, frames: int, level: float = 0.1) -> Samples:
        return (level * rng.standard_normal((channels, frames))).astype(np.float32)

    def source(rate: int, layout: str) -> Source:
        return Source(name, "WAV", "PCM", rate, layout, 24)

    silent = np.zeros((2, 48_000), np.float32)
    made: dict[str, tuple[Source, Samples | None, dict[str, Samples]]] = {
        "silent stems": (source(48_000, "stereo"), noise(2, 48_000), {"a": silent, "b": silent}),
        "one silent": (source(48_000, "stereo"), None, {"a": silent, "b": noise(1, 48_000)}),
        "mono": (source(48_000, "mono"), noise(1, 96_000), {"a": noise(1, 96_000), "b": noise(1, 96_000)}),
        "8 kHz": (source(8_000, "stereo"), None, {"a": noise(2, 24_000), "b": noise(1, 24_000, 2.0)}),
        "192 kHz": (source(192_000, "stereo"), None, {"a": noise(2, 96_000), "b": noise(1, 96_000)}),
        "one frame": (source(48_000, "stereo"), None, {"a": noise(2, 1), "b": noise(1, 1)}),
        "stems of one frame": (source(48_000, "stereo"), noise(2, 96_000, 1.0), {"a": noise(2, 1), "b": noise(1, 1)}),
        "stems that last longer": (source(48_000, "stereo"), noise(2, 48_000, 1.0), {"a": noise(2, 144_000)}),
        "unrelated": (source(48_000, "stereo"), noise(2, 96_000, 0.5), {"a": noise(2, 96_000), "b": noise(2, 96_000)}),
        "one stem": (source(48_000, "stereo"), None, {"a": noise(2, 96_000, 1.0)}),
        "forty": (source(48_000, "stereo"), None, {f"t{k}": noise(2, 24_000) for k in range(40)}),
        "opposite": (source(48_000, "stereo"), None, {"a": noise(1, 96_000) * np.array([[1], [-1]], np.float32)}),
    }
    return with_stems(*made[name])


@pytest.mark.parametrize(
    "name",
    [
        *("silent stems", "one silent", "mono", "8 kHz", "192 kHz", "one frame", "stems of one frame"),
        *("stems that last longer", "unrelated", "one stem", "forty", "opposite"),
    ],
)
def test_no_stems_make_a_finding_crash(name: str) -> None:
    mix = awkward(name)
    for finding in diagnose(mix, MIX, only=[i for i in TRACERS if i != "codec-peaks"]).findings:
        assert finding.status != "crashed", finding.message
        assert "nan" not in finding.message.lower().split()
        assert all(c.share is None or 0.0 <= c.share <= 1.0 for c in finding.cause)
        assert sum(c.share or 0.0 for c in finding.cause) <= 1.01


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("song", "stem", "frequency_hz"),
    [
        ("keep_on_rolling", "02_Pad_3__polysynth", 240.0),
        ("modern_motion", "01_Acoustic_Grand_Piano", 260.0),
        ("city_blues_redfarn", "01_Honky_tonk_Piano", 420.0),
    ],
)
def test_a_bump_in_a_real_song_is_traced(song: str, stem: str, frequency_hz: float) -> None:
    if not (DATA / song).exists():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    tracks, rate = {}, 44_100
    for path in sorted((DATA / song).glob("[0-9]*.flac")):
        audio, source = read_audio(path)
        rate = source.sample_rate
        tracks[path.stem] = np.ascontiguousarray(audio.samples[:, : 20 * rate])
    move = EqMove(stem, "bell", frequency_hz * RATE / rate, 8.5, 0.9)
    mix = with_stems(replace(SOURCE, sample_rate=rate), None, {**tracks, stem: rbj(tracks[stem], move)})
    told = [f for f in run_check(find_check("frequency-balance"), mix, MIX) if "hot" in f.title]
    hot = [f for f in told if any(m.band_hz and m.band_hz[0] <= frequency_hz <= m.band_hz[1] for m in f.evidence[:1])]
    assert hot
    assert hot[0].cause[0].stem == stem, hot[0].message
