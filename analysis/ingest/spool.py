"""Rows on their way from exports to partitions: in memory while they are few, in files on disk beyond that.

Rows are kept in buckets by the hash of their trace, so that a partition can be put together without the others. A
spilled file holds one row group a bucket.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.ingest.columns import joined, tidy
from analysis.ingest.merging import INPUT
from analysis.ingest.partitioning import UInt64s, log_homes, span_homes
from analysis.ingest.storage import Folder
from analysis.schema import LOG_SCHEMA, LOGS, SPAN_SCHEMA, SPANS

__all__ = ["BUCKETS", "Kind", "Pieces", "Spool", "travelling"]

Kind = Literal["spans", "logs"]

#: Buckets while the number of partitions is not known yet: a power of two, so that buckets and partitions nest.
BUCKETS: Final = 64

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
    """

    folder: str | Path | Callable[[], Path | Folder]
    buckets: int = BUCKETS
    limit: int = 2_000_000
    run: int = 400_000
    label: str = ""
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
        # Afar, rows are few that come back by themselves: the rest lies where everyone finds it.
        most = self.limit if near else min(self.limit, self.run)
        return Spool(folder, self.buckets, most, self.run, f"{number:06d}-")

    def pieces(self) -> Pieces:
        """Return all rows, those that spilled by the names of their files."""
        self.settle()
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
                place.write(name, self._run_bytes(homes, joined([table for table, _ in tables])), lasting=False)
                self._runs[kind].append(name)
                tables.clear()
        self._held_rows = 0

    def _run_bytes(self, homes: UInt64s, table: pa.Table) -> bytes:
        bucket = homes % np.uint64(self.buckets)
        order = np.argsort(bucket, kind="stable")
        ends = np.searchsorted(bucket[order], np.arange(self.buckets, dtype=np.uint64), side="right")
        # Most exports leave most columns out; each of them would cost as much in each row group as one that is used.
        table = table.select([name for name in table.column_names if table[name].null_count < table.num_rows])
        begin = 0
        content = BytesIO()
        with pq.ParquetWriter(content, table.schema, compression="lz4") as writer:
            for end in ends.tolist():
                # Tidy, lest every row group holds the whole dictionary.
                rows = tidy([table.take(pa.array(order[begin:end]))], table.schema)
                writer.write_table(rows, row_group_size=max(1, end - begin))
                begin = end
        return content.getvalue()

    def partition(self, kind: Kind, number: int, partitions: int) -> pa.Table:
        """Return the rows of one partition, tidy.

        Parameters
        ----------
        kind
            Spans or log records.
        number, partitions
            Which partition, of how many.
        """
        return tidy(self._parts(kind, number, partitions), _SCHEMAS[kind])

    def _parts(self, kind: Kind, number: int, partitions: int) -> Iterator[pa.Table]:
        for table, homes in self._held[kind]:
            yield _only(table, homes, number, partitions)
        for name in self._runs[kind]:
            with self._made().opened(name) as file, pq.ParquetFile(file) as run:
                for group in range(number % self.buckets, self.buckets, min(partitions, self.buckets)):
                    table = _complete(kind, run.read_row_group(group))
                    # With more partitions than buckets, several share one.
                    several = partitions > self.buckets
                    yield _only(table, _homes(kind, table), number, partitions) if several else table


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


def _only(table: pa.Table, homes: UInt64s, number: int, partitions: int) -> pa.Table:
    if partitions == 1:
        return table
    return table.filter(pa.array(homes % np.uint64(partitions) == number))
