"""The plan: which moves, in the order an engineer works, each from what the diagnosis has found at its source.

    devices    limiters off the master of a session, before anything is judged by its peaks
    phase      polarity and delay, before anything is judged by its level
    gain       faders and the trim of all
    high-pass  only where it returns headroom
    eq         cuts at the stems that make a region stand out; what undoes a change against another version of the mix
    masking    carving
    bus        what is left for the whole mix, gently; never a limiter

Each group is proposed from the diagnosis as it is after the groups before it, so nothing is corrected twice. Where a
reference is another version of the same mix it is the target: then what was changed since is undone, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from dsp.correction.balance import genre_moves
from dsp.correction.correction import MIX, NYQUIST_SHARE, Move
from dsp.correction.fit import MIX_DB, MOST_Q, STEM_DB
from dsp.correction.undo import undoing
from dsp.findings import DelayMove, EqMove, Finding, GainMove, PolarityMove, RemoveDevice
from dsp.mix import Mix
from dsp.profile import Profile
from dsp.stems.trims import bus_gain_db
from dsp.stems.versions import compared

Group = Literal["devices", "phase", "gain", "high-pass", "eq", "masking", "bus"]
GROUPS: tuple[Group, ...] = get_args(Group)
#: The moves of every target that has some, by its name.
Moves: TypeAlias = dict[str, tuple[Move, ...]]

#: Checks whose findings a group answers: what must get better by it.
GOALS: Final[Mapping[Group, tuple[str, ...]]] = {
    "devices": ("master-devices",),
    "phase": ("versions", "phase-alignment"),
    "gain": ("versions", "headroom", "true-peak", "clipping", "gain-staging", "vocal-level", "loudness"),
    "high-pass": ("rumble", "subsonic", "dc-offset"),
    "eq": ("versions", "frequency-balance", "resonance", "reference"),
    "masking": ("masking",),
    "bus": ("versions", "frequency-balance", "reference"),
}
#: What undoes a change against another version may be as large as the change, up to this (dB): it restores.
UNDO_DB: Final = 18.0
#: A trim of all (dB) may be as large as this.
TRIM_DB: Final = 24.0
#: The checks round what they propose to a tenth of a dB: so much more takes the level past their limit.
ROUNDED_DB: Final = 0.05
#: Findings that are answered: what is merely told is left alone.
ANSWERED: Final = ("warning", "problem")
#: What cannot be done by halves (polarity, delay, high-pass, notch) is done from this strength on (%; our judgement).
WHOLE_FROM: Final = 50.0
#: The mix is the sum of its stems but for gain where no more than this is left (dB; as in the gain-staging check).
PLAIN_DB: Final = -25.0
HIGH_PASSES: Final = ("high-pass", "high-pass-24")


@dataclass(frozen=True)
class Settings:
    """What the user asks for: how much of it (%), which groups, and the most any band or fader may do (dB)."""

    strength: float = 100.0
    only: tuple[Group, ...] = GROUPS
    most_db: float | None = None

    def limit_db(self, target: str, undo: bool = False) -> float:
        """The most that is done to a target, dB."""
        usual = UNDO_DB if undo else MIX_DB if target == MIX else STEM_DB
        return usual if self.most_db is None else min(usual, self.most_db)


@dataclass(frozen=True)
class Seen:
    """A mix as it is now: measured, and what the diagnosis says of it; `restoring` as in `restores`."""

    mix: Mix
    findings: Sequence[Finding]
    profile: Profile
    restoring: bool = False


def propose(group: Group, seen: Seen, settings: Settings, made: Mapping[str, Sequence[Move]]) -> Moves:
    """The moves of one group, at full strength, for a mix as it is now; `made` was done before it was measured."""
    if settings.strength <= 0.0 or group not in settings.only:
        return {}
    mix = seen.mix
    moves = _PROPOSALS[group](seen, settings)
    names = targets_of(mix)
    kept = [
        m for m in moves
        if isinstance(m, RemoveDevice) or (m.target in names and fits_rate(m, rate_of(mix, m.target)))
    ]  # fmt: skip
    return _within(kept, made, settings, seen.restoring)


def targets_of(mix: Mix) -> frozenset[str]:
    """What can be corrected: the mix, and its stems where it is known how they lie in it."""
    stems = mix.stems
    known = stems is not None and (stems.summed or (stems.bus is not None and stems.bus.gain_db is not None))
    if stems is None or not (known or mix.session is not None):
        return frozenset({MIX})
    return frozenset({MIX, *(s.name for s in stems.stems)})


def rate_of(mix: Mix, target: str) -> int:
    """The sample rate (Hz) a target is corrected at: a stem's own."""
    stem = next((s for s in mix.stems.stems if s.name == target), None) if mix.stems else None
    return (stem.resampled_from_hz if stem else None) or mix.source.sample_rate


