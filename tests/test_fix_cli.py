"""`mixdiagnose fix` as scripts and people meet it: real files, whole runs, what is written and what is left alone."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from pedalboard.io import AudioFile

from dsp.correction.correction import Correction, Target
from dsp.findings import DelayMove, EqMove, GainMove
from mixdiagnose import cli
from plugin_bridge.files import read_audio
from plugin_bridge.writer import write_wav
from render_tests.scenes.base import RATE, quantised
from render_tests.scenes.processors import limited
from render_tests.scenes.registry import clean_tracks
from tests.music_signals import wave

HERE = Path(__file__).resolve().parent.parent / "mixdiagnose"
SCHEMA, REPORT = (
    json.loads((HERE / f"{name}.schema.json").read_text(encoding="utf-8")) for name in ("correction", "report")
)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
#: The stretch of the clean mix that is used: the end of the verse and the chorus (s).
START_S, END_S = 9.0, 18.0
#: The second track of the bass comes this late (samples), the keys rumble at so many Hz.
LATE, RUMBLE_HZ = 100, 12.0
Tracks = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a run has left: exit code, standard output and error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as JSON."""
        return dict(json.loads(self.out))

    @property
    def moves(self) -> dict[str, list[dict[str, Any]]]:
        """The moves of every target."""
        return {t["name"]: t["moves"] for t in self.json["correction"]["targets"]}


def fix(*arguments: object) -> Done:
    """Run the command."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main(["fix", *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def fix_json(*arguments: object) -> Done:
    return fix(*arguments, "--format", "json", "--quiet")


def refused(*arguments: object, code: int = 2) -> str:
    """The one line of a run that is refused."""
    done = fix(*arguments)
    assert done.code == code, done
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    return done.err


def tracks(seconds: tuple[float, float] = (START_S, END_S)) -> Tracks:
    """The tracks of the clean mix for a while, guitars and room as one."""
    start, end = (round(s * RATE) for s in seconds)
    own = {name: x[:, start:end].astype(np.float64) for name, x in clean_tracks().items()}
    guitars = np.sum([own.pop(name) for name in ("Guitar L", "Guitar R", "Room")], axis=0)
    return {**own, "Guitars": guitars}


def save(path: Path, samples: Any, rate: int = RATE, bits: int = 24) -> Path:
    own = wave(samples)
    if path.suffix == ".wav":
        write_wav(path, partial(list, [own]), rate, len(own), bits)
    else:
        with AudioFile(str(path), "w", rate, len(own), bit_depth=bits) as file:
            file.write(own)
    return path


def song(folder: Path, own: Tracks, *, mix: Callable[[Any], Any] = lambda x: x, rate: int = RATE) -> Path:
    """A folder with stems and their mix."""
    (folder / "stems").mkdir(parents=True)
    steps = {name: quantised(x) for name, x in own.items()}
    for name, x in steps.items():
        save(folder / "stems" / f"{name}.wav", x, rate)
    save(folder / "mix.wav", mix(np.sum([x.astype(np.float64) for x in steps.values()], axis=0)), rate)
    return folder


def faulty() -> Tracks:
    """The bass has a second track that comes late, the keys rumble, and all of it is too hot."""
    own = tracks()
    own["Bass Amp"], own["Bass"] = 0.8 * np.roll(own["Bass"], LATE, axis=1), 0.6 * own["Bass"]
    own["Keys"] = own["Keys"] + 0.05 * np.sin(2.0 * np.pi * RUMBLE_HZ * np.arange(own["Keys"].shape[1]) / RATE)
    return {name: 1.1 * x for name, x in own.items()}


def digests(folder: Path) -> dict[str, str]:
    """What every file below a folder holds."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*")) if p.is_file()
    }  # fmt: skip


def samples(path: Path) -> Any:
    return read_audio(path)[0].samples


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("flawed") / "song", faulty())


@dataclass(frozen=True)
class Fixed:
    """The flawed song corrected: what was said, where it lies, and what the inputs were before."""

    done: Done
    out: Path
    before: Mapping[str, str]


