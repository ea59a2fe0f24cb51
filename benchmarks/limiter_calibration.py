"""Calibrates the limiter check: songs without limiters x devices x reductions x what happens afterwards.

python -m benchmarks.limiter_calibration            cross-validate on the cases there are and print the table
python -m benchmarks.limiter_calibration --write    fit on all of them and write presets/limiter.toml
python -m benchmarks.limiter_calibration --render   make the cases anew (an hour on two cores), then --write

The cases are numbers only (`limiter_cases.csv`). Songs: synthetic arrangements, the demo without its faults, and
the unlimited songs of the shared data where they are beside the checkout. Every case is judged by a model that has
seen neither its song nor its family of limiters.
"""

from __future__ import annotations

import csv
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.meters.limiting import limiter_evidence
from dsp.meters.moments import MomentsMeter

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "benchmarks" / "limiter_cases.csv"
PRESET = ROOT / "presets" / "limiter.toml"
UNLIMITED = ROOT.parent / "shared" / "data" / "unlimited"
EVIDENCE = ("saturation", "hits", "dwell", "depth")
COLUMNS = ("song", "family", "device", "reduction_db", "afterwards", "seconds", "view", *EVIDENCE)
#: Synthetic songs, and how long they and others are at most (s).
SYNTHETIC, SECONDS = 22, 110.0
#: Least reduction that has to be found, weight of cases with less in the fit, and the ridge on the weights.
WANTED_DB, FAINT_WEIGHT, RIDGE = 3.0, 0.3, 1.0
#: Probabilities from which a mix is called limited, and up to which it is passed (also in the profile).
PROBLEM, PASS = 0.55, 0.2

Table = npt.NDArray[np.float64]


# Making cases


def _songs() -> Iterator[tuple[str, Any]]:
    """Names of all songs and what `_audio` needs to make or read them."""
    for path in sorted(UNLIMITED.glob("*.flac")):
        stems = UNLIMITED.parent / "stems" / path.stem / "MIX_sum_of_stems.flac"
        yield path.stem, stems if stems.is_file() else path
    yield "demo", None
    for seed in range(SYNTHETIC):
        yield f"syn{seed}", seed


def _audio(what: Any) -> tuple[Table, int]:
    """A song with its highest sample at 1.0, at most `SECONDS` of its middle."""
    from benchmarks.arrangements import arrangement
    from plugin_bridge.files import read_audio

    if isinstance(what, int):
        samples, rate = arrangement(what, 90.0)
    elif what is None:
        import tempfile

        from plugin_bridge.demo import write_demo

        with tempfile.TemporaryDirectory() as folder:
            audio, _ = read_audio(write_demo(Path(folder) / "song", flaws=()).mix)
        samples, rate = audio.samples, audio.sample_rate
    else:
        audio, _ = read_audio(what)
        samples, rate = audio.samples, audio.sample_rate
    frames = min(samples.shape[1], round(SECONDS * rate))
    first = (samples.shape[1] - frames) // 2
    x = np.repeat(samples, 3 - len(samples), axis=0)[:, first : first + frames].astype(np.float64)
    return np.asarray(x / np.abs(x).max()), rate


def _cases_of(song: tuple[str, Any]) -> list[list[Any]]:
    """Every case of a song: as it is, compressed, limited by every device, each with something done afterwards."""
    from benchmarks.limiters import AFTERWARDS, COMPRESSORS, LIMITERS, as_file

    name, what = song
    x, rate = _audio(what)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    after = list(AFTERWARDS)
    todo: list[tuple[str, str, float, str]] = [("none", "none", 0.0, a) for a in after]
    todo += [("compressor", c, db, str(rng.choice(after))) for c in COMPRESSORS for db in (3.0, 6.0)]
    for device, (family, _) in LIMITERS.items():
        reductions = (1.0 + int(rng.integers(2)), 3.0, *((4.5, 6.0) if rng.random() < 0.4 else (4.5, 9.0)))
        todo += [(family, device, db, str(rng.choice(after))) for db in reductions]
    rows = []
    for family, device, reduction_db, afterwards in todo:
        run = COMPRESSORS.get(device) or (LIMITERS[device][1] if device in LIMITERS else None)
        y, rate_after = AFTERWARDS[afterwards](run(x, rate, reduction_db) if run else x, rate)
        meter = MomentsMeter(rate_after, 2)
        meter.process(as_file(y / max(1.0, np.abs(y).max())))
        e = limiter_evidence(meter.result())
        assert e is not None
        numbers = [round(getattr(e, key), 4) for key in EVIDENCE]
        rows.append([name, family, device, reduction_db, afterwards, round(y.shape[1] / rate_after), e.view, *numbers])
    return rows


