"""Tables of ClickHouse in which the OpenTelemetry Collector keeps traces and logs, as exported rows.

**Who exports it.** ``SELECT * FROM otel_traces … FORMAT JSONEachRow`` (or ``Parquet``, or ``JSON``), the same of
``otel_logs``; rows of both may stand in one file of lines. The tables are those that the Collector's ClickHouse
exporter creates.

**What is read.** Spans with resource, scope, attributes, status, links and exception events; log records. 64-bit
numbers may be texts or numbers, nested columns (``Events``, ``Links``) columns of their own or lists of objects.

**What is assumed.** Durations are nanoseconds; a ``Timestamp`` without a zone is in UTC: export with
``SETTINGS session_timezone = 'UTC'`` where the server's is another.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.semconv import KNOWN
from analysis.sources._alike import Alike, Made, Target, fields
from analysis.sources._clickhouse_rows import ClickHouseRows
from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import Outline, outlines
from analysis.sources._parquet import PARQUET, column_paths, parquet_batches, spoolable
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._scan_found import Unit
from analysis.sources._streams import Readable, Spoolable
from analysis.sources._suspects import suspects

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "clickhouse-otel"
TITLE: Final = "ClickHouse tables of the Collector: JSONEachRow, JSON, Parquet"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
_LAYOUT: Final = Layout(records=frozenset({"data"}), salvage=frozenset({"data"}))
_RAW: Final = replace(_LAYOUT, raw=True, runs=True)
#: What differs from one row to the next, and what of it nobody reads.
_FORM: Final = fields(
    {
        "trace": ("TraceId",), "span": ("SpanId",), "parent": ("ParentSpanId",), "time": ("Timestamp",),
        "duration": ("Duration",),
    },
    text={
        "query": ("SpanAttributes.db.query.text",), "statement": ("SpanAttributes.db.statement",),
        "message": ("SpanAttributes.messaging.message.id", "SpanAttributes.messaging.message_id"),
    },
    path={
        "path": ("SpanAttributes.url.path", "SpanAttributes.http.target"),
        "url": ("SpanAttributes.url.full", "SpanAttributes.http.url"),
    },
    prose={"body": ("Body",)},
    passed=("ResourceSchemaUrl", "ScopeSchemaUrl", "ScopeVersion", "ScopeAttributes", "TimestampTime", "TraceFlags"),
)  # fmt: skip
_LEFT_OUT: Final = ("ResourceSchemaUrl", "ScopeSchemaUrl", "ScopeVersion", "ScopeAttributes", "TimestampTime")
_TEXTS: Final = (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())
_EXCEPTION: Final = frozenset({"exception.type", "exception.message"})


def sniff(head: bytes) -> bool:
    """Return whether the bytes are rows of the tables: columns as the Collector's exporter names them."""
    paths = column_paths(head)
    if paths:
        names = {path.partition(".")[0] for path in paths}
        return {"TraceId", "SpanId", "Timestamp"} <= names and bool(names & {"SpanName", "SeverityText"})
    return any(_is_table(keys) for keys in outlines(head))


def _is_table(keys: Outline) -> bool:
    return any(
        keys.has(path, "TraceId")
        and keys.has(path, "Timestamp")
        and (
            (keys.has(path, "SpanName") and keys.has(path, "ServiceName"))
            or (keys.has(path, "SeverityText") and keys.has(path, "Body") and keys.has(path, "ServiceName"))
        )
        for path in ("", "[]", "data[]")
    )


