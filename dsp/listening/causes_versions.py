"""A reference that is the same mix made differently: its difference says which stem was changed."""

from __future__ import annotations

import numpy as np

from dsp.mix import Mix
from dsp.stems.model import Stems
from dsp.stems.versions import changes
from dsp.units import Curve

#: Less of a change of the mix (dB) in a region is none: it is not what makes it another one (our judgement).
LEAST_DB = 0.5


def changed_stems(stems: Stems, mix: Mix, weights: Curve, hot: bool) -> Curve | None:
    """Shares of the sounding stems in what became different from a reference in the weighted bands.

    None where no reference is a version of this mix, or no stem was changed there that way.
    """
    wanted = {r.source.name for r in mix.references}
    for k, reference in enumerate(stems.references):
        if reference.name not in wanted:
            continue
        effect = np.zeros(len(stems.sounding))
        for made in changes(stems, k):
            count = min(len(made.effect_db), len(weights))
            heard = np.isfinite(made.effect_db[:count]) & (weights[:count] > 0.0)
            for j, stem in enumerate(stems.sounding):
                if stem.name == made.stem and heard.any():
                    mean_db = float(made.effect_db[:count][heard].mean())
                    effect[j] = max(0.0, mean_db if hot else -mean_db)
        if effect.max(initial=0.0) >= LEAST_DB:
            return np.asarray(effect / effect.sum())
    return None
