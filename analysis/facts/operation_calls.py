"""Calls at the grain of operations: which operation of a service calls which operation of another, or which store."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._ancestry import local_entries
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.links import architecture

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (*architecture.COLUMNS, "operation")
FIELDS: Final = (
    Field("caller", pa.string(), "key", "", "node that calls"),
    Field("caller_operation", pa.string(), "key", "", "operation of it that the call serves; empty where unknown"),
    Field("callee", pa.string(), "key", "", "node that is called"),
    Field("callee_operation", pa.string(), "key", "", "operation that is called; empty where its span was not seen"),
    Field("kind", pa.string(), "key", "", "sync, async or data"),
    Field("caller_kind", pa.string(), "key", "", "service, database, cache, queue, external or user"),
    Field("callee_kind", pa.string(), "key", "", "service, database, cache, queue, external or user"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of the calls that have one"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; client span, else server span"),
)
_KINDS: Final = ("sync", "async", "data")


def scan(forest: Forest) -> pa.Table:
    """Return the calls of the operations of one partition."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    kinds = tuple(node.kind for node in edges.nodes)
    is_service = np.array([*(kind == "service" for kind in kinds), False], np.bool_)
    operation, entry = forest.codes("operation"), local_entries(forest)
    client, server = edges.client.astype(np.int64), edges.server.astype(np.int64)
    row = np.where(client >= 0, client, server)
    above = np.where(client >= 0, client, np.where(server >= 0, forest.parent[server].astype(np.int64), -1))
    asking = np.where((above >= 0) & is_service[edges.caller], operation.codes[entry[above]], -1)
    asked = np.where((server >= 0) & is_service[edges.callee], operation.codes[entry[server]], -1)
    many = forest.multiplicity[row]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "caller": Codes(edges.caller, names),
                "caller_operation": Codes(asking.astype(np.int32), operation.values),
                "callee": Codes(edges.callee, names),
                "callee_operation": Codes(asked.astype(np.int32), operation.values),
                "kind": Codes(edges.kind.astype(np.int32), _KINDS),
                "caller_kind": Codes(edges.caller, kinds),
                "callee_kind": Codes(edges.callee, kinds),
            },
            trace=forest.trace_of[row],
            sums={"calls": many, "errors": np.where(edges.error, many, 0)},
            histograms={"latency": (np.where(edges.timed, edges.duration, -1), many)},
            exemplar_value=edges.duration,
            span_rows=row,
        ),
    )
