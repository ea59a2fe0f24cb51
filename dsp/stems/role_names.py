"""Roles from names: what a file or a track is called says what plays, in the words and abbreviations of studios.

A name is cut into words at spaces, signs, numbers and capitals, and words that run together are parted where all of
them are known. What the words mean stands in `presets/instruments.toml`; the rest is grammar: "Lead Guitar" is a
guitar, "Vocal Reverb" an effect, "Drum Room" a room, and "BassDrums" more than one instrument.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from dsp.profile import load_instruments
from dsp.stems.model import Role

#: How sure a name is (our judgement): it says so outright; it says so of several things, one of which decides; it says
#: guitar or vocal and not which; it names two of a family; only a word that may mean something else; two instruments.
PLAIN, DECIDED, GENERAL, FAMILY, FAINT, SEVERAL = 0.95, 0.85, 0.75, 0.6, 0.6, 0.3
#: Words that say nothing of the instrument but are parts of names that run together.
NEUTRAL = frozenset(
    [
        *("top", "bottom", "btm", "bot", "in", "out", "mic", "mics", "di", "amp", "cab", "left", "right", "mono"),
        *("stereo", "dry", "wet", "clean", "comp", "solo", "bus", "buss", "group", "grp", "stem", "mid", "low"),
        *("verse", "chorus", "bridge", "intro", "hook", "new", "final", "edit", "take", "wide", "loud", "soft", "sum"),
        *("all", "alt", "close"),
    ]
)
#: What may follow a word without a gap.
ENDINGS = frozenset(("l", "r", "di", "in", "st"))
#: Words of guitars and vocals that leave open which of the two roles it is.
GENERAL_WORDS = frozenset(
    [
        *("guitar", "guitars", "gtr", "gtrs", "guit", "guits", "git", "gt", "gts", "vocal", "vocals", "vocl", "vocalz"),
        *("vox", "voxs", "voxes", "voc", "vocs", "vx", "voice", "voices", "singing", "sing"),
    ]
)
#: The role that a faint word of it makes of one that leaves it open.
SIBLING = {"electric-guitar": "acoustic-guitar", "lead-vocal": "backing-vocal"}
#: Where both are named the first is meant: a synth bass is a bass, a pad of voices a synth.
BEATS = (
    ("bass", ("synth", "keys", "electric-guitar", "acoustic-guitar")),
    ("synth", ("strings", "brass", "backing-vocal", "lead-vocal", "percussion")),
    ("electric-guitar", ("strings",)),
    ("acoustic-guitar", ("strings",)),
    ("backing-vocal", ("brass",)),
)
_LONGEST = 3
_SUFFIX = re.compile(r"\.(wav|wave|aiff?|flac|ogg|opus|mp3|m4a|aac|w64|caf|wv)$", re.IGNORECASE)
_CHUNK = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^A-Za-z]+")


@dataclass(frozen=True)
class Word:
    """A word of a name in lower case, and where it stands in it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Match:
    """A word or several that name a role; `faint` where they do so only if nothing else does."""

    role: str
    faint: bool
    text: str  #: as the name has it
    plain: str  #: in lower case, parted by spaces


@cache
def _vocabulary() -> dict[tuple[str, ...], tuple[str, bool]]:
    """The role and whether the name is faint, of every sequence of words."""
    found = {}
    for instrument in load_instruments().values():
        for name in instrument.names:
            found[tuple(_CHUNK.findall(name))] = (instrument.id, name.endswith("?"))
    return found


@cache
def _known() -> frozenset[str]:
    return NEUTRAL.union(*_vocabulary())


def words(name: str) -> tuple[Word, ...]:
    """The words of a name.

    >>> [w.text for w in words("01_KickIn-BassDI.wav")]
    ['01', 'kick', 'in', 'bass', 'di']
    """
    name = _SUFFIX.sub("", name)
    found = []
    for chunk in _CHUNK.finditer(name):
        at = chunk.start()
        for part in _parts(chunk.group()):
            found.append(Word(part.lower(), at, at + len(part)))
            at += len(part)
    return tuple(found)


