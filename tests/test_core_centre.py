"""The core in the centre: what stands aside, what is wide, what vanishes in mono, and what may stand anywhere."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal

from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import Finding, PanMove
from dsp.mix import Mix
from dsp.profile import load_instruments, load_profile
from dsp.stems.model import Role
from dsp.stems.placement import Field, together
from render_tests.scenes import base
from render_tests.scenes.phase import late
from render_tests.scenes.registry import clean_mix, with_stems

RATE = base.RATE
Track = npt.NDArray[np.float64]


@cache
def noise(seed: int) -> Track:
    """Noise without a low end."""
    white = 0.1 * np.random.default_rng(seed).standard_normal(4 * RATE)
    return np.asarray(signal.sosfilt(signal.butter(4, 400.0, "highpass", fs=RATE, output="sos"), white))


def panned(track: Track, position: float) -> Track:
    return base.pan(track, position)


def mixed(confidence: float = 1.0, /, **tracks: tuple[str, Track]) -> Mix:
    """Stems with roles, measured: name = (role, samples)."""
    stems = {n: np.ascontiguousarray(np.atleast_2d(t), dtype=np.float32) for n, (_, t) in tracks.items()}
    mix = with_stems(base.SOURCE, None, stems)
    assert mix.stems is not None
    given = tuple(replace(s, role=Role(tracks[s.name][0], confidence, "told")) for s in mix.stems.stems)
    return replace(mix, stems=replace(mix.stems, stems=given))


def told(mix: Mix) -> tuple[Finding, ...]:
    return run_check(find_check("core-centre"), mix, load_profile("mix"))


def test_a_field_in_closed_form() -> None:
    for position in (-0.8, -0.2, 0.0, 0.5):
        left, right = base.pan(np.ones(1), position)[:, 0]
        own = Field(left**2, right**2, left * right)
        assert own.pan == pytest.approx(position, abs=1e-9)
        assert own.balance_db == pytest.approx(20.0 * math.log10(left / right))
        assert own.correlation == pytest.approx(1.0)
    inverted = Field(1.0, 1.0, -1.0)
    assert inverted.mono_loss_db == -math.inf
    assert together([inverted, Field(1.0, 1.0, 1.0)]).mono_loss_db == pytest.approx(-3.0103, abs=1e-3)
    assert Field(1.0, 0.0, 0.0).balance_db is None
    assert Field(1.0, 0.0, 0.0).pan == pytest.approx(-1.0)


def test_the_clean_song_passes_and_names_its_core() -> None:
    (finding,) = told(clean_mix())
    assert finding.status == "pass"


@pytest.mark.parametrize("role", ["kick", "bass", "lead-vocal", "snare"])
def test_off_the_centre(role: str) -> None:
    instrument = load_instruments()[role]
    limit, plain = instrument.number("centre_db"), instrument.number("off_centre_db")
    assert limit is not None
    assert plain is not None
    for level, status in ((limit - 0.2, "pass"), (limit + 0.2, "info"), (plain + 0.2, "warning")):
        for side in (1.0, -1.0):
            angle = math.atan(10.0 ** (side * level / 20.0))
            track = np.stack([np.sin(angle) * noise(1), np.cos(angle) * noise(1)])
            (finding,) = told(mixed(core=(role, track), other=("keys", panned(noise(2), -0.5))))
            assert finding.status == status
            if status != "pass":
                assert [c.stem for c in finding.cause] == ["core"]
                assert PanMove("core", 0.0) in finding.fixes
                assert ("left" if side > 0 else "right") in finding.message


def test_only_what_is_surely_core_and_not_hats_guitars_and_keys() -> None:
    aside = panned(noise(3), -0.7)
    assert told(mixed(0.4, bass=("bass", aside)))[0].status == "pass"
    for role in ("hats", "electric-guitar", "keys", "synth", "backing-vocal", "other", "toms", "effects"):
        assert told(mixed(stem=(role, aside)))[0].status == "pass"
    assert told(mixed(mono=("bass", noise(3))))[0].status == "pass"


def test_doubles_on_either_side_are_in_the_centre() -> None:
    doubles = {
        "a": ("lead-vocal", panned(noise(4), -0.9)), "b": ("lead-vocal", panned(noise(5), 0.9)),
        "c": ("lead-vocal", noise(6)),
    }  # fmt: skip
    assert told(mixed(**doubles))[0].status == "pass"
    (finding,) = told(mixed(a=doubles["a"], c=("lead-vocal", 0.5 * noise(6))))
    assert finding.status == "warning"
    assert [c.stem for c in finding.cause] == ["a"]


def test_a_wide_kick_is_told_and_a_wide_pad_is_not() -> None:
    wide = np.stack([noise(7), 0.3 * noise(7) + noise(8)])
    wide[1] *= np.sqrt(np.square(wide[0]).sum() / np.square(wide[1]).sum())
    findings = told(mixed(kick=("kick", wide), keys=("keys", 4.0 * noise(9))))
    assert any(f.title == "Wide kick" and f.status == "warning" and f.cause[0].stem == "kick" for f in findings)
    assert told(mixed(pad=("synth", wide), keys=("keys", 4.0 * noise(9))))[0].status in {"pass", "info"}


def test_what_vanishes_in_mono() -> None:
    for gain, status in ((-1.0, "problem"), (-0.9, "problem"), (-0.4, "warning"), (0.0, "pass"), (0.2, "pass")):
        track = np.stack([noise(10), gain * noise(10) + np.sqrt(1.0 - gain**2) * noise(11)])
        findings = told(mixed(pad=("synth", track), keys=("keys", noise(12))))
        expected = "problem" if gain <= -0.9 else "pass" if gain > -0.5 else status
        lost = [f for f in findings if "vanishes" in f.title]
        assert bool(lost) == (expected == "problem"), gain
        if lost:
            assert lost[0].status == expected
            assert lost[0].cause[0].stem == "pad"
    quiet = np.stack([noise(10), -noise(10)]) * 1e-3
    findings = told(mixed(pad=("synth", quiet), keys=("keys", noise(12))))
    assert [f.status for f in findings] == ["info"]


def test_who_makes_the_low_end_wide() -> None:
    t = np.arange(4 * RATE) / RATE
    low = 0.2 * np.sin(2 * np.pi * 60.0 * t)
    pad = np.stack([low, -0.4 * late(low, 0.004 * RATE)])
    mix = mixed(pad=("synth", pad), bass=("bass", 0.3 * low), keys=("keys", np.stack([noise(1), noise(2)])))
    findings = [f for f in told(mix) if f.title == "Wide low end by stem"]
    assert findings
    assert findings[0].cause[0].stem == "pad"
    share = findings[0].cause[0].share
    assert share is not None
    assert share > 0.9


@pytest.mark.parametrize("frames", [1, 100])
def test_nothing_crashes(frames: int) -> None:
    rng = np.random.default_rng(0)
    both = 0.1 * rng.standard_normal((2, frames))
    mix = mixed(
        a=("kick", both), b=("bass", both[:1]), s=("snare", np.zeros((2, frames))), o=("kick", both * [[1], [0]])
    )
    assert all(f.status != "crashed" for f in told(mix))
