"""Which files among the links are refused and why, and which are removed."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dsp.errors import InputError
from plugin_bridge import link_files
from plugin_bridge import link_layout as layout
from plugin_bridge.link import Instance, scan
from plugin_bridge.link_files import RefusedError, process_dead, process_start, remove_stale, runtime_directory
from tests.link import Plugin

RATE = 1_000.0


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "mixdiagnose"


@pytest.fixture
def link(runtime: Path) -> Iterator[Path]:
    """A link of this process that may be spoilt: a copy in the place of the file that a plugin has mapped."""
    with Plugin() as plugin:
        path = plugin.open(RATE)
        copy = path.with_name("copy")
        copy.touch(mode=0o600)
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
        yield path


def set_header(path: Path, **values: int) -> None:
    with path.open("r+b") as file:
        header = np.frombuffer(file.read(layout.STATIC.itemsize), layout.STATIC).copy()
        for name, value in values.items():
            header[name] = value
        file.seek(0)
        file.write(header.tobytes())


def fault(path: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        Instance(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return caught.value.cause


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "another magic": (lambda p: set_header(p, magic=layout.MAGIC + 1), "not a link"),
    "still being made": (lambda p: set_header(p, magic=0), "still being made"),
    "an older version": (lambda p: set_header(p, version=layout.VERSION - 1), "another version"),
    "a newer version": (lambda p: set_header(p, version=layout.VERSION + 1), "another version"),
    "another record": (lambda p: set_header(p, record_bytes=72), "layout is another"),
    "another view": (lambda p: set_header(p, view_bytes=layout.VIEW.itemsize + 8), "layout is another"),
    "audio elsewhere": (lambda p: set_header(p, audio_offset=layout.AUDIO_OFFSET + 4096), "layout is another"),
    "results elsewhere": (lambda p: set_header(p, results_offset=0), "layout is another"),
    "a ring of no power of two": (lambda p: set_header(p, audio_frames=layout.MIN_FRAMES + 1), "impossible size"),
    "an endless ring": (lambda p: set_header(p, audio_frames=1 << 62), "impossible size"),
    "a ring larger than the file": (lambda p: set_header(p, audio_frames=2 * layout.MIN_FRAMES), "layout is another"),
    "no channels": (lambda p: set_header(p, channels=0), "impossible size"),
    "many channels": (lambda p: set_header(p, channels=3), "impossible size"),
    "another process": (lambda p: set_header(p, pid=1), "disagree"),
    "an end cut off": (lambda p: os.truncate(p, os.path.getsize(p) - 1), "truncated"),
    "more than it says": (lambda p: os.truncate(p, os.path.getsize(p) + 1), "truncated"),
    "half a header": (lambda p: os.truncate(p, 100), "truncated"),
    "nothing": (lambda p: os.truncate(p, 0), "still being made"),
    "text": (lambda p: p.write_text("a link" * 1000), "not a link"),
    "read by the group": (lambda p: p.chmod(0o640), "others can read"),
    "written by others": (lambda p: p.chmod(0o602), "others can read"),
    "a second name": (lambda p: os.link(p, p.parent / "second"), "others can read"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_refused_and_says_why(what: str, link: Path) -> None:
    with Instance(link):
        pass
    spoil, cause = WRONG[what]
    spoil(link)
    assert cause in fault(link)
    told: list[RefusedError] = []
    assert scan(refused=told.append) == []
    assert len(told) == (cause != "still being made")  # which is no fault
    assert link.exists()  # its process lives


def test_a_strangers_file_is_refused(link: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(link, 12_345, -1)
    assert "another user's" in fault(link)


def test_links_pipes_and_folders_are_refused(link: Path) -> None:
    name = link.name
    link.rename(link.with_name("moved"))
    link.symlink_to(link.with_name("moved"))
    assert "cannot be opened" in fault(link)
    link.unlink()
    os.mkfifo(link, 0o600)
    assert "not a file" in fault(link)
    link.unlink()
    link.mkdir()
    assert "cannot be opened" in fault(link)
    assert name == link.name


@pytest.mark.parametrize("mask", [0, 0o022])
def test_only_the_user_can_read_a_link_and_its_folder(mask: int, runtime: Path) -> None:
    before = os.umask(mask)
    try:
        with Plugin() as plugin:
            path = plugin.open(RATE)
            entry = path.stat()
            assert (stat.S_IMODE(entry.st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
            assert entry.st_size == layout.file_bytes(layout.ring_frames(RATE), 2)
            # All of it is there: a hole would stop the audio thread, or end it on a full disk.
            assert entry.st_blocks * 512 >= entry.st_size
    finally:
        os.umask(before)


def test_a_folder_that_others_enter_is_not_used(runtime: Path) -> None:
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    with Plugin() as plugin, pytest.raises(OSError, match="not a folder of this user alone"):
        plugin.open(RATE)
    with pytest.raises(InputError, match="not a folder of this user alone"):
        scan()
    runtime.rmdir()
    runtime.symlink_to(runtime.parent)
    with Plugin() as plugin, pytest.raises(OSError, match="not a folder of this user alone"):
        plugin.open(RATE)
    with pytest.raises(InputError, match="not a folder of this user alone"):
        scan()


@pytest.mark.parametrize("setting", [None, "", "relative/folder", "/does/not/exist", "/proc/1/nowhere"])
def test_both_sides_find_the_same_folder(setting: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if setting is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", setting)
    with Plugin() as plugin:
        assert plugin.open(RATE).parent == runtime_directory()
        assert runtime_directory().stat().st_uid == os.geteuid()


def test_a_plugin_without_room_for_its_ring_says_so(runtime: Path) -> None:
    """A limit on the size of files stands for a full disk: the plugin says so, and leaves nothing behind."""
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000));"
        "from tests.link import Plugin\n"
        "try: Plugin().open(1000.0)\n"
        "except OSError as error: print(error)"
    )
    with Plugin():  # compiled before the limit
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "there is no room for the ring" in run.stdout
    assert list(runtime.iterdir()) == []


def dead_name(number: int = 0) -> str:
    """A name of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = process_start(process.pid)
    return f"{process.pid}-{start}-{number}.link"


