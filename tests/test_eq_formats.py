"""The forms other tools read, read back by small readers of those tools' own rules."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.io import wavfile
from scipy.signal import freqz_sos, sosfilt

from dsp.correction.biquad import sections
from dsp.correction.correction import Correction, Move, Target
from dsp.errors import UsageError
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove
from plugin_bridge import eq_formats_code as code
from plugin_bridge import jsfx
from plugin_bridge.eq_formats import forms, write_forms
from plugin_bridge.eq_formats_names import safe_names
from plugin_bridge.eq_formats_text import autoeq, equalizer_apo
from tests.jsfx_interpreter import Effect

RATE = 48_000
# Where a biquad by the bilinear transform and a matched one are still the same.
LOW_HZ = np.geomspace(20.0, 990.0, 200)

Array = npt.NDArray[Any]


def band(kind: str, frequency_hz: float, gain_db: float = 0.0, q: float = 0.7071) -> EqMove:
    return EqMove("Kick", kind, frequency_hz, gain_db, q)


BANDS = (
    band("high-pass", 40.0, q=0.9),
    band("low-shelf", 120.0, 2.0, 0.6),
    band("bell", 312.345, -4.5, 1.3),
    band("notch", 1000.0, q=8.0),
    band("high-shelf", 1500.0, -3.0, 0.8),
    band("low-pass", 9000.0),
)
STEEP = (band("high-pass-24", 60.0), band("low-pass-24", 7000.0))


def target(*moves: Move, name: str = "Kick") -> Target:
    return Target(name, moves)


def designed(moves: Sequence[Move], hz: Array, rate: int = RATE) -> Array:
    """The response that was decided, complex, without its delay."""
    response = np.ones(len(hz), complex)
    for move in moves:
        if isinstance(move, EqMove):
            response *= freqz_sos(sections(move, rate), hz, fs=rate)[1]
        elif isinstance(move, GainMove):
            response *= 10.0 ** (move.gain_db / 20.0)
        elif isinstance(move, PolarityMove):
            response *= -1.0
    return response


def db(response: Array) -> Array:
    return 20.0 * np.log10(np.abs(response))


# A reader of Equalizer APO's configuration, by the regular expressions and formulas of its own source.
def read_apo(text: str, hz: Array, rate: int) -> tuple[Array, float]:
    """Response of the left channel and its delay in seconds."""
    response, delay_s = np.ones(len(hz), complex), 0.0
    for line in text.splitlines():
        command, parameters = line.split(":", 1)
        if command == "Preamp":
            match = re.fullmatch(r" (-?[\d.]+) dB", parameters)
            assert match
            response *= 10.0 ** (float(match[1]) / 20.0)
        elif command == "Copy":
            copies = dict(part.split("=") for part in parameters.split())
            assert copies["R"].replace("R", "L") == copies["L"]
            factor, channel = copies["L"].split("*")
            assert channel == "L"
            response *= float(factor)
        elif command == "Delay":
            amount, unit = parameters.split()
            assert unit == "ms"
            delay_s = math.floor(rate * float(amount) / 1000.0 + 0.5) / rate
        else:
            assert re.fullmatch(r"Filter \d+", command)
            response *= apo_filter(parameters, hz, rate)
    return response, delay_s


def apo_filter(parameters: str, hz: Array, rate: int) -> Array:
    kind = re.match(r"^\s*ON\s+([A-Za-z]+)", parameters)
    frequency = re.search(r"\s+Fc\s*([-+0-9.eE]+)\s*H\s*z", parameters)
    gain = re.search(r"\s+Gain\s*([-+0-9.eE]+)\s*dB", parameters)
    q = re.search(r"\s+Q\s*([-+0-9.eE]+)", parameters)
    assert kind
    assert frequency
    assert q
    fc = float(frequency[1])
    if len(frequency[1]) >= 5 and frequency[1][-4] == ".":
        fc *= 1000.0
    return cookbook(kind[1], fc, float(gain[1]) if gain else 0.0, float(q[1]), hz, rate)


def cookbook(kind: str, fc: float, gain_db: float, q: float, hz: Array, rate: int) -> Array:
    """The Audio EQ Cookbook: the analogue prototype, warped as the bilinear transform does."""
    a = 10.0 ** (gain_db / 40.0)
    s = 1j * np.tan(math.pi * hz / rate) / math.tan(math.pi * fc / rate)
    numerator, denominator = {
        "PK": (s**2 + s * a / q + 1.0, s**2 + s / (a * q) + 1.0),
        "LSC": (a * (s**2 + s * a**0.5 / q + a), a * s**2 + s * a**0.5 / q + 1.0),
        "HSC": (a * (a * s**2 + s * a**0.5 / q + 1.0), s**2 + s * a**0.5 / q + a),
        "HPQ": (s**2, s**2 + s / q + 1.0),
        "LPQ": (np.ones(len(s)), s**2 + s / q + 1.0),
        "NO": (s**2 + 1.0, s**2 + s / q + 1.0),
    }[kind]
    return np.asarray(numerator / denominator)


@pytest.mark.parametrize("moves", [(b,) for b in BANDS + STEEP] + [BANDS, BANDS + STEEP], ids=str)
def test_equalizer_apo_hears_what_was_designed(moves: tuple[EqMove, ...]) -> None:
    everything: tuple[Move, ...] = (*moves, GainMove("Kick", -2.5), PolarityMove("Kick"))
    text, left_out = equalizer_apo(target(*everything), RATE)
    response, delay_s = read_apo(text, LOW_HZ, RATE)
    clear = np.abs(LOW_HZ - 1000.0) > 60.0  # not in the notch itself
    wanted = designed(everything, LOW_HZ)
    assert np.abs(db(response) - db(wanted))[clear].max() < 0.06
    # A matched low-pass is a fraction of a sample earlier than one by the bilinear transform.
    assert np.abs(np.angle(response / wanted))[clear].max() < 0.5
    assert (delay_s, left_out) == (0.0, ())


@given(st.floats(5.0, 20_000.0), st.floats(-24.0, 24.0), st.floats(0.1, 30.0))
@example(100.123, 1e-9, 1.0)  # three decimals would be taken for thousands
def test_equalizer_apo_reads_every_number_as_it_was_meant(frequency_hz: float, gain_db: float, q: float) -> None:
    text, _ = equalizer_apo(target(band("bell", frequency_hz, gain_db, q)), 96_000)
    hz = np.asarray([frequency_hz])
    assert db(read_apo(text, hz, 96_000)[0])[0] == pytest.approx(gain_db, abs=0.03)


def test_equalizer_apo_delays_by_whole_samples_and_never_the_other_way() -> None:
    late = equalizer_apo(target(DelayMove("Kick", 37.0)), 44_100)
    assert read_apo(late.text, LOW_HZ, 44_100)[1] == pytest.approx(37.0 / 44_100)
    assert late.left_out == ()
    between = equalizer_apo(target(DelayMove("Kick", 37.25)), 44_100)
    assert read_apo(between.text, LOW_HZ, 44_100)[1] == pytest.approx(37.0 / 44_100)
    assert between.left_out == ("+0.250 samples of the delay: Equalizer APO delays by whole samples",)
    early = equalizer_apo(target(DelayMove("Kick", -48.0)), 48_000)
    assert early.text == ""
    assert early.left_out == ("48.000 samples (1.000 ms) earlier: Equalizer APO can only delay",)


def test_autoeq_holds_bells_and_shelves_and_says_what_it_does_not() -> None:
    moves = (*BANDS, STEEP[0], GainMove("Kick", 1.25), PolarityMove("Kick"), DelayMove("Kick", 3.0))
    text, left_out = autoeq(target(*moves), RATE)
    first, *filters = text.splitlines()
    assert first == "Preamp: 1.25 dB"
    # The grammar of PipeWire's module-parametric-equalizer.
    grammar = re.compile(r"Filter \d+: ON (PK|LSC|HSC) Fc ([\d.]+) Hz Gain (-?[\d.]+) dB Q ([\d.]+)")
    response = np.full(len(LOW_HZ), 10.0 ** (1.25 / 20.0), complex)
    for line in filters:
        match = grammar.fullmatch(line)
        assert match
        response *= cookbook(match[1], float(match[2]), float(match[3]), float(match[4]), LOW_HZ, RATE)
    held = [b for b in BANDS if b.kind in ("bell", "low-shelf", "high-shelf")]
    wanted = designed([*held, GainMove("Kick", 1.25)], LOW_HZ)
    assert np.abs(db(response) - db(wanted)).max() < 0.1
    assert left_out == tuple(
        f"{what}: ParametricEQ.txt has no word for it"
        for what in (
            *("high-pass at 40 Hz", "notch at 1000 Hz", "low-pass at 9000 Hz", "high-pass-24 at 60 Hz"),
            *("the switch of polarity", "3.000 samples (0.062 ms) later"),
        )
    )


def test_sos_are_the_designed_filters_at_every_rate() -> None:
    data = json.loads(code.sos_json(target(*BANDS, *STEEP, GainMove("Kick", -6.0), DelayMove("Kick", 4.8)), RATE))
    assert data["delay_s"] == pytest.approx(1e-4)
    assert data["factor"] == pytest.approx(10.0 ** (-6.0 / 20.0))
    assert {"44100", "48000", "88200", "96000"} <= set(data["sos"])
    for rate, rows in data["sos"].items():
        hz = np.geomspace(20.0, 20_000.0, 100)
        response = data["factor"] * freqz_sos(np.asarray(rows), hz, fs=int(rate))[1]
        wanted = designed([*BANDS, *STEEP, GainMove("Kick", -6.0)], hz, int(rate))
        np.testing.assert_allclose(response, wanted, rtol=1e-9, atol=1e-12)


def test_a_rate_too_low_for_a_band_is_not_offered() -> None:
    high = target(band("bell", 30_000.0, -3.0))
    assert set(code.designs(high, 96_000)) == {88_200, 96_000, 176_400, 192_000}
    assert set(code.designs(target(GainMove("Kick", 1.0)), 32_000)) == {32_000, *code.RATES_HZ}


MOVES: tuple[Move, ...] = (
    *BANDS,
    GainMove("Kick", -2.5),
    PolarityMove("Kick"),
)


def run(folder: Path, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    (folder / "correct.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "correct.py", *(str(a) for a in arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("samples", [0.0, 31.0, -7.0, 2.375, -40.5])
def test_the_program_does_to_a_file_what_was_designed(tmp_path: Path, samples: float) -> None:
    noise = np.random.default_rng(1).standard_normal((1 << 15, 2)) * 0.1
    noise[:2000] = noise[-8000:] = 0.0
    noise = np.round(noise * 32767.0) / 32768.0
    wavfile.write(tmp_path / "in.wav", RATE, (noise * 32768.0).astype(np.int16))
    program = code.python_program(target(*MOVES, DelayMove("Kick", samples), name='<BETA> K"\\\n\u2028\udcffick'), RATE)
    done = run(tmp_path, program, "in.wav", "out.wav")
    assert done.returncode == 0, done.stderr
    rate, out = wavfile.read(tmp_path / "out.wav")
    assert (rate, out.dtype, out.shape) == (RATE, np.float32, noise.shape)
    hz = np.fft.rfftfreq(len(noise), 1.0 / RATE)
    below = slice(2, np.searchsorted(hz, 20_000.0))
    response = (np.fft.rfft(out[:, 1]) / np.fft.rfft(noise[:, 1]))[below]
    wanted = (designed(MOVES, hz) * np.exp(-2j * math.pi * hz * samples / RATE))[below]
    assert np.abs(response - wanted).max() < 5e-4


def test_the_program_reads_other_depths_and_overwrites_nothing(tmp_path: Path) -> None:
    program = code.python_program(target(GainMove("Kick", 0.0)), RATE)
    for number, samples in enumerate(
        (
            np.asarray([0, 128, 192], np.uint8),
            np.asarray([-(2**31), 0, 2**30], np.int32),
            np.asarray([-1.0, 0.0, 0.5], np.float32),
        )
    ):
        wavfile.write(tmp_path / "in.wav", RATE, samples)
        assert run(tmp_path, program, "in.wav", f"{number}.wav").returncode == 0
        assert wavfile.read(tmp_path / f"{number}.wav")[1].tolist() == [-1.0, 0.0, 0.5]
    assert "0.wav exists" in run(tmp_path, program, "in.wav", "0.wav").stderr
    wavfile.write(tmp_path / "odd.wav", 12_345, np.zeros(4, np.float32))
    assert "no filters for 12345 Hz" in run(tmp_path, program, "odd.wav", "out.wav").stderr


@pytest.mark.parametrize("rate", [44_100, 48_000, 192_000])
def test_the_effect_computes_the_very_sections(rate: int) -> None:
    effect = Effect(jsfx.effect(target(*MOVES, *STEEP), RATE), rate)
    audio = np.random.default_rng(2).standard_normal((2, 300))
    factor = -(10.0 ** (-2.5 / 20.0))
    rows = np.concatenate([sections(b, rate) for b in BANDS + STEEP])
    np.testing.assert_allclose(effect.process(audio), sosfilt(rows, factor * audio), rtol=0.0, atol=1e-9)
    assert effect.variables["pdc_delay"] == 0.0


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("samples", [5.0, 3.3, -3.3, -30.0, 100.75])
def test_the_effect_shifts_with_its_latency_told(samples: float, rate: int) -> None:
    effect = Effect(jsfx.effect(target(DelayMove("Kick", samples)), rate), rate)
    impulse = np.zeros((2, 320))
    impulse[:, 10] = 1.0
    out = effect.process(impulse)
    np.testing.assert_array_equal(out[0], out[1])
    hz = np.linspace(20.0, 20_000.0, 50)
    lags = np.arange(320) - 10 - effect.variables["pdc_delay"]  # what REAPER makes up for
    response = np.exp(-2j * math.pi * np.outer(hz, lags) / rate) @ out[0]
    wanted = np.exp(-2j * math.pi * hz * samples / rate)
    assert np.abs(response - wanted).max() < 2e-3
    whole = samples == round(samples)
    assert effect.variables["pdc_delay"] == max(0, (0 if whole else 64) - math.floor(samples))


def test_the_effect_leaves_sound_alone_at_a_rate_it_has_nothing_for() -> None:
    effect = Effect(jsfx.effect(target(*MOVES, DelayMove("Kick", -4.0)), RATE), 32_000)
    audio = np.random.default_rng(3).standard_normal((2, 20))
    np.testing.assert_array_equal(effect.process(audio), audio)
    assert effect.variables["pdc_delay"] == 0.0


def test_the_effect_is_text_without_surprises() -> None:
    text = jsfx.effect(target(*MOVES, DelayMove("Kick", 1.5), name="Kick\n@init\nx = 1; 🥁"), RATE)
    assert text.startswith("desc:MixDiagnose correction of Kick @init x = 1; 🥁\nin_pin:left\n")
    assert text.count("\n@init\n") == 1
    assert not re.search(r"\d[eE][-+]?\d", text)
    assert all(line.count("(") == line.count(")") for line in text.splitlines() if line.startswith("  h["))


@pytest.mark.parametrize(("samples", "late"), [(0.0, 0), (12.5, 52), (-2.5, 66), (-30.0, 30)])
def test_the_impulse_response_is_the_correction(samples: float, late: int) -> None:
    correction = Correction(RATE, (target(*MOVES, DelayMove("Kick", samples)),))
    content = {p.name: c for p, c in forms(correction).items()}
    rate, impulse = wavfile.read(io.BytesIO(content["impulse.wav"]))
    assert (rate, impulse.dtype, impulse.ndim) == (RATE, np.float32, 1)
    hz = np.geomspace(30.0, 20_000.0, 80)
    response = np.exp(-2j * math.pi * np.outer(hz, np.arange(len(impulse))) / RATE) @ impulse.astype(np.float64)
    wanted = designed(MOVES, hz) * np.exp(-2j * math.pi * hz * (samples + late) / RATE)
    assert np.abs(response - wanted).max() < 1e-4
    assert (f"Kick/impulse.wav comes {late} samples late" in content["README.txt"].decode()) == (late > 0)


def test_everything_is_written_where_it_belongs(tmp_path: Path) -> None:
    moves = (EqMove("a/b", "bell", 300.0, -3.0, 1.0), DelayMove("a/b", -2.5))
    correction = Correction(
        RATE, (Target("a/b", moves), Target("A:B", (GainMove("A:B", 1.0),)), Target("untouched", ()))
    )
    files = write_forms(correction, tmp_path / "out" / "forms")
    names = {str(f.relative_to(tmp_path / "out" / "forms")) for f in files}
    assert names == {str(p) for p in forms(correction)}
    assert all(f.stat().st_size or f.name == "equalizer-apo.txt" for f in files)
    five = ("ParametricEQ.txt", "correct.py", "equalizer-apo.txt", "impulse.wav", "sos.json")
    assert sorted(n for n in names if not n.startswith("REAPER")) == sorted(
        [*(f"a_b/{n}" for n in five), *(f"A_B (2)/{n}" for n in five), "README.txt"]
    )
    for chain in (f for f in files if f.suffix == ".RfxChain"):
        match = re.match(r'BYPASS 0 0 0\n<JS "MixDiagnose/([^"]+)" ""\n  (- ){63}-\n>\nWAK 0 0\n$', chain.read_text())
        assert match
        assert (chain.parents[2] / "Effects" / "MixDiagnose" / match[1]).is_file()
    readme = (tmp_path / "out" / "forms" / "README.txt").read_text(encoding="utf-8")
    assert "a_b/equalizer-apo.txt leaves out 2.500 samples (0.052 ms) earlier: Equalizer APO can only delay." in readme
    assert "Session rate: 48000 Hz." in readme


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path: Path) -> None:
    correction = Correction(RATE, (target(GainMove("Kick", 1.0)),))
    (tmp_path / "README.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"README\.txt exists"):
        write_forms(correction, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["README.txt"]
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"file"):
        write_forms(correction, tmp_path / "file")
    assert write_forms(Correction(RATE, (target(),)), tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


# What Windows keeps for itself, with any ending.
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³")}


@given(st.lists(st.text(max_size=300), max_size=8))
@example(["con", "CON", "nul.txt", "LPT1", "com¹", "..", ".", "", " ", "a.", "a ", "a", "A", "ß", "ss", "é", "e\u0301"])
@example(["a (2)", "a", "A", "a", "README.TXT", "reaper", "\ud800", "x\u2028y", "\u202e", "🥁" * 200, "a\0b"])
def test_names_are_safe_and_different(names: list[str]) -> None:
    safe = safe_names(names, ("README.txt", "REAPER"))
    assert len(safe) == len(names)
    assert len({s.casefold() for s in (*safe, "README.txt", "REAPER")}) == len(names) + 2
    for name in safe:
        assert 0 < len(name.encode()) <= 200
        assert name.isprintable()
        assert not set(name) & set('<>:"/\\|?*')
        assert name == name.strip(" ").rstrip(".")
        assert not name.startswith(".")
        assert name.partition(".")[0].rstrip().upper() not in DEVICES
        assert PureWindowsPath(name).name == name


def test_ordinary_names_stay_as_they_are() -> None:
    ordinary = ["Kick In", "Gtr (L)", "01 Bässe", "mix", "Vox – Lead", "kick.in"]
    assert safe_names(ordinary) == ordinary
