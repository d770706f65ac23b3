"""Exports into rows: each file is opened, its format recognised, its records spooled, its content known by a hash.

Files are read side by side on an executor, and their rows are taken in the order of the files, so that who was done
first decides nothing.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from analysis._progress import Progress
from analysis.executors import Engine, in_order, open_executor, shares_memory
from analysis.ingest.inputs import STANDARD_INPUT, File, Paths, as_list, expand, is_address
from analysis.ingest.one_export import Given, Task, entry_of, read_one, size_of
from analysis.ingest.spool import Spool
from analysis.ingest.tally import Input
from analysis.sources import WHAT_CAN_BE_READ, RowMapping, UnreadableExport

__all__ = ["Ingested", "Progress", "entry_of", "read_exports", "silent", "temporary_folder"]

#: How many names an error lists.
_SHOWN: Final = 5


@dataclass(frozen=True)
class Ingested:
    """Exports that were read, their rows still to be put into partitions.

    Attributes
    ----------
    inputs
        An entry for each file, sorted by name; counts are filled when partitions are made.
    numbers
        For each entry the number that its rows carry; -1 where it has none.
    spool
        The rows.
    notes
        What was passed over.
    """

    inputs: tuple[Input, ...]
    numbers: tuple[int, ...]
    spool: Spool
    notes: tuple[str, ...]


def read_exports(
    paths: Paths,
    *,
    mapping: RowMapping | None = None,
    progress: Progress | None = None,
    skip: Collection[str] = frozenset(),
    spool: Spool | None = None,
    engine: Engine = "threads",
) -> Ingested:
    """Read exports of any format.

    Parameters
    ----------
    paths
        Files, folders, globs, addresses, or "-": one or several.
    mapping
        What the columns of rows mean, where files hold rows of no known format.
    progress
        Told of files and spans, and of bytes where all files are on this machine.
    skip
        SHA-256 hashes of contents that are known already: they are listed and not read.
    spool
        Where rows go; by default memory, and a temporary folder when they are many.
    engine
        Where files are read (:func:`analysis.executors.open_executor`).

    Raises
    ------
    UnreadableExport
        Nothing at all could be read; the message says why, for each name.
    EngineLost
        The workers are gone.
    """
    expansion = expand(paths)
    reading = _Reading(spool or Spool(temporary_folder), frozenset(skip), progress or silent, mapping)
    with open_executor(engine) as executor:
        reading.read(expansion.files, executor)
    reading.spool.settle()
    if all(entry.unreadable for entry in reading.inputs):
        raise _nothing_read(as_list(paths), reading.inputs, expansion.notes)
    ranked = sorted(zip(reading.inputs, reading.numbers, strict=True), key=lambda pair: (pair[0].path, pair[0].content))
    inputs, numbers = zip(*ranked, strict=True)
    return Ingested(inputs, numbers, reading.spool, expansion.notes)


def temporary_folder() -> Path:
    """Return a new folder that is removed when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="archreview-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def silent(stage: str, done: int, total: int | None) -> None:
    """Report to nobody."""


def _nothing_read(names: list[str], inputs: list[Input], notes: tuple[str, ...]) -> UnreadableExport:
    reasons = [f"{entry.path}: {entry.problem}" for entry in inputs] or ["there is no file in it", *notes]
    more = [f"and {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
    problem = "nothing could be read: " + "; ".join(reasons[:_SHOWN] + more)
    advice: list[str] = []
    if len(inputs) == 1:
        # Of a single file its own advice counts.
        problem = inputs[0].problem if inputs[0].path in names else reasons[0]
        advice = [note for note in inputs[0].notes if note != inputs[0].problem]
    remedy = advice[0] if advice else WHAT_CAN_BE_READ
    if not names:
        return UnreadableExport("exports", "none is named", WHAT_CAN_BE_READ)
    return UnreadableExport(names[0] if len(names) == 1 else f"{len(names)} exports", problem, remedy)


@dataclass
class _Known:
    """A content that was read: its entry and the number of its rows."""

    entry: Input
    number: int


class _Reading:
    """The state of reading several files: what they gave, and which contents were met."""

    def __init__(self, spool: Spool, skip: frozenset[str], progress: Progress, mapping: RowMapping | None) -> None:
        self.spool = spool
        self.progress = progress
        self._mapping = mapping
        self.inputs: list[Input] = []
        self.numbers: list[int] = []
        self._skip = skip
        self._met: dict[str, _Known] = {}
        self._spans, self._bytes = 0, 0
        self._size: int | None = None
        self._lock = threading.Lock()

    def read(self, files: tuple[File, ...], executor: Executor) -> None:
        """Read files and keep an entry of each."""
        self.progress("files", 0, len(files))
        sizes = [size_of(file) for file in files if not file.problem]
        self._size = sum(filter(None, sizes)) if None not in sizes else None
        near = shares_memory(executor)
        work = partial(read_one, told=self._told) if near else read_one
        done = 0
        for span_of_files, away in _stretches(files):
            tasks = self._tasks(span_of_files, done, near or not away)
            given = in_order(executor, work, tasks) if away else ((task, read_one(task, self._told)) for task in tasks)
            for task, found in given:
                self._take(task, found, near or not away)
                done += 1
                self.progress("files", done, len(files))
        if self._size:
            # What was known already, or refused at once, was not read to its end.
            self.progress("bytes", self._size, self._size)

    def _tasks(self, files: list[tuple[File, bool]], first: int, near: bool) -> Iterator[Task]:
        for number, (file, doubtful) in enumerate(files, start=first):
            # A content that was met already is not read again, where its hash can be had for less.
            known = self._skip | frozenset(self._met) if doubtful or self._skip else frozenset()
            yield Task(file, number, known, self.spool.beside(number, near=near), self._mapping)

    def _told(self, spans: int, size: int) -> None:
        with self._lock:
            self._spans += spans
            self._bytes += size
            self.progress("spans", self._spans, None)
            if self._size:
                self.progress("bytes", min(self._bytes, self._size), self._size)

    def _take(self, task: Task, given: Given, near: bool) -> None:
        """Keep what a file gave: its rows unless its content is known, its entry anyway."""
        entry, pieces = given.entry, given.pieces
        if pieces is not None and not near:
            self._told(pieces.counts["spans"], size_of(task.file) or 0)
        if not entry.unreadable and (known := self._met.get(entry.content)) is not None:
            return self._append(replace(known.entry, path=entry.path), known.number)
        if pieces is None or entry.content in self._skip:
            return self._append(entry, -1)
        self._met[entry.content] = _Known(entry, task.number)
        self.spool.adopt(pieces)
        return self._append(entry, task.number)

    def _append(self, entry: Input, number: int) -> None:
        self.inputs.append(entry)
        self.numbers.append(number)


def _stretches(files: tuple[File, ...]) -> Iterator[tuple[list[tuple[File, bool]], bool]]:
    """Cut files into stretches that workers can read, and those that only this process can: standard input.

    Beside each file it is said whether another has its size, and so perhaps its content.
    """
    sizes = [size_of(file) for file in files]
    many = Counter(sizes)
    stretch: list[tuple[File, bool]] = []
    for file, size in zip(files, sizes, strict=True):
        if file.location == STANDARD_INPUT:
            if stretch:
                yield stretch, True
            stretch = []
            yield [(file, False)], False
            continue
        located = file if file.problem or is_address(file.location) else replace(file, location=_absolute(file))
        stretch.append((located, size is not None and many[size] > 1))
    if stretch:
        yield stretch, True


def _absolute(file: File) -> str:
    """Return where a file is for a process that runs in another folder."""
    return str(Path(file.location).absolute())
