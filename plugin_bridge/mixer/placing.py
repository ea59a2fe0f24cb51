"""Clips on a track as audio of the timeline, read in any pieces.

Every edge is rounded to the nearest sample of the session, as a DAW's timeline is made of samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from dsp.units import Samples
from plugin_bridge.mixer.curves import Values, evaluate, faded
from plugin_bridge.mixer.pool import Audio, Pool, Take
from plugin_bridge.sessions.model import Clip, Curve, Fade, Track


@dataclass(frozen=True)
class Placed:
    """A clip and its audio: `takes` one per medium, frames on the timeline from `first` to before `last`."""

    clip: Clip
    takes: tuple[Take, ...]
    first: int
    last: int

    @property
    def offline(self) -> str:
        """Why it is not heard; empty where it is."""
        if not self.takes:
            return "it names no media"
        return next((t.offline for t in self.takes if t.audio is None), "")


def _round(value: float) -> int:
    return math.floor(value + 0.5)


class TrackAudio:
    """What the clips of a track play, before its mixer channel; `start_s` of the session is frame 0.

    `mono_seen` is whether so far both sides were the same.
    """

    def __init__(self, track: Track, pool: Pool, start_s: float) -> None:
        self.channels, self._rate = track.channels, pool.rate_hz
        origin = _round(start_s * pool.rate_hz)
        self.placed = [self._place(c, pool, origin) for c in track.clips]
        heard = [p for p in self.placed if not p.clip.muted and not p.offline]
        # Lower layers first, so that opaque clips come after what they hide.
        self._heard = sorted(heard, key=lambda p: p.clip.layer)
        self.dirty = False  #: whether samples were met that are not numbers

    @property
    def sounding(self) -> bool:
        """Whether there is a clip that can be played."""
        return bool(self._heard)

    def _place(self, clip: Clip, pool: Pool, origin: int) -> Placed:
        first = _round(clip.position_s * self._rate) - origin
        last = _round(clip.end_s * self._rate) - origin
        takes = tuple(pool.take(m, clip.rate, clip.pitch_kept) for m in clip.media)
        return Placed(clip, takes, first, last)

    def read(self, start: int, stop: int) -> Samples:
        """Frames of the timeline from `start` to before `stop`: float32 (channels, frames)."""
        out = np.zeros((self.channels, stop - start), np.float32)
        for placed in self._heard:
            a, b = max(start, placed.first), min(stop, placed.last)
            if b > a:
                self._add(placed, a, b, out[:, a - start : b - start])
        return out

    def _add(self, placed: Placed, a: int, b: int, out: Samples) -> None:
        clip = placed.clip
        audio = self._source(placed, a - placed.first, b - placed.first)
        gains = self._gains(placed, a - placed.first, b - placed.first)
        if clip.opaque:
            out *= self._left_below(placed, a - placed.first, b - placed.first)
        out += audio if gains is None else audio * gains

    def _source(self, placed: Placed, a: int, b: int) -> Samples:
        """The media under frames a to b of the clip, on the channels of the track."""
        clip, parts = placed.clip, []
        for media, take in zip(clip.media, placed.takes, strict=True):
            assert take.audio is not None
            audio = window(clip, take.audio, a, b, self._rate)
            parts.append(audio if media.channel is None else audio[min(media.channel, len(audio) - 1)][None])
        audio = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if not np.isfinite(audio.sum(dtype=np.float64)) and not np.isfinite(audio).all():
            self.dirty = True
            audio = np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
        if len(audio) == self.channels:
            return audio
        if len(audio) == 1:
            return np.broadcast_to(audio, (self.channels, audio.shape[1]))
        if self.channels == 1:
            return audio[:1]
        return np.ascontiguousarray(audio[: self.channels])

    def _gains(self, placed: Placed, a: int, b: int) -> Samples | None:
        """Gain of every frame, None where it is 1."""
        clip, curve = placed.clip, self._fades(placed, a, b)
        gain = -clip.gain if clip.inverted else clip.gain
        if clip.envelope:
            envelope = evaluate(clip.envelope, np.arange(a, b) / self._rate)
            curve = envelope if curve is None else curve * envelope
        if curve is not None:
            return np.asarray(gain * curve, np.float32)[None]
        return None if gain == 1.0 else np.full((1, 1), gain, np.float32)

    def _fades(self, placed: Placed, a: int, b: int) -> Values | None:
        """What the fades leave of frames a to b of a clip; None where they leave all."""
        curve: Values | None = None
        for fade, lo, hi, values in self._fading(placed, a, b):
            curve = np.ones(b - a) if curve is None else curve
            curve[lo - a : hi - a] *= values(fade.curve)
        return curve

    def _left_below(self, placed: Placed, a: int, b: int) -> Samples:
        """What an opaque clip leaves of those below: nothing, but where it fades what its fade takes from it."""
        left = np.zeros((1, b - a), np.float32)
        for fade, lo, hi, values in self._fading(placed, a, b):
            left[0, lo - a : hi - a] = values(fade.below) if fade.below else 1.0 - values(fade.curve)
        return left

    def _fading(self, placed: Placed, a: int, b: int) -> Iterator[tuple[Fade, int, int, Callable[[Curve], Values]]]:
        """The fades within frames a to b of a clip: where each is, and how its curves go there."""
        clip, frames = placed.clip, placed.last - placed.first
        for fade, out in ((clip.fade_in, False), (clip.fade_out, True)):
            length = min(_round(fade.length_s * self._rate), frames) if fade else 0
            first = frames - length if out else 0
            lo, hi = max(a, first), min(b, first + length)
            if fade is not None and hi > lo:
                yield fade, lo, hi, partial(faded, frames=np.arange(lo - first, hi - first), length=length, out=out)


def window(clip: Clip, audio: Audio, a: int, b: int, rate_hz: int) -> Samples:
    """Frames a to b of a clip from its media; silence beyond the ends of the media."""
    skip = _round(clip.offset_s / clip.rate * rate_hz)
    if clip.loop_s is None:
        return _piece(audio, skip + a, skip + b, clip.reversed)
    start = _round(clip.loop_s[0] / clip.rate * rate_hz)
    ends = clip.loop_s[1] / clip.rate * rate_hz
    end = audio.frames if ends >= audio.frames else _round(ends)
    if end <= start:
        return _piece(audio, skip + a, skip + b, clip.reversed)
    parts, at = list[Samples](), a
    while at < b:
        m = skip + at
        m = m if m < end else start + (m - start) % (end - start)
        count = min(b - at, end - m)
        parts.append(_piece(audio, m, m + count, clip.reversed))
        at += count
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _piece(audio: Audio, start: int, stop: int, backwards: bool) -> Samples:
    """Frames of the media, or of the media played backwards."""
    if backwards:
        start, stop = audio.frames - stop, audio.frames - start
    a, b = max(0, start), min(stop, audio.frames)
    if b <= a:
        return np.zeros((audio.channels, stop - start), np.float32)
    piece = audio.read(a, b)
    if (a, b) != (start, stop):
        piece = np.pad(piece, ((0, 0), (a - start, stop - b)))
    return piece[:, ::-1] if backwards else piece
