"""The engine as a process, and plugins' ends of the link played by a program that includes the plugin's header."""

from __future__ import annotations

import io
import json
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from dsp.diagnose import Report
from dsp.errors import InputError, UsageError
from dsp.mix import measure
from dsp.profile import load_profile
from dsp.units import Samples
from mixdiagnose import cli
from mixdiagnose.checking import check_file
from plugin_bridge.link import Block, Instance
from plugin_bridge.link_files import links, process_dead, runtime_directory
from plugin_bridge.link_layout import JOINED_LATE
from plugin_bridge.link_results import Results
from plugin_bridge.live import desk
from plugin_bridge.live.beside import Beside
from plugin_bridge.live.engine import Engine
from plugin_bridge.live.instance import Watched
from plugin_bridge.live.lock import engine_runs
from plugin_bridge.live.measuring import source_of
from plugin_bridge.writer import write_wav
from render_tests.scenes.base import RATE, clean

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "mixdiagnose" / "report.schema.json").read_text(encoding="utf-8"))
#: Nothing here takes longer than this on the slowest machine (s).
PATIENCE_S = 30.0
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("player") / "player"
    native = ROOT / "plugin_bridge" / "native"
    subprocess.run(
        ["g++", "-std=c++17", "-O1", f"-I{native}", ROOT / "tests/engine/player.cpp", "-o", out, "-pthread"], check=True
    )
    return out


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime_directory()


@dataclass(frozen=True)
class Seen:
    """What the plugin's end sees."""

    any: bool
    alive: bool
    integrated_lufs: float
    true_peak_dbtp: float
    readiness: float
    incomplete: int


