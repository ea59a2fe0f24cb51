"""The master fader of a session: where it stands, and how to bring it back to 0 dB without changing the level."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsp.checks._session_devices import category
from dsp.checks._session_moves import turn_all
from dsp.checks._session_path import MOST_DB, levels_of, master_of, peak, working
from dsp.findings import Advice, Fix, GainMove
from dsp.session import ChannelFacts, SessionFacts


@dataclass(frozen=True)
class MasterFader:
    """What is wrong with it, in words and for the checklist, and what to do; `off`: nothing leaves the session."""

    master: ChannelFacts
    words: str
    measured: str
    fixes: tuple[Fix, ...]
    off: bool = False


def master_fader(facts: SessionFacts, tolerance_db: float) -> MasterFader | None:
    """What is wrong with the master fader; None where it stands still at 0 dB."""
    master = master_of(facts)
    if master is None:
        return None
    name, fader = master.name, master.fader_db
    if master.muted or not master.active:
        off = "muted" if master.muted else "switched off"
        advice = Advice("Switch the master on before exporting.", name)
        return MasterFader(master, f"'{name}' is {off}: nothing leaves the session.", off, (advice,), off=True)
    off_db = fader if fader is not None and tolerance_db < abs(fader) < MOST_DB else 0.0
    if master.automated:
        words = f"The fader of '{name}' is automated: rides belong to the tracks, fades to mastering."
        words += f" It stands at {off_db:+.1f} dB." if off_db else ""
        advice = Advice("Take the automation off the master fader, and fade in mastering.", name)
        return MasterFader(master, words, "automated", (advice,))
    if fader is None or fader == -math.inf:
        words = f"The fader of '{name}' is all the way down: nothing leaves the session."
        return MasterFader(master, words, "closed", (Advice("Put the master fader back to 0 dB.", name),), off=True)
    if off_db:
        words, fixes = _back_to_zero(facts, master, off_db)
        return MasterFader(master, words, f"{off_db:+.1f} dB", fixes)
    return None


def _back_to_zero(facts: SessionFacts, master: ChannelFacts, fader_db: float) -> tuple[str, tuple[Fix, ...]]:
    """The master fader to 0 dB: alone where there is room, else with everything that feeds it turned the other way."""
    text = f"The fader of '{master.name}' stands at {fader_db:+.1f} dB"
    levels = levels_of(master)
    top = peak(levels[-1]) if levels else -math.inf
    if not math.isfinite(top):
        return f"{text}.", (Advice("Put it back to 0 dB, and set the level on the tracks.", master.name),)
    home, at_zero_dbfs = GainMove(master.name, round(-fader_db, 2)), top - fader_db
    if at_zero_dbfs <= 0.0:
        return f"{text}, without need: at 0 dB the mix keeps below full scale.", (home,)
    text += f"; at 0 dB the mix would reach {at_zero_dbfs:+.1f} dBFS. The tracks are too hot together."
    feeding = turn_all(facts, master, round(fader_db, 2))
    if any(category(d) != "clean" for d in working(master)):
        text += " The devices on the master get less level then: lower their thresholds by as much."
    return text, (home, *feeding) if isinstance(feeding[0], GainMove) else feeding
