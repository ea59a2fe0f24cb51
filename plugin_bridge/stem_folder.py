"""Which files of a folder are stems, and which is the mix."""

from __future__ import annotations

import filecmp
import re
from dataclasses import dataclass, field
from pathlib import Path

from dsp.errors import UsageError

#: Files with these endings are meant as audio; everything else in the folder is left alone.
SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("wav", "wave", "w64", "rf64", "bwf", "aif", "aiff", "aifc", "flac", "ogg", "oga", "opus", "mp3", "m4a"),
        *("mp4", "aac", "wma", "wv", "caf", "au", "snd", "ape", "tta"),
    )
)
#: Names of files that are the mix and not a stem of it: "Mix", "02 Full Mix v3", "MIX_sum_of_stems", "pre-master".
MIX_NAME = re.compile(
    r"(\d+[ _.-]+)?((full|main|stereo|rough|final|2)?[ _.-]?mix([ _.-]?down)?|(pre|un)?[ _.-]?master(ed)?|bounce)"
    r"([ _.-]+(v?\d+|final|sum|of|stems|print|stereo|unmastered|pre|master|mastering))*",
    re.IGNORECASE,
)


@dataclass
class Folder:
    """The stems of a folder: the files, and the mix among them if one is named so."""

    path: Path
    stems: list[Path]
    mixes: list[Path] = field(default_factory=list)

    @property
    def mix(self) -> Path | None:
        """The file that is called the mix. Raises UsageError where several are."""
        if len(self.mixes) > 1:
            names = ", ".join(p.name for p in self.mixes)
            raise UsageError(f"{self.path} holds several mixes ({names}); name one: check MIX --stems {self.path}")
        return self.mixes[0] if self.mixes else None


def find_stems(folder: str | Path, mix: str | Path | None = None) -> Folder:
    """The audio files of a folder, sorted by name, without the mix.

    Where there are none but in a single folder inside (song/mix.wav, song/stems/...) those are the stems.
    Raises UsageError where there are none at all.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"{folder} is not a folder; name the folder the stems are in")
    found = _sorted_out(path, mix)
    if found.stems:
        return found
    inside = [p for p in sorted(path.iterdir()) if p.is_dir() and not p.name.startswith(".") and _audio(p)]
    if len(inside) == 1 and (below := _sorted_out(inside[0], mix)).stems:
        return Folder(inside[0], below.stems, found.mixes or below.mixes)
    names = ", ".join(p.name for p in inside[:3])
    hint = f"name one of the folders in it ({names})" if names else "export the tracks of the session into it"
    raise UsageError(f"{folder} holds no stems; {hint}")


def _sorted_out(path: Path, mix: str | Path | None) -> Folder:
    """The audio files right in a folder: stems, mixes by name, without the mix itself."""
    files = [p for p in _audio(path) if mix is None or not _same(p, Path(mix))]
    named = [p for p in files if MIX_NAME.fullmatch(p.stem)]
    return Folder(path, [p for p in files if p not in named], named)


def _audio(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def _same(one: Path, other: Path) -> bool:
    """Whether two paths hold the same file, byte for byte."""
    if not (one.is_file() and other.is_file()):
        return False
    return one.samefile(other) or (
        one.stat().st_size == other.stat().st_size and filecmp.cmp(one, other, shallow=False)
    )
