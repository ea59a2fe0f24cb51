"""Opening a session of any format that is read here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dsp.errors import InputError, UsageError
from plugin_bridge.sessions.model import Session

#: Formats by the ending of their files.
FORMATS: Final = {
    ".dawproject": "DAWproject", ".xml": "DAWproject", ".rpp": "REAPER", ".rpp-bak": "REAPER", ".ardour": "Ardour",
}  # fmt: skip
#: Sessions that are not read, and how to hand them over all the same.
OTHERS: Final = {
    ".als": "a Live set", ".flp": "an FL Studio project", ".ptx": "a Pro Tools session", ".cpr": "a Cubase project",
    ".song": "a Studio One song", ".bwproject": "a Bitwig project", ".logicx": "a Logic project", ".aaf": "an AAF",
    ".reason": "a Reason song", ".qtr": "a Qtractor session", ".npr": "a Nuendo project",
}  # fmt: skip


def is_session(path: Path) -> bool:
    """Whether a path is meant as a session file, readable here or not."""
    return path.suffix.casefold() in {*FORMATS, *OTHERS}


def format_of(path: Path) -> str:
    """The format of a session file. Raises UsageError for one that is not read."""
    ending = path.suffix.casefold()
    if ending in OTHERS:
        how = "export it as DAWproject (Bitwig, Studio One, Cubase can) or its tracks as a folder of stems"
        raise UsageError(f"{path} is {OTHERS[ending]}, which is not read here; {how}")
    if ending not in FORMATS:
        raise UsageError(f"{path} is not a session; there are: {', '.join(sorted(FORMATS))}, or a folder of stems")
    return FORMATS[ending]


@contextmanager
def open_session(path: Path, allowed: Sequence[Path] = ()) -> Iterator[Session]:
    """A session while it is needed: media of an archive are kept in a temporary folder until then.

    `allowed` are folders outside the session's own from which media may be read. Raises InputError, UsageError.
    """
    form = format_of(path)
    if not path.exists():
        raise InputError(str(path), "no such file", "check the path")
    if path.is_dir():
        raise InputError(str(path), "is a directory", "name the session file in it")
    for folder in allowed:
        if not folder.is_dir():
            raise UsageError(f"--allow-media {folder}: there is no such folder")
    with tempfile.TemporaryDirectory(prefix="mixdiagnose-media-") as media:
        if form == "DAWproject":
            from plugin_bridge.sessions.dawproject import read_dawproject

            yield read_dawproject(path, allowed, media_dir=Path(media))
        elif form == "REAPER":
            from plugin_bridge.sessions.reaper import read_reaper

            yield read_reaper(path, allowed)
        else:
            from plugin_bridge.sessions.ardour import read_ardour

            yield read_ardour(path, allowed)
