"""**Why it matters.** A limiter, clipper or maximiser on the master, or on a bus that everything runs through, decides
the transients before mastering can. In the session it is not a suspicion but a device with a name, and taking it off is
one click.

**How it is measured.** The devices of the master and of every bus that all sounding tracks run through are known by
their kind, their identification or their name (`presets/plugins.toml`). Where a device is played by our own DSP,
its gain is known at every moment; of a hosted plugin the peaks before and after it are, and the peaks of the mix
(*bus-limiter*) say whether it holds them. One that is not installed is named, its effect is not known. A
compressor or saturation there is a decision of the mix: it is said, not judged.

**References.** Abbey Road, mastering delivery (remove final compression and all digital limiting);
themasteringstudio.com (no processing on the master fader before bouncing); names of products: their makers, see
`presets/plugins.toml`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dsp.checks._naming import listed
from dsp.checks._session_devices import HOLDS_PEAKS, category, lowered_db, product
from dsp.checks._session_path import level_after, level_into, mix_buses, peak
from dsp.checks._session_words import MOST_PLACES, counted, in_mix_s
from dsp.checks._wording import severity
from dsp.findings import Cause, Finding, Measurement, RemoveDevice, Status
from dsp.mix import Mix
from dsp.plugins import Category
from dsp.profile import Profile
from dsp.session import ChannelFacts, DeviceFacts, SessionFacts

ID, TITLE, DIMENSION, NEEDS = "master-devices", "Devices on the master", "dynamics", ("session",)
MEANS = "A limiter, maximiser or clipper was left on the mix bus, or on a group that everything runs through."
LISTEN = "Loud passages with the bus chain bypassed, at equal loudness: do kick and snare regain their front edge?"

#: What a category is called in a sentence.
WORDS: dict[Category, str] = {
    "limiter": "limiter", "clipper": "clipper", "maximiser": "maximiser", "mastering-chain": "mastering chain",
    "compressor": "compressor", "saturation": "saturation", "clean": "equaliser or tool",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A device on a bus that everything runs through, and what it does."""

    channel: ChannelFacts
    device: DeviceFacts
    category: Category
    effect_db: float | None  #: how far it lowers peaks at most; None where not measured
    chance: float | None  #: that the mix was limited, where this device was played in it

    @property
    def on(self) -> bool:
        """Whether it works."""
        return self.device.enabled and self.device.played != "bypassed"

    @property
    def holds(self) -> bool:
        """Whether it holds peaks, or one of its modules does."""
        return self.category in (*HOLDS_PEAKS, "mastering-chain")

    @property
    def peaks_dbfs(self) -> tuple[float, float] | None:
        """The highest peaks before and after it; None where they were not measured."""
        peaks = peak(level_into(self.channel, self.device)), peak(level_after(self.channel, self.device))
        return peaks if all(map(math.isfinite, peaks)) else None

    @property
    def label(self) -> str:
        """The device and where it is."""
        return f"'{self.device.name}' on '{self.channel.name}'"


@dataclass(frozen=True)
class Limits:
    """What a device is judged by: dB it takes off, and probabilities as in `bus-limiter`."""

    proved_db: float
    idle_db: float
    likely: float
    unlikely: float


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    facts = mix.session
    assert facts is not None  # NEEDS session
    buses, chance = mix_buses(facts), mix.limiter_probability
    devices = [
        Found(channel, device, what, lowered_db(device), None if device.played == "missing" else chance)
        for channel in buses
        for device in channel.devices
        if (what := category(device)) is not None
    ]
    judged = profile.number(ID, "judge") > 0
    limits = Limits(
        profile.number(ID, "proved_db"), profile.number(ID, "idle_db"),
        profile.number("bus-limiter", "problem_probability"), profile.number("bus-limiter", "pass_probability"),
    )  # fmt: skip
    active = [f for f in devices if f.on and f.holds]
    found = [_active(facts, f, _status(f, limits) if judged else "info", limits) for f in active]
    return (*found, *_bypassed(devices), *_others(devices), _overview(buses, bool(active)))


def _status(found: Found, limits: Limits) -> Status:
    """How bad an active device is in a mix: a problem where it is measured to hold peaks, nothing where it does not.

    What a mastering chain lowers may be its equaliser, so that the peaks of the mix must say the same.
    """
    effect, chance = found.effect_db, found.chance
    agrees = chance is not None and chance > limits.likely
    if agrees or (found.category != "mastering-chain" and effect is not None and effect >= limits.proved_db):
        return "problem"
    if effect is not None:
        return "info" if effect < limits.idle_db and found.category != "mastering-chain" else "warning"
    # a plugin may make up within itself what it takes: it idles only where the peaks look untouched as well
    untouched = chance is not None and chance <= limits.unlikely
    peaks = found.peaks_dbfs
    return "info" if untouched and peaks and peaks[1] >= peaks[0] - limits.idle_db else "warning"


