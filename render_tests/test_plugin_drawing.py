"""What the plugin's window draws, and what its button would do, without a window."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from dsp.correction import biquad
from dsp.findings import EqMove
from render_tests.plugin_hosts import table
from render_tests.plugin_window.picture import AMBER, RED, Box, differs, load, pixels_of
from render_tests.plugin_window.window import CONTROLS, Probe, compiled

pytestmark = pytest.mark.slow

PANELS = ("loudness", "history", "spectrum", "correction", "checklist", "stereo")
SIZES = [(640, 400), (1000, 640), (1600, 700), (700, 1200), (2560, 1440)]
MADE_UP = "made_up=1"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    folder = tmp_path_factory.mktemp("drawing")
    return Probe(compiled("probe.cpp", folder / "probe", ["cairo"], "-Wall", "-Wextra", "-Werror"), folder)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_everything_has_its_place(probe: Probe, width: int, height: int, scale: float) -> None:
    width, height = round(width * scale), round(height * scale)
    parts = probe.boxes(width, height, scale)
    window = Box(0, 0, width, height)
    controls = [parts[name] for name in CONTROLS]
    assert all(box.within(window) and box.w > 20 * scale and box.h > 15 * scale for box in parts.values())
    assert not any(a.meets(b) for a, b in itertools.combinations(controls, 2))
    assert not any(parts[a].meets(parts[b]) for a, b in itertools.combinations(PANELS, 2))
    assert all(parts[name].within(parts["correction"]) for name in ("correct", "apply", "amount", "auto", "curve"))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_panel_shows_its_readings(probe: Probe, width: int, height: int) -> None:
    full, parts = probe.draw(width, height, MADE_UP)
    empty, _ = probe.draw(width, height)
    assert all(differs(parts[name].of(full), parts[name].of(empty)) > 150 for name in PANELS)


def test_twice_as_large_at_200_percent(probe: Probe) -> None:
    once, parts = probe.draw(1000, 640, MADE_UP)
    twice, doubled = probe.draw(2000, 1280, MADE_UP, scale=2.0)
    for name, box in parts.items():
        assert vars(doubled[name]) == pytest.approx({k: 2 * v for k, v in vars(box).items()}, abs=0.05)
    halved = twice.reshape(640, 2, 1000, 2, 3).mean(axis=(1, 3))
    blurred = [p[: 640 // 8 * 8].reshape(80, 8, 125, 8, 3).mean(axis=(1, 3)) for p in (once, halved)]
    assert np.corrcoef(blurred[0].ravel(), blurred[1].ravel())[0, 1] > 0.97


def test_a_larger_window_has_larger_letters(probe: Probe) -> None:
    small, large = probe.boxes(1000, 640), probe.boxes(2000, 1280)
    assert large["reset"].w > 1.3 * small["reset"].w
    assert probe.boxes(640, 400)["reset"].w > 0.8 * small["reset"].w


def test_a_number_moves_only_itself(probe: Probe) -> None:
    one, parts = probe.draw(1000, 640, MADE_UP, "integrated=-14.8")
    other, _ = probe.draw(1000, 640, MADE_UP, "integrated=-11.1")
    assert differs(parts["loudness"].of(one), parts["loudness"].of(other)) > 100
    assert differs(parts["history"].of(one), parts["history"].of(other)) > 10  # its line
    assert all(differs(parts[n].of(one), parts[n].of(other)) == 0 for n in PANELS if n not in ("loudness", "history"))


def test_offline_and_incomplete_are_said(probe: Probe) -> None:
    offline, parts = probe.draw(1000, 640, "engine=1")
    assert pixels_of(RED, parts["headline"].of(offline)) > 40
    for state in ("incomplete=1", "incomplete=2"):
        whole, _ = probe.draw(1000, 640, MADE_UP)
        lacking, _ = probe.draw(1000, 640, MADE_UP, state)
        before, after = (pixels_of(AMBER, parts["loudness"].of(p)) for p in (whole, lacking))
        assert after > before + 30


def test_each_state_of_the_engine_has_words_of_its_own(probe: Probe) -> None:
    seen = [(p, parts["headline"]) for p, parts in (probe.draw(1000, 640, f"engine={i}") for i in range(4))]
    assert all(differs(box.of(a), box.of(b)) > 60 for (a, box), (b, _) in itertools.combinations(seen, 2))


@pytest.mark.parametrize("byte", [0x00, 0x7F, 0x80, 0xC3, 0xE2, 0xF4, 0xFF])
def test_nothing_an_engine_sends_stops_the_drawing(probe: Probe, byte: int) -> None:
    drawn, parts = probe.draw(1000, 640, "engine=4", f"hostile={byte}")
    plain, _ = probe.draw(1000, 640)
    for name in ("brand", "correct", "auto"):  # the first and the last that are drawn
        assert differs(parts[name].of(drawn), parts[name].of(plain)) == 0


def test_statuses_differ_in_shape(probe: Probe) -> None:
    path = probe.folder / "marks.png"
    probe.ask("marks", str(path))
    picture = load(path)
    shapes = [np.abs(m - picture[0, 0]).max(axis=2) > 60 for m in np.split(picture, picture.shape[1] // 40, axis=1)]
    assert all(10 < s.sum() < 400 for s in shapes)
    assert all((a ^ b).sum() > 15 for a, b in itertools.combinations(shapes, 2))


def test_colours_have_contrast(probe: Probe) -> None:
    contrast = {name: float(ratio) for name, ratio in (line.split() for line in probe.ask("contrast").splitlines())}
    assert len(contrast) >= 14
    assert min(contrast.values()) >= 4.5  # WCAG 2.1, AA
    assert contrast["text"] >= 7.0
    assert contrast["quiet"] >= 7.0


@pytest.mark.parametrize("control", range(len(CONTROLS)))
def test_the_focus_is_seen(probe: Probe, control: int) -> None:
    with_focus, parts = probe.draw(1000, 640, MADE_UP, f"focus={control}")
    without, _ = probe.draw(1000, 640, MADE_UP)
    box = parts[CONTROLS[control]]
    around = Box(box.x - 10, box.y - 6, box.w + 20, box.h + 12)
    changed = differs(around.of(with_focus), around.of(without))
    assert changed > box.w + box.h  # at least half of a frame
    assert changed == differs(with_focus, without)


def test_a_list_of_genres_fits_into_the_least_window(probe: Probe) -> None:
    opened, parts = probe.draw(640, 400, MADE_UP, "menu=12")
    closed, _ = probe.draw(640, 400, MADE_UP)
    rows, columns = np.nonzero(np.abs(opened - closed).max(axis=2) > 24)
    assert rows.max() < 396
    assert rows.max() > 250
    assert abs(columns.min() - parts["genre"].x) < 6


def _applied(probe: Probe, *states: str) -> dict[int, float]:
    lines = (line.split() for line in probe.ask("apply", *states).splitlines())
    return {int(index): float(value) for index, value in lines}


def _set(values: Iterable[tuple[int, float]]) -> list[str]:
    return [f"parameter={index}:{value}" for index, value in values]


def test_apply_puts_the_suggestion_in_the_place_of_bands_that_do_not_sound(probe: Probe) -> None:
    on = table.band(7, table.ON)
    made = _applied(probe, MADE_UP, *_set([(on, 1.0)]))
    assert made[table.CORRECTION] == 1.0
    assert made[on] == 0.0
    assert [made[table.band(0, which)] for which in (table.KIND, table.FREQUENCY, table.ON)] == [4.0, 32.0, 1.0]
    assert [made[table.band(2, which)] for which in (table.FREQUENCY, table.GAIN, table.Q)] == pytest.approx(
        [320.0, -3.2, 1.4]
    )
    assert table.AMOUNT not in made
    assert table.band(4, table.ON) not in made


def test_apply_adds_to_a_correction_that_sounds(probe: Probe) -> None:
    busy = [(table.CORRECTION, 1.0), (table.band(1, table.ON), 1.0), (table.band(1, table.GAIN), 3.0)]
    made = _applied(probe, MADE_UP, *_set(busy))
    used = [i for i in range(8) if table.band(i, table.ON) in made]
    assert used == [0, 2, 3, 4]
    assert table.band(1, table.GAIN) not in made
    full = busy + [(table.band(i, table.ON), 1.0) for i in range(5)]
    assert _applied(probe, MADE_UP, *_set(full)) == {}  # no room for four


def test_apply_does_nothing_twice_or_without_an_engine(probe: Probe) -> None:
    assert _applied(probe, MADE_UP)
    assert _applied(probe, MADE_UP, "applied=1") == {}
    assert _applied(probe, MADE_UP, "engine=1") == {}
    assert _applied(probe) == {}


@pytest.mark.parametrize("amount", [100.0, 40.0])
def test_curves_are_what_the_filters_do(probe: Probe, amount: float) -> None:
    bands = [
        EqMove("mix", "bell", 1000.0, 6.0, 1.0),
        EqMove("mix", "high-shelf", 6000.0, -4.0, 0.7),
        EqMove("mix", "high-pass", 60.0, 0.0, 0.7),
    ]
    shown = [float(n) for n in probe.ask("response", *_set(table.settings(bands, amount=amount).items())).split()]
    sounding = [replace(b, gain_db=b.gain_db * amount / 100.0) for b in bands if b.gain_db or amount >= 50.0]
    wanted = biquad.response(table.designed(sounding, 48_000), [100.0, 1000.0, 10_000.0], 48_000)
    assert shown == pytest.approx(list(20.0 * np.log10(np.abs(wanted))), abs=0.01)
