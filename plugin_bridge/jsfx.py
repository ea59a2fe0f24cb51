"""A target's correction for REAPER: a JSFX effect holding the very sections, and an FX chain that loads it.

ReaEQ, which a corrected session gets (`plugin_bridge/sessions/reaper/eq.py`), bends its filters towards half the sample
rate. A JSFX effect is a text in a documented language, and an FX chain that names one is text as well. So the effect is
written, with the sections of every rate in it, and the chain refers to it.

Sources: "JSFX Programming", https://www.reaper.fm/sdk/js/js.php (sections, `spl(channel)`, `srate`, memory,
`loop`, `pdc_delay`); "State Chunk Definitions", https://github.com/ReaTeam/Doc (`BYPASS`, `<JS "folder/file" "name"`
and its 64 values). Numbers are written without exponents, which the language does not promise to read.

The effect was never run in REAPER: its code is run by a small interpreter in our tests, and compared there with the
response that was designed.
"""

from __future__ import annotations

from typing import Final

from dsp.correction.correction import Target
from dsp.correction.impulse import delay_samples, factor
from plugin_bridge.eq_formats_code import Rows, designs

#: The folder, below REAPER's Effects and FXChains folders, that both files belong in.
FOLDER: Final = "MixDiagnose"


def effect(target: Target, sample_rate: int) -> str:
    """The text of the .jsfx file: stereo, with its delay reported to REAPER so that earlier is possible too.

    At a rate there are no sections for, sound passes unchanged and the effect's window says so.
    """
    rates = designs(target, sample_rate)
    delayed = bool(delay_samples(target.moves))
    title = "".join(c if c.isprintable() else " " for c in target.name)
    parts = [
        _HEAD.format(
            title=title,
            factor=_number(factor(target.moves)),
            sections=len(rates[sample_rate]),
            delay_s=_number(delay_samples(target.moves) / sample_rate),
        ),
        *(_table(rate, rows) for rate, rows in rates.items()),
        _DELAY_INIT if delayed else "",
        _SAMPLE.format(channel=_DELAY_CHANNEL if delayed else "", end=_DELAY_END if delayed else ""),
        _GFX,
    ]
    return "".join(parts)


def chain(file_name: str) -> str:
    """The text of the .RfxChain that loads an effect from `FOLDER` in REAPER's Effects folder."""
    return f'BYPASS 0 0 0\n<JS "{FOLDER}/{file_name}" ""\n  {" ".join("-" * 64)}\n>\nWAK 0 0\n'


def _table(rate: int, rows: Rows) -> str:
    lines = [f"srate == {rate} ? (", "  ready = 1;"]
    for number, (b0, b1, b2, a0, a1, a2) in enumerate(rows):
        five = [b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0]
        lines += [f"  k[{5 * number + i}] = {_number(value)};" for i, value in enumerate(five)]
    return "".join(f"{line}\n" for line in [*lines, ");"])


def _number(value: float) -> str:
    """A number without an exponent, to 20 places: coefficients reach down to about 1e-8."""
    return f"{value:.20f}"


# Memory: k holds five coefficients a section, z two states a section and channel, then come the taps and lines of
# the delay. It is all zero when @init runs.
_HEAD: Final = """desc:MixDiagnose correction of {title}
in_pin:left
in_pin:right
out_pin:left
out_pin:right

@init
factor = {factor};
sections = {sections};
delay_s = {delay_s};
k = 0;
z = k + 5 * sections;
free = z + 4 * sections;
ready = 0;
"""

# The shift is interpolated by a sinc under a Blackman window, 64 samples either way; it is later by "early"
# samples than it should be, which REAPER is told of and makes up for.
_DELAY_INIT: Final = """
shift = delay_s * srate;
nearest = floor(shift + 0.5);
abs(shift - nearest) < 0.001 ? ( shift = nearest; );
fraction = shift - floor(shift);
reach = fraction > 0 ? 64 : 0;
taps = 2 * reach + 1;
early = max(0, reach - floor(shift));
base = floor(shift) + early - reach;
h = free;
h[0] = 1;
i = 0;
reach > 0 ? loop(taps,
  u = i - reach - fraction;
  w = $pi * u / (reach + 1);
  h[i] = sin($pi * u) / ($pi * u) * (0.42 + 0.5 * cos(w) + 0.08 * cos(2 * w));
  i += 1;
);
size = base + taps + 1;
line = h + taps;
at = 0;
ready ? (
  pdc_delay = early;
  pdc_bot_ch = 0;
  pdc_top_ch = 2;
);
"""

_SAMPLE: Final = """
@sample
ready ? (
  c = 0;
  loop(2,
    x = spl(c) * factor;
    b = k;
    s = z + 2 * sections * c;
    loop(sections,
      y = b[0] * x + s[0];
      s[0] = b[1] * x - b[3] * y + s[1];
      s[1] = b[2] * x - b[4] * y;
      x = y;
      b += 5;
      s += 2;
    );
{channel}    spl(c) = x;
    c += 1;
  );
{end});
"""

_DELAY_CHANNEL: Final = """    d = line + size * c;
    d[at] = x;
    i = at - base;
    i < 0 ? ( i += size; );
    x = 0;
    n = 0;
    loop(taps,
      x += h[n] * d[i];
      n += 1;
      i -= 1;
      i < 0 ? ( i += size; );
    );
"""

_DELAY_END: Final = """  at += 1;
  at >= size ? ( at = 0; );
"""

_GFX: Final = """
@gfx 420 24
gfx_r = gfx_g = gfx_b = 0.8;
gfx_x = gfx_y = 4;
ready ? gfx_drawstr("applied") : gfx_drawstr("no filters for this sample rate: sound passes unchanged");
"""
