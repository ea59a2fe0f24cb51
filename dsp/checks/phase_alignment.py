"""**Why it matters.** Two tracks of one source that do not move together eat each other: a kick without weight, a bass
that loses its low mids once the amplifier is faded in, a snare that gets thinner with its lower microphone. Every
fader then seems wrong, and no equaliser brings back what was cancelled.

**How it is measured.** For every pair of stems the coherence, over windows in which both are loud, tells whether
they heard one source; two players, two takes, or kick and bass on one beat did not, and are left alone. The delay is
the peak of the generalised cross-correlation within 24 ms, made exact by the slope of the phases of all coherent
bins; a minimum-phase filter between the two, as an amplifier is, is fitted together with it from their powers, their
cross spectrum and its phases. The error of the delay is given with it, for what a filter does above all that the
source holds cannot be told from a delay. A pair counts only where single notes agree with it. Polarity is the sign
of what they have in common at that delay. What mending brings is computed as the sum of the two sounds in the mix,
from 60 to 500 Hz and per octave. Overheads and rooms come late by nature: their distance is told, not blamed. Late is
the later one, unless a third of the same source sides with it; upside down is the one that contradicts the others, the
reference or the rest of the mix.

**References.** Knapp and Carter 1976, *The generalized correlation method for estimation of time delay*; Clifford
and Reiss 2010 to 2013 on microphones and bleed; Perez Gonzalez and Reiss 2008 on aligning channels. Thresholds of
coherence, peak ratio and gain are our judgement.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsp.checks._wording import severity
from dsp.findings import ORDER, Cause, DelayMove, Finding, Fix, Measurement, PolarityMove, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.misaligned import Misalignment, misalignment, related
from dsp.stems.phase import BODY_HZ, Pair, find_pairs

ID, TITLE, DIMENSION, NEEDS = "phase-alignment", "Phase between stems", "phase", ("stems",)
MEANS = (
    "Microphones at different distances, a plugin without latency compensation on one of two tracks, or a swapped wire."
)
LISTEN = "Both tracks alone and then together, in mono: does the sum gain weight, or does it get thin and hollow?"

#: At most this many pairs are listed as evidence where nothing is wrong.
MOST_PAIRS = 8


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    pairs = [p for p in find_pairs(stems) if _certain(p, profile) and related(stems, p)]
    told: dict[str, tuple[tuple[int, bool, float], Status, Misalignment]] = {}
    for pair in pairs:
        wrong = misalignment(stems, pair, pairs)
        status = _status(wrong, profile)
        rank = (ORDER.index(status), wrong.inverted or not wrong.natural, wrong.gain_db)
        if status != "pass" and (wrong.stem not in told or rank > told[wrong.stem][0]):
            told[wrong.stem] = (rank, status, wrong)
    if not told:
        return (_in_phase(pairs, mix, profile),)
    ranked = sorted(told.values(), key=lambda t: t[0], reverse=True)
    return tuple(_finding(wrong, status, mix, profile) for _, status, wrong in ranked)


def _certain(pair: Pair, profile: Profile) -> bool:
    """Whether the two share a source, and what is between them is beyond doubt."""
    return (
        pair.coherence >= profile.number(ID, "coherence")
        and pair.explained >= profile.number(ID, "explained")
        and pair.agreeing >= profile.number(ID, "agreeing")
        and pair.ratio >= profile.number(ID, "peak_ratio")
    )


def _status(wrong: Misalignment, profile: Profile) -> Status:
    """How bad it is that two stems disagree."""
    gain = wrong.gain_db
    heard = gain >= profile.number(ID, "warning_gain_db")
    combs = wrong.octave_db >= profile.number(ID, "octave_gain_db")
    if wrong.inverted:
        if gain >= profile.number(ID, "problem_gain_db") and not wrong.distant:
            return "problem"
        return "warning" if heard else "info" if combs or gain >= profile.number(ID, "info_gain_db") else "pass"
    if wrong.natural:
        return "info" if heard else "pass"
    return "warning" if heard else "info" if combs else "pass"


def _finding(wrong: Misalignment, status: Status, mix: Mix, profile: Profile) -> Finding:
    rate, pair = mix.source.sample_rate, wrong.pair
    samples = round(wrong.late_s * rate, 2)
    words, fixes = list[str](), list[Fix]()
    if wrong.inverted:
        words.append(f"{wrong.stem} is upside down against {wrong.twin}")
        fixes.append(PolarityMove(wrong.stem))
    if samples:
        delay = f"{1000.0 * abs(wrong.late_s):.2f} ms ({abs(samples):.1f} samples)"
        when = f"{delay} {'after' if samples > 0 else 'before'} {wrong.twin}"
        words.append(f"comes {when}" if wrong.inverted else f"{wrong.stem} comes {when}")
        fixes.append(DelayMove(wrong.stem, -samples))
    message = f"{' and '.join(words)}; both carry one source ({pair.coherence:.0%} of their power is common to them, "
    message += f"{pair.agreeing:.0%} of {len(pair.at_s)} moments agree). {_costs(wrong)}"
    if wrong.natural and not wrong.inverted:
        message += f" {1e3 * abs(wrong.late_s) * 0.343:.1f} m of air explain the delay: moving it is a matter of taste."
    if wrong.doubt:
        message += f" Which of the two was turned cannot be told from the sound; turning {wrong.twin} mends it as well."
    title = f"{wrong.stem} is {'inverted' if wrong.inverted else 'late' if samples > 0 else 'early'}"
    return Finding(
        ID, status, severity(status), title, message, _evidence(wrong, rate),
        measured=f"{wrong.stem}: {'inverted' if wrong.inverted else f'{1e3 * wrong.late_s:+.2f} ms'}",
        target=f"nothing to gain (< {profile.number(ID, 'warning_gain_db'):g} dB)",
        cause=(Cause(wrong.stem, 0.5 if wrong.doubt else 1.0), *((Cause(wrong.twin, 0.5),) if wrong.doubt else ())),
        fixes=tuple(fixes),
    )  # fmt: skip


def _costs(wrong: Misalignment) -> str:
    """What is lost, in words."""
    octave = f"up to {wrong.octave_db:.1f} dB around {1.4 * wrong.octave_hz:,.0f} Hz"
    if wrong.gain_db < 0.1:
        return f"Together they lose {octave}."
    return f"Together they lose {wrong.gain_db:.1f} dB between {BODY_HZ[0]:.0f} and {BODY_HZ[1]:.0f} Hz, {octave}."


def _evidence(wrong: Misalignment, rate: int) -> tuple[Measurement, ...]:
    pair = wrong.pair
    span = (pair.at_s[0], pair.at_s[-1])
    octave = (wrong.octave_hz, 2.0 * wrong.octave_hz)
    return (
        Measurement("delay_samples", wrong.late_s * rate, "samples", span),
        Measurement("delay_ms", 1000.0 * wrong.late_s, "ms"),
        Measurement("delay_error_samples", pair.error_s * rate, "samples"),
        Measurement("polarity", float(pair.polarity), ""),
        Measurement("gain_db", wrong.gain_db, "dB", band_hz=BODY_HZ),
        Measurement("octave_gain_db", wrong.octave_db, "dB", band_hz=octave),
        Measurement("coherence", pair.coherence, ""),
        Measurement("explained", pair.explained, ""),
        Measurement("agreeing", pair.agreeing, ""),
        Measurement("peak_ratio", pair.ratio, ""),
    )


def _in_phase(pairs: Sequence[Pair], mix: Mix, profile: Profile) -> Finding:
    """Nothing is wrong: what was looked at."""
    names = [f"{p.first} and {p.second} ({1000.0 * abs(p.lag_s):.2f} ms)" for p in pairs[:MOST_PAIRS]]
    message = "No two stems carry one source: nothing has to be aligned."
    if names:
        message = f"Stems that carry one source add up: {', '.join(names)}."
        if len(pairs) > len(names):
            message = f"{message[:-1]} and {len(pairs) - len(names)} more."
    evidence = (
        Measurement("coherent_pairs", float(len(pairs)), "pairs"),
        *(Measurement("delay_samples", p.lag_s * mix.source.sample_rate, "samples") for p in pairs[:MOST_PAIRS]),
    )
    return Finding(
        ID, "pass", "none", "Stems in phase", message, evidence,
        measured=f"{len(pairs)} pairs of one source",
        target=f"nothing to gain (< {profile.number(ID, 'warning_gain_db'):g} dB)",
    )  # fmt: skip
