"""The loop over all instances: finds them, hears, thinks, publishes, and ends when there has been none for a while.

Twenty turns a second. Every turn reads what has come, at most some seconds of each instance, so that one that plays
far faster than real time does not keep the others waiting; then there is no pause. Diagnoses and reports are made
beside (`beside.py`). An instance whose audio cannot be measured is measured anew, and its window says "incomplete".
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsp.mix import Mix
from dsp.profile import Profile, load_profile
from plugin_bridge import link
from plugin_bridge.link_files import RefusedError
from plugin_bridge.link_layout import JOINED_LATE
from plugin_bridge.live import desk
from plugin_bridge.live.beside import Beside
from plugin_bridge.live.instance import Watched
from plugin_bridge.live.judging import full_report
from plugin_bridge.live.measuring import lacking

LOG = logging.getLogger("mixdiagnose.live")

#: Seconds: a turn, between looks at who is there, between looks for requests, and the longest without a sign of life.
TURN_S, SCAN_S, ASK_S, BEAT_S = 0.05, 0.5, 0.2, 0.5
#: Audio read at once, and of one instance in one turn (s).
CHUNK_S, MOST_S = 0.5, 4.0
#: The engine ends when there has been no instance for this long (s); so long those that have gone can be reported.
IDLE_S = 60.0
#: No more instances that have gone than this are remembered.
MOST_GONE = 4


@dataclass
class _Open:
    """An instance that is there."""

    link: link.Instance
    watched: Watched
    lost_before: int
    lost_told: int = 0
    beat_at: float = 0.0
    answered: int = 0
    report_path: str = ""
    report: Future[str] | None = None
    report_count: int = 0
    report_made: int = 0


@dataclass
class Engine:
    """All instances of a user. `idle_s` without one end `run`; `clock` counts seconds."""

    folder: Path
    profile: Profile = field(default_factory=lambda: load_profile("mix"))
    idle_s: float = IDLE_S
    clock: Callable[[], float] = time.monotonic
    scan: Callable[..., list[link.Instance]] = link.scan

    def __post_init__(self) -> None:
        self.open: dict[Path, _Open] = {}
        self.gone: list[tuple[float, Watched]] = []
        self._refused: set[Path] = set()
        self._scan_at = self._ask_at = 0.0
        self._seen_at = self.clock()
        self.idle = 0.0  #: seconds without an instance

    def run(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Serve until `stopped`, or until there has been no instance for `idle_s`."""
        with Beside() as beside:
            try:
                while not stopped() and self.idle <= self.idle_s:
                    started = self.clock()
                    if not self.turn(beside):
                        time.sleep(max(0.0, TURN_S - (self.clock() - started)))
            finally:
                for each in self.open.values():
                    each.link.close()

    def turn(self, beside: Beside) -> bool:
        """One turn. Returns whether there is more to read at once."""
        now = self.clock()
        if now >= self._scan_at:
            self._scan_at = now + SCAN_S
            self._find()
            self.gone = [(at, watched) for at, watched in self.gone if now - at < self.idle_s][-MOST_GONE:]
        if self.open:
            self._seen_at = now
        self.idle = now - self._seen_at
        more, asking = False, now >= self._ask_at
        if asking:
            self._ask_at = now + ASK_S
            for token in desk.questions(self.folder):
                beside.submit(self._answer, token, self._all())
        for path, each in list(self.open.items()):
            try:
                more |= self._serve(each, now, beside, asking)
            except RefusedError as error:
                LOG.warning("%s", error)
                self._refused.add(path)
                self._close(path, now)
            except Exception:  # one instance must not cost the others
                LOG.exception("%s is measured anew", path)
                each.watched = Watched(each.watched.name, self.profile, JOINED_LATE)
        for _, watched in self.gone:
            watched.think(now, beside)
        return more

    def _find(self) -> None:
        """Take up new instances; those that have been read from before, by another engine, are joined late."""
        for found in self.scan({*self.open, *self._refused}, self._refuse):
            name = found.label or f"MixDiagnose {found.pid}"
            watched = Watched(name, self.profile, JOINED_LATE if found.read_frames else 0)
            self.open[found.path] = _Open(found, watched, found.lost_frames)

    def _refuse(self, error: RefusedError) -> None:
        if Path(error.subject) not in self._refused:
            self._refused.add(Path(error.subject))
            LOG.warning("%s", error)

    def _serve(self, each: _Open, now: float, beside: Beside, asking: bool) -> bool:
        """Hear, think, publish for one instance. Returns whether more is waiting."""
        watched, heard = each.watched, False
        if asking:
            self._obey(each, beside)
        read, rate = 0.0, 48_000.0
        while read < MOST_S:
            block = each.link.read(max(1, round(CHUNK_S * rate)))
            if block is None:
                break
            watched.hear(block)
            rate, heard = block.sample_rate, True
            read += block.audio.shape[1] / rate
            each.lost_told += block.lost_frames
        gone = asking and not heard and each.link.closed
        if not each.link.waiting_frames and each.link.lost_frames > each.lost_before + each.lost_told:
            each.lost_before, each.lost_told = each.link.lost_frames, 0
            watched.lost()
        news = watched.think(now, beside) or self._reported(each)
        if heard or news or now >= each.beat_at + BEAT_S:
            each.beat_at = now
            results = watched.results()
            results.report_answered, results.report_path = each.answered, each.report_path
            each.link.publish(results)
        if gone and not each.link.waiting_frames:
            self._close(each.link.path, now)
        return read >= MOST_S

    def _obey(self, each: _Open, beside: Beside) -> None:
        """Do what the plugin's window asks."""
        asked = each.link.commands()
        each.watched.choose_genre(asked.genre)
        if asked.reset:
            each.watched.reset()
        if asked.report:
            each.report_count = asked.report_count
        waits = each.report is None and each.report_count != each.answered
        if waits and (mix := each.watched.mix()) is not None:
            each.report = beside.submit(self._write_report, each.link.path.stem, mix, each.watched.profile)
            each.report_made = each.report_count

    def _reported(self, each: _Open) -> bool:
        """Whether a report that was asked for has been written."""
        if each.report is None or not each.report.done():
            return False
        each.report_path, each.answered, each.report = each.report.result(), each.report_made, None
        return True

    def _write_report(self, name: str, mix: Mix, profile: Profile) -> str:
        path = self.folder / "reports" / f"{name}.json"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        desk.write_whole(path, json.dumps(full_report(mix, profile).to_dict(), allow_nan=False) + "\n")
        return str(path)

    def _close(self, path: Path, now: float) -> None:
        """Let go of an instance, and remember what it measured for a while."""
        each = self.open.pop(path)
        each.watched.ended()
        each.link.close()
        (self.folder / "reports" / f"{path.stem}.json").unlink(missing_ok=True)
        if each.watched.measured is not None:
            self.gone.append((now, each.watched))

    def _all(self) -> list[tuple[Watched, bool, Mix | None]]:
        """Every instance, whether it is there, and its pass."""
        there = [(each.watched, True) for each in self.open.values()]
        return [(w, here, w.mix()) for w, here in (*there, *((w, False) for _, w in self.gone))]

    def _answer(self, token: str, every: list[tuple[Watched, bool, Mix | None]]) -> None:
        """Answer a question with the reports of all instances."""
        try:
            told: list[dict[str, Any]] = [
                {
                    "name": watched.name,
                    "open": here,
                    "incomplete": lacking(watched.measured.missed) if watched.measured is not None else [],
                    "report": full_report(mix, watched.profile).to_dict() if mix is not None else None,
                }
                for watched, here, mix in every
            ]
            desk.answer(self.folder, token, {"instances": told})
        except Exception:
            LOG.exception("a question was not answered")
