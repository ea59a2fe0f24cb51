"""Sessions rendered here against the exports that Ardour 7 makes of them: they null."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.files import read_audio
from plugin_bridge.render import render
from plugin_bridge.sessions.ardour import read_ardour
from render_tests.ardour_build import (
    RATE,
    Region,
    Samples,
    Send,
    Strip,
    build,
    constant_power,
    fast,
    inverse,
    linear,
    slow,
    symmetric,
    turn,
    vca,
)
from render_tests.ardour_host import export, missing

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sessions" / "ardour"
#: What may be left of the difference: -100 dB of full scale.
NULL = 1e-5

ardour = pytest.mark.skipif(bool(missing), reason=missing or "it is installed")


def _noise(seed: int, channels: int, seconds: float = 4.5) -> Samples:
    random = np.random.default_rng(seed)
    return random.uniform(-0.3, 0.3, (channels, int(seconds * RATE))).astype(np.float32)


SOUNDS = {"mono": _noise(1, 1), "pair": _noise(2, 2)}


def rendered(session: Path, folder: Path) -> Samples:
    return read_audio(render(read_ardour(session), folder / "render").mix)[0].samples


def nulls(session: Path, folder: Path) -> float:
    """The highest sample of the difference to Ardour's export: to the best of several, as they differ."""
    ours = rendered(session, folder)

    def left(mix: Samples) -> float:
        assert mix.shape == ours.shape
        return float(np.abs(mix.astype(np.float64) - ours).max())

    return left(export(session, folder / "export.wav", lambda mix: left(mix) <= NULL))


def regions() -> list[Strip]:
    shapes = []
    for k, shape in enumerate((linear, fast, slow, constant_power, symmetric)):
        rise, fall = shape(9000 + 77 * k), turn(shape(7000))
        shapes.append(
            Region("mono", 1000 + k * 30_000, 25_000, k * 1000, 0.9, rise, fall, inverse(rise), inverse(fall))
        )
    crossed, ended = constant_power(15_000), turn(fast(9000))
    layers = [
        Region("pair", 5000, 60_000, envelope=[(0, 0.6), (30_000, 1.0), (60_000, 0.5)], style="Exponential"),
        Region("pair", 50_000, 60_000, 9000, -0.8, crossed, ended, inverse(crossed), inverse(ended), layer=1),
        Region("pair", 70_000, 12_000, 1, fade_in=linear(3000), inverse_in=turn(linear(3000)), layer=2),
        Region("mono", 75_000, 20_000, 100, fade_in=linear(500), opaque=False, layer=3),
        Region("pair", 90_000, 20_000, layer=4, muted=True),
        Region("pair", 98_000, 6_000, layer=5, default_fades=True),
    ]  # fmt: skip
    return [
        Strip("Fades", 1, pan=0.3, gain=0.8, trim=0.7, phase="1", regions=shapes),
        Strip("Layers", 2, pan=0.62, phase="10", regions=layers),
        Strip("Curve", 1, regions=[Region("mono", 500, 40_000, envelope=[(0, 1.0), (30_000, 0.5), (40_000, 0.7)])]),
        Strip("Muted", 2, muted=True, regions=[Region("pair", 0, 90_000)]),
        Strip("Off", 2, active=False, regions=[Region("pair", 0, 90_000)]),
    ]


