"""The VST3 plugin in pedalboard and in DawDreamer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import dawdreamer
import numpy as np
import pedalboard
import pytest

from dsp.errors import UsageError
from dsp.findings import DelayMove, EqMove, Fix, GainMove, PolarityMove
from dsp.units import Samples
from plugin_bridge.chain import chain
from plugin_bridge.hosted import hosted_chain
from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.built import Built
from render_tests.plugin_hosts.table import EIGHT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("runtime")]

RATE = 44_100
COUNTED = count()
NAMES = ("Bell", "Low shelf", "High shelf", "Notch", "High-pass", "Low-pass")


def noise(frames: int, channels: int = 2) -> Samples:
    return (0.2 * np.random.default_rng(17).standard_normal((channels, frames))).astype(np.float32)


def impulse(channels: int = 2) -> Samples:
    made = np.zeros((channels, 1 << 16), np.float32)
    made[:, 0] = 1.0
    return made


def loaded(path: Path) -> Any:
    """A plugin whose attributes are its parameters, so no type says what it has."""
    return pedalboard.VST3Plugin(str(path))


def corrects(plugin: Any) -> Any:
    """The plugin with eight bands on; numbers are set as they are, not in the steps that pedalboard makes of texts."""
    plugin.correction = True
    for i, move in enumerate(EIGHT, start=1):
        setattr(plugin, f"band_{i}_kind", NAMES[table.KINDS.index(move.kind)])
        setattr(plugin, f"band_{i}_on", True)
        plugin.parameters[f"band_{i}_frequency_hz"].raw_value = normal(table.FREQUENCY, move.frequency_hz)
        plugin.parameters[f"band_{i}_gain_db"].raw_value = normal(table.GAIN, move.gain_db)
        plugin.parameters[f"band_{i}_q"].raw_value = normal(table.Q, move.q)
    return plugin


def kept(move: EqMove) -> EqMove:
    """A band as it is after a host has kept its normalized values in single precision."""
    where, q = (np.float32(normal(*of)) for of in ((table.FREQUENCY, move.frequency_hz), (table.Q, move.q)))
    gain_db = 48.0 * float(np.float32(normal(table.GAIN, move.gain_db))) - 24.0
    return replace(move, frequency_hz=5.0 * 4800.0 ** float(where), gain_db=gain_db, q=0.05 * 2000.0 ** float(q))


def off_by_db(heard: Samples, rate: int = RATE) -> float:
    return max(table.off_by_db(channel, [kept(move) for move in EIGHT], rate) for channel in heard)


def normal(which: int, value: float) -> float:
    """A band's value as hosts send it, which keep it in single precision; of other parameters the value itself."""
    if which in (table.FREQUENCY, table.Q):
        least, most = (5.0, 24_000.0) if which == table.FREQUENCY else (0.05, 100.0)
        return float(np.log(value / least) / np.log(most / least))
    return {table.KIND: value / 5.0, table.GAIN: (value + 24.0) / 48.0}.get(which, value)


def test_pedalboard_hears_nothing_while_it_is_off_and_the_design_while_it_is_on(plugin: Built) -> None:
    one = loaded(plugin.plugins["vst3"])
    assert one.name == "MixDiagnose"
    assert len(one.parameters) == table.COUNT
    audio = noise(40_000)
    for block in (1, 64, 511, 8192):
        part = audio[:, : 2000 if block == 1 else 40_000]
        np.testing.assert_array_equal(one.process(part, RATE, buffer_size=block), part)
    corrects(one)
    out = one.process(impulse(), RATE)
    assert off_by_db(out) < 0.01
    first = one.process(audio, RATE, buffer_size=8192)
    for block in (16, 511):
        np.testing.assert_array_equal(one.process(audio, RATE, buffer_size=block), first)
    one.bypass = True
    np.testing.assert_array_equal(one.process(audio, RATE), audio)


def test_a_correction_through_the_plugin_is_the_one_without_it(plugin: Built) -> None:
    moves: list[Fix] = [
        EqMove("x", "bell", 300.0, -5.0, 1.2), EqMove("x", "high-pass", 40.0, 0.0, 0.7071), GainMove("x", -2.0),
        EqMove("x", "high-shelf", 7000.0, 3.0, 0.7), PolarityMove("x"), DelayMove("x", 12.0),
    ]  # fmt: skip
    blocks = [noise(20_000)[:, k : k + 3000] for k in range(0, 20_000, 3000)]
    with_it, without = (
        np.concatenate(list(c.process(blocks)), axis=1)
        for c in (hosted_chain(moves, RATE, plugin.plugins["vst3"]), chain(moves, RATE))
    )
    start = RATE // 10  # a filter that is switched on fades in
    assert 20 * np.log10(np.abs(with_it - without)[:, start:].max()) < -80.0
    with pytest.raises(UsageError, match="no high-pass-24"):
        hosted_chain([EqMove("x", "high-pass-24", 30.0, 0.0, 0.7)], RATE, plugin.plugins["vst3"])
    with pytest.raises(UsageError, match="8 bands"):
        hosted_chain([EqMove("x", "bell", 300.0, 1.0, 1.0)] * 9, RATE, plugin.plugins["vst3"])


