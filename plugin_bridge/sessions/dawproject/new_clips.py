"""Clips and curves of the model as new elements of a DAWproject, in seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from dsp.errors import UsageError
from plugin_bridge.files import open_audio
from plugin_bridge.sessions.dawproject.make import Maker, element, spelled
from plugin_bridge.sessions.dawproject.xml import Element
from plugin_bridge.sessions.model import Clip, Curve, Fade, Media, Point


@dataclass(frozen=True)
class Audio:
    """What a file is; `length_s` is None where it does not say."""

    channels: int
    sample_rate: int
    length_s: float | None

    @staticmethod
    def of(path: Path) -> Audio:
        """Read it. Raises InputError."""
        with open_audio(path) as reader:
            source, frames = reader.source, reader.frames
        return Audio(source.channels, source.sample_rate, None if frames is None else frames / source.sample_rate)


def clip_element(clip: Clip, file: Callable[[Media], tuple[str, Audio]], maker: Maker, where: str) -> Element:
    """A clip. Raises UsageError for what the format cannot hold."""
    _refuse(clip, where)
    start = clip.offset_s / clip.rate
    content = _content(clip, file, maker)
    gains = list[Element]()
    if clip.gain != 1.0:
        gains.append(curve_points(_gain_points("linear", maker), (Point(start, clip.gain, "hold"),), lambda v: v))
    if clip.envelope:
        unit, value = value_unit(clip.envelope, where)
        gains.append(curve_points(_gain_points(unit, maker), clip.envelope, value, start))
    looped = {}
    if clip.loop_s is not None:
        looped = {"loopStart": spelled(clip.loop_s[0] / clip.rate), "loopEnd": spelled(clip.loop_s[1] / clip.rate)}
    if looped and clip.envelope:  # what repeats must not take the envelope with it
        inner = element(
            "Clip", time=spelled(start), duration=spelled(clip.length_s), contentTimeUnit="seconds",
            playStart=spelled(start), **looped,
        )  # fmt: skip
        inner.append(content)
        content, looped = element("Clips", id=maker.new_id()), {}
        content.append(inner)
    made = element(
        "Clip", time=spelled(clip.position_s), duration=spelled(clip.length_s), contentTimeUnit="seconds",
        playStart=spelled(start), **looped,
    )  # fmt: skip
    if clip.fade_in or clip.fade_out:
        made.set("fadeTimeUnit", "seconds")
    for name, fade in (("fadeInTime", clip.fade_in), ("fadeOutTime", clip.fade_out)):
        if fade is not None:
            made.set(name, spelled(fade.length_s))
    if clip.muted:
        made.set("enable", "false")
    if clip.name:
        made.set("name", clip.name)
    if gains:
        lanes = element("Lanes", id=maker.new_id())
        lanes.extend([content, *gains])
        content = lanes
    made.append(content)
    return made


def _content(clip: Clip, file: Callable[[Media], tuple[str, Audio]], maker: Maker) -> Element:
    """The audio of a clip, warped where it does not go at its own speed."""
    name, known = file(clip.media[0])
    needs = max(clip.offset_s + clip.length_s * clip.rate, clip.loop_s[1] if clip.loop_s else 0.0, 1.0)
    length = known.length_s or needs
    algorithm = (
        {"algorithm": "stretch" if clip.pitch_kept else "repitch"} if clip.pitch_kept or clip.rate != 1.0 else {}
    )
    audio = element(
        "Audio", **algorithm, channels=str(known.channels), duration=spelled(length),
        sampleRate=str(known.sample_rate), timeUnit="seconds", id=maker.new_id(),
    )  # fmt: skip
    etree.SubElement(audio, "File").set("path", name)
    if clip.rate == 1.0:
        return audio
    warps = element("Warps", contentTimeUnit="seconds", timeUnit="seconds", id=maker.new_id())
    warps.append(audio)
    for at in (0.0, length):
        warps.append(element("Warp", time=spelled(at / clip.rate), contentTime=spelled(at)))
    return warps


def _refuse(clip: Clip, where: str) -> None:
    """Refuse what the format does not have in a clip. Raises UsageError."""
    refused = {
        "inverted polarity": clip.inverted,
        "reversed audio": clip.reversed,
        "single channels of files": len(clip.media) != 1 or clip.media[0].channel is not None,
        "layers of clips": clip.opaque or clip.layer != 0,
        "fades that are not linear": any(
            f is not None and f != Fade(f.length_s) for f in (clip.fade_in, clip.fade_out)
        ),
        "a loop it starts behind": clip.loop_s is not None and not max(clip.loop_s[0], clip.offset_s) < clip.loop_s[1],
        "fades of no length": any(f is not None and f.length_s <= 0.0 for f in (clip.fade_in, clip.fade_out)),
    }
    for what, there in refused.items():
        if there:
            raise UsageError(f"{where}: DAWproject cannot hold {what} (clip '{clip.name}')")


def _gain_points(unit: str, maker: Maker) -> Element:
    made = element("Points", unit=unit, id=maker.new_id())
    made.append(element("Target", expression="gain"))
    return made


def value_unit(curve: Curve, where: str) -> tuple[str, Callable[[float], float]]:
    """The unit in which a curve of gains goes as it should, and its values in it. Raises UsageError."""
    shapes = {p.shape for p in curve} - {"hold"}
    if shapes <= {"linear"}:
        return "linear", lambda v: v
    if shapes == {"fader-db"}:
        return "decibel", lambda v: 20.0 * math.log10(v) if v > 0.0 else -math.inf
    raise UsageError(f"{where}: DAWproject cannot hold a curve that goes {' and '.join(sorted(shapes))}")


def curve_points(points: Element, curve: Curve, value: Callable[[float], float], start: float = 0.0) -> Element:
    """Fill a Points element with a curve, its times from `start` on."""
    for p in curve:
        way = "hold" if p.shape == "hold" else "linear"
        points.append(
            element("RealPoint", time=spelled(start + p.time_s), value=spelled(value(p.value)), interpolation=way)
        )
    return points
