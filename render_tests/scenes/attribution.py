"""Scenes of faults in one stem of the clean mix: the finding on the mix must name that stem first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dsp.units import Samples
from render_tests.scenes.base import FRAMES, RATE, quantised
from render_tests.scenes.processors import Signal, gain, limited
from render_tests.scenes.registry import LEVEL, Take, clean_tracks, scene, wav_source
from render_tests.scenes.tonal import bell


def faulty(name: str, change: Callable[[Signal], Signal], *, level_db: float = 0.0, reference: bool = False) -> Take:
    """The clean mix with one stem changed, all stems and their sum at another level."""
    tracks: dict[str, Samples] = dict(clean_tracks())
    tracks[name] = quantised(change(tracks[name].astype(np.float64)))
    tracks = {k: quantised(v.astype(np.float64) * gain(level_db)) for k, v in tracks.items()}
    clean = np.sum([v.astype(np.float64) for v in clean_tracks().values()], axis=0)
    return Take(
        quantised(np.sum([v.astype(np.float64) for v in tracks.values()], axis=0)),
        wav_source(f"{name} at fault"),
        references=(quantised(clean),) if reference else (),
        stems=tracks,
        cause=(name,),
    )


def _seconds() -> Signal:
    return np.arange(FRAMES) / RATE


@scene("frequency-balance", "warning", "vocal-level")
def boomy_bass() -> Take:
    """Eleven decibels too much at 150 Hz, on the bass alone."""
    return faulty("Bass", lambda x: bell(x, 150.0, 11.0, 1.0), level_db=-4.0)


@scene("frequency-balance", "problem", "stem-dynamics")
def honking_lead() -> Take:
    """Nine decibels too much at 700 Hz, on the lead alone."""
    return faulty("Lead", lambda x: bell(x, 700.0, 9.0, 1.0), level_db=-5.0)


@scene("reference", "info", "frequency-balance", "versions")
def lead_that_became_sharp() -> Take:
    """The lead got eight decibels at 2.5 kHz since the last version."""
    return faulty("Lead", lambda x: bell(x, 2500.0, 8.0, 1.0), level_db=-3.0, reference=True)


@scene("noise-and-hum", "problem", "head-and-tail")
def humming_keys() -> Take:
    """The amplifier of the keys hums at 50 Hz."""
    wave = np.sum([np.sin(2 * np.pi * k * 50.0 * _seconds() + k) / k for k in (1, 2, 3, 4)], axis=0)
    return faulty("Keys", lambda x: x + wave * gain(-48.0))


@scene("clicks", "warning")
def clicking_guitar() -> Take:
    """Two bad edits in the left guitar."""

    def clicked(x: Signal) -> Signal:
        for at_s in (7.547, 16.9):
            x[:, round(at_s * RATE)] += 0.2
        return x

    return faulty("Guitar L", clicked)


@scene("dc-offset", "warning")
def offset_of_the_keys() -> Take:
    """A plugin on the keys leaves an offset of -46 dBFS."""
    return faulty("Keys", lambda x: x + gain(-46.0))


@scene("low-end-mono", "problem", "mono-compatibility", "correlation", "stereo-width", "core-centre")
def inverted_bass() -> Take:
    """A widener has turned one side of the bass round."""
    return faulty("Bass", lambda x: x * np.array([[1.0], [-0.9]]))


@scene("balance", "warning")
def one_loud_guitar() -> Take:
    """The left guitar is nine decibels too loud."""
    return faulty("Guitar L", lambda x: x * gain(9.0), level_db=-4.0)


@scene("headroom", "problem", *LEVEL, "gain-staging", "stem-dynamics")
def drums_too_hot() -> Take:
    """The drums were turned up by eight decibels."""
    return faulty("Drums", lambda x: x * gain(8.0), level_db=-2.0)


@scene("channel-delay", "problem", "mono-compatibility", "bus-processing", "stem-sum")
def bus_with_a_late_channel() -> Take:
    """The stems are in time; the mix bus is not."""
    tracks = dict(clean_tracks())
    mix = np.sum([v.astype(np.float64) for v in tracks.values()], axis=0)
    mix[1] = np.roll(mix[1], 12)
    return Take(quantised(mix), wav_source("late bus"), stems=tracks, cause=("mix bus",))


@scene("bus-limiter", "problem", "crest-factor", "over-compression", "bus-processing", "stem-sum")
def bus_that_is_limited() -> Take:
    """The stems are as they were; a limiter works on their sum."""
    tracks = dict(clean_tracks())
    mix = np.sum([v.astype(np.float64) for v in tracks.values()], axis=0)
    return Take(
        quantised(limited(mix, float(np.abs(mix).max()) * gain(-6.0))),
        wav_source("limited bus"),
        stems=tracks,
        cause=("mix bus",),
    )
