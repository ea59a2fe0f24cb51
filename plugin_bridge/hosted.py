"""A target's moves through the plugin itself, hosted by pedalboard: what a DAW will play."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pedalboard
from pedalboard._pedalboard import Pedalboard  # the package does not declare it as exported

from dsp.correction.impulse import delay_samples, factor
from dsp.errors import UsageError
from dsp.findings import EqMove, Fix
from dsp.units import amplitude_db
from plugin_bridge.chain import Chain

#: The kinds of filters the plugin has, as it names them (native/parameters.hpp), and how many bands.
KINDS: Final = {
    "bell": "Bell", "low-shelf": "Low shelf", "high-shelf": "High shelf", "notch": "Notch", "high-pass": "High-pass",
    "low-pass": "Low-pass",
}  # fmt: skip
BANDS: Final = 8
#: Ranges of its parameters (native/parameters.hpp): hosts keep values as shares of them, of logarithms but for gain.
FREQUENCY_HZ, Q, GAIN_DB = (5.0, 24_000.0), (0.05, 100.0), (-24.0, 24.0)


def hosted_chain(moves: Sequence[Fix], sample_rate: int, plugin: Path) -> Chain:
    """The chain of `plugin_bridge.chain.chain`, its bands in the VST3 plugin that lies at a path.

    Delays are whole samples. Raises UsageError for what the plugin cannot be set to.
    """
    bands = [m for m in moves if isinstance(m, EqMove)]
    delay = delay_samples(moves)
    if delay != round(delay):
        raise UsageError(f"the plugin does not delay, and {delay:g} is no whole number of samples")
    if len(bands) > BANDS:
        raise UsageError(f"the plugin has {BANDS} bands, {len(bands)} are wanted")
    plugins: list[pedalboard.Plugin] = []
    if bands:
        plugins.append(_set(pedalboard.VST3Plugin(str(plugin)), bands))
    by = factor(moves)
    if abs(by) != 1.0:
        plugins.append(pedalboard.Gain(amplitude_db(abs(by))))
    if by < 0.0:
        plugins.append(pedalboard.Invert())
    return Chain(Pedalboard(plugins), sample_rate, 0, round(delay))


def _set(plugin: Any, bands: Sequence[EqMove]) -> Any:
    """The plugin with bands on; its attributes are its parameters, so no type says what it has."""
    plugin.correction = True
    for number, band in enumerate(bands, start=1):
        if band.kind not in KINDS:
            raise UsageError(f"the plugin has no {band.kind} filter")
        setattr(plugin, f"band_{number}_kind", KINDS[band.kind])
        setattr(plugin, f"band_{number}_on", True)
        for name, value, of in (("frequency_hz", band.frequency_hz, FREQUENCY_HZ), ("q", band.q, Q)):
            plugin.parameters[f"band_{number}_{name}"].raw_value = _share(math.log(value), *map(math.log, of))
        plugin.parameters[f"band_{number}_gain_db"].raw_value = _share(band.gain_db, *GAIN_DB)
    return plugin


def _share(value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise UsageError("a band is beyond what the plugin can be set to")
    return (value - least) / (most - least)
