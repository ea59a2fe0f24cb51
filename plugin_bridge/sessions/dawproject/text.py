"""Changes in the text of an XML document that leave every other character as it is.

A parser and serialiser would change quotes, empty elements, line ends and references. Here the parsed tree only says
where: its elements are matched with the tags in the text, and what is set or added is spliced in, indented as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from plugin_bridge.sessions.dawproject.xml import Element, kids

_TOKEN: Final = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(/?)([^\s/>!?]+)((?:[^>\"'/]|/(?!>)|\"[^\"]*\"|'[^']*')*)(/?)>",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")


@dataclass
class _Tag:
    """An element in the text: its start tag, and where its end tag starts and ends."""

    start: int
    end: int
    empty: bool
    close: int = 0
    closed: int = 0


class Edits:
    """Changes of a document, gathered and then made at once."""

    def __init__(self, text: str, root: Element) -> None:
        self._text = text
        elements = (e for e in root.iter() if isinstance(e.tag, str))
        self._tags: dict[Element, _Tag] = dict(zip(elements, _tags(text), strict=True))
        self._spans = list[tuple[int, int, str]]()
        self._set = dict[tuple[Element, str], int]()
        self._added = dict[tuple[Element, Element | None], list[Element]]()
        self._line = "\r\n" if "\r\n" in text else "\n"

    def set(self, element: Element, name: str, value: str) -> None:
        """Set an attribute; the last value counts."""
        tag = self._tags[element]
        start = re.compile(r"<[^\s/>]+").match(self._text, tag.start)
        assert start is not None
        last = start.end()
        for found in _ATTRIBUTE.finditer(self._text, start.end(), tag.end):
            last = found.end()
            if found[1] == name:
                quote = found[2][0]
                span = (*found.span(2), f"{quote}{escaped(value, quote)}{quote}")
                break
        else:
            span = (last, last, f' {name}="{escaped(value)}"')
        if (known := self._set.get((element, name))) is None:
            self._set[element, name] = len(self._spans)
            self._spans.append(span)
        else:
            self._spans[known] = span

    def changed(self, element: Element, name: str) -> bool:
        """Whether an attribute was set."""
        return (element, name) in self._set

    def add(self, parent: Element, before: Element | None, new: Element) -> None:
        """Add an element before one of a parent's, or as its last."""
        self._added.setdefault((parent, before), []).append(new)

    def text(self) -> str:
        """The changed document."""
        spans = [*self._spans, *(s for key, new in self._added.items() for s in self._placed(*key, new))]
        parts, at = list[str](), 0
        for start, end, put in sorted(spans, key=lambda s: s[:2]):
            parts += [self._text[at:start], put]
            at = end
        return "".join([*parts, self._text[at:]])

    def _placed(self, parent: Element, before: Element | None, new: list[Element]) -> Iterator[tuple[int, int, str]]:
        """Where new elements go in the text, and as what."""
        tag, children = self._tags[parent], list(kids(parent))
        if children:
            indent, step = self._indent(children[0]), self._step(parent, children[0])
            rendered = [self._rendered(e, indent, step) for e in new]
            space = "" if indent is None else self._line + indent
            if before is not None:
                yield self._tags[before].start, self._tags[before].start, "".join(r + space for r in rendered)
            else:
                last = self._tags[children[-1]].closed
                yield last, last, "".join(space + r for r in rendered)
            return
        outer = self._indent(parent)
        step = self._step(parent.getparent(), parent)
        indent = None if outer is None else outer + step
        inner = "".join(("" if indent is None else self._line + indent) + self._rendered(e, indent, step) for e in new)
        tail = "" if outer is None else self._line + outer
        if tag.empty:
            start = tag.end - 2
            while self._text[start - 1].isspace():
                start -= 1
            yield start, tag.end, f">{inner}{tail}</{parent.tag!s}>"
        elif self._text[tag.end : tag.close].strip():  # a comment, which stays
            yield tag.end, tag.end, inner
        else:
            yield tag.end, tag.close, inner + tail

    def _indent(self, element: Element | None) -> str | None:
        """What stands before an element in its line, if that is only space."""
        if element is None or element not in self._tags:
            return None
        start = self._tags[element].start
        line = self._text.rfind("\n", 0, start) + 1
        before = self._text[line:start]
        return before if line > 0 and not before.strip() else None

    def _step(self, parent: Element | None, child: Element) -> str:
        """How much deeper a child is indented than its parent."""
        outer, inner = self._indent(parent), self._indent(child)
        if inner is not None and inner.startswith(outer or "") and len(inner) > len(outer or ""):
            return inner[len(outer or "") :]
        return "  "

    def _rendered(self, element: Element, indent: str | None, step: str) -> str:
        """A new element as text, its first line without indentation."""
        attributes = "".join(f' {k!s}="{escaped(str(v))}"' for k, v in element.attrib.items())
        children = list(element)
        tag = str(element.tag)
        if not children:
            return f"<{tag}{attributes}/>"
        deeper = None if indent is None else indent + step
        space, tail = ("", "") if indent is None else (self._line + str(deeper), self._line + indent)
        inner = "".join(space + self._rendered(c, deeper, step) for c in children)
        return f"<{tag}{attributes}>{inner}{tail}</{tag}>"


def escaped(value: str, quote: str = '"') -> str:
    """A value as it stands in an attribute."""
    for plain, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), (quote, f"&#{ord(quote)};")):
        value = value.replace(plain, written)
    return re.sub(r"[\t\r\n]", lambda m: f"&#{ord(m[0])};", value)


def _tags(text: str) -> list[_Tag]:
    """All elements of a well-formed document, in order."""
    found, open_tags = list[_Tag](), list[_Tag]()
    for token in _TOKEN.finditer(text):
        if token[2] is None:
            continue
        if token[1]:
            tag = open_tags.pop()
            tag.close, tag.closed = token.span()
            continue
        tag = _Tag(*token.span(), bool(token[4]))
        found.append(tag)
        if tag.empty:
            tag.close = tag.closed = tag.end
        else:
            open_tags.append(tag)
    return found
