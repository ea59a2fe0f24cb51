"""A progress bar on stderr: only on a terminal, and only when the work takes long enough to be seen."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

#: The bar appears when work takes longer than this (s): short files leave no trace, and load no bar.
APPEARS_AFTER_S = 0.7

Step = Callable[[float | None], None]
#: The display that is on the terminal: there can be one, so a bar within a bar becomes a line of it.
_SHOWN: list[Progress] = []


@contextmanager
def bar(label: str, quiet: bool) -> Iterator[Step]:
    """Gives a function to call with the share done, 0 to 1, or None while that is not known."""
    if quiet or not sys.stderr.isatty():
        yield lambda share: None
        return
    started = time.perf_counter()
    shown: list[Step] = []

    def step(share: float | None) -> None:
        if not shown and time.perf_counter() - started > APPEARS_AFTER_S:
            shown.append(_rich_bar(label, stack))
        for update in shown:
            update(share)

    with ExitStack() as stack:
        yield step


def _rich_bar(label: str, stack: ExitStack) -> Step:
    from rich import progress as rich_progress
    from rich.console import Console

    if not _SHOWN:
        _SHOWN.append(stack.enter_context(rich_progress.Progress(console=Console(stderr=True), transient=True)))
        stack.callback(_SHOWN.clear)
    progress = _SHOWN[0]
    task = progress.add_task(label, total=None)
    stack.callback(progress.remove_task, task)

    def update(share: float | None) -> None:
        if share is not None:
            progress.update(task, total=1.0, completed=share)

    return update
