"""A clean mix to put faults into: half a minute of a played song that every check of the mix profile passes.

Everything is synthesised from a written score with seeded, human touch: strokes vary in force and time, two
guitars play the same part differently, the rooms ring out. No device works on the bus; one gain sets its level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import signal

from dsp.audio import Source
from dsp.units import Samples

Track = npt.NDArray[np.float64]
Generator = np.random.Generator

RATE: Final = 48_000
SECONDS: Final = 26.0
FRAMES: Final = round(RATE * SECONDS)
#: Silence before the first note, and the length of a beat (100 a minute).
HEAD_S: Final = 0.5
BEAT_S: Final = 0.6
BEATS_PER_BAR: Final = 4
#: Four bars of verse and four of chorus, then a last chord that rings out.
BARS: Final = 8
CHORUS_BAR: Final = 4
CHORUS_S: Final = (HEAD_S + CHORUS_BAR * BEATS_PER_BAR * BEAT_S, HEAD_S + BARS * BEATS_PER_BAR * BEAT_S)
#: The bus fader: the one number that sets the level of the mix.
BUS_GAIN: Final = 0.263

#: Chords of every bar and of the end as MIDI notes: root of the bass, then the voicing.
CHORDS: Final = (
    (33, (57, 60, 64)), (29, (53, 57, 60)), (36, (55, 60, 64)), (31, (55, 59, 62)),
    (29, (53, 57, 60, 64)), (36, (55, 60, 64, 67)), (31, (55, 59, 62, 67)), (33, (57, 60, 64, 69)),
    (29, (53, 57, 60, 64)),
)  # fmt: skip
#: Partials of the lead: a voice's first formant lies above its fundamental.
VOICE: Final = (0.7, *(k**-1.3 for k in range(2, 12)))
#: The tune of the chorus and its pick-up: beat, length in beats, MIDI note.
TUNE: Final = (
    (6, 1.5, 72), (8, 2, 76), (10.5, 1, 74), (12, 3, 71),
    (15, 1, 72), (16, 1.5, 77), (17.5, 1.5, 76), (19, 1, 74), (20, 2.5, 76), (23, 1, 79), (24, 1.5, 79),
    (25.5, 1.5, 74),
    (27, 1, 76), (28, 1.5, 76), (29.5, 1.5, 72), (31, 1, 71), (32, 4, 69),
)  # fmt: skip

SOURCE: Final = Source("clean.wav", "WAV", "PCM", RATE, "stereo", 24)


def hertz(note: float) -> float:
    """Frequency of a MIDI note."""
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def beat_s(beat: float) -> float:
    """Where a beat of the song lies in the file."""
    return HEAD_S + beat * BEAT_S


def add(track: Track, at_s: float, sound: Track, gain: float = 1.0) -> None:
    """Mix a sound into a track where it begins."""
    start = round(at_s * RATE)
    stop = min(start + sound.shape[-1], track.shape[-1])
    track[..., start:stop] += gain * sound[..., : stop - start]


def decay(seconds: float, half_life_s: float) -> Track:
    """An exponential decay that reaches zero at its end."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.exp2(-t / half_life_s) * (1.0 - t / seconds))


def pan(track: Track, position: float) -> Track:
    """Constant-power panning, -1 left to 1 right."""
    angle = (position + 1.0) * np.pi / 4.0
    return np.stack([np.cos(angle) * track, np.sin(angle) * track])


def partials(frequency_hz: float, seconds: float, levels: Sequence[float], half_life_s: float, rng: Generator) -> Track:
    """A struck or plucked string: partials that die the faster the higher they are."""
    t = np.arange(round(seconds * RATE)) / RATE
    out = np.zeros(t.size)
    impulse = np.zeros(t.size)
    impulse[0] = 1.0
    for k, level in enumerate(levels, 1):
        if k * frequency_hz > 0.42 * RATE:
            break
        step = 2.0 * np.pi * k * frequency_hz * np.sqrt(1.0 + 2e-5 * k * k) / RATE
        pole = float(np.exp2(-(1.0 + 0.35 * k) / (half_life_s * RATE)))
        phase = rng.uniform(0.0, 2.0 * np.pi)
        # a two-pole resonator rings pole^n sin(n step + phase)
        numerator = [level * np.sin(phase), level * pole * np.sin(step - phase)]
        out += signal.lfilter(numerator, [1.0, -2.0 * pole * np.cos(step), pole * pole], impulse)
    fade = np.minimum(1.0, np.arange(t.size) / (0.002 * RATE)) * np.minimum(1.0, (seconds - t) / 0.03)
    return np.asarray(out * fade)


