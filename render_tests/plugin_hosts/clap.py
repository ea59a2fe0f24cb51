"""A CLAP host: the public ABI (version 1.1) through ctypes. Lists of events are in host.cpp: playing runs no Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from ctypes import POINTER, Structure, c_double, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from dsp.units import Samples
from render_tests.plugin_hosts import clap_abi as abi

_BEAT = 1 << 31
#: What a host says that plays: tempo, beats, seconds, playing.
_PLAYING = 1 | 2 | 4 | 16


class Clap:
    """An instance of a CLAP plugin."""

    def __init__(self, library: Path, plugin: Path, channels: int = 2) -> None:
        self._c = ctypes.CDLL(str(library))
        self._file = ctypes.CDLL(str(plugin))
        self.entry = abi.Entry.in_dll(self._file, "clap_entry")
        assert self.entry.init(str(plugin).encode())
        at = self.entry.get_factory(b"clap.plugin-factory")
        self._factory = ctypes.cast(at, POINTER(abi.Factory)).contents
        assert self._factory.count(at) == 1
        self.described = self._factory.descriptor(at, 0).contents
        nothing = {"get_extension": lambda *_: None}
        callbacks = [nothing.get(name, lambda *_: None) for name in ("get_extension", "restart", "process", "callback")]
        types = [field[1] for field in abi.Host._fields_[-4:]]
        self._host = abi.Host(
            abi.Version(1, 1, 1), None, b"tests", b"", b"", b"", *(t(c) for t, c in zip(types, callbacks, strict=True))
        )
        made = self._factory.create(at, ctypes.addressof(self._host), self.described.id)
        self._plugin = made.contents
        self.address = ctypes.addressof(self._plugin)
        assert self._plugin.init(self.address)
        self.params = self._extension(b"clap.params", abi.Params)
        self._state = self._extension(b"clap.state", abi.State)
        self._channels = channels
        self._steady = 0
        self.song_s: float | None = None

    def close(self) -> None:
        """Lets go of the instance and of the plugin."""
        self._plugin.destroy(self.address)
        self.entry.deinit()

    def _extension(self, name: bytes, kind: type[Structure]) -> Any:
        at = self._plugin.get_extension(self.address, name)
        assert at, name
        return ctypes.cast(at, POINTER(kind)).contents

    def start(self, rate: int, most_frames: int = 8192) -> None:
        """Ready to play at a rate (Hz)."""
        assert self._plugin.activate(self.address, float(rate), 1, most_frames)
        assert self._plugin.start_processing(self.address)

    def stop(self) -> None:
        """Not playing any more."""
        self._plugin.stop_processing(self.address)
        self._plugin.deactivate(self.address)

    def reset(self) -> None:
        """Asks the plugin to forget what it heard."""
        self._plugin.reset(self.address)

    def infos(self) -> list[abi.ParamInfo]:
        """All parameters."""
        made = []
        for i in range(self.params.count(self.address)):
            info = abi.ParamInfo()
            assert self.params.get_info(self.address, i, ctypes.byref(info))
            made.append(info)
        return made

    def get(self, number: int) -> float:
        """A parameter's value."""
        value = c_double()
        assert self.params.get_value(self.address, number, ctypes.byref(value))
        return value.value

    def text(self, number: int, value: float) -> str:
        """How the plugin writes a value."""
        room = ctypes.create_string_buffer(256)
        assert self.params.value_to_text(self.address, number, value, room, 256)
        return room.value.decode()

    def parsed(self, number: int, text: str) -> float:
        """What the plugin reads in a text."""
        value = c_double()
        assert self.params.text_to_value(self.address, number, text.encode(), ctypes.byref(value))
        return value.value

    def flush(self, values: Mapping[int, float]) -> dict[int, float]:
        """Sends parameters without audio; returns what the plugin sends."""
        given, taken = self._in(values), self._out()
        self.params.flush(self.address, ctypes.addressof(given), ctypes.addressof(taken))
        return self._sent()

    def process(
        self, audio: Samples, values: Mapping[int, float] | None = None, call: Callable[..., int] | None = None
    ) -> Samples:
        """A block of float32, shape (channels, frames). `call(process, plugin, data)` stands for the call itself."""
        given = np.ascontiguousarray(audio, np.float32)
        out = np.full_like(given, 7.0)
        buffers = [abi.Buffer(self._pointers(a), None, self._channels, 0, 0) for a in (given, out)]
        events, taken = self._in(values or {}), self._out()
        transport = abi.Transport(abi.Header(ctypes.sizeof(abi.Transport), 0, 0, abi.TRANSPORT, 0), _PLAYING)
        transport.seconds, transport.tempo = int((self.song_s or 0.0) * _BEAT), 98.0
        data = abi.Process(
            self._steady,
            given.shape[1],
            None if self.song_s is None else ctypes.pointer(transport),
            ctypes.pointer(buffers[0]),
            ctypes.pointer(buffers[1]),
            1,
            1,
            ctypes.addressof(events),
            ctypes.addressof(taken),
        )
        status = (call or (lambda process, *rest: process(*rest)))(
            self._plugin.process, self.address, ctypes.addressof(data)
        )
        assert status == 1
        self._steady += given.shape[1]
        self.sent = self._sent()
        return out

    def play(self, audio: Samples, length: int, values: Mapping[int, float] | None = None) -> Samples:
        """Audio in blocks of a length; values come with the first."""
        starts = range(0, audio.shape[1], length)
        return np.concatenate(
            [self.process(audio[:, s : s + length], values if s == 0 else None) for s in starts], axis=1
        )

    @property
    def state(self) -> bytes:
        """What a host saves, taken in small pieces."""
        made = bytearray()

        def take(_: int, at: int, size: int) -> int:
            made.extend(ctypes.string_at(at, min(size, 100)))
            return min(size, 100)

        assert self._state.save(self.address, ctypes.byref(abi.Stream(None, abi.Transfer(take))))
        return bytes(made)

    @state.setter
    def state(self, saved: bytes) -> None:
        rest = bytearray(saved)

        def give(_: int, at: int, size: int) -> int:
            part = bytes(rest[: min(size, 100)])
            del rest[: len(part)]
            ctypes.memmove(at, part, len(part))
            return len(part)

        assert self._state.load(self.address, ctypes.byref(abi.Stream(None, abi.Transfer(give))))

    def _pointers(self, audio: Samples) -> Any:
        rows = [audio.ctypes.data + c * audio.strides[0] for c in range(self._channels)]
        return ctypes.cast((c_void_p * self._channels)(*rows), POINTER(c_void_p))

    def _in(self, values: Mapping[int, float]) -> abi.List:
        head = abi.Header(ctypes.sizeof(abi.Value), 0, 0, abi.PARAM_VALUE, 0)
        self._values = [abi.Value(head, n, None, -1, -1, -1, -1, v) for n, v in values.items()]
        # A host's other events are passed over.
        self._values.append(abi.Value(abi.Header(ctypes.sizeof(abi.Value), 0, 0, abi.TRANSPORT, 0)))
        self._pointed = (c_void_p * len(self._values))(*map(ctypes.addressof, self._values))
        self._given = abi.Events(len(self._values), 0, ctypes.addressof(self._pointed))
        return abi.List(ctypes.pointer(self._given), self._function("clap_size"), self._function("clap_get"))

    def _out(self) -> abi.List:
        self._room = ctypes.create_string_buffer(64 * 256)
        self._taken = abi.Events(0, 256, ctypes.addressof(self._room))
        return abi.List(ctypes.pointer(self._taken), self._function("clap_push"), None)

    def _sent(self) -> dict[int, float]:
        values = [abi.Value.from_buffer(self._room, 64 * i) for i in range(self._taken.count)]
        return {v.id: v.value for v in values if v.header.type == abi.PARAM_VALUE}

    def _function(self, name: str) -> int | None:
        return ctypes.cast(getattr(self._c, name), c_void_p).value
