"""The plugin's filters in C++ against ours in Python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dsp.correction.biquad import Sections, response, sections
from dsp.correction.correction import EQ_KINDS
from dsp.findings import EqMove
from plugin_bridge.native.build import SOURCE

KINDS = EQ_KINDS[:6]
Design = Callable[[Sequence[EqMove], float], Sections]


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """Sections of bands, one each, by the C++."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    made = tmp_path_factory.mktemp("probe") / "probe.so"
    flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run(["g++", *flags, str(SOURCE / "probe.cpp"), "-o", str(made)], check=True)
    call = ctypes.CDLL(str(made)).mixdiagnose_sections
    call.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_double, ctypes.c_void_p]
    call.restype = None

    def designed(moves: Sequence[EqMove], rate: float) -> Sections:
        rows = np.array([(KINDS.index(m.kind), m.frequency_hz, m.gain_db, m.q) for m in moves], np.float64)
        out = np.empty((len(moves), 5))
        call(rows.ctypes.data, len(rows), rate, out.ctypes.data)
        return np.insert(out, 3, 1.0, axis=1)

    return designed


def drawn(rng: np.random.Generator, kind: str, rate: int) -> EqMove:
    low, high = np.log(5.0), np.log(min(24_000.0, 0.489 * rate))
    hz, q = float(np.exp(rng.uniform(low, high))), float(np.exp(rng.uniform(np.log(0.05), np.log(100.0))))
    return EqMove("mix", kind, hz, float(rng.uniform(-24.0, 24.0)), q)


def apart_db(one: Sections, other: Sections, hz: npt.NDArray[np.float64], rate: int) -> float:
    """How far two responses are apart at most (dB), where either is above -120 dB."""
    a, b = np.abs(response(one, hz, rate)), np.abs(response(other, hz, rate))
    heard = np.maximum(a, b) > 1e-6
    return float(np.abs(20.0 * np.log10(a[heard] / b[heard])).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000, 192_000])
def test_responses_agree(design: Design, kind: str, rate: int) -> None:
    rng = np.random.default_rng(KINDS.index(kind) * 1000 + rate)
    moves = [drawn(rng, kind, rate) for _ in range(12)]
    moves += [
        EqMove("mix", kind, hz, gain, q) for hz in (20.0, 1000.0) for gain in (-6.0, 0.1) for q in (0.5, 0.7071, 8.0)
    ]
    wide = np.geomspace(5.0, 0.499 * rate, 300)
    for move, row in zip(moves, design(moves, rate), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a step of the fit may go astray before it is turned back
            wanted = sections(move, rate)
        near = move.frequency_hz * np.array([0.97, 0.99, 1.01, 1.03])
        hz = np.concatenate([wide, near[near < 0.5 * rate]])
        assert apart_db(row[None], wanted, hz, rate) < 0.01, move
        assert np.abs(np.roots(row[3:])).max() < 1.0, move


def test_a_band_that_changes_nothing_is_nothing(design: Design) -> None:
    nothing = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    flat = [EqMove("mix", kind, 1000.0, 0.0, 1.0) for kind in ("bell", "low-shelf", "high-shelf")]
    # Beyond what the rate leaves a shape, and what no filter has.
    odd = [EqMove("mix", "bell", 23_600.0, 6.0, 1.0), EqMove("mix", "high-pass", 0.0, 0.0, 1.0)]
    odd += [EqMove("mix", "notch", 1000.0, 0.0, 0.0), EqMove("mix", "bell", 1000.0, np.nan, 1.0)]
    odd += [EqMove("mix", "bell", 1000.0, 6.0, np.inf), EqMove("mix", "bell", np.nan, 6.0, 1.0)]
    assert design([*flat, *odd], 48_000).tolist() == [nothing] * (len(flat) + len(odd))


def test_a_cut_is_a_boost_turned_over(design: Design) -> None:
    for kind in ("bell", "low-shelf", "high-shelf"):
        boost, cut = design([EqMove("mix", kind, 900.0, gain, 1.3) for gain in (7.0, -7.0)], 44_100)
        hz = np.geomspace(10.0, 22_000.0, 200)
        together = response(np.array([boost, cut]), hz, 44_100)
        np.testing.assert_allclose(together, np.ones_like(together), atol=1e-9)


def test_the_header_stands_alone(tmp_path: Path) -> None:
    """Compiles with every warning there is, and for processors without SSE."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    source = tmp_path / "alone.cpp"
    source.write_text('#include "eq.hpp"\nint main() { mixdiagnose::Equalizer e; e.reset(48000); return !e.idle(); }\n')
    command = ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-U__SSE2__", f"-I{SOURCE}"]
    subprocess.run([*command, str(source), "-o", str(tmp_path / "alone")], check=True)
    subprocess.run([str(tmp_path / "alone")], check=True)


def test_random_settings_stay_playable_and_within_memory(tmp_path: Path) -> None:
    """The equalizer with settings nobody would choose, watched by the address and undefined-behaviour sanitizers."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    flags = ["-std=c++17", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{SOURCE}"]
    walk = tmp_path / "walk"
    subprocess.run(["g++", *flags, str(Path(__file__).parent / "native" / "walk.cpp"), "-o", str(walk)], check=True)
    for seed in range(8):
        told = subprocess.run([str(walk), str(seed)], capture_output=True, text=True, timeout=60, check=False)
        assert (told.returncode, told.stdout) == (0, "walked\n"), told.stderr
