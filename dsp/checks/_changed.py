"""What changed in a stem or on the bus, in words, numbers and moves that undo it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.checks._wording import clock
from dsp.findings import Advice, EqMove, Fix, GainMove, PolarityMove
from dsp.findings import DelayMove as Delay
from dsp.listening.deviations import EDGE, hertz
from dsp.meters.bands import BAND_HZ, NOMINAL_HZ
from dsp.stems.change_fit import Filter
from dsp.stems.version_bus import REDUCED_DB
from dsp.stems.versions import Change

#: A gain beside another change is told from here on (dB).
BESIDE_DB = 0.5


@dataclass(frozen=True)
class Told:
    """A change in words: `what` is short, `sentence` follows a name, `effect` is one of its own.

    `value` is the evidence called `name`; `most_db` how much of it there is in dB, `effect_db` what it does to the mix
    in the band it changes most, `effect_hz`.
    """

    what: str
    sentence: str
    effect: str
    name: str
    value: float
    unit: str
    band_hz: tuple[float, float] | None
    most_db: float
    effect_db: float
    effect_hz: tuple[float, float] | None
    fixes: tuple[Fix, ...]


def told(change: Change, sample_rate: int) -> Told:
    """A change in words, with the moves that undo it; `sample_rate` is that of the mix."""
    target = change.stem if change.stem is not None else "mix"
    if change.over_time is not None:
        return _moving(change, target)
    fit = change.fit
    if fit.kind == "eq" and fit.filters:
        return _equalised(change, target)
    if fit.kind == "delay":
        return _late(change, target, sample_rate)
    if fit.kind == "polarity":
        what, fixes = "polarity switched", (PolarityMove(target), *_gain(target, fit.gain_db))
        return _made(change, what, f"has its polarity switched{_and_gain(fit.gain_db)}", ("polarity", -1.0, ""), fixes)
    if fit.kind == "gain":
        what = f"{fit.gain_db:+.1f} dB"
        words = f"is {abs(fit.gain_db):.1f} dB {'louder' if fit.gain_db > 0 else 'softer'}"
        numbers = ("stem_change_db", fit.gain_db, "dB")
        return _made(change, what, words, numbers, (GainMove(target, round(-fit.gain_db, 1)),), most_db=fit.gain_db)
    return _otherwise(change, target)


def _made(
    change: Change, what: str, sentence: str, numbers: tuple[str, float, str], fixes: tuple[Fix, ...], *,
    band_hz: tuple[float, float] | None = None, most_db: float = 0.0,
) -> Told:  # fmt: skip
    effect_db, effect_hz = _effect(change)
    if effect_hz is None:
        effect = "The mix shows next to nothing of it."
    else:
        middle = _nominal((effect_hz[0] * effect_hz[1]) ** 0.5)
        way = "more" if effect_db > 0 else "less"
        effect = f"The mix has {abs(effect_db):.1f} dB {way} around {middle} because of it; undoing it takes that back."
    name, value, unit = numbers
    return Told(what, sentence, effect, name, value, unit, band_hz, most_db, effect_db, effect_hz, fixes)


def _effect(change: Change) -> tuple[float, tuple[float, float] | None]:
    """The band in which a change shows most in the mix."""
    effect = np.nan_to_num(change.effect_db)
    if not len(effect) or not effect.any():
        return 0.0, None
    at = int(np.abs(effect).argmax())
    return float(effect[at]), (float(BAND_HZ[at] / EDGE), float(BAND_HZ[at] * EDGE))


def _nominal(frequency_hz: float) -> str:
    return hertz(float(NOMINAL_HZ[int(np.abs(np.log(BAND_HZ / frequency_hz)).argmin())]), 3)


def _equalised(change: Change, target: str) -> Told:
    fit = change.fit
    filters = sorted(fit.filters, key=lambda f: -abs(f.gain_db))
    words = " and ".join(_filter(f) for f in filters)
    strongest = filters[0]
    fixes: tuple[Fix, ...] = tuple(
        EqMove(target, f.kind, float(f"{f.frequency_hz:.3g}"), round(-f.gain_db, 1), round(f.q, 2)) for f in filters
    )
    if fit.flipped:
        fixes = (PolarityMove(target), *fixes)
    return _made(
        change,
        f"{strongest.gain_db:+.1f} dB {_where(strongest)}",
        f"has {words}{', its polarity switched' if fit.flipped else ''}{_and_gain(fit.gain_db)}",
        ("stem_change_db", strongest.gain_db, "dB"),
        (*fixes, *_gain(target, fit.gain_db)),
        band_hz=_reach(strongest),
        most_db=strongest.gain_db,
    )


def _filter(f: Filter) -> str:
    return f"{f.gain_db:+.1f} dB {_where(f)}" + (f" (Q about {f.q:.1f})" if f.kind == "bell" else "")


def _where(f: Filter) -> str:
    place = {"bell": "around", "low-shelf": "below", "high-shelf": "above"}[f.kind]
    return f"{place} {hertz(f.frequency_hz)}"


def _reach(f: Filter) -> tuple[float, float]:
    """The band a filter works in: a bell's between the points of half its gain in dB, a shelf's up to its middle."""
    if f.kind == "low-shelf":
        return (20.0, f.frequency_hz)
    if f.kind == "high-shelf":
        return (f.frequency_hz, max(20_000.0, f.frequency_hz))
    half = np.arcsinh(1.0 / (2.0 * f.q))
    return (float(f.frequency_hz * np.exp(-half)), float(f.frequency_hz * np.exp(half)))


def _late(change: Change, target: str, sample_rate: int) -> Told:
    fit = change.fit
    milliseconds, samples = 1e3 * fit.delay_s, fit.delay_s * sample_rate
    way = "later" if samples > 0 else "earlier"
    sentence = f"comes {abs(milliseconds):.2f} ms {way} ({abs(samples):.1f} samples)"
    fixes: tuple[Fix, ...] = (Delay(target, round(-samples, 2)), *_gain(target, fit.gain_db))
    if fit.flipped:
        sentence += ", its polarity switched"
        fixes = (PolarityMove(target), *fixes)
    what = f"{abs(milliseconds):.2f} ms {way}" + (", polarity switched" if fit.flipped else "")
    return _made(change, what, sentence + _and_gain(fit.gain_db), ("stem_delay_ms", milliseconds, "ms"), fixes)


def _moving(change: Change, target: str) -> Told:
    moves = change.over_time
    assert moves is not None
    at, db = clock(moves.at_s), moves.deepest_db
    if change.stem is None and moves.down:
        sentence = f"is taken down by up to {-db:.1f} dB (at {at}; by {REDUCED_DB:g} dB or more {moves.share:.0%} of"
        sentence += " the time), as a limiter or compressor on the bus does it,"
        advice = Advice("Bypass the limiter or compressor that was added to the mix bus and bounce again.")
        what = f"gain reduction up to {-db:.1f} dB"
    elif change.stem is None:
        sentence = f"is up to {db:.1f} dB louder in places (at {at}): the other version was limited or compressed more,"
        advice = Advice("Nothing to undo: match the loudness of both before judging them.")
        what = f"up to {db:.1f} dB less gain reduction"
    else:
        sentence = f"rides {'down' if moves.down else 'up'} by up to {abs(db):.1f} dB (at {at})"
        advice = Advice(f"Compare the automation around {at} in both versions.", target)
        what = f"{db:+.1f} dB at {at}"
    return _made(change, what, sentence, ("change_over_time_db", db, "dB"), (advice,), most_db=db)


def _otherwise(change: Change, target: str) -> Told:
    curve = np.where(np.isfinite(change.effect_db), np.nan_to_num(change.curve_db), 0.0)
    at = int(np.abs(curve * np.minimum(1.0, np.abs(np.nan_to_num(change.effect_db)))).argmax()) if len(curve) else 0
    most_db = float(curve[at]) if len(curve) else 0.0
    middle = float(BAND_HZ[at])
    sentence = f"was changed in more than one way, most around {_nominal(middle)} ({most_db:+.1f} dB),"
    advice = Advice("Compare the channel of this stem in both versions: inserts, sends, edits.", target)
    what, span = "changed in several ways", (middle / EDGE, middle * EDGE)
    numbers = ("stem_change_db", most_db, "dB")
    return _made(change, what, sentence, numbers, (advice,), band_hz=span, most_db=most_db)


def _gain(target: str, gain_db: float) -> tuple[Fix, ...]:
    return (GainMove(target, round(-gain_db, 1)),) if abs(gain_db) >= BESIDE_DB else ()


def _and_gain(gain_db: float) -> str:
    return f", and {gain_db:+.1f} dB of level" if abs(gain_db) >= BESIDE_DB else ""
