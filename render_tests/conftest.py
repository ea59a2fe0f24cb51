"""The plugin, compiled once for all tests that want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from render_tests.plugin_hosts.built import Built, built


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The plugin in all formats, and our own hosts."""
    return built(tmp_path_factory)


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of this test alone, where plugins make their shared files: `runtime / "mixdiagnose"`."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))  # no engine is installed there
    return folder
