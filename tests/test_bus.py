"""The mix bus: what is injected between the sum of the stems and the mix is found again, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import GainMove
from dsp.mix import Mix
from dsp.profile import load_profile
from dsp.stems.bus_meter import BusMeter, BusReadings
from dsp.stems.bus_words import bends, release_s
from dsp.stems.sum_verdict import level_db, verdict
from dsp.units import Samples
from plugin_bridge.files import read_audio
from render_tests.scenes.base import RATE, SOURCE, clean, quantised
from render_tests.scenes.processors import Signal, compressed, dithered, gain, limited
from render_tests.scenes.registry import clean_mix, clean_tracks, with_stems

PROFILE = load_profile("mix")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SAME_DB = -40.0


@cache
def song() -> Signal:
    return clean().astype(np.float64)


def measured(total: npt.ArrayLike, mix: npt.ArrayLike, rate: int = RATE, sizes: tuple[int, ...] = ()) -> BusReadings:
    both = np.concatenate([np.asarray(total), np.asarray(mix)]).astype(np.float32)
    meter = BusMeter(rate, len(both))
    start, k = 0, 0
    while start < both.shape[1]:
        size = sizes[k % len(sizes)] if sizes else meter.block_frames
        meter.process(both[:, start : start + size])
        start, k = start + size, k + 1
    return meter.finish()


def biquad(kind: str, frequency_hz: float, gain_db: float, q: float, rate: int = RATE) -> tuple[Signal, Signal]:
    """RBJ cookbook: a bell or a high shelf."""
    w, root = 2 * np.pi * frequency_hz / rate, gain(gain_db / 2)
    cos, alpha = np.cos(w), np.sin(w) / (2 * q)
    if kind == "bell":
        return (
            np.array([1 + alpha * root, -2 * cos, 1 - alpha * root]),
            np.array([1 + alpha / root, -2 * cos, 1 - alpha / root]),
        )
    edge = 2 * np.sqrt(root) * alpha
    b = [
        (root + 1) + (root - 1) * cos + edge,
        -2 * ((root - 1) + (root + 1) * cos),
        (root + 1) + (root - 1) * cos - edge,
    ]
    a = [
        (root + 1) - (root - 1) * cos + edge,
        2 * ((root - 1) - (root + 1) * cos),
        (root + 1) - (root - 1) * cos - edge,
    ]
    return root * np.array(b), np.array(a)


def response_db(ba: tuple[Signal, Signal], hz: Any, rate: int = RATE) -> Signal:
    return np.asarray(20 * np.log10(np.abs(signal.freqz(*ba, worN=hz, fs=rate)[1])))


def equalised(x: Signal, *filters: tuple[Signal, Signal]) -> Signal:
    for b, a in filters:
        x = signal.lfilter(b, a, x, axis=1)
    return x


def late(x: Signal, samples: float) -> Signal:
    spectrum = np.fft.rfft(np.pad(x, ((0, 0), (2048, 2048))))
    turned = spectrum * np.exp(-2j * np.pi * np.fft.rfftfreq(x.shape[1] + 4096) * samples)
    return np.asarray(np.fft.irfft(turned, x.shape[1] + 4096)[:, 2048:-2048])


# The gain, the polarity, the delay


@pytest.mark.parametrize("gain_db", [0.0, -7.3, 4.1])
@pytest.mark.parametrize("polarity", [1, -1])
def test_gain_and_polarity_are_exact_and_a_plain_sum_has_nothing_on_it(gain_db: float, polarity: int) -> None:
    bus = measured(song(), quantised(dithered(polarity * gain(gain_db) * 0.5 * song(), 16), 16))
    assert bus.polarity == polarity
    assert bus.gain_db == pytest.approx(gain_db + 20 * np.log10(0.5), abs=0.005)
    assert bus.delay_samples == pytest.approx(0.0, abs=0.002)
    assert np.abs(bus.eq_db[bus.sure]).max() < 0.02
    dynamics = bus.dynamics
    assert dynamics is not None
    assert dynamics.kind == "none"
    assert np.abs(dynamics.peak_db).max() < 0.1
    assert np.nanmax(np.abs(dynamics.frames)) < 0.1
    assert bus.limits is False
    assert bus.residual_db is not None
    assert bus.residual_db < -55.0


def test_what_rounds_nothing_leaves_nothing() -> None:
    bus = measured(song(), song())
    assert bus.residual_db is not None
    assert bus.residual_db < -120.0
    assert bus.gain_db == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("samples", [0.37, -0.5, 1.0, 2.6])
def test_a_delay_is_found_to_a_fraction(samples: float) -> None:
    bus = measured(song(), late(song(), samples))
    assert bus.delay_samples == pytest.approx(samples, abs=0.02)
    assert bus.left is not None
    assert bus.left.explained_db is not None
    assert bus.left.explained_db < -35.0
    assert np.abs(bus.eq_db[bus.sure]).max() < 0.1


@pytest.mark.parametrize("samples", [50, -480, 960])
def test_a_long_delay_is_only_reported(samples: int) -> None:
    bus = measured(song(), -np.roll(song(), samples, axis=1))
    assert bus.delay_samples == samples
    assert bus.polarity == -1
    assert bus.left is None
    assert bus.residual_db is None


# The equaliser


@pytest.mark.parametrize(
    ("kind", "frequency_hz", "gain_db", "q"),
    [
        ("bell", 90.0, 6.0, 1.0), ("bell", 250.0, -6.0, 1.5), ("bell", 3000.0, 5.0, 0.7), ("bell", 1000.0, -4.0, 2.0),
        ("shelf", 8000.0, 4.0, 0.7), ("shelf", 500.0, -6.0, 0.7),
    ],
)  # fmt: skip
@pytest.mark.parametrize("work", ["alone", "before a limiter", "after a limiter"])
def test_an_equaliser_is_found_within_half_a_decibel(
    kind: str, frequency_hz: float, gain_db: float, q: float, work: str
) -> None:
    ba = biquad(kind, frequency_hz, gain_db, q)
    total = song()
    if work == "after a limiter":
        held = limited(total, float(np.abs(total).max()) * gain(-5.0))
        mix = equalised(held, ba)
    else:
        mix = equalised(total, ba)
        if work == "before a limiter":
            mix = limited(mix, float(np.abs(mix).max()) * gain(-5.0))
    bus = measured(total, mix)
    assert bus.sure.sum() > 80
    true = response_db(ba, bus.hz)
    assert bus.gain_db is not None
    wrong = (bus.eq_db + bus.gain_db - true)[bus.sure]
    assert np.abs(np.median(wrong)) < 0.05
    assert np.quantile(np.abs(wrong), 0.95) < 0.5
    assert bus.dynamics is not None
    assert bus.dynamics.kind == ("none" if work == "alone" else "limiter")


@pytest.mark.parametrize(
    ("kind", "frequency_hz", "gain_db", "found", "near_hz"),
    [
        ("bell", 400.0, -4.0, "bell", (350, 450)),
        ("shelf", 8000.0, 3.0, "high-shelf", (6000, 9500)),
        ("bell", 2500.0, 3.0, "bell", (2200, 2900)),
    ],
)
def test_a_bend_is_said_as_what_it_is(
    kind: str, frequency_hz: float, gain_db: float, found: str, near_hz: tuple[int, int]
) -> None:
    bus = measured(song(), equalised(song(), biquad(kind, frequency_hz, gain_db, 0.8)))
    first = bends(bus, 0.75, 18_000.0)[0]
    assert first.kind == found
    assert near_hz[0] < first.hz < near_hz[1]
    assert first.gain_db == pytest.approx(gain_db, abs=0.4)
    assert f"{first.gain_db:+.1f} dB" in first.words


# The dynamics


def gain_at(bus: BusReadings, before: Signal, after: Signal) -> tuple[Signal, Signal]:
    """Reductions as measured at the peaks, and as the two signals say there."""
    assert bus.dynamics is not None
    at = np.round(bus.dynamics.peak_s * RATE).astype(int)
    a = np.array([np.sqrt(np.sum(before[:, k - 20 : k + 21] ** 2)) for k in at])
    b = np.array([np.sqrt(np.sum(after[:, k - 20 : k + 21] ** 2)) for k in at])
    return np.asarray(bus.dynamics.peak_db, dtype=np.float64), np.asarray(20 * np.log10(a / b))


@pytest.mark.parametrize("depth_db", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("eq", ["none", "before", "after"])
def test_the_reduction_of_a_limiter_is_found_within_half_a_decibel(depth_db: float, eq: str) -> None:
    ba = (biquad("bell", 150.0, 4.0, 1.0), biquad("shelf", 6000.0, -4.0, 0.7))
    before = equalised(song(), *ba) if eq == "before" else song()
    after = limited(before, float(np.abs(before).max()) * gain(-depth_db))
    mix = 0.7 * (equalised(after, *ba) if eq == "after" else after)
    bus = measured(song(), quantised(mix))
    dynamics = bus.dynamics
    assert dynamics is not None
    assert dynamics.kind == "limiter"
    assert bus.limits is True
    found, true = gain_at(bus, before, after)
    assert np.abs(found - true)[true > 0.2].max() < 0.5
    assert np.median(np.abs(found - true)) < 0.1
    assert dynamics.peak_db.max() == pytest.approx(depth_db, abs=0.5)
    if eq == "none":
        assert dynamics.ceiling_dbfs == pytest.approx(20 * np.log10(0.7 * np.abs(after).max()), abs=0.1)


def test_a_clipper_is_no_limiter_and_its_curve_is_found() -> None:
    ceiling = float(np.abs(song()).max()) * gain(-4.0)
    bus = measured(song(), np.clip(song(), -ceiling, ceiling))
    assert bus.dynamics is not None
    assert bus.dynamics.kind == "clipper"
    assert bus.dynamics.peak_db.max() == pytest.approx(4.0, abs=0.1)
    assert bus.dynamics.ceiling_dbfs == pytest.approx(20 * np.log10(ceiling), abs=0.05)


def test_saturation_bends_without_a_wall() -> None:
    drive = 1.2 / float(np.abs(song()).max())
    bus = measured(song(), np.tanh(drive * song()) / drive)
    assert bus.dynamics is not None
    assert bus.dynamics.kind == "saturation"
    assert bus.limits is False


@pytest.mark.parametrize(("ratio", "release_ms"), [(2.0, 100.0), (4.0, 150.0)])
def test_a_compressor_is_no_limiter(ratio: float, release_ms: float) -> None:
    threshold = float(np.abs(song()).max()) * gain(-12.0)
    bus = measured(song(), compressed(song(), threshold, ratio, release_ms))
    dynamics = bus.dynamics
    assert dynamics is not None
    assert dynamics.kind == "compressor"
    assert bus.limits is False
    assert np.abs(bus.eq_db[bus.sure]).max() < 0.5
    # the highest peak lies 12 dB over the threshold
    assert dynamics.peak_db.max() == pytest.approx(12.0 * (1 - 1 / ratio), abs=0.7)
    measured_s = release_s(np.nan_to_num(dynamics.frames))
    assert measured_s is not None
    assert release_ms / 2 < 1e3 * measured_s < release_ms * 2


# How it is measured


def test_any_partition_gives_the_same() -> None:
    total, mix = song()[:, :200_000], limited(song()[:, :200_000], 0.2)
    whole, parts = measured(total, mix), measured(total, mix, sizes=(1, 7919, 24_000, 333))
    for name in ("response", "eq_db", "error_db"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert whole.dynamics is not None
    assert parts.dynamics is not None
    assert np.array_equal(whole.dynamics.peak_db, parts.dynamics.peak_db)


def test_a_result_on_the_way_disturbs_nothing() -> None:
    both = np.concatenate([song(), 0.5 * song()]).astype(np.float32)[:, :150_000]
    one, two = BusMeter(RATE, 4), BusMeter(RATE, 4)
    for start in range(0, both.shape[1], 24_000):
        one.process(both[:, start : start + 24_000])
        two.process(both[:, start : start + 24_000])
        two.result()
    assert np.array_equal(one.finish().response, two.finish().response)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [0, 1, 500, 60_000])
def test_awkward_programmes_do_not_break_it(rate: int, channels: int, frames: int) -> None:
    rng = np.random.default_rng(2)
    total = 0.1 * rng.standard_normal((channels, frames))
    for mix in (total, 0.0 * total, -0.5 * total, rng.standard_normal(total.shape)):
        for given in (total, 0.0 * total):
            bus = measured(given, mix, rate)
            assert bus.gain_db is None or np.isfinite(bus.gain_db)


# The stems


def stems_mix(change: dict[str, Any], stems: dict[str, Samples] | None = None, after: Any = None) -> Mix:
    """The clean song whose mix holds some stems otherwise than their files."""
    tracks = clean_tracks()
    total = np.sum([change.get(n, t.astype(np.float64)) for n, t in tracks.items()], axis=0)
    return with_stems(SOURCE, quantised(total if after is None else after(total)), stems or tracks)


def judged(mix: Mix) -> Any:
    assert mix.stems is not None
    assert mix.stems.bus is not None
    return verdict(mix.stems, mix.stems.bus, SAME_DB)


@pytest.mark.parametrize("by_db", [-4.0, 3.0])
@pytest.mark.parametrize("name", ["Drums", "Guitar L", "Lead"])
def test_a_stem_at_another_level_is_named_with_its_decibels(name: str, by_db: float) -> None:
    mix = stems_mix({name: gain(by_db) * clean_tracks()[name]})
    found = judged(mix)
    assert found.kind == "level"
    assert found.stems == (name,)
    assert level_db(found.fit.change) == pytest.approx(by_db, abs=0.2)
    told = run_check(find_check("stem-sum"), mix, PROFILE)[0]
    assert told.cause[0].stem == name
    assert told.fixes == (GainMove(name, round(level_db(found.fit.change), 2)),)


@pytest.mark.parametrize("name", ["Bass", "Keys", "Room"])
def test_an_inverted_stem_is_named(name: str) -> None:
    found = judged(stems_mix({name: -1.0 * clean_tracks()[name]}))
    assert (found.kind, found.stems) == ("polarity", (name,))


@pytest.mark.parametrize(("name", "samples"), [("Guitar R", 31.4), ("Lead", -212.0), ("Drums", 700.0)])
def test_a_stem_that_is_late_is_named_to_a_tenth_of_a_sample(name: str, samples: float) -> None:
    found = judged(stems_mix({name: late(clean_tracks()[name].astype(np.float64), samples)}))
    assert (found.kind, found.stems) == ("delay", (name,))
    assert found.lag.samples == pytest.approx(samples, abs=0.1)


@pytest.mark.parametrize(("name", "frequency_hz"), [("Guitar L", 600.0), ("Drums", 5000.0), ("Bass", 120.0)])
def test_a_filtered_stem_is_named(name: str, frequency_hz: float) -> None:
    filtered = equalised(clean_tracks()[name].astype(np.float64), biquad("bell", frequency_hz, 6.0, 1.0))
    found = judged(stems_mix({name: filtered}))
    assert (found.kind, found.stems) == ("equaliser", (name,))


def test_a_muted_stem_and_one_that_was_not_exported() -> None:
    muted = judged(stems_mix({"Keys": 0.0 * clean_tracks()["Keys"]}))
    assert (muted.kind, muted.stems) == ("absent", ("Keys",))
    rest = {n: t for n, t in clean_tracks().items() if n != "Lead"}
    assert judged(stems_mix({}, rest)).kind == "missing"


def test_two_stems_at_other_levels_are_both_named() -> None:
    tracks = clean_tracks()
    found = judged(stems_mix({"Lead": gain(-4.0) * tracks["Lead"], "Guitar L": gain(4.0) * tracks["Guitar L"]}))
    assert found.kind == "several"
    assert set(found.stems) == {"Lead", "Guitar L"}
    assert {n: round(level_db(c)) for n, c in found.levels} == {"Lead": -4, "Guitar L": 4}


@pytest.mark.parametrize("device", ["equaliser", "limiter", "both", "compressor", "late and upside down"])
def test_what_the_bus_did_is_no_fault_of_the_stems(device: str) -> None:
    bell = biquad("bell", 200.0, 5.0, 1.0)

    def after(total: Signal) -> Signal:
        peak = float(np.abs(total).max())
        return {
            "equaliser": lambda: 0.5 * equalised(total, bell),
            "limiter": lambda: limited(total, gain(-5.0) * peak),
            "both": lambda: limited(equalised(total, bell), gain(-5.0) * peak),
            "compressor": lambda: compressed(total, gain(-10.0) * peak, 3.0),
            "late and upside down": lambda: -late(total, 0.6),
        }[device]()

    mix = stems_mix({}, after=after)
    assert judged(mix).kind == "bus"
    assert run_check(find_check("stem-sum"), mix, PROFILE)[0].status == "pass"


def test_the_clean_mix_is_proved_to_be_unlimited() -> None:
    for check in ("stem-sum", "bus-processing", "bus-limiter"):
        findings = run_check(find_check(check), clean_mix(), PROFILE)
        assert [f.status for f in findings] == ["pass"], check


def test_a_master_may_be_limited() -> None:
    mix = stems_mix({}, after=lambda x: limited(x, gain(-5.0) * float(np.abs(x).max())))
    for check in ("bus-processing", "bus-limiter"):
        assert run_check(find_check(check), mix, PROFILE)[0].status == "problem"
        assert run_check(find_check(check), mix, load_profile("master"))[0].status == "info"


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 2)])
def test_few_and_many_stems_silent_ones_among_them(count: int, rate: int, channels: int) -> None:
    rng = np.random.default_rng(3)
    source = Source("s.wav", "WAV", "PCM", rate, "stereo" if channels == 2 else "mono", 24)
    stems = {f"s{k}": (0.02 * rng.standard_normal((channels, 4 * rate // 5))).astype(np.float32) for k in range(count)}
    stems["silent"] = np.zeros((channels, 10), dtype=np.float32)
    stems["one frame"] = np.full((channels, 1), 0.01, dtype=np.float32)
    total = np.sum([s for s in stems.values() if s.shape[1] > 10], axis=0)
    for mix in (total, 0.0 * total, -0.5 * total, total + stems["s0"], total[:, :1], rng.standard_normal(total.shape)):
        measured_mix = with_stems(source, mix.astype(np.float32), stems)
        for check in ("stem-sum", "bus-processing", "bus-limiter"):
            for finding in run_check(find_check(check), measured_mix, PROFILE):
                assert finding.status != "crashed", finding.message


def test_a_lossy_mix_of_the_stems_is_their_mix() -> None:
    rng = np.random.default_rng(4)
    power = signal.lfilter(np.ones(2400) / 2400, 1.0, song() ** 2, axis=1)
    noise = rng.standard_normal(song().shape) * np.sqrt(power) * gain(-18.0)  # noise that follows the music
    mix = with_stems(replace(SOURCE, lossy=True), quantised(song() + noise), clean_tracks())
    told = run_check(find_check("stem-sum"), mix, PROFILE)[0]
    assert told.status == "pass"
    assert mix.stems is not None
    assert mix.stems.bus is not None
    assert mix.stems.bus.dynamics is not None
    assert mix.stems.bus.dynamics.kind == "none"


# Real songs


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["keep_on_rolling", "city_blues_redfarn", "modern_motion"])
def test_real_stems(name: str) -> None:
    folder = DATA / "stems" / name
    if not folder.exists():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    audio, source = read_audio(folder / "MIX_sum_of_stems.flac")
    frames = 30 * source.sample_rate
    stems = {p.stem: np.array(read_audio(p)[0].samples[:, :frames]) for p in sorted(folder.glob("[01]*.flac"))}
    total = np.array(audio.samples[:, :frames])
    plain = with_stems(source, total, stems)
    for check in ("stem-sum", "bus-processing", "bus-limiter"):
        assert [f.status for f in run_check(find_check(check), plain, PROFILE)] == ["pass"]
    before = equalised(total.astype(np.float64), biquad("bell", 300.0, -4.0, 1.0, source.sample_rate))
    held = limited(before, float(np.abs(before).max()) * gain(-4.0))
    mix = with_stems(source, quantised(held), stems)
    assert mix.stems is not None
    bus = mix.stems.bus
    assert bus is not None
    assert bus.dynamics is not None
    assert judged(mix).kind == "bus"
    assert bus.dynamics.kind == "limiter"
    true = response_db(biquad("bell", 300.0, -4.0, 1.0, source.sample_rate), bus.hz, source.sample_rate)
    assert bus.gain_db is not None
    assert np.quantile(np.abs(bus.eq_db + bus.gain_db - true)[bus.sure], 0.95) < 0.5
    assert bus.dynamics.peak_db.max() == pytest.approx(4.0, abs=0.5)
