"""A correction in the forms other tools read: one folder per target, and a tree for REAPER.

    FOLDER/README.txt                               what each file is for, and what it could not hold
    FOLDER/Kick/equalizer-apo.txt  ParametricEQ.txt  sos.json  correct.py  impulse.wav
    FOLDER/REAPER/Effects/MixDiagnose/Kick 1a2b3c4d.jsfx
    FOLDER/REAPER/FXChains/MixDiagnose/Kick 1a2b3c4d.RfxChain

Nothing that exists is overwritten, and nothing is written unless everything can be.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from dsp.correction.correction import MAX_BYTES, Correction
from dsp.correction.impulse import impulse_response
from dsp.errors import InputError, UsageError
from dsp.units import Curve
from plugin_bridge import eq_formats_code as code
from plugin_bridge import eq_formats_text as text
from plugin_bridge import jsfx
from plugin_bridge.eq_formats_names import safe_names

#: Names below the folder that are not a target's.
TAKEN: Final = ("README.txt", "REAPER")


def write_forms(correction: Correction, folder: Path) -> list[Path]:
    """Write every form of every target that has moves; returns the files, in the order they were written.

    Raises UsageError naming the file that exists already, or that cannot be written.
    """
    files = {folder / path: content for path, content in forms(correction).items()}
    if existing := next((path for path in files if path.exists() or path.is_symlink()), None):
        raise UsageError(f"{existing} exists; choose another folder")
    for path, content in files.items():
        _write_new(path, content)
    return list(files)


def forms(correction: Correction) -> dict[PurePosixPath, bytes]:
    """The content of every file `write_forms` writes, by its path below the folder."""
    targets = [t for t in correction.targets if t.moves]
    rate = correction.sample_rate
    files: dict[PurePosixPath, bytes] = {}
    notes: list[str] = []
    for name, target in zip(safe_names([t.name for t in targets], TAKEN), targets, strict=True):
        apo, parametric = text.equalizer_apo(target, rate), text.autoeq(target, rate)
        effect = jsfx.effect(target, rate)
        impulse = impulse_response(target.moves, rate)
        # Effects of all songs share one folder of REAPER's: the digest keeps two kicks apart.
        unique = f"{name} {hashlib.sha256(effect.encode('utf-8', 'replace')).hexdigest()[:8]}"
        written: dict[str, str | bytes] = {
            f"{name}/equalizer-apo.txt": apo.text,
            f"{name}/ParametricEQ.txt": parametric.text,
            f"{name}/sos.json": code.sos_json(target, rate),
            f"{name}/correct.py": code.python_program(target, rate),
            f"{name}/impulse.wav": wav(impulse.samples[np.newaxis], rate),
            f"REAPER/Effects/{jsfx.FOLDER}/{unique}.jsfx": effect,
            f"REAPER/FXChains/{jsfx.FOLDER}/{unique}.RfxChain": jsfx.chain(f"{unique}.jsfx"),
        }
        files |= {PurePosixPath(path): _bytes(content) for path, content in written.items()}
        notes += [f"{name}/equalizer-apo.txt leaves out {what}." for what in apo.left_out]
        notes += [f"{name}/ParametricEQ.txt leaves out {what}." for what in parametric.left_out]
        if impulse.origin:
            notes.append(
                f"{name}/impulse.wav comes {impulse.origin} samples late; play what it made that much earlier."
            )
    if files:
        files[PurePosixPath("README.txt")] = _bytes(_README.format(rate=rate) + "".join(f"\n{n}" for n in notes) + "\n")
    return files


def write_correction(correction: Correction, path: Path) -> None:
    """Write `correction.json`. Raises UsageError where the file exists already or cannot be written."""
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists; choose another folder")
    _write_new(path, correction.to_json().encode("ascii"))


def read_correction(path: Path) -> Correction:
    """Read `correction.json`. Raises InputError naming the file, and the field that is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read: {error.strerror}", "name a correction.json that 'fix' wrote"
        ) from error
    return Correction.from_json(content, str(path))


def wav(samples: Curve, sample_rate: int) -> bytes:
    """A 32-bit floating-point WAV file of samples of shape (channels, frames)."""
    from pedalboard.io import AudioFile

    stream = io.BytesIO()
    with AudioFile(stream, "w", sample_rate, samples.shape[0], bit_depth=32, format="wav") as file:
        file.write(np.ascontiguousarray(samples, dtype=np.float32))
    return stream.getvalue()


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "replace") if isinstance(content, str) else content


def _write_new(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:  # also where a file stands in a folder's place
        raise UsageError(f"{error.filename} exists; choose another folder") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


_README: Final = """The correction in the forms other tools read. Session rate: {rate} Hz.

equalizer-apo.txt   Equalizer APO: "Include: equalizer-apo.txt" in config.txt. It designs its own filters, which
                    grow narrower than ours near the top; "Convolution: impulse.wav" is exact.
ParametricEQ.txt    for equalisers that read AutoEq's presets (bells and shelves only).
sos.json            second-order sections for scipy.signal.sosfilt and the like, per sample rate.
correct.py          python correct.py INPUT.wav OUTPUT.wav (needs NumPy and SciPy).
impulse.wav         the whole correction as an impulse response, for any convolver, at the session rate.
REAPER              copy the folders in it into REAPER's resource path (Options, Show REAPER resource path), then
                    load the FX chain MixDiagnose/NAME on the track. Its effect was tested outside REAPER only.
"""
