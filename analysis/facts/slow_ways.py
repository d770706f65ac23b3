"""Where time went, and how far up it made waiting: spans that took most of their service's visit themselves.

The way up goes from visit to visit, as that of failures does (:mod:`analysis.facts.failures`), to the topmost visit
that waits. A span carries as far as its own time is half of a visit's time or more. What slow means for an operation is
not known before everything is merged, so all such spans are told, with a histogram of their own times. Those that
failed are left out: they are told as failures.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.grouping import keep_largest
from analysis.facts import _senders
from analysis.facts._ancestry import local_entries
from analysis.facts._ascent import MOST_HOPS, ascend
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._grouping import number_of
from analysis.facts._numbering import combined, firsts
from analysis.facts._outgoing import taken
from analysis.facts._senders import senders
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import named_lists
from analysis.facts.failures import HOP, visit_text
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (*_senders.COLUMNS, *FAILING_COLUMNS)
FIELDS: Final = (
    Field("origin_service", pa.string(), "key", "", "service whose span took the time itself"),
    Field("origin_operation", pa.string(), "key", "", "operation of that span"),
    Field(
        "way",
        pa.string(),
        "key",
        "",
        "service and operation of each visit that waited, the origin first",
        separator=HOP,
    ),
    Field("carried", pa.int64(), "key", "visits", "of these, from the origin on, it took half the time or more"),
    Field("whole", pa.bool_(), "key", "", "nobody waited for the topmost of these"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the request's topmost span"),
    Field("sent_by", pa.string(), "key", "", "who sent the message, or called without waiting; empty where all waited"),
    Field("spans", pa.int64(), "sum", "spans", "such spans"),
    Field("requests", pa.int64(), "sum", "requests", "requests that they took half the time of, each counted once"),
    Field("gave_up", pa.int64(), "sum", "spans", "of the spans, still going on when the first visit not carried ended"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("own", HISTOGRAM, "histogram", "ns", "time that the spans took themselves"),
    Field("climb", HISTOGRAM, "histogram", "ns", "from the end of the span to the end of the topmost visit carried"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by own time; the span, then the visits carried"),
)

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return where time went in one partition."""
    entry = local_entries(forest)
    failed = failing(forest)
    own = forest.self_time
    visit = entry.astype(np.int64)
    told = forest.has_time & forest.has_time[visit] & ~failed & ~failed[visit] & (own > 0)
    rows = np.flatnonzero(told & (2 * own >= forest.duration[visit])).astype(np.int64)
    offset, hops, _, whole = ascend(rows, forest.parent, entry, forest.blocking, failed, MOST_HOPS)
    length = np.diff(offset)
    carried = _carried(forest, offset, hops, own[rows])
    top = hops[offset[:-1] + carried - 1] if len(rows) else rows
    last = hops[offset[:-1] + length - 1] if len(rows) else rows
    stopped = np.minimum(offset[:-1] + carried, offset[1:] - 1) if len(rows) else rows
    reached = (carried == length) & whole
    service, operation, kind = (forest.codes(name) for name in ("service", "operation", "kind"))
    kept = np.repeat(offset[:-1] - (np.cumsum(carried) - carried), carried) + np.arange(int(carried.sum()))
    late = (carried < length) & (forest.end[hops[stopped]] < forest.end[rows]) if len(rows) else reached
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "origin_service": Codes(service.codes[rows], service.values),
                "origin_operation": Codes(operation.codes[rows], operation.values),
                "way": _ways(forest, offset, hops),
                "carried": carried,
                "whole": whole,
                "entry_kind": Codes(kind.codes[forest.root[rows]], kind.values),
                "sent_by": senders(forest, entry, last, whole, HOP),
            },
            trace=forest.trace_of[rows],
            sums={
                "spans": np.ones(len(rows), np.bool_),
                "requests": _requests(forest, rows, reached & (forest.parent[top] < 0), own[rows]),
                "gave_up": late,
            },
            histograms={
                "own": (own[rows], np.ones(len(rows), np.int64)),
                "climb": (np.maximum(forest.end[top] - forest.end[rows], 0), np.ones(len(rows), np.int64)),
            },
            exemplar_value=own[rows],
            span_offset=np.concatenate([[0], np.cumsum(carried)]),
            span_rows=hops[kept],
        ),
    )


def _carried(forest: Forest, offset: Int64s, hops: Int64s, own: Int64s) -> Int64s:
    """Return how many hops, without a gap from the first on, last twice the origin's own time at most."""
    length = np.diff(offset)
    within = forest.has_time[hops] & (forest.duration[hops] <= 2 * np.repeat(own, length))
    place = np.arange(len(hops)) - np.repeat(offset[:-1], length)
    beyond = np.flatnonzero(~within)
    # Written from the last to the first, so that the first stays.
    first = length.copy()
    first[np.repeat(np.arange(len(length)), length)[beyond][::-1]] = place[beyond][::-1]
    return np.maximum(first, 1)


def _requests(forest: Forest, rows: Int64s, reached: npt.NDArray[np.bool_], own: Int64s) -> npt.NDArray[np.bool_]:
    """Mark for each request the span that took most of it, the first of equals."""
    chosen = np.flatnonzero(reached)
    request = combined(forest.root[rows[chosen]], np.zeros(len(chosen), np.int64))
    first = firsts(request)
    keep_largest(request.astype(np.int32), own[chosen], first)
    marked = np.zeros(len(rows), np.bool_)
    marked[chosen[first]] = True
    return marked


def _ways(forest: Forest, offset: Int64s, hops: Int64s) -> Codes:
    """Name the ways: the hops of a few thousand have a few hundred names."""
    service, operation = forest.codes("service"), forest.codes("operation")
    name, first = number_of((taken(service, hops), taken(operation, hops)), len(hops))
    said = [visit_text(service, operation, row) for row in hops[first].tolist()]
    return named_lists(offset[:-1], offset[1:], name, said, HOP)
