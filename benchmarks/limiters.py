"""Devices that limit, devices that only compress, and what happens to a mix afterwards.

Every device takes float64 audio (2, frames) whose highest sample is 1.0 and how many decibels of that peak it
is to take off, and returns audio of the same shape (look-ahead not compensated: it does not matter here).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.units import Samples

Track = npt.NDArray[np.float64]
Device = Callable[[Track, int, float], Track]
After = Callable[[Track, int], tuple[Track, int]]

LIMITERS: dict[str, tuple[str, Device]] = {}  # name -> (family, device)
COMPRESSORS: dict[str, Device] = {}
AFTERWARDS: dict[str, After] = {}


def limiter(family: str) -> Callable[[Device], Device]:
    """Register a limiter or clipper under the name of its function."""

    def register(device: Device) -> Device:
        LIMITERS[device.__name__.replace("_", " ")] = (family, device)
        return device

    return register


def compressor(device: Device) -> Device:
    """Register a bus compressor: a negative."""
    COMPRESSORS[device.__name__.replace("_", " ")] = device
    return device


def afterwards(after: After) -> After:
    """Register something done to the file after the device."""
    AFTERWARDS[after.__name__.replace("_", " ")] = after
    return after


def gain(level_db: float) -> float:
    """The factor of a gain in dB."""
    return float(10 ** (level_db / 20))


# Limiters and clippers

_NUMBERS = itertools.count()  # DawDreamer wants a new name for every new input


@cache
def _faust(rate: int, lookahead: int, release_s: float) -> tuple[Any, Any]:
    import dawdreamer

    engine = dawdreamer.RenderEngine(rate, 512)
    faust = engine.make_faust_processor("limiter")
    faust.compile_flags = ["-inpl"]
    faust.set_dsp_string(
        f"""import("stdfaust.lib");
        drive = hslider("drive", 1, 0.01, 100, 0.0001);
        process = par(i, 2, *(drive)) <: (si.bus(2), (peak : needed : hold : release : average)) : apply with {{
            peak(l, r) = max(abs(l), abs(r));
            needed(level) = min(1.0, 1.0 / max(level, 1e-6));
            hold = ba.slidingMin({lookahead}, 1024);
            release = min ~ (1.0 - (1.0 - _) * ba.tau2pole({release_s}));
            average = ba.slidingMeanp({lookahead}, 1024);
            apply(l, r, g) = (l, r) : par(i, 2, @({lookahead - 1}) * g : max(-1.0) : min(1.0));
        }};"""
    )
    faust.compile()
    return engine, faust


def _run_faust(x: Track, rate: int, reduction_db: float, lookahead_s: float, release_s: float) -> Track:
    engine, faust = _faust(rate, round(lookahead_s * rate), release_s)
    name = f"source {next(_NUMBERS)}"
    source = engine.make_playback_processor(name, np.ascontiguousarray(x, dtype=np.float32))
    faust.set_parameter(0, gain(reduction_db))
    engine.load_graph([(source, []), (faust, [name])])
    engine.render(x.shape[1] / rate)
    return np.asarray(engine.get_audio()[:, : x.shape[1]], dtype=np.float64)


@limiter("look-ahead")
def fast_look_ahead(x: Track, rate: int, reduction_db: float) -> Track:
    """1.5 ms of look-ahead, 60 ms of release (Faust through DawDreamer)."""
    return _run_faust(x, rate, reduction_db, 0.0015, 0.060)


@limiter("look-ahead")
def slow_look_ahead(x: Track, rate: int, reduction_db: float) -> Track:
    """5 ms of look-ahead, 250 ms of release (Faust through DawDreamer)."""
    return _run_faust(x, rate, reduction_db, 0.005, 0.250)


def _filtered(x: Track, rate: int, name: str, options: str) -> Track:
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(format="fltp", sample_rate=rate, layout="stereo", time_base=Fraction(1, rate))
    device, sink = graph.add(name, options), graph.add("abuffersink")
    source.link_to(device)
    device.link_to(sink)
    graph.configure()
    parts = []
    for start in range(0, x.shape[1], 16_384):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(x[:, start : start + 16_384], dtype=np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate, frame.pts = rate, start
        graph.push(frame)
        parts += _drained(graph)
    graph.push(None)
    parts += _drained(graph)
    out = np.concatenate(parts, axis=1).astype(np.float64)
    return np.asarray(out.reshape(2, -1)[:, : x.shape[1]])


def _drained(graph: Any) -> list[Any]:
    import av

    frames: list[Any] = []
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return frames
        part = frame.to_ndarray()
        frames.append(part if frame.format.is_planar else part.reshape(-1, 2).T)


@limiter("alimiter")
def ffmpeg_alimiter(x: Track, rate: int, reduction_db: float) -> Track:
    """FFmpeg's alimiter with its own settings."""
    return _filtered(x, rate, "alimiter", f"level_in={gain(reduction_db)}:limit=1:attack=5:release=50:level=disabled")


