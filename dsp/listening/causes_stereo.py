"""Who is wide, out of phase, off-centre or late in one channel: the side, the mid and the lean of every stem.

Of stems that were played apart the products of left and right add up, so each brings its own Re LR, its own mid
(LL + RR + 2 Re LR) / 4 and its own side (LL + RR - 2 Re LR) / 4. Where theirs together are far from the mix's, the
difference was made on the bus.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dsp.findings import Advice, Cause, Finding
from dsp.listening.causes_excess import weights_of
from dsp.listening.causes_trace import BUS, Trace, named, ranked, short, spans_of, value_of
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.attribution import Mask, Spectrum, frames_of_mix, frames_within
from dsp.stems.model import Stem, Stems
from dsp.units import SILENCE_POWER, Curve

#: The correlation of the mix lies this far below that of its stems together where the bus did it (our judgement).
BUS_CORRELATION = 0.3
#: The channel delay of the mix is that of its stems where they explain this part of it.
DELAY_PART = 0.5
#: A delay is looked for between these (Hz), as the check does.
DELAY_HZ = (100.0, 6_400.0)


@dataclass(frozen=True)
class Products:
    """LL, RR and Re LR of every sounding stem, shape (stems,), and of the mix, over chosen bands and frames."""

    left: Curve
    right: Curve
    both: Curve
    of_mix: tuple[float, float, float]

    @property
    def side(self) -> Curve:
        """Energy of the side of every stem."""
        return np.maximum((self.left + self.right - 2.0 * self.both) / 4.0, 0.0)

    @property
    def mid(self) -> Curve:
        """Energy of the mid of every stem."""
        return np.maximum((self.left + self.right + 2.0 * self.both) / 4.0, 0.0)

    @property
    def lost(self) -> float:
        """By how much the mix correlates less than its stems together would."""
        left, right, both = self.of_mix
        return _correlation(float(self.left.sum()), float(self.right.sum()), float(self.both.sum())) - _correlation(
            left, right, both
        )


def _correlation(left: float, right: float, both: float) -> float:
    return both / max(math.sqrt(max(left * right, 0.0)), SILENCE_POWER)


def products(mix: Mix, stems: Stems, frames: Mask | None, weights: Curve) -> Products:
    """Channel products of the stems and of the mix."""
    chosen = frames_of_mix(stems, frames)
    rows = np.array([_of_stem(s, chosen) @ weights for s in stems.sounding]).reshape(-1, 3)
    gram = mix.readings.gram
    data = gram.long_term(np.pad(chosen, (0, max(0, len(gram.data) - len(chosen))))[: len(gram.data)])
    if gram.channels == 2:
        left, right, both = (float(v) for v in data[:3] @ weights)
    else:
        left = right = both = float(data[0] @ weights)
    return Products(rows[:, 0], rows[:, 1], rows[:, 2], (left, right, both))


def _of_stem(stem: Stem, frames: Mask) -> Curve:
    """LL, RR and Re LR by band; a mono stem is the same in both."""
    data = stem.readings.gram.long_term(frames)
    return data[:3] if stem.readings.gram.channels == 2 else np.stack([data[0]] * 3)


def out_of_phase(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Correlation below zero, or level lost in mono: who brings side that has no mid."""
    found = {m.band_hz for m in finding.evidence if m.band_hz and m.name in ("band_mono_loss_db", "lost_on_a_phone_db")}
    weights = np.zeros(len(stems.band_hz))
    for band in found:
        weights = np.maximum(weights, weights_of(stems.band_hz, *band))
    weights = weights if found else np.ones(len(stems.band_hz))
    spans = spans_of(finding, "negative_correlation", "lost_on_a_phone_db") or spans_of(finding, "correlation_min")
    return _side(finding, mix, stems, weights, frames_within(stems, spans) if spans else None)


