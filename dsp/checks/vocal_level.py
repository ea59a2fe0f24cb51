"""**Why it matters.** The lead vocal is what listeners follow. Too low it is not understood, too loud the band sounds
small, and mastering can change neither without changing everything else.

**How it is measured.** K-weighted power of the lead vocal's stems against that of what accompanies them, while the lead
sings (gated like integrated loudness) and something plays beside it; over the song, by section and by phrase. Backing
vocals, rooms and effects belong to neither side. Stems are compared with stems, so nothing depends on the bus or the
fader of the mix. The usual level is that of the genre named (metal far below pop), otherwise that of eight mixes each
of eight songs by trained engineers. Within the usual spread it passes; only far outside is a warning. A stem whose role
is a guess makes it *undetermined*.

**References.** Gerdes and Siedenburg 2023 (JASA Express Letters 3, 043201: lead-to-accompaniment ratio of songs from
1946 to 2020 and by genre); De Man, Leonard, King and Reiss 2014 (level of the lead in mixes of multitracks).
"""

from __future__ import annotations

from dsp.checks._wording import clock, severity
from dsp.findings import Advice, Cause, Finding, Fix, GainMove, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.model import Stems
from dsp.stems.parts import LEAST_CONFIDENCE
from dsp.stems.vocal import Passage, VocalLevel, accompaniment, leads, vocal_level

ID, TITLE, DIMENSION, NEEDS = "vocal-level", "Level of the lead vocal", "gain staging", ("stems",)
MEANS = "The vocal was balanced against a part of the arrangement that later grew, or on speakers that flatter it."
LISTEN = "Very softly, from the next room: are the words understood, and is there still a band behind them?"

#: Genres whose usual level has a threshold of its own; the others take `level_lu`.
KEYS = {
    "pop": "level_pop_lu", "country": "level_pop_lu", "hip-hop": "level_pop_lu",
    "rock": "level_rock_lu", "metal": "level_metal_lu",
}  # fmt: skip


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    usual = profile.number(ID, KEYS.get(profile.genre.name, "level_lu"))
    low, high = usual - profile.number(ID, "below_lu"), usual + profile.number(ID, "above_lu")
    target = f"{low:+.1f} to {high:+.1f} LU"
    if reason := _cannot(stems):
        return (_untold(*reason, len(stems.sounding), target),)
    found = vocal_level(stems, mix.readings.sections)
    if found is None or found.sings_s < profile.number(ID, "least_s"):
        sings_s = found.sings_s if found else 0.0
        why = f"the lead sings beside the others for {sings_s:.0f} s only"
        return (_untold("undetermined", why, len(stems.sounding), target),)
    over = found.over_rest_lu
    status: Status = "pass" if low <= over <= high else "info"
    least, most = usual - profile.number(ID, "warning_below_lu"), usual + profile.number(ID, "warning_above_lu")
    if not least <= over <= most:
        status = "warning"
    names = tuple(s.name for s in leads(stems))
    who = " and ".join(names)
    message = (
        f"While it sings, {who} is {_beside(over)} what accompanies it ({_beside(found.over_mix_lu)} the sum of all"
        f" stems); usual is {usual:+.1f} LU, {low:+.1f} to {high:+.1f}.{_over_time(found)}"
    )
    title, fixes = "Lead vocal at a usual level", tuple[Fix, ...]()
    if status != "pass":
        title = "Lead vocal low" if over < low else "Lead vocal loud"
        fixes, words = _moves(over, low, high, names, profile.number(ID, "most_db"))
        message += words
    elif astray := _astray(found, least, most):
        status, title = "info", "Lead vocal uneven between sections"
        message += f" From {_span(astray)} it is far from that: automate its level there."
        gain = (low if astray.over_rest_lu < low else high) - astray.over_rest_lu
        fixes = tuple(Advice(f"Automate {gain:+.0f} dB from {_span(astray)}.", n) for n in names)
    cause = tuple(Cause(n) for n in names) if status != "pass" else ()
    return (
        Finding(
            ID, status, severity(status), title, message, _evidence(found, mix.duration_s),
            measured=f"{over:+.1f} LU", target=target, cause=cause, fixes=fixes,
        ),
    )  # fmt: skip


def _cannot(stems: Stems) -> tuple[Status, str] | None:
    """Why there is nothing to judge."""
    lead = leads(stems)
    if not lead:
        return "skipped", 'no stem is a lead vocal (name it with --role "STEM=lead-vocal" if one is)'
    if not accompaniment(stems):
        return "skipped", "nothing accompanies the lead vocal"
    if max(s.role.confidence for s in lead) < LEAST_CONFIDENCE:
        return "undetermined", f"that {lead[0].name} is the lead vocal is a guess ({lead[0].role.reason})"
    return None


def _untold(status: Status, reason: str, stems: int, target: str) -> Finding:
    word = "Skipped" if status == "skipped" else "Undetermined"
    return Finding(
        ID, status, severity(status), f"{TITLE}: {word.lower()}", f"{word}: {reason}.",
        (Measurement("stems", float(stems), ""),), measured=word.lower(), target=target,
    )  # fmt: skip


def _moves(over: float, low: float, high: float, names: tuple[str, ...], most: float) -> tuple[tuple[Fix, ...], str]:
    """A step towards the usual range, of so many dB at most."""
    away = (low if over < low else high) - over
    gain = round(max(-most, min(most, away)), 1)
    if abs(away) > most:
        words = f" Move it by {gain:+.1f} dB first and listen: what is left to the range may be the arrangement."
    else:
        words = f" {gain:+.1f} dB bring it into the range."
    return tuple(GainMove(n, gain) for n in names), words


def _astray(found: VocalLevel, least: float, most: float) -> Passage | None:
    """The section in which the lead is furthest outside, if it is in any."""
    out = [p for p in found.sections if not least <= p.over_rest_lu <= most]
    return max(out, key=lambda p: abs(p.over_rest_lu - found.over_rest_lu)) if out else None


def _over_time(found: VocalLevel) -> str:
    text = ""
    if len(found.sections) > 1:
        highest, lowest = (pick(found.sections, key=lambda p: p.over_rest_lu) for pick in (max, min))
        text = f" From {_span(highest)} that is {highest.over_rest_lu:+.1f} LU, from {_span(lowest)}"
        text += f" {lowest.over_rest_lu:+.1f}."
    spread = found.phrase_spread_lu
    return text if spread is None else f"{text} Its phrases lie {spread:.1f} LU apart."


def _beside(level_lu: float) -> str:
    return f"{abs(level_lu):.1f} LU {'over' if level_lu >= 0.0 else 'under'}"


def _span(passage: Passage) -> str:
    return f"{clock(passage.start_s)} to {clock(passage.end_s)}"


def _evidence(found: VocalLevel, duration_s: float) -> tuple[Measurement, ...]:
    return (
        Measurement("lead_over_rest_lu", found.over_rest_lu, "LU", (0.0, duration_s)),
        Measurement("lead_over_mix_lu", found.over_mix_lu, "LU"),
        Measurement("sings_s", found.sings_s, "s"),
        Measurement("phrase_spread_lu", found.phrase_spread_lu, "LU"),
        *(Measurement("section_over_rest_lu", p.over_rest_lu, "LU", (p.start_s, p.end_s)) for p in found.sections),
    )
