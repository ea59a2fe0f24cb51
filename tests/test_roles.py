"""Roles of stems: from names over a large table, from sound with the names hidden, and by the user's word."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.errors import UsageError
from dsp.mix import Mix
from dsp.profile import load_instruments
from dsp.stems import role_names, role_sound, roles
from dsp.stems.model import Role, Stem, Stems
from dsp.units import Samples
from plugin_bridge.files import read_audio
from render_tests.scenes.base import SOURCE, stems
from render_tests.scenes.registry import clean_tracks, with_stems

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "stems"
#: What studios call tracks, by the role they mean; "" where the name tells nothing.
NAMES = {
    "kick": """
        Kick; BD; KK; K In; Kick In; 01_Kick Out; KickIN; Kick Sub; SubKick; Bass Drum; BassDrum; bassdrum;
        808 Kick; Kick_D112; KICK TRIG; Audio 1-Kick; KickTrigger; Kik; 01-Audio-kick
    """,
    "snare": """
        Snare; SN; SD; Sn T; Snare Bottom; SNR_top; SnareBtm; Rimshot; Side_Stick; 07 Snr Top 57; 04_SnareDown;
        Snr.Dn.
    """,
    "toms": """
        Tom 1; T1; FT; Floor Tom; FLR TOM; RackTom_2; Toms; Melodic_Tom; TomLow; HiTom
    """,
    "hats": """
        HH; Hat; HiHat; Hi-Hat; Hi Hats; hihat_close; OpenHat
    """,
    "cymbals": """
        OH; OHL; OH L; Overheads; OverheadsR; Crash; Ride; CYM; China L; OHs; Dr.OH.L
    """,
    "room": """
        Room; Rm M; Drum Room; RoomMics; AMB; Kick Room; Drums Room Stereo; 06_DrumsRoom; RoomsFar
    """,
    "drums": """
        Drums; 10_Drums; DRM; DrumKit; Drum Bus; Drum Loop; Beat; Synth_Drum; Kick+Snare; Standard Kit; DRUMS_STEM;
        drumz
    """,
    "percussion": """
        Perc; Shaker; Tambo; Tamb; Congas; Claps; HandClap; Cowbell; Timpani; Vibraphone; Steel_Drums; Tinkle_Bell;
        Taiko_Drum; Marimba; Music_Box
    """,
    "bass": """
        Bass; Bass DI; Bass Amp; Bs DI; BassGtr; Bass Guitar; Synth_Bass_1; 11_Electric_Bass__pick; SynthBass;
        synthbass; Slap_Bass_1; Fretless_Bass; Acoustic_Bass; Contrabass; Sub; 808; 808s; Upright; BASSDI;
        Moog Bass; Bs.Gt.; SubBass
    """,
    "electric-guitar": """
        Guitar L; Guitar30; GTR; EGTR 1; Lead Guitar; Rhythm Gtr L; 03_Distortion_Guitar; 07_Electric_Guitar__clean;
        Overdriven_Guitar; GTRsolo; Gtr Lead; Elec1-Ch; Gtr E Clean; Guitar Amp Room; ElecGtrL; Backing Guitar;
        Harmony Gtr; Strat chords; gtrl; Guitar Double; Pedal Steel; 18_SlideGtr; LdGtr; EG_L; El.Guit
    """,
    "acoustic-guitar": """
        AGTR; Acoustic; Acoustic Guitar; Ac Gtr; Acoustic_Guitar__steel; Acoustic_Guitar__nylon; Gtr Acoustic;
        GuitarAcoustic; Banjo; Mandolin; Uke; 12-String; 12 String Gtr; AcGtrDI; GTR AG L; 17_AcousticGtr1; AG_R
    """,
    "keys": """
        Piano; PNO; Keys; EP; E.Piano; Honky_tonk_Piano; 02_Bright_Acoustic_Piano; Acoustic_Grand_Piano;
        Electric_Piano_1; Rhodes; Wurli; Rock_Organ; Hammond B3; Clav; Harpsichord; Church_Organ; Accordion;
        Lead Piano; PianoSynth30; Piano Room; Drawbar_Organ; B3; OrganLeslieHi; WurliDI; Keyz
    """,
    "synth": """
        Synth; SYN; Syn-H; Pad; 02_Pad_3__polysynth; Pad_4__choir; Lead_1__square; Lead_2__sawtooth;
        04_Synth_Brass_1; Synth_Strings_2; Synth_Voice; Arp; Pluck; Lead Synth; Vocal Pad; 05_Orchestra_Hit; DX7;
        SynthPad; Juno; Supersaw L; SynthLead1; ARP_Juno
    """,
    "strings": """
        Strings; Violin; VLN 1; Viola; Cello; String_Ensemble_1; Pizzicato_Strings; Tremolo_Strings;
        Orchestral_Harp; Fiddle; Orchestra; MIDI_Strings; StringsHi
    """,
    "brass": """
        Brass; Brass_Section; 01_Trumpet; Muted_Trumpet; 06_Trombone; French_Horn; 04_Alto_Sax; 05_Tenor_Sax;
        Baritone_Sax; Flute; Clarinet; Horns; TPT; Bari Sax; Pan_Flute; Oboe; Bass Trombone; HornsSect; Tpt2
    """,
    "lead-vocal": """
        Vocals30; Vocal; Lead Vox; LV; LdVox; Lead Vocal; VOX; Vox 1; Lead; LeadVox; leadvox; V Lead Verse;
        Main Vocals; Rap Verse 2; Voc; Vox Chorus Lead; 13_LeadVox; mainvoxcomp; Ld.Voc; Vocalz
    """,
    "backing-vocal": """
        BGV; BGVs; BV; BV1; BVs; Backing Vox; BackingVocals; Vox Harmony; Choir_Aahs; Voice_Oohs; Choir; Gang Vox;
        LV-D; Vox Dbl; Harm Vox L; BGV Alto 4; Backing; AdLibs; Vox BG L; Vocal Stack; 14_LeadVoxDT; BVoxHi; Bk.Voc;
        BGVOX
    """,
    "effects": """
        FX; SFX; Vocal Reverb; VoxVerb; Snare Plate; Gtr Delay; RVB; Vox Dly; Reverb; Hall; Riser; Impact 3;
        Reverse_Cymbal; FX_1__rain; Guitar_Fret_Noise; Drum Verb; Room Reverb; White Noise; FX Return; Vox FX;
        VoxFXDelay; SynthFX; Snare_Sample_Hall
    """,
    "other": """
        BassDrums30; Bass & Drums; Gtr + Keys; Click; Sitar; song; Instrumental; Timecode; MUSIC_STEM
    """,
    "": """
        Track 3; Audio_07; Audio 1; Untitled; 03; Stem 4; Take 12; Bounce; U87; New Track; Marc; Android; Harmless;
        Transparent; Comp 2; Group 1; Kontakt; 20_Toys; Loop1; Inst_12; Mark
    """,
}
ROWS = [(n.strip(), role) for role, names in NAMES.items() for n in names.replace("\n", " ").split(";")]
#: So much of every song is heard.
SECONDS = 40
#: Least confidence at which something may be judged by a role.
SURE = 0.5


def test_the_table_is_large() -> None:
    assert len({name for name, _ in ROWS}) == len(ROWS) >= 300
    assert {role for _, role in ROWS} == {*load_instruments(), ""}


@pytest.mark.parametrize(("name", "role"), ROWS, ids=[n for n, _ in ROWS])
def test_what_a_name_says(name: str, role: str) -> None:
    told = role_names.role_of(name)
    assert (told.name if told else "") == role
    if told:
        assert 0.0 < told.confidence <= 1.0
        assert told.reason.startswith("the name says '")


@pytest.mark.parametrize(("name", "role"), ROWS, ids=[n for n, _ in ROWS])
def test_numbers_prefixes_and_endings_change_nothing(name: str, role: str) -> None:
    for dressed in (f"03_{name}", f"Audio 1-{name}", f"{name}_05", f"{name}.wav", f"{name} (2)", f"[MIX] {name}"):
        told = role_names.role_of(dressed)
        assert (told.name if told else "") == role, dressed


def test_no_name_of_the_presets_belongs_to_two_roles() -> None:
    owner: dict[str, str] = {}
    for instrument in load_instruments().values():
        for name in instrument.names:
            assert name == " ".join(name.lower().split())
            assert owner.setdefault(name.rstrip("?"), instrument.id) == instrument.id, name


def test_how_sure_a_name_is() -> None:
    def sure(name: str) -> float:
        told = role_names.role_of(name)
        assert told
        return told.confidence

    assert sure("Kick") > sure("Vox") > sure("Lead") > sure("BassDrums30")
    assert sure("Lead Vox") > sure("Vox")
    assert sure("Gtr Rhythm") > sure("Gtr")
    assert sure("BassDrums30") < SURE
    told = role_names.role_of("BassDrums30")
    assert told
    assert told.reason == "the name says 'Bass' and 'Drums': more than one instrument"
    assert role_names.role_of("01_BD mic") == Role("kick", role_names.PLAIN, "the name says 'BD'")


def told(*names: str) -> list[str]:
    return [r.name if r else "" for r in roles.from_names(names)]


def test_the_title_of_the_song_is_no_instrument() -> None:
    assert told("Echo Park - Vox", "Echo Park - Kick", "Echo Park - Bass") == ["lead-vocal", "kick", "bass"]
    assert told("Kick_Bass Camp", "Gtr_Bass Camp", "Vox_Bass Camp") == ["kick", "electric-guitar", "lead-vocal"]
    assert told("Guitar Lead", "Guitar Rhythm", "Guitar Slide") == ["electric-guitar"] * 3
    assert told("Vox 1", "Vox 2", "Vox 3") == ["lead-vocal"] * 3
    assert told("Drum Kick", "Drum Snare", "Drum OH") == ["kick", "snare", "cymbals"]
    assert told() == []


@cache
def clean_stems() -> Stems:
    found = with_stems(SOURCE, None, clean_tracks()).stems
    assert found
    return found


def hidden(of: Stems) -> Stems:
    """The same under names that tell nothing."""
    renamed = tuple(
        dataclasses.replace(s, name=f"Track {k}", role=Role("other", 0, "")) for k, s in enumerate(of.stems)
    )
    return roles.assign(dataclasses.replace(of, stems=renamed), {})


def test_the_user_has_the_last_word() -> None:
    of = clean_stems()
    changed = roles.assign(of, {"Drums": "percussion", "room": "Effects or Reverb Return", "KEYS": "synth_or pad"})
    by_name = {s.name: s.role for s in changed.stems}
    assert by_name["Drums"] == Role("percussion", 1.0, "you said so")
    assert (by_name["Room"].name, by_name["Keys"].name, by_name["Bass"].name) == ("effects", "synth", "bass")
    with pytest.raises(UsageError, match="no stem 'Track 3'; there are: Drums, Bass, Guitar L"):
        roles.assign(of, {"Track 3": "bass"})
    with pytest.raises(UsageError, match="no role 'tuba'; there are: kick, snare, toms"):
        roles.assign(of, {"Bass": "tuba"})


def test_capitals_tell_stems_apart_where_they_must() -> None:
    assert roles._stem(["kick", "Kick"], "kick") == "kick"
    with pytest.raises(UsageError, match="there are: kick, Kick"):
        roles._stem(["kick", "Kick"], "KICK")


def test_the_clean_song_by_sound() -> None:
    by_sound = {a.name: b.role for a, b in zip(clean_stems().stems, hidden(clean_stems()).stems, strict=True)}
    assert (by_sound["Drums"].name, by_sound["Bass"].name) == ("drums", "bass")
    assert "below 150 Hz" in by_sound["Bass"].reason
    assert min(by_sound["Drums"].confidence, by_sound["Bass"].confidence) >= SURE
    for name in ("Guitar L", "Guitar R", "Keys", "Lead", "Room"):
        assert by_sound[name].name == "other"
        assert by_sound[name].confidence < SURE
        assert by_sound[name].reason


def short_strokes(make: Any, seconds: float = 12.0) -> Samples:
    """A stroke every half second, each of another force."""
    rng = np.random.default_rng(3)
    out = np.zeros((1, round(seconds * 48_000)), dtype=np.float32)
    for k in range(round(seconds * 2) - 1):
        sound = make(rng) * 0.3 * 2.0 ** rng.normal(0.0, 0.3)
        out[0, k * 24_000 : k * 24_000 + len(sound)] += sound[:24_000]
    return out


def test_kick_and_snare_by_sound() -> None:
    from render_tests.scenes.base import kick, snare

    found = with_stems(SOURCE, None, {"Track 1": short_strokes(kick), "Track 2": short_strokes(snare)}).stems
    assert found
    assert [s.role.name for s in found.stems] == ["kick", "snare"]
    assert "short strokes" in found.stems[0].role.reason


def test_neither_level_nor_channels_change_what_is_heard() -> None:
    bass = stems()["Bass"]
    quiet = {"Track 1": (bass * 0.03).astype(np.float32), "Track 2": np.ascontiguousarray(bass[:1], dtype=np.float32)}
    found = with_stems(SOURCE, None, quiet).stems
    assert found
    assert [s.role.name for s in found.stems] == ["bass", "bass"]


@pytest.mark.parametrize("frames", [1, 480, 4_800, 48_000])
def test_silence_and_snippets_tell_nothing(frames: int) -> None:
    noise = np.random.default_rng(1).standard_normal((1, frames)).astype(np.float32)
    found = with_stems(SOURCE, None, {"Track 1": noise, "Track 2": 0 * noise, "Bass": noise}).stems
    assert found
    assert [s.role.name for s in found.stems] == ["other", "other", "bass"]
    assert found.stems[0].role.confidence == found.stems[1].role.confidence == 0.0


def program_role(stem: dict[str, Any]) -> set[str]:
    """What a General MIDI program may be called."""
    program = int(stem["program"])
    if stem["is_drum"]:
        return {"drums"}
    families = (
        "keys",
        "percussion",
        "keys",
        "electric-guitar",
        "bass",
        "strings",
        "strings",
        "brass",
        "brass",
        "brass",
    )
    of = {families[program // 8]} if program < 80 else {"synth"}
    return of | {24: {"acoustic-guitar"}, 25: {"acoustic-guitar"}, 55: {"synth"}, 62: {"synth"}}.get(program, set())


def measured(song: str, files: list[str]) -> Mix:
    tracks = {}
    for name in files:
        audio, source = read_audio(DATA / song / name)
        tracks[Path(name).stem] = np.ascontiguousarray(audio.samples[:, : SECONDS * audio.sample_rate])
    return with_stems(source, None, tracks)


@pytest.mark.corpus
@pytest.mark.parametrize("song", ["keep_on_rolling", "city_blues_redfarn", "modern_motion"])
def test_real_stems(song: str) -> None:
    if not (DATA / song).exists():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    truth = json.loads((DATA / song / "truth.json").read_text(encoding="utf-8"))["stems"]
    found = measured(song, [t["file"] for t in truth]).stems
    assert found
    for stem, unnamed, true in zip(found.stems, hidden(found).stems, truth, strict=True):
        assert stem.role.name in program_role(true), stem.name
        assert stem.role.confidence > SURE
        assert_honest(unnamed, true)


def assert_honest(unnamed: Stem, true: dict[str, Any]) -> None:
    """Without its name a stem is right or not sure; drums and basses are found."""
    allowed = program_role(true)
    if unnamed.silent:
        assert unnamed.role.confidence == 0.0
    elif unnamed.role.confidence >= SURE or allowed & {"drums", "bass"}:
        assert unnamed.role.name in allowed, (true["file"], unnamed.role)
    assert role_sound.role_of(None).name == "other"
