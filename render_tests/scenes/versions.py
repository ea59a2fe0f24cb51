"""Scenes of two versions of one mix: what was changed since, in a stem or on the bus."""

from __future__ import annotations

from render_tests.injections import Injection, injected
from render_tests.scenes.base import RATE, clean
from render_tests.scenes.registry import Take, clean_tracks, scene, wav_source


def _changed(injection: Injection) -> Take:
    """The clean song with one change, beside the clean mix."""
    stems, mix = injected(clean_tracks(), injection, RATE)
    cause = (injection.stem,) if injection.stem else ()
    return Take(mix, wav_source("since"), references=(clean(),), stems=stems, cause=cause)


@scene("versions", "warning", "reference")
def a_guitar_with_more_low_mids_than_before() -> Take:
    """Six decibels more at 310 Hz on one of two guitars that play the same."""
    return _changed(Injection("eq", "Guitar L", frequency_hz=310.0, gain_db=6.0, q=1.0))


@scene("versions", "warning", "reference")
def softer_keys_than_before() -> Take:
    """The keys have been taken down by 5 dB."""
    return _changed(Injection("gain", "Keys", gain_db=-5.0))


@scene("versions", "warning", "reference", "headroom", "true-peak")
def keys_of_the_other_polarity() -> Take:
    """The polarity of the keys was switched since."""
    return _changed(Injection("polarity", "Keys"))


@scene("versions", "warning", "reference", "headroom", "true-peak")
def a_late_bass() -> Take:
    """The bass comes 4 ms later than it did."""
    return _changed(Injection("delay", "Bass", delay_s=0.004))


@scene("versions", "warning", "reference", "headroom", "true-peak", "bus-processing")
def an_equaliser_added_to_the_bus() -> Take:
    """Four decibels more at 3 kHz on the mix bus."""
    return _changed(Injection("bus-eq", frequency_hz=3_000.0, gain_db=4.0, q=0.8))
