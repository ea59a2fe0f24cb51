"""Scenes: the clean mix with exactly one fault each, and the check that must name it.

Every module of this package may register scenes with `@scene`; all are imported here.
"""

from __future__ import annotations

import importlib
import pkgutil

from render_tests.scenes.registry import SCENES, Scene, Take, clean_mix, mix_of, take_of

__all__ = ["SCENES", "Scene", "Take", "clean_mix", "mix_of", "take_of"]

for _module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
