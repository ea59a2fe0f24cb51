"""Fader, automation and panner of a channel as gains of left and right, piece after piece."""

from __future__ import annotations

import math

import numpy as np

from plugin_bridge.mixer import ardour_laws, pan
from plugin_bridge.mixer.curves import evaluate
from plugin_bridge.mixer.graph import Gain
from plugin_bridge.sessions.model import Send, Session, Track


class Fader:
    """The gains of one channel of a session; `law` stands for its own pan law where it is given."""

    def __init__(self, track: Track, session: Session, law: str | None = None) -> None:
        self._track, self.rate_hz, self.start_s = track, session.sample_rate, session.start_s
        self.law = law or track.pan_law
        self._ardour = session.format == "Ardour"

    def times(self, a: int, b: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The times of frames a to b on the timeline."""
        return self.start_s + np.arange(a, b) / self.rate_hz

    def gain(self, a: int, b: int) -> Gain:
        """Fader, volume and mute automation for frames a to before b."""
        track, gain = self._track, 1.0 if self._follows else self._track.fader
        if self._ardour and (track.volume or track.mutes):
            first = math.floor(self.start_s * self.rate_hz + 0.5)
            automated = ardour_laws.automated_gain(track.volume, track.mutes, self.rate_hz, a, b, first)
            return np.asarray(gain * automated, np.float32)
        made: Gain = gain
        if track.volume:
            made = np.asarray(gain * evaluate(track.volume, self.times(a, b)), np.float32)
        if track.mutes:
            made = np.asarray(made * (evaluate(track.mutes, self.times(a, b)) < 0.5), np.float32)
        return made

    def sides(self, a: int, b: int) -> tuple[Gain, Gain]:
        """What the panner leaves of left and right for frames a to before b."""
        if self._track.pans:
            first = math.floor(self.start_s * self.rate_hz + 0.5)
            at = (
                ardour_laws.automated_pan(self._track.pans, self.rate_hz, a, b, first)
                if self._ardour
                else evaluate(self._track.pans, self.times(a, b))
            )
            left, right = pan.gains(self.law, at)
            return np.asarray(left, np.float32), np.asarray(right, np.float32)
        return sides(self.law, self._track.pan)

    @property
    def _follows(self) -> bool:
        return bool(self._track.volume) and self._track.fader_follows

    @property
    def unity(self) -> bool:
        """Whether it changes nothing of a stereo signal, ever."""
        track = self._track
        if track.volume or track.pans or track.mutes:
            return False
        return track.fader == 1.0 and sides(self.law, track.pan) == (1.0, 1.0)


def sides(law: str, position: float) -> tuple[float, float]:
    """Gains of left and right at one pan position."""
    left, right = pan.gains(law, position)
    return float(left), float(right)


def send_gains(send: Send, law: str, mono: bool) -> tuple[float, float]:
    """Gains of left and right of a send that takes a mono or a stereo signal."""
    if law == "none" and mono:  # Ardour: the panner of the track is off, that of its send is not
        law = "ardour-mono"
    gain = -send.gain if send.inverted else send.gain
    left, right = sides(law, send.pan)
    return gain * left, gain * right