@pytest.fixture(scope="module")
def fixed(flawed: Path, tmp_path_factory: pytest.TempPathFactory) -> Fixed:
    before, out = digests(flawed), tmp_path_factory.mktemp("fixed") / "out"
    return Fixed(fix_json(flawed / "mix.wav", "--stems", flawed / "stems", "-o", out), out, before)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("clean") / "song", tracks())


def test_flaws_are_mended_at_their_source(fixed: Fixed) -> None:
    moves = fixed.done.moves
    assert fixed.done.code == 0
    (delay,) = (m for m in moves["Bass Amp"] if m["kind"] == "delay")
    assert delay["samples"] == pytest.approx(-LATE, abs=1.0)
    assert [m["eq_kind"] for m in moves["Keys"] if m["kind"] == "eq"] == ["high-pass"]
    trims = {name: sum(m["gain_db"] for m in row if m["kind"] == "gain") for name, row in moves.items()}
    assert len(set(trims.values())) == 1  # one gain for all
    assert -6.0 < trims["Keys"] < -0.5
    report = fixed.done.json
    left = {when: {f["id"] for f in report[when]["findings"] if f["status"] in ("warning", "problem")}
            for when in ("before", "after")}  # fmt: skip
    assert {"phase-alignment", "rumble", "true-peak", "headroom"} <= left["before"]
    assert not left["after"] & {"phase-alignment", "rumble", "true-peak", "headroom"}
    assert {s["group"] for s in report["steps"] if s["kept"]} == set(report["correction"]["applied"])


def test_json_is_only_json_and_every_part_fits_its_schema(fixed: Fixed) -> None:
    assert fixed.done.err == ""
    report = fixed.done.json
    jsonschema.validate(report["correction"], SCHEMA)
    jsonschema.validate(report["before"], REPORT)
    jsonschema.validate(report["after"], REPORT)
    assert set(report) == {"schema_version", "correction", "before", "after", "steps", "seconds"}
    assert json.loads((fixed.out / "correction.json").read_text(encoding="utf-8")) == report["correction"]
    names = [[(i["role"], i["name"]) for i in report[when]["inputs"]] for when in ("before", "after")]
    assert names[0] == names[1]  # not those of files that are gone
    assert ".mixdiagnose" not in fixed.done.out


def test_everything_is_written_and_nothing_else_touched(fixed: Fixed, flawed: Path) -> None:
    assert {p.name for p in fixed.out.iterdir()} == {"mix.wav", "stems", "correction.json", "forms", "listen"}
    assert [p.name for p in fixed.out.parent.iterdir()] == ["out"]
    assert digests(flawed) == fixed.before
    for path in [flawed / "mix.wav", *(flawed / "stems").iterdir()]:
        (was, source), (now, written) = read_audio(path), read_audio(fixed.out / path.relative_to(flawed))
        assert now.samples.shape == was.samples.shape
        assert (written.sample_rate, written.bit_depth) == (source.sample_rate, source.bit_depth)
    total = np.sum([samples(p).astype(np.float64) for p in (fixed.out / "stems").iterdir()], axis=0)
    assert np.abs(samples(fixed.out / "mix.wav") - total).max() < 1e-5


def test_it_does_the_same_every_time(fixed: Fixed, flawed: Path, tmp_path: Path) -> None:
    again = fix_json(flawed / "mix.wav", "--stems", flawed / "stems", "-o", tmp_path / "out")
    assert digests(tmp_path / "out") == digests(fixed.out)
    assert {k: v for k, v in again.json.items() if k == "steps"} == {"steps": fixed.done.json["steps"]}


def test_its_own_output_is_left_as_it_is(fixed: Fixed) -> None:
    again = fix_json(fixed.out / "mix.wav", "--stems", fixed.out / "stems", "--dry-run")
    assert again.code == 0
    sizes = [abs(m.get("gain_db", 99.0)) for row in again.moves.values() for m in row]
    assert max(sizes, default=0.0) <= 0.2


