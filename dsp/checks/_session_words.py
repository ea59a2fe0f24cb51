"""How checks of a session say where something is: the bar a musician reads, and the time; and how many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dsp.checks._naming import listed
from dsp.checks._wording import clock
from dsp.session import SessionFacts

#: So many channels, clips or devices are described one by one in a sentence.
MOST_DESCRIBED = 4
#: So many pieces of advice, and of places as evidence, are given at most.
MOST_FIXES, MOST_PLACES = 6, 20
#: No session is this long (s): a time beyond is no time.
MOST_S = 1e7


def where(facts: SessionFacts, time_s: float | None) -> str:
    """A time of the timeline in bars and seconds; seconds alone where the tempo is not known.

    >>> facts = SessionFacts("song", "", 48000, (), ((0.0, 120.0, 4, 4), (8.0, 90.0, 3, 4)))
    >>> where(facts, 32.1), where(facts, 0.0), where(facts, -1.0), where(facts, None)
    ('bar 17 (0:32.1)', 'bar 1 (0:00.0)', 'before the start', 'an unknown place')
    """
    if time_s is None or not abs(time_s) < MOST_S:
        return "an unknown place"
    if time_s < -0.05:
        return "before the start"
    at_s = max(0.0, time_s)
    bar = bar_of(facts, at_s)
    return clock(at_s) if bar is None else f"bar {bar} ({clock(at_s)})"


def bar_of(facts: SessionFacts, time_s: float) -> int | None:
    """The bar (from 1) a time of the timeline lies in; None where no tempo is known. A new meter begins a new bar."""
    bars, meter = 0.0, (0, 0)
    tempos = sorted(t for t in facts.tempos if _plausible(t))
    if not tempos:
        return None
    for k, (start_s, bpm, numerator, denominator) in enumerate(tempos):
        begin_s = 0.0 if k == 0 else start_s
        if k and begin_s > time_s:
            break
        if (numerator, denominator) != meter:
            bars, meter = math.ceil(bars - 1e-4), (numerator, denominator)
        end_s = min(time_s, tempos[k + 1][0]) if k + 1 < len(tempos) else time_s
        bars += max(0.0, end_s - begin_s) * bpm / 60.0 / (numerator * 4.0 / denominator)
    return int(bars + 1e-4) + 1


def _plausible(tempo: tuple[float, float, int, int]) -> bool:
    """Whether bars can be counted by this tempo at all."""
    start_s, bpm, numerator, denominator = tempo
    if None in tempo or not (math.isfinite(start_s) and math.isfinite(bpm)):
        return False
    return 1e-3 < bpm < 1e5 and 0 < numerator < 1000 and 0 < denominator < 1000


def in_mix_s(facts: SessionFacts, time_s: float | None) -> float | None:
    """A time of the timeline as a time of the mix, which begins at the session's start; None where not known."""
    if time_s is None or not abs(time_s) < MOST_S:
        return None
    return max(0.0, time_s - facts.start_s) if abs(facts.start_s) < MOST_S else max(0.0, time_s)


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "track"), counted(3, "bus")
    ('1 track', '3 buses')
    """
    plural = f"{what}es" if what.endswith(("s", "sh", "x")) else f"{what}s"
    return f"{number} {what if number == 1 else plural}"


def lines(of: Sequence[str], most: int = MOST_DESCRIBED) -> str:
    """Sentences of others in one line; what goes beyond is counted.

    >>> lines(["Track 'A': no.", "Track 'B': no"], most=1)
    "Track 'A': no; and 1 more"
    """
    said = [" ".join(text.split()).rstrip(".;") for text in of]
    more = [f"and {len(said) - most} more"] if len(said) > most else []
    return "; ".join(said[:most] + more)


def named_at(rows: Sequence[tuple[str, str]], most: int = MOST_DESCRIBED) -> str:
    """Names with something said of each, in a sentence.

    >>> named_at([("Bass", "at bar 1"), ("Kick", "at bar 2")])
    "'Bass' at bar 1 and 'Kick' at bar 2"
    """
    return listed([f"'{name}' {said}" for name, said in rows], most)
