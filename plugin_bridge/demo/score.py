"""The composition as data: form, chords, patterns and melody, all in beats.

Nothing here knows about seconds, samples or sound. :func:`compose` unrolls the form into one list of
notes per part; :mod:`plugin_bridge.demo.performance` gives them human timing.

The song is in D major, 116 beats per minute in four-four: intro, verse, chorus, short verse, chorus, outro.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

TEMPO_BPM: Final = 116.0
BEATS_PER_BAR: Final = 4
STEPS_PER_BEAT: Final = 4  # Drum and rhythm patterns are written in sixteenth notes.


class Note(NamedTuple):
    """One note: times in beats from the first downbeat, pitch as a MIDI key number, velocity in 0..1."""

    beat: float
    beats: float
    pitch: int
    velocity: float
    syllable: str = ""


class Chord(NamedTuple):
    """The notes of one chord, as MIDI key numbers, for each instrument that plays chords."""

    bass: int
    guitar: tuple[int, int, int, int]
    keys: tuple[int, int, int, int]
    choir: tuple[int, int, int]


class Section(NamedTuple):
    """A stretch of the form: one chord name per bar, and which rows of the pattern tables it uses."""

    name: str
    chords: tuple[str, ...]
    groove: str
    melody: str
    fill: str


CHORDS: Final[dict[str, Chord]] = {
    "Bm": Chord(35, (47, 54, 59, 62), (59, 62, 66, 69), (62, 66, 71)),
    "G": Chord(31, (43, 50, 55, 59), (59, 62, 67, 69), (62, 67, 71)),
    "D": Chord(38, (50, 57, 62, 66), (57, 62, 66, 69), (62, 66, 69)),
    "A": Chord(33, (45, 52, 57, 61), (57, 61, 64, 69), (61, 64, 69)),
    "D/F#": Chord(30, (42, 50, 57, 62), (57, 62, 66, 69), (62, 66, 69)),
}

# A bar of sixteenths. Letters are accents: X loud, x normal, y light, g ghost note; o is an open hi-hat.
ACCENTS: Final[dict[str, float]] = {"X": 0.92, "x": 0.74, "y": 0.52, "g": 0.24, "o": 0.80}

DRUM_GROOVES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "opening": {"hat": ("y...y...y...y.y.",)},
    "lift": {
        "kick": ("X.......X.....x.", "X.......X.x....."),
        "hat": ("x.y.x.y.x.y.x.y.",),
    },
    "verse": {
        "kick": ("X.....x...X.....", "X.....x.y.X...y."),
        "snare": ("....X..g.g..X...", "....X..g....X..g"),
        "hat": ("x.y.x.y.x.y.x.y.", "x.y.x.yyx.y.x.o."),
    },
    "chorus": {
        "kick": ("X.....X.X.x.....", "X..x..X...X...x."),
        "snare": ("....X.......X..g", "....X..g.g..X..."),
        "hat": ("X.o.X.o.X.o.X.o.",),
        "ride": ("x.y.x.y.x.y.x.yy",),
    },
    "ending": {"kick": ("x...............",), "crash": ("x...............",)},
}

# Fills replace the whole last bar of a section.
DRUM_FILLS: Final[dict[str, dict[str, str]]] = {
    "pickup": {"kick": "X.......X.......", "snare": "..........g.xxXX", "hat": "x.y.x.y.x......."},
    "big": {
        "kick": "X.....x.X...X...",
        "snare": "....X..gxyxX....",
        "rack": "............XyX.",
        "floor": "..............xX",
        "hat": "x.y.x.y.........",
    },
    "turn": {
        "kick": "X.....x.X.......",
        "snare": "....X..g..X.xxyX",
        "rack": "...........x....",
        "floor": "..............x.",
        "hat": "X.o.X.o.X.......",
    },
}

GUITAR_GROOVES: Final[dict[str, str]] = {
    # m is a palm-muted stroke, S an open strum that rings until the next one.
    "opening": "S.......S.......",
    "lift": "S.......S...S...",
    "verse": "m.m.m.m.m.m.S.m.",
    "chorus": "S...S.S.S..SS.S.",
    "ending": "S...............",
}
BASS_GROOVES: Final[dict[str, str]] = {
    # R root, O octave, F fifth, P passing note towards the next root; dots hold the note.
    "opening": "R...............",
    "lift": "R.......R.....P.",
    "verse": "R.....R.F...R.P.",
    "chorus": "R.R.R.R.R.O.R.P.",
    "ending": "R...............",
}
KEYS_GROOVES: Final[dict[str, str]] = {
    "opening": "X.....y...y.....",
    "lift": "X.....y...y.....",
    "verse": "x.....y.........",
    "chorus": "X...y...x.y...y.",
    "ending": "X...............",
}

_VERSE_HALF = (
    "-/.5 F#4/.5/ne F#4/.5/va E4/.5/lo D4/1/na B3/1/re D4/1.5/mo B3/1/ta -/1.5 "
    "-/.5 A3/.5/so D4/.5/le E4/.5/mi F#4/1/na E4/1/do E4/1/la C#4/1.5/ne -/1.5 "
)
_VERSE_ANSWER = (
    "-/.5 F#4/.5/le F#4/.5/to G4/.5/na A4/1/mi F#4/1/lo E4/.5/de D4/2/na -/1.5 "
    "-/.5 D4/.5/so E4/.5/ma F#4/.5/ne A4/1/lo F#4/1/ra E4/2.5/no -/1.5 "
)
MELODIES: Final[dict[str, str]] = {
    # pitch/beats/syllable; a dash is a rest, where the singer breathes.
    "silent": "",
    "verse": _VERSE_HALF + _VERSE_ANSWER,
    "short verse": _VERSE_ANSWER,
    "chorus": (
        "B4/1.5/la A4/.5/ne G4/1/mo A4/1/na A4/1.5/do E4/.5/le E4/1/na -/1 "
        "F#4/.5/se F#4/.5/ti F#4/.5/na A4/.5/ma B4/1/lo A4/1/na A4/.5/de F#4/2/no -/1.5 "
        "B4/1.5/la A4/.5/ne G4/1/mo A4/1/na C#5/1.5/da A4/.5/le A4/1/na -/1 "
        "F#4/.5/so G4/.5/le A4/1/na F#4/1/mi E4/1/lo E4/2.5/na -/1.5 "
    ),
    "farewell": "-/1 D4/.5/so E4/.5/le G4/1/na E4/1/lo F#4/3.5/na -/.5",
}

FORM: Final[tuple[Section, ...]] = (
    Section("intro", ("Bm", "G"), "opening", "silent", ""),
    Section("intro", ("D", "A"), "lift", "silent", "pickup"),
    Section("verse", ("Bm", "G", "D", "A") * 2, "verse", "verse", "big"),
    Section("chorus", ("G", "A", "Bm", "D/F#", "G", "A", "D", "A"), "chorus", "chorus", "turn"),
    Section("verse", ("Bm", "G", "D", "A"), "verse", "short verse", "big"),
    Section("chorus", ("G", "A", "Bm", "D/F#", "G", "A", "D", "A"), "chorus", "chorus", "turn"),
    Section("outro", ("G", "D"), "ending", "farewell", ""),
)
# The last chord is held this many times its length: until it has died away by itself.
FINAL_RING: Final = 8.0
SONG_BEATS: Final = BEATS_PER_BAR * sum(len(section.chords) for section in FORM)
# How hard everybody plays, relative to the chorus: the verse is sung and played more softly.
EFFORT: Final = {"opening": 0.70, "lift": 0.76, "verse": 0.70, "chorus": 1.0, "ending": 0.90}
_D_MAJOR: Final = frozenset({1, 2, 4, 6, 7, 9, 11})  # Pitch classes, C being 0.
_SCALE_STEPS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

Parts = dict[str, list[Note]]


def midi_key(name: str) -> int:
    """Return the MIDI key number of a note name such as ``F#4`` (A4 is 69)."""
    match = re.fullmatch(r"([A-G])(#?)(\d)", name)
    if match is None:
        raise ValueError(f"not a note name: {name!r}")
    letter, sharp, octave = match.groups()
    return 12 * (int(octave) + 1) + _SCALE_STEPS[letter] + len(sharp)


