"""Lockstep: the mix, its stems and its references measured together, block by block, in one pass.

All tracks are cut at the same samples, so their spectra can be multiplied: the power of the mix without a stem is
P_mix - 2 Re S_im + P_i whatever the phases, the sum of the stems has the sum of their spectra, and the bus is what
turned that sum into the mix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dsp.meters.bands import SPLIT
from dsp.meters.dynamics import dynamics
from dsp.meters.level import LevelMeter
from dsp.meters.rows import Rows, paged
from dsp.meters.spectrum import BandGram, BandGramMeter, banded
from dsp.meters.stereo import band_stereo
from dsp.stems.alone import Alone, AloneMeters, StemInput
from dsp.stems.bus_meter import BusMeter
from dsp.stems.model import Reference, Stem, StemReadings, Stems, Unusable
from dsp.stems.sketch import SketchMeter
from dsp.units import Samples

Spectra: TypeAlias = npt.NDArray[np.complex64]
#: Of the short and of the long windows.
Both: TypeAlias = tuple[Spectra, Spectra]
Work: TypeAlias = Callable[[], None]
#: Tracks measured at once.
THREADS = 2


class _Cross:
    """Band sums over time of one track times the conjugates of others: (frames, others, 2, bands)."""

    def __init__(self, meter: BandGramMeter, others: int) -> None:
        self._meter, self._others = meter, others
        self._short, self._long = Rows(), Rows()

    def add(self, own: Both, conjugates: Sequence[Both]) -> None:
        """Spectra of the short and of the long windows, (frames, channels, bins), and the conjugates of the others'.

        A track of one channel is given the mean of the others' channels.
        """
        meter = self._meter
        for k, rows, weights in ((0, self._short, meter.short_weights), (1, self._long, meter.long_weights)):
            mine = own[k]
            if not len(mine):
                continue
            frames, channels, bins = mine.shape
            products = np.empty((frames, 2 * self._others, bins), dtype=np.float32)
            for j, other in enumerate(conjugates):
                product = mine[:, 0] * other[k][:, 0]
                if channels == 2:
                    product += mine[:, 1] * other[k][:, 1]
                products[:, 2 * j], products[:, 2 * j + 1] = product.real, product.imag
            if channels == 2:
                products *= np.float32(0.5)
            rows.append(banded(products, weights))

    def joined(self, frames: int) -> Samples:
        """Everything so far, of the first `frames` frames."""
        out: Samples = paged((frames, 2 * self._others, len(self._meter.band_hz)))
        for rows, bands in ((self._long, slice(0, SPLIT)), (self._short, slice(SPLIT, None))):
            start = 0
            for piece in rows.drain():
                kept = piece[: frames - start]
                out[start : start + len(kept), :, bands] = kept
                start += len(kept)
        return out.reshape(frames, self._others, 2, out.shape[2])


class _Track:
    """A band-gram meter with the spectra of the block it has just measured."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.gram = BandGramMeter(sample_rate, channels)
        self.spectra: Both = (np.empty((0, channels, 0), np.complex64), np.empty((0, channels, 0), np.complex64))

    def measure(self, block: Samples) -> None:
        """Measure a block of samples."""
        self.gram.process(block)
        self.keep()

    def keep(self) -> None:
        """Keep the spectra of the last block, in single precision."""
        self.spectra = (
            self.gram.short_spectra.astype(np.complex64),
            self.gram.long_spectra.astype(np.complex64),
        )


class _StemTrack(_Track):
    """One stem beside the others, and every meter that needs it alone unless that is measured elsewhere."""

    def __init__(self, stem: StemInput, sample_rate: int, others: int, alone: AloneMeters | None) -> None:
        super().__init__(sample_rate, stem.channels)
        self.stem, self.channels, self._alone = stem, stem.channels, alone
        self.cross = _Cross(self.gram, others)

    def measure(self, block: Samples) -> None:
        """Measure a block of samples with every meter."""
        if self._alone:
            self._alone.process(block)
        super().measure(block)

    def readings(self, gram: BandGram, alone: Alone | None) -> StemReadings:
        """Everything measured; `gram` is what the band-gram meter has given, `alone` what was measured elsewhere."""
        own = alone or (self._alone.finish() if self._alone else None)
        if own is None:
            raise ValueError(f"stem '{self.stem.name}' was to be measured elsewhere and was not")
        return StemReadings(
            level=own.level,
            loudness=own.loudness,
            true_peak=own.true_peak,
            clipping=own.clipping,
            glitches=own.glitches,
            dynamics=dynamics(own.loudness, own.true_peak),
            stereo=own.stereo,
            band_stereo=band_stereo(gram) if own.stereo else None,
            gram=gram,
            cross=self.cross.joined(len(gram.data)),
            sketch=own.sketch,
        )


