"""The CLAP plugin in a host of our own, over the public ABI."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dsp.findings import EqMove
from dsp.units import Samples
from plugin_bridge.link import scan
from plugin_bridge.link_results import Results
from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.built import Built
from render_tests.plugin_hosts.clap import Clap
from render_tests.plugin_hosts.table import EIGHT, band

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("runtime")]

STEPPED, IS_BYPASS, READ_ONLY, AUTOMATED = 1 << 0, 1 << 4, 1 << 3, 1 << 5
RATE = 48_000
SCANNER = "/usr/lib/x86_64-linux-gnu/qtractor/qtractor_plugin_scan"


@pytest.fixture
def clap(plugin: Built) -> Iterator[Clap]:
    made = Clap(plugin.host, plugin.binary("clap"))
    made.start(RATE)
    yield made
    made.stop()
    made.close()


def noise(frames: int, channels: int = 2) -> Samples:
    return (0.2 * np.random.default_rng(11).standard_normal((channels, frames))).astype(np.float32)


def test_hosts_find_what_they_need(clap: Clap) -> None:
    assert clap.described.id == b"com.mixdiagnose.mixdiagnose"
    assert clap.described.name == b"MixDiagnose"
    infos = clap.infos()
    assert [i.id for i in infos] == list(range(table.COUNT))
    assert infos[table.BYPASS].flags & IS_BYPASS
    assert infos[band(0, table.KIND)].flags & STEPPED
    assert all(i.flags & AUTOMATED for i in infos[: table.READINGS])
    assert all(i.flags & READ_ONLY for i in infos[table.READINGS :])
    where = infos[band(4, table.FREQUENCY)]
    assert (where.name, where.least, where.most, where.standard) == (b"Band 5 frequency", 5.0, 24_000.0, 1600.0)
    assert clap.text(band(0, table.KIND), 3.0) == "Notch"
    assert clap.parsed(band(0, table.KIND), "High-pass") == 4.0
    assert clap.parsed(band(0, table.GAIN), "-3.5") == -3.5


def test_parameters_and_state(plugin: Built, clap: Clap) -> None:
    wanted = table.settings(EIGHT, bypass=1.0, amount=37.5, trim=-2.5)
    clap.flush(wanted)
    assert {n: clap.get(n) for n in wanted} == pytest.approx(wanted, rel=1e-6)
    clap.flush({table.COUNT + 1000: 1.0})  # one there is not
    other = Clap(plugin.host, plugin.binary("clap"))
    other.state = clap.state
    assert {n: other.get(n) for n in range(table.READINGS)} == {n: clap.get(n) for n in range(table.READINGS)}
    assert other.state == clap.state
    other.close()


def test_blocks_of_random_length(clap: Clap) -> None:
    audio, rng, at, out = noise(30_000), np.random.default_rng(5), 0, []
    while at < audio.shape[1]:
        length = int(rng.integers(1, 8193))
        out.append(clap.process(audio[:, at : at + length], table.settings(EIGHT) if at == 0 else None))
        at += length
    assert table.loudest_db(np.concatenate(out, axis=1) - table.filtered(audio, EIGHT, RATE)) < -120.0


def test_off_silence_and_what_cannot_be_played(clap: Clap) -> None:
    audio = noise(4096)
    np.testing.assert_array_equal(clap.process(audio).view(np.uint32), audio.view(np.uint32))
    clap.process(audio, table.settings(EIGHT))
    bad = audio.copy()
    bad[0, 10:20], bad[1, 30:40], bad[:, 50:60] = np.nan, np.inf, 1e-42
    assert np.isfinite(clap.process(bad)).all()
    for _ in range(40):
        out = clap.process(np.zeros_like(audio))
        assert not ((np.abs(out) < np.finfo(np.float32).tiny) & (out != 0.0)).any()
    assert not out.any()


def test_reset_forgets_what_was_heard(clap: Clap) -> None:
    clap.process(noise(4096), table.settings(EIGHT))
    clap.reset()
    audio = noise(3000)
    assert table.loudest_db(clap.process(audio) - table.filtered(audio, EIGHT, RATE)) < -120.0


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_rates(plugin: Built, rate: int) -> None:
    clap = Clap(plugin.host, plugin.binary("clap"))
    clap.start(rate)
    impulse = np.zeros((2, 1 << 16), np.float32)
    impulse[:, 0] = 1.0
    assert table.off_by_db(clap.play(impulse, 8192, table.settings(EIGHT))[1], EIGHT, rate) < 0.01
    clap.stop()
    clap.close()


def test_mono(plugin: Built) -> None:
    clap = Clap(plugin.host, plugin.binary("clap-mono"), channels=1)
    clap.start(RATE)
    audio = noise(8192, channels=1)
    out = clap.process(audio, table.settings(EIGHT))
    assert table.loudest_db(out - table.filtered(audio, EIGHT, RATE)) < -120.0
    clap.stop()
    clap.close()


def test_the_song_s_position_the_readings_and_auto_apply(clap: Clap) -> None:
    audio, suggested = noise(512), [EqMove("mix", "low-shelf", 120.0, -2.0, 0.7)]
    clap.process(audio)  # a host may say nothing of the transport
    clap.song_s = 61.5
    clap.process(audio, {table.AUTO_APPLY: 1.0})
    [end] = scan()
    with end:
        heard = [b.transport for b in iter(lambda: end.read(512), None)]
        assert heard[-1].playing
        assert heard[-1].position_s == pytest.approx(61.5, abs=1e-4)
        assert heard[-1].bpm == 98.0
        end.claim()
        end.beat()
        end.publish(Results(integrated_lufs=-11.0, bands=suggested))
        clap.process(audio)
        wanted = table.settings(suggested) | {table.READINGS + 2: -11.0}
        assert {n: clap.sent[n] for n in wanted} == pytest.approx(wanted, rel=1e-6)
        assert clap.get(table.CORRECTION) == 1.0
        clap.process(audio)
        assert clap.sent == {}


def test_qtractor_lists_it(plugin: Built) -> None:
    if not Path(SCANNER).is_file() or shutil.which("qtractor") is None:
        pytest.skip("needs the Debian package qtractor")
    asked = f"CLAP:{plugin.binary('clap')}\n"
    listed = subprocess.run([SCANNER], input=asked, capture_output=True, text=True, timeout=60, check=False).stdout
    assert "CLAP|MixDiagnose|2:2|" in listed
