"""How long measuring and judging takes, as ratios to libebur128 and ffmpeg in the same run.

All on the same four minutes of 48 kHz stereo music. Seconds differ from machine to machine; ratios hold.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported: the first comparison is on one thread

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyebur128

from benchmarks.music import four_minutes, sixteen_stems
from benchmarks.plugin import plugin
from benchmarks.sessions import sessions
from dsp.audio import Source
from dsp.diagnose import diagnose
from dsp.meters.bank import MeterBank
from dsp.mix import Mix
from dsp.profile import load_profile
from dsp.units import Samples

RATE, ROUNDS = 48_000, 5
#: Wanted at most.
WANTED_METERS, WANTED_CHECKS, WANTED_PROCESS = 0.8, 1.5, 2.0
WANTED_STEMS, WANTED_STEMS_MB, STEM_ROUNDS = 1.0, 600, 3


def metered(samples: Samples) -> Mix:
    """All meters."""
    source = Source("bench", "WAV", "PCM", RATE, "stereo", 16)
    bank = MeterBank(source)
    for start in range(0, samples.shape[1], bank.block_frames):
        bank.process(samples[:, start : start + bank.block_frames])
    return Mix(source, bank.result())


def ours(samples: Samples) -> None:
    """All meters and all checks."""
    diagnose(metered(samples), load_profile("mix"))


def libebur128(interleaved: Samples) -> None:
    """Integrated loudness, loudness range and true peak."""
    mode = pyebur128.MeasurementMode
    state = pyebur128.R128State(2, RATE, mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK)
    for start in range(0, len(interleaved), RATE):
        chunk = interleaved[start : start + RATE]
        state.add_frames(chunk, len(chunk) // 2)
    pyebur128.get_loudness_global(state)
    pyebur128.get_loudness_range(state)
    pyebur128.get_true_peak(state, 0)


def discard(_: object) -> None:
    """Nothing: what was made is not needed."""


def run(command: list[str]) -> float:
    """Wall seconds of a process."""
    started = time.perf_counter()
    code = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
    if code not in (0, 1):
        raise SystemExit(f"{command[0]} failed with exit code {code}")
    return time.perf_counter() - started


#: A child's peak memory starts at its parent's, so a small process in between has to ask.
PEAK_MEMORY = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def peak_mb(command: list[str]) -> float:
    """Peak memory of a process in MB."""
    asking = [sys.executable, "-S", "-c", PEAK_MEMORY, *command]
    return float(subprocess.run(asking, capture_output=True, text=True, check=True).stdout)


def paired(first: Callable[[], float], second: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Median seconds of both, run in turn, and the median of their ratios."""
    pairs = [(first(), second()) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def timed(work: Callable[[], None]) -> Callable[[], float]:
    """A function that does the work and returns its seconds."""

    def measure() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return measure


def main() -> int:
    """Print the table."""
    samples = four_minutes(RATE)
    interleaved = np.ascontiguousarray(samples.T).ravel()
    ours(samples)
    meters, peer, ratio = paired(timed(lambda: ours(samples)), timed(lambda: libebur128(interleaved)))
    print(f"{samples.shape[1] / RATE:.0f} s of 48 kHz stereo music, median of {ROUNDS} pairs\n")
    print(f"{'':44}{'ours':>9}{'peer':>9}{'ratio':>8}{'wanted':>9}")
    print(f"{'meters + checks / libebur128 (I, LRA, TP)':44}{meters:8.2f}s{peer:8.2f}s{ratio:8.2f}{WANTED_METERS:9.1f}")
    both, alone, ratio = paired(timed(lambda: ours(samples)), timed(lambda: discard(metered(samples))))
    print(f"{'meters + checks / the meters alone':44}{both:8.2f}s{alone:8.2f}s{ratio:8.2f}{WANTED_CHECKS:9.1f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mix.wav"
        write_wav(path, samples)
        check = [sys.executable, "-m", "mixdiagnose", "check", str(path), "--skip", "codec-peaks"]
        ffmpeg = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path)]
        ffmpeg += ["-af", "ebur128=peak=true", "-f", "null", "-"]
        memory = peak_mb(check), peak_mb(ffmpeg)
        whole, other, of_process = paired(lambda: run(check), lambda: run(ffmpeg))
    label = "mixdiagnose check / ffmpeg ebur128=peak=true"
    print(f"{label:44}{whole:8.2f}s{other:8.2f}s{of_process:8.2f}{WANTED_PROCESS:9.1f}")
    print(f"{'peak memory of these two processes':44}{memory[0]:7.0f}MB{memory[1]:7.0f}MB")
    stems()
    sessions()
    plugin()
    return 0


#: libebur128 over files, in a process of its own.
METER_FILES = """
import sys, wave
import numpy as np
from benchmarks.speed import libebur128
for name in sys.argv[1:]:
    with wave.open(name) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    libebur128(samples.astype(np.float32) / 32768)
"""


def stems() -> None:
    """A whole check of a mix beside sixteen stems against libebur128 over the same seventeen files."""
    with tempfile.TemporaryDirectory() as folder:
        mix, inside = Path(folder) / "mix.wav", Path(folder) / "stems"
        inside.mkdir()
        total = np.zeros((2, 1), np.float32)
        for name, samples in sixteen_stems(RATE).items():
            write_wav(inside / f"{name}.wav", samples)
            total = total + samples
        write_wav(mix, total)
        files = [str(mix), *map(str, sorted(inside.iterdir()))]
        check = [sys.executable, "-m", "mixdiagnose", "check", str(mix), "--stems", str(inside)]
        check += ["--skip", "codec-peaks"]
        peer = [sys.executable, "-c", METER_FILES, *files]
        memory = peak_mb(check)
        ours, theirs, ratio = paired(lambda: run(check), lambda: run(peer), STEM_ROUNDS)
    label = "check beside 16 stems / libebur128, 17 files"
    print(f"{label:44}{ours:8.2f}s{theirs:8.2f}s{ratio:8.2f}{WANTED_STEMS:9.1f}")
    print(f"{'peak memory of that check':44}{memory:7.0f}MB{'':17}{WANTED_STEMS_MB:7.0f}MB")


def write_wav(path: Path, samples: Samples) -> None:
    """A 16-bit WAV."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples.T, -1, 1) * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    raise SystemExit(main())