@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
def test_pedalboard_at_other_rates(plugin: Built, rate: int) -> None:
    assert off_by_db(corrects(loaded(plugin.plugins["vst3"])).process(impulse(), rate), rate) < 0.01


def test_pedalboard_takes_mono_with_the_plugin_for_mono(plugin: Built) -> None:
    one = loaded(plugin.plugins["vst3-mono"])
    audio = noise(20_000, channels=1)
    np.testing.assert_array_equal(one.process(audio, RATE), audio)
    assert off_by_db(corrects(one).process(impulse(channels=1), RATE)) < 0.01


def test_pedalboard_saves_and_restores(plugin: Built) -> None:
    one, other, audio = corrects(loaded(plugin.plugins["vst3"])), loaded(plugin.plugins["vst3"]), noise(20_000)
    one.amount, one.output_trim_db = 62.0, -3.0
    played = one.process(audio, RATE)
    other.raw_state = one.raw_state
    np.testing.assert_array_equal(other.process(audio, RATE), played)
    assert other.raw_state == one.raw_state
    names = [
        name
        for name in one.parameters
        if not name.startswith(("momentary", "short", "integrated", "true", "corr", "read"))
    ]
    assert [getattr(other, n) for n in names] == [getattr(one, n) for n in names]


def rendered(engine: dawdreamer.RenderEngine, one: dawdreamer.PluginProcessor, audio: Samples) -> Samples:
    name = f"player {next(COUNTED)}"
    player = engine.make_playback_processor(name, audio)
    engine.load_graph([(player, []), (one, [name])])
    engine.render(audio.shape[1] / RATE)
    return np.asarray(engine.get_audio(), np.float32)[:, : audio.shape[1]]


@pytest.mark.parametrize("block", [64, 512, 4096])
def test_dawdreamer(plugin: Built, tmp_path: Path, block: int) -> None:
    engine = dawdreamer.RenderEngine(RATE, block)
    one = engine.make_plugin_processor("one", str(plugin.plugins["vst3"]))
    assert one.get_latency_samples() == 0
    audio = noise(block * 40)
    np.testing.assert_array_equal(rendered(engine, one, audio), audio)
    for number, value in table.settings(EIGHT).items():
        which = (number - table.FIRST_BAND) % table.PER_BAND if number >= table.FIRST_BAND else -1
        one.set_parameter(number, normal(which, value))
    long = impulse()
    assert off_by_db(rendered(engine, one, long)) < 0.01
    saved = tmp_path / "state"
    one.save_state(str(saved))
    played = rendered(engine, one, audio)
    other = engine.make_plugin_processor("other", str(plugin.plugins["vst3"]))
    with suppress(RuntimeError):  # it looks for a window after it has loaded, and this plugin may have none
        other.load_state(str(saved))
    np.testing.assert_array_equal(rendered(engine, other, audio), played)


def test_two_plugins_of_one_process_do_not_meddle(plugin: Built) -> None:
    stereo, mono = corrects(loaded(plugin.plugins["vst3"])), loaded(plugin.plugins["vst3-mono"])
    second, audio = loaded(plugin.plugins["vst3"]), noise(20_000)
    played = stereo.process(audio, RATE)
    np.testing.assert_array_equal(mono.process(audio[:1], RATE), audio[:1])
    np.testing.assert_array_equal(second.process(audio, 96_000), audio)
    np.testing.assert_array_equal(stereo.process(audio, RATE), played)


@pytest.mark.skipif(
    not Path("/usr/share/i18n/locales/de_DE").is_file() or shutil.which("localedef") is None,
    reason="needs the Debian package locales",
)
def test_numbers_keep_their_points_where_people_write_commas(plugin: Built, tmp_path: Path) -> None:
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=False)
    program = f"""
import locale, pedalboard
one, other = (pedalboard.VST3Plugin({str(plugin.plugins["vst3"])!r}) for _ in range(2))
one.parameters["band_1_gain_db"].raw_value = 0.61
saved = one.raw_state
locale.setlocale(locale.LC_NUMERIC, "de_DE.UTF-8")
assert locale.localeconv()["decimal_point"] == ","
other.raw_state = saved
assert abs(other.parameters["band_1_gain_db"].raw_value - 0.61) < 1e-6
"""
    environment = {**os.environ, "LOCPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=120)
