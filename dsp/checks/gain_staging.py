"""**Why it matters.** What clips on a track stays clipped however far its fader is down. Tracks that are too hot leave
no room for the sum, and a bus that overloads is mended by turning all tracks down together, not by a limiter.

**How it is measured.** Per stem the highest sample, its crest factor, flat tops at any ceiling (as the clipping check
finds them), and the noise in its gaps: the quietest steady level between the notes, where there are gaps that are not
silence. Tracks between -12 and -6 dBFS are in a good place; after a fader they may lie anywhere below, which is no
fault unless 16 bits hold them. Where the sum of the stems is too high, a stem's share in its peaks is that of its
power in the 10 ms in which the sum peaks. The trim is one gain for all stems, so the balance stays. Where the bus
did more than add, the level that went into it is judged, if these stems and what was found of the bus explain the mix.

**References.** Laguna and Lerch 2016, AES 141 (clipping); Recording Academy Producers & Engineers Wing (peaks of a mix
between -6 and -3 dBFS); GP Tools, recording level reference, and orphiq, gain staging (tracks between -12 and -6 dBFS).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from dsp.checks._naming import listed
from dsp.checks._wording import clock, clocks, severity
from dsp.findings import Advice, Cause, Finding, Fix, GainMove, Measurement, Status
from dsp.listening.causes_peaks import peak_shares
from dsp.meters.level import Level
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems import trims
from dsp.stems.model import Stem, Stems
from dsp.stems.trims import Clips, Overload

ID, TITLE, DIMENSION, NEEDS = "gain-staging", "Gain staging", "gain staging", ("stems",)
MEANS = "A track was recorded or exported too hot, or the faders crept up until the bus had no room left."
LISTEN = "The named stems alone at their loudest hits: crackle, or strokes that have lost their front edge?"

#: The bus did nothing but add where the mix is the sum up to this much (dB, of the mix).
PLAIN_DB = -25.0
#: Where it did more, the stems are what went into it if what was found of the bus leaves no more than this (dB of the
#: mix; our judgement: the right stems leave -35 to -60, stems at other levels -25 and more).
EXPLAINED_DB = -30.0
#: A ceiling this close to full scale (dBFS) is that of the export or the recorder, a lower one lies before the fader.
EXPORT_DBFS = -0.3
#: At most so many times of each stem are evidence, and stems are described one by one.
MOST_TIMES, MOST_DESCRIBED = 12, 4


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stems = mix.stems
    assert stems is not None  # NEEDS stems
    number = partial(profile.number, ID)
    found: list[Finding] = []
    found += _clipped(stems, mix.source.sample_rate, number("shape_share"), number("clipped_runs"))
    found += _hot(stems, number("hot_dbfs"), number("overload_dbfs"))
    found += _bus(stems, mix, number)
    found += _quiet(stems, number("few_bits"))
    found += _noisy(stems, number("noise_db"))
    return (*found, _overview(stems, number("low_dbfs"), number("high_dbfs")))


def _say(
    status: Status, title: str, message: str, *, evidence: Sequence[Measurement], measured: str, target: str,
    cause: Sequence[Cause] = (), fixes: Sequence[Fix] = (),
) -> Finding:  # fmt: skip
    return Finding(
        ID, status, severity(status), title, message, tuple(evidence), measured=measured, target=target,
        cause=tuple(cause), fixes=tuple(fixes),
    )  # fmt: skip


def _clipped(stems: Stems, sample_rate: int, shape_share: float, problem_runs: float) -> list[Finding]:
    """Stems with flat tops: those that hit a ceiling, and those that are flat throughout."""
    every = [c for s in stems.sounding if (c := trims.clips(s, sample_rate))]
    shaped = [c for c in every if c.share > shape_share]
    hit = sorted((c for c in every if c.share <= shape_share), key=lambda c: -len(c.at_s))
    found = []
    if hit:
        status: Status = "problem" if any(c.runs >= problem_runs for c in hit) else "warning"
        total = sum(len(c.at_s) for c in hit)
        message = " ".join(_clip_words(c) for c in hit[:MOST_DESCRIBED])
        if len(hit) > MOST_DESCRIBED:
            message += f" And {len(hit) - MOST_DESCRIBED} more stems."
        found.append(
            _say(status, "Clipped stems", message, evidence=[m for c in hit for m in _clip_evidence(c)],
                 measured=f"{len(hit)} clipped", target="none clipped",
                 cause=[Cause(c.stem.name, len(c.at_s) / total) for c in hit],
                 fixes=[Advice(_mend(c), c.stem.name) for c in hit])
        )  # fmt: skip
    if shaped:
        names = listed([f"'{c.stem.name}' ({c.share:.0%} of its time)" for c in shaped])
        message = f"Flat tops throughout: {names}. That is a pulse wave or distortion that was meant, if it sounds so."
        found.append(
            _say("info", "Flat-topped stems", message, evidence=[m for c in shaped for m in _clip_evidence(c)],
                 measured=f"{len(shaped)} flat-topped", target="as meant", cause=[Cause(c.stem.name) for c in shaped])
        )  # fmt: skip
    return found


def _clip_words(c: Clips) -> str:
    events = len(c.at_s)
    return (
        f"'{c.stem.name}' is clipped at {c.ceiling_dbfs:.1f} dBFS, {events} time{'s' if events > 1 else ''}"
        f" ({clocks(c.at_s)}), up to {c.longest_samples} samples long."
    )


def _clip_evidence(c: Clips) -> list[Measurement]:
    return [
        Measurement("stem_clip_ceiling_dbfs", c.ceiling_dbfs, "dBFS", float(c.at_s[0])),
        Measurement("stem_clipped_runs", float(c.runs), "runs"),
        *(Measurement("stem_clipped_at", c.ceiling_dbfs, "dBFS", float(t)) for t in c.at_s[:MOST_TIMES]),
    ]


def _mend(c: Clips) -> str:
    if c.ceiling_dbfs >= EXPORT_DBFS:
        return "Export it again at a lower level; if the recording itself is clipped, take another take or de-clip it."
    return (
        "The ceiling lies below full scale, so it clipped before its fader: in the recording or a plugin. Take another"
        " take, lower the level into that plugin, or de-clip it."
    )


def _hot(stems: Stems, hot_dbfs: float, full_dbfs: float) -> list[Finding]:
    """Stems without room above their peak."""
    hot = [s for s in stems.sounding if _peak(s) > hot_dbfs]
    if not hot:
        return []
    hot.sort(key=lambda s: -_peak(s))
    over = [s for s in hot if _peak(s) > full_dbfs]
    names = listed([f"'{s.name}' {_peak(s):+.1f} dBFS" for s in hot])
    message = f"Peaks above {hot_dbfs:g} dBFS: {names}."
    fixes: list[Fix] = []
    if over:
        message += " Above full scale a file is only whole in floating point; any fixed-point copy of it clips."
        fixes = [Advice("Export it again with its peaks below full scale, best below -6 dBFS.", s.name) for s in over]
    else:
        message += " Nothing is lost yet; lower them before they meet a plugin or a fixed-point export."
    evidence = [Measurement("stem_peak_dbfs", _peak(s), "dBFS", s.readings.level.sample_peak_at_s) for s in hot]
    return [
        _say("warning" if over else "info", "Hot stems", message, evidence=evidence,
             measured=f"{_peak(hot[0]):+.1f} dBFS", target=f"<= {hot_dbfs:g} dBFS",
             cause=[Cause(s.name) for s in hot], fixes=fixes)
    ]  # fmt: skip


def _peak(stem: Stem) -> float:
    peak = stem.readings.level.sample_peak_dbfs
    assert peak is not None  # sounding
    return peak


def _bus(stems: Stems, mix: Mix, number: Callable[[str], float]) -> list[Finding]:
    """The sum: where it is too high, who makes it so, and the one trim for all."""
    level = _level_of_sum(stems, mix)
    peak, limit, full = level.sample_peak_dbfs if level else None, number("bus_dbfs"), number("overload_dbfs")
    if level is None or peak is None or peak <= limit:
        return []
    above = full if peak > full else limit
    over = trims.overloads(level, above)
    if not over:
        return []
    shares, trim = _shares(stems, mix, over), round(number("bus_target_dbfs") - peak - 0.05, 1)
    who = listed([f"'{name}' makes {share:.0%}" for name, share in shares], 3)
    where = "" if level is mix.readings.level else " before the bus works on it"
    message = (
        f"The sum of the stems peaks at {peak:+.1f} dBFS{where} and is above {above:g} dBFS {_stretches(over)}. There"
        f" {who} of its peaks. {trim:+.1f} dB on every"
        f" stem brings the bus to {number('bus_target_dbfs'):g} dBFS and leaves the balance as it is."
    )
    if where:
        message += " What works on the bus then gets less level: lower its thresholds by as much, or take it off."
    evidence = [Measurement("bus_peak_dbfs", peak, "dBFS", level.sample_peak_at_s)]
    evidence += [Measurement("bus_above_dbfs", o.peak_dbfs, "dBFS", (o.start_s, o.end_s)) for o in over[:MOST_TIMES]]
    fixes: list[Fix] = [GainMove(s.name, trim) for s in stems.stems]
    return [
        _say("warning" if peak > full else "info", "The sum is too high", message, evidence=evidence,
             measured=f"sum {peak:+.1f} dBFS", target=f"<= {limit:g} dBFS",
             cause=[Cause(name, share) for name, share in shares], fixes=fixes)
    ]  # fmt: skip


def _level_of_sum(stems: Stems, mix: Mix) -> Level | None:
    """Levels of what goes into the bus, where that is known: of the mix where the bus only added."""
    if stems.sum_level is None or trims.bus_gain_db(stems, PLAIN_DB) is not None:
        return mix.readings.level
    explained = stems.bus.left.explained_db if stems.bus and stems.bus.left else None
    return stems.sum_level if explained is not None and explained <= EXPLAINED_DB else None


def _shares(stems: Stems, mix: Mix, over: Sequence[Overload]) -> list[tuple[str, float]]:
    """The stems that make the peaks of these stretches, and how much of them, highest first."""
    shares, _ = peak_shares(mix, stems, [(o.start_s, o.end_s) for o in over])
    pairs = zip((s.name for s in stems.sounding), shares.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])


def _stretches(over: Sequence[Overload]) -> str:
    """Where the sum is too high, in words: the highest places first."""
    seconds = sum(o.end_s - o.start_s for o in over)
    if len(over) == 1:
        return f"from {clock(over[0].start_s)} to {clock(over[0].end_s)}"
    return f"in {len(over)} places, {seconds:.1f} s together (highest at {clocks([o.at_s for o in over])})"


def _quiet(stems: Stems, few_bits: float) -> list[Finding]:
    """Stems so low that 16 bits hold them badly; in 24 bits or floating point a low level costs nothing."""
    low = []
    for s in stems.sounding:
        bits = s.source.bit_depth
        if bits and bits <= 16 and not s.source.lossy and s.source.codec != "float":
            left = trims.bits_left(s.readings.level, bits)
            if left is not None and left < few_bits:
                low.append((s, left))
    if not low:
        return []
    low.sort(key=lambda pair: pair[1])
    names = listed([f"'{s.name}' ({_peak(s):.0f} dBFS)" for s, _ in low])
    message = f"16-bit stems that use few of their bits: {names}."
    message += " Export them in 24 bits or floating point; then their level costs nothing."
    evidence = [Measurement("stem_bits", left, "bits", s.readings.level.sample_peak_at_s) for s, left in low]
    return [
        _say("info", "Quiet 16-bit stems", message, evidence=evidence, measured=f"{low[0][1]:.0f} bits",
             target=f">= {few_bits:g} bits", cause=[Cause(s.name) for s, _ in low],
             fixes=[Advice("Export it in 24 bits or floating point.", s.name) for s, _ in low])
    ]  # fmt: skip


def _noisy(stems: Stems, noise_db: float) -> list[Finding]:
    """Stems whose gaps hold steady noise not far below the music."""
    noisy = []
    for s in stems.sounding:
        floor, loud = trims.noise_floor_dbfs(s.readings.level), trims.loud_dbfs(s.readings.level)
        if floor is not None and loud is not None and loud - floor < noise_db:
            noisy.append((s, floor, loud - floor))
    if not noisy:
        return []
    noisy.sort(key=lambda row: row[2])
    words = listed([f"'{s.name}' {under:.0f} dB below its loud parts" for s, _, under in noisy])
    message = f"A steady level in the gaps: noise, hum or spill, {words}. Mute it between the notes if it is not music."
    evidence = [Measurement("stem_noise_dbfs", floor, "dBFS") for _, floor, _ in noisy]
    return [
        _say("info", "Noise between the notes", message, evidence=evidence, measured=f"{noisy[0][2]:.0f} dB below",
             target=f">= {noise_db:g} dB below", cause=[Cause(s.name) for s, _, _ in noisy],
             fixes=[Advice("Mute or gate it where it does not play.", s.name) for s, _, _ in noisy])
    ]  # fmt: skip


def _overview(stems: Stems, low_dbfs: float, high_dbfs: float) -> Finding:
    """Peak, crest and noise of every stem."""
    ordered = sorted(stems.sounding, key=lambda s: -_peak(s))
    first, last = ordered[0], ordered[-1]
    inside = sum(low_dbfs <= _peak(s) <= high_dbfs for s in ordered)
    message = f"Highest '{first.name}' at {_peak(first):.1f} dBFS, lowest '{last.name}' at {_peak(last):.1f} dBFS;"
    message += f" {inside} of {len(ordered)} between {low_dbfs:g} and {high_dbfs:g} dBFS. Below, nothing is lost."
    evidence = []
    for s in ordered:
        level = s.readings.level
        evidence.append(Measurement("stem_peak_dbfs", level.sample_peak_dbfs, "dBFS", level.sample_peak_at_s))
        evidence.append(Measurement("stem_crest_db", level.crest_db, "dB"))
        if (floor := trims.noise_floor_dbfs(level)) is not None:
            evidence.append(Measurement("stem_noise_dbfs", floor, "dBFS"))
    return _say(
        "pass", "Levels of the stems", message, evidence=evidence, measured=f"highest {_peak(first):.1f} dBFS",
        target=f"{low_dbfs:g} to {high_dbfs:g} dBFS, or below",
    )  # fmt: skip
