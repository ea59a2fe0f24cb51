"""Names of tracks as names of files, on any system.

Rules of Windows, which are the narrowest: "Naming Files, Paths, and Namespaces", Microsoft
(https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

_FORBIDDEN: Final = frozenset('<>:"/\\|?*')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
# Of the 255 bytes file systems allow, some are left for a number, a digest and an ending.
_MAX_BYTES: Final = 180


def safe_names(names: Iterable[str], taken: Sequence[str] = ()) -> list[str]:
    """A file name for each name, in order: valid everywhere, different even where case is ignored, none of `taken`."""
    used = {_folded(name) for name in taken}
    safe: list[str] = []
    for name in names:
        first = candidate = _safe(name)
        number = 2
        while _folded(candidate) in used:
            candidate, number = f"{first} ({number})", number + 1
        used.add(_folded(candidate))
        safe.append(candidate)
    return safe


def _safe(name: str) -> str:
    text = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in unicodedata.normalize("NFC", name))
    short = text.encode("utf-8", "replace")[:_MAX_BYTES].decode("utf-8", "ignore")
    # Leading dots hide a file, trailing dots and spaces are lost on Windows.
    bare = short.strip().lstrip(".").rstrip(". ").strip() or "_"
    return f"_{bare}" if _RESERVED.fullmatch(bare) else bare


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
