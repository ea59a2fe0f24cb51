"""Pictures of the window, and what can be seen in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.int16]  #: shape (height, width, 3), 0 to 255
#: Colours of ui_palette.hpp.
RED, AMBER, WHITE, ACCENT = (0xF4, 0x76, 0x6E), (0xE9, 0xB8, 0x4F), (0xFF, 0xFF, 0xFF), (0x5C, 0xB8, 0xF5)


@dataclass(frozen=True)
class Box:
    """A part of the window, in pixels."""

    x: float
    y: float
    w: float
    h: float

    @property
    def middle(self) -> tuple[int, int]:
        """Its middle."""
        return round(self.x + self.w / 2), round(self.y + self.h / 2)

    def of(self, picture: Picture) -> Picture:
        """What of a picture is in it."""
        return picture[round(self.y) : round(self.y + self.h), round(self.x) : round(self.x + self.w)]

    def meets(self, other: Box) -> bool:
        """Whether they share pixels."""
        across = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        down = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return across > 0.01 and down > 0.01

    def within(self, other: Box) -> bool:
        """Whether all of it is in another."""
        right, bottom = self.x + self.w <= other.x + other.w + 0.01, self.y + self.h <= other.y + other.h + 0.01
        return right and bottom and self.x >= other.x - 0.01 and self.y >= other.y - 0.01


def load(path: Path) -> Picture:
    """A PNG."""
    with av.open(str(path)) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.int16)


def differs(a: Picture, b: Picture) -> int:
    """How many pixels are not the same."""
    return int((np.abs(a - b).max(axis=2) > 24).sum())


def pixels_of(colour: tuple[int, int, int], picture: Picture) -> int:
    """How many pixels are of a colour, nearly."""
    return int((np.abs(picture - np.array(colour, np.int16)).max(axis=2) < 10).sum())
