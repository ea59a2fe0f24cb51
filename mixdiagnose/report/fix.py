"""A correction for people: what was done, what was tried, what is left, and the numbers before and after."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dsp.diagnose import Report
from dsp.findings import ORDER, Advice, Status
from mixdiagnose.fixing import Outcome
from mixdiagnose.report.plots import bars
from mixdiagnose.report.text import PLAIN_WIDTH, SHOWN, STYLE, describe

#: What is still wrong is told of these.
LEFT: tuple[Status, ...] = ("problem", "warning")
#: A change of the spectrum is drawn this far up and down (dB).
DRAWN_DB = 6.0
#: Less than this (dB) would be an empty picture.
SEEN_DB = 0.4
#: Names of the groups for people.
GROUP_NAMES = {
    "devices": "Devices of the master",
    "phase": "Polarity and delay", "gain": "Levels", "high-pass": "High-passes", "eq": "Equalisation at the source",
    "masking": "Room for what is hidden", "bus": "Equalisation of the mix",
}  # fmt: skip


def print_fix(outcome: Outcome, output: Path | None, stream: TextIO) -> None:
    """Write what was corrected; on anything but a terminal as plain lines of 80 columns."""
    plots = (stream.encoding or "utf-8").lower().startswith("utf")
    if stream.isatty():
        draw_fix(Console(file=stream, highlight=False, emoji=False, markup=False), outcome, output, plots)
        return
    plain = io.StringIO()
    draw_fix(Console(file=plain, width=PLAIN_WIDTH, highlight=False, emoji=False, markup=False), outcome, output, plots)
    text = re.sub(r"[ \t]+$", "", plain.getvalue(), flags=re.MULTILINE)
    stream.write(text.encode(stream.encoding or "utf-8", "replace").decode(stream.encoding or "utf-8"))


def draw_fix(console: Console, outcome: Outcome, output: Path | None, plots: bool) -> None:
    """Draw a correction on a console; `plots` needs block characters."""
    console.print(Text(outcome.before.inputs[0]["name"], style="bold"))
    console.print()
    count = sum(len(moves) for moves in outcome.moves.values())
    if not count:
        console.print(Text("Nothing to correct: no move would help without harm.", style="bold green"))
    else:
        many = f"{_many(count, 'move')} on {_many(len(outcome.moves), 'target')}"
        why = "each measured again and kept because it helped" if outcome.steps else "as they were decided before"
        console.print(Text(f"{many}, {why}.", style="bold green"))
    kept = [s for s in outcome.steps if s.kept]
    for group in dict.fromkeys(s.group for s in kept):
        console.print(Text(f"\n{GROUP_NAMES[group]}", style="bold"))
        for step in (s for s in kept if s.group == group):
            for move in (m for moves in step.moves.values() for m in moves):
                console.print(Padding(Text(f"-> {describe(move)}"), (0, 0, 0, 2)))
    if count and not kept:
        console.print(Text("\nApplied", style="bold"))
        for move in (m for moves in outcome.moves.values() for m in moves):
            console.print(Padding(Text(f"-> {describe(move)}"), (0, 0, 0, 2)))
    _print_tried(console, outcome)
    console.print()
    console.print(_readings(outcome.before, outcome.after))
    if plots and count:
        _print_change(console, outcome.before, outcome.after)
    _print_left(console, outcome.after)
    changed = _checks(outcome.before, outcome.after)
    if changed.row_count:
        console.print()
        console.print(changed)
    if outcome.differences is not None:
        _print_session(console, outcome.differences, output)
    elif output is not None:
        files = ["mix.wav", *(["stems"] if outcome.before.stems else []), "correction.json"]
        console.print(Text(f"\nWritten to {output}: {', '.join(files)}", style="bold"), soft_wrap=True)
        if count:
            console.print("forms holds the same for other tools, listen before and after at equal loudness.")


def _print_session(console: Console, differences: Sequence[str], output: Path | None) -> None:
    """What is changed in a session, and where it is."""
    if differences:
        console.print(Text("\nIn the session", style="bold"))
        for line in differences:
            console.print(Padding(Text(line), (0, 0, 0, 2)))
    if output is not None:
        text = f"\nWritten to {output}, and the moves to {output.with_suffix('.correction.json').name}"
        console.print(Text(text, style="bold"), soft_wrap=True)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _print_tried(console: Console, outcome: Outcome) -> None:
    tried = [s for s in outcome.steps if not s.kept]
    if not tried:
        return
    console.print(Text("\nTried and rolled back", style="bold"))
    for step in tried:
        moves = "; ".join(describe(m) for row in step.moves.values() for m in row)
        console.print(Padding(Text(f"{GROUP_NAMES[step.group]} ({moves}): {step.reason}."), (0, 0, 0, 2)))


def _readings(before: Report, after: Report) -> Table:
    was, now = ({m.name: m for m in r.measurements} for r in (before, after))
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_row(Text("", style="bold"), Text("before", style="bold"), Text("after", style="bold"))
    for name, label in SHOWN:
        row = [m.value for m in (was[name], now[name])]
        digits = 2 if name == "correlation" else 1
        cells = ["n/a" if v is None else f"{v:.{digits}f} {was[name].unit}".strip() for v in row]
        table.add_row(label, *cells)
    return table


def _print_change(console: Console, before: Report, after: Report) -> None:
    pairs = list(zip(before.third_octave_db, after.third_octave_db, strict=True))
    change = [None if a is None or b is None else b - a for a, b in pairs]
    known = sorted(c for c in change if c is not None)
    if not known:
        return
    level = known[len(known) // 2]
    shape = [None if c is None else c - level for c in change]
    if max(abs(c) for c in shape if c is not None) < SEEN_DB:
        return
    up = "".join(c * 2 for c in bars([None if c is None else max(c, 0.0) for c in shape], 0.0, DRAWN_DB))
    down = "".join(c * 2 for c in bars([None if c is None else max(-c, 0.0) for c in shape], 0.0, DRAWN_DB))
    first, last = before.third_octave_hz[0], before.third_octave_hz[-1]
    console.print(Text("\nSpectrum  ") + Text(up, style="green"), no_wrap=True, overflow="crop")
    console.print(Text("less by   ") + Text(down, style="cyan"), no_wrap=True, overflow="crop")
    text = f"{first:g} Hz to {last / 1000:g} kHz, what was added and taken, each {DRAWN_DB:g} dB high"
    console.print(Text(f"{'':10}{text}", style="dim"))


def _print_left(console: Console, after: Report) -> None:
    """What no equaliser, gain or shift mends: what to do about it."""
    left = [f for f in after.findings if f.status in LEFT]
    if not left:
        return
    console.print(Text("\nLeft for you", style="bold"))
    for finding in left:
        line = Text(finding.status.upper(), style=STYLE[finding.status])
        line.append(f"  {finding.title}", style="bold").append(f"  [{finding.check}]", style="dim")
        console.print(Padding(line, (0, 0, 0, 2)))
        advice = next((f"-> {f.text}" for f in finding.fixes if isinstance(f, Advice)), finding.message)
        console.print(Padding(Text(advice), (0, 0, 0, 4)))


def _checks(before: Report, after: Report) -> Table:
    """The checks whose verdict has changed."""
    was = {c.id: c for c in before.checklist}
    table = Table(box=None, padding=(0, 2, 0, 0), title="Checks that changed", title_justify="left", title_style="bold")
    for name in ("check", "before", "after", "measured"):
        table.add_column(name, no_wrap=name == "check")
    for item in after.checklist:
        old = was.get(item.id)
        if old is not None and (old.status != item.status or (old.measured != item.measured and _told(old.status))):
            table.add_row(
                item.id, Text(old.status, style=STYLE[old.status]), Text(item.status, style=STYLE[item.status]),
                f"{old.measured} -> {item.measured}",
            )  # fmt: skip
    return table


def _told(status: Status) -> bool:
    return ORDER.index(status) >= ORDER.index("info")
