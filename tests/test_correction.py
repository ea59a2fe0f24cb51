"""A correction as a value and as a file: what it keeps, and what it refuses to read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.correction import correction as c
from dsp.correction.correction import Correction, InputFile, Target, Tried
from dsp.errors import InputError, UsageError
from dsp.findings import DelayMove, EqMove, GainMove, PolarityMove
from plugin_bridge.eq_formats import read_correction, write_correction

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "mixdiagnose" / "correction.schema.json").read_text(encoding="utf-8"))
RATE = 48_000

EXAMPLE = Correction(
    sample_rate=RATE,
    targets=(
        Target(
            "Gtr L/R",
            (
                PolarityMove("Gtr L/R"),
                DelayMove("Gtr L/R", -12.25),
                GainMove("Gtr L/R", -1.5),
                EqMove("Gtr L/R", "high-pass", 80.0, 0.0, 0.7071),
                EqMove("Gtr L/R", "bell", 250.0, -3.0, 1.2),
            ),
        ),
        Target("mix", (EqMove("mix", "high-shelf", 9000.0, 1.0, 0.7),)),
    ),
    strength=75.0,
    inputs=(InputFile("mix.wav", 183.25),),
    applied=("phase", "gain", "eq"),
    tried=(Tried("bus", "true peak rose by 0.4 dB"),),
    version="1.2.3",
)

names = st.text(min_size=1, max_size=20)


def numbers(within: tuple[float, float]) -> st.SearchStrategy[float]:
    return st.floats(*within, allow_nan=False)


@st.composite
def targets(draw: st.DrawFn, name: str) -> Target:
    move = st.one_of(
        st.builds(GainMove, st.just(name), numbers(c.GAIN_DB)),
        st.builds(PolarityMove, st.just(name)),
        st.builds(DelayMove, st.just(name), numbers((-float(RATE), float(RATE)))),
        st.builds(
            EqMove,
            *(st.just(name), st.sampled_from(c.EQ_KINDS)),
            *(numbers((5.0, 23_000.0)), numbers(c.GAIN_DB), numbers(c.Q)),
        ),
    )
    return Target(name, tuple(draw(st.lists(move, max_size=5))))


@st.composite
def corrections(draw: st.DrawFn) -> Correction:
    return Correction(
        sample_rate=RATE,
        targets=tuple(draw(targets(name)) for name in draw(st.lists(names, unique=True, max_size=3))),
        strength=draw(numbers((0.0, 100.0))),
        inputs=tuple(draw(st.lists(st.builds(InputFile, names, numbers((0.0, 1e6))), max_size=2))),
        applied=tuple(draw(st.lists(names, max_size=2))),
        tried=tuple(draw(st.lists(st.builds(Tried, names, names), max_size=2))),
        version=draw(st.text(max_size=8)),
    )


@given(corrections())
def test_it_comes_back_as_it_was_and_fits_the_schema(correction: Correction) -> None:
    jsonschema.validate(correction.to_dict(), SCHEMA, cls=jsonschema.Draft202012Validator)
    assert Correction.from_dict(correction.to_dict()) == correction
    assert Correction.from_json(correction.to_json()) == correction


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_a_target_comes_to() -> None:
    guitars = EXAMPLE.targets[0]
    assert (guitars.gain_db, guitars.inverted) == (-1.5, True)
    assert [band.kind for band in guitars.bands] == ["high-pass", "bell"]
    assert EXAMPLE.moves("Gtr L/R") == guitars.moves
    assert EXAMPLE.moves("Bass") == ()
    assert not Target("a", (PolarityMove("a"), PolarityMove("a"))).inverted


Change = Callable[[dict[str, Any]], object]
EQ = 4  # the bell among the moves of the first target


def move(number: int, **fields: Any) -> Change:
    return lambda data: data["targets"][0]["moves"][number].update(fields)


WRONG: dict[str, tuple[Change, str]] = {
    "another version": (lambda d: d.update(schema_version=2), "schema_version is 2"),
    "a version that only looks right": (lambda d: d.update(schema_version=True), "schema_version is true"),
    "a field missing": (lambda d: d.pop("strength"), "the correction has no field 'strength'"),
    "a field too many": (lambda d: d.update(run="rm"), 'the correction has an unknown field "run"'),
    "no list": (lambda d: d.update(targets={"a": 1}), "targets is dict, not a list"),
    "a target that is a number": (lambda d: d["targets"].append(7), "targets[2] is 7, not an object"),
    "a target without a name": (lambda d: d["targets"][1].update(name=3), "targets[1].name is 3, not a text"),
    "an empty name": (lambda d: d["targets"][1].update(name=""), "targets[1].name has 0 characters"),
    "a huge name": (lambda d: d["targets"][1].update(name="x" * 5000), "targets[1].name has 5000 characters"),
    "a target twice": (lambda d: d["targets"].append(d["targets"][1]), 'targets names "mix" twice'),
    "too many moves": (
        lambda d: d["targets"][1].update(moves=d["targets"][1]["moves"] * 65),
        "targets[1].moves has 65 entries",
    ),
    "an unknown move": (move(EQ, kind="compressor"), 'targets[0].moves[4].kind is "compressor"'),
    "a move for people only": (move(EQ, kind="advice"), 'targets[0].moves[4].kind is "advice"'),
    "a kind that is a list": (move(EQ, kind=["eq"]), "targets[0].moves[4].kind is list"),
    "a move of another target": (move(EQ, target="mix"), 'targets[0].moves[4].target is "mix"'),
    "an unknown filter": (move(EQ, eq_kind="tilt"), 'targets[0].moves[4].eq_kind is "tilt"'),
    "a filter that is a list": (move(EQ, eq_kind=["bell"]), "targets[0].moves[4].eq_kind is list"),
    "a field of another move": (move(EQ, samples=1), 'targets[0].moves[4] has an unknown field "samples"'),
    "a negative q": (move(EQ, q=-1), "targets[0].moves[4].q is -1; expected a number from 0.05 to 100"),
    "no q": (move(EQ, q=None), "targets[0].moves[4].q is null"),
    "q NaN": (move(EQ, q=math.nan), "targets[0].moves[4].q is NaN"),
    "an infinite gain": (move(EQ, gain_db=-math.inf), "targets[0].moves[4].gain_db is -Infinity"),
    "a gain that is a word": (move(EQ, gain_db="3"), 'targets[0].moves[4].gain_db is "3"'),
    "a gain that is true": (move(EQ, gain_db=True), "targets[0].moves[4].gain_db is true"),
    "too much gain": (move(2, gain_db=24.1), "targets[0].moves[2].gain_db is 24.1"),
    "too low": (move(EQ, frequency_hz=4.9), "targets[0].moves[4].frequency_hz is 4.9"),
    "too high": (move(EQ, frequency_hz=96_001), "targets[0].moves[4].frequency_hz is 96001"),
    "beyond the rate": (move(EQ, frequency_hz=24_000), "targets[0].moves[4].frequency_hz is 24000"),
    "a whole number beyond floats": (move(EQ, frequency_hz=10**400), "targets[0].moves[4].frequency_hz is 1000"),
    "more than a second": (
        move(1, samples=-48_001),
        "targets[0].moves[1].samples is -48001; expected a number from -4",
    ),
    "too strong": (lambda d: d.update(strength=101), "strength is 101"),
    "a rate with a fraction": (lambda d: d.update(sample_rate=44_100.5), "sample_rate is 44100.5"),
    "a rate that is none": (lambda d: d.update(sample_rate=1), "sample_rate is 1"),
    "an endless input": (lambda d: d["inputs"][0].update(duration_s=math.inf), "inputs[0].duration_s is Infinity"),
    "a reason that is none": (lambda d: d["tried"][0].update(reason=None), "tried[0].reason is null"),
    "a group that is none": (lambda d: d["applied"].append({}), "applied[3] is dict"),
    "a tool that is none": (lambda d: d.update(tool="mine"), 'tool is "mine"'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_in_one_line(case: str) -> None:
    change, message = WRONG[case]
    data = json.loads(EXAMPLE.to_json())
    change(data)
    with pytest.raises(InputError) as refused:
        Correction.from_json(json.dumps(data), "song/correction.json")
    text = str(refused.value)
    assert text.startswith(f"song/correction.json: {message}")
    assert "\n" not in text
    assert len(text) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("1" * 10_000, "is not JSON"),
        ("[1, 2]", "the correction is list, not an object"),
        ("null", "the correction is null, not an object"),
        (b" " * (c.MAX_BYTES + 1), "has more than 4000000 bytes"),
    ],
)
def test_what_is_no_correction_at_all(text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Correction.from_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_nothing_else_is_ever_raised(data: object) -> None:
    with pytest.raises(InputError):
        Correction.from_dict(data)


def test_the_file_is_written_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "out" / "correction.json"
    write_correction(EXAMPLE, path)
    assert read_correction(path) == EXAMPLE
    with pytest.raises(UsageError, match=r"correction\.json exists"):
        write_correction(EXAMPLE, path)
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        read_correction(tmp_path / "none.json")
    with pytest.raises(InputError, match="out: cannot be read"):
        read_correction(tmp_path / "out")
