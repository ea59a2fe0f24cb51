"""Where levels rise above full scale on their way through a channel, and what takes them in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsp.checks._session_devices import HOLDS_PEAKS, category
from dsp.checks._session_path import fader_level, level_into, levels_of, peak, working
from dsp.session import ChannelFacts, DeviceFacts, Level


@dataclass(frozen=True)
class Rise:
    """Where a channel rises above full scale: the level there, what raised it, and who takes it in afterwards."""

    channel: ChannelFacts
    level: Level
    enters: bool  #: it is what comes into the channel
    by: DeviceFacts | None  #: None: what comes into the channel, or its fader
    before_dbfs: float  #: the level into what raised it
    strained: tuple[tuple[DeviceFacts, Level], ...]  #: plugins that get it, with the level they get
    held: DeviceFacts | None  #: a limiter or clipper that takes it next
    after_fader_dbfs: float


def rises_of(channel: ChannelFacts, full_dbfs: float) -> list[Rise]:
    """Where the level of a channel crosses full scale on its way up, by what comes in, a device or its fader.

    A fader counts where a plugin stands behind it; what leaves the channel is judged where it arrives.
    """
    found, before = list[Rise](), -math.inf
    fader, levels = fader_level(channel), levels_of(channel)
    on, after_fader = {d.stage: d for d in working(channel)}, peak(fader[1]) if fader else -math.inf
    for level in levels:
        here = peak(level)
        if here > full_dbfs >= before:
            by, enters = on.get(level.stage), level is levels[0]
            takers = _takers(channel, level.stage, full_dbfs)
            strained = tuple((d, lv) for d, lv in takers if _strains(d))
            if by is not None or enters or (fader and level is fader[1] and strained):
                held = takers[0][0] if takers and category(takers[0][0]) in HOLDS_PEAKS else None
                found.append(Rise(channel, level, enters, by, before, strained, held, after_fader))
        before = here
    return found


def _takers(channel: ChannelFacts, stage: int, full_dbfs: float) -> list[tuple[DeviceFacts, Level]]:
    """The devices that take the level in from that stage on, as long as it stays above full scale."""
    takers = list[tuple[DeviceFacts, Level]]()
    for device in working(channel):
        if device.stage > stage:
            level = level_into(channel, device)
            if level is None or peak(level) <= full_dbfs:
                break
            takers.append((device, level))
    return takers


def _strains(device: DeviceFacts) -> bool:
    """Whether too high a level can make it distort: any plugin that is not known to take it, and holds no peaks."""
    return category(device) not in ("clean", *HOLDS_PEAKS) and device.kind != "compressor"
