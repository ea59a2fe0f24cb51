"""Scenes of parts that hide each other, and of a lead vocal too low or too loud."""

from __future__ import annotations

import numpy as np

from render_tests.scenes.base import (
    BARS,
    BEAT_S,
    BEATS_PER_BAR,
    CHORDS,
    FRAMES,
    RATE,
    TUNE,
    Track,
    add,
    beat_s,
    hertz,
    kick,
    pan,
    quantised,
    stems,
)
from render_tests.scenes.processors import gain
from render_tests.scenes.registry import Take, scene, wav_source

#: Bus fader for what is louder than the clean song.
DOWN = gain(-2.0)


def _rms(track: Track) -> float:
    return float(np.sqrt(np.mean(track**2)))


def _song(name: str, tracks: dict[str, Track], cause: tuple[str, ...]) -> Take:
    at_the_bus = {k: DOWN * v for k, v in tracks.items()}
    files = {k: quantised(v) for k, v in at_the_bus.items()}
    return Take(quantised(np.sum(list(at_the_bus.values()), axis=0)), wav_source(name), stems=files, cause=cause)


def _saw_lead() -> Track:
    """The tune of the lead in the lead's own register: two detuned saw-tooths in the centre."""
    line = np.zeros(FRAMES)
    for beat, beats, note in TUNE:
        seconds = beats * BEAT_S * 0.97
        t = np.arange(round(seconds * RATE)) / RATE
        tone = np.zeros(t.size)
        for k in range(1, 20):
            for turn, detune in ((k, 1.003), (2 * k, 0.997)):
                tone += k**-0.6 * np.sin(2.0 * np.pi * k * hertz(note) * detune * t + turn)
        add(line, beat_s(beat), tone * np.minimum(1.0, t / 0.02) * np.minimum(1.0, (seconds - t) / 0.05))
    return pan(line, 0.0)


@scene("masking", "warning", "vocal-level")
def synth_over_the_lead() -> Take:
    """A synthesiser doubles the tune in unison, 3 dB above the singer."""
    tracks, double = stems(), _saw_lead()
    tracks = {**tracks, "Synth": double * (_rms(tracks["Lead"]) / _rms(double) * gain(3.0))}
    return _song("double", tracks, ("Synth",))


@scene("masking", "warning", "frequency-balance")
def bass_over_the_kick() -> Take:
    """A kick on every beat under a bass that holds its notes all the bar."""
    rng = np.random.default_rng(5)
    hits, held = np.zeros(FRAMES), np.zeros(FRAMES)
    for beat in range(BARS * BEATS_PER_BAR):
        add(hits, beat_s(beat), kick(rng))
    for bar, (root, _) in enumerate(CHORDS[:BARS]):
        seconds = BEATS_PER_BAR * BEAT_S
        t = np.arange(round(seconds * RATE)) / RATE
        levels = ((1, 1.0), (2, 0.6), (3, 0.3), (4, 0.12))
        tone = np.sum([v * np.sin(2.0 * np.pi * k * hertz(root) * t) for k, v in levels], axis=0)
        edges = np.minimum(1.0, t / 0.02) * np.minimum(1.0, (seconds - t) / 0.05)
        add(held, beat_s(bar * BEATS_PER_BAR), tone * edges)
    tracks = stems()
    level = _rms(tracks["Bass"])
    tracks = {
        **tracks,
        "Kick": pan(hits, 0.0) * (level / _rms(pan(hits, 0.0)) * gain(-3.0)),
        "Bass": pan(held, 0.0) * (level / _rms(pan(held, 0.0)) * gain(4.5)),
    }
    return _song("kick and bass", tracks, ("Bass",))


@scene("vocal-level", "warning", "masking")
def buried_lead() -> Take:
    """The lead is 7 dB lower than it was."""
    tracks = stems()
    return _song("buried", {**tracks, "Lead": tracks["Lead"] * gain(-7.0)}, ("Lead",))


@scene("vocal-level", "info", "frequency-balance")
def lead_in_front() -> Take:
    """The lead is 11 dB above where it was, and the mix turned down for it."""
    tracks = {k: v * gain(-5.0) for k, v in stems().items()}
    return _song("in front", {**tracks, "Lead": tracks["Lead"] * gain(11.0)}, ("Lead",))
