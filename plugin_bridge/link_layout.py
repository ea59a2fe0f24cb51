"""The bytes of a link's file, as NumPy types: see PROTOCOL.md. `native/link_layout.hpp` has the same numbers."""

from __future__ import annotations

from typing import Final

import numpy as np

from dsp.correction.correction import EQ_KINDS

MAGIC: Final = int.from_bytes(b"MIXDIAG\0", "little")
VERSION: Final = 1
MAX_CHANNELS: Final = 2
RING_S: Final = 20.0
#: Bounds of a ring, in frames.
MIN_FRAMES: Final = 1 << 16
MAX_FRAMES: Final = 1 << 26
HEADER_BYTES: Final = 4096
SLOT_BYTES: Final = 16_384
SLOTS: Final = 2
RECORDS: Final = 8192
RESULTS_OFFSET: Final = HEADER_BYTES
RECORDS_OFFSET: Final = RESULTS_OFFSET + SLOTS * SLOT_BYTES
#: An engine whose heartbeat is older is gone.
ALIVE_NS: Final = 2_000_000_000

#: A band's kind is its place here.
KINDS: Final = EQ_KINDS[:6]
BANDS: Final = 8
HISTORY: Final = 600
SPECTRUM: Final = 64
REGIONS: Final = 8
LINES: Final = 16
GENRES: Final = 24

# Bits of a record's `changed` and `flags`, and of the results' `incomplete`.
FORMAT, TRANSPORT, GAP = 1, 2, 4
PLAYING, LOOPING = 1, 2
LOST_FRAMES, JOINED_LATE = 1, 2

BAND: Final = np.dtype([("kind", "<u4"), ("on", "<u4"), ("frequency_hz", "<f4"), ("gain_db", "<f4"), ("q", "<f4")])
RESULTS: Final = np.dtype(
    [
        *((name, "<f8") for name in ("momentary_lufs", "short_term_lufs", "integrated_lufs", "true_peak_dbtp")),
        ("correlation", "<f8"),
        ("readiness", "<f4"),
        ("incomplete", "<u4"),
        ("band_count", "<u4"),
        ("bands", BAND, (BANDS,)),
        ("stamp", "<u8"),
    ],
    align=True,
)
LINE: Final = np.dtype([("status", "<u4"), ("reserved", "<u4"), ("id", "S32"), ("text", "S160")], align=True)
REGION: Final = np.dtype(
    [
        *((name, "<f4") for name in ("low_hz", "high_hz", "width", "width_low", "width_high", "correlation")),
        ("name", "S24"),
    ],
    align=True,
)
VIEW: Final = np.dtype(
    [
        ("results", RESULTS),
        *((n, "<f8") for n in ("measured_s", "loudness_range_lu", "max_momentary_lufs", "max_short_term_lufs")),
        ("plr_db", "<f8"),
        ("report_answered", "<u8"),
        *((f"{name}_count", "<u4") for name in ("history", "spectrum", "region", "line", "genre")),
        ("genre_certain", "<u4"),
        ("momentary_lufs", "<f4", (HISTORY,)),
        ("short_term_lufs", "<f4", (HISTORY,)),
        *((n, "<f4", (SPECTRUM,)) for n in ("spectrum_hz", "spectrum_db", "tolerance_low_db", "tolerance_high_db")),
        ("regions", REGION, (REGIONS,)),
        ("lines", LINE, (LINES,)),
        ("genre", "S32"),
        ("genres", "S32", (GENRES,)),
        ("headline", "S160"),
        ("report_path", "S512"),
    ],
    align=True,
)
RECORD: Final = np.dtype(
    [
        *((name, "<u8") for name in ("at_frame", "lost_frames")),
        *((name, "<f8") for name in ("sample_rate", "position_s", "bpm")),
        *((name, "<u4") for name in ("changed", "flags", "channels", "reserved")),
        ("reserved_too", "<u8"),
    ],
    align=True,
)

_STATIC = (
    *(("magic", "<u8"), ("version", "<u4"), ("header_bytes", "<u4"), ("file_bytes", "<u8"), ("pid", "<u8")),
    *(("process_start", "<u8"), ("uid", "<u4"), ("channels", "<u4"), ("audio_offset", "<u8")),
    *(("audio_frames", "<u8"), ("records_offset", "<u8"), ("record_count", "<u8"), ("record_bytes", "<u4")),
    *(("slot_bytes", "<u4"), ("results_offset", "<u8"), ("view_bytes", "<u8"), ("label", "S64")),
)
#: What never changes once the magic is there.
STATIC: Final = np.dtype(list(_STATIC), align=True)
#: Words that change, by their offset in bytes; each is a multiple of 8.
WORDS: Final = {
    "write_frames": 256,
    "write_records": 264,
    "lost_frames": 272,
    "closed": 280,
    "read_frames": 512,
    "read_records": 520,
    "heartbeat_ns": 640,
    "engine_pid": 648,
    "engine_start": 656,
    "published": 664,
    "engine_layout": 672,
    "reset": 768,
    "report": 776,
    "genre_sequence": 784,
    "genre": 792,
}
#: What an engine says of itself, and the plugin compares: the version, and the size of what it publishes.
ENGINE_LAYOUT: Final = VERSION << 32 | VIEW.itemsize
AUDIO_OFFSET: Final = RECORDS_OFFSET + RECORDS * RECORD.itemsize


def ring_frames(sample_rate: float) -> int:
    """Frames of a ring that holds 20 s at a rate: a power of two."""
    frames = MIN_FRAMES
    while frames < MAX_FRAMES and frames < RING_S * sample_rate:
        frames *= 2
    return frames


def file_bytes(frames: int, channels: int) -> int:
    """The size of a file whose ring has room for so many frames and channels."""
    return AUDIO_OFFSET + frames * channels * 4
