"""The manifest of a rendered session: which file is what, how loud it is, and what is not as the DAW plays it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Final

from plugin_bridge.render import Rendered

SCHEMA_VERSION: Final = 1
NAME: Final = "manifest.json"


def write_manifest(rendered: Rendered, folder: Path) -> dict[str, Any]:
    """Write `manifest.json` into the folder of a render; returns what it holds. Raises OSError."""
    session, facts = rendered.session, rendered.facts
    by_name = {c.name: c for c in facts.channels}
    kinds = [("mix", "Mix", rendered.mix), ("master input", "Master input", rendered.master_input)]
    kinds += [("stem", name, path) for name, path in rendered.stems.items()]
    kinds += [("bus", name, path) for name, path in rendered.buses.items()]
    offline = [
        {"track": c.name, "clip": clip.name, "media": clip.media, "position_s": clip.position_s, "why": clip.offline}
        for c in facts.channels
        for clip in c.clips
        if clip.offline
    ]
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "session": str(session.file),
        "format": session.format,
        "sample_rate": session.sample_rate,
        "frames": rendered.frames,
        "start_s": session.start_s,
        "partial": bool(offline) or any(clip.partial for c in facts.channels for clip in c.clips),
        "approximate": list(facts.approximate),
        "unread": list(facts.unread),
        "offline": offline,
        "files": [
            {"kind": kind, "name": name, "path": path.relative_to(folder).as_posix()} for kind, name, path in kinds
        ],
        "channels": [
            {"name": c.name, "kind": c.kind, "heard": c.heard, "levels": [dataclasses.asdict(x) for x in c.levels]}
            for c in by_name.values()
        ],
    }
    (folder / NAME).write_text(json.dumps(manifest, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return manifest
