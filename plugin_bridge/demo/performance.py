"""Human timing and dynamics: notes in beats become control tracks that DawDreamer plays into the instruments.

A control track is an audio signal that is zero except where something happens. At a note's first sample its
value is ``code + velocity``: the whole part is the MIDI key (or, for cymbals, the ring time in units of
10 ms) and the fraction is the velocity. A note's end is -1. That keeps every event sample-accurate, which
block-rate MIDI or parameter automation would not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from plugin_bridge.demo.score import BEATS_PER_BAR, SONG_BEATS, TEMPO_BPM, Note, Parts

Signal = npt.NDArray[np.float32]

SAMPLE_RATE_HZ: Final = 48_000
HEAD_S: Final = 0.200  # Silence before the first downbeat.
TAIL_S: Final = 5.0  # Room for the last chord, the cymbal and the reverb to die away.
BEAT_S: Final = 60.0 / TEMPO_BPM
SONG_S: Final = round(HEAD_S + SONG_BEATS * BEAT_S + TAIL_S, 3)
SONG_SAMPLES: Final = round(SONG_S * SAMPLE_RATE_HZ)

SEED: Final = 1969
LARGEST_TIMING_ERROR_S: Final = 0.008
VELOCITY_SPREAD: Final = 0.05
SWING_S: Final = 0.006  # Off-beat sixteenths come this much late.
STRUM_S: Final = 0.006  # Between one string and the next.

CLOSED_HAT, OPEN_HAT, CRASH, RIDE, DRUM = 7, 38, 210, 90, 1  # Ring times in units of 10 ms.
_DRUM_TRACKS: Final = ("kick", "snare", "hat", "crash", "ride", "rack", "floor")
_TIMING_SPREAD_S: Final = {"kick": 0.0025, "snare": 0.003, "hat": 0.0035, "bass": 0.004}


def seconds(beat: float) -> float:
    """Return when a beat falls, in seconds from the start of the file."""
    return HEAD_S + beat * BEAT_S


def drum_tracks(parts: Parts, rng: np.random.Generator) -> Signal:
    """Return kick, snare, hi-hat, crash, ride, rack tom and floor tom as one row each."""
    rows = []
    for drum in _DRUM_TRACKS:
        events = [
            (time, _drum_code(drum, note) + velocity)
            for note, time, velocity in _humanised(parts[drum], rng, _TIMING_SPREAD_S.get(drum, 0.003))
        ]
        rows.append(_track(events))
    return np.stack(rows)


def bass_track(parts: Parts, rng: np.random.Generator) -> Signal:
    """Return the bass line as one row."""
    return _track(_held(_humanised(parts["bass"], rng, _TIMING_SPREAD_S["bass"])))[np.newaxis]


def guitar_tracks(parts: Parts, rng: np.random.Generator) -> Signal:
    """Return one take of the guitar, one row per string; every call is another performance."""
    return np.stack(_strummed([parts[f"guitar {string}"] for string in range(4)], rng, STRUM_S))


def keys_tracks(parts: Parts, rng: np.random.Generator) -> Signal:
    """Return the four notes of the electric piano's chords, one row each."""
    return np.stack(_strummed([parts[f"keys {voice}"] for voice in range(4)], rng, 0.003))


def _drum_code(drum: str, note: Note) -> int:
    if drum == "hat":
        return OPEN_HAT if note.pitch else CLOSED_HAT
    return {"crash": CRASH, "ride": RIDE}.get(drum, DRUM)


def _humanised(notes: Iterable[Note], rng: np.random.Generator, spread_s: float) -> list[tuple[Note, float, float]]:
    """Return each note with its played time in seconds and its played velocity."""
    played = []
    for note in sorted(notes):
        error_s = float(np.clip(rng.normal(0.0, spread_s), -LARGEST_TIMING_ERROR_S, LARGEST_TIMING_ERROR_S))
        swing_s = SWING_S if (note.beat * 2) % 1 else 0.0
        # Nobody starts bars exactly alike: the downbeat leans forward, the rest breathes.
        accent = 0.03 if note.beat % BEATS_PER_BAR == 0 else 0.0
        velocity = float(np.clip(note.velocity + accent + rng.normal(0.0, VELOCITY_SPREAD), 0.06, 0.97))
        played.append((note, seconds(note.beat) + error_s + swing_s, velocity))
    return played


def _held(played: list[tuple[Note, float, float]]) -> list[tuple[float, float]]:
    """Return the start and end events of notes that sound until they are let go."""
    ends = [(time + note.beats * BEAT_S, -1.0) for note, time, _ in played]
    # Starts come last, so that a start wins where it falls on the same sample as an end.
    return ends + [(time, note.pitch + velocity) for note, time, velocity in played]


def _strummed(rows: list[list[Note]], rng: np.random.Generator, step_s: float) -> list[Signal]:
    """Play a chord with one hand: a shared timing error, then the notes one after the other."""
    beats = sorted({note.beat for row in rows for note in row})
    hand = {beat: (rng.normal(0.0, 0.004), rng.normal(0.0, VELOCITY_SPREAD)) for beat in beats}
    tracks = []
    for index, row in enumerate(rows):
        played = []
        for note in sorted(row):
            error_s = float(np.clip(hand[note.beat][0], -LARGEST_TIMING_ERROR_S, LARGEST_TIMING_ERROR_S))
            swing_s = SWING_S if (note.beat * 2) % 1 else 0.0
            spread_s = index * step_s * float(rng.uniform(0.6, 1.4))
            velocity = note.velocity + hand[note.beat][1] + rng.normal(0.0, 0.03)
            time = seconds(note.beat) + error_s + swing_s + spread_s
            played.append((note, time, float(np.clip(velocity, 0.06, 0.97))))
        tracks.append(_track(_held(played)))
    return tracks


def _track(events: list[tuple[float, float]]) -> Signal:
    track = np.zeros(SONG_SAMPLES, dtype=np.float32)
    for time, value in events:
        index = round(time * SAMPLE_RATE_HZ)
        if index < SONG_SAMPLES:  # The last chord is never let go.
            track[index] = value
    return track
