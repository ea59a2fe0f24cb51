"""Builds the plugin from its sources: what `mixdiagnose plugin build` does."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dsp.errors import UsageError

SOURCE: Final = Path(__file__).parent
FORMATS: Final = ("vst3", "clap", "lv2")
#: Variants and what their bundles are called.
VARIANTS: Final = {"stereo": "MixDiagnose", "mono": "MixDiagnoseMono"}
#: What is needed, by the commands any of which will do, and how to get it.
_NEEDED: Final = {
    "CMake": (("cmake",), "apt install cmake, or pip install cmake"),
    "a C++ compiler": (("c++", "g++", "clang++", "cl"), "apt install g++, Xcode's tools, or Visual Studio"),
    "a build tool": (("ninja", "make", "gmake", "nmake", "msbuild"), "apt install make, or pip install ninja"),
}


def missing() -> list[str]:
    """What is not there to build with, each with how to get it, in one line. DPF may be missing: CMake fetches it."""
    return [
        f"{what} ({remedy})"
        for what, (commands, remedy) in _NEEDED.items()
        if not any(map(shutil.which, commands)) and not (os.name == "nt" and what != "CMake")  # CMake finds Microsoft's
    ]


def build(
    out: Path,
    formats: Sequence[str] = FORMATS,
    jobs: int | None = None,
    *,
    variants: Sequence[str] = tuple(VARIANTS),
    dpf: Path | None = None,
) -> dict[str, Path]:
    """Builds into a temporary folder and puts the plugins into `out`, where they replace what has their names.

    `dpf` is a folder of DPF 1.6; without it the Debian package dpf-source is taken, or fetched. Returns where each
    plugin lies, by its format, for mono followed by "-mono". Raises UsageError, with one line, where something to
    build with is missing or the build fails.
    """
    if unknown := [f for f in formats if f not in FORMATS] or [v for v in variants if v not in VARIANTS]:
        raise UsageError(f"the plugin is not built as '{unknown[0]}'; there are {', '.join((*FORMATS, *VARIANTS))}")
    if lacking := missing():
        raise UsageError(f"the plugin cannot be built without {'; '.join(lacking)}")
    if dpf is not None and not (dpf / "distrho" / "DistrhoPluginMain.cpp").is_file():
        raise UsageError(f"{dpf} is not DPF: it has no distrho/DistrhoPluginMain.cpp (apt install dpf-source)")
    with tempfile.TemporaryDirectory(prefix="mixdiagnose-build-") as made:
        folder = Path(made)
        chosen = [f"-DMIXDIAGNOSE_FORMATS={';'.join(formats)}", f"-DMIXDIAGNOSE_VARIANTS={';'.join(variants)}"]
        chosen += [f"-DDPF_PATH={dpf}"] if dpf is not None else []
        _run(["cmake", "-S", str(SOURCE), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release", *chosen])
        _run(["cmake", "--build", str(folder), "--config", "Release", "--parallel", str(jobs or os.cpu_count() or 1)])
        return {
            form if variant == "stereo" else f"{form}-{variant}": _placed(
                folder / "bin" / f"{VARIANTS[variant]}.{form}", out
            )
            for form in formats
            for variant in variants
        }


def _placed(bundle: Path, out: Path) -> Path:
    """A bundle or file copied into a folder, in place of what has its name there."""
    target = out / bundle.name
    out.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    elif target.exists() or target.is_symlink():
        target.unlink()  # a plugin that is loaded keeps the file it has
    if bundle.is_dir():
        shutil.copytree(bundle, target)
    else:
        shutil.copy2(bundle, target)
    return target


def _run(command: list[str]) -> None:
    """A step of the build; raises UsageError with the line that tells what was wrong."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise UsageError(f"the plugin could not be built: {_cause(done.stdout)}")


def _cause(output: str) -> str:
    """The telling line of what CMake or a compiler printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for at, line in enumerate(lines):
        if line.startswith("CMake Error"):
            told = [text for text in lines[at + 1 :] if not text.startswith(("--", "CMake", "Call Stack"))]
            return " ".join(told[:2]) if told else line
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "it printed nothing")
