"""When a measurement begins, goes on and stands still: one instance, fed blocks as the link gives them."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import pytest

from dsp.findings import EqMove
from dsp.mix import Mix, measure
from dsp.profile import Profile, load_profile
from dsp.units import Samples
from plugin_bridge.link import Block, Transport
from plugin_bridge.link_layout import JOINED_LATE, LOST_FRAMES
from plugin_bridge.live.instance import Watched
from plugin_bridge.live.judging import Judgement, judge
from plugin_bridge.live.measuring import source_of
from plugin_bridge.live.passes import Follower
from plugin_bridge.live.showing import LISTENING, READY, TOO_SHORT, WAITING
from tests.music_signals import music

RATE, BLOCK = 48_000, 2_400


class AtOnce:
    """Makes diagnoses before it returns."""

    def judge(self, mix: Mix, profile: Profile, bands: tuple[EqMove, ...] | None) -> Future[Judgement]:
        future: Future[Judgement] = Future()
        future.set_result(judge(mix, profile, bands))
        return future


class Failing(AtOnce):
    """Cannot make any."""

    def judge(self, mix: Mix, profile: Profile, bands: tuple[EqMove, ...] | None) -> Future[Judgement]:
        future: Future[Judgement] = Future()
        future.set_exception(ZeroDivisionError())
        return future


def song(seconds: float, seed: int = 0) -> Samples:
    return np.ascontiguousarray(music(seconds, RATE, seed), dtype=np.float32)


@dataclass
class Host:
    """A host that plays into one instance; its position goes on by itself."""

    watched: Watched = field(default_factory=lambda: Watched("host", load_profile("mix")))
    now: float = 0.0
    at_s: float = 0.0

    def play(self, x: Samples, *, at_s: float | None = None, looping: bool = False, lost: int = 0,
             rate: int = RATE, playing: bool = True) -> Host:  # fmt: skip
        self.at_s = self.at_s if at_s is None else at_s
        for start in range(0, x.shape[1], BLOCK):
            part = x[:, start : start + BLOCK]
            transport = Transport(playing, looping, self.at_s, 120.0)
            self.watched.hear(Block(part, float(rate), transport, lost if start == 0 else 0, False, False))
            self.at_s += part.shape[1] / rate if playing else 0.0
            self.now += part.shape[1] / rate
            self.think()
        return self

    def stop(self) -> Host:
        return self.play(np.zeros((2, BLOCK), np.float32), playing=False)

    def think(self) -> None:
        for _ in range(3):
            self.watched.think(self.now, AtOnce())

    @property
    def integrated(self) -> float:
        return self.watched.results().integrated_lufs


def integrated(*parts: Samples) -> float:
    value = measure(source_of("x", RATE, 2), [np.concatenate(parts, axis=1)]).readings.loudness.integrated_lufs
    assert value is not None
    return value


def test_a_pass_that_was_stopped_reads_what_its_file_reads_and_stays() -> None:
    x = song(5.03)
    host = Host().play(x).stop()
    file = measure(source_of("x", RATE, 2), [x])
    for _ in range(3):
        results = host.watched.results()
        assert results.integrated_lufs == file.readings.loudness.integrated_lufs
        assert results.true_peak_dbtp == pytest.approx(file.readings.true_peak.max_dbtp, abs=1e-9)
        assert results.measured_s == pytest.approx(5.03)
        host.play(song(1.0, 3), playing=False)  # what sounds while it is stopped counts for the moving meters alone
    assert host.watched.results().momentary_lufs > -60.0


def test_playing_again_and_jumping_begin_anew() -> None:
    x, y = song(4.0), 0.1 * song(4.0, 1)
    host = Host().play(x).stop().play(y, at_s=4.0)
    assert host.integrated == pytest.approx(integrated(y), abs=1e-6)
    assert host.play(x, at_s=0.0).integrated == pytest.approx(integrated(x), abs=1e-6)  # back, while it plays
    assert host.play(y, at_s=60.0).integrated == pytest.approx(integrated(y), abs=1e-6)  # ahead
    assert host.play(x).integrated == pytest.approx(integrated(y, x), abs=1e-6)  # no jump: the same pass goes on


def test_every_round_of_a_loop_is_measured_alone_and_the_last_one_shown_while_it_is_short() -> None:
    x, y = song(4.0), 0.1 * song(4.0, 1)
    host = Host().play(x, looping=True)
    first = host.watched.judgement
    assert first is not None
    host.play(y[:, : 2 * RATE], at_s=0.0, looping=True)
    assert host.integrated == pytest.approx(integrated(x), abs=1e-6)
    assert host.watched.judgement is not None
    assert host.watched.results().measured_s == pytest.approx(2.0)
    host.play(y[:, 2 * RATE :], looping=True)
    assert host.integrated == pytest.approx(integrated(y), abs=1e-6)
    assert host.watched.judgement is not first


def test_a_short_loop_shows_its_last_whole_round() -> None:
    x, host = song(1.5), Host()
    for _ in range(4):
        host.play(x, at_s=0.0, looping=True)
    host.play(0.05 * x[:, : RATE // 2], at_s=0.0, looping=True)
    assert host.integrated == pytest.approx(integrated(x), abs=1e-6)


def test_lost_audio_is_told_until_the_next_pass() -> None:
    x = song(4.0)
    host = Host().play(x)
    assert host.watched.results().incomplete == 0
    host.play(x, at_s=host.at_s + 1.0, lost=RATE)  # the position went on by what was lost: no jump
    results = host.stop().watched.results()
    assert results.incomplete == LOST_FRAMES
    assert "audio was lost" in results.headline
    assert results.readiness < 0.5
    assert results.measured_s == pytest.approx(8.0)
    assert host.play(x, at_s=0.0).watched.results().incomplete == 0


def test_an_engine_that_joins_late_says_so_unless_the_transport_stands() -> None:
    profile = load_profile("mix")
    late = Host(Watched("late", profile, JOINED_LATE)).play(song(4.0), at_s=30.0)
    assert late.watched.results().incomplete == JOINED_LATE
    assert late.stop().play(song(4.0)).watched.results().incomplete == 0
    assert Host(Watched("x", profile, JOINED_LATE)).stop().play(song(4.0)).watched.results().incomplete == 0


def test_a_host_without_transport_is_measured_from_the_first_sound_until_it_has_one() -> None:
    x, silence = song(4.0), np.zeros((2, RATE), np.float32)
    host = Host().play(silence, playing=False)
    assert np.isnan(host.integrated)
    host.play(x, playing=False).play(silence, playing=False)
    assert host.integrated == pytest.approx(integrated(x, silence), abs=1e-6)
    host.play(0.1 * x, at_s=0.0)
    assert host.integrated == pytest.approx(integrated(0.1 * x), abs=1e-6)
    assert host.stop().play(x, playing=False).integrated == pytest.approx(integrated(0.1 * x), abs=1e-6)


def test_a_position_that_never_moves_is_no_jump() -> None:
    follower, stands = Follower(), Transport(True, False, 0.0, 0.0)
    assert [follower.turn(stands, 0.5, False) for _ in range(3)] == ["begin", "on", "on"]


@pytest.mark.parametrize("off_s", [-0.05, 0.05])
def test_a_position_a_little_off_is_no_jump(off_s: float) -> None:
    follower = Follower()
    turns = [follower.turn(Transport(True, False, k * (0.5 + off_s), 0.0), 0.5, False) for k in range(6)]
    assert turns == ["begin", *["on"] * 5]


def test_another_sample_rate_starts_anew() -> None:
    x = song(4.0)
    host = Host().play(x)
    assert host.watched.judgement is not None
    y = np.ascontiguousarray(music(4.0, 44_100, 1), dtype=np.float32)
    told = host.play(y[:, :44_100], rate=44_100).watched.results()
    assert told.measured_s == pytest.approx(1.0)
    assert told.lines == ()
    assert host.play(y[:1], rate=44_100).watched.results().measured_s == pytest.approx(4.0)  # one channel
    assert np.isnan(host.watched.results().correlation)


@pytest.mark.parametrize("rate", [1.0, 7_000.0, 1e6])
def test_a_rate_that_cannot_be_measured_is_left_alone(rate: float) -> None:
    watched = Watched("x", load_profile("mix"))
    watched.hear(Block(song(1.0)[:, :BLOCK], rate, Transport(True), 0, True, True))
    assert watched.results().headline == WAITING


def test_what_is_no_number_counts_as_silence() -> None:
    x = song(4.0)
    broken = x.copy()
    broken[0, 1000], broken[1, 2000], broken[0, 3000] = np.nan, np.inf, -np.inf
    x[0, 1000] = x[1, 2000] = x[0, 3000] = 0.0
    assert Host().play(broken).stop().integrated == integrated(x)


def test_reset_begins_anew_and_a_genre_is_judged_at_once() -> None:
    x = song(4.0)
    host = Host().play(x).stop()
    host.watched.choose_genre("no such genre")
    assert host.watched.results().genre == load_profile("mix").genre.name
    host.watched.choose_genre("classical")
    host.think()
    told = host.watched.judgement
    assert told is not None
    assert told.report.genre == host.watched.results().genre
    assert host.watched.results().genre_certain
    host.watched.reset()
    assert np.isnan(host.integrated)
    assert host.watched.judgement is None


def test_the_headline_says_where_things_stand() -> None:
    host = Host()
    assert host.watched.results().headline == WAITING
    assert host.play(song(1.0)).watched.results().headline == LISTENING
    assert host.stop().watched.results().headline == TOO_SHORT
    assert host.play(song(6.0), at_s=0.0).stop().watched.results().headline == READY
    assert host.watched.results().readiness > 0.5
    told = host.play(1.2 * song(6.0), at_s=0.0).stop().watched.results()
    problems = [line for line in told.lines if line.status == "problem"]
    assert told.headline == f"Not ready: {len(problems)} problems"
    assert told.lines[: len(problems)] == tuple(problems)  # the worst first
    assert told.readiness < 0.5


def test_a_diagnosis_that_fails_leaves_the_readings_and_what_was_known(caplog: pytest.LogCaptureFixture) -> None:
    x = song(4.0)
    host = Host().play(x)
    host.play(x[:, :BLOCK])
    known = host.watched.judgement
    for now in (100.0, 200.0):
        host.watched.think(now, Failing())
    assert "no diagnosis of host" in caplog.text
    assert host.watched.judgement is known
    assert host.integrated == pytest.approx(integrated(x, x[:, :BLOCK]), abs=1e-6)
