"""The headers of containers that hold plain PCM: where the samples are and what they mean.

RIFF, RIFX, RF64, BW64, W64 and AIFF headers are read here, and not by a decoder library, because a reading
has to be exact: the channel mask, the valid bits, and whether the declared samples are really there.

Sources: Microsoft "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); EBU Tech 3306 (RF64);
ITU-R BS.2088 (BW64); Sonic Foundry "Wave64"; Apple "Audio Interchange File Format AIFF-C" draft 1991-08-26.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dsp.audio import LAYOUTS, MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from dsp.errors import InputError
from plugin_bridge.sniff import MAX_CHUNKS, REEXPORT, read_at

#: Speakers of dwChannelMask, from bit 0 (ksmedia.h); Core Audio channel bitmaps share them.
_SPEAKERS = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"),
    *("TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
)
#: Core Audio layout tags (CoreAudioBaseTypes.h) -> speakers in file order.
_CORE_AUDIO_LAYOUTS: dict[int, tuple[str, ...]] = {
    113 << 16 | 3: LAYOUTS["3.0"],
    108 << 16 | 4: LAYOUTS["quad"],
    117 << 16 | 5: LAYOUTS["5.0(side)"],
    121 << 16 | 6: LAYOUTS["5.1(side)"],
    128 << 16 | 8: ("FL", "FR", "FC", "LFE", "SL", "SR", "BL", "BR"),
}
#: AIFF-C compression types of plain PCM -> bytes per sample; 0 where the sample size tells.
_AIFF_PCM_BYTES = {b"NONE": 0, b"twos": 0, b"sowt": 0, b"raw ": 0, b"in24": 3, b"in32": 4}
_AIFF_PCM_BYTES |= {b"fl32": 4, b"FL32": 4, b"fl64": 8, b"FL64": 8}
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_AMBISONIC_GUID_TAIL = bytes.fromhex("2107d3118644c8c1ca000000")


@dataclass(frozen=True)
class PcmStream:
    """Where the samples of a PCM file are, and what they mean."""

    container: str
    codec: str  #: "PCM" or "float"
    sample_rate: int  #: Hz
    layout: str  #: one of `dsp.audio.LAYOUTS`
    order: tuple[int, ...]  #: file channel of each channel of the layout
    bit_depth: int  #: meaningful bits per sample
    dtype: str  #: numpy type of a stored sample; "<i3" and ">i3" mean packed 24-bit integers
    frame_bytes: int
    offset: int  #: bytes from the start of the file to the first sample
    frames: int  #: frames that are there
    declared_frames: int | None  #: frames that the header promises; None where it leaves the length open


def checked_format(name: str, sample_rate: float, channels: int) -> None:
    """Refuse sample rates and channel counts that cannot be measured."""
    if not MIN_SAMPLE_RATE_HZ <= sample_rate <= MAX_SAMPLE_RATE_HZ:
        raise InputError(
            name,
            f"its sample rate is {sample_rate:.0f} Hz, not {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz",
            "export it at 44100, 48000 or 96000 Hz",
        )
    if not 1 <= channels <= MAX_CHANNELS:
        cause = f"{channels} channels (1 to {MAX_CHANNELS} can be measured)"
        raise InputError(name, cause, "bounce a stereo mix")


def layout_of(
    name: str, channels: int, speakers: tuple[str, ...] | None, described: str
) -> tuple[str, tuple[int, ...]]:
    """Layout name, and the file channel of each of its speakers.

    One and two channels are always mono and stereo. `described` says what the file tells of its layout.
    """
    if channels <= 2:
        return ("mono", "stereo")[channels - 1], tuple(range(channels))
    for layout, order in LAYOUTS.items():
        if speakers is not None and len(speakers) == len(order) == channels and set(speakers) == set(order):
            return layout, tuple(speakers.index(speaker) for speaker in order)
    raise InputError(
        name,
        f"{channels} channels, {described}",
        "bounce a stereo mix, or a WAV whose channel mask names the speakers of one of " + ", ".join(LAYOUTS),
    )


def _chunks(file: BinaryIO, start: int, end: int, kind: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(identifier, offset of the body, declared size of the body) of every chunk from `start`."""
    header, pad = (24, 8) if kind == b"riff" else (8, 2)
    size_format = {b"riff": "<Q", b"RIFX": ">I", b"FORM": ">I"}.get(kind, "<I")
    position = start
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        head = file.read(header)
        if position >= end or len(head) < header:
            return
        (size,) = struct.unpack(size_format, head[-struct.calcsize(size_format) :])
        size -= 24 if kind == b"riff" else 0  # Wave64 sizes count the header
        if size < 0:
            return
        yield head[:4], position + header, size
        position += header + size + -size % pad


