"""The plugin's window in a host, on an X display: seen, clicked, typed at."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dsp.findings import EqMove
from plugin_bridge.link import Instance, scan
from plugin_bridge.link_results import Line, RegionReading, Results
from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.built import Built
from render_tests.plugin_window.picture import RED, WHITE, Box, Picture, differs, pixels_of
from render_tests.plugin_window.window import Editor, Probe, beating, compiled, display

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Desk:
    """What a test of the window needs: programs, a display, and where things are."""

    host: Path
    probe: Probe
    plugin: Path
    screen: str
    tools: Path  #: programs that go before the system's

    @contextmanager
    def editor(self, folder: Path, runtime: Path, scale: float = 1.0) -> Iterator[Editor]:
        """The window, open."""
        environment = {"DISPLAY": self.screen, "XDG_RUNTIME_DIR": str(runtime), "PATH": f"{self.tools}:/usr/bin:/bin"}
        with Editor(self.host, self.plugin, folder, environment, scale) as made:
            yield made


@pytest.fixture(scope="module")
def desk(plugin: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("window")
    probe = Probe(compiled("probe.cpp", folder / "probe", ["cairo"]), folder)
    host = compiled("host.cpp", folder / "host", ["cairo", "x11", "xtst"])
    tools = folder / "tools"
    tools.mkdir()
    opener = tools / "xdg-open"
    opener.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {folder}/opened\n')
    opener.chmod(0o755)
    with display(folder) as screen:
        yield Desk(host, probe, plugin.plugins["clap"], screen, tools)


def results(**others: object) -> Results:
    """Something to show."""
    hz = 1000.0 * 2.0 ** ((np.arange(31) - 17.0) / 3.0)
    made = Results(
        integrated_lufs=-14.2, momentary_lufs=-13.0, short_term_lufs=-14.0, true_peak_dbtp=-1.3, correlation=0.4,
        readiness=0.4, measured_s=12.0, loudness_range_lu=6.0, plr_db=12.9, max_short_term_lufs=-12.0,
        bands=[EqMove("mix", "low-shelf", 120.0, -2.0, 0.8), EqMove("mix", "bell", 300.0, -3.0, 1.0)],
        lines=[
            Line("tonal-balance", "problem", "Too much between 200 and 450 Hz: +4.8 dB, aim for \u00b12.9 dB"),
            Line("crest", "pass", "Crest factor"),
        ],
        regions=[RegionReading("bass", 20.0, 120.0, 0.05, 0.0, 0.1, 0.95)],
        momentary_history=np.full(300, -13.0), short_term_history=np.linspace(-20.0, -14.0, 300),
        spectrum_hz=hz, spectrum_db=np.linspace(-20.0, -45.0, 31),
        tolerance_low_db=np.linspace(-24.0, -48.0, 31), tolerance_high_db=np.linspace(-18.0, -42.0, 31),
        genre="rock", genres=["jazz", "pop", "rock"], headline="Not ready: 1 problem",
    )  # fmt: skip
    for name, value in others.items():
        setattr(made, name, value)
    return made


def until(done: Callable[[], bool], editor: Editor, seconds: float = 10.0) -> bool:
    """Whether something becomes true while the host runs."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        editor.say("wait 30")
    return True


def only_instance() -> Instance:
    [made] = scan()
    return made


