"""The XML of Ardour sessions, parsed with suspicion, and the values in it: numbers, times, curves, tempo.

Times are superclock ("a" and a number, 282240000 a second) or ticks ("b" and a number, 1920 a quarter note); before
Ardour 7 they were samples. No entity is ever expanded: a document type is refused before the parser sees it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from lxml import etree

from dsp.errors import InputError
from plugin_bridge.sessions.model import Curve, Point, Shape, Tempo, seconds_of

Element: TypeAlias = etree._Element

SUPERCLOCKS: Final = 282_240_000
TICKS: Final = 1920
#: The largest session that is read: one with hundreds of plugin states takes tens of MB.
MOST_BYTES: Final = 256 << 20
#: A time beyond this (s) is none of a song: four weeks.
LONGEST_S: Final = 28 * 86400.0
#: A gain beyond this (200 dB) is none of a fader.
LOUDEST: Final = 1e10
#: States in which automation plays (libs/ardour/automation_list.h).
PLAYS: Final = ("Play", "Touch", "Latch")
SHAPES: Final[dict[str, Shape]] = {
    "Linear": "linear", "Discrete": "hold", "Exponential": "ardour-gain", "Curved": "ardour-spline",
}  # fmt: skip
REMEDY: Final = "open it in Ardour and save it again"


@dataclass
class Notes:
    """The session being read, its clocks, and what of it the model cannot express, one line each."""

    subject: str
    rate_hz: int = 48_000
    tempos: tuple[Tempo, ...] = (Tempo(0.0, 0.0, 120.0),)
    unread: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Keep a line, once."""
        if line not in self.unread:
            self.unread.append(line)

    def bad(self, cause: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(self.subject, cause, REMEDY)

    def number(self, element: Element | None, name: str, default: float, whose: str, most: float = LOUDEST) -> float:
        """A number of an element, `default` where it is missing or none; a line says so of one that is none."""
        text = None if element is None else element.get(name)
        if text is None:
            return default
        value = to_number(text)
        if value is None or abs(value) > most:
            what = whose if name == "value" else f"{whose}: its {name}"
            self.add(f"{what} is '{text[:40]}', {default:g} is taken")
            return default
        return value

    def seconds(self, text: str, whose: str) -> float:
        """A time as seconds from the start of the timeline. Raises InputError where it is none."""
        clock, number = (text[0], text[1:]) if text[:1] in ("a", "b") else ("", text)
        value = to_number(number)
        if value is None:
            self.bad(f"{whose}: '{text[:40]}' is no time")
        if clock == "a":
            value /= SUPERCLOCKS
        elif clock == "b":
            value = seconds_of(self.tempos, value / TICKS)
        else:
            value /= self.rate_hz
        if not abs(value) <= LONGEST_S:
            self.bad(f"{whose}: '{text[:40]}' lies beyond four weeks")
        return value

    def curve(self, automation: Element | None, whose: str, scale: float = 1.0, offset: float = 0.0) -> Curve:
        """The points of an AutomationList: each value times `scale` plus `offset`, in order of time."""
        events = None if automation is None else automation.find("events")
        if automation is None or events is None or not events.text:
            return ()
        style = automation.get("interpolation-style", "Linear")
        if style not in SHAPES:
            self.add(f"{whose}: goes from point to point as '{style[:40]}', linear is taken")
        points = []
        for line in events.text.splitlines():
            parts = line.split()
            value = to_number(parts[1]) if len(parts) == 2 else None
            if value is None or abs(value) > LOUDEST:
                if parts:
                    self.add(f"{whose}: the point '{line.strip()[:40]}' is no point and is left out")
                continue
            points.append(Point(self.seconds(parts[0], whose), value * scale + offset, SHAPES.get(style, "linear")))
        return tuple(sorted(points, key=lambda p: p.time_s))


def to_number(text: str) -> float | None:
    """A finite number, None where a text is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def load(path: Path) -> etree._ElementTree:
    """The XML of a session. Raises InputError where there is none, or it is not Ardour's."""
    subject = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        cause = f"cannot be read: {error.strerror or error}"
        raise InputError(subject, cause, "check the path and the permissions") from None
    if len(data) > MOST_BYTES:
        raise InputError(subject, f"is larger than {MOST_BYTES >> 20} MB", "remove unused regions in Ardour")
    if not data.strip():
        raise InputError(subject, "is empty", "take Ardour's own backup beside it, which ends in .ardour.bak")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(subject, "is no text in UTF-8, so no Ardour session", REMEDY) from None
    if re.search(r"<!(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise InputError(subject, "declares a document type or entities", "do not open it; Ardour writes none")
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1)
    # States of plugins are one piece of text each, beyond the parser's limit of 10 MB.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(text.encode("utf-8", errors="surrogatepass"), parser)
    except etree.XMLSyntaxError as error:
        cause = f"its XML is broken: {' '.join(str(error.msg).split())[:160]}"
        raise InputError(subject, cause, "take Ardour's own backup beside it, which ends in .ardour.bak") from None
    if root.tag != "Session":
        raise InputError(subject, f"is no Ardour session: it is '{str(root.tag)[:60]}', not 'Session'", REMEDY)
    return root.getroottree()


def kids(element: Element | None, tag: str) -> Iterator[Element]:
    """Children with a tag; none of no element."""
    if element is not None:
        yield from element.iterchildren(tag)


def controllable(element: Element, name: str) -> Element | None:
    """The Controllable of an element with that name."""
    return next((c for c in kids(element, "Controllable") if c.get("name") == name), None)


def automation(element: Element | None, name: str) -> Element | None:
    """The AutomationList of an element for a parameter, where it has points."""
    inner = None if element is None else element.find("Automation")
    for found in kids(inner, "AutomationList"):
        if found.get("automation-id") == name and (found.findtext("events") or "").strip():
            return found
    return None


def plays(found: Element) -> bool:
    """Whether an AutomationList has points and is switched on."""
    return found.get("state", "Off") in PLAYS and bool((found.findtext("events") or "").strip())


def is_on(element: Element, name: str, default: bool = True) -> bool:
    """Whether an attribute is switched on, in any of the ways Ardour has written it."""
    text = element.get(name)
    return default if text is None else text.strip().lower() in ("1", "yes", "true", "y")


def read_tempos(session: Element, notes: Notes) -> tuple[Tempo, ...]:
    """Tempo and time signature from the start of the timeline on; 120 in 4/4 where nothing usable is said."""
    found = session.find("TempoMap")
    changes: dict[float, dict[str, float]] = {}
    for tag, names in (("Tempo", ("npm", "enpm", "note-type")), ("Meter", ("divisions-per-bar", "note-value"))):
        for element in kids(None if found is None else found.find(f"{tag}s"), tag):
            clock = notes.number(element, "sclock", 0.0, "The tempo map", LONGEST_S * SUPERCLOCKS)
            quarters = re.fullmatch(r"(-?\d{1,12}):(-?\d{1,12})", element.get("quarters", "0:0"))
            beat = float(quarters[1]) + float(quarters[2]) / TICKS if quarters else 0.0
            said = changes.setdefault(max(0.0, clock / SUPERCLOCKS), {"beat": max(0.0, beat)})
            said.update({n: notes.number(element, n, 4.0 if "npm" not in n else 120.0, "The tempo map") for n in names})
    made: list[Tempo] = []
    last = {"npm": 120.0, "enpm": 120.0, "note-type": 4.0, "divisions-per-bar": 4.0, "note-value": 4.0}
    for time_s in sorted(changes):
        here = last | {"enpm": last["npm"]} | changes[time_s]
        quarter = 4.0 / here["note-type"] if here["note-type"] > 0 else 1.0
        bpm, beat = here["npm"] * quarter, here["beat"]
        if not 1.0 <= bpm <= 10_000.0 or (made and beat <= made[-1].beat):
            continue
        ramp = here["enpm"] != here["npm"]
        if ramp:
            notes.add("The tempo map: in ramps of tempo, positions in beats are only nearly where Ardour has them")
        numerator, denominator = (max(1, round(min(here[n], 64.0))) for n in ("divisions-per-bar", "note-value"))
        made.append(Tempo(time_s, beat, bpm, numerator, denominator, ramp))
        last = here
    return tuple(made) if made and made[0].time_s == 0.0 else (Tempo(0.0, 0.0, 120.0), *made)
