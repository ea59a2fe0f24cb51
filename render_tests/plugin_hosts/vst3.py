"""Python's side of the VST3 host in host.cpp."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np

from dsp.units import Samples

#: A change of a parameter: its number, the frame, the normalized value.
Change = tuple[int, int, float]
ALL, NO_OUTPUT, NO_LISTS = range(3)


class Vst3:
    """An instance of a VST3 plugin, made with one component as its controller."""

    def __init__(self, library: Path, plugin: Path, channels: int = 2) -> None:
        self._c = _declared(library)
        self._module = self._c.vst3_open(str(plugin).encode())
        self._self = self._c.vst3_create(self._module, channels) if self._module else None
        if not self._self:
            raise OSError(f"{plugin} could not be loaded")
        self._channels = channels

    def __enter__(self) -> Vst3:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._c.vst3_destroy(self._self)
        self._c.vst3_close(self._module)

    def setup(self, rate: int, most_frames: int = 1 << 16) -> None:
        """Ready to play at a rate (Hz)."""
        code = self._c.vst3_setup(self._self, float(rate), most_frames)
        if code:
            raise OSError(f"step {code} of the setup was refused")

    def stop(self) -> None:
        """Not playing any more."""
        self._c.vst3_stop(self._self)

    def transport(self, playing: bool, position: int, bpm: float = 120.0) -> None:
        """What the next blocks say of the transport; position in samples."""
        self._c.vst3_transport(self._self, playing, position, bpm)

    def process(self, audio: Samples, changes: Sequence[Change] = (), lists: int = ALL) -> Samples:
        """A block of float32, shape (channels, frames), and what comes out."""
        given = np.ascontiguousarray(audio, np.float32)
        out = np.full_like(given, 7.0)
        n = len(changes)
        ids = (ctypes.c_uint32 * n)(*(c[0] for c in changes))
        offsets = (ctypes.c_int32 * n)(*(c[1] for c in changes))
        values = (ctypes.c_double * n)(*(c[2] for c in changes))
        frames = given.shape[1]
        made = self._c.vst3_process(self._self, _at(given), _at(out), frames, n, ids, offsets, values, lists)
        if made < 0:
            raise OSError("the plugin refused the block")
        self._outputs = made
        return out

    def play(self, audio: Samples, blocks: Iterator[int], changes: Sequence[Change] = ()) -> Samples:
        """Audio in blocks of given lengths; changes come with the first."""
        out, at = [], 0
        while at < audio.shape[1]:
            part = audio[:, at : at + next(blocks)]
            out.append(self.process(part, changes if at == 0 else ()))
            at += part.shape[1]
        return np.concatenate(out, axis=1)

    def ns_per_frame(self, frames: int, blocks: int) -> float:
        """How long a frame of noise takes on average, in blocks of a length."""
        return float(self._c.vst3_time(self._self, frames, blocks)) / (frames * blocks)

    def flush(self, changes: Sequence[Change], lists: int = ALL) -> None:
        """A process call without frames, as hosts send parameters while they are stopped."""
        self.process(np.zeros((self._channels, 0), np.float32), changes, lists)

    def put_out(self) -> dict[int, float]:
        """The parameters the plugin put out in the last block, normalized."""
        number, value, made = ctypes.c_uint32(), ctypes.c_double(), {}
        for i in range(self._outputs):
            self._c.vst3_output(self._self, i, ctypes.byref(number), ctypes.byref(value))
            made[number.value] = value.value
        return made

    def changes(self, plain: Mapping[int, float], frame: int = 0) -> list[Change]:
        """Plain values as changes at a frame."""
        return [(k, frame, self.normal(k, value)) for k, value in plain.items()]

    def infos(self) -> list[tuple[str, int, int, int, float]]:
        """Of each parameter: title, number, flags, steps, default (normalized)."""
        title, number, flags = ctypes.create_string_buffer(128), ctypes.c_uint32(), ctypes.c_int()
        steps, standard = ctypes.c_int(), ctypes.c_double()
        made = []
        for i in range(self._c.vst3_count(self._self)):
            at = [ctypes.byref(place) for place in (number, flags, steps, standard)]
            assert self._c.vst3_info(self._self, i, title, *at) == 0
            made.append((title.value.decode(), number.value, flags.value, steps.value, standard.value))
        return made

    def get(self, number: int) -> float:
        """What the controller shows, as a plain value."""
        return float(self._c.vst3_plain(self._self, number, self._c.vst3_get(self._self, number)))

    def set(self, number: int, plain: float) -> int:
        """Sets a parameter at the controller; returns its answer."""
        return int(self._c.vst3_set(self._self, number, self.normal(number, plain)))

    def normal(self, number: int, plain: float) -> float:
        """A plain value normalized."""
        return float(self._c.vst3_normal(self._self, number, float(plain)))

    def plain(self, number: int, normal: float) -> float:
        """A normalized value as a plain one."""
        return float(self._c.vst3_plain(self._self, number, normal))

    def text(self, number: int, plain: float) -> str:
        """How the plugin writes a value."""
        text = ctypes.create_string_buffer(128)
        self._c.vst3_text(self._self, number, self.normal(number, plain), text)
        return text.value.decode()

    @property
    def latency(self) -> int:
        """In samples."""
        return int(self._c.vst3_latency(self._self))

    @property
    def state(self) -> bytes:
        """What a host saves."""
        room = ctypes.create_string_buffer(1 << 16)
        size = self._c.vst3_save(self._self, room, len(room))
        return room.raw[:size]

    @state.setter
    def state(self, saved: bytes) -> None:
        assert self._c.vst3_restore(self._self, saved, len(saved)) == 0


@contextmanager
def playing(host: Path, plugin: Path, rate: int = 48_000, channels: int = 2) -> Iterator[Vst3]:
    """An instance that is ready to play."""
    with Vst3(host, plugin, channels) as made:
        made.setup(rate)
        yield made
        made.stop()


def cycles(library: Path, plugin: Path, count: int) -> int:
    """Makes instances and lets go of them; 0 where all went well."""
    return int(_declared(library).vst3_cycles(str(plugin).encode(), count, 48_000.0))


def copy_ns_per_frame(library: Path, frames: int, blocks: int) -> float:
    """How long it takes to copy a stereo frame."""
    return float(_declared(library).vst3_time(None, frames, blocks)) / (frames * blocks)


def _at(audio: Samples) -> ctypes.c_void_p:
    return ctypes.c_void_p(audio.ctypes.data)


def _declared(library: Path) -> ctypes.CDLL:
    c = ctypes.CDLL(str(library))
    p, i, d, u = ctypes.c_void_p, ctypes.c_int, ctypes.c_double, ctypes.c_uint32
    for name, gives, takes in (
        ("open", p, [ctypes.c_char_p]),
        ("close", None, [p]),
        ("create", p, [p, i]),
        ("setup", i, [p, d, i]),
        ("stop", None, [p]),
        ("destroy", None, [p]),
        ("transport", None, [p, i, ctypes.c_int64, d]),
        ("process", i, [p, p, p, i, i, p, p, p, i]),
        ("output", None, [p, i, p, p]),
        ("time", d, [p, i, i]),
        ("count", i, [p]),
        ("info", i, [p, i, p, p, p, p, p]),
        ("get", d, [p, u]),
        ("set", i, [p, u, d]),
        ("plain", d, [p, u, d]),
        ("normal", d, [p, u, d]),
        ("text", None, [p, u, d, p]),
        ("latency", i, [p]),
        ("save", i, [p, p, i]),
        ("restore", i, [p, ctypes.c_char_p, i]),
        ("cycles", i, [ctypes.c_char_p, i, d]),
    ):
        function = getattr(c, f"vst3_{name}")
        function.restype, function.argtypes = gives, takes
    return c
