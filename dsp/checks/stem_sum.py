"""**Why it matters.** Everything that is said about stems, and every fix made to them, is about the mix only as far as
the mix is their sum. A stem that was exported at another level, late, upside down or not at all makes all of it wrong;
so does a reverb return or an instrument that is in no stem. And whoever is to mix or master from the stems gets another
song.

**How it is measured.** The stems are summed and subtracted from the mix at the one gain that leaves least. Where that
leaves more than a rounding, the response of the bus and its gain over time are found from the cross spectra of sum and
mix, and what they explain is taken away (*bus-processing* says what the bus did). What then is left is correlated with
every stem, in third octaves and, for delays up to 20 ms, sample by sample below 3.2 kHz: one number per stem tells a
level or a polarity, one number per band an equaliser, a peak of the correlation a delay. What correlates with no stem
is in none of them, and is placed by region and time. A lossy mix keeps what its codec leaves.

**References.** Least squares and coherence (Bendat and Piersol, *Random Data*); null tests as engineers do them: -40 dB
is 1 % of the amplitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dsp.checks._stem_words import numbers_of, region_of, said
from dsp.checks._wording import clock, clocks, severity, spans
from dsp.findings import Advice, Cause, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.bus_readings import BusReadings, Left
from dsp.stems.model import Stems
from dsp.stems.sum_verdict import Verdict, verdict
from dsp.units import power_db, power_db_curve

ID, TITLE, DIMENSION, NEEDS = "stem-sum", "Stems and mix", "delivery", ("bus",)
MEANS = (
    "The stems were not exported from the session as it was when the mix was bounced: a fader, a plugin or a mute"
    " changed, or a return or an instrument was left out."
)
LISTEN = (
    "The mix against the sum of the stems with the polarity of one of them switched: what remains is the difference."
)

#: Passages listed at most, and how far below the worst half second a passage still counts (dB).
MOST_LISTED, WITHIN_DB = 6, 10.0


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS bus
    bus = stems.bus
    assert bus is not None
    same = profile.number(ID, "same_db")
    found, by_encoder = judged(mix, stems, bus, profile)
    words = _words(bus)
    if found.kind in ("silent", "late"):
        return (_unjudged(mix, bus, found, words),)
    left = bus.left
    assert left is not None
    if found.kind == "same" and not by_encoder:
        message = f"The stems sum to the mix: {_db(left.given_db)} is left of it at a gain of {_gain(bus)}."
        return (_finding("pass", "The stems sum to the mix", message, _numbers(bus, left), words),)
    if found.kind == "bus":
        message = (
            "The stems sum to the mix once what the mix bus did is taken away:"
            f" {_db(left.given_db)} is left with a gain alone, {_db(left.explained_db)} after its processing."
        )
        return (_finding("pass", "The stems are those of the mix", message, _numbers(bus, left), words),)
    if by_encoder:
        message = f"The stems sum to the mix within what a lossy file keeps: {_db(left.given_db)} is left of it."
        return (_finding("pass", "The stems sum to the mix", message, _numbers(bus, left), words),)
    small = (left.explained_db or 0.0) <= profile.number(ID, "info_db")
    status: Status = "info" if small else "warning"
    title, message, fixes = said(stems, found)
    where = _where(left, same)
    message += region_of(stems, found) if found.kind in ("missing", "otherwise") else ""
    message += f" With the sum taken off, {_db(left.given_db)} of the mix remains{_times(where, left)}."
    return (
        _finding(
            status, title, message, _numbers(bus, left) + numbers_of(stems, found) + where, words,
            cause=_causes(found), fixes=fixes,
        ),
    )  # fmt: skip


def judged(mix: Mix, stems: Stems, bus: BusReadings, profile: Profile) -> tuple[Verdict, bool]:
    """Whether the stems are those of the mix, and whether only what a lossy encoder changed is left between them."""
    found = verdict(stems, bus, profile.number(ID, "same_db"))
    lossy = mix.source.lossy or any(s.source.lossy for s in stems.sounding)
    left_db = bus.left.explained_db if bus.left else None
    judgeable = lossy and not found.stems and found.kind not in ("silent", "late", "same", "bus")
    if judgeable and (left_db or 0.0) <= profile.number(ID, "lossy_db"):
        return replace(found, kind="same"), True
    return found, False


def _finding(
    status: Status,
    title: str,
    message: str,
    evidence: tuple[Measurement, ...],
    measured: str,
    *,
    cause: tuple[Cause, ...] = (),
    fixes: tuple[Fix, ...] = (),
) -> Finding:
    return Finding(
        ID, status, severity(status), title, message, evidence,
        measured=measured, target="the mix", cause=cause, fixes=fixes,
    )  # fmt: skip


def _unjudged(mix: Mix, bus: BusReadings, found: Verdict, words: str) -> Finding:
    if found.kind == "silent" or bus.delay_samples is None:
        silence = (Measurement("duration_s", mix.duration_s, "s"),)
        message = "Undetermined: one of them is silent."
        return _finding("undetermined", "Stems and mix: undetermined", message, silence, words)
    late_ms = 1e3 * bus.delay_samples / mix.source.sample_rate
    numbers = (
        Measurement("bus_delay_samples", bus.delay_samples, "samples"),
        Measurement("bus_delay_ms", late_ms, "ms"),
    )
    message = (
        f"The mix comes {abs(late_ms):.2f} ms {'after' if late_ms > 0 else 'before'} the sum of the stems"
        f" ({bus.delay_samples:.0f} samples), so they cannot be subtracted: export both from the same start."
    )
    fixes = (Advice("Export mix and stems from the same start, with plugin delay compensation on.", "mix bus"),)
    return _finding("warning", "Mix and stems start apart", message, numbers, words, fixes=fixes)


def _causes(found: Verdict) -> tuple[Cause, ...]:
    if len(found.stems) == 1:
        return (Cause(found.stems[0], 1.0 if found.kind != "otherwise" else None),)
    return tuple(Cause(name) for name in found.stems)


def _numbers(bus: BusReadings, left: Left) -> tuple[Measurement, ...]:
    return (
        Measurement("residual_db", left.given_db, "dB"),
        Measurement("residual_explained_db", left.explained_db, "dB"),
        Measurement("bus_gain_db", bus.gain_db, "dB"),
        Measurement("bus_polarity", float(bus.polarity), ""),
        Measurement("bus_delay_samples", bus.delay_samples, "samples"),
    )


def _where(left: Left, same_db: float) -> tuple[Measurement, ...]:
    """The passages in which most is left, beside what the mix has there."""
    loud = left.mix > 1e-3 * left.mix.mean()
    share = np.full(len(left.mix), -np.inf)
    share[loud] = power_db_curve(left.explained[loud] / left.mix[loud])
    over = share > max(same_db, float(share.max(initial=-np.inf)) - WITHIN_DB)
    listed = spans((left.block_s * k for k in np.flatnonzero(over)), left.block_s)
    listed.sort(key=lambda s: s[0] - s[1])
    out = []
    for start, end in sorted(listed[:MOST_LISTED]):
        inside = slice(round(start / left.block_s), round(end / left.block_s))
        ratio = float(left.explained[inside].sum() / max(float(left.mix[inside].sum()), 1e-30))
        out.append(Measurement("residual_there_db", power_db(ratio), "dB", (start, end)))
    return tuple(out)


def _times(where: Sequence[Measurement], left: Left) -> str:
    times = [m.at_s for m in where if isinstance(m.at_s, tuple)]
    covered = sum(end - start for start, end in times)
    if not times or covered > 0.8 * left.block_s * len(left.mix):
        return ", throughout"
    if len(times) == 1:
        return f", from {clock(times[0][0])} to {clock(times[0][1])}"
    return f", most at {clocks([t[0] for t in times])}"


def _words(bus: BusReadings) -> str:
    return f"residual {_db(bus.residual_db)}" if bus.residual_db is not None else "undetermined"


def _db(value: float | None) -> str:
    return "nothing" if value is None or value <= -120.0 else f"{value:.1f} dB"


def _gain(bus: BusReadings) -> str:
    flipped = ", upside down" if bus.polarity < 0 else ""
    gain = bus.gain_db or 0.0
    return f"{0.0 if abs(gain) < 0.05 else gain:.1f} dB{flipped}"
