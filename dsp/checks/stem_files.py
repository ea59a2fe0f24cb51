"""**Why it matters.** A stem that is silent, cut short, lacks a channel or is there twice spoils a session before
mixing begins, and all that is said of causes rests on the stems being whole.

**How it is measured.** Silence and an empty side by the sample peak. Two stems hold the same recording where one
subtracted from the other, at the best level, leaves less than -40 dB (compared below 3.2 kHz sample by sample, above by
the energy of every third octave over time); two takes of one part leave nearly everything. A file is cut where it stops
long before the song does while it still sounds as in its loud parts. What is silent or cut counts for more where the
mix holds sound that no filter of the sum of the stems explains. Files of another length, rate or number of channels
than the mix are converted or filled up with silence; that is no fault, and said.

**References.** SessionPrep (one-sided stems at -80 dBFS, dual mono, mismatch of length and format); Multibeat,
specifications for exporting audio elements (one common start for all tracks).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dsp.checks._naming import listed, names
from dsp.checks._wording import clock, severity
from dsp.findings import Advice, Cause, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.files import beyond_db, dual_mono, duplicates, empty_side, end_of, missing_db, quiet
from dsp.stems.model import Stem, Stems

ID, TITLE, DIMENSION, NEEDS = "stem-files", "Stem files", "delivery", ("stems",)
MEANS = "A track was muted, soloed away or exported over the wrong range, or a file was damaged on its way."
LISTEN = "The stem alone, from its first sound to its last: is it all there, on both sides?"

#: Roles that stand in the centre, so that an empty side is a fault and no panning, and how sure a role must be.
CENTRED, SURE = ("kick", "snare", "bass", "lead-vocal"), 0.6


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    number = partial(profile.number, ID)
    quiet_dbfs, missing = number("silent_dbfs"), missing_db(stems)
    gone = missing is not None and missing > number("missing_db")
    heard = [s for s in stems.stems if not quiet(s, quiet_dbfs)]
    found: list[Finding] = []
    found += _unusable(stems)
    found += _silent([s for s in stems.stems if quiet(s, quiet_dbfs)], stems, gone, missing)
    found += _duplicates(heard, number("duplicate_db"))
    found += _one_sided(heard, quiet_dbfs)
    found += _cut(heard, mix, cut_s=number("cut_s"), cut_db=number("cut_db"), gone=gone)
    found += _moved(stems, mix)
    return (*found, _overview(stems, mix, [s for s in heard if dual_mono(s, number("dual_mono_db"))], bool(found)))


def _say(
    status: Status, title: str, message: str, *, evidence: Sequence[Measurement], measured: str,
    named: Sequence[Stem] = (), advice: str = "",
) -> Finding:  # fmt: skip
    fixes: tuple[Fix, ...] = tuple(Advice(advice, s.name) for s in named) if advice else ()
    return Finding(
        ID, status, severity(status), title, message, tuple(evidence), measured=measured, target="whole, each once",
        cause=tuple(Cause(s.name) for s in named), fixes=fixes,
    )  # fmt: skip


def _unusable(stems: Stems) -> list[Finding]:
    """Files that could not be read at all, or only in part: what follows is said without them."""
    found = []
    read = Measurement("stems_read", float(len(stems.stems)), "stems")
    for file in stems.unusable:
        message = f"'{file.name}' cannot be used: {file.cause}; {file.remedy}. All that follows is said without it."
        found.append(_say("problem", "A stem cannot be read", message, evidence=[read], measured="unreadable"))
    for stem in stems.stems:
        if stem.source.partial:
            message = f"'{stem.name}' was read in part: {stem.source.partial}. Export or copy it again."
            length = Measurement("stem_frames", float(stem.frames), "samples")
            found.append(
                _say("problem", "A stem was read in part", message, evidence=[length], measured="partly read",
                     named=[stem], advice="Export it again.")
            )  # fmt: skip
    return found


def _silent(silent: Sequence[Stem], stems: Stems, gone: bool, missing: float | None) -> list[Finding]:
    if not silent:
        return []
    told = missing is not None
    status: Status = "info" if told and not gone else "warning"
    one = len(silent) == 1
    message = f"{names([s.name for s in silent])} {'is' if one else 'are'} silent."
    if gone:
        message += f" The mix holds sound that no stem has ({missing:.0f} dB): {'its' if one else 'their'} part?"
    elif told:
        message += " Nothing is missing from the sum of the others: empty tracks, or muted in the mix too."
    else:
        message += " If it should be heard, it was muted during the export."
    evidence = [Measurement("stem_peak_dbfs", s.readings.level.sample_peak_dbfs, "dBFS") for s in silent]
    evidence += [Measurement("stems_sounding", float(len(stems.sounding)), "stems")]
    evidence += [Measurement("missing_db", missing, "dB")] if told else []
    advice = "Unmute it and export it again, or leave it out." if status == "warning" else ""
    return [
        _say(status, "Silent stems", message, evidence=evidence, measured=f"{len(silent)} silent",
             named=silent, advice=advice)
    ]  # fmt: skip


def _duplicates(stems: Sequence[Stem], limit_db: float) -> list[Finding]:
    found = []
    by_name = {s.name: s for s in stems}
    for twin in duplicates(stems, limit_db):
        gain = f"{abs(twin.gain_db):.1f} dB {'louder' if twin.gain_db > 0 else 'quieter'}"
        level = "at the same level" if abs(twin.gain_db) < 0.1 else gain
        message = f"'{twin.other}' holds the same recording as '{twin.one}', {level}"
        advice = "Remove one of the two; raise the other if it was meant to be louder."
        if twin.inverted:
            message += ", upside down: together they cancel."
        elif twin.moved:
            message += ", on the other side: that is a mono part in the centre, not a double."
            advice = "Record a second take for the other side, or keep one in the centre."
        else:
            message += ": it counts twice in the sum, and in every part of this report."
        evidence = [
            Measurement("duplicate_residual_db", twin.residual_db, "dB"),
            Measurement("duplicate_gain_db", twin.gain_db, "dB"),
        ]
        named = [by_name[twin.other], by_name[twin.one]]
        found.append(
            _say("warning", "The same recording twice", message, evidence=evidence, measured="a duplicate",
                 named=named, advice=advice)
        )  # fmt: skip
    return found


def _one_sided(stems: Sequence[Stem], quiet_dbfs: float) -> list[Finding]:
    """Stereo stems with nothing on one side: panned hard, or a channel got lost."""
    found = []
    sided = [(s, side) for s in stems if (side := empty_side(s, quiet_dbfs))]
    lost = [(s, side) for s, side in sided if s.role.name in CENTRED and s.role.confidence >= SURE]
    panned = [pair for pair in sided if pair not in lost]
    for pairs, lose in ((lost, True), (panned, False)):
        if not pairs:
            continue
        sides = listed([f"'{s.name}' on the {side}" for s, side in pairs])
        message = f"Stereo files that hold nothing on one side: {sides}."
        message += (
            " Such a part belongs in the centre: a channel was lost, or the file should be mono."
            if lose
            else " Panned hard, that is no fault; else a channel was lost."
        )
        evidence = [Measurement("stem_peak_dbfs", s.readings.level.sample_peak_dbfs, "dBFS") for s, _ in pairs]
        named = [s for s, _ in pairs]
        advice = "Export it in mono, or with both channels." if lose else ""
        status: Status = "warning" if lose else "info"
        found.append(
            _say(status, "One side is empty", message, evidence=evidence, measured=f"{len(pairs)} one-sided",
                 named=named, advice=advice)
        )  # fmt: skip
    return found


def _cut(stems: Sequence[Stem], mix: Mix, *, cut_s: float, cut_db: float, gone: bool) -> list[Finding]:
    """Files that stop while they sound, long before the song does; and those that go on after it."""
    found = []
    for stem in stems:
        end = end_of(stem, mix.source.sample_rate, mix.duration_s)
        if end is not None and end.left_s >= cut_s and end.level_db >= cut_db:
            message = (
                f"'{stem.name}' ends at {clock(end.at_s)} while it still sounds (at {end.level_db:+.0f} dB of its loud"
                f" parts), {end.left_s:.1f} s before the song does; the rest was filled up with silence."
            )
            message += " And the mix holds sound that no stem has." if gone else ""
            evidence = [Measurement("stem_end_db", end.level_db, "dB", end.at_s)]
            found.append(
                _say("warning" if gone else "info", "A stem is cut off", message, evidence=evidence, measured="cut off",
                     named=[stem], advice="Export it over the whole length of the song.")
            )  # fmt: skip
        after = beyond_db(stem, mix.duration_s)
        if after is not None and after >= cut_db:
            message = f"'{stem.name}' goes on after the mix ends ({clock(mix.duration_s)}): the mix may be cut off."
            evidence = [Measurement("stem_beyond_db", after, "dB", mix.duration_s)]
            found.append(
                _say(
                    "info", "A stem is longer than the mix", message, evidence=evidence, measured="longer", named=[stem]
                )
            )
    return found


def _moved(stems: Stems, mix: Mix) -> list[Finding]:
    """Stems put where they belong, or converted to the rate of the mix."""
    found = []
    late = [s for s in stems.stems if s.offset_samples]
    if late:
        at = [s.offset_samples / mix.source.sample_rate for s in late]
        places = listed([f"'{s.name}' at {_place(t)}" for s, t in zip(late, at, strict=True)])
        message = f"Found by comparison with the mix, where the first sample of a file belongs: {places}."
        evidence = [Measurement("stem_starts_s", t, "s", max(0.0, t)) for t in at]
        found.append(
            _say("info", "Stems that start elsewhere", message, evidence=evidence, measured=f"{len(late)} moved",
                 named=late, advice="Export all stems from the same start.")
        )  # fmt: skip
    other = [s for s in stems.stems if s.resampled_from_hz]
    if other:
        rates = listed([f"'{s.name}' ({s.resampled_from_hz} Hz)" for s in other])
        message = f"Files of another rate than the mix ({mix.source.sample_rate} Hz), converted to it: {rates}."
        evidence = [Measurement("stem_rate_hz", float(s.resampled_from_hz or 0), "Hz") for s in other]
        found.append(
            _say("info", "Stems of another rate", message, evidence=evidence, measured=f"{len(other)} converted",
                 named=other)
        )  # fmt: skip
    return found


def _place(at_s: float) -> str:
    """Where in the mix, in words: short shifts in milliseconds.

    >>> _place(12.3), _place(0.0017), _place(-0.5)
    ('0:12.3', '1.7 ms', '500.0 ms before its start')
    """
    if at_s < 0.0:
        return f"{-at_s * 1000:.1f} ms before its start"
    return clock(at_s) if at_s >= 1.0 else f"{at_s * 1000:.1f} ms"


def _overview(stems: Stems, mix: Mix, double: Sequence[Stem], faulty: bool) -> Finding:
    """How many there are, and what is no fault."""
    heard = len(stems.sounding)
    message = f"{heard} stem{'s' if heard > 1 else ''} with sound"
    message += "." if faulty else ", each whole and each once."
    if double:
        message += f" Stereo files of two equal channels, which could be mono: {names([s.name for s in double])}."
    ends = [s.frames / mix.source.sample_rate for s in stems.stems if s.frames]
    evidence = [
        Measurement("stems_read", float(len(stems.stems)), "stems"),
        Measurement("dual_mono_stems", float(len(double)), "stems"),
        Measurement("shortest_stem_s", min(ends, default=None), "s"),
        Measurement("longest_stem_s", max(ends, default=None), "s"),
    ]
    return _say("pass", "Stem files", message, evidence=evidence, measured=f"{heard} stems")
