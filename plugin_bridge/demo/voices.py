"""Singers, electric piano and reverb in Faust.

The voice is a source and filter: a sawtooth (a glottal pulse's -12 dB per octave together with the lips'
+6 dB) and a little breath through a cascade of seven formant resonators, as in Klatt's cascade branch (JASA
67, 1980); consonant noise goes around them. The piano is two-operator frequency modulation after
J. Chowning, "The Synthesis of Complex Audio Spectra by Means of Frequency Modulation", JAES 21(7), 1973.
"""

from __future__ import annotations

from typing import Final

from plugin_bridge.demo.drums import EVENTS_DSP

_THROAT_DSP: Final = """
import("stdfaust.lib");
// A resonator with unity gain at DC, so that a cascade of them balances itself as a vocal tract does.
formant(hz, bandwidth) = fi.svf.lp(hz, hz / bandwidth);
throat(f1, f2, f3) = formant(f1, 95) : formant(f2, 115) : formant(f3, 160) : formant(3350, 260)
    : formant(4200, 400) : formant(5200, 800) : formant(6300, 1200);
"""

LEAD_DSP: Final = (
    _THROAT_DSP
    + """
process(f0, level, f1, f2, f3, breath, hiss) = sung + frication : chain with {
    sung = voiced + aspirated : throat(f1, f2, f3);
    voiced = os.sawtooth(f0) * level * level * 0.12 : fi.svf.hs(1800, 0.6, 14);
    aspirated = no.noises(2, 0) * (0.010 * level + 0.06 * breath) : fi.highpass(1, 1500);
    frication = no.noises(2, 1) * hiss * hiss * 0.05 : fi.highpass(2, 4200) : fi.lowpass(2, 8500);
    // The allpass spreads the pulses as a real larynx and room do; a bare sawtooth is needlessly peaky.
    chain = fi.highpass(2, 120) : fi.svf.ap(420, 0.6) : fi.svf.ap(1300, 0.6)
        : co.compressor_mono(4, -30, 0.003, 0.10) : *(3.6);
};
"""
)

CHOIR_DSP: Final = (
    _THROAT_DSP
    + """
// Three singers, each doubled a few cents apart; panned so that the middle one is in the middle.
process(a, b, c, level, f1, f2) = sum(i, 3, left(i)), sum(i, 3, right(i)) : rumble, rumble with {
    rumble = fi.highpass(2, 190);
    f0(i) = (a, b, c) : ba.selector(i, 3);
    pan(i) = ba.take(i + 1, (0.24, 0.5, 0.76));
    left(i) = singer(i) * sqrt(1.0 - pan(i));
    right(i) = singer(i) * sqrt(pan(i));
    singer(i) = os.sawtooth(f0(i) * 1.0026) + os.sawtooth(f0(i) * 0.9969) : *(level * 0.05)
        : fi.svf.hs(1800, 0.6, 13)
        : +(no.noises(3, i) * level * 0.004) : throat(f1 * size(i), f2 * size(i), 2650 * size(i));
    size(i) = ba.take(i + 1, (0.96, 1.03, 1.08));  // no two heads are the same size
};
"""
)

KEYS_DSP: Final = (
    EVENTS_DSP
    + """
process = par(i, 4, voice(i)) :> tremolo with {
    voice(i, x) = tone(x) <: *(sqrt(0.64 - 0.09 * i)), *(sqrt(0.36 + 0.09 * i));
    tone(x) = (sin(2 * ma.PI * phase + index * sin(2 * ma.PI * phase)) + tine) * level with {
        hz = ba.midikey2hz(code(x));
        phase = os.lf_sawpos(hz);
        fall = pole60(select2(held(x), 0.30, 4.5));
        level = (max(strike(x)) ~ *(fall)) : soft : *(0.16);
        soft = si.smooth(ba.tau2pole(0.003));  // felt, not a switch
        index = 0.35 + 1.8 * (decay(1.8, strike(x)) : soft);
        tine = 0.30 * sin(2 * ma.PI * os.lf_sawpos(hz * 7.02)) * (decay(0.5, strike(x)) : soft);
    };
    // The suitcase piano's slow stereo tremolo, shallow.
    tremolo = *(1.0 + 0.16 * os.osc(4.1)), *(1.0 - 0.16 * os.osc(4.1)) : par(i, 2, fi.highpass(2, 170));
};
"""
)

REVERB_DSP: Final = """
import("stdfaust.lib");
// Lead and stereo choir send; a plate-like hall, narrowed so that it still adds up in mono.
process(lead, l, r) = lead * 0.25 + l * 0.4, lead * 0.5 + r * 0.4
    : par(i, 2, @(int(0.028 * ma.SR)) : fi.highpass(2, 240) : fi.lowpass(1, 6500))
    : re.zita_rev1_stereo(12, 220, 4200, 2.5, 1.9, 48000) : narrow with {
    narrow(a, b) = a + 0.4 * b, b + 0.4 * a;
};
"""
