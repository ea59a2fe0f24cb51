"""The closed loop: moves are made, measured, and kept only where they helped and harmed nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

from dsp.correction.plan import (
    GOALS,
    GROUPS,
    Group,
    Moves,
    Seen,
    Settings,
    merged,
    propose,
    restores,
    scaled,
    taken_back,
)
from dsp.correction.proof import LEVELS, NEARER_DB, harmed, improved, nearer
from dsp.diagnose import Report, diagnose
from dsp.errors import UsageError
from dsp.findings import Finding
from dsp.mix import Mix
from dsp.stems.versions import compared
from mixdiagnose.checking import Progress, judging, measure_all, measure_with_folder, of_session, tool
from plugin_bridge.chain import MOST_CHANNELS
from plugin_bridge.corrected import Workshop
from plugin_bridge.sessions.workshop import SessionWorkshop
from plugin_bridge.stem_folder import Folder
from plugin_bridge.stems import measure_folder

#: The group that comes before all that is judged by levels.
DEVICES: Final[Group] = "devices"
#: A group is proposed again from what it has left, so often at most: what one round leaves, the next sees smaller.
ROUNDS: Final = 3
#: The strength that makes moves as they were found (%).
FULL: Final = 100.0
#: Of several groups at once that restore another version, nearly all that differed must be gone (dB).
MUCH_NEARER_DB: Final = 10.0
#: Checks that are not asked in the loop: encoding takes longer than all others, and follows the true peak.
LEFT_OUT: Final = ("codec-peaks",)


#: Makes a bar of a label: a context that gives what is told the share done.
Bars: TypeAlias = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Step:
    """One group that was tried: its moves, whether they were kept, and why not."""

    group: Group
    moves: Moves
    kept: bool
    reason: str


@dataclass(frozen=True)
class Job:
    """What is to be corrected, and by what it is judged."""

    mix: Path | None
    folder: Folder | None
    references: Sequence[str] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    profile: str = "mix"
    genre: str | None = None
    session: SessionWorkshop | None = None  #: where mix and stems are rendered from a session


@contextmanager
def no_bar(_: str) -> Iterator[Progress]:
    """No bar at all."""
    yield lambda share: None


def _count(step: Progress, files: int, done: Iterator[int]) -> None:
    step(min(1.0, (next(done) + 1) / files))


class Loop:
    """One correction: measures, proposes, renders into a folder, measures again."""

    def __init__(self, job: Job, folder: Path, bars: Bars = no_bar) -> None:
        self._job, self._bars = job, bars
        self._profile = judging(job.profile, job.genre)
        self.seconds: dict[str, float] = {}
        self.first = self._first()
        if self.first.source.channels > MOST_CHANNELS:
            raise UsageError(f"{job.mix} is {self.first.source.layout}; only mono and stereo are corrected")
        self.workshop = job.session or Workshop(self.first, self._mix_file(), folder)
        self.now, self.moves = self.first, Moves()
        self._restoring = restores(self.first)
        self._meant = self._of_versions()
        self.findings: Sequence[Finding] = self._judged(self.first).findings

    def run(self, settings: Settings) -> tuple[Step, ...]:
        """Try every group in order, at full strength, then make so much of it as is wanted; returns what was tried."""
        first = self._tried(DEVICES, settings)  # with a limiter on, no level says anything
        steps = [first] if first else []
        steps += self._together(settings)
        for group in (g for g in GROUPS if g != DEVICES):
            for _ in range(ROUNDS):
                step = self._tried(group, settings)
                if step is None:
                    break
                steps.append(step)
                if not step.kept:
                    break
        return tuple(steps) if settings.strength >= FULL else self._scaled(steps, settings.strength)

    def _scaled(self, steps: Sequence[Step], strength: float) -> tuple[Step, ...]:
        """The same steps with a part (%) of their moves, made as one."""
        part = [replace(s, moves=scaled(s.moves, strength)) for s in steps]
        moves = merged(*(s.moves for s in part if s.kept))
        if moves != self.moves:
            self.apply(moves)
        return tuple(s for s in part if s.moves)

    def apply(self, moves: Moves) -> None:
        """Make moves that were decided elsewhere."""
        self.now = self._measured(moves)
        self.moves = moves
        self.findings = self._judged(self.now).findings

    def report(self) -> Report:
        """The whole diagnosis of the mix as it is now, its files called as they were given."""
        now, stems = self.now, self.now.stems
        if stems is not None:
            names = {s.name: s.source.name for s in self.workshop.stems}
            named = tuple(replace(s, source=replace(s.source, name=names[s.name])) for s in stems.stems)
            stems = replace(stems, stems=named)
        return self._judged(replace(now, source=replace(now.source, name=self.first.source.name), stems=stems))

    def _together(self, settings: Settings) -> list[Step]:
        """Several groups made and measured at once: kept if each mends its own and none harms; else nothing is.

        What of them is proved that way needs no measurement of its own; where it is not, they are tried one by one.
        """
        seen, plans = self._seen(), dict[Group, Moves]()
        for group in (g for g in GROUPS[:-1] if g != DEVICES):
            if own := self._proposed(group, seen, settings, merged(self.moves, *plans.values())):
                plans[group] = own
        if len(plans) < 2:
            return []
        extra, made = self._levelled(merged(*plans.values()), tuple(c for g in plans for c in GOALS[g]), settings)
        if any(self._why_not(made.findings, GOALS[g], plans) for g in plans):
            return []
        first = next(iter(plans))
        plans[first] = merged(plans[first], extra)
        self._keep(made, merged(*plans.values()))
        return [Step(g, moves, True, "") for g, moves in plans.items()]

    def _tried(self, group: Group, settings: Settings) -> Step | None:
        own = self._proposed(group, self._seen(), settings, self.moves)
        if not own:
            return None
        extra, made = self._levelled(own, GOALS[group], settings)
        own = merged(own, extra)
        reason = self._why_not(made.findings, GOALS[group])
        if not reason:
            self._keep(made, own)
        return Step(group, own, not reason, reason)

    def _proposed(self, group: Group, seen: Seen, settings: Settings, made: Moves) -> Moves:
        """What a group proposes after moves that are made, as far as the session can hold it."""
        own, session = propose(group, seen, settings, made), self._job.session
        if session is None:
            return own
        kept = {name: tuple(m for m in row if session.can(name, m)) for name, row in own.items()}
        return {name: row for name, row in kept.items() if row}

    def _seen(self) -> Seen:
        return Seen(self.now, self.findings, self._profile, self._restoring)

    def _keep(self, made: Seen, own: Moves) -> None:
        self.now, self.moves, self.findings = made.mix, merged(self.moves, own), made.findings

    def _levelled(self, own: Moves, goals: Sequence[str], settings: Settings) -> tuple[Moves, Seen]:
        """Moves made and measured, with a gain for all where all they harm is that the mix is louder now: that gain."""
        made = self._made(own)
        harm = harmed(self.findings, made.findings, goals, self._meant)
        if not harm or not set(harm) <= set(LEVELS):
            return {}, made
        extra = taken_back(made, settings, merged(self.moves, own))
        return extra, self._made(merged(own, extra)) if extra else made

    def _why_not(self, after: Sequence[Finding], goals: Sequence[str], plans: Collection[Group] = ()) -> str:
        """Why moves are not kept; empty where they are. `plans` are the groups made with them."""
        better = improved(self.findings, after, goals)
        if self._restoring:
            better = nearer(self.findings, after, MUCH_NEARER_DB if plans else NEARER_DB)
        if not better:
            return "what it was meant to mend did not get better"
        if worse := harmed(self.findings, after, {*goals, *(c for g in plans for c in GOALS[g])}, self._meant):
            return f"it made worse: {', '.join(worse)}"
        return ""

    def _of_versions(self) -> Sequence[Finding]:
        """What there is to say of the other version of the mix, where it is to be restored."""
        stems = self.first.stems
        if not self._restoring or stems is None:
            return ()
        names = {r.name for k, r in enumerate(stems.references) if compared(stems, k).state == "version"}
        return [f for r in self.first.references if r.source.name in names for f in self._judged(r).findings]

    def _made(self, own: Moves) -> Seen:
        """The mix with moves made after those that were kept, measured and judged."""
        measured = self._measured(merged(self.moves, own))
        return Seen(measured, self._judged(measured).findings, self._profile, self._restoring)

    def _measured(self, moves: Moves) -> Mix:
        """The mix with moves made, measured from the files that were written."""
        job, started = self._job, time.perf_counter()
        with self._bars("Making the moves") as step:
            files = sum(bool(row) for row in moves.values()) + 1
            mix, folder = self.workshop.render(moves, partial(_count, step, files, count()))
        self.spend("render", started)
        started = time.perf_counter()
        with self._bars("Measuring again") as step:
            if folder is None or not folder.stems:
                assert mix is not None
                measured = measure_all(mix, (), step)
            else:
                known = {s.name: s for s in self.now.stems.stems} if self.now.stems else None
                references = job.references if mix else ()
                measured = measure_folder(
                    mix, folder, references=references, roles=job.roles, known=known, progress=step
                )
        self.spend("measure", started)
        facts = job.session.facts if job.session else None
        return _as_given(replace(measured, references=self.first.references, session=facts), self.first)

    def _first(self) -> Mix:
        job = self._job
        if job.session is not None:
            return self._first_of(job.session)
        started = time.perf_counter()
        with self._bars("Listening") as step:
            if job.folder is not None:
                first = measure_with_folder(
                    job.mix, job.folder, references=job.references, roles=job.roles, progress=step
                )
            else:
                assert job.mix is not None
                first = measure_all(job.mix, job.references, step)
        self.spend("measure", started)
        return first

    def _first_of(self, session: SessionWorkshop) -> Mix:
        """The session as it is, rendered and measured."""
        job, started = self._job, time.perf_counter()
        with self._bars("Rendering the session") as step:
            mix, folder = session.first(step)
        self.spend("render", started)
        started = time.perf_counter()
        with self._bars("Listening") as step:
            if folder.stems:
                measured = measure_with_folder(
                    mix, folder, references=job.references, roles=job.roles, placed=True, progress=step
                )
            else:
                measured = measure_all(mix, job.references, step)
        self.spend("measure", started)
        given = of_session(measured, session.session.file, session.facts)
        session.measured = replace(given, stems=measured.stems)
        return session.measured

    def _mix_file(self) -> Path | None:
        """The file of the mix; None where it is the sum of the stems."""
        if self.first.stems and self.first.stems.summed:
            return None
        return Path(self.first.source.name)

    def _judged(self, mix: Mix) -> Report:
        started = time.perf_counter()
        report = diagnose(mix, self._profile, skip=LEFT_OUT, tool=tool())
        self.spend("checks", started)
        return report

    def spend(self, what: str, started: float) -> None:
        """Add the time since `started` to what that takes."""
        self.seconds[what] = round(self.seconds.get(what, 0.0) + time.perf_counter() - started, 4)


def _as_given(mix: Mix, given: Mix) -> Mix:
    """A mix as one of the files it was made from: what an encoder or a broken file has lost no WAV brings back."""
    source = replace(given.source, name=mix.source.name)
    if mix.stems is None or given.stems is None:
        return replace(mix, source=source)
    was = {s.name: s.source for s in given.stems.stems}
    stems = tuple(replace(s, source=replace(was[s.name], name=s.source.name)) for s in mix.stems.stems)
    return replace(mix, source=source, stems=replace(mix.stems, stems=stems, unusable=given.stems.unusable))