def filtered_noise(frames: int, low_hz: float, high_hz: float, rng: Generator) -> Track:
    """Noise between two frequencies with gentle slopes."""
    sections = signal.butter(1, (low_hz, high_hz), "bandpass", fs=RATE, output="sos")
    return np.asarray(signal.sosfilt(sections, rng.standard_normal(frames)))


def kick(rng: Generator) -> Track:
    """A bass drum: a falling tone and a click of the beater."""
    t = np.arange(round(0.4 * RATE)) / RATE
    phase = 2.0 * np.pi * (48.0 * t + 110.0 * 0.018 * (1.0 - np.exp(-t / 0.018)))
    body = np.sin(phase) * np.exp(-t / 0.11) * np.minimum(1.0, (0.4 - t) / 0.05)
    click = filtered_noise(t.size, 1500, 7000, rng) * np.exp(-t / 0.004)
    return np.asarray(body + 0.35 * click)


def snare(rng: Generator) -> Track:
    """A snare drum: two modes of the head and the rattle of the wires."""
    t = np.arange(round(0.35 * RATE)) / RATE
    head = np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.05) + 0.6 * np.sin(2 * np.pi * 331 * t) * np.exp(-t / 0.03)
    wires = filtered_noise(t.size, 900, 9000, rng) * np.exp(-t / 0.07)
    return np.asarray((0.8 * head + 0.8 * wires) * np.minimum(1.0, (0.35 - t) / 0.05))


def cymbal(seconds: float, half_life_s: float, rng: Generator) -> Track:
    """A cymbal: bright noise that reaches the top of the spectrum."""
    noise = signal.sosfilt(
        signal.butter(1, 6000, "highpass", fs=RATE, output="sos"), rng.standard_normal(round(seconds * RATE))
    )
    return np.asarray(noise) * decay(seconds, half_life_s)


def drums(rng: Generator) -> Track:
    """The kit, in stereo: kick and snare in the centre, cymbals to the sides."""
    kit = np.zeros((2, FRAMES))
    for bar in range(BARS):
        chorus = bar >= CHORUS_BAR
        first = bar * BEATS_PER_BAR
        force = 1.0 if chorus else 0.72

        def strike(
            beat: float, make: Callable[[Generator], Track], level: float, position: float, first: int = first
        ) -> None:
            touch = float(np.exp2(rng.normal(0.0, 0.2)))  # 1.2 dB of spread
            add(kit, beat_s(first + beat) + rng.normal(0.0, 0.003), pan(make(rng), position), level * touch)

        for beat in (0.0, 2.0, 2.5, *((3.5,) if bar % 2 else ())):
            strike(beat, kick, 1.5 * force, 0.0)
        for beat in (1.0, 3.0):
            strike(beat, snare, 1.15 * force, 0.05)
        for eighth in range(8):
            length_s, half_life_s = (0.28, 0.05) if chorus and eighth % 2 else (0.09, 0.014)
            strike(
                eighth / 2, partial(cymbal, length_s, half_life_s),
                0.20 if eighth % 2 else 0.28, -0.35,
            )  # fmt: skip
        if bar in (0, CHORUS_BAR):
            strike(0.0, lambda r: cymbal(2.4, 0.45, r), 0.30, 0.45)
    add(kit, beat_s(32), pan(kick(rng), 0.0), 1.35)
    add(kit, beat_s(32), pan(cymbal(3.2, 0.5, rng), -0.4), 0.28)
    return kit


def bass(rng: Generator) -> Track:
    """The bass guitar in the centre: roots and fifths of the chords."""
    line = np.zeros(FRAMES)
    levels = [1.0, 0.7, 0.42, 0.25, 0.16, 0.1, 0.06, 0.04]
    for bar, (root, _) in enumerate(CHORDS[:BARS]):
        pattern = ((0, 1.4, 0), (1.5, 0.45, 0), (2, 0.95, 0), (3, 0.45, 7), (3.5, 0.45, 12))
        for beat, beats, step in pattern:
            touch = float(np.exp2(rng.normal(0.0, 0.2)))
            note = partials(hertz(root + step), beats * BEAT_S, levels, 0.9, rng)
            add(line, beat_s(bar * BEATS_PER_BAR + beat) + abs(rng.normal(0.0, 0.003)), note, touch)
    add(line, beat_s(32), partials(hertz(CHORDS[-1][0]), 3.0, levels, 0.8, rng))
    return pan(line, 0.0)


