"""**Why it matters.** A stem that was compressed until nothing moves has lost what a mix lives on, and no fader brings
it back; make-up gain hides that by making it louder. A stem that was not evened out enough has words nobody hears and
words that jump out.

**How it is measured.** *Too dense*: in passages of 3 s, how far the peaks stand above the level (crest factor) and
above the loudness (PSR), the medians over all loud passages, against the usual range of the role; the crest decides,
and PSR must not contradict a warning. Roles whose sound may be anything (synthesisers, organs, effects) are not
judged. *Make-up gain*: a stem that is too dense and much louder than the others; a bus that lifts quiet moments but
takes back the loud ones. *Uneven*: the phrases of a lead vocal, the notes of a bass, the hits of a kick, measured
between their rests; what follows the rest of the mix, by as much as fits best, is arrangement and does not count. What
is left is told as the spread between the 10th and the 90th percentile. The compressor that evens it out is found by
running many over the stem's own level: the gentlest that reaches the usual spread, with the gain reduction it will
show.

**References.** Giannoulis, Massberg and Reiss 2012 (JAES 60) on compressors; Ian Shepherd on PSR; De Man 2014 on
levels; ranges and settings of the roles: presets/instruments.toml.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.checks._wording import clock, severity
from dsp.findings import Advice, Cause, Finding, Fix, Measurement, Status
from dsp.instrument import Instrument
from dsp.mix import Mix
from dsp.profile import Profile, load_instruments
from dsp.stems.compression import Aim, Density, Levels, Setting, density, makeup, suggest
from dsp.stems.model import Stem, Stems
from dsp.stems.phrases import (
    LEAST_HITS,
    LEAST_PHRASES,
    Evenness,
    evenness,
    hits,
    own_power,
    phrases,
    rest_power,
)

ID, TITLE, DIMENSION, NEEDS = "stem-dynamics", "Compression of the stems", "dynamics", ("stems",)
MEANS = "A compressor or limiter set for loudness, or a performance nobody evened out."
LISTEN = "The stem beside its uncompressed self at equal loudness; then its quietest phrase in the mix at low volume."

#: Roles that are judged by phrases, and those judged by hits or notes.
BY_PHRASE, BY_HIT = ("lead-vocal",), ("bass", "kick")
#: A role less sure than this is told, not warned of.
SURE = 0.5
#: So many pieces that stand out are listed as evidence, and named in the advice.
MOST_PIECES, MOST_NAMED = 12, 3


@dataclass(frozen=True)
class Uneven:
    """An uneven stem and the compressor for it."""

    stem: Stem
    role: Instrument
    even: Evenness
    usual_db: float
    setting: Setting | None


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    roles, dense, uneven = load_instruments(), [], []
    numbers: list[Measurement] = []
    for stem in stems.sounding:
        role = roles[stem.role.name]
        found = density(stem.readings.level, stem.readings.dynamics)
        low = role.number("usual_crest_low_db")
        if found is not None and low is not None:
            lack = low - found.crest_db
            numbers.append(Measurement("density_margin_db", -lack, "dB"))
            if lack >= profile.number(ID, "info_db"):
                dense.append((lack, _dense(stem, role, found, _above_others(stems, stem), profile)))
        usual = role.number("usual_spread_db")
        if role.id not in BY_PHRASE + BY_HIT or usual is None:
            continue
        levels = _levels(stems, stem, role)
        spread = _evenness(levels, role)
        if spread is None:
            continue
        numbers.append(Measurement("spread_db", spread.spread_db, "dB"))
        if spread.spread_db - usual >= profile.number(ID, "spread_info_db"):
            setting = _setting(stem, role, spread, levels, usual)
            uneven.append((spread.spread_db - usual, _uneven(Uneven(stem, role, spread, usual, setting), profile)))
    said = [f for _, f in sorted(dense + uneven, key=lambda d: (d[1].status != "warning", -d[0]))]
    said += _bus(mix, stems, profile)
    return tuple(said) or (_fine(numbers, len(stems.sounding)),)


def _above_others(stems: Stems, stem: Stem) -> float | None:
    """How much louder a stem is than the median of the others, in LU."""
    own = stem.readings.loudness.integrated_lufs
    others = [s.readings.loudness.integrated_lufs for s in stems.sounding if s is not stem]
    known = [v for v in others if v is not None]
    return own - float(np.median(known)) if own is not None and known else None


def _dense(stem: Stem, role: Instrument, found: Density, above: float | None, profile: Profile) -> Finding:
    low, high = role.number("usual_crest_low_db") or 0.0, role.number("usual_crest_high_db") or 0.0
    lack, psr = low - found.crest_db, role.number("usual_psr_low_db")
    hot = above is not None and above >= profile.number(ID, "hot_lu")
    agreed = psr is None or found.psr_db is None or found.psr_db < psr + profile.number(ID, "psr_agrees_db")
    warned = (hot or lack >= profile.number(ID, "warning_db")) and agreed and stem.role.confidence >= SURE
    status: Status = "warning" if warned else "info"
    message = (
        f"The peaks of '{stem.name}' stand {found.crest_db:.1f} dB above its level in 3 s (usual for {role.title}:"
        f" {low:g} to {high:g} dB): it is compressed or limited hard."
    )
    fixes: tuple[Fix, ...] = (
        Advice(
            f"Raise the threshold or lower the ratio of the compressor or limiter on '{stem.name}' until its crest"
            f" factor is back at {low:g} dB or more; make-up gain 0: match loudness, not louder.",
            stem.name,
        ),
    )
    if above is not None and hot:
        message += f" It is also {above:.1f} LU louder than most stems: make-up gain was used for loudness."
    evidence = [
        Measurement("passage_crest_db", found.crest_db, "dB"),
        Measurement("passage_psr_db", found.psr_db, "dB"),
        Measurement("density_margin_db", -lack, "dB"),
        Measurement("crest_db", stem.readings.level.crest_db, "dB"),
        Measurement("psr_min_db", stem.readings.dynamics.psr_min_db, "dB", stem.readings.dynamics.psr_min_at_s),
        Measurement("clipped_runs", float(stem.readings.clipping.runs), "runs"),
        Measurement("above_other_stems_lu", above, "LU"),
    ]
    return Finding(
        ID, status, severity(status), f"'{stem.name}' is compressed too much", message, tuple(evidence),
        measured=f"crest {found.crest_db:.1f} dB", target=f"{low:g} to {high:g} dB",
        cause=(Cause(stem.name),), fixes=fixes,
    )  # fmt: skip


def _levels(stems: Stems, stem: Stem, role: Instrument) -> Levels:
    """What the pieces of a stem are measured on: phrases above the rumble, hits with all they have."""
    r, rest = stem.readings, rest_power(stems, stem)
    if role.id in BY_PHRASE:
        return Levels(own_power(stem, role.number("high_pass_hz") or 0.0), stems.frame_s, rest, stems.frame_s)
    return Levels(np.asarray(r.level.envelope.mean(axis=1)), r.level.hop_s, rest, stems.frame_s)


def _evenness(levels: Levels, role: Instrument) -> Evenness | None:
    """Evenness of a stem whose role is judged by it, where there are enough pieces."""
    phrased = role.id in BY_PHRASE
    pieces = (phrases if phrased else hits)(levels.power, levels.hop_s)
    if len(pieces) < (LEAST_PHRASES if phrased else LEAST_HITS):
        return None
    return evenness(pieces, levels.rest, levels.frame_s)


def _setting(stem: Stem, role: Instrument, even: Evenness, levels: Levels, usual_db: float) -> Setting | None:
    ratio, attack, release = (role.number(k) for k in ("ratio", "attack_ms", "release_ms"))
    if ratio is None or attack is None or release is None:
        return None
    return suggest(stem.readings.sketch, even, levels, Aim(usual_db, ratio, attack, release))


def _uneven(found: Uneven, profile: Profile) -> Finding:
    stem, even, usual, setting = found.stem, found.even, found.usual_db, found.setting
    warned = even.spread_db - usual >= profile.number(ID, "spread_warning_db") and stem.role.confidence >= SURE
    status: Status = "warning" if warned else "info"
    what = "phrases" if stem.role.name in BY_PHRASE else "notes" if stem.role.name == "bass" else "hits"
    order = np.argsort(-np.abs(even.deviation_db))
    out = [int(k) for k in order[:MOST_PIECES] if abs(even.deviation_db[k]) > usual / 2.0]
    message = (
        f"The {what} of '{stem.name}' spread over {even.spread_db:.1f} dB beside the rest of the mix (usual for"
        f" {found.role.title}: up to {usual:g} dB); most at"
        f" {', '.join(f'{clock(even.pieces[k].start_s)} ({even.deviation_db[k]:+.1f} dB)' for k in out[:MOST_NAMED])}."
    )
    evidence = [
        Measurement("spread_db", even.spread_db, "dB"),
        Measurement("level_spread_db", even.level_spread_db, "dB"),
        Measurement("follows_the_mix", even.follows, ""),
        Measurement("pieces", float(len(even.pieces)), what),
    ]
    fixes: list[Fix] = []
    if warned and out:
        named = ", ".join(f"{clock(even.pieces[k].start_s)} {-even.deviation_db[k]:+.1f} dB" for k in out[:MOST_NAMED])
        fixes.append(
            Advice(f"Ride the level of '{stem.name}' before it is compressed, the furthest first: {named}.", stem.name)
        )
    if setting is not None:
        message += (
            f" A compressor of {setting.ratio:g}:1 from {setting.threshold_dbfs:.0f} dBFS would leave"
            f" {setting.spread_after_db:.1f} dB."
        )
        fixes.append(Advice(_setting_words(stem.name, setting), stem.name))
        evidence += [
            Measurement("threshold_dbfs", setting.threshold_dbfs, "dBFS"),
            Measurement("ratio", setting.ratio, ""),
            Measurement("attack_ms", setting.attack_ms, "ms"),
            Measurement("release_ms", setting.release_ms, "ms"),
            Measurement("expected_reduction_db", setting.typical_reduction_db, "dB"),
            Measurement("expected_max_reduction_db", setting.max_reduction_db, "dB"),
            Measurement("expected_spread_db", setting.spread_after_db, "dB"),
        ]
    for k in sorted(out):
        piece = even.pieces[k]
        evidence.append(Measurement("deviation_db", even.deviation_db[k], "dB", (piece.start_s, piece.end_s)))
    return Finding(
        ID, status, severity(status), f"'{stem.name}' is uneven", message, tuple(evidence),
        measured=f"{even.spread_db:.1f} dB", target=f"<= {usual:g} dB", cause=(Cause(stem.name),), fixes=tuple(fixes),
    )  # fmt: skip


def _setting_words(name: str, s: Setting) -> str:
    return (
        f"Compress '{name}': threshold {s.threshold_dbfs:.0f} dBFS, ratio {s.ratio:g}:1, attack {s.attack_ms:g} ms,"
        f" release {s.release_ms:g} ms; expect {s.typical_reduction_db:.1f} dB of gain reduction as a rule,"
        f" {s.max_reduction_db:.1f} dB at most. Make-up gain 0: match loudness, not louder."
    )


def _bus(mix: Mix, stems: Stems, profile: Profile) -> list[Finding]:
    """Make-up gain on the bus: quiet moments come out louder than they went in, loud ones are taken back."""
    psr = mix.readings.dynamics.psr_min_db
    if stems.bus is None or psr is None or psr >= profile.number(ID, "makeup_psr_db"):
        return []
    found = makeup(stems)
    if found is None:
        return []
    lift, taken = found
    if lift < profile.number(ID, "makeup_db") or taken < profile.number(ID, "makeup_reduction_db"):
        return []
    message = (
        f"Quiet moments leave the mix bus {lift:.1f} dB louder than they enter it, loud ones are taken back by"
        f" {taken:.1f} dB, and the peaks stand only {psr:.1f} dB above the loudness: make-up gain was used for"
        " loudness."
    )
    fixes = (Advice("Take the gain before or after the dynamics on the mix bus back; match loudness, not louder."),)
    return [
        Finding(
            ID, "info", severity("info"), "Make-up gain on the mix bus", message,
            (
                Measurement("makeup_db", lift, "dB"),
                Measurement("reduction_db", taken, "dB"),
                Measurement("psr_min_db", psr, "dB", mix.readings.dynamics.psr_min_at_s),
            ),
            measured=f"+{lift:.1f} dB", target="0 dB", fixes=fixes,
        )
    ]  # fmt: skip


def _fine(numbers: list[Measurement], stems: int) -> Finding:
    if not numbers:
        return Finding(
            ID, "pass", "none", "No stem to judge", "No stem is of a role whose dynamics have a usual range.",
            (Measurement("stems_judged", 0.0, "stems"),), measured="not judged", target="the usual range of the role",
        )  # fmt: skip
    spreads = [m.value for m in numbers if m.name == "spread_db" and m.value is not None]
    margins = [m.value for m in numbers if m.name == "density_margin_db" and m.value is not None]
    evidence = [Measurement("stems_judged", float(stems), "stems")]
    if margins:
        evidence.append(Measurement("density_margin_db", min(margins), "dB"))
    if spreads:
        evidence.append(Measurement("spread_db", max(spreads), "dB"))
    return Finding(
        ID, "pass", "none", "Stems are alive and even", "The stems are neither squashed nor uneven for what they are.",
        tuple(evidence), measured="usual", target="the usual range of the role",
    )  # fmt: skip
