"""Archives of sessions: what is refused, and why; what is found and unpacked."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dsp.errors import InputError
from plugin_bridge.sessions import archive as module
from plugin_bridge.sessions.archive import Archive, harmless


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as z:
        for name, data in files.items():
            z.writestr(zipfile.ZipInfo(name), data, method)
    return raw.getvalue()


def refused(path: Path, data: bytes) -> InputError:
    path.write_bytes(data)
    with pytest.raises(InputError) as caught, Archive(path):
        pass
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "name", ["../out.wav", "/etc/passwd", "a/../../b", "..\\out.wav", "C:\\x.wav", "C:x", "\\\\host\\x"]
)
def test_names_outside_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    assert "outside" in refused(tmp_path / "a.dawproject", packed({name: b"x"})).cause


def test_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("audio/link.wav")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as z:
        z.writestr(info, "/etc/passwd")
    assert "link" in refused(tmp_path / "a.dawproject", raw.getvalue()).cause


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed({"a": b"secret"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refused(tmp_path / "a.dawproject", bytes(data)).cause


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as z:
        z.writestr("project.xml", "a")
        with pytest.warns(UserWarning, match="Duplicate"):
            z.writestr("project.xml", "b")
    assert "two files" in refused(tmp_path / "a.dawproject", raw.getvalue()).cause


def test_other_methods_are_refused(tmp_path: Path) -> None:
    assert "method" in refused(tmp_path / "a.dawproject", packed({"a": b"x" * 99}, zipfile.ZIP_LZMA)).cause


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"RIFF\x00\x00\x00\x00WAVE", "no ZIP"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS"),
        (packed({"a": b"0123456789" * 9})[:-30], "cut off"),
        (packed({"a": bytes(range(256)) * 9})[:60], "cut off"),
        (b"PK\x03\x04", "cut off"),
        (b"PK\x05\x06" + b"\xff" * 18, "cut off"),
    ],
)
def test_what_is_no_whole_archive(tmp_path: Path, data: bytes, word: str) -> None:
    assert word in refused(tmp_path / "a.dawproject", data).cause


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path, word in ((tmp_path / "none.zip", "no such file"), (tmp_path, "directory"), (Path("a\0b"), "cannot")):
        with pytest.raises(InputError, match=word):
            Archive(path)


def test_every_truncation_is_an_input_error(tmp_path: Path) -> None:
    whole = packed({"project.xml": b"<Project/>" * 20, "audio/a.wav": bytes(range(256))})
    path = tmp_path / "a.dawproject"
    for end in range(1, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError):
            Archive(path)


def test_every_changed_byte_is_read_right_or_refused(tmp_path: Path) -> None:
    content = {"project.xml": b"<Project/>" * 4, "audio/a.wav": bytes(range(64))}
    whole = packed(content)
    path = tmp_path / "a.dawproject"
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 0x55
        path.write_bytes(data)
        try:
            with Archive(path) as archive:
                for name in (i.filename for i in archive.files):
                    if name in content:
                        assert archive.read(name, 10_000) == content[name]
        except InputError as error:
            assert "\n" not in str(error)


def test_a_bomb_in_one_file(tmp_path: Path) -> None:
    data = packed({"project.xml": bytes(8 << 20)})
    assert len(data) < 10_000
    path = tmp_path / "a.dawproject"
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(InputError, match="bomb"):
        archive.read("project.xml", 64 << 20)


def test_a_bomb_of_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HARMLESS_BYTES", 1 << 20)
    data = packed({f"{k}.wav": bytes(1 << 20) for k in range(3)})
    assert "bomb" in refused(tmp_path / "a.dawproject", data).cause


def test_a_bomb_of_overlapping_files(tmp_path: Path) -> None:
    """As D. Fifield's (A better zip bomb, 2019): two entries of the table point at the same bytes."""
    data = bytearray(packed({"a.wav": b"x" * 50, "b.wav": b"x" * 50}, zipfile.ZIP_STORED))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 42, 10)
    error = refused(tmp_path / "a.dawproject", bytes(data))
    assert "bomb" in error.cause or "damaged" in error.cause


