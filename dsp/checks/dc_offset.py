"""**Why it matters.** A constant offset eats headroom on one side, makes compressors work on nothing and clicks at
every cut. It comes from a converter, an asymmetric distortion or a broken plugin. One that sets in or stops within
the song is a step that a high-pass in mastering turns into a thump.

**How it is measured.** The mean of the samples of each channel over the whole file; the larger counts, in dBFS. A
step is a change between the medians of the means of half seconds, three seconds before and after, that exceeds their
range on either side: bass notes and asymmetric waves move single half seconds only.

**References.** SessionPrep (warns above -40 dBFS). The thresholds of steps are our judgement.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clocks, grade, severity
from dsp.findings import ORDER, Advice, Finding, Fix, Measurement
from dsp.meters.level import Level
from dsp.meters.windows import frames_of
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.units import amplitude_db, from_amplitude_db

ID, TITLE, DIMENSION, NEEDS = "dc-offset", "DC offset", "gain staging", ("loudness",)
MEANS = "A converter, an asymmetric distortion, or a plugin that sets in or stops with an offset."
LISTEN = "A click or a thump where it starts, stops or is cut."

#: Half seconds compared on either side of a step; the one it falls into is left out.
BLOCKS = 6
#: A step exceeds the range of the half seconds on either side by this factor.
CLEAR = 1.5


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    offset = mix.readings.level.dc_offset_db
    good = profile.number(ID, "pass_dbfs")
    status = "pass" if offset is None else grade(offset, good, profile.number(ID, "problem_dbfs"))
    words = "none" if offset is None else f"{offset:.0f} dBFS"
    steps = _steps(mix.readings.level, from_amplitude_db(profile.number(ID, "step_dbfs")))
    fixes: tuple[Fix, ...] = ()
    message = f"The mean of the samples is {words}."
    if status != "pass":
        message += " It eats headroom and clicks at every cut."
    if steps:
        largest = max(size for _, size in steps)
        status = max(status, "warning", key=ORDER.index)
        message += f" It jumps by up to {amplitude_db(largest):.0f} dBFS at {clocks(at for at, _ in steps)}."
        words += f", step of {amplitude_db(largest):.0f} dBFS"
    if status != "pass":
        fixes = (
            Advice("Find the track with the offset and put a high-pass at 20 Hz or below, or a DC filter, on it."),
        )
    title = "No DC offset" if status == "pass" else "DC steps" if steps else "DC offset"
    evidence = (
        Measurement("dc_offset_db", offset, "dBFS"),
        *(Measurement("dc_step_dbfs", amplitude_db(size), "dBFS", at) for at, size in steps[:20]),
    )
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=words, target=f"<= {good:g} dBFS", fixes=fixes,
        ),
    )  # fmt: skip


def _steps(level: Level, least: float) -> list[tuple[float, float]]:
    """Where (s) and by how much (linear) the offset of a channel jumps."""
    means = level.block_means.T
    if means.shape[1] < 2 * BLOCKS + 1:
        return []
    runs = frames_of(np.ascontiguousarray(means), BLOCKS, 1)
    middle, spread = np.median(runs, axis=2), np.ptp(runs, axis=2)
    jump = np.abs(middle[:, BLOCKS + 1 :] - middle[:, : -BLOCKS - 1])
    clear = (jump >= least) & (jump >= CLEAR * np.maximum(spread[:, BLOCKS + 1 :], spread[:, : -BLOCKS - 1]))
    size = np.where(clear, jump, 0.0).max(axis=0)
    steps = []
    for k in map(int, np.flatnonzero(size)):
        first = max(0, k - BLOCKS)
        if k == first + int(size[first : k + BLOCKS + 1].argmax()):
            steps.append(((k + BLOCKS + 0.5) * level.block_s, float(size[k])))
    return steps
