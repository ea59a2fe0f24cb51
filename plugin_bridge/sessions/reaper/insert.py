"""New equalisers in the chains of plugins of a REAPER project, in REAPER's own words."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Sequence

from dsp.errors import UsageError
from plugin_bridge.sessions.model import Device
from plugin_bridge.sessions.reaper import eq
from plugin_bridge.sessions.reaper.edits import Edits
from plugin_bridge.sessions.reaper.text import Block, Part
from plugin_bridge.sessions.reaper.tracks import MASTER, Channel

#: Bytes of a state in a line: REAPER wraps its base64 after 128 letters.
_LINE_BYTES = 96
#: Blocks of a track that stand behind its chain.
_BEHIND = ("FXCHAIN_REC", "ITEM")


def insert(edits: Edits, channel: Channel, first: Sequence[Device], last: Sequence[Device]) -> None:
    """Puts devices before and behind all others of a channel. Raises UsageError where they cannot be."""
    if not first and not last:
        return
    is_master = channel.track.id == MASTER
    tag, switch = ("MASTERFXLIST", "MASTER_FX") if is_master else ("FXCHAIN", "FX")
    block, chain = channel.block, channel.block.block(tag)
    if block.whole(switch, 0, 1) == 0:
        if chain is not None and chain.blocks():
            raise UsageError("all plugins there are switched off, and would be switched on with it")
        edits.number(block, switch, 0, 1)
    if chain is None:
        indent, made = _indent(block), _plugins(channel, None, (*first, *last))
        inner = [b"  " + line for line in (b"SHOW 0", b"LASTSEL 0", b"DOCKED 0", *made)]
        new = [b"<" + tag.encode(), *inner, b">"]
        edits.lines_after(_place(block, is_master), [indent + line for line in new])
        return
    indent = _indent(chain)
    if first and any(chain.document.words(k)[1:2] not in ([], ["0"]) for k in chain.all("PARALLEL")):
        raise UsageError("plugins there run in parallel, and one before them would too")
    at = next((k for e in chain.entries if (k := _begins(chain, e)) is not None), chain.end)
    made = _plugins(channel, chain, (*first, *last))
    split = len(_plugins(channel, chain, first))
    edits.lines_after(at - 1, [indent + line for line in made[:split]])
    edits.lines_after(chain.end - 1, [indent + line for line in made[split:]])


def _begins(chain: Block, entry: int | Block) -> int | None:
    """The line in which a plugin begins, if it is one."""
    if isinstance(entry, Block):
        return entry.line
    return entry if chain.document.words(entry)[:1] == ["BYPASS"] else None


def _place(block: Block, is_master: bool) -> int:
    """The line after which REAPER writes a chain."""
    if not is_master:
        behind = block.blocks(*_BEHIND)
        return (behind[0].line if behind else block.end) - 1
    own = [k for k in block.entries if isinstance(k, int) and block.document.words(k)[0].startswith("MASTER_")]
    tracks = block.blocks("TRACK")
    return own[-1] if own else (tracks[0].line if tracks else block.end) - 1


def _indent(part: Part) -> bytes:
    """How far what stands in a part is set in."""
    lines = part.document.lines
    for entry in part.entries:
        raw = lines[entry.line if isinstance(entry, Block) else entry]
        return raw[: len(raw) - len(raw.lstrip())]
    raw = lines[part.line]
    return raw[: len(raw) - len(raw.lstrip())] + b"  "


def _plugins(channel: Channel, chain: Block | None, devices: Sequence[Device]) -> list[bytes]:
    """The lines of new devices. Their ids are made of where they stand and what they are set to: always the same."""
    others = " ".join(chain.document.words(k)[-1] for k in chain.all("FXID")) if chain else ""
    lines = list[bytes]()
    for number, device in enumerate(devices):
        state = eq.state_of(device)
        guid = uuid.uuid5(uuid.NAMESPACE_OID, f"{channel.track.id} {others} {number} {state.hex()}")
        lines += _plugin(device, state, f"{{{guid}}}".upper())
    return lines


def _plugin(device: Device, state: bytes, guid: str) -> Iterator[bytes]:
    if not (device.name.isascii() and device.name.isprintable() and '"' not in device.name):
        raise UsageError("its name cannot be written")
    yield f"BYPASS {0 if device.enabled else 1} 0 0".encode()
    uid = b"VSTreeqreaeq".ljust(16, b"\0").hex().upper()
    yield f'<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "{device.name}" {eq.NUMBER}<{uid}> ""'.encode()
    header = eq.PINS + len(state).to_bytes(4, "little") + eq.FLAGS
    for part in (header, state, eq.CLOSING):
        for k in range(0, len(part), _LINE_BYTES):
            yield b"  " + base64.b64encode(part[k : k + _LINE_BYTES])
    yield b">"
    yield b"FLOATPOS 0 0 0 0"
    yield f"FXID {guid}".encode()
    yield b"WAK 0 0"