@without_collection
def read(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Yield spans and log records in batches."""
    export = spoolable(stream)
    if export.peek(len(PARQUET)) == PARQUET:
        yield from _read_rows(_parquet_rows(export), rejects)
        return
    reader = _Reader(rejects)
    alike = Alike(_FORM, _LAYOUT, reader, rejects)
    for unit in units(export, rejects, _RAW):
        yield from alike.add(Unit(unit.key, unit.value, unit.position, unit.first))
        yield from reader.full()
    yield from alike.flush()
    yield from reader.rest()


def read_plainly(stream: Readable, rejects: Rejects) -> Iterator[Batch]:
    """Do as `read`, a row at a time: what it is tested against."""
    export = spoolable(stream)
    is_parquet = export.peek(len(PARQUET)) == PARQUET
    return _read_rows(_parquet_rows(export) if is_parquet else _json_rows(export, rejects), rejects)


def _read_rows(rows: Iterator[tuple[Any, str]], rejects: Rejects) -> Iterator[Batch]:
    reader = _Reader(rejects)
    for found, position in rows:
        reader.add(found, position)
        yield from reader.full()
    yield from reader.rest()


class _Reader:
    """Gathers rows from decoded ones."""

    def __init__(self, rejects: Rejects) -> None:
        self._rejects = rejects
        self._rows = ClickHouseRows(rejects)
        self._likes: ClickHouseRows | None = None

    def full(self) -> Iterator[Batch]:
        """Yield what has grown to a batch."""
        if len(self._rows.spans) >= BATCH_ROWS:
            yield from self._rows.spans.batch()
        if len(self._rows.logs) >= BATCH_ROWS:
            yield from self._rows.logs.batch()

    def rest(self) -> Iterator[Batch]:
        """Yield what is left."""
        yield from self._rows.spans.batch()
        yield from self._rows.logs.batch()

    def add(self, row: Any, position: str) -> None:
        """Take a row."""
        try:
            self._rows.add(row)
        except Refused as refused:
            self._rejects.add(str(refused), position)
        except _MISSHAPEN:
            self._rejects.add(SHAPE, position, masked(row))

    def take(self, value: Any, position: str) -> None:
        """Take a row, or a list of rows, or an object that holds one as its data."""
        for row, place in _rows_in(value, position):
            self.add(row, place)

    def like(self, value: Any, rejects: Rejects) -> tuple[dict[str, Any], Sequence[Target]] | None:
        """Return the row of a span or of a log record, and how what differs feeds it."""
        if "data" in value:
            return None
        if self._likes is None:
            self._likes = ClickHouseRows(rejects)
        found = self._likes.row(value)
        is_span = "start_ns" in found
        targets = [Target("trace_id", "trace", "hex"), Target("span_id", "span", "hex")]
        if is_span:
            targets.append(Target("parent_span_id", "parent", "hex"))
            targets.append(Target("duration_ns", "duration", 1))
        targets.append(Target("start_ns" if is_span else "time_ns", "time", "iso"))
        return found, [target for target in targets if value.get(_FIELDS[target.role]) not in {None, ""}]

    def leave(self, ids: Mapping[str, NDArray[Any]]) -> None:
        """Leave nothing."""

    def made(self, found: Made) -> Mapping[str, NDArray[Any]]:
        """Rows stand by themselves."""
        del found
        return {}


_FIELDS: Final = {"trace": "TraceId", "span": "SpanId", "parent": "ParentSpanId", "duration": "Duration",
                  "time": "Timestamp"}  # fmt: skip


def _json_rows(stream: Readable, rejects: Rejects) -> Iterator[tuple[Any, str]]:
    for unit in units(stream, rejects, _LAYOUT):
        yield from _rows_in(unit.value, unit.position)


def _rows_in(value: Any, position: str) -> Iterator[tuple[Any, str]]:
    pending = [(value, position)]
    while pending:
        found, place = pending.pop()
        inner = found.get("data") if isinstance(found, dict) else found
        if isinstance(inner, list):
            pending.extend((item, f"{place}[{number}]") for number, item in reversed(list(enumerate(inner))))
        else:
            yield found, place


def _parquet_rows(stream: Spoolable) -> Iterator[tuple[dict[str, Any], str]]:
    done = 0
    for batch in parquet_batches(stream, _LEFT_OUT):
        names = batch.schema.names
        columns = [_values(name, column) for name, column in zip(names, batch.columns, strict=True)]
        for number, values in enumerate(zip(*columns, strict=True)):
            yield dict(zip(names, values, strict=True)), f"row {done + number}"
        done += batch.num_rows


def _values(name: str, column: pa.Array) -> list[Any]:
    """Return a column as plain values: maps as dictionaries of what is known in them, times as numbers of ns."""
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()).to_pylist())
    if pa.types.is_map(column.type):
        return _maps(column, None if name == "LogAttributes" else KNOWN)
    if pa.types.is_list(column.type) and pa.types.is_map(column.type.value_type):
        inner, offsets = _maps(column.flatten(), _EXCEPTION), column.offsets.to_pylist()
        first = offsets[0]
        return [inner[begin - first : end - first] for begin, end in itertools.pairwise(offsets)]
    if pa.types.is_dictionary(column.type):
        return list(column.cast(column.type.value_type).to_pylist())
    # ClickHouse writes its String as bytes unless told otherwise.
    return [_plain(value) for value in column.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _maps(column: pa.MapArray, known: frozenset[str] | None) -> list[dict[str, Any]]:
    """Return maps as dictionaries of what is known in them (everything, for None) and what may expose something."""
    found: list[dict[str, Any]] = [{} for _ in range(len(column))]
    keys = column.keys.dictionary_encode()
    names = [_plain(name) for name in keys.dictionary.to_pylist()]
    wanted = np.array([known is None or name in known for name in names] or [False])
    offsets, codes = column.offsets.to_numpy(), keys.indices.to_numpy(zero_copy_only=False)
    rows = np.empty(0, np.int64)
    if len(codes):
        chosen = wanted[codes]
        rest = np.flatnonzero(~chosen)
        if column.items.type in _TEXTS:
            chosen[rest] = suspects(column.keys.take(pa.array(rest)), column.items.take(pa.array(rest)))
        rows = np.flatnonzero(chosen)
    # Keys and items are those of the whole array, of which this may be a part.
    rows = rows[(rows >= offsets[0]) & (rows < offsets[-1])]
    owners = np.searchsorted(offsets, rows, side="right") - 1
    values = column.items.take(pa.array(rows)).to_pylist()
    for owner, code, value in zip(owners.tolist(), codes[rows].tolist(), values, strict=True):
        found[owner][names[code]] = _plain(value)
    return found
