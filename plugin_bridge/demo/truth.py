"""What is true about a rendered demo song, measured on the audio itself, as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from plugin_bridge.demo import flaws as fault
from plugin_bridge.demo.desk import (
    LATE_AMP_SAMPLES,
    LOOKAHEAD_SAMPLES,
    STEMS,
    Stem,
    fader_db,
    pan_gains,
)
from plugin_bridge.demo.flaws import Flaw
from plugin_bridge.demo.performance import BEAT_S, SAMPLE_RATE_HZ, Signal, seconds
from plugin_bridge.demo.score import BEATS_PER_BAR, FORM, TEMPO_BPM
from plugin_bridge.demo.wav import BIT_DEPTH, QUANTUM

# Gain is only read off where there is enough signal for the quotient to be exact.
_LOUD_ENOUGH: Final = 0.05
_WORKING_DB: Final = 1.0  # The limiter counts as working where it takes away at least this much.
_LOUD_SECTION: Final = "chorus"


def describe(stems: Mapping[str, Signal], bus: Signal, mix: Signal, flaws: frozenset[Flaw]) -> dict[str, Any]:
    """Return the truth about the files as written; ``bus`` is what the desk summed, ``mix`` what followed."""
    frames = mix.shape[1]
    total = sum(stem.astype(np.float64) for stem in stems.values())
    measured: dict[Flaw, dict[str, Any]] = {
        "mud": _mud(),
        "late-amp": _late_amp(),
        "bus-limiter": _bus_limiter(bus, mix) if "bus-limiter" in flaws else {},
        "clipped-snare": _clipped_snare(stems["Snare Top"]),
    }
    return {
        "title": "MixDiagnose demo song",
        "tempo_bpm": TEMPO_BPM,
        "beats_per_bar": BEATS_PER_BAR,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "bit_depth": BIT_DEPTH,
        "frames": frames,
        "duration_s": frames / SAMPLE_RATE_HZ,
        "sections": _sections(),
        "mix": {"file": "mix.wav", "sample_peak_dbfs": _decibels(float(np.abs(mix).max()))},
        "stems_are": (
            "post-fader and post-pan, before the bus limiter; a mono file feeds both sides at unity; "
            "their sum is the mix bus"
        ),
        "sum_of_stems_residual_dbfs": _decibels(float(np.abs(total - bus).max())),
        "pan_law": "constant power, 0 dB at the centre, +3 dB hard over",
        "stems": [_stem(stem, stems[stem.name], flaws) for stem in STEMS],
        "flaws": [{"name": name, **measured[name]} for name in fault.DEMO_FLAWS if name in flaws],
    }


def _sections() -> list[dict[str, Any]]:
    sections = []
    bar = 0
    for section in FORM:
        start_s = seconds(bar * BEATS_PER_BAR)
        bar += len(section.chords)
        end_s = start_s + len(section.chords) * BEATS_PER_BAR * BEAT_S
        sections.append({"name": section.name, "start_s": round(start_s, 4), "end_s": round(end_s, 4)})
    return sections


def _stem(stem: Stem, audio: Signal, flaws: frozenset[Flaw]) -> dict[str, Any]:
    left, right = pan_gains(stem.pan)
    return {
        "name": stem.name,
        "file": f"stems/{stem.name}.wav",
        "role": stem.role,
        "channels": int(audio.shape[0]),
        "fader_db": fader_db(stem, flaws),
        "pan": stem.pan,
        "pan_gain_left": round(left, 6),
        "pan_gain_right": round(right, 6),
        "sample_peak_dbfs": _decibels(float(np.abs(audio).max())),
    }


def _mud() -> dict[str, Any]:
    return {
        "stems": [stem.name for stem in STEMS if stem.role == "electric-guitar"],
        "filter": "bell",
        "frequency_hz": fault.MUD_HZ,
        "gain_db": fault.MUD_DB,
        "q": fault.MUD_Q,
    }


def _late_amp() -> dict[str, Any]:
    return {
        "stems": ["Bass Amp"],
        "reference": "Bass DI",
        "delay_ms": fault.LATE_AMP_MS,
        "delay_samples": round(LATE_AMP_SAMPLES, 6),
    }


def _bus_limiter(bus: Signal, mix: Signal) -> dict[str, Any]:
    """Read the gain reduction off the audio, by comparing the bus after the drive with the mix."""
    driven = np.abs(bus.astype(np.float64)).max(axis=0) * fault.amplitude(fault.LIMITER_DRIVE_DB)
    limited = np.abs(mix.astype(np.float64)).max(axis=0)
    loud = driven > _LOUD_ENOUGH
    reduction_db = np.zeros(driven.size)
    reduction_db[loud] = 20.0 * np.log10(driven[loud] / limited[loud])
    chorus = np.zeros(driven.size, dtype=bool)
    for section in _sections():
        if section["name"] == _LOUD_SECTION:
            first, last = (round(section[edge] * SAMPLE_RATE_HZ) for edge in ("start_s", "end_s"))
            chorus[first:last] = True
    return {
        "stems": [],
        "input_gain_db": fault.LIMITER_DRIVE_DB,
        "ceiling_dbfs": fault.LIMITER_CEILING_DBFS,
        "lookahead_ms": 1000.0 * LOOKAHEAD_SAMPLES / SAMPLE_RATE_HZ,
        "max_gain_reduction_db": round(float(reduction_db.max()), 3),
        "chorus_95th_percentile_gain_reduction_db": round(float(np.percentile(reduction_db[chorus], 95)), 3),
        "chorus_share_above_1_db": round(float(np.mean(reduction_db[chorus] > _WORKING_DB)), 4),
        "sample_peak_before_dbfs": _decibels(float(np.abs(bus).max())),
        "sample_peak_after_dbfs": _decibels(float(np.abs(mix).max())),
    }


def _clipped_snare(snare: Signal) -> dict[str, Any]:
    """Count the samples at the stem's own ceiling, and the unbroken runs of them."""
    peak = float(np.abs(snare[0]).max())
    flat = np.abs(snare[0]) >= peak - 1.5 * QUANTUM
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat.astype(np.int8), [0]))))
    lengths = edges[1::2] - edges[::2]
    return {
        "stems": ["Snare Top"],
        "overdrive_db": fault.SNARE_OVERDRIVE_DB,
        "recorded_ceiling_dbfs": fault.SNARE_CEILING_DBFS,
        "ceiling_dbfs": _decibels(peak),
        "clipped_samples": int(flat.sum()),
        "flat_tops_of_3_or_more": int((lengths >= 3).sum()),
        "longest_flat_top_samples": int(lengths.max()),
    }


def _decibels(value: float) -> float:
    return round(20.0 * float(np.log10(max(value, 1e-12))), 3)
