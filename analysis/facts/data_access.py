"""Which operation of which service reads or writes which table of which store.

Tables come from ``db.collection.name`` where the instrumentation gives it, else from the statement
(:mod:`analysis.sql`); the confidence says which. A statement that touches several tables counts once for each of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis import sql
from analysis.facts import _data_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._grouping import number_of
from analysis.facts._modes import mode_of
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "UNKNOWN_TABLE", "scan"]

UNKNOWN_TABLE: Final = "(unknown)"
COLUMNS: Final = (*_data_calls.COLUMNS, "operation", "status", "multiplicity")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that calls the store"),
    Field(
        "operation",
        pa.string(),
        "key",
        "",
        "its operation that the call serves: the nearest server or consumer span above",
    ),
    Field("store", pa.string(), "key", "", "system, host, port and database"),
    Field("store_system", pa.string(), "key", "", "postgresql, mysql, redis …"),
    Field("table", pa.string(), "key", "", "table, collection or index; (unknown) where nothing names it"),
    Field("mode", pa.string(), "key", "", "read, write or unknown"),
    Field("method", pa.string(), "key", "", "how the table is known: named, parsed, scanned or none"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of durations"),
    Field(
        "confidence", pa.int64(), "min", "0..1", "confidence that table and mode are right: the lowest seen", scale=0.01
    ),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the span of the call"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the data accesses of one partition."""
    calls = _data_calls.data_calls(forest)
    which, place, found = _accesses(forest, calls)
    rows = calls[which]
    many = forest.multiplicity[rows]
    entry = local_entries(forest)[rows]
    duration = forest.duration[rows]
    levels = tuple(sorted({text for access in found for text in access[:3]}))
    level_of = {text: index for index, text in enumerate(levels)}

    def level(position: int) -> Codes:
        return Codes(np.array([level_of[access[position]] for access in found], np.int32)[place], levels)

    def taken(name: str, where: np.ndarray) -> Codes:
        codes = forest.codes(name)
        return Codes(codes.codes[where], codes.values)

    stores = _data_calls.stores(forest, rows)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken("service", rows),
                "operation": taken("operation", entry),
                "store": stores,
                "store_system": taken("db_system", rows),
                "table": level(0),
                "mode": level(1),
                "method": level(2),
            },
            trace=forest.trace_of[rows],
            sums={
                "calls": many,
                "errors": np.where(forest.error[rows], many, 0),
                "total_ns": duration,
                "confidence": np.array([access[3] for access in found], np.int64)[place],
            },
            histograms={},
            exemplar_value=duration,
            span_offset=np.arange(len(rows) + 1),
            span_rows=rows,
        ),
    )


def _accesses(forest: Forest, calls: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str, str, int]]]:
    """Return for each access the position of its call in ``calls``, and its place in a list.

    The list, which comes last, holds (table, mode, method, confidence in %).
    """
    names = ("template", "db_system", "db_collection", "db_operation")
    parts = [forest.codes(name) for name in names]
    number, first = number_of(tuple(Codes(part.codes[calls], part.values) for part in parts), len(calls))
    found: list[tuple[str, str, str, int]] = []
    begins = [0]
    for row in calls[first].tolist():
        template, system, collection, operation = (
            part.values[part.codes[row]] if part.codes[row] >= 0 else "" for part in parts
        )
        found += _tables(template, system, collection, operation)
        begins.append(len(found))
    offset = np.array(begins, np.int64)
    counts = np.diff(offset)[number]
    which = np.repeat(np.arange(len(calls)), counts)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, offset[number][which] + inside, found


def _tables(template: str, system: str, collection: str, operation: str) -> list[tuple[str, str, str, int]]:
    statement = sql.tables(template, system)
    if statement.control:
        return []
    percent = round(statement.confidence * 100)
    if collection:
        modes = {access.mode for access in statement.accesses if access.table == collection.lower()}
        if not modes:
            modes = {access.mode for access in statement.accesses} if len(statement.accesses) == 1 else set()
        if not modes:
            modes = {mode_of(operation)}
        return [(collection, mode, "named", 100 if mode != "unknown" else 60) for mode in sorted(modes)]
    if not statement.accesses:
        return [(UNKNOWN_TABLE, mode_of(operation or statement.verb), "none", 0)]
    return [(access.table, access.mode, statement.method, percent) for access in statement.accesses]
