"""What an engineer says and does about a region of the spectrum that is hot or short."""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.findings import Advice, EqMove, Fix
from dsp.listening.tonal import Range
from dsp.meters.bands import BAND_HZ, NOMINAL_HZ

#: What too much or too little of a region means, and what to listen for and do first.
MEANING: Final = {
    ("sub-bass", True): (
        "eats headroom where small speakers play nothing",
        "Check kick and bass on headphones; high-pass what has no business down there, one track at a time.",
    ),
    ("bass", True): (
        "boomy: kick and bass fight for the same octave",
        "Loop the loudest bar and mute bass and kick in turn; cut or turn down the one that takes the boom with it.",
    ),
    ("bass", False): (
        "thin: kick and bass lack body",
        "Bypass high-pass filters one by one and check the polarity of kick and bass before boosting.",
    ),
    ("mud", True): (
        "muddy: guitars, keys, voices and rooms pile up here",
        "Mute them one at a time; the one whose absence clears the voice is the one to cut.",
    ),
    ("mud", False): (
        "hollow: the warmth has been cut out of too many tracks",
        "Bypass low-mid cuts on guitars, keys and voice, beginning with the widest.",
    ),
    ("midrange", True): (
        "boxy below 1 kHz, nasal above",
        "Sweep a narrow bell over snare, guitars and voice in turn and listen for honk.",
    ),
    ("midrange", False): (
        "scooped: voice and guitars vanish on a phone",
        "Listen on one small speaker in mono; bring up what can no longer be followed.",
    ),
    ("presence", True): (
        "harsh: this is where voices, strings and distorted guitars tire the ear",
        "Turn it up for ten seconds: what hurts first is what to cut.",
    ),
    ("presence", False): (
        "distant: attacks and words sit back",
        "Bring up voice and snare here, or pull down what covers them, before the whole mix.",
    ),
    ("sibilance", True): (
        "sharp: esses, hi-hats and cymbals",
        "De-ess the voice and turn the hi-hat down before reaching for the bus.",
    ),
    ("sibilance", False): (
        "dark: cymbals, strings and breath are missing or low",
        "Compare at equal loudness with a song you like; turn up cymbals and voice rather than the bus.",
    ),
    ("air", True): (
        "brittle: exciters, bright cymbals or hiss",
        "Bypass exciters and high shelves; listen for hiss in the gaps.",
    ),
    ("air", False): (
        "no sheen, which many good mixes do without",
        "Look for dark samples or a low-pass first; add a shelf only if it is missed beside a reference.",
    ),
}
#: The centre of a boost lies no higher: the top octave is hiss before it is air.
HIGHEST_BOOST_HZ = 10_000.0
#: A cut that begins above this and reaches the top is a shelf.
SHELF_FROM_HZ = 2_500.0
#: The range of Q: broad enough for a bus.
LEAST_Q, MOST_Q = 0.5, 2.0


def meaning(found: Range) -> tuple[str, str]:
    """What the range may mean and what to do first."""
    return MEANING.get((found.region.name, found.deviation_db > 0.0), MEANING["bass", found.deviation_db > 0.0])


def hertz(frequency_hz: float) -> str:
    """A frequency as people say it, to two digits.

    >>> hertz(223.9), hertz(1122.0), hertz(7943.0)
    ('220 Hz', '1.1 kHz', '7.9 kHz')
    """
    rounded = float(f"{frequency_hz:.2g}")
    return f"{rounded:g} Hz" if rounded < 1000.0 else f"{rounded / 1000.0:g} kHz"


def band_name(frequency_hz: float) -> str:
    """The nominal name of the third octave around a frequency.

    >>> band_name(12_589.0), band_name(794.3)
    ('12.5 kHz', '800 Hz')
    """
    nominal = NOMINAL_HZ[int(np.abs(np.log(BAND_HZ / frequency_hz)).argmin())]
    return f"{nominal:g} Hz" if nominal < 1000.0 else f"{nominal / 1000.0:g} kHz"


def moves(
    found: Range, within_hz: tuple[float, float], *, share: float, most_db: float, hollow_db: float
) -> tuple[Fix, ...]:
    """A moderate move on the mix and what to try before it.

    `share` of the deviation is taken back, at most `most_db`. What is missing by more than `hollow_db` was never
    played or recorded, and outside of the edges of what the genre judges (`within_hz`) an average corrects
    nothing: there only advice is given.
    """
    advice = Advice(meaning(found)[1])
    if found.peak_hz < within_hz[0] or found.deviation_db < -hollow_db:
        return (advice,)
    gain_db = round(2.0 * max(-most_db, min(most_db, -share * found.deviation_db))) / 2.0
    low_hz = max(found.low_hz, within_hz[0])
    if gain_db < 0.0 and found.high_hz >= 0.99 * within_hz[1] and low_hz >= SHELF_FROM_HZ:
        return (EqMove("mix", "high-shelf", float(f"{low_hz:.2g}"), gain_db, 0.7), advice)
    centre_hz = (low_hz * found.high_hz) ** 0.5
    if gain_db > 0.0:
        centre_hz = min(centre_hz, HIGHEST_BOOST_HZ)
    ratio = found.high_hz / low_hz
    q = round(max(LEAST_Q, min(MOST_Q, ratio**0.5 / (ratio - 1.0))), 1)
    return (EqMove("mix", "bell", float(f"{centre_hz:.2g}"), gain_db, q), advice)
