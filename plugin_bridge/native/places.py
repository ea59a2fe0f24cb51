"""Where plugins are installed, and where the plugin finds its engine.

Linux is tested; the folders of macOS and Windows are those their documentation gives (Steinberg "Plug-in Locations",
CLAP's entry.h, lv2plug.in "Filesystem Hierarchy"), untested.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def plugin_folder(form: str) -> Path:
    """The user's own folder for plugins of a format: "vst3", "clap" or "lv2"."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Audio" / "Plug-Ins" / form.upper()
    if sys.platform == "win32":
        if form == "lv2":
            return Path(os.environ.get("APPDATA", str(home / "AppData" / "Roaming"))) / "LV2"
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        return Path(local) / "Programs" / "Common" / form.upper()
    return home / f".{form}"


def settings_folder() -> Path:
    """Where it is written how the engine is started, as `launch.hpp` looks for it."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "MixDiagnose"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", str(home / "AppData" / "Roaming"))) / "MixDiagnose"
    given = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(given) if given.startswith("/") else home / ".config") / "mixdiagnose"


def engine_file() -> Path:
    """One line: the Python that runs the engine."""
    return settings_folder() / "engine"


def record_file() -> Path:
    """What was installed where, by which version."""
    return settings_folder() / "plugin.json"
