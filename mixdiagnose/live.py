"""`mixdiagnose live`: what the plugin's instances hear, in a terminal, and the report of what they have heard.

Readings are looked up where the engine publishes them for the plugin's windows; a report is asked of the engine, which
is started where none runs.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dsp.diagnose import Report
from dsp.errors import InputError, UsageError
from mixdiagnose.checking import tool
from plugin_bridge.link import Instance
from plugin_bridge.link_files import RefusedError, links, process_dead, runtime_directory
from plugin_bridge.link_results import Results
from plugin_bridge.live.desk import ask
from plugin_bridge.live.lock import engine_runs
from plugin_bridge.live.measuring import lacking

if TYPE_CHECKING:
    from rich.table import Table

#: Seconds between two looks, and the longest that an engine may take to start.
LOOK_S, START_S = 0.25, 10.0
NOBODY = "no instance of the plugin is open: insert MixDiagnose on the master bus, and press play"
TOO_LITTLE = "nothing has been heard that is long enough to judge (3 s): press play"
NUMBERS = ("momentary_lufs", "short_term_lufs", "integrated_lufs", "true_peak_dbtp", "correlation", "measured_s")


def report(form: str, stream: TextIO) -> int:
    """Write the reports of all instances. Raises UsageError where there is none, InputError without an answer."""
    folder = runtime_directory()
    if not engine_runs(folder):
        if not open_links(folder):
            raise UsageError(NOBODY)
        start_engine(folder)
    instances = ask(folder)["instances"]
    heard = [i for i in instances if i["report"] is not None]
    if not heard:
        raise UsageError(TOO_LITTLE if instances else NOBODY)
    reports = [replace(Report.from_dict(i["report"]), tool=tool()) for i in heard]
    if form == "json":
        rows = [{**i, "report": r.to_dict()} for i, r in zip(heard, reports, strict=True)]
        stream.write(json.dumps({"instances": rows}, allow_nan=False) + "\n")
    else:
        from mixdiagnose.report.text import print_report

        for each in reports:
            print_report(each, stream)
    return 1 if any(f.status in ("problem", "crashed") for r in reports for f in r.findings) else 0


def open_links(folder: Path) -> set[Path]:
    """The links of programs that run."""
    return {path for path, pid, start in links(folder) if not process_dead(pid, start)}


def start_engine(folder: Path) -> None:
    """Start the engine as the plugin does, and wait for it. Raises InputError where it does not come."""
    subprocess.Popen(
        [sys.executable, "-m", "plugin_bridge.live"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    for _ in range(round(START_S / LOOK_S)):
        if engine_runs(folder):
            return
        time.sleep(LOOK_S)
    raise InputError("the engine", "does not start", f"see what `{sys.executable} -m plugin_bridge.live` says")


def show(form: str, once: bool, stream: TextIO) -> int:
    """Show the readings of all instances: once, as they change on a terminal, or a line each every second."""
    watch = Watch(runtime_directory())
    with ExitStack() as stack:
        stack.callback(watch.close)
        if once or form == "json" or not stream.isatty():
            _lines(watch, form, once, stream)
        else:
            _table(watch, stream)
    return 0


def _lines(watch: Watch, form: str, once: bool, stream: TextIO) -> None:
    while True:
        seen = watch.look()
        for name, alive, results in seen:
            row = as_dict(name, alive, results)
            stream.write((json.dumps(row, allow_nan=False) if form == "json" else one_line(row)) + "\n")
        if not seen and form == "text":
            stream.write(NOBODY + "\n")
        stream.flush()
        if once:
            return
        time.sleep(1.0)


def _table(watch: Watch, stream: TextIO) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=stream), auto_refresh=False) as shown:
        while True:
            shown.update(table([as_dict(*each) for each in watch.look()]), refresh=True)
            time.sleep(LOOK_S)


class Watch:
    """Looks at what the engine has published for every instance in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, Instance] = {}

    def look(self) -> list[tuple[str, bool, Results]]:
        """Of every instance that is there: its name, whether the engine is alive, and the newest results."""
        there = open_links(self._folder)
        for path in self._open.keys() - there:
            self._open.pop(path).close()
        for path in there - self._open.keys():
            with suppress(RefusedError):
                self._open[path] = Instance(path)
        return [
            (i.label or f"MixDiagnose {i.pid}", i.engine_alive, i.published() or Results())
            for _, i in sorted(self._open.items())
        ]

    def close(self) -> None:
        """Let go of all."""
        for each in self._open.values():
            each.close()
        self._open.clear()


def as_dict(name: str, alive: bool, results: Results) -> dict[str, Any]:
    """Readings for JSON: None where there is none."""
    numbers = {n: v if math.isfinite(v := getattr(results, n)) else None for n in NUMBERS}
    return {
        "name": name,
        "engine": "running" if alive else "offline",
        "state": results.headline if alive else "analysis offline",
        **numbers,
        "readiness": round(results.readiness, 3),
        "incomplete": lacking(results.incomplete),
        "genre": results.genre,
        "checklist": [asdict(line) for line in results.lines],
        "bands": [asdict(band) for band in results.bands],
    }


def _number(value: float | None, form: str, unit: str) -> str:
    return f"{'--' if value is None else format(value, form)} {unit}".rstrip()


def one_line(row: dict[str, Any]) -> str:
    """An instance in one line."""
    return "  ".join(
        (
            f"{row['name']}:",
            f"M {_number(row['momentary_lufs'], '.1f', '')}",
            f"S {_number(row['short_term_lufs'], '.1f', '')}",
            f"I {_number(row['integrated_lufs'], '.1f', 'LUFS')}",
            f"peak {_number(row['true_peak_dbtp'], '.1f', 'dBTP')}",
            f"correlation {_number(row['correlation'], '+.2f', '')}",
            f"{100 * row['readiness']:.0f} % ready",
            row["state"],
        )
    )


def table(rows: list[dict[str, Any]]) -> Table:
    """All instances as a table, each with what is wrong below it."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, caption=None if rows else NOBODY)
    for title in ("", "Momentary", "Short term", "Integrated", "True peak", "Correlation", "Ready", ""):
        drawn.add_column(title, justify="left" if not title else "right")
    for row in rows:
        drawn.add_row(
            Text(row["name"]),
            _number(row["momentary_lufs"], ".1f", "LUFS"),
            _number(row["short_term_lufs"], ".1f", "LUFS"),
            _number(row["integrated_lufs"], ".1f", "LUFS"),
            _number(row["true_peak_dbtp"], ".1f", "dBTP"),
            _number(row["correlation"], "+.2f", ""),
            f"{100 * row['readiness']:.0f} %",
            Text(row["state"]),
        )
        for line in row["checklist"]:
            if line["status"] in ("problem", "crashed", "warning"):
                drawn.add_row(*[""] * 7, Text(line["text"], style="red" if line["status"] != "warning" else "yellow"))
    return drawn
