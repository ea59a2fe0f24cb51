"""What cannot be read, or only in part: one line naming file, cause and remedy, and never a wrong number."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsp.errors import InputError
from plugin_bridge.files import open_audio, read_audio

av = pytest.importorskip("av")
pedalboard_io = pytest.importorskip("pedalboard.io")

RATE = 48_000
PCM_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def music(seconds: float = 0.3, channels: int = 2) -> npt.NDArray[np.float32]:
    """Tone and noise: what a decoder conceals it with differs from it."""
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal((channels, t.size)) * 0.05
    return np.asarray(0.4 * np.sin(2 * np.pi * 330 * t) + noise, dtype=np.float32)


def wav_bytes(
    data: bytes, channels: int = 2, bits: int = 16, *, tag: int = 1, rate: int = RATE,
    mask: int | None = None, declared: int | None = None, guid_tail: bytes = PCM_GUID_TAIL,
) -> bytes:  # fmt: skip
    align = channels * ((bits + 7) // 8)
    first = 0xFFFE if mask is not None else tag
    byte_rate = min(rate * align, 0xFFFFFFFF)
    fmt = struct.pack("<HHIIHH", first, channels, rate, byte_rate, min(align, 0xFFFF), bits)
    if mask is not None:
        fmt += struct.pack("<HHIH", 22, bits, mask, tag) + guid_tail
    size = len(data) if declared is None else declared
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


def encode(path: Path, codec: str, samples: npt.NDArray[Any], form: str, layout: str = "stereo") -> Path:
    with av.open(str(path), "w", format="ipod" if path.suffix == ".m4a" else None) as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        stream.format = form
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        for start in range(0, samples.shape[1], size):
            piece = samples[:, start : start + size]
            piece = piece if form.endswith("p") else piece.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format=form, layout=layout)
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pedal(path: Path, samples: npt.NDArray[np.float32]) -> Path:
    with pedalboard_io.AudioFile(str(path), "w", RATE, samples.shape[0]) as file:
        file.write(samples)
    return path


def refused(path: Path | str, *parts: str) -> str:
    """The message of the refusal, which is one line, starts with the name and holds `parts`."""
    with pytest.raises(InputError) as caught:
        read_audio(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.remedy
    for part in parts:
        assert part.lower() in message.lower(), message
    return message


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# ---- not there, not audio


def test_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.wav", "no such file", "check the path")


def test_directory(tmp_path: Path) -> None:
    refused(tmp_path, "is a directory", "audio file in it")


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    refused(tmp_path / "pipe.wav", "not a regular file")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.wav", wav_bytes(bytes(400)))

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)  # root reads everything
    refused(path, "no permission", "change its permissions")


def test_nul_in_a_path() -> None:
    with pytest.raises(InputError, match=r"cannot be opened|no such file"):
        open_audio("a\0b.wav")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["is empty (0 bytes)"]),
        (LFS, ["Git LFS pointer", "git lfs pull"]),
        (b"<!DOCTYPE html><html><body>404</body></html>", ["web page"]),
        (b"\n  <HTML><HEAD>", ["web page"]),
        (b"Notes for the mix:\nmore bass\n" * 50, ["is text, not audio"]),
        ("Überschrift: mehr Bass\n".encode(), ["is text, not audio"]),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), ["PNG picture"]),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(500), ["JPEG picture"]),
        (b"MThd\0\0\0\x06\0\1\0\1\1\xe0MTrk", ["MIDI file", "render it"]),
        (b"PK\x03\x04" + bytes(100), ["ZIP archive", "unpack"]),
        (b"%PDF-1.7\n" + bytes(100), ["PDF"]),
        (bytes(5000), ["only zero bytes"]),
        (random.Random(1).randbytes(200_000), ["not audio in any known format"]),
        (random.Random(2).randbytes(7), ["not audio in any known format"]),
        (b"\xff", ["not audio in any known format"]),
        (b"ID3\x04\0\0\0\0\x07\x68" + bytes(1000), ["ID3 tag"]),
        (b"DSD " + bytes(100), ["DSD"]),
    ],
)
@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_what_is_not_audio(tmp_path: Path, content: bytes, parts: list[str], suffix: str) -> None:
    refused(write(tmp_path / f"mix.{suffix}", content), *parts)


def test_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        picture = np.zeros((32, 32, 3), np.uint8)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    refused(path, "without an audio stream")


def test_protected_audio(tmp_path: Path) -> None:
    """What is encrypted looks like noise in an intact container."""
    path = encode(tmp_path / "a.m4a", "aac", music(), "fltp")
    content = bytearray(path.read_bytes())
    start = content.find(b"mdat") + 4
    end = content.find(b"moov") - 4
    content[start:end] = random.Random(3).randbytes(end - start)
    path.write_bytes(bytes(content))
    try:
        audio, source = read_audio(path)
    except InputError as error:
        message = str(error)
        assert "could be decoded" in message
    else:
        assert source.partial is not None
        assert np.abs(audio.samples).max() <= 16


# ---- headers


@pytest.mark.parametrize("length", [1, 4, 8, 11, 12, 16, 20, 30, 36, 40, 43])
def test_wav_header_cut_off(tmp_path: Path, length: int) -> None:
    refused(write(tmp_path / "a.wav", wav_bytes(bytes(400))[:length]))


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3", "m4a", "aiff"])
@pytest.mark.parametrize("length", [1, 5, 11, 13, 40])
def test_other_headers_cut_off(tmp_path: Path, suffix: str, length: int) -> None:
    path = tmp_path / f"a.{suffix}"
    _ = encode(path, "aac", music(), "fltp") if suffix == "m4a" else pedal(path, music())
    refused(write(path, path.read_bytes()[:length]))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff"])
def test_no_samples(tmp_path: Path, suffix: str) -> None:
    refused(pedal(tmp_path / f"a.{suffix}", np.zeros((2, 0), np.float32)), "no ")


def test_empty_data_chunk_before_others(tmp_path: Path) -> None:
    content = wav_bytes(b"") + b"LIST\x04\0\0\0abcd"
    content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    refused(write(tmp_path / "a.wav", content), "no audio samples")


@pytest.mark.parametrize("rate", [0, 3, 7_999, 768_001, 4_000_000_000])
def test_absurd_sample_rates(tmp_path: Path, rate: int) -> None:
    refused(write(tmp_path / "a.wav", wav_bytes(bytes(4000), rate=rate)), f"{rate} Hz", "8000 to 768000 Hz")


def test_absurd_sample_rates_of_other_containers(tmp_path: Path) -> None:
    path = pedal(tmp_path / "a.aiff", music())
    content = path.read_bytes()
    at = content.find(b"COMM") + 16
    for extended in (
        b"\x7f\xff" + b"\xff" * 8,
        b"\xc0\x0e\xbb\x80" + bytes(6),
        bytes(10),
        b"\x43\xfe\xff" + bytes(7),
    ):
        refused(write(path, content[:at] + extended + content[at + 10 :]), "Hz")


@pytest.mark.parametrize("channels", [0, 9, 16, 65_535])
def test_channel_counts(tmp_path: Path, channels: int) -> None:
    refused(write(tmp_path / "a.wav", wav_bytes(bytes(4000), channels)), f"{channels} channels", "stereo mix")


@pytest.mark.parametrize(
    ("channels", "mask", "part"),
    [
        (4, None, "no channel mask"), (6, None, "no channel mask"), (6, 0, "no channel mask"),
        (7, 0x13F, "FL+FR+FC+LFE+BL+BR+BC"), (4, 0x107, "FL+FR+FC+BC"), (6, 0x3, "0x3 (FL+FR)"),
        (3, 0xB, "FL+FR+LFE"),
    ],
)  # fmt: skip
def test_unknown_layouts(tmp_path: Path, channels: int, mask: int | None, part: str) -> None:
    path = write(tmp_path / "a.wav", wav_bytes(bytes(channels * 200), channels, mask=mask))
    refused(path, f"{channels} channels", part, "bounce a stereo mix", "channel mask names the speakers")


def test_ambisonics(tmp_path: Path) -> None:
    content = wav_bytes(bytes(8000), 4, mask=0, guid_tail=bytes.fromhex("00002107d3118644c8c1ca000000"))
    refused(write(tmp_path / "a.wav", content), "B-format", "decode it to stereo")


def test_aiff_surround_without_a_layout(tmp_path: Path) -> None:
    refused(pedal(tmp_path / "a.aiff", music(channels=6)), "6 channels", "bounce a stereo mix")


def test_seven_channels_of_flac(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", "flac", (music(channels=7) * 32767).astype(np.int16), "s16", "6.1")
    refused(path, "7 channels", "6.1")


def test_layout_that_crashes_the_decoder(tmp_path: Path) -> None:
    """Core Audio's own 7.1 comes in custom order, which makes PyAV 18 free memory twice."""
    path = encode(tmp_path / "a.caf", "pcm_s16be", (music(channels=8) * 32767).astype(np.int16), "s16", "7.1")
    for _ in range(3):
        refused(path, "8 channels", "export it as WAV")


