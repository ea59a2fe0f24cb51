"""Roles: what each stem is in the arrangement."""

from __future__ import annotations

from collections.abc import Mapping

from dsp.stems.model import Stems


def assign(stems: Stems, overrides: Mapping[str, str]) -> Stems:
    """Roles."""
    return stems
