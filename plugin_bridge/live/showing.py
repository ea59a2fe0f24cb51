"""What the window is told of a diagnosis, in the words and numbers of the link."""

from __future__ import annotations

import math

from plugin_bridge.link_results import Results
from plugin_bridge.live.judging import Judgement, SpectrumSeen
from plugin_bridge.live.measuring import lacking

READY, NOTHING = "Ready for mastering", "No problem in what was heard"
LISTENING, TOO_SHORT, WAITING = "Listening", "Too short to judge", "Press play"


def reading(value: float | None) -> float:
    """A reading as the link has it: NaN where there is none."""
    return math.nan if value is None else value


def headline(told: Judgement | None, playing: bool, heard: bool, missed: int) -> str:
    """The state in one line."""
    if told is None:
        text = LISTENING if playing else TOO_SHORT if heard else WAITING
    elif told.report.ready:
        text = READY
    else:
        problems = sum(line.status in ("problem", "crashed") for line in told.lines)
        text = f"Not ready: {problems} problem{'' if problems == 1 else 's'}" if problems else NOTHING
    words = lacking(missed)
    return f"{text} (incomplete: {', '.join(words)})" if words else text


def judged(shown: Results, told: Judgement | None, spectrum: SpectrumSeen) -> Results:
    """The same results with what the diagnosis and the spectrum have to show."""
    shown.spectrum_hz, shown.spectrum_db = spectrum.band_hz, spectrum.level_db
    shown.tolerance_low_db, shown.tolerance_high_db = spectrum.low_db, spectrum.high_db
    if told is not None:
        shown.readiness = told.readiness
        shown.lines, shown.bands, shown.regions = told.lines, told.bands, told.regions
        shown.loudness_range_lu = reading(told.value("loudness_range_lu"))
        shown.max_momentary_lufs = reading(told.value("max_momentary_lufs"))
        shown.max_short_term_lufs = reading(told.value("max_short_term_lufs"))
        shown.plr_db = reading(told.value("plr_db"))
    return shown
