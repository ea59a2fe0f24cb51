"""The public ABI of CLAP 1.1 for ctypes, as far as a host without windows and notes needs it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import CFUNCTYPE, POINTER, Structure, c_bool, c_char_p, c_double, c_int32, c_int64, c_uint32, c_void_p
from typing import Any, ClassVar

_Fields = Sequence[tuple[str, Any]]


class Version(Structure):
    """A version of CLAP."""

    _fields_: ClassVar[_Fields] = [("major", c_uint32), ("minor", c_uint32), ("revision", c_uint32)]


class Host(Structure):
    """What a plugin knows of its host."""

    _fields_: ClassVar[_Fields] = [
        ("version", Version),
        ("data", c_void_p),
        *((name, c_char_p) for name in ("name", "vendor", "url", "app_version")),
        ("get_extension", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),
        *((f"request_{what}", CFUNCTYPE(None, c_void_p)) for what in ("restart", "process", "callback")),
    ]


class Descriptor(Structure):
    """What a plugin says of itself."""

    _fields_: ClassVar[_Fields] = [
        ("version", Version),
        *((n, c_char_p) for n in ("id", "name", "vendor", "url", "manual", "support", "app_version", "description")),
        ("features", POINTER(c_char_p)),
    ]


class Plugin(Structure):
    """A plugin's functions."""

    _fields_: ClassVar[_Fields] = [
        ("descriptor", POINTER(Descriptor)),
        ("data", c_void_p),
        ("init", CFUNCTYPE(c_bool, c_void_p)),
        ("destroy", CFUNCTYPE(None, c_void_p)),
        ("activate", CFUNCTYPE(c_bool, c_void_p, c_double, c_uint32, c_uint32)),
        ("deactivate", CFUNCTYPE(None, c_void_p)),
        ("start_processing", CFUNCTYPE(c_bool, c_void_p)),
        ("stop_processing", CFUNCTYPE(None, c_void_p)),
        ("reset", CFUNCTYPE(None, c_void_p)),
        ("process", CFUNCTYPE(c_int32, c_void_p, c_void_p)),
        ("get_extension", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),
        ("on_main_thread", CFUNCTYPE(None, c_void_p)),
    ]


class Factory(Structure):
    """What makes plugins."""

    _fields_: ClassVar[_Fields] = [
        ("count", CFUNCTYPE(c_uint32, c_void_p)),
        ("descriptor", CFUNCTYPE(POINTER(Descriptor), c_void_p, c_uint32)),
        ("create", CFUNCTYPE(POINTER(Plugin), c_void_p, c_void_p, c_char_p)),
    ]


class Entry(Structure):
    """The one symbol of a file."""

    _fields_: ClassVar[_Fields] = [
        ("version", Version),
        ("init", CFUNCTYPE(c_bool, c_char_p)),
        ("deinit", CFUNCTYPE(None)),
        ("get_factory", CFUNCTYPE(c_void_p, c_char_p)),
    ]


class ParamInfo(Structure):
    """A parameter as the plugin describes it."""

    _fields_: ClassVar[_Fields] = [
        ("id", c_uint32),
        ("flags", c_uint32),
        ("cookie", c_void_p),
        ("name", ctypes.c_char * 256),
        ("module", ctypes.c_char * 1024),
        ("least", c_double),
        ("most", c_double),
        ("standard", c_double),
    ]


class Params(Structure):
    """The extension of parameters."""

    _fields_: ClassVar[_Fields] = [
        ("count", CFUNCTYPE(c_uint32, c_void_p)),
        ("get_info", CFUNCTYPE(c_bool, c_void_p, c_uint32, POINTER(ParamInfo))),
        ("get_value", CFUNCTYPE(c_bool, c_void_p, c_uint32, POINTER(c_double))),
        ("value_to_text", CFUNCTYPE(c_bool, c_void_p, c_uint32, c_double, c_void_p, c_uint32)),
        ("text_to_value", CFUNCTYPE(c_bool, c_void_p, c_uint32, c_char_p, POINTER(c_double))),
        ("flush", CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)),
    ]


Transfer = CFUNCTYPE(c_int64, c_void_p, c_void_p, ctypes.c_uint64)


class Stream(Structure):
    """Where a state is written to or read from."""

    _fields_: ClassVar[_Fields] = [("context", c_void_p), ("transfer", Transfer)]


class State(Structure):
    """The extension of states."""

    _fields_: ClassVar[_Fields] = [
        ("save", CFUNCTYPE(c_bool, c_void_p, POINTER(Stream))),
        ("load", CFUNCTYPE(c_bool, c_void_p, POINTER(Stream))),
    ]


class Header(Structure):
    """What every event begins with."""

    _fields_: ClassVar[_Fields] = [
        ("size", c_uint32),
        ("time", c_uint32),
        ("space", ctypes.c_uint16),
        ("type", ctypes.c_uint16),
        ("flags", c_uint32),
    ]


class Value(Structure):
    """A parameter's new value."""

    _fields_: ClassVar[_Fields] = [
        ("header", Header),
        ("id", c_uint32),
        ("cookie", c_void_p),
        ("note", c_int32),
        ("port", ctypes.c_int16),
        ("channel", ctypes.c_int16),
        ("key", ctypes.c_int16),
        ("value", c_double),
    ]


class Transport(Structure):
    """What the host plays."""

    _fields_: ClassVar[_Fields] = [
        ("header", Header),
        ("flags", c_uint32),
        ("beats", c_int64),
        ("seconds", c_int64),
        ("tempo", c_double),
        ("tempo_inc", c_double),
        *((name, c_int64) for name in ("loop_start_b", "loop_end_b", "loop_start_s", "loop_end_s", "bar_start")),
        ("bar", c_int32),
        ("numerator", ctypes.c_uint16),
        ("denominator", ctypes.c_uint16),
    ]


class Buffer(Structure):
    """The audio of a port."""

    _fields_: ClassVar[_Fields] = [
        ("data32", POINTER(c_void_p)),
        ("data64", c_void_p),
        ("channels", c_uint32),
        ("latency", c_uint32),
        ("constant", ctypes.c_uint64),
    ]


class Process(Structure):
    """A block."""

    _fields_: ClassVar[_Fields] = [
        ("steady", c_int64),
        ("frames", c_uint32),
        ("transport", POINTER(Transport)),
        ("inputs", POINTER(Buffer)),
        ("outputs", POINTER(Buffer)),
        ("input_count", c_uint32),
        ("output_count", c_uint32),
        ("in_events", c_void_p),
        ("out_events", c_void_p),
    ]


class Events(Structure):
    """A list of events for the functions in host.cpp."""

    _fields_: ClassVar[_Fields] = [("count", c_uint32), ("room", c_uint32), ("events", c_void_p)]


class List(Structure):
    """A list of events for the plugin."""

    _fields_: ClassVar[_Fields] = [("context", POINTER(Events)), ("first", c_void_p), ("second", c_void_p)]


PARAM_VALUE, TRANSPORT = 5, 9