def test_what_dead_processes_left_is_removed_by_both_sides(link: Path) -> None:
    folder = link.parent
    recycled = f"{os.getpid()}-{process_start(os.getpid()) - 1}-7.link"  # our number, another process

    def litter() -> list[Path]:
        for name in (dead_name(), recycled):
            (folder / name).write_bytes(b"anything")
        (folder / "engine.lock").touch()
        return sorted(folder.iterdir())

    litter()
    with Plugin() as plugin:
        left = {link, plugin.open(RATE), folder / "engine.lock"}
        assert set(folder.iterdir()) == left
    litter()
    assert len(remove_stale(folder)) == 2
    assert set(folder.iterdir()) == {link, folder / "engine.lock"}


def test_a_lock_that_is_held_keeps_a_file_of_an_unseen_process(link: Path) -> None:
    hidden = link.parent / dead_name()
    hidden.touch(mode=0o600)
    with hidden.open("rb") as file, Plugin() as plugin:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert remove_stale(link.parent) == []
        plugin.open(RATE)
        assert hidden.exists()
    assert remove_stale(link.parent) == [hidden]


def test_a_plugin_holds_that_lock(runtime: Path) -> None:
    with Plugin() as plugin, plugin.open(RATE).open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_processes_are_told_apart() -> None:
    start = process_start(os.getpid())
    assert start > 0
    assert not process_dead(os.getpid(), start)
    assert not process_dead(os.getpid(), 0)
    assert process_dead(os.getpid(), start + 1)
    assert process_dead(0, 0)
    assert process_dead(1 << 40, 0)


def test_scanning_a_folder_that_goes_away_finds_nothing(runtime: Path) -> None:
    assert list(link_files.links(runtime / "nowhere")) == []
    assert scan() == []