def test_a_file_that_unpacks_to_more_than_it_declares(tmp_path: Path) -> None:
    data = bytearray(packed({"a.xml": bytes(100_000)}))
    for at in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        struct.pack_into("<L", data, at, 10)
    path = tmp_path / "a.dawproject"
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(InputError, match="damaged"):
        archive.read("a.xml", 1000)


def test_too_large_to_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dawproject"
    path.write_bytes(packed({"a": b"0" * 2000}))
    with Archive(path) as archive, pytest.raises(InputError, match="larger"):
        archive.read("a", 1999)


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 3)
    assert "bomb" in refused(tmp_path / "a.dawproject", packed({str(k): b"" for k in range(4)})).cause


def test_no_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dawproject"
    path.write_bytes(packed({"a.wav": b"0" * 2000}))
    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 60)
    with Archive(path) as archive, pytest.raises(InputError, match="make room"):
        archive.extract("a.wav", tmp_path / "out")


def test_names_are_found_as_systems_write_them(tmp_path: Path) -> None:
    path = tmp_path / "a.dawproject"
    path.write_bytes(packed({"audio/Für.wav": b"1", "b.wav": b"2", "B.wav": b"3"}))
    with Archive(path) as archive:
        for written in ("audio/Für.wav", "audio\\Für.wav", "./audio//FÜR.WAV"):
            assert archive.find(written) == "audio/Für.wav"
        assert (archive.find("B.wav"), archive.find("B.WAV"), archive.find("c")) == ("B.wav", None, None)


def test_unpacked_once_and_inside(tmp_path: Path) -> None:
    path, out = tmp_path / "a.dawproject", tmp_path / "out"
    names = {"a/k.wav": b"1", "b/k.wav": b"22", "c/K.WAV": b"333", "d/con.wav": b"4", "e/" + "x" * 300 + ".wav": b"5"}
    path.write_bytes(packed(names))
    with Archive(path) as archive:
        made = {name: archive.extract(name, out) for name in names}
        assert {archive.extract(name, out) for name in names} == set(made.values())
    assert len({p.name.casefold() for p in made.values()}) == len(names)
    for name, file in made.items():
        assert file.parent == out
        assert file.read_bytes() == names[name]
    with Archive(path) as archive:
        assert archive.extract("b/k.wav", out) == made["b/k.wav"]


def test_a_link_where_a_file_would_go_is_not_followed(tmp_path: Path) -> None:
    path, out, victim = tmp_path / "a.dawproject", tmp_path / "out", tmp_path / "victim"
    path.write_bytes(packed({"k.wav": b"new"}))
    victim.write_bytes(b"old")
    out.mkdir()
    (out / "k.wav").symlink_to(victim)
    with Archive(path) as archive:
        assert archive.extract("k.wav", out).read_bytes() == b"new"
    assert victim.read_bytes() == b"old"


def test_damaged_audio_leaves_no_file(tmp_path: Path) -> None:
    data = bytearray(packed({"k.wav": bytes(range(256)) * 20}, zipfile.ZIP_STORED))
    data[1000] ^= 1
    path = tmp_path / "a.dawproject"
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(InputError, match="damaged"):
        archive.extract("k.wav", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("a/b\\c.wav", lambda n: n == "c.wav"),
        ("..", lambda n: n == "file"),
        ("a/", lambda n: n == "file"),
        ('x<>:"|?*.wav', lambda n: n == "x_______.wav"),
        ("NUL", lambda n: n == "_NUL"),
        ("ü" * 500 + ".wav", lambda n: len(n.encode()) < 140 and n.endswith(".wav")),
    ],
)
def test_harmless(name: str, check: Callable[[str], bool]) -> None:
    assert check(harmless(name))
