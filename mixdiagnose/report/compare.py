"""A mix beside its references, drawn with characters. Readable at 80 columns, without colour, and piped."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dsp.checks._beside import REMARKS, Judged, difference_of, short, tone_of
from dsp.diagnose import Report
from dsp.listening.deviations import hertz
from dsp.listening.reference import MONO_DB, region_tone, typical
from dsp.meters.bands import NOMINAL_HZ
from dsp.regions import REGIONS
from mixdiagnose.report.text import PLAIN_WIDTH, STYLE, TOLD, describe

#: Decibels a row of the plot may stand for, and the most rows on either side of its zero.
STEPS_DB, MOST_ROWS = (0.5, 1.0, 2.0, 3.0, 4.0), 5
#: Characters a reference's column is wide at most, and references that get one.
COLUMN, COLUMNS = 14, 2
#: Marks on the axis of the plot: nominal frequency (Hz) and what stands there.
MARKS = {31.5: "31", 63: "63", 125: "125", 250: "250", 500: "500", 1000: "1k", 2000: "2k", 4000: "4k", 8000: "8k"}
#: Readings shown, with their names for people.
SHOWN = {
    "integrated_lufs": ("Integrated loudness", "LUFS", "LU"),
    "loudness_range_lu": ("Loudness range", "LU", "LU"),
    "plr_db": ("PLR", "dB", "dB"),
    "psr_min_db": ("Lowest PSR", "dB", "dB"),
    "crest_db": ("Crest factor", "dB", "dB"),
    "side_ratio_db": ("Side over mid", "dB", "dB"),
}


def print_comparison(report: Report, judged: Judged, stream: TextIO) -> None:
    """Write a comparison for people; on anything but a terminal as plain lines of 80 columns."""
    blocks = (stream.encoding or "utf-8").lower().startswith("utf")
    if stream.isatty():
        draw_comparison(Console(file=stream, highlight=False, emoji=False, markup=False), report, judged, blocks)
        return
    plain = io.StringIO()
    console = Console(file=plain, width=PLAIN_WIDTH, highlight=False, emoji=False, markup=False)
    draw_comparison(console, report, judged, blocks)
    text = re.sub(r"[ \t]+$", "", plain.getvalue(), flags=re.MULTILINE)
    stream.write(text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8"))


def draw_comparison(console: Console, report: Report, judged: Judged, blocks: bool) -> None:
    """Draw a comparison on a console; `blocks` says whether it can show block characters."""
    names = ", ".join(short(i["name"]) for i in report.inputs if i["role"] == "reference")
    console.print(Text(short(report.inputs[0]["name"]), style="bold"))
    console.print(Text(f"beside {names}, judged as: {report.profile}", style="dim"))
    console.print()
    console.print(_headline(report, judged))
    for finding in report.findings:
        if finding.status in TOLD:
            head = Text(f"\n{finding.status.upper()}", style=STYLE[finding.status])
            console.print(head.append(f"  {finding.title}", style="bold"))
            console.print(Padding(Text(finding.message), (0, 0, 0, 2)))
            for fix in finding.fixes:
                console.print(Padding(Text(f"-> {describe(fix)}"), (0, 0, 0, 2)))
    if not judged.comparison.beside:
        return
    console.print()
    console.print(_readings(judged))
    if not judged.suiting:
        return
    tone = tone_of(judged)
    console.print(Text("\nTone, mix less reference, levels matched (dB)", style="bold"))
    for line in plot(list(tone.mean), blocks):
        console.print(Text(line), no_wrap=True, overflow="crop")
    console.print()
    console.print(_regions(judged))
    for b in judged.suiting:
        way = "up" if b.level_db >= 0 else "down"
        text = f"{short(b.name)}: turn it {way} {abs(b.level_db):.1f} dB to hear both equally loud"
        console.print(Text(f"{text}; zero of tone at {b.zero_db:+.1f} dB.", style="dim"))


def _headline(report: Report, judged: Judged) -> Text:
    suiting, others = len(judged.suiting), len(judged.comparison.beside) - len(judged.suiting)
    told = sum(bool(f.status in TOLD and f.title not in REMARKS) for f in report.findings)
    if any(f.status == "crashed" for f in report.findings):
        return Text("The comparison failed.", style="bold red")
    if not suiting:
        return Text("NOT COMPARED: no reference that suits.", style="bold yellow")
    references = "the reference" if suiting == 1 else f"{suiting} references that suit"
    rest = f" {others} not compared." if others else ""
    if told:
        return Text(f"{told} difference{'s' if told > 1 else ''} from {references}.{rest}", style="bold")
    return Text(f"Like {references} in tone, dynamics and width.{rest}", style="bold green")


def _readings(judged: Judged) -> Table:
    """Every reading of the mix and of the first references, and the difference where they are compared."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    shown = judged.comparison.beside[:COLUMNS]
    for label in ("", "this mix", *(_column(b.name) for b in shown), "difference"):
        table.add_column(label, justify="left" if not label else "right", no_wrap=True)
    for name, (label, unit, per) in SHOWN.items():
        own = judged.comparison.readings[name]
        cells = [_number(v, unit, "") for v in (own, *(b.readings[name] for b in shown))]
        difference = difference_of(judged, name)
        last = "" if difference is None else _number(difference[0], per, "+")
        if difference is not None and len(judged.suiting) > 1:
            last += f" +-{difference[1]:.1f}"
        table.add_row(label, *cells, last)
    return table


