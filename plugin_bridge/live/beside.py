"""Where the engine thinks: diagnoses and reports in a thread, bands in a process of their own.

A diagnosis is mostly NumPy, which lets the meters run on. Fitting bands is mostly Python, half a second of it, and of
two threads in Python one waits: the meters of eight instances stood still for seconds. The process is started when
bands are wanted first, ends with the engine however that ends, and is replaced should it break.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import ParamSpec, TypeVar

from dsp.findings import EqMove
from dsp.mix import Mix
from dsp.profile import Profile
from plugin_bridge.live.judging import Judgement, judge

P = ParamSpec("P")
R = TypeVar("R")


class Beside:
    """A thread and a process to think in. A context manager; what is not done at its end is not done."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._process: ProcessPoolExecutor | None = None

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
        if self._process is not None:
            self._process.shutdown(cancel_futures=True)

    def submit(self, work: Callable[P, R], /, *given: P.args, **named: P.kwargs) -> Future[R]:
        """Do something in the thread."""
        return self._thread.submit(work, *given, **named)

    def judge(self, mix: Mix, profile: Profile, bands: tuple[EqMove, ...] | None) -> Future[Judgement]:
        """Diagnose a pass; where no bands are given they are fitted."""
        if bands is not None:
            return self.submit(judge, mix, profile, bands)
        try:
            return self._fitting().submit(judge, mix, profile)
        except BrokenProcessPool:
            self._process = None
            return self._fitting().submit(judge, mix, profile)

    def _fitting(self) -> ProcessPoolExecutor:
        if self._process is None:
            # not forked: a copy of a process with threads may stop at a lock that nobody holds any more
            fresh = multiprocessing.get_context("spawn")
            self._process = ProcessPoolExecutor(1, fresh, initializer=_follow_parent)
        return self._process


def _follow_parent() -> None:
    """In the process: end with the engine, also where that is killed, and not at Ctrl+C, which ends the engine."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