def read_wave(file: BinaryIO, name: str, file_bytes: int) -> PcmStream | None:
    """PCM of a RIFF, RIFX, RF64, BW64 or W64 file; None where its codec needs a decoder."""
    kind = read_at(file, 0, 4)
    wave64 = kind == b"riff"
    endian = ">" if kind == b"RIFX" else "<"
    fmt = b""
    long_size = declared = data = None
    for identifier, offset, size in _chunks(file, 40 if wave64 else 12, file_bytes, kind):
        if identifier == b"ds64":
            sizes = read_at(file, offset, 16)
            long_size = struct.unpack("<Q", sizes[8:16])[0] if len(sizes) == 16 else None
        elif identifier == b"fmt " and not fmt:
            fmt = read_at(file, offset, min(size, 64))
        elif identifier == b"data":
            data = offset
            declared = long_size if size == 0xFFFFFFFF and long_size is not None else size
            break
    if len(fmt) < 16 or data is None or declared is None:
        missing = "format" if len(fmt) < 16 else "audio data"
        raise InputError(name, f"the {missing} chunk of its WAV header is missing or cut off", REEXPORT)
    tag, channels, rate, _, frame_bytes, bits = struct.unpack(endian + "HHIIHH", fmt[:16])
    valid, mask = bits, 0
    if tag == _EXTENSIBLE and len(fmt) >= 40:
        valid, mask, tag = struct.unpack(endian + "HIH", fmt[18:26])
        if fmt[28:40] == _AMBISONIC_GUID_TAIL:
            raise InputError(name, f"{channels} channels of Ambisonic B-format", "decode it to stereo first")
    checked_format(name, rate, channels)
    if tag not in (_PCM, _FLOAT):
        return None
    width = frame_bytes // channels
    widths = (1, 2, 3, 4) if tag == _PCM else (4, 8)
    if frame_bytes % channels or width not in widths or not 0 < bits <= 8 * width:
        cause = f"its header contradicts itself: {bits} bits, {channels} channels, {frame_bytes}-byte frames"
        raise InputError(name, cause, REEXPORT)
    numeric = "f" if tag == _FLOAT else "u" if width == 1 else "i"
    speakers = tuple(s for bit, s in enumerate(_SPEAKERS) if mask >> bit & 1)
    described = f"channel mask 0x{mask:X} ({'+'.join(speakers)})" if mask else "and no channel mask names them"
    layout, order = layout_of(name, channels, speakers, described)
    available = max(0, file_bytes - data)
    open_ended = False
    if not wave64 and long_size is None:
        riff_size = struct.unpack(endian + "I", read_at(file, 4, 4))[0]
        open_ended = _length_left_open(declared, available, riff_size, data)
    return PcmStream(
        container="W64" if wave64 else {b"RF64": "RF64", b"BW64": "BW64"}.get(kind, "WAV"),
        codec="float" if tag == _FLOAT else "PCM",
        sample_rate=rate,
        layout=layout,
        order=order,
        bit_depth=valid if 0 < valid <= bits else bits,
        dtype=f"{endian}{numeric}{width}",
        frame_bytes=frame_bytes,
        offset=data,
        frames=(available if open_ended else min(available, declared)) // frame_bytes,
        declared_frames=None if open_ended else declared // frame_bytes,
    )


