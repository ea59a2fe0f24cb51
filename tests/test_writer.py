"""WAV files in the depth of what they were made from: what is kept to the bit, what is dithered, what becomes float."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dsp.audio import Source
from dsp.units import Samples
from plugin_bridge.files import read_audio
from plugin_bridge.writer import FLOAT, Written, depth_of, write_wav
from tests.music_signals import pink, wave

RATE = 44_100


def written(path: Path, samples: Samples, bits: int, rate: int = RATE) -> tuple[Written, Samples, Source]:
    """A file of the samples, in two blocks, and what is read from it."""
    half = samples.shape[1] // 2
    made = write_wav(path, partial(list, [samples[:, :half], samples[:, half:]]), rate, len(samples), bits)
    audio, source = read_audio(path)
    return made, audio.samples, source


def on_steps(bits: int, channels: int = 2, frames: int = 5000) -> Samples:
    """Random samples on the steps of a depth, with both ends of the scale."""
    largest = 2 ** (bits - 1)
    whole = np.random.default_rng(bits).integers(-largest, largest, (channels, frames))
    whole[:, 0], whole[:, -1] = -largest, largest - 1
    return wave(whole / largest)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_056, 48_000, 96_000, 192_000, 384_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [16, 24, 32])
def test_what_lies_on_the_steps_comes_back_to_the_bit(bits: int, channels: int, rate: int, tmp_path: Path) -> None:
    samples = on_steps(24 if bits == FLOAT else bits, channels)
    made, back, source = written(tmp_path / "a.wav", samples, bits, rate)
    assert np.array_equal(back, samples)
    assert (made.bit_depth, made.peak) == (bits, 1.0)
    assert (source.sample_rate, source.channels, source.bit_depth, source.container) == (rate, channels, bits, "WAV")


def test_24_bits_are_rounded_to_the_nearest_step(tmp_path: Path) -> None:
    samples = wave(pink(2, 20_000, seed=1))
    _, back, _ = written(tmp_path / "a.wav", samples, 24)
    assert np.abs(back.astype(np.float64) - samples).max() <= 0.5 * 2.0**-23


def test_16_bits_get_triangular_noise_of_two_steps_free_of_the_signal(tmp_path: Path) -> None:
    samples = wave(0.3 * np.sin(np.arange(200_000) / 7.0))
    _, back, _ = written(tmp_path / "a.wav", samples, 16)
    error = (back.astype(np.float64) - samples)[0] * 2.0**15
    assert np.abs(error).max() <= 1.5
    assert error.var() == pytest.approx(0.25, rel=0.02)  # 1/12 of rounding and 2/12 of the noise
    assert abs(np.corrcoef(error, samples[0])[0, 1]) < 0.01
    assert abs(np.corrcoef(error**2, samples[0] ** 2)[0, 1]) < 0.01  # the noise does not move with the signal


def test_the_same_file_twice_is_the_same_to_the_bit_and_another_has_noise_of_its_own(tmp_path: Path) -> None:
    samples = wave(pink(1, 50_000, seed=2))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "kick.wav", samples, 16)
    assert (tmp_path / "one" / "kick.wav").read_bytes() == (tmp_path / "two" / "kick.wav").read_bytes()
    _, one, _ = written(tmp_path / "kick.wav", samples, 16)
    _, other, _ = written(tmp_path / "snare.wav", samples, 16)
    errors = [(x.astype(np.float64) - samples)[0] for x in (one, other)]
    assert abs(np.corrcoef(errors[0], errors[1])[0, 1]) < 0.02  # of a sum of stems the noises add as powers


def test_silence_stays_silent(tmp_path: Path) -> None:
    samples = wave(np.concatenate([pink(2, 4000, seed=3), np.zeros((2, 4000))], axis=1))
    _, back, _ = written(tmp_path / "a.wav", samples, 16)
    assert not back[:, 4000:].any()
    assert not np.array_equal(back[:, :4000], samples[:, :4000])


@pytest.mark.parametrize("bits", [16, 24])
def test_what_passes_full_scale_is_written_in_single_precision(bits: int, tmp_path: Path) -> None:
    samples = wave(pink(2, 9000, seed=4))
    samples[1, 8000] = -1.25
    made, back, source = written(tmp_path / "a.wav", samples, bits)
    assert np.array_equal(back, samples)
    assert (made.bit_depth, made.peak, source.codec, source.bit_depth) == (FLOAT, 1.25, "float", 32)


def test_full_scale_itself_still_fits(tmp_path: Path) -> None:
    made, back, _ = written(tmp_path / "a.wav", wave(np.array([[1.0, -1.0, 0.5, 0.0]])), 24)
    assert made.bit_depth == 24
    assert back.tolist() == [[1.0 - 2.0**-23, -1.0, 0.5, 0.0]]


def test_nothing_at_all_is_a_file_too(tmp_path: Path) -> None:
    made = write_wav(tmp_path / "a.wav", list, RATE, 2, 16)
    assert made.peak == 0.0
    assert (tmp_path / "a.wav").stat().st_size > 0


def test_a_folder_that_is_not_there_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        write_wav(tmp_path / "gone" / "a.wav", partial(list, [on_steps(16)]), RATE, 2, 16)


@pytest.mark.parametrize(
    ("codec", "bits", "lossy", "depth"),
    [
        ("PCM", 8, False, 16), ("PCM", 16, False, 16), ("FLAC", 16, False, 16), ("PCM", 20, False, 24),
        ("FLAC", 24, False, 24), ("PCM", 32, False, 32), ("float", 32, False, 32), ("float", 64, False, 32),
        ("MP3", None, True, 32), ("Vorbis", None, True, 32), ("AAC", 16, True, 32),
    ],
)  # fmt: skip
def test_the_depth_loses_nothing(codec: str, bits: int | None, lossy: bool, depth: int) -> None:
    assert depth_of(Source("a", "WAV", codec, RATE, "stereo", bits, lossy)) == depth
