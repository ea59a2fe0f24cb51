"""What a finding is traced to: stems with their shares, the sentence that says so, and what to do at the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsp.findings import Cause, Finding, Fix, Measurement
from dsp.profile import load_instruments
from dsp.stems.model import Stem
from dsp.units import Curve

#: The mix bus where it, and no stem, is the cause.
BUS = "mix bus"
#: Stems with less than this share are not named, and so many are named in a sentence.
LEAST_SHARE, MOST_NAMED = 0.05, 3
#: What a sentence calls the stems of a family together; others are named one by one.
FAMILIES = {
    "drums": "drums",
    "bass": "basses",
    "guitar": "guitars",
    "keys": "keys",
    "vocal": "voices",
    "orchestra": "strings and winds",
}


@dataclass(frozen=True)
class Trace:
    """Where a finding comes from. `text` is one sentence or two; `fixes` replace the finding's where given."""

    causes: tuple[Cause, ...]
    text: str
    fixes: tuple[Fix, ...] | None = None
    evidence: tuple[Measurement, ...] = ()


def ranked(stems: Sequence[Stem], shares: Curve, bus: float = 0.0) -> tuple[Cause, ...]:
    """Stems by their share of what is found, worst first; with the share of the bus, which takes from theirs."""
    total = float(sum(max(float(s), 0.0) for s in shares))
    if total <= 0.0 and bus <= 0.0:
        return ()
    found = [
        Cause(s.name, (1.0 - bus) * max(float(v), 0.0) / total) for s, v in zip(stems, shares, strict=True) if total
    ]
    found = [c for c in found if c.share is not None and c.share >= LEAST_SHARE]
    if bus >= LEAST_SHARE:
        found.append(Cause(BUS, min(bus, 1.0)))
    return tuple(Cause(c.stem, round(c.share or 0.0, 3)) for c in sorted(found, key=lambda c: -(c.share or 0.0)))


def named(causes: Sequence[Cause], stems: Sequence[Stem]) -> str:
    """Who causes it, in words: at most `MOST_NAMED` stems with percentages, families together.

    "71 % guitars (Guitar L 37 %, Guitar R 34 %), 18 % Keys".
    """
    family = _families(causes, stems)
    groups: dict[str, list[Cause]] = {}
    for cause in causes[:MOST_NAMED]:
        groups.setdefault(family.get(cause.stem, ""), []).append(cause)
    said: list[tuple[float, str]] = []
    for name, members in groups.items():
        if not name or len(members) == 1:
            said += [(c.share or 0.0, f"{percent(c)} {short(c.stem)}".strip()) for c in members]
            continue
        together = sum(c.share or 0.0 for c in members)
        inside = ", ".join(f"{short(c.stem)} {percent(c)}".strip() for c in members)
        said.append((together, f"{together:.0%}".replace("%", " %") + f" {FAMILIES[name]} ({inside})"))
    return ", ".join(text for _, text in sorted(said, key=lambda s: -s[0]))


def _families(causes: Sequence[Cause], stems: Sequence[Stem]) -> dict[str, str]:
    """The family of every stem that has one and shares it with another cause."""
    instruments = load_instruments()
    roles = {s.name: s.role.name for s in stems}
    found = {c.stem: instruments[roles[c.stem]].family for c in causes if roles.get(c.stem) in instruments}
    return {stem: name for stem, name in found.items() if name in FAMILIES}


def percent(cause: Cause) -> str:
    """A share as a sentence says it.

    >>> percent(Cause("Bass", 0.714)), percent(Cause("Bass"))
    ('71 %', '')
    """
    return "" if cause.share is None else f"{100.0 * cause.share:.0f} %"


def short(name: str) -> str:
    """A stem's name without the middle of a very long one."""
    return name if len(name) <= 40 else f"{name[:25]}...{name[-12:]}"


def spans_of(finding: Finding, *names: str) -> list[tuple[float, float]]:
    """The seconds that pieces of evidence are placed at (of these names, or any), as (start, end)."""
    return [
        m.at_s if isinstance(m.at_s, tuple) else (m.at_s, m.at_s)
        for m in finding.evidence
        if m.at_s is not None and m.name != "throughout_s" and (not names or m.name in names)
    ]


def value_of(finding: Finding, name: str) -> float | None:
    """The first piece of evidence of that name."""
    return next((m.value for m in finding.evidence if m.name == name), None)
