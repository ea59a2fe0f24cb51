"""The XML of a DAWproject, parsed with suspicion, and the values in it.

No entity is ever expanded and nothing is fetched: a document type is refused before the parser sees it.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

from lxml import etree

from dsp.errors import InputError

Element: TypeAlias = etree._Element
TimeUnit: TypeAlias = Literal["beats", "seconds"]

#: The largest project.xml that is read: dense automation of an album's session takes a few MB.
PROJECT_BYTES: Final = 64 << 20
#: Tracks in tracks and timelines in timelines, aliases followed; DAWs write three to five.
DEEPEST: Final = 50
#: A time beyond this (s) is no time of a song: four weeks.
LONGEST_S: Final = 28 * 86400.0
#: Encodings that XML from a DAW may come in.
ENCODINGS: Final = ("utf-8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252")
#: Marks at the start of a text that say its encoding.
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
#: Which program writes version 1.0 of the format from which of its versions on.
WRITERS: Final = "Bitwig Studio 5.0.9, Studio One 6.5 or Cubase 14, or later"


@dataclass
class Notes:
    """The file being read, and what of it the model cannot express, one line each."""

    subject: str
    unread: dict[str, None] = field(default_factory=dict)

    def add(self, line: str) -> None:
        """Keep a line, once."""
        self.unread[line] = None

    def bad(self, cause: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(self.subject, cause, "export the session again from the DAW")


@dataclass(frozen=True)
class Text:
    """A document as text, and how it is turned back into bytes."""

    text: str
    codec: str
    mark: bytes = b""

    def encode(self, text: str) -> bytes:
        """Another text, as bytes like the document's own; characters its encoding lacks become references."""
        return self.mark + text.encode(self.codec, errors="xmlcharrefreplace")


def decode(data: bytes, subject: str) -> Text:
    """A document as text, by its mark or declaration. Raises InputError."""
    notes = Notes(subject)
    known = next((m for m in MARKS if data.startswith(m[0])), None)
    if known is not None:
        mark, codec = known
    else:
        said = re.match(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']", data[:400])
        mark, codec = b"", said[1].decode().lower() if said else "utf-8"
        if codec not in ENCODINGS:
            notes.bad(f"its XML is encoded as {codec}")
        if codec == "utf-16":  # without a mark it is big-endian (RFC 2781 4.3)
            codec = "utf-16-be"
    try:
        return Text(data[len(mark) :].decode(codec), codec, mark)
    except UnicodeDecodeError:
        notes.bad(f"its XML is not {codec}")


def parse(text: str, subject: str) -> Element:
    """The root of a project's XML. Raises InputError where it is none, or not of this format's version 1."""
    notes = Notes(subject)
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError(subject, "its XML declares a document type or entities", "do not open it; no DAW writes these")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=False
    )
    try:
        root = etree.fromstring(text.encode("utf-8", errors="surrogatepass"), parser)
    except etree.XMLSyntaxError as error:
        notes.bad(f"its XML is broken: {' '.join(str(error.msg).split())[:160]}")
    if root.tag != "Project":
        if str(root.tag).lower() == "project":
            raise InputError(subject, "is written in a draft of DAWproject before 1.0", f"export it with {WRITERS}")
        notes.bad(f"its XML is no DAWproject: it is '{str(root.tag)[:60]}', not 'Project'")
    version = root.get("version", "1.0").strip()
    if not re.fullmatch(r"1(\.\d+)*", version):
        cause = f"is written in version {version[:20]} of DAWproject, and 1 is what is read here"
        raise InputError(subject, cause, f"export it with {WRITERS}")
    return root


def kids(element: Element | None, *tags: str) -> Iterator[Element]:
    """The elements right in another one, of these tags, or all (never comments)."""
    if element is not None:
        for child in element:
            if isinstance(child.tag, str) and (not tags or child.tag in tags):
                yield child


def kid(element: Element | None, tag: str) -> Element | None:
    """The first element of a tag right in another one."""
    return next(kids(element, tag), None)


def place(element: Element) -> str:
    """Where an element is, for messages."""
    return f"line {element.sourceline}" if element.sourceline else "a line of its XML"


def number(element: Element, name: str, notes: Notes, endless: bool = False) -> float | None:
    """An attribute as a number, None where there is none. `endless` allows infinities. Raises InputError."""
    written = element.get(name)
    if written is None:
        return None
    text = written.strip().lower().replace("infinity", "inf")
    try:
        value = float(text) if re.fullmatch(r"[+-]?(inf|\d*\.?\d*(e[+-]?\d+)?)", text) else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value) or (math.isinf(value) and not endless):
        notes.bad(f"{place(element)}: {name} of {element.tag} is no number ({written[:40]!r})")
    return value


def time(element: Element, name: str, notes: Notes) -> float | None:
    """An attribute as a time in whatever unit, None where there is none. Raises InputError where it is out of reach."""
    value = number(element, name, notes)
    if value is not None and abs(value) > LONGEST_S:
        notes.bad(f"{place(element)}: {name} of {element.tag} is beyond any song ({value:g})")
    return value


def truth(element: Element | None, name: str, default: bool) -> bool:
    """An attribute as yes or no (xs:boolean)."""
    written = "" if element is None else (element.get(name) or "")
    return {"true": True, "1": True, "false": False, "0": False}.get(written.strip().lower(), default)


def unit_of(element: Element, name: str, default: TimeUnit) -> TimeUnit:
    """A unit of time, or the one that holds around it."""
    written = element.get(name)
    return "seconds" if written == "seconds" else "beats" if written == "beats" else default


def name_of(path: Path) -> str:
    """The session's name, from its file."""
    return path.stem if path.stem.lower() != "project" else path.absolute().parent.name or path.stem
