"""**Why it matters.** Traffic, footsteps, a hand on the microphone, hum and plosives lie below what is played. One
track of it is not heard; ten of them fill the low end, move compressors and take headroom. Filtering every track
by habit, though, thins out what was fine: a high-pass belongs where there is rumble, and nowhere else.

**How it is measured.** In the rests of a stem, what goes on below its range is rumble, unless it is coherent with
what the other tracks play then (bleed). Where there are no rests, what lies below every note of its role is, if it is
as strong in the dips between notes as on top of them, or rises towards 0 Hz. The corner of the high-pass is that of
practice for the role, but lower where the lowest partial that is really played would lose more than half a decibel:
a low voice, a drop-tuned guitar, a floor tom keep their notes. A stem of unknown role is judged by its own lowest
partial. The headroom is computed by running that filter over the stem's low end and setting it against the measured
peaks, of the stem and of the mix; behind a processed bus that is an estimate.

**References.** ProSoundWeb, "The mighty high-pass filter" (corners); corners and lowest notes of the roles:
presets/instruments.toml; SessionPrep (subsonic energy above -20 dB).
"""

from __future__ import annotations

from dataclasses import dataclass

from dsp.checks._wording import clock, severity
from dsp.findings import Cause, EqMove, Finding, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile, load_instruments
from dsp.stems.high_pass import Headroom, Q, headroom, low_part, on_bus
from dsp.stems.model import UNKNOWN, Stem, Stems
from dsp.stems.rumble import Rumble, find
from dsp.units import Samples, from_power_db, power_db

ID, TITLE, DIMENSION, NEEDS = "rumble", "Rumble below the range of a stem", "frequency balance", ("stems",)
MEANS = "A microphone that hears the floor, the street or the mains, plosives, or a synthesiser without a filter."
LISTEN = "The stem alone where it does not play, loud and through something that reaches down to 40 Hz."


@dataclass(frozen=True)
class Case:
    """Rumble in a stem, what a high-pass would take, and what comes back on the stem and on the mix."""

    stem: Stem
    rumble: Rumble
    low: Samples
    own: Headroom
    mix: Headroom
    share_db: float  #: power of the rumble against that of the mix


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    cases = sorted(_cases(mix, stems, profile), key=lambda c: -c.share_db)
    if not cases:
        return (
            Finding(
                ID, "pass", "none", "No rumble", "No stem carries anything below its own range that is worth a filter.",
                (Measurement("stems_with_rumble", 0.0, "stems"),), measured="none", target="none",
            ),
        )  # fmt: skip
    total = _on_mix(mix, stems, [c.low for c in cases])
    said = []
    for case in cases:
        status = _status(case, profile)
        if status != "pass":
            said.append((case, status))
    together = total.peak_db >= profile.number(ID, "total_db") and len(cases) > 1
    everything = _everything(cases, total)
    if not said:
        return (_together(cases, total, everything) if together else _little(cases, everything),)
    return tuple(_finding(c, s, everything) for c, s in sorted(said, key=lambda e: e[1] != "warning"))


def _cases(mix: Mix, stems: Stems, profile: Profile) -> list[Case]:
    roles, mix_rms = load_instruments(), mix.readings.level.rms_dbfs
    cases = []
    for stem in stems.sounding:
        role = roles[stem.role.name]
        corner, lowest = role.number("high_pass_hz"), role.number("lowest_hz")
        if stem.role.name == UNKNOWN.name:
            corner, lowest = profile.number(ID, "unknown_corner_hz"), None
        if corner is None or mix_rms is None:
            continue
        rumble = find(stems, stem, lowest, corner)
        if rumble is None:
            continue
        r = stem.readings
        low = low_part(r.sketch, rumble.corner_hz)
        own = headroom(r.level, r.true_peak, r.sketch, low)
        cases.append(Case(stem, rumble, low, own, _on_mix(mix, stems, [low]), rumble.level_dbfs - mix_rms))
    return cases


def _on_mix(mix: Mix, stems: Stems, lows: list[Samples]) -> Headroom:
    r = mix.readings
    return headroom(r.level, r.true_peak, stems.mix_sketch, on_bus(stems, lows))


def _status(case: Case, profile: Profile) -> Status:
    own, on_mix = max(case.own.peak_db, case.own.rms_db), max(case.mix.peak_db, case.mix.rms_db)
    if (
        own >= profile.number(ID, "stem_warning_db")
        or on_mix >= profile.number(ID, "mix_warning_db")
        or case.share_db >= profile.number(ID, "share_warning_db")
    ):
        return "warning"
    told = own >= profile.number(ID, "stem_info_db") or case.share_db >= profile.number(ID, "share_info_db")
    return "info" if told else "pass"


