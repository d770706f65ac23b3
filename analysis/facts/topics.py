"""Who publishes to which topic or queue, and who consumes from it."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.links import architecture

__all__ = ["ALL", "COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = architecture.COLUMNS
#: Stands for all services of a role together, so that their traces are counted once.
ALL: Final = "(all)"
_ROLES: Final = ("consumer", "producer")
FIELDS: Final = (
    Field("topic", pa.string(), "key", "", "system and destination, else system and broker"),
    Field("role", pa.string(), "key", "", "producer or consumer"),
    Field("service", pa.string(), "key", "", "who; (all) stands for all of the role"),
    Field("named", pa.bool_(), "key", "", "the spans name the destination, not only the broker"),
    Field("messages", pa.int64(), "sum", "messages", "messages, compressed spans counted as often as they stand for"),
    Field("errors", pa.int64(), "sum", "messages", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of durations"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the span that publishes or consumes"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the use of topics in one partition."""
    edges = forest.edges
    queue = np.array([node.kind == "queue" for node in edges.nodes], np.bool_)
    service = np.array([node.kind == "service" for node in edges.nodes], np.bool_)
    publishes = np.flatnonzero(service[edges.caller] & queue[edges.callee])
    consumes = np.flatnonzero(queue[edges.caller] & service[edges.callee])
    edge = np.concatenate([publishes, consumes])
    role = np.repeat(np.array([1, 0], np.int32), [len(publishes), len(consumes)])
    row = np.where(role == 1, edges.client[edge], edges.server[edge]).astype(np.int64)
    row = np.where(row >= 0, row, np.maximum(edges.client[edge], edges.server[edge]))
    order = np.argsort(row, kind="stable")
    edge, role, row = (np.repeat(values[order], 2) for values in (edge, role, row))
    alone = np.tile(np.array([True, False]), len(order))
    names = tuple(node.id for node in edges.nodes)
    who = np.where(role == 1, edges.caller[edge], edges.callee[edge])
    topic = np.where(role == 1, edges.callee[edge], edges.caller[edge])
    many, duration = forest.multiplicity[row], edges.duration[edge]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "topic": Codes(topic.astype(np.int32), names),
                "role": Codes(role, _ROLES),
                "service": Codes(np.where(alone, who, len(names)).astype(np.int32), (*names, ALL)),
                "named": forest.codes("messaging_destination").codes[row] >= 0,
            },
            trace=forest.trace_of[row],
            sums={"messages": many, "errors": np.where(edges.error[edge], many, 0), "total_ns": duration},
            histograms={},
            exemplar_value=duration,
            span_rows=row,
        ),
    )
