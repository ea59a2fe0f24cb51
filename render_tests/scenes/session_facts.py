"""The session the clean mix could have been rendered from: eight bars on seven tracks, all faders at 0 dB."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from dsp.session import ChannelFacts, ClipFacts, DeviceFacts, Level, SendFacts, SessionFacts
from dsp.units import Samples
from render_tests.scenes.base import BEATS_PER_BAR, RATE, SECONDS, clean, quantised, stems

#: 100 a minute in four four, as the song is written; the head of half a second lies before the first beat.
TEMPO = (0.0, 100.0, BEATS_PER_BAR, 4)


def level(at: str, stage: int, samples: Samples, gain_db: float = 0.0) -> Level:
    """The level of samples at a point of a channel."""
    size = np.abs(np.asarray(samples, dtype=np.float64)).max(axis=0) * 10.0 ** (gain_db / 20.0)
    top, over = int(size.argmax()), np.flatnonzero(size > 1.0)
    peak, rms = float(size[top]), float(np.sqrt(np.mean(np.square(size))))
    return Level(
        at, stage,
        20.0 * float(np.log10(peak)) if peak > 0.0 else None, 20.0 * float(np.log10(rms)) if rms > 0.0 else None,
        over.size / RATE, top / RATE if peak > 0.0 else None, float(over[0]) / RATE if over.size else None,
    )  # fmt: skip


@cache
def clean_session() -> SessionFacts:
    """Its facts: tracks with an equaliser each, the room as a bus they send to before their faders."""
    names = [n for n in stems() if n != "Room"]
    channels = []
    for name in names:
        samples = quantised(stems()[name])
        channels.append(
            ChannelFacts(
                name, "track", "Master", True,
                levels=tuple(level(at, k, samples) for k, at in enumerate(("input", "EQ", "fader"))),
                devices=(DeviceFacts("EQ", "equalizer", True, "here", 1),),
                clips=(ClipFacts(name, 0.0, SECONDS, f"{name}.wav", sample_rate=RATE, media_channels=2),),
                sends=(SendFacts("Room", -12.0, True, True, True),) if name != "Bass" else (),
                mono=False,
            )
        )  # fmt: skip
    room = quantised(stems()["Room"])
    channels.append(
        ChannelFacts(
            "Room", "bus", "Master", True, inputs=len(names) - 1,
            levels=tuple(level(at, k, room) for k, at in enumerate(("input", "Reverb", "fader"))),
            devices=(DeviceFacts("Reverb", "vst3", True, "hosted", 1),),
        )
    )  # fmt: skip
    master = ChannelFacts(
        "Master", "master", "", True, inputs=len(channels),
        levels=(level("input", 0, clean()), level("fader", 1, clean())),
    )  # fmt: skip
    return SessionFacts("clean", "dawproject", RATE, (*channels, master), (TEMPO,))


def changed(name: str, **fields: Any) -> SessionFacts:
    """The clean session with something else about one channel."""
    facts = clean_session()
    return replace(facts, channels=tuple(replace(c, **fields) if c.name == name else c for c in facts.channels))
