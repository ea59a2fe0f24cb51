"""**Why it matters.** Mastering wants what the session has: its sample rate, 24 bit or float, nothing lossy.
A file that only claims so (16-bit data in a 24-bit container, an MP3 turned into a WAV, 44.1 kHz blown up to
96) lost it on the way.

**How it is measured.** The container's word against the samples: the finest bit ever set, and the frequency
above which the spectrum falls off a cliff, compared with the usual low-passes of lossy encoders and with half
of lower sample rates.

**References.** Abbey Road and Recording Academy delivery notes. The cliff detection is our judgement.
"""

from __future__ import annotations

from dsp.checks._wording import severity
from dsp.findings import ORDER, Advice, Finding, Measurement, Status
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "file-format", "File format", "delivery", ()
MEANS = "The bounce settings are not those of the session, or the file has been through a lossy encoder."
LISTEN = "Cymbals and reverb tails: grain, swirling, a lid on the treble."

#: Lower sample rates a file may have been converted from (Hz).
LOWER_RATES_HZ = (22_050, 32_000, 44_100, 48_000, 88_200, 96_000)
#: A cliff this share of half a lower rate, or just above it, gives the conversion away (resamplers roll off below it).
UPSAMPLED_FROM, UPSAMPLED_TO = 0.88, 1.01
#: Lossy encoders cut between these frequencies (MP3 and AAC at 96 to 320 kbit/s).
LOSSY_FROM_HZ, LOSSY_TO_HZ = 14_500.0, 20_600.0
#: Above this share of the sample rate a cliff is the anti-alias filter of an honest converter or synthesiser.
BAND_END = 0.44


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    source, bits = mix.source, mix.readings.bits_used
    status: Status = "pass"
    notes: list[str] = []
    fixes: list[str] = []

    def note(worse: Status, text: str, fix: str) -> None:
        nonlocal status
        status = max(status, worse, key=ORDER.index)
        notes.append(text)
        fixes.append(fix)

    cutoff = find_cutoff(mix.readings.gram)
    evidence = [Measurement("sample_rate_hz", source.sample_rate, "Hz")]
    evidence += [Measurement("bit_depth", source.bit_depth, "bit"), Measurement("bits_used", bits, "bit")]
    if cutoff is not None:
        evidence += [
            Measurement("cutoff_hz", cutoff.frequency_hz, "Hz"),
            Measurement("cutoff_drop_db", cutoff.drop_db, "dB"),
        ]
    if source.partial and mix.session is None:  # of a session the check `media` says what is missing
        note("problem", f"Only part of the file could be read: {source.partial}", "Bounce or copy the file again.")
    min_bits, min_rate = profile.number(ID, "min_bits"), profile.number(ID, "min_rate_hz")
    if source.lossy:
        cut = f", cut at {cutoff.frequency_hz / 1000:.1f} kHz" if cutoff else ""
        worse: Status = "problem" if profile.number(ID, "lossy_problem") else "warning"
        note(worse, f"{source.codec} is lossy{cut}", "Deliver WAV, AIFF or FLAC bounced from the session.")
    elif source.bit_depth is not None:
        if source.bit_depth < min_bits:
            note("warning", f"{source.bit_depth} bit, {min_bits:g} wanted", "Bounce in 24 bit or 32-bit float.")
        elif bits is not None and bits < min(min_bits, source.bit_depth):
            note(
                "warning",
                f"only {bits} of {source.bit_depth} bits are used",
                "Bounce from the session in 24 bit or float.",
            )
    if source.sample_rate < min_rate:
        note("problem", f"{source.sample_rate} Hz, {min_rate:g} wanted", "Bounce at the session's own rate.")
    if cutoff is not None and not source.lossy:
        text, fix = _origin(cutoff.frequency_hz, source.sample_rate)
        if text:
            note("warning", text, fix)
    depth = "lossy" if source.bit_depth is None else f"{source.bit_depth} bit"
    name = (
        f"{source.container} {depth}"
        + (" float" if source.codec == "float" else "")
        + f", {source.sample_rate / 1000:g} kHz"
    )
    message = f"{name}: " + ("; ".join(notes) if notes else "as mastering wants it") + "."
    title = "File fit for delivery" if status == "pass" else "File not as mastering wants it"
    return (
        Finding(
            ID, status, severity(status), title, message, tuple(evidence), measured=name,
            target=f">= {min_bits:g} bit, >= {min_rate / 1000:g} kHz, lossless", fixes=tuple(Advice(f) for f in fixes),
        ),
    )  # fmt: skip


def _origin(cutoff_hz: float, sample_rate: int) -> tuple[str, str]:
    """What a cliff in the spectrum of a lossless file gives away, and what to do; empty when nothing."""
    for rate in LOWER_RATES_HZ:
        if (
            rate < sample_rate
            and UPSAMPLED_FROM * rate / 2 <= cutoff_hz <= UPSAMPLED_TO * rate / 2
            and cutoff_hz > LOSSY_TO_HZ
        ):
            return (
                f"nothing above {cutoff_hz / 1000:.1f} kHz: probably converted up from {rate / 1000:g} kHz",
                "Bounce at the session's own rate; converting up adds nothing.",
            )
    if LOSSY_FROM_HZ <= cutoff_hz <= min(LOSSY_TO_HZ, BAND_END * sample_rate):
        return (
            f"the spectrum ends in a cliff at {cutoff_hz / 1000:.1f} kHz, as lossy encoders leave it",
            "If a lossy file was used on the way, go back to the original.",
        )
    return "", ""
