"""**Why it matters.** Music services play everything at about the same loudness: what is louder is turned down, and
the dynamics given up for it are lost for nothing. What is quieter is raised by some, as far as its peaks leave room.

**How it is measured.** From integrated loudness and true peak, by what each service is known to do (listed with
sources, dates and how sure they are in `docs/platforms.md`): the gain it applies and the loudness and true peak
that come out. Where sources contradict each other nothing is said. The middle of the services' default settings
decides whether a file is turned down; the peak ceilings of hearsay rows decide nothing. A pre-master is not
uploaded: under the `mix` profile the numbers are for the file as it is and never warn.

**References.** Spotify for Artists, Loudness normalization; AES TD1008; EBU R 128; Ian Shepherd on YouTube Music;
MeterPlugs on TIDAL. Listeners can switch normalisation off, and some players have none.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dsp.checks._wording import severity
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.listening.platforms import NOTHING_DB, Playback, playback
from dsp.mix import Mix
from dsp.profile import Profile, load_platforms

ID, TITLE, DIMENSION, NEEDS = "platforms", "Music services", "loudness", ("loudness",)
MEANS = "It will be played at another level than the one it has, or its peaks will be cut."
LISTEN = "It beside other songs with the player's loudness matching on."


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    loudness, peak = mix.readings.loudness.integrated_lufs, mix.readings.true_peak.max_dbtp
    assert loudness is not None  # NEEDS loudness
    assert peak is not None
    played = [playback(platform, loudness, peak) for platform in load_platforms()]
    usual = [p for p in played if p.platform.default and p.platform.kind == "service"]
    references = [p.platform.reference_lufs for p in usual]
    down = max(0.0, loudness - statistics.median(references))
    judged = bool(profile.number(ID, "judge"))
    status: Status = "pass"
    said: list[str] = []
    fixes: list[Fix] = []
    if down >= profile.number(ID, "info_db"):
        status = "info"
        said.append(f"Most services turn this file down by about {down:.1f} dB, {_names(usual)}.")
    if judged and loudness > max(references):
        status = "warning"
        said.append(f"No service plays it as loud as it is, {loudness:.1f} LUFS: all of that loudness is lost.")
        fixes.append(
            Advice(f"master it {loudness - max(references):.1f} dB quieter or more: it gains dynamics for free")
        )
    held = max(usual, key=lambda p: p.held_back_db)
    if judged and held.held_back_db >= profile.number(ID, "info_db"):
        status = "info" if status == "pass" else status
        said.append(f"{held.platform.title} would raise it, but {held.lost}.")
    over = [p for p in usual if p.over_ceiling_db > NOTHING_DB and p.platform.certainty != "hearsay"]
    if judged and over:
        status = "warning"
        worst = max(over, key=lambda p: p.over_ceiling_db)
        said.append(f"On {worst.platform.title} it {_peaks(worst)}.")
        fixes.append(Advice(f"lower the limiter's ceiling by {worst.over_ceiling_db:.1f} dB"))
    if not said:
        spotify = played[0]
        said.append(f"{spotify.platform.title} plays it at {spotify.lufs:.1f} LUFS ({spotify.gain_db:+.1f} dB).")
    if not judged:
        said.append("These numbers are for the file as it is; its master will have others.")
    titles = {"pass": "Little lost on music services", "info": "Not as loud on music services as it is"}
    measured = f"{loudness:.1f} LUFS, turned down {down:.1f} dB" if down >= NOTHING_DB else f"{loudness:.1f} LUFS"
    return (
        Finding(
            ID, status, severity(status), titles.get(status, "Loudness or peaks lost on services"), " ".join(said),
            evidence=tuple(Measurement(f"{p.platform.id}_gain_db", p.gain_db, "dB") for p in played),
            measured=measured, target=f"{statistics.median(references):g} LUFS where most services play",
            fixes=tuple(fixes),
        ),
    )  # fmt: skip


def _names(played: Sequence[Playback]) -> str:
    most = [f"{p.platform.title} {p.gain_db:+.1f}" for p in played if p.gain_db is not None and p.gain_db < -NOTHING_DB]
    return ", ".join(most[:3]) + (f" and {len(most) - 3} more" if len(most) > 3 else "")


def _peaks(played: Playback) -> str:
    return f"peaks at {played.true_peak_dbtp:.1f} dBTP, {played.over_ceiling_db:.1f} dB above its ceiling"
