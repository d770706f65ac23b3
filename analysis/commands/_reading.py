"""How commands read their sources: with progress, and with a word on what was refused."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from analysis.dataset import Dataset, open_source
from analysis.engine import Progress as Told
from analysis.outputs._plain import plain

__all__ = ["give", "progress_of", "read", "refused"]

_MOST_TOLD: Final = 5


@contextmanager
def progress_of(options: argparse.Namespace) -> Iterator[Told | None]:
    """Show progress on standard error, where that is a terminal and nobody asked for quiet."""
    console = Console(stderr=True)
    if options.quiet or not console.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def told(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(plain(stage, 60), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield told


def read(options: argparse.Namespace, progress: Told | None) -> Dataset:
    """Open the sources of a command, and say on standard error what was refused."""
    data = open_source(options.sources, skew=options.skew, progress=progress)
    if not options.quiet:
        for line in _told(data):
            print(line, file=sys.stderr)
    return data


def refused(options: argparse.Namespace, data: Dataset) -> bool:
    """Tell whether the input was not what ``--strict-input`` asks for: a record was refused, or an export not read."""
    return bool(options.strict_input) and any(entry.rejected or entry.problem for entry in data.inputs)


def give(options: argparse.Namespace, text: str) -> None:
    """Write what a command says to where it was asked to."""
    if options.out is None:
        sys.stdout.write(text)
    else:
        Path(options.out).write_text(text, encoding="utf-8")


def _told(data: Dataset) -> Iterator[str]:
    if not data.totals.spans and not data.totals.logs:
        yield "archreview: the exports are well-formed and hold no record"
    for entry in data.inputs:
        if entry.problem:
            yield f"archreview: {plain(entry.path)} was not read: {plain(entry.problem)}"
        for row in entry.rejected[:_MOST_TOLD]:
            example = plain(str(row["example"]), 200)
            yield f"archreview: {plain(entry.path)}: {row['count']} refused: {plain(row['reason'])} (such as {example})"
        if len(entry.rejected) > _MOST_TOLD:
            yield f"archreview: {plain(entry.path)}: {len(entry.rejected) - _MOST_TOLD} more reasons: see `inspect`"
