"""Exports into rows: each file is opened, its format recognised, its records spooled, its content known by a hash."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from analysis.ingest.inputs import STANDARD_INPUT, File, Paths, as_list, expand, is_address
from analysis.ingest.spool import Spool
from analysis.ingest.tally import Input
from analysis.sources import (
    ExportStream,
    Rejects,
    RowMapping,
    Source,
    UnreadableExport,
    open_stream,
    recognise,
)

__all__ = ["Ingested", "Progress", "entry_of", "read_exports", "silent", "temporary_folder"]

#: Called with a stage ("files", "spans"), how many are done, and of how many, where that is known.
Progress = Callable[[str, int, int | None], None]

_CHUNK_BYTES: Final = 1024 * 1024
#: How many names an error lists.
_SHOWN: Final = 5
#: What goes wrong with a file from outside; anything else is a defect and is not hidden.
_TROUBLE: Final = (UnreadableExport, OSError, EOFError)


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
) -> Ingested:
    """Read exports of any format.

    Parameters
    ----------
    paths
        Files, folders, globs, addresses, or "-": one or several.
    mapping
        What the columns of rows mean, where files hold rows of no known format.
    progress
        Told of files and spans.
    skip
        SHA-256 hashes of contents that are known already: they are listed and not read.
    spool
        Where rows go; by default memory, and a temporary folder when they are many.

    Raises
    ------
    UnreadableExport
        Nothing at all could be read; the message says why, for each name.
    """
    expansion = expand(paths)
    reading = _Reading(spool or Spool(temporary_folder), frozenset(skip), progress or silent, mapping)
    total = len(expansion.files)
    for done, file in enumerate(expansion.files):
        reading.progress("files", done, total)
        reading.read(file)
    reading.progress("files", total, total)
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
    problem = inputs[0].problem if len(inputs) == 1 else "nothing could be read: " + "; ".join(reasons[:_SHOWN] + more)
    # Of a single file its own advice counts.
    advice = inputs[0].notes if len(inputs) == 1 else ()
    remedy = advice[0] if advice else "`archreview formats` lists what can be read and how to export it"
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

    def read(self, file: File) -> None:
        """Read one file and keep its entry."""
        if file.problem:
            return self._refuse(file, file.problem)
        try:
            content = self._content_before(file)
            if content in self._met or content in self._skip:
                return self._repeat(file, content)
            with _opened(file) as stream:
                return self._read_stream(file, stream)
        except _TROUBLE as error:
            return self._refuse(file, error)

    def _content_before(self, file: File) -> str:
        """Return the hash of a content, where it may be one that is known: reading it again would be in vain."""
        if file.location == STANDARD_INPUT or not (self._met or self._skip) or not Path(file.location).is_file():
            return ""
        with _opened(file) as stream:
            return _Hashed(stream).content()

    def _read_stream(self, file: File, stream: ExportStream) -> None:
        hashed = _Hashed(stream)
        try:
            source = recognise(stream, self._mapping)
        except UnreadableExport as error:
            return self._refuse(file, stream.damage or error, hashed.content())
        number = len(self.inputs)
        rejects = Rejects()
        rows, failure = self._spool_records(source, hashed, rejects, number)
        content = hashed.content()
        failure = failure or stream.damage
        if failure and not rows:
            return self._refuse(file, failure, content, source.NAME)
        if failure:
            rejects.add("the rest of the export cannot be read", f"after {rows} records", _problem(failure))
        return self._keep(entry_of(file.name, source.NAME, rejects, rows, content), number)

    def _spool_records(
        self, source: Source, hashed: _Hashed, rejects: Rejects, number: int
    ) -> tuple[int, str | Exception]:
        """Spool what a source reads; return how many rows, and why it ended early, if it did."""
        rows = 0
        try:
            for batch in source.read(hashed, rejects):
                if batch.spans is not None:
                    self.spool.add("spans", batch.spans, number)
                    rows += batch.spans.num_rows
                if batch.logs is not None:
                    self.spool.add("logs", batch.logs, number)
                    rows += batch.logs.num_rows
                self.progress("spans", self.spool.counts["spans"], None)
        except _TROUBLE as error:
            return rows, error
        return rows, ""

    def _repeat(self, file: File, content: str) -> None:
        """Keep the entry of a content that was read under another name."""
        known = self._met.get(content)
        if known is None:
            return self._append(Input(path=file.name, content=content), -1)
        return self._append(replace(known.entry, path=file.name), known.number)

    def _refuse(self, file: File, cause: str | Exception, content: str = "", form: str = "unknown") -> None:
        """Keep an entry of which nothing could be read; what merely lies in a folder need not be an export."""
        problem = _problem(cause)
        notes = (cause.remedy,) if isinstance(cause, UnreadableExport) else ()
        entry = Input(path=file.name, format=form, notes=notes, content=content, problem=problem)
        if file.named or form != "unknown":
            rejected = ({"reason": problem, "count": 1, "example": "the whole file"},)
            return self._append(replace(entry, rejected=rejected), -1)
        return self._append(replace(entry, notes=(problem,)), -1)

    def _keep(self, entry: Input, number: int) -> None:
        """Keep the entry of what was read, and its rows unless the content turns out to be known."""
        known = self._met.setdefault(entry.content, _Known(entry, number))
        if known.number != number or entry.content in self._skip:
            self.spool.drop(number)
        self._append(entry, known.number)

    def _append(self, entry: Input, number: int) -> None:
        self.inputs.append(entry)
        self.numbers.append(number)


class _Hashed:
    """An export whose bytes pass by a hash as they are read."""

    def __init__(self, stream: ExportStream) -> None:
        self._stream = stream
        self._hash = hashlib.sha256(stream.companion or b"")

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        piece = self._stream.read(size)
        self._hash.update(piece)
        return piece

    @property
    def name(self) -> str:
        """What messages call it; some formats of logs say the service nowhere else."""
        return self._stream.name

    def peek(self, size: int = 65_536, /) -> bytes:
        """Return the next bytes without taking them."""
        return self._stream.peek(size)

    def spool(self) -> IO[bytes]:
        """Return the whole content as a file; its bytes pass by the hash at the end."""
        return self._stream.spool()

    @property
    def companion(self) -> bytes | None:
        """The file beside it that is a part of its content."""
        return self._stream.companion

    def content(self) -> str:
        """Return the hash of the whole content; what was not read yet is read, as far as it can be."""
        try:
            while self.read(_CHUNK_BYTES):
                pass
        except _TROUBLE:
            # A content cut short is known by what there is of it: its entry says that it was cut.
            return self._hash.hexdigest()
        return self._hash.hexdigest()


def _opened(file: File) -> ExportStream:
    if file.location == STANDARD_INPUT or is_address(file.location):
        return open_stream(file.location, file.name)
    return open_stream(Path(file.location).open("rb"), file.name)


def _problem(cause: str | Exception) -> str:
    if isinstance(cause, UnreadableExport):
        return f"{cause.problem} ({cause.position})" if cause.position else cause.problem
    if isinstance(cause, OSError) and cause.strerror:
        return f"it cannot be opened ({cause.strerror})"
    return str(cause) or type(cause).__name__


def entry_of(name: str, form: str, rejects: Rejects, rows: int, content: str) -> Input:
    """Return the entry of what was read: what of it was refused, and on which assumptions the rest was taken."""
    notes = [f"{text}: {count}" for text, count in sorted(rejects.notes.items())]
    if rows == 0 and not rejects.rows():
        notes.append("well formed, without a record")
    rejected: tuple[dict[str, Any], ...] = tuple(dict(row) for row in rejects.rows())
    return Input(path=name, format=form, rejected=rejected, notes=tuple(notes), content=content)
