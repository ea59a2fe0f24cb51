"""What undoes a change against another version of the mix, as well as bands can.

The filters that explain a change are fitted to the sound as it was, where a boost leaves little to see; the other way
round, bands are fitted to the curve of the change in dB. Whichever leaves less of it in the mix is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from dsp.correction.correction import MIX, Move
from dsp.correction.fit import Wanted, direct, fit
from dsp.findings import EqMove, GainMove
from dsp.mix import Mix
from dsp.stems.versions import Change, compared
from dsp.units import Curve

#: What a band of the mix may be off (dB; our judgement: a third of what is heard), and the least influence on the mix
#: that a stem is taken to have in a band: there it may be off that much more.
SPREAD_DB, LEAST_INFLUENCE = 0.3, 0.03
#: Fitted bands are better where the others leave so many times more outside, and more than this (spreads, squared).
BETTER, ENOUGH = 2.0, 1.0
#: A stem's influence is not told from less change than this (dB).
TOLD_DB: Final = 0.5


def undoing(mix: Mix, own: Sequence[Move], limit_db: float) -> list[Move]:
    """The moves that undo the change of a target by bands: its own, or better ones."""
    found = _change(mix, own[0].target)
    if found is None or mix.stems is None:
        return list(own)
    wanted = _wanted(mix.stems.band_hz, found)
    effect = direct(mix.stems.band_hz)
    bands = [m for m in own if isinstance(m, EqMove)]
    within = [replace(m, gain_db=max(-limit_db, min(limit_db, m.gain_db))) for m in bands]
    level_db = sum(m.gain_db for m in own if isinstance(m, GainMove))
    fitted = fit(wanted, own[0].target, limit_db, effect)
    if not fitted or wanted.cost(effect(within) + level_db) <= max(ENOUGH, BETTER * wanted.cost(effect(fitted))):
        return list(own)
    return [*(m for m in own if not isinstance(m, EqMove | GainMove)), *fitted]


def _change(mix: Mix, target: str) -> Change | None:
    """What was changed of a target, by the first version that tells."""
    stems = mix.stems
    for k in range(len(stems.references) if stems else 0):
        assert stems is not None
        for change in compared(stems, k).changes:
            if (change.stem or MIX) == target and change.over_time is None:
                return change
    return None


def _wanted(band_hz: Curve, change: Change) -> Wanted:
    known = np.isfinite(change.curve_db)
    curve, effect = np.nan_to_num(change.curve_db), np.nan_to_num(change.effect_db)
    influence = np.clip(np.abs(effect) / np.maximum(np.abs(curve), TOLD_DB), LEAST_INFLUENCE, 1.0)
    influence = np.where(np.abs(curve) < TOLD_DB, max(float(influence.max(initial=0.0)), LEAST_INFLUENCE), influence)
    return Wanted(band_hz, curve, SPREAD_DB / influence, known)
