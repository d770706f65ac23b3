"""How commands read their sources: with progress, and with a word on what was refused."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from analysis import config as configuration
from analysis._kernels.compiling import telling_of_compiling
from analysis._wording import counted, plain
from analysis.commands._options import WrongUsage
from analysis.commands._pace import Done, Pace
from analysis.commands._speaking import hide, say
from analysis.config import Configuration
from analysis.dataset import Dataset, open_source
from analysis.engine import Progress as Told

__all__ = ["code_of", "opened", "progress_of", "read", "settings_of", "tell_refused"]

#: How many exports, and how many reasons of each, are told; `inspect` tells all.
_MOST_EXPORTS: Final = 8
_MOST_REASONS: Final = 5


def settings_of(options: argparse.Namespace) -> Configuration:
    """Load the configuration, before anything is read: what is wrong with it is said at once."""
    settings = configuration.load(options.config)
    hide(settings.view.hidden)
    return settings


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
        Done(),
        Pace(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def told(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(plain(stage, 60), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        with telling_of_compiling(told):
            yield told


def read(options: argparse.Namespace, progress: Told | None) -> Dataset:
    """Open the sources of a command.

    Raises
    ------
    WrongUsage
        The sources cannot be read together, their address is of no known kind, or the mapping cannot be used.
    UnreadableExport
        Nothing could be read.
    """
    return opened(options.sources, options, progress)


def opened(sources: str | Sequence[str], options: argparse.Namespace, progress: Told | None) -> Dataset:
    """Open sources, also those that others are compared with, as the options of reading say.

    Raises
    ------
    WrongUsage, UnreadableExport
        As :func:`read` does.
    """
    try:
        return open_source(sources, mapping=options.map, skew=options.skew, progress=progress, engine=options.engine)
    except (ValueError, ImportError) as error:
        # A dataset beside exports; an address of an unknown kind, or of one that needs a package more.
        raise WrongUsage(str(error)) from error


def code_of(options: argparse.Namespace, data: Dataset) -> int:
    """Return the exit code that the input asks for.

    1 where every record was refused, and, with ``--strict-input``, where any was or an export could not be read.
    """
    refused = any(entry.rejected or entry.problem for entry in data.inputs)
    return 1 if refused and (options.strict_input or _empty(data)) else 0


def tell_refused(options: argparse.Namespace, data: Dataset) -> None:
    """Say on standard error what was not read or refused, and why, unless asked for quiet."""
    if not options.quiet:
        for line in _told(data):
            say(line)


def _empty(data: Dataset) -> bool:
    return not data.totals.spans and not data.totals.logs


def _told(data: Dataset) -> Iterator[str]:
    concerned = [entry for entry in data.inputs if entry.problem or entry.rejected]
    if _empty(data):
        if not concerned:
            named = data.inputs[0].path if len(data.inputs) == 1 else f"each of {len(data.inputs):,} exports"
            yield f"{named} is well-formed and holds no record"
        else:
            yield "there is no record that could be read"
    unread = sum(bool(entry.problem) for entry in data.inputs)
    if unread and len(data.inputs) > 1:
        yield f"{unread} of {counted(len(data.inputs), 'export')} could not be read"
    for entry in concerned[:_MOST_EXPORTS]:
        if entry.problem:
            yield f"{entry.path} was not read: {entry.problem}"
            continue
        for row in entry.rejected[:_MOST_REASONS]:
            yield f"{entry.path}: {_refused(row)}"
        if len(entry.rejected) > _MOST_REASONS:
            yield f"{entry.path}: {counted(len(entry.rejected) - _MOST_REASONS, 'more reason')}: see `inspect`"
    if len(concerned) > _MOST_EXPORTS:
        yield f"the same of {counted(len(concerned) - _MOST_EXPORTS, 'more export')}: see `inspect`"


def _refused(row: Any) -> str:
    return f"{counted(row['count'], 'record')} refused: {row['reason']} (such as {plain(str(row['example']), 200)})"