def mixer() -> list[Strip]:
    gains = [(0, 0.5), (10_000, 1.0), (60_000, 0.2), (100_000, 0.9), (180_000, 0.1)]
    pans = [(3000, 0.5), (50_000, 0.0), (90_000, 1.0), (140_000, 0.3)]
    whole, whole_pair = [Region("mono", 500, 180_000)], [Region("pair", 500, 150_000)]
    early = [Send("Room/A", 0.6, pre=True, pan=0.7)]
    return [
        Strip("Gains", 1, pan=0.3, regions=whole, gains=gains, sends=[Send("Room/A", 0.5, pan=0.2)]),
        Strip("Pans", 2, gain=0.3, regions=whole_pair, pans=pans, mutes=[(0, 0), (40_000, 1), (70_000, 0)]),
        Strip("Mono pans", 1, gain=0.3, regions=whole, pans=pans, output="Inner"),
        Strip("Pre", 2, gain=0.4, pan=0.8, regions=whole_pair, output="Inner", sends=early),
        Strip("Quiet", 1, muted=True, regions=whole, sends=[Send("Room/A", 0.5), Send("Room/A", 0.3, pre=True)]),
        Strip("One output", 1, outputs=1, gain=0.3, regions=whole, output="Mono bus", sends=[Send("Mono bus", 0.2)]),
        Strip("Pair to mono", 2, gain=0.3, pan=0.2, regions=whole_pair, output="Mono bus"),
        Strip("No panner", 2, pan=0.1, pan_bypassed=True, gain=0.1, regions=whole_pair,
              sends=[Send("Room/A", 0.4, pan=0.6, inverted=True), Send("Inner", 0.3, active=False)]),
        Strip("Nowhere", 1, gain=0.2, pan=0.9, output=None, regions=whole, sends=[Send("Room/A", 0.7, linked=True)]),
        Strip("Room/A", 2, bus=True, gain=0.7, pan=0.4, output="Outer"),
        Strip("Inner", 2, bus=True, gain=0.9, pan=0.55, phase="11", trim=1.1, output="Outer"),
        Strip("Outer", 2, bus=True, gain=0.8, gains=[(20_000, 0.8), (90_000, 0.4)]),
        Strip("Mono bus", 1, bus=True, gain=0.5, pan=0.25, vcas=[1]),
    ]  # fmt: skip


@pytest.mark.slow
@ardour
def test_regions_null_against_ardour(tmp_path: Path) -> None:
    master = Strip("Master", 2, bus=True, gain=0.9, pan=0.45)
    session = build(tmp_path / "regions", regions(), SOUNDS, 170_000, master=master)
    assert nulls(session, tmp_path) <= NULL


@pytest.mark.slow
@ardour
def test_the_mixer_nulls_against_ardour(tmp_path: Path) -> None:
    session = build(tmp_path / "mixer", mixer(), SOUNDS, 192_000, vcas=[vca(1, 0.8)])
    assert nulls(session, tmp_path) <= NULL


@pytest.mark.slow
@ardour
def test_solo_nulls_against_ardour(tmp_path: Path) -> None:
    region = [Region("mono", 1000, 20_000)]
    strips = [
        Strip("Solo", 1, pan=0.3, soloed=True, regions=region, output="Bus", sends=[Send("Room/A", 0.5)]),
        Strip("Other", 1, regions=region, output="Bus"),
        Strip("Third", 2, regions=[Region("pair", 0, 20_000)], sends=[Send("Room/A", 0.5)]),
        Strip("Bus", 2, bus=True, gain=0.5, solo_up=1),
        Strip("Room/A", 2, bus=True, gain=0.3, solo_up=1),
    ]
    session = build(tmp_path / "solo", strips, SOUNDS, 24_000)
    assert nulls(session, tmp_path) <= NULL


@pytest.mark.slow
@ardour
def test_a_session_that_starts_later_nulls_against_ardour(tmp_path: Path) -> None:
    """At another rate, from a range that begins at 1 s."""
    rate = 44_100
    gains = [(0, 0.5), (60_000, 0.5), (70_000, 0.9), (90_000, 0.3)]
    strips = [Strip("A", 2, gains=gains, regions=[Region("pair", 20_000, 90_000, 777, fade_in=fast(30_000))])]
    session = build(tmp_path / "later", strips, SOUNDS, 100_000, start=rate, rate=rate)
    assert nulls(session, tmp_path) <= NULL


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["buses", "levels"])
def test_sessions_with_real_music_null_against_ardours_exports(name: str, tmp_path: Path) -> None:
    session = DATA / name / f"{name}.ardour"
    if not session.exists():
        pytest.skip(f"{session} is not there")
    theirs = read_audio(session.with_name(f"{name}.ardour-export.wav"))[0].samples
    assert np.abs(theirs.astype(np.float64) - rendered(session, tmp_path)).max() <= NULL
