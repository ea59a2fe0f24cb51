"""**Why it matters.** Between the clip and the fader a level can be anything, and the meter beside the fader does not
show it. Floating point itself does not clip, but plugins that model a circuit or work in fixed point do, and a fader
that is turned down afterwards only makes the distortion quieter. What leaves the master above full scale clips in every
file that is not floating point.

**How it is measured.** The session is rendered, and the peak is read where a channel begins, at the output of every
insert and after the fader. Where it rises above 0 dBFS is told with what raised it (the clips, a device, the sum of a
bus), which devices then take it in, and whether the fader hides it. What is played as described in the session, and
what is known to take any level, distorts nothing: that is only said.

**References.** Steinberg forum, gain staging (no clipping inside the mixer, only in plugins and at the output);
electronicproduction.co.uk, how hot levels make plugins distort; Recording Academy Producers & Engineers Wing (peaks of
a mix between -6 and -3 dBFS).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dsp.checks._session_devices import HOLDS_PEAKS, category
from dsp.checks._session_moves import turn_all
from dsp.checks._session_path import level_into, levels_of, master_of, peak, working
from dsp.checks._session_rises import Rise, rises_of
from dsp.checks._session_words import MOST_DESCRIBED, MOST_FIXES, MOST_PLACES, counted, in_mix_s, where
from dsp.checks._wording import severity
from dsp.findings import Advice, Cause, Finding, Fix, GainMove, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.session import SessionFacts

ID, TITLE, DIMENSION, NEEDS = "gain-path", "Level through the session", "gain staging", ("session",)
MEANS = "Recordings or samples come in at full level, and each insert adds some; the fader then hides what happened."
LISTEN = "The track alone with its plugins bypassed one after the other, at equal loudness: where does the edge go?"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    facts = mix.session
    assert facts is not None  # NEEDS session
    full, target = profile.number(ID, "full_dbfs"), profile.number(ID, "target_dbfs")
    out = _output(facts, profile.number(ID, "output_dbfs"), profile.number(ID, "output_target_dbfs"))
    rises = [
        r for c in facts.channels for r in rises_of(c, full) if not (out and c.kind == "master" and not r.strained)
    ]
    entering = [r for r in rises if r.enters]
    found: list[Finding] = []
    found += _told(facts, "Clips above full scale", [r for r in entering if r.channel.kind == "track"], target)
    found += _told(facts, "Devices that push the level above full scale", [r for r in rises if not r.enters], target)
    found += _told(facts, "Buses above full scale", [r for r in entering if r.channel.kind != "track"], target)
    found += _touching(facts, profile.number(ID, "touch_dbfs"), full)
    found += out
    return (*found, _overview(facts, bool(found)))


def _told(facts: SessionFacts, title: str, rises: Sequence[Rise], target_dbfs: float) -> list[Finding]:
    """One finding for those that strain a plugin, one for those that do not."""
    straining, harmless = [r for r in rises if r.strained], [r for r in rises if not r.strained]
    found = [_finding(facts, title, "warning", straining, target_dbfs)] if straining else []
    return [*found, *([_finding(facts, title, "info", harmless, target_dbfs)] if harmless else [])]


def _finding(facts: SessionFacts, title: str, status: Status, rises: list[Rise], target_dbfs: float) -> Finding:
    rises.sort(key=lambda r: -peak(r.level))
    message = " ".join(_words(facts, r) for r in rises[:MOST_DESCRIBED])
    if len(rises) > MOST_DESCRIBED:
        message += f" And {len(rises) - MOST_DESCRIBED} more."
    if status == "warning":
        message += " Floating point does not clip, but plugins that model a circuit or work in fixed point distort."
    else:
        message += " In floating point nothing is lost by that alone."
    fixes = tuple(f for r in rises[:MOST_FIXES] for f in _mend(facts, r, target_dbfs)) if status == "warning" else ()
    evidence = [m for r in rises[:MOST_PLACES] for m in _evidence(facts, r)]
    measured = f"up to {peak(rises[0].level):+.1f} dBFS"
    return Finding(
        ID, status, severity(status), title, message, tuple(evidence), measured=measured,
        target="<= 0 dBFS", cause=tuple(Cause(r.channel.name) for r in rises), fixes=fixes,
    )  # fmt: skip


def _words(facts: SessionFacts, rise: Rise) -> str:
    name, at = rise.channel.name, where(facts, rise.level.peak_at_s)
    level = f"{peak(rise.level):+.1f} dBFS at {at}"
    if rise.by is not None:
        from_ = f" from {rise.before_dbfs:+.1f}" if math.isfinite(rise.before_dbfs) else ""
        text = f"'{rise.by.name}' on '{name}' raises it{from_} to {level}"
    elif not rise.enters:
        text = f"The fader of '{name}' raises it to {level}"
    elif rise.channel.kind == "track":
        text = f"The clips of '{name}' reach {level}"
    else:
        text = f"What feeds '{name}' reaches {level}"
    if rise.strained:
        first, got = rise.strained[0]
        more = f" (and {len(rise.strained) - 1} more)" if len(rise.strained) > 1 else ""
        text += f", and '{first.name}'{more} gets {peak(got):+.1f} dBFS"
    elif rise.held is not None:
        text += f", where '{rise.held.name}' holds it"
    if (rise.enters or rise.by) and math.isfinite(rise.after_fader_dbfs) and rise.after_fader_dbfs <= 0.0:
        text += f"; after the fader it is {rise.after_fader_dbfs:.1f} dBFS, which hides it"
    return text + "."


def _evidence(facts: SessionFacts, rise: Rise) -> list[Measurement]:
    at_s = in_mix_s(facts, rise.level.peak_at_s)
    said = [
        Measurement("path_peak_dbfs", peak(rise.level), "dBFS", at_s),
        Measurement("path_over_s", rise.level.over_s, "s", in_mix_s(facts, rise.level.first_over_s)),
    ]
    for _, level in rise.strained:
        said.append(Measurement("plugin_input_dbfs", peak(level), "dBFS", in_mix_s(facts, level.peak_at_s)))
    if math.isfinite(rise.after_fader_dbfs):
        said.append(Measurement("after_fader_dbfs", rise.after_fader_dbfs, "dBFS"))
    return said


def _mend(facts: SessionFacts, rise: Rise, target_dbfs: float) -> tuple[Fix, ...]:
    """How to bring the hottest strained plugin to the target and leave the balance as it is."""
    name = rise.channel.name
    down = math.ceil(10.0 * (max(peak(lv) for _, lv in rise.strained) - target_dbfs)) / 10.0
    if rise.by is not None:
        text = f"Lower the output of '{rise.by.name}' by {down:.1f} dB"
        return (Advice(f"{text}, and make it up after '{rise.strained[-1][0].name}' or with the fader.", name),)
    if not rise.enters:
        first = rise.strained[0][0].name
        return (Advice(f"Put '{first}' before the fader, or lower the fader by {down:.1f} dB.", name),)
    if rise.channel.kind == "track":
        text = f"Lower the clips of '{name}' by {down:.1f} dB (clip gain or trim)"
        return (Advice(f"{text}, and make it up after '{rise.strained[-1][0].name}' or with the fader.", name),)
    moves = turn_all(facts, rise.channel, -down)
    makes_up = (GainMove(name, down),) if rise.channel.kind != "master" and isinstance(moves[0], GainMove) else ()
    return (*moves, *makes_up)


def _touching(facts: SessionFacts, touch_dbfs: float, full_dbfs: float) -> list[Finding]:
    """Tracks whose clips just reach full scale: normalised, or clipped when they were recorded."""
    rows = []
    for channel in facts.channels:
        levels = levels_of(channel)
        if channel.kind == "track" and channel.clips and levels and touch_dbfs <= peak(levels[0]) <= full_dbfs:
            rows.append((channel, levels[0]))
    if not rows:
        return []
    first = ", ".join(f"'{c.name}' at {where(facts, lv.peak_at_s)}" for c, lv in rows[:MOST_DESCRIBED])
    more = f" and {len(rows) - MOST_DESCRIBED} more" if len(rows) > MOST_DESCRIBED else ""
    message = f"Clips that reach full scale: {first}{more}. If they were recorded like that, they clipped."
    evidence = [
        Measurement("path_peak_dbfs", peak(lv), "dBFS", in_mix_s(facts, lv.peak_at_s)) for _, lv in rows[:MOST_PLACES]
    ]
    return [
        Finding(
            ID, "info", severity("info"), "Clips at full scale", message, tuple(evidence),
            measured=f"{counted(len(rows), 'track')} at full scale", target=f"< {touch_dbfs:g} dBFS",
            cause=tuple(Cause(c.name) for c, _ in rows),
        )
    ]  # fmt: skip


def _output(facts: SessionFacts, over_dbfs: float, target_dbfs: float) -> list[Finding]:
    """What leaves the master above full scale."""
    master = master_of(facts)
    levels = levels_of(master) if master else ()
    if master is None or not levels or peak(levels[-1]) <= over_dbfs:
        return []
    last = levels[-1]
    down = round(target_dbfs - peak(last) - 0.05, 1)
    message = f"'{master.name}' leaves at {peak(last):+.1f} dBFS, highest at {where(facts, last.peak_at_s)}"
    if last.first_over_s is not None:
        message += f", first above full scale at {where(facts, last.first_over_s)}"
    message += ": every file that is not floating point clips there."
    if any(category(d) in ("compressor", *HOLDS_PEAKS) for d in working(master)):
        message += " What works on the master then gets less level: lower its threshold by as much."
    evidence = (
        Measurement("output_peak_dbfs", peak(last), "dBFS", in_mix_s(facts, last.peak_at_s)),
        Measurement("output_over_s", last.over_s, "s", in_mix_s(facts, last.first_over_s)),
    )
    return [
        Finding(
            ID, "problem", severity("problem"), "The master clips", message, evidence,
            measured=f"out {peak(last):+.1f} dBFS", target=f"<= {over_dbfs:g} dBFS", cause=(Cause(master.name, 1.0),),
            fixes=turn_all(facts, master, down),
        )
    ]  # fmt: skip


def _overview(facts: SessionFacts, found: bool) -> Finding:
    """The highest level into a device, and what leaves the master."""
    sounding = [c for c in facts.channels if any(math.isfinite(peak(lv)) for lv in c.levels)]
    number = Measurement("channels_followed", float(len(sounding)), "channels")
    if not sounding:
        message = "Nothing sounds in this session: there is no level to follow."
        return Finding(
            ID, "undetermined", "low", "Levels: undetermined", message, (number,), measured="undetermined",
            target="<= 0 dBFS",
        )  # fmt: skip
    message = f"{counted(len(sounding), 'channel')} followed from the clips to the fader"
    inputs = [(lv, d, c) for c in sounding for d in working(c) if (lv := level_into(c, d)) and math.isfinite(peak(lv))]
    evidence = [number]
    if inputs:
        level, device, channel = max(inputs, key=lambda row: peak(row[0]))
        message += f"; the highest level into a device is {peak(level):+.1f} dBFS ('{device.name}' on '{channel.name}')"
        evidence.append(Measurement("device_input_dbfs", peak(level), "dBFS", in_mix_s(facts, level.peak_at_s)))
    master = master_of(facts)
    out = peak(levels_of(master)[-1]) if master and master.levels else -math.inf
    if master and math.isfinite(out):
        message += f"; '{master.name}' leaves at {out:+.1f} dBFS"
        evidence.append(Measurement("master_out_dbfs", out, "dBFS"))
    words = "followed" if found else f"out {out:+.1f} dBFS" if math.isfinite(out) else "no overload"
    return Finding(
        ID, "pass", "none", "Levels through the session", message + ".", tuple(evidence), measured=words,
        target="<= 0 dBFS",
    )  # fmt: skip
