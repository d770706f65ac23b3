"""Waits: how long callers wait for an answer, by how the wait ended.

A wait ends well, in a failure, or by a timeout (:data:`analysis.facts._failing.MECHANISMS`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _outgoing
from analysis.facts._failing import MECHANISMS, mechanism
from analysis.facts._outgoing import outgoing, taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "ENDS", "FIELDS", "scan"]

COLUMNS: Final = _outgoing.COLUMNS
ENDS: Final = ("answered", "failed", "timeout")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the request's topmost span"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the request's topmost span"),
    Field("service", pa.string(), "key", "", "service that waits"),
    Field("operation", pa.string(), "key", "", "its operation that the call serves"),
    Field("target", pa.string(), "key", "", "service, store, peer or address that it waits for"),
    Field("template", pa.string(), "key", "", "what is called"),
    Field("end", pa.string(), "key", "", "answered, failed or timeout"),
    Field("calls", pa.int64(), "sum", "calls", "calls that have a time"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "durations of the caller's spans"),
    Field("longest_ns", pa.int64(), "max", "ns", "longest of these"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of the caller's spans"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the caller's span"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the waits of one partition."""
    calls = outgoing(forest)
    kept = np.flatnonzero(forest.has_time[calls.rows])
    rows = calls.rows[kept]
    late = mechanism(forest)[rows] == MECHANISMS.index("timeout")
    end = np.where(calls.failed[kept], np.where(late, 2, 1), 0).astype(np.int32)
    duration = forest.duration[rows]
    one = np.ones(len(rows), np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, rows),
                "entry_kind": taken(forest.codes("kind"), forest.root[rows]),
                "service": taken(forest.codes("service"), rows),
                "operation": taken(forest.codes("operation"), calls.entry[kept]),
                "target": Codes(calls.target.codes[kept], calls.target.values),
                "template": Codes(calls.template.codes[kept], calls.template.values),
                "end": Codes(end, ENDS),
            },
            trace=forest.trace_of[rows],
            sums={"calls": one, "total_ns": duration, "longest_ns": duration},
            histograms={"latency": (duration, None)},
            exemplar_value=duration,
            span_rows=rows,
        ),
    )
