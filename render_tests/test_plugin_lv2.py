"""The LV2 plugin: what its files say, and that LV2's own tools read it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from render_tests.plugin_hosts import table
from render_tests.plugin_hosts.built import Built

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("runtime")]

URI = {"lv2": "https://mixdiagnose.com/plugin", "lv2-mono": "https://mixdiagnose.com/plugin-mono"}


@pytest.fixture
def environment(plugin: Built, tmp_path: Path) -> dict[str, str]:
    """A world of LV2 with this plugin and the standard's own files in it."""
    folder = tmp_path / "lv2"
    folder.mkdir()
    for kind in URI:
        (folder / plugin.plugins[kind].name).symlink_to(plugin.plugins[kind])
    return {**os.environ, "LV2_PATH": f"{folder}:/usr/lib/lv2"}


@pytest.mark.parametrize(("kind", "channels"), [("lv2", 2), ("lv2-mono", 1)])
def test_its_files_name_all_ports(plugin: Built, kind: str, channels: int) -> None:
    bundle = plugin.plugins[kind]
    manifest = (bundle / "manifest.ttl").read_text()
    assert f"<{URI[kind]}>" in manifest
    binary = re.search(r"lv2:binary <([^>]+)>", manifest)
    assert binary is not None
    assert (bundle / binary[1]).is_file()
    see_also = re.search(r"rdfs:seeAlso <([^>]+)>", manifest)
    assert see_also is not None
    text = (bundle / see_also[1]).read_text()
    assert text.count("lv2:AudioPort") == 2 * channels
    symbols = re.findall(r'lv2:symbol "([^"]+)"', text)
    assert len(symbols) == len(set(symbols))
    assert {"correction", "amount", "trim", "band1_kind", "band8_q", "integrated"} <= set(symbols)
    assert text.count("pprop:logarithmic") + text.count("#logarithmic") == 2 * table.BANDS
    assert "lv2:latency" not in text


def test_lv2info_reads_it(environment: dict[str, str]) -> None:
    if shutil.which("lv2info") is None:
        pytest.skip("needs the Debian package lilv-utils")
    told = subprocess.run(
        ["lv2info", URI["lv2"]], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert "MixDiagnose" in told.stdout
    # All parameters, four of audio, and one of events for the transport.
    assert len(re.findall(r"^\tPort \d+:", told.stdout, re.MULTILINE)) == table.COUNT + 5
    assert "error" not in told.stderr.lower()


def test_lv2bench_plays_it(environment: dict[str, str]) -> None:
    if shutil.which("lv2bench") is None:
        pytest.skip("needs the Debian package lilv-utils")
    command = ["lv2bench", "-b", "512", "-n", "65536", "-f", URI["lv2"]]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
