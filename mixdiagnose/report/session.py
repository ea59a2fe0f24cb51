"""A session for people: the levels along its mixer, and what a render of it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from rich.table import Table
from rich.text import Text

from dsp.session import ChannelFacts, Level, SessionFacts

#: Lines shown of each list; the manifest has all.
SHOWN = 12


def gain_table(session: SessionFacts) -> Table:
    """The mixer: the highest sample of every channel that is heard: as it comes in, after each insert, as it leaves."""
    table = Table(box=None, padding=(0, 2, 0, 0), title="Gain path, peaks in dBFS", title_justify="left")
    table.title_style = "bold"
    for name, justify in (("channel", "left"), ("in", "right"), ("inserts", "left"), ("out", "right"), ("to", "left")):
        table.add_column(name, justify=justify, no_wrap=name in ("in", "out"))  # type: ignore[arg-type]
    for channel in session.channels:
        if channel.levels:
            first, last = channel.levels[0], channel.levels[-1]
            table.add_row(channel.name, _peak(first), _inserts(channel), _peak(last), channel.output)
    return table


def _inserts(channel: ChannelFacts) -> Text:
    """Every insert with the level after it; in brackets those that do nothing here."""
    after = {(x.at, x.stage): x for x in channel.levels}
    words = Text()
    for device in channel.devices:
        words.append(" > " if len(words) else "")
        level = after.get((device.name, device.stage))
        words.append(device.name if level else f"({device.name}, {device.played})", "" if level else "dim")
        if level:
            words.append(" ").append_text(_peak(level))
    return words


def _peak(level: Level) -> Text:
    if level.peak_dbfs is None:
        return Text("silent", style="dim")
    return Text(f"{level.peak_dbfs:.1f}", style="bold red" if level.peak_dbfs > 0.0 else "")


def print_render(manifest: dict[str, Any], output: Path, stream: TextIO) -> None:
    """Write what came of a render as plain lines."""
    seconds = manifest["frames"] / manifest["sample_rate"]
    kinds = [f["kind"] for f in manifest["files"]]
    counts = ", ".join(
        f"{n} {word}{'' if n == 1 else ending}"
        for word, ending, n in (("stem", "s", kinds.count("stem")), ("bus", "es", kinds.count("bus")))
        if n
    )
    stream.write(f"{manifest['session']}: {seconds:.1f} s at {manifest['sample_rate']} Hz\n")
    stream.write(f"Written to {output}: mix.wav, master input.wav{', ' + counts if counts else ''}, manifest.json\n")
    lists = (
        ("PARTIAL: not played", [f"{o['track']}: {o['media']}: {o['why']}" for o in manifest["offline"]]),
        ("APPROXIMATE", manifest["approximate"]),
        ("Not read from the session", manifest["unread"]),
    )
    for title, lines in lists:
        if lines:
            stream.write(f"\n{title}\n" + "".join(f"  {line}\n" for line in lines[:SHOWN]))
            if len(lines) > SHOWN:
                stream.write(f"  and {len(lines) - SHOWN} more in manifest.json\n")
