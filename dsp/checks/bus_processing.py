"""**Why it matters.** What sits on the mix bus changes everything under it, and mastering cannot take it off again.
Gentle glue is part of many mixes; a limiter, a clipper or six decibels of compression are decisions for mastering.
Here they are not guessed from the mix but read from what went in and what came out.

**How it is measured.** The cross spectra of the sum of the stems and the mix are modelled as a gain over time times a
frequency response (iteratively reweighted least squares, so that moments in which the gain moves do not bend the
response). The response is the equaliser; gain, polarity and delay come with it. Around the highest peak of every half
second the equaliser is undone, before the dynamics or after them, whichever fits, and the gain is read to the
millisecond. Output peaks that end at one level while the input goes on rising are a limiter; a curve of output
against input that explains the peaks better than a moving gain is a clipper or saturation; the rest is compression,
whose ratio, threshold and release are estimates. Where the stems are not those of the mix (*stem-sum*) nothing is said
here.

**References.** Alternating least squares; Giannoulis, Massberg and Reiss 2012 on compressors (JAES 60, 6); minimum
phase by the cepstrum (Oppenheim and Schafer). Abbey Road, mastering delivery: remove final compression and limiting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.checks._wording import clocks, severity
from dsp.checks.stem_sum import judged
from dsp.findings import Advice, Cause, Finding, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.bus_readings import BusReadings, Dynamics
from dsp.stems.bus_words import Bend, bends, compression

ID, TITLE, DIMENSION, NEEDS = "bus-processing", "Mix bus", "dynamics", ("bus",)
MEANS = "Devices were at work on the mix bus when the mix was bounced."
LISTEN = "The mix with the bus chain bypassed, at equal loudness: is it better with it, or only denser?"

BUS = "mix bus"
#: At most this many peaks are listed, and the response above this frequency is that of converters and codecs (Hz).
MOST_LISTED, HIGHEST_HZ, HIGHEST_LOSSY_HZ = 20, 18_000.0, 14_000.0
#: A delay of less than this is none (samples).
DELAY_SAMPLES = 0.05
NAMES = {"limiter": "limiter", "clipper": "clipper", "saturation": "saturation", "compressor": "compressor"}


@dataclass(frozen=True)
class _Read:
    """What the findings are made of."""

    bus: BusReadings
    bends: tuple[Bend, ...]
    dynamics: Dynamics | None


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS bus
    bus = stems.bus
    assert bus is not None
    found, by_encoder = judged(mix, stems, bus, profile)
    if found.kind not in ("same", "bus"):
        return (_undetermined(mix, bus),)
    highest = HIGHEST_LOSSY_HZ if by_encoder or mix.source.lossy else HIGHEST_HZ
    read = _Read(bus, bends(bus, profile.number(ID, "eq_db"), min(highest, 0.4 * mix.source.sample_rate)), bus.dynamics)
    findings = []
    if read.bends:
        findings.append(_equaliser(read))
    if bus.dynamics is not None and bus.dynamics.kind != "none":
        findings.append(_dynamics(bus, bus.dynamics, profile))
    if bus.polarity < 0:
        findings.append(_upside_down(bus))
    return tuple(findings) or (_nothing(bus),)


def _undetermined(mix: Mix, bus: BusReadings) -> Finding:
    """The stems are not the mix's: said by stem-sum; a proved limiter is still said here."""
    if bus.limits and bus.dynamics is not None and bus.gain_db is not None:
        numbers = _reductions(bus, bus.dynamics)
        message = f"The stems differ from the mix, but its peaks end at a ceiling: {_peaks(bus.dynamics)}."
        return _finding("info", "A limiter on the mix bus", message, numbers, _short(bus.dynamics))
    numbers = (
        Measurement("residual_db", bus.residual_db, "dB"),
        Measurement("duration_s", mix.duration_s, "s"),
    )
    message = (
        "Undetermined: the stems are not what the mix was made of (see stem-sum), so what the bus did cannot be told."
    )
    return _finding("undetermined", "Mix bus: undetermined", message, numbers, "undetermined")


def _nothing(bus: BusReadings) -> Finding:
    most = float(np.max(bus.dynamics.peak_db, initial=0.0)) if bus.dynamics is not None else 0.0
    numbers = (*_static(bus), Measurement("reduction_max_db", max(most, 0.0), "dB"))
    message = f"The mix is the sum of its stems{_gain(bus)}: no equaliser and no dynamics on the bus."
    return _finding("pass", "Nothing on the mix bus", message, numbers, "nothing")


def _equaliser(read: _Read) -> Finding:
    bus = read.bus
    words = ", ".join(b.words for b in read.bends[:4])
    curve = tuple(
        Measurement("bus_eq_db", float(d), "dB", band_hz=(float(low), float(high)))
        for low, high, d, sure in zip(bus.low_hz, bus.high_hz, bus.eq_db, bus.sure, strict=True)
        if sure and np.isfinite(d)
    )
    moves = tuple(Measurement("bus_eq_band_db", b.gain_db, "dB", band_hz=(b.low_hz, b.high_hz)) for b in read.bends)
    message = f"The mix bus is equalised: {words}{_gain(bus)}."
    advice = Advice("Bypass the equaliser on the mix bus, or move what it does to the tracks that need it.", BUS)
    return Finding(
        ID, "info", "low", "An equaliser on the mix bus", message, moves + _static(bus) + curve,
        measured=read.bends[0].words, target="none", cause=(Cause(BUS, 1.0),), fixes=(advice,),
    )  # fmt: skip


