"""Scenes of a session out of order: levels on the way, devices on the master, what is muted, missing or twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsp.session import ChannelFacts, ClipFacts, DeviceFacts, SendFacts
from dsp.units import Samples
from render_tests.scenes.base import RATE, SECONDS, SOURCE, clean, quantised
from render_tests.scenes.processors import gain, limited
from render_tests.scenes.registry import Take, around, clean_tracks, float_source, peak_s, scene, wav_source
from render_tests.scenes.session_facts import changed, clean_session, level


def _with(channel: ChannelFacts) -> tuple[ChannelFacts, ...]:
    """The channels of the clean session and one more track."""
    return (*clean_session().channels[:-1], channel, clean_session().channels[-1])


@scene("gain-path", "warning")
def plugin_driven_by_its_clips() -> Take:
    """The vocal comes in at +5 dBFS, a modelled plugin takes it, and the fader brings it back to its place."""
    lead = clean_tracks()["Lead"]
    hot = 5.0 - float(20.0 * np.log10(np.abs(lead).max()))
    facts = changed(
        "Lead",
        levels=(level("input", 0, lead, hot), level("Decapitator", 1, lead, hot), level("fader", 2, lead)),
        devices=(DeviceFacts("Decapitator", "vst3", True, "hosted", 1, "Soundtoys"),),
        fader_db=-hot,
    )
    near = around(peak_s(lead), 0.01)
    places = {"path_peak_dbfs": (near,), "plugin_input_dbfs": (near,)}
    return Take(clean(), SOURCE, places, cause=("Lead",), session=facts)


@scene("gain-path", "problem", "headroom", "true-peak", "loudness", "clipping")
def master_above_full_scale() -> Take:
    """Everything is 6 dB too loud, and the master leaves above full scale."""
    loud: Samples = np.ascontiguousarray(clean() * np.float32(gain(6.0)))
    facts = changed("Master", levels=(level("input", 0, loud), level("fader", 1, loud)))
    places = {"output_peak_dbfs": (around(peak_s(loud), 0.01),)}
    return Take(loud, float_source("hot master"), places, cause=("Master",), session=facts)


@scene("master-devices", "problem", "bus-limiter")
def limiter_on_the_master() -> Take:
    """The limiter of the DAW takes 5 dB off on the master."""
    most = float(np.abs(clean()).max())
    out = quantised(limited(clean(), most * gain(-5.0)))
    facts = changed(
        "Master",
        levels=(level("input", 0, clean()), level("Limiter", 1, out), level("fader", 2, out)),
        devices=(
            DeviceFacts("Limiter", "limiter", True, "here", 1, parameters={"threshold_db": -5.0}, reduction_db=5.0),
        ),
    )
    return Take(out, wav_source("limited"), cause=("Master",), session=facts)


@scene("master-devices", "warning")
def maximiser_that_is_not_installed() -> Take:
    """A maximiser on the master of the session is not installed where it is audited."""
    facts = changed("Master", devices=(DeviceFacts("L2 Stereo", "vst2", True, "missing", 1, "Waves"),))
    return Take(clean(), SOURCE, cause=("Master",), session=facts)


@scene("master-devices", "info")
def bypassed_limiter() -> Take:
    """The limiter was mixed into and switched off for the delivery."""
    facts = changed("Master", devices=(DeviceFacts("Pro-L 2", "vst3", False, "bypassed", 1, "FabFilter"),))
    return Take(clean(), SOURCE, cause=("Master",), session=facts)


@scene("session-hygiene", "warning")
def solo_left_on() -> Take:
    """The lead vocal is still soloed."""
    return Take(clean(), SOURCE, cause=("Lead",), session=changed("Lead", soloed=True))


@scene("session-hygiene", "warning")
def master_fader_down() -> Take:
    """The tracks are too hot together, and the master fader hides it."""
    facts = changed("Master", levels=(level("input", 0, clean(), 8.0), level("fader", 1, clean())), fader_db=-8.0)
    return Take(clean(), SOURCE, cause=("Master",), session=facts)


@scene("session-hygiene", "warning")
def the_same_clip_twice() -> Take:
    """A clip of the keys was pasted onto itself."""
    keys = ClipFacts("Keys", 4.0, 12.0, "Keys.wav", sample_rate=RATE, media_channels=2)
    facts = changed("Keys", clips=(replace(keys, overlap_s=8.0), keys))
    return Take(clean(), SOURCE, {"overlap_s": ((4.0, 12.0),)}, cause=("Keys",), session=facts)


@scene("session-hygiene", "info")
def loose_ends() -> Take:
    """A muted take, a send without a target, and something the reader does not know."""
    old = ClipFacts("Lead old", 0.0, SECONDS, "Lead old.wav", sample_rate=RATE, media_channels=2)
    muted = ChannelFacts("Lead old", "track", "Master", False, muted=True, clips=(old,))
    facts = replace(clean_session(), channels=_with(muted), unread=("Track 'Bass': playback rate is not played",))
    lost = (SendFacts("", -6.0, False, True, False),)
    channels = tuple(replace(c, sends=(*c.sends, *lost)) if c.name == "Keys" else c for c in facts.channels)
    return Take(clean(), SOURCE, cause=("Lead old",), session=replace(facts, channels=channels))


@scene("media", "problem")
def missing_media() -> Take:
    """The file of a shaker was not sent along."""
    clip = ClipFacts("Shaker", 9.6, 20.0, "Shaker.wav", offline="the file is not there, nor one of its name beside it")
    shaker = ChannelFacts("Shaker", "track", "Master", True, clips=(clip,), levels=())
    facts = replace(clean_session(), channels=_with(shaker))
    return Take(clean(), SOURCE, {"offline_clip_s": ((9.6, 20.0),)}, cause=("Shaker",), session=facts)


@scene("media", "info")
def media_of_another_rate() -> Take:
    """The bass was recorded at 44.1 kHz."""
    bass = ClipFacts("Bass", 0.0, SECONDS, "Bass.wav", sample_rate=44_100, media_channels=2)
    return Take(clean(), SOURCE, cause=("Bass",), session=changed("Bass", clips=(bass,)))
