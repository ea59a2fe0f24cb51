"""From a finding on a mix to the stems that cause it.

A check says what is wrong with the mix. Where its stems were given, what it says is traced here: who causes it, with
which share, how that is known, and the move at the source. Findings that name a cause themselves are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dsp.findings import Finding
from dsp.listening import causes_density, causes_noise, causes_peaks, causes_stereo, causes_tone
from dsp.listening.causes_trace import Trace
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.model import Stems

Tracer = Callable[[Finding, Mix, Stems, Profile], Trace | None]

#: Who traces the findings of a check. Of the others none has a cause in a stem.
TRACERS: dict[str, Tracer] = {
    "frequency-balance": causes_tone.frequency_balance,
    "reference": causes_tone.reference_tone,
    "resonance": causes_tone.resonance,
    "subsonic": causes_tone.subsonic,
    "noise-and-hum": causes_noise.noise,
    "dc-offset": causes_noise.offset,
    "clicks": causes_noise.glitches,
    "head-and-tail": causes_noise.ends,
    "headroom": causes_peaks.peaks,
    "true-peak": causes_peaks.peaks,
    "codec-peaks": causes_peaks.peaks,
    "clipping": causes_peaks.clipping,
    "mastering-forecast": causes_peaks.forecast,
    "loudness": causes_density.loudness,
    "platforms": causes_density.loudness,
    "crest-factor": causes_density.crest_factor,
    "over-compression": causes_density.density,
    "bus-limiter": causes_density.limiter,
    "correlation": causes_stereo.out_of_phase,
    "mono-compatibility": causes_stereo.out_of_phase,
    "low-end-mono": causes_stereo.low_end,
    "stereo-width": causes_stereo.width,
    "balance": causes_stereo.lean,
    "channel-delay": causes_stereo.channel_delay,
}
#: What is traced: a check that passes or is skipped has no cause.
TRACED = ("info", "warning", "problem", "undetermined")


def attributed(finding: Finding, mix: Mix, profile: Profile) -> Finding:
    """The finding with its causes, how they are known and the moves at the source; the same where there is none."""
    stems, tracer = mix.stems, TRACERS.get(finding.check)
    if stems is None or not stems.sounding or tracer is None or finding.cause or finding.status not in TRACED:
        return finding
    traced = tracer(finding, mix, stems, profile)
    if traced is None:
        return finding
    return replace(
        finding,
        message=f"{finding.message} {traced.text}",
        cause=traced.causes,
        fixes=finding.fixes if traced.fixes is None else traced.fixes,
        evidence=finding.evidence + traced.evidence,
    )
