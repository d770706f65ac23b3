"""Requests of each entry operation, minute by minute: how many, how many failed, and within which time they ended.

The times are the bounds of the buckets in which span metrics are usually counted, so that an alert that is proposed can
be asked of metrics that exist. Trees whose topmost span names a parent that is not in the export are no requests here:
what they belong to was not seen.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._table import Field, Occurrences, gather
from analysis.facts.call_minutes import MINUTE_NS
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["BOUNDS_MS", "COLUMNS", "FIELDS", "SLOWEST", "scan"]

COLUMNS: Final = ("service", "operation", "kind", "category", "weight", *FAILING_COLUMNS)
#: Upper bounds of the buckets of the Collector's span metrics connector (its documented defaults), ms.
BOUNDS_MS: Final = (2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1_000, 1_400, 2_000, 5_000, 10_000, 15_000)
#: Stands for what took longer than the last bound.
SLOWEST: Final = -1
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the topmost span"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the topmost span"),
    Field("entry_category", pa.string(), "key", "", "http, rpc, database, cache, messaging or internal"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute in which the request began"),
    Field("within_ms", pa.int64(), "key", "ms", "least bound of a bucket that its duration keeps; -1 beyond the last"),
    Field("failed", pa.bool_(), "key", "", "it failed; expected answers to the client's own mistakes do not count"),
    Field("requests", pa.int64(), "sum", "requests", "requests seen"),
    Field("weighted_millis", pa.int64(), "sum", "requests / 1000", "requests they represent under sampling"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
)
_BOUNDS_NS: Final = np.array(BOUNDS_MS, np.int64) * 1_000_000


def scan(forest: Forest) -> pa.Table:
    """Return the requests of one partition, by minute."""
    rows = np.arange(forest.size)
    top = np.flatnonzero((forest.root == rows) & ~forest.orphan & forest.has_time)
    began = forest.trace_start_ns[forest.trace_of[top]] + forest.start[top]
    duration = forest.duration[top]
    within = np.array([*BOUNDS_MS, SLOWEST], np.int64)[np.searchsorted(_BOUNDS_NS, duration, "left")]
    kind, category = forest.codes("kind"), forest.codes("category")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, top),
                "entry_kind": Codes(kind.codes[top], kind.values),
                "entry_category": Codes(category.codes[top], category.values),
                "minute": began // MINUTE_NS,
                "within_ms": within,
                "failed": failing(forest)[top],
            },
            trace=forest.trace_of[top],
            sums={"requests": np.ones(len(top), np.int64), "weighted_millis": forest.weight_millis[top]},
            histograms={},
        ),
    )
