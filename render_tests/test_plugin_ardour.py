"""The plugin on the master bus of a session in Ardour itself: the export passes through it, and its engine hears it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import sosfilt

from dsp.correction.biquad import sections
from dsp.findings import EqMove
from dsp.mix import Mix
from dsp.units import Samples
from mixdiagnose.checking import measure_file
from plugin_bridge import link
from plugin_bridge.link_files import runtime_directory
from plugin_bridge.link_results import Results
from plugin_bridge.live.lock import engine_runs
from render_tests.ardour_build import RATE, Region, Strip, build
from render_tests.ardour_host import export, missing, resaved
from render_tests.plugin_hosts.built import Built
from render_tests.scenes.registry import clean_tracks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("runtime"),
    pytest.mark.skipif(bool(missing), reason=missing or "it is installed"),
]

URI = "https://mixdiagnose.com/plugin"
#: A stretch of the clean song (s), and the band that is put into the signal.
START_S, END_S = 4.0, 16.0
BELL = EqMove("", "bell", 1000.0, -6.0, 1.0)
ON = {
    "correction": 1.0, "band1_kind": 0.0, "band1_on": 1.0, "band1_frequency": BELL.frequency_hz,
    "band1_gain": BELL.gain_db, "band1_q": BELL.q,
}  # fmt: skip


def processor(settings: dict[str, float]) -> str:
    """The plugin as Ardour saves an LV2 plugin; ports that are not named keep what they begin with."""
    ports = "".join(f'<Port symbol="{symbol}" value="{value}"/>' for symbol, value in settings.items())
    maps = "".join(
        f'<{tag}-0><Channelmap type="audio" from="0" to="0"/><Channelmap type="audio" from="1" to="1"/></{tag}-0>'
        for tag in ("InputMap", "OutputMap")
    )
    two = '<Channels type="audio" count="2"/>'
    counts = "".join(f"<{tag}>{two}</{tag}>" for tag in ("ConfiguredInput", "CustomSinks", "ConfiguredOutput"))
    return (
        f'<Processor id="77001" name="MixDiagnose" active="1" user-latency="0" use-user-latency="0" type="lv2" '
        f'unique-id="{URI}" count="1" custom="0"><Automation/>{counts}<PresetOutput/>{maps}<ThruMap/>'
        f'<lv2 last-preset-uri="" last-preset-label="" parameter-changed-since-last-preset="0">{ports}</lv2>'
        "</Processor>"
    )


def song() -> dict[str, Samples]:
    cut = slice(int(START_S * RATE), int(END_S * RATE))
    return {name: np.ascontiguousarray(x[:, cut]) for name, x in clean_tracks().items()}


def session(folder: Path, settings: dict[str, float] | None) -> Path:
    tracks = song()
    strips = [Strip(n, 2, regions=[Region(n, 0, x.shape[1])]) for n, x in tracks.items()]
    before = [] if settings is None else [processor(settings)]
    master = Strip("Master", 2, bus=True, before=before)
    return build(folder / "song", strips, tracks, round((END_S - START_S) * RATE), master=master)


@pytest.fixture
def lv2(plugin: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ardour finds the plugin beside its own."""
    monkeypatch.setenv("LV2_PATH", f"{plugin.plugins['lv2'].parent}:/usr/lib/lv2:/usr/lib/ardour7/LV2")


def test_the_export_passes_through_the_plugin(lv2: None, tmp_path: Path) -> None:
    def exported(name: str, settings: dict[str, float] | None) -> Samples:
        folder = tmp_path / name
        folder.mkdir()
        return export(session(folder, settings), folder / "out.wav")

    plain, off = exported("without", None), exported("off", {"correction": 0.0})
    np.testing.assert_array_equal(off, plain)
    on = exported("on", ON)
    wanted = sosfilt(sections(BELL, RATE), plain.astype(np.float64), axis=1)
    error = on[:, RATE:] - wanted[:, RATE:]
    assert 20 * np.log10(np.abs(error).max()) < -100.0


def test_state_survives_save_and_reopen(lv2: None, tmp_path: Path) -> None:
    made = session(tmp_path, ON)
    again = resaved(made, "again", tmp_path)
    text = again.read_text(encoding="utf-8")
    plugin = text[text.index(URI) :]
    for symbol, value in ON.items():
        (found,) = {float(part.split('"')[0]) for part in plugin.split(f'symbol="{symbol}" value="')[1:2]}
        assert found == pytest.approx(value)


def test_the_engine_hears_the_pass_as_check_measures_its_export(lv2: None, tmp_path: Path) -> None:
    made, out = session(tmp_path, {"correction": 0.0}), tmp_path / "out.wav"
    engine = subprocess.Popen([sys.executable, "-m", "plugin_bridge.live", "--idle", "60"], env=dict(os.environ))
    try:
        while not engine_runs(runtime_directory()):
            assert engine.poll() is None
            time.sleep(0.05)
        heard = _heard(made, out)
    finally:
        engine.terminate()
        engine.wait(20)
    mix: Mix = measure_file(out)
    assert heard.integrated_lufs == pytest.approx(mix.readings.loudness.integrated_lufs, abs=0.1)
    assert heard.true_peak_dbtp == pytest.approx(mix.readings.true_peak.max_dbtp, abs=0.2)


def _heard(made: Path, out: Path) -> Results:
    """What the engine published last of the plugin in an export that had sound."""
    last: list[Results] = []
    done = threading.Event()

    def look() -> None:
        opened: dict[Path, link.Instance] = {}
        while not done.is_set():
            for instance in link.scan(tuple(opened)):
                opened[instance.path] = instance
            last.extend(results for i in opened.values() if (results := i.published()) is not None)
            time.sleep(0.02)
        for instance in opened.values():
            instance.close()

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        export(made, out)
        time.sleep(2.0)  # the engine takes what is still in the ring
    finally:
        done.set()
        watcher.join()
    assert last
    return last[-1]
