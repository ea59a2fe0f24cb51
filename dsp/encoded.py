"""What a lossy codec made of a mix: its peaks after encoding and decoding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoded:
    """One codec at one bit rate; `overs` counts separate times the decoded waveform passes full scale.

    Where the codec could not be run, `encoder` is empty, the peak None, and `note` says why.
    """

    codec: str  #: for people: "AAC 256 kbit/s"
    encoder: str  #: the encoder that really ran, e.g. "libmp3lame"
    true_peak_dbtp: float | None
    true_peak_at_s: float | None  #: in the time of the mix
    rise_db: float | None  #: true peak after less true peak of the same stretch before
    overs: int
    start_s: float  #: the stretch that was encoded
    end_s: float
    note: str = ""  #: what was done to the signal on the way in, or why nothing came out

    @property
    def overs_per_minute(self) -> float:
        """Overs per minute of what was encoded."""
        length_s = self.end_s - self.start_s
        return 60.0 * self.overs / length_s if length_s > 0 else 0.0
