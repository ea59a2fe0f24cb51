"""The generic devices of sessions as Faust programs: two channels in, two channels and the gain applied out.

Every program's third output is the gain it applies (1 for an equaliser), from which gain reduction is read.

The filters are those of `dsp.correction.biquad`, each as a state-variable filter by the trapezoidal rule (A. Simper,
"Solving the continuous SVF equations", 2013), which keeps its precision in single floats where a direct form does not.
Dynamics are feed-forward with a level detector on the louder channel, a hard knee and smoothing of the gain in dB
(Giannoulis, Massberg and Reiss, "Digital dynamic range compressor design", JAES 60, 2012). The limiter's gain falls at
once, whatever its attack says, so that nothing passes its threshold. DAWs differ in all of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from dsp.correction.biquad import Sections, sections
from dsp.findings import EqMove
from plugin_bridge.sessions.model import Band, Device

#: Kinds that are played here.
PLAYED: Final = ("equalizer", "compressor", "limiter", "gate")
#: What a parameter is where a session does not say: mid settings of the programs that write it. Ours.
DEFAULTS: Final = {
    "compressor": {"threshold_db": -20.0, "ratio": 2.0, "attack_s": 0.01, "release_s": 0.1},
    "limiter": {"threshold_db": 0.0, "release_s": 0.1},
    "gate": {"threshold_db": -60.0, "ratio": 10.0, "attack_s": 0.001, "release_s": 0.1, "range_db": -80.0},
}

_HEAD: Final = """
import("stdfaust.lib");
svf(g, k, m0, m1, m2) = step ~ (_, _) : !, !, _
with {
  a = 1.0 / (1.0 + g * (g + k));
  step(s1, s2, x) = 2.0 * v1 - s1, 2.0 * v2 - s2, m0 * (x - k * v1 - v2) + m1 * v1 + m2 * v2
  with { v1 = a * (s1 + g * (x - s2)); v2 = s2 + g * v1; };
};
level(l, r) = max(max(abs(l), abs(r)), 1e-9) : ba.linear2db;
smooth(down, up) = step ~ _ with { step(y, x) = x + select2(x > y, up, down) * (y - x); };
apply(pre, post, gain, l, r) = pre * post * g * l, pre * post * g * r, g with { g = gain(pre * l, pre * r); };
"""


def program(device: Device, sample_rate: int) -> str:
    """A device as a Faust program."""
    p = {**DEFAULTS.get(device.kind, {}), **device.parameters}
    pre, post = _amplitude(p.get("input_gain_db", 0.0)), _amplitude(p.get("output_gain_db", 0.0))
    if device.kind == "equalizer":
        chain = " : ".join(_filters(device.bands, sample_rate)) or "_"
        return f"{_HEAD}eq = {chain} : *({pre * post:.9g});\nprocess(l, r) = eq(l), eq(r), 1.0;\n"
    threshold, fall = p["threshold_db"], _pole(p.get("attack_s", 0.0), sample_rate)
    rise = _pole(p["release_s"], sample_rate)
    if device.kind == "gate":
        slope, most = max(0.0, p["ratio"] - 1.0), abs(p["range_db"])
        cut = f"min({most:.9g}, {slope:.9g} * max(0.0, {threshold:.9g} - level(l, r)))"
        fall, rise = rise, fall  # a gate's attack opens it
    else:
        ratio = max(1.0, p["ratio"]) if device.kind == "compressor" else float("inf")
        fall = fall if device.kind == "compressor" else 0.0
        cut = f"{1.0 - 1.0 / ratio:.9g} * max(0.0, level(l, r) - {threshold:.9g})"
    gain = f"gain(l, r) = {cut} : smooth({fall:.9g}, {rise:.9g}) : *(-1.0) : ba.db2linear;\n"
    return f"{_HEAD}{gain}process = apply({pre:.9g}, {post:.9g}, gain);\n"


def _amplitude(gain_db: float) -> float:
    return float(10.0 ** (gain_db / 20.0))


def _pole(time_s: float, sample_rate: int) -> float:
    """What is left of a step after one sample, where after `time_s` 1/e is left."""
    return float(np.exp(-1.0 / (time_s * sample_rate))) if time_s > 0.0 else 0.0


def _filters(bands: Sequence[Band], sample_rate: int) -> list[str]:
    """Second-order sections of all bands that are on; one above half the sample rate does nothing."""
    made = []
    for band in bands:
        if band.enabled and 0.0 < band.frequency_hz < 0.5 * sample_rate:
            move = EqMove("", band.kind, band.frequency_hz, band.gain_db, band.q)
            made += [_svf(s) for s in sections(move, sample_rate)]
    return made


def _svf(section: Sections) -> str:
    """A second-order section as a state-variable filter with the same transfer function."""
    b0, b1, b2, _, a1, a2 = (float(c) for c in section)
    low, high = 1.0 + a1 + a2, 1.0 - a1 + a2
    g = np.sqrt(low / high)
    d = 4.0 / high
    k = (d - 1.0 - g * g) / g
    m0, m1, m2 = 0.25 * d * (b0 - b1 + b2), 0.5 * d * (b0 - b2) / g, 0.25 * d * (b0 + b1 + b2) / (g * g)
    return f"svf({g:.9g}, {k:.9g}, {m0:.9g}, {m1:.9g}, {m2:.9g})"
