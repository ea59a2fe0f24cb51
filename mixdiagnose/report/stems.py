"""The stems of a report for people: what each is, how loud, and where in the spectrum it sits."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from dsp.diagnose import Report, StemReport
from dsp.findings import Finding
from dsp.profile import load_instruments
from dsp.regions import REGIONS
from mixdiagnose.report.plots import bars

#: A role less sure than this is shown with a question mark.
SURE = 0.6
#: So many stems are named as the cause of a finding; the JSON has all.
MOST_NAMED = 4


def causes(finding: Finding) -> str:
    """The stems behind a finding in one line, empty where none is known.

    >>> from dsp.findings import Cause, Measurement
    >>> causes(Finding("x", "info", "low", "", "", (Measurement("m", 1.0, ""),), cause=(Cause("Bass", 0.71),)))
    'Bass 71 %'
    """
    named = [c.stem if c.share is None else f"{c.stem} {c.share:.0%}".replace("%", " %") for c in finding.cause]
    more = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def stems_table(report: Report, plots: bool) -> Table:
    """One row a stem: role, loudness, peak, crest, and its share of every region from the sub-bass to the air."""
    table = Table(box=None, padding=(0, 2, 0, 0), title="Stems", title_justify="left", title_style="bold")
    table.add_column("stem", overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("role", no_wrap=True)
    for name in ("LUFS", "peak", "crest"):
        table.add_column(name, justify="right", no_wrap=True)
    if plots:
        table.add_column("share of", no_wrap=True)
    for stem in report.stems:
        by_name = {m.name: m.value for m in stem.measurements}
        numbers = [by_name[n] for n in ("integrated_lufs", "sample_peak_dbfs", "crest_db")]
        cells = ["n/a" if v is None else f"{v:.1f}" for v in numbers]
        shares = [stem.shares.get(r.name) for r in REGIONS]
        plot = ["".join(c * 2 for c in bars(shares, 0.0, 1.0))] if plots else []
        table.add_row(stem.name, _role(stem), *cells, *(Text(p, style="cyan") for p in plot))
    if plots:
        table.add_row("", "", "", "", "", Text("sub to air", style="dim"))
    return table


def _role(stem: StemReport) -> str:
    instrument = load_instruments().get(stem.role)
    title = instrument.title if instrument else stem.role
    return title if stem.role_confidence >= SURE or stem.role == "other" else f"{title}?"
