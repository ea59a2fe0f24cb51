"""The VST3 plugin in a host of our own, which does what real hosts do only now and then."""

from __future__ import annotations

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
from render_tests.plugin_hosts.table import EIGHT, band
from render_tests.plugin_hosts.vst3 import ALL, NO_LISTS, NO_OUTPUT, Vst3, cycles, playing

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("runtime")]

AUTOMATED, READ_ONLY, BYPASSES = 1, 2, 1 << 16
RATE = 48_000


@pytest.fixture
def vst3(plugin: Built) -> Iterator[Vst3]:
    with playing(plugin.host, plugin.binary("vst3"), RATE) as made:
        yield made


def noise(frames: int, level: float = 0.2, channels: int = 2) -> Samples:
    return (level * np.random.default_rng(7).standard_normal((channels, frames))).astype(np.float32)


def test_hosts_find_what_they_need(vst3: Vst3) -> None:
    infos = vst3.infos()
    assert [number for _, number, *_ in infos] == list(range(table.COUNT))
    assert vst3.latency == 0
    assert infos[table.BYPASS][2] & BYPASSES
    inputs, readings = infos[: table.READINGS], infos[table.READINGS :]
    assert all(flags & AUTOMATED and not flags & READ_ONLY for *_, flags, _, _ in inputs)
    assert all(flags & READ_ONLY and not flags & AUTOMATED for *_, flags, _, _ in readings)
    assert infos[band(7, table.Q)][0] == "Band 8 Q"
    kind = band(0, table.KIND)
    assert [vst3.text(kind, k) for k in range(6)] == [
        "Bell",
        "Low shelf",
        "High shelf",
        "Notch",
        "High-pass",
        "Low-pass",
    ]
    # What hosts show of a value, and where they begin.
    assert float(vst3.text(band(0, table.FREQUENCY), 1234.5)) == pytest.approx(1234.5, rel=1e-6)
    assert [vst3.get(number) for number in (table.CORRECTION, table.AMOUNT, table.TRIM)] == [0.0, 100.0, 0.0]
    assert all(vst3.plain(n, standard) == pytest.approx(vst3.get(n), rel=1e-6) for _, n, _, _, standard in inputs)


def test_frequency_and_q_move_by_octaves(vst3: Vst3) -> None:
    for number, least, most in ((band(2, table.FREQUENCY), 5.0, 24_000.0), (band(2, table.Q), 0.05, 100.0)):
        assert vst3.plain(number, 0.5) == pytest.approx((least * most) ** 0.5, rel=1e-6)
        assert [vst3.plain(number, end) for end in (0.0, 1.0)] == pytest.approx([least, most], rel=1e-6)
        for plain in np.geomspace(least, most, 23):
            assert vst3.plain(number, vst3.normal(number, plain)) == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("lists", [ALL, NO_OUTPUT])
def test_parameters_follow_while_the_host_is_stopped(vst3: Vst3, lists: int) -> None:
    wanted = table.settings(EIGHT, bypass=1.0, amount=37.5, trim=-2.5)
    vst3.flush(vst3.changes(wanted), lists)
    for number, value in wanted.items():
        assert vst3.get(number) == pytest.approx(value, rel=1e-6), number
    assert b"bypass\x001" in vst3.state
    # Of several points the last counts, wherever it lies.
    gain = band(3, table.GAIN)
    vst3.flush([(gain, 0, 0.1), (gain, 0, 0.9)], lists)
    assert vst3.get(gain) == pytest.approx(vst3.plain(gain, 0.9), abs=1e-5)
    vst3.flush([(table.COUNT + 5, 0, 0.5)], lists)  # one there is not


def test_what_the_controller_is_told_is_saved_and_played(vst3: Vst3) -> None:
    for number, value in table.settings(EIGHT, bypass=1.0).items():
        assert vst3.set(number, value) == 0
        assert vst3.get(number) == pytest.approx(value, rel=1e-6)
    assert b"bypass\x001" in vst3.state
    audio = noise(4096)
    np.testing.assert_array_equal(vst3.process(audio), audio)
    assert vst3.set(table.BYPASS, 0.0) == 0
    assert np.abs(vst3.process(audio)[:, 2048:] - audio[:, 2048:]).max() > 0.01
    # Readings that come back from a host change nothing.
    reading = table.READINGS
    assert vst3.set(reading, -20.0) == 0
    assert vst3.get(reading) == -100.0


