"""A real VST3 plugin in a session: built here, hosted through DawDreamer with its saved settings, nulled."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pedalboard
import pytest
from pedalboard.io import AudioFile

from plugin_bridge.files import read_audio
from plugin_bridge.mixer import plugins
from plugin_bridge.render import render
from plugin_bridge.sessions.model import Clip, Device, Media, Session, Track

pytestmark = pytest.mark.slow

DPF = Path("/usr/share/dpf/distrho")
SOURCE = Path(__file__).parent / "test_gain"
RATE = 44_100


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin, compiled: a gain with a latency of 64 samples."""
    if not DPF.is_dir() or shutil.which("g++") is None:
        pytest.skip("needs g++ and the Debian package dpf-source")
    made = tmp_path_factory.mktemp("vst3") / "TestGain.vst3"
    binary = made / "Contents" / "x86_64-linux" / "TestGain.so"
    binary.parent.mkdir(parents=True)
    command = ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-DDISTRHO_PLUGIN_TARGET_VST3"]
    command += [f"-I{SOURCE}", f"-I{DPF}", str(SOURCE / "plugin.cpp"), str(DPF / "DistrhoPluginMain.cpp")]
    subprocess.run([*command, "-o", str(binary), "-lpthread"], check=True)
    return made


def saved_at(bundle: Path, gain_db: float) -> tuple[bytes, float]:
    """What the plugin saves at a gain, and the gain it really has then (hosts keep it in steps)."""
    plugin = pedalboard.VST3Plugin(str(bundle))
    plugin.gain_db = gain_db  # type: ignore[attr-defined]
    one = np.ones((2, 4096), np.float32)
    out = plugin.process(one, RATE)
    return bytes(plugin.preset_data), float(out[0, -1])


def test_an_insert_is_hosted_in_time_with_its_saved_gain(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = (0.1 * np.random.default_rng(3).standard_normal((2, 3 * RATE))).astype(np.float32)
    file = tmp_path / "a.wav"
    with AudioFile(str(file), "w", RATE, 2, bit_depth=32) as written:
        written.write(audio)
    state, gain = saved_at(bundle, -6.0)
    assert 20 * np.log10(gain) == pytest.approx(-6.0, abs=0.05)
    device = Device("Test Gain", "vst3", plugin_id="unknown", state=state)
    track = Track("t", "T", "track", "m", clips=(Clip("c", (Media("a.wav", file),), 0.0, 3.0),), inserts=(device,))
    session = Session("s", "DAWproject", tmp_path / "s", RATE, (track,), Track("m", "M", "master"), end_s=3.0)

    missing = render(session, tmp_path / "missing")
    np.testing.assert_array_equal(read_audio(missing.mix)[0].samples, audio)
    assert missing.facts.channels[0].devices[0].played == "missing"

    monkeypatch.setattr(plugins, "folders", lambda: (bundle.parent,))
    plugins._bundles.cache_clear()
    # DPF lists no names, so the bundle is known by its file: TestGain.
    hosted = render(session, tmp_path / "hosted")
    assert hosted.facts.channels[0].devices[0].played == "hosted"
    np.testing.assert_allclose(read_audio(hosted.mix)[0].samples, gain * audio, atol=1e-7)

    off = replace(session, tracks=(replace(track, inserts=(replace(device, enabled=False),)),))
    np.testing.assert_array_equal(read_audio(render(off, tmp_path / "off").mix)[0].samples, audio)
    refused = render(session, tmp_path / "refused", plugins=False)
    np.testing.assert_array_equal(read_audio(refused.mix)[0].samples, audio)

    unknown = replace(session, tracks=(replace(track, inserts=(replace(device, state=b"REAPER's own"),)),))
    passed = render(unknown, tmp_path / "unknown")
    np.testing.assert_array_equal(read_audio(passed.mix)[0].samples, audio)
    assert any("could not be run" in line for line in passed.facts.approximate)
    plugins._bundles.cache_clear()
