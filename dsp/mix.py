"""Mix: all that was measured of a mix; what a check receives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dsp.audio import Source
from dsp.encoded import Encoded
from dsp.findings import Measurement
from dsp.meters.bands import NOMINAL_HZ
from dsp.meters.bank import MeterBank, Readings
from dsp.meters.limiting import LimiterEvidence, limiter_evidence, probability, why_unknown
from dsp.meters.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_HOPS, OFFSET_LU, RELATIVE_GATE_LU
from dsp.meters.spectrum import FRAME_HOPS
from dsp.meters.windows import window_sums
from dsp.profile import load_limiter_model
from dsp.units import Curve, Samples, from_power_db, power_db_curve


@dataclass(frozen=True)
class Mix:
    """A mix as measured: where it came from, every reading, and what it is compared with.

    `encoded` is None where no codec was run.
    """

    source: Source
    readings: Readings
    references: tuple[Mix, ...] = ()
    encoded: tuple[Encoded, ...] | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.readings.level.frames / self.source.sample_rate

    @property
    def silent(self) -> bool:
        """Whether there is nothing to judge: no samples, or digital silence."""
        return self.readings.level.sample_peak_dbfs is None

    @cached_property
    def loud_frames(self) -> npt.NDArray[np.bool_]:
        """Frames of the band-gram that pass the gates of integrated loudness."""
        loudness, frames = self.readings.loudness, len(self.readings.gram.data)
        power = np.pad(loudness.power, (MOMENTARY_HOPS // 2, MOMENTARY_HOPS // 2))
        momentary = (window_sums(power, MOMENTARY_HOPS) / MOMENTARY_HOPS)[::FRAME_HOPS][:frames]
        momentary = np.pad(momentary, (0, frames - len(momentary)))
        loud = momentary >= from_power_db(ABSOLUTE_GATE_LUFS - OFFSET_LU)
        if loud.any():
            loud &= momentary >= momentary[loud].mean() * from_power_db(RELATIVE_GATE_LU)
        return loud

    @cached_property
    def limiter(self) -> LimiterEvidence | None:
        """What the loudest moments say about a limiter on the mix bus; None for silence."""
        return limiter_evidence(self.readings.moments)

    @property
    def limiter_probability(self) -> float | None:
        """Probability of a limiter or clipper on the mix bus; None where the peaks say nothing about it."""
        evidence = self.limiter
        if evidence is None or why_unknown(evidence, self.duration_s, self.readings.level.crest_db):
            return None
        return probability(evidence, load_limiter_model(), self.duration_s, self.source.lossy)

    @cached_property
    def spectrum(self) -> Curve:
        """Long-term third-octave mean squares, gated like loudness, mean of all channels, shape (bands,)."""
        gram = self.readings.gram
        frames = self.loud_frames if self.loud_frames.any() else None
        return np.asarray(gram.long_term(frames)[: gram.channels].mean(axis=0))

    def measurements(self) -> tuple[Measurement, ...]:
        """The readings of the JSON contract, in its order; third octaves apart (`third_octaves`)."""
        r = self.readings
        stereo, dynamics = r.stereo, r.dynamics
        worst = stereo.correlation_min_at_s if stereo else None
        return (
            Measurement("integrated_lufs", r.loudness.integrated_lufs, "LUFS"),
            Measurement("max_momentary_lufs", r.loudness.max_momentary_lufs, "LUFS", r.loudness.max_momentary_at_s),
            Measurement("max_short_term_lufs", r.loudness.max_short_term_lufs, "LUFS", r.loudness.max_short_term_at_s),
            Measurement("loudness_range_lu", r.loudness.loudness_range_lu, "LU"),
            Measurement("true_peak_dbtp", r.true_peak.max_dbtp, "dBTP", r.true_peak.at_s),
            Measurement("sample_peak_dbfs", r.level.sample_peak_dbfs, "dBFS", r.level.sample_peak_at_s),
            Measurement("rms_dbfs", r.level.rms_dbfs, "dBFS"),
            Measurement("crest_db", r.level.crest_db, "dB"),
            Measurement("plr_db", dynamics.plr_db, "dB"),
            Measurement("psr_min_db", dynamics.psr_min_db, "dB", dynamics.psr_min_at_s),
            Measurement("dr", r.dynamic_range, "dB"),
            Measurement("correlation", stereo.correlation if stereo else None, ""),
            Measurement("correlation_min", stereo.correlation_min if stereo else None, "", worst),
            Measurement("side_ratio_db", stereo.side_ratio_db if stereo else None, "dB"),
            Measurement("mono_loss_db", stereo.mono_loss_db if stereo else None, "dB"),
            Measurement("dc_offset_db", r.level.dc_offset_db, "dBFS"),
            Measurement("balance_db", r.level.balance_db, "dB"),
            Measurement("clipped_runs", r.clipping.runs, "runs"),
            Measurement("limiter_probability", self.limiter_probability, ""),
        )

    def third_octaves(self) -> tuple[tuple[float, ...], tuple[float | None, ...]]:
        """Nominal band frequencies in Hz and the gated long-term level of each in dB (mean square)."""
        levels = power_db_curve(self.spectrum)
        return (
            tuple(float(f) for f in NOMINAL_HZ[: len(levels)]),
            tuple(float(v) if np.isfinite(v) else None for v in levels),
        )


def measure(source: Source, blocks: Iterable[Samples]) -> Mix:
    """Measure a programme from its blocks of float32 samples, shape (channels, frames)."""
    bank = MeterBank(source)
    for block in blocks:
        bank.process(block)
    return Mix(source, bank.finish())
