"""What of the audio counts for a reading of the whole: passes, told from the host's transport.

A pass is one uninterrupted stretch of playback. It begins when playback starts and when the position jumps, back or
ahead; it stands still, and its readings stay, while the transport is stopped. Every round of a loop is a pass of its
own, so that what is changed while a part goes round is judged by itself.

A host that has never been seen playing may have no transport to tell of: then a pass begins with the first sound and
goes on until something plays. A position that never moves is one that the host does not tell, and no jump.
"""

from __future__ import annotations

from typing import Literal, Protocol

#: What a block of audio is: nothing that counts, the first of a pass, the first of another round, more of the same.
Turn = Literal["still", "begin", "round", "on"]
#: A position off the expected one by more than this is a jump (s): hosts round, and vary the speed.
JUMP_S = 0.1


class Transport(Protocol):
    """What a host says of its transport at the first frame of a block."""

    @property
    def playing(self) -> bool:
        """Whether it plays."""

    @property
    def looping(self) -> bool:
        """Whether a part is played over and over."""

    @property
    def position_s(self) -> float:
        """Position in seconds."""


class Follower:
    """Follows the transport of one host."""

    def __init__(self) -> None:
        self._ever_played = False
        self._playing = False
        self._sounding = False
        self._at_s = 0.0
        self._expected_s = 0.0

    @property
    def playing(self) -> bool:
        """Whether what comes counts."""
        return self._playing or (self._sounding and not self._ever_played)

    def turn(self, transport: Transport, seconds: float, silent: bool, missed_s: float = 0.0) -> Turn:
        """What the block of so many seconds that starts there is; `silent` if all of it is digital silence.

        `missed_s` is what was played, and not heard, just before it.
        """
        before, was_playing = self._at_s, self._playing
        self._at_s, self._playing = transport.position_s, transport.playing
        expected, self._expected_s = self._expected_s + missed_s, transport.position_s + seconds
        if not transport.playing:
            if self._ever_played or (silent and not self._sounding):
                return "still"
            first, self._sounding = not self._sounding, True
            return "begin" if first else "on"
        self._ever_played = True
        if not was_playing:
            return "begin"
        ahead = transport.position_s - expected
        if transport.position_s == before or abs(ahead) <= JUMP_S:
            return "on"
        return "round" if transport.looping and ahead < 0.0 else "begin"
