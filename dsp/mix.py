"""Mix: all that was measured of a mix; what a check receives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dsp.audio import Source
from dsp.encoded import Encoded
from dsp.findings import Measurement
from dsp.meters.bands import FRAME_HOPS, NOMINAL_HZ
from dsp.meters.bank import MeterBank, Readings
from dsp.meters.base import HOPS_PER_BLOCK, hop_samples
from dsp.meters.limiting import LimiterEvidence, limiter_evidence, probability, why_unknown
from dsp.meters.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_HOPS, OFFSET_LU, RELATIVE_GATE_LU
from dsp.meters.windows import window_sums
from dsp.profile import load_limiter_model
from dsp.session import SessionFacts
from dsp.stems.alone import Alone, StemInput
from dsp.stems.lockstep import Lockstep
from dsp.stems.model import Stems, Unusable
from dsp.stems.roles import assign
from dsp.units import Curve, Samples, from_power_db, power_db_curve


@dataclass(frozen=True)
class Mix:
    """A mix as measured: where it came from, every reading, and what it is compared with.

    `encoded` is None where no codec was run, `stems` where none were given, `session` where it is no session's render.
    """

    source: Source
    readings: Readings
    references: tuple[Mix, ...] = ()
    encoded: tuple[Encoded, ...] | None = None
    stems: Stems | None = None
    session: SessionFacts | None = None

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


#: A track of a lockstep measurement: what is known of it, and its blocks of `block_frames` (only the last shorter).
Track = tuple[StemInput, Iterable[Samples]]


def measure_with_stems(
    source: Source,
    blocks: Iterable[Samples] | None,
    stems: Sequence[Track],
    *,
    references: Mapping[str, Iterable[Samples]] | None = None,
    roles: Mapping[str, str] | None = None,
    unusable: Sequence[Unusable] = (),
    expected_s: float = 0.0,
    elsewhere: Callable[[int], Mapping[str, Alone]] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Mix:
    """Measure a mix and its stems in lockstep; with `blocks` None the mix is the sum of the stems.

    All tracks have the rate of the mix and are cut into blocks of half a second (50 hops of 10 ms), the last shorter;
    what is shorter than the longest is followed by silence. `references` may be versions of the same mix. `roles` are
    the user's own, by the name of the stem. `elsewhere` gives what was measured of each stem alone (by a process),
    when asked for that of so many frames. `progress` is told how many frames are done.

    Raises UsageError for a role or a stem in `roles` that does not exist.
    """
    others = dict(references or {})
    lockstep = Lockstep(
        source.sample_rate, source.channels, [s for s, _ in stems],
        summed=blocks is None, elsewhere=elsewhere is not None, references=tuple(others), expected_s=expected_s,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as beside:
        bank, done = MeterBank(source), 0
        for own, stem_blocks, reference_blocks in rows(
            lockstep.block_frames, source.channels, blocks, stems, list(others.values())
        ):
            measured = beside.submit(bank.process, own) if own is not None else None
            frames = stem_blocks[0].shape[1]
            mix = None if blocks is None else _filled(own, source.channels, frames)
            total = lockstep.process(stem_blocks, mix, reference_blocks)
            if blocks is None:
                bank.process(total)
            if measured:
                measured.result()
            done += frames
            if progress:
                progress(done)
    found = lockstep.finish(unusable, elsewhere(done) if elsewhere else None)
    return Mix(source, bank.finish(), stems=assign(found, roles or {}))


def rows(
    size: int,
    channels: int,
    blocks: Iterable[Samples] | None,
    stems: Sequence[Track],
    references: Sequence[Iterable[Samples]],
) -> Iterator[tuple[Samples | None, list[Samples], list[Samples]]]:
    """Blocks of the mix (as it is, None after its end), the stems in their places, the references, row by row.

    Stems and references are filled up with silence to the longest of mix and stems.
    """
    own = iter(()) if blocks is None else iter(blocks)
    tracks = [iter(_placed(b, s.offset_samples, size)) for s, b in stems]
    others = [iter(r) for r in references]
    while True:
        mix, given, beside = next(own, None), [next(t, None) for t in tracks], [next(r, None) for r in others]
        frames = max((b.shape[1] for b in (mix, *given) if b is not None), default=0)
        if not frames:
            return
        yield (
            mix,
            [_filled(b, s.channels, frames) for b, (s, _) in zip(given, stems, strict=True)],
            [_filled(b, channels, frames) for b in beside],
        )


def _filled(block: Samples | None, channels: int, frames: int) -> Samples:
    """The block cut or filled up with silence to so many frames."""
    if block is not None and block.shape[1] >= frames:
        return block[:, :frames]
    out = np.zeros((channels, frames), dtype=np.float32)
    if block is not None:
        out[:, : block.shape[1]] = block
    return out


def _placed(blocks: Iterable[Samples], offset: int, size: int) -> Iterator[Samples]:
    """The blocks of a track that starts `offset` frames after the mix (before it: negative), cut to `size` again."""
    if not offset:
        yield from blocks
        return
    held: Samples | None = None
    skip = max(0, -offset)
    for block in blocks:
        if held is None:
            held = np.zeros((len(block), max(0, offset)), dtype=np.float32)
        cut = min(skip, block.shape[1])
        skip -= cut
        held = np.concatenate([held, block[:, cut:]], axis=1)
        while held.shape[1] >= size:
            yield np.ascontiguousarray(held[:, :size])
            held = held[:, size:]
    if held is not None and held.shape[1]:
        yield np.ascontiguousarray(held)


def in_memory(samples: Samples, sample_rate: int) -> Iterator[Samples]:
    """Samples in blocks of half a second, as `measure_with_stems` wants them."""
    size = HOPS_PER_BLOCK * hop_samples(sample_rate)
    for start in range(0, samples.shape[1], size):
        yield np.ascontiguousarray(samples[:, start : start + size])
