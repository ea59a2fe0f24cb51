"""A correction of a session: moves on its channels, proved on renders of it, and on what was written in the end."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dsp.correction.correction import Correction
from dsp.correction.plan import Settings
from dsp.errors import UsageError
from mixdiagnose.fixing import Outcome, correction_of, fitting
from mixdiagnose.loop import Bars, Job, Loop, Step, no_bar
from plugin_bridge.eq_formats import write_correction
from plugin_bridge.sessions.model import Session
from plugin_bridge.sessions.moved import differences, moved
from plugin_bridge.sessions.reading import open_session
from plugin_bridge.sessions.workshop import SessionWorkshop
from plugin_bridge.sessions.writing import check_output, write_session


def fix_session(
    session: Session, output: Path | None, job: Job, settings: Settings, *, apply: Correction | None = None,
    pan_law: str | None = None, plugins: bool = True, allowed: Sequence[Path] = (), bars: Bars = no_bar,
) -> Outcome:  # fmt: skip
    """Correct a session and write it to `output`, with the moves beside it; with None nothing is written (a dry run).

    The report after the fix is of the file that was written, read and rendered again. Raises UsageError where the
    output exists or a move cannot be written, and what rendering and measuring raise.
    """
    moves_file = output.with_suffix(".correction.json") if output is not None else None
    if output is not None and moves_file is not None:
        check_output(session, output)
        if moves_file.exists():
            raise UsageError(f"{moves_file} exists already; choose another name with -o")
    with tempfile.TemporaryDirectory(prefix="mixdiagnose-") as folder:
        shop = SessionWorkshop(session, Path(folder, "versions"), pan_law, plugins)
        loop = Loop(replace(job, session=shop), Path(folder), bars)
        before, steps = loop.report(), tuple[Step, ...]()
        if apply is not None:
            loop.apply(fitting(apply, loop.first))
        else:
            steps = loop.run(settings)
        changed = moved(session, loop.moves)
        correction = correction_of(loop, steps, settings, apply)
        after = loop.report()
        if output is not None and moves_file is not None:
            started = time.perf_counter()
            with bars("Writing the session"):
                try:
                    write_session(session, changed, output)
                    write_correction(correction, moves_file)
                except OSError as error:
                    raise UsageError(f"{output} cannot be written: {error.strerror or error}") from None
            loop.spend("write", started)
            with open_session(output, allowed) as written:
                again = SessionWorkshop(written, Path(folder, "written"), pan_law, plugins)
                proof = Loop(replace(job, session=again), Path(folder), bars)
                after = proof.report()
            for what, seconds in proof.seconds.items():
                loop.seconds[what] = round(loop.seconds.get(what, 0.0) + seconds, 4)
        said = tuple(differences(session, changed))
        return Outcome(correction, before, after, steps, loop.seconds, differences=said)
