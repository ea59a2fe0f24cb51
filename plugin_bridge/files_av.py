"""Compressed audio through PyAV (FFmpeg's libraries), read up to the first damage.

Only imported when such a file is opened. A decoder that meets damage conceals it with silence or noise, which
would be measured as if it were music: so reading stops there, and the reason is handed back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import av
import av.audio
import av.container
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from dsp.audio import LAYOUTS, Source
from dsp.errors import InputError
from plugin_bridge.containers import checked_format, layout_of
from plugin_bridge.sniff import Kind

_CODECS = {
    "flac": "FLAC",
    "vorbis": "Vorbis",
    "mp3": "MP3",
    "mp2": "MP2",
    "aac": "AAC",
    "opus": "Opus",
    "alac": "ALAC",
    "wavpack": "WavPack",
    "tta": "TTA",
    "ape": "Monkey's Audio",
    "ac3": "AC-3",
    "pcm_alaw": "A-law",
    "pcm_mulaw": "mu-law",
    "eac3": "E-AC-3",
    "wmalossless": "WMA Lossless",
    **dict.fromkeys(("wmav1", "wmav2", "wmapro"), "WMA"),
}
_LOSSLESS = {"flac", "alac", "wavpack", "tta", "ape", "wmalossless", "truehd", "mlp", "shorten"}
#: FFmpeg's sample formats (AVSampleFormat); "p" is planar.
_DTYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
_DTYPES |= {name + "p": dtype for name, dtype in _DTYPES.items()}
#: Demuxers that guess the length from the bit rate.
_LENGTH_IS_A_GUESS = {"aac", "ac3", "eac3", "asf", "amr"}
#: How far stated times and lengths may be off in an intact file. Vorbis: a quarter of the difference between
#: its block sizes (448 samples in practice); elsewhere the last packet may be padding (ALAC in CAF: 4096).
_OGG_SLACK_S, _SLACK_S, _SLACK_FRAMES = 0.04, 0.1, 4096
#: No encoder is fed this much (+24 dBFS), but a decoder that reads damaged data puts out any number.
_LOUDEST = 16.0
#: Audio beyond the declared end: less than this is padding or garbage, more is worth a word (seconds).
_OVERRUN_S = 1.0

Chunks = Generator[npt.NDArray[Any], None, str | None]


@dataclass(frozen=True)
class AvStream:
    """What PyAV says of the first audio stream of a file."""

    source: Source
    frames: int | None  #: declared length; None where the format does not state it
    path: str
    kind: Kind
    exact: bool  #: whether times and lengths are those of single samples


def open_stream(path: str, name: str, kind: Kind) -> AvStream:
    """Look at a file and decode the beginning of it, so that what cannot be decoded is refused here."""
    try:
        with av.open(path, format=kind.demuxer) as container:
            stream = _audio_stream(container, name)
            context = stream.codec_context
            codec = context.codec.canonical_name
            rate, channels, layout_name = context.sample_rate or 0, *_safe_layout(context, name)
            checked_format(name, rate, channels)
            speakers = LAYOUTS.get(layout_name)
            layout, _ = layout_of(name, channels, speakers, f"in the layout {layout_name!r}")
            declared = None
            if kind.length_known and container.format.name not in _LENGTH_IS_A_GUESS:
                declared = _declared_frames(container, stream, rate)
            source = Source(
                name=name,
                container=kind.container,
                codec=_codec_name(codec),
                sample_rate=rate,
                layout=layout,
                bit_depth=_bit_depth(codec, context),
                lossy=_is_lossy(codec),
            )
    except (av.error.FFmpegError, ValueError, UnicodeError) as error:
        cause = f"its {kind.container} header cannot be read ({_reason(error)})"
        raise InputError(name, cause, "export or copy the file again") from None
    opened = AvStream(source, declared, path, kind, exact=codec == "flac" and kind.container == "FLAC")
    chunks = decode(opened)
    if next(chunks, None) is None:
        cause = f"no {source.codec} audio could be decoded (empty, damaged or protected)"
        raise InputError(name, cause, "export it as WAV or FLAC")
    chunks.close()
    return opened


def decode(opened: AvStream) -> Chunks:
    """Decoded pieces of shape (channels, frames), integers or floats; returns why reading stopped early."""
    rate, limit = opened.source.sample_rate, opened.frames
    at = overrun = 0  # frames read, and frames found beyond the declared length
    expected: float | None = None  # time of the next frame, in samples
    failure: str | None = None
    held: npt.NDArray[Any] | None = None  # the latest piece, which damage after it may have spoilt
    try:
        with av.open(opened.path, format=opened.kind.demuxer) as container:
            stream = _audio_stream(container, opened.source.name)
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
            for frame in _frames(container, stream):
                time = _time(frame, rate)
                chunk = _samples(frame)
                failure = _fault(opened, frame, chunk, time, expected)
                if failure and (limit is None or at < limit):
                    break
                start = expected if time is None else time  # some frames after damage have no time
                expected = None if start is None else start + frame.samples
                # Granule positions before zero are to be discarded (Vorbis I specification, A.2).
                early = max(0, -round(time)) if time is not None and opened.kind.demuxer == "ogg" else 0
                chunk = chunk[:, early:]
                kept = chunk if limit is None else chunk[:, : max(0, limit - at)]
                at += kept.shape[1]
                overrun += chunk.shape[1] - kept.shape[1]
                if held is not None:
                    yield held
                held = kept if kept.shape[1] else None
                if overrun > _OVERRUN_S * rate:
                    return f"the file goes on after the {_seconds(at, rate)} it declares: reading stops there"
    except _DamageError:
        failure = "decoding fails"
    except (av.error.FFmpegError, ValueError) as error:
        failure = f"reading stops ({_reason(error)})"
    short = limit is not None and at < limit - _slack(opened)
    if held is not None:
        if opened.source.lossy and (short or (failure is not None and limit is None)):
            at -= held.shape[1]  # lossy frames overlap
        else:
            yield held
    if short:
        return _stopped(at, limit, rate, failure or "data ends")
    if limit is not None or failure is None:  # at the declared end, what failed was garbage after it
        failure = opened.kind.cut_off
    return _stopped(at, None, rate, failure) if failure else None


class _DamageError(Exception):
    """A packet that cannot be decoded."""


def _frames(container: av.container.InputContainer, stream: av.audio.AudioStream) -> Iterator[AudioFrame]:
    """All frames; raises `_DamageError` at the first packet that fails after one that did not."""
    begun = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            if not begun:
                continue  # a file may start in the middle of a stream
            raise _DamageError from error
        for frame in frames:
            begun = True
            yield frame


def _fault(
    opened: AvStream, frame: AudioFrame, chunk: npt.NDArray[Any], time: float | None, expected: float | None
) -> str | None:
    """What makes a frame unfit to follow the ones before it; None where it fits."""
    if frame.sample_rate != opened.source.sample_rate or chunk.shape[0] != opened.source.channels:
        return "the sample rate or the channels change: reading stops"
    if opened.source.lossy and chunk.dtype.kind == "f":
        loud = not (chunk.max() <= _LOUDEST and chunk.min() >= -_LOUDEST)  # also for NaN
    else:
        loud = False
    if frame.is_corrupt or loud:
        return "decoding fails"
    if time is None or expected is None or abs(time - expected) <= _slack(opened):
        return None
    return "part of the file is missing or damaged: reading stops"


def _slack(opened: AvStream) -> int:
    if opened.exact:
        return 0
    rate = opened.source.sample_rate
    return round(_OGG_SLACK_S * rate) if opened.kind.demuxer == "ogg" else max(round(_SLACK_S * rate), _SLACK_FRAMES)


def _time(frame: AudioFrame, rate: int) -> float | None:
    """Presentation time of a frame in samples."""
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base * rate)


def _stopped(at: int, declared: int | None, rate: int, what: str) -> str:
    of_declared = "" if declared is None else f" of the {_seconds(declared, rate)} declared"
    return f"{what} at {_seconds(at, rate)}{of_declared}"


def _seconds(frames: int, rate: int) -> str:
    return f"{frames / rate:.1f} s"


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def _audio_stream(container: av.container.InputContainer, name: str) -> av.audio.AudioStream:
    stream = container.streams.best("audio")
    if not isinstance(stream, av.audio.AudioStream) or stream.codec_context is None:
        if container.streams.video:
            raise InputError(name, "a video or picture without an audio stream", "choose an audio file")
        cause = "no audio stream that can be decoded (an unknown or protected codec)"
        raise InputError(name, cause, "export it as WAV or FLAC")
    return stream


def _safe_layout(context: AudioCodecContext, name: str) -> tuple[int, str]:
    """Channels and layout name of a stream, refusing the layouts that make PyAV 18 crash.

    PyAV shares the channel map of a layout in custom order between objects which then each free it. Such a
    layout is described as "2 channels (FC+FC)". The object that shows it is kept for ever (never freed by
    PyAV), and no frame may be decoded.
    """
    layout = context.layout
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    described = layout.name
    if " channels (" in described:
        raise InputError(name, f"the channels are in an unusual order: {described}", "export it as WAV")
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(layout))
    return layout.nb_channels, described


def _declared_frames(container: av.container.InputContainer, stream: av.audio.AudioStream, rate: int) -> int | None:
    if stream.duration and stream.time_base:
        frames = round(stream.duration * stream.time_base * rate)
    elif container.duration and len(container.streams) == 1:  # Matroska has no lengths of single streams
        frames = round(container.duration * rate / 1_000_000)
    else:
        return None
    extra = stream.codec_context.extradata or b""
    if extra.startswith(b"OpusHead"):  # the length counts the pre-skip, at 48 kHz (RFC 7845 section 5.1)
        frames -= int.from_bytes(extra[10:12], "little") * rate // 48_000
    return frames if frames > 0 else None


def _is_lossy(codec: str) -> bool:
    return codec in ("pcm_alaw", "pcm_mulaw") or not (codec in _LOSSLESS or codec.startswith("pcm_"))


def _codec_name(codec: str) -> str:
    if codec.startswith("pcm_") and codec not in _CODECS:
        return "float" if codec.startswith("pcm_f") else "PCM"
    return _CODECS.get(codec, codec.upper())


def _bit_depth(codec: str, context: AudioCodecContext) -> int | None:
    """Bits per sample as stored; None for lossy codecs, and where PyAV does not tell."""
    extra = context.extradata or b""
    if codec == "flac" and len(extra) >= 14:  # STREAMINFO, RFC 9639 section 8.2
        return (int.from_bytes(extra[12:14], "big") >> 4 & 0x1F) + 1
    if codec == "alac" and len(extra) >= 18:  # ALACSpecificConfig.bitDepth after the 12-byte atom header
        return extra[17] if extra[17] in (16, 20, 24, 32) else None
    digits = "".join(filter(str.isdigit, codec)) if codec.startswith("pcm_") else ""
    if digits:
        return int(digits)
    form = getattr(context.format, "name", "")  # a damaged header leaves no format
    return 16 if not _is_lossy(codec) and form in ("s16", "s16p") else None


def _samples(frame: AudioFrame) -> npt.NDArray[Any]:
    """Shape (channels, frames).

    Not by `AudioFrame.to_ndarray`: of 8 planes PyAV 18 counts 9, and reading the last crashes the process.
    """
    channels, dtype = frame.layout.nb_channels, _DTYPES.get(frame.format.name)
    if dtype is None:
        raise ValueError(f"unsupported sample format {frame.format.name}")
    planes: tuple[Any, ...] = frame.planes[: channels if frame.format.is_planar else 1]
    if frame.format.is_planar:
        return np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes])
    packed: npt.NDArray[Any] = np.frombuffer(planes[0], dtype, frame.samples * channels)
    return packed.reshape(-1, channels).T
