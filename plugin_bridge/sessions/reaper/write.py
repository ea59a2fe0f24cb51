"""Writes a changed session back into its REAPER project: words and new equalisers, all else as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from dsp.errors import UsageError
from plugin_bridge.sessions.media import Finder
from plugin_bridge.sessions.model import Clip, Device, Session, Track
from plugin_bridge.sessions.reaper.edits import Edits
from plugin_bridge.sessions.reaper.insert import insert
from plugin_bridge.sessions.reaper.items import Take
from plugin_bridge.sessions.reaper.read import Reading, reading
from plugin_bridge.sessions.reaper.text import Block, Document
from plugin_bridge.sessions.reaper.tracks import MASTER, Channel

#: Times closer than this are the same: less than a sample.
_NEAR_S: Final = 1e-6


def write_reaper(source: Path, before: Session, after: Session, out: Path) -> None:
    """Writes `source` with what differs from `before` to `after`; `out` must not exist.

    Beside the moves only paths of media change, where `out` lies in another folder: to the files that were found, below
    it relative, else absolute. A clip that is gone, as it was moved to before 0, is muted. New equalisers, before or
    behind all other devices, become ReaEQs; a pass of 24 dB per octave two bands of one. Raises UsageError for what
    cannot be written, InputError where the file is no longer what was read, OSError.
    """
    read = reading(source)
    edits = Edits(read.document)
    names = before.names
    for channel, old, new in _channels(read, before, after):
        _channel(edits, channel, old, new, names[old.id])
    if out.absolute().parent.resolve() != source.absolute().parent.resolve():
        _media(edits, before, source, out.absolute().parent.resolve())
    part = out.with_name(out.name + ".part")
    file = part.open("xb")
    try:
        with file:
            file.writelines(edits.lines())
        os.replace(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _channels(read: Reading, before: Session, after: Session) -> Iterator[tuple[Channel, Track, Track]]:
    """The channels three times over: where they stand, as they were, and as they shall be."""
    ids = [c.track.id for c in read.channels]
    if not ids == [t.id for t in before.channels] == [t.id for t in after.channels]:
        raise UsageError(f"{before.file}: the tracks are not those that were read from it")
    for channel, old, new in zip(read.channels, before.channels, after.channels, strict=True):
        if len(channel.takes) != len(old.clips) or len(channel.slots) != len(old.inserts):
            raise UsageError(f"{before.file}: track '{old.name}' is not as it was read")
        yield channel, old, new


def _channel(edits: Edits, channel: Channel, old: Track, new: Track, name: str) -> None:
    same = replace(
        new, fader=old.fader, volume=old.volume, inverted=old.inverted, clips=old.clips, inserts=old.inserts
    )  # fmt: skip
    if same != old:
        raise UsageError(f"'{name}': only level, polarity, clips and devices are written to a REAPER project")
    block, is_master = channel.block, old.id == MASTER
    if new.fader != old.fader:
        edits.number(block, "MASTER_VOLUME" if is_master else "VOLPAN", 0, new.fader)
    _volume(edits, channel, old, new, name)
    if new.polarity != old.polarity:
        if is_master:
            raise UsageError(f"'{name}': REAPER's master has no switch of polarity")
        edits.number(block, "IPHASE", 0, 1 if new.polarity < 0 else 0)
    elif new.inverted != old.inverted:
        raise UsageError(f"'{name}': REAPER turns the polarity of all channels of a track, not of one")
    for take, was, is_now in zip(channel.takes, old.clips, _matched(old.clips, new.clips, name), strict=True):
        if is_now is None:
            edits.number(take.item, "MUTE", 0, 1)
        elif was != is_now:
            _clip(edits, take, was, is_now, name)
    _devices(edits, channel, old, new, name)


def _volume(edits: Edits, channel: Channel, old: Track, new: Track, name: str) -> None:
    if new.volume == old.volume:
        return
    flat = [tuple(replace(p, value=0.0) for p in track.volume) for track in (old, new)]
    if flat[0] != flat[1] or len(channel.volume) != len(new.volume):
        raise UsageError(f"'{name}': of a volume envelope only the values are written to a REAPER project")
    for (k, _), was, is_now in zip(channel.volume, old.volume, new.volume, strict=True):
        if was.value != is_now.value:
            edits.word(k, 1, is_now.value)


def _matched(old: Sequence[Clip], new: Sequence[Clip], name: str) -> list[Clip | None]:
    """What has become of each old clip; None for one that is gone: as it is moved, it keeps its end in the media."""
    if len(old) == len(new):
        return list(new)
    left, found = list(new), list[Clip | None]()
    for clip in old:
        end_s = clip.offset_s + clip.length_s * clip.rate
        stays = (
            left
            and left[0].media == clip.media
            and abs(left[0].offset_s + left[0].length_s * clip.rate - end_s) < _NEAR_S
        )
        found.append(left.pop(0) if stays else None)
    if left:
        raise UsageError(f"'{name}': clips are not added to a REAPER project")
    return found


def _clip(edits: Edits, take: Take, old: Clip, new: Clip, name: str) -> None:
    same = replace(
        new, position_s=old.position_s, offset_s=old.offset_s, length_s=old.length_s, inverted=old.inverted
    )  # fmt: skip
    if same != old:
        raise UsageError(f"'{name}', clip '{old.name}': only time and polarity are written to a REAPER project")
    if new.position_s < 0.0 or new.length_s < 0.0:
        raise UsageError(f"'{name}', clip '{old.name}': it would begin before 0 or end before it begins")
    if new.position_s != old.position_s:
        edits.number(take.item, "POSITION", 0, new.position_s)
    if new.length_s != old.length_s:
        edits.number(take.item, "LENGTH", 0, new.length_s)
    if new.offset_s != old.offset_s:
        edits.number(take.part, "SOFFS", 0, new.offset_s - take.section_s)
    if new.inverted != old.inverted:
        key, index = ("VOLPAN", 2) if take.first else ("TAKEVOLPAN", 1)
        edits.number(take.part, key, index, -take.part.number(key, index, 1.0), fill=("1", "0"))


def _devices(edits: Edits, channel: Channel, old: Track, new: Track, name: str) -> None:
    """New equalisers before and behind the devices, and bypass of these."""
    before, kept, behind = _parted(old.inserts, new.inserts, name)
    try:
        insert(edits, channel, before, behind)
    except UsageError as error:
        what = ", ".join(f"'{d.name}'" for d in (*before, *behind))
        raise UsageError(f"'{name}': {what} cannot be written to a REAPER project: {error}") from error
    for slot, was, is_now in zip(channel.slots, old.inserts, kept, strict=True):
        if was.enabled == is_now.enabled:
            continue
        if slot.bypass is None or (is_now.enabled and not slot.outer):
            raise UsageError(f"'{name}': '{was.name}' cannot be switched by itself, as what holds it is off")
        edits.word(slot.bypass, 0, 0 if is_now.enabled else 1)
        if is_now.enabled and edits.document.number(slot.bypass, 1, 0.0):
            edits.word(slot.bypass, 1, 0)


def _parted(old: Sequence[Device], new: Sequence[Device], name: str) -> tuple[Sequence[Device], ...]:
    """Devices that are new before the old ones, the old ones, and those that are new behind them."""
    more = len(new) - len(old)
    if more < 0:
        raise UsageError(f"'{name}': devices are not taken out of a REAPER project; bypass them")
    for k in range(more + 1):
        kept = new[k : k + len(old)]
        if all(replace(d, enabled=o.enabled) == o for d, o in zip(kept, old, strict=True)):
            return new[:k], kept, new[k + len(old) :]
    raise UsageError(f"'{name}': the order and the settings of devices are not changed in a REAPER project")


def _media(edits: Edits, before: Session, source: Path, folder: Path) -> None:
    """Paths by which all files that are found from the source are found from another folder."""
    known = {m.name: m.file for t in before.tracks for c in t.clips for m in c.media if m.file is not None}
    finder = Finder(source, [f.parent for f in known.values()])
    inside = [w.replace("\\", "/") for w in edits.document.root.words("RECORD_PATH") if w]
    for block in _sources(edits.document):
        name = block.text("FILE")
        file = known.get(name) or (finder.find(name, inside=inside).file if name else None)
        k = block.at("FILE")
        if file is None or k is None or Path(name) == file:
            continue
        new = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.as_posix()
        if new != name.replace("\\", "/"):
            edits.text(k, 0, new)


def _sources(document: Document) -> Iterator[Block]:
    left = [document.root]
    while left:
        block = left.pop()
        if block.tag == "SOURCE" and block.at("FILE") is not None:
            yield block
        left += block.blocks()
