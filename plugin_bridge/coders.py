"""Lossy encoders with their decoders behind them: blocks go in, decoded blocks come out, in float throughout.

AAC, MP3 and Opus run in FFmpeg's libraries through PyAV, packet by packet and without a container, so memory
does not grow. PyAV's wheels hold no libvorbis, only FFmpeg's own experimental Vorbis encoder, whose peaks are
not those of the encoder services use (on a limited song 3.5 dB of rise against 1.1); pedalboard's does, so
Vorbis is encoded there, to a temporary file, and decoded by PyAV.

The decoders chosen put out floats and do not clip. Encoders are fed floats, which no step before them clips;
libvorbis in pedalboard takes integers, so what passes full scale is turned down for it and up again after it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Protocol, cast

import av
import av.error
import av.filter
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame

from dsp.units import Samples

#: Sample rates at which music is streamed; everything else is converted to one of them (Hz).
RATES_HZ = (44_100, 48_000)
#: swresample with a filter four times its usual length: errors below -95 dB from 5 kHz tones, any rate pair.
_RESAMPLING = "filter_size=128:phase_shift=12:cutoff=0.95"
#: Encoded Vorbis up to this size stays in memory (bytes).
_SPOOL_BYTES = 1 << 24

#: Decoded audio with the position of its first frame, in frames from the first that was encoded.
Piece = tuple[int, Samples]


class CoderError(Exception):
    """A codec that cannot be run here, with the reason."""


@dataclass(frozen=True)
class Codec:
    """A codec at a bit rate. `encoder` and `decoder` are FFmpeg's names; `rates_hz` are those it is run at."""

    name: str
    encoder: str
    decoder: str
    sample_format: str
    kbps: int
    rates_hz: tuple[int, ...] = RATES_HZ

    def rate_hz(self, sample_rate: int) -> int:
        """The rate to encode at: the audio's own, or the nearest of its family."""
        if sample_rate in self.rates_hz:
            return sample_rate
        return 44_100 if sample_rate % 11_025 == 0 and 44_100 in self.rates_hz else 48_000


class Coder(Protocol):
    """An encoder and decoder in a row."""

    encoder: str

    def process(self, block: Samples) -> Iterator[Piece]:
        """Encode a block and give what could be decoded by now."""
        ...

    def finish(self) -> Iterator[Piece]:
        """Give the rest."""
        ...


def open_coder(codec: Codec, sample_rate: int, channels: int, peak: float) -> Coder:
    """A coder for audio whose samples reach `peak`. Raises CoderError where the encoder is not there."""
    if codec.encoder == "libvorbis":
        return VorbisCoder(codec, sample_rate, channels, peak)
    return PacketCoder(codec, sample_rate, channels)


def _layout(channels: int) -> str:
    return "mono" if channels == 1 else "stereo"


def _frame(block: Samples, sample_format: str, sample_rate: int, at: int) -> AudioFrame:
    packed = not sample_format.endswith("p")
    data = block.T.reshape(1, -1) if packed else block
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(data), format=sample_format, layout=_layout(len(block)))
    frame.sample_rate, frame.pts, frame.time_base = sample_rate, at, Fraction(1, sample_rate)
    return frame


def _samples(frame: AudioFrame, channels: int) -> Samples:
    if frame.format.name not in ("flt", "fltp"):
        raise CoderError(f"its decoder puts out {frame.format.name}, which may clip")
    data = frame.to_ndarray()
    samples = data if frame.format.is_planar else data.reshape(-1, channels).T
    return np.ascontiguousarray(samples, dtype=np.float32)


def _position(frame: AudioFrame, sample_rate: int) -> int:
    return round((frame.pts or 0) * (frame.time_base or 0) * sample_rate)


