"""Profiles: the thresholds a mix is judged by, as data with a source beside every number.

The one file of `dsp` that reads the disk: the TOML files of `presets/`, which ship inside the wheel as
`dsp/_presets`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from dsp.errors import UsageError
from dsp.genre import Genre
from dsp.instrument import Instrument, Threshold
from dsp.limiter_model import LimiterModel
from dsp.platforms import Certainty, Kind, Platform, TurnsUp
from dsp.plugins import Category, KnownPlugin, words

_HERE = Path(__file__).resolve().parent
#: What a mix is judged against where no genre is named.
DEFAULT_GENRE = "modern"


@dataclass(frozen=True)
class Profile:
    """Named thresholds, by check id and key, and the genre the spectrum is judged against."""

    name: str
    title: str
    description: str
    checks: dict[str, dict[str, Threshold]]
    genre: Genre

    def number(self, check: str, key: str) -> float:
        """The value of a threshold. Raises UsageError naming the profile, the check and the key."""
        try:
            return self.checks[check][key].value
        except KeyError:
            raise UsageError(f"profile '{self.name}' has no threshold '{key}' for check '{check}'") from None

    def has(self, check: str) -> bool:
        """Whether this profile judges a check at all."""
        return check in self.checks


def presets_dir() -> Path:
    """Where the preset files are: inside the installed package, or beside it in a checkout."""
    packaged = _HERE / "_presets"
    return packaged if packaged.is_dir() else _HERE.parent / "presets"


def profile_names() -> list[str]:
    """Names of the profiles there are, sorted."""
    return sorted(p.stem for p in (presets_dir() / "profiles").glob("*.toml"))


def parse_profile(name: str, data: dict[str, Any]) -> Profile:
    """A profile from parsed TOML, on top of the one it `extends`.

    Raises UsageError for a number without a source.
    """
    inherited = load_profile(str(data["extends"])).checks if "extends" in data else {}
    checks = {check: dict(table) for check, table in inherited.items()}
    for check, table in data.get("checks", {}).items():
        checks.setdefault(check, {})
        for key, entry in table.items():
            if not isinstance(entry, dict) or "value" not in entry or not str(entry.get("source", "")).strip():
                raise UsageError(f"profile '{name}': [checks.{check}] {key} needs a value and a source")
            checks[check][key] = Threshold(
                float(entry["value"]), str(entry["source"]), bool(entry.get("judgement", False))
            )
    return Profile(name, str(data["title"]), str(data["description"]), checks, load_genre(DEFAULT_GENRE))


@cache
def load_profile(name: str) -> Profile:
    """The profile of that name, or from that TOML file. Raises UsageError naming what there is."""
    path = Path(name) if name.endswith(".toml") else presets_dir() / "profiles" / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"no profile '{name}'; there are: {', '.join(profile_names())}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"profile '{name}' is not valid TOML: {error}") from None
    if not {"title", "description"} <= data.keys():
        raise UsageError(f"profile '{name}' needs a title and a description")
    return parse_profile(path.stem, data)


def genre_names() -> list[str]:
    """Names of the genres there are, sorted."""
    return sorted(p.stem for p in (presets_dir() / "genres").glob("*.toml"))


@cache
def load_genre(name: str) -> Genre:
    """The genre of that name. Raises UsageError naming what there is."""
    if name not in genre_names():
        raise UsageError(f"no genre '{name}'; there are: {', '.join(genre_names())}")
    path = presets_dir() / "genres" / f"{name}.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    widths = tomllib.loads((presets_dir() / "widths.toml").read_text(encoding="utf-8"))
    usual = {**widths["default"], **widths.get(name, {})}
    return Genre(
        name=path.stem,
        title=str(data["title"]),
        source=" ".join(str(data["source"]).split()),
        sigma_source=" ".join(str(data.get("sigma_source", "")).split()),
        band_hz=tuple(map(float, data["band_hz"])),
        level_db=tuple(map(float, data["level_db"])),
        sigma_db=tuple(map(float, data["sigma_db"])),
        sigma_short_db=tuple(map(float, data.get("sigma_short_db", ()))),
        low_hz=float(data["low_hz"]),
        high_hz=float(data["high_hz"]),
        side_shares=tuple((k, float(v[0]), float(v[1])) for k, v in usual.items() if k != "source"),
    )


@cache
def load_platforms() -> tuple[Platform, ...]:
    """Every platform of `presets/platforms.toml`, in its order. Raises UsageError for a row without a source."""
    data = tomllib.loads((presets_dir() / "platforms.toml").read_text(encoding="utf-8"))
    return tuple(parse_platform(name, row) for name, row in data.items())


def parse_platform(name: str, row: dict[str, Any]) -> Platform:
    """A platform from its row of parsed TOML. Raises UsageError naming what is missing or unknown."""
    for key, allowed in (("turns_up", TurnsUp), ("certainty", Certainty), ("kind", Kind)):
        if row.get(key) not in get_args(allowed):
            raise UsageError(f"platform '{name}': {key} must be one of {', '.join(get_args(allowed))}")
    for key in ("title", "source", "date", "reference_lufs", "default"):
        if row.get(key, "") == "":
            raise UsageError(f"platform '{name}' needs {key}")
    fields = {"ceiling_dbtp": None, "limiter": False, **row}
    return Platform(id=name, **fields)


@cache
def load_limiter_model() -> LimiterModel:
    """The calibrated weights of the evidence for a limiter."""
    return LimiterModel(**tomllib.loads((presets_dir() / "limiter.toml").read_text(encoding="utf-8")))


@cache
def load_instruments() -> dict[str, Instrument]:
    """Every role of `presets/instruments.toml`, in its order. Raises UsageError for a number without a source."""
    data = tomllib.loads((presets_dir() / "instruments.toml").read_text(encoding="utf-8"))
    return {role: parse_instrument(role, row) for role, row in data.items()}


def parse_instrument(role: str, row: dict[str, Any]) -> Instrument:
    """A role from its table of parsed TOML: every key but title, family and names is a number with a source."""
    numbers = {}
    for key, entry in row.items():
        if key in ("title", "family", "names"):
            continue
        if not isinstance(entry, dict) or "value" not in entry or not str(entry.get("source", "")).strip():
            raise UsageError(f"role '{role}': {key} needs a value and a source")
        numbers[key] = Threshold(float(entry["value"]), str(entry["source"]), bool(entry.get("judgement", False)))
    return Instrument(role, str(row["title"]), str(row["family"]), tuple(row["names"]), numbers)


@cache
def load_plugins() -> tuple[KnownPlugin, ...]:
    """Every product of `presets/plugins.toml`, in its order. Raises UsageError for a row without a source."""
    data = tomllib.loads((presets_dir() / "plugins.toml").read_text(encoding="utf-8"))
    return tuple(parse_plugin(name, row) for name, row in data.items())


def parse_plugin(name: str, row: dict[str, Any]) -> KnownPlugin:
    """A product from its row of parsed TOML. Raises UsageError naming what is missing or unknown."""
    if row.get("category") not in get_args(Category):
        raise UsageError(f"plugin '{name}': category must be one of {', '.join(get_args(Category))}")
    for key in ("title", "source"):
        if not str(row.get(key, "")).strip():
            raise UsageError(f"plugin '{name}' needs {key}")
    names = tuple(words(str(n)) for n in row.get("names", ()))
    ids = tuple(map(str, row.get("ids", ())))
    if not (names or ids) or not all(names):
        raise UsageError(f"plugin '{name}' needs names or ids")
    if row.get("vendor_needed") and not words(str(row.get("vendor", ""))):
        raise UsageError(f"plugin '{name}' needs its vendor")
    return KnownPlugin(
        id=name, title=str(row["title"]), vendor=str(row.get("vendor", "")), category=row["category"],
        names=names, ids=ids, vendor_needed=bool(row.get("vendor_needed", False)), source=str(row["source"]),
    )  # fmt: skip
