"""An equaliser as processors of Ardour, in the shape Ardour 7.3 saves them: its own a-eq, our filter for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from lxml import etree

from dsp.errors import UsageError
from dsp.findings import EqMove
from dsp.stems.attribution import eq_response
from plugin_bridge.sessions.ardour import filter as ardour_filter
from plugin_bridge.sessions.ardour.devices import A_EQ, BELLS, OURS, SHELF_Q, SLOTS, octaves_of, shelf_set_to
from plugin_bridge.sessions.ardour.xml import Element
from plugin_bridge.sessions.model import Band, Device

_NO_PRESET: Final = {"last-preset-uri": "", "last-preset-label": "", "parameter-changed-since-last-preset": "1"}
#: Frequencies of the bands where nothing is set, the plugin's own.
RESTING_HZ: Final = {"l": 160.0, "1": 300.0, "2": 1000.0, "3": 2500.0, "4": 6000.0, "h": 9000.0}
#: What a-eq's ports take: frequency (Hz), gain (dB), bandwidth (octaves), see its a-eq.ttl.
HZ: Final = (20.0, 20_000.0)
DB: Final = (-20.0, 20.0)
OCTAVES: Final = (0.1, 4.0)
#: A shelf whose q is not a-eq's may differ from it by so much (dB).
NEAR_DB: Final = 0.05
#: Where that is looked at, in quarters of an octave from its frequency.
_OCTAVES: Final = np.arange(-16, 17)


@dataclass
class _Stage:
    """One processor: bands of an a-eq by slot, or one band of our filter."""

    bands: dict[str, Band] = field(default_factory=dict)
    filter: Band | None = None
    gain_db: float = 0.0


def processors(device: Device, channels: int, rate_hz: int, new_id: Callable[[], str]) -> list[Element]:
    """The processors of a new equaliser for so many channels. Raises UsageError for what Ardour cannot be set to."""
    if device.kind != "equalizer":
        raise UsageError(f"'{device.name}' is no equaliser, and nothing else is added to an Ardour session")
    if set(device.parameters) - {"output_gain_db"}:
        raise UsageError(f"'{device.name}' has parameters that Ardour's equaliser does not have")
    stages = list(_stages(device.bands))
    gain_db = device.parameters.get("output_gain_db", 0.0)
    if gain_db or not stages:
        if not DB[0] <= gain_db <= DB[1]:
            raise UsageError(f"Ardour's equaliser cannot change the level by {gain_db:.1f} dB")
        if not stages or stages[-1].filter is not None:
            stages.append(_Stage())
        stages[-1].gain_db = gain_db
    maker = _Maker(device.enabled, channels, rate_hz, new_id)
    return [maker.make(OURS if k == 0 else f"{OURS} ({k + 1})", stage) for k, stage in enumerate(stages)]


def _stages(bands: tuple[Band, ...]) -> Iterator[_Stage]:
    """Bands in their order: a new a-eq where the next one does not come after those before."""
    stage, at = _Stage(), 0
    for band in bands:
        slots = {"low-shelf": ("l",), "bell": BELLS, "high-shelf": ("h",)}.get(band.kind, ())
        if not slots or not _own(band):
            if not ardour_filter.fits(band) or not band.enabled:
                raise UsageError(
                    f"Ardour cannot be given a {band.kind} at {band.frequency_hz:g} Hz with a q of {band.q:g} and "
                    f"{band.gain_db:+g} dB"
                )
            if stage.bands:
                yield stage
            yield _Stage(filter=band)
            stage, at = _Stage(), 0
            continue
        free = [s for s in slots if SLOTS.index(s) >= at]
        if not free:
            yield stage
            stage, free = _Stage(), list(slots)
        stage.bands[free[0]] = band
        at = SLOTS.index(free[0]) + 1
    if stage.bands:
        yield stage


def _own(band: Band) -> bool:
    """Whether Ardour's own equaliser can be set to a bell or shelf."""
    if not (HZ[0] <= band.frequency_hz <= HZ[1] and DB[0] <= band.gain_db <= DB[1]):
        return False
    if band.kind == "bell":
        return OCTAVES[0] <= octaves_of(band.q) <= OCTAVES[1]
    shift = 10.0 ** (abs(band.gain_db) / 80.0)
    return HZ[0] * shift <= band.frequency_hz <= HZ[1] / shift and _q_differs_db(band) <= NEAR_DB


