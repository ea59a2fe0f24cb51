"""What lossy codecs make of a mix: it is really encoded and decoded, and the peaks that come out are measured.

By default the loudest 30 s of a song are encoded, with a quarter of a second before and after them that is
thrown away again: an encoder that starts in the middle of a sound overshoots. Peaks of lossy codecs rise where
music is dense and close to full scale, so the loudest stretch shows what the whole would; `full` encodes all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import av.error

from dsp.encoded import Encoded
from dsp.listening.overs import OverMeter
from dsp.meters.true_peak import TruePeak
from dsp.meters.windows import window_sums
from dsp.mix import Mix
from dsp.units import Samples, from_amplitude_db
from plugin_bridge.coders import Codec, CoderError, Resampler, open_coder
from plugin_bridge.files import open_audio

#: What music is delivered in: Apple Music and YouTube (AAC), downloads (MP3), YouTube (Opus), Spotify (Vorbis).
CODECS = (
    Codec("AAC 256 kbit/s", "aac", "aac", "fltp", 256),
    Codec("AAC 128 kbit/s", "aac", "aac", "fltp", 128),
    Codec("MP3 320 kbit/s", "libmp3lame", "mp3float", "fltp", 320),
    Codec("MP3 192 kbit/s", "libmp3lame", "mp3float", "fltp", 192),
    Codec("Opus 128 kbit/s", "libopus", "opus", "flt", 128, (48_000,)),
    Codec("Vorbis 160 kbit/s", "libvorbis", "vorbis", "fltp", 160),
)
#: Length of the loudest stretch, and what is encoded on either side of it and thrown away (s).
STRETCH_S, LEAD_S = 30.0, 0.25
#: Less than this is not music (s).
SHORTEST_S = 0.4
#: Audio is read and encoded in blocks of this length (s), by this many threads: FFmpeg lets go of Python's lock.
BLOCK_S, THREADS = 5.0, 2

Progress = Callable[[float | None], None]


def encode_file(
    path: str | Path, mix: Mix, *, full: bool = False, progress: Progress | None = None
) -> tuple[Encoded, ...] | None:
    """What each codec makes of a measured file, read again. Raises InputError where it cannot be read.

    None where there is nothing to encode: silence, or less than 0.4 s. Empty for more than two channels, which
    the services do not stream in these codecs. In the order of `CODECS`.
    """
    with open_audio(path) as reader:
        return encode(mix, reader.blocks(round(BLOCK_S * mix.source.sample_rate)), full=full, progress=progress)


def encode(
    mix: Mix,
    blocks: Iterable[Samples],
    *,
    full: bool = False,
    codecs: tuple[Codec, ...] = CODECS,
    progress: Progress | None = None,
) -> tuple[Encoded, ...] | None:
    """As `encode_file`, from the blocks of the mix from its start."""
    rate, channels, peak_dbfs = mix.source.sample_rate, mix.source.channels, mix.readings.level.sample_peak_dbfs
    if peak_dbfs is None or mix.duration_s < SHORTEST_S:
        return None
    if channels > 2:
        return ()
    frames = mix.readings.level.frames
    first, last = (0, frames) if full else loudest(mix)
    start, end = max(0, first - round(LEAD_S * rate)), min(frames, last + round(LEAD_S * rate))
    before = OverMeter(rate, channels)
    trips = [
        _Trip(codec, rate, channels, from_amplitude_db(peak_dbfs), (first - start, last - start)) for codec in codecs
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        for at, block in _between(blocks, start, end):
            working = [pool.submit(trip.process, block) for trip in trips]
            before.process(block[:, max(0, first - at) : max(0, last - at)])
            for task in working:
                task.result()
            if progress:
                progress((at + block.shape[1] - start) / (end - start))
        for task in [pool.submit(trip.finish) for trip in trips]:
            task.result()
    return tuple(trip.result(first / rate, last / rate, before.overs()[0]) for trip in trips)


def loudest(mix: Mix) -> tuple[int, int]:
    """First and last frame of the loudest 30 s (highest K-weighted energy), or of all that is shorter."""
    loudness, rate, frames = mix.readings.loudness, mix.source.sample_rate, mix.readings.level.frames
    sums = window_sums(loudness.power, round(STRETCH_S / loudness.hop_s))
    if frames <= STRETCH_S * rate or not len(sums):
        return 0, frames
    first = round(int(sums.argmax()) * loudness.hop_s * rate)
    return first, min(frames, first + round(STRETCH_S * rate))


def _between(blocks: Iterable[Samples], start: int, end: int) -> Iterator[tuple[int, Samples]]:
    """The frames from `start` to `end`, in pieces with their positions; reads no further than it must."""
    at = 0
    for block in blocks:
        kept = block[:, max(0, start - at) : max(0, end - at)]
        if kept.shape[1]:
            yield max(start, at), kept
        at += block.shape[1]
        if at >= end:
            return


class _Trip:
    """One codec's way there and back. `keep` are the frames to measure, counted from the first encoded."""

    def __init__(self, codec: Codec, sample_rate: int, channels: int, peak: float, keep: tuple[int, int]) -> None:
        self.codec = codec
        rate = codec.rate_hz(sample_rate)
        self._keep = [round(frame * rate / sample_rate) for frame in keep]
        self._meter = OverMeter(rate, channels)
        self._notes: list[str] = []
        self._fault = ""
        self._resampler = None if rate == sample_rate else Resampler(sample_rate, rate, channels)
        if self._resampler:
            self._notes.append(f"converted from {sample_rate / 1000:g} to {rate / 1000:g} kHz")
        try:
            self._coder = open_coder(codec, rate, channels, peak)
        except CoderError as error:
            self._fault = str(error)

    def process(self, block: Samples) -> None:
        """Encode, decode and measure a block; a codec that fails is not asked again."""
        self._run(block)

    def finish(self) -> None:
        """The same with what the codec still holds."""
        self._run(None)

    def _run(self, block: Samples | None) -> None:
        if self._fault:
            return
        try:
            for piece in self._converted(block):
                self._measure(self._coder.process(piece))
            if block is None:
                self._measure(self._coder.finish())
        except (CoderError, av.error.FFmpegError, RuntimeError, ValueError) as error:
            self._fault = f"{self._coder.encoder} failed: {error}"

    def _converted(self, block: Samples | None) -> Iterable[Samples]:
        if self._resampler is None:
            return () if block is None else (block,)
        return self._resampler.finish() if block is None else self._resampler.process(block)

    def _measure(self, pieces: Iterable[tuple[int, Samples]]) -> None:
        first, last = self._keep
        for at, samples in pieces:
            self._meter.process(samples[:, max(0, first - at) : max(0, last - at)])

    def result(self, start_s: float, end_s: float, before: TruePeak) -> Encoded:
        """What came out, beside what went in."""
        nothing = Encoded(self.codec.name, "", None, None, None, 0, start_s, end_s)
        if self._fault:
            return replace(nothing, note=self._fault)
        reading, overs = self._meter.overs()
        peak, at_s = reading.max_dbtp, reading.at_s
        return Encoded(
            codec=self.codec.name,
            encoder=self._coder.encoder,
            true_peak_dbtp=peak,
            true_peak_at_s=None if at_s is None else start_s + at_s,
            rise_db=None if peak is None or before.max_dbtp is None else peak - before.max_dbtp,
            overs=overs,
            start_s=start_s,
            end_s=end_s,
            note="; ".join(self._notes),
        )
