"""The link's header by itself: its layout is Python's, its threads do not race, its audio thread calls no kernel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsp.findings import STATUSES
from plugin_bridge import link_layout as layout
from tests.link import NATIVE, compiled

PROTOCOL = NATIVE.parent / "PROTOCOL.md"
SANITIZERS = {"thread": ("-fsanitize=thread", "-Wno-tsan"), "address": ("-fsanitize=address,undefined",)}


@pytest.fixture(autouse=True)
def _runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def in_python() -> dict[str, int]:
    """Every offset, size and constant, by the names that `layout.cpp` prints."""
    names = (name for name in dir(layout) if name.isupper() and isinstance(getattr(layout, name), int | float))
    values = {name: int(getattr(layout, name)) for name in names}
    values |= {f"kind.{name}": i for i, name in enumerate(layout.KINDS)}
    values |= {f"status.{name}": i for i, name in enumerate(STATUSES)}
    structs = (layout.BAND, layout.RESULTS, layout.LINE, layout.REGION, layout.VIEW, layout.RECORD)
    for struct, name in zip(structs, ("Band", "Results", "Line", "Region", "View", "Record"), strict=True):
        values |= {name: struct.itemsize, **_offsets(name, struct)}
    values |= _offsets("Header", layout.STATIC) | {f"Header.{name}": at for name, at in layout.WORDS.items()}
    for rate in (8_000, 44_100, 48_000, 96_000, 192_000, 384_000):
        values[f"ring.{rate}"] = layout.ring_frames(rate)
        values[f"file.{rate}"] = layout.file_bytes(layout.ring_frames(rate), 2)
    return values


def _offsets(name: str, struct: np.dtype[np.void]) -> dict[str, int]:
    assert struct.fields
    return {f"{name}.{field}": struct.fields[field][1] for field in struct.fields}


def test_header_and_python_agree_on_every_byte() -> None:
    lines = subprocess.run([compiled("layout")], capture_output=True, text=True, check=True).stdout.splitlines()
    in_header = {name: int(value) for name, value in map(str.split, lines)}
    assert in_header == in_python()


def test_the_protocol_names_every_field_and_its_offset() -> None:
    text = PROTOCOL.read_text("utf-8")
    rows = {tuple(cell.strip(" `") for cell in line.split("|")[1:3]) for line in text.splitlines() if "|" in line}
    for name, value in in_python().items():
        struct, _, field = name.partition(".")
        if field and struct[0].isupper():
            assert (str(value), field) in rows, name
    for name in ("VERSION", "HEADER_BYTES", "RECORDS_OFFSET", "AUDIO_OFFSET", "SLOT_BYTES", "RECORDS"):
        assert (str(getattr(layout, name)), name) in rows, name


def test_a_ring_holds_twenty_seconds_at_every_rate() -> None:
    for rate in (8_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000, 768_000):
        assert layout.ring_frames(rate) >= 20 * rate


@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_plugin_engine_and_windows_at_once(sanitizer: str) -> None:
    _stress(sanitizer, 3_000)


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_plugin_engine_and_windows_at_once_for_long(sanitizer: str) -> None:
    _stress(sanitizer, 100_000)


def _stress(sanitizer: str, publications: int) -> None:
    program = compiled("stress", *SANITIZERS[sanitizer])
    run = subprocess.run([program, str(publications)], capture_output=True, text=True, check=False)
    if "unexpected memory mapping" in run.stderr:
        pytest.skip("ThreadSanitizer does not run under this kernel's address layout")
    assert run.returncode == 0, run.stderr
    assert not run.stderr
    assert int(run.stdout.split()[3]) > 4 * layout.MIN_FRAMES * 0.9


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can forbid system calls")
def test_the_audio_thread_makes_no_system_call() -> None:
    program = compiled("quiet")
    assert subprocess.run([program], check=False).returncode == 0
    assert subprocess.run([program, "loud"], check=False).returncode < 0
