"""The frequency response of the bus and its gain over time, from cross spectra of sum and mix.

Every cell of time and frequency is modelled as M = g_t h_b S: a gain over time times a response. Both are found by
alternating least squares in which every cell counts by how well it fits (iteratively reweighted, so that what does
fit decides): moments at which a limiter moves within the window, or in which the mix holds what the stems do not, bend
neither the response nor the gain of the others. The scale is set so that g is 1 where the bus takes nothing away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp.stems.bus_sums import CROSS_IM, CROSS_RE, MIX_POWER, POWER, BusSums
from dsp.units import Curve

ComplexCurve = npt.NDArray[np.complex128]
#: Frames the response is found from, spread over the song, and rounds of reweighting.
MOST_FRAMES, ROUNDS = 1500, 16
#: Frames looked at together.
AT_ONCE = 1024
#: A cell that fits better than this share of its power counts no more for it (-36 dB: what windows themselves leave).
FLOOR = 2.5e-4
#: Frames come in runs of so many; a long window (Hann, 400 ms) sees so much of the frames around it.
RUN, LONG = 20, np.hanning(9)[1:-1] ** 2 / float((np.hanning(9) ** 2).sum())
#: The short windows alone tell the gain where they hold this share of the information.
SHORT_SHARE = 0.05
#: Cells around which the gain moves by more than this (dB) count less for the response; what still moves there may bend
#: it by this share.
STEADY_DB, BENT = 0.15, 0.7
#: Cells and frames so far below the mean hold nothing to judge (power ratios).
QUIET_CELL, QUIET_FRAME = 1e-8, 1e-4
#: Share of the good frames whose gain lies above "nothing taken away".
TOP = 0.95
#: Delays looked for (s).
MOST_DELAY_S = 0.045


@dataclass(frozen=True)
class Response:
    """What the bus did to the spectrum and, every 50 ms, to the level.

    `gain` is the complex response of every group (the constant gain and polarity included, the delay too), `error_db`
    how sure it is (one standard deviation; infinite where nothing sounds). `frame_gain` is 1 where nothing is taken
    away, NaN where nothing sounds; `frame_left` is the share of a frame's power that gain and response leave.
    """

    gain: ComplexCurve
    error_db: Curve
    power: Curve  #: mean power of the sum in every group
    frame_gain: Curve
    frame_left: Curve
    frame_power: Curve


@dataclass(frozen=True)
class _Cells:
    """Cells of time and frequency: powers of sum and mix, mix times conjugate sum; `at` numbers the frames."""

    at: npt.NDArray[np.intp]
    p: Curve
    q: Curve
    x: ComplexCurve
    split: int  #: groups before this one are seen through long windows

    @classmethod
    def of(cls, sums: BusSums, at: npt.NDArray[np.intp], least: float) -> _Cells:
        """Those of some frames; what is not above `least` is too quiet to be judged, and silent."""
        spectra = sums.spectra[at].astype(np.float64)
        p, q = spectra[:, POWER], spectra[:, MIX_POWER]
        heard = (p > least) & (q > 0.0)
        x = spectra[:, CROSS_RE] + 1j * spectra[:, CROSS_IM]
        return cls(at, np.where(heard, p, 0.0), np.where(heard, q, 0.0), np.where(heard, x, 0.0), sums.split)

    def spread(self, gains: Curve) -> Curve:
        """The gain of every cell: a long window sees its average over eight frames."""
        place = self.at - self.at[0]
        smooth, there = np.zeros((2, int(place[-1]) + len(LONG)))
        smooth[place], there[place] = gains, 1.0
        smooth = np.convolve(smooth, LONG, mode="same") / np.maximum(np.convolve(there, LONG, mode="same"), 1e-9)
        out = np.empty(self.p.shape)
        out[:, : self.split], out[:, self.split :] = smooth[place, None], gains[:, None]
        return out

    def unsteady(self, gains: Curve) -> Curve:
        """How much the gain moves around every cell, within its window and the next (dB, standard deviation)."""
        place = self.at - self.at[0]
        level, there = np.zeros((2, int(place[-1]) + 9))
        level[place], there[place] = 20.0 * np.log10(np.clip(gains, 1e-3, 1e3)), 1.0
        out = np.empty(self.p.shape)
        for part, frames in ((slice(0, self.split), 9), (slice(self.split, None), 3)):
            ones = np.ones(frames)
            known = np.maximum(np.convolve(there, ones, mode="same"), 1.0)
            mean = np.convolve(level, ones, mode="same") / known
            spread = np.convolve(level**2, ones, mode="same") / known - mean**2
            out[:, part] = np.sqrt(np.maximum(spread, 0.0))[place, None]
        return out

    def weights(self, g: Curve, h: ComplexCurve) -> tuple[Curve, Curve]:
        """What every cell counts in least squares, and the power that the model leaves in it."""
        model = g * h
        left = np.maximum(self.q - 2.0 * (model.conj() * self.x).real + np.abs(model) ** 2 * self.p, 0.0)
        return np.divide(1.0, left + FLOOR * self.q, out=np.zeros_like(left), where=self.q > 0), left

    def frame_gains(self, h: ComplexCurve, weight: Curve) -> Curve:
        """Gains over time, of the short windows where these hear anything."""
        below = weight * np.abs(h) ** 2 * self.p
        above = weight * (h.conj() * self.x).real
        short = below[:, self.split :].sum(axis=1)
        all_below, all_above = below.sum(axis=1), above.sum(axis=1)
        enough = short > SHORT_SHARE * all_below
        all_below = np.where(enough, short, all_below)
        all_above = np.where(enough, above[:, self.split :].sum(axis=1), all_above)
        return np.asarray(np.divide(all_above, all_below, out=np.ones(len(short)), where=all_below > 0))

    def group_gains(self, g: Curve, weight: Curve) -> ComplexCurve:
        """The response that fits these gains."""
        below = (weight * g**2 * self.p).sum(axis=0)
        above = (weight * g * self.x).sum(axis=0)
        out = np.zeros(len(below), dtype=np.complex128)
        return np.asarray(np.divide(above, below, out=out, where=below > 0))

    def errors(self, g: Curve, h: ComplexCurve, weight: Curve, left: Curve) -> Curve:
        """Standard deviation of every group's gain in dB, from what the model leaves (windows overlap by half)."""
        below = (weight * g**2 * self.p).sum(axis=0)
        noise = (weight**2 * g**2 * self.p * left).sum(axis=0)
        size = np.abs(h) * below
        share = np.divide(np.sqrt(2.0 * noise), size, out=np.full(len(h), np.inf), where=size > 0)
        return np.asarray(20.0 / np.log(10.0) * share)

    def bias(self, g: Curve, weight: Curve, moving: Curve) -> Curve:
        """How far a moving gain may have bent every group (dB): what it moves by in the cells that decide."""
        known = weight * g**2 * self.p
        total = known.sum(axis=0)
        power = np.divide((known * moving**2).sum(axis=0), total, out=np.full(len(total), np.inf), where=total > 0)
        return np.asarray(BENT * np.sqrt(power))


