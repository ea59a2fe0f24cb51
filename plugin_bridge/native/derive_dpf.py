"""DPF's VST3 and CLAP sources with their faults mended: `python derive_dpf.py DISTRHO_FOLDER OUT_FOLDER`.

The sources stay where they are. `OUT_FOLDER/src` gets corrected copies of those that `dpf-1.6.patch` changes, and
`OUT_FOLDER/DistrhoPluginMain.cpp` includes them. Every line the patch names must be where it says, or nothing is
written: another DPF has to be looked at first. docs/adr/0015-dpf-is-mended-as-it-is-built.md says what and why.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PATCH: Final = Path(__file__).with_name("dpf-1.6.patch")
MAIN: Final = "DistrhoPluginMain.cpp"
_HUNK: Final = re.compile(r"@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@")


class UnexpectedSourceError(Exception):
    """A source of DPF is not the one the patch was made for."""


def patched(text: str, hunks: list[tuple[int, list[str]]], name: str) -> str:
    """A text with the hunks of a unified diff applied: each the number of its first line, and its lines.

    Raises UnexpectedSourceError where a line is not there to the letter.
    """
    old, new, at = text.split("\n"), [], 0
    for first, lines in hunks:
        new += old[at : first - 1]
        at = first - 1
        for line in lines:
            if line[0] == "+":
                new.append(line[1:])
                continue
            if at >= len(old) or old[at] != line[1:]:
                raise UnexpectedSourceError(f"{name} is not that of DPF 1.6: line {at + 1} is not '{line[1:].strip()}'")
            if line[0] == " ":
                new.append(line[1:])
            at += 1
    return "\n".join(new + old[at:])


def hunks_of(patch: str) -> Iterator[tuple[str, list[tuple[int, list[str]]]]]:
    """The files of a unified diff, by their paths below its root, and the hunks of each."""
    for part in re.split(r"^--- .*\n\+\+\+ b/", patch, flags=re.MULTILINE)[1:]:
        name, *lines = part.rstrip("\n").split("\n")
        hunks: list[tuple[int, list[str]]] = []
        for line in lines:
            if begins := _HUNK.match(line):
                hunks.append((int(begins[1]), []))
            else:
                hunks[-1][1].append(line or " ")  # an editor may have taken the blank off an empty line
        yield name, hunks


def derive(distrho: Path, out: Path) -> None:
    """Writes the mended sources and the main file that includes them; what is there already is left as it is.

    Raises UnexpectedSourceError, and OSError.
    """
    made = {MAIN: (distrho / MAIN).read_text("utf-8")}
    for name, hunks in hunks_of(PATCH.read_text("utf-8")):
        made[name] = patched((distrho / name).read_text("utf-8"), hunks, name)
    for name, text in made.items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_text("utf-8") != text:
            target.write_text(text, "utf-8")


def main(arguments: list[str]) -> int:
    """The build's step: returns 1 after one line where DPF is another."""
    try:
        derive(Path(arguments[0]), Path(arguments[1]))
    except (UnexpectedSourceError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
