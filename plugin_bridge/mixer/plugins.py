"""VST3 plugins installed on this machine, found for the devices of a session by class id or by name.

A bundle of VST 3.7.5 and later lists its classes in Contents/Resources/moduleinfo.json; others are known by file name.
Standard folders: steinbergmedia.github.io/vst3_dev_portal, "Plug-in Locations".
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from plugin_bridge.sessions.model import Device, Session, Track


def with_installed(session: Session) -> Session:
    """The session with the file of every VST3 insert that is installed here."""
    if not any(d.kind == "vst3" for t in session.channels for d in (*t.inserts, *t.post_inserts)):
        return session

    def found(track: Track) -> Track:
        return replace(
            track,
            inserts=tuple(_found(d) for d in track.inserts),
            post_inserts=tuple(_found(d) for d in track.post_inserts),
        )

    return replace(session, tracks=tuple(found(t) for t in session.tracks), master=found(session.master))


def _found(device: Device) -> Device:
    if device.kind != "vst3" or device.installed is not None:
        return device
    ids, names = _bundles()
    return replace(device, installed=ids.get(_plain(device.plugin_id)) or names.get(_plain(device.name)))


def folders() -> tuple[Path, ...]:
    """Where VST3 plugins are installed, the user's own first."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library/Audio/Plug-Ins/VST3", Path("/Library/Audio/Plug-Ins/VST3")
    if sys.platform == "win32":
        common = os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files")
        local = os.environ.get("LOCALAPPDATA", str(home))
        return Path(local, "Programs", "Common", "VST3"), Path(common, "VST3")
    return home / ".vst3", Path("/usr/local/lib/vst3"), Path("/usr/lib/vst3")


@cache
def _bundles() -> tuple[dict[str, Path], dict[str, Path]]:
    """Installed plugins by class id and by name, both without regard to spelling."""
    ids: dict[str, Path] = {}
    names: dict[str, Path] = {}
    for folder in folders():
        for bundle in sorted(folder.glob("**/*.vst3")) if folder.is_dir() else ():
            names.setdefault(_plain(bundle.stem), bundle)
            for name, class_id in _classes(bundle):
                names.setdefault(_plain(name), bundle)
                ids.setdefault(_plain(class_id), bundle)
    return ids, names


def _classes(bundle: Path) -> list[tuple[str, str]]:
    """Names and ids of what a bundle holds, as far as it says."""
    for place in ("Contents/Resources/moduleinfo.json", "Contents/moduleinfo.json"):
        try:
            text = (bundle / place).read_text(encoding="utf-8")
            listed = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))["Classes"]
            return [(str(c["Name"]), str(c["CID"])) for c in listed]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return []


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())
