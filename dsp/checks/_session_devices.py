"""What the devices of a session do, as far as their kind or name tells."""

from __future__ import annotations

from functools import lru_cache

from dsp.checks._session_path import MOST_DB
from dsp.plugins import Category, KnownPlugin, find_plugin
from dsp.profile import load_plugins
from dsp.session import DeviceFacts

#: What devices of the kinds that sessions describe with parameters do.
KINDS: dict[str, Category] = {"limiter": "limiter", "compressor": "compressor", "equalizer": "clean", "gate": "clean"}
#: What holds peaks at a ceiling.
HOLDS_PEAKS: tuple[Category, ...] = ("limiter", "clipper", "maximiser")


@lru_cache(1024)
def _known(name: str, vendor: str, plugin_id: str) -> KnownPlugin | None:
    return find_plugin(load_plugins(), name, vendor, plugin_id)


def product(device: DeviceFacts) -> KnownPlugin | None:
    """The product a device is, where it is known."""
    return _known(device.name, device.vendor, device.plugin_id)


def category(device: DeviceFacts) -> Category | None:
    """What a device does: by its kind, else by its name; None where that is not known."""
    if device.kind in KINDS:
        return KINDS[device.kind]
    known = product(device)
    return known.category if known else None


def lowered_db(device: DeviceFacts) -> float | None:
    """How far a device turned the signal down at most; None where not measured."""
    reduction = device.reduction_db
    return reduction if reduction is not None and abs(reduction) < MOST_DB else None