class Player:
    """Hosts that play: see tests/engine/player.cpp."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, *words: object) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert not answer.startswith("error"), answer
        return answer

    def play(self, file: Path, frames: int, *, start: int = 0, speed: float = 20.0, k: int = 0) -> None:
        self.say("play", k, file, start, frames, 512, speed, start / RATE, 1, 0)

    def stop(self, file: Path, k: int = 0) -> None:
        self.say("play", k, file, 0, 512, 512, 0, 0.0, 0, 0)

    def read(self, k: int = 0) -> Seen:
        words = self.say("read", k).split()
        return Seen(words[0] == "1", words[1] == "1", float(words[2]), float(words[3]), float(words[4]), int(words[5]))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def player(program: Path, folder: Path) -> Iterator[Player]:
    started = Player(program)
    yield started
    started.end()


@pytest.fixture
def engine(folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts engines, and ends them."""
    started = []

    def start(idle_s: float = 60.0) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "plugin_bridge.live", "--idle", str(idle_s)], cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(round(PATIENCE_S / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def raw(folder: Path, x: Samples) -> Path:
    file = folder / "audio.raw"
    file.write_bytes(np.ascontiguousarray(x.T, dtype=np.float32).tobytes())
    return file


def song() -> Samples:
    return np.ascontiguousarray(clean()[:, : 20 * RATE + 777], dtype=np.float32)


def test_a_pass_reads_what_check_says_of_the_file_and_the_report_is_the_same(
    folder: Path, tmp_path: Path, player: Player, engine: Callable[..., subprocess.Popen[bytes]]
) -> None:
    x = song()
    write_wav(tmp_path / "song.wav", lambda: [x], RATE, 2, 32)
    expected = check_file(tmp_path / "song.wav", skip=["codec-peaks"])
    value = {m.name: m.value for m in expected.measurements}
    file = raw(tmp_path, x)
    engine()
    player.say("open", 0, RATE, 2, "mastering")
    player.play(file, x.shape[1])
    player.stop(file)
    integrated, peak = value["integrated_lufs"], value["true_peak_dbtp"]
    assert integrated is not None
    assert peak is not None
    wait_for(lambda: abs(player.read().integrated_lufs - integrated) < 1e-6)
    wait_for(lambda: abs(player.read().true_peak_dbtp - peak) < 1e-6)
    wait_for(lambda: player.read().readiness > 0.0)
    seen = player.read()
    assert seen.alive
    assert seen.incomplete == 0
    assert (seen.readiness >= 0.5) == expected.ready

    out = io.StringIO()
    with redirect_stdout(out):
        cli.main(["live", "--report", "--format", "json"])
    (told,) = json.loads(out.getvalue())["instances"]
    jsonschema.validate(told["report"], SCHEMA)
    report = Report.from_dict(told["report"])
    assert told["name"] == "mastering"
    assert told["incomplete"] == []
    assert {m.name: m.value for m in report.measurements} == pytest.approx(value, abs=1e-6)
    assert report.third_octave_db == pytest.approx(expected.third_octave_db, abs=1e-6)

    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.main(["live", "--once"]) == 0
        cli.main(["live", "--report"])
    assert f"I {integrated:.1f} LUFS" in out.getvalue()
    assert "Integrated loudness" in out.getvalue()


def test_an_engine_that_is_killed_is_followed_by_one_that_says_it_joined_late(
    tmp_path: Path, player: Player, engine: Callable[..., subprocess.Popen[bytes]]
) -> None:
    x = song()
    file, half = raw(tmp_path, x), 10 * RATE
    first = engine()
    player.say("open", 0, RATE, 2, "x")
    player.play(file, half)
    wait_for(lambda: player.read().readiness > 0.0)
    first.send_signal(signal.SIGKILL)
    first.wait()
    player.play(file, half, start=half)  # the host goes on
    wait_for(lambda: not player.read().alive)
    engine()
    wait_for(lambda: player.read().alive and player.read().incomplete == JOINED_LATE)
    player.stop(file)
    player.play(file, half)  # and plays from the start again
    wait_for(lambda: player.read().incomplete == 0)


def test_there_is_one_engine_and_it_ends_when_nobody_is_there(
    folder: Path, player: Player, engine: Callable[..., subprocess.Popen[bytes]]
) -> None:
    player.say("open", 0, RATE, 2, "x")
    first = engine(0.5)
    wait_for(lambda: engine_runs(folder))
    wait_for(lambda: player.read().alive)
    assert engine(0.5).wait(PATIENCE_S) == 0  # the second one leaves at once
    assert first.poll() is None
    player.say("close", 0)
    assert first.wait(PATIENCE_S) == 0
    assert not engine_runs(folder)
    assert not list(links(folder))


def test_eight_instances_at_once_read_alike(
    tmp_path: Path, player: Player, program: Path, engine: Callable[..., subprocess.Popen[bytes]]
) -> None:
    x = song()[:, : 6 * RATE]
    file = raw(tmp_path, x)
    engine()
    others = [Player(program) for _ in range(7)]
    every = [player, *others]
    try:
        for each in every:
            each.say("open", 0, RATE, 2, "x")
        threads = [threading.Thread(target=each.play, args=(file, x.shape[1]), kwargs={"speed": 4.0}) for each in every]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in every:
            each.stop(file)
        wait_for(lambda: all(each.read().readiness > 0.0 for each in every))
        wait_for(lambda: len({each.read().integrated_lufs for each in every}) == 1)
        assert {each.read().incomplete for each in every} == {0}
    finally:
        for each in others:
            each.end()


def test_without_a_plugin_the_command_says_what_to_do(folder: Path) -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        assert cli.main(["live", "--once"]) == 0
    assert "insert MixDiagnose on the master bus" in out.getvalue()
    from mixdiagnose.live import report

    with pytest.raises(UsageError, match="insert MixDiagnose"):
        report("text", out)
    assert os.listdir(folder) == ["engine.lock"]


def test_the_window_can_ask_for_a_report_a_genre_and_a_new_start(
    tmp_path: Path, player: Player, engine: Callable[..., subprocess.Popen[bytes]]
) -> None:
    x = song()
    file = raw(tmp_path, x)
    path = Path(player.say("open", 0, RATE, 2, "x"))
    engine()
    player.say("report", 0)  # before there is anything: answered when there is
    player.say("genre", 0, "classical")
    player.play(file, x.shape[1])
    player.stop(file)
    with Instance(path) as instance:

        def told() -> Results:
            return instance.published() or Results()

        wait_for(lambda: told().report_answered == 1)
        report = Report.from_dict(json.loads(Path(told().report_path).read_text(encoding="utf-8")))
        assert report.genre == "classical"
        assert Path(told().report_path).stat().st_mode & 0o077 == 0
        wait_for(lambda: told().genre == "classical" and told().genre_certain)
        wait_for(lambda: told().measured_s == pytest.approx(x.shape[1] / RATE))
        player.say("reset", 0)
        wait_for(lambda: told().measured_s == 0.0)
        assert math.isnan(told().integrated_lufs)


def test_what_nobody_fetched_is_cleared_away_and_strangers_are_no_questions(folder: Path) -> None:
    old, new, odd = (desk.desk(folder) / name for name in ("0.json", "1.json", "../x.ask"))
    for file in (old, new):
        file.write_text("{}", encoding="utf-8")
    os.utime(old, (1.0, 1.0))
    (desk.desk(folder) / "0123456789abcdef.ask").touch()
    (desk.desk(folder) / "..0123456789abcdef.ask").touch()
    assert list(desk.questions(folder)) == ["0123456789abcdef"]
    assert list(desk.questions(folder)) == []
    assert (old.exists(), new.exists(), odd.exists()) == (False, True, False)
    with pytest.raises(InputError, match="does not answer"):
        desk.ask(folder, patience_s=0.1)
    assert list(desk.questions(folder)) == []  # a question is taken back with the one who asked


class Broken(Watched):
    """Fails at its second block."""

    def hear(self, block: Block) -> None:
        if self.measured is not None and self.measured.frames:
            raise ZeroDivisionError
        super().hear(block)


def test_an_instance_that_cannot_be_measured_costs_no_other_one(
    folder: Path, tmp_path: Path, player: Player, caplog: pytest.LogCaptureFixture
) -> None:
    x = song()[:, : 5 * RATE]
    file = raw(tmp_path, x)
    paths = [Path(player.say("open", k, RATE, 2, f"host{k}")) for k in range(2)]
    engine = Engine(folder)
    with Beside() as beside:
        engine.turn(beside)
        engine.open[paths[0]].watched = Broken("host0", load_profile("mix"))
        for k in range(2):
            player.play(file, x.shape[1], speed=0, k=k)
        for _ in range(4):
            engine.turn(beside)
        fine, anew = engine.open[paths[1]].watched, engine.open[paths[0]].watched
        assert fine.measured is not None
        assert fine.measured.frames == x.shape[1]
        assert anew.results().incomplete == JOINED_LATE
    assert "is measured anew" in caplog.text
    for each in engine.open.values():
        each.link.close()


def test_the_process_that_fits_bands_ends_with_its_engine_and_is_replaced_if_it_breaks(tmp_path: Path) -> None:
    mix = measure(source_of("x", RATE, 2), [song()])
    with Beside() as beside:
        assert beside.judge(mix, load_profile("mix"), None).result(PATIENCE_S).bands == ()
        (worker,) = multiprocessing.active_children()
        worker.kill()
        worker.join()
        with suppress(BrokenProcessPool):
            beside.judge(mix, load_profile("mix"), None).result(PATIENCE_S)
        assert beside.judge(mix, load_profile("mix"), None).result(PATIENCE_S).bands == ()
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, time\nfrom plugin_bridge.live.beside import Beside\n"
        "if __name__ == '__main__':\n    beside = Beside()\n    beside._fitting().submit(int).result()\n"
        "    print(multiprocessing.active_children()[0].pid, flush=True)\n    time.sleep(100)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not process_dead(pid, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: process_dead(pid, 0))
