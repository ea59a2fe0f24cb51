"""Songs nobody limited: synthetic arrangements with real dynamics, one for every seed.

Bands, ballads, club tracks, solo players and swelling strings; played by people or by a grid; some with a
drum or vocal track that was clipped or compressed on its way in, which must not pass for a bus limiter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from dsp.units import Samples

Track = npt.NDArray[np.float64]
Generator = np.random.Generator

STYLES = ("band", "club", "ballad", "solo", "strings", "funk")
SCALE = (0, 2, 3, 5, 7, 8, 10)


class Song:
    """One arrangement while it is being played: tempo, sections, tracks."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.rng = np.random.default_rng((7, seed))
        self.style = STYLES[seed % len(STYLES)]
        self.rate = 44_100 if seed % 2 else 48_000
        self.beat_s = 60.0 / self.rng.uniform(*{"ballad": (60, 84), "club": (118, 136)}.get(self.style, (84, 150)))
        self.bars = int(seconds / (4 * self.beat_s))
        self.frames = int((self.bars * 4 * self.beat_s + 3.0) * self.rate)
        grid = self.style == "club" or self.rng.random() < 0.25
        self.touch_db = 0.0 if grid else float(self.rng.uniform(0.5, 3.0))
        self.loose_s = 0.0 if grid else float(self.rng.uniform(0.002, 0.01))
        edges, self.force = 0, np.zeros(self.bars)
        while edges < self.bars:
            length = int(self.rng.choice([4, 8, 8, 16]))
            self.force[edges : edges + length] = self.rng.uniform(0.35, 1.0)
            edges += length
        self.force /= self.force.max()
        self.root = int(self.rng.integers(36, 48))

    def place(self, track: Track, beat: float, sound: Track, gain: float = 1.0) -> None:
        """Play a sound at a beat with the player's touch."""
        at = 0.25 + beat * self.beat_s + abs(self.rng.normal(0.0, self.loose_s))
        start = int(at * self.rate)
        stop = min(start + sound.shape[-1], self.frames)
        if stop > start:
            level = gain * 10 ** (self.rng.normal(0.0, self.touch_db) / 20)
            track[..., start:stop] += level * sound[..., : stop - start]

    def noise(self, seconds: float, low_hz: float, high_hz: float) -> Track:
        """Filtered noise."""
        sections = signal.butter(1, (low_hz, high_hz), "bandpass", fs=self.rate, output="sos")
        return np.asarray(signal.sosfilt(sections, self.rng.standard_normal(int(seconds * self.rate))))

    def tone(self, note: float, seconds: float, tilt: float, half_life_s: float, partials: int = 14) -> Track:
        """A plucked or held tone of decaying partials."""
        f, t = 440.0 * 2 ** ((note - 69) / 12), np.arange(int(seconds * self.rate)) / self.rate
        out = np.zeros(len(t))
        for k in range(1, partials + 1):
            if k * f > 0.4 * self.rate:
                break
            phase = self.rng.uniform(0, 2 * np.pi)
            out += k**-tilt * np.sin(2 * np.pi * k * f * t + phase) * np.exp2(-t * (1 + 0.3 * k) / half_life_s)
        faded: Track = out * np.minimum(1, t / 0.003) * np.minimum(1, (seconds - t) / 0.02)
        return faded


def pan(mono: Track, position: float) -> Track:
    """Constant-power panning, -1 to 1."""
    angle = (position + 1) * np.pi / 4
    sides: Track = np.stack([np.cos(angle) * mono, np.sin(angle) * mono]) * np.sqrt(2)
    return sides


def drums(song: Song) -> Track:
    """A kit; every stroke is the same sample at another force, as in most productions."""
    rng, rate = song.rng, song.rate
    t = np.arange(int(0.45 * rate)) / rate
    fall = rng.uniform(60, 160)
    kick = np.sin(2 * np.pi * (rng.uniform(42, 58) * t + fall * 0.02 * (1 - np.exp(-t / 0.02))))
    kick *= np.exp(-t / rng.uniform(0.07, 0.2)) * np.minimum(1, (0.45 - t) / 0.05)
    kick += 0.3 * song.noise(0.45, 1500, 7000)[: len(t)] * np.exp(-t / 0.004)
    snare = 0.7 * np.sin(2 * np.pi * rng.uniform(170, 230) * t) * np.exp(-t / 0.05)
    snare += song.noise(0.45, 700, 9000)[: len(t)] * np.exp(-t / rng.uniform(0.04, 0.12))
    hats = [song.noise(0.3, 6000, 15000) * np.exp(-np.arange(int(0.3 * rate)) / rate / d) for d in (0.02, 0.08)]
    crash = song.noise(2.5, 3000, 15000) * np.exp(-np.arange(int(2.5 * rate)) / rate / 0.6)
    levels = {"kick": rng.uniform(0.8, 1.6), "snare": rng.uniform(0.5, 1.2), "hat": rng.uniform(0.08, 0.25)}
    low, high, top = np.zeros(song.frames), np.zeros(song.frames), np.zeros(song.frames)
    four = song.style == "club"
    kicks = (0.0, 1.0, 2.0, 3.0) if four else tuple(sorted(rng.choice([0, 1.5, 2, 2.5, 3.5], 3, replace=False)))
    for bar, force in enumerate(song.force):
        if force < 0.42:
            continue
        for beat in kicks:
            song.place(low, 4 * bar + beat, kick, levels["kick"] * force)
        for beat in (1.0, 3.0):
            song.place(high, 4 * bar + beat, snare, levels["snare"] * force)
        if bar % 8 == 7:
            for k in range(4):
                song.place(high, 4 * bar + 3 + k / 4, snare, levels["snare"] * force * (0.5 + 0.15 * k))
        for eighth in range(8):
            song.place(top, 4 * bar + eighth / 2, hats[eighth % 4 == 3], levels["hat"] * force)
        if bar % 8 == 0:
            song.place(top, 4 * bar, crash, 0.25 * force)
    if rng.random() < 0.3:  # recorded or sampled too hot: the track is clipped, the bus is not
        high = np.clip(high, -0.6 * np.abs(high).max(), 0.6 * np.abs(high).max())
    if rng.random() < 0.2:
        low = np.tanh(1.5 * low / np.abs(low).max()) * np.abs(low).max() if low.any() else low
    return pan(low, 0) + pan(high, 0.05) + pan(top, -0.3)


