"""The mixing desk as Faust text: one strip per stem (tone, fault if any, fader, pan), then the mix bus.

Stems are taken after fader and pan, so they add up to the mix bus. A stem panned to the centre stays mono and
feeds both sides at unity. DawDreamer's own panner is not unity at the centre, hence a pan law in gains here.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from plugin_bridge.demo import flaws as fault
from plugin_bridge.demo.flaws import Flaw, amplitude
from plugin_bridge.demo.performance import SAMPLE_RATE_HZ


class Stem(NamedTuple):
    """One strip. A ``stereo`` strip takes two inputs; a mono one is written in stereo only if panned."""

    name: str
    role: str
    fader_db: float
    pan: float = 0.0
    stereo: bool = False
    tone: str = "_"

    @property
    def channels(self) -> int:
        """How many channels the stem's file has."""
        return 2 if self.stereo or self.pan else 1


# The voices are equalised as an engineer would: less chest and nose, more air.
_LEAD_TONE: Final = (
    "fi.svf.bell(420, 0.9, -8.5) : fi.svf.bell(1000, 2.0, -7) : fi.svf.bell(2650, 1.6, -4)"
    " : fi.svf.bell(4600, 0.8, 9) : fi.svf.hs(9000, 0.7, -3)"
)
_CHOIR_TONE: Final = "fi.svf.bell(400, 0.9, -6) : fi.svf.bell(1000, 1.5, -6) : fi.svf.hs(3500, 0.7, 9)"
_KEYS_TONE: Final = "fi.svf.bell(390, 1.2, -5.5) : fi.svf.bell(245, 1.6, 4)"

# In the order in which the instruments' outputs arrive.
STEMS: Final[tuple[Stem, ...]] = (
    Stem("Kick In", "kick", -13.3),
    Stem("Kick Out", "kick", -15.9),
    Stem("Snare Top", "snare", -8.8),
    Stem("Snare Bottom", "snare", -22.8),
    Stem("Overheads", "cymbals", -14.5, stereo=True),
    Stem("Room", "room", -7.3, stereo=True),
    Stem("Bass DI", "bass", -14.7),
    Stem("Bass Amp", "bass", -16.7),
    Stem("Guitar L", "electric-guitar", -14.9, pan=-0.7),
    Stem("Guitar R", "electric-guitar", -15.3, pan=0.7),
    Stem("Keys", "keys", -5.5, stereo=True, tone=_KEYS_TONE),
    Stem("Lead Vox", "lead-vocal", 2.6, tone=_LEAD_TONE),
    Stem("Backing Vox", "backing-vocal", -7.2, stereo=True, tone=_CHOIR_TONE),
    Stem("Vocal Reverb", "effects", -5.8, stereo=True),
)

LATE_AMP_SAMPLES: Final = fault.LATE_AMP_MS * SAMPLE_RATE_HZ / 1000.0
LOOKAHEAD_SAMPLES: Final = 128
_HOLD_POWER_OF_TWO: Final = 512  # Longest window the sliding minimum has to reserve.


def fader_db(stem: Stem, flaws: frozenset[Flaw]) -> float:
    """Return where the stem's fader stands, which is lower for a snare that was recorded too hot."""
    too_hot = stem.name == "Snare Top" and "clipped-snare" in flaws
    return stem.fader_db + (fault.SNARE_FADER_DB if too_hot else 0.0)


def pan_gains(pan: float) -> tuple[float, float]:
    """Return (left, right) gains of the constant-power law, unity at the centre, pan from -1 to 1."""
    angle = (pan + 1.0) * math.pi / 4.0
    return math.sqrt(2.0) * math.cos(angle), math.sqrt(2.0) * math.sin(angle)


def desk_dsp(flaws: frozenset[Flaw]) -> str:
    """Return the Faust program from the instruments' outputs to the stems."""
    return _program(",\n  ".join(_strip(stem, flaws) for stem in STEMS))


def bus_dsp() -> str:
    """Return the Faust program that adds the stems up to the stereo mix."""
    pairs = ["(_, _)" if stem.channels > 1 else "(_ <: _, _)" for stem in STEMS]
    return _program(",\n  ".join(pairs) + " :> _, _")


def limiter_dsp() -> str:
    """Return a stereo-linked look-ahead brick-wall limiter.

    The gain needed is held at its minimum over the look-ahead, let go slowly, and averaged over the same
    look-ahead: the average has fully arrived when the delayed peak does, so nothing passes the ceiling.
    """
    drive, ceiling = amplitude(fault.LIMITER_DRIVE_DB), amplitude(fault.LIMITER_CEILING_DBFS)
    return _program(
        f"""par(i, 2, *({drive!r})) <: (si.bus(2), (peak : needed : hold : release : average)) : apply with {{
    peak(l, r) = max(abs(l), abs(r));
    needed(level) = min(1.0, {ceiling!r} / max(level, 1e-6));
    hold = ba.slidingMin({LOOKAHEAD_SAMPLES}, {_HOLD_POWER_OF_TWO});
    release = min ~ (1.0 - (1.0 - _) * ba.tau2pole(0.080));
    average = ba.slidingMeanp({LOOKAHEAD_SAMPLES}, {_HOLD_POWER_OF_TWO});
    // The last word against the rounding of the average itself.
    safe = max({-ceiling!r}) : min({ceiling!r});
    apply(l, r, gain) = (l, r) : par(i, 2, @({LOOKAHEAD_SAMPLES - 1}) * gain : safe);
}}"""
    )


def _strip(stem: Stem, flaws: frozenset[Flaw]) -> str:
    chain = " : ".join([stem.tone, *_faults(stem, flaws)])
    gain = amplitude(fader_db(stem, flaws))
    if stem.stereo:
        return f"par(i, 2, {chain} : *({gain!r}))"
    if stem.pan:
        left, right = pan_gains(stem.pan)
        return f"({chain} <: *({gain * left!r}), *({gain * right!r}))"
    return f"({chain} : *({gain!r}))"


def _faults(stem: Stem, flaws: frozenset[Flaw]) -> list[str]:
    """Return what goes wrong in this strip before its fader."""
    faults = []
    if stem.role == "electric-guitar" and "mud" in flaws:
        faults.append(f"fi.svf.bell({fault.MUD_HZ}, {fault.MUD_Q}, {fault.MUD_DB})")
    if stem.name == "Bass Amp" and "late-amp" in flaws:
        # Fourth-order Lagrange interpolation: flat far beyond where a bass cabinet stops.
        faults.append(f"de.fdelaylti(4, 256, {LATE_AMP_SAMPLES!r})")
    if stem.name == "Snare Top" and "clipped-snare" in flaws:
        ceiling = amplitude(fault.SNARE_CEILING_DBFS)
        faults.append(f"*({amplitude(fault.SNARE_OVERDRIVE_DB)!r}) : max({-ceiling!r}) : min({ceiling!r})")
    return faults


def _program(process: str) -> str:
    return f'import("stdfaust.lib");\nprocess =\n  {process};\n'