def compose() -> Parts:
    """Unroll the form into notes for every part, in beats from the first downbeat."""
    parts: Parts = {}
    bars = [chord for section in FORM for chord in section.chords]
    bar = 0
    for section in FORM:
        start = float(bar * BEATS_PER_BAR)
        parts.setdefault("vox", []).extend(_melody(MELODIES[section.melody], start, EFFORT[section.groove]))
        for index, name in enumerate(section.chords):
            following = CHORDS[bars[(bar + 1) % len(bars)]]
            last = index == len(section.chords) - 1
            beat = float(bar * BEATS_PER_BAR)
            _drum_bar(parts, section, index, beat, section.fill if last else "")
            bar += 1
            ring = FINAL_RING if bar == len(bars) else 1.0
            _chord_bar(parts, section.groove, CHORDS[name], following, beat, ring=ring)
        if section.groove in ("verse", "chorus"):
            parts.setdefault("crash", []).append(Note(start, 1, 0, 0.9 * EFFORT[section.groove]))
    return parts


def _steps(pattern: str) -> list[tuple[float, float, str]]:
    """Return (beat, length in beats up to the next symbol, symbol) for every symbol in a bar pattern."""
    hits = [index for index, symbol in enumerate(pattern) if symbol != "."]
    ends = [*hits, len(pattern)][1:]
    return [
        (hit / STEPS_PER_BEAT, (end - hit) / STEPS_PER_BEAT, pattern[hit]) for hit, end in zip(hits, ends, strict=True)
    ]


