"""**Why it matters.** Two instruments in the same region at the same time hide each other, and the one that should be
heard is turned up until the mix is crowded. Making room in the one that matters less costs nothing that is heard.

**How it is measured.** Every 100 ms the third octaves of each stem become excitations of the ear, in the mix played at
83 dB SPL: auditory filters that loud low sounds widen upwards, relative to the threshold of hearing. Loudness alone is
set against loudness beside everything else, in the better of the two ears, while both parts play; then each of the
strongest maskers is left out to see how much comes back, by region. Microphones at one drum or amplifier, a doubled
guitar's two sides and the drums of one kit are one instrument and are not set against each other; rooms and effects are
left out; a part is told to make room only for one that ranks as high or higher (lead vocal, kick and snare, bass, the
rest), and only where that must be heard (the words of the lead, the weight of kick and bass). Everything masks
something in every mix: only what is exceptional is a warning. The cut advised is tried on the model first; where it
would cost the masker more than it is worth, one that works only when the other plays is advised.

**References.** Moore, Glasberg and Baer 1997 (partial loudness; ISO 532-2); ISO 226:2023; Aichinger, Sontacchi and
Schneider-Stickler 2011 (masked-to-unmasked ratio); Wichern et al. 2015 (loudness lost against listeners' ratings);
Ma, Reiss and Black 2014 (thresholds in multitrack music); Hafezi and Reiss 2015 (cut only, by importance).
"""

from __future__ import annotations

import math

from dsp.checks._wording import clocks, severity
from dsp.findings import Advice, Cause, EqMove, Finding, Fix, Measurement
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.carving import carve, shares
from dsp.stems.field import Field
from dsp.stems.masking import Hidden, masking
from dsp.stems.model import Stems
from dsp.stems.parts import LEADS, Part
from dsp.stems.same_source import same_source

ID, TITLE, DIMENSION, NEEDS = "masking", "Masking between stems", "frequency balance", ("stems",)
MEANS = "Two parts were written or mixed into the same register, or one is simply too loud for the other."
LISTEN = "The hidden part with the masker muted and unmuted: what of it goes when the masker comes back?"

#: Pairs told in evidence, regions of one pair that are carved, and the spans of time a finding names.
MOST_PAIRS, MOST_MOVES, MOST_SPANS = 3, 2, 4


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    field = Field(stems)
    found = masking(field)
    told: dict[tuple[int, int], list[Hidden]] = {}
    for hidden in found.hidden:
        if _exceptional(field.parts[hidden.part], hidden, profile):
            told.setdefault((hidden.part, hidden.masker), []).append(hidden)
    findings = [
        _warning(field, regions, profile)
        for (i, j), regions in told.items()
        if not _one_sound(field.parts[i], field.parts[j], stems)
    ]
    return tuple(findings) or (_quiet(field, found.hidden, found.heard, mix.duration_s, profile),)


def _limits(part: Part, profile: Profile) -> tuple[float, float]:
    """From which share lost to one masker on, and below which share heard, a part is hidden."""
    if part.role in LEADS:
        return profile.number(ID, "lead_share"), profile.number(ID, "lead_heard")
    return profile.number(ID, "share"), profile.number(ID, "heard")


def _exceptional(part: Part, hidden: Hidden, profile: Profile) -> bool:
    most, least = _limits(part, profile)
    middle = math.sqrt(hidden.region.low_hz * hidden.region.high_hz)
    core = part.core_hz[0] <= middle <= part.core_hz[1]
    return core and hidden.returns >= most and hidden.heard <= least


def _one_sound(part: Part, masker: Part, stems: Stems) -> bool:
    return any(same_source(stems.named(a), stems.named(b), stems) for a in part.stems for b in masker.stems)


def _warning(field: Field, regions: list[Hidden], profile: Profile) -> Finding:
    worst = regions[0]
    part, masker = field.parts[worst.part], field.parts[worst.masker]
    most, _ = _limits(part, profile)
    where = " and ".join(h.region.label for h in regions[:MOST_MOVES])
    seconds = clocks([a for a, _ in worst.spans], most=3)
    message = (
        f"{masker.name} {_hides(masker)} {part.name} in the {where}: while both play, {worst.heard:.0%} of its loudness"
        f" in the {worst.region.label} is heard, and {worst.returns:.0%} more would be without {masker.name} (most from"
        f" {seconds})."
    )
    moves: tuple[Fix, ...] = ()
    for hidden in regions[:MOST_MOVES]:
        fixes, words = _moves(field, hidden)
        moves += fixes
        message += words
    return Finding(
        ID, "warning", severity("warning"), f"{part.name} hidden by {masker.name}", message,
        tuple(m for h in regions for m in _evidence(field, h)),
        measured=f"{worst.returns:.0%} of {part.name}", target=f"< {most:.0%}",
        cause=tuple(Cause(s, share) for s, share in shares(field, worst)), fixes=moves,
    )  # fmt: skip


