"""Changes of single words in the lines of a REAPER project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from dsp.errors import UsageError
from plugin_bridge.sessions.reaper.text import Document, Part

#: A word of a line, with its quotes.
_WORD = re.compile(rb"""<?(?:"[^"]*"?|'[^']*'?|`[^`]*`?|[^\s"'`]\S*)""")


class Edits:
    """Changes to a document, which stays as it is."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._words: dict[tuple[int, int], bytes] = {}
        self._after: dict[int, list[bytes]] = {}

    def number(self, part: Part, key: str, index: int, value: float, fill: Sequence[str] = ()) -> None:
        """A number of the first line of a part with this key; a new line, or `fill` before it, where there is none."""
        k = part.at(key)
        if k is None:
            self._insert(part, " ".join((key, *fill[:index], written(value))))
            return
        count = len(self.document.words(k)) - 1
        for missing in range(count, index):
            self._set(k, missing, fill[missing].encode())
        self.word(k, index, value)

    def word(self, k: int, index: int, value: float) -> None:
        """A number of a line, counted from 0 after its first word."""
        self._set(k, index, written(value).encode())

    def text(self, k: int, index: int, value: str) -> None:
        """A text of a line, in quotes."""
        quote = next((q for q in "\"'`" if q not in value), None)
        if quote is None or not value.isprintable():
            raise UsageError(f"{self.document.path}: the path {value!r} cannot be written to a REAPER project")
        try:
            self._set(k, index, f"{quote}{value}{quote}".encode(self.document.encoding))
        except UnicodeEncodeError as error:
            raise UsageError(f"{self.document.path}: the path {value!r} does not fit its old encoding") from error

    def _set(self, k: int, index: int, value: bytes) -> None:
        if self._words.setdefault((k, index), value) != value:
            raise UsageError(f"{self.document.path}: takes that play together are moved to different times")

    def lines_after(self, k: int, lines: Sequence[bytes]) -> None:
        """New lines behind a line, as they stand but for their ends."""
        raw = self.document.lines[k]
        ending = raw[len(raw.rstrip(b"\r\n")) :]
        self._after.setdefault(k, []).extend(line + ending for line in lines)

    def _insert(self, part: Part, line: str) -> None:
        """A new line at the top of a part."""
        raw, below = self.document.lines[part.line], self.document.lines[part.line + 1]
        indent = (
            below[: len(below) - len(below.lstrip())] if below.strip() != b">" else b"  " + raw[: -len(raw.lstrip())]
        )
        ending = raw[len(raw.rstrip(b"\r\n")) :]
        self._after.setdefault(part.line, []).append(indent + line.encode() + ending)

    def lines(self) -> Iterator[bytes]:
        """All lines of the document as changed."""
        changed: dict[int, dict[int, bytes]] = {}
        for (k, index), value in self._words.items():
            changed.setdefault(k, {})[index] = value
        for k, line in enumerate(self.document.lines):
            yield _replaced(line, changed[k]) if k in changed else line
            yield from self._after.get(k, ())


def _replaced(line: bytes, words: dict[int, bytes]) -> bytes:
    """A line with some of its words replaced; one that it does not have yet is put behind the others."""
    spans = [m.span() for m in _WORD.finditer(line)][1:]
    for index in sorted(words, reverse=True):
        if index < len(spans):
            start, end = spans[index]
            line = line[:start] + words[index] + line[end:]
    more = b"".join(b" " + words[index] for index in sorted(words) if index >= len(spans))
    body = line.rstrip()
    return body + more + line[len(body) :] if more else line


def written(value: float) -> str:
    """A number as REAPER writes it, without exponent, and so that it is read as exactly the same."""
    text = format(Decimal(repr(float(value))), "f")
    return text.removesuffix(".0")
