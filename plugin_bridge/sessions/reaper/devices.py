"""Chains of plugins in REAPER projects."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass, replace
from typing import Final

from plugin_bridge.sessions.model import Device, DeviceKind
from plugin_bridge.sessions.reaper.curves import active
from plugin_bridge.sessions.reaper.eq import MAGIC, equalizer
from plugin_bridge.sessions.reaper.notes import Place
from plugin_bridge.sessions.reaper.text import Block

#: What stands before the colon of a plugin's name, an i behind it for an instrument.
_KINDS: Final[dict[str, DeviceKind]] = {
    "VST": "vst2", "VST3": "vst3", "AU": "au", "AUv3": "au", "CLAP": "clap", "LV2": "lv2", "JS": "jsfx", "DX": "other",
}  # fmt: skip
#: Blocks that are plugins.
_PLUGINS: Final = ("VST", "AU", "CLAP", "LV2", "JS", "DX", "VIDEO_EFFECT")


@dataclass(frozen=True, slots=True)
class Slot:
    """A device, the line that says whether it is bypassed, and whether what holds it is on."""

    device: Device
    bypass: int | None
    outer: bool


def chain(block: Block | None, on: bool, here: Place) -> list[Slot]:
    """The devices of a chain in their order, containers opened; all are off where the chain is not `on`."""
    found, bypass = list[Slot](), None
    for entry in block.entries if block else ():
        if isinstance(entry, int):
            words = block.document.words(entry) if block else []
            if words[:1] == ["BYPASS"]:
                bypass = entry
            elif words[:1] == ["PARALLEL"] and words[1:2] not in ([], ["0"]):
                here.tell("plugins that REAPER runs in parallel are run one after another")
            elif words[:1] == ["WET"] and words[1:2] not in ([], ["1"]):
                here.tell("the wet/dry mix of a plugin is not played")
            continue
        if entry.tag == "CONTAINER":
            here.tell("a container of plugins is played as if they stood in the chain")
            found += chain(entry, on and _enabled(entry, bypass), here)
            bypass = None
        elif entry.tag in _PLUGINS:
            device, near = _device(entry, on and _enabled(entry, bypass))
            found.append(Slot(device, bypass, on))
            for line in near:
                here.tell(line)
            bypass = None
        elif entry.tag in ("PARMENV", "PROGRAMENV"):
            if entry.tag == "PROGRAMENV" or active(entry):
                here.tell("automation of a plugin's parameter is not played")
        elif entry.tag == "JS_PINMAP":
            here.tell("the connections of a plugin's pins are not followed")
        else:
            here.tell(f"'{entry.tag}' in the chain of plugins is not understood")
    return found


def _enabled(plugin: Block, bypass: int | None) -> bool:
    """Neither bypassed nor offline."""
    if bypass is None:
        return True
    return not any(plugin.document.number(bypass, k, 0.0) for k in (0, 1))


def _device(block: Block, enabled: bool) -> tuple[Device, tuple[str, ...]]:
    """A plugin, and what of it is played only nearly, a line each."""
    words = block.arguments
    full = words[0] if words else ""
    prefix, colon, rest = full.partition(": ")
    kind = _KINDS.get(block.tag if not colon else prefix.removesuffix("i"), _KINDS.get(block.tag, "other"))
    plain, vendor = _vendor(rest if colon else full)
    if colon and prefix.endswith("i") and prefix.removesuffix("i") in _KINDS:
        kind = "instrument"
    if block.tag == "VST":
        named, plugin_id = words[3:4], words[4] if len(words) > 4 else (words[1] if len(words) > 1 else "")
    elif block.tag in ("JS", "VIDEO_EFFECT"):
        named, plugin_id = words[1:2], full
    else:
        named, plugin_id = words[2:3], words[1] if len(words) > 1 else ""
    uid = re.search(r"\{([0-9A-Fa-f]{32})\}", plugin_id)
    name = next((n for n in (*named, plain) if n.strip()), block.tag)
    data = _saved(block)
    device = Device(name, kind, enabled, vendor, uid[1].upper() if uid else plugin_id, state=data)
    if block.tag != "VST":
        return device, ()
    return equalizer(replace(device, state=_vst_state(data)), data)


def _vendor(name: str) -> tuple[str, str]:
    """A name without what stands in brackets behind it, and the maker, which is the first of these."""
    found = re.match(r"(.*?\S)\s*((?:\([^()]*\)\s*)+)$", name[:500])
    if not found:
        return name, ""
    brackets = re.findall(r"\(([^()]*)\)", found[2])
    return found[1], next(
        (b for b in brackets if not re.fullmatch(r"\d+ (in|out|ch)|mono|x86|x64|32-bit|64-bit|\d+->\d+ch", b)), ""
    )


def _saved(block: Block) -> bytes:
    """What REAPER saved of the plugin; text of a JS as it stands."""
    inner = block.block("STATE") or block
    lines = [inner.document.lines[k].strip() for k in inner.entries if isinstance(k, int)]
    if block.tag in ("JS", "VIDEO_EFFECT"):
        return b"\n".join(lines)
    try:
        return b"".join(base64.b64decode(line, validate=True) for line in lines)
    except binascii.Error:
        return b"\n".join(lines)


def _vst_state(data: bytes) -> bytes:
    """The middle of it: id, magic, count and masks of inputs, the same of outputs, length, two words, state, tail."""
    try:
        if struct.unpack_from("<I", data, 4)[0] != MAGIC:
            return data
        at = 8
        for _ in range(2):
            at += 4 + 8 * struct.unpack_from("<I", data, at)[0]
        length = struct.unpack_from("<I", data, at)[0]
    except struct.error:
        return data
    start = at + 12
    return data[start : start + length] if start + length <= len(data) else data
