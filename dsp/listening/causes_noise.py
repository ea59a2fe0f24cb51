"""Who hums, hisses, clicks, carries an offset, or sounds at the very start and end."""

from __future__ import annotations

import numpy as np

from dsp.findings import Advice, Cause, EqMove, Finding, Fix
from dsp.listening.causes_excess import weights_of
from dsp.listening.causes_peaks import near_share
from dsp.listening.causes_trace import BUS, Trace, named, ranked, short, spans_of
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.attribution import frames_within
from dsp.stems.model import Stem, Stems
from dsp.units import Curve, amplitude_db, power_db

#: A glitch of a stem this close to one of the mix is the same (s).
SAME_S = 0.002
#: The high-pass that takes an offset away and nothing else (Hz).
OFFSET_HZ = 20.0


def noise(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Hum by the energy at its lines, hiss by that above 5 kHz, in the seconds where the mix lets it be heard."""
    total = np.zeros(len(stems.sounding))
    said, fixes = [], list[Fix]()
    for kind, word, held in (
        ("hum_dbfs", "Hum", [_hum(finding, s) for s in stems.sounding]),
        ("noise_dbfs", "Hiss", [_hiss(finding, s, stems) for s in stems.sounding]),
    ):
        power = np.array(held)
        if not any(m.name == kind for m in finding.evidence) or power.sum() <= 0.0:
            continue
        total += power / power.sum()
        worst = ranked(stems.sounding, power)
        if not worst:
            continue
        level = 10.0 * np.log10(float(power.max()))
        said.append(f"{word} by stem: {named(worst, stems.sounding)} ({level:.0f} dBFS in {short(worst[0].stem)})")
        fixes.append(Advice(f"Gate or clean {short(worst[0].stem)} where it does not play.", worst[0].stem))
    causes = ranked(stems.sounding, total)
    if not causes:
        return None
    moves = tuple(fixes) if finding.status in ("warning", "problem") else ()
    return Trace(causes, ". ".join(said) + ", in the same seconds.", (*moves, *finding.fixes))


def _hum(finding: Finding, stem: Stem) -> float:
    """Mean power of a stem at the lines of the hum, where these stand over what lies between them."""
    fine, lines = stem.readings.gram.fine, [m for m in finding.evidence if m.name == "hum_dbfs" and m.band_hz]
    if not lines or not len(fine.low):
        return 0.0
    chosen = np.zeros(len(fine.low), dtype=bool)
    for m in lines:
        start, end = m.at_s if isinstance(m.at_s, tuple) else (0.0, np.inf)
        chosen |= (fine.low_s >= start - 1e-6) & (fine.low_s < end)
    band = lines[0].band_hz
    if band is None or not chosen.any():
        return 0.0
    mains = 50.0 if min(abs(band[0] - k * 50.0) for k in range(1, 7)) < 1.0 else 60.0
    hz = np.arange(mains, band[1] + 1.0, mains)
    bins = [round(h / fine.low_hz) for h in hz if h >= band[0] - 1.0]
    power = np.median(fine.low[chosen], axis=0).astype(np.float64)
    at = [b for b in bins if 4 <= b < len(power) - 4]
    return float(sum(max(0.0, power[b] - max(power[b - 4], power[b + 4])) for b in at))


def _hiss(finding: Finding, stem: Stem, stems: Stems) -> float:
    """Mean power of a stem above 5 kHz in the gaps."""
    spans = spans_of(finding, "noise_dbfs")
    band = next((m.band_hz for m in finding.evidence if m.name == "hiss_share"), None)
    if not spans or band is None:
        return 0.0
    chosen = frames_within(stems, spans)[: len(stem.readings.power)]
    return float(stem.readings.power[chosen].mean(axis=0, dtype=np.float64) @ weights_of(stems.band_hz, *band))


def offset(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Who carries the offset, or where it jumps, whose jumps there."""
    spans = spans_of(finding, "dc_step_dbfs")
    if spans:
        size = np.array([sum(_step(s, at) for at, _ in spans) for s in stems.sounding])
        word = "Steps"
    else:
        size = np.array([_offset(mix, s) for s in stems.sounding])
        word = "Offset"
    causes = ranked(stems.sounding, size)
    if not causes or float(np.abs(size).max()) <= 0.0:
        return None
    text = f"{word} by stem: {named(causes, stems.sounding)}; up to {amplitude_db(float(size.max())):.0f} dBFS."
    moves = tuple(EqMove(c.stem, "high-pass", OFFSET_HZ, 0.0, 0.71) for c in causes[:2] if (c.share or 0.0) >= 1 / 3)
    return Trace(causes, text, (*moves, *finding.fixes))


def _offset(mix: Mix, stem: Stem) -> float:
    """Mean of a stem, positive where it goes the way of the mix's larger offset."""
    of_mix, own = mix.readings.level.block_means, stem.readings.level.block_means
    if not len(of_mix) or not len(own):
        return 0.0
    mean = of_mix.mean(axis=0)
    channel = int(np.abs(mean).argmax())
    means = own.mean(axis=0)
    return float(means[min(channel, len(means) - 1)] * np.sign(mean[channel]))


def _step(stem: Stem, at_s: float) -> float:
    """How far the mean of a stem changes within three seconds around a time (linear)."""
    means, block_s = stem.readings.level.block_means, stem.readings.level.block_s
    k = int(at_s / block_s)
    before, after = means[max(0, k - 6) : k], means[k + 1 : k + 7]
    if not len(before) or not len(after):
        return 0.0
    return float(np.abs(np.median(after, axis=0) - np.median(before, axis=0)).max())


def glitches(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Stems with a click or a dropout of their own at the same times; the bus where none has one."""
    times = np.array(sorted(start for start, _ in spans_of(finding, "click_db", "dropout_s")))
    if not len(times):
        return None
    hits = np.array([near_share(times, _glitches(s), SAME_S) for s in stems.sounding])
    causes = ranked(stems.sounding, hits)
    if not causes:
        if stems.summed:
            return None
        return Trace((Cause(BUS),), "No stem has one at these times: it came with the bounce or on the mix bus.")
    k = int(hits.argmax())
    text = f"{short(stems.sounding[k].name)} has {hits[k]:.0%} of them by itself, at the same times".replace("%", " %")
    text += f"; others: {', '.join(short(c.stem) for c in causes[1:3])}." if len(causes) > 1 else "."
    advice = Advice("Solo it at these times: cross-fade the edit, or bounce it again.", causes[0].stem)
    return Trace(causes, text, (advice, *finding.fixes))


def _glitches(stem: Stem) -> Curve:
    found = stem.readings.glitches
    return np.sort(np.concatenate([found.click_s, found.hole_s]))


def ends(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """What sounds in the first moment, or is still sounding in the last."""
    places = []
    if "starts at once" in finding.message:
        places.append(("The start by stem", "head_dbfs"))
    if "cut" in finding.message:
        places.append(("The end by stem", "tail_dbfs"))
    total, said = np.zeros(len(stems.sounding)), []
    for words, name in places:
        spans = spans_of(finding, name)
        power = np.array([_power(s, *span) for s in stems.sounding for span in spans])
        if not spans or power.sum() <= 0.0:
            continue
        total += power / power.sum()
        worst = ranked(stems.sounding, power)
        said.append(f"{words}: {named(worst, stems.sounding)} (the first at {power_db(float(power.max())):.0f} dBFS)")
    causes = ranked(stems.sounding, total)
    return Trace(causes, ". ".join(said) + ".") if causes else None


def _power(stem: Stem, start_s: float, end_s: float) -> float:
    """Mean square of a stem within a span, of all its channels."""
    level = stem.readings.level
    inside = level.envelope[max(0, int(start_s / level.hop_s)) : max(1, round(end_s / level.hop_s))]
    return float(inside.mean()) if inside.size else 0.0
