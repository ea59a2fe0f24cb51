"""A folder of stems, read beside the mix: which files belong to it, each in the rate and channels of the mix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dsp.audio import Source
from dsp.errors import InputError, UsageError
from dsp.meters.base import HOPS_PER_BLOCK, hop_samples
from dsp.mix import Mix, Track, measure_with_stems, rows
from dsp.stems.alone import StemInput, alone_of
from dsp.stems.model import SUM, Stem, Stems, Unusable
from dsp.stems.shift import find_offsets
from dsp.units import Samples, from_power_db
from plugin_bridge.files import AudioReader, open_audio
from plugin_bridge.stem_folder import Folder
from plugin_bridge.stem_worker import Elsewhere, Job, stem_blocks, worth_it

#: Told the share done, 0 to 1, or None while the length is not known.
Progress: TypeAlias = Callable[[float | None], None]
#: A stem that is the sum of all others within this much (dB) is a bounce of the mix (our judgement).
BOUNCE_DB = -30.0
#: References that are read in lockstep, as they may be versions of the mix.
MOST_REFERENCES = 3


def measure_folder(
    mix: str | Path | None,
    folder: Folder,
    *,
    references: Sequence[str | Path] = (),
    roles: Mapping[str, str] | None = None,
    known: Mapping[str, Stem] | None = None,
    progress: Progress | None = None,
    again: Progress | None = None,
) -> Mix:
    """Measure a mix with the stems of a folder, all in one pass; with `mix` None the sum of the stems is the mix.

    A second pass, of which `again` is told, is needed where stems turn out to begin elsewhere in the mix than at its
    start (they are put in their places), or where one of them is a bounce of all the others (without a mix it becomes
    the mix). A stem that cannot be read is listed in `mix.stems.unusable`. `known` are stems as they were measured
    before, by name: their places, and where `Stem.source` still names the same file what they are by themselves, are
    taken from there.

    Raises InputError for the mix, or where no stem can be read; UsageError for a role that does not exist.
    """
    if known is not None:
        places = {s.name: s.offset_samples for s in known.values()}
        return _pass(mix, folder, places, references=references, roles=roles, progress=progress, known=known)
    measured = _pass(mix, folder, {}, references=references, roles=roles, progress=progress)
    bounce = bounce_among(measured.stems) if measured.stems else None
    if bounce is not None:
        path = next(p for p in folder.stems if bounce in (p.stem, p.name))
        folder.stems.remove(path)
        folder.mixes.append(path)
        mix = mix or path
        measured = _pass(mix, folder, {}, references=references, roles=roles, progress=again)
    assert measured.stems is not None
    if offsets := find_offsets(measured.stems):
        measured = _pass(mix, folder, offsets, references=references, roles=roles, progress=again)
    return measured


def bounce_among(stems: Stems) -> str | None:
    """The name of a stem that is the sum of all others, if there is one among at least three."""
    if len(stems.sounding) < 3:
        return None
    total = float(stems.sum_power.sum(dtype=np.float64))
    for stem in stems.sounding:
        power = float(stem.readings.power.sum(dtype=np.float64))
        cross = float(stem.readings.cross[:, SUM, 0].sum(dtype=np.float64))
        if total - 4.0 * cross + 4.0 * power < power * from_power_db(BOUNCE_DB):
            return stem.name
    return None


def _pass(
    mix: str | Path | None,
    folder: Folder,
    offsets: Mapping[str, int],
    *,
    references: Sequence[str | Path],
    roles: Mapping[str, str] | None,
    progress: Progress | None,
    known: Mapping[str, Stem] | None = None,
) -> Mix:
    with _Session(mix, folder, references) as session, ExitStack() as stack:
        stems = [session.track(reader, offsets) for reader in session.readers]
        frames, rate = session.frames([s for s, _ in stems]), session.source.sample_rate
        paths = {name: Path(r.source.name) for name, r in zip(session.names, session.readers, strict=True)}
        jobs = [Job(paths[s.name], s, rate, frames, frames / rate) for s, _ in stems]
        same = {
            j.stem.name: alone_of(known[j.stem.name])
            for j in jobs
            if known and j.stem.name in known and Path(known[j.stem.name].source.name) == j.path
        }
        jobs = [j for j in jobs if j.stem.name not in same]
        elsewhere = stack.enter_context(Elsewhere(jobs, same)) if same or worth_it(jobs) else None

        def step(done: int) -> None:
            if progress:
                progress(min(1.0, done / frames) if frames else None)

        measured = measure_with_stems(
            session.source,
            session.mix_blocks(),
            stems,
            references={str(p): reader.blocks(session.block) for p, reader in session.references},
            roles=roles,
            unusable=session.unusable,
            expected_s=frames / rate,
            elsewhere=elsewhere.readings if elsewhere else None,
            progress=step,
        )
        return session.completed(measured)


def summed_blocks(folder: Folder, measured: Mix) -> Iterator[Samples]:
    """The sum of a folder's stems as it was measured, read again block by block."""
    assert measured.stems is not None
    offsets = {s.name: s.offset_samples for s in measured.stems.stems}
    with _Session(None, folder, ()) as session:
        tracks = [session.track(reader, offsets) for reader in session.readers]
        for _, blocks, _ in rows(session.block, session.source.channels, None, tracks, []):
            total = np.zeros((session.source.channels, blocks[0].shape[1]), np.float32)
            for block in blocks:
                total += block
            yield total