def fits_rate(move: Move, sample_rate: int) -> bool:
    """Whether a move can be made at a sample rate (Hz): above half of it there is nothing to equalise."""
    return not isinstance(move, EqMove) or move.frequency_hz <= NYQUIST_SHARE * sample_rate / 2.0


def scaled(moves: Mapping[str, Sequence[Move]], strength: float) -> Moves:
    """So much (%) of some moves."""
    rows = {name: tuple(m for move in row if (m := _scaled(move, strength)) is not None) for name, row in moves.items()}
    return {name: row for name, row in rows.items() if row}


def merged(*plans: Mapping[str, Sequence[Move]]) -> Moves:
    """Plans one after another, per target: gains and delays added up, switches of polarity that cancel left out."""
    out: Moves = {}
    for name in dict.fromkeys(n for plan in plans for n in plan):
        every = [m for plan in plans for m in plan.get(name, ())]
        turned = sum(isinstance(m, PolarityMove) for m in every) % 2 == 1
        late = round(sum(m.samples for m in every if isinstance(m, DelayMove)), 3)
        gain_db = round(sum(m.gain_db for m in every if isinstance(m, GainMove)), 2)
        row: list[Move] = [PolarityMove(name)] if turned else []
        row += [DelayMove(name, late)] if late else []
        row += [GainMove(name, gain_db)] if gain_db else []
        row += dict.fromkeys(m for m in every if isinstance(m, RemoveDevice))
        row += [m for m in every if isinstance(m, EqMove)]
        if row:
            out[name] = tuple(row)
    return out


def restores(mix: Mix) -> bool:
    """Whether a reference is another version of this mix, and so what it should be again."""
    stems = mix.stems
    return stems is not None and any(compared(stems, k).state == "version" for k in range(len(stems.references)))


def _scaled(move: Move, strength: float) -> Move | None:
    """A move by so much of it (%); None where nothing is left."""
    part = strength / 100.0
    if isinstance(move, EqMove) and move.kind in ("bell", "low-shelf", "high-shelf"):
        gain_db = round(part * move.gain_db, 1)
        return replace(move, gain_db=gain_db) if gain_db else None
    if isinstance(move, GainMove):
        gain_db = round(part * move.gain_db, 2)
        return replace(move, gain_db=gain_db) if gain_db else None
    return move if strength >= WHOLE_FROM else None


def _within(moves: Iterable[Move], made: Mapping[str, Sequence[Move]], settings: Settings, undo: bool) -> Moves:
    """Per target, with the gain of every band cut to what is left of the limit after those made near it."""
    out: dict[str, list[Move]] = {}
    for move in moves:
        row = out.setdefault(move.target, [])
        if isinstance(move, EqMove) and move.gain_db:
            limit = settings.limit_db(move.target, undo)
            used = sum(_overlap(move, m) for m in (*made.get(move.target, ()), *row) if isinstance(m, EqMove))
            gain_db = round(max(-limit - used, min(limit - used, move.gain_db)), 1)
            if gain_db * move.gain_db > 0.0:
                row.append(replace(move, gain_db=gain_db))
        elif isinstance(move, GainMove):
            limit = settings.most_db if settings.most_db is not None else TRIM_DB
            used = sum(m.gain_db for m in (*made.get(move.target, ()), *row) if isinstance(m, GainMove))
            gain_db = round(max(-limit - used, min(limit - used, move.gain_db)), 2)
            if gain_db * move.gain_db > 0.0:
                row.append(replace(move, gain_db=gain_db))
        else:
            row.append(move)
    return {name: tuple(row) for name, row in out.items() if row}


def _overlap(one: EqMove, other: EqMove) -> float:
    """Gain (dB) that a band made before has at the middle of another."""
    from dsp.correction.biquad import analogue

    if other.kind in HIGH_PASSES or not other.gain_db:
        return 0.0
    import numpy as np

    return float(20.0 * np.log10(max(abs(analogue(other, np.array([one.frequency_hz]))[0]), 1e-6)))


def _of(findings: Sequence[Finding], *checks: str, statuses: tuple[str, ...] = ANSWERED) -> list[Finding]:
    return [f for f in findings if f.check in checks and f.status in statuses]


def _changes(seen: Seen) -> list[list[Move]]:
    """What undoes each change against another version of the mix, however small it is."""
    moves: dict[str, list[Move]] = {}
    for finding in _of(seen.findings, "versions", statuses=("info", *ANSWERED)):
        own: list[Move] = [m for m in finding.fixes if isinstance(m, EqMove | GainMove | PolarityMove | DelayMove)]
        if own and own[0].target not in moves:  # a second version is not undone as well
            moves[own[0].target] = own
    return list(moves.values())


def _undone(seen: Seen, settings: Settings, chosen: Callable[[str], bool]) -> list[Move]:
    """What undoes equalisation of the chosen targets."""
    every = [own for own in _changes(seen) if _equalised(own) and chosen(own[0].target)]
    return [m for own in every for m in undoing(seen.mix, own, settings.limit_db(own[0].target, undo=True))]