def _move(case: Case) -> EqMove:
    return EqMove(case.stem.name, "high-pass", case.rumble.corner_hz, 0.0, round(Q, 3))


def _everything(cases: list[Case], total: Headroom) -> tuple[Measurement, ...]:
    share = power_db(sum(from_power_db(c.share_db) for c in cases))
    return (
        Measurement("stems_with_rumble", float(len(cases)), "stems"),
        Measurement("all_rumble_share_db", share, "dB"),
        Measurement("all_rumble_mix_peak_db", total.peak_db, "dB"),
        Measurement("all_rumble_mix_rms_db", total.rms_db, "dB"),
    )


def _evidence(case: Case) -> tuple[Measurement, ...]:
    rumble = case.rumble
    band = (10.0, rumble.corner_hz)
    return (
        Measurement("rumble_dbfs", rumble.level_dbfs, "dBFS", rumble.at_s, band),
        Measurement("rumble_share_db", case.share_db, "dB", None, band),
        Measurement("lowest_partial_hz", rumble.lowest_hz, "Hz"),
        Measurement("stem_peak_returned_db", case.own.peak_db, "dB"),
        Measurement("stem_rms_returned_db", case.own.rms_db, "dB"),
        Measurement("mix_peak_returned_db", case.mix.peak_db, "dB"),
        Measurement("mix_rms_returned_db", case.mix.rms_db, "dB"),
    )


def _back(h: Headroom) -> str:
    """Headroom in words; a filter that turns phases may raise a peak a little, which gives nothing back."""
    return f"{max(h.peak_db, 0.0):.1f} dB of peak and {max(h.rms_db, 0.0):.1f} dB of RMS"


def _what(rumble: Rumble) -> str:
    if rumble.hum_hz is not None:
        return f"Hum at {rumble.hum_hz:g} Hz"
    return "Rumble"


def _finding(case: Case, status: Status, everything: tuple[Measurement, ...]) -> Finding:
    rumble, name = case.rumble, case.stem.name
    when = (
        "goes on where it does not play"
        if rumble.kind == "rests"
        else f"lies below its lowest note ({rumble.lowest_hz:.0f} Hz)"
    )
    message = (
        f"{_what(rumble)} of {rumble.level_dbfs:.0f} dBFS RMS below {rumble.corner_hz:g} Hz in '{name}' {when}, most at"
        f" {clock(rumble.at_s[0])}. A high-pass there gives back {_back(case.own)} on the stem,"
        f" {_back(case.mix)} on the mix."
    )
    return Finding(
        ID, status, severity(status), f"{_what(rumble)} in '{name}'", message, _evidence(case) + everything,
        measured=f"{rumble.level_dbfs:.0f} dBFS", target="none", cause=(Cause(name),), fixes=(_move(case),),
    )  # fmt: skip


def _together(cases: list[Case], total: Headroom, everything: tuple[Measurement, ...]) -> Finding:
    """Many stems whose rumble only matters in sum."""
    powers = [from_power_db(c.share_db) for c in cases]
    message = f"{len(cases)} stems carry a little rumble each; high-passes on all give back {_back(total)} on the mix."
    evidence = (*everything, *(m for c in cases for m in _evidence(c)[:1]))
    return Finding(
        ID, "info", severity("info"), "A little rumble in many stems", message, evidence,
        measured=f"{total.peak_db:.1f} dB of headroom", target="none",
        cause=tuple(Cause(c.stem.name, p / sum(powers)) for c, p in zip(cases, powers, strict=True)),
        fixes=tuple(_move(c) for c in cases),
    )  # fmt: skip


def _little(cases: list[Case], everything: tuple[Measurement, ...]) -> Finding:
    message = f"{len(cases)} of the stems carry rumble, too little of it to give headroom back: leave them alone."
    if len(cases) == 1:
        message = f"'{cases[0].stem.name}' carries rumble, too little of it to give headroom back: leave it alone."
    evidence = (*everything, *(m for c in cases for m in _evidence(c)))
    return Finding(
        ID, "pass", "none", "Hardly any rumble", message, evidence,
        measured=f"{max(c.share_db for c in cases):.0f} dB of the mix", target="none",
    )  # fmt: skip