def test_a_host_may_want_no_lists(vst3: Vst3, capfd: pytest.CaptureFixture[str]) -> None:
    audio = noise(512)
    for lists in (NO_OUTPUT, NO_LISTS):
        np.testing.assert_array_equal(vst3.process(audio, lists=lists), audio)
        vst3.flush([], lists)
    assert capfd.readouterr().err == ""


def test_state_comes_back(plugin: Built, vst3: Vst3) -> None:
    rng = np.random.default_rng(1)
    wanted = {n: vst3.plain(n, float(rng.uniform())) for n in range(table.READINGS)} | {
        table.BYPASS: 0.0,
        table.CORRECTION: 1.0,
    }
    vst3.flush(vst3.changes(wanted))
    played = vst3.process(noise(4096))
    with playing(plugin.host, plugin.binary("vst3"), RATE) as other:
        other.state = vst3.state
        assert [other.get(n) for n in wanted] == [vst3.get(n) for n in wanted]
        assert other.state == vst3.state
        np.testing.assert_array_equal(other.process(noise(4096)), played)


def test_readings_come_from_the_engine_and_go_with_it(vst3: Vst3) -> None:
    vst3.transport(playing=True, position=RATE * 3, bpm=97.0)
    audio = noise(512)
    vst3.process(audio)
    [end] = scan()
    with end:
        block = end.read(1000)
        assert block is not None
        np.testing.assert_array_equal(block.audio, audio)
        assert (block.sample_rate, block.transport.playing, block.transport.bpm) == (RATE, True, 97.0)
        assert block.transport.position_s == pytest.approx(3.0)
        end.claim()
        end.beat()
        end.publish(Results(momentary_lufs=-14.5, true_peak_dbtp=-1.25, correlation=0.5, readiness=0.75))
        vst3.process(audio)
        shown = {n: vst3.plain(n, value) for n, value in vst3.put_out().items()}
        first = table.READINGS
        assert shown == pytest.approx({first: -14.5, first + 3: -1.25, first + 4: 0.5, first + 5: 75.0}, abs=1e-4)
        vst3.process(audio)
        assert vst3.put_out() == {}


def test_what_leaves_the_plugin_is_what_is_measured(vst3: Vst3) -> None:
    out = vst3.process(noise(4096), vst3.changes(table.settings(EIGHT)))
    [end] = scan()
    with end:
        block = end.read(5000)
        assert block is not None
        np.testing.assert_array_equal(block.audio, out)


def test_auto_apply_takes_suggestions_once_and_tells_the_host(vst3: Vst3) -> None:
    audio, suggested = (
        noise(4096),
        [EqMove("mix", "bell", 300.0, -3.0, 1.5), EqMove("mix", "high-shelf", 9000.0, 2.0, 0.7)],
    )
    vst3.process(audio)
    [end] = scan()
    with end:
        end.claim()
        end.beat()
        end.publish(Results(bands=suggested))
        np.testing.assert_array_equal(vst3.process(audio), audio)  # nothing by itself
        vst3.flush([(table.AUTO_APPLY, 0, 1.0)])
        end.publish(Results(bands=suggested))
        vst3.process(audio)
        told = vst3.put_out()
        for number, value in table.settings(suggested).items():
            assert vst3.get(number) == pytest.approx(value, rel=1e-6)
            assert vst3.plain(number, told[number]) == pytest.approx(value, rel=1e-6)
        # What is measured now is what the correction leaves: it is not corrected again.
        end.publish(Results(bands=[EqMove("mix", "bell", 5000.0, 6.0, 1.0)]))
        end.beat()
        vst3.process(audio)
        assert vst3.get(band(0, table.FREQUENCY)) == pytest.approx(300.0)


def test_a_loop_shows_in_the_transport(vst3: Vst3) -> None:
    audio = noise(4800)
    for position in (0, 4800, 0, 4800):
        vst3.transport(playing=True, position=position)
        vst3.process(audio)
    vst3.transport(playing=False, position=0)
    vst3.process(audio)
    [end] = scan()
    with end:
        heard = [(b.transport.playing, b.transport.looping) for b in iter(lambda: end.read(4800), None)]
    assert heard[0] == (True, False)
    assert (True, True) in heard
    assert heard[-1] == (False, False)


def test_a_thousand_instances_leave_nothing(plugin: Built, runtime: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    assert cycles(plugin.host, plugin.binary("vst3"), 100) == 0
    before = resident()
    assert cycles(plugin.host, plugin.binary("vst3"), 1000) == 0
    assert resident() - before < 2_000_000
    assert not list((runtime / "mixdiagnose").iterdir())
