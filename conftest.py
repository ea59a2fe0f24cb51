"""Slow tests come first, so that two processes end together and none waits for a last long one."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)  # after they have been shuffled
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort, and keep the order of those that are alike."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