def _parts(chunk: str) -> tuple[str, ...]:
    """A run of letters as words: as it is if that is known, else cut at capitals or into known words."""
    if chunk.lower() in _known() or len(chunk) < 3:
        return (chunk,)
    camel = tuple(_CAMEL.findall(chunk))
    cut = _cut(chunk)
    understood = [sum(len(p) for p in parts if p.lower() in _known()) for parts in (camel, cut)]
    return cut if understood[1] > understood[0] else camel


def _cut(chunk: str) -> tuple[str, ...]:
    """A run of letters cut into known words of three letters and more; empty where that leaves a rest."""
    low = chunk.lower()
    if low in ENDINGS:
        return (chunk,)
    for size in range(len(low), 2, -1):
        if low[:size] in _known():
            rest = _cut(chunk[size:]) if size < len(low) else ()
            if rest or size == len(low):
                return (chunk[:size], *rest)
    return ()


def matches(name: str, of: Sequence[Word]) -> tuple[Match, ...]:
    """What the words of a name say, the longest sequences first, from left to right."""
    found = []
    at = 0
    while at < len(of):
        for size in range(min(_LONGEST, len(of) - at), 0, -1):
            key = tuple(w.text for w in of[at : at + size])
            if key in _vocabulary():
                role, faint = _vocabulary()[key]
                text = name[of[at].start : of[at + size - 1].end]
                found.append(Match(role, faint, text, " ".join(key)))
                at += size
                break
        else:
            at += 1
    return tuple(found)


def role_of(name: str, of: Sequence[Word] | None = None) -> Role | None:
    """The role a name tells, by all or some of its words; None where it tells nothing."""
    said = matches(name, words(name) if of is None else of)
    strong = [m for m in said if not m.faint]
    if not strong:
        return _faint(said)
    roles = list(dict.fromkeys(m.role for m in strong))
    if len(roles) > 1:
        return _several(strong, said, roles)
    role, sibling = roles[0], SIBLING.get(roles[0])
    if sibling is None:
        return Role(role, PLAIN, _says(strong))
    faint = [m for m in said if m.faint]
    other = [m for m in faint if m.role == sibling]
    if other:
        return Role(sibling, DECIDED, _says([*strong, *other]))
    if any(m.plain not in GENERAL_WORDS for m in strong) or any(m.role == role for m in faint):
        return Role(role, PLAIN, _says([*strong, *(m for m in faint if m.role == role)]))
    return Role(role, GENERAL, f"{_says(strong)} and not which")


def _faint(said: Sequence[Match]) -> Role | None:
    """The role of a name whose words may all mean something else."""
    if not said:
        return None
    agreed = all(m.role == said[0].role for m in said)
    acoustic = [m for m in said if m.role == "acoustic-guitar"]
    first = acoustic[0] if acoustic else said[0]
    confidence = FAINT if agreed or acoustic else FAINT / 2
    return Role(first.role, confidence, f"{_says([first])}, which may mean something else")


def _several(strong: Sequence[Match], said: Sequence[Match], roles: list[str]) -> Role:
    """The role of a name that names several."""
    families = {i.id: i.family for i in load_instruments().values()}
    reason = _says(strong)
    if "effects" in roles:
        last = strong[-1].role == "effects"
        return Role("effects", DECIDED if last else GENERAL, reason)
    left = [r for r in roles if r != "other"]
    if "room" in left:
        others = [r for r in left if r != "room"]
        left = ["room"] if all(families[r] == "drums" for r in others) else others
    if "drums" in left and any(families[r] == "drums" and r not in ("drums", "percussion") for r in left):
        left.remove("drums")
    for winner, losers in BEATS:
        if winner in left:
            left = [r for r in left if r not in losers]
    for general, sibling in SIBLING.items():
        plain = [m.plain for m in strong if m.role == general]
        if {general, sibling} <= set(left) and all(p in GENERAL_WORDS for p in plain):
            left.remove(general)
    if len(left) == 1:
        return Role(left[0], DECIDED, reason)
    if len({families[r] for r in left}) == 1:
        together = "drums" if families[left[0]] == "drums" else left[0]
        return Role(together, FAMILY, reason)
    return Role("other", SEVERAL, f"{reason}: more than one instrument")


def _says(said: Sequence[Match]) -> str:
    quoted = [f"'{m.text}'" for m in said]
    text = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
    return f"the name says {text}"
