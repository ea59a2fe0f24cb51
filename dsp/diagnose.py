"""Runs the checks over a mix and gathers what they say into a report."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsp.checks import DIMENSIONS, Check, all_checks, find_check
from dsp.errors import MixDiagnoseError, UsageError
from dsp.findings import ORDER, Finding, Measurement, Status, finding_from_dict, finding_to_dict
from dsp.listening.causes import attributed
from dsp.meters.stereo import STEP_HOPS
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.regions import REGIONS
from dsp.session import SessionFacts, session_from_dict, session_to_dict
from dsp.stems.model import SUM, Stem, Stems
from dsp.units import Curve

SCHEMA_VERSION = 1

#: Preconditions a check may name in `NEEDS`, and why it is skipped where one is not met.
UNMET: dict[str, Callable[[Mix], str | None]] = {
    "sound": lambda mix: "the file is digital silence" if mix.silent else None,
    "loudness": lambda mix: (
        "nothing in it is long and loud enough to measure loudness (400 ms above -70 LUFS)"
        if mix.readings.loudness.integrated_lufs is None
        else None
    ),
    "references": lambda mix: None if mix.references else "no reference track was given (--reference FILE)",
    "stems": lambda mix: None if mix.stems and mix.stems.sounding else "no stems were given (--stems DIR)",
    "bus": lambda mix: (
        None if mix.stems and mix.stems.bus else "needs the mix beside its stems (check MIX --stems DIR)"
    ),
    "session": lambda mix: None if mix.session and mix.session.channels else "needs a session (audit SESSION)",
    "encoded": lambda mix: None if mix.encoded is not None else "no codec was run",
    "stereo": lambda mix: None if mix.readings.stereo else f"needs two channels, the file is {mix.source.layout}",
}

#: Points a finding takes from its dimension's 100, and the lowest score of each grade (our judgement).
COST: dict[Status, int] = {"problem": 40, "warning": 15, "undetermined": 5, "info": 2}
GRADES = ((80, "good"), (50, "fair"), (0, "poor"))


@dataclass(frozen=True)
class ChecklistItem:
    """One line of the checklist: a check and the status of its worst finding."""

    id: str
    title: str
    status: Status
    measured: str
    target: str


@dataclass(frozen=True)
class Score:
    """0 to 100 for one dimension: 100 less `COST` of every finding, and its grade."""

    score: int
    grade: str


@dataclass(frozen=True)
class Opinion:
    """A reading of another meter beside ours, and why they differ where they do."""

    name: str
    by: str
    ours: float | None
    theirs: float | None
    unit: str
    cause: str


@dataclass(frozen=True)
class TimeCurve:
    """A reading over time: value k belongs to what starts at k times `step_s`; None where not measurable."""

    unit: str
    step_s: float
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class StemReport:
    """One stem: what it is in the arrangement, how sure that is and why, where it starts, and its readings."""

    name: str
    role: str
    role_confidence: float
    role_reason: str
    offset_s: float  #: of its first sample from the start of the mix
    #: by region: its share of the energy of the sum, negative where it cancels others; None where nothing sounds
    shares: dict[str, float | None]
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Report:
    """A whole diagnosis; `to_dict` and `from_dict` are inverse of each other."""

    profile: str
    genre: str | None
    tool: dict[str, str]
    inputs: tuple[dict[str, Any], ...]
    ready: bool
    measurements: tuple[Measurement, ...]
    third_octave_hz: tuple[float, ...]
    third_octave_db: tuple[float | None, ...]
    curves: dict[str, TimeCurve]
    checklist: tuple[ChecklistItem, ...]
    findings: tuple[Finding, ...]
    scores: dict[str, Score]
    seconds: dict[str, float]
    second_opinion: tuple[Opinion, ...] = ()
    stems: tuple[StemReport, ...] = ()
    session: SessionFacts | None = None  #: what was rendered, where a session was

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON of the command line."""
        data: dict[str, Any] = _lists(
            {
                "schema_version": SCHEMA_VERSION,
                "tool": dict(self.tool),
                "profile": self.profile,
                "genre": self.genre,
                "inputs": [dict(i) for i in self.inputs],
                "ready": self.ready,
                "measurements": {
                    **{m.name: _measurement(m) for m in self.measurements},
                    "third_octave_db": {
                        "value": list(self.third_octave_db),
                        "unit": "dB",
                        "band_hz": list(self.third_octave_hz),
                    },
                },
                "curves": {name: dataclasses.asdict(curve) for name, curve in self.curves.items()},
                "stems": {
                    s.name: {
                        "role": s.role,
                        "role_confidence": s.role_confidence,
                        "role_reason": s.role_reason,
                        "offset_s": s.offset_s,
                        "shares": dict(s.shares),
                        "measurements": {m.name: _measurement(m) for m in s.measurements},
                    }
                    for s in self.stems
                },
                "checklist": [dataclasses.asdict(item) for item in self.checklist],
                "findings": [finding_to_dict(f) for f in self.findings],
                "scores": {name: dataclasses.asdict(score) for name, score in self.scores.items()},
                "second_opinion": [dataclasses.asdict(opinion) for opinion in self.second_opinion],
                "seconds": dict(self.seconds),
                **({"session": session_to_dict(self.session)} if self.session else {}),
            }
        )
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """A report read back from its JSON."""
        measurements = dict(data["measurements"])
        octaves = measurements.pop("third_octave_db")
        return cls(
            profile=data["profile"],
            genre=data["genre"],
            tool=data["tool"],
            inputs=tuple(data["inputs"]),
            ready=data["ready"],
            measurements=_measurements(measurements),
            third_octave_hz=tuple(octaves["band_hz"]),
            third_octave_db=tuple(octaves["value"]),
            curves={name: TimeCurve(c["unit"], c["step_s"], tuple(c["values"])) for name, c in data["curves"].items()},
            checklist=tuple(ChecklistItem(**item) for item in data["checklist"]),
            findings=tuple(finding_from_dict(f) for f in data["findings"]),
            scores={name: Score(**score) for name, score in data["scores"].items()},
            seconds=data["seconds"],
            second_opinion=tuple(Opinion(**o) for o in data["second_opinion"]),
            stems=tuple(
                StemReport(name, **{**stem, "measurements": _measurements(stem["measurements"])})
                for name, stem in data["stems"].items()
            ),
            session=session_from_dict(data["session"]) if "session" in data else None,
        )