@limiter("alimiter")
def ffmpeg_alimiter_slow(x: Track, rate: int, reduction_db: float) -> Track:
    """FFmpeg's alimiter with auto-release."""
    options = f"level_in={gain(reduction_db)}:limit=1:attack=10:release=200:asc=1:asc_level=0.7:level=disabled"
    return _filtered(x, rate, "alimiter", options)


@limiter("pedalboard")
def pedalboard_limiter(x: Track, rate: int, reduction_db: float) -> Track:
    """pedalboard.Limiter (JUCE): two compressors and a clipper, driven until the peak is down by that much."""
    import pedalboard

    board = pedalboard.Limiter(threshold_db=-1.0, release_ms=100.0)
    low, high = 0.0, 40.0
    around = int(np.abs(x).max(axis=0).argmax())
    part = np.ascontiguousarray(x[:, max(0, around - 4 * rate) : around + rate], dtype=np.float32)
    out = board(x.astype(np.float32), rate)
    for _ in range(12):
        drive = (low + high) / 2
        taken = drive - 20 * np.log10(np.abs(board(part * np.float32(gain(drive)), rate)).max())
        low, high = (drive, high) if taken < reduction_db else (low, drive)
    out = board((x * gain(low)).astype(np.float32), rate)
    return np.asarray(out, dtype=np.float64)


@limiter("clipper")
def hard_clipper(x: Track, rate: int, reduction_db: float) -> Track:
    """Samples cut off."""
    return np.clip(x, -gain(-reduction_db), gain(-reduction_db))


@limiter("soft clipper")
def tanh_clipper(x: Track, rate: int, reduction_db: float) -> Track:
    """tanh driven until the highest peak has lost that much."""
    low, high = 1e-3, 30.0
    for _ in range(50):
        drive = (low + high) / 2
        low, high = (drive, high) if -20 * np.log10(np.tanh(drive) / drive) < reduction_db else (low, drive)
    return np.tanh(low * x)


@limiter("soft clipper")
def cubic_clipper(x: Track, rate: int, reduction_db: float) -> Track:
    """x - x^3/3, then flat."""
    drive = gain(reduction_db) / 1.5
    y = np.clip(drive * 1.5 * x, -1.5, 1.5)
    return np.asarray(1.5 * (y / 1.5 - (y / 1.5) ** 3 / 3))


@limiter("release in dB")
def mastering_limiter(x: Track, rate: int, reduction_db: float) -> Track:
    """1 ms steps, 2 ms of look-ahead, linear release of 40 dB/s."""
    step = rate // 1000
    size = np.abs(x).max(axis=0)
    rows = np.pad(size, (0, -size.size % step)).reshape(-1, step).max(axis=1)
    need = np.maximum(0.0, 20 * np.log10(np.maximum(rows, 1e-9)) + reduction_db)
    slope = 0.040 * np.arange(len(need))
    need = np.maximum.accumulate(need + slope) - slope
    need = np.max([np.roll(need, -k) for k in range(4)], axis=0)
    smooth = np.convolve(np.pad(need, (3, 0), mode="edge"), np.ones(4) / 4, mode="valid")
    curve = np.interp(np.arange(x.shape[1]), (np.arange(len(smooth)) + 0.5) * step, smooth)
    return np.asarray(np.clip(x * 10 ** (-curve / 20), -gain(-reduction_db), gain(-reduction_db)))


