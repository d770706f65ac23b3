"""Visits: how often each operation of a service was entered, and how often it failed.

A visit begins with the span through which a service is entered (:func:`analysis.facts._ancestry.local_entries`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._ancestry import local_entries
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._table import HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "operation", "kind", *FAILING_COLUMNS)
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that was entered"),
    Field("operation", pa.string(), "key", "", "operation that was entered"),
    Field("visits", pa.int64(), "sum", "visits", "visits seen"),
    Field(
        "failures",
        pa.int64(),
        "sum",
        "visits",
        "of these, failed; expected answers to the client's own mistakes do not count",
    ),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of those that have one"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the visits of one partition."""
    rows = np.flatnonzero(local_entries(forest) == np.arange(forest.size))
    one = np.ones(len(rows), np.bool_)
    service, operation = forest.codes("service"), forest.codes("operation")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": Codes(service.codes[rows], service.values),
                "operation": Codes(operation.codes[rows], operation.values),
            },
            trace=forest.trace_of[rows],
            sums={"visits": one, "failures": failing(forest)[rows].astype(np.int64)},
            histograms={"latency": (np.where(forest.has_time[rows], forest.duration[rows], -1), None)},
        ),
    )
