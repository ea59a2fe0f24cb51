"""**Why it matters.** A solo left on, a muted part, a send into nothing, a clip that lies there twice: none of it is
heard as a fault, and all of it is exported, sent on and searched for later. The level of a mix belongs to its tracks: a
master fader that is not at 0 dB, or moves, hides what the bus really gets.

**How it is measured.** Read from the session itself: mutes, solos, outputs, sends, polarity, faders, and how clips lie.
A track counts as astray where neither its output nor a send of it leads to the master. Clips overlap where both are
heard and not both fade; the same file twice in the same place is twice as loud. Polarity is a fault only where the
stems prove it (*phase-alignment*). What the session holds and is not read, and what is rendered only nearly as the DAW
plays it, is listed.

**References.** themasteringstudio.com, how should I mix (no fades, nothing on the master fader before bouncing);
djtechtools forum, mixdown to mastering (not the master fader, the tracks); Recording Academy Producers & Engineers
Wing, delivery recommendations (consolidated, labelled tracks, unused ones removed).
"""

from __future__ import annotations

from collections.abc import Sequence

from dsp.checks import phase_alignment
from dsp.checks._naming import listed, names
from dsp.checks._session_fader import master_fader
from dsp.checks._session_hygiene import astray, dual_mono, empty, idle_sends, overlaps, silenced
from dsp.checks._session_words import MOST_DESCRIBED, MOST_FIXES, MOST_PLACES, counted, in_mix_s, lines, named_at, where
from dsp.checks._wording import severity
from dsp.findings import Advice, Cause, Finding, Fix, Measurement, PolarityMove, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.session import ChannelFacts, SessionFacts

ID, TITLE, DIMENSION, NEEDS = "session-hygiene", "Order in the session", "delivery", ("session",)
MEANS = "Something was tried, muted, soloed or moved on the way and never put back."
LISTEN = "The named places and tracks in the DAW, with and without them: does anything change in the mix?"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    facts = mix.session
    assert facts is not None  # NEEDS session
    judged = profile.number(ID, "judge_master_fader") > 0
    found = [
        *_solo(facts),
        *_master(facts, profile.number(ID, "master_fader_db"), "warning" if judged else "info"),
        *_polarity(facts, mix, profile),
        *_overlaps(facts, profile.number(ID, "overlap_s")),
        *_silenced(facts),
        *_astray(facts),
        *_sends(facts),
        *_empty(facts),
        *_dual_mono(facts),
        *_listed(facts.unread, "Not read from the session", "unread"),
        *_listed(facts.approximate, "Rendered only nearly as the DAW plays it", "approximate"),
    ]
    return (*found, _overview(facts, bool(found)))


def _say(
    status: Status, title: str, message: str, *, evidence: Sequence[Measurement], measured: str,
    named: Sequence[ChannelFacts] = (), fixes: Sequence[Fix] = (),
) -> Finding:  # fmt: skip
    return Finding(
        ID, status, severity(status), title, message, tuple(evidence), measured=measured, target="in order",
        cause=tuple(Cause(n) for n in dict.fromkeys(c.name for c in named)), fixes=tuple(fixes),
    )  # fmt: skip


def _number(name: str, of: Sequence[object], what: str) -> Measurement:
    return Measurement(name, float(len(of)), what)


def _solo(facts: SessionFacts) -> list[Finding]:
    on = [c for c in facts.channels if c.soloed]
    if not on:
        return []
    message = f"Solo is on: {names([c.name for c in on])}. What is exported may be only that."
    fixes = [Advice("Switch its solo off before exporting.", c.name) for c in on[:MOST_FIXES]]
    return [
        _say("warning", "A solo is on", message, evidence=[_number("soloed_channels", on, "channels")],
             measured=f"{len(on)} soloed", named=on, fixes=fixes)
    ]  # fmt: skip


def _master(facts: SessionFacts, tolerance_db: float, status: Status) -> list[Finding]:
    """A master that is off, not at 0 dB, or moves."""
    found = master_fader(facts, tolerance_db)
    if found is None:
        return []
    level = Measurement("master_fader_db", found.master.fader_db, "dB")
    return [
        _say("warning" if found.off else status, "The master is off" if found.off else "Master fader", found.words,
             evidence=[level], measured=found.measured, named=[found.master], fixes=found.fixes)
    ]  # fmt: skip


def _polarity(facts: SessionFacts, mix: Mix, profile: Profile) -> list[Finding]:
    """Channels with their polarity switched: a fault only where the stems prove it."""
    on = [c for c in facts.channels if c.inverted]
    if not on:
        return []
    proved = set[str]()
    if mix.stems is not None and mix.stems.sounding:
        for finding in phase_alignment.run(mix, profile):
            if finding.status in ("warning", "problem"):
                proved |= {f.target for f in finding.fixes if isinstance(f, PolarityMove)}
    wrong, rest = [c for c in on if c.name in proved], [c for c in on if c.name not in proved]
    found = []
    if wrong:
        message = (
            f"Switched in polarity, and it cancels with a track of the same source: {names([c.name for c in wrong])}"
        )
        message += " (see phase-alignment)."
        found.append(
            _say("warning", "Polarity", message, evidence=[_number("inverted_channels", wrong, "channels")],
                 measured=f"{len(wrong)} upside down", named=wrong, fixes=[PolarityMove(c.name) for c in wrong])
        )  # fmt: skip
    if rest:
        message = f"Polarity is switched on {names([c.name for c in rest])}; nothing measured says that it is wrong."
        found.append(
            _say("info", "Polarity", message, evidence=[_number("inverted_channels", rest, "channels")],
                 measured=f"{len(rest)} switched", named=rest)
        )  # fmt: skip
    return found


