"""What the plugin does to audio, in a host of our own: nothing, or the design, without clicks, whatever comes in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np
import pytest

from dsp.findings import EqMove
from dsp.units import Samples
from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.built import Built
from render_tests.plugin_hosts.table import EIGHT, band
from render_tests.plugin_hosts.vst3 import Vst3, playing

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("runtime")]

RATE = 48_000


@pytest.fixture
def vst3(plugin: Built) -> Iterator[Vst3]:
    with playing(plugin.host, plugin.binary("vst3"), RATE) as made:
        yield made


def noise(frames: int, level: float = 0.2, channels: int = 2) -> Samples:
    return (level * np.random.default_rng(7).standard_normal((channels, frames))).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000, 96_000, 192_000])
def test_the_response_is_the_design_and_the_output_within_120_db(plugin: Built, rate: int) -> None:
    audio = noise(20_000)
    for moves in (EIGHT, EIGHT[2:3], EIGHT[3:6]):
        with playing(plugin.host, plugin.binary("vst3"), rate) as one:
            impulse = np.zeros((2, 1 << 16), np.float32)
            impulse[:, 0] = 1.0
            heard = one.play(impulse, repeat(8192), one.changes(table.settings(moves)))
            assert table.off_by_db(heard[0], moves, rate) < 0.01
            assert table.off_by_db(heard[1], moves, rate) < 0.01
        with playing(plugin.host, plugin.binary("vst3"), rate) as one:
            out = one.play(audio, repeat(512), one.changes(table.settings(moves)))
        apart = out - table.filtered(audio, moves, rate)
        assert table.loudest_db(apart) - table.loudest_db(out.astype(np.float64)) < -120.0


def test_blocks_of_any_length_give_the_same(plugin: Built) -> None:
    audio, rng = noise(30_000), np.random.default_rng(3)
    lengths = [repeat(8192), repeat(1), repeat(64), repeat(441), iter(rng.integers(1, 700, 30_000).tolist())]
    made: list[Samples] = []
    for blocks in lengths:
        with playing(plugin.host, plugin.binary("vst3"), RATE) as one:
            made.append(
                one.play(audio[:, :6000] if len(made) == 1 else audio, blocks, one.changes(table.settings(EIGHT)))
            )
    for other in made[1:]:
        np.testing.assert_array_equal(other, made[0][:, : other.shape[1]])


def test_rate_and_block_length_may_change_midway(plugin: Built) -> None:
    with Vst3(plugin.host, plugin.binary("vst3")) as one:
        changes = one.changes(table.settings(EIGHT))
        for rate, most in ((44_100, 512), (192_000, 8192), (8000, 1), (96_000, 64)):
            one.setup(rate, most)
            audio = noise(3 * most + 500)
            out = one.play(audio, repeat(most), changes)
            changes = []
            assert table.loudest_db(out - table.filtered(audio, EIGHT, rate)) < -120.0
            one.stop()


def test_mono(plugin: Built) -> None:
    audio = noise(20_000, channels=1)
    with playing(plugin.host, plugin.binary("vst3-mono"), RATE, channels=1) as one:
        np.testing.assert_array_equal(one.process(audio[:, :4096]), audio[:, :4096])
        one.stop()
        one.setup(RATE)
        out = one.play(audio, repeat(512), one.changes(table.settings(EIGHT)))
    assert table.loudest_db(out - table.filtered(audio, EIGHT, RATE)) < -120.0


def test_amount_scales_gains_and_trim_and_switches_the_rest_at_half(plugin: Built) -> None:
    audio = noise(20_000)
    for amount in (100.0, 60.0, 50.0, 40.0, 0.0):
        part = amount / 100.0
        moves = [
            EqMove(m.target, m.kind, m.frequency_hz, part * m.gain_db, m.q)
            for m in EIGHT
            if amount >= 50.0 or m.kind in ("bell", "low-shelf", "high-shelf")
        ]
        with playing(plugin.host, plugin.binary("vst3"), RATE) as one:
            out = one.play(audio, repeat(512), one.changes(table.settings(EIGHT, amount=amount, trim=-6.0)))
        if amount == 0.0:
            np.testing.assert_array_equal(out, audio)
        else:
            wanted = table.filtered(audio, moves, RATE) * 10.0 ** (-6.0 * part / 20.0)
            assert table.loudest_db(out - wanted) < -100.0


def test_off_is_bit_for_bit(vst3: Vst3) -> None:
    audio = noise(9000)
    audio[0, :8] = [0.0, -0.0, 1.0, -1.0, 3.4e38, -3.4e38, 1.2e-38, 5.0]
    bits = audio.view(np.uint32)
    np.testing.assert_array_equal(vst3.play(audio, repeat(500)).view(np.uint32), bits)
    # On and off again: after the fade nothing is left of it.
    assert not np.array_equal(
        vst3.process(audio, vst3.changes(table.settings(EIGHT, trim=3.0)))[:, 2000:], audio[:, 2000:]
    )
    vst3.process(audio, vst3.changes({table.CORRECTION: 0.0}))
    np.testing.assert_array_equal(vst3.play(audio, repeat(500)).view(np.uint32), bits)


def test_nothing_unplayable_comes_out_or_stays_in_the_filters(vst3: Vst3) -> None:
    audio = noise(4096)
    bad = audio.copy()
    bad[0, 100:120] = np.nan
    bad[1, 300:310] = np.inf
    bad[0, 310:320] = -np.inf
    bad[:, 1000:1010] = np.float32(1e-42)
    for changes in ([], vst3.changes(table.settings(EIGHT, trim=24.0))):
        out = vst3.process(bad, changes)
        assert np.isfinite(out).all()
        assert not ((np.abs(out) < np.finfo(np.float32).tiny) & (out != 0.0)).any()
    huge = np.full((2, 4096), np.finfo(np.float32).max, np.float32)
    assert np.isfinite(vst3.process(huge)).all()
    # A sound that ends: denormals neither come out nor stay.
    vst3.process(audio)
    for _ in range(40):
        out = vst3.process(np.zeros_like(audio))
        assert not ((np.abs(out) < np.finfo(np.float32).tiny) & (out != 0.0)).any()
    assert not out.any()
    # And what comes next is played as if nothing had been.
    vst3.stop()
    vst3.setup(RATE)
    fresh = vst3.process(audio, vst3.changes({table.TRIM: 0.0}))
    assert table.loudest_db(fresh - table.filtered(audio, EIGHT, RATE)) < -120.0


def click(out: Samples) -> float:
    """How loud (dB) what lies above 6 kHz is at most: of a low tone, only clicks do."""
    spectrum = np.fft.rfft(out[0].astype(np.float64) * np.hanning(out.shape[1]))
    spectrum[np.fft.rfftfreq(out.shape[1], 1.0 / RATE) < 6000.0] = 0.0
    return table.loudest_db(np.fft.irfft(spectrum))


def test_changes_do_not_click(vst3: Vst3) -> None:
    tone = (0.5 * np.sin(2.0 * np.pi * 100.0 * np.arange(24_000) / RATE)).astype(np.float32)[None].repeat(2, axis=0)
    bell, where = EqMove("mix", "bell", 100.0, 12.0, 1.0), band(0, table.FREQUENCY)
    steps: dict[str, dict[int, float]] = {
        "on": table.settings([bell]),
        "gain": {band(0, table.GAIN): -12.0},
        "frequency": {where: 3000.0},
        "back": {where: 90.0},
        "kind": {band(0, table.KIND): 4.0},
        "q": {band(0, table.Q): 4.0},
        "trim": {table.TRIM: -12.0},
        "amount": {table.AMOUNT: 60.0},
        "bypass": {table.BYPASS: 1.0},
        "bypass off": {table.BYPASS: 0.0},
        "off": {table.CORRECTION: 0.0},
    }
    vst3.process(tone[:, :8000])
    for what, change in steps.items():
        whole = np.concatenate(
            [vst3.process(tone[:, :8000]), vst3.process(tone[:, 8000:16_000], vst3.changes(change))], 1
        )
        whole = np.concatenate([whole, vst3.process(tone[:, 16_000:])], axis=1)
        assert click(whole) < -84.0, what
    # The measure can tell: this is what a switch without a fade gives.
    assert click(np.concatenate([tone[:, :12_100], 0.5 * tone[:, 12_100:]], axis=1)) > -50.0


def test_automation_moves_smoothly(vst3: Vst3) -> None:
    tone = (0.5 * np.sin(2.0 * np.pi * 100.0 * np.arange(1 << 16) / RATE)).astype(np.float32)[None].repeat(2, axis=0)
    vst3.process(tone[:, :8192], vst3.changes(table.settings([EqMove("mix", "bell", 120.0, 0.1, 1.0)])))
    out = []
    for at in range(0, tone.shape[1], 256):
        part = at / tone.shape[1]
        moved = {band(0, table.GAIN): 12.0 * part, band(0, table.FREQUENCY): 120.0 * 2.0**part}
        out.append(vst3.process(tone[:, at : at + 256], vst3.changes(moved)))
    assert click(np.concatenate(out, axis=1)) < -84.0
