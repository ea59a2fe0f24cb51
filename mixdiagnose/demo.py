"""The demonstration: a song with known faults as a session, its audit, the fix, and what is left."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TextIO

from dsp.errors import UsageError
from mixdiagnose.checking import judging
from mixdiagnose.commands import put
from mixdiagnose.progress import bar
from mixdiagnose.session_commands import audit_session, fix_session
from plugin_bridge.demo import DEMO_FLAWS, DemoSong, write_demo

#: The session of the song, and the corrected one.
SESSION, FIXED = "demo.dawproject", "demo-fixed.dawproject"


def run_demo(arguments: argparse.Namespace) -> int:
    """`mixdiagnose demo`. Raises UsageError where something else is in the way."""
    from dsp.correction.plan import Settings

    judging(arguments.profile, arguments.genre)  # a wrong name is said before the song is made
    folder: Path = arguments.into
    _make(folder, arguments.quiet)
    arguments.session = arguments.mix = str(folder / SESSION)
    arguments.allow_media, arguments.pan_law, arguments.no_plugins = [], None, False
    fixed = folder / FIXED
    arguments.dry_run = fixed.exists()
    report = audit_session(arguments, {})
    arguments.output, target = fixed, arguments.output
    outcome = fix_session(arguments, Settings(), None, {})
    if arguments.format == "json":
        text = json.dumps({"audit": report.to_dict(), "fix": outcome.to_dict()}, allow_nan=False) + "\n"
        put(text, target)
        return 0
    from mixdiagnose.report.fix import print_fix
    from mixdiagnose.report.text import print_report

    def draw(stream: TextIO) -> None:
        print_report(report, stream)
        stream.write("\n")
        print_fix(outcome, None if arguments.dry_run else fixed, stream)

    if target is None:
        draw(sys.stdout)
    else:
        drawn = io.StringIO()
        draw(drawn)
        put(drawn.getvalue(), target)
    return 0  # problems are what the demo is for


def _make(folder: Path, quiet: bool) -> None:
    """The song and its session, unless they are there."""
    mix, truth, session = folder / "mix.wav", folder / "truth.json", folder / SESSION
    if truth.is_file() and mix.is_file():
        song = DemoSong(mix, tuple(sorted((folder / "stems").glob("*.wav"))), truth)
        print(f"Using the song that is already in {folder}.", file=sys.stderr)
    else:
        if mix.exists():
            raise UsageError(f"{mix} is in the way and is not a demo song; choose another folder with --into")
        with bar("Playing the demo song", quiet) as progress:
            song = write_demo(folder, progress=lambda done, _: progress(done))
        print(f"Wrote a song, its stems and the truth about its flaws to {folder}.", file=sys.stderr)
    if not session.exists():
        from plugin_bridge.demo.session import write_demo_session

        with bar("Writing its session", quiet):
            write_demo_session(song, frozenset(DEMO_FLAWS), session)
        print(f"Wrote {session}: the song as a session.", file=sys.stderr)
