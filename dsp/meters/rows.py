"""Rows gathered over hours without their memory going to pieces."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.units import Samples

#: Bytes of a piece.
PIECE_BYTES = 1 << 18


def paged(shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
    """An array of zeros in pages of its own, which the system takes back the moment it is forgotten.

    The C library's heap would keep them: what is freed between things that stay is a hole, not memory.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(size, 1)), dtype=dtype, count=math.prod(shape)).reshape(shape)


class Rows:
    """Float32 rows that are appended along their first axis, kept in large pieces.

    A list of thousands of small arrays leaves holes in the heap that are never given back to the system.
    """

    def __init__(self) -> None:
        self._full: list[Samples] = []
        self._piece: Samples | None = None
        self._filled = 0
        self.count = 0

    def __copy__(self) -> Rows:
        """A copy that can be appended to without changing this one."""
        other = Rows()
        other._full, other._filled, other.count = list(self._full), self._filled, self.count
        other._piece = None if self._piece is None else self._piece.copy()
        return other

    def append(self, rows: Samples) -> None:
        """Add rows; their trailing shape is that of all before."""
        self.count += len(rows)
        while len(rows):
            if self._piece is None:
                row_bytes = max(1, 4 * int(np.prod(rows.shape[1:])))
                self._piece = paged((max(1, PIECE_BYTES // row_bytes), *rows.shape[1:]))
                self._filled = 0
            taken = min(len(rows), len(self._piece) - self._filled)
            self._piece[self._filled : self._filled + taken] = rows[:taken]
            self._filled += taken
            rows = rows[taken:]
            if self._filled == len(self._piece):
                self._full.append(self._piece)
                self._piece = None

    def drain(self) -> Iterator[Samples]:
        """All rows in order, in pieces, each forgotten as it is handed out."""
        pieces = self._full
        if self._piece is not None:
            pieces.append(self._piece[: self._filled])
        self._full, self._piece, self._filled, self.count = [], None, 0, 0
        pieces.reverse()
        while pieces:
            yield pieces.pop()

    def joined(self, *trailing: int) -> Samples:
        """All rows as one float32 array of shape (rows, *trailing); nothing stays here."""
        out: Samples = paged((self.count, *trailing))
        start = 0
        for piece in self.drain():
            out[start : start + len(piece)] = piece
            start += len(piece)
        return out