def _length_left_open(declared: int, available: int, riff_size: int, data_offset: int) -> bool:
    """Whether a writer that could not seek back (a pipe, a crashed recorder) left the data size unset.

    ffmpeg leaves 0xFFFFFFFF, SoX about 0x7FFFF000, recorders 0. A size of 0 is a real one where the RIFF
    size covers what follows.
    """
    if declared == 0:
        return available > 0 and (riff_size + 8 <= data_offset or riff_size >= 0xFFFFF000)
    return declared > available and (declared >= 0xFFFFF000 or 0x7FFFF000 <= declared <= 0x80000000)


def _extended(raw: bytes) -> float:
    """An IEEE 754 80-bit extended number (the AIFF sample rate); infinity where it is none."""
    exponent, mantissa = struct.unpack(">HQ", raw)
    if exponent >= 0x43FF:  # beyond the range of a double, or negative: no sample rate
        return math.inf
    return math.ldexp(float(mantissa), exponent - 16383 - 63)


def read_aiff(file: BinaryIO, name: str, file_bytes: int) -> PcmStream | None:
    """PCM of an AIFF or AIFF-C file; None where its codec needs a decoder."""
    comm = chan = b""
    data = None
    size = 0
    for identifier, offset, length in _chunks(file, 12, file_bytes, b"FORM"):
        if identifier == b"COMM" and not comm:
            comm = read_at(file, offset, min(length, 22))
        elif identifier == b"CHAN":
            chan = read_at(file, offset, min(length, 12))
        elif identifier == b"SSND" and data is None:
            skip = read_at(file, offset, 4)
            data = offset + 8 + (struct.unpack(">I", skip)[0] if len(skip) == 4 else 0)
            size = max(0, offset + length - data)
    if len(comm) < 18 or data is None:
        missing = "COMM" if len(comm) < 18 else "SSND"
        raise InputError(name, f"the {missing} chunk of its AIFF header is missing or cut off", REEXPORT)
    channels, frames, bits = struct.unpack(">HIH", comm[:8])
    rate = _extended(comm[8:18])
    compression = comm[18:22] if read_at(file, 8, 4) == b"AIFC" else b"NONE"
    checked_format(name, rate, channels)
    if compression not in _AIFF_PCM_BYTES:
        return None
    width = _AIFF_PCM_BYTES[compression] or (bits + 7) // 8
    is_float = compression.lower().startswith(b"fl")
    if not is_float and not (1 <= width <= 4 and bits >= 1):
        raise InputError(name, f"its header declares {bits} bits per sample", REEXPORT)
    speakers, described = _core_audio_speakers(chan)
    layout, order = layout_of(name, channels, speakers, described)
    frame_bytes = channels * width
    numeric = "f" if is_float else "u" if compression == b"raw " and width == 1 else "i"
    available = max(0, min(size, file_bytes - data)) // frame_bytes
    return PcmStream(
        container="AIFF",
        codec="float" if is_float else "PCM",
        sample_rate=round(rate),
        layout=layout,
        order=order,
        bit_depth=8 * width if is_float or not 0 < bits <= 8 * width else bits,
        dtype=f"{'<' if compression == b'sowt' else '>'}{numeric}{width}",
        frame_bytes=frame_bytes,
        offset=data,
        frames=min(frames, available),
        declared_frames=frames,
    )


def _core_audio_speakers(chan: bytes) -> tuple[tuple[str, ...] | None, str]:
    """Speakers of an AIFF CHAN chunk (a Core Audio AudioChannelLayout), and what to say of it."""
    if len(chan) < 8:
        return None, "and AIFF does not name their speakers"
    tag, bitmap = struct.unpack(">II", chan[:8])
    if tag == 1 << 16:  # kAudioChannelLayoutTag_UseChannelBitmap
        speakers = tuple(s for bit, s in enumerate(_SPEAKERS) if bitmap >> bit & 1)
        return speakers, f"channel bitmap 0x{bitmap:X} ({'+'.join(speakers)})"
    return _CORE_AUDIO_LAYOUTS.get(tag), f"Core Audio layout tag {tag >> 16}"
