"""What music services make of a file, as rows and as a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from dsp.diagnose import Report
from dsp.listening.platforms import Playback, playback
from dsp.profile import load_platforms

CERTAINTY = {"official": "", "measured": "measured by others", "hearsay": "hearsay"}


@dataclass(frozen=True)
class Row:
    """One platform in words."""

    title: str
    gain: str
    lufs: str
    peak: str
    lost: str
    sure: str


def playbacks(report: Report) -> tuple[Playback, ...]:
    """What each platform makes of the file of a report; empty where its loudness was not measurable."""
    value = {m.name: m.value for m in report.measurements}
    loudness, peak = value["integrated_lufs"], value["true_peak_dbtp"]
    if loudness is None or peak is None:
        return ()
    return tuple(playback(platform, loudness, peak) for platform in load_platforms())


def platform_rows(report: Report) -> tuple[Row, ...]:
    """The rows of the table, in the order of the platforms file."""
    return tuple(
        Row(
            p.platform.title,
            "unknown" if p.gain_db is None else f"{p.gain_db:+.1f} dB",
            "" if p.lufs is None else f"{p.lufs:.1f} LUFS",
            "" if p.true_peak_dbtp is None else f"{p.true_peak_dbtp:.1f} dBTP",
            p.lost,
            CERTAINTY[p.platform.certainty],
        )
        for p in playbacks(report)
    )


def platforms_table(report: Report) -> Table | None:
    """The table, or None where there is nothing to say."""
    rows = platform_rows(report)
    if not rows:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), title="Music services", title_justify="left", title_style="bold")
    table.add_column("played on", no_wrap=True)
    for name in ("gain", "loudness", "peak"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("lost")
    for row in rows:
        lost = Text(row.lost)
        if row.sure:
            lost.append(f" ({row.sure})" if row.lost else f"({row.sure})", style="dim")
        table.add_row(row.title, row.gain, row.lufs, row.peak, lost)
    return table
