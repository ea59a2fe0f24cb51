"""Rows gathered over hours without their memory going to pieces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dsp.units import Samples

#: Small pieces that are joined into a large one: of megabytes, which the system takes back when they are freed.
JOINED = 2048


class Rows:
    """Arrays that are appended along their first axis, kept in few large pieces.

    A list of thousands of small arrays leaves holes in the heap that are never given back to the system.
    """

    def __init__(self) -> None:
        self._large: list[Samples] = []
        self._small: list[Samples] = []
        self.count = 0

    def __copy__(self) -> Rows:
        """A copy that can be appended to without changing this one."""
        other = Rows()
        other._large, other._small, other.count = list(self._large), list(self._small), self.count
        return other

    def append(self, rows: Samples) -> None:
        """Add rows; their trailing shape is that of all before."""
        self._small.append(rows)
        self.count += len(rows)
        if len(self._small) >= JOINED:
            self._large.append(np.concatenate(self._small))
            self._small = []

    def drain(self) -> Iterator[Samples]:
        """All rows in order, in pieces, each forgotten as it is handed out."""
        pieces, self._large, self._small, self.count = [*self._large, *self._small], [], [], 0
        pieces.reverse()
        while pieces:
            yield pieces.pop()

    def joined(self, *trailing: int) -> Samples:
        """All rows as one float32 array of shape (rows, *trailing); nothing stays here."""
        out = np.empty((self.count, *trailing), dtype=np.float32)
        start = 0
        for piece in self.drain():
            out[start : start + len(piece)] = piece
            start += len(piece)
        return out
