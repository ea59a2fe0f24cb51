"""Puts the plugin where hosts look for it, tells it where its engine is, and takes both away again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dsp.errors import UsageError
from plugin_bridge.native.build import FORMATS, build
from plugin_bridge.native.places import engine_file, plugin_folder, record_file

#: Makes the plugins in a folder and gives their paths; `build`, or what stands for it in tests.
Build = Callable[[Path, Sequence[str]], dict[str, Path]]


@dataclass(frozen=True)
class Installed:
    """A plugin that was installed: its format, where it lies, and what its files hold (SHA-256)."""

    form: str
    path: str
    digest: str


def install(version: str, formats: Sequence[str] = FORMATS, make: Build = build) -> list[Installed]:
    """Build the plugin and install it for this user, with the path of this Python for its engine.

    A plugin of ours that is there is replaced; anything else of that name is left alone. Raises UsageError where it
    cannot be built or written.
    """
    known = {i.path for i in recorded()[1]}
    with tempfile.TemporaryDirectory(prefix="mixdiagnose-plugin-") as folder:
        made = make(Path(folder), formats)
        done = []
        try:
            for form, path in made.items():
                place = plugin_folder(form.removesuffix("-mono"))
                target = place / path.name
                if target.exists() and str(target) not in known:
                    raise UsageError(f"{target} is there and was not installed by this command; move it away first")
                place.mkdir(parents=True, exist_ok=True)
                _replace(path, target)
                done.append(Installed(form, str(target), digest(target)))
            _write(engine_file(), f"{sys.executable}\n")
            record = {"version": version, "plugins": [asdict(i) for i in done]}
            _write(record_file(), json.dumps(record, indent=1) + "\n")
        except OSError as error:
            raise UsageError(f"{error.filename or 'the plugin'} cannot be written: {error.strerror or error}") from None
    return done


def uninstall() -> list[str]:
    """Take away what was installed and not changed since; returns what was. Raises UsageError where it cannot be."""
    taken = []
    for each in recorded()[1]:
        path = Path(each.path)
        if path.exists() and digest(path) == each.digest:
            try:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            except OSError as error:
                raise UsageError(f"{path} cannot be removed: {error.strerror or error}") from None
            taken.append(each.path)
    for file in (engine_file(), record_file()):
        if file.exists():
            file.unlink()
            taken.append(str(file))
    with suppress(OSError):
        record_file().parent.rmdir()
    return taken


def recorded() -> tuple[str, list[Installed]]:
    """The version that was installed and its plugins; "" and none where there is no record."""
    try:
        data = json.loads(record_file().read_text(encoding="utf-8"))
        return str(data["version"]), [Installed(**p) for p in data["plugins"]]
    except (OSError, ValueError, KeyError, TypeError):
        return "", []


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a bundle with their names."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            found.update(str(file.relative_to(path.parent)).encode())
            found.update(file.read_bytes())
    return found.hexdigest()


def _replace(made: Path, target: Path) -> None:
    """Put a plugin in its place in one step, so that no host ever finds half of it."""
    beside = target.with_name(f".{target.name}.new")
    old = target.with_name(f".{target.name}.old")
    for left in (beside, old):
        _remove(left)
    if made.is_dir():
        shutil.copytree(made, beside)
    else:
        shutil.copy2(made, beside)
    if target.exists():
        target.rename(old)
    beside.rename(target)
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    os.chmod(beside, 0o600)
    beside.replace(path)
