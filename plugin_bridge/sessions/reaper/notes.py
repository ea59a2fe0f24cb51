"""What of a project is not played, in one line for each kind of thing and track."""

from __future__ import annotations

from dataclasses import dataclass


class Notes:
    """Collects them; the same one again is counted."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, where: str, what: str) -> None:
        """`where` names the track; `what` is the rest of the sentence."""
        line = f"{where}: {what}" if where else what
        self._counts[line] = self._counts.get(line, 0) + 1

    @property
    def lines(self) -> tuple[str, ...]:
        """One line each."""
        return tuple(line if n == 1 else f"{line} ({n} times)" for line, n in self._counts.items())


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the project a reader is: notes taken here begin with the `name` of the track."""

    notes: Notes
    name: str

    def tell(self, what: str) -> None:
        """Takes a note."""
        self.notes.add(self.name, what)


def track_name(name: str, number: int) -> str:
    """How a track is called in a note; `number` from 0 for those without a name."""
    return f"Track '{name}'" if name.strip() else f"Track {number + 1}"
