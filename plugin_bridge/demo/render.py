"""One DawDreamer graph from control tracks to mix: instruments, desk, bus and, if asked for, the limiter.

DawDreamer hands several inputs of a processor over as one concatenated bus, which is how the instruments
reach the desk. Everything is captured in a single pass.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NamedTuple

import numpy as np

from plugin_bridge.demo import drums, strings, voices
from plugin_bridge.demo.desk import LOOKAHEAD_SAMPLES, STEMS, bus_dsp, desk_dsp, limiter_dsp
from plugin_bridge.demo.flaws import Flaw
from plugin_bridge.demo.performance import (
    SAMPLE_RATE_HZ,
    SEED,
    SONG_S,
    SONG_SAMPLES,
    Signal,
    bass_track,
    drum_tracks,
    guitar_tracks,
    keys_tracks,
)
from plugin_bridge.demo.score import compose
from plugin_bridge.demo.singing import choir_curves, lead_curves

BLOCK_SAMPLES: Final = 512
# The limiter's look-ahead is taken off its own start, and off everybody's end.
FILE_SAMPLES: Final = SONG_SAMPLES - LOOKAHEAD_SAMPLES


class Rendered(NamedTuple):
    """The finished song: a (channels, samples) array per stem, their sum, and what left the mix bus."""

    stems: dict[str, Signal]
    bus: Signal
    mix: Signal


def render_song(flaws: frozenset[Flaw]) -> Rendered:
    """Play the score and return every stem after its fader, the bus before the limiter, and the mix."""
    engine = import_module("dawdreamer").RenderEngine(SAMPLE_RATE_HZ, BLOCK_SAMPLES)
    tracks = _control_tracks()
    # The players keep their own copies; ours would be half a gigabyte of nearly nothing.
    graph: list[tuple[Any, list[str]]] = [
        (engine.make_playback_processor(f"{name} track", tracks.pop(name)), []) for name in list(tracks)
    ]
    for name, program in _INSTRUMENTS.items():
        graph.append((_faust(engine, name, program), _FEEDS.get(name, [f"{name} track"])))
    graph.append((_faust(engine, "desk", desk_dsp(flaws)), list(_INSTRUMENTS)))
    graph.append((_faust(engine, "bus", bus_dsp()), ["desk"]))
    if "bus-limiter" in flaws:
        graph.append((_faust(engine, "limiter", limiter_dsp()), ["bus"]))
    taps = {processor.get_name(): processor for processor, _ in graph if processor.get_name() in _TAPS}
    for processor in taps.values():
        processor.record = True
    engine.load_graph(graph)
    engine.render(SONG_S)

    captured = {name: processor.get_audio()[:, :SONG_SAMPLES] for name, processor in taps.items()}
    bus = captured["bus"][:, :FILE_SAMPLES]
    late = LOOKAHEAD_SAMPLES - 1
    mix = captured["limiter"][:, late : late + FILE_SAMPLES] if "limiter" in captured else bus
    return Rendered(_by_name(captured["desk"][:, :FILE_SAMPLES]), bus, mix)


_INSTRUMENTS: Final[dict[str, str]] = {
    "drums": drums.DRUMS_DSP,
    "bass": strings.BASS_DSP,
    "guitars": strings.GUITARS_DSP,
    "keys": voices.KEYS_DSP,
    "lead": voices.LEAD_DSP,
    "choir": voices.CHOIR_DSP,
    "reverb": voices.REVERB_DSP,
}
_FEEDS: Final[dict[str, list[str]]] = {"reverb": ["lead", "choir"]}
_TAPS: Final = ("desk", "bus", "limiter")


def _control_tracks() -> dict[str, Signal]:
    parts = compose()
    rng = np.random.default_rng(SEED)
    return {
        "drums": drum_tracks(parts, rng),
        "bass": bass_track(parts, rng),
        "guitars": np.concatenate([guitar_tracks(parts, rng), guitar_tracks(parts, rng)]),
        "keys": keys_tracks(parts, rng),
        "lead": lead_curves(parts, rng),
        "choir": choir_curves(parts, rng),
    }


def _faust(engine: Any, name: str, program: str) -> Any:
    processor = engine.make_faust_processor(name)
    # DawDreamer computes in place: without this, an output overwrites inputs that are still to be read.
    processor.compile_flags = ["-inpl"]
    if not (processor.set_dsp_string(program) and processor.compile()):
        raise RuntimeError(f"the Faust program of the demo song's {name} does not compile")
    return processor


def _by_name(desk: Signal) -> dict[str, Signal]:
    stems = {}
    first = 0
    for stem in STEMS:
        stems[stem.name] = desk[first : first + stem.channels]
        first += stem.channels
    return stems
