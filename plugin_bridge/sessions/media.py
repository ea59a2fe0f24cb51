"""Finding the audio files a session names: where it says, else beside it; never outside without leave.

A session comes from elsewhere, so its paths are not trusted: what lies outside its folder is read only below a folder
the user allowed. Paths of another machine (C:\\..., /Users/...) are searched for by their last parts in the folder of
the session, as a DAW does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from plugin_bridge.sessions.model import Media

#: A folder with more files than this below it is not searched further: somebody's home, no session.
MOST_FILES: Final = 20_000


class Finder:
    """Finds media for one session file; `allowed` are further folders that may be read."""

    def __init__(self, session_file: Path, allowed: Sequence[Path] = ()) -> None:
        self._folder = session_file.absolute().parent.resolve()
        self._trusted = (self._folder, *(Path(a).resolve() for a in allowed))

    def find(self, written: str, channel: int | None = None, inside: Sequence[str] = ()) -> Media:
        """The file that a session calls so; `inside` are folders of the session it may lie in, tried in order."""
        parts = _parts(written)
        if not parts:
            return Media(written, None, "the session names no file", channel)
        named = "/".join(parts)
        tried = [Path(named)] if named.startswith("/") else []
        tried += [self._folder / place / named.lstrip("/") for place in ("", *inside)]
        outside = False
        for path in tried:
            real = _real(path)
            if real is None:
                continue
            if self._may_read(real):
                return Media(written, real, channel=channel)
            outside = True
        found = self._search(parts)
        if len(found) == 1:
            return Media(written, found[0], channel=channel)
        if len(found) > 1:
            return Media(written, None, f"{len(found)} files beside the session are called {parts[-1]}", channel)
        if outside:
            why = f"it lies outside the session's folder; allow that with --allow-media {Path(named).parent}"
            return Media(written, None, why, channel)
        return Media(written, None, "the file is not there, nor one of its name beside the session", channel)

    def _may_read(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._trusted)

    def _search(self, parts: Sequence[str]) -> list[Path]:
        """Files below the trusted folders with this name; of several, those that share the most folders' names."""
        wanted = [p.casefold() for p in reversed(parts)]
        best, most = list[Path](), 0
        for path in self._files.get(wanted[0], ()):
            own = [p.casefold() for p in reversed(path.parts)]
            same = next((k for k, (a, b) in enumerate(zip(wanted, own, strict=False)) if a != b), len(wanted))
            if same > most:
                best, most = [], same
            if same == most:
                best.append(path)
        return best

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """All files below the trusted folders by their names; links are not followed."""
        found, count = dict[str, list[Path]](), 0
        for top in dict.fromkeys(self._trusted):
            for folder, inner, files in os.walk(top):
                inner[:] = sorted(d for d in inner if not d.startswith("."))
                for file in sorted(files):
                    path = Path(folder, file)
                    if not path.is_symlink():
                        found.setdefault(file.casefold(), []).append(path)
                    count += 1
                if count > MOST_FILES:
                    return found
        return {name: list(dict.fromkeys(paths)) for name, paths in found.items()}


def _parts(written: str) -> list[str]:
    """A path in the parts all systems share: no drive, no empty part; the first is "" for an absolute path."""
    text = written.strip()
    if "\0" in text:
        return []
    if text.casefold().startswith("file:"):
        text = unquote(urlsplit(text).path)
    text = text.replace("\\", "/")
    drive = len(text) > 1 and text[1] == ":"
    absolute = text.startswith("/") or drive
    parts = [p for p in (text[2:] if drive else text).split("/") if p not in ("", ".")]
    if not parts or parts[-1] == "..":
        return []
    return ["", *parts] if absolute else parts


def _real(path: Path) -> Path | None:
    """The file at a path, its links followed; None where there is none."""
    try:
        real = path.resolve()
        return real if real.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