class _Session:
    """All files of one pass, open; closes them."""

    def __init__(self, mix: str | Path | None, folder: Folder, references: Sequence[str | Path]) -> None:
        self.unusable: list[Unusable] = []
        self.readers: list[AudioReader] = []
        self.references: list[tuple[str | Path, AudioReader]] = []
        self._failed: dict[str, InputError] = {}
        self.mix = None if mix is None else open_audio(mix)
        for path in folder.stems:
            try:
                reader = open_audio(path)
                if reader.source.channels > 2:
                    reader.close()
                    raise InputError(str(path), f"has {reader.source.channels} channels", "export it in mono or stereo")
                self.readers.append(reader)
            except InputError as error:
                self.unusable.append(Unusable(path.name, error.cause, error.remedy))
        if not self.readers:
            first = self.unusable[0]
            raise InputError(str(folder.path / first.name), first.cause, f"{first.remedy}; no other stem can be read")
        self.source = self.mix.source if self.mix else self._sum_source(folder)
        if self.source.channels > 2:
            self.close()
            raise UsageError(f"stems need a mono or stereo mix; {self.source.name} is {self.source.layout}")
        self.names = _unique_names([Path(r.source.name) for r in self.readers])
        self.block = HOPS_PER_BLOCK * hop_samples(self.source.sample_rate)
        for file in references if self.mix else ():
            self._open_reference(file)

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all files."""
        for reader in (self.mix, *self.readers, *(r for _, r in self.references)):
            if reader:
                reader.close()

    def _sum_source(self, folder: Folder) -> Source:
        """What the sum of the stems is, as a file would say."""
        rates = Counter(r.source.sample_rate for r in self.readers)
        rate = max(rates, key=lambda hz: (rates[hz], hz))
        layout = "stereo" if any(r.source.channels == 2 for r in self.readers) else "mono"
        depths = [r.source.bit_depth for r in self.readers if r.source.bit_depth is not None]
        lossy = next((r.source.codec for r in self.readers if r.source.lossy), None)
        depth = min(depths) if depths and not lossy else None
        return Source(
            f"sum of the stems in {folder.path}", "render", lossy or "float", rate, layout, depth, lossy is not None
        )

    def _open_reference(self, path: str | Path) -> None:
        """A reference that might be a version of this mix: of its rate and layout. Others are compared elsewhere."""
        if len(self.references) >= MOST_REFERENCES:
            return
        reader = open_audio(path)
        if (reader.source.sample_rate, reader.source.channels) != (self.source.sample_rate, self.source.channels):
            reader.close()
            return
        self.references.append((path, reader))

    def frames(self, stems: Sequence[StemInput]) -> int:
        """Frames from the start of the mix to the end of the last stem in its place, as far as they are declared."""
        own = self._in_mix(self.mix) if self.mix else 0
        return max([own, *(s.offset_samples + s.frames for s in stems if s.frames)])

    def _in_mix(self, reader: AudioReader) -> int:
        """Declared frames of a file in the rate of the mix."""
        return round((reader.frames or 0) * self.source.sample_rate / reader.source.sample_rate)

    def mix_blocks(self) -> Iterator[Samples] | None:
        """The mix, or None where it is the sum."""
        return self.mix.blocks(self.block) if self.mix else None

    def track(self, reader: AudioReader, offsets: Mapping[str, int]) -> Track:
        """A stem as a track: in the rate and channels of the mix."""
        name, own = self.names[self.readers.index(reader)], reader.source
        channels = min(own.channels, self.source.channels)
        stem = StemInput(
            name, own, channels,
            offset_samples=offsets.get(name, 0),
            frames=self._in_mix(reader),
            resampled_from_hz=None if own.sample_rate == self.source.sample_rate else own.sample_rate,
        )  # fmt: skip
        return stem, self._blocks(reader, name, channels)

    def _blocks(self, reader: AudioReader, name: str, channels: int) -> Iterator[Samples]:
        """The audio of a stem; what is wrong in the middle ends it and is noted."""
        try:
            yield from stem_blocks(reader, self.source.sample_rate, channels)
        except InputError as error:
            self._failed[name] = error

    def completed(self, mix: Mix) -> Mix:
        """The mix with what was found out while reading to the end: files that end early or break off."""
        assert mix.stems is not None
        sources = dict(zip(self.names, (r.source for r in self.readers), strict=True))
        stems = tuple(
            replace(s, source=replace(sources[s.name], partial=_reason(self._failed.get(s.name), sources[s.name])))
            for s in mix.stems.stems
        )
        source = self.mix.source if self.mix else mix.source
        missing = [u.name for u in self.unusable] + [s.name for s in stems if s.source.partial]
        if missing and not self.mix:
            source = replace(source, partial=f"not all of these stems could be read: {', '.join(missing)}")
        lossy = {str(p) for p, reader in self.references if reader.source.lossy or source.lossy}
        references = tuple(replace(r, lossy=r.name in lossy) for r in mix.stems.references)
        return replace(mix, source=source, stems=replace(mix.stems, stems=stems, references=references))


def _reason(error: InputError | None, source: Source) -> str | None:
    return f"{error.cause}; {error.remedy}" if error else source.partial


def _unique_names(paths: Sequence[Path]) -> list[str]:
    """What stems are called: the name of the file without its ending, with it where two would be the same."""
    counts = Counter(p.stem for p in paths)
    return [p.stem if counts[p.stem] == 1 else p.name for p in paths]