def _melody(text: str, start: float, effort: float) -> list[Note]:
    notes = []
    beat = start
    for token in text.split():
        name, length, *syllable = token.split("/")
        if syllable:
            accent = 0.06 if beat % 2 == 0 else 0.0
            notes.append(Note(beat, float(length), midi_key(name), 0.82 * effort + accent, syllable[0]))
        beat += float(length)
    return notes


def _drum_bar(parts: Parts, section: Section, index: int, beat: float, fill: str) -> None:
    rows = {drum: bars[index % len(bars)] for drum, bars in DRUM_GROOVES[section.groove].items()}
    if fill:
        rows = dict(DRUM_FILLS[fill])
    for drum, pattern in rows.items():
        for offset, length, symbol in _steps(pattern):
            velocity = ACCENTS[symbol] * EFFORT[section.groove]
            articulation = 1 if symbol == "o" else 0
            parts.setdefault(drum, []).append(Note(beat + offset, length, articulation, velocity))


def _approach(root: int, target: int) -> int:
    """Return the bass note that leads to ``target``: a semitone below it, or a step of the scale above."""
    if target > root:
        return target - 1
    if target == root:
        return root + 7
    return target + (1 if (target + 1) % 12 in _D_MAJOR else 2)


def _chord_bar(parts: Parts, groove: str, chord: Chord, following: Chord, beat: float, *, ring: float) -> None:
    effort = EFFORT[groove]
    for offset, length, symbol in _steps(BASS_GROOVES.get(groove, "")):
        passing = _approach(chord.bass, following.bass)
        pitch = {"R": chord.bass, "O": chord.bass + 12, "F": chord.bass + 7, "P": passing}[symbol]
        velocity = effort * (0.88 if offset == 0 else 0.76)
        parts.setdefault("bass", []).append(Note(beat + offset, 0.92 * ring * length, pitch, velocity))
    for offset, length, symbol in _steps(GUITAR_GROOVES.get(groove, "")):
        muted = symbol == "m"
        # A palm-muted stroke sounds only the two lowest strings, and stops at once.
        for string, pitch in enumerate(chord.guitar[: 2 if muted else 4]):
            velocity = effort * (0.52 if muted else 0.90 if offset == 0 else 0.78)
            note = Note(beat + offset, 0.2 if muted else 0.97 * ring * length, pitch, velocity)
            parts.setdefault(f"guitar {string}", []).append(note)
    for offset, length, symbol in _steps(KEYS_GROOVES.get(groove, "")):
        for voice, pitch in enumerate(chord.keys):
            note = Note(beat + offset, 0.94 * ring * length, pitch, effort * ACCENTS[symbol])
            parts.setdefault(f"keys {voice}", []).append(note)
    if groove == "chorus":
        for voice, pitch in enumerate(chord.choir):
            parts.setdefault(f"choir {voice}", []).append(Note(beat, 3.6, pitch, 0.8, "la"))
