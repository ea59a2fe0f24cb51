"""Reading audio: every container and codec, sample by sample where it is lossless."""

from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dsp.errors import InputError
from plugin_bridge.files import open_audio, read_audio

av = pytest.importorskip("av")
pedalboard_io = pytest.importorskip("pedalboard.io")

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT.parent / "shared" / "data"
RATE = 48_000
PCM_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
Numbers = npt.NDArray[Any]


def music(channels: int = 2, seconds: float = 0.3, rate: int = RATE) -> npt.NDArray[np.float32]:
    """Tones under a soft envelope, different in every channel, with a peak below 0.8."""
    t = np.arange(round(seconds * rate)) / rate
    envelope = np.minimum(1.0, np.minimum(t, t[-1] - t) / 0.02)
    tones = [np.sin(2 * np.pi * 220 * (1 + c) * t) * (0.7 - 0.08 * c) * envelope for c in range(channels)]
    return np.asarray(tones, dtype=np.float32)


def integers(bits: int, channels: int = 2, frames: int = 2000) -> npt.NDArray[np.int64]:
    """Random full-scale integers of so many bits, with both extremes among them."""
    values = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (channels, frames))
    values[0, :2] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return values


def packed(values: Numbers, width: int, order: str = "<") -> bytes:
    """Interleaved integers of `width` bytes."""
    four_or_eight = values.T.astype("<i8").copy().view("u1").reshape(*values.T.shape, 8)[..., :width]
    return (four_or_eight if order == "<" else four_or_eight[..., ::-1]).tobytes()


def wav(
    path: Path, data: bytes, channels: int = 2, bits: int = 16, *, tag: int = 1, rate: int = RATE,
    mask: int | None = None, valid: int | None = None, order: str = "<", junk: bytes = b"",
    declared: int | None = None, riff_size: int | None = None,
) -> Path:  # fmt: skip
    """A RIFF (or, big-endian, RIFX) file; extensible where a mask is given."""
    width = (bits + 7) // 8
    fmt = struct.pack(
        order + "HHIIHH", 0xFFFE if mask is not None else tag, channels, rate, rate * channels * width,
        channels * width, bits,
    )  # fmt: skip
    if mask is not None:
        fmt += struct.pack(order + "HHIH", 22, bits if valid is None else valid, mask, tag) + PCM_GUID_TAIL
    size = len(data) if declared is None else declared
    body = b"WAVE" + junk + b"fmt " + struct.pack(order + "I", len(fmt)) + fmt
    body += b"data" + struct.pack(order + "I", size) + data
    riff = len(body) if riff_size is None else riff_size
    path.write_bytes((b"RIFF" if order == "<" else b"RIFX") + struct.pack(order + "I", riff) + body)
    return path


def aiff(
    path: Path,
    data: bytes,
    channels: int,
    bits: int,
    rate: int = RATE,
    compression: bytes = b"",
    chan: bytes = b"",
) -> Path:
    exponent = math.frexp(rate)[1] - 1
    extended = struct.pack(">HQ", 16383 + exponent, rate << (63 - exponent))
    frames = len(data) // (channels * ((bits + 7) // 8))
    comm = struct.pack(">HIH", channels, frames, bits) + extended
    comm += compression + b"\0\0" if compression else b""
    body = b"AIFC" if compression else b"AIFF"
    body += b"CHAN" + struct.pack(">I", len(chan)) + chan if chan else b""
    body += b"COMM" + struct.pack(">I", len(comm)) + comm
    body += b"SSND" + struct.pack(">III", len(data) + 8, 0, 0) + data
    path.write_bytes(b"FORM" + struct.pack(">I", len(body)) + body)
    return path


def encode(
    path: Path, codec: str, samples: Numbers, layout: str = "stereo", rate: int = RATE,
    form: str | None = None, muxer: str | None = None,
) -> Path:  # fmt: skip
    """A file written with PyAV. `samples` is (channels, frames) in the sample type of `form`."""
    with av.open(str(path), "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if form:
            stream.format = form
        form = stream.format.name
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        for start in range(0, samples.shape[1], size):
            piece = samples[:, start : start + size]
            if not form.endswith("p"):
                piece = piece.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format=form, layout=layout)
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pedal(path: Path, samples: Numbers, rate: int = RATE, **options: Any) -> Path:
    with pedalboard_io.AudioFile(str(path), "w", rate, samples.shape[0], **options) as file:
        file.write(samples)
    return path