def _active(facts: SessionFacts, found: Found, status: Status, limits: Limits) -> Finding:
    what, effect, device = WORDS[found.category], found.effect_db, found.device
    message = f"{found.label} is an active {what}{_called(found)}."
    if device.played == "missing":
        message += " It is not installed here: the mix was rendered without it, and its effect could not be measured."
    elif effect is None:
        peaks = found.peaks_dbfs
        words = f"Its highest peak goes in at {peaks[0]:+.1f} and comes out at {peaks[1]:+.1f} dBFS." if peaks else ""
        message += f" {words or 'Its effect was not measured.'}"
    elif effect >= limits.idle_db:
        message += f" It takes up to {effect:.1f} dB off the peaks."
    else:
        message += " It was not seen to lower any peak."
    if found.chance is not None:
        message += f" {_peaks(found.chance, limits)}"
    judged = status in ("problem", "warning")
    if judged:
        message += " Take it off and bounce again; keep this as a reference."
    level = level_after(found.channel, device)
    evidence: tuple[Measurement, ...] = (
        Measurement("reduction_db", effect, "dB", in_mix_s(facts, level.peak_at_s if level else None)),
        Measurement("limiter_probability", found.chance, ""),
    )
    if found.peaks_dbfs:
        evidence += tuple(map(Measurement, ("peak_in_dbfs", "peak_out_dbfs"), found.peaks_dbfs, ("dBFS", "dBFS")))
    known = f", up to {effect:.1f} dB" if effect is not None and effect >= limits.idle_db else ""
    return Finding(
        ID, status, severity(status), f"{what.capitalize()} on the mix bus", message, evidence,
        measured=f"{device.name or what}{known}", target="none", cause=(Cause(found.channel.name, 1.0),),
        fixes=(RemoveDevice(found.channel.name, device.name),) if judged else (),
    )  # fmt: skip


def _peaks(chance: float, limits: Limits) -> str:
    """Whether the peaks of the mix say the same."""
    says = "agree" if chance > limits.likely else "look untouched" if chance <= limits.unlikely else "allow no verdict"
    return f"The peaks of the mix {says} (probability of a limiter {chance:.0%})."


def _called(found: Found) -> str:
    """The product, where its name in the session does not say it."""
    known = product(found.device)
    if known is None or not known.vendor or known.title.casefold() in found.device.name.casefold():
        return ""
    return f" ({known.title})"


def _bypassed(devices: Sequence[Found]) -> list[Finding]:
    """What is there but switched off: as it should be for mastering."""
    off = [f for f in devices if f.holds and not f.on]
    if not off:
        return []
    names = listed([f"{f.label} ({WORDS[f.category]})" for f in off])
    message = f"Switched off: {names}. Leave it so for mastering."
    return [
        Finding(
            ID, "info", severity("info"), "Bypassed on the mix bus", message,
            (Measurement("bypassed_devices", float(len(off)), "devices"),), measured=f"{len(off)} bypassed",
            target="none", cause=tuple(Cause(n) for n in dict.fromkeys(f.channel.name for f in off)),
        )
    ]  # fmt: skip


def _others(devices: Sequence[Found]) -> list[Finding]:
    """Compression and saturation that everything runs through."""
    on = [f for f in devices if f.on and f.category in ("compressor", "saturation")]
    if not on:
        return []
    parts, evidence = [], [Measurement("bus_dynamics", float(len(on)), "devices")]
    for f in on:
        effect = f.effect_db
        said = f", up to {effect:.1f} dB off the peaks" if effect is not None and effect >= 0.05 else ""
        said = ", not installed here and not played" if f.device.played == "missing" else said
        parts.append(f"{f.label} ({WORDS[f.category]}{said})")
        if effect is not None and len(evidence) < MOST_PLACES:
            evidence.append(Measurement("reduction_db", effect, "dB"))
    message = f"Everything runs through {listed(parts)}. If it was mixed into, keep it; else leave it to mastering."
    return [
        Finding(
            ID, "info", severity("info"), "Dynamics on the mix bus", message, tuple(evidence),
            measured=counted(len(on), "device"), target="as meant",
            cause=tuple(Cause(n) for n in dict.fromkeys(f.channel.name for f in on)),
        )
    ]  # fmt: skip


def _overview(buses: Sequence[ChannelFacts], held: bool) -> Finding:
    """What everything runs through, and what was not recognised there."""
    devices = [(c, d) for c in buses for d in c.devices]
    names = listed([f"'{c.name}'" for c in buses]) or "no master"
    message = f"Everything runs through {names}, with {counted(len(devices), 'device')}."
    unknown = [f"'{d.name}'" for _, d in devices if category(d) is None]
    if unknown:
        message += f" Not known by name, and not judged: {listed(unknown)}."
    if not held:
        message += " No limiter, clipper or maximiser works there."
    return Finding(
        ID, "pass", "none", "Devices on the mix bus", message,
        (Measurement("mix_bus_devices", float(len(devices)), "devices"),),
        measured=counted(len(devices), "device"), target="no limiter",
    )  # fmt: skip
