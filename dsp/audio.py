"""Audio as a value, what is known of the file it came from, and the loudness weights of its channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dsp.units import Samples

#: Sample rates outside this range are refused (Hz).
MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 768_000
#: More channels than this are refused.
MAX_CHANNELS = 8

#: Speaker layouts that can be measured, each as its speakers in file order.
#: Order: WAVE_FORMAT_EXTENSIBLE dwChannelMask bit order, which FLAC and ffmpeg share.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "3.0": ("FL", "FR", "FC"),
    "quad": ("FL", "FR", "BL", "BR"),
    "quad(side)": ("FL", "FR", "SL", "SR"),
    "5.0": ("FL", "FR", "FC", "BL", "BR"),
    "5.0(side)": ("FL", "FR", "FC", "SL", "SR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


def loudness_weights(layout: str) -> tuple[float, ...]:
    """Channel weights of ITU-R BS.1770-5, in file order, of one of `LAYOUTS`.

    Surrounds at 60-120 degrees of azimuth count 1.41 (+1.5 dB), all other main channels 1.0, the LFE
    nothing (BS.1770-5 Table 4 and Annex 3). Back channels are the surrounds (110 degrees) where there
    are no side channels, and rear speakers (135 degrees, weight 1.0) in 7.1.
    """
    speakers = LAYOUTS[layout]
    surrounds = {"SL", "SR"} if "SL" in speakers else {"BL", "BR"}
    return tuple(0.0 if s == "LFE" else 1.41 if s in surrounds else 1.0 for s in speakers)


@dataclass(frozen=True)
class Audio:
    """Audio in memory: float32 samples of shape (channels, frames), C-contiguous, made read-only.

    Raises ValueError for any other dtype, order or number of axes, naming what was received.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        x = self.samples
        if not isinstance(x, np.ndarray) or x.dtype != np.float32 or x.ndim != 2 or not x.flags.c_contiguous:
            received = f"{getattr(x, 'dtype', type(x).__name__)} of shape {getattr(x, 'shape', None)}"
            raise ValueError(f"expected C-contiguous float32 of shape (channels, frames), got {received}")
        if not 1 <= x.shape[0] <= MAX_CHANNELS:
            raise ValueError(f"expected 1 to {MAX_CHANNELS} channels, got shape {x.shape} (channels, frames)")
        if not MIN_SAMPLE_RATE_HZ <= self.sample_rate <= MAX_SAMPLE_RATE_HZ:
            raise ValueError(f"expected {MIN_SAMPLE_RATE_HZ}-{MAX_SAMPLE_RATE_HZ} Hz, got {self.sample_rate}")
        read_only = x.view()
        read_only.flags.writeable = False
        object.__setattr__(self, "samples", read_only)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Source:
    """What the container says of the audio, before a sample is measured."""

    name: str  #: as the user named it
    container: str  #: "WAV", "FLAC", "MP3", "render", ...
    codec: str  #: "PCM", "float", "Vorbis", "AAC", ...
    sample_rate: int  #: Hz
    layout: str  #: one of `LAYOUTS`
    bit_depth: int | None = None  #: bits per sample as stored; None for lossy codecs
    lossy: bool = False
    partial: str | None = None  #: why only part of the file could be read; None when all was

    @property
    def channels(self) -> int:
        """Number of channels of the layout."""
        return len(LAYOUTS[self.layout])
