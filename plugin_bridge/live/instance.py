"""One instance of the plugin as the engine sees it: what it sends is measured, judged once a second, and shown.

A block of audio moves the meters; what belongs to a pass goes to all meters. Diagnoses are made beside (`Thinker`)
from what had been measured by then. One begins a second after the last, or later where passes are so long that they
would take more than their share of a core. The bands that are suggested cost more than all else, and would be a
nuisance if they moved all the time: they are fitted when the findings they answer change, and now and then. When
playback stops both are made of everything, to the sample.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from dsp.audio import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, loudness_weights
from dsp.errors import UsageError
from dsp.findings import EqMove
from dsp.meters.loudness import MOMENTARY_HOPS
from dsp.mix import Mix
from dsp.profile import Profile, genre_names, load_genre
from dsp.units import Curve
from plugin_bridge.link import Block
from plugin_bridge.link_layout import LOST_FRAMES
from plugin_bridge.link_results import Results
from plugin_bridge.live.judging import LEAST_S, Judgement, answered, moving_spectrum
from plugin_bridge.live.measuring import Pass, source_of
from plugin_bridge.live.meters import LiveMeters
from plugin_bridge.live.passes import Follower
from plugin_bridge.live.showing import headline, judged, reading
from plugin_bridge.live.spectrum import LiveSpectrum

LOG = logging.getLogger("mixdiagnose.live")
#: A diagnosis every second, but no more than this share of a core.
DIAGNOSIS_S, DIAGNOSIS_SHARE = 1.0, 0.02
#: Bands after ten seconds; every ten if what they answer has changed, else so rarely that they take this share.
BANDS_S, BANDS_SHARE = 10.0, 0.005
#: The moving spectrum is a mean that forgets over this time (s).
SPECTRUM_S = 1.0


class Thinker(Protocol):
    """Makes diagnoses, with new bands where none are given: see `plugin_bridge.live.beside`."""

    def judge(self, mix: Mix, profile: Profile, bands: tuple[EqMove, ...] | None) -> Future[Judgement]:
        """Begin one."""


@dataclass(frozen=True)
class _Running:
    """A diagnosis that is being made: of which pass, and whether of all of it, to the sample."""

    of: Pass
    exact: bool
    began: float
    future: Future[Judgement]


class Watched:
    """The measurements of one instance. `missed` are bits of what a pass lacks that is going on already."""

    def __init__(self, name: str, profile: Profile, missed: int = 0) -> None:
        self.name, self.profile = name, profile
        self._own_genre, self._genre_chosen = profile.genre, False
        self._genres = genre_names()
        self._missed_first = missed
        self._start_anew(None)

    def _start_anew(self, meters: LiveMeters | None) -> None:
        """Nothing is known."""
        self._follower = Follower()
        self._meters = meters
        self._spectrum = LiveSpectrum(meters.sample_rate, meters.channels) if meters else None
        self._mean: Curve = np.zeros(len(self._spectrum.band_hz) if self._spectrum else 0)
        self.playing = False
        self.measured: Pass | None = None  #: the pass that is measured, or was last
        self._ended: tuple[float | None, float | None] | None = None  # loudness and peak of the last round of a loop
        self._forget()

    def _forget(self) -> None:
        """Nothing has been judged."""
        self.judgement: Judgement | None = None
        self._exact = False  # the judgement is of all of the pass
        self._running: _Running | None = None
        self._due = 0.0
        self._fitted: tuple[float, Judgement] | None = None  # when bands were fitted last, and what was known then
        self._last = False  # a diagnosis of all of it is wanted

    # What comes in

    def hear(self, block: Block) -> None:
        """Measure a block of audio; of no frames it tells of the transport alone."""
        rate, audio = round(block.sample_rate), block.audio
        if not (MIN_SAMPLE_RATE_HZ <= rate <= MAX_SAMPLE_RATE_HZ and len(audio) in (1, 2)):
            return
        if not np.isfinite(audio.sum(dtype=np.float64)):
            audio = np.nan_to_num(audio, nan=0.0, posinf=0.0, neginf=0.0)
        meters = self._meters
        if meters is None or (meters.sample_rate, meters.channels) != (rate, len(audio)):
            layout = source_of(self.name, rate, len(audio)).layout
            meters = LiveMeters(rate, len(audio), loudness_weights(layout))
            self._start_anew(meters)
        seconds = audio.shape[1] / rate
        self._follow(block, meters, seconds, not audio.any())
        meters.process(audio, counted=self.playing)
        if self.playing and self.measured is not None and audio.shape[1]:
            self.measured.process(audio)
            self._exact = False
        if self._spectrum is not None and audio.shape[1]:
            self._spectrum.process(audio)
            part = 1.0 - float(np.exp(-seconds / SPECTRUM_S))
            self._mean = self._mean + part * (self._spectrum.power() - self._mean)

    def _follow(self, block: Block, meters: LiveMeters, seconds: float, silent: bool) -> None:
        """Begin a pass, go on with it or stand still, as the transport says."""
        turn = self._follower.turn(block.transport, seconds, silent, block.lost_frames / meters.sample_rate)
        if turn == "still":
            self._missed_first = 0  # the pass to come will be heard from its beginning
        elif turn != "on":
            self._begin(meters, keep=turn == "round")
        elif block.lost_frames:
            self.lost()
        if turn == "still" and self.playing:
            self._last = True
        self.playing = turn != "still"

    def _begin(self, meters: LiveMeters, keep: bool) -> None:
        """Begin a pass; `keep` what the round before has read and been told until there is something of this one."""
        if not keep:
            self._ended = None
            self._forget()
        elif self.measured is not None and self.measured.seconds * 100.0 >= MOMENTARY_HOPS:
            self._ended = meters.pass_loudness.integrated_lufs, meters.pass_peak.max_dbtp
        meters.begin()
        self.measured = Pass(source_of(self.name, meters.sample_rate, meters.channels), self._missed_first)
        self._missed_first = 0

    def lost(self) -> None:
        """Frames of the pass have been lost."""
        if self.measured is not None:
            self.measured.missed |= LOST_FRAMES

    def ended(self) -> None:
        """Nothing more will come."""
        self._last, self.playing = self._last or self.playing, False

    # What is asked of it

    def reset(self) -> None:
        """Begin again, as the user has asked."""
        if self._meters is not None:
            self._begin(self._meters, keep=False)

    def choose_genre(self, name: str) -> None:
        """Judge by that genre from now on; "" is the profile's own. One that does not exist is ignored."""
        try:
            genre = load_genre(name) if name else self._own_genre
        except UsageError:
            return
        if genre != self.profile.genre or bool(name) != self._genre_chosen:
            self.profile, self._genre_chosen = replace(self.profile, genre=genre), bool(name)
            self._last, self._fitted = True, None

    def mix(self) -> Mix | None:
        """All of the pass that has been measured; None where it is too short to be judged."""
        if self.measured is None or self.measured.seconds < LEAST_S:
            return None
        return self.measured.mix(to_the_sample=True)

    # What comes of it

    def think(self, now: float, beside: Thinker) -> bool:
        """Take up a diagnosis that is ready, and begin one that is due. Returns whether something new is known."""
        news = self._take_up()
        due = self._last or (self.playing and now >= self._due)
        if due and self._running is None and self.measured is not None:
            exact, self._last = not self.playing, False
            if self.measured.seconds >= LEAST_S:
                told = self.judgement
                bands = None if exact or self._to_fit(now) else told.bands if told else ()
                self._due = now + max(DIAGNOSIS_S, (told.cost_s if told else 0.0) / DIAGNOSIS_SHARE)
                future = beside.judge(self.measured.mix(exact), self.profile, bands)
                self._running = _Running(self.measured, exact, now, future)
        return news

    def _take_up(self) -> bool:
        running = self._running
        if running is None or not running.future.done():
            return False
        self._running = None
        if running.of is not self.measured and self._ended is None:
            return False
        try:
            told = running.future.result()
        except Exception:  # what was known stays, and the next diagnosis may do
            LOG.exception("no diagnosis of %s", self.name)
            return False
        self.judgement = told
        if told.bands_cost_s is not None:
            self._fitted = running.began, told
        self._exact = running.exact and running.of is self.measured
        return True

    def _to_fit(self, now: float) -> bool:
        """Whether it is time for bands while a pass goes on."""
        if self._fitted is None:
            return self.measured is not None and self.measured.seconds >= BANDS_S
        at, then = self._fitted
        changed = self.judgement is not None and answered(self.judgement.report) != answered(then.report)
        rarely = (then.bands_cost_s or 0.0) / BANDS_SHARE
        return now >= at + (BANDS_S if changed else max(BANDS_S, rarely))

    @property
    def thinking(self) -> bool:
        """Whether a diagnosis is being made, or wanted at once."""
        return self._running is not None or self._last

    def results(self) -> Results:
        """What there is to show now."""
        meters, measured, told = self._meters, self.measured, self.judgement
        missed = measured.missed if measured is not None else 0
        common = Results(
            incomplete=missed,
            headline=headline(told, self.playing, measured is not None, missed),
            genre=self.profile.genre.name,
            genre_certain=self._genre_chosen,
            genres=self._genres,
        )
        if meters is None or self._spectrum is None:
            return common
        loudness, peak = self._of_pass(meters)
        common.momentary_lufs, common.short_term_lufs = reading(meters.momentary_lufs), reading(meters.short_term_lufs)
        common.correlation = reading(meters.correlation)
        common.integrated_lufs, common.true_peak_dbtp = reading(loudness), reading(peak)
        common.measured_s = measured.seconds if measured is not None else 0.0
        common.momentary_history, common.short_term_history = meters.momentary_history, meters.short_term_history
        told_of = told.spectrum if told is not None and not self.playing else None
        seen = told_of or moving_spectrum(self._mean, self._spectrum.band_hz, self.profile.genre)
        return judged(common, told, seen)

    def _of_pass(self, meters: LiveMeters) -> tuple[float | None, float | None]:
        """Integrated loudness and true peak: of the pass, or of the round before while this one is short."""
        if self.measured is None:
            return None, None
        if self._exact and self.judgement is not None:  # with the last two milliseconds
            return self.judgement.value("integrated_lufs"), self.judgement.value("true_peak_dbtp")
        loudness, peak = meters.pass_loudness.integrated_lufs, meters.pass_peak.max_dbtp
        if self._ended is not None and self.playing and self.measured.seconds < LEAST_S:
            loudness = self._ended[0]
            peak = max((p for p in (peak, self._ended[1]) if p is not None), default=None)
        return loudness, peak