@pytest.mark.parametrize(("bits", "tag"), [(0, 1), (12, 3), (64, 1), (200, 1)])
def test_contradicting_wav_headers(tmp_path: Path, bits: int, tag: int) -> None:
    refused(write(tmp_path / "a.wav", wav_bytes(bytes(4000), 2, bits, tag=tag)), "contradicts itself")


def test_unknown_wav_codec(tmp_path: Path) -> None:
    refused(write(tmp_path / "a.wav", wav_bytes(bytes(4000), tag=0x1234)))


# ---- not a number


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("bits", "dtype"), [(32, "<f4"), (64, "<f8")])
def test_not_a_number(tmp_path: Path, value: float, bits: int, dtype: str) -> None:
    samples = music(0.4)
    samples[1, 12_000] = value
    samples[0, 15_000] = np.nan
    path = write(tmp_path / "a.wav", wav_bytes(samples.T.astype(dtype).tobytes(), 2, bits, tag=3))
    what = "NaN" if np.isnan(value) else "infinity"
    refused(path, "0.250 s", "channel 2 (FR)", what, "plug-in")
    with open_audio(path) as reader:  # in whichever block it is
        blocks = reader.blocks(1_000)
        assert sum(next(blocks).shape[1] for _ in range(12)) == 12_000
        with pytest.raises(InputError, match=r"0\.250 s in channel 2"):
            next(blocks)


