"""Readings of real songs against libebur128, pyloudnorm and what ffmpeg reads of the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsp.meters.loudness import LoudnessMeter
from dsp.meters.true_peak import TruePeakMeter
from dsp.units import amplitude_db
from plugin_bridge.files import read_audio

pyebur128 = pytest.importorskip("pyebur128")
pyloudnorm = pytest.importorskip("pyloudnorm")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
KEVIN, HUNGARIAN = "mixes/Kevin_MacLeod_-_", "mixes/Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_"
#: ffmpeg 5.1 (ebur128 filter with peak=true) of every song: LUFS, and LRA and true peak where they were noted.
FFMPEG: dict[str, tuple[float | None, float | None, float | None]] = {
    "mixes/stk_hacienda.ogg": (-8.9, 5.4, 0.7),
    "mixes/stk_bay.ogg": (-11.6, 2.4, 1.1),
    "mixes/stk_garden.ogg": (-11.9, 5.4, -0.3),
    "mixes/hyperrogue_hr-domina-hunting.ogg": (-15.1, 4.8, 0.2),
    "mixes/wesnoth_love_theme.ogg": (-13.6, 4.9, -0.4),
    "mixes/stk_farm.ogg": (-13.5, None, None),
    "mixes/stk_farm_f.ogg": (-12.2, None, None),
    KEVIN + "Vibe_Ace.hq.ogg": (-17.2, None, None),
    KEVIN + "P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.hq.ogg": (-18.6, None, None),
    HUNGARIAN + "(string_orchestra).hq.ogg": (-18.5, None, None),
    "unlimited/boogi_marabi_redfarn.flac": (None, None, None),
    "unlimited/chemistry_lab.flac": (None, None, None),
    "unlimited/flying_scotsman.flac": (None, None, None),
    "unlimited/say_what_redfarn.flac": (None, None, None),
    "unlimited/the_hobo_redfarn.flac": (None, None, None),
    "unlimited/train_filled_with_cash.flac": (None, None, None),
    "stems/city_blues_redfarn/MIX_sum_of_stems.flac": (None, None, None),
    "stems/keep_on_rolling/MIX_sum_of_stems.flac": (None, None, None),
    "stems/modern_motion/MIX_sum_of_stems.flac": (None, None, None),
}


def libebur128(samples: Any, rate: int) -> tuple[float, float, float]:
    mode = pyebur128.MeasurementMode
    state = pyebur128.R128State(len(samples), rate, mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK)
    state.add_frames(samples.T.copy().ravel(), samples.shape[1])
    peak = max(float(pyebur128.get_true_peak(state, c)) for c in range(len(samples)))
    return pyebur128.get_loudness_global(state), pyebur128.get_loudness_range(state), amplitude_db(peak)


@pytest.mark.corpus
@pytest.mark.parametrize("song", FFMPEG, ids=lambda song: Path(song).stem[:24])
def test_real_song(song: str) -> None:
    path = DATA / song
    if not path.exists():
        pytest.skip("the real songs are not beside this checkout (../shared/data)")
    audio, _ = read_audio(path)
    samples, rate = np.ascontiguousarray(audio.samples), audio.sample_rate
    loudness_meter = LoudnessMeter(rate, audio.channels, (1.0,) * audio.channels)
    peak_meter = TruePeakMeter(rate, audio.channels)
    loudness_meter.process(samples)
    peak_meter.process(samples)
    loudness, peak = loudness_meter.result(), peak_meter.result().max_dbtp

    integrated, loudness_range, their_peak = libebur128(samples, rate)
    assert loudness.integrated_lufs == pytest.approx(integrated, abs=0.01)  # the same standard: rounding
    assert loudness.loudness_range_lu == pytest.approx(loudness_range, abs=0.1)
    # both interpolate music, whose treble is weak (the closed form is in test_loudness_differential)
    assert peak == pytest.approx(their_peak, abs=0.2)
    approximate = pyloudnorm.Meter(rate).integrated_loudness(samples.T.astype(np.float64))
    assert loudness.integrated_lufs == pytest.approx(approximate, abs=0.1)

    ffmpeg_integrated, ffmpeg_range, ffmpeg_peak = FFMPEG[song]
    if ffmpeg_integrated is not None:
        assert loudness.integrated_lufs == pytest.approx(ffmpeg_integrated, abs=0.1)
    if ffmpeg_range is not None:
        # ffmpeg takes the range of windows every 100 ms, we every second, as libebur128 does; both are allowed
        assert loudness.loudness_range_lu == pytest.approx(ffmpeg_range, abs=0.3)
    if ffmpeg_peak is not None:
        assert peak == pytest.approx(ffmpeg_peak, abs=0.2)
