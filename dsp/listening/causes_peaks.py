"""Whose the peaks are: headroom, true peak, clipping, and what a limiter of mastering will meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dsp.findings import Advice, Cause, Finding, Fix, GainMove, Measurement
from dsp.listening.causes_trace import BUS, Trace, named, percent, ranked, short, spans_of
from dsp.meters.level import Level
from dsp.mix import Mix
from dsp.profile import Profile, load_instruments
from dsp.stems.model import Stems
from dsp.units import SILENCE_POWER, Curve, amplitude_db, from_amplitude_db, power_db

#: Peaks of the mix are looked for this many rows of 50 samples beyond a span.
ROWS_BESIDE = 1
#: Of a stretch of time, the peaks within this of its highest count (dB).
WITHIN_DB = 1.0
#: A clipped run of a stem this close to one of the mix is the same (s).
SAME_CLIP_S = 0.002
#: The most a stem is turned down (dB).
MOST_DB = 6.0
#: Level beside the mix and its spread (LU) of what has none of its own in `presets/instruments.toml`: those of the lead
#: vocal, the loudest single part (De Man et al. 2014); among fewer stems than this nobody is too loud.
LOUDEST_LU, LOUDEST_SPREAD_LU, LEAST_STEMS = -2.7, 1.6, 3


def peaks(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """The stems that make the peaks at the moments the finding names (the highest peak where it names none)."""
    spans = spans_of(finding) or highest(mix)
    shares, own = peak_shares(mix, stems, spans)
    causes = ranked(stems.sounding, shares)
    if not causes:
        return None
    worst = next(k for k, s in enumerate(stems.sounding) if s.name == causes[0].stem)
    text = f"Its peaks by stem: {named(causes, stems.sounding)}"
    text += f"; {short(causes[0].stem)} alone reaches {amplitude_db(float(own[worst])):.1f} dBFS there."
    fixes = _turned_down(finding, causes[0], too_loud_db(stems, worst))
    if fixes is None:
        return Trace(causes, text)
    move = fixes[0]
    assert isinstance(move, GainMove)
    share = causes[0].share or 0.0
    change_db = amplitude_db(1.0 - share * (1.0 - from_amplitude_db(move.gain_db)))
    text += f" {move.gain_db:+.1f} dB on {short(move.target)} would change these peaks by about {change_db:+.1f} dB."
    return Trace(causes, text, fixes, (Measurement("predicted_change_db", change_db, "dB"),))


def highest(mix: Mix) -> list[tuple[float, float]]:
    """The time of the true peak, as a span."""
    at_s = mix.readings.true_peak.at_s
    return [] if at_s is None else [(at_s, at_s)]


def peak_shares(mix: Mix, stems: Stems, spans: Sequence[tuple[float, float]]) -> tuple[Curve, Curve]:
    """Share of each sounding stem in the peaks of the mix within spans (s), and its highest peak at them (linear).

    Of independent tracks that add up to a peak, each is expected to bring a part in proportion to its power (the mean
    of a Gaussian given the sum), here that of the 10 ms in which the mix peaks.
    """
    reading = mix.readings.true_peak
    at_s = _moments(np.asarray(reading.rows), reading.row_s, spans) * reading.row_s
    power = np.array([_power_at(s.readings.level, at_s) for s in stems.sounding]).reshape(-1, len(at_s))
    total = power.sum(axis=0)
    share = (power / np.maximum(total, SILENCE_POWER))[:, total > SILENCE_POWER]
    own = np.array([peaks_at(s.readings.level, at_s).max(initial=0.0) for s in stems.sounding])
    return share.sum(axis=1) / max(share.shape[1], 1), own


def _power_at(level: Level, at_s: Curve) -> Curve:
    """Mean square of the 10 ms around these times, of all channels."""
    power = level.envelope.mean(axis=1) if level.envelope.size else np.zeros(0)
    hop = (at_s / level.hop_s).astype(int)
    inside = hop < len(power)
    return np.where(inside, power[np.where(inside, hop, 0)], 0.0) if len(power) else np.zeros(len(at_s))


def peaks_at(level: Level, at_s: Curve) -> Curve:
    """About how high (linear) a track peaks at these times: as its 10 ms lie to the loudest of the half second.

    That is its peak of the half second times the ratio of the RMS of these 10 ms and those beside to the highest.
    """
    rms = np.sqrt(np.maximum(level.envelope.max(axis=1, initial=0.0), 0.0))
    per_block = round(level.block_s / level.hop_s)
    peak = level.block_peaks.max(axis=1, initial=0.0)
    if not len(rms) or not len(peak):
        return np.zeros(len(at_s))
    loudest = np.pad(rms, (0, len(peak) * per_block))[: len(peak) * per_block].reshape(len(peak), -1).max(axis=1)
    hop = np.minimum((at_s / level.hop_s).astype(int), len(rms) - 1)
    block = np.minimum((at_s / level.block_s).astype(int), len(peak) - 1)
    near = np.max([np.roll(np.pad(rms, 1), k)[1:-1] for k in (-1, 0, 1)], axis=0)
    return np.asarray(peak[block] * np.minimum(1.0, near[hop] / np.maximum(loudest[block], 1e-12)))


def too_loud_db(stems: Stems, stem: int) -> float:
    """How far one of the sounding stems lies above its usual level in a mix, dB; 0 within the usual spread."""
    energy = np.array([float(s.readings.loudness.power.sum()) for s in stems.sounding])
    if len(energy) < LEAST_STEMS or energy[stem] <= 0.0:
        return 0.0
    role = load_instruments().get(stems.sounding[stem].role.name)
    usual, spread = (role.number("usual_level_lu"), role.number("usual_level_spread_lu")) if role else (None, None)
    if usual is None or spread is None:
        usual, spread = LOUDEST_LU, LOUDEST_SPREAD_LU
    above = power_db(float(energy[stem] / energy.sum())) - usual
    return above if above > spread else 0.0


def _moments(rows: Curve, row_s: float, spans: Sequence[tuple[float, float]]) -> npt.NDArray[np.intp]:
    """Rows of the mix that peak within spans."""
    found: list[int] = []
    for start, end in spans:
        first = min(max(0, int(start / row_s) - ROWS_BESIDE), max(len(rows) - 1, 0))
        inside = rows[first : int(end / row_s) + ROWS_BESIDE + 1]
        if len(inside):
            found += (first + np.flatnonzero(inside >= inside.max() * from_amplitude_db(-WITHIN_DB))).tolist()
    return np.unique(np.array(found, dtype=np.intp))


def _turned_down(finding: Finding, worst: Cause, above_db: float) -> tuple[Fix, ...] | None:
    """A cut of the stem that makes more than half of the peaks and is too loud; the mix is trimmed by the rest."""
    old = next((f for f in finding.fixes if isinstance(f, GainMove) and f.target == "mix" and f.gain_db < 0.0), None)
    share = worst.share or 0.0
    if old is None or share <= 0.5 or above_db <= 0.0:
        return None
    # the cut that alone would bring the peaks down by what the mix has to go
    enough = (from_amplitude_db(old.gain_db) - (1.0 - share)) / share
    gain_db = round(max(-MOST_DB, -above_db, amplitude_db(enough) if enough > 0.0 else -MOST_DB), 1)
    if gain_db > -0.5:
        return None
    left = old.gain_db - amplitude_db(1.0 - share * (1.0 - from_amplitude_db(gain_db)))
    trim = (GainMove("mix", round(left, 1)),) if left <= -0.1 else ()
    return (GainMove(worst.stem, gain_db), *trim, *(f for f in finding.fixes if f is not old))


def clipping(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Stems whose own flat tops coincide with those of the mix; else the bus, else who makes the peaks."""
    times = mix.readings.clipping.start_s
    hits = np.array([near_share(times, s.readings.clipping.start_s, SAME_CLIP_S) for s in stems.sounding])
    if hits.sum() > 0.0:
        causes = ranked(stems.sounding, hits)
        k = int(hits.argmax())
        stem = stems.sounding[k]
        ceiling = float(np.median(stem.readings.clipping.ceiling_dbfs))
        text = (
            f"{short(stem.name)} clips by itself at {hits[k]:.0%} of these times, at {ceiling:.1f} dBFS"
            f"{_others(causes[1:])}."
        ).replace("%", " %")
        advice = Advice("Record it again, de-clip it, or lower what clips it; the mix cannot mend that.", stem.name)
        return Trace(causes, text, (advice, *finding.fixes))
    traced = peaks(finding, mix, stems, profile)
    if traced is None:
        return None
    if stems.summed:
        return Trace(traced.causes, f"No stem clips by itself. {traced.text}")
    causes = (Cause(BUS), *traced.causes)
    text = f"No stem clips by itself at these times: it happens on the mix bus. {traced.text}"
    return Trace(causes, text)


def _others(causes: Sequence[Cause]) -> str:
    return f"; then {', '.join(short(c.stem) for c in causes[:2])}" if causes else ""


def near_share(times: Curve, others: Curve, within_s: float) -> float:
    """Share of `times` that lie within so much of one of `others` (sorted)."""
    if not len(times) or not len(others):
        return 0.0
    return float((np.searchsorted(others, times + within_s) > np.searchsorted(others, times - within_s)).mean())


def forecast(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """The stems that make the peaks a limiter would have to work on."""
    spans = spans_of(finding, "hard_work_db") or spans_of(
        finding, "streaming_reduction_max_db", "loud_reduction_max_db"
    )
    shares, _ = peak_shares(mix, stems, spans or highest(mix))
    causes = ranked(stems.sounding, shares)
    if not causes:
        return None
    text = f"The peaks that cost it, by stem: {named(causes, stems.sounding)}."
    if not any(isinstance(f, Advice) for f in finding.fixes):
        return Trace(causes, text)
    worst = causes[0]
    advice = Advice(f"Tame the peaks of {short(worst.stem)} ({percent(worst)} of them) at these times.", worst.stem)
    return Trace(causes, text, (advice, *finding.fixes))
