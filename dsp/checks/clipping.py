"""**Why it matters.** A clipped peak is gone: mastering makes its distortion louder, and turning the file
down does not bring it back. Clipping is found here at any ceiling, not only at 0 dBFS.

**How it is measured.** Runs of three and more samples at the highest level of their half second, flat and
entered and left with a corner, that recur at the same level or are five samples long. A loud bass note is
flat at its crest too, but enters it smoothly, and does not count.

**References.** Laguna and Lerch 2016, AES 141, "An Efficient Algorithm for Clipping Detection and
Declipping".
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clocks, severity
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "clipping", "Clipping", "gain staging", ("sound",)
MEANS = "A stage between the tracks and the bounce ran into its ceiling."
LISTEN = "The loudest hits: crackle, or a kick and snare that have lost their ring."

#: Runs closer than this in time are one event to the ear (s), and at most this many are listed.
EVENT_S, MOST_EVENTS = 0.05, 20


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    clips = mix.readings.clipping
    status: Status = "pass"
    title, message = "No clipping", "No flat tops at any level."
    fixes: tuple[Fix, ...] = ()
    evidence = [Measurement("clipped_runs", clips.runs, "runs")]
    if clips.runs:
        status = "problem" if clips.runs >= profile.number(ID, "problem_runs") else "warning"
        times = clips.start_s[np.concatenate([[True], np.diff(clips.start_s) > EVENT_S])]
        ceiling = float(np.median(clips.ceiling_dbfs))
        title = "Clipped peaks"
        message = (
            f"{clips.runs} run{'s' if clips.runs > 1 else ''} of clipped samples, ceiling near {ceiling:.1f} dBFS,"
            f" up to {int(clips.length_samples.max())} samples long, at {clocks(times)}."
        )
        fixes = (
            Advice(
                "Find the stage that clips: the bounce (lower the mix bus), a plugin's output, or a track recorded"
                " too hot (record again or use a de-clipper on that track)."
            ),
        )
        evidence += [
            Measurement("clip_ceiling_dbfs", ceiling, "dBFS"),
            Measurement("longest_clipped_run", float(clips.length_samples.max()), "samples"),
            *(Measurement("clipped_at", ceiling, "dBFS", float(t)) for t in times[:MOST_EVENTS]),
        ]
    return (
        Finding(
            ID, status, severity(status), title, message, tuple(evidence),
            measured=f"{clips.runs} runs", target="none", fixes=fixes,
        ),
    )  # fmt: skip
