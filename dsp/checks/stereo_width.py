"""**Why it matters.** Width is what separates a mix from a pile of tracks, and too much of it falls apart: what
is wider than unrelated channels is partly out of phase, and loses in mono and on headphones. A stereo file whose
channels are equal is a mono mix, often a wrong export.

**How it is measured.** The share of the side (L - R) in the energy of mid and side, in every region of the
spectrum and over three seconds at a time, against what is usual in the genre: 0 is mono, a half unrelated
channels, 1 opposite polarity. Below -60 dB of side the file is dual mono.

**References.** bounce-house (side over total 0.2 to 0.4 of a whole mix; below 0.08 lifeless); opendaw (side over
mid below 0.1 narrow, above 0.8 very wide); MUSDB18 stems by Sony's FxNorm-automix (bass 0.97, others 0.84 alike);
Essentia's FalseStereoDetector. The ranges by genre are in `presets/genres` and mostly our judgement.
"""

from __future__ import annotations

import numpy as np

from dsp.checks._wording import clock, severity, spans
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.listening.width import WINDOW_S, RegionWidth, region_widths
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "stereo-width", "Stereo width", "stereo", ("sound", "stereo")
MEANS = "Wideners, doublers and reverbs; or everything panned to the centre."
LISTEN = "Headphones, then mono: is width pleasant, and does anything lose its place?"

#: At most this many passages of a region are listed as evidence.
MOST_SPANS = 6


def _passages(width: RegionWidth, low: float, high: float, wide: bool) -> list[tuple[float, float]]:
    """Where a region is outside its range on the side that is meant."""
    curve = np.nan_to_num(width.side_share_curve, nan=(low + high) / 2)
    return spans(width.at_s[curve > high if wide else curve < low].tolist(), WINDOW_S)


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stereo, genre = mix.readings.stereo, profile.genre
    assert stereo is not None  # NEEDS stereo
    side = stereo.side_ratio_db
    evidence = [Measurement("side_ratio_db", side, "dB"), Measurement("correlation", stereo.correlation, "")]
    target = f"usual for {genre.title.lower()}"
    if stereo.dual_mono:
        return (
            Finding(
                ID, "info", "low", "Dual mono", "Left and right are the same: this is a mono mix in a stereo file.",
                tuple(evidence), measured="mono", target=target,
                fixes=(Advice("If stereo was meant, look for a mono button, plugin or export setting on the bus."),),
            ),
        )  # fmt: skip
    if stereo.one_sided:
        return (
            Finding(
                ID, "undetermined", "low", "Width: undetermined", f"Only the {stereo.one_sided} channel sounds.",
                tuple(evidence), measured="one channel", target=target,
            ),
        )  # fmt: skip
    widths = [w for w in region_widths(mix) if w.counts]
    if mix.duration_s < profile.number(ID, "shortest_s") or not widths:
        message = f"{mix.duration_s:.1f} s are too short to tell the width of a song from that of a moment."
        return (
            Finding(
                ID, "undetermined", "low", "Width: undetermined", message, tuple(evidence),
                measured="too short", target=target,
            ),
        )  # fmt: skip
    wide, narrow = [], []
    for w in widths:
        low, high = genre.width(w.region.name)
        band = (w.region.low_hz, w.region.high_hz)
        evidence += [
            Measurement(f"{w.region.name}_side_share", w.side_share, "", band_hz=band),
            Measurement(f"{w.region.name}_correlation", w.correlation, "", band_hz=band),
        ]
        if w.side_share > high:
            wide.append((w, high, _passages(w, low, high, wide=True)))
        elif w.side_share < low:
            narrow.append((w, low, _passages(w, low, high, wide=False)))
    status: Status = "pass"
    notes, fixes = [], list[Fix]()
    for w, limit, where in (*wide, *narrow):
        beyond = w.side_share > limit
        times = ", ".join(f"{clock(a)}-{clock(b)}" for a, b in where[:3]) or "throughout"
        notes.append(
            f"the {w.region.label} ({w.region.low_hz:g}-{w.region.high_hz:g} Hz) is {'wide' if beyond else 'narrow'}:"
            f" {w.side_share:.0%} side, usual is {'at most' if beyond else 'at least'} {limit:.0%} ({times})"
        )
        evidence += [
            Measurement(
                f"{'wide' if beyond else 'narrow'}_{w.region.name}", w.side_share, "", span,
                (w.region.low_hz, w.region.high_hz),
            )
            for span in where[:MOST_SPANS]
        ]  # fmt: skip
    words = "no mid" if side is None else f"{side:.1f} dB side"
    message = "There is nothing in the centre." if side is None else f"The side lies {-side:.1f} dB below the mid."
    title = "Width as usual"
    if notes:
        message += " T" + "; ".join(notes)[1:] + "."
    if narrow:
        status, title = "info", "Narrow"
        fixes.append(Advice("If it sounds flat, pan doubles and rooms wider there; a mono core needs no mending."))
    if wide:
        far = any(w.side_share > profile.number(ID, "out_of_phase") for w, _, _ in wide)
        status, title = ("warning", "Too wide") if far else ("info", "Wide")
        message += " More side than mid means that parts are out of phase." if far else ""
        fixes.append(
            Advice("Narrow wideners, doublers and stereo reverbs there, then listen in mono and on headphones.")
        )
    return (
        Finding(
            ID, status, severity(status), title, message, tuple(evidence),
            measured=words, target=target, fixes=tuple(fixes),
        ),
    )  # fmt: skip
