"""The renderer: every kind of node nulls against arithmetic, and stems, buses and mix belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pedalboard.io import AudioFile
from scipy.signal import sosfilt

from dsp.correction.biquad import sections
from dsp.errors import InputError
from dsp.findings import EqMove
from dsp.units import Samples
from plugin_bridge.files import read_audio
from plugin_bridge.mixer.graph import Strip
from plugin_bridge.mixer.pan import gains
from plugin_bridge.render import Rendered, render
from plugin_bridge.sessions.model import Band, Clip, Curve, Device, Media, Point, Send, Session, Track

RATE = 8_000
SECONDS = 20.0  # several pieces
rng = np.random.default_rng(11)
LEAD, BASS = ((0.1 * rng.standard_normal((2, int(SECONDS * RATE)))).astype(np.float32) for _ in range(2))
#: Differences of single precision, of which gains are made.
NULL = 2e-7

Wide = npt.NDArray[np.float64]
Sessions = Callable[..., Session]


@pytest.fixture
def session(tmp_path: Path) -> Sessions:
    """A session of a lead and a bass, tracks and master changed as asked for by name."""

    def write(name: str, samples: Samples) -> Media:
        path = tmp_path / f"{name}.wav"
        with AudioFile(str(path), "w", RATE, len(samples), bit_depth=32) as file:
            file.write(samples)
        return Media(path.name, path)

    def make(*buses: Track, mono: bool = False, **changes: dict[str, object]) -> Session:
        tracks = []
        for name, samples in (("Lead", LEAD[:1] if mono else LEAD), ("Bass", BASS)):
            clips = (Clip(name, (write(name, samples),), 0.0, SECONDS),)
            track = Track(name, name, "track", "m", channels=len(samples), clips=clips)
            tracks.append(replace(track, **changes.get(name.lower(), {})))  # type: ignore[arg-type]
        master = replace(Track("m", "Master", "master"), **changes.get("master", {}))  # type: ignore[arg-type]
        return Session("s", "DAWproject", tmp_path / "s.dawproject", RATE, (*tracks, *buses), master, end_s=SECONDS)

    return make


def mix_of(session: Session, folder: Path, **more: object) -> Samples:
    return read_audio(render(session, folder / "out", **more).mix)[0].samples  # type: ignore[arg-type]


def summed(made: Rendered) -> Wide:
    return np.sum([read_audio(p)[0].samples for p in made.stems.values()], axis=0, dtype=np.float64)


def test_unity_is_the_plain_sum(session: Sessions, tmp_path: Path) -> None:
    np.testing.assert_array_equal(mix_of(session(), tmp_path), LEAD + BASS)


@pytest.mark.parametrize("law", ["balance", "power:0.7071", "power:0.5", "none"])
@pytest.mark.parametrize("pan", [-1.0, -0.3, 0.0, 0.8])
def test_gain_and_pan(session: Sessions, tmp_path: Path, law: str, pan: float) -> None:
    out = mix_of(session(lead={"fader": 0.7, "pan": pan, "pan_law": law}), tmp_path)
    left, right = gains(law, pan)
    np.testing.assert_allclose(out, 0.7 * np.array([[left], [right]]) * LEAD + BASS, atol=NULL)
    other = mix_of(session(lead={"fader": 0.7, "pan": pan, "pan_law": law}), tmp_path / "other", pan_law="none")
    np.testing.assert_allclose(other, 0.7 * LEAD + BASS, atol=NULL)


def test_a_mono_track_is_panned_to_both_sides(session: Sessions, tmp_path: Path) -> None:
    out = mix_of(session(mono=True, lead={"pan": 0.5, "pan_law": "ardour-mono"}), tmp_path)
    left, right = gains("ardour-mono", 0.5)
    np.testing.assert_allclose(out, np.array([[left], [right]]) * LEAD[:1] + BASS, atol=NULL)
    assert gains("ardour-mono", 0.0)[0] == pytest.approx(10 ** (-3 / 20), abs=1e-4)


def test_trim_and_polarity(session: Sessions, tmp_path: Path) -> None:
    out = mix_of(session(lead={"trim": 0.5, "inverted": (False, True)}, bass={"inverted": (True, True)}), tmp_path)
    np.testing.assert_allclose(out, np.array([[0.5], [-0.5]]) * LEAD - BASS, atol=NULL)


def test_automation_follows_or_multiplies_the_fader(session: Sessions, tmp_path: Path) -> None:
    volume = (Point(2.0, 1.0), Point(12.0, 0.0), Point(15.0, 0.5, "hold"))
    pans = (Point(0.0, -1.0), Point(20.0, 1.0))
    mutes = (Point(0.0, 0.0, "hold"), Point(18.0, 1.0, "hold"))
    t = np.arange(LEAD.shape[1]) / RATE
    gain = np.interp(t, [2.0, 12.0, 15.0], [1.0, 0.0, 0.5]) * (t < 18.0)
    sides = np.stack([np.minimum(1.0, 1.0 - p) for p in (t / 10.0 - 1.0, 1.0 - t / 10.0)])
    moves: dict[str, Curve] = {"volume": volume, "pans": pans, "mutes": mutes}
    follows = mix_of(session(lead={"fader": 0.25, **moves}), tmp_path)
    np.testing.assert_allclose(follows, gain * sides * LEAD + BASS, atol=1e-6)
    on_top = mix_of(session(lead={"fader": 0.25, "fader_follows": False, **moves}), tmp_path / "other")
    np.testing.assert_allclose(on_top, 0.25 * gain * sides * LEAD + BASS, atol=1e-6)


@pytest.mark.parametrize("kind", ["bell", "low-shelf", "high-shelf", "high-pass", "high-pass-24", "low-pass", "notch"])
def test_the_equalizer_is_our_filter(session: Sessions, tmp_path: Path, kind: str) -> None:
    bands = (Band(kind, 300.0, -6.0, 0.9), Band("bell", 1500.0, 4.0, 2.0, enabled=False))
    eq = Device("EQ", "equalizer", bands=bands, parameters={"output_gain_db": -2.0})
    out = mix_of(session(lead={"inserts": (eq,)}), tmp_path)
    filtered = sosfilt(sections(EqMove("", kind, 300.0, -6.0, 0.9), RATE), LEAD.astype(float), axis=1)
    np.testing.assert_allclose(out, 10 ** (-2 / 20) * filtered + BASS, atol=2e-6)  # -114 dB: single precision, summed
    off = mix_of(session(lead={"inserts": (replace(eq, enabled=False),)}), tmp_path / "off")
    np.testing.assert_array_equal(off, LEAD + BASS)


def test_the_limiter_holds_its_threshold_and_the_gate_closes(session: Sessions, tmp_path: Path) -> None:
    parameters = {"threshold_db": -18.0, "release_s": 0.05, "input_gain_db": 6.0}
    limiter = Device("Lim", "limiter", parameters=parameters)
    made = render(session(master={"inserts": (limiter,)}), tmp_path / "out")
    mix, before = (read_audio(p)[0].samples for p in (made.mix, made.master_input))
    np.testing.assert_array_equal(before, LEAD + BASS)
    assert np.abs(mix).max() == pytest.approx(10 ** (-18 / 20), rel=1e-5)
    quiet = np.abs(2 * before).max(axis=0) < 0.01
    assert (np.abs(mix) <= 2.0 * np.abs(before) + 1e-6).all()
    assert quiet.any()
    device = made.facts.master.devices[0]
    assert device.played == "here"
    peak_db = 20 * np.log10(np.abs(before).max() * 10 ** (6 / 20))
    assert device.reduction_db == pytest.approx(peak_db + 18.0, abs=0.01)
    gate = Device("Gate", "gate", parameters={"threshold_db": 0.0, "ratio": 100.0, "range_db": -60.0})
    gated = mix_of(session(lead={"inserts": (gate,)}, bass={"muted": True}), tmp_path / "gated")
    np.testing.assert_allclose(gated[:, RATE:], 1e-3 * LEAD[:, RATE:], atol=1e-6)


def test_the_compressor_on_a_steady_tone(session: Sessions, tmp_path: Path) -> None:
    parameters = {"threshold_db": -30.0, "ratio": 4.0, "attack_s": 0.01, "release_s": 0.1}
    made = session(lead={"inserts": (Device("Comp", "compressor", parameters=parameters),)}, bass={"muted": True})
    square = np.where(np.arange(LEAD.shape[1]) // 8 % 2, 0.25, -0.25).astype(np.float32)
    path = made.tracks[0].clips[0].media[0].file
    assert path is not None
    with AudioFile(str(path), "w", RATE, 2, bit_depth=32) as file:
        file.write(np.stack([square, square]))
    out = mix_of(made, tmp_path)
    level_db = 20 * np.log10(0.25)
    assert 20 * np.log10(np.abs(out[0, -1])) == pytest.approx(-30.0 + (level_db + 30.0) / 4.0, abs=0.01)


def test_buses_sends_and_stems_make_up_the_mix(session: Sessions, tmp_path: Path) -> None:
    group = Track("g", "Group", "bus", "m", fader=0.5, pan=0.2, inverted=(True, True))
    fx = Track("f", "FX", "bus", "g", fader=0.8)
    made = render(
        session(
            group, fx, lead={"output": "g", "fader": 0.6, "sends": (Send("f", 0.3), Send("f", 0.2, pre=True))},
            bass={"sends": (Send("f", 0.1, pan=-1.0), Send("f", 9.0, enabled=False), Send("nowhere"))},
        ),
        tmp_path / "out",
    )  # fmt: skip
    lead, bass = LEAD.astype(float), BASS.astype(float)
    into_fx = 0.3 * 0.6 * lead + 0.2 * lead + 0.1 * np.array([[1.0], [0.0]]) * bass
    side = -0.5 * np.array([[0.8], [1.0]])
    expected = side * (0.6 * lead + 0.8 * into_fx) + bass
    mix = read_audio(made.mix)[0].samples
    np.testing.assert_allclose(mix, expected, atol=4 * NULL)
    assert sorted(made.stems) == ["Bass", "FX", "Lead"]
    assert sorted(made.buses) == ["FX", "Group"]
    np.testing.assert_allclose(summed(made), mix, atol=4 * NULL)
    np.testing.assert_allclose(read_audio(made.stems["Lead"])[0].samples, side * 0.6 * lead, atol=NULL)


def test_stems_through_a_mono_bus_add_up(session: Sessions, tmp_path: Path) -> None:
    bus = Track("b", "Mono", "bus", "m", channels=1, pan=0.4, pan_law="ardour-mono", fader=0.7)
    made = render(session(bus, lead={"output": "b"}), tmp_path / "out")
    np.testing.assert_allclose(summed(made), read_audio(made.mix)[0].samples, atol=NULL)


def test_a_folder_with_clips_of_its_own_is_a_stem_of_these(session: Sessions, tmp_path: Path) -> None:
    made = session(lead={"output": "Bass"}, bass={"kind": "group", "fader": 0.5})
    rendered = render(made, tmp_path / "out")
    np.testing.assert_allclose(read_audio(rendered.stems["Bass"])[0].samples, 0.5 * BASS, atol=NULL)
    np.testing.assert_allclose(read_audio(rendered.stems["Lead"])[0].samples, 0.5 * LEAD, atol=NULL)
    np.testing.assert_allclose(read_audio(rendered.buses["Bass"])[0].samples, 0.5 * (LEAD + BASS), atol=NULL)


def test_mute_solo_inactive_and_feedback(session: Sessions, tmp_path: Path) -> None:
    def out(name: str, made: Session) -> Samples:
        return mix_of(made, tmp_path / name)

    np.testing.assert_array_equal(out("muted", session(lead={"muted": True})), BASS)
    np.testing.assert_array_equal(out("solo", session(lead={"soloed": True})), LEAD)
    np.testing.assert_array_equal(out("off", session(lead={"active": False})), BASS)
    np.testing.assert_array_equal(out("nowhere", session(lead={"output": None})), BASS)
    bus = Track("b", "Bus", "bus", "m", soloed=True)
    np.testing.assert_array_equal(out("solo bus", session(bus, lead={"output": "b"})), LEAD)
    pre = (Send("b", 1.0, pre=True), Send("b", 0.5))
    plain = replace(bus, soloed=False)
    spared = session(plain, lead={"muted": True, "mutes_pre_sends": False, "sends": pre, "fader": 0.1})
    np.testing.assert_allclose(out("spared", spared), LEAD + BASS, atol=NULL)
    circle = render(
        session(replace(plain, sends=(Send("c"),)), Track("c", "C", "bus", "b"), lead={"output": "b"}), tmp_path / "o"
    )
    assert any("feeds back" in line for line in circle.facts.approximate)
    np.testing.assert_array_equal(read_audio(circle.mix)[0].samples, LEAD + BASS)


def test_devices_after_the_fader(session: Sessions, tmp_path: Path) -> None:
    limiter = Device("Lim", "limiter", parameters={"threshold_db": -40.0})
    made = session(lead={"fader": 0.001, "pan": 1.0, "post_inserts": (limiter,)}, bass={"muted": True})
    np.testing.assert_allclose(mix_of(made, tmp_path), np.array([[0.0], [0.001]]) * LEAD, atol=NULL)


def test_a_return_without_its_effect_is_left_out(session: Sessions, tmp_path: Path) -> None:
    reverb = Track("r", "Reverb", "bus", "m", inserts=(Device("Plate", "vst3"),))
    made = render(session(reverb, lead={"sends": (Send("r", 0.5),)}), tmp_path / "out")
    np.testing.assert_array_equal(read_audio(made.mix)[0].samples, LEAD + BASS)
    assert sorted(made.stems) == ["Bass", "Lead"]
    assert any("'Reverb' is left out" in line for line in made.facts.approximate)


def test_levels_at_every_point(session: Sessions, tmp_path: Path) -> None:
    hot = Device("EQ", "equalizer", parameters={"output_gain_db": 24.0})
    missing = Device("Vintage", "vst3")
    made = render(session(lead={"inserts": (hot, missing), "fader": 0.05, "trim": 2.0}), tmp_path / "out")
    lead = made.facts.channels[0]
    assert [(x.at, x.stage) for x in lead.levels] == [("input", 0), ("EQ", 1), ("fader", 3)]
    peaks = [20 * np.log10(g * np.abs(LEAD).max()) for g in (2.0, 2.0 * 10 ** (24 / 20), 0.1 * 10 ** (24 / 20))]
    assert [x.peak_dbfs for x in lead.levels] == pytest.approx(peaks, abs=1e-3)
    over = np.abs(2.0 * 10 ** (24 / 20) * LEAD).max(axis=0) > 1.0
    assert lead.levels[1].over_s == pytest.approx(over.sum() / RATE, abs=1.5 / RATE)
    assert lead.levels[1].first_over_s == pytest.approx(over.argmax() / RATE)
    assert [d.played for d in lead.devices] == ["here", "missing"]
    assert any("Vintage" in line for line in made.facts.approximate)
    assert made.facts.master.levels[-1].at == "fader"


def test_mono_sources_are_seen(session: Sessions, tmp_path: Path) -> None:
    made = session()
    media = made.tracks[0].clips[0].media[0]
    assert media.file is not None
    with AudioFile(str(media.file), "w", RATE, 1, bit_depth=24) as file:
        file.write(LEAD[:1])
    facts = render(made, tmp_path / "out").facts
    assert [c.mono for c in facts.channels] == [True, False, False]


def test_nothing_to_play_is_one_line(session: Sessions, tmp_path: Path) -> None:
    made = session(lead={"muted": True}, bass={"muted": True})
    with pytest.raises(InputError, match="muted or not connected"):
        render(made, tmp_path / "a")
    gone = (Clip("c", (Media("x.wav", None, "it is not there"),), 0.0, 1.0),)
    with pytest.raises(InputError, match=r"x\.wav: it is not there"):
        render(session(lead={"clips": gone}, bass={"clips": ()}), tmp_path / "b")
    with pytest.raises(InputError, match="nothing to play"):
        render(replace(made, end_s=0.0), tmp_path / "c")
    with pytest.raises(InputError, match="hours"):
        render(replace(made, end_s=1e9), tmp_path / "d")


@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000])
def test_no_sample_is_lost_at_any_length(rate: int) -> None:
    strip = Strip(rate)
    for frames in (1, 2, 999, 1023, 48_000, 65_535, 131_072, *range(25_000, 25_020)):
        assert strip.process(np.zeros((2, frames), np.float32), 0.5, 0.5).shape == (2, frames)


def test_names_are_files_on_every_system(session: Sessions) -> None:
    made = session(lead={"name": 'a/b:c*"?'}, bass={"name": "A_B_C___"})
    assert list(made.names.values()) == ["a_b_c___", "A_B_C___ (2)", "Master"]
    odd = session(lead={"name": "MIX"}, bass={"name": " con. "}, master={"name": ""})
    assert list(odd.names.values()) == ["MIX (2)", "con_", "Master"]
