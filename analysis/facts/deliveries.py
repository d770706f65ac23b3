"""Deliveries: how often each message was given to its consumer, and how often that failed.

A message is known by its id, else by the span that published it; it is followed within its trace.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._grouping import number_of
from analysis.facts._outgoing import first_spans, taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (
    "service",
    "operation",
    "kind",
    "messaging_system",
    "messaging_destination",
    "message_id",
    *FAILING_COLUMNS,
)
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that consumes"),
    Field("system", pa.string(), "key", "", "kafka, rabbitmq, aws_sqs …"),
    Field("destination", pa.string(), "key", "", "topic or queue that it consumes from"),
    Field("identified", pa.bool_(), "key", "", "the message has an id, or the span that published it was seen"),
    Field("messages", pa.int64(), "sum", "messages", "messages"),
    Field("deliveries", pa.int64(), "sum", "deliveries", "deliveries of these"),
    Field("failures", pa.int64(), "sum", "deliveries", "of these, failed"),
    Field("most_failures", pa.int64(), "max", "deliveries", "failed deliveries of the message that had most"),
    Field("recovered", pa.int64(), "sum", "messages", "messages that failed, and whose last delivery did not"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "time of the failed deliveries"),
    Field("failures_per_message", HISTOGRAM, "histogram", "deliveries", "failed deliveries of each message"),
    Field(
        "exemplars",
        EXEMPLARS,
        "exemplars",
        "deliveries",
        "by failed deliveries; the deliveries by start, the first thousand",
    ),
)
_CONSUMER: Final = KINDS.index("consumer")


def scan(forest: Forest) -> pa.Table:
    """Return the deliveries of one partition."""
    consumes = forest.kind == _CONSUMER
    service = forest.codes("service")
    below = np.flatnonzero(consumes & (forest.parent >= 0))
    around = np.zeros(forest.size, np.bool_)
    above = forest.parent[below]
    around[above[consumes[above] & (service.codes[above] == service.codes[below])]] = True
    rows = np.flatnonzero(consumes & ~around)
    message, parent = taken(forest.codes("message_id"), rows), forest.parent[rows]
    named = message.codes >= 0
    who = np.where(named, -1, np.where(parent >= 0, parent, -2 - rows))
    destination = taken(forest.codes("messaging_destination"), rows)
    number, first = number_of(
        (forest.trace_of[rows], taken(service, rows), destination, message, who.astype(np.int64)), len(rows)
    )
    order = np.lexsort((rows, forest.start[rows], number))
    offset = np.searchsorted(number[order], np.arange(len(first) + 1)).astype(np.int64)
    lost = failing(forest)[rows]
    failures = np.bincount(number[lost], minlength=len(first)).astype(np.int64)
    wasted = np.zeros(len(first), np.int64)
    np.add.at(wasted, number[lost], forest.duration[rows[lost]])
    at_last = lost[order[offset[1:] - 1]]
    one = np.ones(len(first), np.int64)
    chosen = rows[first]
    span_offset, span_rows = first_spans(offset, rows[order])
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken(service, chosen),
                "system": taken(forest.codes("messaging_system"), chosen),
                "destination": taken(forest.codes("messaging_destination"), chosen),
                "identified": named[first] | (parent[first] >= 0),
            },
            trace=forest.trace_of[chosen],
            sums={
                "messages": one,
                "deliveries": np.diff(offset),
                "failures": failures,
                "most_failures": failures,
                "recovered": (failures > 0) & ~at_last,
                "total_ns": wasted,
            },
            histograms={"failures_per_message": (failures, one)},
            exemplar_value=failures,
            span_offset=span_offset,
            span_rows=span_rows,
        ),
    )