class PacketCoder:
    """An encoder of PyAV whose packets go straight into the decoder."""

    def __init__(self, codec: Codec, sample_rate: int, channels: int) -> None:
        try:
            encoder = cast(AudioCodecContext, av.CodecContext.create(codec.encoder, "w"))
            self._decoder = cast(AudioCodecContext, av.CodecContext.create(codec.decoder, "r"))
        except (av.error.FFmpegError, ValueError) as error:
            raise CoderError(f"this build of PyAV has no {codec.encoder}") from error
        encoder.sample_rate, encoder.layout, encoder.format = sample_rate, _layout(channels), codec.sample_format
        encoder.bit_rate, encoder.time_base = 1000 * codec.kbps, Fraction(1, sample_rate)
        self.encoder = codec.encoder
        self._encoder, self._codec, self._rate, self._channels = encoder, codec, sample_rate, channels
        self._fed = 0
        self._first: Samples | None = None  # the first decoded frame, until its position is known
        self._next: int | None = None  # where the next decoded frame lies

    def process(self, block: Samples) -> Iterator[Piece]:
        """Encode a block and give what could be decoded by now."""
        frame = _frame(block, self._codec.sample_format, self._rate, self._fed)
        self._fed += block.shape[1]
        return self._decoded(self._packets(frame))

    def finish(self) -> Iterator[Piece]:
        """Give the rest."""
        yield from self._decoded(self._packets(None))
        yield from self._decoded([self._decoder.decode(None)])

    def _packets(self, frame: AudioFrame | None) -> Iterator[list[AudioFrame]]:
        for packet in self._encoder.encode(frame):
            if self._decoder.extradata is None and self._encoder.extradata:
                self._decoder.extradata = self._encoder.extradata
            yield self._decoder.decode(packet)

    def _decoded(self, decoded: Iterable[list[AudioFrame]]) -> Iterator[Piece]:
        """Decoded frames with their positions.

        A decoder drops the padding at the start but leaves the time of the first frame as it was; the second
        frame has the right time, so the first is held until it comes.
        """
        for frames in decoded:
            for frame in frames:
                samples = _samples(frame, self._channels)
                if self._next is None and self._first is None:
                    self._first = samples
                    continue
                if self._next is None and self._first is not None:
                    self._next = _position(frame, self._rate)
                    yield self._next - self._first.shape[1], self._first
                assert self._next is not None
                yield self._next, samples
                self._next += samples.shape[1]


class VorbisCoder:
    """libvorbis in pedalboard, through a temporary file, decoded by PyAV."""

    encoder = "libvorbis"

    def __init__(self, codec: Codec, sample_rate: int, channels: int, peak: float) -> None:
        try:
            from pedalboard.io import AudioFile
        except ImportError as error:
            raise CoderError("pedalboard, which has libvorbis, cannot be loaded") from error
        self._gain = np.float32(1.0 if peak <= 1.0 else 0.5 / peak)
        self._rate, self._channels = sample_rate, channels
        self._file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))  # noqa: SIM115  (closed in `finish`)
        try:
            self._writer = AudioFile(
                self._file, "w", float(sample_rate), channels, format="ogg", quality=f"{codec.kbps} kbps"
            )
        except (ValueError, RuntimeError) as error:
            raise CoderError(f"libvorbis refuses this: {error}") from error

    def process(self, block: Samples) -> Iterator[Piece]:
        """Encode a block; everything is decoded at the end."""
        self._writer.write(block * self._gain)
        return iter(())

    def finish(self) -> Iterator[Piece]:
        """Decode it all."""
        self._writer.close()
        with self._file:
            self._file.seek(0)
            with av.open(self._file, mode="r", format="ogg") as container:
                at: int | None = None
                for frame in container.decode(audio=0):
                    samples = _samples(frame, self._channels) / self._gain
                    at = _position(frame, self._rate) if at is None else at
                    yield at, samples
                    at += samples.shape[1]


class Resampler:
    """Conversion of the sample rate in float, without a shift in time."""

    def __init__(self, from_hz: int, to_hz: int, channels: int) -> None:
        self._from_hz, self._fed = from_hz, 0
        graph = av.filter.Graph()
        layout, unit = _layout(channels), Fraction(1, from_hz)
        chain = [
            graph.add_abuffer(sample_rate=from_hz, format="fltp", layout=layout, time_base=unit),
            graph.add("aresample", f"{to_hz}:{_RESAMPLING}"),
            graph.add("aformat", f"sample_fmts=fltp:sample_rates={to_hz}:channel_layouts={layout}"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*chain).configure()
        self._graph = graph

    def process(self, block: Samples) -> Iterator[Samples]:
        """Converted pieces that are ready after this block."""
        self._graph.push(_frame(block, "fltp", self._from_hz, self._fed))
        self._fed += block.shape[1]
        return self._ready()

    def finish(self) -> Iterator[Samples]:
        """The rest."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Iterator[Samples]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield np.ascontiguousarray(cast(AudioFrame, frame).to_ndarray(), dtype=np.float32)
