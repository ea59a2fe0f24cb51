"""A mix and the references that suit it: what the reference check says of them as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.checks._wording import severity
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.listening.deviations import EDGE, hertz
from dsp.listening.reference import Beside, Comparison, Typical, region_tone, typical
from dsp.listening.suitability import Reason
from dsp.meters.bands import NOMINAL_HZ
from dsp.mix import Mix
from dsp.regions import REGIONS

ID = "reference"
#: Titles of what is said of references that are not compared.
REMARKS = ("The reference is the mix", "The same reference twice", "A reference that does not suit")
#: Names of files longer than this are shortened in sentences.
LONGEST_NAME = 40


@dataclass(frozen=True)
class Judged:
    """A comparison with, for every reference, what speaks against it."""

    comparison: Comparison
    reasons: tuple[tuple[Reason, ...], ...]

    @property
    def suiting(self) -> tuple[Beside, ...]:
        """The references that count: they suit and are not the mix, nor one that was given before."""
        pairs = zip(self.comparison.beside, self.reasons, strict=True)
        return tuple(b for b, why in pairs if not (why or b.itself or b.again))


def short(name: str) -> str:
    """A file's name without its folders, its middle left out where it is very long.

    >>> short("songs/one.wav")
    'one.wav'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return last if len(last) <= LONGEST_NAME else f"{last[: LONGEST_NAME - 15]}...{last[-12:]}"


def say(
    status: Status, title: str, message: str, *, evidence: tuple[Measurement, ...], measured: str, target: str = "",
    fixes: tuple[Fix, ...] = (),
) -> Finding:  # fmt: skip
    """A finding of the reference check."""
    return Finding(ID, status, severity(status), title, message, evidence, measured, target, fixes=fixes)


def silent(mix: Mix) -> list[Finding]:
    """References without a loudness."""
    return [
        say(
            "undetermined", "Reference without sound",
            f"'{short(r.source.name)}' is silent or shorter than 400 ms: there is nothing to compare with.",
            evidence=(Measurement("reference_duration_s", r.duration_s, "s"),), measured="reference silent",
        )
        for r in mix.references if r.readings.loudness.integrated_lufs is None
    ]  # fmt: skip


def remarks(judged: Judged) -> list[Finding]:
    """What is to be said of references that are not compared."""
    found = []
    for b, why in zip(judged.comparison.beside, judged.reasons, strict=True):
        level = (Measurement("reference_level_db", b.level_db, "dB"),)
        name = short(b.name)
        if b.itself:
            text = f"'{name}' is the mix itself, so there is nothing to learn from it. Give a song you admire."
            found.append(say("info", REMARKS[0], text, evidence=level, measured="the mix itself"))
        elif b.again:
            text = f"'{name}' was given twice; it counts once."
            found.append(say("info", REMARKS[1], text, evidence=level, measured="given twice"))
        elif why:
            text = f"'{name}' is no measure for this mix: {'; '.join(r.text for r in why)}. It is not compared."
            status: Status = "info" if judged.suiting else "undetermined"
            evidence = (*level, *(m for r in why for m in r.evidence))
            advice = Advice("Choose a song of the same kind: tempo, density and instruments like yours.")
            if any(m.name == "tilt_db" for m in evidence):
                advice = Advice(
                    "If it is a song of the same kind, the whole tilt of the mix is in question: go back to the levels "
                    "of its tracks. If not, choose another reference."
                )
            found.append(say(status, REMARKS[2], text, evidence=evidence, measured="does not suit", fixes=(advice,)))
    return found


def tone_of(judged: Judged) -> Typical:
    return typical([b.tone_db for b in judged.suiting])


def than(judged: Judged, spread_db: float) -> str:
    """What the mix is compared with, after "than"."""
    suiting = judged.suiting
    if len(suiting) == 1:
        return f"'{short(suiting[0].name)}'"
    return f"the {len(suiting)} references on average (they differ by {spread_db:.1f} dB among themselves)"


def difference_of(judged: Judged, name: str) -> tuple[float, float] | None:
    """Mean and spread of a reading, mix less references."""
    own = judged.comparison.readings[name]
    its = [b.readings[name] for b in judged.suiting]
    values = [own - v for v in its if v is not None] if own is not None else []
    return (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0) if values else None


def overview(judged: Judged, limit_db: float) -> Finding:
    """The whole comparison in numbers."""
    tone, band_hz = tone_of(judged), judged.comparison.band_hz
    evidence = [Measurement("reference_level_db", b.level_db, "dB") for b in judged.suiting]
    evidence += [Measurement("reference_zero_db", b.zero_db, "dB") for b in judged.suiting]
    for name in judged.comparison.readings:
        if difference := difference_of(judged, name):
            unit = "LU" if name.endswith(("lufs", "lu")) else "dB"
            evidence.append(Measurement(f"{name}_difference", difference[0], unit))
    for k, region in enumerate(REGIONS):
        span = (region.low_hz, region.high_hz)
        evidence.append(Measurement("region_tone_db", float(region_tone(band_hz, tone.mean)[k]), "dB", band_hz=span))
        width = typical([b.width_db for b in judged.suiting]).mean[k]
        evidence.append(Measurement("region_width_db", float(width), "dB", band_hz=span))
    for hz, mean, spread in zip(band_hz, tone.mean, tone.spread, strict=True):
        span = (float(hz) / EDGE, float(hz) * EDGE)
        evidence.append(Measurement("band_tone_db", float(mean), "dB", band_hz=span))
        if len(judged.suiting) > 1:
            evidence.append(Measurement("band_spread_db", float(spread), "dB", band_hz=span))
    k = int(np.nanargmax(np.abs(tone.mean)))
    ways = [(short(b.name), "up" if b.level_db >= 0 else "down", abs(b.level_db)) for b in judged.suiting]
    words = ", ".join(f"'{name}' turned {way} by {db:.1f} dB" for name, way, db in ways)
    return say(
        "pass", "Beside the references", f"Compared at equal loudness: {words}.", evidence=tuple(evidence),
        measured=f"{tone.mean[k]:+.1f} dB at {hertz(NOMINAL_HZ[k], 3)}", target=f"within {limit_db:g} dB",
    )  # fmt: skip
