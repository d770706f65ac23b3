"""One export file into rows: what a worker does of reading.

It may be done twice, when a worker died: rows that leave memory go to files whose names are the file's number, whole or
absent, so the second time writes what the first did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from analysis.ingest.inputs import STANDARD_INPUT, File, is_address
from analysis.ingest.ledger import Ledger, named, state_of
from analysis.ingest.spool import Pieces, Spool
from analysis.ingest.tally import Input
from analysis.sources import (
    ExportStream,
    Rejects,
    RowMapping,
    Source,
    UnreadableExport,
    mark_of,
    open_stream,
    recognise,
)

__all__ = ["MARKED", "Given", "Task", "Told", "entry_of", "read_one", "size_of"]

#: Stands between the hash of a content and what stands for the mapping that it was read by.
MARKED: Final = "+"

#: Called with the numbers of spans and of bytes of a file that were read more.
Told = Callable[[int, int], None]

#: What to do about a file that cannot be opened.
_NOT_OPENED: Final = "Check its name, and that it may be read"
_CHUNK_BYTES: Final = 1024 * 1024
#: What goes wrong with a file from outside; anything else is a defect and is not hidden.
_TROUBLE: Final = (UnreadableExport, OSError, EOFError)


@dataclass(frozen=True)
class Task:
    """One file to read.

    Attributes
    ----------
    file
        Which.
    number
        What its rows carry.
    known
        SHA-256 hashes of contents that need not be read; their hash is taken before.
    spool
        An empty spool, for its rows.
    mapping
        What the columns of rows mean, where the file holds rows of no known format.
    """

    file: File
    number: int
    known: frozenset[str]
    spool: Spool
    mapping: RowMapping | None


@dataclass(frozen=True)
class Given:
    """What reading one file gave.

    Attributes
    ----------
    entry
        Its entry; counts are filled when partitions are made.
    pieces
        Its rows; None where it has none: it cannot be read, or its content is known.
    """

    entry: Input
    pieces: Pieces | None = None


def read_one(task: Task, told: Told | None = None) -> Given:
    """Read one file.

    Parameters
    ----------
    task
        Which, and where its rows go.
    told
        Called with the numbers of spans and of bytes of the file that were read more.
    """
    file = task.file
    if file.problem:
        return _refused(file, file.problem)
    try:
        if task.known:
            content = _content_of(file, task.mapping)
            if content in task.known:
                return Given(Input(path=file.name, content=content))
        return _read_unless_done(task, told)
    except _TROUBLE as error:
        return _refused(file, error)


def _read_unless_done(task: Task, told: Told | None) -> Given:
    """Read a file, or take what a run that ended early left of it; what is taken later must be on disk."""
    # Encrypted rows are of no use to a later run, and a record of them would hold what was refused.
    state = state_of(task.file) if task.spool.lasting and not task.spool.key else None
    if state is None:
        with _opened(task.file) as stream:
            return _read_stream(task, stream, told)
    ledger = Ledger(task.spool.place)
    name = named("export", task.file.name, task.file.location, state, task.number, task.mapping, task.spool.buckets)
    done = ledger.find(name)
    if done is not None:
        if told is not None:
            told(done["counts"]["spans"], size_of(task.file) or 0)
        return Given(Input.from_record(done["entry"]), Pieces(done["counts"], {"spans": [], "logs": []}, done["runs"]))
    # What is written of a file that changed since must not take the place of what another record names.
    task = replace(task, spool=replace(task.spool, label=f"{task.spool.label}{name[:8]}-"))
    with _opened(task.file) as stream:
        given = _read_stream(task, stream, told)
    pieces = given.pieces
    if pieces is not None and any(pieces.runs.values()) and not any(pieces.held.values()):
        ledger.keep(name, {"entry": asdict(given.entry), "counts": pieces.counts, "runs": pieces.runs})
    return given


def _content_of(file: File, mapping: RowMapping | None) -> str:
    """Return the hash of a content before it is read; "" of what can be read only once, or only from afar."""
    if file.location == STANDARD_INPUT or not Path(file.location).is_file():
        return ""
    with _opened(file) as stream:
        try:
            mark = mark_of(recognise(stream, mapping)) if mapping is not None else ""
        except UnreadableExport:
            mark = ""
        return _marked(_Hashed(stream).content(), mark)


def _marked(content: str, mark: str) -> str:
    """Return the hash of a content as the mapping means it that it was read by, if it was."""
    return f"{content}{MARKED}{mark}" if mark else content


def _read_stream(task: Task, stream: ExportStream, told: Told | None) -> Given:
    file, hashed = task.file, _Hashed(stream)
    try:
        source = recognise(stream, task.mapping)
    except UnreadableExport as error:
        return _refused(file, stream.damage or error, hashed.content())
    rejects = Rejects()
    rows, failure = _spool_records(task, source, hashed, rejects, told)
    content = _marked(hashed.content(), mark_of(source))
    failure = failure or stream.damage
    if failure and not rows:
        return _refused(file, failure, content, source.NAME)
    if failure:
        rejects.add("the rest of the export cannot be read", f"after {rows} records", _problem(failure))
    return Given(entry_of(file.name, source.NAME, rejects, rows, content), task.spool.pieces())


def _spool_records(
    task: Task, source: Source, hashed: _Hashed, rejects: Rejects, told: Told | None
) -> tuple[int, str | Exception]:
    """Spool what a source reads; return how many rows, and why it ended early, if it did."""
    rows, seen = 0, 0
    try:
        for batch in source.read(hashed, rejects):
            if batch.spans is not None:
                task.spool.add("spans", batch.spans, task.number)
                rows += batch.spans.num_rows
            if batch.logs is not None:
                task.spool.add("logs", batch.logs, task.number)
                rows += batch.logs.num_rows
            if told is not None:
                told(batch.spans.num_rows if batch.spans is not None else 0, hashed.taken - seen)
                seen = hashed.taken
    except _TROUBLE as error:
        return rows, error
    return rows, ""


def _refused(file: File, cause: str | Exception, content: str = "", form: str = "unknown") -> Given:
    """Return the entry of what could not be read; what merely lies in a folder need not be an export."""
    problem = _problem(cause)
    notes = (cause.remedy,) if isinstance(cause, UnreadableExport) else ()
    if isinstance(cause, OSError) or cause == file.problem:
        notes = (_NOT_OPENED,)
    entry = Input(path=file.name, format=form, notes=notes, content=content, problem=problem)
    if file.named or form != "unknown":
        rejected = ({"reason": problem, "count": 1, "example": "the whole file"},)
        return Given(replace(entry, rejected=rejected))
    return Given(replace(entry, notes=(problem,)))


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
    def taken(self) -> int:
        """How many bytes of the file were read."""
        return self._stream.taken

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

    @property
    def accompanies(self) -> bool:
        """Whether it is a part of the content of a file beside it."""
        return self._stream.accompanies

    def content(self) -> str:
        """Return the hash of the whole content; what was not read yet is read, as far as it can be."""
        try:
            while self.read(_CHUNK_BYTES):
                pass
        except _TROUBLE:
            # A content cut short is known by what there is of it: its entry says that it was cut.
            return self._hash.hexdigest()
        return self._hash.hexdigest()


def size_of(file: File) -> int | None:
    """Return how many bytes a file has, as it lies there; None of what is afar, or no file."""
    path = Path(file.location)
    return path.stat().st_size if not file.problem and not is_address(file.location) and path.is_file() else None


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
    if rejects.beside:
        notes = [rejects.beside, *notes]
    elif rows == 0 and not rejects.rows():
        notes.append("well formed, without a record")
    rejected: tuple[dict[str, Any], ...] = tuple(dict(row) for row in rejects.rows())
    return Input(path=name, format=form, rejected=rejected, notes=tuple(notes), content=content)
