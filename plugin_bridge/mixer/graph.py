"""DawDreamer graphs: one for the gains of channels, used over and over, and one for every device.

DawDreamer forgets the state of its processors at every render. Gains have none, so channels without devices go through
in pieces; a device gets the whole length at once. Graphs are made on the main thread only: made on another, they hang.
"""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp.units import Samples
from plugin_bridge.mixer.devices import program
from plugin_bridge.sessions.model import Device

#: Frames DawDreamer hands to a processor at a time.
BLOCK: Final = 1024
#: A gain for all frames or one for each.
Gain = float | npt.NDArray[np.float32]

_STATIC: Final = 'a = hslider("a", 1, -1e6, 1e6, 1e-9); b = hslider("b", 1, -1e6, 1e6, 1e-9);\n'
_STRIPS: Final = {
    (1, False): _STATIC + "process(x) = a * x, b * x;",
    (2, False): _STATIC + "process(l, r) = a * l, b * r;",
    (1, True): "process(x, a, b) = a * x, b * x;",
    (2, True): "process(l, r, a, b) = a * l, b * r;",
}


class Strip:
    """Gain and pan of a channel: mono or stereo in, stereo out."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._made: dict[tuple[int, bool], tuple[Any, Any, Any, list[str]]] = {}

    def process(self, block: Samples, left: Gain, right: Gain) -> Samples:
        """Float32 of shape (1 or 2, frames) with its gains, shape (2, frames)."""
        frames = block.shape[1]
        moving = isinstance(left, np.ndarray) or isinstance(right, np.ndarray)
        engine, source, strip, names = self._strip(len(block), moving)
        if moving:
            curves = [np.broadcast_to(np.asarray(g, np.float32), (frames,)) for g in (left, right)]
            block = np.concatenate([block, *(c[None] for c in curves)])
        else:
            for name, gain in zip(names, (left, right), strict=True):
                strip.set_parameter(name, float(gain))
        source.set_data(np.ascontiguousarray(block))
        engine.render(_duration_s(frames, self._rate))
        return np.asarray(strip.get_audio()[:, :frames])

    def _strip(self, channels: int, moving: bool) -> tuple[Any, Any, Any, list[str]]:
        key = (channels, moving)
        if key not in self._made:
            engine = import_module("dawdreamer").RenderEngine(self._rate, BLOCK)
            wide = channels + 2 if moving else channels
            source = engine.make_playback_processor("in", np.zeros((wide, BLOCK), np.float32))
            strip = _faust(engine, _STRIPS[key])
            engine.load_graph([(source, []), (strip, ["in"])])
            names = [p["name"] for p in strip.get_parameters_description()]
            self._made[key] = engine, source, strip, names
        return self._made[key]


def insert(audio: Samples, device: Device, sample_rate: int) -> tuple[Samples, Samples | None]:
    """A whole channel through a device: as many frames out, and the gain of our own dynamics at every frame.

    `audio` is float32 (1 or 2, frames); the result has as many channels. Raises RuntimeError where a plugin cannot be
    loaded or run.
    """
    pair = audio if len(audio) == 2 else np.concatenate([audio, audio])
    engine = import_module("dawdreamer").RenderEngine(sample_rate, BLOCK)
    if device.installed is None:
        made = _run(engine, _faust(engine, program(device, sample_rate)), pair, sample_rate)
        return np.ascontiguousarray(made[: len(audio)]), None if device.kind == "equalizer" else made[2]
    plugin = _hosted(engine, device)
    late = int(plugin.get_latency_samples())
    padded = np.pad(pair, ((0, 0), (0, late))) if late else pair
    made = _run(engine, plugin, padded, sample_rate)[:2, late:]
    if len(made) == 1:
        made = np.concatenate([made, made])
    if not np.isfinite(made.sum(dtype=np.float64)):
        raise RuntimeError(f"{device.name} puts out samples that are not numbers")
    return np.ascontiguousarray(made[: len(audio)]), None


def _duration_s(frames: int, sample_rate: int) -> float:
    """A duration that DawDreamer, which cuts off, makes so many frames of."""
    return (frames + 0.5) / sample_rate


def _run(engine: Any, processor: Any, audio: Samples, sample_rate: int) -> Samples:
    source = engine.make_playback_processor("in", audio)
    processor.record = True
    engine.load_graph([(source, []), (processor, ["in"])])
    engine.render(_duration_s(audio.shape[1], sample_rate))
    return np.asarray(processor.get_audio()[:, : audio.shape[1]])


def _faust(engine: Any, text: str) -> Any:
    processor = engine.make_faust_processor("out")
    processor.record = True
    # DawDreamer computes in place: without this, an output overwrites inputs that are still to be read.
    processor.compile_flags = ["-inpl"]
    if not (processor.set_dsp_string(text) and processor.compile()):
        raise RuntimeError("a Faust program of the mixer does not compile")
    return processor


def _hosted(engine: Any, device: Device) -> Any:
    """An installed plugin with the state it was saved with, which must be a VST3 preset, as most formats hold it."""
    if device.state and device.state[:4] != b"VST3":
        raise RuntimeError("its settings are not kept in a form that can be handed to it")
    plugin = engine.make_plugin_processor("out", str(device.installed))
    if device.state:
        with tempfile.TemporaryDirectory() as folder:
            preset = Path(folder, "saved.vstpreset")
            preset.write_bytes(device.state)
            plugin.load_vst3_preset(str(preset))
    return plugin
