"""A correction as a value: which moves on which track, what they were decided from, and what was rolled back.

`correction.json` is its `to_json`; `mixdiagnose/correction.schema.json` describes it. A correction comes back
from a file that anybody may have edited, so `from_json` believes nothing: what it returns can be applied.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NoReturn, TypeAlias

from dsp.audio import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from dsp.errors import InputError
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove, RemoveDevice, fix_from_dict, fix_to_dict

SCHEMA_VERSION: Final = 1
#: The target that is the whole mix and no stem of it.
MIX: Final = "mix"
#: What a move of a correction can be: a fix that can be applied to a track's audio, or to a session's mixer.
Move: TypeAlias = EqMove | GainMove | PolarityMove | DelayMove | RemoveDevice
EQ_KINDS: Final = (
    *("bell", "low-shelf", "high-shelf", "notch"),
    *("high-pass", "low-pass", "high-pass-24", "low-pass-24"),
)

# What a correction may ask for: wide of anything that `fix` decides, tight enough that no filter or buffer made
# from it can misbehave. Our judgement.
FREQUENCY_HZ: Final = (5.0, 96_000.0)
GAIN_DB: Final = (-24.0, 24.0)
Q: Final = (0.05, 100.0)
DELAY_S: Final = (-1.0, 1.0)
# A band's frequency is below this share of half the sample rate, where filters still have a shape.
NYQUIST_SHARE: Final = 0.98
MAX_BYTES: Final = 4_000_000
MAX_TARGETS: Final = 512
MAX_MOVES: Final = 64
MAX_NAME: Final = 1024
MAX_DURATION_S: Final = 1e7

_REMEDY: Final = "write it again with 'mixdiagnose fix', or correct that field"


@dataclass(frozen=True)
class Target:
    """A stem, or the mix where the name is `MIX`, and its moves in the order they are applied."""

    name: str
    moves: tuple[Move, ...]

    @property
    def gain_db(self) -> float:
        """All changes of level together, in dB."""
        return sum(m.gain_db for m in self.moves if isinstance(m, GainMove))

    @property
    def inverted(self) -> bool:
        """Whether the polarity comes out switched."""
        return sum(isinstance(m, PolarityMove) for m in self.moves) % 2 == 1

    @property
    def bands(self) -> tuple[EqMove, ...]:
        """The bands of equalisation, in order."""
        return tuple(m for m in self.moves if isinstance(m, EqMove))


@dataclass(frozen=True)
class InputFile:
    """A file the correction was decided from: its name without folders, and its length in seconds."""

    name: str
    duration_s: float


@dataclass(frozen=True)
class Tried:
    """A group of moves that was rolled back, and why."""

    group: str
    reason: str


@dataclass(frozen=True)
class Correction:
    """Moves per target. `to_dict` and `from_dict` are inverse of each other.

    `sample_rate` is the session's in Hz, the one that delays are counted in; `strength` is 0 to 100 (%);
    `applied` names the groups of moves that were kept; `version` is that of the program that decided.
    """

    sample_rate: int
    targets: tuple[Target, ...]
    strength: float = 100.0
    inputs: tuple[InputFile, ...] = ()
    applied: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = field(default=())
    version: str = ""

    def moves(self, name: str) -> tuple[Move, ...]:
        """The moves of a target; none where it is not corrected."""
        return next((t.moves for t in self.targets if t.name == name), ())

    def to_dict(self) -> dict[str, Any]:
        """The correction as JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "mixdiagnose", "version": self.version},
            "sample_rate": self.sample_rate,
            "strength": self.strength,
            "inputs": [asdict(i) for i in self.inputs],
            "targets": [{"name": t.name, "moves": [fix_to_dict(m) for m in t.moves]} for t in self.targets],
            "applied": list(self.applied),
            "tried": [asdict(t) for t in self.tried],
        }

    def to_json(self) -> str:
        """The text of `correction.json`."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, subject: str = "correction.json") -> Correction:
        """The inverse of `to_json`. Raises InputError naming the subject and the field that is wrong."""
        reader = _Reader(subject)
        if len(text) > MAX_BYTES:
            reader.refuse(f"has more than {MAX_BYTES} bytes, which no correction needs")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
            reader.refuse(f"is not JSON ({str(error)[:200] or type(error).__name__})")
        return cls.from_dict(data, subject)

    @classmethod
    def from_dict(cls, data: object, subject: str = "correction.json") -> Correction:
        """The inverse of `to_dict`. Raises InputError naming the subject and the field that is wrong."""
        read = _Reader(subject)
        top = read.fields(
            data,
            "the correction",
            {"schema_version", "tool", "sample_rate", "strength", "inputs", "targets", "applied", "tried"},
        )
        if top["schema_version"] != SCHEMA_VERSION or isinstance(top["schema_version"], bool):
            read.refuse(f"schema_version is {_shown(top['schema_version'])}; this version reads {SCHEMA_VERSION}")
        tool = read.fields(top["tool"], "tool", {"name", "version"})
        rate = read.number(top["sample_rate"], "sample_rate", (MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ))
        if rate != int(rate):
            read.refuse(f"sample_rate is {rate}, not a whole number of Hz")
        targets = tuple(
            read.target(item, where, int(rate)) for where, item in read.items(top["targets"], "targets", MAX_TARGETS)
        )
        names = [t.name for t in targets]
        if twice := next((n for n in names if names.count(n) > 1), None):
            read.refuse(f"targets names {_shown(twice)} twice")
        return cls(
            sample_rate=int(rate),
            targets=targets,
            strength=read.number(top["strength"], "strength", (0.0, 100.0)),
            inputs=tuple(read.input(i, w) for w, i in read.items(top["inputs"], "inputs", MAX_TARGETS)),
            applied=tuple(read.text(i, w) for w, i in read.items(top["applied"], "applied", MAX_TARGETS)),
            tried=tuple(read.tried(i, w) for w, i in read.items(top["tried"], "tried", MAX_TARGETS)),
            version=read.text(tool["version"], "tool.version", empty=True),
        )


class _Reader:
    """Takes a parsed JSON value apart and refuses, naming the field, whatever is not as it must be."""

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def refuse(self, cause: str) -> NoReturn:
        raise InputError(self._subject, cause, _REMEDY)

    def fields(self, value: object, where: str, names: Collection[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.refuse(f"{where} is {_shown(value)}, not an object with {', '.join(sorted(names))}")
        if missing := sorted(set(names) - set(value)):
            self.refuse(f"{where} has no field '{missing[0]}'")
        if unknown := sorted(str(key) for key in set(value) - set(names)):
            self.refuse(f"{where} has an unknown field {_shown(unknown[0])}")
        return value

    def items(self, value: object, where: str, most: int) -> list[tuple[str, Any]]:
        if not isinstance(value, list):
            self.refuse(f"{where} is {_shown(value)}, not a list")
        if len(value) > most:
            self.refuse(f"{where} has {len(value)} entries; at most {most} are read")
        return [(f"{where}[{i}]", item) for i, item in enumerate(value)]

    def text(self, value: object, where: str, *, empty: bool = False) -> str:
        if not isinstance(value, str):
            self.refuse(f"{where} is {_shown(value)}, not a text")
        if not (empty or value) or len(value) > MAX_NAME:
            self.refuse(f"{where} has {len(value)} characters; 1 to {MAX_NAME} are read")
        return value

    def number(self, value: object, where: str, within: tuple[float, float]) -> float:
        low, high = within
        # Python reads NaN and Infinity in JSON; both fail the comparison, and a whole number of any size survives it.
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.refuse(f"{where} is {_shown(value)}; expected a number from {low:g} to {high:g}")
        return float(value)

    def target(self, value: object, where: str, rate: int) -> Target:
        data = self.fields(value, where, {"name", "moves"})
        name = self.text(data["name"], f"{where}.name")
        moves = self.items(data["moves"], f"{where}.moves", MAX_MOVES)
        return Target(name, tuple(self.move(move, at, name, rate) for at, move in moves))

    def move(self, value: object, where: str, target: str, rate: int) -> Move:
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in _NUMBERS:
            known = ", ".join(_NUMBERS)
            self.refuse(f"{where}.kind is {_shown(kind)}; a correction knows {known}")
        numbers = _NUMBERS[kind]
        named = {"eq": ("eq_kind",), "remove-device": ("device",)}.get(kind, ())
        data = self.fields(value, where, {"kind", "target", *numbers, *named})
        if data["target"] != target:
            self.refuse(f"{where}.target is {_shown(data['target'])}, not the target it is listed under")
        if kind == "eq" and data["eq_kind"] not in EQ_KINDS:
            self.refuse(f"{where}.eq_kind is {_shown(data['eq_kind'])}; expected one of {', '.join(EQ_KINDS)}")
        if kind == "remove-device":
            self.text(data["device"], f"{where}.device")
        limits = {**numbers, **_limits_at(rate, kind)}
        checked = {key: self.number(data[key], f"{where}.{key}", within) for key, within in limits.items()}
        move = fix_from_dict({**data, **checked})
        assert isinstance(move, Move)
        return move

    def input(self, value: object, where: str) -> InputFile:
        data = self.fields(value, where, {"name", "duration_s"})
        return InputFile(
            self.text(data["name"], f"{where}.name"),
            self.number(data["duration_s"], f"{where}.duration_s", (0.0, MAX_DURATION_S)),
        )

    def tried(self, value: object, where: str) -> Tried:
        data = self.fields(value, where, {"group", "reason"})
        return Tried(self.text(data["group"], f"{where}.group"), self.text(data["reason"], f"{where}.reason"))


#: The numbers of each kind of move and what they may be; a delay's also depend on the sample rate.
_NUMBERS: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "eq": {"frequency_hz": FREQUENCY_HZ, "gain_db": GAIN_DB, "q": Q},
    "gain": {"gain_db": GAIN_DB},
    "polarity": {},
    "delay": {"samples": DELAY_S},
    "remove-device": {},
}


def _limits_at(rate: int, kind: str) -> dict[str, tuple[float, float]]:
    """The limits of `_NUMBERS` that depend on the sample rate (Hz)."""
    if kind == "delay":
        return {"samples": (DELAY_S[0] * rate, DELAY_S[1] * rate)}
    if kind == "eq":
        return {"frequency_hz": (FREQUENCY_HZ[0], min(FREQUENCY_HZ[1], NYQUIST_SHARE * rate / 2.0))}
    return {}


def _shown(value: object) -> str:
    """A value as JSON, short enough for one line."""
    text = json.dumps(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."
