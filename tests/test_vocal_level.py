"""The level of the lead vocal beside the rest: against closed forms and the loudness meter, and what the check says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dsp.checks import find_check
from dsp.diagnose import run_check
from dsp.findings import Finding, GainMove
from dsp.meters.loudness import LoudnessMeter
from dsp.meters.sections import Section
from dsp.mix import Mix, in_memory, measure_with_stems
from dsp.profile import Profile, load_genre, load_profile
from dsp.stems.alone import StemInput
from dsp.stems.vocal import VocalLevel, vocal_level
from dsp.units import Samples
from tests.test_masking import FRAMES, RATE, SECONDS, noise, song

PROFILE = load_profile("mix")
WHOLE = (Section(0.0, SECONDS, -20.0),)


def level(mix: Mix, sections: tuple[Section, ...] = WHOLE) -> VocalLevel:
    assert mix.stems
    found = vocal_level(mix.stems, sections)
    assert found
    return found


def said(mix: Mix, profile: Profile = PROFILE) -> Finding:
    (finding,) = run_check(find_check("vocal-level"), mix, profile)
    return finding


def lufs(samples: Samples) -> float:
    meter = LoudnessMeter(RATE, len(samples), (1.0,) * len(samples))
    meter.process(samples)
    integrated = meter.result().integrated_lufs
    assert integrated is not None
    return integrated


def band(over_lu: float, **changed: Samples) -> Mix:
    """A lead so many LU over a band of three."""
    lead, guitar, bass = noise(200, 6000, -30, 1), noise(150, 4000, -30, 2), noise(50, 300, -30, 3)
    snare = noise(150, 9000, -36, 4)
    lead *= np.float32(10 ** ((lufs(guitar + bass + snare) + over_lu - lufs(lead)) / 20))
    stems = {"Vox": lead, "Gtr": guitar, "Bass": bass, "Snare": snare} | changed
    roles = {"Vox": "lead-vocal", "Gtr": "electric-guitar", "Bass": "bass", "Snare": "snare", "Verb": "effects"}
    return song({name: (roles.get(name, "backing-vocal"), s) for name, s in stems.items()})


@pytest.mark.parametrize("over_lu", [-9.0, 0.0, 7.5])
def test_the_ratio_is_that_of_the_loudness_meter(over_lu: float) -> None:
    found = level(band(over_lu))
    assert found.over_rest_lu == pytest.approx(over_lu, abs=0.15)
    share = 10 ** (over_lu / 10) / (1 + 10 ** (over_lu / 10))
    assert found.over_mix_lu == pytest.approx(10 * np.log10(share), abs=0.15)
    assert found.sings_s == pytest.approx(SECONDS, abs=0.3)


def test_microphones_at_one_drum_add_up_as_in_the_mix() -> None:
    once = noise(50, 300, -24, 3)
    vox = ("lead-vocal", noise(200, 6000, -24, 1))
    one = level(song({"Vox": vox, "Kick In": ("kick", once)}))
    two = level(song({"Vox": vox, "Kick In": ("kick", once), "Kick Out": ("kick", once)}))
    assert two.over_rest_lu - one.over_rest_lu == pytest.approx(-6.02, abs=0.1)


def test_backing_vocals_and_reverb_belong_to_neither_side() -> None:
    plain = level(band(0.0)).over_rest_lu
    crowded = level(band(0.0, Verb=noise(200, 6000, -20, 8), Choir=noise(200, 6000, -20, 9))).over_rest_lu
    assert crowded == pytest.approx(plain, abs=0.3)


def test_only_while_it_sings_and_by_section() -> None:
    lead, rest = noise(200, 6000, -24, 1), noise(150, 4000, -24, 2)
    lead[:, : round(1.0 * RATE)] = 0  # an introduction
    lead[:, round(3.5 * RATE) :] *= np.float32(10 ** (-4 / 20))
    long_lead, long_rest = np.tile(lead, 3), np.tile(rest, 3)
    mix = song({"Vox": ("lead-vocal", long_lead), "Gtr": ("electric-guitar", long_rest)})
    base = lufs(lead[:, round(1.5 * RATE) : round(3.3 * RATE)]) - lufs(rest)
    found = level(mix, (Section(0.0, 3.5, -20.0), Section(3.5, 6.0, -20.0), Section(6.0, 18.0, -20.0)))
    assert [p.start_s for p in found.sections] == [6.0]  # the others are sung for less than four seconds
    assert found.sings_s == pytest.approx(15.0, abs=1.0)  # 400 ms windows reach into the rests
    assert found.over_rest_lu == pytest.approx(base - 1.6, abs=0.4)  # the mean of 2.5 s at 0 and 2.5 s at -4 dB
    assert len(found.phrases) == 3


def test_a_bare_line_is_not_set_beside_silence() -> None:
    lead, rest = noise(200, 6000, -24, 1), noise(150, 4000, -24, 2)
    rest[:, : FRAMES // 2] = 0
    mix = song({"Vox": ("lead-vocal", lead), "Gtr": ("electric-guitar", rest)})
    assert level(mix).over_rest_lu == pytest.approx(lufs(lead) - lufs(rest[:, FRAMES // 2 :]), abs=0.5)


def test_the_bus_and_the_fader_change_nothing() -> None:
    mix = band(-2.0)
    assert mix.stems
    tracks = {s.name: s for s in mix.stems.stems}
    quiet = {n: np.float32(0.25) * x for n, x in (("Vox", noise(200, 6000, -30, 1)), ("Gtr", noise(150, 4000, -30, 2)))}
    roles = {"Vox": "lead-vocal", "Gtr": "electric-guitar"}
    loud = {n: np.float32(4.0) * x for n, x in quiet.items()}
    a, b = (level(song({n: (roles[n], x) for n, x in s.items()})).over_rest_lu for s in (quiet, loud))
    assert a == pytest.approx(b, abs=0.01)
    clipped = np.tanh(20.0 * sum(quiet.values())).astype(np.float32)
    source = tracks["Vox"].source
    inputs = [(StemInput(n, source, 2, frames=FRAMES), in_memory(x, RATE)) for n, x in quiet.items()]
    driven = measure_with_stems(source, in_memory(clipped, RATE), inputs, roles=roles)
    assert level(driven).over_rest_lu == pytest.approx(a, abs=0.01)


@pytest.mark.parametrize(
    ("over_lu", "status", "gain_db"),
    [(-9.0, "warning", 3.0), (-5.5, "info", 1.2), (0.7, "pass", None), (8.0, "info", -1.3), (13.0, "warning", -3.0)],
)
def test_far_from_the_usual_it_is_told_with_a_step_towards_it(
    over_lu: float, status: str, gain_db: float | None
) -> None:
    finding = said(band(over_lu))
    assert finding.status == status
    if gain_db is None:
        assert not finding.fixes
    else:
        (move,) = finding.fixes
        assert isinstance(move, GainMove)
        assert move.target == "Vox"
        assert move.gain_db == pytest.approx(gain_db, abs=0.2)
        assert finding.cause[0].stem == "Vox"


def test_metal_is_judged_as_metal() -> None:
    mix = band(-7.0)
    assert said(mix).status == "info"
    assert said(mix, dataclasses.replace(PROFILE, genre=load_genre("metal"))).status == "pass"


def test_a_section_far_off_is_told_though_the_song_is_not() -> None:
    lead = np.tile(noise(200, 6000, -24, 1), 6)
    lead[:, 28 * RATE :] *= np.float32(10 ** (-1 / 20))  # the last chorus
    rest = np.tile(noise(150, 4000, -24, 2), 6)
    rest[:, 28 * RATE :] *= np.float32(10 ** (8 / 20))
    finding = said(song({"Vox": ("lead-vocal", lead), "Gtr": ("electric-guitar", rest)}))
    assert finding.status == "info"
    assert "uneven" in finding.title
    assert "automate" in finding.message


def test_what_cannot_be_told_is_not() -> None:
    lead, keys = noise(200, 6000, -24, 1), noise(150, 4000, -24, 2)
    assert said(song({"Keys": ("keys", keys)})).status == "skipped"
    assert said(song({"Vox": ("lead-vocal", lead), "Verb": ("effects", keys)})).status == "skipped"
    assert said(song({"Vox": ("lead-vocal", lead), "Keys": ("keys", keys)}, confidence=0.3)).status == "undetermined"
    lead[:, round(1.5 * RATE) :] = 0
    assert said(song({"Vox": ("lead-vocal", lead), "Keys": ("keys", keys)})).status == "undetermined"
