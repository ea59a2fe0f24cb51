"""**Why it matters.** Kick, bass, snare and the lead vocal carry a song, and whoever hears it from one side of a room,
one earbud or a mono speaker must hear them. Off the centre they also waste headroom of one channel. A low end in
stereo cancels in a club, and a stem that is nearly out of phase with itself is gone in mono.

**How it is measured.** From the energies of left, right and their product of every stem. Of all stems of one core
role together: the balance of left and right (a double on either side is even), and their correlation once level is
set aside. Roles that are guesses are not judged, and hats, guitars and keys may stand anywhere. Of every stem: what
its mono sum loses, and its share of the side below 120 Hz where the low end of the mix is wide.

**References.** Izhaki, *Mixing Audio*: kick, snare, bass and lead in the centre; SessionPrep (6 dB lost in mono);
bounce-house and MixDoctor (correlation of the low end). Balances and widths per role are our judgement.
"""

from __future__ import annotations

from collections.abc import Callable

from dsp.checks._wording import severity
from dsp.findings import Advice, Cause, Finding, Fix, Measurement, PanMove, Status
from dsp.mix import Mix
from dsp.profile import Profile, load_instruments
from dsp.stems.model import Stem, Stems
from dsp.stems.placement import PANNED_CORRELATION, Field, field, field_of, together
from dsp.units import power_db

ID, TITLE, DIMENSION, NEEDS = "core-centre", "The core in the centre", "stereo", ("stems",)
MEANS = (
    "A nudged pan pot, a widener or chorus on a core track, a stereo sample that reaches down, or an inverted channel."
)
LISTEN = "Solo the track and switch to mono: does it move to the middle, get thin or vanish?"

#: What a limit of a role is called in `presets/instruments.toml`.
CENTRE, WARNING, CORRELATION = "centre_db", "off_centre_db", "least_correlation"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems

    def number(key: str) -> float:
        return profile.number(ID, key)

    fields = {s.name: field(s) for s in stems.sounding}
    core = _core(stems, number("least_confidence"))
    found = [*_vanishing(stems, fields, number("mono_warning_db"), number("mono_problem_db"), number("heard_db"))]
    for role, own in core.items():
        found += _placed(role, own, fields, number("wider"))
    found += _low_end(mix, stems, number)
    if found:
        return tuple(found)
    measured = [s.name for own in core.values() for s in own]
    known = f"In the middle: {', '.join(measured)}" if measured else "No stem is known for sure to be core"
    evidence = tuple(Measurement("balance_db", fields[name].balance_db, "dB") for name in measured)
    return (
        Finding(
            ID, "pass", "none", "The core is in the centre", f"{known}; no stem is lost in mono.",
            evidence or (Measurement("core_stems", 0.0, "stems"),),
            measured=f"{len(measured)} core stems in the centre", target="core in the centre, nothing lost in mono",
        ),
    )  # fmt: skip


def _core(stems: Stems, confidence: float) -> dict[str, list[Stem]]:
    """Stems that surely are of a role that belongs in the centre, by role."""
    core: dict[str, list[Stem]] = {}
    roles = load_instruments()
    for stem in stems.sounding:
        role = roles.get(stem.role.name)
        if role and role.number(CENTRE) is not None and stem.role.confidence >= confidence:
            core.setdefault(role.id, []).append(stem)
    return core


def _placed(role: str, own: list[Stem], fields: dict[str, Field], wider: float) -> list[Finding]:
    """Whether all stems of a role together stand in the middle, and are not wide."""
    instrument, group = load_instruments()[role], together([fields[s.name] for s in own])
    centre, warning, least = (instrument.number(k) for k in (CENTRE, WARNING, CORRELATION))
    assert centre is not None  # how the core is chosen
    total = max(group.left + group.right, 1e-30)
    share = power_db(max(group.left, 1e-9 * total) / max(group.right, 1e-9 * total))
    found = []
    if abs(share) > centre:
        status: Status = "warning" if warning is not None and abs(share) > warning else "info"
        leaning = {s.name: fields[s.name] for s in own if (fields[s.name].left > fields[s.name].right) == (share > 0.0)}
        found.append(_off_centre(status, instrument.title, leaning, share, centre))
    elif least is not None:
        # without its level: both sides as loud as they are on average
        wide = sorted(own, key=lambda s: fields[s.name].correlation)
        power = sum((f.left * f.right) ** 0.5 for f in (fields[s.name] for s in own))
        correlation = group.cross / power if power > 0.0 else 1.0
        if correlation < least and fields[wide[0].name].mono_loss_db > -6.0:
            status = "warning" if correlation < least - wider else "info"
            found.append(_wide(status, instrument.title, wide[0], correlation, least))
    return found


