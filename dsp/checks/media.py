"""**Why it matters.** A session whose files are not all there plays something else than the mix, and whoever opens it
elsewhere finds that out last. What is missing or cut short is missing from everything that is said of the mix.

**How it is measured.** Every clip's file is looked for where the session says and beside the session, and read. A file
that cannot be found or read, or ends before it says it does, is a problem where its clip is heard. A file of another
sample rate than the session is converted by the DAW, mostly without being told so; that is inaudible with the
converters in use, but a DAW that does not convert plays it at another speed, so it is said. So are files with more
channels than their track.

**References.** Recording Academy Producers & Engineers Wing, delivery recommendations (all files with the session);
src.infinitewave.ca (converters of the DAWs compared); Steinberg (a file of another rate plays at another pitch if it is
not converted).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsp.checks._naming import listed, names
from dsp.checks._session_words import MOST_DESCRIBED, MOST_FIXES, MOST_PLACES, counted, in_mix_s, where
from dsp.checks._wording import severity
from dsp.findings import Advice, Cause, Finding, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.session import ChannelFacts, ClipFacts, SessionFacts

ID, TITLE, DIMENSION, NEEDS = "media", "Media of the session", "delivery", ("session",)
MEANS = "The session was moved or sent without all of its files, or one was damaged or not fully written."
LISTEN = "The places named, in the DAW: does it play there what you expect?"


@dataclass(frozen=True)
class Use:
    """A clip on its channel."""

    channel: ChannelFacts
    clip: ClipFacts

    @property
    def heard(self) -> bool:
        """Whether it would be heard in the mix."""
        return self.channel.heard and not self.clip.muted


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    facts = mix.session
    assert facts is not None  # NEEDS session
    uses = [Use(c, k) for c in facts.channels for k in c.clips]
    offline, partial = [u for u in uses if u.clip.offline], [u for u in uses if u.clip.partial and not u.clip.offline]
    found = [
        *_broken(facts, offline, len(uses), "Media that are not there", lambda k: k.offline),
        *_broken(facts, partial, len(uses), "Media that are cut short", lambda k: k.partial),
        *_rates(facts, uses),
        *_channels(facts, uses),
    ]
    return (*found, _overview(facts, uses, len(offline), len(partial)))


def _broken(
    facts: SessionFacts, uses: Sequence[Use], total: int, title: str, why: Callable[[ClipFacts], str]
) -> list[Finding]:
    """Clips that cannot be played, or not to their end: a problem where they are heard."""
    heard, mute = [u for u in uses if u.heard], [u for u in uses if not u.heard]
    found = []
    if heard:
        found.append(_told(facts, heard, total, status="problem", title=title, why=why))
    if mute:
        found.append(_told(facts, mute, total, status="info", title=f"{title}, not heard", why=why))
    return found


def _told(
    facts: SessionFacts, uses: Sequence[Use], total: int,
    *, status: Status, title: str, why: Callable[[ClipFacts], str],
) -> Finding:  # fmt: skip
    offline = bool(uses[0].clip.offline)
    tracks = list(dict.fromkeys(u.channel.name for u in uses))
    by_media = dict[tuple[str, str], list[Use]]()
    for use in uses:
        by_media.setdefault((use.clip.media or use.clip.name, why(use.clip)), []).append(use)
    cannot = "cannot be played" if offline else "cannot be played to the end"
    message = f"{len(uses)} of {counted(total, 'clip')} on {counted(len(tracks), 'track')} {cannot}: {names(tracks)}."
    message += " " + " ".join(_words(facts, k[0], k[1], of) for k, of in list(by_media.items())[:MOST_DESCRIBED])
    if len(by_media) > MOST_DESCRIBED:
        message += f" And {len(by_media) - MOST_DESCRIBED} more files."
    if status == "problem":
        message += " All that is said of the mix is said without them."
    advice = "Put the file back where the session looks for it, or beside the session, or relink it in the DAW."
    if not offline:
        advice = "Copy or export the file again from where it is whole."
    fixes = tuple(Advice(advice, name) for name in tracks[:MOST_FIXES]) if status == "problem" else ()
    name = "offline_clip_s" if offline else "partial_clip_s"
    evidence = [
        Measurement(name, u.clip.end_s - u.clip.position_s, "s", _span(facts, u.clip)) for u in uses[:MOST_PLACES]
    ]
    counts = Measurement("offline_clips" if offline else "partial_clips", float(len(uses)), "clips")
    return Finding(
        ID, status, severity(status), title, message, (counts, *evidence),
        measured=f"partial: {counted(len(by_media), 'file')} {'missing' if offline else 'cut short'}",
        target="all there", cause=tuple(Cause(t) for t in tracks), fixes=fixes,
    )  # fmt: skip


def _words(facts: SessionFacts, media: str, why: str, uses: Sequence[Use]) -> str:
    first = min(uses, key=lambda u: u.clip.position_s)
    more = f" and {counted(len(uses) - 1, 'more clip')}" if len(uses) > 1 else ""
    at = where(facts, first.clip.position_s)
    return f"'{media}' ('{first.channel.name}', {at}{more}): {' '.join(why.split()).rstrip('.')}."


def _span(facts: SessionFacts, clip: ClipFacts) -> tuple[float, float] | None:
    """Where a clip lies in the mix."""
    start_s, end_s = in_mix_s(facts, clip.position_s), in_mix_s(facts, clip.end_s)
    return None if start_s is None or end_s is None else (start_s, max(start_s, end_s))


def _rates(facts: SessionFacts, uses: Sequence[Use]) -> list[Finding]:
    """Files of another rate than the session."""
    other = [u for u in uses if u.clip.sample_rate and u.clip.sample_rate != facts.sample_rate]
    if not other:
        return []
    by_rate = dict[int, dict[str, None]]()
    for use in other:
        by_rate.setdefault(use.clip.sample_rate or 0, {})[use.clip.media or use.clip.name] = None
    words = listed([f"{rate} Hz: {names(list(files), MOST_DESCRIBED)}" for rate, files in sorted(by_rate.items())])
    number = sum(map(len, by_rate.values()))
    message = f"{counted(number, 'file')} of another rate than the session ({facts.sample_rate} Hz), converted to it: "
    message += f"{words}. A DAW that does not convert plays them at another speed and pitch."
    evidence = [Measurement("media_rate_hz", float(rate), "Hz") for rate in sorted(by_rate)]
    return [
        Finding(
            ID, "info", severity("info"), "Media of another sample rate", message,
            (Measurement("session_rate_hz", float(facts.sample_rate), "Hz"), *evidence),
            measured=f"{counted(number, 'file')} converted", target=f"{facts.sample_rate} Hz",
            cause=tuple(Cause(n) for n in dict.fromkeys(u.channel.name for u in other)),
        )
    ]  # fmt: skip


def _channels(facts: SessionFacts, uses: Sequence[Use]) -> list[Finding]:
    """Files with more channels than their track takes."""
    wide = [u for u in uses if (u.clip.media_channels or 0) > u.channel.channels > 0]
    if not wide:
        return []
    rows = dict[tuple[str, str], str]()
    for u in wide:
        said = f"'{u.clip.media or u.clip.name}' ({u.clip.media_channels}) on '{u.channel.name}' ({u.channel.channels})"
        rows[(u.channel.name, u.clip.media)] = said
    message = f"Files with more channels than their track: {listed(list(rows.values()), MOST_DESCRIBED)}."
    message += " Only a part of them, or their sum, is heard."
    places = [
        Measurement("media_channels", float(u.clip.media_channels or 0), "channels", _span(facts, u.clip)) for u in wide
    ]
    return [
        Finding(
            ID, "info", severity("info"), "Media wider than their track", message, tuple(places[:MOST_PLACES]),
            measured=f"{counted(len(rows), 'file')} wider", target="as the track",
            cause=tuple(Cause(n) for n in dict.fromkeys(u.channel.name for u in wide)),
        )
    ]  # fmt: skip


def _overview(facts: SessionFacts, uses: Sequence[Use], offline: int, partial: int) -> Finding:
    """How many clips and files there are."""
    files = {u.clip.media for u in uses if u.clip.media}
    tracks = {u.channel.name for u in uses}
    message = f"{counted(len(uses), 'clip')} of {counted(len(files), 'file')} on {counted(len(tracks), 'track')}"
    message = message if uses else "There are no clips"
    message += (
        "."
        if not uses
        else ", all there."
        if not offline and not partial
        else f"; {offline} missing, {partial} cut short."
    )
    evidence = (
        Measurement("clips", float(len(uses)), "clips"),
        Measurement("media_files", float(len(files)), "files"),
        Measurement("session_rate_hz", float(facts.sample_rate), "Hz"),
    )
    return Finding(
        ID, "pass", "none", "Media", message, evidence, measured=counted(len(files), "file"), target="all there"
    )
