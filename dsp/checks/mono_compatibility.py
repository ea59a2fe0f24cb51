"""**Why it matters.** Phones, smart speakers, clubs and half the room's far corners hear the mono sum. What
cancels there is gone, and it is usually a doubled guitar, a wide synth or a stereo reverb.

**How it is measured.** The energy of (L + R) / 2 against the mean energy of L and R, in dB, in total and in
every third octave that carries a hundredth of the energy or more: 0 dB for mono, -3 dB for unrelated
channels, less where they cancel. The score says how much of what a phone plays (from about 400 Hz up, one
loudspeaker) is left: 100 for mono, 50 for unrelated channels, 0 for opposite polarity; and which region of the
spectrum loses most there, when.

**References.** SessionPrep (6 dB); bounce-house (0 mono-safe, -3 hard-panned).
"""

from __future__ import annotations

import math

import numpy as np

from dsp.checks._wording import clocks, grade, severity, spans
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement
from dsp.listening.width import PHONE_HZ, WINDOW_S, phone_mono_score, region_widths
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import from_power_db

ID, TITLE, DIMENSION, NEEDS = "mono-compatibility", "Mono compatibility", "mono", ("sound", "stereo")
MEANS = "Doubled parts with opposite phase, wideners that delay one side, or reverbs wider than their source."
LISTEN = "Mono, on a phone: which part is gone?"

#: Half a third octave as a ratio.
HALF_BAND = 10.0 ** (1 / 20)


def _words(loss_db: float) -> str:
    """A loss in words: never "-0.0 dB"."""
    return "everything" if math.isinf(loss_db) else f"{abs(loss_db):.1f} dB"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stereo, bands, gram = mix.readings.stereo, mix.readings.band_stereo, mix.readings.gram
    assert stereo is not None  # NEEDS stereo
    assert bands is not None
    loss = -math.inf if stereo.mono_loss_db is None else stereo.mono_loss_db
    warning, problem = profile.number(ID, "warning_db"), profile.number(ID, "problem_db")
    status = grade(loss, warning, problem)
    power = gram.long_term()[:2].sum(axis=0)
    counts = power >= power.sum() * from_power_db(profile.number(ID, "band_share_db"))
    lost = np.flatnonzero(counts & (np.nan_to_num(bands.mono_loss_db, nan=0.0) < problem))
    words, score = _words(loss), ""
    message = f"In mono the mix loses {words}" + (" (unrelated channels lose 3 dB)" if loss < -2 else "")
    evidence = [Measurement("mono_loss_db", stereo.mono_loss_db, "dB")]
    if (phone := phone_mono_score(mix)) is not None:
        regions = [w for w in region_widths(mix) if w.counts]
        weakest = min((w for w in regions if w.region.high_hz > PHONE_HZ), key=lambda w: w.mono_loss_db, default=None)
        evidence += [
            Measurement("phone_mono_score", phone[0], ""),
            Measurement("phone_mono_loss_db", phone[1], "dB", band_hz=(PHONE_HZ, 20_000.0)),
            *(
                Measurement(
                    f"{w.region.name}_mono_loss_db", w.mono_loss_db, "dB", band_hz=(w.region.low_hz, w.region.high_hz)
                )
                for w in regions
            ),
        ]
        score = f"{phone[0]:.0f} of 100"
        message += f"; on a phone it scores {phone[0]:.0f} of 100"
        if weakest is not None and weakest.mono_loss_db < profile.number(ID, "region_db"):
            message += f", and the {weakest.region.label} lose{'' if weakest.region.label[-1] == 's' else 's'}"
            message += f" {_words(weakest.mono_loss_db)}"
            status = max(status, "info", key=ORDER.index)
            worst_times = weakest.at_s[np.nan_to_num(weakest.mono_loss_curve_db, nan=0.0) < problem]
            passages = spans(worst_times.tolist(), WINDOW_S)
            message += f", most at {clocks(a for a, _ in passages)}" if passages else ""
            band = (weakest.region.low_hz, weakest.region.high_hz)
            evidence += [Measurement("lost_on_a_phone_db", weakest.mono_loss_db, "dB", s, band) for s in passages[:6]]
    fixes: tuple[Fix, ...] = ()
    if len(lost):
        status = max(status, "problem", key=ORDER.index)
        worst = lost[np.argsort(bands.mono_loss_db[lost])]
        names = ", ".join(f"{gram.band_hz[k]:.0f} Hz ({-bands.mono_loss_db[k]:.0f} dB)" for k in worst[:4])
        message += f"; it loses most at {names}"
        evidence += [
            Measurement(
                "band_mono_loss_db", float(bands.mono_loss_db[k]), "dB",
                band_hz=(float(gram.band_hz[k] / HALF_BAND), float(gram.band_hz[k] * HALF_BAND)),
            )
            for k in worst
        ]  # fmt: skip
    if status != "pass":
        fixes = (Advice("Narrow or re-pan what is wide in that range; replace wideners that work by delay or phase."),)
    title = "Survives mono" if status == "pass" else "Lost in mono"
    return (
        Finding(
            ID, status, severity(status), title, message + ".", tuple(evidence),
            measured=(f"{min(loss, -0.0):.1f} dB" if not math.isinf(loss) else words) + (f", {score}" if score else ""),
            target=f">= {warning:g} dB", fixes=fixes,
        ),
    )  # fmt: skip
