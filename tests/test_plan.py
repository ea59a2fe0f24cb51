"""The plan and its proof, on findings that are made up: which moves, in which order, how much, and what counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.audio import Source
from dsp.checks import all_checks
from dsp.correction.correction import MIX, NYQUIST_SHARE, Move
from dsp.correction.plan import (
    GOALS,
    GROUPS,
    HIGH_PASSES,
    ROUNDED_DB,
    TRIM_DB,
    Group,
    Moves,
    Seen,
    Settings,
    merged,
    propose,
    scaled,
    taken_back,
    targets_of,
)
from dsp.correction.proof import LEVELS, UNCOUNTED, burden, harmed, improved, nearer
from dsp.findings import (
    Advice,
    Cause,
    DelayMove,
    EqMove,
    Finding,
    Fix,
    GainMove,
    Measurement,
    PolarityMove,
    RemoveDevice,
    Status,
)
from dsp.mix import Mix, in_memory, measure_with_stems
from dsp.profile import Profile, load_profile
from dsp.session import ChannelFacts, SessionFacts
from dsp.stems.alone import StemInput
from tests.music_signals import pink, wave

RATE = 44_100
PROFILE: Profile = load_profile("mix")


def measured(mix_of: float | None, **changes: int) -> Mix:
    """Two stems of a second and a half, and their sum at a gain, or no mix at all."""
    source = Source("mix.wav", "WAV", "PCM", RATE, "stereo", 24)
    tracks = {name: wave(pink(2, 3 * RATE // 2, seed)) for seed, name in enumerate(("Bass", "Lead"))}
    stems = [
        (StemInput(n, replace(source, name=n), 2, frames=x.shape[1], **changes), in_memory(x, RATE))
        for n, x in tracks.items()
    ]
    mix = None if mix_of is None else in_memory(wave(mix_of * np.sum(list(tracks.values()), axis=0)), RATE)
    return measure_with_stems(source, mix, stems)


@pytest.fixture(scope="module")
def with_stems() -> Mix:
    return measured(0.5)


def finding(check: str, *fixes: Fix, status: Status = "warning", value: float = 1.0, cause: str = "") -> Finding:
    return Finding(
        check, status, "medium", "t", "m", (Measurement("x", value, "dB"),), fixes=tuple(fixes),
        cause=(Cause(cause),) if cause else (),
    )  # fmt: skip


def proposed(
    group: Group, mix: Mix, *findings: Finding, made: Moves | None = None, asked: Settings | None = None
) -> Moves:
    return propose(group, Seen(mix, findings, PROFILE), asked or Settings(), made or {})


def test_groups_are_made_in_the_order_of_an_engineer_and_answer_checks_that_exist() -> None:
    assert GROUPS == ("devices", "phase", "gain", "high-pass", "eq", "masking", "bus")
    known = {c.id for c in all_checks()}
    assert set(GOALS) == set(GROUPS)
    assert {c for goals in GOALS.values() for c in goals} | set(LEVELS) | set(UNCOUNTED) <= known


def test_a_version_that_is_the_same_again_is_nearer_than_any() -> None:
    def version(difference_db: float | None, explained: float) -> list[Finding]:
        numbers = (Measurement("version_difference_db", difference_db, "dB"),)
        return [replace(finding("versions"), evidence=(*numbers, Measurement("version_explained", explained, "")))]

    assert nearer(version(-20.0, 0.9), version(None, 1.0))
    assert nearer(version(-20.0, 0.9), version(-21.0, 0.9))
    assert not nearer(version(-20.0, 0.9), version(-20.2, 0.9))
    assert not nearer(version(None, 1.0), version(-60.0, 1.0))
    assert not nearer(version(-20.0, 0.9), [finding("versions")])  # no version any more


def test_a_limiter_comes_off_the_master_of_a_session_only(with_stems: Mix) -> None:
    told = finding("master-devices", RemoveDevice("Master", "Loud"), RemoveDevice("Drums", "Loud"))
    assert proposed("devices", with_stems, told) == {}
    session = SessionFacts("song", "DAWproject", 48_000, (ChannelFacts("Master", "master", "", True),))
    of_session = replace(with_stems, session=session)
    made = proposed("devices", of_session, told)
    assert made == {MIX: (RemoveDevice(MIX, "Loud"),), "Drums": (RemoveDevice("Drums", "Loud"),)}
    assert merged(made, made) == made
    assert scaled(made, 40.0) == {}
    assert proposed("devices", of_session, told, asked=Settings(only=("gain",))) == {}


def test_polarity_and_delay_are_made_at_one_of_a_pair(with_stems: Mix) -> None:
    late = finding(
        "phase-alignment", DelayMove("Lead", -37.5), PolarityMove("Lead"), GainMove("Lead", 3.0), cause="Lead"
    )
    again = finding("phase-alignment", DelayMove("Bass", 37.5), cause="Lead")
    assert proposed("phase", with_stems, late, again) == {"Lead": (DelayMove("Lead", -37.5), PolarityMove("Lead"))}


def test_faders_come_with_one_gain_for_all(with_stems: Mix) -> None:
    loud = finding("vocal-level", GainMove("Lead", -9.0))
    hot = finding("headroom", GainMove("mix", -3.0), Advice("no limiter"))
    assert proposed("gain", with_stems, loud, hot) == {
        "Lead": (GainMove("Lead", -6.0), GainMove("Lead", -3.0 - ROUNDED_DB)),  # a fader is moved by 6 dB at most
        "Bass": (GainMove("Bass", -3.0 - ROUNDED_DB),),
    }


def test_one_gain_for_all_is_only_ever_down_and_at_the_mix_where_the_bus_does_more(with_stems: Mix) -> None:
    assert proposed("gain", with_stems, finding("loudness", GainMove("mix", 4.0))) == {}
    alone = replace(with_stems, stems=None)
    assert proposed("gain", alone, finding("true-peak", GainMove("mix", -1.0))) == {"mix": (GainMove("mix", -1.05),)}
    assert with_stems.stems
    cross = np.zeros_like(with_stems.stems.sum_cross)
    squashed = replace(with_stems, stems=replace(with_stems.stems, sum_cross=cross))
    assert list(proposed("gain", squashed, finding("true-peak", GainMove("mix", -1.0)))) == ["mix"]


def test_of_two_high_passes_the_higher_is_made(with_stems: Mix) -> None:
    low, high = (EqMove("Bass", "high-pass", hz, 0.0, 0.7) for hz in (25.0, 60.0))
    bell = EqMove("Bass", "bell", 250.0, -3.0, 1.0)
    told = (finding("rumble", high), finding("subsonic", low, bell))
    assert proposed("high-pass", with_stems, *told) == {"Bass": (high,)}
    assert set(HIGH_PASSES) == {"high-pass", "high-pass-24"}


def test_what_is_merely_told_is_left_alone(with_stems: Mix) -> None:
    moves = (PolarityMove("Lead"), GainMove("Lead", -3.0), EqMove("Lead", "bell", 900.0, -3.0, 4.0))
    quiet: tuple[Status, ...] = ("info", "pass", "undetermined", "skipped")
    for status in quiet:
        told = [finding(c, *moves, status=status) for goals in GOALS.values() for c in goals if c != "versions"]
        assert all(proposed(group, with_stems, *told) == {} for group in GROUPS)


def test_a_target_that_is_not_there_and_a_band_that_does_not_fit_are_left_out(with_stems: Mix) -> None:
    told = finding(
        "masking", EqMove("Flute", "bell", 900.0, -2.0, 1.0), EqMove("Bass", "bell", 15_000.0, -2.0, 1.0),
        EqMove("Lead", "bell", 15_000.0, -2.0, 1.0),
    )  # fmt: skip
    slow = measured(0.5, resampled_from_hz=22_050)
    assert list(proposed("masking", with_stems, told)) == ["Bass", "Lead"]
    assert proposed("masking", slow, told) == {}
    edge = EqMove("Lead", "bell", NYQUIST_SHARE * 11_025.0, -2.0, 1.0)
    assert proposed("masking", slow, finding("masking", edge)) == {"Lead": (edge,)}


def test_stems_that_do_not_lie_in_the_mix_are_no_targets(with_stems: Mix) -> None:
    assert targets_of(with_stems) == {"mix", "Bass", "Lead"}
    assert targets_of(measured(None)) == {"mix", "Bass", "Lead"}
    assert targets_of(replace(with_stems, stems=None)) == {"mix"}
    assert with_stems.stems
    assert with_stems.stems.bus
    lost = replace(with_stems.stems, bus=replace(with_stems.stems.bus, gain_db=None))
    assert targets_of(replace(with_stems, stems=lost)) == {"mix"}


def test_groups_that_are_not_asked_for_propose_nothing(with_stems: Mix) -> None:
    late = finding("phase-alignment", PolarityMove("Lead"))
    assert proposed("phase", with_stems, late, asked=Settings(only=("gain",))) == {}
    assert proposed("phase", with_stems, late, asked=Settings(strength=0.0)) == {}


def test_limits_hold_for_all_moves_on_a_target_together(with_stems: Mix) -> None:
    bell = EqMove("Lead", "bell", 900.0, -5.0, 1.0)
    told = finding("masking", bell, replace(bell, frequency_hz=7000.0))
    first = proposed("masking", with_stems, told)
    assert [round(m.gain_db, 1) for m in first["Lead"] if isinstance(m, EqMove)] == [-5.0, -5.0]
    second = proposed("masking", with_stems, told, made=first)
    assert all(abs(m.gain_db) <= 1.1 for m in second["Lead"] if isinstance(m, EqMove))
    assert proposed("masking", with_stems, told, asked=Settings(most_db=2.0)) == {
        "Lead": tuple(replace(m, gain_db=-2.0) for m in first["Lead"] if isinstance(m, EqMove))
    }
    assert proposed("masking", with_stems, told, asked=Settings(most_db=0.0)) == {}
    hot = finding("headroom", GainMove("mix", -30.0))
    trimmed = proposed("gain", with_stems, hot)
    assert trimmed["Bass"] == (GainMove("Bass", -TRIM_DB),)
    assert proposed("gain", with_stems, hot, made=trimmed) == {}  # all there is to give is given
    assert proposed("gain", with_stems, hot, asked=Settings(most_db=1.5))["Lead"] == (GainMove("Lead", -1.5),)
    assert proposed("gain", with_stems, hot, asked=Settings(most_db=0.0)) == {}
    made = {"Lead": (GainMove("Lead", -1.0),)}
    assert taken_back(Seen(with_stems, [hot], PROFILE), Settings(most_db=1.5), made) == {
        "Bass": (GainMove("Bass", -1.5),), "Lead": (GainMove("Lead", -0.5),),
    }  # fmt: skip


def test_plans_are_merged_into_one_of_each_kind_and_bands_in_order() -> None:
    bells = [EqMove("A", "bell", hz, -1.0, 1.0) for hz in (100.0, 200.0)]
    one: Moves = {"A": (bells[0], PolarityMove("A"), GainMove("A", -2.0)), "B": (DelayMove("B", 3.0),)}
    two: Moves = {"A": (GainMove("A", -1.5), bells[1]), "B": (DelayMove("B", -3.0), PolarityMove("B"))}
    assert merged(one, two) == {"A": (PolarityMove("A"), GainMove("A", -3.5), *bells), "B": (PolarityMove("B"),)}
    assert merged(merged(one, two), {"A": (PolarityMove("A"),), "B": (PolarityMove("B"),)}) == {
        "A": (GainMove("A", -3.5), *bells)
    }
    assert merged() == merged({}, {"A": ()}) == {}


moves_of_one = st.lists(
    st.one_of(
        st.just(PolarityMove("A")),
        st.builds(DelayMove, st.just("A"), st.floats(-50, 50).map(lambda x: round(x, 2))),
        st.builds(GainMove, st.just("A"), st.floats(-6, 6).map(lambda x: round(x, 1))),
        st.builds(
            EqMove, st.just("A"), st.sampled_from(["bell", "low-shelf", "high-pass"]), st.just(500.0),
            st.floats(-6, 6).map(lambda x: round(x, 1)), st.just(1.0),
        ),
    ),
    max_size=6,
)  # fmt: skip


def effect(moves: Sequence[Move]) -> tuple[bool, float, float, tuple[Move, ...]]:
    """What moves come to: polarity, delay, gain, bands."""
    return (
        sum(isinstance(m, PolarityMove) for m in moves) % 2 == 1,
        sum(m.samples for m in moves if isinstance(m, DelayMove)),
        sum(m.gain_db for m in moves if isinstance(m, GainMove)),
        tuple(m for m in moves if isinstance(m, EqMove)),
    )


@settings(deadline=None, max_examples=60)
@given(moves_of_one, moves_of_one)
def test_merging_changes_nothing_of_the_effect(one: list[Move], two: list[Move]) -> None:
    both = merged({"A": one}, {"A": two}).get("A", ())
    made, wanted = effect(both), effect([*one, *two])
    assert (made[0], made[3]) == (wanted[0], wanted[3])
    assert made[1:3] == pytest.approx(wanted[1:3], abs=1e-2)
    assert merged({"A": both}) == ({"A": both} if both else {})


@settings(deadline=None, max_examples=60)
@given(moves_of_one, st.floats(0.0, 100.0))
def test_a_part_of_moves_is_no_more_than_they_are(own: list[Move], strength: float) -> None:
    part = scaled({"A": own}, strength).get("A", ())
    assert len(part) <= len(own)
    whole = {type(m) for m in part if not isinstance(m, GainMove | EqMove)}
    assert not whole or strength >= 50.0
    levels = [m for m in own if isinstance(m, GainMove) and round(m.gain_db * strength / 100.0, 2)]
    for small, large in zip([m for m in part if isinstance(m, GainMove)], levels, strict=True):
        assert small.gain_db == pytest.approx(large.gain_db * strength / 100.0, abs=5.1e-3)


def test_what_cannot_be_done_by_halves_is_done_from_half_on() -> None:
    own = (
        PolarityMove("A"),
        DelayMove("A", 2.0),
        EqMove("A", "high-pass", 60.0, 0.0, 0.7),
        EqMove("A", "bell", 90.0, -3.0, 1.0),
    )
    assert scaled({"A": own}, 50.0) == {"A": (*own[:3], replace(own[3], gain_db=-1.5))}
    assert scaled({"A": own}, 49.0) == {"A": (replace(own[3], gain_db=-1.5),)}
    assert scaled({"A": own}, 0.0) == {}
    assert scaled({"A": own}, 100.0) == {"A": own}


# The proof.

STATUSES: tuple[Status, ...] = ("skipped", "pass", "info", "warning", "problem")


def told(check: str, status: Status, value: float = 1.0, unit: str = "dB") -> Finding:
    return Finding(check, status, "none", "t", "m", (Measurement("x", value, unit),))


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        ([told("a", "problem")], [told("a", "warning")], True),
        ([told("a", "warning")], [told("a", "problem")], False),
        ([told("a", "warning")], [told("a", "pass")], True),
        ([told("a", "warning")], [], True),
        ([told("a", "warning"), told("a", "warning")], [told("a", "warning")], True),
        ([told("a", "warning")], [told("a", "warning")], False),
        ([told("a", "warning", 4.0)], [told("a", "warning", 3.7)], True),
        ([told("a", "warning", 4.0)], [told("a", "warning", 3.9)], False),  # by less than a twentieth
        ([told("a", "warning", -4.0)], [told("a", "warning", -3.0)], True),  # how far off, either way
        ([told("a", "problem", 9.0)], [told("a", "warning", 99.0)], True),  # the status counts first
        ([told("a", "warning", -2.0, "dBFS")], [told("a", "warning", -2.9, "dBFS")], True),
        ([told("a", "warning", -2.9, "dBTP")], [told("a", "warning", -2.0, "dBTP")], False),
        ([told("a", "warning", -9.0, "LUFS")], [told("a", "warning", -11.0, "LUFS")], True),
        ([told("other", "problem")], [], False),
        ([told("a", "undetermined")], [told("a", "pass")], False),
        ([], [], False),
    ],
)  # fmt: skip
def test_what_counts_as_better(before: list[Finding], after: list[Finding], better: bool) -> None:
    assert improved(before, after, ("a", "b")) is better


def test_a_number_that_is_not_there_weighs_nothing() -> None:
    nothing = Finding("a", "warning", "none", "t", "m", (Measurement("x", None, "dB"),))
    assert burden([nothing, told("a", "info", 3.0), told("b", "problem")], ("a",)) == (110, 3.0)


@pytest.mark.parametrize(
    ("before", "after", "harm"),
    [
        ([told("a", "pass")], [told("a", "warning")], ("a",)),
        ([], [told("a", "problem")], ("a",)),
        ([told("a", "warning")], [told("a", "problem")], ("a",)),
        ([told("a", "warning")], [told("a", "warning"), told("a", "warning")], ("a",)),
        ([told("a", "warning", 1.0)], [told("a", "warning", 9.0)], ()),
        ([told("a", "pass")], [told("a", "info")], ()),  # that it is mentioned harms nobody
        ([told("a", "problem")], [told("a", "warning"), told("a", "warning")], ()),
        ([told("a", "problem")], [], ()),
        ([told("a", "pass")], [told("a", "crashed")], ("a",)),
        ([told("goal", "pass")], [told("goal", "problem")], ()),
        ([told("stem-sum", "pass")], [told("stem-sum", "problem")], ()),
        ([], [told("b", "warning"), told("a", "problem")], ("a", "b")),
    ],
)  # fmt: skip
def test_what_counts_as_harm(before: list[Finding], after: list[Finding], harm: tuple[str, ...]) -> None:
    assert harmed(before, after, ("goal",)) == harm


def test_as_bad_as_the_version_that_is_restored_is_no_harm() -> None:
    before, after = [told("a", "pass")], [told("a", "warning")]
    assert harmed(before, after, (), meant=[told("a", "warning")]) == ()
    assert harmed(before, after, (), meant=[told("a", "info")]) == ("a",)
    assert harmed(before, [told("a", "problem")], (), meant=[told("a", "warning")]) == ("a",)


def test_worse_is_an_order() -> None:
    for less, more in pairwise(STATUSES):
        one, other = [told("a", less)], [told("a", more)]
        assert harmed(other, one) == ()
        assert harmed(one, other) == (("a",) if more in ("warning", "problem") else ())
        assert not improved(one, other, ("a",))
