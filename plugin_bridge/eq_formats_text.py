"""A target's correction in the text forms of parametric equalisers: Equalizer APO and AutoEq.

Both design their filters themselves, as biquads from the Audio EQ Cookbook (R. Bristow-Johnson), with the same
frequency, gain and Q that ours are matched to: alike up to a few kHz, narrower than ours near the top. What a
form has no words for is returned beside its text.

Sources: Equalizer APO, "Configuration reference" (https://sourceforge.net/p/equalizerapo/wiki/Configuration%20reference/)
for `Preamp`, `Copy`, `Delay` and `Filter`, and its filters/BiQuadFilterFactory.cpp, BiQuad.cpp, CopyFilterFactory.cpp
and DelayFilter.cpp for what they do: `LSC`/`HSC ... Q` is the cookbook's shelf about its middle frequency (`LS`/`HS`
would move it), the very first versions ignored that Q; `Delay` is rounded to a sample of the device; a frequency with
exactly three decimals is taken for thousands, so two are written. AutoEq: its `ParametricEQ.txt`
(https://github.com/jaakkopasanen/AutoEq) and the readers of it, such as PipeWire's module-parametric-equalizer
(https://docs.pipewire.org/page_module_parametric_equalizer.html), which know `Preamp`, `PK`, `LSC` and `HSC` only.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dsp.correction.correction import Target
from dsp.correction.impulse import delay_samples
from dsp.findings import EqMove
from dsp.stems.attribution import eq_prototypes


class TextForm(NamedTuple):
    """The text of a form, and in words what it could not hold."""

    text: str
    left_out: tuple[str, ...]


_SHELVES_AND_BELL: Final = {"bell": "PK", "low-shelf": "LSC", "high-shelf": "HSC"}
_PASSES: Final = {"high-pass": "HPQ", "low-pass": "LPQ", "high-pass-24": "HPQ", "low-pass-24": "LPQ"}
# A delay this close to a whole sample is one: a thousandth of a sample is 0.02 microseconds.
_WHOLE_SAMPLES: Final = 1e-3


def equalizer_apo(target: Target, sample_rate: int) -> TextForm:
    """A configuration for Equalizer APO; `sample_rate` (Hz) is the one the target's delay is counted in.

    Polarity is switched on the left and the right channel. A delay is in ms, so that it holds at any rate.
    """
    lines: list[str] = []
    left_out: list[str] = []
    if target.gain_db:
        lines.append(f"Preamp: {target.gain_db:.2f} dB")
    if target.inverted:
        lines.append("Copy: L=-1.0*L R=-1.0*R")
    delay = delay_samples(target.moves)
    if delay < 0.0:
        left_out.append(f"{delay_in_words(delay, sample_rate)}: Equalizer APO can only delay")
    elif delay:
        lines.append(f"Delay: {1000.0 * delay / sample_rate:.6f} ms")
        fraction = delay - round(delay)
        if abs(fraction) > _WHOLE_SAMPLES:
            left_out.append(f"{fraction:+.3f} samples of the delay: Equalizer APO delays by whole samples")
    lines += _numbered([line for band in target.bands for line in _apo_filters(band)])
    return TextForm(_joined(lines), tuple(left_out))


def autoeq(target: Target, sample_rate: int) -> TextForm:
    """The same as AutoEq's ParametricEQ.txt: a level, bells and shelves; anything else is left out."""
    lines = [f"Preamp: {target.gain_db:.2f} dB"]
    lines += _numbered([_filter(_SHELVES_AND_BELL[b.kind], b) for b in target.bands if b.kind in _SHELVES_AND_BELL])
    left_out = [band_in_words(b) for b in target.bands if b.kind not in _SHELVES_AND_BELL]
    if target.inverted:
        left_out.append("the switch of polarity")
    if delay := delay_samples(target.moves):
        left_out.append(delay_in_words(delay, sample_rate))
    return TextForm(_joined(lines), tuple(f"{what}: ParametricEQ.txt has no word for it" for what in left_out))


def band_in_words(band: EqMove) -> str:
    """A band for people, such as "high-pass at 80 Hz"."""
    return f"{band.kind} at {band.frequency_hz:.5g} Hz"


def delay_in_words(samples: float, sample_rate: int) -> str:
    """A shift in time for people."""
    way = "earlier" if samples < 0.0 else "later"
    return f"{abs(samples):.3f} samples ({1000.0 * abs(samples) / sample_rate:.3f} ms) {way}"


def _apo_filters(band: EqMove) -> list[str]:
    if band.kind in _SHELVES_AND_BELL:
        return [_filter(_SHELVES_AND_BELL[band.kind], band)]
    if band.kind == "notch":
        return [f"NO Fc {band.frequency_hz:.2f} Hz Q {band.q:.4f}"]
    # A pass of 24 dB per octave is two of 12 whose q differ; each prototype ends in s^2 + s/q + 1.
    qs = [1.0 / below[1] for _, below in eq_prototypes(band)]
    return [f"{_PASSES[band.kind]} Fc {band.frequency_hz:.2f} Hz Q {q:.4f}" for q in qs]


def _filter(word: str, band: EqMove) -> str:
    return f"{word} Fc {band.frequency_hz:.2f} Hz Gain {band.gain_db:.2f} dB Q {band.q:.4f}"


def _numbered(filters: list[str]) -> list[str]:
    return [f"Filter {number}: ON {text}" for number, text in enumerate(filters, 1)]


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