def _equalised(moves: Sequence[Move]) -> bool:
    return any(isinstance(m, EqMove) for m in moves)


def _devices(seen: Seen, settings: Settings) -> list[Move]:
    session = seen.mix.session
    if session is None or seen.restoring:
        return []
    told = [m for f in _of(seen.findings, "master-devices") for m in f.fixes if isinstance(m, RemoveDevice)]
    return [replace(m, target=MIX) if m.target == session.master.name else m for m in told]


def _phase(seen: Seen, settings: Settings) -> list[Move]:
    if seen.restoring:
        return [
            m for own in _changes(seen) if not _equalised(own) for m in own if isinstance(m, PolarityMove | DelayMove)
        ]
    moves: list[Move] = []
    done: set[str] = set()
    for finding in _of(seen.findings, "phase-alignment"):
        own = [m for m in finding.fixes if isinstance(m, PolarityMove | DelayMove)]
        if not done & {c.stem for c in finding.cause}:  # else the other one of this pair has been moved
            moves += own
            done |= {m.target for m in own}
    return moves


def _gain(seen: Seen, settings: Settings) -> list[Move]:
    if seen.restoring:
        return [m for own in _changes(seen) if not _equalised(own) for m in own if isinstance(m, GainMove)]
    faders: dict[str, Move] = {}
    for finding in _of(seen.findings, "headroom", "true-peak", "clipping", "vocal-level"):
        for move in finding.fixes:
            if isinstance(move, GainMove) and move.target != MIX and move.target not in faders:
                limit = settings.limit_db(move.target)
                faders[move.target] = replace(move, gain_db=max(-limit, min(limit, move.gain_db)))
    return [*faders.values(), *_trim(seen)]


def taken_back(seen: Seen, settings: Settings, made: Mapping[str, Sequence[Move]]) -> Moves:
    """The gain for all that a mix needs after some moves that have made it louder."""
    return _within(_trim(seen), made, settings, seen.restoring)


def _trim(seen: Seen) -> list[Move]:
    """One gain for all, where the mix is too hot: at the stems where the bus only adds, else after it."""
    told = _of(seen.findings, "headroom", "true-peak", "gain-staging", "loudness")
    stems = seen.mix.stems
    plain = stems is not None and bus_gain_db(stems, PLAIN_DB) is not None
    gains = [
        m.gain_db
        for f in told
        for m in f.fixes
        if isinstance(m, GainMove) and (m.target == MIX or (f.check == "gain-staging" and plain))
    ]
    down = min(gains, default=0.0)
    if down >= 0.0:
        return []
    targets = [s.name for s in stems.stems] if stems is not None and plain else [MIX]
    return [GainMove(t, round(down - ROUNDED_DB, 2)) for t in targets]


def _high_pass(seen: Seen, settings: Settings) -> list[Move]:
    best: dict[str, EqMove] = {}
    for finding in [] if seen.restoring else _of(seen.findings, *GOALS["high-pass"]):
        for move in finding.fixes:
            if not isinstance(move, EqMove) or move.kind not in HIGH_PASSES:
                continue
            if move.target not in best or move.frequency_hz > best[move.target].frequency_hz:
                best[move.target] = move
    return list(best.values())


def _eq(seen: Seen, settings: Settings) -> list[Move]:
    if seen.restoring:
        return _undone(seen, settings, lambda target: target != MIX)
    told = _of(seen.findings, "resonance", "reference")
    moves: list[Move] = [m for f in told for m in f.fixes if isinstance(m, EqMove) and _is_source(m, seen)]
    return moves + list(genre_moves(seen.mix, _of(seen.findings, "frequency-balance"), seen.profile, settings.limit_db))


def _is_source(move: EqMove, seen: Seen) -> bool:
    """Whether a band belongs to a stem; without stems a resonance is cut in the mix as well."""
    return move.target != MIX or (seen.mix.stems is None and move.q > MOST_Q)


def _masking(seen: Seen, settings: Settings) -> list[Move]:
    told = [] if seen.restoring else _of(seen.findings, "masking")
    return [m for f in told for m in f.fixes if isinstance(m, EqMove)]


def _bus(seen: Seen, settings: Settings) -> list[Move]:
    if seen.restoring:
        return _undone(seen, settings, lambda target: target == MIX)
    told, left = _of(seen.findings, "reference"), _of(seen.findings, "frequency-balance")
    moves: list[Move] = [m for f in told for m in f.fixes if isinstance(m, EqMove) and m.target == MIX]
    return moves + list(genre_moves(seen.mix, left, seen.profile, settings.limit_db, at_mix=True))


_PROPOSALS: Final[Mapping[Group, Callable[[Seen, Settings], list[Move]]]] = {
    "devices": _devices, "phase": _phase, "gain": _gain, "high-pass": _high_pass, "eq": _eq, "masking": _masking,
    "bus": _bus,
}  # fmt: skip
