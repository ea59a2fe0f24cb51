"""A rendered session for people: what was written and what is not as the DAW plays it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

#: Lines shown of each list; the manifest has all.
SHOWN = 12


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
