"""What a diagnosis is made of: measurements, findings with evidence, and fixes a machine can apply."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

Status = Literal["pass", "info", "warning", "problem", "undetermined", "skipped", "crashed"]
Severity = Literal["none", "low", "medium", "high"]
STATUSES: tuple[str, ...] = get_args(Status)
SEVERITIES: tuple[str, ...] = get_args(Severity)

#: How bad a status is by itself, worst last; the status of a check is that of its worst finding.
ORDER: tuple[Status, ...] = ("skipped", "pass", "info", "undetermined", "warning", "crashed", "problem")


@dataclass(frozen=True)
class Measurement:
    """A number with its unit: `None` means "not measurable". NaN and infinities become None.

    `at_s` is a time in seconds or a pair (start, end), `band_hz` a pair (low, high).
    """

    name: str
    value: float | None
    unit: str
    at_s: float | tuple[float, float] | None = None
    band_hz: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            value = float(self.value)
            object.__setattr__(self, "value", value if math.isfinite(value) else None)


@dataclass(frozen=True)
class EqMove:
    """One band of equalisation on a stem, a bus or the mix; kind as in `dsp.correction`."""

    target: str
    kind: str
    frequency_hz: float
    gain_db: float
    q: float


@dataclass(frozen=True)
class GainMove:
    """A change of level in dB."""

    target: str
    gain_db: float


@dataclass(frozen=True)
class PolarityMove:
    """A switch of polarity."""

    target: str


@dataclass(frozen=True)
class DelayMove:
    """A shift in time, later for positive samples (fractions allowed)."""

    target: str
    samples: float


@dataclass(frozen=True)
class PanMove:
    """A new pan position, -1 left to 1 right."""

    target: str
    pan: float


@dataclass(frozen=True)
class RemoveDevice:
    """A device to take out of a target's insert chain."""

    target: str
    device: str


@dataclass(frozen=True)
class Advice:
    """A move only a person can make."""

    text: str
    target: str = "mix"


Fix: TypeAlias = EqMove | GainMove | PolarityMove | DelayMove | PanMove | RemoveDevice | Advice

#: The tag each kind of fix carries in JSON.
FIX_KINDS: dict[str, type[Fix]] = {
    "eq": EqMove,
    "gain": GainMove,
    "polarity": PolarityMove,
    "delay": DelayMove,
    "pan": PanMove,
    "remove-device": RemoveDevice,
    "advice": Advice,
}
_TAG_OF = {kind: tag for tag, kind in FIX_KINDS.items()}


@dataclass(frozen=True)
class Cause:
    """A stem and its share (0 to 1) of what was found; None where the share is not known."""

    stem: str
    share: float | None = None


@dataclass(frozen=True)
class Finding:
    """One thing a check has to say, with the numbers behind it.

    `evidence` is never empty. `measured` and `target` are the same in words, for the checklist. `means` and
    `listen` say what it may mean and what to listen for; they are the check's own unless it says them itself.
    """

    check: str
    status: Status
    severity: Severity
    title: str
    message: str
    evidence: tuple[Measurement, ...]
    measured: str = ""
    target: str = ""
    cause: tuple[Cause, ...] = ()
    fixes: tuple[Fix, ...] = field(default=())
    means: str = ""
    listen: str = ""

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError(f"finding of check '{self.check}' has no evidence")


def fix_to_dict(fix: Fix) -> dict[str, Any]:
    """A fix as JSON: its fields and its tag under "kind" ("eq_kind" then is the kind of filter)."""
    fields = asdict(fix)
    if isinstance(fix, EqMove):
        fields["eq_kind"] = fields.pop("kind")
    return {"kind": _TAG_OF[type(fix)], **fields}


def fix_from_dict(data: dict[str, Any]) -> Fix:
    """The inverse of `fix_to_dict`. Raises KeyError for a tag that is not in `FIX_KINDS`."""
    fields = dict(data)
    kind = FIX_KINDS[fields.pop("kind")]
    if kind is EqMove:
        fields["kind"] = fields.pop("eq_kind")
    return kind(**fields)


def measurement_from_dict(data: dict[str, Any]) -> Measurement:
    """The inverse of `dataclasses.asdict` on a measurement; lists become tuples."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    return Measurement(**fields)


def finding_to_dict(finding: Finding) -> dict[str, Any]:
    """A finding as JSON; the check's id goes under "id"."""
    data = asdict(finding)
    return {
        "id": data.pop("check"),
        **data,
        "evidence": [{k: v for k, v in m.items() if v is not None or k == "value"} for m in data["evidence"]],
        "cause": list(data["cause"]),
        "fixes": [fix_to_dict(f) for f in finding.fixes],
    }


def finding_from_dict(data: dict[str, Any]) -> Finding:
    """The inverse of `finding_to_dict`."""
    fields = dict(data)
    fields["check"] = fields.pop("id")
    fields["evidence"] = tuple(measurement_from_dict(m) for m in fields["evidence"])
    fields["cause"] = tuple(Cause(**c) for c in fields["cause"])
    fields["fixes"] = tuple(fix_from_dict(f) for f in fields["fixes"])
    return Finding(**fields)
