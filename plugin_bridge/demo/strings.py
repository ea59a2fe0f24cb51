"""Bass guitar and two takes of a crunchy electric guitar: plucked strings, amplifiers and cabinets in Faust.

A string is the extended Karplus-Strong loop of D. A. Jaffe and J. O. Smith, "Extensions of the Karplus-Strong
Plucked-String Algorithm", Computer Music Journal 7(2), 1983: a delay of one period, a damping filter, and a
fractional (third-order Lagrange) delay that keeps it in tune.
"""

from __future__ import annotations

from typing import Final

from plugin_bridge.demo.drums import EVENTS_DSP

_STRING_DSP: Final = (
    EVENTS_DSP
    + """
LONGEST = 2048;  // samples in the longest period: below 24 Hz at 48 kHz
// ring and mute are decay times in s; position is the pick's place along the string.
pluck(ring, mute, damp, position, cents, softest, hardest, grit, noise, x) = excitation : (+ ~ loop) with {
    hz = ba.midikey2hz(code(x) + cents / 100.0);
    period = ma.SR / hz;
    // A pulse, scaled so that its harmonics do not depend on pitch, and one period of noise for the pick's
    // scrape; a hard stroke is a bright one.
    scrape = noise * velocity(x) * (ba.countdown(period, onset(x)) > 0);
    stroke = strike(x) * period * 0.12 + grit * scrape
        : fi.lowpass(2, softest + (hardest - softest) * velocity(x));
    excitation = stroke - (stroke : de.delay(LONGEST, int(period * position)));
    t60 = select2(held(x), mute, ring);
    // The pick rests on the string for an instant and stops what rang before.
    contact = 1.0 - 0.75 * (ba.countdown(192, onset(x)) > 0);
    // No hand stops a string in one sample, which would click.
    kept = pow(0.001, 1.0 / (t60 * hz)) * contact : si.smooth(ba.tau2pole(0.002));
    loop = de.fdelayltv(3, LONGEST, period - 1.0 - damp) : damper : *(kept);
    damper(y) = (1.0 - damp) * y + damp * y';
};
"""
)

BASS_DSP: Final = (
    _STRING_DSP
    + """
process(x) = string <: direct, amplifier with {
    string = pluck(4.2, 0.12, 0.35, 0.21, 0, 110, 520, 0.25, no.noise, x)
        : fi.highpass(2, 32) : co.compressor_mono(3, -24, 0.005, 0.15) : *(1.8) : firm;
    firm = *(1.2) : ma.tanh : *(0.8);  // the preamplifier rounds the hardest plucks
    direct = fi.svf.ls(85, 0.7, 5) : fi.svf.bell(900, 0.8, 2);
    // Valve warmth into one 15-inch loudspeaker.
    amplifier = *(3.0) : ma.tanh : *(0.45)
        : fi.svf.ls(85, 0.7, 5) : fi.svf.bell(126, 2.0, 6.5)
        : fi.svf.bell(250, 1.4, 8) : fi.svf.bell(750, 0.8, 4)
        : fi.lowpass(2, 3800) : fi.highpass(1, 20);
};
"""
)

GUITARS_DSP: Final = (
    _STRING_DSP
    + """
noise(i) = no.noises(8, i);
take(first, position, tone, e, a, d, g) = strings : pickup : crunch : cabinet with {
    strings = string(0, 1.5, e) + string(1, -1.0, a) + string(2, 1.0, d) + string(3, -2.0, g);
    string(i, cents, x) = pluck(3.2, 0.09, 0.25, position, cents + tone, 700, 4200, 0.6, noise(first + i), x);
    pickup = fi.highpass(2, 105) : fi.lowpass(2, 4600);
    crunch = *(2.6) <: ma.tanh(_ + 0.12) - ma.tanh(0.12) : fi.highpass(1, 60);
    cabinet = fi.highpass(2, 95) : fi.svf.ls(290, 0.7, 7) : fi.svf.bell(2500 + 60 * tone, 1.1, 2)
        : fi.svf.bell(1250, 1.2, 2) : fi.svf.bell(4700, 0.9, 7) : fi.lowpass(3, 6200) : fi.lowpass(2, 9000);
};
process = take(0, 0.13, 1.2), take(4, 0.17, -1.2) : *(0.2), *(0.2);
"""
)
