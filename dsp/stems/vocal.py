"""The level of the lead vocal beside what accompanies it, over time: the lead-to-accompaniment ratio.

Both are K-weighted powers of the third octaves. The accompaniment is what the stems that are neither vocals nor rooms
nor effects put into the sum of all stems (the real part of their cross spectra with it), so microphones at one drum add
up as they do in the mix; backing vocals and the lead's reverb belong to neither side. The stems are compared with each
other, so what the bus does to both of them changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.meters.bands import FRAME_HOPS
from dsp.meters.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_HOPS, OFFSET_LU, RELATIVE_GATE_LU
from dsp.meters.sections import Section
from dsp.meters.windows import nearest_rank, window_sums
from dsp.stems.model import SUM, Stem, Stems
from dsp.stems.parts import REPEATS
from dsp.stems.phrases import band_weights, phrases
from dsp.units import Curve, from_power_db, power_db

#: Roles on neither side: they sing with the lead, or repeat what others play.
NEITHER = ("backing-vocal", *REPEATS)
LEAD = "lead-vocal"
#: A section is told in which the lead sings for so long; a phrase counts for the spread likewise (s).
SECTION_S, PHRASE_S = 4.0, 0.5
#: The accompaniment counts where it is within so much of its own mean: a bare line is not set beside silence.
REST_GATE_DB = -20.0
#: Spread of phrases: between these shares of them.
LOW_SHARE, HIGH_SHARE = 0.1, 0.9


@dataclass(frozen=True)
class Passage:
    """A stretch and the lead's level in it: LU over the accompaniment while it sings, and for how long it does."""

    start_s: float
    end_s: float
    over_rest_lu: float
    sings_s: float


@dataclass(frozen=True)
class VocalLevel:
    """`over_rest_lu` is over the accompaniment, `over_mix_lu` over the sum of all stems, both while the lead sings."""

    over_rest_lu: float
    over_mix_lu: float
    sings_s: float
    sections: tuple[Passage, ...]
    phrases: tuple[Passage, ...]

    @property
    def phrase_spread_lu(self) -> float | None:
        """Between the softest and the loudest tenth of the phrases; None for fewer than five."""
        if len(self.phrases) < 5:
            return None
        levels = np.array([p.over_rest_lu for p in self.phrases])
        return nearest_rank(levels, HIGH_SHARE) - nearest_rank(levels, LOW_SHARE)


def leads(stems: Stems) -> tuple[Stem, ...]:
    """The stems of the lead vocal."""
    return tuple(s for s in stems.sounding if s.role.name == LEAD)


def accompaniment(stems: Stems) -> tuple[Stem, ...]:
    """The stems that accompany it."""
    return tuple(s for s in stems.sounding if s.role.name not in (LEAD, *NEITHER))


def vocal_level(stems: Stems, sections: Sequence[Section]) -> VocalLevel | None:
    """How the lead sits; None where there is no lead, nothing beside it, or they never sound together."""
    lead, rest = leads(stems), accompaniment(stems)
    if not lead or not rest:
        return None
    weights = band_weights(len(stems.band_hz))
    voice = _summed([s.readings.power for s in lead], weights)
    band = _summed([s.readings.cross[:, SUM, 0] for s in rest], weights)
    whole = np.asarray(stems.sum_power @ weights, dtype=np.float64)
    sings = _sings(voice, band, stems.channels)
    if not sings.any():
        return None

    def passage(start_s: float, end_s: float) -> Passage | None:
        span = slice(round(start_s / stems.frame_s), round(end_s / stems.frame_s) + 1)
        on = sings[span]
        if not on.any() or band[span][on].sum() <= 0.0:
            return None
        over = power_db(float(voice[span][on].sum() / band[span][on].sum()))
        return Passage(start_s, end_s, over, float(on.sum()) * stems.frame_s)

    hop_s = stems.frame_s / FRAME_HOPS
    hops = np.sum([s.readings.loudness.power for s in lead], axis=0)
    sung = [passage(p.start_s, p.end_s) for p in phrases(hops, hop_s)]
    told = [passage(s.start_s, s.end_s) for s in sections]
    return VocalLevel(
        over_rest_lu=power_db(float(voice[sings].sum() / band[sings].sum())),
        over_mix_lu=power_db(float(voice[sings].sum() / max(float(whole[sings].sum()), 1e-30))),
        sings_s=float(sings.sum()) * stems.frame_s,
        sections=tuple(p for p in told if p and p.sings_s >= SECTION_S),
        phrases=tuple(p for p in sung if p and p.sings_s >= PHRASE_S),
    )


def _summed(bands: Sequence[Curve], weights: Curve) -> Curve:
    """K-weighted power over time of several tracks together, averaged over 400 ms as momentary loudness is."""
    power = np.sum([b @ weights for b in bands], axis=0, dtype=np.float64)
    size = MOMENTARY_HOPS // FRAME_HOPS
    padded = np.pad(power, (size // 2, size - 1 - size // 2))
    return np.maximum(window_sums(padded, size) / size, 0.0)


def _sings(voice: Curve, band: Curve, channels: int) -> npt.NDArray[np.bool_]:
    """Frames in which the lead passes the gates of integrated loudness and something accompanies it."""
    on = voice >= from_power_db(ABSOLUTE_GATE_LUFS - OFFSET_LU) / channels
    if on.any():
        on &= voice >= float(voice[on].mean()) * from_power_db(RELATIVE_GATE_LU)
        on &= band > float(band[on].mean()) * from_power_db(REST_GATE_DB)
    return on
