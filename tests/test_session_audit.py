"""The audit of a session: levels on the way, devices on the master, order, media; and facts that make no sense."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.checks import find_check
from dsp.checks._session_moves import turn_all
from dsp.checks._session_path import mix_buses
from dsp.checks._session_words import bar_of, where
from dsp.diagnose import Report, diagnose, run_check
from dsp.errors import UsageError
from dsp.findings import Advice, Finding, Fix, GainMove, PolarityMove, RemoveDevice
from dsp.mix import Mix, measure
from dsp.plugins import find_plugin
from dsp.profile import load_plugins, load_profile, parse_plugin
from dsp.session import ChannelFacts, ClipFacts, DeviceFacts, Level, SendFacts, SessionFacts
from dsp.session import session_from_dict as from_json
from dsp.session import session_to_dict as to_json
from dsp.units import Samples
from plugin_bridge.mixer.placing import TrackAudio
from plugin_bridge.mixer.pool import Pool
from plugin_bridge.mixer.routing import route
from plugin_bridge.sessions.facts import facts_of
from plugin_bridge.sessions.model import Session
from render_tests.scenes.base import RATE, SOURCE, clean, quantised
from render_tests.scenes.processors import limited
from render_tests.scenes.registry import with_stems
from render_tests.scenes.session_facts import changed, clean_session

CHECKS = ("gain-path", "master-devices", "session-hygiene", "media")
SCHEMA = json.loads(
    (Path(__file__).resolve().parent.parent / "mixdiagnose" / "report.schema.json").read_text(encoding="utf-8")
)


@cache
def song() -> Mix:
    return measure(SOURCE, [clean()])


@cache
def limited_song() -> Samples:
    return quantised(limited(clean(), float(np.abs(clean()).max()) * 0.55))


@cache
def short() -> Mix:
    return measure(SOURCE, [clean()[:, :RATE]])


def said(check: str, facts: SessionFacts, profile: str = "mix", mix: Mix | None = None) -> list[Finding]:
    """What a check finds, without what it passes."""
    every = run_check(find_check(check), replace(mix or song(), session=facts), load_profile(profile))
    assert all(f.status not in ("crashed", "skipped") for f in every), every
    return [f for f in every if f.status != "pass"]


def one(check: str, facts: SessionFacts, profile: str = "mix", mix: Mix | None = None) -> Finding:
    (finding,) = said(check, facts, profile, mix)
    return finding


def lv(at: str, stage: int, peak: float | None, at_s: float | None = 2.4) -> Level:
    over = 0.01 if peak is not None and peak > 0.0 else 0.0
    return Level(at, stage, peak, None if peak is None else peak - 12.0, over, at_s, at_s if over else None)


def chain(*peaks: float | None, devices: tuple[DeviceFacts, ...] = (), **fields: Any) -> SessionFacts:
    """The clean session whose bass has these levels: clips, after each device, after the fader."""
    names = ["input", *(d.name for d in devices), "fader"]
    levels = tuple(lv(n, k, p) for k, (n, p) in enumerate(zip(names, peaks, strict=True)))
    return changed("Bass", levels=levels, devices=devices, **fields)


def plugin(name: str, stage: int, kind: str = "vst3", **fields: Any) -> DeviceFacts:
    return DeviceFacts(name, kind, fields.pop("enabled", True), fields.pop("played", "hosted"), stage, **fields)


def master(*devices: DeviceFacts, **fields: Any) -> SessionFacts:
    return changed("Master", devices=devices, **fields)


# The whole


@pytest.mark.parametrize("profile", ["mix", "master"])
@pytest.mark.parametrize("check", CHECKS)
def test_a_clean_session_passes(check: str, profile: str) -> None:
    assert said(check, clean_session(), profile) == []


def test_a_file_without_a_session_is_only_skipped() -> None:
    report = diagnose(song(), load_profile("mix"))
    skipped = {f.check: f.message for f in report.findings if f.status == "skipped"}
    assert set(CHECKS) <= skipped.keys()
    assert all("audit SESSION" in skipped[c] for c in CHECKS)
    assert "session" not in report.to_dict()


def test_a_report_carries_the_session_and_survives_the_journey() -> None:
    odd = replace(clean_session(), start_s=math.inf)
    for facts in (clean_session(), odd):
        report = diagnose(replace(song(), session=facts), load_profile("mix"))
        data = json.loads(json.dumps(report.to_dict(), allow_nan=False))
        jsonschema.validate(data, SCHEMA)
        assert Report.from_dict(data).to_dict() == data
    assert from_json(json.loads(json.dumps(to_json(clean_session())))) == clean_session()


# Bars


def test_bars_follow_tempo_and_meter() -> None:
    facts = SessionFacts("x", "", 48_000, (), ((0.0, 120.0, 4, 4), (8.0, 60.0, 3, 4), (14.0, 120.0, 6, 8)))
    # four bars of 2 s, two of 3 s, then bars of 1.5 s
    assert [bar_of(facts, t) for t in (0.0, 1.99, 2.0, 8.0, 11.0, 14.0, 15.5)] == [1, 1, 2, 5, 6, 7, 8]
    assert where(facts, 11.0) == "bar 6 (0:11.0)"


def test_a_new_meter_begins_a_new_bar_and_a_new_tempo_does_not() -> None:
    meter = SessionFacts("x", "", 48_000, (), ((0.0, 120.0, 4, 4), (1.0, 120.0, 3, 4)))
    tempo = SessionFacts("x", "", 48_000, (), ((0.0, 120.0, 4, 4), (1.0, 60.0, 4, 4)))
    assert bar_of(meter, 1.0) == 2
    assert bar_of(tempo, 1.0) == 1
    assert bar_of(tempo, 3.0) == 2


@pytest.mark.parametrize("tempos", [(), ((0.0, 0.0, 4, 4),), ((0.0, math.nan, 4, 4),), ((0.0, 120.0, 0, 4),)])
def test_without_a_tempo_there_is_the_time(tempos: Any) -> None:
    assert where(SessionFacts("x", "", 48_000, (), tempos), 61.5) == "1:01.5"


@given(st.floats(0.0, 1e4), st.floats(0.0, 1e4), st.floats(20.0, 400.0), st.integers(1, 15), st.sampled_from([2, 4, 8]))
@settings(max_examples=60, deadline=None)
def test_bars_never_go_back(a: float, b: float, bpm: float, numerator: int, denominator: int) -> None:
    facts = SessionFacts("x", "", 48_000, (), ((0.0, bpm, numerator, denominator), (100.0, 90.0, 4, 4)))
    first, later = bar_of(facts, min(a, b)), bar_of(facts, max(a, b))
    assert first is not None
    assert later is not None
    assert 1 <= first <= later


# The gain path


def test_a_plugin_that_gets_too_much_is_a_warning_with_its_place() -> None:
    f = one("gain-path", chain(3.2, 3.0, -6.0, devices=(plugin("Decapitator", 1),)))
    assert f.status == "warning"
    assert "'Bass' reach +3.2 dBFS at bar 2 (0:02.4), and 'Decapitator' gets +3.2 dBFS" in f.message
    assert "hides it" in f.message
    assert f.cause[0].stem == "Bass"
    assert isinstance(f.fixes[0], Advice)
    assert "Lower the clips of 'Bass' by 9.2 dB" in f.fixes[0].text
    assert {m.name: m.value for m in f.evidence}["plugin_input_dbfs"] == 3.2


def test_the_device_that_pushes_is_named_not_the_clips() -> None:
    f = one("gain-path", chain(-8.0, 4.0, 3.0, -3.0, devices=(plugin("Boost", 1), plugin("Tape", 2))))
    assert f.status == "warning"
    assert "'Boost' on 'Bass' raises it from -8.0 to +4.0 dBFS" in f.message
    assert "'Tape' gets +4.0 dBFS" in f.message
    assert isinstance(f.fixes[0], Advice)
    assert "Lower the output of 'Boost' by 10.0 dB" in f.fixes[0].text


@pytest.mark.parametrize(
    "device",
    [
        DeviceFacts("EQ", "equalizer", True, "here", 1), DeviceFacts("Comp", "compressor", True, "here", 1),
        plugin("VST: ReaEQ (Cockos)", 1, "vst2"), plugin("Volume Adjustment", 1, "jsfx"),
        plugin("Tape", 1, enabled=False), plugin("Tape", 1, played="bypassed"),
    ],
)  # fmt: skip
def test_what_takes_any_level_is_only_said(device: DeviceFacts) -> None:
    f = one("gain-path", chain(3.0, 3.0, -3.0, devices=(device,)))
    assert f.status == "info"
    assert f.fixes == ()


def test_a_limiter_takes_what_is_too_much() -> None:
    f = one("gain-path", chain(3.0, -1.0, -3.0, devices=(plugin("Pro-L 2", 1),)))
    assert f.status == "info"
    assert "'Pro-L 2' holds it" in f.message


def test_a_fader_that_drives_a_plugin_behind_it() -> None:
    levels = (lv("input", 0, -3.0), lv("fader", 1, 4.0), lv("Tape", 2, 2.0))
    f = one("gain-path", changed("Bass", levels=levels, devices=(plugin("Tape", 2),)))
    assert f.status == "warning"
    assert "The fader of 'Bass' raises it to +4.0 dBFS" in f.message


def test_a_device_called_fader_is_a_device() -> None:
    f = one("gain-path", chain(-3.0, 4.0, 1.0, -3.0, devices=(plugin("fader", 1), plugin("Tape", 2))))
    assert "'fader' on 'Bass' raises it" in f.message


def test_a_hot_bus_is_brought_down_by_what_feeds_it_and_made_up_behind() -> None:
    facts = clean_session()
    drums = ChannelFacts(
        "Band", "group", "Master", True, inputs=2, devices=(plugin("SSL", 1),),
        levels=(lv("input", 0, 5.0), lv("SSL", 1, -4.0), lv("fader", 2, -4.0)),
    )  # fmt: skip
    into = [replace(c, output="Band", sends=()) if c.name in ("Bass", "Drums") else c for c in facts.channels]
    f = one("gain-path", replace(facts, channels=(*into[:-1], drums, into[-1])))
    assert f.status == "warning"
    assert "What feeds 'Band' reaches +5.0 dBFS" in f.message
    assert f.fixes == (GainMove("Drums", -11.0), GainMove("Bass", -11.0), GainMove("Band", 11.0))


def test_what_leaves_the_master_above_full_scale_is_a_problem() -> None:
    for profile, gain_db in (("mix", -4.6), ("master", -2.6)):
        f = one("gain-path", changed("Master", levels=(lv("input", 0, 1.6), lv("fader", 1, 1.6))), profile)
        assert f.status == "problem"
        assert "bar 2 (0:02.4)" in f.message
        assert [x.gain_db for x in f.fixes if isinstance(x, GainMove)] == pytest.approx([gain_db] * 7, abs=0.11)


def test_clips_at_full_scale_are_said() -> None:
    f = one("gain-path", chain(-0.02, -6.0))
    assert f.status == "info"
    assert "'Bass' at bar 2" in f.message


def test_many_tracks_are_one_finding() -> None:
    hot = tuple(
        ChannelFacts(
            f"T{k}", "track", "Master", True, devices=(plugin("Tape", 1),),
            levels=(lv("input", 0, 2.0 + k / 10), lv("Tape", 1, 1.0), lv("fader", 2, -9.0)),
            clips=(ClipFacts("a", 0.0, 1.0, f"{k}.wav"),),
        )
        for k in range(40)
    )  # fmt: skip
    f = one("gain-path", replace(clean_session(), channels=(*hot, *clean_session().channels)))
    assert len(f.cause) == 40
    assert "And 36 more." in f.message
    assert f.message.startswith("The clips of 'T39' reach +5.9 dBFS")
    assert len(f.fixes) == 6


def test_times_of_evidence_are_those_of_the_mix() -> None:
    f = one("gain-path", replace(chain(-0.02, -6.0), start_s=2.0))
    assert f.evidence[0].at_s == pytest.approx(0.4)
    assert "bar 2 (0:02.4)" in f.message  # words are those of the timeline


def test_nothing_that_sounds_is_undetermined() -> None:
    silent = tuple(replace(c, levels=()) for c in clean_session().channels)
    assert one("gain-path", replace(clean_session(), channels=silent)).status == "undetermined"


# One gain for all that feeds a bus


def tree(*rows: ChannelFacts) -> SessionFacts:
    return SessionFacts("x", "rpp", RATE, (*rows, ChannelFacts("Master", "master", "", True)))


def track(name: str, output: str = "Master", **fields: Any) -> ChannelFacts:
    clips = (ClipFacts(name, 0.0, 9.0, f"{name}.wav"),)
    return ChannelFacts(
        name, fields.pop("kind", "track"), output, fields.pop("heard", True), **{"clips": clips, **fields}
    )


def send(target: str, pre: bool = False, **fields: Any) -> SendFacts:
    return SendFacts(target, fields.pop("gain_db", -6.0), pre, fields.pop("enabled", True), fields.pop("heard", True))


@pytest.mark.parametrize(
    ("rows", "moved"),
    [
        ([track("A"), track("B")], ["A", "B"]),
        # behind the fader the room follows by itself; before it, it must be moved as well
        ([track("A", sends=(send("R"),)), track("R", kind="bus", clips=())], ["A"]),
        ([track("A", sends=(send("R", True),)), track("R", kind="bus", clips=())], ["A", "R"]),
        # tracks of a group keep their faders, so what they send to does not follow
        ([track("A", "G", sends=(send("R"),)), track("G", kind="group", clips=()), track("R", kind="bus", clips=())],
         ["G", "R"]),
        # fed from both: no fader does it
        ([track("A", sends=(send("R"),)), track("B", "G", sends=(send("R"),)), track("G", kind="group", clips=()),
          track("R", kind="bus", clips=())], None),
        ([track("A", sends=(send("Master"),)), track("B")], None),
        ([], None),
    ],
)  # fmt: skip
def test_one_gain_for_all_is_exact_or_advice(rows: list[ChannelFacts], moved: list[str] | None) -> None:
    facts = tree(*rows)
    fixes = turn_all(facts, facts.master, -3.0)
    if moved is None:
        assert len(fixes) == 1
        assert isinstance(fixes[0], Advice)
    else:
        assert fixes == tuple(GainMove(name, -3.0) for name in moved)


def test_a_circle_is_no_way_and_a_long_way_no_hang() -> None:
    every = tuple(send(f"A{j}") for j in range(30))
    circle = [track(f"A{k}", f"A{(k + 1) % 30}", kind="bus", sends=every) for k in range(30)]
    room = track("R", kind="bus", clips=())
    facts = tree(*circle, track("Z"), room, track("Y", sends=(send("A0"), send("R"))))
    assert turn_all(facts, facts.master, -3.0) == (GainMove("Z", -3.0), GainMove("Y", -3.0))
    fed = replace(circle[0], sends=(*circle[0].sends, send("R")))
    assert isinstance(turn_all(replace(facts, channels=(fed, *facts.channels[1:])), facts.master, -3.0)[0], Advice)
    line = [track(f"L{k}", f"L{k + 1}", kind="bus") for k in range(3000)]
    facts = tree(*line, track("L3000"))
    assert isinstance(turn_all(facts, facts.master, -3.0)[0], Advice)
    for check in CHECKS:
        said(check, facts)


def levels_at_the_master(facts: SessionFacts, moves: tuple[Fix, ...]) -> dict[tuple[str, ...], float]:
    """The gain (dB) along every way from a track to the master, by hand."""
    gains = {f.target: f.gain_db for f in moves if isinstance(f, GainMove)}
    known = {c.name: c for c in facts.channels}
    ways: dict[tuple[str, ...], float] = {}

    def walk(name: str, way: tuple[str, ...], db: float) -> None:
        if name == "Master":
            ways[way] = db
            return
        channel, after = known[name], db + gains.get(name, 0.0)
        for s in channel.sends:
            walk(s.target, (*way, f"{name}>{s.target}"), db if s.pre else after)
        walk(channel.output, (*way, name), after)

    for c in facts.channels:
        if c.clips:
            walk(c.name, (), 0.0)
    return ways


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_moves_turn_every_way_to_the_master_by_the_same(data: st.DataObject) -> None:
    buses = [f"B{k}" for k in range(data.draw(st.integers(0, 3)))]
    rows = []
    for k, name in enumerate(buses):
        rows.append(track(name, data.draw(st.sampled_from([*buses[:k], "Master"])), kind="bus", clips=()))
    for k in range(data.draw(st.integers(1, 4))):
        sends = tuple(send(b, data.draw(st.booleans())) for b in buses if data.draw(st.booleans()))
        rows.append(track(f"T{k}", data.draw(st.sampled_from([*buses, "Master"])), sends=sends))
    facts = tree(*rows)
    fixes = turn_all(facts, facts.master, -3.0)
    if not isinstance(fixes[0], Advice):
        assert set(levels_at_the_master(facts, fixes).values()) == {-3.0}


# Devices on the master


def test_a_limiter_that_works_is_a_problem_in_a_mix_and_information_in_a_master() -> None:
    facts = master(DeviceFacts("Limiter", "limiter", True, "here", 1, reduction_db=3.4))
    f = one("master-devices", facts)
    assert f.status == "problem"
    assert f.title == "Limiter on the mix bus"
    assert "takes up to 3.4 dB off the peaks" in f.message
    assert f.fixes == (RemoveDevice("Master", "Limiter"),)
    f = one("master-devices", facts, "master")
    assert f.status == "info"
    assert f.fixes == ()


def test_a_hosted_limiter_is_judged_by_the_peaks_of_the_mix() -> None:
    def hosted(*peaks: float) -> SessionFacts:
        levels = (lv("input", 0, peaks[0]), lv("Pro-L 2", 1, peaks[1]), lv("fader", 2, peaks[1]))
        return master(plugin("Pro-L 2", 1), levels=levels)

    assert one("master-devices", hosted(-3.0, -3.4)).status == "warning"
    f = one("master-devices", hosted(-3.0, -3.0), mix=measure(SOURCE, [limited_song()]))
    assert f.status == "problem"
    assert "goes in at -3.0 and comes out at -3.0 dBFS. The peaks of the mix agree" in f.message


@pytest.mark.parametrize(
    ("device", "status", "words"),
    [
        (DeviceFacts("Limiter", "limiter", True, "here", 1, reduction_db=0.5), "warning", "0.5 dB off"),
        (DeviceFacts("Limiter", "limiter", True, "here", 1, reduction_db=0.0), "info", "not seen to lower any peak"),
        (plugin("Pro-L 2", 1, played="missing"), "warning", "could not be measured"),
        (plugin("Pro-L 2", 1), "warning", "goes in at -3.4 and comes out at -3.4 dBFS"),
        (plugin("Pro-L 2", 0), "warning", "was not measured"),
        (plugin("Ozone 11", 1, reduction_db=4.0), "warning", "mastering chain"),
        (plugin("Pro-L 2", 1, enabled=False), "info", "Switched off: 'Pro-L 2'"),
        (plugin("ReaComp", 1, reduction_db=2.0), "info", "'ReaComp' on 'Master' (compressor, up to 2.0 dB"),
        (plugin("Decapitator", 1, played="missing"), "info", "saturation, not installed here"),
    ],
)  # fmt: skip
def test_what_a_device_does_decides(device: DeviceFacts, status: str, words: str) -> None:
    f = one("master-devices", master(device))
    assert f.status == status
    assert words in f.message


def test_an_equaliser_and_what_is_unknown_are_no_finding() -> None:
    facts = master(DeviceFacts("EQ", "equalizer", True, "here", 1), plugin("Zorble 3000", 2))
    assert said("master-devices", facts) == []
    (passed,) = run_check(find_check("master-devices"), replace(song(), session=facts), load_profile("mix"))
    assert "'Zorble 3000'" in passed.message


def test_a_group_that_everything_runs_through_counts_as_the_mix_bus() -> None:
    limiter = DeviceFacts("Limiter", "limiter", True, "here", 1, reduction_db=3.0)
    bus = track("Mix bus", kind="group", clips=(), devices=(limiter,))
    through, past = (
        tree(track("A", "Mix bus"), track("B", "Mix bus"), bus),
        tree(track("A", "Mix bus"), track("B"), bus),
    )
    assert [c.name for c in mix_buses(through)] == ["Mix bus", "Master"]
    assert one("master-devices", through).fixes == (RemoveDevice("Mix bus", "Limiter"),)
    assert [c.name for c in mix_buses(past)] == ["Master"]
    assert said("master-devices", past) == []
    assert [c.name for c in mix_buses(tree(track("A", "Mix bus"), bus))] == ["Master"]  # one track makes no mix bus


# Plugins by name


@pytest.mark.parametrize(
    ("name", "vendor", "category"),
    [
        ("VST3: Pro-L 2 (FabFilter)", "", "limiter"), ("FabFilter Pro-L", "FabFilter", "limiter"),
        ("Pro-Q 3", "FabFilter", "clean"), ("VST: ReaLimit (Cockos)", "", "limiter"),
        ("JS: MGA JS Limiter [LOSER/MGA_JSLimiter]", "", "limiter"), ("Event Horizon Clipper", "", "clipper"),
        ("JS: Peak Limiter/Maximizer [LOSER/brickwall_maximizer]", "", "maximiser"),
        ("L2 Stereo", "Waves", "maximiser"), ("VST3: L1+ Ultramaximizer Stereo (Waves)", "", "maximiser"),
        ("L2 Stereo", "", None), ("L2 Ultramaximizer", "", "maximiser"), ("L3-16 Stereo", "Waves", "maximiser"),
        ("Ozone 9 Maximizer", "iZotope", "maximiser"), ("Ozone 9", "iZotope", "mastering-chain"),
        ("Ozone 9 Equalizer", "iZotope", "clean"), ("Ozone 9 Low End Focus", "iZotope, Inc.", "clean"),
        ("Ozone 9 Vintage Limiter", "", "limiter"), ("Limiter No6", "", "limiter"), ("LoudMax", "", "maximiser"),
        ("Peak Limiter", "Bitwig", "limiter"), ("Limiter", "", "limiter"), ("Adaptive Limiter", "Apple", "limiter"),
        ("CLA-76 Compressor / Limiter", "Waves", "compressor"), ("1176LN Limiting Amplifier", "", "compressor"),
        ("StandardCLIP", "", "clipper"), ("K-Clip 3", "Kazrog", "clipper"), ("Soft Clipper", "", "clipper"),
        ("x42-limiter", "", "limiter"), ("T-RackS 5 Stealth Limiter", "", "limiter"),
        ("Elevate", "Newfangled Audio", "maximiser"), ("Unlimited Reverb", "", None), ("Clip Gainer 9", "", None),
        ("Valhalla Room", "", None), ("", "", None), ("(x)", "", None), ("ReaXcomp", "", "compressor"),
    ],
)  # fmt: skip
def test_devices_are_known_by_name(name: str, vendor: str, category: str | None) -> None:
    found = find_plugin(load_plugins(), name, vendor)
    assert (found.category if found else None) == category


@pytest.mark.parametrize(
    ("plugin_id", "category"),
    [
        ("5653545A4F394D4F7A6F6E652039204D", "maximiser"), ("{5653545a-4f39-4d4f-7a6f-6e652039204d}", "maximiser"),
        ("1397572658{5653545A6E4F394F7A6F6E6520390000}", "mastering-chain"),
        ("http://lsp-plug.in/plugins/lv2/sc_limiter_stereo", "limiter"), ("urn:ardour:a-comp", "compressor"),
        ("http://gareus.org/oss/lv2/dpl#stereo", "limiter"), ("urn:else", None),
    ],
)  # fmt: skip
def test_devices_are_known_by_their_identification(plugin_id: str, category: str | None) -> None:
    found = find_plugin(load_plugins(), "renamed", "", plugin_id)
    assert (found.category if found else None) == category


def test_the_catalogue_is_whole() -> None:
    plugins = load_plugins()
    held = [p for p in plugins if p.category in ("limiter", "clipper", "maximiser", "mastering-chain")]
    assert len(held) >= 60
    assert all(p.source and p.title for p in plugins)
    ids = [i.casefold() for p in plugins for i in p.ids]
    assert len(ids) == len(set(ids))
    for p in plugins:  # each is found by its own names, or by a longer one of the same kind
        for name in p.names:
            found = find_plugin(plugins, " ".join(name), p.vendor)
            assert found is not None
            assert found.category == p.category, (p.id, name, found.id)


@pytest.mark.parametrize(
    "row",
    [
        {"title": "x", "category": "limiter", "names": ["x"]}, {"title": "x", "names": ["x"], "source": "y"},
        {"title": "x", "category": "limiter", "source": "y"},
        {"title": "x", "category": "limiter", "source": "y", "names": ["--"]},
        {"title": "x", "category": "limiter", "source": "y", "names": ["x"], "vendor_needed": True},
    ],
)  # fmt: skip
def test_a_product_without_source_kind_or_name_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="plugin 'x'"):
        parse_plugin("x", row)


# Order


def test_a_solo_is_a_warning() -> None:
    f = one("session-hygiene", changed("Lead", soloed=True))
    assert (f.status, f.cause[0].stem) == ("warning", "Lead")


def test_the_master_fader_goes_back_alone_where_there_is_room() -> None:
    f = one("session-hygiene", changed("Master", fader_db=-3.0, levels=(lv("input", 0, -6.0), lv("fader", 1, -9.0))))
    assert f.status == "warning"
    assert f.fixes == (GainMove("Master", 3.0),)
    assert one("session-hygiene", changed("Master", fader_db=-3.0), "master").status == "info"


def test_the_master_fader_goes_back_with_the_tracks_where_there_is_none() -> None:
    f = one("session-hygiene", changed("Master", fader_db=-8.0, levels=(lv("input", 0, 5.0), lv("fader", 1, -3.0))))
    assert "would reach +5.0 dBFS" in f.message
    assert f.fixes[0] == GainMove("Master", 8.0)
    assert {x.gain_db for x in f.fixes[1:] if isinstance(x, GainMove)} == {-8.0}
    assert len(f.fixes) == 8


def test_of_a_silent_master_nothing_is_said_of_room() -> None:
    f = one("session-hygiene", changed("Master", fader_db=-8.0, levels=()))
    assert f.message == "The fader of 'Master' stands at -8.0 dB."
    assert isinstance(f.fixes[0], Advice)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"automated": True}, "is automated"), ({"fader_db": None}, "all the way down"),
        ({"fader_db": -math.inf}, "all the way down"), ({"muted": True}, "is muted"),
        ({"automated": True, "fader_db": -2.0}, "stands at -2.0 dB"),
    ],
)  # fmt: skip
def test_a_master_that_moves_or_is_shut(fields: dict[str, Any], words: str) -> None:
    f = one("session-hygiene", changed("Master", **fields))
    assert f.status == "warning"
    assert words in f.message


@pytest.mark.parametrize("fader_db", [0.05, -0.1, math.nan, math.inf])
def test_a_fader_near_zero_or_no_number_is_at_zero(fader_db: float) -> None:
    assert said("session-hygiene", changed("Master", fader_db=fader_db)) == []


def titles(facts: SessionFacts) -> dict[str, str]:
    return {f.title: f.message for f in said("session-hygiene", facts) if f.status == "info"}


def test_what_is_muted_or_switched_off_or_all_clips_muted() -> None:
    clip = ClipFacts("k", 0.0, 1.0, "k.wav", muted=True)
    facts = tree(
        track("A"), track("B", muted=True, heard=False), track("C", active=False, heard=False),
        track("D", clips=(clip,)),
    )  # fmt: skip
    said_ = titles(facts)
    assert said_ == {"Not heard: muted": said_["Not heard: muted"]}
    assert "'B' (muted), 'C' (switched off) and 'D' (all clips muted)" in said_["Not heard: muted"]


def test_what_is_astray_and_why() -> None:
    facts = tree(
        track("A", "", heard=False), track("B", "X", heard=False), track("C", "Bus", heard=False),
        track("Bus", kind="bus", clips=(), muted=True, heard=False, inputs=1), track("D", "D", heard=False),
    )  # fmt: skip
    message = titles(facts)["Not heard: astray"]
    assert "'A' has no output" in message
    assert "'B' ends in 'X'" in message
    assert "'C' runs into 'Bus', which is muted" in message
    assert "'D' ends in 'D'" in message


def test_what_only_a_solo_silences_is_not_astray() -> None:
    facts = tree(track("A", soloed=True), track("B", heard=False))
    assert [f.title for f in said("session-hygiene", facts)] == ["A solo is on"]


def test_sends_that_feed_nothing() -> None:
    lost = (send(""), send("R", enabled=False), send("R", gain_db=None), send("R", heard=False), send("R"))
    facts = tree(track("A", sends=lost), track("R", kind="bus", clips=(), inputs=1), track("M", muted=True, sends=lost))
    message = titles(facts)["Sends that feed nothing"]
    assert message.startswith("'A' (without a target), 'A' to 'R' (switched off)")
    assert message.count("'A'") == 4
    assert "'M'" not in message


def test_empty_tracks_and_buses_but_not_instruments() -> None:
    facts = tree(
        track("A"), track("B", clips=()), track("C", kind="bus", clips=()),
        track("Synth", clips=(), devices=(DeviceFacts("Synth", "instrument", True, "missing", 1),)),
        track("E", "F"), track("F", kind="group", clips=()),
    )  # fmt: skip
    assert titles(facts)["Empty channels"] == "Tracks without clips: 'B'; buses that nothing feeds: 'C'."
    midi = replace(facts, unread=("Track 'B': an item is MIDI, not rendered",))
    assert titles(midi)["Empty channels"] == "Buses that nothing feeds: 'C'."


def test_overlaps_are_placed_and_the_same_clip_twice_is_a_warning() -> None:
    a = ClipFacts("a", 0.0, 4.0, "a.wav", overlap_s=1.0)
    faded, near = replace(a, name="f", crossfaded=True), replace(a, name="n", overlap_s=0.001)
    facts = changed("Bass", clips=(a, faded, near, ClipFacts("b", 3.0, 6.0, "b.wav")))
    f = one("session-hygiene", facts)
    assert (f.status, f.measured) == ("info", "1 overlap")
    assert f.evidence[0].at_s == (3.0, 4.0)
    twice = (ClipFacts("a", 1.0, 3.0, "a.wav", overlap_s=2.0), ClipFacts("a", 1.0, 3.0, "a.wav"))
    f = one("session-hygiene", changed("Bass", clips=twice))
    assert (f.status, f.title) == ("warning", "The same clip twice")


def test_polarity_is_a_fault_only_where_the_stems_prove_it() -> None:
    facts = changed("Guitar R", inverted=True)
    assert one("session-hygiene", facts).status == "info"
    kick = clean()[:, : 12 * RATE]
    mix = with_stems(SOURCE, None, {"Kick In": kick, "Kick Out": -kick * 0.8})
    turned = tree(track("Kick In"), track("Kick Out", inverted=True), track("Snare", inverted=True))
    found = {f.status: f for f in said("session-hygiene", turned, mix=mix)}
    assert found["warning"].fixes == (PolarityMove("Kick Out"),)
    assert "'Snare'" in found["info"].message


def test_mono_on_stereo_tracks_is_information_for_stereo_files_only() -> None:
    assert "could be mono" in one("session-hygiene", changed("Bass", mono=True)).message
    mono = (ClipFacts("Bass", 0.0, 9.0, "Bass.wav", media_channels=1),)
    assert said("session-hygiene", changed("Bass", mono=True, clips=mono)) == []


def test_what_is_not_read_and_only_nearly_rendered_is_listed() -> None:
    facts = replace(clean_session(), unread=tuple(f"Track {k}: no." for k in range(9)), approximate=("Tape: passed",))
    said_ = titles(facts)
    assert said_["Not read from the session"].endswith("and 3 more.")
    assert said_["Rendered only nearly as the DAW plays it"] == "Tape: passed."


# Media


def test_missing_media_are_a_problem_where_they_are_heard() -> None:
    why = "the file is not there; allow that with --allow-media /x"
    gone = (ClipFacts("a", 2.4, 5.0, "a.wav", offline=why), ClipFacts("b", 7.0, 9.0, "a.wav", offline=why))
    f = one("media", changed("Bass", clips=gone))
    assert f.status == "problem"
    assert "2 of 7 clips on 1 track cannot be played: 'Bass'." in f.message
    assert "'a.wav' ('Bass', bar 2 (0:02.4) and 1 more clip): the file is not there; allow that" in f.message
    assert f.measured == "partial: 1 file missing"
    assert isinstance(f.fixes[0], Advice)
    assert one("media", changed("Bass", clips=gone, muted=True, heard=False)).status == "info"
    assert one("media", changed("Bass", clips=tuple(replace(k, muted=True) for k in gone))).status == "info"


def test_media_cut_short_are_a_problem() -> None:
    f = one("media", changed("Bass", clips=(ClipFacts("a", 0.0, 5.0, "a.wav", partial="ends after 3.1 s of 5 s"),)))
    assert f.status == "problem"
    assert "ends after 3.1 s of 5 s" in f.message


def test_other_rates_and_wider_files_are_information() -> None:
    f = one("media", changed("Bass", clips=(ClipFacts("a", 0.0, 5.0, "a.wav", sample_rate=44_100),)))
    assert (f.status, f.measured) == ("info", "1 file converted")
    f = one("media", changed("Bass", channels=1))
    assert (f.status, f.title) == ("info", "Media wider than their track")


# Whatever the facts

NUMBERS = st.one_of(
    st.none(), st.floats(-90.0, 20.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0])
)
TIMES = st.one_of(st.floats(-1.0, 60.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -5.0]))
NAMES = st.sampled_from(["", "A", "B", "fader", "input", "Limiter", "Ozone 9", "Pro-L 2", "x" * 500, "Z\n(", "VST3:"])
LEVELS = st.builds(
    Level, st.sampled_from(["input", "fader", "Tape"]), st.integers(-1, 4), NUMBERS, NUMBERS, TIMES,
    st.none() | TIMES, st.none() | TIMES,
)  # fmt: skip
DEVICES = st.builds(
    DeviceFacts, NAMES, st.sampled_from(["limiter", "vst3", "compressor", "instrument", "equalizer", "?"]),
    st.booleans(), st.sampled_from(["here", "hosted", "bypassed", "missing", "unheard", ""]), st.integers(-1, 4),
    NAMES, NAMES, st.dictionaries(st.sampled_from(["input_gain_db", "output_gain_db"]), TIMES, max_size=2), NUMBERS,
)  # fmt: skip
CLIPS = st.builds(
    ClipFacts, NAMES, TIMES, TIMES, NAMES, st.booleans(), st.none() | st.integers(0, 96_000),
    st.none() | st.integers(0, 8), st.sampled_from(["", "gone"]), st.sampled_from(["", "cut"]), TIMES, st.booleans(),
)  # fmt: skip
SENDS = st.builds(SendFacts, NAMES, NUMBERS, st.booleans(), st.booleans(), st.booleans())
CHANNELS = st.builds(
    ChannelFacts, NAMES, st.sampled_from(["track", "group", "bus", "master"]), NAMES, st.booleans(), st.booleans(),
    st.booleans(), st.booleans(), st.booleans(), NUMBERS, st.booleans(), st.integers(0, 8),
    st.none() | st.booleans(), st.integers(0, 3), st.lists(LEVELS, max_size=4).map(tuple),
    st.lists(DEVICES, max_size=3).map(tuple), st.lists(CLIPS, max_size=3).map(tuple),
    st.lists(SENDS, max_size=2).map(tuple),
)  # fmt: skip
TEMPOS = st.tuples(TIMES, TIMES, st.integers(-1, 9), st.integers(-1, 9))
FACTS = st.builds(
    SessionFacts, NAMES, NAMES, st.integers(0, 96_000), st.lists(CHANNELS, min_size=1, max_size=5).map(tuple),
    st.lists(TEMPOS, max_size=3).map(tuple), st.just(("nearly",)), st.lists(NAMES, max_size=2).map(tuple), TIMES,
)  # fmt: skip


@given(FACTS, st.sampled_from(["mix", "master"]))
@settings(max_examples=150, deadline=None)
def test_no_facts_make_a_check_crash_or_speak_nonsense(facts: SessionFacts, profile: str) -> None:
    mix, judged = replace(short(), session=facts), load_profile(profile)
    for check in map(find_check, CHECKS):
        found = run_check(check, mix, judged)
        assert found == run_check(check, mix, judged)
        for f in found:
            assert f.status != "crashed", f.message
            assert f.evidence
            assert f.measured
            words = f.message + f.measured + "".join(x.text for x in f.fixes if isinstance(x, Advice))
            assert "None" not in words
            assert not {"nan", "inf", "+nan", "+inf", "-inf"} & set(words.replace(",", " ").split()), words
            for m in f.evidence:
                at = m.at_s if isinstance(m.at_s, tuple) else () if m.at_s is None else (m.at_s,)
                assert all(math.isfinite(t) and t >= 0.0 for t in at)
            assert all(math.isfinite(x.gain_db) for x in f.fixes if isinstance(x, GainMove))


@given(FACTS)
@settings(max_examples=60, deadline=None)
def test_any_session_goes_into_json_and_fits_the_schema(facts: SessionFacts) -> None:
    data = json.loads(json.dumps(to_json(facts), allow_nan=False))
    assert to_json(from_json(data)) == data


def test_no_channels_at_all_is_skipped() -> None:
    for check in CHECKS:
        (f,) = run_check(
            find_check(check), replace(song(), session=SessionFacts("x", "", RATE, ())), load_profile("mix")
        )
        assert f.status == "skipped"


# Real sessions

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sessions"


def facts_without_sound(session: Session, folder: Path) -> SessionFacts:
    """The facts of a session as far as they are known without playing it."""
    pool = Pool(session.sample_rate, folder)
    audio = {t.id: TrackAudio(t, pool, session.start_s) for t in session.channels}
    return facts_of(session, route(session), audio, {})


@pytest.mark.corpus
@pytest.mark.skipif(not DATA.is_dir(), reason="the real sessions are not beside this checkout (../shared/data)")
def test_projects_of_real_bands_are_read_right(tmp_path: Path) -> None:
    from plugin_bridge.sessions.reaper import read_reaper

    fade, perma = (
        facts_without_sound(read_reaper(DATA / "rpp" / name), tmp_path)
        for name in ("FADE-cover__FADE-cover.rpp", "permaRED__permaRED.rpp")
    )
    status = {f.title: (f.status, f.message) for c in CHECKS for f in said(c, fade)}
    assert status["Master fader"][0] == "warning"
    assert "-2.5 dB" in status["Master fader"][1]
    assert status["Media that are not there"][0] == "problem"
    assert "'ref drums' (muted) and 'Ambiet Leads' (muted)" in status["Not heard: muted"][1]
    solo = next(f for f in said("session-hygiene", perma) if f.title == "A solo is on")
    assert [c.stem for c in solo.cause] == ["pk", "Track 3"]


@pytest.mark.corpus
@pytest.mark.skipif(not DATA.is_dir(), reason="the real sessions are not beside this checkout (../shared/data)")
def test_the_limiter_of_a_real_session_is_found_where_it_is(tmp_path: Path) -> None:
    from plugin_bridge.sessions.dawproject import read_dawproject

    peer = DATA / "dawproject" / "peer_written_francium6.dawproject"
    facts = facts_without_sound(read_dawproject(peer, media_dir=tmp_path), tmp_path)
    f = one("master-devices", facts)
    assert f.fixes == (RemoveDevice("Master", "Bus limiter"),)
    assert said("media", facts) == []
