"""What a plugin pushes arrives as it was, with what happened between; what the engine publishes arrives whole."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsp.errors import UsageError
from dsp.findings import EqMove
from dsp.units import Samples
from plugin_bridge import link_layout as layout
from plugin_bridge.link import Block, Instance, Transport, scan
from plugin_bridge.link_files import RefusedError
from plugin_bridge.link_results import Line, RegionReading, Results
from tests.link import Plugin

RATE = 1_000.0  # the smallest ring
RING = layout.MIN_FRAMES


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def plugin() -> Iterator[Plugin]:
    with Plugin() as made:
        yield made


@pytest.fixture
def instance(plugin: Plugin) -> Iterator[Instance]:
    with Instance(plugin.open(RATE)) as made:
        yield made


def ramp(frames: int, start: int = 0, channels: int = 2) -> Samples:
    """Samples that tell their place: the left counts frames, the right is its negative."""
    left = np.arange(start, start + frames, dtype=np.float32)
    return np.stack([left, -left])[:channels]


def all_blocks(instance: Instance, most: int = 1 << 30) -> list[Block]:
    blocks = []
    while (block := instance.read(most)) is not None:
        blocks.append(block)
    return blocks


Event = tuple[str, int, bool, bool]
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 20_000), st.booleans(), st.booleans()),
        st.tuples(st.just("read"), st.integers(1, 30_000), st.just(False), st.just(False)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, channels=st.sampled_from([1, 2]))
def test_any_blocks_come_out_as_they_went_in(events: list[Event], channels: int) -> None:
    """Against a model: a list of frames, in which a block that finds no room is missing and counted."""
    sent: list[tuple[float, bool, bool]] = []  # frame, playing, looping
    got: list[tuple[float, bool, bool]] = []
    lost = lost_seen = pushed = 0
    with Plugin() as plugin, Instance(plugin.open(RATE, channels)) as instance:
        for what, size, playing, looping in [*events, ("read", 1 << 30, False, False)]:
            if what == "push":
                plugin.push(ramp(size, pushed, channels), playing, looping, pushed / RATE)
                if len(sent) - len(got) + size <= RING:
                    sent += [(float(i), playing, looping) for i in range(pushed, pushed + size)]
                else:
                    lost += size
                pushed += size
            for block in all_blocks(instance, size) if what == "read" else ():
                lost_seen += block.lost_frames
                assert block.audio.dtype == np.float32
                assert block.audio.shape[0] == channels
                assert np.array_equal(block.audio, ramp(block.audio.shape[1], int(block.audio[0, :1].sum()), channels))
                got += [(float(x), block.transport.playing, block.transport.looping) for x in block.audio[0]]
                if block.audio.size and block.transport.playing:
                    # A position is told within a millisecond: a smaller jump is no news.
                    assert block.transport.position_s == pytest.approx(block.audio[0, 0] / RATE, abs=1.01e-3)
        assert got == sent
        assert instance.lost_frames == lost
        assert lost_seen <= lost
        plugin.push(ramp(1, pushed, channels), True, False, pushed / RATE)
        assert lost_seen + sum(b.lost_frames for b in all_blocks(instance)) == lost


def test_what_wraps_around_the_end_of_the_ring_is_whole(plugin: Plugin, instance: Instance) -> None:
    for start in range(0, 4 * RING, 9_973):
        plugin.push(ramp(9_973, start), position_s=start / RATE)
        (block,) = all_blocks(instance)
        assert np.array_equal(block.audio, ramp(9_973, start))
    assert instance.lost_frames == 0
    assert instance.waiting_frames == 0


def test_a_full_ring_counts_what_it_loses_and_says_where(plugin: Plugin, instance: Instance) -> None:
    plugin.push(ramp(RING - 100))
    plugin.push(ramp(101, 0))  # no room
    plugin.push(ramp(500, 0))
    assert instance.lost_frames == 601
    first = instance.read(60_000)
    assert first is not None
    assert first.lost_frames == 0
    assert first.audio.shape == (2, 60_000)
    plugin.push(ramp(10, 7_000_000), position_s=123.0)
    rest, after = all_blocks(instance)
    assert (rest.audio.shape[1], rest.lost_frames) == (RING - 60_100, 0)
    assert (after.audio.shape[1], after.lost_frames, after.audio[0, 0]) == (10, 601, 7_000_000)
    assert after.transport.position_s == 123.0


def test_transport_and_rate_travel_with_the_audio(plugin: Plugin, instance: Instance) -> None:
    plugin.push(ramp(100), playing=False, position_s=5.0)
    plugin.push(ramp(100), playing=False, position_s=5.0)
    plugin.push(ramp(300), playing=True, position_s=5.0, bpm=90.0)
    plugin.push(ramp(200), playing=True, position_s=5.3, bpm=90.0)  # goes on
    plugin.push(ramp(200), playing=True, looping=True, position_s=2.0, bpm=90.0)  # jumps
    assert plugin.open(1_500.0, 1) == instance.path
    plugin.push(ramp(50, channels=1), playing=True, looping=True, position_s=2.2, bpm=90.0)
    stopped, playing, jumped, faster = all_blocks(instance)
    assert (stopped.audio.shape, stopped.transport) == ((2, 200), Transport(False, False, 5.0, 120.0))
    assert stopped.format_changed
    assert stopped.sample_rate == RATE
    assert (playing.audio.shape, playing.transport) == ((2, 500), Transport(True, False, 5.0, 90.0))
    assert playing.transport_changed
    assert not playing.format_changed
    assert (jumped.audio.shape, jumped.transport) == ((2, 200), Transport(True, True, 2.0, 90.0))
    assert (faster.audio.shape, faster.sample_rate) == ((1, 50), 1_500.0)
    assert faster.format_changed
    assert not faster.transport_changed


def test_a_change_without_audio_arrives(plugin: Plugin, instance: Instance) -> None:
    plugin.push(ramp(100), playing=True)
    plugin.push(ramp(0), playing=False, position_s=0.1)
    playing, stopped = all_blocks(instance)
    assert playing.transport.playing
    assert playing.audio.shape[1] == 100
    assert not stopped.transport.playing
    assert stopped.audio.shape == (2, 0)
    assert instance.read(100) is None


def test_a_tempo_ramp_does_not_lose_audio(plugin: Plugin, instance: Instance) -> None:
    for i in range(3 * layout.RECORDS):
        plugin.push(ramp(1, i), position_s=i / RATE, bpm=100.0 + 1e-3 * i)
    blocks = all_blocks(instance)
    assert sum(b.audio.shape[1] for b in blocks) == 3 * layout.RECORDS
    assert instance.lost_frames == 0
    assert blocks[1].transport.bpm == pytest.approx(100.001)


def test_more_changes_than_there_is_room_for_are_a_gap(plugin: Plugin, instance: Instance) -> None:
    for i in range(layout.RECORDS + 100):
        plugin.push(ramp(1, i), playing=i % 2 == 0)
    assert instance.lost_frames == 101  # one record stays for an engine that takes over
    blocks = all_blocks(instance)
    plugin.push(ramp(1, 99_999), playing=True)
    (after,) = all_blocks(instance)
    assert len(blocks) == layout.RECORDS - 1
    assert after.lost_frames == 101


def test_senseless_numbers_of_a_host_do_no_harm(plugin: Plugin, instance: Instance) -> None:
    plugin.push(ramp(10), position_s=float("nan"), bpm=float("inf"))
    (block,) = all_blocks(instance)
    assert block.transport == Transport(True, False, 0.0, 0.0)
    for rate in (0.0, float("nan"), -1.0, float("inf")):
        with pytest.raises(OSError, match="sample rate"):
            plugin.open(rate)


def test_a_ring_too_small_for_a_new_rate_is_replaced(plugin: Plugin, instance: Instance) -> None:
    path = plugin.open(8 * RATE)
    assert path != instance.path
    assert instance.closed
    assert not instance.path.exists()
    assert path.exists()


def test_skipping_counts_as_lost(plugin: Plugin, instance: Instance) -> None:
    plugin.push(ramp(100))
    plugin.push(ramp(100, 100), playing=False, position_s=9.0)
    assert instance.skip() == 200
    assert instance.waiting_frames == 0
    plugin.push(ramp(7, 200), playing=False, position_s=9.0)
    (block,) = all_blocks(instance)
    assert (block.lost_frames, block.audio[0, 0], block.transport.position_s) == (200, 200.0, 9.0)


def test_an_engine_that_takes_over_goes_on_where_the_first_one_stopped(plugin: Plugin) -> None:
    path = plugin.open(RATE)
    with Instance(path) as first:
        plugin.push(ramp(1_000), position_s=3.0)
        assert first.read(400) is not None
        first.publish(Results(momentary_lufs=-20.0))
    with Instance(path) as second:
        assert second.read_frames == 400
        (block,) = all_blocks(second)
        assert np.array_equal(block.audio, ramp(600, 400))
        assert block.transport.position_s == pytest.approx(3.4)
        assert block.sample_rate == RATE
        second.publish(Results(momentary_lufs=-21.0))
        results = plugin.results()
        assert results is not None
        assert (results["momentary_lufs"], results["stamp"]) == (-21.0, 2)


def full_results() -> Results:
    """Everything filled in to its limits, so that nothing overlaps unseen."""
    return Results(
        momentary_lufs=-13.25,
        short_term_lufs=-14.5,
        integrated_lufs=-15.75,
        true_peak_dbtp=-0.5,
        correlation=0.75,
        readiness=0.5,
        incomplete=layout.LOST_FRAMES | layout.JOINED_LATE,
        bands=[EqMove("mix", kind, 100.0 * (i + 1), i - 3.5, 0.5 + i) for i, kind in enumerate(layout.KINDS)],
        measured_s=12.5,
        loudness_range_lu=6.5,
        max_momentary_lufs=-9.5,
        max_short_term_lufs=-11.5,
        plr_db=14.25,
        momentary_history=np.arange(600.0) - 700,
        short_term_history=np.arange(600.0) - 900,
        spectrum_hz=20.0 + 2.5 * np.arange(64),
        spectrum_db=-np.arange(64.0),
        tolerance_low_db=-np.arange(64.0) - 6,
        tolerance_high_db=-np.arange(64.0) + 6,
        regions=[RegionReading(f"region {i}", 2.0**i, 2.0 ** (i + 1), 0.25, 0.125, 0.5, 0.875) for i in range(8)],
        lines=[Line(f"check-{i}", "warning", f"line {i}: zu laut für Größe {i}") for i in range(16)],
        genre="rock",
        genre_certain=True,
        genres=[f"genre {i}" for i in range(24)],
        headline="Nearly ready",
        report_path="/somewhere/report.html",
        report_answered=3,
    )


def test_results_come_back_whole_on_both_sides(plugin: Plugin, instance: Instance) -> None:
    assert plugin.results() is None
    assert plugin.view() is None
    assert instance.published() is None
    sent = full_results()
    instance.publish(sent)
    got = instance.published()
    assert got is not None
    for name in vars(sent):
        assert np.array_equal(getattr(got, name), getattr(sent, name)), name
    view = plugin.view()
    assert view is not None
    assert [float(view["results"][n]) for n in ("momentary_lufs", "correlation", "readiness")] == [-13.25, 0.75, 0.5]
    assert view["results"]["bands"][:6]["kind"].tolist() == [0, 1, 2, 3, 4, 5]
    assert view["results"]["bands"][5].tolist() == (5, 1, 600.0, 1.5, 5.5)
    assert view["momentary_lufs"].tolist() == sent.momentary_history.tolist()
    assert view["tolerance_high_db"].tolist() == sent.tolerance_high_db.tolist()
    assert view["lines"][15]["text"].decode() == sent.lines[15].text
    assert (view["report_path"], view["genres"][23], view["regions"][7]["name"]) == (
        b"/somewhere/report.html",
        b"genre 23",
        b"region 7",
    )


def test_what_is_too_much_is_cut(plugin: Plugin, instance: Instance) -> None:
    long = "ä" * 200
    instance.publish(
        Results(
            bands=[EqMove("mix", "bell", 1e3, 1.0, 1.0)] * 9,
            momentary_history=np.arange(700.0),
            short_term_history=np.arange(650.0),
            spectrum_hz=np.arange(1.0, 80.0),
            lines=[Line(long, "pass", long)] * 20,
            genres=[long] * 30,
            regions=[RegionReading(long, 1.0, 2.0)] * 9,
            headline=long,
        )
    )
    got = instance.published()
    assert got is not None
    assert [len(x) for x in (got.bands, got.lines, got.genres, got.regions)] == [8, 16, 24, 8]
    assert (got.momentary_history[0], got.short_term_history[0], len(got.spectrum_hz)) == (100.0, 50.0, 64)
    assert got.headline == "ä" * 79
    assert got.lines[0].text == "ä" * 79
    assert got.genres[0] == "ä" * 15
    assert np.isnan(got.spectrum_db).all()
    assert np.isnan(got.momentary_lufs)
    with pytest.raises(UsageError, match="high-pass-24"):
        instance.publish(Results(bands=[EqMove("mix", "high-pass-24", 30.0, 0.0, 0.7)]))
    assert plugin.results() is not None


@pytest.mark.parametrize(
    "band",
    [
        EqMove("mix", "bell", float("nan"), 1.0, 1.0),
        EqMove("mix", "bell", 0.0, 1.0, 1.0),
        EqMove("mix", "bell", 1e3, 60.0, 1.0),
        EqMove("mix", "bell", 1e3, float("nan"), 1.0),
        EqMove("mix", "bell", 1e3, 1.0, 0.0),
        EqMove("mix", "bell", 1e3, 1.0, float("inf")),
    ],
)
def test_a_band_that_could_harm_is_off(band: EqMove, plugin: Plugin, instance: Instance) -> None:
    instance.publish(Results(bands=[EqMove("mix", "bell", 100.0, -2.0, 1.0), band]))
    results = plugin.results()
    assert results is not None
    assert results["bands"]["on"].tolist()[:2] == [1, 0]
    assert results["bands"][1].tolist() == (0, 0, 1000.0, 0.0, 1.0)


def test_windows_never_see_two_publications_in_one(plugin: Plugin, instance: Instance) -> None:
    seen: list[int] = []
    watching = threading.Thread(target=lambda: seen.append(plugin.watch(5_000)))
    watching.start()
    count = 0
    while watching.is_alive():
        count += 1
        history = np.full(600, float(count))
        instance.publish(
            Results(
                momentary_lufs=float(count), momentary_history=history, short_term_history=history, headline=f"{count}"
            )
        )
    watching.join()
    assert seen == [0]
    assert count >= 5_000


def test_an_engine_that_dies_while_it_writes_leaves_the_last_results(plugin: Plugin, instance: Instance) -> None:
    instance.publish(Results(momentary_lufs=-1.0))
    # As if it ended inside: the other slot is marked and half written.
    slot = (layout.RESULTS_OFFSET + 0 * layout.SLOT_BYTES) // 8
    instance._memory._words[slot] = 1
    instance._memory._words[slot + 1] = 12345
    results = plugin.results()
    assert results is not None
    assert results["momentary_lufs"] == -1.0
    with Instance(instance.path) as second:
        second.publish(Results(momentary_lufs=-2.0))
        results = plugin.results()
        assert results is not None
        assert results["momentary_lufs"] == -2.0
        second.publish(Results(momentary_lufs=-3.0))
        got = second.published()
        assert got is not None
        assert got.momentary_lufs == -3.0


def test_results_of_an_engine_of_another_version_are_not_shown(plugin: Plugin, instance: Instance) -> None:
    instance.publish(Results())
    assert plugin.results() is not None
    instance._memory.store("engine_layout", layout.ENGINE_LAYOUT + 1)
    assert plugin.results() is None
    assert plugin.view() is None
    assert instance.published() is None


def test_the_plugin_knows_whether_the_engine_lives(plugin: Plugin, instance: Instance) -> None:
    def both() -> list[bool]:
        return [plugin.alive(), instance.engine_alive]

    assert both() == [False, False]
    instance.claim()
    assert both() == [True, True]
    instance._memory.store("heartbeat_ns", time.monotonic_ns() - layout.ALIVE_NS - 1)
    assert both() == [False, False]
    instance.beat()
    assert both() == [True, True]
    instance.close()
    assert plugin.alive() is False


def test_requests_arrive_once(plugin: Plugin, instance: Instance) -> None:
    asked = instance.commands()
    assert (asked.reset, asked.report, asked.genre) == (False, False, "")
    plugin.ask("reset")
    plugin.choose_genre("hip-hop")
    asked = instance.commands()
    assert (asked.reset, asked.report, asked.genre) == (True, False, "hip-hop")
    plugin.ask("report")
    asked = instance.commands()
    assert (asked.reset, asked.report, asked.report_count) == (False, True, 1)
    assert not instance.commands().report
    with Instance(instance.path) as second:  # nobody answered
        assert second.commands().report
    instance.publish(Results(report_answered=1))
    with Instance(instance.path) as third:
        assert not third.commands().report


def test_one_engine_at_a_time(instance: Instance) -> None:
    instance._memory.store("engine_pid", os.getppid())
    with pytest.raises(RefusedError, match="is its engine"):
        instance.read(1)
    instance._memory.store("engine_start", 1)  # another process that had that number
    assert instance.read(1) is None


@pytest.mark.parametrize("word", ["write_frames", "write_records", "read_frames"])
def test_impossible_indices_are_refused(word: str, plugin: Plugin, instance: Instance) -> None:
    plugin.push(ramp(10))
    instance._memory.store(word, 1 << 60)
    with Instance(instance.path) as other, pytest.raises(RefusedError, match="impossible"):
        other.read(100)
    plugin.push(ramp(10))  # and the plugin goes on


def test_many_instances_are_found_once(plugin: Plugin, runtime: Path) -> None:
    with Plugin() as other:
        paths = {plugin.open(RATE, 2, "Master"), other.open(RATE, 1, "Drüms")}
        found = scan()
        assert {i.path for i in found} == paths
        assert {i.label for i in found} == {"Master", "Drüms"}
        assert scan(known=paths) == []
        assert not any(i.closed for i in found)
        other.close()
        assert sorted(i.closed for i in found) == [False, True]
        for i in found:
            i.close()
    assert [p.name for p in (runtime / "mixdiagnose").iterdir()] == [plugin.open(RATE).name]
