"""A correction from files to files: decided by the loop or read from a file, and written in all its forms."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsp.correction.correction import Correction, InputFile, Target, Tried
from dsp.correction.plan import (
    Moves,
    Settings,
    fits_rate,
    rate_of,
    targets_of,
)
from dsp.diagnose import Report
from dsp.errors import UsageError
from dsp.findings import DelayMove, RemoveDevice, fix_to_dict
from dsp.mix import Mix
from mixdiagnose import __version__
from mixdiagnose.loop import Bars, Job, Loop, Step, no_bar
from plugin_bridge.corrected import Workshop


@dataclass(frozen=True)
class Outcome:
    """A correction, the reports before and after it, and every step on the way."""

    correction: Correction
    before: Report
    after: Report
    steps: tuple[Step, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    differences: tuple[str, ...] | None = None  #: of a session, what is changed in it, a line each

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the command line: both reports, the correction, and the steps on the way."""
        return {
            "schema_version": 1,
            "correction": self.correction.to_dict(),
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "steps": [
                {
                    "group": s.group, "kept": s.kept, "reason": s.reason,
                    "moves": [fix_to_dict(m) for row in s.moves.values() for m in row],
                }
                for s in self.steps
            ],
            "seconds": dict(self.seconds),
            **({} if self.differences is None else {"differences": list(self.differences)}),
        }  # fmt: skip

    @property
    def moves(self) -> Moves:
        """What is done to each target."""
        return {t.name: t.moves for t in self.correction.targets}


def fix(
    job: Job, output: Path | None, settings: Settings, *, apply: Correction | None = None,
    bars: Bars = no_bar,
) -> Outcome:  # fmt: skip
    """Correct a mix and write OUT/mix.wav and OUT/stems; with `output` None nothing is written (a dry run).

    With `apply` the moves of that correction are made instead of looking for new ones. Raises UsageError where the
    output exists, and what measuring raises.
    """
    if output is not None and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} exists and is not an empty folder; choose another with -o")
    parent = output.absolute().parent if output is not None else None
    if parent is not None and not parent.is_dir():
        raise UsageError(f"{output}: there is no folder {parent}")
    try:
        with tempfile.TemporaryDirectory(prefix=".mixdiagnose-", dir=parent) as made:
            return _corrected(job, output, settings, Path(made), apply=apply, bars=bars)
    except OSError as error:
        where = output if output is not None else tempfile.gettempdir()
        raise UsageError(f"{where} cannot be written: {error.strerror or error}") from None


def _corrected(
    job: Job, output: Path | None, settings: Settings, made: Path, *, apply: Correction | None, bars: Bars
) -> Outcome:
    """Correct a mix in the folder `made`, and move what comes of it to the output."""
    loop = Loop(job, made / "versions", bars)
    before, steps = loop.report(), tuple[Step, ...]()
    if apply is not None:
        loop.apply(fitting(apply, loop.first))
    else:
        steps = loop.run(settings)
    correction = correction_of(loop, steps, settings, apply)
    outcome = Outcome(correction, before, loop.report(), steps, loop.seconds)
    if output is not None:
        started = time.perf_counter()
        with bars("Writing"):
            deliver(loop, outcome, made / "out")
        loop.spend("write", started)
        if output.exists():
            output.rmdir()
        (made / "out").rename(output)
    return outcome


def deliver(loop: Loop, outcome: Outcome, folder: Path) -> None:
    """Complete the folder: all stems and the mix, the correction and its other forms, excerpts to compare."""
    from plugin_bridge.eq_formats import write_correction, write_forms
    from plugin_bridge.excerpts import write_excerpts

    assert isinstance(loop.workshop, Workshop)
    loop.workshop.deliver(loop.moves, folder)
    write_correction(outcome.correction, folder / "correction.json")
    if loop.moves:
        write_forms(outcome.correction, folder / "forms")
        write_excerpts(loop.workshop, folder / "mix.wav", folder / "listen")


def fitting(correction: Correction, mix: Mix) -> Moves:
    """The moves of a correction for a mix. Raises UsageError naming a target or a band that does not fit it."""
    names = targets_of(mix)
    if missing := [t.name for t in correction.targets if t.name not in names]:
        there = ", ".join(sorted(names))
        raise UsageError(f"the correction is for {', '.join(missing)}; what can be corrected here: {there}")
    devices = [m.device for t in correction.targets for m in t.moves if isinstance(m, RemoveDevice)]
    if devices and mix.session is None:
        raise UsageError(f"the correction switches off '{devices[0]}', which only its session has; apply it to that")
    for target in correction.targets:
        rate = rate_of(mix, target.name)
        if band := next((b for b in target.bands if not fits_rate(b, rate)), None):
            raise UsageError(
                f"the correction of {target.name} has a band at {band.frequency_hz:g} Hz; {rate} Hz hold none"
            )
    factor = mix.source.sample_rate / correction.sample_rate
    return {
        t.name: tuple(replace(m, samples=m.samples * factor) if isinstance(m, DelayMove) else m for m in t.moves)
        for t in correction.targets
    }


def correction_of(loop: Loop, steps: Sequence[Step], settings: Settings, apply: Correction | None) -> Correction:
    """What was done to a mix; of one that repeats another, what that says of how it was decided."""
    mix = loop.first
    inputs = [InputFile(Path(mix.source.name).name or mix.source.name, mix.duration_s)]
    inputs += [InputFile(Path(s.source.name).name, s.frames / s.rate_hz) for s in loop.workshop.stems]
    made = Correction(
        sample_rate=mix.source.sample_rate,
        targets=tuple(Target(name, moves) for name, moves in loop.moves.items()),
        strength=settings.strength,
        inputs=tuple(inputs),
        applied=tuple(dict.fromkeys(s.group for s in steps if s.kept)),
        tried=tuple(Tried(s.group, s.reason) for s in steps if not s.kept),
        version=__version__,
    )
    if apply is None:
        return made
    return replace(made, strength=apply.strength, applied=apply.applied, tried=apply.tried)
