"""**Why it matters.** Phones, smart speakers, clubs and half the room's far corners hear the mono sum. What
cancels there is gone, and it is usually a doubled guitar, a wide synth or a stereo reverb.

**How it is measured.** The energy of (L + R) / 2 against the mean energy of L and R, in dB, in total and in
every third octave that carries a hundredth of the energy or more: 0 dB for mono, -3 dB for unrelated
channels, less where they cancel.

**References.** SessionPrep (6 dB); bounce-house (0 mono-safe, -3 hard-panned).
"""

from __future__ import annotations

import math

import numpy as np

from dsp.checks._wording import grade, severity
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import from_power_db

ID, TITLE, DIMENSION, NEEDS = "mono-compatibility", "Mono compatibility", "mono", ("sound", "stereo")

#: Half a third octave as a ratio.
HALF_BAND = 10.0 ** (1 / 20)


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
    words = "everything" if math.isinf(loss) else f"{-loss:.1f} dB"
    message = f"In mono the mix loses {words}" + (" (unrelated channels lose 3 dB)" if loss < -2 else "")
    evidence = [Measurement("mono_loss_db", stereo.mono_loss_db, "dB")]
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
            measured=f"-{words}" if not math.isinf(loss) else words, target=f">= {warning:g} dB", fixes=fixes,
        ),
    )  # fmt: skip
