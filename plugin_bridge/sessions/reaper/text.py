"""The text of a REAPER project: blocks of lines, with the number of every line, so that single lines can be changed.

A line is words; one with spaces in it stands in ", ' or `. `<TAG words` opens a block and `>` closes it. How a line
falls into words is left to the `rpp` package; its parser is not used, as its time grows with the square of the lines
in a block (a plugin's saved state has many) and it does not say where a line was.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, TypeAlias

from rpp.scanner import tokenize

from dsp.errors import InputError

#: Projects are text of some megabytes, with states of plugins some tens of them. Ours.
MOST_BYTES: Final = 1 << 29
#: Blocks in blocks; REAPER's own go about eight deep, containers of plugins deeper. Ours.
DEEPEST: Final = 200
#: Bytes of a line whose words are asked for. Ours.
LONGEST_LINE: Final = 1 << 16
#: How far rounding may take what ends at 1.
_ROUNDED: Final = 1.001
#: What `rpp` takes for the end of a line or a space and REAPER does not; put back after it.
_ODD: Final = "\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_ODD_SPACES: Final = _ODD + "\u2028\u2029\u202f\u205f\u3000"
_HIDE: Final = {ord(c): chr(0xF0000 + k) for k, c in enumerate(_ODD_SPACES)}
_SHOW: Final = {0xF0000 + k: c for k, c in enumerate(_ODD_SPACES)}

Entry: TypeAlias = "int | Block"


class Document:
    """A project file: `lines` as bytes with their ends, `root` its outermost block, how many lines stand `after` it."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.lines = path, data.splitlines(keepends=True)
        try:
            data.decode("utf-8")
            self.encoding = "utf-8"
        except UnicodeDecodeError:
            self.encoding = "cp1252"  # Windows before REAPER 5
        self._last: tuple[int, list[str]] = (-1, [])
        self.after = 0
        self.root = self._parse()

    def _parse(self) -> Block:
        first = next((k for k, line in enumerate(self.lines) if line.strip()), None)
        head = b"" if first is None else self.lines[first].removeprefix(b"\xef\xbb\xbf").split(None, 1)[:1]
        if first is None or head != [b"<REAPER_PROJECT"]:
            raise InputError(str(self.path), "it is not a REAPER project", "give a .rpp file as REAPER saves it")
        root = Block(self, "REAPER_PROJECT", first)
        stack = [root]
        for k in range(first + 1, len(self.lines)):
            line = self.lines[k].strip()
            if line[:1] == b"<":
                inner = Block(self, self._text(line[1:]).split(None, 1)[0] if line[1:].strip() else "", k)
                stack[-1].entries.append(inner)
                stack.append(inner)
                if len(stack) > DEEPEST:
                    raise InputError(
                        str(self.path), f"line {k + 1} is {DEEPEST} blocks deep", "save it in REAPER again"
                    )
            elif line[:1] == b">":
                stack.pop().end = k
                if not stack:
                    self.after = sum(bool(line.strip()) for line in self.lines[k + 1 :])
                    return root
            elif line:
                stack[-1].entries.append(k)
        cause = f"it ends inside a block ({stack[-1].tag}, begun in line {stack[-1].line + 1}): it is cut off"
        raise InputError(str(self.path), cause, "take a whole copy, or REAPER's backup beside it (.rpp-bak)")

    def _text(self, line: bytes) -> str:
        return line.decode(self.encoding, "replace")

    def words(self, k: int) -> list[str]:
        """The words of a line, by its number from 0; of one that opens a block without the <."""
        if self._last[0] == k:
            return self._last[1]
        self._last = (k, self._split(k))
        return self._last[1]

    def _split(self, k: int) -> list[str]:
        line = self.lines[k].removeprefix(b"\xef\xbb\xbf").strip()
        if len(line) > LONGEST_LINE:
            raise InputError(str(self.path), f"line {k + 1} has {len(line)} bytes", "save it in REAPER again")
        text = self._text(line.removeprefix(b"<")).translate(_HIDE)
        for closing in ("", '"', "'", "`"):
            try:
                return [t.value.translate(_SHOW) for t in tokenize(text + closing) if t.type == "STRING"]
            except ValueError:  # a quote that is not closed ends with the line
                continue
        return [self._text(line)]

    def number(self, k: int, index: int, default: float, low: float = -1e9, high: float = 1e9) -> float:
        """A number of a line, counted from 0 after its first word; `default` where the line ends before it.

        Raises InputError for what is no number from `low` to `high`.
        """
        words = self.words(k)
        if index + 1 >= len(words):
            return default
        word = words[index + 1]
        try:
            value = float(word) if "_" not in word else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            cause = f"line {k + 1} ({words[0]}): '{word[:40]}' is no number from {low:g} to {high:g}"
            raise InputError(str(self.path), cause, "save the project in REAPER again")
        return value