def _lists(value: Any) -> Any:
    """The same with lists for tuples, as JSON has it."""
    if isinstance(value, dict):
        return {k: _lists(v) for k, v in value.items()}
    return [_lists(v) for v in value] if isinstance(value, list | tuple) else value


def _measurements(data: dict[str, Any]) -> tuple[Measurement, ...]:
    return tuple(Measurement(name, m["value"], m["unit"], m.get("at_s")) for name, m in data.items())


def _measurement(m: Measurement) -> dict[str, Any]:
    return {"value": m.value, "unit": m.unit} | ({"at_s": m.at_s} if m.at_s is not None else {})


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Check, ...]:
    """The checks to run. Raises UsageError for an id that does not exist."""
    chosen = {find_check(i).id for i in only} or {c.id for c in all_checks()}
    chosen -= {find_check(i).id for i in skip}
    if not chosen:
        raise UsageError("no check is left to run")
    return tuple(c for c in all_checks() if c.id in chosen)


def run_check(check: Check, mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    """What one check says: its findings, why it was skipped, or how it crashed."""
    duration = (Measurement("duration_s", mix.duration_s, "s"),)
    for need in check.needs:
        if reason := UNMET[need](mix):
            message = f"Skipped: {reason}."
            return (Finding(check.id, "skipped", "none", check.title, message, duration, measured="skipped"),)
    try:
        said = tuple(attributed(_completed(f, check, mix), mix, profile) for f in check.run(mix, profile))
        if not said:
            raise ValueError("it said nothing")
        return said
    except MixDiagnoseError:
        raise
    except Exception as error:  # one broken check must not cost the user the others
        message = f"This check failed ({type(error).__name__}: {error}); the others are unaffected."
        return (Finding(check.id, "crashed", "medium", check.title, message, duration, measured="crashed"),)


def _completed(finding: Finding, check: Check, mix: Mix) -> Finding:
    """What is found wrong says when, what it may mean and what to listen for; what has no time holds throughout."""
    if finding.status not in ("info", "warning", "problem"):
        return finding
    evidence = finding.evidence
    if all(m.at_s is None for m in evidence):
        evidence += (Measurement("throughout_s", mix.duration_s, "s", (0.0, mix.duration_s)),)
    return dataclasses.replace(
        finding, evidence=evidence, means=finding.means or check.means, listen=finding.listen or check.listen
    )


def score(findings: Sequence[Finding], dimension_of: dict[str, str]) -> dict[str, Score]:
    """The score of every dimension that was judged, in the order of `DIMENSIONS`."""
    scores = {}
    for dimension in DIMENSIONS:
        judged = [f for f in findings if dimension_of[f.check] == dimension and f.status not in ("skipped", "crashed")]
        if judged:
            points = max(0, 100 - sum(COST.get(f.status, 0) for f in judged))
            scores[dimension] = Score(points, next(name for least, name in GRADES if points >= least))
    return scores


def diagnose(
    mix: Mix,
    profile: Profile,
    *,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    tool: dict[str, str] | None = None,
    seconds: dict[str, float] | None = None,
) -> Report:
    """Judge a measured mix by a profile.

    Ready means: something sounds, all of the file was read, and no check found a problem or crashed.
    Raises UsageError for an unknown check id.
    """
    checks = select(only, skip)
    started = time.perf_counter()
    findings: list[Finding] = []
    checklist = []
    for check in checks:
        said = run_check(check, mix, profile)
        worst = max(said, key=lambda f: ORDER.index(f.status))
        checklist.append(ChecklistItem(check.id, check.title, worst.status, worst.measured, worst.target))
        findings += said
    findings.sort(key=lambda f: -ORDER.index(f.status))
    hz, db = mix.third_octaves()
    bad = any(f.status in ("problem", "crashed") for f in findings)
    return Report(
        profile=profile.name,
        genre=profile.genre.name,
        tool=tool or {},
        inputs=_inputs(mix),
        ready=not (bad or mix.silent or mix.source.partial),
        stems=_stems(mix.stems) if mix.stems else (),
        session=mix.session,
        measurements=mix.measurements(),
        third_octave_hz=hz,
        third_octave_db=db,
        curves=_curves(mix),
        checklist=tuple(checklist),
        findings=tuple(findings),
        scores=score(findings, {c.id: c.dimension for c in checks}),
        seconds={**(seconds or {}), "checks": round(time.perf_counter() - started, 4)},
    )


def _curves(mix: Mix) -> dict[str, TimeCurve]:
    """Short-term loudness, PSR and correlation over time, for plots."""
    r = mix.readings
    hop_s, per_s = r.loudness.hop_s, round(1.0 / r.loudness.hop_s)
    curves = {
        "short_term_lufs": TimeCurve("LUFS", per_s * hop_s, _values(r.loudness.short_term_lufs(per_s))),
        "psr_db": TimeCurve("dB", r.true_peak.block_s, _values(r.dynamics.psr_db)),
    }
    if r.stereo:
        curves["correlation"] = TimeCurve("", STEP_HOPS * hop_s, _values(r.stereo.correlation_curve))
    return curves


def _values(curve: Curve) -> tuple[float | None, ...]:
    """A curve for JSON: rounded to a thousandth, None for what is not a finite number."""
    return tuple(v if math.isfinite(v) else None for v in np.round(curve, 3).tolist())


def _inputs(mix: Mix) -> tuple[dict[str, Any], ...]:
    """Everything that was measured: the mix, its references, its stems."""
    tracks = [("mix", mix.source, mix.duration_s), *(("reference", r.source, r.duration_s) for r in mix.references)]
    if mix.stems:
        rate = mix.source.sample_rate
        tracks += [("stem", s.source, s.frames / rate) for s in mix.stems.stems]
    return tuple(
        {
            "role": role,
            **dataclasses.asdict(source),
            "channels": source.channels,
            "duration_s": round(duration_s, 6),
        }
        for role, source, duration_s in tracks
    )


def _stems(stems: Stems) -> tuple[StemReport, ...]:
    """Every stem with its share of the sum, which adds up to one in every region."""
    total = stems.sum_power.sum(axis=0, dtype=np.float64)
    shared = [s.readings.cross[:, SUM, 0].sum(axis=0, dtype=np.float64) for s in stems.stems]
    inside = {r.name: r.of(stems.band_hz) for r in REGIONS}
    return tuple(
        _stem(
            stem,
            {
                name: round(float(own[bands].sum() / total[bands].sum()), 4) if total[bands].sum() > 0.0 else None
                for name, bands in inside.items()
            },
        )
        for stem, own in zip(stems.stems, shared, strict=True)
    )


def _stem(stem: Stem, shares: dict[str, float | None]) -> StemReport:
    r = stem.readings
    return StemReport(
        name=stem.name,
        role=stem.role.name,
        role_confidence=round(stem.role.confidence, 3),
        role_reason=stem.role.reason,
        offset_s=stem.offset_samples / stem.rate_hz,
        shares=shares,
        measurements=(
            Measurement("integrated_lufs", r.loudness.integrated_lufs, "LUFS"),
            Measurement("true_peak_dbtp", r.true_peak.max_dbtp, "dBTP", r.true_peak.at_s),
            Measurement("sample_peak_dbfs", r.level.sample_peak_dbfs, "dBFS", r.level.sample_peak_at_s),
            Measurement("rms_dbfs", r.level.rms_dbfs, "dBFS"),
            Measurement("crest_db", r.level.crest_db, "dB"),
            Measurement("psr_min_db", r.dynamics.psr_min_db, "dB", r.dynamics.psr_min_at_s),
            Measurement("correlation", r.stereo.correlation if r.stereo else None, ""),
            Measurement("mono_loss_db", r.stereo.mono_loss_db if r.stereo else None, "dB"),
            Measurement("balance_db", r.level.balance_db, "dB"),
            Measurement("clipped_runs", r.clipping.runs, "runs"),
        ),
    )