def response(sums: BusSums) -> Response | None:
    """The response and the gain over time; None where sum or mix are silent."""
    frame_power = sums.spectra[:, POWER].sum(axis=1, dtype=np.float64)
    if not frame_power.max(initial=0.0) > 0.0 or not sums.spectra[:, MIX_POWER].max(initial=0.0) > 0.0:
        return None
    loud = frame_power > QUIET_FRAME * frame_power.mean()
    at = np.flatnonzero(loud)
    least = QUIET_CELL * float(frame_power.mean()) / max(len(sums.groups.hz), 1)
    at = at[(at // RUN) % -(-len(at) // MOST_FRAMES) == 0] if len(at) > MOST_FRAMES else at
    cells = _Cells.of(sums, at, least)
    total = cells.p.sum(axis=0)
    h = np.divide(cells.x.sum(axis=0), total, out=np.zeros(len(total), dtype=np.complex128), where=total > 0)
    g: Curve = np.ones(cells.p.shape)
    moving: Curve = np.zeros(cells.p.shape)
    weight, left = cells.weights(g, h)
    for _ in range(ROUNDS):
        own = cells.frame_gains(h, weight)
        g, moving = cells.spread(own), cells.unsteady(own)
        h = cells.group_gains(g, weight / (1.0 + (moving / STEADY_DB) ** 2))
        weight, left = cells.weights(g, h)
    weight = weight / (1.0 + (moving / STEADY_DB) ** 2)
    error = np.hypot(cells.errors(g, h, weight, left), cells.bias(g, weight, moving))
    # of all frames, with the response as it is
    gains, frame_left = np.ones((2, len(frame_power)))
    for start in range(0, len(frame_power), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        cells = _Cells.of(sums, np.arange(len(frame_power))[part], least)
        g = np.ones(cells.p.shape)
        for _ in range(3):
            gains[part] = cells.frame_gains(h, cells.weights(g, h)[0])
            g = cells.spread(gains[part])
        remains, mix = cells.weights(g, h)[1].sum(axis=1), cells.q.sum(axis=1)
        frame_left[part] = np.divide(remains, mix, out=np.ones(len(mix)), where=mix > 0)
    power = sums.spectra[:, POWER].mean(axis=0, dtype=np.float64)
    scale = reference_gain(gains[loud], frame_left[loud])
    gains[~loud] = np.nan
    return Response(h * scale, error, power, gains / scale, frame_left, frame_power)


def reference_gain(gains: Curve, left: Curve) -> float:
    """The gain at which the bus takes nothing away: the top of those frames that fit best."""
    good = gains[left <= max(10 * FLOOR, float(np.median(left)))]
    return float(np.quantile(good if len(good) else gains, TOP)) or 1.0


def lag(cross: ComplexCurve, sample_rate: int, size: int) -> tuple[int, float]:
    """Whole samples that the mix comes late, and the polarity (+1 or -1), from the cross spectrum of the whole file.

    Half whitened, so that neither the bass nor the hiss decides.
    """
    import scipy.fft

    level = np.abs(cross)
    if not level.max(initial=0.0) > 0.0:
        return 0, 1.0
    whitened = cross / np.sqrt(level + 1e-6 * level.max())
    correlation = scipy.fft.irfft(whitened, size)
    reach = min(round(MOST_DELAY_S * sample_rate), size // 2 - 1)
    around = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
    at = int(np.abs(around).argmax())
    return at - reach, float(np.sign(around[at]) or 1.0)


def minimum_phase(hz: Curve, level: Curve, rate: float, size: int = 16_384) -> tuple[Curve, ComplexCurve]:
    """Frequencies and the minimum-phase response of magnitudes given at some frequencies (cepstral method)."""
    grid = np.fft.rfftfreq(size, 1.0 / rate)
    log_level = np.interp(np.log(np.maximum(grid, hz[0] / 2)), np.log(hz), np.log(level))
    cepstrum = np.fft.irfft(log_level, size)
    fold = np.zeros(size)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    return grid, np.exp(np.fft.rfft(cepstrum * fold))
