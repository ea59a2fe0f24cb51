"""What each command does: arguments in, exit code out."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dsp.errors import UsageError

if TYPE_CHECKING:
    from dsp.diagnose import Report

#: A file with one of these endings may be replaced by a report; anything else is never overwritten.
REPORT_SUFFIXES = {".json", ".txt", ".md", ".log"}


def check(arguments: argparse.Namespace) -> int:
    """`mixdiagnose check MIX`."""
    for file in (arguments.mix, *arguments.reference):
        _guard_output(arguments.output, Path(file))
    return _diagnose(arguments, arguments.mix)


def compare(arguments: argparse.Namespace) -> int:
    """`mixdiagnose compare MIX REFERENCE...`: the report of the reference check alone, drawn as a comparison."""
    for file in (arguments.mix, *arguments.references):
        _guard_output(arguments.output, Path(file))
    from mixdiagnose.checking import compare_files
    from mixdiagnose.progress import bar
    from mixdiagnose.report.compare import print_comparison

    with bar(_listening(arguments.mix, arguments.references), arguments.quiet) as progress:
        report, judged = compare_files(
            arguments.mix, arguments.references, profile=arguments.profile, progress=progress
        )
    _write(report, arguments.format, arguments.output, lambda _, file: print_comparison(report, judged, file))
    return _exit_code(report)


def demo(arguments: argparse.Namespace) -> int:
    """`mixdiagnose demo`: make the song unless it is there, then diagnose it."""
    mix, truth = arguments.into / "mix.wav", arguments.into / "truth.json"
    for file in (truth, *arguments.reference):
        _guard_output(arguments.output, Path(file))
    from mixdiagnose.checking import judging
    from mixdiagnose.progress import bar
    from plugin_bridge.demo import write_demo

    judging(arguments.profile, arguments.genre)  # a wrong name is said before the song is made

    if truth.is_file() and mix.is_file():
        print(f"Using the song that is already in {arguments.into}.", file=sys.stderr)
    else:
        if mix.exists():
            raise UsageError(f"{mix} is in the way and is not a demo song; choose another folder with --into")
        with bar("Playing the demo song", arguments.quiet) as progress:
            write_demo(arguments.into, progress=lambda done, _: progress(done))
        print(f"Wrote a song, its stems and the truth about its flaws to {arguments.into}.", file=sys.stderr)
    _diagnose(arguments, str(mix))
    return 0  # problems are what the demo is for


def explain(arguments: argparse.Namespace) -> int:
    """`mixdiagnose explain [ID]`."""
    from dsp.checks import all_checks, find_check
    from mixdiagnose.report.text import explanation

    if arguments.id is None:
        for each in all_checks():
            print(f"{each.id:20} {each.title}")
        return 0
    print(explanation(find_check(arguments.id)))
    return 0


def schema(_: argparse.Namespace) -> int:
    """`mixdiagnose schema`."""
    sys.stdout.write((Path(__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
    return 0


def _guard_output(output: Path | None, source: Path) -> None:
    if output is None:
        return
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file for the report")
    if output.exists() and source.exists() and output.samefile(source):
        raise UsageError(f"{output} is the input; name another file for the report")
    if output.exists() and output.suffix.lower() not in REPORT_SUFFIXES:
        raise UsageError(f"{output} exists and does not look like a report; choose another name")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"{output}: there is no folder {output.parent}")


def _diagnose(arguments: argparse.Namespace, mix: str) -> int:
    from mixdiagnose.checking import check_file
    from mixdiagnose.progress import bar

    with (
        bar(_listening(mix, arguments.reference), arguments.quiet) as progress,
        bar("Encoding as AAC, MP3, Opus and Vorbis", arguments.quiet) as encoding,
    ):
        report = check_file(
            mix,
            profile=arguments.profile,
            references=arguments.reference,
            genre=arguments.genre,
            only=arguments.only,
            skip=arguments.skip,
            second_opinion=arguments.second_opinion,
            full=arguments.full,
            progress=progress,
            encoding=encoding,
        )
    _write(report, arguments.format, arguments.output)
    return _exit_code(report)


def _listening(mix: str, references: Sequence[str]) -> str:
    """The label of the bar while files are measured."""
    others = {0: "", 1: " and a reference"}.get(len(references), f" and {len(references)} references")
    return f"Listening to {Path(mix).name}{others}"


def _exit_code(report: Report) -> int:
    return 1 if any(f.status in ("problem", "crashed") for f in report.findings) else 0


def _write(
    report: Report, form: str, output: Path | None, draw: Callable[[Report, TextIO], None] | None = None
) -> None:
    """Write a report as JSON or, with `draw` where something else than the usual is drawn, as text.

    Raises UsageError where the file cannot be written.
    """
    if form == "json":
        text = json.dumps(report.to_dict(), allow_nan=False) + "\n"
    else:
        from mixdiagnose.report.text import print_report

        draw = draw or print_report
        if output is None:
            draw(report, sys.stdout)
            return
        drawn = io.StringIO()
        draw(report, drawn)
        text = drawn.getvalue()
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