class Lockstep:
    """Measures stems beside their mix. Feed blocks of `block_frames`; only the last may be shorter.

    `channels` are those of the mix, 1 or 2. `elsewhere` leaves out the meters that need no other track: what they read
    is then given to `finish`. Without a mix (`summed`) the sum of the stems is the mix. References are
    tracks of the same rate and channels.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        stems: Sequence[StemInput],
        *,
        summed: bool = False,
        elsewhere: bool = False,
        references: Sequence[str] = (),
        expected_s: float = 0.0,
    ) -> None:
        if channels not in (1, 2) or any(s.channels not in (1, channels) for s in stems):
            raise ValueError(f"expected stems of 1 or {channels} channels for a mix of {channels}, of 1 or 2")
        self._summed, self._names, self.channels, self._rate = summed, tuple(references), channels, sample_rate
        self._threads = 1 if elsewhere else THREADS
        self._stems = [
            _StemTrack(
                s, sample_rate, 2 + len(references), None if elsewhere else AloneMeters(s, sample_rate, expected_s)
            )
            for s in stems
        ]
        self._mix = _Track(sample_rate, channels)
        self._references = [_Track(sample_rate, channels) for _ in references]
        self._mix_sketch = SketchMeter(sample_rate, channels, expected_s)
        self._reference_sketches = [SketchMeter(sample_rate, channels, expected_s) for _ in references]
        self._sum_cross = _Cross(self._mix.gram, 1)
        self._sum_power = _Cross(self._mix.gram, 1)
        self._reference_cross = [_Cross(self._mix.gram, 1) for _ in references]
        self._bus = None if summed else BusMeter(sample_rate, 2 * channels)
        self._sum_level = None if summed else LevelMeter(sample_rate, channels)
        self._pool = ThreadPoolExecutor(max(1, THREADS - 1))
        self.block_frames = self._mix.gram.block_frames

    def process(
        self, stems: Sequence[Samples], mix: Samples | None = None, references: Sequence[Samples] = ()
    ) -> Samples:
        """Measure one block of every track, float32 of shape (channels, frames); returns the sum of the stems."""
        total = np.zeros((self.channels, stems[0].shape[1]), dtype=np.float32)
        for block in stems:
            total += block
        mix = total if mix is None else mix
        work: list[Work] = [partial(self._mix.measure, mix), partial(self._mix_sketch.process, mix)]
        work += [partial(t.measure, b) for t, b in zip(self._stems, stems, strict=True)]
        work += [partial(t.measure, b) for t, b in zip(self._references, references, strict=True)]
        work += [partial(s.process, b) for s, b in zip(self._reference_sketches, references, strict=True)]
        if self._sum_level is not None:
            work.append(partial(self._sum_level.process, total))
        if self._bus is not None:
            work.append(partial(self._bus.process, np.concatenate([total, mix])))
        self._all(work)
        if total.shape[1] == self.block_frames:
            self._multiply()
        return total

    def _all(self, work: Sequence[Work]) -> None:
        """Do all of it, in as many threads as there are, this one among them."""
        beside = [self._pool.submit(_each, work[k::THREADS]) for k in range(1, THREADS)]
        _each(work[::THREADS])
        for done in beside:
            done.result()

    def _multiply(self) -> None:
        """Multiply the spectra of the block that all tracks have just measured."""
        total = self._total()
        tracks = [self._mix.spectra, total, *(r.spectra for r in self._references)]
        others: list[Both] = [(s[0].conj(), s[1].conj()) for s in tracks]
        means: list[Both] = [(_mean(s[0]), _mean(s[1])) for s in others]
        work: list[Work] = [
            partial(t.cross.add, t.spectra, others if t.channels == self.channels else means) for t in self._stems
        ]
        work += [partial(self._sum_cross.add, total, others[:1]), partial(self._sum_power.add, total, others[1:2])]
        work += [
            partial(c.add, r.spectra, others[:1]) for c, r in zip(self._reference_cross, self._references, strict=True)
        ]
        self._all(work)

    def _total(self) -> Both:
        """Spectra of the sum of all stems, on every channel of the mix."""
        sums = []
        for k in (0, 1):
            frames, _, bins = self._mix.spectra[k].shape
            total = np.zeros((frames, self.channels, bins), np.complex64)
            for track in self._stems:
                total += track.spectra[k]
            sums.append(total)
        return sums[0], sums[1]

    def finish(self, unusable: Sequence[Unusable] = (), alone: Mapping[str, Alone] | None = None) -> Stems:
        """Everything measured; nothing can be measured afterwards. `alone` is what was measured elsewhere, by name."""
        mix = self._mix.gram.finish()
        grams = [t.gram.finish() for t in self._stems]
        references = [r.gram.finish() for r in self._references]
        for track in (self._mix, *self._stems, *self._references):
            track.keep()
        self._multiply()
        frames = len(mix.data)
        stems = []
        for track, gram in zip(self._stems, grams, strict=True):
            s = track.stem
            stems.append(
                Stem(
                    s.name, s.source, track.readings(gram, (alone or {}).get(s.name)),
                    offset_samples=s.offset_samples, frames=s.frames,
                    resampled_from_hz=s.resampled_from_hz, rate_hz=self._rate,
                )
            )  # fmt: skip
        self._pool.shutdown()
        return Stems(
            stems=tuple(stems),
            frame_s=mix.frame_s,
            band_hz=mix.band_hz,
            channels=self.channels,
            mix_power=_mean_power(mix.power),
            sum_power=np.maximum(self._sum_power.joined(frames)[:, 0, 0], 0.0),
            sum_cross=self._sum_cross.joined(frames)[:, 0],
            mix_sketch=self._mix_sketch.finish(),
            summed=self._summed,
            bus=self._bus.finish() if self._bus else None,
            sum_level=self._sum_level.finish() if self._sum_level else None,
            references=tuple(
                Reference(name, _mean_power(gram.power), cross.joined(frames)[:, 0], sketch.finish())
                for name, gram, cross, sketch in zip(
                    self._names, references, self._reference_cross, self._reference_sketches, strict=True
                )
            ),
            unusable=tuple(unusable),
        )


def _each(work: Sequence[Work]) -> None:
    for do in work:
        do()


def _mean(spectra: Spectra) -> Spectra:
    return np.asarray(spectra.mean(axis=1, keepdims=True))


def _mean_power(power: Samples) -> Samples:
    return np.asarray(power.mean(axis=1), dtype=np.float32)