# Compressors: these are not limiters


def _pedalboard_compressor(x: Track, rate: int, threshold_db: float, ratio: float, attack: float, rel: float) -> Track:
    import pedalboard

    board = pedalboard.Compressor(threshold_db=threshold_db, ratio=ratio, attack_ms=attack, release_ms=rel)
    return np.asarray(board(x.astype(np.float32), rate), dtype=np.float64)


@compressor
def glue(x: Track, rate: int, reduction_db: float) -> Track:
    """2:1, 30 ms, 150 ms: what sits on most mix buses."""
    return _pedalboard_compressor(x, rate, -2.0 * reduction_db - 6, 2.0, 30.0, 150.0)


@compressor
def four_to_one(x: Track, rate: int, reduction_db: float) -> Track:
    """4:1, 10 ms, 120 ms."""
    return _pedalboard_compressor(x, rate, -1.33 * reduction_db - 4, 4.0, 10.0, 120.0)


@compressor
def fast_four_to_one(x: Track, rate: int, reduction_db: float) -> Track:
    """4:1, 3 ms, 80 ms."""
    return _pedalboard_compressor(x, rate, -1.33 * reduction_db - 2, 4.0, 3.0, 80.0)


@compressor
def ffmpeg_acompressor(x: Track, rate: int, reduction_db: float) -> Track:
    """FFmpeg's acompressor, 3:1, soft knee."""
    threshold = max(gain(-1.5 * reduction_db - 4), 0.001)
    return _filtered(x, rate, "acompressor", f"threshold={threshold}:ratio=3:attack=15:release=150:knee=4")


# Afterwards


@afterwards
def nothing(x: Track, rate: int) -> tuple[Track, int]:
    """As it comes."""
    return x, rate


@afterwards
def trim_6_db(x: Track, rate: int) -> tuple[Track, int]:
    """Turned down."""
    return x * gain(-6), rate


@afterwards
def trim_12_db_and_dither(x: Track, rate: int) -> tuple[Track, int]:
    """Turned down and dithered to 16 bit."""
    rng = np.random.default_rng(1)
    noise = rng.random(x.shape) - rng.random(x.shape)
    return np.round(x * gain(-12) * 32768 + noise) / 32768, rate


@afterwards
def other_rate(x: Track, rate: int) -> tuple[Track, int]:
    """44.1 to 48 kHz or back."""
    from scipy import signal

    up, down = (160, 147) if rate == 44_100 else (147, 160)
    y = signal.resample_poly(x, up, down, axis=1, window=("kaiser", 12.0))
    return np.asarray(y) * 0.8, 48_000 if rate == 44_100 else 44_100


@afterwards
def high_pass(x: Track, rate: int) -> tuple[Track, int]:
    """A gentle high-pass at 30 Hz."""
    from scipy import signal

    return np.asarray(signal.sosfilt(signal.butter(2, 30, "highpass", fs=rate, output="sos"), x, axis=1)) * 0.8, rate


@afterwards
def gentler_high_pass(x: Track, rate: int) -> tuple[Track, int]:
    """A first-order high-pass at 25 Hz."""
    from scipy import signal

    return np.asarray(signal.sosfilt(signal.butter(1, 25, "highpass", fs=rate, output="sos"), x, axis=1)) * 0.8, rate


@afterwards
def higher_high_pass(x: Track, rate: int) -> tuple[Track, int]:
    """A second-order high-pass at 35 Hz."""
    from scipy import signal

    return np.asarray(signal.sosfilt(signal.butter(2, 35, "highpass", fs=rate, output="sos"), x, axis=1)) * 0.8, rate


@afterwards
def air_shelf(x: Track, rate: int) -> tuple[Track, int]:
    """+2 dB from 10 kHz."""
    from scipy import signal

    k, high = np.tan(np.pi * 10_000 / rate), gain(2.0)
    b, a = [high + k, k - high], [1 + k, k - 1]
    return np.asarray(signal.lfilter(b, a, x, axis=1)) * 0.7, rate


def as_file(x: Track) -> Samples:
    """Float32 as a 24-bit file holds it."""
    return np.ascontiguousarray(np.round(x * 2**23) / 2**23, dtype=np.float32)
