"""The command line. Only parses and dispatches; what a command needs is imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mixdiagnose import __version__, use_one_blas_thread

EPILOG = """\
exit codes: 0 no problem found, 1 problems found, 2 wrong usage, 3 input unreadable
examples:
  mixdiagnose check song.wav                   is this mix ready for mastering?
  mixdiagnose check song.wav --profile master  is this master ready for release?
  mixdiagnose check song.wav --format json     the same, for scripts
  mixdiagnose check song.wav --stems tracks    which track causes it?
  mixdiagnose audit song.dawproject            render a session, and audit all of it
  mixdiagnose audit tracks                     the same of a folder of stems
  mixdiagnose fix song.wav --stems tracks -o fixed   mend what can be mended, and prove it
  mixdiagnose fix song.rpp -o mended.rpp       the same in the session itself
  mixdiagnose render song.ardour -o rendered   its stems, buses and mix as files
  mixdiagnose compare song.wav hit.flac        what differs from a song you admire?
  mixdiagnose live --report                    what has the plugin in the DAW heard?
  mixdiagnose explain bus-limiter              what a check measures, and why
  mixdiagnose demo                             make a flawed song and diagnose it
"""


def _output_options() -> argparse.ArgumentParser:
    """Options of every command that reports."""
    output = argparse.ArgumentParser(add_help=False)
    group = output.add_argument_group("report")
    group.add_argument("--profile", default="mix", metavar="NAME", help="mix (default), master, or a TOML file")
    group.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    group.add_argument("--quiet", action="store_true", help="no progress on stderr")
    return output


def _output() -> argparse.ArgumentParser:
    """The same and where the report goes."""
    output = argparse.ArgumentParser(add_help=False, parents=[_output_options()])
    output.add_argument("-o", "--output", type=Path, metavar="PATH", help="write the report there instead of stdout")
    return output


def _common() -> argparse.ArgumentParser:
    """The same and those of commands that run all checks."""
    common = argparse.ArgumentParser(add_help=False, parents=[_output()])
    group = common.add_argument_group("checks")
    group.add_argument("--only", action="append", default=[], metavar="ID", help="run only this check (repeatable)")
    group.add_argument("--skip", action="append", default=[], metavar="ID", help="leave this check out (repeatable)")
    group.add_argument("--full", action="store_true", help="encode all of it for codec-peaks, not the loudest 30 s")
    group.add_argument("--second-opinion", action="store_true", help="set other meters' readings beside ours")
    return common


def _add_beside(command: argparse.ArgumentParser) -> None:
    """What a mix is set beside."""
    group = command.add_argument_group("beside")
    group.add_argument(
        "--reference", action="append", default=[], metavar="FILE", help="a song to compare with (repeatable)"
    )
    group.add_argument("--genre", metavar="NAME", help="genre to judge the spectrum by (default: modern)")


def _add_roles(command: argparse.ArgumentParser) -> None:
    """What the user knows of the stems."""
    group = command.add_argument_group("stems")
    group.add_argument(
        "--role", action="append", default=[], metavar="STEM=ROLE",
        help='what a stem is, where its name does not tell: "Track 3=bass" (repeatable)',
    )  # fmt: skip


def _add_session(command: argparse.ArgumentParser) -> None:
    """How a session is read and rendered."""
    group = command.add_argument_group("session")
    group.add_argument(
        "--allow-media", action="append", default=[], type=Path, metavar="DIR",
        help="read media from this folder outside the session's own too (repeatable)",
    )  # fmt: skip
    group.add_argument("--pan-law", metavar="LAW", help="balance, -3, -4.5, -6 or none, instead of the DAW's own")
    group.add_argument("--no-plugins", action="store_true", help="pass plugins through, even those installed here")


def _add_plugin(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What is done with the plugin for the master bus."""
    plugin = commands.add_parser("plugin", help="build, install or examine the plugin for the master bus")
    plugin.add_argument("action", choices=("build", "install", "uninstall", "doctor"), help="what to do with it")
    plugin.add_argument("-o", "--output", type=Path, metavar="DIR", help="where `build` puts it")
    plugin.add_argument(
        "--formats", action="append", choices=("vst3", "clap", "lv2"), help="only this format (repeatable)"
    )
    plugin.add_argument("--dpf", type=Path, metavar="DIR", help="DPF 1.6, where it is not Debian's dpf-source")
    plugin.add_argument("--format", choices=("text", "json"), default="text", help="of what `doctor` says")
    plugin.add_argument("--quiet", action="store_true", help="no progress on stderr")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = _common()
    top = argparse.ArgumentParser(
        prog="mixdiagnose",
        description="Says what is wrong with a mix before mastering, and how it knows.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"mixdiagnose {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", parents=[common], help="diagnose a mix file")
    check.add_argument("mix", metavar="MIX", help="WAV, AIFF, FLAC, OGG, MP3, M4A ...")
    check.add_argument("--stems", metavar="DIR", help="folder of the tracks it was made of: says which one causes what")
    _add_roles(check)
    _add_beside(check)

    audit = commands.add_parser("audit", parents=[common], help="render and diagnose a session, or a folder of stems")
    audit.add_argument(
        "session",
        metavar="SESSION",
        help=".dawproject, .rpp, .ardour, or a folder of stems with or without its mix",
    )
    _add_session(audit)
    _add_roles(audit)
    _add_beside(audit)

    fix = commands.add_parser("fix", parents=[_output_options()], help="correct a mix at its stems, and measure again")
    fix.add_argument("mix", metavar="MIX", help="a mix file, a folder of stems, or a session")
    fix.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="a new folder for what is corrected; of a session a new file"
    )
    fix.add_argument("--stems", metavar="DIR", help="folder of the tracks it was made of")
    _add_session(fix)
    _add_roles(fix)
    _add_beside(fix)
    group = fix.add_argument_group("correction")
    group.add_argument("--strength", type=float, default=100.0, metavar="0-100", help="how much of it (default: 100)")
    group.add_argument(
        "--only", action="append", default=[], metavar="GROUP",
        help="make these moves only: devices, phase, gain, high-pass, eq, masking, bus (repeatable)",
    )  # fmt: skip
    group.add_argument("--max-db", type=float, metavar="DB", help="the most any band or fader is moved")
    group.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    group.add_argument("--apply", type=Path, metavar="FILE", help="repeat the moves of a correction.json")

    render = commands.add_parser("render", help="render a session to stems, buses and mix")
    render.add_argument("session", metavar="SESSION", help=".dawproject, .rpp or .ardour")
    render.add_argument("-o", "--output", type=Path, metavar="DIR", required=True, help="a new folder")
    render.add_argument("--bits", type=int, choices=(24, 32), default=32, help="24, or 32 floating point (default)")
    render.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or the manifest")
    render.add_argument("--quiet", action="store_true", help="no progress on stderr")
    _add_session(render)

    demo = commands.add_parser("demo", parents=[common], help="make a flawed multitrack song and diagnose it")
    demo.add_argument(
        "--into", type=Path, default=Path("demo-song"), metavar="DIR", help="where the song goes (default: demo-song)"
    )
    _add_beside(demo)

    compare = commands.add_parser("compare", parents=[_output()], help="set a mix beside songs you admire")
    compare.add_argument("mix", metavar="MIX", help="WAV, AIFF, FLAC, OGG, MP3, M4A ...")
    compare.add_argument("references", nargs="+", metavar="REFERENCE", help="finished songs of the same kind")

    _add_plugin(commands)

    live = commands.add_parser("live", help="show what the plugin hears, or report what it has heard")
    live.add_argument("--report", action="store_true", help="the full report of what every instance has heard so far")
    live.add_argument("--once", action="store_true", help="print the readings once")
    live.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")

    explain = commands.add_parser("explain", help="say what a check measures and why it matters")
    explain.add_argument("id", nargs="?", metavar="ID", help="a check id; without one all are listed")

    schema = commands.add_parser("schema", help="print a JSON Schema")
    schema.add_argument(
        "of", nargs="?", choices=("report", "correction"), default="report", help="report (default) or correction"
    )
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    arguments = parser().parse_args(argv)
    use_one_blas_thread()
    from dsp.errors import MixDiagnoseError

    try:
        from mixdiagnose import commands

        code = int(getattr(commands, arguments.command)(arguments))
        sys.stdout.flush()
        return code
    except MixDiagnoseError as error:
        print(f"mixdiagnose: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("mixdiagnose: stopped", file=sys.stderr)
        return 130
