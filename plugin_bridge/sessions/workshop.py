"""Versions of a session with moves made, rendered: what `plugin_bridge.corrected.Workshop` is for files."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsp.correction.correction import Move
from dsp.errors import UsageError
from dsp.mix import Mix
from dsp.session import SessionFacts
from dsp.stems.model import Stem
from plugin_bridge.render import Progress, Rendered, render
from plugin_bridge.sessions.model import Session
from plugin_bridge.sessions.moved import can, moved
from plugin_bridge.sessions.writing import write_session
from plugin_bridge.stem_folder import Folder


@dataclass
class SessionWorkshop:
    """A session, and its renders with moves made, each in a folder of its own below `folder`.

    `first` is the session as it is. A stem that a version does not change keeps the file of the first, so that it need
    not be measured again.
    """

    session: Session
    folder: Path
    pan_law: str | None = None
    plugins: bool = True
    measured: Mix | None = None  #: the session as it is; set by who measures it
    versions: list[Rendered] = field(default_factory=list)

    @property
    def stems(self) -> tuple[Stem, ...]:
        """The stems as measured, called by their tracks."""
        stems = self.measured.stems.stems if self.measured and self.measured.stems else ()
        return tuple(replace(s, source=replace(s.source, name=s.name)) for s in stems)

    @property
    def facts(self) -> SessionFacts:
        """What the last render says of the session."""
        return self.versions[-1].facts

    def first(self, progress: Progress | None = None) -> tuple[Path, Folder]:
        """The session as it is: its mix and its stems."""
        return self._rendered({}, progress)

    def render(
        self, moves: Mapping[str, Sequence[Move]], done: Callable[[], None] | None = None
    ) -> tuple[Path, Folder]:
        """The session with moves made. Raises UsageError for one it cannot hold."""
        made = self._rendered(moves, None)
        if done:
            done()
        return made

    def _rendered(self, moves: Mapping[str, Sequence[Move]], progress: Progress | None) -> tuple[Path, Folder]:
        place = self.folder / str(len(self.versions))
        made = render(
            moved(self.session, moves), place, pan_law=self.pan_law, plugins=self.plugins, buses=False,
            progress=progress,
        )  # fmt: skip
        first = self.versions[0].stems if self.versions else {}
        stems = []
        for name, path in made.stems.items():
            same = name in first and filecmp.cmp(path, first[name], shallow=False)
            if same:
                path.unlink()
            stems.append(first[name] if same else path)
        if len(self.versions) > 1:  # only the first and the last are needed
            shutil.rmtree(self.versions.pop().mix.parent, ignore_errors=True)
        self.versions.append(made)
        return made.mix, Folder(place, stems)

    def can(self, name: str, move: Move) -> bool:
        """Whether the session can hold a move on a target of that name."""
        if not can(self.session, name, move):
            return False
        return self.session.format != "REAPER" or self._written(name, move)

    def _written(self, name: str, move: Move) -> bool:
        """Whether a move can be written: REAPER refuses some by what else is on a channel, and a project is small."""
        with tempfile.TemporaryDirectory(prefix="mixdiagnose-") as folder:
            try:
                write_session(self.session, moved(self.session, {name: (move,)}), Path(folder, "tried.rpp"))
            except UsageError:
                return False
        return True
