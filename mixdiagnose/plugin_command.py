"""`mixdiagnose plugin build | install | uninstall | doctor`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from mixdiagnose import __version__
from mixdiagnose.progress import bar

#: How a line of the doctor begins.
MARKS = {"pass": "ok", "warning": "!", "problem": "PROBLEM"}


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; the doctor returns 1 where it found a problem."""
    return {"build": _build, "install": _install, "uninstall": _uninstall, "doctor": _doctor}[arguments.action](
        arguments
    )


def _build(arguments: argparse.Namespace) -> int:
    from plugin_bridge.native.build import FORMATS, build

    out = arguments.output or Path("mixdiagnose-plugin")
    with bar("Building the plugin", arguments.quiet):
        made = build(out, arguments.formats or FORMATS, dpf=arguments.dpf)
    for path in made.values():
        print(path)
    return 0


def _install(arguments: argparse.Namespace) -> int:
    from functools import partial

    from plugin_bridge.native.build import FORMATS, build
    from plugin_bridge.native.install import install

    with bar("Building and installing the plugin", arguments.quiet):
        done = install(__version__, arguments.formats or FORMATS, partial(build, dpf=arguments.dpf))
    for each in done:
        print(each.path)
    print("Insert MixDiagnose on the master bus; your DAW may have to scan for plugins first.", file=sys.stderr)
    return 0


def _uninstall(arguments: argparse.Namespace) -> int:
    from plugin_bridge.native.install import uninstall

    taken = uninstall()
    for path in taken:
        print(path)
    if not taken:
        print("Nothing was installed by this command.", file=sys.stderr)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from plugin_bridge.native.doctor import examine

    found = list(examine(__version__))
    if arguments.format == "json":
        sys.stdout.write(json.dumps([asdict(s) for s in found]) + "\n")
    else:
        for s in found:
            print(f"{MARKS[s.status]:8} {s.what}: {s.found}" + (f" -> {s.remedy}" if s.remedy else ""))
    return 1 if any(s.status == "problem" for s in found) else 0
