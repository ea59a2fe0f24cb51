"""What services do with level, against worked examples; and that every row says where it is from."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from dsp.audio import Source
from dsp.checks import find_check
from dsp.diagnose import diagnose, run_check
from dsp.errors import UsageError
from dsp.findings import Finding
from dsp.listening.platforms import Playback, playback
from dsp.mix import Mix, measure
from dsp.platforms import Platform
from dsp.profile import load_platforms, load_profile, parse_platform
from mixdiagnose.report.platforms import platform_rows, platforms_table
from render_tests.scenes.base import clean

PLATFORMS = {p.id: p for p in load_platforms()}


def on(platform: str, lufs: float, dbtp: float) -> Playback:
    return playback(PLATFORMS[platform], lufs, dbtp)


def test_spotifys_own_example() -> None:
    played = on("spotify_normal", -20.0, -5.0)
    assert played.gain_db == pytest.approx(4.0)
    assert played.lufs == pytest.approx(-16.0)
    assert played.true_peak_dbtp == pytest.approx(-1.0)
    assert played.held_back_db == pytest.approx(2.0)
    assert "2.0 dB quieter" in played.lost


def test_ian_shepherds_example() -> None:
    """A song of -5.3 LUFS: 2.3 dB down by YouTube Music's own statistics, to -14 LUFS on the video platform."""
    assert on("youtube_music", -5.3, 3.48).lufs == pytest.approx(-7.0)
    assert on("youtube", -5.3, 3.48).gain_db == pytest.approx(-8.7)
    assert on("youtube_music", -5.3, 3.48).gain_db == pytest.approx(-2.3, abs=0.7)


@pytest.mark.parametrize(
    ("platform", "lufs", "dbtp", "gain_db", "said"),
    [
        ("spotify_normal", -9.0, -1.0, -5.0, "turned down 5.0 dB: loudness above -14 LUFS buys nothing"),
        ("spotify_normal", -15.0, -6.0, 1.0, ""),
        ("spotify_normal", -20.0, 0.5, 0.0, "peaks hold it back"),  # never turned down because of its peaks
        ("spotify_normal", -14.0, -1.0, 0.0, ""),
        ("spotify_quiet", -9.0, -1.0, -10.0, "turned down"),
        ("youtube", -20.0, -5.0, 0.0, "not raised: plays 6.0 dB quieter"),
        ("tidal", -10.0, -1.0, -4.0, "turned down"),
        ("apple_music", -10.0, -1.0, -6.0, "turned down"),
        ("ebu_r128", -16.0, -1.0, -7.0, "7.0 dB louder than asked for"),
        ("aes_td1008", -20.0, -8.0, 4.0, ""),
    ],
)
def test_gains_by_hand(platform: str, lufs: float, dbtp: float, gain_db: float, said: str) -> None:
    played = on(platform, lufs, dbtp)
    assert played.gain_db == pytest.approx(gain_db)
    assert said in played.lost
    assert bool(said) == bool(played.lost)
    assert played.lufs == pytest.approx(lufs + gain_db)
    assert played.true_peak_dbtp == pytest.approx(dbtp + gain_db)


def test_spotify_loud_goes_on_into_a_limiter() -> None:
    played = on("spotify_loud", -20.0, -5.0)
    assert played.gain_db == pytest.approx(9.0)
    assert played.lufs == pytest.approx(-11.0)
    assert played.limited_db == pytest.approx(5.0)
    assert played.true_peak_dbtp == pytest.approx(-1.0)
    assert "limiter takes 5.0 dB" in played.lost


@pytest.mark.parametrize("platform", ["apple_music", "amazon_music", "deezer", "soundcloud"])
def test_where_sources_contradict_each_other_nothing_is_claimed(platform: str) -> None:
    played = on(platform, -20.0, -5.0)
    assert played.gain_db is None
    assert played.lufs is None
    assert "contradict" in played.lost


def test_every_platform_of_the_issue_is_there_with_its_source() -> None:
    wanted = {
        *("spotify_loud", "spotify_normal", "spotify_quiet", "apple_music", "youtube", "youtube_music", "tidal"),
        *("amazon_music", "deezer", "soundcloud", "aes_td1008", "ebu_r128"),
    }
    assert set(PLATFORMS) == wanted
    for platform in PLATFORMS.values():
        assert len(platform.source) > 20
        assert platform.date
    assert [p.id for p in PLATFORMS.values() if p.limiter] == ["spotify_loud"]


ROW: dict[str, Any] = {
    "title": "X", "kind": "service", "default": True, "reference_lufs": -14.0, "turns_up": "no",
    "certainty": "hearsay", "date": "2026", "source": "someone said so",
}  # fmt: skip


def test_rows_are_refused_without_source_or_with_unknown_words() -> None:
    assert parse_platform("x", ROW) == Platform(
        "x", "X", "service", True, -14.0, "no", None, False, "hearsay", "2026", "someone said so"
    )
    for change, word in (({"source": ""}, "source"), ({"turns_up": "maybe"}, "turns_up"), ({"date": ""}, "date")):
        with pytest.raises(UsageError, match=word):
            parse_platform("x", {**ROW, **change})


@cache
def mix_at(gain_db: float) -> Mix:
    source = Source("song", "WAV", "float", 48_000, "stereo", 32)
    return measure(source, [(clean() * np.float32(10 ** (gain_db / 20))).astype(np.float32)])


def at_level(lufs: float, dbtp: float, profile: str) -> Finding:
    """What the check says of a song of this loudness and true peak."""
    mix = mix_at(0.0)
    readings = replace(
        mix.readings,
        loudness=replace(mix.readings.loudness, integrated_lufs=lufs),
        true_peak=replace(mix.readings.true_peak, max_dbtp=dbtp),
    )
    (finding,) = run_check(find_check("platforms"), replace(mix, readings=readings), load_profile(profile))
    return finding


@pytest.mark.parametrize(
    ("lufs", "dbtp", "mix", "master"),
    [
        (-14.0, -1.0, "pass", "pass"),
        (-9.0, -1.0, "info", "info"),
        (-6.0, -1.0, "info", "warning"),  # louder than any service plays
        (-14.5, 0.3, "pass", "warning"),  # not turned down, and its peaks pass Spotify's ceiling
        (-19.0, -1.5, "pass", "info"),  # Spotify would raise it, its peaks do not let it
        (-17.0, -6.0, "pass", "pass"),
    ],
)
def test_only_a_master_is_warned(lufs: float, dbtp: float, mix: str, master: str) -> None:
    before, after = at_level(lufs, dbtp, "mix"), at_level(lufs, dbtp, "master")
    assert (before.status, after.status) == (mix, master)
    assert "as it is" in before.message
    assert {m.name for m in before.evidence} - {"throughout_s"} == {f"{p}_gain_db" for p in PLATFORMS}
    assert (after.status == "warning") == bool(after.fixes)


def test_the_table_for_the_terminal() -> None:
    report = diagnose(mix_at(6.0), load_profile("mix"))
    rows = platform_rows(report)
    assert [r.title for r in rows] == [p.title for p in PLATFORMS.values()]
    table = platforms_table(report)
    assert table is not None
    console = Console(file=io.StringIO(), width=80)
    console.print(table)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Spotify (normal)" in text
    assert "measured by others" in " ".join(text.split())
    silent = measure(Source("s", "WAV", "PCM", 48_000, "stereo", 24), [np.zeros((2, 48_000), np.float32)])
    assert platforms_table(diagnose(silent, load_profile("mix"))) is None