def _regions(judged: Judged) -> Table:
    tone, several = tone_of(judged), len(judged.suiting) > 1
    band_hz = judged.comparison.band_hz
    rows = typical([region_tone(band_hz, b.tone_db) for b in judged.suiting])
    width = typical([b.width_db for b in judged.suiting])
    mean = region_tone(band_hz, tone.mean)
    table = Table(box=None, padding=(0, 2, 0, 0))
    labels = ("region", "", "tone", *(("spread",) if several else ()), "width", "width of the mix")
    for label in labels:
        table.add_column(label, justify="left" if label == "region" else "right", no_wrap=True)
    for k, region in enumerate(REGIONS):
        own = float(judged.comparison.width_db[k])
        side = "mono" if own <= MONO_DB else _number(own, "dB side/mid", "")
        span = f"{hertz(region.low_hz)} to {hertz(region.high_hz)}"
        spread = [_number(float(rows.spread[k]), "dB", "")] if several else []
        table.add_row(
            region.label, span, _number(float(mean[k]), "dB", "+"),
            *spread, _number(float(width.mean[k]), "dB", "+"), side,
        )  # fmt: skip
    return table


def _number(value: float | None, unit: str, sign: str) -> str:
    return "n/a" if value is None or not math.isfinite(value) else f"{round(value, 1) + 0.0:{sign}.1f} {unit}"


def _column(name: str) -> str:
    last = short(name)
    return last if len(last) <= COLUMN else f"{last[: COLUMN - 3]}..."


def plot(values: Sequence[float], blocks: bool) -> list[str]:
    """A curve of third octaves around zero as lines of text, two characters a band; dots where there is no value.

    >>> for line in plot([0.0, 1.1, -2.0, float("nan")], blocks=False)[:5]:
    ...     print(line)
     +1.0    ##
     +0.5    ##
        0  ------..
     -0.5      ##
     -1.0      ##
    """
    known = [v for v in values if math.isfinite(v)]
    most = max((abs(v) for v in known), default=0.0)
    step = next((s for s in STEPS_DB if most <= s * (MOST_ROWS + 0.5)), STEPS_DB[-1])
    rows = [max(-MOST_ROWS, min(MOST_ROWS, round(v / step))) if math.isfinite(v) else None for v in values]
    filled, line = ("█", "─") if blocks else ("#", "-")
    top = max((r for r in rows if r is not None), default=0)
    low = min((r for r in rows if r is not None), default=0)
    out = []
    for row in range(max(top, 1), min(low, -1) - 1, -1):
        if row == 0:
            cells = ["." if r is None else line for r in rows]
        else:
            reached = [r is not None and (r >= row if row > 0 else r <= row) for r in rows]
            cells = [filled if r else " " for r in reached]
        label = f"{row * step:+.1f}" if row else "0"
        out.append(f"{label:>5}  {''.join(c * 2 for c in cells)}".rstrip())
    axis = [" "] * (2 * len(values) + 6)
    for hz, mark in {**MARKS, 16000: "16k"}.items():
        k = NOMINAL_HZ.index(hz)
        if k < len(values):
            axis[2 * k : 2 * k + len(mark)] = mark
    return [*out, (" " * 7 + "".join(axis)).rstrip()]
