"""A session in, a report out: rendered to a temporary folder, measured, judged."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dsp.diagnose import Report
from mixdiagnose.checking import check_file, judging
from mixdiagnose.loop import Bars, no_bar
from plugin_bridge.render import render
from plugin_bridge.sessions.reading import open_session
from plugin_bridge.stem_folder import Folder


def audit_session(
    path: Path,
    *,
    allowed: Sequence[Path] = (),
    pan_law: str | None = None,
    plugins: bool = True,
    roles: Mapping[str, str] | None = None,
    profile: str = "mix",
    references: Sequence[str | Path] = (),
    genre: str | None = None,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    second_opinion: bool = False,
    full: bool = False,
    bars: Bars = no_bar,
) -> Report:
    """Render a session and judge it, with its tracks as stems.

    `allowed` are folders outside its own that media may be read from, `pan_law` one of `plugin_bridge.mixer.pan` for
    all panners; without `plugins` none is hosted. All else is as in `mixdiagnose.checking.check_file`. Raises
    InputError for a session that cannot be read or has no audio, and what that raises.
    """
    judging(profile, genre)  # a wrong name is said before the session is rendered
    with open_session(path, allowed) as session, tempfile.TemporaryDirectory(prefix="mixdiagnose-") as folder:
        with bars(f"Rendering {path.name}") as progress:
            made = render(
                session, Path(folder), pan_law=pan_law, plugins=plugins, buses=False, even_silent=True,
                progress=progress,
            )  # fmt: skip
        with (
            bars(f"Listening to {path.name}") as progress,
            bars("Encoding as AAC, MP3, Opus and Vorbis") as encoding,
        ):
            return check_file(
                made.mix,
                stems=Folder(Path(folder), list(made.stems.values())) if made.stems else None,
                roles=roles,
                profile=profile,
                references=references,
                genre=genre,
                only=only,
                skip=skip,
                second_opinion=second_opinion,
                full=full,
                rendered=made,
                progress=progress,
                encoding=encoding,
            )
