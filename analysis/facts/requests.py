"""Requests by entry operation: how many there were, how many failed, and how long they took.

A request is a tree of spans; its entry operation is that of its topmost span. A tree whose top names a parent that is
not in the export counts as a request of its own, but is marked cut.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "entry_keys", "scan"]

COLUMNS: Final = ("service", "operation", "kind", "status", "multiplicity", "weight")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the topmost span"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the topmost span"),
    Field("requests", pa.int64(), "sum", "requests", "trees seen"),
    Field("weighted_millis", pa.int64(), "sum", "requests / 1000", "trees they represent under sampling"),
    Field("errors", pa.int64(), "sum", "requests", "trees whose topmost span failed"),
    Field("orphaned", pa.int64(), "sum", "requests", "trees whose topmost span names a parent that is not there"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of their durations"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of those that have one"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the topmost span"),
)
#: Of every row the service and operation of its request: many facts of one pass ask, forgotten with the forest.
_ENTRIES: Final[WeakKeyDictionary[Forest, list[Codes]]] = WeakKeyDictionary()


def scan(forest: Forest) -> pa.Table:
    """Return the requests of one partition."""
    top = np.flatnonzero(forest.root == np.arange(forest.size))
    one = np.ones(len(top), np.bool_)
    service, operation, kind = (forest.codes(name) for name in ("service", "operation", "kind"))
    duration = forest.duration[top]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "entry_service": Codes(service.codes[top], service.values),
                "entry_operation": Codes(operation.codes[top], operation.values),
                "entry_kind": Codes(kind.codes[top], kind.values),
            },
            trace=forest.trace_of[top],
            sums={
                "requests": one,
                "weighted_millis": forest.weight_millis[top],
                "errors": forest.error[top].astype(np.int64),
                "orphaned": forest.orphan[top].astype(np.int64),
                "total_ns": duration,
            },
            histograms={"latency": (np.where(forest.has_time[top], duration, -1), None)},
            exemplar_value=duration,
            span_rows=top,
        ),
    )


def entry_keys(forest: Forest, rows: np.ndarray) -> dict[str, Codes]:
    """Return the key columns ``entry_service`` and ``entry_operation`` of the requests that some rows belong to."""
    if forest not in _ENTRIES:
        columns = (forest.codes(name) for name in ("service", "operation"))
        _ENTRIES[forest] = [Codes(column.codes[forest.root], column.values) for column in columns]
    service, operation = _ENTRIES[forest]
    return {
        "entry_service": Codes(service.codes[rows], service.values),
        "entry_operation": Codes(operation.codes[rows], operation.values),
    }