def snr_db(wanted: Numbers, got: Numbers) -> float:
    frames = min(wanted.shape[1], got.shape[1])
    noise = wanted[:, :frames].astype(float) - got[:, :frames]
    return float(10 * np.log10(np.sum(wanted[:, :frames].astype(float) ** 2) / max(np.sum(noise**2), 1e-30)))


# ---- WAV


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_integer_wav_is_read_exactly(tmp_path: Path, bits: int, order: str) -> None:
    values = integers(bits)
    audio, source = read_audio(wav(tmp_path / "a.wav", packed(values, bits // 8, order), 2, bits, order=order))
    np.testing.assert_array_equal(audio.samples, (values / 2.0 ** (bits - 1)).astype(np.float32))
    assert (source.container, source.codec, source.bit_depth, source.lossy) == ("WAV", "PCM", bits, False)
    assert (source.layout, source.sample_rate, source.partial) == ("stereo", RATE, None)
    assert audio.samples[0, 0] == -1.0


def test_8_bit_wav_is_unsigned(tmp_path: Path) -> None:
    audio, source = read_audio(wav(tmp_path / "a.wav", bytes([0, 128, 255, 129]), 1, 8))
    np.testing.assert_array_equal(audio.samples, np.array([[-1.0, 0.0, 127 / 128, 1 / 128]], np.float32))
    assert (source.bit_depth, source.layout) == (8, "mono")


@pytest.mark.parametrize(("bits", "dtype"), [(32, "<f4"), (64, "<f8")])
def test_float_wav_is_not_clipped(tmp_path: Path, bits: int, dtype: str) -> None:
    values = np.array([[1.75, -3.5, 0.1], [0.0, 1.0, -1e-9]])
    audio, source = read_audio(wav(tmp_path / "a.wav", values.T.astype(dtype).tobytes(), 2, bits, tag=3))
    np.testing.assert_array_equal(audio.samples, values.astype(np.float32))
    assert (source.codec, source.bit_depth) == ("float", bits)


def test_24_valid_bits_of_32(tmp_path: Path) -> None:
    values = integers(24) << 8
    audio, source = read_audio(wav(tmp_path / "a.wav", packed(values, 4), 2, 32, mask=3, valid=24))
    np.testing.assert_array_equal(audio.samples, (values / 2.0**31).astype(np.float32))
    assert source.bit_depth == 24


@pytest.mark.parametrize("rate", [8_000, 22_050, 192_000, 384_000, 768_000])
def test_sample_rates(tmp_path: Path, rate: int) -> None:
    audio, source = read_audio(wav(tmp_path / "a.wav", packed(integers(24), 3), 2, 24, rate=rate))
    assert source.sample_rate == audio.sample_rate == rate


LAYOUT_MASKS = [
    (3, 0x7, "3.0"), (4, 0x33, "quad"), (4, 0x603, "quad(side)"), (5, 0x37, "5.0"), (5, 0x607, "5.0(side)"),
    (6, 0x3F, "5.1"), (6, 0x60F, "5.1(side)"), (8, 0x63F, "7.1"), (1, 0x1, "mono"), (2, 0, "stereo"),
]  # fmt: skip


@pytest.mark.parametrize(("channels", "mask", "layout"), LAYOUT_MASKS)
def test_channel_masks(tmp_path: Path, channels: int, mask: int, layout: str) -> None:
    values = integers(16, channels)
    audio, source = read_audio(wav(tmp_path / "a.wav", packed(values, 2), channels, 16, mask=mask))
    assert source.layout == layout
    np.testing.assert_array_equal(audio.samples, (values / 32768).astype(np.float32))


@pytest.mark.parametrize(("declared", "riff_size"), [(0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (0x7FFFF000, 0x7FFFF024)])
def test_length_left_open_by_a_pipe(tmp_path: Path, declared: int, riff_size: int) -> None:
    data = packed(integers(16), 2)
    path = wav(tmp_path / "a.wav", data, declared=declared, riff_size=riff_size)
    audio, source = read_audio(path)
    assert (audio.frames, source.partial) == (2000, None)


def test_odd_chunks_and_odd_bytes_are_passed_over(tmp_path: Path) -> None:
    values = integers(16)
    junk = b"JUNK" + struct.pack("<I", 3) + b"abc\0" + b"bext" + struct.pack("<I", 602) + bytes(602)
    data = packed(values, 2) + b"\x01\x02\x03"  # three bytes of a frame that never came
    audio, source = read_audio(wav(tmp_path / "a.wav", data, junk=junk))
    np.testing.assert_array_equal(audio.samples, (values / 32768).astype(np.float32))
    assert source.partial is None
    path = wav(tmp_path / "b.wav", packed(values, 2))
    path.write_bytes(path.read_bytes() + b"LIST\x04\0\0\0abcd and more that is no audio")
    assert read_audio(path)[0].frames == 2000


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_rf64(tmp_path: Path, kind: bytes) -> None:
    values = integers(24)
    data = packed(values, 3)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, 0, len(data), 2000, 0)
    path = wav(tmp_path / "a.wav", data, 2, 24, junk=ds64, declared=0xFFFFFFFF)
    path.write_bytes(kind + b"\xff" * 4 + path.read_bytes()[8:] + b"JUNK\0\0\0\0")
    audio, source = read_audio(path)
    np.testing.assert_array_equal(audio.samples, (values / 2.0**23).astype(np.float32))
    assert source.container == kind.decode()


def test_w64(tmp_path: Path) -> None:
    values = integers(24).astype(np.int32) << 8
    audio, source = read_audio(encode(tmp_path / "a.w64", "pcm_s24le", values, form="s32", muxer="w64"))
    np.testing.assert_array_equal(audio.samples, (values / 2.0**31).astype(np.float32))
    assert (source.container, source.bit_depth, source.partial) == ("W64", 24, None)


@pytest.mark.parametrize(("codec", "name"), [("pcm_alaw", "A-law"), ("pcm_mulaw", "mu-law"), ("adpcm_ms", "ADPCM_MS")])
def test_companded_wav(tmp_path: Path, codec: str, name: str) -> None:
    wanted = music()
    path = encode(tmp_path / "a.wav", codec, (wanted * 32767).astype(np.int16), form="s16")
    audio, source = read_audio(path)
    assert snr_db(wanted, audio.samples) > 25
    assert (source.container, source.codec, source.lossy, source.bit_depth) == ("WAV", name, True, None)


# ---- AIFF


@pytest.mark.parametrize(
    ("bits", "compression"),
    [(8, b""), (16, b""), (24, b""), (32, b""), (16, b"sowt"), (24, b"in24"), (20, b"")],
)
def test_integer_aiff_is_read_exactly(tmp_path: Path, bits: int, compression: bytes) -> None:
    width = (bits + 7) // 8
    values = integers(bits) << (8 * width - bits)  # left-justified
    data = packed(values, width, "<" if compression == b"sowt" else ">")
    audio, source = read_audio(aiff(tmp_path / "a.aif", data, 2, bits, 192_000, compression))
    np.testing.assert_array_equal(audio.samples, (values / 2.0 ** (8 * width - 1)).astype(np.float32))
    assert (source.container, source.codec, source.bit_depth) == ("AIFF", "PCM", bits)
    assert source.sample_rate == 192_000


@pytest.mark.parametrize(("compression", "bits"), [(b"fl32", 32), (b"FL64", 64)])
def test_float_aiff(tmp_path: Path, compression: bytes, bits: int) -> None:
    values = np.array([[1.5, -0.25], [2.0, 0.0]])
    data = values.T.astype(f">f{bits // 8}").tobytes()
    audio, source = read_audio(aiff(tmp_path / "a.aifc", data, 2, bits, 768_000, compression))
    np.testing.assert_array_equal(audio.samples, values.astype(np.float32))
    assert (source.codec, source.bit_depth, source.sample_rate) == ("float", bits, 768_000)


@pytest.mark.parametrize(
    ("tag", "bitmap", "layout", "order"),
    [
        (1 << 16, 0x3F, "5.1", (0, 1, 2, 3, 4, 5)),
        (121 << 16 | 6, 0, "5.1(side)", (0, 1, 2, 3, 4, 5)),
        (128 << 16 | 8, 0, "7.1", (0, 1, 2, 3, 6, 7, 4, 5)),
    ],
)
def test_aiff_layouts(tmp_path: Path, tag: int, bitmap: int, layout: str, order: tuple[int, ...]) -> None:
    values = integers(16, len(order))
    path = aiff(tmp_path / "a.aif", packed(values, 2, ">"), len(order), 16, chan=struct.pack(">III", tag, bitmap, 0))
    audio, source = read_audio(path)
    assert source.layout == layout
    np.testing.assert_array_equal(audio.samples, (values[list(order)] / 32768).astype(np.float32))


# ---- compressed


@pytest.mark.parametrize(("form", "bits"), [("s16", 16), ("s32", 24)])
@pytest.mark.parametrize(
    ("channels", "layout"),
    [(1, "mono"), (2, "stereo"), (3, "3.0"), (4, "quad"), (5, "5.0"), (6, "5.1"), (8, "7.1")],
)
def test_flac_is_read_exactly(tmp_path: Path, channels: int, layout: str, form: str, bits: int) -> None:
    values = integers(bits, channels, 9000)
    stored = values.astype(np.int16) if form == "s16" else values.astype(np.int32) << 8
    audio, source = read_audio(encode(tmp_path / "a.flac", "flac", stored, layout, form=form))
    np.testing.assert_array_equal(audio.samples, (values / 2.0 ** (bits - 1)).astype(np.float32))
    assert (source.container, source.codec, source.bit_depth) == ("FLAC", "FLAC", bits)
    assert (source.layout, source.lossy, source.partial) == (layout, False, None)


@pytest.mark.parametrize(("form", "bits"), [("s16p", 16), ("s32p", 24)])
@pytest.mark.parametrize("suffix", ["m4a", "caf"])
def test_alac_is_read_exactly(tmp_path: Path, form: str, bits: int, suffix: str) -> None:
    values = integers(bits, 2, 9000)
    stored = values.astype(np.int16) if bits == 16 else values.astype(np.int32) << 8
    audio, source = read_audio(encode(tmp_path / f"a.{suffix}", "alac", stored, form=form))
    np.testing.assert_array_equal(audio.samples, (values / 2.0 ** (bits - 1)).astype(np.float32))
    assert (source.container, source.codec, source.bit_depth) == (suffix.upper(), "ALAC", bits)
    assert not source.lossy


@pytest.mark.parametrize(
    ("file", "codec", "form", "container", "name"),
    [
        ("a.m4a", "aac", "fltp", "M4A", "AAC"),
        ("a.aac", "aac", "fltp", "AAC", "AAC"),
        ("a.opus", "libopus", "flt", "OGG", "Opus"),
        ("a.webm", "libopus", "flt", "Matroska", "Opus"),
        ("a.mp3", "libmp3lame", "fltp", "MP3", "MP3"),
    ],
)
def test_lossy_codecs(tmp_path: Path, file: str, codec: str, form: str, container: str, name: str) -> None:
    wanted = music(seconds=0.5)
    muxer = "ipod" if file.endswith("m4a") else None
    audio, source = read_audio(encode(tmp_path / file, codec, wanted, form=form, muxer=muxer))
    delay = 1024 if file == "a.aac" else 0  # ADTS cannot say how long the encoder's delay is
    assert snr_db(wanted, audio.samples[:, delay:]) > 15  # negative where the delay is left in
    assert (source.container, source.codec, source.bit_depth, source.lossy) == (container, name, None, True)
    assert (source.layout, source.partial) == ("stereo", None)
    if delay == 0:
        assert abs(audio.frames - wanted.shape[1]) <= 1152


@pytest.mark.parametrize(("suffix", "codec", "container"), [("ogg", "Vorbis", "OGG"), ("mp3", "MP3", "MP3")])
@pytest.mark.parametrize("channels", [1, 2])
def test_files_written_by_pedalboard(tmp_path: Path, suffix: str, codec: str, container: str, channels: int) -> None:
    wanted = music(channels, 0.5)
    path = pedal(tmp_path / f"a.{suffix}", wanted)
    audio, source = read_audio(path)
    assert snr_db(wanted, audio.samples) > 20  # fails by far where the encoder's delay is left in
    assert 0 <= wanted.shape[1] - audio.frames <= 128  # FFmpeg drops 128 from a Vorbis file of a single page
    assert (source.container, source.codec, source.lossy, source.partial) == (container, codec, True, None)


#: Vorbis I specification section 4.3.9: which speaker of the WAV order stands at each place.
VORBIS_ORDER = {
    "3.0": (0, 2, 1), "quad": (0, 1, 2, 3), "5.0": (0, 2, 1, 3, 4), "5.1": (0, 2, 1, 4, 5, 3),
    "7.1": (0, 2, 1, 6, 7, 4, 5, 3),
}  # fmt: skip
SURROUND = [("ogg", layout) for layout in VORBIS_ORDER]
SURROUND += [("opus", "3.0"), ("opus", "quad"), ("opus", "5.1"), ("opus", "7.1")]  # FFmpeg writes 5.0 wrongly
SURROUND += [("m4a", "3.0"), ("m4a", "5.0"), ("m4a", "5.1")]


@pytest.mark.parametrize(("suffix", "layout"), SURROUND)
def test_lossy_surround_comes_in_wav_order(tmp_path: Path, suffix: str, layout: str) -> None:
    """7.1 of planar decoders (Vorbis, Opus) also crashes PyAV's own conversion to an array."""
    channels = len(VORBIS_ORDER[layout])
    rms = 0.05 + 0.08 * np.arange(channels)
    wave = np.sin(2 * np.pi * 60 * np.arange(RATE // 2) / RATE)
    wanted = (np.sqrt(2) * rms[:, None] * wave).astype(np.float32)
    path = tmp_path / f"a.{suffix}"
    if suffix == "ogg":  # pedalboard writes channels in the order given
        pedal(path, wanted[list(VORBIS_ORDER[layout])])
    elif suffix == "opus":
        encode(path, "libopus", wanted, layout, form="flt")
    else:
        encode(path, "aac", wanted, layout, form="fltp")
    audio, source = read_audio(path)
    assert source.layout == layout
    middle = audio.samples[:, RATE // 8 : -RATE // 8]
    np.testing.assert_allclose(np.sqrt(np.mean(middle**2, axis=1)), rms, rtol=0.2)


# ---- content, not name


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    values = integers(16)
    flac = encode(tmp_path / "a.flac", "flac", values.astype(np.int16), form="s16")
    named_wav = tmp_path / "b.wav"
    named_wav.write_bytes(flac.read_bytes())
    named_mp3 = wav(tmp_path / "b.mp3", packed(values, 2))
    nameless = tmp_path / "nameless"
    nameless.write_bytes(flac.read_bytes())
    kinds = [read_audio(path)[1].container for path in (named_wav, named_mp3, nameless)]
    assert kinds == ["FLAC", "WAV", "FLAC"]


@pytest.mark.parametrize("suffix", ["mp3", "flac"])
def test_id3_tags_with_pictures_are_passed_over(tmp_path: Path, suffix: str) -> None:
    plain = pedal(tmp_path / f"a.{suffix}", music())
    tagged = tmp_path / f"b.{suffix}"
    picture = 100_000
    size = bytes(picture >> shift & 0x7F for shift in (21, 14, 7, 0))
    tagged.write_bytes(b"ID3\x04\0\0" + size + bytes(picture) + plain.read_bytes() + b"TAG" + bytes(125))
    np.testing.assert_array_equal(read_audio(tagged)[0].samples, read_audio(plain)[0].samples)
    assert read_audio(tagged)[1].partial is None


# ---- blocks


FORMATS: dict[str, Callable[[Path], Path]] = {
    "wav": lambda p: wav(p / "a.wav", packed(integers(24), 3), 2, 24),
    "flac": lambda p: pedal(p / "a.flac", music(seconds=0.1)),
    "ogg": lambda p: pedal(p / "a.ogg", music(seconds=0.1)),
    "mp3": lambda p: pedal(p / "a.mp3", music(seconds=0.1)),
    "m4a": lambda p: encode(p / "a.m4a", "aac", music(seconds=0.1), form="fltp"),
}


@pytest.mark.parametrize("block", [1, 7, 480, 1152, 24_000])
@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_blocks_are_exact_and_partition_the_file(tmp_path: Path, suffix: str, block: int) -> None:
    path = FORMATS[suffix](tmp_path)
    whole = read_audio(path)[0].samples
    with open_audio(path) as reader:
        blocks = list(reader.blocks(block))
        again = list(reader.blocks(block))
    assert all(b.dtype == np.float32 and b.flags.c_contiguous and b.flags.writeable for b in blocks)
    assert [b.shape[1] for b in blocks[:-1]] == [block] * (len(blocks) - 1)
    assert 1 <= blocks[-1].shape[1] <= block
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)
    np.testing.assert_array_equal(np.concatenate(again, axis=1), whole)


def test_reader_knows_its_length_and_name(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", packed(integers(16), 2))
    with open_audio(str(path)) as reader:
        assert (reader.frames, reader.source.name, reader.source.channels) == (2000, str(path), 2)
        with pytest.raises(ValueError, match="at least one frame"):
            next(iter(reader.blocks(0)))
        first = next(iter(reader.blocks(100)))
    reader.close()
    assert first.shape == (2, 100)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_memory_does_not_grow_with_length(tmp_path: Path, suffix: str) -> None:
    seconds = 60
    silence = np.zeros((2, seconds * 8_000), np.int16)
    if suffix == "wav":
        path = wav(tmp_path / "a.wav", silence.tobytes(), rate=8_000)
    else:
        path = encode(tmp_path / "a.flac", "flac", silence, rate=8_000, form="s16")
    with open_audio(path) as reader:
        stream = reader.blocks(2_000)
        next(stream)
        tracemalloc.start()
        total = sum(block.shape[1] for block in stream)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert total == (seconds * 8_000) - 2_000
    assert peak < 300_000  # the whole file would be 3.8 MB


def test_four_minutes_of_wav_take_no_time(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.zeros(RATE * 240 * 2, np.int16).tobytes())
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        with open_audio(path) as reader:
            frames = sum(block.shape[1] for block in reader.blocks(24_000))
        best = min(best, time.perf_counter() - start)
    assert frames == RATE * 240
    assert best < 0.2  # 0.03 s on an idle machine; the slack is for a busy one


def test_decoders_are_imported_only_when_needed(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", packed(integers(16), 2))
    program = (
        "import sys; from plugin_bridge.files import read_audio; read_audio(sys.argv[1]);"
        "sys.exit(any(name in sys.modules for name in ('av', 'pedalboard', 'pedalboard_native')))"
    )
    assert subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False).returncode == 0


def test_pedalboard_agrees_but_for_its_scale(tmp_path: Path) -> None:
    """A second opinion: pedalboard divides by 2^15 - 1, so that its full scale is 1.00003."""
    path = wav(tmp_path / "a.wav", packed(integers(16), 2))
    with pedalboard_io.AudioFile(io.BytesIO(path.read_bytes())) as file:
        theirs = file.read(file.frames)
    np.testing.assert_allclose(read_audio(path)[0].samples * (32768 / 32767), theirs, atol=1e-6)


@pytest.mark.corpus
@pytest.mark.parametrize("pattern", ["mixes/stk_farm_f.ogg", "unlimited/chemistry_lab.flac", "rooms/room-FC-left.wav"])
def test_real_files(pattern: str) -> None:
    path = CORPUS / pattern
    if not path.exists():
        pytest.skip(f"{pattern} is not here")
    with open_audio(path) as reader:
        frames = sum(block.shape[1] for block in reader.blocks(24_000))
    assert (frames, reader.source.partial) == (reader.frames, None)


@pytest.mark.corpus
def test_b_format_room_is_refused() -> None:
    path = CORPUS / "rooms" / "openair" / "Genesis 6 Studio Live Room.wav"
    if not path.exists():
        pytest.skip("the room is not here")
    with pytest.raises(InputError, match=r"4 channels.*no channel mask"):
        open_audio(path)
