"""Plugins that are known by name: what a device of a session does, where only its name and maker tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: limiter, clipper, maximiser: hold peaks; mastering-chain: holds one of those among other modules; clean: takes any
#: input level (floating point, nothing modelled); the others shape dynamics or add harmonics.
Category = Literal["limiter", "clipper", "maximiser", "mastering-chain", "compressor", "saturation", "clean"]

#: What hosts put before a plugin's name, and after it in brackets (the maker, channels, bits).
_PREFIX = re.compile(r"^\s*(vst3?|clap|auv?[0-9]?|lv2|ladspa|jsfx|js|dx|rewire)i?\s*:\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[][^()\[\]]*[)\]]")
_CLASS_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_WORD = re.compile(r"[^\W_]+\+?")
#: Longer names are cut: nobody's plugin, somebody's joke.
_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class KnownPlugin:
    """A product: how it is called (as words of a device's name), its identifications, and where that is known from.

    With `vendor_needed` its name alone is too common: the maker must be named as well.
    """

    id: str
    title: str
    vendor: str
    category: Category
    names: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...]
    vendor_needed: bool
    source: str


def words(text: str) -> tuple[str, ...]:
    """Letters and digits of a text in words.

    >>> words("FabFilter Pro-L 2"), words("L1+ Ultramaximizer"), words("x64_bit")
    (('fabfilter', 'pro', 'l', '2'), ('l1+', 'ultramaximizer'), ('x64', 'bit'))
    """
    return tuple(_WORD.findall(text[:_MOST_CHARACTERS].casefold()))


def plain_name(name: str) -> str:
    """A device's name without what a host puts round it.

    >>> plain_name("VST3: Pro-L 2 (FabFilter)"), plain_name("JS: Master Limiter"), plain_name("(x)")
    ('Pro-L 2', 'Master Limiter', '(x)')
    """
    short = name[:_MOST_CHARACTERS]
    return " ".join(_BRACKETS.sub(" ", _PREFIX.sub("", short)).split()) or short.strip()


def find_plugin(known: Sequence[KnownPlugin], name: str, vendor: str = "", plugin_id: str = "") -> KnownPlugin | None:
    """The product a device is: by its identification, else the longest name found in the device's; None if unknown."""
    if identified := _identity(plugin_id):
        for plugin in known:
            if any(_identity(i) == identified for i in plugin.ids):
                return plugin
    said, makers = words(plain_name(name)), words(f"{vendor} {name}")
    best, most = None, 0
    for plugin in known:
        if plugin.vendor_needed and not set(words(plugin.vendor)) <= set(makers):
            continue
        longest = max((len(n) for n in plugin.names if _inside(n, said)), default=0)
        if longest > most:
            best, most = plugin, longest
    return best


def _identity(plugin_id: str) -> str:
    """An identification to compare: the class id of a VST3 wherever it stands, else all of it."""
    text = plugin_id[:_MOST_CHARACTERS].strip().casefold()
    class_id = _CLASS_ID.search(text.replace("-", ""))
    return class_id[0] if class_id else text


def _inside(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """Whether these words stand in that order, one after the other, among the others."""
    return any(whole[k : k + len(part)] == part for k in range(len(whole) - len(part) + 1))