def low_end(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Side in the low end."""
    below_hz = profile.number("low-end-mono", "below_hz")
    traced = _side(finding, mix, stems, (stems.band_hz < below_hz).astype(float), None)
    if traced is None or not traced.causes or traced.causes[0].stem == BUS:
        return traced
    worst = traced.causes[0].stem
    advice = Advice(f"Make {short(worst)} mono below {below_hz:g} Hz.", worst)
    return Trace(traced.causes, traced.text, (advice, *finding.fixes))


def _side(finding: Finding, mix: Mix, stems: Stems, weights: Curve, frames: Mask | None) -> Trace | None:
    of = products(mix, stems, frames, weights)
    if not stems.summed and of.lost >= BUS_CORRELATION:
        text = f"The stems together correlate {of.lost:.2f} more than the mix: it is done on the mix bus."
        return Trace((Cause(BUS),), text)
    excess = np.maximum(of.side - of.mid, 0.0)
    shares = excess if excess.sum() > 0.0 else of.side
    causes = ranked(stems.sounding, shares)
    if not causes:
        return None
    k = next(j for j, s in enumerate(stems.sounding) if s.name == causes[0].stem)
    own = _correlation(float(of.left[k]), float(of.right[k]), float(of.both[k]))
    text = f"The side by stem: {named(causes, stems.sounding)}"
    silent_channel = min(of.left[k], of.right[k]) <= SILENCE_POWER
    text += "." if silent_channel else f"; {short(causes[0].stem)} alone correlates {own:+.2f} there."
    return Trace(causes, text)


def width(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Regions that are wide (their side) or narrow (their mid)."""
    said = [m for m in finding.evidence if m.band_hz and m.name.startswith(("wide_", "narrow_"))]
    if not said:
        return None
    wide = any(m.name.startswith("wide_") for m in said)
    kind = "wide_" if wide else "narrow_"
    weights = np.zeros(len(stems.band_hz))
    for m in said:
        if m.name.startswith(kind) and m.band_hz:
            weights = np.maximum(weights, weights_of(stems.band_hz, *m.band_hz))
    of = products(mix, stems, mix.loud_frames if mix.loud_frames.any() else None, weights)
    if wide:
        return _side(finding, mix, stems, weights, mix.loud_frames if mix.loud_frames.any() else None)
    causes = ranked(stems.sounding, of.mid)
    return (
        Trace(causes, f"What stands in the centre there, by stem: {named(causes, stems.sounding)}.") if causes else None
    )


def lean(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Which stems lean to the louder side."""
    balance = mix.readings.level.balance_db
    of = products(mix, stems, None, np.ones(len(stems.band_hz)))
    leans = of.left - of.right
    left = balance > 0.0 if balance is not None else bool(leans.sum() > 0.0)
    causes = ranked(stems.sounding, leans if left else -leans)
    side = "left" if left else "right"
    if not causes:
        return Trace((Cause(BUS),), "No stem leans that way: it is done on the mix bus.") if not stems.summed else None
    return Trace(causes, f"What leans {side}, by stem: {named(causes, stems.sounding)}.")


def channel_delay(finding: Finding, mix: Mix, stems: Stems, profile: Profile) -> Trace | None:
    """Stems whose own channels lie apart by what those of the mix do; the bus where none does."""
    samples, explained = value_of(finding, "channel_delay_samples"), value_of(finding, "explained")
    if samples is None or explained is None:
        return None
    gram = mix.readings.gram
    hz = np.arange(len(gram.bins)) * gram.bin_hz
    inside = (hz >= DELAY_HZ[0]) & (hz < DELAY_HZ[1]) & (gram.bins > 0.0)
    turn = np.exp(-2j * np.pi * hz * (samples / mix.source.sample_rate)) * np.sign(explained or 1.0)

    def gained(cross: Spectrum) -> float:
        """How much better the delay explains what left and right share than none does."""
        if len(cross) != len(hz):
            return 0.0
        return float(((cross * turn - cross).real / np.where(inside, gram.bins, 1.0))[inside].sum())

    whole = gained(gram.fine.cross)
    own = np.array([gained(s.readings.gram.fine.cross) for s in stems.sounding])
    causes = ranked(stems.sounding, own)
    if not stems.summed and float(np.maximum(own, 0.0).sum()) < DELAY_PART * whole:
        return Trace((Cause(BUS),), "No stem has this between its own channels: it happens on the mix bus or after it.")
    if not causes:
        return None
    return Trace(causes, f"The same lies between the channels of these stems: {named(causes, stems.sounding)}.")