def _overlaps(facts: SessionFacts, least_s: float) -> list[Finding]:
    every = overlaps(facts, least_s)
    found = []
    for twice, title in ((True, "The same clip twice"), (False, "Clips overlap without a crossfade")):
        some = [o for o in every if o.twice == twice]
        if not some:
            continue
        words = listed(
            [f"'{o.clip.name}' on '{o.channel.name}' at {where(facts, o.start_s)}" for o in some], MOST_DESCRIBED
        )
        message = f"{words}: both are heard, and where they overlap they add up."
        if twice:
            message = f"The same file lies twice in the same place and is twice as loud: {words}."
        fixes = [Advice(f"Remove one of the two '{o.clip.name}'.", o.channel.name) for o in some[:MOST_FIXES]]
        places = [Measurement("overlap_s", o.end_s - o.start_s, "s", _span(facts, o.start_s, o.end_s)) for o in some]
        found.append(
            _say("warning" if twice else "info", title, message, evidence=places[:MOST_PLACES],
                 measured=counted(len(some), "overlap"), named=[o.channel for o in some], fixes=fixes if twice else ())
        )  # fmt: skip
    return found


def _span(facts: SessionFacts, start_s: float, end_s: float) -> tuple[float, float] | None:
    start, end = in_mix_s(facts, start_s), in_mix_s(facts, end_s)
    return None if start is None or end is None else (start, max(start, end))


def _silenced(facts: SessionFacts) -> list[Finding]:
    rows = silenced(facts)
    if not rows:
        return []
    words = named_at([(c.name, f"({why})") for c, why in rows], MOST_FIXES)
    return [
        _say("info", "Not heard: muted", f"{words}. If it is not meant to be heard, leave it out of the delivery.",
             evidence=[_number("silenced_channels", rows, "channels")], measured=f"{len(rows)} muted",
             named=[c for c, _ in rows])
    ]  # fmt: skip


def _astray(facts: SessionFacts) -> list[Finding]:
    rows = astray(facts)
    if not rows:
        return []
    words = named_at([(c.name, why) for c, why in rows])
    message = f"Not muted, and not in the mix: {words}. Right for a click or a reference track only."
    return [
        _say("info", "Not heard: astray", message, evidence=[_number("astray_channels", rows, "channels")],
             measured=f"{len(rows)} astray", named=[c for c, _ in rows])
    ]  # fmt: skip


def _sends(facts: SessionFacts) -> list[Finding]:
    rows = idle_sends(facts)
    if not rows:
        return []
    words = [f"'{c.name}' to '{s.target}' ({why})" if s.target else f"'{c.name}' ({why})" for c, s, why in rows]
    return [
        _say("info", "Sends that feed nothing", f"{listed(words)}.", evidence=[_number("idle_sends", rows, "sends")],
             measured=f"{counted(len(rows), 'send')} idle", named=[c for c, _, _ in rows])
    ]  # fmt: skip


def _empty(facts: SessionFacts) -> list[Finding]:
    bare = empty(facts)
    if not bare:
        return []
    tracks, buses = ([c for c in bare if (c.kind == "track") == t] for t in (True, False))
    parts = [f"tracks without clips: {names([c.name for c in tracks])}"] if tracks else []
    parts += [f"buses that nothing feeds: {names([c.name for c in buses])}"] if buses else []
    message = "; ".join(parts)
    return [
        _say("info", "Empty channels", f"{message[0].upper()}{message[1:]}.",
             evidence=[_number("empty_channels", bare, "channels")], measured=f"{len(bare)} empty", named=bare)
    ]  # fmt: skip


def _dual_mono(facts: SessionFacts) -> list[Finding]:
    same, _ = dual_mono(facts)
    if not same:
        return []
    message = f"Stereo files that hold the same on both sides, which could be mono: {names([c.name for c in same])}."
    return [
        _say("info", "Mono on stereo tracks", message, evidence=[_number("dual_mono_channels", same, "channels")],
             measured=f"{len(same)} dual mono", named=same)
    ]  # fmt: skip


def _listed(said: Sequence[str], title: str, word: str) -> list[Finding]:
    if not said:
        return []
    return [
        _say("info", title, f"{lines(said, MOST_FIXES)}.", evidence=[_number(f"{word}_items", said, "items")],
             measured=f"{len(said)} {word}")
    ]  # fmt: skip


def _overview(facts: SessionFacts, found: bool) -> Finding:
    """What there is."""
    kinds = {"track": 0, "bus": 0, "group": 0}
    for c in facts.channels:
        kinds[c.kind] = kinds.get(c.kind, 0) + 1
    clips = sum(len(c.clips) for c in facts.channels)
    parts = [counted(kinds[k], k) for k in ("track", "group", "bus") if kinds[k] or k == "track"]
    message = f"{listed(parts)} with {counted(clips, 'clip')}"
    message += "." if found or not clips else ": every one heard once, the master fader at 0 dB."
    _, mono = dual_mono(facts)
    if mono:
        message += f" Mono on stereo tracks, which is no fault: {names([c.name for c in mono])}."
    evidence = (
        Measurement("session_tracks", float(kinds["track"]), "tracks"),
        Measurement("session_clips", float(clips), "clips"),
    )
    return _say("pass", "Session", message, evidence=evidence, measured=counted(kinds["track"], "track"))
