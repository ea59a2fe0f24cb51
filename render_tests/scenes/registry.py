"""What a scene is, and the list of all of them.

A scene is a function that returns a `Take`, registered with `@scene`. What else it sets off is declared
with it: a hot mix has too high a true peak as well, but it must not seem clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import numpy as np

from dsp.audio import Source
from dsp.encoded import Encoded
from dsp.findings import Status
from dsp.mix import Mix, in_memory, measure, measure_with_stems
from dsp.session import SessionFacts
from dsp.stems.alone import StemInput
from dsp.units import Samples
from plugin_bridge.codecs import encode
from render_tests.scenes.base import RATE, SOURCE, clean, quantised
from render_tests.scenes.base import stems as clean_stems
from render_tests.scenes.processors import Signal
from render_tests.scenes.session_facts import clean_session

Span = tuple[float, float]

#: The checks every hot mix sets off besides the one that is meant.
LEVEL: Final = ("headroom", "loudness", "true-peak")


@dataclass(frozen=True)
class Take:
    """Audio with a fault, what its container says, what it is set beside, and where the finding must place the fault.

    `places` maps the name of a piece of evidence to spans in seconds: every such piece must lie in one of
    them, and every span must have one.
    """

    samples: Samples
    source: Source = SOURCE
    places: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    references: tuple[Samples, ...] = ()
    encoded: tuple[Encoded, ...] | None = None
    stems: Mapping[str, Samples] | None = None  #: by name; measured in lockstep with the mix
    cause: tuple[str, ...] = ()  #: the stems one of which the finding must name first
    session: SessionFacts | None = None  #: the session it was rendered from


@dataclass(frozen=True)
class Scene:
    """A fault: the check it must fire with its status, and what else may warn because of it."""

    name: str
    check: str
    status: Status
    also: frozenset[str]
    make: Callable[[], Take]


SCENES: list[Scene] = []


def scene(check: str, status: Status, *also: str) -> Callable[[Callable[[], Take]], Callable[[], Take]]:
    """Register a scene under the name of its function."""

    def register(make: Callable[[], Take]) -> Callable[[], Take]:
        SCENES.append(Scene(make.__name__.replace("_", "-"), check, status, frozenset(also), make))
        return make

    return register


@cache
def take_of(scene: Scene) -> Take:
    """The take of a scene, made once."""
    return scene.make()


@cache
def mix_of(scene: Scene) -> Mix:
    """The take of a scene as measured, once."""
    take = take_of(scene)
    references = tuple(
        measure(replace(SOURCE, name=f"reference {k}.wav"), [r]) for k, r in enumerate(take.references, 1)
    )
    if take.stems is not None:
        mix = with_stems(take.source, take.samples, take.stems, take.references)
    else:
        mix = measure(take.source, [take.samples])
    return replace(mix, encoded=take.encoded, references=references, session=take.session)


def with_stems(
    source: Source, mix: Samples | None, stems: Mapping[str, Samples], references: Sequence[Samples] = ()
) -> Mix:
    """A mix measured in lockstep with its stems, and with references that may be versions of it.

    Without a mix it is the sum of the stems. `references` of the result are left to the caller.
    """
    tracks = [
        (
            StemInput(name, replace(source, name=f"{name}.wav"), samples.shape[0], frames=samples.shape[1]),
            in_memory(samples, source.sample_rate),
        )
        for name, samples in stems.items()
    ]
    beside = {f"reference {k}.wav": in_memory(r, source.sample_rate) for k, r in enumerate(references, 1)}
    return measure_with_stems(
        source, None if mix is None else in_memory(mix, source.sample_rate), tracks, references=beside
    )


def clean_tracks() -> dict[str, Samples]:
    """The stems of the clean mix as files hold them: 24 bit, read-only; the mapping is the caller's to change."""
    return dict(_clean_tracks())


@cache
def _clean_tracks() -> dict[str, Samples]:
    tracks = {name: quantised(track) for name, track in clean_stems().items()}
    for track in tracks.values():
        track.flags.writeable = False
    return tracks


@cache
def clean_mix() -> Mix:
    """The clean mix as measured beside its stems and its session, once."""
    mix = with_stems(SOURCE, clean(), clean_tracks())
    return replace(mix, encoded=encode(mix, [clean()]), session=clean_session())


def wav_source(name: str, bit_depth: int | None = 24, sample_rate: int = RATE) -> Source:
    return replace(SOURCE, name=f"{name}.wav", bit_depth=bit_depth, sample_rate=sample_rate)


def float_source(name: str) -> Source:
    return replace(SOURCE, name=f"{name}.wav", codec="float", bit_depth=32)


def peak_s(samples: Samples | Signal) -> float:
    return int(np.abs(samples).max(axis=0).argmax()) / RATE


def around(at_s: float, within_s: float) -> Span:
    return (at_s - within_s, at_s + within_s)
