"""How a stem that is not as it is in the mix is told: a sentence, its numbers, and the move that mends it."""

from __future__ import annotations

import numpy as np

from dsp.findings import Advice, DelayMove, Fix, GainMove, Measurement, PolarityMove
from dsp.regions import REGIONS
from dsp.stems.model import Stems
from dsp.stems.sum_verdict import Verdict, left_by_band, level_db
from dsp.units import power_db

#: A band of a stem counts as filtered by this much (dB), where it holds this share of its strongest.
BAND_DB, HEARD = 1.0, 1e-4


def said(stems: Stems, found: Verdict) -> tuple[str, str, tuple[Fix, ...]]:
    """Title, the first sentence and the moves."""
    fit, lag = found.fit, found.lag
    name = fit.stem if fit else ""
    if found.kind == "level" and fit:
        by = level_db(fit.change)
        louder = "louder" if by > 0 else "quieter"
        return (
            f"{name} has another level in the mix",
            f"{name} in the mix is {abs(by):.1f} dB {louder} than its stem.",
            (GainMove(name, round(by, 2)),),
        )
    if found.kind == "polarity" and fit:
        by = level_db(fit.change)
        also = f", and {abs(by):.1f} dB {'louder' if by > 0 else 'quieter'}" if abs(by) >= 0.3 else ""
        moves: tuple[Fix, ...] = (PolarityMove(name), *((GainMove(name, round(by, 2)),) if also else ()))
        return f"{name} is upside down", f"{name} in the mix has the opposite polarity of its stem{also}.", moves
    if found.kind == "absent" and fit:
        message = f"{name} is not in the mix: its stem has to be left out for the sum to be the mix."
        return f"{name} is not in the mix", message, (Advice("Leave this stem out, or bounce the mix with it.", name),)
    if found.kind == "delay" and lag:
        late_ms = 1e3 * lag.samples / stems.stems[0].source.sample_rate
        upside = " and upside down" if lag.change < 0 else ""
        message = (
            f"{name} in the mix comes {abs(late_ms):.2f} ms ({abs(lag.samples):.1f} samples)"
            f" {'later' if late_ms > 0 else 'earlier'} than its stem{upside}."
        )
        move: tuple[Fix, ...] = (DelayMove(name, round(lag.samples, 3)),)
        return f"{name} lies elsewhere in the mix", message, move + ((PolarityMove(name),) if upside else ())
    if found.kind == "equaliser" and fit:
        hz, by = _most(stems, found)
        message = f"{name} in the mix is filtered beside its stem: {by:+.1f} dB near {hz:.0f} Hz."
        return (
            f"{name} sounds otherwise in the mix",
            message,
            (Advice("Export this stem again, with its inserts.", name),),
        )
    if found.kind == "several":
        parts = [f"{s} {level_db(c):+.1f} dB{' and upside down' if c < 0 else ''}" for s, c in found.levels[:4]]
        moves = tuple(GainMove(s, round(level_db(c), 2)) for s, c in found.levels if c > 0)
        return (
            "Several stems have other levels in the mix",
            f"Beside their stems, in the mix: {', '.join(parts)}.",
            moves,
        )
    if found.kind == "otherwise" and fit:
        return (
            f"{name} is otherwise in the mix",
            f"What the mix holds beside the stems is related to {name} alone: another take, edit or effect of it.",
            (Advice("Export this stem again from the session as it was bounced.", name),),
        )
    return (
        "The mix holds what no stem has",
        "What the mix holds beside the stems is in none of them: a return, effect or instrument was not exported.",
        (Advice("Export the returns and every track that feeds the mix bus, and measure again.", "mix"),),
    )


def _most(stems: Stems, found: Verdict) -> tuple[float, float]:
    """The band in which a filtered stem differs most, counting by what it has there, and by how much (dB)."""
    fit = found.fit
    assert fit is not None
    power = stems.named(fit.stem).readings.power.sum(axis=0) * fit.view.weight
    change = np.maximum(np.abs(fit.bands), 1e-3)
    at = int((np.abs(change - 1.0) ** 2 * power).argmax())
    return float(stems.band_hz[at]), float(20.0 * np.log10(change[at]))


def numbers_of(stems: Stems, found: Verdict) -> tuple[Measurement, ...]:
    """Numbers of the stems it is about."""
    fit, lag = found.fit, found.lag
    if found.levels:
        return tuple(Measurement("stem_level_db", level_db(c), "dB") for _, c in found.levels)
    if lag:
        rate = stems.stems[0].source.sample_rate
        return (
            Measurement("stem_delay_samples", lag.samples, "samples"),
            Measurement("stem_delay_ms", 1e3 * lag.samples / rate, "ms"),
            Measurement("stem_level_db", level_db(lag.change), "dB"),
        )
    if fit and found.kind == "equaliser":
        db = 20.0 * np.log10(np.maximum(np.abs(fit.bands), 1e-3))
        power = stems.named(fit.stem).readings.power.sum(axis=0) * fit.view.weight
        heard = power > HEARD * power.max(initial=0.0)
        half = 10**0.05
        return tuple(
            Measurement("stem_band_db", float(d), "dB", band_hz=(float(f / half), float(f * half)))
            for f, d, h in zip(stems.band_hz, db, heard, strict=True)
            if h and abs(d) > BAND_DB
        )
    if fit:
        explained = power_db(max(fit.left, 1e-12) / max(fit.before, 1e-12))
        return (
            Measurement("stem_level_db", level_db(fit.change), "dB"),
            Measurement("stem_leaves_db", explained, "dB"),
        )
    return ()


def region_of(stems: Stems, found: Verdict) -> str:
    """The region in which most is left."""
    if found.view is None:
        return ""
    left, mix = left_by_band(found.view), stems.mix_power.sum(axis=0, dtype=np.float64)
    shares = [
        (float(left[r.of(stems.band_hz)].sum()) / float(mix[r.of(stems.band_hz)].sum()), r)
        for r in REGIONS
        if float(mix[r.of(stems.band_hz)].sum()) > 0.0
    ]
    if not shares:
        return ""
    share, region = max(shares, key=lambda s: s[0])
    return (
        f" Beside the mix it is strongest in the {region.label} ({region.low_hz:.0f} to {region.high_hz:.0f} Hz,"
        f" {power_db(max(share, 1e-12)):.1f} dB)."
    )
