"""Span tables written by hand: rows of a few columns, the rest filled as a reader would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from analysis.schema import LOG_SCHEMA, SPAN_SCHEMA

DEFAULTS: Mapping[str, Any] = {
    "trace_id_high": 0,
    "trace_id_low": 1,
    "parent_span_id": 0,
    "shared": False,
    "asynchronous": False,
    "multiplicity": 1,
    "weight": 1.0,
    "time_resolution_ns": 1,
}


def span_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a partition has them: sorted, text as codes of one dictionary."""
    full = [{**DEFAULTS, **row} for row in rows]
    full.sort(key=_order)
    columns = []
    for column in SPAN_SCHEMA:
        values = [row.get(column.name) for row in full]
        if pa.types.is_dictionary(column.type):
            columns.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            columns.append(pa.array(values, column.type))
    return pa.table(columns, schema=SPAN_SCHEMA)


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    start = row.get("start_ns")
    text = tuple(str(row.get(name)) for name in ("service", "host", "kind", "duration_ns", "parent_span_id"))
    timed = (start is not None, 0 if start is None else start)
    return (row["trace_id_high"], row["trace_id_low"], *timed, row["span_id"], row["shared"], *text)


@dataclass(frozen=True)
class TablePartition:
    """A partition that is a table in memory."""

    table: pa.Table
    number: int = 0
    location: str | None = None

    @property
    def rows(self) -> int:
        return self.table.num_rows

    def read(self, columns: Iterable[str] | None = None) -> pa.Table:
        return self.table if columns is None else self.table.select(list(columns))


@dataclass(frozen=True)
class TableDataset:
    """What a forest asks of a dataset, over tables in memory."""

    partitions: tuple[TablePartition, ...]
    skew: Literal["hosts", "jaeger", "off"] = "hosts"
    max_skew_ns: int = 3_600_000_000_000
    window: tuple[int, int] | None = None
    log_partitions: tuple[TablePartition, ...] = ()


def log_table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return log records as a partition holds them; a record that names no trace is of trace 1."""
    defaults = {"trace_id_high": 0, "trace_id_low": 1, "span_id": 0, "structured": False}
    full = [{**dict.fromkeys(LOG_SCHEMA.names), **defaults, **row} for row in rows]
    columns = []
    for field in LOG_SCHEMA:
        values = [row[field.name] for row in full]
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        array = pa.array(values, plain)
        columns.append(array.dictionary_encode() if pa.types.is_dictionary(field.type) else array)
    return pa.table(columns, schema=LOG_SCHEMA)
