"""A demo song: real multitrack music, synthesised on the spot, with four mistakes made on purpose.

:func:`write_demo` plays a written score on Faust instruments in a DawDreamer graph and leaves a mix, fourteen
stems and a ``truth.json`` behind. Without flaws it is a healthy pre-master. Importing this package loads no
audio library.
"""

from __future__ import annotations

from plugin_bridge.demo.flaws import DEMO_FLAWS
from plugin_bridge.demo.song import DemoSong, write_demo

__all__ = ["DEMO_FLAWS", "DemoSong", "write_demo"]
