"""Progress in a notebook: a bar that appears when work takes longer than a second, and goes when it is done."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Final, Protocol

__all__ = ["QUIET", "Progress", "told_in_notebooks"]

#: Set by whoever executes notebooks for readers: what is still to be done is of no use to them.
QUIET: Final = "ARCHREVIEW_WITHOUT_PROGRESS"
_PATIENCE_S: Final = 1.0
#: Between two changes of what is shown.
_PAUSE_S: Final = 0.2
#: The shell of notebooks; that of a terminal has another name.
_SHELL: Final = "ZMQInteractiveShell"


class Progress(Protocol):
    """Told how far long work has come; ``total`` is None where it is not known."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Report that ``done`` of ``total`` are done."""


@contextmanager
def told_in_notebooks(progress: Progress | None) -> Iterator[Progress | None]:
    """Give what tells progress: the one that is asked for, else a bar where code runs in a notebook, else None."""
    bar = _Bar() if progress is None and _in_notebook() else None
    try:
        yield progress or bar
    finally:
        if bar is not None:
            bar.remove()


def _in_notebook() -> bool:
    # Whoever runs in a notebook has IPython imported; nobody else need.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == _SHELL and not os.environ.get(QUIET)


class _Bar:
    def __init__(self) -> None:
        self._shown_at = time.monotonic() + _PATIENCE_S - _PAUSE_S
        self._handle: Any = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._shown_at < _PAUSE_S:
            return
        self._shown_at = now
        self._show(_drawn(stage, done, total))

    def _show(self, html: str) -> None:
        # Only a notebook comes here, and has it; it says no types.
        ipython: Any = importlib.import_module("IPython.display")
        if self._handle is None:
            self._handle = ipython.display(ipython.HTML(html), display_id=True)
        else:
            self._handle.update(ipython.HTML(html))

    def remove(self) -> None:
        """Leave nothing of the bar."""
        if self._handle is not None:
            self._show("")


def _drawn(stage: str, done: int, total: int | None) -> str:
    said = f"{escape(stage)}: {done:,}" + (f" of {total:,}" if total else "")
    bar = f'<progress value="{done}" max="{total}"></progress> ' if total else "<progress></progress> "
    return f"<div>{bar}{said}</div>"