def render() -> None:
    """Make all cases, two songs at a time."""
    with ProcessPoolExecutor(2) as pool, CASES.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for rows in pool.map(_cases_of, _songs()):
            print(rows[0][0], flush=True)
            writer.writerows(rows)


# Fitting


class Cases:
    """The cases as arrays."""

    def __init__(self) -> None:
        with CASES.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.song = np.array([r["song"] for r in rows])
        self.family = np.array([r["family"] for r in rows])
        self.afterwards = np.array([r["afterwards"] for r in rows])
        self.reduction_db = np.array([float(r["reduction_db"]) for r in rows])
        self.evidence = np.array([[float(r[key]) for key in EVIDENCE] for r in rows])
        self.limited = ~np.isin(self.family, ["none", "compressor"])
        self.wanted = self.limited & (self.reduction_db >= WANTED_DB)
        weight = np.where(self.limited & ~self.wanted, FAINT_WEIGHT, 1.0)
        weight[~self.limited] *= weight[self.limited].sum() / (~self.limited).sum()
        self.weight = weight

    def fit(self, chosen: npt.NDArray[np.bool_]) -> Table:
        """Weights of the evidence and the intercept, by ridge logistic regression (Newton's method)."""
        x, y, w = self.evidence[chosen], self.limited[chosen].astype(np.float64), self.weight[chosen]
        mean, spread = x.mean(axis=0), x.std(axis=0)
        a = np.column_stack([(x - mean) / spread, np.ones(len(x))])
        ridge = np.diag([RIDGE] * x.shape[1] + [0.0])
        b = np.zeros(a.shape[1])
        for _ in range(30):
            p = 1.0 / (1.0 + np.exp(-a @ b))
            b = b - np.linalg.solve((a * (w * p * (1 - p))[:, None]).T @ a + ridge, a.T @ (w * (p - y)) + ridge @ b)
        weights = b[:-1] / spread
        return np.append(weights, b[-1] - weights @ mean)

    def cross_validated(self) -> Table:
        """The probability of every case by a model that saw neither its song nor its family."""
        out = np.zeros(len(self.song))
        for song in np.unique(self.song):
            for family in np.unique(self.family):
                held = (self.song == song) & (self.family == family)
                if held.any():
                    negative = not self.limited[held].any()
                    seen = (self.song != song) & (negative | (self.family != family))
                    model = self.fit(seen)
                    out[held] = 1.0 / (1.0 + np.exp(-(self.evidence[held] @ model[:-1] + model[-1])))
        return out


@cache
def cases() -> Cases:
    """The cases of the repository."""
    return Cases()


def table() -> str:
    """The accuracy on what the model has not seen, as Markdown."""
    c = cases()
    p = c.cross_validated()
    lines = [
        "| cross-validated by song and by family | cases | problem | undetermined | pass |",
        "|---|--:|--:|--:|--:|",
    ]

    def row(title: str, of: npt.NDArray[np.bool_]) -> None:
        problem, passed = (p[of] > PROBLEM).mean(), (p[of] <= PASS).mean()
        lines.append(f"| {title} | {of.sum()} | {problem:.1%} | {1 - problem - passed:.1%} | {passed:.1%} |")

    row("no device on the bus", c.family == "none")
    row("bus compressor, no limiter", c.family == "compressor")
    row("limiter or clipper, 3 dB and more", c.wanted)
    for family in np.unique(c.family[c.limited]):
        row(f"- {family}", c.wanted & (c.family == family))
    for reduction_db in np.unique(c.reduction_db[c.limited]):
        row(f"- {reduction_db:g} dB", c.limited & (c.reduction_db == reduction_db))
    for afterwards in np.unique(c.afterwards):
        row(f"- then {afterwards}", c.wanted & (c.afterwards == afterwards))
    return "\n".join(lines)


def write() -> None:
    """Fit on all cases and write the preset."""
    c = cases()
    *weights, intercept = c.fit(np.ones(len(c.song), dtype=bool))
    names = "\n".join(f"{key} = {value:.4f}" for key, value in zip(EVIDENCE, weights, strict=True))
    songs = len(np.unique(c.song))
    PRESET.write_text(
        "# Written by `python -m benchmarks.limiter_calibration --write`; what each weighs: dsp/meters/limiting.py.\n"
        f'source = "logistic fit on {len(c.song)} cases: {songs} songs without limiters, as they are, compressed, and'
        f' through limiters and clippers of six families; benchmarks/limiter_cases.csv"\n'
        f"intercept = {intercept:.4f}\n{names}\n",
        encoding="utf-8",
    )


def main() -> int:
    """See the module."""
    if "--render" in sys.argv[1:]:
        render()
    if {"--render", "--write"} & set(sys.argv[1:]):
        write()
    print(table())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
