"""**Why it matters.** "It was better last week" is answered in seconds when the older bounce says which track has been
changed since, by how much and where. A stem that came back late or with its polarity switched is hard to hear and easy
to see that way.

**How it is measured.** References are measured in lockstep with the stems. One that coheres with the mix is another
version of it; their difference, at the gain at which most of both is one signal, is made by the changed stems and by
nothing else. It is explained band by band from the stems (orthogonal matching pursuit on cross spectra), and the ratio
of what a stem was to what it is gives what was done: a fader (the same everywhere), a switch of polarity (minus one), a
shift in time (a phase that grows with frequency), equalisation (filters fitted to magnitude and phase), or a gain that
moves. Where the sum of the stems is still the reference, the bus has changed: its equalisation or its gain over time.
Another recording is left to *reference*. A change is no fault, so none is a problem.

**References.** Mallat and Zhang 1993 (matching pursuit); Knapp and Carter 1976 (delay from the phase of the cross
spectrum); Bendat and Piersol, Random Data (coherence, transfer functions); fadelab (2 dB are audible).
"""

from __future__ import annotations

import math

from dsp.checks._changed import Told, told
from dsp.checks._wording import severity
from dsp.findings import Advice, Cause, Finding, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.model import Stems
from dsp.stems.versions import Change, Version, compared

ID, TITLE, DIMENSION = "versions", "Changes against another version", "frequency balance"
NEEDS = ("stems", "references")
MEANS = "The stem, or the bus, was changed between the two versions, on purpose or not."
LISTEN = "Both versions at equal loudness, first with this stem soloed, then in the mix: which one is meant?"

#: A difference of level between two versions from here on (dB) is told.
LEVEL_DB = 0.05


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    if not stems.references:
        text = "References were not set beside the stems: they have another rate or other channels than the mix."
        return (_quiet("No version to compare with", text, (Measurement("versions", 0.0, ""),), "no version"),)
    out: list[Finding] = []
    for k in range(len(stems.references)):
        out += _of_version(mix, stems, k, profile)
    return tuple(out)


def _of_version(mix: Mix, stems: Stems, k: int, profile: Profile) -> list[Finding]:
    version = compared(stems, k)
    name = f"'{version.name}'"
    numbers = (
        Measurement("version_gain_db", version.gain_db, "dB"),
        Measurement("version_difference_db", version.difference_db, "dB"),
        Measurement("version_explained", version.explained, ""),
    )
    if version.state == "other":
        text = f"{name} is another recording: there is nothing to compare stem by stem."
        return [_quiet("Another recording", text, numbers, "another recording")]
    if version.state == "same":
        text = f"{name} is this mix, but for rounding and level ({version.gain_db:+.1f} dB): no stem was changed."
        return [_quiet("The same mix", text, numbers, "nothing changed")]
    if version.state == "shifted":
        return [_shifted(mix, version)]
    least_db = profile.number(ID, "least_db")
    many = int(profile.number(ID, "most_findings"))
    rate = mix.source.sample_rate
    described = [(c, told(c, rate)) for c in version.changes if _audible(c, version, least_db)]
    out = [_changed(stems, version, c, t, _status(c, t, profile)) for c, t in described[:many]]
    if version.explained < profile.number(ID, "explained") and version.difference_db >= least_db:
        out.append(_unexplained(version, numbers, bool(described), stems.references[k].lossy))
    said = described[0][1].what if described else "no change"
    level = "" if abs(version.gain_db) < LEVEL_DB else f" {version.gain_db:+.1f} dB against it,"
    text = f"{name} is another version of this mix:{level} what differs lies {-version.difference_db:.0f} dB under the"
    text += f" mix, and the changes found explain {version.explained:.0%} of it."
    return [*out, _quiet("Beside another version", text, numbers, said)]


def _audible(change: Change, version: Version, least_db: float) -> bool:
    """Whether the energy of a change is enough of the mix to be told."""
    share = max(change.share, 1e-9)
    return version.difference_db + 10.0 * math.log10(share) >= least_db


def _status(change: Change, what: Told, profile: Profile) -> Status:
    """A warning where the change is large and the mix shows it, or where a stem comes late or upside down."""
    if change.stem is not None and change.over_time is None and (change.fit.flipped or change.fit.kind == "delay"):
        late_ms = 1e3 * abs(change.fit.delay_s)
        return "warning" if change.fit.flipped or late_ms >= profile.number(ID, "late_ms") else "info"
    large = abs(what.most_db) >= profile.number(ID, "stem_db")
    return "warning" if large and abs(what.effect_db) >= profile.number(ID, "mix_db") else "info"


def _changed(stems: Stems, version: Version, change: Change, what: Told, status: Status) -> Finding:
    who = f"'{change.stem}'" if change.stem is not None else "All of the mix"
    message = f"{who} {what.sentence} against '{version.name}': {change.share:.0%} of what differs"
    message += f" between them. {what.effect}"
    at_s = max(change.at_s, key=lambda s: s[1] - s[0]) if change.at_s else None
    evidence = (
        Measurement(what.name, what.value, what.unit, at_s, what.band_hz),
        Measurement("mix_effect_db", what.effect_db, "dB", at_s, what.effect_hz),
        Measurement("share_of_difference", change.share, ""),
        *(Measurement("change_heard", change.share, "", span) for span in change.at_s if span != at_s),
    )
    cause = (Cause(change.stem, change.share),) if change.stem is not None else ()
    others = [Cause(c.stem, c.share) for c in version.changes if c.stem is not None and c.stem != change.stem]
    title = f"{change.stem if change.stem is not None else 'Mix bus'}: {what.what}"
    return Finding(
        ID, status, severity(status), title, message, evidence, what.what, "as in the other version",
        cause=(*cause, *others) if change.stem is not None else (), fixes=what.fixes,
    )  # fmt: skip


def _unexplained(version: Version, numbers: tuple[Measurement, ...], some: bool, lossy: bool) -> Finding:
    rest = 1.0 - version.explained
    text = f"{rest:.0%} of what differs from '{version.name}' is made by no {'other ' if some else ''}stem given here"
    text += ": what the lossy encoder of one of them changed," if lossy else ":"
    text += " a track that is missing among them, a mute, an edit or another take, or a bus that works differently."
    return Finding(
        ID, "undetermined", "low", "A difference no stem explains", text, numbers,
        measured=f"{rest:.0%} unexplained", target="all explained",
    )  # fmt: skip


def _shifted(mix: Mix, version: Version) -> Finding:
    samples = version.shift_s * mix.source.sample_rate
    way = "later" if samples > 0 else "earlier"
    text = f"'{version.name}' is the same song, but starts {abs(1e3 * version.shift_s):.1f} ms {way}: stems can only be"
    text += " compared between versions that start together."
    advice = Advice(f"Bounce both from the same point, or move it by {-samples:+.0f} samples, and compare again.")
    evidence = (Measurement("version_shift_ms", 1e3 * version.shift_s, "ms", 0.0),)
    return Finding(
        ID, "info", severity("info"), "A version with another start", text, evidence,
        measured=f"{1e3 * version.shift_s:+.1f} ms", target="same start", fixes=(advice,),
    )  # fmt: skip


def _quiet(title: str, text: str, evidence: tuple[Measurement, ...], measured: str) -> Finding:
    return Finding(ID, "pass", "none", title, text, evidence, measured, "as in the other version")