def test_readings_come_and_go(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    with desk.editor(tmp_path, runtime) as editor:
        offline = editor.shot()
        assert offline.shape == (640, 1000, 3)
        assert pixels_of(RED, parts["headline"].of(offline)) > 40
        with only_instance() as instance, beating(instance):
            instance.publish(results())
            editor.say("wait 100")
            live = editor.shot()
            for name in ("loudness", "history", "spectrum", "correction", "checklist", "stereo", "headline"):
                assert differs(parts[name].of(live), parts[name].of(offline)) > 60, name
            instance.publish(results(integrated_lufs=-9.9))
            editor.say("wait 100")
            louder = editor.shot()
            assert differs(parts["loudness"].of(louder), parts["loudness"].of(live)) > 60
            assert differs(parts["checklist"].of(louder), parts["checklist"].of(live)) == 0
        editor.say("wait 100")
        assert differs(editor.shot(), offline) == 0  # no reading is better than an old one


def test_a_dead_engine_is_noticed_by_its_silence(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    headline = desk.probe.boxes(1000, 640)["headline"]
    with desk.editor(tmp_path, runtime) as editor:
        offline = editor.shot()
        with only_instance() as instance:
            instance.publish(results())
            editor.say("wait 100")
            assert differs(headline.of(editor.shot()), headline.of(offline)) > 60
            assert until(lambda: differs(editor.shot(), offline) == 0, editor)


def test_buttons_set_parameters_as_hosts_record_them(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    with desk.editor(tmp_path, runtime) as editor, only_instance() as instance, beating(instance):
        instance.publish(results())
        editor.say("wait 100")
        editor.click(parts["auto"])
        editor.click(parts["auto"])
        assert [e for e in editor.events() if e[1:] == str(table.AUTO_APPLY)] == [
            f"{step}{table.AUTO_APPLY}" for step in "BVEBVE"
        ]
        editor.click(parts["apply"])
        assert editor.value(table.CORRECTION) == 1.0
        wanted = table.settings(results().bands)
        assert {index: editor.value(index) for index in wanted} == pytest.approx(wanted)
        assert instance.commands().reset is False  # nothing is being measured
        editor.events()
        editor.click(parts["apply"])  # it is applied already
        assert not [e for e in editor.events() if e[0] == "B"]
        editor.click(parts["correct"])
        assert editor.value(table.CORRECTION) == 0.0


def test_applying_while_it_measures_begins_anew(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    with desk.editor(tmp_path, runtime) as editor, only_instance() as instance, beating(instance):
        for seconds in (1.0, 1.1):
            instance.publish(results(measured_s=seconds))
            editor.say("wait 80")
        editor.click(parts["apply"])
        assert instance.commands().reset


def test_the_slider_is_one_gesture(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    slider = desk.probe.boxes(1000, 640)["amount"]
    with desk.editor(tmp_path, runtime) as editor:
        editor.say(f"move {round(slider.x + 0.7 * slider.w)} {slider.middle[1]}")
        editor.say("down")
        for share in (0.6, 0.5, 0.45):
            editor.say(f"move {round(slider.x + share * slider.w)} {slider.middle[1]}")
        editor.say("up")
        amount = editor.value(table.AMOUNT)
        assert 5.0 < amount < 60.0
        events = [e for e in editor.events() if e[1:] == str(table.AMOUNT)]
        assert events[0] == f"B{table.AMOUNT}"
        assert events[-1] == f"E{table.AMOUNT}"
        assert len([e for e in events if e[0] in "BE"]) == 2
        assert len(events) >= 4
        editor.say("wheel 3")
        assert editor.value(table.AMOUNT) == pytest.approx(amount + 6.0)


def test_reset_genre_and_report_are_asked_for(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    opened = desk.tools.parent / "opened"
    opened.unlink(missing_ok=True)
    with desk.editor(tmp_path, runtime) as editor, only_instance() as instance, beating(instance):
        instance.publish(results())
        editor.say("wait 100")
        instance.commands()
        editor.click(parts["reset"])
        assert instance.commands().reset
        editor.click(parts["genre"])
        box = parts["genre"]
        row = Box(box.x, box.y + box.h + 8.0 + 2 * 22.0, box.w, 22.0)  # below "as in the profile" and jazz
        editor.click(row)
        assert instance.commands().genre == "pop"
        editor.say("reopen")
        editor.click(parts["report"])
        asked = instance.commands()
        assert asked.report
        assert not asked.reset
        assert asked.genre == "pop"
        editor.click(parts["report"])  # it is being written
        assert not instance.commands().report
        for name in ("not-there.html", "report.sh"):  # is not opened
            (tmp_path / "report.sh").touch()
            instance.publish(results(report_path=str(tmp_path / name), report_answered=asked.report_count))
            editor.say("wait 100")
            assert not opened.exists()
            editor.click(parts["report"])
            asked = instance.commands()
            assert asked.report
        report = tmp_path / "re port.html"
        report.touch()
        instance.publish(results(report_path=str(report), report_answered=asked.report_count))
        assert until(lambda: opened.exists() and bool(opened.read_text()), editor)
        assert opened.read_text() == str(report)


def test_the_keyboard_reaches_everything(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    with desk.editor(tmp_path, runtime) as editor, only_instance() as instance, beating(instance):
        instance.publish(results())
        editor.say("wait 100")
        editor.click(parts["correct"])  # leaves the keyboard where it is
        editor.click(parts["correct"])
        editor.click(parts["spectrum"])
        rings = []
        for name in ("genre", "reset", "report", "correct", "apply", "amount", "auto", "lines"):
            editor.say("key Tab")
            box = parts[name]
            around = Box(box.x - 9, box.y - 4, box.w + 18, box.h + 8)
            picture = editor.shot()
            rings.append(pixels_of(WHITE, around.of(picture)))
            assert rings[-1] > box.w, name
        instance.commands()
        for key in ("shift+Tab", "space"):
            editor.say(f"key {key}")
        assert editor.value(table.AUTO_APPLY) == 1.0
        for key in ("shift+Tab", "Left", "Left", "Page_Down"):
            editor.say(f"key {key}")
        assert editor.value(table.AMOUNT) == 88.0
        for key in ("Home", "Right"):
            editor.say(f"key {key}")
        assert editor.value(table.AMOUNT) == 1.0
        for _ in range(5):
            editor.say("key shift+Tab")
        for key in ("Return", "Down", "Down", "Return"):
            editor.say(f"key {key}")
        assert instance.commands().genre == "pop"
        editor.say("key Tab")
        editor.say("key Return")
        assert instance.commands().reset


def test_a_bypass_of_the_host_is_shown(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    with desk.editor(tmp_path, runtime) as editor:
        before = editor.shot()
        editor.say(f"set {table.BYPASS} 1")
        editor.say("wait 100")
        assert differs(parts["headline"].of(editor.shot()), parts["headline"].of(before)) > 60


@pytest.mark.parametrize("scale", [1, 2])
def test_the_window_is_resized(desk: Desk, runtime: Path, tmp_path: Path, scale: int) -> None:
    with desk.editor(tmp_path, runtime, scale) as editor, only_instance() as instance, beating(instance):
        instance.publish(results())
        for (w, h), (wide, high) in {(10, 10): (640, 400), (900, 420): (900, 420), (1040, 690): (1040, 690)}.items():
            editor.say(f"resize {w * scale} {h * scale}")
            picture = editor.shot()
            assert picture.shape == (high * scale, wide * scale, 3)
            drawn = desk.probe.boxes(wide * scale, high * scale, scale)["stereo"]  # the last corner
            assert np.ptp(drawn.of(picture)) > 150
        editor.say("reopen")
        assert editor.shot().shape == (640 * scale, 1000 * scale, 3)


def test_the_engine_fills_the_window(desk: Desk, runtime: Path, tmp_path: Path) -> None:
    parts = desk.probe.boxes(1000, 640)
    rng = np.random.default_rng(5)
    hz = np.fft.rfftfreq(12 * 48_000, 1.0 / 48_000)
    shape = np.where(hz > 30.0, np.maximum(hz, 30.0) ** -0.9, 0.0)  # music's slope, nearly
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, 12 * 48_000))) * shape)
    noise[1] = 0.8 * noise[0] + 0.4 * noise[1]
    swell = 0.6 + 0.4 * np.sin(2.0 * np.pi * 0.7 * np.arange(noise.shape[1]) / 48_000)
    song = tmp_path / "song.raw"
    (0.3 * noise / np.abs(noise).max() * swell).T.astype(np.float32).tofile(song)
    with desk.editor(tmp_path, runtime) as editor:
        offline = editor.shot()
        editor.say(f"play {song} 8")
        engine = subprocess.Popen([sys.executable, "-m", "plugin_bridge.live", "--idle", "2"], cwd=ROOT)
        try:
            assert until(lambda: _filled(parts, editor.shot(), offline), editor, 60.0)
        finally:
            engine.terminate()
            engine.wait(20)
        assert until(lambda: differs(editor.shot(), offline) == 0, editor)


def _filled(parts: dict[str, Box], picture: Picture, offline: Picture) -> bool:
    """Whether all panels that an engine fills show something."""
    names = ("loudness", "history", "spectrum", "checklist", "stereo", "headline")
    return all(differs(parts[name].of(picture), parts[name].of(offline)) > 200 for name in names)
