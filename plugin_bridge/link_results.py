"""What the engine tells a plugin: readings, suggested bands, and all that its window shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from dsp.errors import UsageError
from dsp.findings import STATUSES, EqMove, Status
from dsp.units import Curve
from plugin_bridge import link_layout as layout

_NAN: Final = math.nan
_NONE: Final = np.zeros(0)


@dataclass(frozen=True)
class Line:
    """A line of the checklist: the check's id, its status, and what was measured, in plain words."""

    id: str
    status: Status
    text: str


@dataclass(frozen=True)
class RegionReading:
    """Width (side share, 0 to 1) and correlation in a region of the spectrum, and the genre's usual range of width."""

    name: str
    low_hz: float
    high_hz: float
    width: float = _NAN
    width_low: float = 0.0
    width_high: float = 1.0
    correlation: float = _NAN


@dataclass(kw_only=True)
class Results:
    """What is published. A reading without a value is NaN; what does not fit into the layout is cut.

    `bands` are those suggested. Histories have ten values a second, the newest last; 60 s are kept.
    `spectrum_db` and the tolerance have one value for each `spectrum_hz`. `incomplete` has bits of
    `link_layout.LOST_FRAMES` and `JOINED_LATE`: integrated readings do not cover all that was played.
    `report_answered` is the `Commands.report_count` that `report_path` answers.
    """

    momentary_lufs: float = _NAN
    short_term_lufs: float = _NAN
    integrated_lufs: float = _NAN
    true_peak_dbtp: float = _NAN
    correlation: float = _NAN
    readiness: float = 0.0
    incomplete: int = 0
    bands: Sequence[EqMove] = ()
    measured_s: float = 0.0
    loudness_range_lu: float = _NAN
    max_momentary_lufs: float = _NAN
    max_short_term_lufs: float = _NAN
    plr_db: float = _NAN
    momentary_history: Curve = field(default_factory=lambda: _NONE)
    short_term_history: Curve = field(default_factory=lambda: _NONE)
    spectrum_hz: Curve = field(default_factory=lambda: _NONE)
    spectrum_db: Curve = field(default_factory=lambda: _NONE)
    tolerance_low_db: Curve = field(default_factory=lambda: _NONE)
    tolerance_high_db: Curve = field(default_factory=lambda: _NONE)
    regions: Sequence[RegionReading] = ()
    lines: Sequence[Line] = ()
    genre: str = ""
    genre_certain: bool = False
    genres: Sequence[str] = ()
    headline: str = ""
    report_path: str = ""
    report_answered: int = 0


_READINGS: Final = (
    "momentary_lufs",
    "short_term_lufs",
    "integrated_lufs",
    "true_peak_dbtp",
    "correlation",
    "readiness",
)
_NUMBERS: Final = ("measured_s", "loudness_range_lu", "max_momentary_lufs", "max_short_term_lufs", "plr_db")
_SPECTRA: Final = ("spectrum_hz", "spectrum_db", "tolerance_low_db", "tolerance_high_db")
_TEXTS: Final = ("genre", "headline", "report_path")


def pack(results: Results, stamp: int) -> npt.NDArray[np.uint64]:
    """The words of a slot. Raises UsageError for a band of a kind that the plugin does not have."""
    whole = np.zeros(1, layout.VIEW)
    view, head = whole[0], whole["results"][0]
    for name in _READINGS:
        head[name] = getattr(results, name)
    head["incomplete"], head["stamp"] = results.incomplete, stamp
    bands = results.bands[: layout.BANDS]
    head["band_count"] = len(bands)
    for i, band in enumerate(bands):
        head["bands"][i] = (_kind(band.kind), 1, band.frequency_hz, band.gain_db, band.q)
    for name in (*_NUMBERS, "report_answered", "genre_certain"):
        view[name] = getattr(results, name)
    _history(view, results)
    count = min(len(results.spectrum_hz), layout.SPECTRUM)
    view["spectrum_count"] = count
    for name in _SPECTRA:
        curve = getattr(results, name)[:count]
        view[name] = _NAN
        view[name][: len(curve)] = curve
    view["region_count"] = len(results.regions[: layout.REGIONS])
    for i, region in enumerate(results.regions[: layout.REGIONS]):
        view["regions"][i] = _tuple(region, layout.REGION)
    view["line_count"] = len(results.lines[: layout.LINES])
    for i, line in enumerate(results.lines[: layout.LINES]):
        view["lines"][i] = (STATUSES.index(line.status), 0, _text(line.id, 32), _text(line.text, 160))
    for name in _TEXTS:
        view[name] = _text(getattr(results, name), layout.VIEW[name].itemsize)
    view["genre_count"] = len(results.genres[: layout.GENRES])
    for i, genre in enumerate(results.genres[: layout.GENRES]):
        view["genres"][i] = _text(genre, 32)
    return whole.view(np.uint64)


def unpack(words: npt.NDArray[np.uint64]) -> Results:
    """The results in a slot, as a plugin sees them."""
    view = words.view(layout.VIEW)[0]
    head = view["results"]
    spectrum, history = int(view["spectrum_count"]), int(view["history_count"])
    numbers: dict[str, float] = {name: float(head[name]) for name in _READINGS}
    numbers |= {name: float(view[name]) for name in _NUMBERS}
    return Results(
        **numbers,  # type: ignore[arg-type]
        **{name: np.array(view[name][:spectrum], float) for name in _SPECTRA},  # type: ignore[arg-type]
        **{name: view[name].decode() for name in _TEXTS},
        incomplete=int(head["incomplete"]),
        bands=[
            EqMove("mix", layout.KINDS[band["kind"]], *(float(band[n]) for n in ("frequency_hz", "gain_db", "q")))
            for band in head["bands"][: head["band_count"]]
        ],
        momentary_history=np.array(view["momentary_lufs"][:history], float),
        short_term_history=np.array(view["short_term_lufs"][:history], float),
        regions=[_region(region) for region in view["regions"][: view["region_count"]]],
        lines=[
            Line(line["id"].decode(), get_args(Status)[line["status"]], line["text"].decode())
            for line in view["lines"][: view["line_count"]]
        ],
        genre_certain=bool(view["genre_certain"]),
        genres=[name.decode() for name in view["genres"][: view["genre_count"]]],
        report_answered=int(view["report_answered"]),
    )


def _history(view: np.void, results: Results) -> None:
    """Both histories, cut to the newest 60 s and to the same length."""
    momentary, short = results.momentary_history[-layout.HISTORY :], results.short_term_history[-layout.HISTORY :]
    count = min(len(momentary), len(short))
    view["history_count"] = count
    if count:
        view["momentary_lufs"][:count], view["short_term_lufs"][:count] = momentary[-count:], short[-count:]


def _kind(name: str) -> int:
    if name not in layout.KINDS:
        raise UsageError(f"the plugin has no band of kind {name!r}: it has {', '.join(layout.KINDS)}")
    return layout.KINDS.index(name)


def _text(text: str, size: int) -> bytes:
    """UTF-8 that leaves room for a zero byte, cut between characters."""
    return text.encode("utf-8", "replace")[: size - 1].decode("utf-8", "ignore").encode()


def _tuple(region: RegionReading, kind: np.dtype[np.void]) -> tuple[object, ...]:
    values = {f.name: getattr(region, f.name) for f in fields(region)}
    values["name"] = _text(region.name, kind["name"].itemsize)
    return tuple(values[name] for name in kind.names or ())


def _region(reading: np.void) -> RegionReading:
    numbers = (float(reading[f.name]) for f in fields(RegionReading)[1:])
    return RegionReading(reading["name"].decode(), *numbers)
