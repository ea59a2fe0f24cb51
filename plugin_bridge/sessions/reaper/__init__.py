"""REAPER projects (.rpp, versions 4 to 7): read into a session, and written back with what was changed."""

from plugin_bridge.sessions.reaper.read import read_reaper
from plugin_bridge.sessions.reaper.write import write_reaper

__all__ = ["read_reaper", "write_reaper"]
