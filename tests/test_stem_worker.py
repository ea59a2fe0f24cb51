"""Stems measured by a second process: the same readings, whatever becomes of it."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from dsp.stems.alone import Alone, StemInput
from plugin_bridge import stem_worker
from plugin_bridge.files import open_audio
from plugin_bridge.stem_folder import find_stems
from plugin_bridge.stem_worker import Elsewhere, Job, measured_alone, worth_it
from plugin_bridge.stems import measure_folder
from render_tests.scenes.base import RATE
from render_tests.scenes.registry import clean_tracks
from tests.test_cli import write_wav


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    folder, made = tmp_path_factory.mktemp("stems"), []
    for name, seconds, offset in (("Bass", 5.0, 0), ("Keys", 3.3, 12_345), ("Drums", 6.0, -7_000)):
        path = write_wav(folder / f"{name}.wav", clean_tracks()[name][:, : round(seconds * RATE)])
        with open_audio(path) as reader:
            stem = StemInput(name, reader.source, 2, offset_samples=offset, frames=reader.frames or 0)
        made.append(Job(path, stem, RATE, 6 * RATE + 17, 6.0))
    return made


def same(one: Alone, other: Alone) -> bool:
    return pickle.dumps(one) == pickle.dumps(other)


def test_another_process_reads_the_same(jobs: list[Job]) -> None:
    with Elsewhere(jobs) as elsewhere:
        readings = elsewhere.readings(jobs[0].frames)
    for job in jobs:
        assert readings[job.stem.name].level.frames == job.frames
        assert same(readings[job.stem.name], measured_alone(job))


def test_another_length_than_declared_is_measured_again(jobs: list[Job]) -> None:
    with Elsewhere(jobs) as elsewhere:
        readings = elsewhere.readings(jobs[0].frames + 480)
    assert {r.level.frames for r in readings.values()} == {jobs[0].frames + 480}


def test_a_process_that_dies_costs_only_time(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stem_worker, "__name__", "json.tool")  # a module that answers something else and ends
    with Elsewhere(jobs) as elsewhere:
        readings = elsewhere.readings(jobs[0].frames)
    assert readings.keys() == {j.stem.name for j in jobs}
    assert same(readings["Bass"], measured_alone(jobs[0]))


def test_little_work_is_done_here(jobs: list[Job]) -> None:
    assert not worth_it(jobs)


def test_a_folder_measured_by_two_processes_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = {name: track[:, : 6 * RATE] for name, track in clean_tracks().items()}
    for name, track in tracks.items():
        write_wav(tmp_path / f"{name}.wav", track[:, : 4 * RATE] if name == "Keys" else track)
    here = measure_folder(None, find_stems(tmp_path))
    monkeypatch.setattr(stem_worker, "LEAST_S", 0.0)
    there = measure_folder(None, find_stems(tmp_path))
    assert here.measurements() == there.measurements()
    assert here.stems is not None
    assert there.stems is not None
    for a, b in zip(here.stems.stems, there.stems.stems, strict=True):
        assert a.role == b.role
        assert np.array_equal(a.readings.level.envelope, b.readings.level.envelope)
        assert np.array_equal(a.readings.sketch.samples, b.readings.sketch.samples)
        assert np.array_equal(a.readings.gram.data, b.readings.gram.data)
        assert a.readings.loudness.integrated_lufs == b.readings.loudness.integrated_lufs
