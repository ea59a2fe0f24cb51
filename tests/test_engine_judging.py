"""What the diagnosis of a pass is made into: bands, readiness, lines, and the spectrum beside the genre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import sosfilt

from dsp.correction.biquad import response, sections
from dsp.correction.correction import MIX
from dsp.diagnose import Report
from dsp.findings import EqMove, Status
from dsp.mix import Mix, measure
from dsp.profile import load_profile
from dsp.units import Samples
from plugin_bridge.link_results import Results, pack, unpack
from plugin_bridge.live.judging import fitting, judge, moving_spectrum, readiness
from plugin_bridge.live.measuring import source_of
from plugin_bridge.live.showing import judged
from render_tests.scenes.base import RATE, clean


def mix_of(x: Samples) -> Mix:
    return measure(source_of("x", RATE, len(x)), [np.ascontiguousarray(x[:, : 20 * RATE])])


def equalised(move: EqMove) -> Mix:
    return mix_of(np.asarray(0.5 * sosfilt(sections(move, RATE), clean()), dtype=np.float32))


@pytest.fixture(scope="module")
def plain() -> Mix:
    return mix_of(clean())


def test_a_mix_that_is_as_it_should_be_is_ready_and_gets_no_bands(plain: Mix) -> None:
    told = judge(plain, load_profile("mix"))
    assert told.report.ready
    assert told.readiness >= 0.5
    assert told.bands == ()
    assert not {"file-format", "head-and-tail", "codec-peaks"} & {line.id for line in told.lines}


def test_a_region_that_stands_out_is_answered_by_bands_of_the_plugin_there(plain: Mix) -> None:
    boom = equalised(EqMove(MIX, "bell", 160.0, 15.0, 1.0))
    told = judge(boom, load_profile("mix"))
    assert told.bands
    hz = np.array([160.0, 3_000.0])
    total = np.ones(2, dtype=np.complex128)
    for band in told.bands:
        total *= response(sections(band, RATE), hz, RATE)
    at_boom, above = 20.0 * np.log10(np.abs(total))
    assert at_boom < -1.0
    assert abs(above) < 1.0
    assert judge(boom, load_profile("mix"), told.bands).bands is told.bands  # given ones are not fitted again


def test_bands_that_no_plugin_has_become_two_and_no_more_than_eight_are_kept() -> None:
    steep = EqMove(MIX, "high-pass-24", 30.0, 0.0, 0.7071)
    bells = [EqMove(MIX, "bell", 100.0 * k, 0.5 * k, 1.0) for k in range(1, 10)]
    bands = fitting([*bells, steep])
    assert len(bands) == 8
    assert [b.kind for b in bands[:2]] == ["high-pass", "high-pass"]
    assert [b.gain_db for b in bands[2:]] == [2.0, 2.5, 3.0, 3.5, 4.0, 4.5]
    hz = np.geomspace(10.0, 1_000.0, 50)
    two = response(np.concatenate([sections(b, RATE) for b in bands[:2]]), hz, RATE)
    one = response(sections(steep, RATE), hz, RATE)
    assert np.abs(20.0 * np.log10(np.abs(two / one))).max() < 1e-6


#: Checks that pass.
MANY: tuple[Status, ...] = ("pass",) * 99


def with_statuses(report: Report, ready: bool, *statuses: Status) -> Report:
    items = tuple(replace(report.checklist[0], status=s) for s in statuses)
    return replace(report, ready=ready, checklist=items)


def test_readiness_agrees_with_the_diagnosis(plain: Mix) -> None:
    report = judge(plain, load_profile("mix")).report
    assert readiness(with_statuses(report, True, "pass", "info", "skipped", "undetermined")) == 1.0
    assert readiness(with_statuses(report, True, "pass", "warning")) == pytest.approx(0.875)
    assert readiness(with_statuses(report, True, "warning")) >= 0.5
    assert readiness(with_statuses(report, False, "pass", "problem")) == pytest.approx(0.25)
    assert readiness(with_statuses(report, False, *MANY, "problem")) < 0.5
    assert readiness(with_statuses(report, False, "skipped")) == 0.0


def test_the_spectrum_lies_inside_what_is_usual_where_no_check_objects(plain: Mix) -> None:
    profile = load_profile("mix")
    seen = judge(plain, profile).spectrum
    at = int(np.abs(seen.band_hz - 1000.0).argmin())
    assert seen.low_db[at] < seen.level_db[at] < seen.high_db[at]
    assert np.isnan(seen.low_db[seen.band_hz > 17_000.0]).all() or np.isfinite(seen.low_db).all()
    moved = moving_spectrum(plain.spectrum * 10.0, seen.band_hz, profile.genre)
    assert moved.offset_db - seen.offset_db == pytest.approx(10.0, abs=1.5)
    assert np.isnan(moving_spectrum(0.0 * plain.spectrum, seen.band_hz, profile.genre).offset_db)


def test_all_that_is_told_passes_through_the_link(plain: Mix) -> None:
    told = judge(equalised(EqMove(MIX, "bell", 160.0, 15.0, 1.0)), load_profile("mix"))
    sent = judged(Results(), told, told.spectrum)
    got = unpack(pack(sent, 1))
    assert [(x.id, x.status) for x in got.lines] == [(x.id, x.status) for x in sent.lines][:16]
    assert [b.kind for b in got.bands] == [b.kind for b in sent.bands]
    assert [b.gain_db for b in got.bands] == pytest.approx([b.gain_db for b in sent.bands])
    assert [r.name for r in got.regions] == [r.name for r in sent.regions]
    assert np.allclose(got.spectrum_db, sent.spectrum_db, atol=1e-4)
