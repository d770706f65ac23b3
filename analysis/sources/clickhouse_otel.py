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
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from analysis.semconv import KNOWN
from analysis.sources._clickhouse_rows import ClickHouseRows
from analysis.sources._collection import without_collection
from analysis.sources._documents import Layout, units
from analysis.sources._ledger import Refused, Rejects, masked
from analysis.sources._outline import Outline, outlines
from analysis.sources._parquet import PARQUET, column_paths, parquet_batches, spoolable
from analysis.sources._rows import BATCH_ROWS, Batch
from analysis.sources._streams import Readable, Spoolable

__all__ = ["DESCRIPTION", "NAME", "TITLE", "read", "sniff"]

NAME: Final = "clickhouse-otel"
TITLE: Final = "ClickHouse tables of the Collector: JSONEachRow, JSON, Parquet"
DESCRIPTION: Final = __doc__ or ""

SHAPE: Final = "record has another shape than its format says"
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
_LAYOUT: Final = Layout(records=frozenset({"data"}), salvage=frozenset({"data"}))
_LEFT_OUT: Final = ("ResourceSchemaUrl", "ScopeSchemaUrl", "ScopeVersion", "ScopeAttributes", "TimestampTime")
#: Attributes of log records that are read.
_LOG_ATTRIBUTES: Final = frozenset({"exception.type", "error.type"})
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
    rows = ClickHouseRows(rejects)
    export = spoolable(stream)
    is_parquet = export.peek(len(PARQUET)) == PARQUET
    for found, position in _parquet_rows(export) if is_parquet else _json_rows(export, rejects):
        try:
            rows.add(found)
        except Refused as refused:
            rejects.add(str(refused), position)
        except _MISSHAPEN:
            rejects.add(SHAPE, position, masked(found))
        if len(rows.spans) >= BATCH_ROWS:
            yield from rows.spans.batch()
        if len(rows.logs) >= BATCH_ROWS:
            yield from rows.logs.batch()
    yield from rows.spans.batch()
    yield from rows.logs.batch()


def _json_rows(stream: Readable, rejects: Rejects) -> Iterator[tuple[Any, str]]:
    for unit in units(stream, rejects, _LAYOUT):
        pending = [(unit.value, unit.position)]
        while pending:
            value, position = pending.pop()
            inner = value.get("data") if isinstance(value, dict) else value
            if isinstance(inner, list):
                pending.extend((item, f"{position}[{number}]") for number, item in reversed(list(enumerate(inner))))
            else:
                yield value, position


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
        return _maps(column, _LOG_ATTRIBUTES if name == "LogAttributes" else KNOWN)
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


def _maps(column: pa.MapArray, known: frozenset[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{} for _ in range(len(column))]
    keys = column.keys.dictionary_encode()
    names = [_plain(name) for name in keys.dictionary.to_pylist()]
    wanted = np.array([name in known for name in names] or [False])
    offsets, codes = column.offsets.to_numpy(), keys.indices.to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(wanted[codes]) if len(codes) else np.empty(0, np.int64)
    # Keys and items are those of the whole array, of which this may be a part.
    rows = rows[(rows >= offsets[0]) & (rows < offsets[-1])]
    owners = np.searchsorted(offsets, rows, side="right") - 1
    values = column.items.take(pa.array(rows)).to_pylist()
    for owner, code, value in zip(owners.tolist(), codes[rows].tolist(), values, strict=True):
        found[owner][names[code]] = _plain(value)
    return found
