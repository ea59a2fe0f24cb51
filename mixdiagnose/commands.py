"""What each command does: arguments in, exit code out."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dsp.errors import UsageError

if TYPE_CHECKING:
    from dsp.correction.correction import Correction
    from dsp.correction.plan import Settings
    from dsp.diagnose import Report
    from mixdiagnose.fixing import Outcome
    from plugin_bridge.stem_folder import Folder

#: A file with one of these endings may be replaced by a report; anything else is never overwritten.
REPORT_SUFFIXES = {".json", ".txt", ".md", ".log"}


def check(arguments: argparse.Namespace) -> int:
    """`mixdiagnose check MIX [--stems DIR]`."""
    from plugin_bridge.stem_folder import find_stems

    folder = find_stems(arguments.stems, arguments.mix) if arguments.stems is not None else None
    if arguments.role and folder is None:
        raise UsageError("--role is about stems; name their folder with --stems DIR")
    return _diagnose(arguments, arguments.mix, folder)


def audit(arguments: argparse.Namespace) -> int:
    """`mixdiagnose audit SESSION|DIR`."""
    from plugin_bridge.sessions.reading import is_session
    from plugin_bridge.stem_folder import SUFFIXES

    path = Path(arguments.session)
    if is_session(path):
        from mixdiagnose.session_commands import audit_session

        for file in (path, *map(Path, arguments.reference)):
            _guard_output(arguments.output, file)
        report = audit_session(arguments, _roles(arguments.role))
        _write(report, arguments.format, arguments.output)
        return _exit_code(report)
    if path.is_file():
        what = "an audio file: use `mixdiagnose check`" if path.suffix.lower() in SUFFIXES else "not a session"
        raise UsageError(f"{path} is {what}; audit takes a session (.dawproject, .rpp, .ardour) or a folder of stems")
    folder = _stems_in(path)
    return _diagnose(arguments, folder.mix, folder)


def _stems_in(path: Path) -> Folder:
    """The stems of a folder. Raises UsageError, which names a session where that is what the folder holds."""
    from plugin_bridge.sessions.reading import is_session
    from plugin_bridge.stem_folder import find_stems

    try:
        return find_stems(path)
    except UsageError:
        sessions = sorted(p for p in path.iterdir() if is_session(p)) if path.is_dir() else []
        if not sessions:
            raise
        raise UsageError(f"{path} holds no stems but a session; name that: {sessions[0]}") from None


def render(arguments: argparse.Namespace) -> int:
    """`mixdiagnose render SESSION -o DIR`."""
    from mixdiagnose.session_commands import render_session

    return render_session(arguments)


def compare(arguments: argparse.Namespace) -> int:
    """`mixdiagnose compare MIX REFERENCE...`: the report of the reference check alone, drawn as a comparison."""
    for file in (arguments.mix, *arguments.references):
        _guard_output(arguments.output, Path(file))
    from mixdiagnose.checking import compare_files
    from mixdiagnose.progress import bar
    from mixdiagnose.report.compare import print_comparison

    with bar(_listening(Path(arguments.mix).name, arguments.references), arguments.quiet) as progress:
        report, judged = compare_files(
            arguments.mix, arguments.references, profile=arguments.profile, progress=progress
        )
    _write(report, arguments.format, arguments.output, lambda _, file: print_comparison(report, judged, file))
    return _exit_code(report)


def fix(arguments: argparse.Namespace) -> int:
    """`mixdiagnose fix MIX|SESSION -o OUT [--stems DIR]`."""
    from mixdiagnose.fixing import fix as correct
    from mixdiagnose.loop import Job
    from mixdiagnose.progress import bar
    from plugin_bridge.sessions.reading import is_session
    from plugin_bridge.stem_folder import find_stems

    if arguments.output is None and not arguments.dry_run:
        raise UsageError("name a new folder for what is corrected with -o OUT, or use --dry-run")
    settings = _settings(arguments)
    mix, folder = Path(arguments.mix), None
    applied = _correction(arguments.apply) if arguments.apply is not None else None
    output = None if arguments.dry_run else arguments.output
    if is_session(mix):
        if arguments.stems is not None:
            raise UsageError(f"{mix} is a session and has its own tracks; leave out --stems")
        from mixdiagnose.session_commands import fix_session

        outcome = fix_session(arguments, settings, applied, _roles(arguments.role))
        return _tell(outcome, output, arguments.format)
    if arguments.stems is not None:
        if mix.is_dir():
            raise UsageError(f"{mix} is a folder; with --stems name the mix, or give the folder of stems alone")
        folder = find_stems(arguments.stems, mix)
    elif mix.is_dir():
        folder = _stems_in(mix)
    if arguments.role and folder is None:
        raise UsageError("--role is about stems; name their folder with --stems DIR")
    job = Job(
        mix if not mix.is_dir() else folder.mix if folder else None, folder,
        references=arguments.reference, roles=_roles(arguments.role), profile=arguments.profile, genre=arguments.genre,
    )  # fmt: skip
    outcome = correct(job, output, settings, apply=applied, bars=partial(bar, quiet=arguments.quiet))
    return _tell(outcome, output, arguments.format)


def _tell(outcome: Outcome, output: Path | None, form: str) -> int:
    """Write what became of a correction."""
    if form == "json":
        sys.stdout.write(json.dumps(outcome.to_dict(), allow_nan=False) + "\n")
    else:
        from mixdiagnose.report.fix import print_fix

        print_fix(outcome, output, sys.stdout)
    return _exit_code(outcome.after)


def _settings(arguments: argparse.Namespace) -> Settings:
    """How much is corrected. Raises UsageError for what there is not."""
    from dsp.correction.plan import GROUPS, Settings

    if not 0.0 <= arguments.strength <= 100.0:
        raise UsageError(f"--strength {arguments.strength:g} is not from 0 to 100")
    if arguments.max_db is not None and not 0.0 <= arguments.max_db <= 24.0:
        raise UsageError(f"--max-db {arguments.max_db:g} is not from 0 to 24")
    if arguments.apply is not None and (arguments.only or arguments.max_db is not None or arguments.strength < 100.0):
        raise UsageError("--apply repeats a correction as it is; leave out --strength, --only and --max-db")
    if unknown := [g for g in arguments.only if g not in GROUPS]:
        raise UsageError(f"there is no group '{unknown[0]}'; there are: {', '.join(GROUPS)}")
    only = tuple(g for g in GROUPS if g in arguments.only) if arguments.only else GROUPS
    return Settings(arguments.strength, only, arguments.max_db)


def _correction(path: Path) -> Correction:
    from plugin_bridge.eq_formats import read_correction

    return read_correction(path)


def demo(arguments: argparse.Namespace) -> int:
    """`mixdiagnose demo`: make the song unless it is there, audit its session, fix it, and audit that."""
    for name in ("truth.json", "mix.wav", "demo.dawproject"):
        _guard_output(arguments.output, arguments.into / name)
    for file in arguments.reference:
        _guard_output(arguments.output, Path(file))
    from mixdiagnose.demo import run_demo

    return run_demo(arguments)


def plugin(arguments: argparse.Namespace) -> int:
    """`mixdiagnose plugin build | install | uninstall | doctor`."""
    from mixdiagnose.plugin_command import run

    return run(arguments)


def live(arguments: argparse.Namespace) -> int:
    """`mixdiagnose live [--report | --once]`."""
    from mixdiagnose import live as showing

    if arguments.report:
        return showing.report(arguments.format, sys.stdout)
    return showing.show(arguments.format, arguments.once, sys.stdout)


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


def schema(arguments: argparse.Namespace) -> int:
    """`mixdiagnose schema [report|correction]`."""
    file = Path(__file__).parent / f"{arguments.of}.schema.json"
    sys.stdout.write(file.read_text(encoding="utf-8"))
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


def _diagnose(arguments: argparse.Namespace, mix: str | Path | None, folder: Folder | None = None) -> int:
    """Measure, judge and write the report of `check`, `audit` and `demo`."""
    stems = folder.stems if folder else []
    for file in (*([mix] if mix is not None else []), *stems, *arguments.reference):
        _guard_output(arguments.output, Path(file))
    from mixdiagnose.checking import check_file
    from mixdiagnose.progress import bar

    name = Path(mix).name if mix is not None else "the sum"
    with (
        bar(_listening(name, arguments.reference, stems), arguments.quiet) as progress,
        bar("Listening again, every stem in its place", arguments.quiet) as again,
        bar("Encoding as AAC, MP3, Opus and Vorbis", arguments.quiet) as encoding,
    ):
        report = check_file(
            mix,
            stems=folder,
            roles=_roles(getattr(arguments, "role", [])),
            profile=arguments.profile,
            references=arguments.reference,
            genre=arguments.genre,
            only=arguments.only,
            skip=arguments.skip,
            second_opinion=arguments.second_opinion,
            full=arguments.full,
            progress=progress,
            again=again,
            encoding=encoding,
        )
    _write(report, arguments.format, arguments.output)
    return _exit_code(report)


def _roles(given: Sequence[str]) -> dict[str, str]:
    """The user's own roles, by stem, from "STEM=ROLE". Raises UsageError for anything else."""
    roles = {}
    for text in given:
        stem, equals, role = text.rpartition("=")
        if not (equals and stem.strip() and role.strip()):
            raise UsageError(f'--role "{text}" is not STEM=ROLE, e.g. --role "Track 3=bass"')
        roles[stem.strip()] = role.strip()
    return roles


def _listening(name: str, references: Sequence[str], stems: Sequence[Path] = ()) -> str:
    """The label of the bar while files are measured."""
    parts = [name]
    for count, what in ((len(stems), "stem"), (len(references), "reference")):
        if count:
            parts.append(f"a {what}" if count == 1 else f"{count} {what}s")
    return f"Listening to {', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else f"Listening to {name}"


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
    put(text, output)


def put(text: str, output: Path | None) -> None:
    """Write to a file, or to stdout without one. Raises UsageError where it cannot be written."""
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None
