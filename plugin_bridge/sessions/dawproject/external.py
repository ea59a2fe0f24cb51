"""External files of a DAWproject that is written to another folder: their paths still have to lead there."""

from __future__ import annotations

import os
from pathlib import Path

from plugin_bridge.sessions.dawproject.read import Reading
from plugin_bridge.sessions.dawproject.text import Edits
from plugin_bridge.sessions.dawproject.xml import truth
from plugin_bridge.sessions.model import Session


def relocated(reading: Reading, before: Session, source: Path, out: Path, edits: Edits) -> dict[str, str]:
    """Change paths that are relative to the session's folder where `out` lies in another; gives new ones by old ones.

    A path the session was read with stays as it is where it is absolute and leads to a file.
    """
    home, there = source.absolute().parent.resolve(), out.absolute().parent.resolve()
    if home == there:
        return {}
    bare = source.suffix.lower() == ".xml"
    found = {m.name: m.file for t in before.channels for c in t.clips for m in c.media if m.file is not None}
    moved = dict[str, str]()
    for file in reading.root.iter("File", "State"):
        name = file.get("path", "")
        if not (bare or truth(file, "external", False)) or not name or edits.changed(file, "path"):
            continue
        plain = home / name.replace("\\", "/")
        target = plain if plain.is_file() else found.get(name)
        if target is None or (Path(name).is_absolute() and plain.is_file()):
            continue
        try:
            path = os.path.relpath(target, there)
        except ValueError:  # another drive
            path = str(target)
        moved[name] = path.replace(os.sep, "/")
        edits.set(file, "path", moved[name])
    return moved
