"""Exports of rows are read as a mapping says: CSV, JSON lines and Parquet, told apart by their first bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.sources._ledger import Rejects
from analysis.sources._mapped.columns import MappedRows
from analysis.sources._mapped.files import RawRows, csv_header, csv_rows, json_rows, parquet_rows
from analysis.sources._mapped.fitting import first_rows, fitting, lacking, paths_of
from analysis.sources._mapped.mapping import RowMapping, Table
from analysis.sources._mapped.paths import dig, has_path
from analysis.sources._parquet import parquet_schema, spoolable
from analysis.sources._rows import Batch
from analysis.sources._streams import Readable, Spoolable
from analysis.sources._unreadable import UnreadableExport

__all__ = ["NO_ROWS", "MappedSource", "Opened", "mapped_parquet", "mapped_source", "misfit"]

#: Rows that were read together, each time with what turns them into the schema.
Opened = Iterator[tuple[MappedRows, RawRows]]

NO_ROWS: Final = "Check the fields that the mapping names; `archreview formats` lists the exports that need none"

_JSON: Final = (b"{", b"[")


@dataclass(eq=False)
class MappedSource:
    """A format that a mapping makes of rows; it offers what a module of a format does.

    Attributes
    ----------
    NAME, TITLE, DESCRIPTION
        As for any format.
    opened
        Gives the rows of a stream, and what they become.
    mark
        Stands for what the mapping makes of them.
    """

    NAME: str
    opened: Callable[[Readable, Rejects], Opened]
    mark: str
    TITLE: str = "Rows whose columns a mapping names"
    DESCRIPTION: str = __doc__ or ""

    def sniff(self, head: bytes) -> bool:
        """Return whether bytes are of this format: it was made for those that it is asked about."""
        return bool(head)

    def read(self, stream: Readable, rejects: Rejects) -> Iterator[Batch]:
        """Yield the rows in batches."""
        try:
            for made, raw in self.opened(stream, rejects):
                table = made.take(raw.columns, raw.size, raw.position, raw.others)
                if table.num_rows:
                    yield Batch(spans=table) if made.table == "spans" else Batch(logs=table)
        except pa.ArrowException as error:
            # What Arrow cannot take apart: a quote that never ends, a file that is cut off.
            problem = f"the rest of the rows cannot be read ({' '.join(str(error).split())[:200]})"
            raise UnreadableExport(self.NAME, problem, "Export it again") from error


def mapped_source(mapping: RowMapping, head: bytes) -> MappedSource | None:
    """Return how a mapping reads an export that begins with `head`; None where its fields are not there."""
    if head.lstrip()[:1] in _JSON:
        rows = first_rows(head)
        table = fitting(mapping, lambda path: any(dig(row, path) is not None for row in rows), every=False)
        return None if table is None else _source("mapped-json", _open_json, mapping, table)
    for delimiter, names in csv_header(head):
        table = fitting(mapping, partial(has_path, _of_texts(names)))
        if table is not None:
            return _source("mapped-csv", partial(_open_csv, names, delimiter), mapping, table)
    return None


def mapped_parquet(mapping: RowMapping, stream: Spoolable) -> MappedSource | UnreadableExport:
    """Return how a mapping reads a Parquet file, or the error where its columns are not there."""
    schema = parquet_schema(stream)
    has = partial(has_path, schema)
    table = fitting(mapping, has)
    if table is None:
        return UnreadableExport(stream.name, lacking(mapping, schema.names, has), NO_ROWS)
    return _source("mapped-parquet", _open_parquet, mapping, table)


def _source(name: str, opened: Callable[..., Opened], mapping: RowMapping, table: Table) -> MappedSource:
    return MappedSource(name, partial(opened, mapping=mapping, table=table), mapping.mark(table))


def misfit(mapping: RowMapping, name: str, head: bytes) -> UnreadableExport | None:
    """Return the error for rows that a mapping does not fit; None where the bytes are no rows."""
    if head.lstrip()[:1] in _JSON:
        rows = first_rows(head)
        names = list(dict.fromkeys(key for row in rows for key in row))
        problem = lacking(mapping, names, lambda path: any(dig(row, path) is not None for row in rows))
    else:
        _, names = max(csv_header(head), key=lambda found: len(found[1]), default=("", []))
        problem = lacking(mapping, names, partial(has_path, _of_texts(names)))
    return UnreadableExport(name, problem, NO_ROWS) if len(names) > 1 else None


def _of_texts(names: list[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


def _open_csv(
    names: list[str], delimiter: str, stream: Readable, rejects: Rejects, *, mapping: RowMapping, table: Table
) -> Opened:
    rows = csv_rows(stream, paths_of(mapping, table), names, delimiter, rejects)
    return _made(mapping, table, rows, rejects)


def _open_json(stream: Readable, rejects: Rejects, *, mapping: RowMapping, table: Table) -> Opened:
    return _made(mapping, table, json_rows(stream, paths_of(mapping, table), rejects), rejects)


def _open_parquet(stream: Readable, rejects: Rejects, *, mapping: RowMapping, table: Table) -> Opened:
    with pq.ParquetFile(spoolable(stream).spool()) as file:
        yield from _made(mapping, table, parquet_rows(file, paths_of(mapping, table)), rejects)


def _made(mapping: RowMapping, table: Table, rows: Iterator[RawRows], rejects: Rejects) -> Opened:
    made = MappedRows(table, mapping.fields(table), rejects)
    for raw in rows:
        yield made, raw