def _dynamics(bus: BusReadings, dynamics: Dynamics, profile: Profile) -> Finding:
    most = float(dynamics.peak_db.max(initial=0.0))
    judged = profile.number("bus-limiter", "judge") > 0
    name = NAMES[dynamics.kind]
    status: Status = "info"
    numbers = _reductions(bus, dynamics)
    if dynamics.kind in ("limiter", "clipper"):
        status = "problem" if judged and most >= profile.number(ID, "limiter_db") else "info"
        message = f"{_peaks(dynamics)}, a {name}."
    elif dynamics.kind == "saturation":
        message = f"The higher a peak the more the bus bends it: {most:.1f} dB off the highest, saturation."
    else:
        typical = float(np.median(dynamics.working)) if len(dynamics.working) else 0.0
        few = bus.limits is None and not len(dynamics.working)
        status = "warning" if judged and typical >= profile.number(ID, "compressor_db") else "info"
        message, more = compression(dynamics)
        numbers = more + numbers
        if few:
            name, message = "limiter or compressor", f"{_peaks(dynamics)}, too few to tell a limiter from a compressor."
    message = f"{message[0].upper()}{message[1:]}"
    fixes = (Advice(f"Bypass the {name} on the mix bus and bounce again; keep this as a reference.", BUS),)
    title = f"{'Saturation' if dynamics.kind == 'saturation' else f'A {name}'} on the mix bus"
    return Finding(
        ID, status, severity(status), title, message, numbers,
        measured=_short(dynamics), target="none", cause=(Cause(BUS, 1.0),), fixes=fixes,
    )  # fmt: skip


def _upside_down(bus: BusReadings) -> Finding:
    message = "The mix has the opposite polarity of the sum of its stems: every sample is turned over."
    advice = Advice("Switch the polarity on the mix bus back; alone it is not heard, beside other tracks it is.", BUS)
    return Finding(
        ID, "info", "low", "The mix bus is upside down", message, _static(bus),
        measured="opposite polarity", target="same polarity", cause=(Cause(BUS, 1.0),), fixes=(advice,),
    )  # fmt: skip


def _finding(status: Status, title: str, message: str, numbers: tuple[Measurement, ...], measured: str) -> Finding:
    return Finding(ID, status, severity(status), title, message, numbers, measured=measured, target="none")


def _static(bus: BusReadings) -> tuple[Measurement, ...]:
    return (
        Measurement("bus_gain_db", bus.gain_db, "dB"),
        Measurement("bus_polarity", float(bus.polarity), ""),
        Measurement("bus_delay_samples", bus.delay_samples, "samples"),
        Measurement("residual_db", bus.residual_db, "dB"),
        Measurement("residual_explained_db", bus.left.explained_db if bus.left else None, "dB"),
    )


def _reductions(bus: BusReadings, dynamics: Dynamics) -> tuple[Measurement, ...]:
    """The amounts, and the peaks that lost most."""
    reduced = dynamics.reduced
    off = dynamics.peak_db[reduced]
    order = np.argsort(dynamics.peak_db)[::-1][: min(MOST_LISTED, int(reduced.sum()))]
    listed = tuple(
        Measurement("reduction_db", float(dynamics.peak_db[k]), "dB", float(dynamics.peak_s[k]))
        for k in sorted(order, key=lambda k: dynamics.peak_s[k])
    )
    return (
        Measurement("reduced_peaks", float(reduced.sum()), "peaks"),
        Measurement("reduction_max_db", float(off.max(initial=0.0)), "dB"),
        Measurement("reduction_median_db", float(np.median(off)) if len(off) else None, "dB"),
        Measurement("ceiling_dbfs", dynamics.ceiling_dbfs, "dBFS"),
        Measurement("output_per_input", dynamics.slope, "dB/dB"),
        *_static(bus),
        *listed,
    )


def _peaks(dynamics: Dynamics) -> str:
    """What was taken off the peaks, in words."""
    off, times = dynamics.peak_db[dynamics.reduced], dynamics.peak_s[dynamics.reduced]
    ceiling = f" at a ceiling of {dynamics.ceiling_dbfs:.1f} dBFS" if dynamics.ceiling_dbfs is not None else ""
    return (
        f"the bus took {np.median(off):.1f} dB (up to {off.max():.1f} dB) off the peaks of {len(off)} of"
        f" {len(dynamics.peak_db)} half seconds{ceiling} ({clocks(times.tolist())})"
    )


def _short(dynamics: Dynamics) -> str:
    return f"{NAMES.get(dynamics.kind, 'dynamics')}, up to {max(float(dynamics.peak_db.max(initial=0.0)), 0.0):.1f} dB"


def _gain(bus: BusReadings) -> str:
    gain, parts = bus.gain_db or 0.0, []
    if abs(gain) >= 0.05:
        parts.append(f"a gain of {gain:+.1f} dB")
    if abs(bus.delay_samples or 0.0) >= DELAY_SAMPLES:
        parts.append(f"a delay of {bus.delay_samples:.2f} samples")
    return f", with {' and '.join(parts)}" if parts else ""
