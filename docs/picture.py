"""Draws docs/report.svg, the picture of the README: the report on the demo song, as a terminal shows it.

python docs/picture.py DEMO_SONG_DIR
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mixdiagnose.auditing import audit_session
from mixdiagnose.report.text import draw_report


def main() -> int:
    """Audit the session of the song and write the picture."""
    report = audit_session(Path(sys.argv[1]) / "demo.dawproject")
    report = replace(report, inputs=({**report.inputs[0], "name": "demo-song/demo.dawproject"}, *report.inputs[1:]))
    console = Console(
        file=io.StringIO(), record=True, width=92, highlight=False, emoji=False, markup=False, force_terminal=True
    )
    draw_report(console, report, plots=True)
    console.save_svg(str(Path(__file__).parent / "report.svg"), title="mixdiagnose audit demo.dawproject")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
