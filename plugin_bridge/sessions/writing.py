"""Writing a changed session in its own format."""

from __future__ import annotations

from pathlib import Path

from dsp.errors import UsageError
from plugin_bridge.sessions.model import Session
from plugin_bridge.sessions.reading import format_of


def check_output(session: Session, out: Path) -> None:
    """Refuse, before any work, a place that a changed session cannot be written to. Raises UsageError."""
    if out.exists():
        raise UsageError(f"{out} exists already; choose another name with -o")
    if not out.absolute().parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}")
    ending = session.file.suffix
    if out.suffix.casefold() != ending.casefold():
        raise UsageError(f"{out}: a corrected {session.format} session is written as {ending}; name it NAME{ending}")


def write_session(before: Session, after: Session, out: Path) -> None:
    """Write `after`, which is `before` with moves made, to a new file beside what it needs.

    Raises UsageError where the format cannot hold what differs, OSError where the file cannot be written.
    """
    form = format_of(before.file)
    if form == "DAWproject":
        from plugin_bridge.sessions.dawproject import write_dawproject

        write_dawproject(before.file, before, after, out)
    elif form == "REAPER":
        from plugin_bridge.sessions.reaper import write_reaper

        write_reaper(before.file, before, after, out)
    else:
        from plugin_bridge.sessions.ardour import write_ardour

        write_ardour(before.file, before, after, out)