def test_a_correction_is_repeated_to_the_bit(fixed: Fixed, flawed: Path, tmp_path: Path) -> None:
    correction = fixed.out / "correction.json"
    done = fix(
        flawed / "mix.wav", "--stems", flawed / "stems", "--apply", correction, "-o", tmp_path / "out", "--quiet"
    )
    assert done.code == 0
    assert "as they were decided before" in done.out
    assert digests(tmp_path / "out") == digests(fixed.out)


def test_a_correction_keeps_its_delays_at_another_rate(fixed: Fixed, tmp_path: Path) -> None:
    half = song(tmp_path / "half", {n: x[:, ::2] for n, x in faulty().items()}, rate=RATE // 2)
    done = fix_json(half / "mix.wav", "--stems", half / "stems", "--apply", fixed.out / "correction.json", "--dry-run")
    delay = {n: [m["samples"] for m in row if m["kind"] == "delay"] for n, row in done.moves.items()}
    whole = {n: [m["samples"] / 2.0 for m in row if m["kind"] == "delay"] for n, row in fixed.done.moves.items()}
    assert delay == whole
    assert done.json["correction"]["sample_rate"] == RATE // 2
    high = Correction(RATE, (Target("Keys", (EqMove("Keys", "bell", 12_000.0, -2.0, 1.0),)),))
    (tmp_path / "high.json").write_text(high.to_json(), encoding="utf-8")
    told = refused(
        half / "mix.wav", "--stems", half / "stems", "--apply", tmp_path / "high.json", "--dry-run", "--quiet"
    )
    assert "Keys" in told
    assert "12000 Hz" in told


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, 3, "cannot be read"),
        ("", 3, "is not JSON"),
        ("{}", 3, "has no field"),
        ("[1, 2]", 3, "not an object"),
        (Correction(RATE, (Target("Flute", (GainMove("Flute", -1.0),)),)).to_json(), 2, "Flute"),
        (Correction(RATE, (Target("Bass", (DelayMove("Bass", 1e9),)),)).to_json(), 3, "samples"),
    ],
    ids=["missing", "empty", "no fields", "a list", "other stems", "absurd"],
)
def test_a_correction_that_does_not_fit_is_refused_in_one_line(
    content: str | None, code: int, said: str, clean: Path, tmp_path: Path
) -> None:
    file = tmp_path / "correction.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    call = (clean / "mix.wav", "--stems", clean / "stems", "--apply", file, "-o", tmp_path / "out", "--quiet")
    assert said in refused(*call, code=code)
    assert not (tmp_path / "out").exists()


def test_a_correction_is_repeated_as_it_is(fixed: Fixed, clean: Path) -> None:
    for option in (("--strength", "50"), ("--only", "gain"), ("--max-db", "3")):
        told = refused(clean / "mix.wav", "--apply", fixed.out / "correction.json", "--dry-run", *option)
        assert option[0] in told


