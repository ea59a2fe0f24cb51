"""Draws docs/report.svg, the picture of the README: the report on the demo song, as a terminal shows it.

python docs/picture.py DEMO_SONG_DIR
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mixdiagnose.checking import check_file
from mixdiagnose.report.text import draw_report
from plugin_bridge.stem_folder import find_stems


def main() -> int:
    """Diagnose the song beside its stems and write the picture."""
    song = Path(sys.argv[1])
    report = check_file(song / "mix.wav", stems=find_stems(song / "stems"))
    report = replace(report, inputs=({**report.inputs[0], "name": "demo-song/mix.wav"}, *report.inputs[1:]))
    console = Console(
        file=io.StringIO(), record=True, width=92, highlight=False, emoji=False, markup=False, force_terminal=True
    )
    draw_report(console, report, plots=True)
    console.save_svg(str(Path(__file__).parent / "report.svg"), title="mixdiagnose check mix.wav --stems stems")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
