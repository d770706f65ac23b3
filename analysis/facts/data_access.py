"""Which operation of which service reads or writes which table of which store.

Tables come from ``db.collection.name`` where the instrumentation gives it, else from the statement
(:mod:`analysis.sql`); the confidence says which. A statement that touches several tables counts once for each of them.
Of a cache, the prefix of its keys takes the place of the table.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._accesses import COLUMNS as ACCESS_COLUMNS
from analysis.facts._accesses import UNKNOWN_TABLE, accesses_of
from analysis.facts._ancestry import local_entries
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "UNKNOWN_TABLE", "scan"]

COLUMNS: Final = (*ACCESS_COLUMNS, "operation", "status", "multiplicity")
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
    Field(
        "table",
        pa.string(),
        "key",
        "",
        "table, collection, index, prefix of a cache's keys; (unknown) where nothing names it",
    ),
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
    seen = accesses_of(forest)
    rows = seen.rows
    many = forest.multiplicity[rows]
    entry = local_entries(forest)[rows]
    duration = forest.duration[rows]

    def taken(name: str, where: np.ndarray) -> Codes:
        codes = forest.codes(name)
        return Codes(codes.codes[where], codes.values)

    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken("service", rows),
                "operation": taken("operation", entry),
                "store": seen.stores,
                "store_system": taken("db_system", rows),
                "table": seen.texts("table"),
                "mode": seen.texts("mode"),
                "method": seen.texts("method"),
            },
            trace=forest.trace_of[rows],
            sums={
                "calls": many,
                "errors": np.where(forest.error[rows], many, 0),
                "total_ns": duration,
                "confidence": np.array([access.confidence for access in seen.found], np.int64)[seen.place],
            },
            histograms={},
            exemplar_value=duration,
            span_rows=rows,
        ),
    )
