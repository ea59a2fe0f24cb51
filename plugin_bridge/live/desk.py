"""How another program of the user asks the engine for reports of what it has measured.

A question is an empty file TOKEN.ask, its answer JSON in TOKEN.json, written under another name first so that it is
never seen half. Both lie in a folder of the user alone, beside the links. The engine looks with every turn of its loop.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dsp.errors import InputError

_ASKED: Final = re.compile(r"([0-9a-f]{16})\.ask")
#: What a program that has gone left behind is removed after this (s).
STALE_S: Final = 60.0
#: How often one that asks looks for its answer (s).
LOOK_S: Final = 0.02


def desk(folder: Path) -> Path:
    """The folder of questions, beside the links, made if missing."""
    path = folder / "desk"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def questions(folder: Path) -> Iterator[str]:
    """The tokens of what has been asked, each once."""
    for entry in list(os.scandir(desk(folder))):
        with suppress(OSError):
            if match := _ASKED.fullmatch(entry.name):
                os.unlink(entry.path)
                yield match[1]
            elif time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE_S:
                os.unlink(entry.path)


def answer(folder: Path, token: str, content: dict[str, Any]) -> None:
    """Answer a question."""
    write_whole(desk(folder) / f"{token}.json", json.dumps(content, allow_nan=False))


def write_whole(path: Path, text: str) -> None:
    """Write a file that is never seen half, for its owner alone."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, path)


def ask(folder: Path, patience_s: float = 30.0, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Ask the engine for reports and wait for them. Raises InputError where no answer comes."""
    token = secrets.token_hex(8)
    question, reply = desk(folder) / f"{token}.ask", desk(folder) / f"{token}.json"
    os.close(os.open(question, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    for _ in range(round(patience_s / LOOK_S)):
        with suppress(FileNotFoundError):
            data: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
            reply.unlink()
            return data
        sleep(LOOK_S)
    question.unlink(missing_ok=True)
    raise InputError("the engine", "does not answer", "end it and try again: the plugin starts another")
