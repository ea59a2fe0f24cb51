"""Stem files: silent, twice, on one side, cut off, elsewhere, unreadable; and what must not be called so."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pytest

from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import Finding
from dsp.mix import Mix, in_memory, measure_with_stems
from dsp.profile import load_profile
from dsp.stems.alone import StemInput
from dsp.stems.files import dual_mono, duplicates, empty_side, end_of, missing_db, signals
from dsp.stems.model import Stems, Unusable
from dsp.units import Samples
from render_tests.scenes.base import SOURCE

RATE, SECONDS = 48_000, 8.0
FRAMES = round(RATE * SECONDS)


def notes(seed: int, low_hz: float = 150.0, channels: int = 1, jitter: int = 0) -> Samples:
    """A plucked line, the same for the same seed; `jitter` plays the same part once more, a little differently."""
    rng, touch = np.random.default_rng(seed), np.random.default_rng(1000 + jitter)
    out = np.zeros((channels, FRAMES))
    t = np.arange(RATE // 2) / RATE
    for k in range(int(SECONDS * 2)):
        hz = low_hz * 2.0 ** (rng.integers(0, 12) / 12.0) * (1.0 + (1e-3 * touch.standard_normal() if jitter else 0.0))
        at = k * RATE // 2 + (int(touch.integers(0, 400)) if jitter else 0)
        for c in range(channels):
            phase = touch.uniform(0, 6) if jitter else rng.uniform(0, 6)
            tone = sum(np.sin(2 * np.pi * n * hz * t + n * phase) / n for n in range(1, 9)) * np.exp(-t / 0.15)
            tone = tone[: FRAMES - at]
            out[c, at : at + len(tone)] += 0.1 * tone
    return np.ascontiguousarray(out, dtype=np.float32)


def wide(left: Samples, right: Samples) -> Samples:
    return np.ascontiguousarray(np.concatenate([left, right]), dtype=np.float32)


def measured(tracks: dict[str, Samples], mix: Samples | None = None, **changes: Any) -> Mix:
    """Stems measured beside a mix, or alone."""
    inputs = [
        (StemInput(n, dataclasses.replace(SOURCE, name=n), len(x), frames=x.shape[1], **changes), in_memory(x, RATE))
        for n, x in tracks.items()
    ]
    return measure_with_stems(SOURCE, None if mix is None else in_memory(mix, RATE), inputs)


def total(*tracks: Samples) -> Samples:
    return np.ascontiguousarray(np.sum([np.broadcast_to(t, (2, FRAMES)) for t in tracks], axis=0), dtype=np.float32)


def stems_of(mix: Mix) -> Stems:
    assert mix.stems
    return mix.stems


def said(mix: Mix) -> list[Finding]:
    return [f for f in run_check(find_check("stem-files"), mix, load_profile("mix")) if f.status != "pass"]


def titles(mix: Mix) -> dict[str, str]:
    return {f.title: f.status for f in said(mix)}


@cache
def line() -> Samples:
    return notes(1)


@pytest.mark.parametrize(
    ("copy", "gain_db", "inverted", "moved"),
    [
        (lambda x: x, 0.0, False, False),
        (lambda x: 0.25 * x, -12.04, False, False),
        (lambda x: -x, 0.0, True, False),
        (lambda x: wide(x, x), 0.0, False, False),
        (lambda x: wide(x, 0 * x), -3.01, False, True),
        (lambda x: wide(x, 0.5 * x), None, False, True),
    ],
    ids=["same", "quieter", "inverted", "dual mono", "one side", "panned"],
)
def test_the_same_recording_is_found_at_any_level_and_place(
    copy: Any, gain_db: float | None, inverted: bool, moved: bool
) -> None:
    one = wide(line(), 0.0 * line()) if moved else line()
    other = copy(line())[::-1] if moved else copy(line())
    mix = measured({"One": one, "Other": np.ascontiguousarray(other, dtype=np.float32)})
    (twin,) = duplicates(stems_of(mix).sounding, -40.0)
    assert (twin.one, twin.other, twin.inverted, twin.moved) == ("One", "Other", inverted, moved)
    assert twin.residual_db < -55.0
    if gain_db is not None and not moved:
        assert twin.gain_db == pytest.approx(gain_db, abs=0.02)
    assert titles(mix) | {"One side is empty": "info"} == {
        "The same recording twice": "warning", "One side is empty": "info",
    }  # fmt: skip


def test_two_takes_one_filter_or_one_delay_are_no_copies() -> None:
    x = line()
    mix = measured(
        {
            "Take 1": notes(1, jitter=1),
            "Take 2": notes(1, jitter=2),
            "Dry": x,
            "Bright": np.ascontiguousarray(x + 0.5 * np.diff(x, prepend=0.0), dtype=np.float32),
            "Late": np.ascontiguousarray(np.roll(x, 24), dtype=np.float32),
            "Loud parts": np.ascontiguousarray(np.tanh(8.0 * x) / 8.0, dtype=np.float32),
            "Half": np.ascontiguousarray(x * (np.arange(FRAMES) > FRAMES // 2), dtype=np.float32),
        }
    )
    assert duplicates(stems_of(mix).sounding, -40.0) == ()


def test_of_three_copies_two_are_named() -> None:
    mix = measured({n: line() for n in ("A", "B", "C")})
    assert [(t.one, t.other) for t in duplicates(stems_of(mix).sounding, -40.0)] == [("A", "B"), ("A", "C")]


def test_wide_copies_and_wide_takes() -> None:
    x = notes(3, channels=2)
    mix = measured({"A": x, "B": np.ascontiguousarray(0.5 * x), "Swapped": np.ascontiguousarray(x[::-1])})
    assert [(t.one, t.other) for t in duplicates(stems_of(mix).sounding, -40.0)] == [("A", "B")]
    assert [signals(s) for s in stems_of(mix).stems] == [(0, 1)] * 3


def test_equal_channels_are_told_apart_from_nearly_equal_ones() -> None:
    x, y = line(), notes(2)
    tracks = {"equal": wide(x, x), "panned": wide(x, 0.9 * x), "nearly": wide(x, x + 0.01 * y), "mono": x}
    assert [dual_mono(s, -50.0) for s in stems_of(measured(tracks)).stems] == [True, False, False, False]
    overview = run_check(find_check("stem-files"), measured(tracks), load_profile("mix"))[-1]
    assert "two equal channels, which could be mono: 'equal'." in overview.message


def test_an_empty_side_counts_for_what_belongs_in_the_centre() -> None:
    left, right = wide(line(), 0 * line()), wide(1e-5 * notes(5), notes(2))
    mix = measured({"Gtr L": left, "Gtr R": right, "Keys": notes(4, channels=2)})
    assert [empty_side(s, -80.0) for s in stems_of(mix).stems] == ["right", "left", None]
    assert titles(mix) == {"One side is empty": "info"}
    mix = measured({"Lead Vox": left, "Gtr R": right})
    found = {f.status: f for f in said(mix)}
    assert [c.stem for c in found["warning"].cause] == ["Lead Vox"]
    assert [c.stem for c in found["info"].cause] == ["Gtr R"]


def test_silence_counts_where_the_mix_has_more_than_its_stems() -> None:
    a, b, silence = line(), notes(2), np.zeros((1, FRAMES), np.float32)
    tracks = {"A": a, "B": silence}
    assert titles(measured(tracks)) == {"Silent stems": "warning"}
    assert titles(measured(tracks, total(a))) == {"Silent stems": "info"}
    assert titles(measured(tracks, total(0.5 * a))) == {"Silent stems": "info"}
    missing = measured(tracks, total(a, b))
    assert titles(missing) == {"Silent stems": "warning"}
    assert (missing_db(stems_of(missing)) or 0.0) == pytest.approx(-3.0, abs=1.5)  # half of the mix
    hiss = (1e-5 * np.random.default_rng(0).standard_normal((1, FRAMES))).astype(np.float32)
    assert titles(measured({"A": a, "Hiss": hiss})) == {"Silent stems": "warning"}


def test_a_stem_that_stops_in_the_middle_of_a_note_is_named_and_one_that_rings_out_is_not() -> None:
    a, b = line(), notes(2)
    cut = np.ascontiguousarray(b[:, : round(3.1 * RATE)])
    whole = np.ascontiguousarray(b[:, : round(3.1 * RATE)] * np.minimum(1.0, np.arange(cut.shape[1])[::-1] / RATE))
    assert titles(measured({"A": a, "B": cut}, total(a, b))) == {"A stem is cut off": "warning"}
    info = measured({"A": a, "B": cut})
    assert titles(info) == {"A stem is cut off": "info"}
    assert "ends at 0:03.1 while it still sounds" in said(info)[0].message
    end = end_of(stems_of(info).stems[1], RATE, info.duration_s)
    assert end
    assert [end.at_s, end.left_s] == pytest.approx([3.1, 4.9])
    assert titles(measured({"A": a, "B": whole})) == {}
    almost = np.ascontiguousarray(b[:, : round(7.0 * RATE)])  # a second before the end is nothing
    assert titles(measured({"A": a, "B": almost})) == {}


def test_a_stem_that_outlasts_the_mix() -> None:
    a = line()
    short = np.ascontiguousarray(total(a)[:, : round(5.2 * RATE)])
    found = said(measured({"A": a, "B": notes(2)}, short))
    assert {f.title for f in found} == {"A stem is longer than the mix"}
    silent_after = np.ascontiguousarray(a * (np.arange(FRAMES) < 5 * RATE))
    assert said(measured({"A": silent_after}, short)) == []


def test_what_was_moved_converted_or_not_read_is_said() -> None:
    mix = measured({"A": line(), "B": notes(2)}, offset_samples=24_000, resampled_from_hz=44_100)
    assert titles(mix) == {"Stems that start elsewhere": "info", "Stems of another rate": "info"}
    assert "'A' at 500.0 ms and 'B' at 500.0 ms" in said(mix)[0].message
    of = stems_of(measured({"A": line()}))
    source = dataclasses.replace(of.stems[0].source, partial="ends early")
    broken = dataclasses.replace(
        of,
        stems=(dataclasses.replace(of.stems[0], source=source),),
        unusable=(Unusable("Bass.wav", "is not audio", "export it again"),),
    )
    found = said(dataclasses.replace(measured({"A": line()}), stems=broken))
    assert [(f.title, f.status) for f in found] == [
        ("A stem cannot be read", "problem"), ("A stem was read in part", "problem"),
    ]  # fmt: skip
    assert "'Bass.wav' cannot be used: is not audio; export it again" in found[0].message


@pytest.mark.parametrize("frames", [1, 100, 4_801])
@pytest.mark.parametrize("rate", [8_000, 48_000, 192_000])
def test_snippets_at_any_rate_never_crash_a_check(frames: int, rate: int) -> None:
    noise = 0.1 * np.random.default_rng(2).standard_normal((2, frames)).astype(np.float32)
    source = dataclasses.replace(SOURCE, sample_rate=rate)
    tracks = [
        (StemInput(n, source, len(x), frames=x.shape[1]), in_memory(x, rate))
        for n, x in {"Kick": noise, "Track 2": np.ascontiguousarray(noise[:1]), "Silent": 0 * noise}.items()
    ]
    for mix in (None, in_memory(noise, rate)):
        found = measure_with_stems(source, mix, tracks)
        for check in ("stem-files", "gain-staging"):
            assert all(f.status != "crashed" for f in run_check(find_check(check), found, load_profile("mix")))
