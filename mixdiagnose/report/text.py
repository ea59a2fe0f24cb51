"""The terminal report: a good engineer's note. Readable at 80 columns, without colour, and piped."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dsp.checks import all_checks, find_check
from dsp.diagnose import Report, TimeCurve
from dsp.findings import Advice, DelayMove, EqMove, Finding, Fix, GainMove, PanMove, PolarityMove, RemoveDevice, Status
from mixdiagnose.report.platforms import platforms_table
from mixdiagnose.report.plots import bars, downsample
from mixdiagnose.report.session import gain_table
from mixdiagnose.report.stems import causes, stems_table

if TYPE_CHECKING:
    from dsp.checks import Check

#: Colour of each status; the word stands beside it, so nothing depends on it.
STYLE: dict[Status, str] = {
    "problem": "bold red",
    "crashed": "bold red",
    "warning": "yellow",
    "undetermined": "magenta",
    "info": "cyan",
    "pass": "green",
    "skipped": "dim",
}
#: Width where none can be known (a pipe or a file).
PLAIN_WIDTH = 80
#: What is told at length; the rest is in the checklist.
TOLD = ("problem", "crashed", "warning", "undetermined", "info")

#: Checks whose answer is worth reading when nothing is wrong as well.
ANSWERS = ("frequency-balance", "mastering-forecast", "codec-peaks", "platforms", "masking", "vocal-level", "stem-sum")

#: Readings shown, with their names for people.
SHOWN = (
    ("integrated_lufs", "Integrated loudness"),
    ("loudness_range_lu", "Loudness range"),
    ("max_short_term_lufs", "Loudest 3 s"),
    ("max_momentary_lufs", "Loudest 400 ms"),
    ("true_peak_dbtp", "True peak"),
    ("sample_peak_dbfs", "Sample peak"),
    ("crest_db", "Crest factor"),
    ("plr_db", "PLR"),
    ("psr_min_db", "Lowest PSR"),
    ("dr", "DR"),
    ("correlation", "Correlation"),
    ("mono_loss_db", "Lost in mono"),
)


def print_report(report: Report, stream: TextIO) -> None:
    """Write a report for people; on anything but a terminal as plain lines of 80 columns."""
    plots = (stream.encoding or "utf-8").lower().startswith("utf")
    if stream.isatty():
        draw_report(Console(file=stream, highlight=False, emoji=False, markup=False), report, plots)
        return
    plain = io.StringIO()
    console = Console(file=plain, width=PLAIN_WIDTH, highlight=False, emoji=False, markup=False)
    draw_report(console, report, plots)
    text = re.sub(r"[ \t]+$", "", plain.getvalue(), flags=re.MULTILINE)
    stream.write(text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8"))


def draw_report(console: Console, report: Report, plots: bool) -> None:
    """Draw a report on a console; `plots` needs block characters."""
    console.print(_header(report))
    console.print()
    console.print(_verdict(report))
    for finding in report.findings:
        if finding.status in TOLD:
            console.print()
            _print_finding(console, finding)
    answers = [f for f in report.findings if f.check in ANSWERS and f.status == "pass"]
    if answers:
        console.print(Text("\nAlso", style="bold"))
    for finding in answers:
        console.print(Padding(Text(finding.message), (0, 0, 0, 2)))
    if report.profile == "master" and (services := platforms_table(report)) is not None:
        console.print()
        console.print(services)
    console.print()
    console.print(_readings(report))
    if report.stems:
        console.print()
        console.print(stems_table(report, plots))
    if report.session:
        console.print()
        console.print(gain_table(report.session))
    if plots:
        _print_plots(console, report)
    if report.second_opinion:
        console.print()
        _print_opinions(console, report)
    console.print()
    console.print(_checklist(report))
    if report.scores:
        words = "   ".join(f"{name} {s.score} ({s.grade})" for name, s in report.scores.items())
        console.print(Text(f"\nScores   {words}"))
    console.print(Text("\nmixdiagnose explain ID says what a check measures and why it matters.", style="dim"))


def _header(report: Report) -> Text:
    source = report.inputs[0]
    seconds = round(source["duration_s"])
    depth = "lossy" if source["bit_depth"] is None else f"{source['bit_depth']} bit"
    text = Text(source["name"], style="bold")
    what = f"{report.session.format} session, rendered at" if report.session else f"{source['container']} {depth},"
    text.append(f"\n{what} {source['sample_rate'] / 1000:g} kHz, {source['layout']}, ", "dim")
    text.append(f"{seconds // 60}:{seconds % 60:02d}, judged as: {report.profile}", "dim")
    if source["partial"]:
        text.append(f"\nPARTIAL: {source['partial']}", style="bold red")
    return text


def _verdict(report: Report) -> Text:
    counts = {s: sum(f.status == s for f in report.findings) for s in ("problem", "crashed", "warning", "undetermined")}
    plural = {"problem": "problems", "warning": "warnings", "crashed": "crashed checks"}
    said = ", ".join(f"{n} {plural.get(s, s) if n != 1 else s}" for s, n in counts.items() if n) or "nothing to mend"
    goal = "release" if report.profile == "master" else "mastering"
    if report.ready and len(report.checklist) < len(all_checks()):
        few = f"{len(report.checklist)} of {len(all_checks())} checks"
        return Text(f"No problem in {few}: {said}.", style="bold green")
    if report.ready:
        return Text(f"READY for {goal}: {said}.", style="bold green")
    return Text(f"NOT READY for {goal}: {said}.", style="bold red")


def _print_finding(console: Console, finding: Finding) -> None:
    head = Text(finding.status.upper(), style=STYLE[finding.status])
    head.append(f"  {finding.title}", style="bold")
    head.append(f"  [{finding.check}]", style="dim")
    console.print(head)
    console.print(Padding(Text(finding.message), (0, 0, 0, 2)))
    if cause := causes(finding):
        console.print(Padding(Text("Cause: ").append(cause, style="bold"), (0, 0, 0, 2)))
    if finding.status in ("problem", "warning"):
        for word, text in (("May mean", finding.means), ("Listen", finding.listen)):
            if text:
                console.print(Padding(Text(f"{word}: {text}", style="dim"), (0, 0, 0, 2)))
    for line in dict.fromkeys(describe(fix) for fix in finding.fixes):
        console.print(Padding(Text(f"-> {line}"), (0, 0, 0, 2)))


def describe(fix: Fix) -> str:
    """A fix in words."""
    match fix:
        case Advice(text):
            return text
        case GainMove(target, gain_db):
            return f"{target}: {gain_db:+.1f} dB gain"
        case EqMove(target, kind, frequency_hz, gain_db, q):
            gain = "" if "pass" in kind or kind == "notch" else f", {gain_db:+.1f} dB"
            return f"{target}: {kind} at {frequency_hz:.0f} Hz{gain}, Q {q:.2f}"
        case PolarityMove(target):
            return f"{target}: flip the polarity"
        case DelayMove(target, samples):
            return f"{target}: {abs(samples):.2f} samples {'later' if samples > 0 else 'earlier'}"
        case PanMove(target, pan):
            return f"{target}: pan to {pan:+.2f}"
        case RemoveDevice(target, device):
            return f"{target}: remove {device}"


def _readings(report: Report) -> Table:
    by_name = {m.name: m for m in report.measurements}
    cells = []
    for name, label in SHOWN:
        m = by_name[name]
        value = "n/a" if m.value is None else f"{m.value:+.2f}" if name == "correlation" else f"{m.value:.1f}"
        if name == "dr" and m.value is not None:
            value = f"{m.value:.0f}"
        cells.append((label, f"{value} {m.unit}".strip() if m.value is not None else value))
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for left, right in zip(cells[::2], cells[1::2], strict=True):
        table.add_row(*left, "  " + right[0], right[1])
    return table


def _print_plots(console: Console, report: Report) -> None:
    width = min(console.width, 100) - 14
    curve = report.curves["short_term_lufs"]
    lines = []
    if known := [v for v in curve.values if v is not None]:
        top = max(known)
        low = max(min(known), top - 12.0)
        lines.append(("Loudness", bars(downsample(curve.values, width), low - 1.0, top), _axis(curve, low, top)))
    levels = [v for v in report.third_octave_db if v is not None]
    if levels:
        top = max(levels)
        plot = "".join(c * 2 for c in bars(report.third_octave_db, top - 60.0, top))
        first, last = report.third_octave_hz[0], report.third_octave_hz[-1]
        lines.append(("Spectrum", plot, f"{first:g} Hz to {last / 1000:g} kHz in third octaves, 60 dB high"))
    for label, plot, axis in lines:
        console.print(Text(f"\n{label:10}") + Text(plot, style="cyan"), no_wrap=True, overflow="crop")
        console.print(Text(f"{'':10}{axis}", style="dim"))


def _axis(curve: TimeCurve, low: float, top: float) -> str:
    seconds = round(len(curve.values) * curve.step_s)
    return f"0:00 to {seconds // 60}:{seconds % 60:02d}, short-term {low:.0f} to {top:.0f} LUFS"


def _print_opinions(console: Console, report: Report) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), title="Second opinion", title_justify="left", title_style="bold")
    table.add_column("reading")
    table.add_column("meter")
    for name in ("theirs", "ours", "diff"):
        table.add_column(name, justify="right")
    table.add_column("why they differ")
    for o in report.second_opinion:
        difference = "" if o.ours is None or o.theirs is None else f"{o.ours - o.theirs:+.2f}"
        theirs, ours = ("n/a" if v is None else f"{v:.2f}" for v in (o.theirs, o.ours))
        table.add_row(o.name, o.by, theirs, ours, difference, o.cause)
    console.print(table)


def _checklist(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title="Checklist", title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("measured")
    table.add_column("target")
    for item in report.checklist:
        if item.status == "skipped" and report.session is None and "session" in find_check(item.id).needs:
            continue  # a file has no session, and nobody expects it to
        table.add_row(Text(item.status, style=STYLE[item.status]), item.id, item.measured, item.target)
    return table


def explanation(check: Check) -> str:
    """What `mixdiagnose explain` prints: the check's own documentation as plain text of 80 columns."""
    from rich.markdown import Markdown

    console = Console(width=PLAIN_WIDTH, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(Markdown(check.doc))
    body = re.sub(r"[ \t]+$", "", capture.get(), flags=re.MULTILINE).strip()
    return f"{check.id}: {check.title} ({check.dimension})\n\n{body}"