def guitar(rng: Generator, position: float, detune: float) -> Track:
    """One of two guitars: the chords strummed in eighths, louder in the chorus."""
    line = np.zeros(FRAMES)
    levels = 1.0 / np.arange(1, 15) ** 0.9
    for bar, (_, chord) in enumerate(CHORDS[:BARS]):
        strums = range(8) if bar >= CHORUS_BAR else (0, 3, 4, 6)
        for eighth in strums:
            touch = float(np.exp2(rng.normal(0.0, 0.25))) * (0.8 if bar >= CHORUS_BAR else 0.6)
            at = beat_s(bar * BEATS_PER_BAR + eighth / 2) + abs(rng.normal(0.0, 0.008))
            for string, note in enumerate(chord):
                pluck = partials(hertz(note + detune + rng.normal(0.0, 0.02)), 0.55, levels.tolist(), 0.35, rng)
                add(line, at + 0.007 * string, pluck, touch * 0.5)
    for string, note in enumerate(CHORDS[-1][1]):
        pluck = partials(hertz(note + detune), 3.5, levels.tolist(), 0.9, rng)
        add(line, beat_s(32) + 0.012 * string, pluck, 0.5)
    return pan(line, position)


def keys(rng: Generator) -> Track:
    """An electric piano, a little to the right: held chords and an answer off the beat."""
    line = np.zeros(FRAMES)
    levels = [1.0, 0.35, 0.2, 0.12, 0.05, 0.08, 0.03]
    for bar, (_, chord) in enumerate(CHORDS[:BARS]):
        for beat, beats in ((0.0, 2.4), (2.5, 1.4)):
            touch = float(np.exp2(rng.normal(0.0, 0.3)))
            for note in chord:
                at = beat_s(bar * BEATS_PER_BAR + beat) + abs(rng.normal(0.0, 0.006))
                add(line, at, partials(hertz(note + 12), beats * BEAT_S, levels, 0.7, rng), 0.4 * touch)
    for note in CHORDS[-1][1]:
        add(line, beat_s(32), partials(hertz(note + 12), 3.5, levels, 0.9, rng), 0.4)
    return pan(line, 0.25)


def lead(rng: Generator) -> Track:
    """A singing lead in the centre, with vibrato that sets in late and breath in its tone."""
    line = np.zeros(FRAMES)
    for beat, beats, note in TUNE:
        seconds = beats * BEAT_S * 0.95
        t = np.arange(round(seconds * RATE)) / RATE
        vibrato = 0.25 * np.clip((t - 0.2) / 0.3, 0.0, 1.0) * np.sin(2 * np.pi * 5.4 * t + rng.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(hertz(note) * 2.0 ** (vibrato / 12.0)) / RATE
        tone = np.sum([v * np.sin(k * phase + 0.7 * k * k) for k, v in enumerate(VOICE, 1)], axis=0)
        tone += 0.05 * filtered_noise(t.size, 2000, 12000, rng)
        swell = (
            np.minimum(1.0, t / 0.04)
            * np.minimum(1.0, (seconds - t) / 0.08)
            * (0.8 + 0.2 * np.sin(np.pi * t / seconds))
        )
        add(line, beat_s(beat), tone * swell, float(np.exp2(rng.normal(0.0, 0.2))))
    return pan(line, 0.0)


def room(dry: Track, rng: Generator) -> Track:
    """A room around a mono send: two seconds of decaying noise, different on either side, no low end."""
    send = signal.sosfilt(signal.butter(2, 250, "highpass", fs=RATE, output="sos"), dry.mean(axis=0))
    wet = [
        signal.fftconvolve(send, filtered_noise(round(2.0 * RATE), 400, 5000, rng) * decay(2.0, 0.12))[:FRAMES]
        for _ in range(2)
    ]
    return np.array(wet)


@cache
def stems(seed: int = 8) -> dict[str, Track]:
    """The tracks of the clean mix as they reach the bus; their sum is the mix."""
    rng = np.random.default_rng(seed)
    tracks = {
        "Drums": 0.80 * drums(rng),
        "Bass": 0.56 * bass(rng),
        "Guitar L": 0.36 * guitar(rng, -0.75, 0.03),
        "Guitar R": 0.36 * guitar(rng, 0.75, -0.03),
        "Keys": 0.42 * keys(rng),
        "Lead": 0.5 * lead(rng),
    }
    sent = 0.5 * tracks["Drums"] + tracks["Guitar L"] + tracks["Guitar R"] + tracks["Keys"] + 1.6 * tracks["Lead"]
    tracks["Room"] = 0.006 * room(sent, rng)
    return {name: BUS_GAIN * track for name, track in tracks.items()}


def quantised(samples: npt.ArrayLike, bits: int = 24) -> Samples:
    """Rounded to whole steps of a bit depth, limited to its range, as float32 (channels, frames)."""
    full = 2.0 ** (bits - 1)
    steps = np.clip(np.round(np.asarray(samples, dtype=np.float64) * full), -full, full - 1)
    return np.ascontiguousarray(steps / full, dtype=np.float32)


@cache
def clean() -> Samples:
    """The clean mix: read-only stereo float32 of whole 24-bit steps."""
    mix = quantised(np.sum(list(stems().values()), axis=0))
    mix.flags.writeable = False
    return mix
