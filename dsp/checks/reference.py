"""**Why it matters.** A finished song of the same kind, as loud as yours, is the quickest way to hear what a room
and tired ears hide: what is too much, what is missing, what is narrower or denser than it should be.

**How it is measured.** The references are set to the integrated loudness of the mix, then the long-term third
octaves (gated like loudness) are compared from 25 Hz to 16 kHz, leaving out what an encoder or a lower rate
took away from either. The zero of tone is where most of the spectrum agrees, so that a boost of one region does
not read as a cut of all others. Several references give a mean and a spread, and only what lies outside their
spread is told. Dynamics (PLR, PSR, crest, loudness range) and width per region (side over mid) are set beside
each other. A reference does not suit when its tilt from 100 Hz to 10 kHz is another, when its
loud and soft passages lie much further apart or closer together, when its level moves by another amount or at
another pace within bars, or when its spectrum is that of another genre; then that is said and nothing is
compared. Differences are never problems: a reference is a wish. Moves go part of the way, and never below 80
Hz.

**References.** bounce-house (more than 3 dB beside a reference warns, more than 6 fails); fadelab (2 dB are
audible; spectra beside each other need equal loudness); Elowsson and Friberg 2017, AES convention paper 9762
(spread of spectra between songs); EBU Tech 3342.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._beside import Judged, difference_of, overview, remarks, say, silent, than, tone_of
from dsp.findings import Advice, Finding, Fix, GainMove, Measurement, Status
from dsp.listening.deviations import Deviation, deviations, hertz, moves
from dsp.listening.reference import compare, typical
from dsp.listening.suitability import Limits, reasons
from dsp.mix import Mix
from dsp.profile import Profile, genre_names, load_genre
from dsp.regions import REGIONS

ID, TITLE, DIMENSION, NEEDS = "reference", "Reference tracks", "frequency balance", ("loudness", "references")
MEANS = "The mix is made differently from the reference, or the reference is another kind of song."
LISTEN = "Both at equal loudness, switching within a few seconds."

#: Narrower than the reference below this frequency (Hz) is as it should be.
WIDTH_FROM_HZ = 200.0
#: What ends below this (Hz) is made by kick and bass, and by the key of the song.
BUS_HZ = 90.0


def judge(mix: Mix, profile: Profile) -> Judged:
    """The comparison of a mix with its references, and which of them suit by this profile."""
    limits = Limits(
        least_s=profile.number(ID, "least_s"),
        tilt_db=profile.number(ID, "unlike_tilt_db"),
        range_lu=profile.number(ID, "unlike_range_lu"),
        swing_factor=profile.number(ID, "unlike_swing_factor"),
        pace_factor=profile.number(ID, "unlike_pace_factor"),
        genre_db=profile.number(ID, "unlike_genre_db"),
    )
    comparison, genres = compare(mix), [load_genre(name) for name in genre_names()]
    return Judged(comparison, tuple(reasons(comparison, b, limits, genres) for b in comparison.beside))


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    judged = judge(mix, profile)
    suiting = judged.suiting
    remarked = (*remarks(judged), *silent(mix))
    if not suiting:
        return remarked
    told = _tone(judged, profile) + _width(judged, profile) + _dynamics(judged, profile)
    told += _loudness(mix, judged, profile)
    return (*told, *remarked, overview(judged, profile.number(ID, "inform_db")))


def _tone(judged: Judged, profile: Profile) -> list[Finding]:
    tone, band_hz = tone_of(judged), judged.comparison.band_hz
    inform, warning = profile.number(ID, "inform_db"), profile.number(ID, "warning_db")
    ends = profile.number(ID, "ends_factor")
    mean = np.where(band_hz >= profile.number(ID, "from_hz"), tone.mean, np.nan)
    found = deviations(band_hz, mean, tone.spread, inform, ends)
    strength, most = profile.number(ID, "strength"), profile.number(ID, "most_db")
    zero_db = float(np.mean([b.zero_db for b in judged.suiting]))
    findings = []
    for d in found[: int(profile.number(ID, "most_findings"))]:
        low = d.high_hz <= BUS_HZ  # the song decides more than the mix
        status: Status = "warning" if d.excess * inform >= warning and not low else "info"
        span = (d.low_hz, d.high_hz)
        inside = (band_hz >= d.low_hz) & (band_hz <= d.high_hz)
        spread = tone.spread[inside]
        spread_db = float(np.nanmean(spread)) if np.isfinite(spread).any() else 0.0
        evidence: tuple[Measurement, ...] = (
            Measurement("reference_tone_db", d.mean_db, "dB", band_hz=span),
            Measurement("reference_tone_peak_db", d.peak_db, "dB", band_hz=(d.peak_hz, d.peak_hz)),
            Measurement("equal_loudness_db", d.mean_db + zero_db, "dB", band_hz=span),
        )
        if len(judged.suiting) > 1:
            evidence += (Measurement("reference_spread_db", spread_db, "dB", band_hz=span),)
        findings.append(
            say(
                status, _tone_title(d, len(judged.suiting)), _tone_text(judged, d, spread_db), evidence=evidence,
                measured=f"{d.peak_db:+.1f} dB at {hertz(d.peak_hz, 3)}", target=f"within {inform:g} dB",
                fixes=moves(d, strength, most),
            )
        )  # fmt: skip
    return findings


def _tone_title(d: Deviation, references: int) -> str:
    amount = "More" if d.mean_db > 0 else "Less"
    return f"{amount} {d.label} than the reference{'s' if references > 1 else ''}"


def _tone_text(judged: Judged, d: Deviation, spread_db: float) -> str:
    way = "hotter" if d.mean_db > 0 else "weaker"
    verb = "are" if d.label.endswith("mids") or " " in d.label else "is"
    text = (
        f"With levels matched, the {d.label} ({hertz(d.low_hz)} to {hertz(d.high_hz)}) {verb} "
        f"{abs(d.mean_db):.1f} dB {way} than {than(judged, spread_db)}"
    )
    if abs(d.peak_db) > abs(d.mean_db) + 0.5:
        text += f", most at {hertz(d.peak_hz, 3)} ({d.peak_db:+.1f} dB)"
    return text + "."


def _width(judged: Judged, profile: Profile) -> list[Finding]:
    width, limit = typical([b.width_db for b in judged.suiting]), profile.number(ID, "width_db")
    parts, evidence, spread_db = [], [], 0.0
    for region, db, spread in zip(REGIONS, width.mean, width.spread, strict=True):
        if not np.isfinite(db) or abs(db) < max(limit, float(np.nan_to_num(spread))):
            continue
        if db < 0 and region.high_hz <= WIDTH_FROM_HZ:
            continue
        spread_db = max(spread_db, float(np.nan_to_num(spread)))
        parts.append((db > 0, region.label, abs(float(db))))
        evidence.append(
            Measurement("reference_width_db", float(db), "dB", band_hz=(region.low_hz, region.high_hz)),
        )
    if not parts:
        return []
    said = "; ".join(f"{label} {db:.0f} dB {'wider' if wider else 'narrower'}" for wider, label, db in parts)
    wider = any(w for w, _, _ in parts)
    narrower = any(not w for w, _, _ in parts)
    fixes: tuple[Fix, ...] = ()
    if narrower:
        fixes += (Advice("Pan doubles and effects further out where it is narrower, rather than widening the bus."),)
    if wider:
        fixes += (Advice("Bring wide tracks inwards where it is wider, and listen in mono before and after."),)
    title = "Other width than the reference" + ("s" if len(judged.suiting) > 1 else "")
    text = f"Side over mid beside {than(judged, spread_db)}: {said}."
    return [say("info", title, text, evidence=tuple(evidence), measured=said.split(";", 1)[0], fixes=fixes)]


def _dynamics(judged: Judged, profile: Profile) -> list[Finding]:
    found = []
    plr, psr = difference_of(judged, "plr_db"), difference_of(judged, "psr_min_db")
    denser = profile.number(ID, "denser_db")
    if plr and plr[0] <= -max(denser, plr[1]) and (psr is None or psr[0] < 0):
        text = (
            f"Its peaks stand {-plr[0]:.1f} dB lower over its loudness (PLR) than those of "
            f"{than(judged, plr[1])}: the mix is denser, before any mastering."
        )
        evidence = (Measurement("plr_difference_db", plr[0], "dB"), *(
            (Measurement("psr_difference_db", psr[0], "dB"),) if psr else ()
        ))  # fmt: skip
        advice = Advice("Ease compression and limiting on buses and on the loudest tracks; leave density to mastering.")
        title = "Denser than the reference" + ("s" if len(judged.suiting) > 1 else "")
        found.append(say("warning", title, text, evidence=evidence, measured=f"PLR {plr[0]:+.1f} dB", fixes=(advice,)))
    lra, limit = difference_of(judged, "loudness_range_lu"), profile.number(ID, "range_lu")
    if lra and abs(lra[0]) >= max(limit, lra[1]):
        further = lra[0] > 0
        text = (
            f"Loud and soft passages lie {abs(lra[0]):.1f} LU {'further apart' if further else 'closer together'} than "
            f"in {than(judged, lra[1])}."
        )
        move = "Ride soft passages up by hand" if further else "Let verses drop by hand so that choruses lift"
        evidence = (Measurement("range_difference_lu", lra[0], "LU"),)
        title = "Other loudness range than the reference" + ("s" if len(judged.suiting) > 1 else "")
        measured, fix = f"LRA {lra[0]:+.1f} LU", Advice(f"{move}.")
        found.append(say("info", title, text, evidence=evidence, measured=measured, fixes=(fix,)))
    return found


def _loudness(mix: Mix, judged: Judged, profile: Profile) -> list[Finding]:
    """Only a master has to be as loud as its references."""
    louder, limit = difference_of(judged, "integrated_lufs"), profile.number(ID, "loudness_lu")
    if not profile.number(ID, "judge_loudness") or louder is None or abs(louder[0]) < max(limit, louder[1]):
        return []
    peak = mix.readings.true_peak.max_dbtp
    room_db = profile.number(ID, "ceiling_dbtp") - (peak if peak is not None else 0.0)
    gain_db = round(min(-louder[0], max(room_db, 0.0)), 1)
    fix: Fix = GainMove("mix", gain_db)
    if gain_db == 0.0:
        fix = Advice("Peaks leave no room for gain: a limiter, or a denser mix, would have to make it.")
    text = f"It is {abs(louder[0]):.1f} LU {'louder' if louder[0] > 0 else 'softer'} than {than(judged, louder[1])}."
    evidence = (Measurement("loudness_difference_lu", louder[0], "LU"), Measurement("room_db", room_db, "dB"))
    title, measured = "Other loudness than the reference", f"{louder[0]:+.1f} LU"
    return [say("info", title, text, evidence=evidence, measured=measured, fixes=(fix,))]
