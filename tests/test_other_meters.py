"""Level, clipping, dynamics, resolution, stereo, sections, cut-off and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from dsp.audio import Source, loudness_weights
from dsp.meters.bank import MeterBank, Readings
from dsp.meters.cutoff import find_cutoff
from dsp.meters.loudness import LoudnessMeter, k_weighting
from dsp.units import Curve, Samples
from tests.music_signals import music, pink, wave

ROOT = Path(__file__).resolve().parent.parent
RATE = 48_000


def measure(samples: Curve, rate: int = RATE, layout: str = "stereo", bits: int = 24) -> Readings:
    bank = MeterBank(Source("test", "WAV", "PCM", rate, layout, bits))
    bank.process(np.ascontiguousarray(samples, dtype=np.float32))
    return bank.result()


def sine(hz: float, seconds: float = 4.0, rate: int = RATE, channels: int = 2) -> Curve:
    return np.stack([np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)] * channels)


def test_k_weighting_is_the_standard_s_table() -> None:
    table = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
        [1, -2, 1, 1, -1.99004745483398, 0.99007225036621],
    ]  # BS.1770-5 tables 1 and 2
    np.testing.assert_allclose(k_weighting(48_000), table, atol=2e-8)


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000, 768_000])
def test_full_scale_997_hz_in_one_channel_reads_minus_3_01(rate: int) -> None:
    meter = LoudnessMeter(rate, 1, [1.0])
    meter.process(sine(997.0, 2.0, rate, 1).astype(np.float32))
    assert meter.result().integrated_lufs == pytest.approx(
        -3.01, abs=0.1 if rate < 32_000 else 0.04
    )  # the bilinear transform


def test_surrounds_count_more_and_the_lfe_nothing() -> None:
    tone = 0.1 * sine(997.0)[0]
    levels = {}
    for k, speaker in enumerate(("FL", "FR", "FC", "LFE", "BL", "BR")):
        x = np.zeros((6, tone.size))
        x[k] = tone
        levels[speaker] = measure(x, layout="5.1").loudness.integrated_lufs
    assert levels["LFE"] is None
    assert levels["BL"] == pytest.approx((levels["FL"] or 0) + 10 * np.log10(1.41), abs=1e-6)
    assert loudness_weights("7.1") == (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)


def test_level_of_known_waves() -> None:
    assert measure(sine(1000.0)).level.crest_db == pytest.approx(3.01, abs=0.01)
    assert measure(np.sign(sine(10.0) + 1e-9)).level.crest_db == pytest.approx(0.0, abs=1e-6)
    shifted = measure(0.5 * sine(100.0) + 0.01)
    assert shifted.level.dc_offset_db == pytest.approx(-40.0, abs=0.01)
    leaning = measure(sine(100.0) * np.array([[0.5], [0.25]]))
    assert leaning.level.balance_db == pytest.approx(6.02, abs=0.01)


def dithered(x: Curve) -> Curve:
    rng = np.random.default_rng(1)
    noise = rng.random(x.shape) - rng.random(x.shape)
    return np.asarray(np.round(x * 32768 + noise) / 32768)


@pytest.mark.parametrize("ceiling_db", [0.0, -3.0, -7.7, -18.0, -30.0])
@pytest.mark.parametrize("how", ["both", "above", "dither"])
def test_hard_clipping_is_found_at_any_ceiling(ceiling_db: float, how: str) -> None:
    x = music(10.0, RATE, seed=1)
    ceiling = 0.5 * np.abs(x).max()
    y = np.clip(x, -ceiling if how != "above" else None, ceiling) / ceiling * 10 ** (ceiling_db / 20)
    if how == "dither":
        y = dithered(y)
    found = measure(y).clipping
    assert found.runs >= 3
    assert np.median(found.ceiling_dbfs) == pytest.approx(ceiling_db, abs=0.05 if how != "dither" else 0.1)
    first = np.flatnonzero((np.abs(x) if how != "above" else x).max(axis=0) >= ceiling)[0] / RATE
    assert found.start_s[0] == pytest.approx(first, abs=1.0)
    for start, channel in zip(found.start_s[:20], found.channel[:20], strict=True):
        assert abs(x[channel, round(start * RATE)]) >= ceiling * 0.995  # of -30 dBFS, two steps of 16 bit are 0.2 %


def quiet_fade() -> Curve:
    x = sine(60.0, 6.0)
    return np.asarray(x * np.geomspace(0.9, 1e-5, x.shape[1]))


def test_a_mono_part_on_both_sides_clips_once() -> None:
    """A lone short run must recur to count, and on the other channel it does not."""
    x = (0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    x[RATE + 100 : RATE + 103] = 0.5
    assert measure(np.stack([x, x])).clipping.runs == 0
    assert measure(np.stack([x, np.roll(x, 7)])).clipping.runs == 2


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("hz", [20.0, 41.2, 55.0, 100.0, 200.0])
@pytest.mark.parametrize("level", [1.0, 0.5, 0.06])
def test_loud_low_notes_are_not_clipping(hz: float, level: float, rate: int) -> None:
    x = level * sine(hz, 3.0, rate)
    assert measure(x, rate).clipping.runs == 0
    assert measure(np.round(x * 32767) / 32768, rate, bits=16).clipping.runs == 0


@pytest.mark.parametrize("kind", ["tanh", "triangle", "fade", "8-bit", "music"])
def test_smooth_waves_are_not_clipping(kind: str) -> None:
    x, bits = {
        "tanh": lambda: (np.tanh(3 * sine(80.0)) * 0.9, 24),
        "triangle": lambda: (np.stack([signal.sawtooth(2 * np.pi * 50 * np.arange(96_000) / RATE, 0.5)] * 2) * 0.8, 24),
        "fade": lambda: (np.round(quiet_fade() * 32767) / 32768, 16),
        "8-bit": lambda: (np.round(music(6.0, RATE, seed=2) * 100) / 128, 8),
        "music": lambda: (np.round(music(20.0, RATE, seed=3) * 30000) / 32768, 16),
    }[kind]()
    assert measure(x, bits=bits).clipping.runs == 0


def test_one_clipped_hit_is_enough_when_it_is_long() -> None:
    x = 0.3 * music(6.0, RATE, seed=4)
    t = np.arange(200)
    x[:, 100_000:100_200] += 2.0 * np.sin(2 * np.pi * 400 * t / RATE) * np.exp(-t / 60)
    x = np.clip(x, -0.9, 0.9)
    found = measure(x).clipping
    assert found.runs >= 1
    assert found.start_s[0] == pytest.approx(100_000 / RATE, abs=0.01)


def dr14(x: Curve, rate: int) -> int:
    """The algorithm of dr14meter, written out plainly."""
    size, values = 3 * (44_160 if rate == 44_100 else rate), []
    for channel in x:
        blocks = [channel[i : i + size] for i in range(0, len(channel), size)]
        rms = sorted(float(np.sqrt(2 * np.mean(b**2))) for b in blocks)
        peaks = sorted(float(np.abs(b).max()) for b in blocks)
        loudest = rms[-max(1, int(len(rms) * 0.2)) :]
        values.append(20 * np.log10(peaks[-2] / np.sqrt(np.mean(np.square(loudest)))))
    return round(float(np.mean(values)))


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("seed", range(3))
def test_dr_is_that_of_the_reference_algorithm(rate: int, seed: int) -> None:
    x = wave(music(31.3, rate, seed=seed))
    assert measure(x, rate).dynamic_range == dr14(x.astype(np.float64), rate)


def test_plr_and_psr_of_a_loud_and_a_quiet_half() -> None:
    x = np.concatenate([0.5 * sine(997.0, 10.0), 0.25 * sine(997.0, 10.0)], axis=1)
    x[:, 100_000] = 0.9  # a click in the loud half, which lifts every window that holds it
    r = measure(x)
    assert r.true_peak.max_dbtp is not None
    assert r.loudness.integrated_lufs is not None
    assert r.dynamics.plr_db == pytest.approx(r.true_peak.max_dbtp - r.loudness.integrated_lufs)
    # a sine in both channels: peak over loudness is 0 dB but for the K-weighting's 0.0 at 997 Hz
    assert r.dynamics.psr_min_db == pytest.approx(0.0, abs=0.1)
    assert float(np.nanmax(r.dynamics.psr_db)) > 4.0


@pytest.mark.parametrize(("bits", "expected"), [(16, 16), (20, 20), (24, 24), (None, 32)])
def test_bits_really_used(bits: int | None, expected: int) -> None:
    x = music(3.0, RATE, seed=6)
    assert measure(x if bits is None else np.round(x * 2 ** (bits - 1)) / 2 ** (bits - 1)).bits_used == expected


def test_stereo_of_known_pairs() -> None:
    a, b = pink(2, 10 * RATE, 8) * 0.1
    pairs = {"mono": (a, a), "opposite": (a, -a), "unrelated": (a, b), "left": (a, 0 * a)}
    read = {name: measure(np.stack(pair)).stereo for name, pair in pairs.items()}
    mono, opposite, unrelated, left = (read[name] for name in pairs)
    assert mono is not None
    assert opposite is not None
    assert unrelated is not None
    assert left is not None
    assert mono.dual_mono
    assert mono.correlation == pytest.approx(1.0, abs=1e-5)
    assert mono.mono_loss_db == pytest.approx(0.0, abs=1e-3)
    assert opposite.correlation == pytest.approx(-1.0, abs=1e-5)
    assert opposite.mono_loss_db is None or opposite.mono_loss_db < -60
    assert unrelated.mono_loss_db == pytest.approx(-3.01, abs=0.3)
    assert unrelated.side_ratio_db == pytest.approx(0.0, abs=0.6)
    assert left.one_sided == "left"
    assert left.correlation is None
    assert left.mono_loss_db == pytest.approx(-3.01, abs=1e-3)


def test_a_passage_out_of_phase_is_found_in_time() -> None:
    x = np.stack([pink(1, 10 * RATE, 9)[0] * 0.1] * 2)
    x[1, 5 * RATE : 6 * RATE] *= -1
    stereo = measure(x).stereo
    assert stereo is not None
    assert stereo.correlation_min == pytest.approx(-1.0, abs=0.01)
    assert stereo.correlation_min_at_s == pytest.approx(5.3, abs=0.31)


def test_sections_are_cut_where_the_loudness_steps() -> None:
    x = 0.1 * pink(2, 60 * RATE, 10)
    x[:, 24 * RATE :] *= 2.5
    found = measure(x).sections
    assert [round(s.start_s) for s in found] == [0, 24]
    assert (found[1].lufs or 0) - (found[0].lufs or 0) == pytest.approx(7.96, abs=0.3)
    assert len(measure(0.1 * pink(2, 60 * RATE, 11)).sections) == 1
    early = 0.1 * pink(2, 60 * RATE, 12)
    early[:, : 3 * RATE] *= 0.1
    assert all(s.end_s - s.start_s >= 7.9 for s in measure(early).sections)


def steep(x: Curve, hz: float, rate: int) -> Curve:
    return np.asarray(signal.sosfilt(signal.ellip(12, 0.1, 90, hz, fs=rate, output="sos"), x, axis=-1))


def test_a_cliff_in_the_spectrum_is_found_and_a_slope_is_not() -> None:
    x = pink(2, 10 * RATE, 12) * 0.1
    cliff = find_cutoff(measure(steep(x, 16_000, RATE)).gram)
    assert cliff is not None
    assert cliff.frequency_hz == pytest.approx(16_000, abs=300)
    converted = find_cutoff(measure(signal.resample_poly(x, 320, 147, axis=1)[:, : 96_000 * 5], 96_000).gram)
    assert converted is not None  # as if 44.1 kHz had become 96 kHz
    assert 19_000 < converted.frequency_hz < 24_500
    for order in (1, 2):
        slope = signal.sosfilt(signal.butter(order, 6_000, fs=RATE, output="sos"), x, axis=-1)
        assert find_cutoff(measure(slope).gram) is None
    assert find_cutoff(measure(x).gram) is None
    assert find_cutoff(measure(0.5 * sine(440.0)).gram) is None


MEMORY = """
import sys
import numpy as np
from dsp.audio import Source
from dsp.meters.bank import MeterBank
bank = MeterBank(Source("long", "WAV", "PCM", 48_000, "stereo", 16))
block = (np.random.default_rng(1).standard_normal((2, bank.block_frames)) * 0.1).astype(np.float32)
for _ in range(2 * 60 * 60 * 2):
    bank.process(block)
readings = bank.finish()
assert abs(readings.level.frames / 48_000 - 7200) < 1
# not ru_maxrss, which a child inherits from the process that started it
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024)
"""


@pytest.mark.slow
def test_two_hours_of_stereo_stay_under_400_mb() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, cwd=ROOT, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 400


def test_the_samples_type_is_what_meters_take() -> None:
    x: Samples = wave(music(1.0, RATE))
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
