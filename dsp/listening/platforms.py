"""Platforms: the gain each applies to a file, and what becomes of its loudness and peaks.

Services measure integrated loudness once and set one gain for the whole song in the player. Louder music is
turned down everywhere. Quieter music is raised by some, as far as its true peak leaves room; one of them goes
on into a limiter. Where sources contradict each other the answer is None, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsp.platforms import Platform

#: Gains and differences below this are none (dB).
NOTHING_DB = 0.05


@dataclass(frozen=True)
class Playback:
    """A file as a platform plays it; `gain_db` and what follows from it are None where that is not known."""

    platform: Platform
    gain_db: float | None
    lufs: float | None  #: integrated loudness after the gain
    true_peak_dbtp: float | None  #: after the gain, and after the platform's limiter
    held_back_db: float  #: gain it would have got but for its peaks
    limited_db: float  #: how far the platform's limiter pushes its peaks down
    over_ceiling_db: float  #: how far its peaks lie above the ceiling after the gain
    lost: str  #: what that costs, in words; empty where nothing is lost


def playback(platform: Platform, integrated_lufs: float, true_peak_dbtp: float) -> Playback:
    """What a platform makes of a file of this loudness (LUFS) and true peak (dBTP)."""
    wanted = platform.reference_lufs - integrated_lufs
    ceiling = platform.ceiling_dbtp
    room = float("inf") if ceiling is None or platform.limiter else max(0.0, ceiling - true_peak_dbtp)
    gain: float | None = wanted
    if wanted > 0.0:
        gain = None if platform.turns_up == "unknown" else 0.0 if platform.turns_up == "no" else min(wanted, room)
    if gain is None:
        lost = "may be raised or left as it is: sources contradict each other"
        return Playback(platform, None, None, None, 0.0, 0.0, 0.0, lost)
    held_back = wanted - gain if wanted > 0.0 and platform.turns_up == "yes" else 0.0
    peak, limited, over = true_peak_dbtp + gain, 0.0, 0.0
    if ceiling is not None and platform.limiter and gain > 0.0:
        limited = max(0.0, peak - ceiling)
        peak -= limited
    elif ceiling is not None:
        over = max(0.0, peak - ceiling)
    lost = _lost(platform, integrated_lufs, gain=gain, held_back=held_back, limited=limited, over=over)
    return Playback(platform, gain, integrated_lufs + gain, peak, held_back, limited, over, lost)


def _lost(platform: Platform, lufs: float, *, gain: float, held_back: float, limited: float, over: float) -> str:
    said, reference = [], platform.reference_lufs
    if gain < -NOTHING_DB and platform.kind == "service":
        said.append(f"turned down {-gain:.1f} dB: loudness above {reference:g} LUFS buys nothing here")
    elif gain < -NOTHING_DB:
        said.append(f"{-gain:.1f} dB louder than asked for")
    if held_back > NOTHING_DB:
        said.append(f"its peaks hold it back: plays {held_back:.1f} dB quieter than {reference:g} LUFS")
    elif platform.turns_up == "no" and lufs < reference - NOTHING_DB:
        said.append(f"not raised: plays {reference - lufs:.1f} dB quieter than louder music")
    if limited > NOTHING_DB:
        said.append(f"a limiter takes {limited:.1f} dB off its peaks")
    if over > NOTHING_DB:
        said.append(f"peaks {over:.1f} dB above {platform.ceiling_dbtp:g} dBTP")
    return "; ".join(said)
