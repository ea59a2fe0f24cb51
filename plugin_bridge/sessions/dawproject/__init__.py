"""DAWproject 1.0, the exchange format of Bitwig Studio, Studio One, Cubase and others: read, changed, made anew."""

from __future__ import annotations

from plugin_bridge.sessions.dawproject.new import write_new_dawproject
from plugin_bridge.sessions.dawproject.read import read_dawproject
from plugin_bridge.sessions.dawproject.write import as_written, write_dawproject

__all__ = ["as_written", "read_dawproject", "write_dawproject", "write_new_dawproject"]
