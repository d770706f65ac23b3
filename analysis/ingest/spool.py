"""Rows on their way from exports to partitions: in memory while they are few, in files on disk beyond that.

Rows are kept in buckets by the hash of their trace, so that a partition can be put together without the others. A
spilled file begins with the offsets of the buckets and holds each as a small Parquet file, so that what it costs to
read a bucket does not grow with their number.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet.encryption import create_decryption_properties, create_encryption_properties

from analysis._allocation import give_back
from analysis.ingest.columns import joined, tidy
from analysis.ingest.merging import INPUT
from analysis.ingest.partitioning import UInt64s, log_homes, span_homes
from analysis.ingest.storage import Folder
from analysis.schema import LOG_SCHEMA, LOGS, SPAN_SCHEMA, SPANS

__all__ = ["BUCKETS", "Kind", "Pieces", "Spool", "travelling"]

Kind = Literal["spans", "logs"]

#: Buckets while the number of partitions is not known yet: a power of two, so that buckets and partitions nest.
BUCKETS: Final = 128

#: Rows that are rather written and read than kept in memory, or sent from one machine to another.
_MANY: Final = 50_000
#: Bytes of an offset at the head of a spilled file.
_OFFSET: Final = 8
_NUMBER: Final = pa.field(INPUT, pa.int32())
#: What travels: columns read from exports, not those computed from them, and the number of the input.
_SCHEMAS: Final[dict[Kind, pa.Schema]] = {
    "spans": pa.schema([*(SPAN_SCHEMA.field(column.name) for column in SPANS if not column.derived), _NUMBER]),
    "logs": pa.schema([*(LOG_SCHEMA.field(column.name) for column in LOGS if not column.derived), _NUMBER]),
}


def travelling(kind: Kind, table: pa.Table, number: int) -> pa.Table:
    """Return rows as they travel: without derived columns, with the number of their input."""
    schema = _SCHEMAS[kind]
    numbers = pa.array(np.full(table.num_rows, number, dtype=np.int32))
    kept, wanted = table.select(schema.names[:-1]), pa.schema(list(schema)[:-1])
    if not kept.schema.equals(wanted):
        kept = kept.cast(wanted)
    return kept.append_column(_NUMBER, numbers)


@dataclass(frozen=True)
class Pieces:
    """Rows of one input on their way from the worker that read them.

    Attributes
    ----------
    counts
        How many.
    held
        Those in memory, with the hashes that decide their partitions.
    runs
        Names of the files of those that left it.
    """

    counts: dict[Kind, int]
    held: dict[Kind, list[tuple[pa.Table, UInt64s]]]
    runs: dict[Kind, list[str]]


@dataclass
class Spool:
    """Gathers rows and gives them back a partition at a time.

    Parameters
    ----------
    folder
        Where to, when rows must leave memory: a path or an address, or what is called once to make one.
    buckets
        Number of buckets; partitions must divide it or be a multiple of it.
    limit
        Rows held in memory before the first is spilled.
    run
        Rows held in memory after that.
    label
        What the names of spilled files begin with: spools of one folder have different ones.
    lasting
        Whether rows of an input that are many are spilled as soon as it is read, so that they need not be read again.
    key
        What spilled rows are encrypted with, of 16 bytes: nobody can read what a run that was killed left of them.
        Empty: they are not.
    """

    folder: str | Path | Callable[[], Path | Folder]
    buckets: int = BUCKETS
    limit: int = 2_000_000
    run: int = 400_000
    label: str = ""
    lasting: bool = False
    key: bytes = field(default=b"", repr=False)
    counts: dict[Kind, int] = field(default_factory=lambda: {"spans": 0, "logs": 0})
    _held: dict[Kind, list[tuple[pa.Table, UInt64s]]] = field(default_factory=lambda: {"spans": [], "logs": []})
    _held_rows: int = 0
    _runs: dict[Kind, list[str]] = field(default_factory=lambda: {"spans": [], "logs": []})
    _place: Folder | None = None

    @property
    def spilled(self) -> bool:
        """Whether rows had to leave memory."""
        return any(self._runs.values())

    def add(self, kind: Kind, table: pa.Table, number: int) -> None:
        """Take rows of one input."""
        if not table.num_rows:
            return
        self._held[kind].append((travelling(kind, table, number), _homes(kind, table)))
        self._held_rows += table.num_rows
        self.counts[kind] += table.num_rows
        if self._held_rows > (self.run if self.spilled else self.limit):
            self._spill()

    def beside(self, number: int, *, near: bool) -> Spool:
        """Return an empty spool for the rows of one input, which another thread, process or machine fills.

        Parameters
        ----------
        number
            Of the input.
        near
            Whether it is filled in this process; otherwise the folder is made now, so that it can be named.
        """
        folder = self._made if near else self._made().location
        most = self.limit if near else min(self.limit, self.run)
        # Afar, rows are few that come back by themselves: the rest lies where everyone finds it.
        lasting = self.lasting or not near
        return Spool(folder, self.buckets, most, self.run, f"{number:06d}-", lasting, self.key)

    @property
    def place(self) -> Folder:
        """Where spilled rows are."""
        return self._made()

    def pieces(self) -> Pieces:
        """Return all rows, those that spilled by the names of their files."""
        self.settle()
        if self.lasting and self._held_rows >= _MANY:
            self._spill()
        return Pieces(self.counts, self._held, self._runs)

    def adopt(self, pieces: Pieces) -> None:
        """Take the rows that a spool beside this one gathered."""
        for kind, tables in pieces.held.items():
            self._held[kind] += tables
            self._held_rows += sum(table.num_rows for table, _ in tables)
            self._runs[kind] += pieces.runs[kind]
            self.counts[kind] += pieces.counts[kind]
        if self._held_rows > (self.run if self.spilled else self.limit):
            self._spill()

    def elsewhere(self) -> Spool:
        """Return this spool as other processes can read it: no row is in memory any more."""
        if self._held_rows:
            self._spill()
        return replace(self, folder=self._made().location)

    def discard(self) -> None:
        """Remove what was spilled."""
        if self._place is not None and self._place.local is not None:
            shutil.rmtree(self._place.local, ignore_errors=True)

    def settle(self) -> None:
        """Make ready to be read: what a spool on disk still holds in memory follows the rest."""
        if self.spilled and self._held_rows:
            self._spill()

    def _made(self) -> Folder:
        if self._place is None:
            made = self.folder() if callable(self.folder) else self.folder
            self._place = made if isinstance(made, Folder) else Folder(str(made))
        return self._place

    def _spill(self) -> None:
        place = self._made()
        for kind, tables in self._held.items():
            if tables:
                name = f"{self.label}{kind}-{len(self._runs[kind]):05d}.run"
                homes = np.concatenate([homes for _, homes in tables])
                content = self._run_bytes(homes, joined([table for table, _ in tables]))
                place.write(name, content, lasting=self.lasting)
                self._runs[kind].append(name)
                tables.clear()
                del homes, content
        self._held_rows = 0
        give_back()

    def _run_bytes(self, homes: UInt64s, table: pa.Table) -> bytes:
        # Few bits, so that sorting is counting.
        bucket = (homes % np.uint64(self.buckets)).astype(np.uint16 if self.buckets <= 1 << 16 else np.uint64)
        order = np.argsort(bucket, kind="stable")
        ends = np.searchsorted(bucket[order], np.arange(self.buckets), side="right")
        # Most exports leave most columns out; each of them would cost as much in each row group as one that is used.
        table = table.select([name for name in table.column_names if table[name].null_count < table.num_rows])
        table = table.take(pa.array(order))
        texts = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
        # Written as texts, a row group holds those that it has; as codes it would hold the whole dictionary.
        plain = pa.schema([(field.name, pa.string()) if field.name in texts else field for field in table.schema])
        pieces = []
        begin = 0
        for end in ends.tolist():
            rows = table.slice(begin, end - begin)
            pieces.append(_piece_bytes(rows.cast(plain), texts, self.key) if end > begin else b"")
            begin = end
        offsets = np.cumsum([_OFFSET * (self.buckets + 1), *map(len, pieces)], dtype=np.uint64)
        return b"".join([offsets.tobytes(), *pieces])

    def partition(self, kind: Kind, number: int, partitions: int) -> pa.Table:
        """Return the rows of one partition, tidy.

        Parameters
        ----------
        kind
            Spans or log records.
        number, partitions
            Which partition, of how many.
        """
        return next(self.partitions(kind, [number], partitions))

    def together(self, partitions: int, most: int) -> list[list[int]]:
        """Return the numbers of all partitions, those together that lie in one bucket, no more than ``most``."""
        several = max(1, partitions // self.buckets)
        steps = [
            range(bucket, partitions, self.buckets)[first : first + most]
            for bucket in range(min(partitions, self.buckets))
            for first in range(0, several, most)
        ]
        return [list(step) for step in steps]

    def partitions(self, kind: Kind, numbers: Sequence[int], partitions: int) -> Iterator[pa.Table]:
        """Yield the rows of several partitions of one bucket, tidy, one after the other; what is spilled is read once.

        Parameters
        ----------
        kind
            Spans or log records.
        numbers, partitions
            Which partitions, of how many.
        """
        found: list[list[pa.Table]] = [[] for _ in numbers]
        for table, homes in self._parts(kind, numbers[0], partitions):
            for place, number in enumerate(numbers):
                found[place].append(_only(table, homes, number, partitions))
        for tables in found:
            yield tidy(tables, _SCHEMAS[kind])
            tables.clear()

    def _parts(self, kind: Kind, number: int, partitions: int) -> Iterator[tuple[pa.Table, UInt64s | None]]:
        """Yield the rows of a bucket, with the hashes that decide their partitions unless all are of one."""
        yield from self._held[kind]
        for name in self._runs[kind]:
            with self._made().opened(name) as file:
                offsets = np.frombuffer(file.read(_OFFSET * (self.buckets + 1)), np.uint64).tolist()
                for bucket in range(number % self.buckets, self.buckets, min(partitions, self.buckets)):
                    if offsets[bucket] == offsets[bucket + 1]:
                        continue
                    file.seek(offsets[bucket])
                    table = _complete(kind, _piece_of(file.read(offsets[bucket + 1] - offsets[bucket]), self.key))
                    # With more partitions than buckets, several share one.
                    yield table, _homes(kind, table) if partitions > self.buckets else None


def _piece_bytes(rows: pa.Table, texts: list[str], key: bytes) -> bytes:
    """Return the rows of one bucket as a Parquet file of their own: read without what a run says of its others."""
    content = BytesIO()
    pq.write_table(
        rows,
        content,
        row_group_size=rows.num_rows,
        compression="lz4",
        use_dictionary=texts,
        write_statistics=False,
        encryption_properties=create_encryption_properties(key) if key else None,
    )
    return content.getvalue()


def _piece_of(content: bytes, key: bytes) -> pa.Table:
    held = pa.BufferReader(content)
    opened = create_decryption_properties(key) if key else None
    metadata = pq.read_metadata(held, decryption_properties=opened)
    texts = [field.name for field in metadata.schema.to_arrow_schema() if pa.types.is_string(field.type)]
    held.seek(0)
    file = pq.ParquetFile(held, metadata=metadata, read_dictionary=texts, decryption_properties=opened)
    return file.read(use_threads=False)


def _homes(kind: Kind, table: pa.Table) -> UInt64s:
    return span_homes(table) if kind == "spans" else log_homes(table)


def _complete(kind: Kind, table: pa.Table) -> pa.Table:
    """Add the columns that no row of a run has."""
    schema = _SCHEMAS[kind]
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _only(table: pa.Table, homes: UInt64s | None, number: int, partitions: int) -> pa.Table:
    if partitions == 1 or homes is None:
        return table
    return table.filter(pa.array(homes % np.uint64(partitions) == number))