def test_no_strength_leaves_everything_to_the_bit(flawed: Path, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    for path in (flawed / "stems").iterdir():
        os.link(path, tmp_path / "stems" / path.name)
    (tmp_path / "stems" / "Keys.wav").unlink()
    keys = np.round(samples(flawed / "stems" / "Keys.wav") * 2**15) / 2**15
    save(tmp_path / "stems" / "Keys.flac", keys, bits=16)
    out = tmp_path / "out"
    done = fix_json(flawed / "mix.wav", "--stems", tmp_path / "stems", "--strength", "0", "-o", out)
    assert done.moves == {}
    assert (out / "mix.wav").read_bytes() == (flawed / "mix.wav").read_bytes()
    for path in (tmp_path / "stems").iterdir():
        made = out / "stems" / f"{path.stem}.wav"
        assert np.array_equal(samples(made), samples(path))
        assert path.suffix == ".flac" or made.read_bytes() == path.read_bytes()
    assert read_audio(out / "stems" / "Keys.wav")[1].bit_depth == 16
    assert {p.name for p in out.iterdir()} == {"mix.wav", "stems", "correction.json"}
    assert done.json["before"]["findings"] == done.json["after"]["findings"]


def test_half_the_strength_is_half_of_every_gain_and_a_dry_run_writes_nothing(
    fixed: Fixed, flawed: Path, tmp_path: Path
) -> None:
    call = (flawed / "mix.wav", "--stems", flawed / "stems", "--strength", "50", "--dry-run", "-o", tmp_path / "out")
    half = fix_json(*call).moves
    assert list(tmp_path.iterdir()) == []
    assert digests(flawed) == fixed.before
    assert list(half) == list(fixed.done.moves)
    for name, row in fixed.done.moves.items():
        for whole, part in zip(row, half[name], strict=True):
            if whole["kind"] == "gain":
                assert part["gain_db"] == pytest.approx(whole["gain_db"] / 2.0, abs=0.011)
            else:
                assert part == whole  # a delay and a high-pass cannot be halved


@pytest.mark.parametrize("group", ["phase", "high-pass"])
def test_only_the_groups_that_are_asked_for_are_made(group: str, flawed: Path) -> None:
    done = fix_json(flawed / "mix.wav", "--stems", flawed / "stems", "--only", group, "--dry-run")
    assert {s["group"] for s in done.json["steps"]} <= {group}
    kinds = {m["kind"] for row in done.moves.values() for m in row}
    assert kinds - {"gain"} == {{"phase": "delay", "high-pass": "eq"}[group]}


@pytest.mark.parametrize(("seed", "most_db"), [(0, None), (1, 2.0), (2, None), (3, 0.5)])
def test_no_band_or_fader_passes_its_limit(seed: int, most_db: float | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    own = {n: 10.0 ** (rng.uniform(-12.0, 12.0) / 20.0) * x for n, x in tracks((9.0, 15.0)).items()}
    folder = song(tmp_path / "song", own, mix=lambda x: x / max(1.0, np.abs(x).max()))
    options = () if most_db is None else ("--max-db", most_db)
    done = fix_json(folder / "mix.wav", "--stems", folder / "stems", "--dry-run", *options)
    gains = [m["gain_db"] for row in done.moves.values() for m in row if "gain_db" in m]
    assert max(map(abs, gains), default=0.0) <= (24.0 if most_db is None else most_db)
    jsonschema.validate(done.json["correction"], SCHEMA)


def test_a_healthy_song_gets_no_moves(clean: Path, tmp_path: Path) -> None:
    done = fix(clean / "mix.wav", "--stems", clean / "stems", "-o", tmp_path / "out", "--quiet")
    assert done.code == 0
    assert "Nothing to correct" in done.out
    assert (tmp_path / "out" / "mix.wav").read_bytes() == (clean / "mix.wav").read_bytes()


def test_the_text_says_what_was_done_and_what_is_left(flawed: Path, tmp_path: Path) -> None:
    done = fix(flawed / "mix.wav", "--stems", flawed / "stems", "-o", tmp_path / "out")
    assert done.code == 0
    parts = [
        "each measured again",
        "Polarity and delay",
        "High-passes",
        "before",
        "Left for you",
        "Checks that changed",
    ]
    at = [done.out.index(part) for part in parts]
    assert at == sorted(at)
    assert "Bass Amp" in done.out
    assert f"Written to {tmp_path / 'out'}" in done.out.replace("\n", "")
    assert max(map(len, done.out.splitlines())) <= 120
    assert done.err == ""  # progress is for terminals


def test_a_limiter_on_the_bus_is_left_to_the_user(tmp_path: Path) -> None:
    folder = song(tmp_path / "song", tracks((9.0, 24.0)), mix=lambda x: limited(2.5 * x, 0.89))
    done = fix(folder / "mix.wav", "--stems", folder / "stems", "--dry-run", "--quiet")
    left = done.out[done.out.index("Left for you") :]
    assert done.code == 1
    assert "[bus-limiter]" in left
    assert "Limiter" not in done.out[: done.out.index("Left for you")]


def test_stems_that_cannot_be_read_are_not_lost_in_silence(flawed: Path, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    for path in (flawed / "stems").iterdir():
        os.link(path, tmp_path / "stems" / path.name)
    (tmp_path / "stems" / "Flute.wav").write_text(LFS)
    (tmp_path / "stems" / "Oboe.wav").write_text("a letter, and no audio")
    done = fix(flawed / "mix.wav", "--stems", tmp_path / "stems", "-o", tmp_path / "out", "--quiet")
    left = done.out[done.out.index("Left for you") :]
    assert done.code == 1
    assert left.count("A stem cannot be read") == 2
    assert "Flute.wav" in left
    assert "Oboe.wav" in left
    assert {p.name for p in (tmp_path / "out" / "stems").iterdir()} == {p.name for p in (flawed / "stems").iterdir()}


def test_stems_of_which_none_can_be_read_exit_with_3(clean: Path, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    (tmp_path / "stems" / "Bass.wav").write_text(LFS)
    told = refused(clean / "mix.wav", "--stems", tmp_path / "stems", "-o", tmp_path / "out", "--quiet", code=3)
    assert "git lfs pull" in told
    assert [p.name for p in tmp_path.iterdir()] == ["stems"]


def test_a_stem_that_breaks_off_stays_reported(flawed: Path, tmp_path: Path) -> None:
    (tmp_path / "stems").mkdir()
    for path in (flawed / "stems").iterdir():
        (tmp_path / "stems" / path.name).write_bytes(path.read_bytes())
    cut = tmp_path / "stems" / "Bass Amp.wav"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 3 // 4])
    done = fix_json(flawed / "mix.wav", "--stems", tmp_path / "stems", "-o", tmp_path / "out")
    said = [f["title"] for f in done.json["after"]["findings"]]
    assert "A stem was read in part" in said


def test_a_folder_of_stems_alone_is_summed(flawed: Path, tmp_path: Path) -> None:
    done = fix_json(flawed / "stems", "-o", tmp_path / "out")
    assert done.code in (0, 1)
    assert "Bass Amp" in done.moves
    total = np.sum([samples(p).astype(np.float64) for p in (tmp_path / "out" / "stems").iterdir()], axis=0)
    assert np.abs(samples(tmp_path / "out" / "mix.wav") - total).max() < 1e-6
    again = fix_json(tmp_path / "out" / "stems", "--dry-run")
    assert again.moves == {}


def test_a_mix_alone_is_mended_after_the_bus(tmp_path: Path) -> None:
    mix = np.sum(list(tracks().values()), axis=0)
    save(tmp_path / "mix.flac", quantised(0.999 * mix / np.abs(mix).max(), 16), bits=16)
    done = fix_json(tmp_path / "mix.flac", "-o", tmp_path / "out")
    assert [m["kind"] for m in done.moves["mix"]] == ["gain"]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"mix.wav", "correction.json", "forms", "listen"}
    assert read_audio(tmp_path / "out" / "mix.wav")[1].bit_depth == 16
    assert not {f["id"] for f in done.json["after"]["findings"] if f["status"] == "problem"} & {"headroom", "true-peak"}
    assert fix_json(tmp_path / "out" / "mix.wav", "--dry-run").moves == {}


def test_mono_one_stem_and_silent_stems(tmp_path: Path) -> None:
    own = tracks((9.0, 15.0))
    mono = song(tmp_path / "mono", {n: x.mean(axis=0, keepdims=True) for n, x in own.items()})
    done = fix_json(mono / "mix.wav", "--stems", mono / "stems", "--strength", "0", "-o", tmp_path / "out")
    assert samples(tmp_path / "out" / "mix.wav").shape[0] == 1
    one = song(tmp_path / "one", {"Lead": 4.0 * own["Lead"], "Empty": 0.0 * own["Lead"]})
    done = fix_json(one / "mix.wav", "--stems", one / "stems", "-o", tmp_path / "of one")
    assert done.code in (0, 1)
    assert not samples(tmp_path / "of one" / "stems" / "Empty.wav").any()
    (one / "stems" / "Empty.wav").unlink()
    assert fix_json(one / "stems", "--dry-run").code in (0, 1)
    nothing = 0.0 * own["Lead"]
    silent = song(tmp_path / "silent", {"Lead": nothing, "Keys": nothing}, mix=lambda x: x[:, :RATE])
    done = fix_json(silent / "mix.wav", "--stems", silent / "stems", "-o", tmp_path / "of silence")
    assert done.moves == {}
    assert (tmp_path / "of silence" / "mix.wav").read_bytes() == (silent / "mix.wav").read_bytes()


def test_more_than_two_channels_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "surround.wav", np.tile(tracks((9.0, 10.0))["Lead"], (3, 1)))
    assert "mono and stereo" in refused(tmp_path / "surround.wav", "--dry-run", "--quiet")


def test_wrong_usage_is_one_line_and_touches_nothing(clean: Path, tmp_path: Path) -> None:
    full, file, empty = tmp_path / "full", tmp_path / "file", tmp_path / "empty"
    for folder in (full, empty):
        folder.mkdir()
    (full / "mine.txt").write_text("mine")
    file.write_text("mine")
    call = (clean / "mix.wav", "--stems", clean / "stems", "--quiet")
    before = digests(tmp_path)
    for arguments, said in (
        ((*call,), "-o OUT"),
        ((*call, "-o", full), "is not an empty folder"),
        ((*call, "-o", file), "is not an empty folder"),
        ((*call, "-o", tmp_path / "no" / "out"), "there is no folder"),
        ((*call, "--dry-run", "--only", "reverb"), "there is no group 'reverb'; there are: devices, phase, gain"),
        ((*call, "--dry-run", "--strength", "101"), "--strength 101"),
        ((*call, "--dry-run", "--strength", "nan"), "--strength nan"),
        ((*call, "--dry-run", "--max-db", "-1"), "--max-db -1"),
        ((*call, "--dry-run", "--role", "Flute=bass"), "Flute"),
        ((*call, "--dry-run", "--profile", "nope"), "nope"),
        ((*call, "--dry-run", "--genre", "nope"), "nope"),
        ((clean / "mix.wav", "--dry-run", "--quiet", "--role", "Bass=bass"), "--stems"),
        ((clean / "mix.wav", "--dry-run", "--stems", empty), "holds no stems"),
        ((clean / "stems", "--dry-run", "--stems", clean / "stems"), "is a folder"),
        ((empty, "--dry-run"), "holds no stems"),
    ):
        assert said in refused(*arguments), arguments
    assert "no such file" in refused(tmp_path / "gone.wav", "-o", tmp_path / "out", "--quiet", code=3)
    assert digests(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_an_empty_folder_may_be_filled(clean: Path, tmp_path: Path) -> None:
    assert fix(clean / "mix.wav", "-o", tmp_path, "--quiet").code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"mix.wav", "correction.json"}


@pytest.mark.parametrize(
    ("where", "error", "code", "said"),
    [
        ("render", KeyboardInterrupt(), 130, "stopped"),
        ("deliver", OSError(28, "No space left on device"), 2, "No space left on device"),
    ],
)
def test_nothing_is_left_of_a_run_that_ends_early(
    where: str, error: BaseException, code: int, said: str, flawed: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fails(*_: object, **__: object) -> None:
        raise error

    before = digests(flawed)
    monkeypatch.setattr(f"plugin_bridge.corrected.Workshop.{where}", fails)
    call = (flawed / "mix.wav", "--stems", flawed / "stems", "-o", tmp_path / "out", "--quiet")
    assert said in refused(*call, code=code)
    assert list(tmp_path.iterdir()) == []
    assert digests(flawed) == before