def _hides(masker: Part) -> str:
    return "hides" if len(masker.stems) == 1 else "hide"


def _moves(field: Field, hidden: Hidden) -> tuple[tuple[Fix, ...], str]:
    """What makes room in one region, and what it is predicted to give back."""
    part, masker, cut = field.parts[hidden.part], field.parts[hidden.masker], carve(field, hidden)
    what = f"{-cut.gain_db:g} dB at {cut.frequency_hz:g} Hz, Q {cut.q:g}"
    gives = f"gives back {cut.gives:.0%} of its loudness there"
    if cut.keyed:
        why = f"all the time it would take {cut.costs:.0%} of the masker's own loudness"
        if hidden.busy_s < hidden.masker_s / 2.0:
            why = f"they need it in {hidden.busy_s:.0f} of the {hidden.masker_s:.0f} s that {masker.name} plays"
        text = f"A dynamic cut keyed by {part.name} ({what}) {gives}; {why}."
        return tuple(Advice(text, s) for s in masker.stems), f" {text}"
    moves: tuple[Fix, ...] = tuple(EqMove(s, "bell", cut.frequency_hz, cut.gain_db, cut.q) for s in masker.stems)
    words = f" A cut of {what} in {masker.name} {gives} and takes {cut.costs:.0%} of its own."
    if not cut.enough:
        words += f" That is not enough: {masker.name} has to come down or move elsewhere."
        moves += tuple(
            Advice(f"Lower it, pan it away or move it out of the register of {part.name}.", s) for s in masker.stems
        )
    return moves, words


def _evidence(field: Field, hidden: Hidden) -> tuple[Measurement, ...]:
    band = (hidden.region.low_hz, hidden.region.high_hz)
    spans: tuple[tuple[float, float] | None, ...] = hidden.spans[:MOST_SPANS] or (None,)
    return (
        *(Measurement("masked_share", hidden.returns, "", at, band) for at in spans),
        Measurement("heard_share", hidden.heard, "", band_hz=band),
        Measurement("region_share", hidden.weight, "", band_hz=band),
        Measurement("together_s", hidden.together_s, "s"),
    )


def _quiet(
    field: Field, hidden: tuple[Hidden, ...], heard: tuple[float | None, ...], duration_s: float, profile: Profile
) -> Finding:
    """Nothing stands out: the worst there is, for the record."""
    evidence: tuple[Measurement, ...] = (Measurement("parts", float(len(field.parts)), ""),)
    usual, lead = profile.number(ID, "share"), profile.number(ID, "lead_share")
    target = f"< {usual:.0%}, the lead {lead:.0%}"
    if not any(p.priority is not None for p in field.parts):
        message = "Undetermined: nothing told what the stems are, so none can be told to make room for another."
        return Finding(
            ID, "undetermined", "low", "Masking: undetermined", message, evidence,
            measured="undetermined", target=target,
        )  # fmt: skip
    message, measured = "No two parts of known role play together for long enough to hide each other.", "none"
    if hidden:
        worst = hidden[0]
        part, masker = field.parts[worst.part], field.parts[worst.masker]
        message = (
            f"Parts share the spectrum as in every mix. Most is hidden of {part.name} by {masker.name}: without"
            f" {masker.name} {worst.returns:.0%} more of its loudness in the {worst.region.label} would be heard."
        )
        measured = f"{worst.returns:.0%} of {part.name}"
    for part, share in zip(field.parts, heard, strict=True):
        if share is not None and part.role in LEADS:
            message += f" Of the loudness of {part.name}, {share:.0%} is heard beside everything."
            evidence += (Measurement("lead_heard_share", share, "", (0.0, duration_s)),)
    evidence += tuple(m for h in hidden[:MOST_PAIRS] for m in _evidence(field, h)[:1])
    return Finding(ID, "pass", "none", "No exceptional masking", message, evidence, measured=measured, target=target)
