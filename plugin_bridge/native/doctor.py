"""What stands between the plugin and its diagnosis: files, versions, engine, shared memory; and what to do about it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dsp.errors import InputError
from plugin_bridge.native.build import missing
from plugin_bridge.native.install import digest, recorded
from plugin_bridge.native.places import engine_file

#: Seconds that a Python may take to say that it has our engine.
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Symptom:
    """One thing that was looked at."""

    what: str
    status: Literal["pass", "warning", "problem"]
    found: str
    remedy: str = ""


def examine(version: str) -> Iterator[Symptom]:
    """Look at everything, in the order in which one thing needs the other."""
    yield from _installed(version)
    yield _engine()
    yield from _links()
    lacking = missing()
    if lacking:
        yield Symptom("build", "warning", f"not there: {'; '.join(lacking)}", "needed only to build the plugin anew")
    else:
        yield Symptom("build", "pass", "CMake and a compiler are there")


def _installed(version: str) -> Iterator[Symptom]:
    of, plugins = recorded()
    if not plugins:
        yield Symptom("plugin", "problem", "not installed by this command", "mixdiagnose plugin install")
        return
    if of != version:
        yield Symptom("version", "warning", f"the plugin is of {of}, this is {version}", "mixdiagnose plugin install")
    else:
        yield Symptom("version", "pass", of)
    for each in plugins:
        path = Path(each.path)
        if not path.exists():
            yield Symptom(each.form, "problem", f"{path} is gone", "mixdiagnose plugin install")
        elif digest(path) != each.digest:
            yield Symptom(each.form, "warning", f"{path} was changed since", "mixdiagnose plugin install")
        else:
            yield Symptom(each.form, "pass", str(path))


def _engine() -> Symptom:
    """Whether the Python that the plugin starts has the engine."""
    file, remedy = engine_file(), "mixdiagnose plugin install"
    try:
        python = file.read_text(encoding="utf-8").strip()
        loose = file.stat().st_mode & 0o022
    except OSError:
        return Symptom("engine", "problem", f"{file} does not say how it is started", remedy)
    if loose:
        return Symptom("engine", "problem", f"others may write {file}, so the plugin does not trust it", remedy)
    try:
        done = subprocess.run(
            [python, "-c", "import plugin_bridge.live.engine"], capture_output=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Symptom("engine", "problem", f"{python} cannot be run: {type(error).__name__}", remedy)
    if done.returncode:
        return Symptom("engine", "problem", f"{python} has no MixDiagnose any more", remedy)
    return Symptom("engine", "pass", f"{python} has it")


def _links() -> Iterator[Symptom]:
    """The folder of shared memory, the running engine, and the plugins that are open."""
    from plugin_bridge import link
    from plugin_bridge.link_files import runtime_directory
    from plugin_bridge.live.lock import engine_runs

    try:
        folder = runtime_directory()
    except InputError as error:
        yield Symptom("shared memory", "problem", f"{error.subject}: {error.cause}", error.remedy)
        return
    yield Symptom("shared memory", "pass", str(folder))
    refused: list[InputError] = []
    instances = link.scan(refused=refused.append)
    count = len(instances)
    for instance in instances:
        instance.close()
    for each in refused:
        yield Symptom("plugin open", "problem", f"{each.subject}: {each.cause}", each.remedy)
    running = engine_runs(folder)
    many = f"{count} plugin{'' if count == 1 else 's'} open"
    if count and not running:
        log = folder / "engine.log"
        yield Symptom("running", "problem", f"{many}, and no engine", f"look into {log}, or run mixdiagnose live")
    else:
        yield Symptom("running", "pass", f"{many}, the engine is {'running' if running else 'not needed'}")