def _off_centre(status: Status, title: str, fields: dict[str, Field], share: float, centre: float) -> Finding:
    """A role off the centre; `fields` are those of its stems that lean to that side."""
    side = "left" if share > 0.0 else "right"
    leaning = {n: abs(f.left - f.right) for n, f in fields.items()}
    guilty = sorted(leaning, key=lambda n: -leaning[n])
    total = max(sum(leaning.values()), 1e-30)
    names = " and ".join(guilty)
    fixes: list[Fix] = [PanMove(n, 0.0) for n in guilty if fields[n].correlation >= PANNED_CORRELATION]
    fixes += [
        Advice(f"Level the two channels of {n}, or its microphones or samples, until it stands in the middle.", n)
        for n in guilty
        if fields[n].correlation < PANNED_CORRELATION
    ]
    pan = fields[guilty[0]].pan
    message = f"The {title} ({names}) stands {abs(share):.1f} dB to the {side}"
    message += f", as a pan of {abs(pan):.0%} {side} does. It carries the song: put it in the middle."
    return Finding(
        ID, status, severity(status), f"{title.capitalize()} off the centre", message,
        (
            Measurement("balance_db", share, "dB"),
            *(Measurement("pan", fields[n].pan, "") for n in guilty),
        ),
        measured=f"{title} {abs(share):.1f} dB {side}", target=f"within {centre:g} dB",
        cause=tuple(Cause(n, leaning[n] / total) for n in guilty), fixes=tuple(fixes),
    )  # fmt: skip


def _wide(status: Status, title: str, stem: Stem, correlation: float, least: float) -> Finding:
    message = (
        f"The {title} ({stem.name}) is wide: left and right correlate {correlation:+.2f}, {least:g} and more is usual."
        " It loses its place in the middle, and weight in mono."
    )
    fixes = (Advice(f"Take the widener, chorus or stereo room off {stem.name}, or narrow it.", stem.name),)
    return Finding(
        ID, status, severity(status), f"Wide {title}", message,
        (Measurement("correlation", correlation, ""),),
        measured=f"{title} {correlation:+.2f}", target=f">= {least:g}", cause=(Cause(stem.name, 1.0),), fixes=fixes,
    )  # fmt: skip


def _vanishing(
    stems: Stems, fields: dict[str, Field], warning_db: float, problem_db: float, heard_db: float
) -> list[Finding]:
    """Stems that lose more in mono than unrelated channels do."""
    found, mix = [], float(stems.mix_power.sum(dtype="float64"))
    for stem in stems.sounding:
        own, stereo = fields[stem.name], stem.readings.stereo
        loss = own.mono_loss_db
        if stereo is None or loss > warning_db:
            continue
        loud = power_db((own.left + own.right) / 2.0 / mix) >= heard_db if mix > 0.0 else False
        status: Status = ("problem" if loss <= problem_db else "warning") if loud else "info"
        lost = f"loses {-loss:.1f} dB" if loss > -60.0 else "is gone"
        message = f"{stem.name} {lost} in mono: its left and right correlate {own.correlation:+.2f}."
        fixes: list[Fix] = [Advice(f"Switch the polarity of one channel of {stem.name}.", stem.name)]
        if own.correlation > -0.9:
            fixes = [Advice(f"Take the widener off {stem.name}, or narrow it until it holds in mono.", stem.name)]
        else:
            message += " One channel is upside down."
        found.append(
            Finding(
                ID, status, severity(status), f"{stem.name} vanishes in mono", message,
                (
                    Measurement("mono_loss_db", max(loss, -200.0), "dB"),
                    Measurement("correlation", own.correlation, ""),
                    Measurement("correlation_min", stereo.correlation_min, "", stereo.correlation_min_at_s),
                ),
                measured=f"{stem.name} {max(loss, -99.0):.1f} dB", target=f"> {warning_db:g} dB",
                cause=(Cause(stem.name, 1.0),), fixes=tuple(fixes),
            )
        )  # fmt: skip
    return found


def _low_end(mix: Mix, stems: Stems, number: Callable[[str], float]) -> list[Finding]:
    """Which stems make the low end of the mix wide, where it is."""
    below, good = number("below_hz"), number("low_good")
    if mix.readings.stereo is None:
        return []
    whole, everything = field_of(mix.readings.gram, below), field_of(mix.readings.gram)
    total = whole.left + whole.right
    if total <= 0.0 or power_db(total / (everything.left + everything.right)) < number("low_share_db"):
        return []
    if whole.correlation >= good or min(whole.left, whole.right) <= 0.0:
        return []
    sides = {s.name: field(s, below).side for s in stems.sounding}
    wide = sum(sides.values())
    named = [n for n in sorted(sides, key=lambda n: -sides[n]) if sides[n] >= number("low_cause_share") * wide > 0.0]
    if not named:
        return []
    status: Status = "warning" if whole.correlation < number("low_warning") else "info"
    shares = ", ".join(f"{n} {sides[n] / wide:.0%}" for n in named)
    message = f"Below {below:g} Hz left and right of the mix correlate {whole.correlation:+.2f}; of what differs there,"
    message += f" {shares} comes from these stems."
    span = (float(stems.band_hz[0]), below)
    fixes = tuple(Advice(f"High-pass the side of {n} at {below:g} Hz, or make it mono there.", n) for n in named)
    return [
        Finding(
            ID, status, severity(status), "Wide low end by stem", message,
            (
                Measurement("low_end_correlation", whole.correlation, "", band_hz=span),
                *(Measurement("side_share", sides[n] / wide, "", band_hz=span) for n in named),
            ),
            measured=f"low end {whole.correlation:+.2f}", target=f">= {good:g}",
            cause=tuple(Cause(n, sides[n] / wide) for n in named), fixes=fixes,
        )
    ]  # fmt: skip
