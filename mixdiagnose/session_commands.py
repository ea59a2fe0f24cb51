"""The commands on sessions of a DAW: audit, render and fix."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.errors import UsageError

if TYPE_CHECKING:
    from dsp.correction.correction import Correction
    from dsp.correction.plan import Settings
    from dsp.diagnose import Report
    from mixdiagnose.fixing import Outcome


def pan_law(arguments: argparse.Namespace) -> str | None:
    """The pan law a user asked for. Raises UsageError for one there is not."""
    from plugin_bridge.mixer.pan import LAWS

    if arguments.pan_law is None:
        return None
    if arguments.pan_law not in LAWS:
        raise UsageError(f"there is no pan law '{arguments.pan_law}'; there are: {', '.join(LAWS)}")
    return LAWS[arguments.pan_law]


def audit_session(arguments: argparse.Namespace, roles: dict[str, str]) -> Report:
    """Render a session to a temporary folder and judge it."""
    from mixdiagnose.auditing import audit_session as audit
    from mixdiagnose.progress import bar

    return audit(
        Path(arguments.session), allowed=arguments.allow_media, pan_law=pan_law(arguments),
        plugins=not arguments.no_plugins, roles=roles, profile=arguments.profile, references=arguments.reference,
        genre=arguments.genre, only=arguments.only, skip=arguments.skip, second_opinion=arguments.second_opinion,
        full=arguments.full, bars=partial(bar, quiet=arguments.quiet),
    )  # fmt: skip


def fix_session(
    arguments: argparse.Namespace, settings: Settings, apply: Correction | None, roles: dict[str, str]
) -> Outcome:
    """Correct a session and write it to the output, unless it is a dry run."""
    from mixdiagnose.fixing_session import fix_session as correct
    from mixdiagnose.loop import Job
    from mixdiagnose.progress import bar
    from plugin_bridge.sessions.reading import open_session

    law = pan_law(arguments)
    output = None if arguments.dry_run else arguments.output
    with open_session(Path(arguments.mix), arguments.allow_media) as session:
        job = Job(
            None, None, references=arguments.reference, roles=roles, profile=arguments.profile, genre=arguments.genre
        )
        return correct(
            session, output, job, settings, apply=apply, pan_law=law, plugins=not arguments.no_plugins,
            allowed=arguments.allow_media, bars=partial(bar, quiet=arguments.quiet),
        )  # fmt: skip


def render_session(arguments: argparse.Namespace) -> int:
    """`mixdiagnose render SESSION -o DIR`."""
    from mixdiagnose.progress import bar
    from plugin_bridge.manifest import write_manifest
    from plugin_bridge.render import render
    from plugin_bridge.sessions.reading import open_session
    from plugin_bridge.writer import convert_all

    path, output, law = Path(arguments.session), arguments.output, pan_law(arguments)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} exists and is not an empty folder; choose another with -o")
    parent = output.absolute().parent
    if not parent.is_dir():
        raise UsageError(f"{output}: there is no folder {parent}")
    with open_session(path, arguments.allow_media) as session:
        try:
            with tempfile.TemporaryDirectory(prefix=".mixdiagnose-", dir=parent) as made:
                folder = Path(made, "out")
                with bar(f"Rendering {path.name}", arguments.quiet) as progress:
                    rendered = render(session, folder, pan_law=law, plugins=not arguments.no_plugins, progress=progress)
                if arguments.bits != 32:
                    with bar(f"Writing {arguments.bits} bits", arguments.quiet) as progress:
                        convert_all(rendered.files, arguments.bits, progress)
                manifest = write_manifest(rendered, folder)
                if output.exists():
                    output.rmdir()
                folder.rename(output)
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror or error}") from None
    if arguments.format == "json":
        sys.stdout.write(json.dumps(manifest, allow_nan=False) + "\n")
    else:
        from mixdiagnose.report.session import print_render

        print_render(manifest, output, sys.stdout)
    return 0
