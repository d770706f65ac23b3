"""Columns of a progress bar: how much is done, and how fast it goes."""

from __future__ import annotations

from typing import Final

from rich.filesize import decimal
from rich.progress import ProgressColumn, Task
from rich.text import Text

__all__ = ["Done", "Pace"]

#: The stage that is counted in bytes.
_BYTES: Final = "bytes"


class Done(ProgressColumn):
    """How many are done, and of how many where that is known."""

    def render(self, task: Task) -> Text:
        """Show ``7/12``, ``1,204`` or ``3.1 MB/9.6 MB``."""
        shown = _shown(task, task.completed)
        return Text(shown if task.total is None else f"{shown}/{_shown(task, task.total)}", style="progress.download")


class Pace(ProgressColumn):
    """How many are done in a second."""

    def render(self, task: Task) -> Text:
        """Show ``41.2 MB/s`` or ``112,000/s``; nothing as long as it is not known."""
        speed = task.finished_speed or task.speed
        return Text(f"{_shown(task, speed)}/s" if speed else "", style="progress.data.speed")


def _shown(task: Task, number: float) -> str:
    return decimal(int(number)) if task.description == _BYTES else f"{number:,.0f}"
