"""**Why it matters.** One channel a few samples late dulls the mix in mono and pulls its centre to the other
side; tens of milliseconds make an echo of everything. An inverted channel cancels what is in the centre. Both are
accidents of routing, latency or cabling that mastering would have to find first.

**How it is measured.** The cross spectrum of left and right over the song, divided by their power, turned into a
function of delay (generalised cross-correlation with coherence in place of PHAT's unit weights): what is common
to both channels makes one peak. The channel is late when one delay other than zero explains the phases of what is
common in nearly all octaves; instruments that are panned, or doubled with a delay, leave the others at zero. A
negative peak is an inverted channel.

**References.** C. Knapp and G. Carter 1976, *The generalized correlation method for estimation of time delay*; A.
Clifford and J. Reiss 2010 on delays between microphones. The thresholds are our judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.checks._wording import severity
from dsp.findings import DelayMove, Finding, Fix, Measurement, PolarityMove, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import Curve

ID, TITLE, DIMENSION, NEEDS = "channel-delay", "Delay and polarity between channels", "phase", ("sound", "stereo")
MEANS = "Latency that one channel was not compensated for, a swapped wire, or a widener over the whole mix."
LISTEN = "Mono: does the centre get thin, hollow or vanish? In stereo, does it lean to one side?"

#: Octaves looked at start at these frequencies (Hz): below, the wave is longer than the delays; above, codecs meddle.
OCTAVES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
#: Power below this share of the strongest bin is rounding.
FLOOR = 1e-12
#: Steps per sample on which the delay is searched, and the longest delay (s) that 100 ms windows can show.
STEPS, LONGEST_S = 8, 0.045


@dataclass(frozen=True)
class Lag:
    """The delay that explains best what the channels have in common.

    `samples` by which the right channel is late; `sign` -1 where one channel is inverted; `share` of what
    is common that the delay explains (1 all of it), `octaves` the same per octave, and `at_zero` what no
    delay would explain. `common` is what the channels have in common (0 nothing, 1 all), mean of octaves.
    """

    samples: float
    sign: int
    share: float
    octaves: Curve
    at_zero: float
    common: float


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stereo = mix.readings.stereo
    assert stereo is not None  # NEEDS stereo
    lag = None if stereo.one_sided else _lag(mix)
    if lag is None:
        why = "Only one channel sounds." if stereo.one_sided else "Too few octaves sound in both channels."
        correlation = Measurement("correlation", stereo.correlation, "")
        return (
            Finding(
                ID, "undetermined", "low", "Channel delay: undetermined", why, (correlation,),
                measured="not measurable", target="none",
            ),
        )  # fmt: skip
    rate = mix.source.sample_rate
    evidence = (
        Measurement("channel_delay_ms", 1000.0 * lag.samples / rate, "ms"),
        Measurement("channel_delay_samples", lag.samples, "samples"),
        Measurement("explained", lag.sign * lag.share, ""),
        Measurement("explained_without_delay", lag.at_zero, ""),
        Measurement("common", lag.common, ""),
    )
    # a delay shifts sounds out of the analysis window: less of what is common remains to be explained
    visible = 1.0 - abs(lag.samples) / rate / profile.number(ID, "window_s")
    enough = profile.number(ID, "explained") * visible
    agreeing = float((lag.octaves >= profile.number(ID, "octave_explained") * visible).mean())
    clear = (
        lag.common >= profile.number(ID, "common")
        and lag.share >= enough
        and agreeing >= profile.number(ID, "octaves")
        and lag.at_zero <= lag.share - profile.number(ID, "margin")
    )
    late_s = abs(lag.samples) / rate
    late = clear and abs(lag.samples) >= profile.number(ID, "least_samples")
    inverted = clear and lag.sign < 0
    if not (late or inverted):
        message = "What left and right have in common comes at the same time in both."
        if lag.common < profile.number(ID, "common"):
            message = "Left and right have too little in common for a delay between them to matter."
        return (
            Finding(
                ID, "pass", "none", "Channels in time", message, evidence,
                measured="none", target="none",
            ),
        )  # fmt: skip
    words, fixes = [], list[Fix]()
    status: Status = "problem"
    if inverted:
        words.append("inverted")
        fixes.append(PolarityMove("right channel"))
    if late:
        side = "right" if lag.samples > 0 else "left"
        words.append(f"{side} late by {1000.0 * late_s:.2f} ms")
        fixes.append(DelayMove(f"{side} channel", -round(abs(lag.samples), 2)))
        if not inverted and 1000.0 * late_s < profile.number(ID, "problem_ms"):
            status = "warning"
    message = f"{lag.share:.0%} of what left and right have in common fits this and nothing else: "
    if inverted:
        message += "one channel is inverted, so the centre cancels in mono"
    if late:
        message += " and " if inverted else ""
        message += (
            f"the {side} channel is {1000.0 * late_s:.2f} ms ({abs(lag.samples):.1f} samples) late, "
            f"which in mono cancels {_comb(late_s)}"
        )
    message += ". Look for a plugin without latency compensation, a cable, a converter or a widener on the mix bus."
    title = "One channel inverted" if inverted else "One channel late"
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=", ".join(words), target="none", fixes=tuple(fixes),
        ),
    )  # fmt: skip


def _comb(late_s: float) -> str:
    """Where two copies so far apart cancel, in words."""
    first = 0.5 / late_s
    return f"around {first:,.0f} Hz" + (" and its odd multiples" if 3.0 * first < 20_000.0 else "")


def _lag(mix: Mix) -> Lag | None:
    """The delay between the channels; None where fewer than three octaves sound."""
    gram = mix.readings.gram
    cross, power = gram.fine.cross, gram.bins
    hz = np.arange(len(power)) * gram.bin_hz
    sounding = power > FLOOR * power.max()
    # what is common per bin: 2 |S_LR| / (S_LL + S_RR), with its phase
    common = np.where(sounding, cross / np.maximum(power, 1e-300), 0.0)
    octaves = [(hz >= low) & (hz < 2 * low) & sounding for low in OCTAVES_HZ]
    octaves = [o for o, low in zip(octaves, OCTAVES_HZ, strict=True) if o.sum() >= 0.9 * low / gram.bin_hz]
    if len(octaves) < 3:
        return None
    inside = np.any(octaves, axis=0)
    count = STEPS * 2 * (len(cross) - 1)
    curve = np.fft.irfft(np.where(inside, common, 0.0), count)
    reach = min(round(LONGEST_S * mix.source.sample_rate * STEPS), count // 2 - 1)
    curve = np.roll(curve, reach)[: 2 * reach + 1]
    best = int(np.abs(curve).argmax())
    samples, sign = (reach - best) / STEPS, 1 if curve[best] > 0 else -1  # an early peak is a late right channel

    def explained(delay: float, inside: Curve) -> float:
        turned = common[inside] * np.exp(-2j * np.pi * hz[inside] * (delay / mix.source.sample_rate))
        return float(turned.real.sum() / max(np.abs(turned).sum(), 1e-300))

    return Lag(
        samples=samples,
        sign=sign,
        share=sign * explained(samples, inside),
        octaves=np.array([sign * explained(samples, o) for o in octaves]),
        at_zero=explained(0.0, inside),
        common=float(np.mean([np.abs(common[o]).mean() for o in octaves])),
    )
