"""Real encoders on synthetic music: levels, times and counts of what comes out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.encoded import Encoded
from dsp.findings import Finding, GainMove
from dsp.listening.overs import OverMeter
from dsp.mix import Mix, measure
from dsp.profile import load_profile
from dsp.units import Samples
from plugin_bridge.codecs import CODECS, encode, loudest
from plugin_bridge.coders import Codec, CoderError, Resampler, open_coder
from render_tests.scenes.base import clean, quantised
from tests.music_signals import music
from tests.test_cli import write_wav

NAMES = [c.name for c in CODECS]
ROOT = Path(__file__).resolve().parent.parent


def source(rate: int = 48_000, layout: str = "stereo") -> Source:
    return Source("song", "WAV", "float", rate, layout, 32)


def song(samples: npt.NDArray[Any], rate: int = 48_000, layout: str = "stereo") -> tuple[Mix, list[Samples]]:
    x = np.ascontiguousarray(samples, dtype=np.float32)
    return measure(source(rate, layout), [x]), [x]


@cache
def coded(codec: Codec, rate: int = 48_000, channels: int = 2, gain: float = 1.0) -> tuple[Samples, Samples]:
    """Four seconds of music and what the codec makes of them, cut to the same frames."""
    x = np.ascontiguousarray(gain * music(4.0, rate)[:channels], dtype=np.float32)
    coder = open_coder(codec, rate, channels, float(np.abs(x).max()))
    y = np.zeros_like(x)
    for pieces in (*(coder.process(x[:, k : k + 30_000]) for k in range(0, x.shape[1], 30_000)), coder.finish()):
        for at, piece in pieces:
            kept = piece[:, max(0, -at) : max(0, x.shape[1] - at)]
            y[:, max(0, at) : max(0, at) + kept.shape[1]] = kept
    return x, y


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_decoded_is_the_music_and_in_time(codec: Codec, channels: int) -> None:
    x, y = coded(codec, channels=channels)
    assert np.corrcoef(x.ravel(), y.ravel())[0, 1] > 0.97
    spectrum = np.fft.rfft(y[0], 1 << 19) * np.conj(np.fft.rfft(x[0], 1 << 19))
    lag = int(np.fft.irfft(spectrum).argmax())
    assert min(lag, (1 << 19) - lag) <= 1


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
def test_nothing_clips_what_lies_beyond_full_scale(codec: Codec) -> None:
    x, y = coded(codec, gain=2.5)
    assert np.abs(x).max() == pytest.approx(2.0, abs=0.01)
    assert np.abs(y).max() > 1.8


@pytest.mark.parametrize(("from_hz", "to_hz"), [(96_000, 48_000), (88_200, 44_100), (44_100, 48_000), (8_000, 48_000)])
def test_rates_are_converted_without_clipping_or_shift(from_hz: int, to_hz: int) -> None:
    seconds = 2.0
    t, u = (np.arange(round(seconds * hz)) / hz for hz in (from_hz, to_hz))
    x = np.stack([3.0 * np.sin(2 * np.pi * 1500 * t), np.cos(2 * np.pi * 700 * t)]).astype(np.float32)
    resampler = Resampler(from_hz, to_hz, 2)
    pieces = [p for k in range(0, x.shape[1], 7_000) for p in resampler.process(x[:, k : k + 7_000])]
    y = np.concatenate([*pieces, *resampler.finish()], axis=1)
    wanted = np.stack([3.0 * np.sin(2 * np.pi * 1500 * u), np.cos(2 * np.pi * 700 * u)])
    assert y.shape == wanted.shape
    assert np.abs(y - wanted)[:, to_hz // 2 : -to_hz // 2].max() < 1e-3


def with_ping(rate: int, seconds: float, at_s: float) -> Samples:
    """Quiet music with one loud ping of 20 ms."""
    x = 0.1 * music(seconds, rate)
    frames = round(0.02 * rate)
    start = round(at_s * rate) - frames // 2
    x[:, start : start + frames] += 0.9 * np.hanning(frames) * np.sin(2 * np.pi * 2000 * np.arange(frames) / rate)
    return x.astype(np.float32)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_highest_peak_is_where_it_is_in_the_mix(rate: int) -> None:
    rows = encode(*song(with_ping(rate, 6.0, 4.3), rate))
    assert rows is not None
    for row in rows:
        assert row.true_peak_at_s == pytest.approx(4.3, abs=0.012), row.codec
        assert row.true_peak_dbtp == pytest.approx(-1.0, abs=1.5), row.codec
        converted = rate == 96_000 or (rate == 44_100 and row.codec.startswith("Opus"))
        assert ("converted from" in row.note) == converted


def test_of_a_long_song_the_loudest_half_minute_is_encoded_and_timed() -> None:
    x = 0.03 * np.tile(music(5.0, 44_100)[:1], 8)
    x[:, 6 * 44_100 : 38 * 44_100] *= 4.0
    x[:, round(30.0 * 44_100)] = 0.9
    mix, blocks = song(x, 44_100, "mono")
    first, last = loudest(mix)
    assert last - first == 30 * 44_100
    assert 6.0 <= first / 44_100 <= 8.0
    parts = [blocks[0][:, k : k + 50_000] for k in range(0, x.shape[1], 50_000)]
    one = (CODECS[0],)
    (row,) = encode(mix, parts, codecs=one) or ()
    assert (row.start_s, row.end_s) == (first / 44_100, last / 44_100)
    assert row.true_peak_at_s == pytest.approx(30.0, abs=0.01)
    (whole,) = encode(mix, parts, codecs=one, full=True) or ()
    assert (whole.start_s, whole.end_s) == (0.0, 40.0)
    assert whole.true_peak_dbtp == pytest.approx(row.true_peak_dbtp, abs=0.5)


def test_no_more_is_read_than_is_encoded() -> None:
    mix, blocks = song(0.1 * np.tile(music(5.0, 44_100)[:1], 8), 44_100, "mono")
    first, last = loudest(mix)

    def counted() -> Iterator[Samples]:
        for k in range(0, 40 * 44_100, 44_100):
            assert k < last + 44_100
            yield blocks[0][:, k : k + 44_100]

    assert first % 441 == 0
    assert encode(mix, counted(), codecs=(CODECS[4],))


def squarish(peak: float) -> Samples:
    """Music driven hard into a ceiling: what loudness wars make of it."""
    x = np.tanh(12.0 * music(2.5, 44_100)[:, 44_100 // 2 :])
    return (peak * x / np.abs(x).max()).astype(np.float32)


def test_a_limited_song_at_full_scale_comes_out_above_it_and_one_at_minus_6_does_not() -> None:
    full, lower = (encode(*song(squarish(p), 44_100)) for p in (1.0, 0.5))
    assert full is not None
    assert lower is not None
    for row in full:
        assert row.true_peak_dbtp is not None
        assert row.true_peak_dbtp > 0.0, row.codec
        assert row.rise_db is not None
        assert row.overs > 0
    for row in lower:
        assert row.true_peak_dbtp is not None
        assert row.true_peak_dbtp < 0.0, row.codec
        assert row.overs == 0


def test_overs_are_counted_as_separate_excursions() -> None:
    rate = 48_000
    x = 0.5 * np.sin(2 * np.pi * 100 * np.arange(10 * rate) / rate)
    bursts = [1.0, 1.004, 2.0, 2.05, 7.3]  # the first two are 4 ms apart: one over
    for at in bursts:
        x[round(at * rate)] = 1.5
    stereo = np.stack([x, 0.3 * x]).astype(np.float32)
    stereo[1, round(2.0 * rate) + 100] = 1.4  # the other channel, 2 ms later
    for size in (479, 30_000, stereo.shape[1]):
        meter = OverMeter(rate, 2)
        for k in range(0, stereo.shape[1], size):
            meter.process(np.ascontiguousarray(stereo[:, k : k + size]))
        reading, overs = meter.overs()
        assert overs == 4
        assert reading.max_dbtp == pytest.approx(3.52, abs=0.1)
        assert meter.overs()[1] == 4


def test_overs_between_samples_count_and_full_scale_itself_does_not() -> None:
    n = np.arange(48_000)
    between = np.sin(np.pi / 2 * n + np.pi / 4)[None].astype(np.float32)  # samples at 0.707, crests at 1
    for level, wanted in ((0.99, 0), (1.03, 1)):
        meter = OverMeter(48_000, 1)
        meter.process(np.float32(level) * between)
        assert meter.overs()[1] == wanted


@pytest.mark.parametrize(
    ("samples", "layout", "wanted"),
    [
        (np.zeros((2, 96_000), np.float32), "stereo", None),
        (0.5 * np.ones((2, 4_000), np.float32), "stereo", None),
        (np.zeros((2, 0), np.float32), "stereo", None),
        (0.1 * np.ones((6, 96_000), np.float32), "5.1", ()),
    ],
    ids=["silence", "short", "empty", "5.1"],
)
def test_what_is_not_encoded(samples: Samples, layout: str, wanted: tuple[Encoded, ...] | None) -> None:
    mix, blocks = song(samples, layout=layout)
    assert encode(mix, blocks) == wanted
    (finding,) = run_check(find_check("codec-peaks"), replace(mix, encoded=wanted), load_profile("mix"))
    assert finding.status == "skipped"
    assert finding.measured == "skipped"


def test_a_missing_encoder_costs_its_row_and_is_named() -> None:
    missing = Codec("Nonesuch 96 kbit/s", "libnonesuch", "nonesuch", "fltp", 96)
    with pytest.raises(CoderError, match="no libnonesuch"):
        open_coder(missing, 48_000, 2, 1.0)
    mix, blocks = song(music(2.0))
    rows = encode(mix, blocks, codecs=(CODECS[2], missing))
    assert rows is not None
    assert [r.encoder for r in rows] == ["libmp3lame", ""]
    (finding,) = run_check(find_check("codec-peaks"), replace(mix, encoded=rows), load_profile("mix"))
    assert "Not tried: Nonesuch 96 kbit/s" in finding.message
    assert all("nonesuch" not in m.name for m in finding.evidence)


def test_encoding_is_repeatable() -> None:
    mix, blocks = song(music(2.0))
    assert encode(mix, blocks) == encode(mix, blocks)


@cache
def good_mix() -> Mix:
    return measure(source(), [clean()])


def said(profile: str, peak_dbtp: float, overs: int) -> Finding:
    mix = good_mix()
    row = Encoded("AAC 128 kbit/s", "aac", peak_dbtp, 12.3, 0.4, overs, 0.0, 26.0)
    other = replace(row, codec="Opus 128 kbit/s", encoder="libopus", true_peak_dbtp=peak_dbtp - 0.2, overs=0)
    (finding,) = run_check(find_check("codec-peaks"), replace(mix, encoded=(row, other)), load_profile(profile))
    return finding


@pytest.mark.parametrize(
    ("profile", "peak_dbtp", "overs", "status"),
    [
        ("mix", -0.3, 0, "pass"),
        ("mix", 2.0, 900, "info"),
        ("master", -0.3, 0, "pass"),
        ("master", 0.4, 3, "warning"),
        ("master", 0.4, 90, "problem"),
        ("master", 1.4, 3, "problem"),
    ],
)
def test_overs_are_a_masters_business(profile: str, peak_dbtp: float, overs: int, status: str) -> None:
    finding = said(profile, peak_dbtp, overs)
    assert finding.status == status
    assert "AAC 128 kbit/s" in finding.message
    assert "at 0:12.3" in finding.message
    if profile == "master" and status != "pass":
        (move,) = finding.fixes
        assert isinstance(move, GainMove)
        assert peak_dbtp + move.gain_db <= 0.0


def report(path: Path, *arguments: str) -> dict[str, object]:
    command = [sys.executable, "-m", "mixdiagnose", "check", str(path), "--format", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    parsed: dict[str, object] = json.loads(done.stdout)
    return parsed


def test_the_command_encodes_only_where_it_is_asked(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "song.wav", quantised(0.5 * music(3.0)))
    encoded = json.dumps(report(path, "--full", "--only", "codec-peaks"))
    assert "Encoded: all of it" in encoded
    assert '"encode"' in encoded
    for arguments in (("--skip", "codec-peaks"), ("--only", "loudness")):
        assert '"encode"' not in json.dumps(report(path, *arguments))
