"""Overhangs: calls that failed for their callers, and how much longer the callees worked on.

How long each half took is compared, not when it ended: that does not depend on clocks. As the callee begins after its
caller, the overhang is a lower bound.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _outgoing
from analysis.facts._outgoing import outgoing, taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = _outgoing.COLUMNS
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the request's topmost span"),
    Field("service", pa.string(), "key", "", "service that called"),
    Field("operation", pa.string(), "key", "", "its operation that the call served"),
    Field("target", pa.string(), "key", "", "service that was called"),
    Field("callee_operation", pa.string(), "key", "", "its operation"),
    Field("calls", pa.int64(), "sum", "calls", "calls of which both halves were seen and have a time"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("overhang_ns", pa.int64(), "sum", "ns", "time that callees took beyond their callers"),
    Field("waited", HISTOGRAM, "histogram", "ns", "durations of the caller's spans where the callee took longer"),
    Field(
        "overhang", HISTOGRAM, "histogram", "1/1000", "overhang by the caller's duration; calls without one left out"
    ),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by overhang; the caller's span, then the callee's"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the overhangs of one partition."""
    calls = outgoing(forest)
    both = (calls.server >= 0) & forest.has_time[calls.rows] & forest.has_time[calls.server]
    other = forest.codes("service").codes[calls.rows] != forest.codes("service").codes[calls.server]
    kept = np.flatnonzero(both & other & forest.error[calls.rows])
    rows, server = calls.rows[kept], calls.server[kept]
    waited = forest.duration[rows]
    beyond = forest.duration[server] - waited
    # Through floats for their range: a thousand times the overhang may not fit 64 bits.
    share = np.where(beyond > 0, np.minimum(beyond / np.maximum(waited, 1), 1e12) * 1000, -1).astype(np.int64)
    one = np.ones(len(rows), np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, rows),
                "service": taken(forest.codes("service"), rows),
                "operation": taken(forest.codes("operation"), calls.entry[kept]),
                "target": taken(forest.codes("service"), server),
                "callee_operation": taken(forest.codes("operation"), server),
            },
            trace=forest.trace_of[rows],
            sums={"calls": one, "overhang_ns": np.maximum(beyond, 0)},
            histograms={"waited": (np.where(beyond > 0, waited, -1), one), "overhang": (share, one)},
            exemplar_value=np.maximum(beyond, 0),
            span_offset=np.arange(0, 2 * len(rows) + 1, 2),
            span_rows=np.stack([rows, server], axis=1).ravel(),
        ),
    )
