"""Where a region of the mix that is hot or thin comes from: the genre's curve, references, resonances, rumble."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dsp.findings import EqMove, Finding, Fix, Measurement
from dsp.listening.causes_excess import Blame, blame, first_last, source_moves, weights_of
from dsp.listening.causes_trace import BUS, Trace, named, ranked, short, value_of
from dsp.listening.causes_versions import changed_stems
from dsp.listening.deviations import hertz
from dsp.listening.tonal import compare
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.attribution import Parts, change, parts
from dsp.stems.model import Stems
from dsp.units import Curve, power_db

#: The spread that a difference to a reference is judged by, in every band alike (dB): only ratios count.
REFERENCE_SIGMA_DB = 1.0
#: Beside a range that differs from a reference it still differs by this share, so many bands further.
SKIRT = ((0.6, 1), (0.3, 2))
#: The bus is said to have done it where its own lift makes this part of the deviation.
BUS_PART = 0.5
#: Surroundings of a line, in bins on either side, from the first to the second.
LINE_BINS = (3, 8)
#: Stems with this part of the worst one's share ring with it, and are cut with it.
PART_OF_FIRST = 0.5
#: Below this (Hz) lies what the check for rumble measures.
SUBSONIC_HZ = 30.0


def frequency_balance(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """A range that leaves the spread of the genre."""
    found = next((m for m in finding.evidence if m.name == "deviation_db" and m.band_hz), None)
    sigmas = value_of(finding, "deviation_sigma")
    if found is None or found.band_hz is None or found.value is None or not sigmas:
        return None
    cutoff = find_cutoff(mix.readings.gram)
    ends_hz = cutoff.frequency_hz if cutoff else None
    balance = compare(mix.spectrum, mix.readings.gram.band_hz, profile.genre, ends_hz)
    beyond = found.value * max(0.0, 1.0 - profile.number(finding.check, "inform_sigma") / abs(sigmas))
    hot = found.value > 0.0
    aim_db = 0.0
    if finding.status in ("warning", "problem"):
        bus = next((f for f in finding.fixes if isinstance(f, EqMove)), None)
        aim_db = -max(beyond, -bus.gain_db if bus else 0.0) if hot else (bus.gain_db if bus else 0.0)
    deviation = np.where(balance.present, np.nan_to_num(balance.deviation_db), 0.0)
    of = parts(stems, mix.loud_frames if mix.loud_frames.any() else None)
    region = _Region(deviation, balance.sigma_db, found.band_hz, found.value, aim_db)
    return _region(finding, of, region)


def reference_tone(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """A region that differs from the references; where one is the same mix made differently, by that difference."""
    found = next((m for m in finding.evidence if m.name == "reference_tone_db" and m.band_hz), None)
    if found is None or found.band_hz is None or not found.value:
        return None
    of = parts(stems, mix.loud_frames if mix.loud_frames.any() else None)
    weights = weights_of(of.band_hz, *found.band_hz)
    deviation = _tapered(weights) * found.value
    peak = next((m for m in finding.evidence if m.name == "reference_tone_peak_db" and m.band_hz), None)
    if peak is not None and peak.band_hz is not None and peak.value is not None:
        deviation = np.where(weights_of(of.band_hz, *peak.band_hz) > 0.0, peak.value, deviation)
    bus = next((f for f in finding.fixes if isinstance(f, EqMove)), None)
    aim_db = bus.gain_db if bus else 0.0
    if bus is None and found.value > 0.0:
        part, most = profile.number("reference", "strength"), profile.number("reference", "most_db")
        aim_db = -min(most, part * found.value)
    sigma = np.full(len(of.band_hz), REFERENCE_SIGMA_DB)
    own = changed_stems(stems, mix, weights, found.value > 0.0)
    return _region(finding, of, _Region(deviation, sigma, found.band_hz, found.value, aim_db), own)


def _tapered(weights: Curve) -> Curve:
    """A range that ends over two bands on either side, as what deviates does."""
    out = np.array(weights)
    for share, bands in SKIRT:
        for moved in (np.roll(weights, bands), np.roll(weights, -bands)):
            out = np.maximum(out, share * moved)
    return out


@dataclass(frozen=True)
class _Region:
    """What deviates by band, by which spread it is judged, where and by how much, and what the mix is to change by."""

    deviation_db: Curve
    sigma_db: Curve
    band_hz: tuple[float, float]
    size_db: float
    aim_db: float


def _region(finding: Finding, of: Parts, region: _Region, changed: Curve | None = None) -> Trace | None:
    weights = weights_of(of.band_hz, *region.band_hz)
    deviation = np.zeros(len(of.band_hz))
    count = min(len(deviation), len(region.deviation_db))
    deviation[:count] = region.deviation_db[:count]
    sigma = np.ones(len(of.band_hz))
    sigma[:count] = region.sigma_db[:count]
    found = blame(of, deviation, sigma, *first_last(weights))
    if changed is not None:
        found = Blame(changed, found.bells)
    lift_db = float(np.average(of.bus_db, weights=weights)) if not of.fitted else 0.0
    bus = min(max(lift_db / region.size_db, 0.0), 1.0)
    causes = ranked(of.stems, found.shares, bus)
    if not causes:
        return None
    like = next((f for f in finding.fixes if isinstance(f, EqMove)), None)
    hot = region.size_db > 0.0
    text = f"{'By stem' if hot else 'What plays there'}: {named(causes, of.stems)}."
    if causes[0].stem == BUS or bus >= BUS_PART:
        text += f" The mix bus itself {_lifts(lift_db)} this region by {abs(lift_db):.1f} dB over the sum of the stems."
        return Trace(causes, text)
    worst = next(k for k, s in enumerate(of.stems) if s.name == causes[0].stem)
    change_db = of.without_db(worst, weights)
    if hot and abs(change_db) >= 0.05:
        text += (
            f" Without {short(causes[0].stem)} this region would be {abs(change_db):.1f} dB "
            f"{'lower' if change_db < 0 else 'higher: it cancels others there'}."
        )
    moves, reached_db = source_moves(of, found, (1.0 - bus) * region.aim_db, weights, like)
    if not moves:
        return Trace(causes, text)
    text += f" {_said(moves)} would change the mix there by {reached_db:+.1f} dB."
    rest = tuple(f for f in finding.fixes if not isinstance(f, EqMove))
    evidence = (Measurement("predicted_change_db", reached_db, "dB", band_hz=region.band_hz),)
    return Trace(causes, text, (*moves, *rest), evidence)


def _lifts(db: float) -> str:
    return "lifts" if db > 0.0 else "lowers"


def _said(moves: tuple[Fix, ...]) -> str:
    """The moves in words."""
    parts_said = [
        f"{m.gain_db:+g} dB at {hertz(m.frequency_hz)} on {short(m.target)}" for m in moves if isinstance(m, EqMove)
    ]
    return " and ".join(parts_said) if len(parts_said) < 3 else ", ".join(parts_said)


def resonance(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """A line that rings: who holds the energy of the line over its surroundings."""
    lines = sorted({m.band_hz for m in finding.evidence if m.band_hz and m.name in ("resonance_db", "whistle_db")})
    total = np.zeros(len(stems.sounding))
    moves: list[Fix] = []
    for low, high in lines:
        hz = (low * high) ** 0.5
        held = np.array([_line_power(s.readings.gram.fine.high, s.readings.gram.bin_hz, hz) for s in stems.sounding])
        if held.sum() <= 0.0:
            continue
        total += held / held.sum()
        for old in finding.fixes:
            if isinstance(old, EqMove) and abs(old.frequency_hz / hz - 1.0) < 0.01:
                ringing = [s.name for s, v in zip(stems.sounding, held, strict=True) if v >= PART_OF_FIRST * held.max()]
                moves += [replace(old, target=name) for name in ringing]
    causes = ranked(stems.sounding, total)
    if not causes:
        return None
    rest = tuple(f for f in finding.fixes if not isinstance(f, EqMove))
    text = f"By stem: {named(causes, stems.sounding)}, from the height of the line over its surroundings in each."
    return Trace(causes, text, (*moves, *rest) if moves else None)


def _line_power(spectra: Curve, bin_hz: float, hz: float) -> float:
    """Energy of the highest bin at a line over the mean of its surroundings, summed over time."""
    count = spectra.shape[1] if spectra.ndim == 2 else 0
    at = round(hz / bin_hz)
    if not len(spectra) or at + LINE_BINS[1] >= count or at < LINE_BINS[1]:
        return 0.0
    mean = spectra.mean(axis=0, dtype=np.float64)
    around = np.concatenate(
        [mean[at - LINE_BINS[1] : at - LINE_BINS[0] + 1], mean[at + LINE_BINS[0] : at + LINE_BINS[1]]]
    )
    return max(0.0, float(mean[at - 1 : at + 2].max() - np.median(around)))


def subsonic(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """What lies below 30 Hz, from the narrow-band spectra of the stems."""
    rows = []
    for stem in stems.sounding:
        fine = stem.readings.gram.fine
        inside = slice(2, int(SUBSONIC_HZ / fine.low_hz) + 1)
        rows.append(fine.low[:, inside].sum(axis=0, dtype=np.float64) if len(fine.low) else np.zeros(1))
    power = np.array([r.sum() for r in rows])
    causes = ranked(stems.sounding, power)
    if not causes:
        return None
    text = f"By stem: {named(causes, stems.sounding)}, from what each holds below {SUBSONIC_HZ:g} Hz."
    old = next((f for f in finding.fixes if isinstance(f, EqMove)), None)
    if old is None:
        return Trace(causes, text)
    guilty = [c.stem for c in causes if (c.share or 0.0) >= PART_OF_FIRST * (causes[0].share or 0.0)]
    moves = tuple(replace(old, target=name) for name in guilty)
    after = 0.0
    for stem, row in zip(stems.sounding, rows, strict=True):
        hz = (2 + np.arange(len(row))) * stem.readings.gram.fine.low_hz
        squared = change([m for m in moves if m.target == stem.name], hz, mix.source.sample_rate).squared
        after += float((row * squared).sum())
    change_db = power_db(after) - power_db(float(power.sum()))
    where = " and ".join(map(short, guilty))
    text += f" A high-pass at {old.frequency_hz:g} Hz on {where} takes {-change_db:.0f} dB of it."
    rest = tuple(f for f in finding.fixes if not isinstance(f, EqMove))
    evidence = (Measurement("predicted_change_db", change_db, "dB", band_hz=(5.0, SUBSONIC_HZ)),)
    return Trace(causes, text, (*moves, *rest), evidence)
