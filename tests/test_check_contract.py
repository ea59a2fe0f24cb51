"""What every check promises, whatever it checks."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from dsp import checks
from dsp.audio import Source
from dsp.checks import Check, all_checks, find_check
from dsp.diagnose import Report, diagnose, run_check, select
from dsp.errors import UsageError
from dsp.instrument import Threshold
from dsp.mix import Mix, measure
from dsp.profile import Profile, load_profile, profile_names
from dsp.units import Curve, Samples
from render_tests.scenes.base import clean
from tests.test_lockstep import AWKWARD as AWKWARD_STEMS
from tests.test_lockstep import awkward as awkward_stems

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "mixdiagnose" / "report.schema.json").read_text(encoding="utf-8"))
IDS = [c.id for c in all_checks()]


def signal(name: str) -> tuple[Samples, Source]:
    """Awkward programmes by name."""
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((8, 96_000)).astype(np.float32)
    t = np.arange(96_000)

    def source(rate: int, layout: str) -> Source:
        return Source(name, "WAV", "PCM", rate, layout, 24)

    tone = np.stack([np.sin(0.1309 * t)] * 2).astype(np.float32)
    made: dict[str, tuple[Curve, Source]] = {
        "silence": (np.zeros((2, 96_000), np.float32), source(48_000, "stereo")),
        "mono": (0.1 * noise[:1], source(48_000, "mono")),
        "one frame": (noise[:2, :1], source(48_000, "stereo")),
        "no frames": (noise[:2, :0], source(48_000, "stereo")),
        "0.1 s": (0.1 * noise[:2, :4800], source(48_000, "stereo")),
        "8 kHz": (0.1 * noise[:2], source(8_000, "stereo")),
        "192 kHz": (0.1 * noise[:2], source(192_000, "stereo")),
        "5.1": (0.1 * noise[:6], source(48_000, "5.1")),
        "tone": (0.5 * tone, source(48_000, "stereo")),
        "full-scale noise": (np.clip(noise[:2], -1, 1), source(48_000, "stereo")),
        "opposite": (0.3 * np.stack([noise[0], -noise[0]]), source(48_000, "stereo")),
        "left only": (0.3 * np.stack([noise[0], 0 * noise[0]]), source(48_000, "stereo")),
        "beyond full scale": (1e4 * noise[:2], source(48_000, "stereo")),
        "partial": (0.1 * noise[:2], dataclasses.replace(source(48_000, "stereo"), partial="ends early")),
    }
    samples, of = made[name]
    return np.ascontiguousarray(samples, dtype=np.float32), of


AWKWARD = [
    *("silence", "mono", "one frame", "no frames", "0.1 s", "8 kHz", "192 kHz", "5.1", "tone", "full-scale noise"),
    *("opposite", "left only", "beyond full scale", "partial"),
]


@cache
def measured(name: str) -> Mix:
    if name == "clean":
        return measure(Source("clean", "WAV", "PCM", 48_000, "stereo", 24), [clean()])
    samples, source = signal(name)
    return measure(source, [samples])


@pytest.mark.parametrize("name", [*AWKWARD, "clean"])
@pytest.mark.parametrize("profile", ["mix", "master"])
def test_no_input_makes_a_check_crash_or_speak_without_evidence(name: str, profile: str) -> None:
    mix = measured(name)
    for check in all_checks():
        for finding in run_check(check, mix, load_profile(profile)):
            assert finding.status != "crashed", finding.message
            assert finding.check == check.id
            assert finding.evidence
            assert finding.title
            assert finding.message
            assert finding.measured
            for m in finding.evidence:
                assert m.value is None or math.isfinite(m.value)
            assert "nan" not in finding.message.lower().split()
            assert "None" not in finding.message + finding.measured


@pytest.mark.parametrize("name", AWKWARD_STEMS)
@pytest.mark.parametrize("with_mix", [True, False])
def test_no_stems_make_a_check_crash(name: str, with_mix: bool) -> None:
    report = diagnose(awkward_stems(name, with_mix), load_profile("mix"))
    for finding in report.findings:
        assert finding.status != "crashed", f"{finding.check}: {finding.message}"
        assert "nan" not in finding.message.lower().split()
        assert "None" not in finding.message + finding.measured
    text = json.dumps(report.to_dict(), allow_nan=False)
    jsonschema.validate(json.loads(text), SCHEMA)
    assert Report.from_dict(json.loads(text)).to_dict() == json.loads(text)


@pytest.mark.parametrize("name", [*AWKWARD, "clean"])
def test_a_report_fits_the_schema_and_survives_the_journey(name: str) -> None:
    report = diagnose(measured(name), load_profile("mix"))
    text = json.dumps(report.to_dict(), allow_nan=False)
    jsonschema.validate(json.loads(text), SCHEMA)
    assert Report.from_dict(json.loads(text)).to_dict() == json.loads(text)
    again = diagnose(measured(name), load_profile("mix"))
    assert again.findings == report.findings


@pytest.mark.parametrize("check", all_checks(), ids=IDS)
def test_a_check_is_documented_and_named_after_its_file(check: Check) -> None:
    for part in ("**Why it matters.**", "**How it is measured.**", "**References.**"):
        assert part in check.doc
    module = check.id.replace("-", "_")
    assert (ROOT / "dsp" / "checks" / f"{module}.py").is_file()
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.id)
    assert check.means.endswith(".")
    assert check.listen.endswith((".", "?"))


@pytest.mark.parametrize("name", [*AWKWARD, "clean"])
def test_what_is_found_wrong_says_when_what_it_may_mean_and_what_to_listen_for(name: str) -> None:
    for finding in diagnose(measured(name), load_profile("mix")).findings:
        if finding.status in ("info", "warning", "problem"):
            assert any(m.at_s is not None for m in finding.evidence), finding.check
            assert finding.means, finding.check
            assert finding.listen, finding.check


class Recorder(dict[str, dict[str, Threshold]]):
    """Thresholds that remember which were asked for."""

    def __init__(self, of: Profile) -> None:
        self.asked: set[tuple[str, str]] = set()
        super().__init__({c: Row(c, dict(t), self.asked) for c, t in of.checks.items()})


class Row(dict[str, Threshold]):
    def __init__(self, check: str, thresholds: dict[str, Threshold], asked: set[tuple[str, str]]) -> None:
        super().__init__(thresholds)
        self.check, self.asked = check, asked

    def __getitem__(self, key: str) -> Threshold:
        self.asked.add((self.check, key))
        return super().__getitem__(key)


@pytest.mark.parametrize("profile", profile_names())
def test_every_threshold_has_a_source_and_is_used(profile: str) -> None:
    loaded = load_profile(profile)
    assert set(loaded.checks) <= set(IDS)
    for check, thresholds in loaded.checks.items():
        text = (ROOT / "dsp" / "checks" / f"{check.replace('-', '_')}.py").read_text(encoding="utf-8")
        for key, threshold in thresholds.items():
            assert len(threshold.source) > 10, (check, key)
            assert f'"{key}"' in text, f"{check} never reads {key}"


def test_clean_music_asks_only_for_thresholds_there_are() -> None:
    for name in profile_names():
        recorder = Recorder(load_profile(name))
        diagnose(measured("clean"), dataclasses.replace(load_profile(name), checks=recorder))
        assert recorder.asked
        assert all(key in recorder[check] for check, key in recorder.asked)


@pytest.mark.parametrize("name", ["mono", "5.1"])
def test_what_needs_two_channels_says_so(name: str) -> None:
    report = diagnose(measured(name), load_profile("mix"))
    skipped = {f.check: f.message for f in report.findings if f.status == "skipped"}
    needing = {c.id for c in all_checks() if "stereo" in c.needs}
    assert {"correlation", "mono-compatibility", "low-end-mono", "balance", "stereo-width"} <= needing <= skipped.keys()
    assert all("two channels" in skipped[check] for check in needing)


def test_silence_is_not_ready_and_says_why() -> None:
    report = diagnose(measured("silence"), load_profile("mix"))
    assert not report.ready
    assert any("silence" in f.message for f in report.findings)


def test_a_partly_read_file_is_not_ready() -> None:
    report = diagnose(measured("partial"), load_profile("mix"))
    assert not report.ready
    assert any(f.check == "file-format" and "ends early" in f.message for f in report.findings)


INVARIANT = [
    *("bus-limiter", "clipping", "crest-factor", "over-compression", "correlation", "mono-compatibility"),
    *("low-end-mono", "balance", "stereo-width", "frequency-balance"),
    *("clicks", "channel-delay", "noise-and-hum", "resonance", "subsonic"),
]


@pytest.mark.parametrize("check_id", INVARIANT)
@pytest.mark.parametrize("gain_db", [-12.0, 2.0])
def test_a_fader_changes_no_verdict(check_id: str, gain_db: float) -> None:
    source = Source("clean", "WAV", "PCM", 48_000, "stereo", 24)
    moved = measure(source, [(clean() * np.float32(10 ** (gain_db / 20))).astype(np.float32)])
    profile = load_profile("mix")
    before = [f.status for f in run_check(find_check(check_id), measured("clean"), profile)]
    assert [f.status for f in run_check(find_check(check_id), moved, profile)] == before


def test_unknown_ids_are_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="true-peak"):
        select(only=["loudnes"])
    with pytest.raises(UsageError, match="no check 'x'"):
        select(skip=["x"])
    assert [c.id for c in select(only=["true-peak", "clipping"], skip=["clipping"])] == ["true-peak"]


def test_profiles_refuse_numbers_without_a_source(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('title="x"\ndescription="y"\n[checks.headroom]\npass_dbfs = { value = -3.0 }\n')
    with pytest.raises(UsageError, match="needs a value and a source"):
        load_profile(str(bad))
    with pytest.raises(UsageError, match="there are: master, mix"):
        load_profile("mastering")


def test_a_broken_check_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(mix: Mix, profile: Profile) -> Any:
        raise ZeroDivisionError("oh")

    every = tuple(dataclasses.replace(c, run=broken) if c.id == "headroom" else c for c in all_checks())
    monkeypatch.setattr("dsp.diagnose.all_checks", lambda: every)
    report = diagnose(measured("clean"), load_profile("mix"))
    status = {item.id: item.status for item in report.checklist}
    assert status["headroom"] == "crashed"
    assert status["true-peak"] == "pass"
    assert not report.ready


def test_two_checks_of_one_id_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "dsp" / "checks" / "headroom.py").read_text(encoding="utf-8")
    (tmp_path / "headroom_again.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    with pytest.raises(RuntimeError, match="'headroom' is taken"):
        all_checks.__wrapped__()