class Part:
    """Lines and blocks one after another, in `entries`, below a `line`: a block, or one take of an item."""

    def __init__(self, document: Document, entries: list[Entry], line: int) -> None:
        self.document, self.entries, self.line = document, entries, line
        self._keys: dict[str, list[int]] | None = None

    def all(self, key: str) -> list[int]:
        """The numbers of all lines that begin with this word."""
        if self._keys is None:
            self._keys = {}
            for k in self.entries:
                if isinstance(k, int):
                    word = self.document.lines[k].split(None, 1)[0].decode("latin-1")
                    self._keys.setdefault(word, []).append(k)
        return self._keys.get(key, [])

    def at(self, key: str) -> int | None:
        """The number of the first line that begins with this word."""
        return next(iter(self.all(key)), None)

    def words(self, key: str) -> list[str]:
        """What follows that word in its first line; nothing where there is no such line."""
        k = self.at(key)
        return [] if k is None else self.document.words(k)[1:]

    def number(self, key: str, index: int, default: float, low: float = -1e9, high: float = 1e9) -> float:
        """A number of that line, between `low` and `high`, else InputError; `default` where the file has none."""
        k = self.at(key)
        return default if k is None else self.document.number(k, index, default, low, high)

    def side(self, key: str, index: int, default: float = 0.0) -> float:
        """The same for what goes from -1 to 1."""
        return within(self.number(key, index, default, -_ROUNDED, _ROUNDED))

    def whole(self, key: str, index: int, default: int) -> int:
        """The same without what follows the point."""
        return int(self.number(key, index, default, -(2.0**63), 2.0**63))

    def text(self, key: str, index: int = 0, default: str = "") -> str:
        """A word of that line."""
        words = self.words(key)
        return words[index] if index < len(words) else default

    def blocks(self, *tags: str) -> list[Block]:
        """The blocks in it, those with one of these tags where there are any."""
        return [e for e in self.entries if isinstance(e, Block) and (not tags or e.tag in tags)]

    def block(self, tag: str) -> Block | None:
        """The first block with that tag."""
        return next((e for e in self.entries if isinstance(e, Block) and e.tag == tag), None)


class Block(Part):
    """A block from its `line` to its `end`; `arguments` are the words after its tag."""

    def __init__(self, document: Document, tag: str, line: int) -> None:
        super().__init__(document, [], line)
        self.tag, self.end = tag, line

    @property
    def arguments(self) -> list[str]:
        """The words after the tag."""
        return self.document.words(self.line)[1:]


def within(value: float) -> float:
    """A number from -1 to 1, where rounding may have taken it a little beyond."""
    return max(-1.0, min(1.0, value))


def open_project(path: Path) -> Document:
    """Reads a project file. Raises InputError."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(str(path), f"it has {size >> 20} MB", f"projects up to {MOST_BYTES >> 20} MB are read")
        return Document(path, path.read_bytes())
    except OSError as error:
        raise InputError(str(path), f"it cannot be read: {error.strerror or error}", "check the path") from error
