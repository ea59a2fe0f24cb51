"""One injected fault per scene: the check that must name it does, in the right place, and little else speaks."""

from __future__ import annotations

import pytest

from dsp.checks import Check, all_checks
from dsp.diagnose import diagnose, run_check
from dsp.findings import Measurement
from dsp.profile import load_profile
from render_tests.scenes import SCENES, Scene, clean_mix, mix_of, take_of

MIX = load_profile("mix")
IDS = [s.name for s in SCENES]
#: What the clean mix may be told: half a minute is short for a verdict on a limiter, and it has no reference.
CLEAN = {"bus-limiter": {"pass", "undetermined"}, "reference": {"skipped"}, "versions": {"skipped"}}


@pytest.mark.parametrize("check", all_checks(), ids=lambda c: c.id)
def test_every_check_has_a_scene_and_keeps_quiet_on_the_clean_mix(check: Check) -> None:
    assert any(s.check == check.id and s.status in ("info", "warning", "problem") for s in SCENES)
    for finding in run_check(check, clean_mix(), MIX):
        assert finding.status in CLEAN.get(check.id, {"pass"}), finding.message


def test_the_clean_mix_is_ready() -> None:
    assert diagnose(clean_mix(), MIX).ready


@pytest.mark.parametrize("scene", SCENES, ids=IDS)
def test_the_fault_is_named_and_little_else(scene: Scene) -> None:
    report = diagnose(mix_of(scene), MIX)
    status = {item.id: item.status for item in report.checklist}
    assert status[scene.check] == scene.status, [f.message for f in report.findings if f.check == scene.check]
    others = {i for i, s in status.items() if s in ("warning", "problem") and i != scene.check}
    assert others <= scene.also
    assert report.ready == ("problem" not in status.values())


def inside(m: Measurement, spans: tuple[tuple[float, float], ...]) -> list[bool]:
    start, end = m.at_s if isinstance(m.at_s, tuple) else (m.at_s or 0.0, m.at_s or 0.0)
    return [a - 1e-6 <= start and end <= b + 1e-6 for a, b in spans]


@pytest.mark.parametrize("scene", [s for s in SCENES if take_of(s).places], ids=lambda s: s.name)
def test_the_fault_is_placed_where_it_is(scene: Scene) -> None:
    findings = run_check(next(c for c in all_checks() if c.id == scene.check), mix_of(scene), MIX)
    for name, spans in take_of(scene).places.items():
        hits = [inside(m, spans) for f in findings for m in f.evidence if m.name == name]
        assert hits, f"no evidence called {name}"
        assert all(map(any, hits)), f"{name} outside {spans}"
        assert all(any(h[k] for h in hits) for k in range(len(spans))), f"{name} misses one of {spans}"


@pytest.mark.parametrize("scene", [s for s in SCENES if take_of(s).cause], ids=lambda s: s.name)
def test_the_right_stem_is_named_first(scene: Scene) -> None:
    findings = run_check(next(c for c in all_checks() if c.id == scene.check), mix_of(scene), MIX)
    told = [f for f in findings if f.status == scene.status]
    assert told
    assert told[0].cause
    assert told[0].cause[0].stem in take_of(scene).cause
