"""**Why it matters.** A mix that leans to one side usually means a badly placed listener, a panned track that
grew, or one channel lost on the way. Mastering can level the sides, but not re-pan one instrument.

**How it is measured.** The energy of the left over the right channel over the whole file, in dB.

**References.** bounce-house (0.5 and 1.5 dB).
"""

from __future__ import annotations

from dsp.checks._wording import severity
from dsp.findings import Advice, Finding, Fix, Measurement, Status
from dsp.mix import Mix
from dsp.profile import Profile

ID, TITLE, DIMENSION, NEEDS = "balance", "Left/right balance", "stereo", ("sound", "stereo")
MEANS = "One side carries a louder part, a channel lost level on the way, or the listening position is off centre."
LISTEN = "Swap left and right on the monitors: does the weight move with it, and what sits alone on the louder side?"


def run(mix: Mix, profile: Profile) -> tuple[Finding, ...]:
    stereo, balance = mix.readings.stereo, mix.readings.level.balance_db
    assert stereo is not None  # NEEDS stereo
    good = profile.number(ID, "good_db")
    evidence = (
        Measurement("balance_db", balance, "dB"),
        *(Measurement("channel_peak_dbfs", p, "dBFS") for p in mix.readings.level.channel_peak_dbfs),
    )
    fixes: tuple[Fix, ...] = ()
    status: Status = "pass"
    if stereo.one_sided or balance is None:
        status, title = "problem", "One channel only"
        message = f"Only the {stereo.one_sided} channel sounds."
        words = f"only {stereo.one_sided}"
        fixes = (
            Advice("Check the routing of the mix bus and the export; if it is meant as mono, bounce a mono file."),
        )
    else:
        side = "left" if balance > 0 else "right"
        words = f"{abs(balance):.1f} dB {side}" if abs(balance) >= 0.05 else "even"
        title = "Balanced"
        message = f"The {side} channel is {abs(balance):.1f} dB louder over the song."
        if abs(balance) > good:
            status, title = "info", f"Leans {side}"
        if abs(balance) > profile.number(ID, "warning_db"):
            status = "warning"
            fixes = (Advice(f"Look for what is panned {side}, and check that you sit in the middle of your speakers."),)
    return (
        Finding(
            ID, status, severity(status), title, message, evidence,
            measured=words, target=f"within {good:g} dB", fixes=fixes,
        ),
    )  # fmt: skip
