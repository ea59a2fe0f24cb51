"""How checks phrase numbers, times and grades, so that all reports read alike."""

from __future__ import annotations

from collections.abc import Iterable

from dsp.findings import Severity, Status

#: Severity that goes with a status unless a check knows better.
SEVERITY: dict[Status, Severity] = {"warning": "medium", "problem": "high", "info": "low", "undetermined": "low"}


def grade(value: float, good: float, problem: float) -> Status:
    """Pass up to `good`, warning up to `problem`, problem beyond; falling where `problem` < `good`."""
    if problem < good:
        value, good, problem = -value, -good, -problem
    return "pass" if value <= good else "warning" if value <= problem else "problem"


def severity(status: Status) -> Severity:
    """The usual severity of a status."""
    return SEVERITY.get(status, "none")


def clock(at_s: float) -> str:
    """A time as people read it off a DAW's ruler.

    >>> clock(83.25)
    '1:23.2'
    """
    tenths = round(at_s * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def clocks(times_s: Iterable[float], most: int = 4) -> str:
    """The first few times of many, in words.

    >>> clocks([1.0, 2.0, 3.0], most=2)
    '0:01.0, 0:02.0 and 1 more'
    """
    times = list(times_s)
    text = ", ".join(clock(t) for t in times[:most])
    return f"{text} and {len(times) - most} more" if len(times) > most else text


def spans(times_s: Iterable[float], window_s: float) -> list[tuple[float, float]]:
    """Windows that start at `times_s` (sorted) joined where they touch, as (start, end)."""
    joined: list[tuple[float, float]] = []
    for start in times_s:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], start + window_s)
        else:
            joined.append((start, start + window_s))
    return joined
