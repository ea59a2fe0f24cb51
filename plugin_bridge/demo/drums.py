"""The drum kit in one Faust program: seven struck sources, and every microphone hears all of them.

Each microphone has its own distance to each drum, so all inter-microphone delays are plain times of flight of
the same hits. Outputs: Kick In, Kick Out, Snare Top, Snare Bottom, Overheads left and right, Room left and
right. The snare's lower microphone is delivered with its polarity already turned over, in phase with the top.
"""

from __future__ import annotations

from typing import Final

EVENTS_DSP: Final = """
import("stdfaust.lib");
// A control track: code + velocity at a note's first sample, -1 at its end, 0 in between.
onset(x) = x > 0;
code(x) = ba.sAndH(onset(x), floor(x));
strike(x) = onset(x) * (x - floor(x));
velocity(x) = ba.sAndH(onset(x), x - floor(x));
held(x) = ba.sAndH(x != 0, onset(x));
pole60(t60) = pow(0.001, 1.0 / (t60 * ma.SR));
// An exponential decay by 60 dB in t60 seconds; a weaker hit never cuts a stronger one short.
decay(t60, hit) = (max(hit) ~ *(pole60(t60)));
"""

DRUMS_DSP: Final = (
    EVENTS_DSP
    + """
noise(i) = no.noises(8, i);
attack = fi.lowpass(1, 900);
air(metres) = @(int(metres / 343.0 * ma.SR));
mode(hz, t60, gain) = pm.modeFilter(hz, t60, gain) with { pm = library("physmodels.lib"); };
swept(from, to, glide, x) = phase : *(2 * ma.PI) : sin with {
    hz = to + (from - to) * decay(glide, onset(x)) + 14 * strike(x);
    phase = (*(1 - onset(x)) : +(hz / ma.SR)) ~ _;
};

// Kick: a falling sine for the head, a short noise for the beater.
kick(x) = body, beater with {
    level = strike(x) : pow(_, 1.4);
    body = swept(150, 51, 0.11, x) * (decay(0.42, level) : fi.lowpass(1, 400));
    beater = noise(0) * decay(0.035, level) : fi.svf.bp(3200, 0.9) : +(noise(1) * decay(0.010, level) * 0.3);
};

// Snare: four modes of the head under a burst of noise, and the wires' longer noise below.
snare(x) = head, wires with {
    level = strike(x) : pow(_, 1.3);
    burst = noise(2) * decay(0.018, level) : fi.lowpass(2, 5200);
    head = burst <: mode(187, 0.20, 1.0), mode(331, 0.13, 0.7), mode(429, 0.10, 0.45), mode(612, 0.08, 0.35)
        :> *(0.042) : +(burst * 0.45);
    wires = noise(3) * (decay(0.24, level) * 0.7 + decay(0.05, level)) : fi.highpass(2, 900)
        : fi.svf.bell(4200, 0.7, 4) : fi.lowpass(2, 11500);
};

// Hi-hat and cymbals: noise through a cluster of inharmonic resonances.
metal(base, n) = n <: par(i, 7, fi.svf.bp(base * ba.take(i + 1, partials), 16)) :> *(0.10);
partials = 1.0, 1.34, 1.73, 2.19, 2.61, 3.07, 3.64;
hat(x) = (n : metal(2900)) * 0.8 + n * 0.55 : fi.highpass(3, 5200) : fi.svf.hs(11000, 0.7, -3) with {
    level = strike(x) : pow(_, 1.5);
    n = noise(4) * decay(0.02 + code(x) * 0.01, level);
};
crash(x) = (n : metal(1400)) * 1.6 + n * 0.5 : fi.highpass(2, 900) : fi.svf.hs(9000, 0.7, -4) with {
    level = strike(x);
    n = noise(5) * (decay(code(x) * 0.01, level) * 0.55 + decay(0.35, level) * 0.35 : fi.lowpass(1, 90));
};
ride(x) = (n : metal(2300)) * 1.2 + n * 0.15 + ping : fi.highpass(2, 1500) with {
    level = strike(x) : pow(_, 1.4);
    n = noise(6) * (decay(code(x) * 0.01, level) * 0.35 + decay(0.06, level) * 0.5);
    ping = noise(6) * decay(0.006, level)
        <: mode(3150, 0.5, 0.04), mode(4480, 0.4, 0.04), mode(5870, 0.3, 0.03) :> _;
};
tom(hz, x) = swept(hz * 1.5, hz, 0.12, x) * (decay(0.55, level) : attack) + slap with {
    level = strike(x) : pow(_, 1.3);
    slap = noise(7) * decay(0.03, level) : fi.svf.bp(1900, 0.8) : *(0.6);
};

process(k, s, h, c, r, t, f) = kickIn, kickOut, snareTop, snareBottom, overhead(0), overhead(1), room
with {
    kickBody = kick(k) : _, !;
    kickBeater = kick(k) : !, _;
    snareHead = snare(s) : _, !;
    snareWires = snare(s) : !, _;
    hihat = hat(h); crashed = crash(c); riding = ride(r); rack = tom(139, t); floorTom = tom(87, f);
    shells = (rack + floorTom) * 0.6;
    cymbals = hihat + crashed + riding;

    kickIn = kickBody * 0.75 + kickBeater * 1.5 + (snareHead : air(0.7)) * 0.02
        : fi.highpass(2, 30) : fi.svf.bell(340, 0.9, -5) : ma.tanh;
    // The outside microphone stands a quarter of a metre behind the inside one.
    kickOut = ((kickBody * 0.85 + kickBeater * 0.35) : air(0.25)) + (snareHead : air(0.8)) * 0.04
        + (shells : air(0.7)) * 0.05
        : fi.highpass(2, 28) : fi.lowpass(2, 3500) : fi.svf.bell(62, 1.0, 2) : *(1.2) : ma.tanh;
    snareTop = snareHead + snareWires * 0.42 + (hihat : air(0.35)) * 0.06 + (kickBody : air(0.6)) * 0.03
        + (shells : air(0.4)) * 0.05
        : fi.highpass(2, 90) : fi.svf.bell(4600, 0.8, 3) : *(0.8) : ma.tanh;
    snareBottom = (snareHead * 0.35 + snareWires : air(0.12)) + (kickBody : air(0.5)) * 0.04
        : fi.highpass(2, 140);

    // Spaced pair, snare and kick equally far from both so that they stay in the middle.
    overhead(side) = kitFrom(side) : fi.highpass(2, 110);
    kitFrom(side) = (kickBody * 0.10 + kickBeater * 0.30 : air(1.95))
        + (snareHead * 0.34 + snareWires * 0.30 : air(1.70))
        + (hihat : nearer(side, 0, 1.15, 1.60)) * spread(side, 0, 0.75, 0.47)
        + (crashed : nearer(side, 0, 0.95, 1.55)) * spread(side, 0, 0.80, 0.48)
        + (riding : nearer(side, 1, 1.00, 1.50)) * spread(side, 1, 0.75, 0.46)
        + (rack : nearer(side, 0, 1.25, 1.40)) * spread(side, 0, 0.50, 0.40)
        + (floorTom : nearer(side, 1, 1.20, 1.45)) * spread(side, 1, 0.58, 0.44);
    nearer(side, home, near, far) = _ <: select2(side == home, air(far), air(near));
    spread(side, home, near, far) = select2(side == home, far, near);

    // The room hears the kit from four metres, through a short diffuse reverb, a little narrower than life.
    room = kickBody * 0.5 + kickBeater * 0.2 + snareHead * 0.5 + snareWires * 0.4 + shells * 0.6
        + cymbals * 0.22
        : air(4.0) <: (_, (_ <: _, _ : re.zita_rev1_stereo(4, 160, 4500, 0.55, 0.45, 48000)))
        : narrow : par(i, 2, fi.highpass(2, 120) : fi.lowpass(1, 9000));
    narrow(direct, l, r) = direct * 0.25 + 0.8 * l + 0.35 * r, direct * 0.25 + 0.8 * r + 0.35 * l;
};
"""
)
