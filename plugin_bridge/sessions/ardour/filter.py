"""A filter for Ardour, carried in the session itself as a script: for what Ardour's own equaliser cannot be set to.

Its parameters are kind, frequency (Hz), q and gain (dB), by number from 0.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from plugin_bridge.sessions.model import Band

NAME: Final = "MixDiagnose Filter"
#: Kinds of bands by the number of the script's first parameter.
KINDS: Final = (
    "bell", "low-shelf", "high-shelf", "high-pass", "low-pass", "notch", "high-pass-24", "low-pass-24",
)  # fmt: skip
#: Lowest and highest frequency (Hz), q and gain (dB), as in the script.
HZ: Final = (5.0, 24000.0)
Q: Final = (0.05, 100.0)
DB: Final = (-60.0, 60.0)

SCRIPT: Final = """ardour {
	["type"] = "dsp", name = "MixDiagnose Filter", category = "Filter", license = "GPLv3", author = "MixDiagnose",
	description = [[One band of equalisation, as the Audio EQ Cookbook has it]]
}

function dsp_ioconfig () return { { audio_in = -1, audio_out = -1 } } end

function dsp_params ()
	return {
		{ ["type"] = "input", name = "Kind", min = 0, max = 7, default = 0, enum = true, scalepoints = {
			["Bell"] = 0, ["Low shelf"] = 1, ["High shelf"] = 2, ["High-pass 12 dB/oct"] = 3,
			["Low-pass 12 dB/oct"] = 4, ["Notch"] = 5, ["High-pass 24 dB/oct"] = 6, ["Low-pass 24 dB/oct"] = 7 } },
		{ ["type"] = "input", name = "Frequency", min = 5, max = 24000, default = 1000, unit = "Hz" },
		{ ["type"] = "input", name = "Q", min = 0.05, max = 100, default = 0.7071 },
		{ ["type"] = "input", name = "Gain", min = -60, max = 60, default = 0, unit = "dB" },
	}
end

local rate, filters, set = 48000, {}, {}

function dsp_init (r) rate = r end

function dsp_configure (ins, outs)
	filters, set = {}, {}
	for c = 1, ins:n_audio () do
		filters[c] = { ARDOUR.DSP.Biquad (rate), ARDOUR.DSP.Biquad (rate) }
	end
end

local function compute (kind, hz, q, db)
	local t = ARDOUR.DSP.BiquadType
	local types = { t.Peaking, t.LowShelf, t.HighShelf, t.HighPass, t.LowPass, t.Notch, t.HighPass, t.LowPass }
	local by = { 1, 1 }
	if kind > 5 then by = { 0.5411961 * math.sqrt (2), 1.3065630 * math.sqrt (2) } end -- Butterworth of fourth order
	for _, f in ipairs (filters) do
		for k = 1, 2 do f[k]:compute (types[kind + 1], math.min (hz, 0.49 * rate), q * by[k], db) end
	end
end

function dsp_run (ins, outs, n_samples)
	local ctrl = CtrlPorts:array ()
	local kind = math.floor (ctrl[1] + 0.5)
	if set[1] ~= kind or set[2] ~= ctrl[2] or set[3] ~= ctrl[3] or set[4] ~= ctrl[4] then
		set = { kind, ctrl[2], ctrl[3], ctrl[4] }
		compute (kind, ctrl[2], ctrl[3], ctrl[4])
	end
	for c = 1, #ins do
		if ins[c] ~= outs[c] then ARDOUR.DSP.copy_vector (outs[c]:offset (0), ins[c]:offset (0), n_samples) end
		filters[c][1]:run (outs[c]:offset (0), n_samples)
		if kind > 5 then filters[c][2]:run (outs[c]:offset (0), n_samples) end
	end
end
"""


def encoded() -> str:
    """The script as a session carries it."""
    return base64.b64encode(SCRIPT.encode()).decode()


def identity() -> str:
    """What Ardour knows a script by: anything that no other has."""
    return hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


def fits(band: Band) -> bool:
    """Whether the filter can be set to a band."""
    return (
        band.kind in KINDS
        and HZ[0] <= band.frequency_hz <= HZ[1]
        and Q[0] <= band.q <= Q[1]
        and DB[0] <= band.gain_db <= DB[1]
    )