def test_numbers_beyond_float32_are_infinite(tmp_path: Path) -> None:
    data = np.array([[0.0, 1e300]]).T.astype("<f8").tobytes()
    refused(write(tmp_path / "a.wav", wav_bytes(data, 1, 64, tag=3)), "infinity", "channel 1 (FC)")


def test_huge_but_finite_numbers_are_kept(tmp_path: Path) -> None:
    data = np.array([[1e30, -1e30]]).T.astype("<f4").tobytes()
    audio, _ = read_audio(write(tmp_path / "a.wav", wav_bytes(data, 1, 32, tag=3)))
    np.testing.assert_array_equal(audio.samples, np.array([[1e30, -1e30]], np.float32))


# ---- only a part is there


def test_wav_that_promises_more_than_it_has(tmp_path: Path) -> None:
    samples = (music(0.5) * 32767).astype("<i2")
    path = write(tmp_path / "a.wav", wav_bytes(samples.T.tobytes(), declared=2 * 2 * RATE * 60))
    with open_audio(path) as reader:
        assert reader.source.partial is None
        assert reader.frames == 60 * RATE
        got = np.concatenate(list(reader.blocks(1_000)), axis=1)
    np.testing.assert_array_equal(got, samples / np.float32(32768))
    assert reader.source.partial == "data ends at 0.5 s of the 60.0 s declared"


