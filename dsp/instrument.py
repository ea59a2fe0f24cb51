"""What an instrument is to a mix: its family, the names tracks go by, and the numbers it is judged by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A number that judges audio, where it comes from, and whether that is our own judgement."""

    value: float
    source: str
    judgement: bool = False


@dataclass(frozen=True)
class Instrument:
    """A role of `presets/instruments.toml`.

    `names` are words and abbreviations that file and track names use for it, `numbers` what its stems are judged by.
    """

    id: str
    title: str  #: as a sentence says it
    family: str  #: "drums", "bass", "guitar", "keys", "vocal", "orchestra", "other"
    names: tuple[str, ...]
    numbers: dict[str, Threshold]

    def number(self, key: str) -> float | None:
        """A number of this role; None where the role has none (nothing is judged by it then)."""
        found = self.numbers.get(key)
        return None if found is None else found.value
