"""Operations: how often each ran, failed, how long it took, and how much of that was its own.

An operation is a service's span name with identifiers replaced. Its own time is what no child covers; its time on the
critical path is what the request would have been shorter by, had it taken no time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._histogram import seen_buckets
from analysis.facts._every_span import gather_spans
from analysis.facts._grouping import Groups
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "operation", "kind", "category", "status", "multiplicity")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service; empty where the export names none"),
    Field("operation", pa.string(), "key", "", "span name with identifiers replaced"),
    Field("kind", pa.string(), "key", "", "span kind"),
    Field("category", pa.string(), "key", "", "http, rpc, database, cache, messaging or internal"),
    Field("entry", pa.bool_(), "key", "", "it is the topmost span of its request"),
    Field("spans", pa.int64(), "sum", "spans", "spans, each counted as often as it stands for"),
    Field("errors", pa.int64(), "sum", "spans", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of durations"),
    Field("self_ns", pa.int64(), "sum", "ns", "of this, not covered by children"),
    Field("critical_ns", pa.int64(), "sum", "ns", "of this, on the critical path"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of those that have one"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the operations of one partition."""
    return gather_spans(FIELDS, forest, _count)


def _count(forest: Forest, groups: Groups) -> dict[str, npt.NDArray[np.int64] | pa.Array]:
    many = forest.multiplicity
    return {
        "spans": groups.reduce("sum", many),
        "errors": groups.reduce("sum", np.where(forest.error, many, 0)),
        "total_ns": groups.reduce("sum", forest.duration),
        "self_ns": groups.reduce("sum", forest.self_time),
        "critical_ns": groups.reduce("sum", forest.critical),
        "latency": groups.histograms(seen_buckets(np.where(forest.has_time, forest.duration, -1)), many),
    }