def test_aiff_cut_off(tmp_path: Path) -> None:
    path = pedal(tmp_path / "a.aiff", music(1.0))
    audio, source = read_audio(write(path, path.read_bytes()[: path.stat().st_size * 6 // 10]))
    assert source.partial == "data ends at 0.6 s of the 1.0 s declared"
    assert 0.59 < audio.duration_s < 0.6


def make(path: Path) -> Path:
    """Three seconds in the format of the suffix."""
    samples = music(3.0)
    if path.suffix in (".ogg", ".mp3", ".flac"):
        return pedal(path, samples)
    codec, form = {".opus": ("libopus", "flt"), ".caf": ("pcm_s16be", "s16"), ".aac": ("aac", "fltp")}[path.suffix]
    return encode(path, codec, samples if form != "s16" else (samples * 32767).astype(np.int16), form)


@pytest.mark.parametrize(
    ("suffix", "part"),
    [
        ("flac", "of the 3.0 s declared"), ("mp3", "data ends at 1.8 s of the 3.0 s declared"),
        ("ogg", "lacks its end mark"), ("opus", "lacks its end mark"), ("caf", "data ends at 1.8 s"),
        ("aac", "decoding fails at 1."),
    ],
)  # fmt: skip
def test_truncated(tmp_path: Path, suffix: str, part: str) -> None:
    path = make(tmp_path / f"a.{suffix}")
    whole = read_audio(path)[0].samples
    content = path.read_bytes()
    audio, source = read_audio(write(path, content[: len(content) * 6 // 10]))
    assert source.partial is not None
    assert part in source.partial
    assert 0.8 < audio.duration_s < 2.0
    assert f"{audio.duration_s:.1f} s" in source.partial
    np.testing.assert_allclose(audio.samples, whole[:, : audio.frames], atol=1e-6)  # no silence is made up


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(b ^ 0x55 for b in content[middle : middle + 8]) + content[middle + 8 :]


def garbage(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + random.Random(4).randbytes(2_000) + content[middle + 2_000 :]


def hole(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + content[middle + 6_000 :]


@pytest.mark.parametrize("damage", [flip, garbage, hole])
@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_damage_in_the_middle(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    path = make(tmp_path / f"a.{suffix}")
    whole = read_audio(path)[0].samples
    audio, source = read_audio(write(path, damage(path.read_bytes())))
    if suffix == "mp3" and damage is flip:
        return  # MP3 has no checksum: some flips only sound wrong
    assert source.partial is not None
    assert f"at {audio.duration_s:.1f} s of the 3.0 s declared" in source.partial
    assert 0.2 < audio.duration_s < 1.7
    np.testing.assert_allclose(audio.samples, whole[:, : audio.frames], atol=1e-6)  # all that is read is right


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_garbage_after_the_end_is_no_audio(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / f"a.{suffix}")
    whole = read_audio(path)[0].samples
    audio, source = read_audio(write(path, path.read_bytes() + random.Random(5).randbytes(3_000)))
    np.testing.assert_array_equal(audio.samples, whole)
    assert source.partial is None


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_two_files_in_one(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / f"a.{suffix}")
    audio, source = read_audio(write(path, path.read_bytes() * 2))
    assert audio.duration_s == pytest.approx(3.0, abs=0.01)
    assert source.partial is not None
    assert "goes on after the 3.0 s" in source.partial


def test_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", wav_bytes(bytes(4 * RATE)))
    with open_audio(path) as reader:
        os.truncate(path, 44 + 4 * RATE // 2)
        assert sum(block.shape[1] for block in reader.blocks(1_000)) == RATE // 2
    assert reader.source.partial == "data ends at 0.5 s of the 1.0 s declared"


def test_disk_error_while_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", wav_bytes(bytes(4 * RATE)))
    with open_audio(path) as reader:
        path.unlink()
        with pytest.raises(InputError, match="reading failed: No such file"):
            next(iter(reader.blocks(1_000)))


def test_m4a_without_its_index(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.m4a", "aac", music(1.0), "fltp")
    refused(write(path, path.read_bytes()[:-3_000]), "M4A header cannot be read", "copy the file again")


# ---- anything else

SEEDS: dict[str, Callable[[Path], Path]] = {
    "wav": lambda p: write(p / "a.wav", wav_bytes((music(0.05) * 32767).astype("<i2").T.tobytes(), mask=3)),
    "float": lambda p: write(p / "f.wav", wav_bytes(music(0.05).T.astype("<f4").tobytes(), 2, 32, tag=3)),
    "aiff": lambda p: pedal(p / "a.aiff", music(0.05)),
    "flac": lambda p: pedal(p / "a.flac", music(0.2)),
    "ogg": lambda p: pedal(p / "a.ogg", music(0.2)),
    "mp3": lambda p: pedal(p / "a.mp3", music(0.2)),
    "m4a": lambda p: encode(p / "a.m4a", "aac", music(0.2), "fltp"),
    "alac": lambda p: encode(p / "l.m4a", "alac", (music(0.2) * 32767).astype(np.int16), "s16p"),
    "opus": lambda p: encode(p / "a.opus", "libopus", music(0.2), "flt"),
    "caf": lambda p: encode(p / "a.caf", "pcm_s16be", (music(0.05) * 32767).astype(np.int16), "s16"),
}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("seeds")
    return {name: maker(folder).read_bytes() for name, maker in SEEDS.items()}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=80, deadline=2_000, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("name", sorted(SEEDS))
@given(data=st.data())
def test_flips_and_truncations(name: str, seeds: dict[str, bytes], scratch: Path, data: st.DataObject) -> None:
    """Whatever the bytes are: soon there is finite audio of the right shape, or an InputError of one line."""
    content = bytearray(seeds[name])
    region = data.draw(st.sampled_from([64, 600, len(content)]))
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, min(region, len(content)) - 1))
        content[at] = data.draw(st.sampled_from([0, 255, 1, 127, 128]) | st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    path = write(scratch / name, bytes(content))
    try:
        with open_audio(path) as reader:
            blocks = list(reader.blocks(4_096))
    except InputError as error:
        assert "\n" not in str(error)
        assert error.cause
        assert error.remedy
        return
    assert blocks
    assert all(block.shape == (reader.source.channels, 4_096) for block in blocks[:-1])
    assert 1 <= blocks[-1].shape[1] <= 4_096
    assert all(np.isfinite(block).all() and block.flags.c_contiguous for block in blocks)
