"""**Why it matters.** A lossy codec does not keep the waveform: its peaks move, mostly upwards, and more at low bit
rates. A master that just stays below full scale passes it after encoding, and clips in players of whole numbers.

**How it is measured.** The loudest 30 s (all of it with `--full`) are really encoded and decoded again, in float,
as AAC 256 and 128, MP3 320 and 192, Opus 128 and Vorbis 160 kbit/s, by the encoders the message names; the true peak
of what comes out is read. An over is a run of peaks above 0 dBTP followed by at least 10 ms without one.
Nothing is clipped on the way; rates the codecs do not take are converted, which is said. Apple's and Fraunhofer's
AAC encoders are not free, so services' own results differ by some tenths of a decibel. Players that turn the music
down before they round (Spotify and others with normalisation on) do not clip. Under the `mix` profile this is never
more than information: mastering sets the level.

**References.** AES TD1008: at most -1 dBTP into the codec. Apple Digital Masters: listen for and avoid clipping of the
encoded file. Spotify for Artists: below -1 dBTP, below -2 if louder than -14 LUFS.
"""

from __future__ import annotations

import math

from dsp.checks._wording import clock, severity
from dsp.encoded import Encoded
from dsp.findings import Finding, Fix, GainMove, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "codec-peaks", "Peaks after lossy codecs", "delivery", ("sound", "encoded")
MEANS = "The lossy versions that listeners get clip, though this file does not."
LISTEN = "Cymbals and s sounds of the loudest passage, encoded as named."


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    assert mix.encoded is not None  # NEEDS encoded
    tried = [(e, e.true_peak_dbtp) for e in mix.encoded if e.true_peak_dbtp is not None]
    if not tried:
        return (_skipped(mix),)
    worst, peak = max(tried, key=lambda t: t[1])
    busiest = max((e for e, _ in tried), key=lambda e: e.overs)
    good = profile.number(ID, "pass_dbtp")
    status: Status = "pass"
    if peak > good:
        bad = peak > profile.number(ID, "problem_dbtp")
        bad = bad or busiest.overs_per_minute > profile.number(ID, "problem_overs_per_minute")
        status = "info" if not profile.number(ID, "judge") else "problem" if bad else "warning"

    at = "" if worst.true_peak_at_s is None else f" at {clock(worst.true_peak_at_s)}"
    message = f"The highest peak after encoding is {peak:+.1f} dBTP{at}, as {worst.codec}{_rise(worst)}."
    fixes: tuple[Fix, ...] = ()
    if status != "pass":
        clipping = [e for e, p in tried if p > good]
        message += (
            f" {len(clipping)} of {len(tried)} codecs exceed {good:g} dBTP;"
            f" {busiest.codec} most often, {_overs(busiest)}."
        )  # fmt: skip
        if status == "info":
            message += " Mastering will set the level."
        else:
            fixes = (GainMove("mix", -math.ceil(10.0 * (peak - good)) / 10.0),)
    message += f" {_how([e for e, _ in tried], mix.duration_s)}"
    if missing := [f"{e.codec} ({e.note})" for e in mix.encoded if e.true_peak_dbtp is None]:
        message += f" Not tried: {', '.join(missing)}."
    titles = {"pass": "No overs after lossy codecs", "info": "Lossy codecs lift peaks above full scale"}
    return (
        Finding(
            ID, status, severity(status), titles.get(status, "Lossy codecs make it clip"), message,
            evidence=tuple(m for e, _ in tried for m in _evidence(e)),
            measured=f"{peak:+.1f} dBTP as {worst.codec}", target=f"<= {good:g} dBTP", fixes=fixes,
        ),
    )  # fmt: skip


def _skipped(mix: Mix) -> Finding:
    surround = mix.source.channels > 2
    notes = sorted({e.note for e in mix.encoded or () if e.note})
    reason = (
        f"music of {mix.source.channels} channels is not streamed in these codecs" if surround else "; ".join(notes)
    )
    duration = (Measurement("duration_s", mix.duration_s, "s"),)
    return Finding(ID, "skipped", "none", TITLE, f"Skipped: {reason or 'no codec ran'}.", duration, measured="skipped")


def _how(tried: list[Encoded], duration_s: float) -> str:
    """What was encoded, by which encoders, and what was done to it before."""
    start_s, end_s = tried[0].start_s, tried[0].end_s
    whole = end_s - start_s >= duration_s
    what = "all of it" if whole else f"the loudest stretch, {clock(start_s)} to {clock(end_s)}"
    said = f"Encoded: {what}, by {', '.join(dict.fromkeys(e.encoder for e in tried))}."
    for note in dict.fromkeys(e.note for e in tried if e.note):
        of = [e.codec for e in tried if e.note == note]
        said += f" {'All' if len(of) == len(tried) else ', '.join(of)}: {note}."
    return said


def _rise(e: Encoded) -> str:
    return "" if e.rise_db is None else f" ({e.rise_db:+.1f} dB)"


def _overs(e: Encoded) -> str:
    return f"{e.overs} over{'' if e.overs == 1 else 's'}, {e.overs_per_minute:.0f} a minute"


def _evidence(e: Encoded) -> tuple[Measurement, ...]:
    key = "_".join(e.codec.lower().split()[:2])
    return (
        Measurement(f"{key}_true_peak_dbtp", e.true_peak_dbtp, "dBTP", e.true_peak_at_s),
        Measurement(f"{key}_rise_db", e.rise_db, "dB"),
        Measurement(f"{key}_overs_per_minute", e.overs_per_minute, "1/min", (e.start_s, e.end_s)),
    )
