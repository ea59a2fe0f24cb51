"""**Why it matters.** A stereo file whose channels are equal is a mono mix: often a wrong export, a mono
plugin on the mix bus, or a monitor button left on.

**How it is measured.** The energy of the difference of the channels against their sum (side over mid); below
-60 dB the file is dual mono.

**References.** Essentia's FalseStereoDetector (correlation above 0.9995); SessionPrep.
"""

from __future__ import annotations

from dsp.findings import Advice, Finding, Measurement
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "stereo-width", "Stereo width", "stereo", ("sound", "stereo")


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stereo = mix.readings.stereo
    assert stereo is not None  # NEEDS stereo
    side = stereo.side_ratio_db
    evidence = (Measurement("side_ratio_db", side, "dB"), Measurement("correlation", stereo.correlation, ""))
    if stereo.dual_mono:
        return (
            Finding(
                ID, "info", "low", "Dual mono", "Left and right are the same: this is a mono mix in a stereo file.",
                evidence, measured="mono", target="stereo",
                fixes=(Advice("If stereo was meant, look for a mono button, plugin or export setting on the bus."),),
            ),
        )  # fmt: skip
    words = "no mid" if side is None else f"{side:.1f} dB side"
    message = "There is nothing in the centre." if side is None else f"The side lies {-side:.1f} dB below the mid."
    return (Finding(ID, "pass", "none", "Stereo", message, evidence, measured=words, target="stereo"),)