def _q_differs_db(band: Band) -> float:
    """How far a shelf of a-eq's q is from one of the q wanted, at most (dB)."""
    hz = band.frequency_hz * 2.0 ** (0.25 * _OCTAVES)
    wanted, got = (
        eq_response(EqMove("", band.kind, band.frequency_hz, band.gain_db, q), hz) for q in (band.q, SHELF_Q)
    )
    return float(np.abs(20.0 * np.log10(np.abs(wanted / got))).max())


@dataclass(frozen=True)
class _Maker:
    """Makes processors for so many channels."""

    enabled: bool
    channels: int
    rate_hz: int
    new_id: Callable[[], str]

    def make(self, name: str, stage: _Stage) -> Element:
        """One processor."""
        if stage.filter is not None:
            return self._filter(name, stage.filter)
        rows = list(_ports(stage, self.rate_hz))
        made = self._plugin(name, "lv2", A_EQ, self.channels)
        state = etree.SubElement(made, "lv2", _NO_PRESET)
        for symbol, _, value in rows:
            etree.SubElement(state, "Port", symbol=symbol, value=_text(value))
        for k, (symbol, called, value) in enumerate(rows):
            toggle = "Toggle" if symbol.startswith(("filtog", "enable")) else ""
            made.append(self._control(called, toggle, value, str(k)))
            made[-1].set("symbol", symbol)
        return made

    def _filter(self, name: str, band: Band) -> Element:
        values = (float(ardour_filter.KINDS.index(band.kind)), band.frequency_hz, band.q, band.gain_db)
        made = self._plugin(name, "luaproc", ardour_filter.identity(), 1)
        state = etree.SubElement(made, "luaproc", _NO_PRESET)
        etree.SubElement(state, "script", lua="Lua 5.3").text = ardour_filter.encoded()
        for k, value in enumerate(values):
            etree.SubElement(state, "Port", id=str(k), value=_text(value))
        for k, (called, value) in enumerate(zip(("Kind", "Frequency", "Q", "Gain"), values, strict=True)):
            made.append(self._control(called, "", value, str(k)))
        return made

    def _control(self, name: str, flags: str, value: float, parameter: str) -> Element:
        return etree.Element(
            "Controllable", name=name, id=self.new_id(), flags=flags, value=_text(value), parameter=parameter
        )  # fmt: skip

    def _plugin(self, name: str, kind: str, unique_id: str, count: int) -> Element:
        """What is the same of all plugins: `count` instances that together take all channels."""
        made = etree.Element(
            "Processor",
            {
                "id": self.new_id(), "name": name, "active": "1" if self.enabled else "0", "user-latency": "0",
                "use-user-latency": "0", "type": kind, "unique-id": unique_id, "count": str(count), "custom": "0",
            },
        )  # fmt: skip
        etree.SubElement(made, "Automation")
        each, channels = self.channels // count, self.channels
        for tag, number in (("ConfiguredInput", channels), ("CustomSinks", each), ("ConfiguredOutput", channels)):
            etree.SubElement(etree.SubElement(made, tag), "Channels", type="audio", count=str(number))
        etree.SubElement(made, "PresetOutput")
        for instance in range(count):
            for tag in ("InputMap", "OutputMap"):
                wires = etree.SubElement(made, f"{tag}-{instance}")
                for k in range(each):
                    to = str(instance * each + k)
                    etree.SubElement(wires, "Channelmap", {"type": "audio", "from": str(k), "to": to})
        etree.SubElement(made, "ThruMap")
        return made


def _ports(stage: _Stage, rate_hz: int) -> Iterator[tuple[str, str, float]]:
    """Symbol, name and value of all control ports of an a-eq, in their order."""
    for slot in SLOTS:
        values = [RESTING_HZ[slot], 0.0, 1.0]
        if band := stage.bands.get(slot):
            values = [band.frequency_hz, band.gain_db, octaves_of(band.q)]
            if slot not in BELLS:
                values[0] = shelf_set_to(band.kind, band.frequency_hz, band.gain_db, rate_hz)
        rows = (("freq", "Frequency"), ("g", "Gain"), ("bw", "Bandwidth"))[: 3 if slot in BELLS else 2]
        for (symbol, called), value in zip(rows, values, strict=False):
            yield f"{symbol}{slot}", f"{called} {slot.upper()}", value
    yield "master", "Master Gain", stage.gain_db
    for slot in SLOTS:
        on = slot in stage.bands and stage.bands[slot].enabled
        yield f"filtog{slot}", f"Filter {slot.upper()}", float(on)
    yield "enable", "Enable", 1.0


def _text(value: float) -> str:
    """A number as Ardour writes it: with all digits, whole ones without a point."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.17g}"