def harmony(song: Song) -> tuple[Track, Track]:
    """Bass and chords."""
    rng = song.rng
    bass, chords = np.zeros(song.frames), np.zeros((2, song.frames))
    progression = [int(rng.choice(SCALE)) for _ in range(4)]
    tilt, half_life = rng.uniform(0.8, 1.5), rng.uniform(0.3, 1.5)
    strum = song.style in ("band", "funk", "solo")
    played: dict[Any, Track] = {}
    steps = sorted(rng.choice(8, int(rng.integers(3, 7)), replace=False) / 2)
    for bar, force in enumerate(song.force):
        degree = progression[bar % 4]
        for beat in steps:
            note = song.root + degree - 12 * (degree > 6)
            low = played.setdefault(("bass", note), song.tone(note, 0.5 + song.beat_s, 1.2, half_life, 8))
            song.place(bass, 4 * bar + beat, low, 0.5 * force)
        for beat in steps if strum else (0.0, 2.0):
            length = song.beat_s * (1.0 if strum else 2.0)
            for k, step in enumerate((0, 3 if degree in (0, 5, 7) else 4, 7, 12)):
                note = song.root + 24 + degree + step
                sound = played.setdefault((note, length), song.tone(note, length, tilt, half_life))
                song.place(chords, 4 * bar + beat + 0.01 * k, pan(sound, 0.7 * (-1) ** k), 0.16 * force**1.5)
    return pan(bass, 0), chords


def lead(song: Song) -> Track:
    """A voice-like line whose phrases swell."""
    rng, rate = song.rng, song.rate
    line, beat = np.zeros(song.frames), 4.0
    while beat < 4 * song.bars - 4:
        beats = float(rng.choice([0.5, 1.0, 1.5, 2.0, 3.0]))
        if rng.random() < 0.75:
            t = np.arange(int(beats * song.beat_s * rate)) / rate
            note = song.root + 24 + int(rng.choice(SCALE)) + 0.2 * np.sin(2 * np.pi * 5.5 * t)
            phase = 2 * np.pi * np.cumsum(440 * 2 ** ((note - 69) / 12)) / rate
            voice = sum(np.sin(k * phase + k * k) / k**1.2 for k in range(1, 10))
            swell = np.sin(np.pi * np.minimum(1, t / t[-1])) ** 0.4
            song.place(line, beat, np.asarray(voice) * swell, 0.35 * rng.uniform(0.5, 1.0))
        beat += beats
    if rng.random() < 0.3:  # a compressed vocal
        level = signal.sosfiltfilt(signal.butter(1, 10, fs=rate, output="sos"), np.abs(line))
        line = line / np.maximum(level / max(level.max(), 1e-9), 0.3) ** 0.6
    return pan(line, 0.0)


def strings(song: Song) -> Track:
    """Slow swells."""
    rng = song.rng
    out = np.zeros((2, song.frames))
    for bar in range(0, song.bars, 2):
        for k in range(5):
            seconds = 8 * song.beat_s
            t = np.arange(int(seconds * song.rate)) / song.rate
            note = song.root + 12 + int(rng.choice(SCALE)) + 12 * (k % 3)
            phase = 2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t + 0.3 * np.sin(2 * np.pi * 5 * t + k)
            sound = sum(np.sin(h * phase + h * h * k) / h**1.3 for h in range(1, 9)) * np.sin(np.pi * t / seconds)
            song.place(out, 4 * bar, pan(np.asarray(sound), rng.uniform(-0.8, 0.8)), 0.12 * song.force[bar] ** 2)
    return out


def arrangement(seed: int, seconds: float = 90.0) -> tuple[Samples, int]:
    """The mix of song `seed` as float32 (2, frames) peaking at half scale, and its sample rate."""
    song = Song(seed, seconds)
    mix = np.zeros((2, song.frames))
    bass, chords = harmony(song)
    parts: dict[str, tuple[Track, ...]] = {
        "strings": (strings(song), 0.6 * bass),
        "solo": (chords, lead(song)) if seed % 4 else (chords,),
        "ballad": (0.7 * drums(song), bass, chords, 1.3 * lead(song), 0.5 * strings(song)),
    }
    for part in parts.get(song.style) or (drums(song), bass, chords, lead(song)):
        mix += part * 10 ** (song.rng.normal(0.0, 2.0) / 20)
    wet = song.noise(1.8, 300, 6000) * np.exp2(-np.arange(int(1.8 * song.rate)) / song.rate / 0.15)
    send = signal.oaconvolve(mix.mean(axis=0), wet)[: song.frames]
    mix += song.rng.uniform(0.02, 0.12) * send * np.abs(mix).max() / max(np.abs(send).max(), 1e-9)
    return np.ascontiguousarray(0.5 * mix / np.abs(mix).max(), dtype=np.float32), song.rate
