"""**Why it matters.** Listeners hear a song after other songs. A mix that leaves the balance they are used to
sounds muddy, harsh or dull there, and mastering can only tilt all of it at once.

**How it is measured.** The mean spectrum of the loud parts in third octaves, gated like loudness, beside the
average of a genre. The level is matched over 200 Hz to 2 kHz by a robust mean, so neither a fader nor
mastering changes the verdict. The deviation, smoothed over half an octave, is judged against the spread of
the genre: beyond one standard deviation it is mentioned, beyond 1.5 it is a warning, beyond 2 and 3 dB a
problem. Below 100 Hz the averages are uncertain and songs differ most: there only an excess counts, against
twice the spread, and nothing is corrected. What is missing may not be in the arrangement: too little treble
is never a problem, and without a named genre no shortfall is. Bands with nothing in them, above a low-pass or
half the sample rate, are not judged. `modern` stands for music whose genre nobody named and spreads
accordingly wide; naming the genre judges more closely. The nearest genre is a suggestion, its distance the
mean deviation in dB; nothing depends on it.

**References.** Elowsson and Friberg, AES 142 (2017), paper 9762; Pestana et al., AES 135 (2013), paper 8960;
De Man et al. (2014); MUSDB18; FMA; GTZAN. Each genre file of `presets/genres` says what it was made of.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._tonal import band_name, hertz, meaning, moves
from dsp.checks._wording import clock, severity, spans
from dsp.findings import ORDER, Advice, EqMove, Finding, Fix, Measurement, Status
from dsp.listening.tonal import EDGE, MATCH_HZ, Nearness, Range, TonalBalance, compare, nearest, passages
from dsp.meters.cutoff import find_cutoff
from dsp.mix import Mix
from dsp.profile import DEFAULT_GENRE, Profile, genre_names, load_genre

ID, TITLE, DIMENSION, NEEDS = "frequency-balance", "Frequency balance", "frequency balance", ()
MEANS = "The room or the monitors hide it, one track carries too much of that region, or it is the sound you want."
LISTEN = "That region alone through a steep band-pass, beside a song of the genre at equal loudness."

#: The first thing to do about something missing where no genre was named.
UNNAMED = Advice("Name the genre (--genre) or a reference (--reference) first: it may not belong in this music.")
#: At most so many ranges are reported, and so many passages named for each.
MOST_RANGES, MOST_PASSAGES = 6, 3
#: More passages than this share of all is "all through".
THROUGHOUT = 0.8


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    loud_s = float(mix.loud_frames.sum()) * mix.readings.gram.frame_s
    least_s, least_bands = profile.number(ID, "least_s"), int(profile.number(ID, "least_bands"))
    if mix.silent:
        return (_undetermined("the file is digital silence", loud_s, least_s),)
    if loud_s < least_s:
        why = f"only {loud_s:.1f} s of it is loud enough to count; excerpts that short stray by several dB"
        return (_undetermined(why, loud_s, least_s),)
    gram = mix.readings.gram
    cutoff = find_cutoff(gram)
    ends_hz = cutoff.frequency_hz if cutoff else None
    genres = [profile.genre, *(load_genre(n) for n in genre_names() if n != profile.genre.name)]
    balances = [compare(mix.spectrum, gram.band_hz, genre, ends_hz) for genre in genres]
    balance = balances[0]
    if balance.anchors < least_bands:
        why = (
            f"only {balance.anchors} of the 11 third octaves from {MATCH_HZ[0]:g} Hz to {MATCH_HZ[1] / 1000:g} kHz "
            "hold anything: this is not a whole mix"
        )
        return (_undetermined(why, loud_s, least_s),)
    low_factor = profile.number(ID, "low_factor")
    inform = profile.number(ID, "inform_sigma")
    near = nearest(balances)
    notes = _notes(balance, near, ends_hz)
    shared = _evidence(balance, near)
    found = balance.ranges(inform, low_factor)[:MOST_RANGES]
    if not found:
        worst = float(np.abs(balance.sigmas(low_factor)).max(initial=0.0))
        title = balance.genre.title
        return (
            Finding(
                ID, "pass", "none", "Balanced",
                f"Every region lies within {inform:g} sigma of {title.lower()} (at most {worst:.1f}).{notes}", shared,
                measured=f"{worst:.1f} sigma", target=f"<= {inform:g} sigma of {title.lower()}",
            ),
        )  # fmt: skip
    findings = [_finding(mix, profile, balance, r, ends_hz) for r in found]
    findings.sort(key=lambda f: -ORDER.index(f.status))
    first = findings[0]
    findings[0] = Finding(
        ID, first.status, first.severity, first.title, first.message + notes, first.evidence + shared,
        measured=first.measured, target=first.target, fixes=first.fixes,
    )  # fmt: skip
    return tuple(findings)


def _undetermined(why: str, loud_s: float, least_s: float) -> Finding:
    return Finding(
        ID, "undetermined", severity("undetermined"), "Balance not judged", f"Not judged: {why}.",
        (Measurement("loud_s", loud_s, "s"),), measured="not judged", target=f">= {least_s:g} s of sound",
    )  # fmt: skip


def _status(profile: Profile, balance: TonalBalance, found: Range) -> Status:
    """Of one range; bands below the measured part of the curve alone are never a problem.

    What is missing may simply not be in the arrangement: a string orchestra has no air, and where nobody named
    a genre nobody promised any. So too little is never a problem there, and too little treble never is one.
    """
    worst = _worst(profile, found)
    status = _by_spread(profile, balance, found)
    return min(status, worst, key=ORDER.index)


def _worst(profile: Profile, found: Range) -> Status:
    """The most that a range can be."""
    if found.deviation_db > 0.0:
        return "problem"
    treble, named = found.region.name in ("sibilance", "air"), profile.genre.name != DEFAULT_GENRE
    return "problem" if named and not treble else "warning" if named or not treble else "info"


def _by_spread(profile: Profile, balance: TonalBalance, found: Range) -> Status:
    """How bad a range is by the spread of its genre."""
    sigmas, size_db = abs(found.sigmas), abs(found.deviation_db)
    if sigmas <= profile.number(ID, "warning_sigma"):
        return "info"
    wide = found.octaves >= profile.number(ID, "problem_octaves") - 0.01
    if sigmas <= profile.number(ID, "problem_sigma") or size_db < profile.number(ID, "problem_db") or not wide:
        return "warning"
    return "problem" if balance.judged[found.first : found.last + 1].any() else "warning"


def _finding(mix: Mix, profile: Profile, balance: TonalBalance, found: Range, ends_hz: float | None) -> Finding:
    status = _status(profile, balance, found)
    hot = found.deviation_db > 0.0
    word = "hot" if hot else "short"
    size, genre = abs(found.deviation_db), balance.genre.title.lower()
    may_be, _ = meaning(found)
    where, at_s = _where(mix, profile, balance, found, ends_hz)
    message = (
        f"{band_name(found.peak_hz)} is {size:.0f} dB {word} beside {genre} ({abs(found.sigmas):.1f} sigma), "
        f"{hertz(found.low_hz)} to {hertz(found.high_hz)}{where}. Perhaps {may_be}."
    )
    fixes: tuple[Fix, ...] = ()
    if status in ("warning", "problem"):
        judged_hz = balance.band_hz[balance.judged]
        within_hz = (float(judged_hz[0] / EDGE), float(judged_hz[-1] * EDGE))
        fixes = moves(
            found,
            within_hz,
            share=profile.number(ID, "move_share"),
            most_db=profile.number(ID, "move_db"),
            hollow_db=profile.number(ID, "hollow_db"),
        )
        if not hot and profile.genre.name == DEFAULT_GENRE:  # nothing is boosted for a genre nobody named
            fixes = (UNNAMED, *(f for f in fixes if not isinstance(f, EqMove)))
    band_hz = (found.low_hz, found.high_hz)
    evidence = (
        Measurement("deviation_db", found.deviation_db, "dB", at_s, band_hz),
        Measurement("deviation_sigma", found.sigmas, "sigma", None, band_hz),
    )
    inform = profile.number(ID, "inform_sigma")
    return Finding(
        ID, status, severity(status), f"{found.region.name.capitalize()} {word}", message, evidence,
        measured=f"{band_name(found.peak_hz)} {found.deviation_db:+.0f} dB", target=f"<= {inform:g} sigma of {genre}",
        fixes=fixes,
    )  # fmt: skip


def _where(
    mix: Mix, profile: Profile, balance: TonalBalance, found: Range, ends_hz: float | None
) -> tuple[str, tuple[float, float] | None]:
    """Where in the song the range deviates: in words, and the passage where it does most."""
    window_s = max(profile.number(ID, "passage_s"), mix.duration_s / 100.0)
    bands, sign = slice(found.first, found.last + 1), np.sign(found.deviation_db)
    seen: list[tuple[float, float, float]] = []
    for start_s, end_s, power in passages(mix, window_s):
        smooth = compare(power, balance.band_hz, balance.genre, ends_hz).smooth_db[bands]
        if np.isfinite(smooth).any():
            seen.append((float(sign * np.nanmean(smooth / balance.sigma_db[bands])), start_s, end_s))
    if not seen:
        return "", None
    _, start_s, end_s = max(seen)
    limit = profile.number(ID, "inform_sigma")
    off = [start for size, start, _ in seen if size > limit]
    if len(off) > THROUGHOUT * len(seen):
        return ", all through", (start_s, end_s)
    named = spans(off, window_s)[:MOST_PASSAGES]
    words = " and ".join(f"{clock(a)}-{clock(min(b, mix.duration_s))}" for a, b in named)
    return f", mostly at {words or f'{clock(start_s)}-{clock(end_s)}'}", (start_s, end_s)


def _notes(balance: TonalBalance, near: tuple[Nearness, ...], ends_hz: float | None) -> str:
    """What was not judged, and the nearest genre."""
    text = ""
    present = balance.band_hz[balance.present]
    top_hz = min(float(present[-1] * EDGE), ends_hz or np.inf)
    if top_hz < balance.genre.high_hz * 0.95:
        reason = "is cut off" if ends_hz is not None else "ends"
        text = f" The spectrum {reason} near {hertz(top_hz)}; nothing above is judged."
    if near:
        text += f" Nearest genre (a suggestion only): {near[0].genre.title} at {near[0].distance_db:.1f} dB"
        own = next(n for n in near if n.genre is balance.genre)
        text += "." if own is near[0] else f"; {own.genre.title} at {own.distance_db:.1f} dB."
    return text


def _evidence(balance: TonalBalance, near: tuple[Nearness, ...]) -> tuple[Measurement, ...]:
    """The mean deviation of every region, and the distance of the genre and of the nearest one."""
    regions = tuple(
        Measurement(f"{r.name.replace('-', '_')}_db", value, "dB", None, (r.low_hz, r.high_hz))
        for r, value in balance.regions()
    )
    distances = tuple(
        Measurement(f"distance_{n.genre.name.replace('-', '_')}_db", n.distance_db, "dB")
        for n in near
        if n is near[0] or n.genre is balance.genre
    )
    return regions + distances
