"""The proof: two diagnoses of a mix, before and after some moves, compared. Did they help, and did they harm?"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final

from dsp.findings import ORDER, Finding, Measurement, Status
from dsp.units import from_amplitude_db

#: What a finding of each status weighs. Only the order of sums matters: less is better.
WEIGHT: Final[dict[Status, int]] = {"problem": 1000, "crashed": 1000, "warning": 100, "undetermined": 0, "info": 10}
#: A number of a finding must fall by this share to count as better where its status stays (our judgement).
BETTER: Final = 0.05
#: Units of levels against full scale.
FULL_SCALE: Final = ("dBFS", "dBTP", "LUFS")
#: What differs from another version of the mix must fall by this much (dB) to count as less (our judgement).
NEARER_DB: Final = 0.5
#: From this status on a check that gets worse is harmed; that a thing is mentioned harms nobody.
HARM: Final = ("warning", "problem", "crashed")
#: What one gain for all mends: a group that harms nothing else is kept with it.
LEVELS: Final = ("headroom", "true-peak", "loudness")
#: What a correction changes by its nature: the mix is no longer what the stems and the bus made of it, the reference
#: that is another version of it differs where it is meant to.
UNCOUNTED: Final = ("stem-sum", "bus-processing", "bus-limiter")


def burden(findings: Sequence[Finding], checks: Collection[str]) -> tuple[int, float]:
    """How much these checks have to say: the weight of their findings, and the sum of their first numbers' sizes."""
    told = [f for f in findings if f.check in checks and WEIGHT.get(f.status)]
    return sum(WEIGHT[f.status] for f in told), float(sum(_size(f.evidence[0]) for f in told if f.evidence))


def _size(number: Measurement) -> float:
    """How much a number says: levels against full scale, which are better the lower they are, as amplitudes."""
    if number.value is None:
        return 0.0
    return from_amplitude_db(number.value) if number.unit in FULL_SCALE else abs(number.value)


def nearer(before: Sequence[Finding], after: Sequence[Finding], least_db: float = NEARER_DB) -> bool:
    """Whether a mix is nearer to the version it is restored to: less of it differs, by so many dB at least."""
    was_db, is_db = _apart_db(before), _apart_db(after)
    return was_db is not None and is_db is not None and is_db <= was_db - least_db


def _apart_db(findings: Sequence[Finding]) -> float | None:
    """How much differs from the nearest version; minus infinity where nothing does, None where there is no version."""
    found = list[float]()
    for finding in (f for f in findings if f.check == "versions"):
        numbers = {m.name: m.value for m in finding.evidence}
        if (apart := numbers.get("version_difference_db")) is not None:
            found.append(apart)
        elif numbers.get("version_explained") == 1.0:  # the same mix: nothing is left to be measured
            found.append(-math.inf)
    return min(found, default=None)


def improved(before: Sequence[Finding], after: Sequence[Finding], goals: Collection[str]) -> bool:
    """Whether the checks that a group of moves answers have less to say."""
    (weight, size), (now, left) = burden(before, goals), burden(after, goals)
    return now < weight or (now == weight and left < (1.0 - BETTER) * size)


def harmed(
    before: Sequence[Finding], after: Sequence[Finding], goals: Collection[str] = (), meant: Sequence[Finding] = ()
) -> tuple[str, ...]:
    """Ids of the checks that are worse after than before, apart from the goals of the moves.

    `meant` is what there is to say of the version that is to be restored: as much as that is no harm.
    """
    checks = {f.check for f in after} - set(goals) - set(UNCOUNTED)
    of = {c: ([f for f in before if f.check == c], [f for f in after if f.check == c]) for c in checks}
    wanted = {c: [f for f in meant if f.check == c] for c in checks}
    return tuple(sorted(c for c in checks if _worse(*of[c]) and _worse(wanted[c], of[c][1])))


def _worse(before: Sequence[Finding], after: Sequence[Finding]) -> bool:
    def worst(findings: Sequence[Finding]) -> int:
        return max((ORDER.index(f.status) for f in findings if f.status in HARM), default=-1)

    def count(findings: Sequence[Finding]) -> int:
        return sum(ORDER.index(f.status) == worst(findings) for f in findings)

    if worst(after) < 0:
        return False
    return (worst(after), count(after)) > (worst(before), count(before))
