"""What other meters read, beside what we read, with the difference and its known cause."""

from __future__ import annotations

import warnings
from pathlib import Path

from dsp.diagnose import Opinion
from dsp.mix import Mix
from dsp.units import amplitude_db, finite
from plugin_bridge.files import read_audio

#: pyloudnorm works on the whole file in double precision: longer files are not shown to it (s).
LONGEST_S = 1800.0
#: Differences up to these are rounding and need no explanation (LU or dB).
NEGLIGIBLE = 0.01

PYLOUDNORM_I = "its K-weighting is an approximation that reads 0.02 to 0.05 LU low; it may add a partial last block"
PYLOUDNORM_LRA = "it overlaps windows by 97 % and appends 1.5 s of silence"
LIBEBUR128_I = "both follow BS.1770; only rounding differs"
LIBEBUR128_M = "it reads every 100 ms, we every 10 ms, so ours finds higher maxima"
LIBEBUR128_TP = (
    "it interpolates 4 times (2 from 96 kHz, not at all from 192 kHz), we 16 times; and our bandwidth ends at 0.45 fs"
)


def second_opinions(path: str | Path, mix: Mix) -> tuple[Opinion, ...]:
    """Readings of pyloudnorm and, where installed, libebur128 on the same file."""
    if mix.duration_s > LONGEST_S or mix.source.channels > 2:
        return ()
    audio, _ = read_audio(path)
    ours = {m.name: m.value for m in mix.measurements()}
    found: list[tuple[str, str, float | None, str, str]] = []

    import pyloudnorm

    if mix.duration_s >= 0.4:
        meter = pyloudnorm.Meter(audio.sample_rate)
        samples = audio.samples.T.astype("float64")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of silence and short files, which we say ourselves
            integrated = float(meter.integrated_loudness(samples))
            found.append(("pyloudnorm", "integrated_lufs", finite(integrated), "LUFS", PYLOUDNORM_I))
            if mix.duration_s >= 3.0:
                lra = float(meter.loudness_range(samples))
                found.append(("pyloudnorm", "loudness_range_lu", finite(lra), "LU", PYLOUDNORM_LRA))
    try:
        import pyebur128
    except ImportError:
        pass
    else:
        mode = pyebur128.MeasurementMode
        state = pyebur128.R128State(
            audio.channels, audio.sample_rate, mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK
        )
        state.add_frames(audio.samples.T.copy().ravel(), audio.frames)
        peak = max(pyebur128.get_true_peak(state, c) for c in range(audio.channels))
        found += [
            ("libebur128", "integrated_lufs", finite(pyebur128.get_loudness_global(state)), "LUFS", LIBEBUR128_I),
            ("libebur128", "loudness_range_lu", finite(pyebur128.get_loudness_range(state)), "LU", LIBEBUR128_I),
            ("libebur128", "true_peak_dbtp", finite(amplitude_db(peak)), "dBTP", LIBEBUR128_TP),
        ]
    return tuple(
        Opinion(name, by, ours[name], theirs, unit, _cause(ours[name], theirs, why))
        for by, name, theirs, unit, why in found
    )


def _cause(ours: float | None, theirs: float | None, why: str) -> str:
    if ours is None or theirs is None:
        return "not measurable" if ours is None and theirs is None else "one of the two found nothing above its gates"
    return "" if abs(ours - theirs) <= NEGLIGIBLE else why
