"""The documentation says what the program does: every check, flag, command and threshold."""

from __future__ import annotations

import argparse
import doctest
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dsp
import mixdiagnose
import plugin_bridge
from dsp.checks import all_checks
from dsp.profile import load_profile, profile_names
from mixdiagnose.cli import parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [
    info.name
    for package in (dsp, plugin_bridge, mixdiagnose)
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["dsp", "plugin_bridge", "mixdiagnose", *MODULES])
def test_every_module_says_what_it_is_and_its_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module).failed == 0


def test_every_command_and_flag_is_in_the_readme() -> None:
    commands = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        assert f"mixdiagnose {name}" in README, name
        for action in command._actions:
            for flag in action.option_strings:
                assert flag in README or flag in ("-h", "--help"), f"{name} {flag}"


def test_every_check_is_documented() -> None:
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    for check in all_checks():
        assert f"\n## {check.id}\n" in page
        assert f"(docs/checks.md#{check.id})" in README


def test_every_threshold_is_documented() -> None:
    page = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    for name in profile_names():
        for thresholds in load_profile(name).checks.values():
            for key, threshold in thresholds.items():
                assert f"`{key}`" in page
                assert threshold.source in page


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_links_of_the_readme_lead_somewhere() -> None:
    import re

    for target in re.findall(r"\]\(([^)#]+)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{mixdiagnose.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_path_of_one_machine_is_in_the_project() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False).stdout.split()
    for name in tracked:
        path = ROOT / name
        if (
            path.suffix in (".py", ".md", ".toml", ".json", ".svg", "")
            and path.is_file()
            and path.name != "test_docs.py"
        ):
            text = path.read_text(encoding="utf-8", errors="replace")
            for local in ("/work/main", "/root/", "/tmp/", "/home/"):
                assert local not in text, f"{name} holds {local}"


def test_presets_can_never_be_imported() -> None:
    spec = importlib.util.find_spec("presets")
    assert spec is None or spec.loader is None  # a folder without code at most
    assert not (ROOT / "presets" / "__init__.py").exists()
