"""Calls between services, to their stores, and through brokers: the edges of the service graph.

The links are those of :mod:`analysis.links.architecture`. Client and server times are summed where both halves of a
call were seen, so that their difference is the time spent on the network and in queues.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.links import architecture

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = architecture.COLUMNS
FIELDS: Final = (
    Field("caller", pa.string(), "key", "", "node that calls"),
    Field("callee", pa.string(), "key", "", "node that is called"),
    Field("kind", pa.string(), "key", "", "sync, async or data"),
    Field("caller_kind", pa.string(), "key", "", "service, database, cache, queue, external or user"),
    Field("callee_kind", pa.string(), "key", "", "service, database, cache, queue, external or user"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of durations: the client's, else the server's"),
    Field("paired", pa.int64(), "sum", "calls", "calls of which both halves were seen"),
    Field("client_ns", pa.int64(), "sum", "ns", "sum of client durations where both halves were seen"),
    Field("server_ns", pa.int64(), "sum", "ns", "sum of server durations where both halves were seen"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of the calls that have one"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; client span, then server span"),
)
_KINDS: Final = ("sync", "async", "data")


def scan(forest: Forest) -> pa.Table:
    """Return the calls of one partition."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    kinds = tuple(node.kind for node in edges.nodes)
    client, server, duration = edges.client, edges.server, edges.duration
    has_client, has_server = client >= 0, server >= 0
    row = np.where(has_client, client, server)
    paired = has_client & has_server
    many = forest.multiplicity[row]
    count = has_client.astype(np.int64) + has_server
    pairs = np.stack([client, server], axis=1).ravel()
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "caller": Codes(edges.caller, names),
                "callee": Codes(edges.callee, names),
                "kind": Codes(edges.kind.astype(np.int32), _KINDS),
                "caller_kind": Codes(edges.caller, kinds),
                "callee_kind": Codes(edges.callee, kinds),
            },
            trace=forest.trace_of[row],
            sums={
                "calls": many,
                "errors": np.where(edges.error, many, 0),
                "total_ns": duration,
                "paired": np.where(paired, many, 0),
                "client_ns": np.where(paired, forest.duration[client], 0),
                "server_ns": np.where(paired, forest.duration[server], 0),
            },
            histograms={"latency": (np.where(edges.timed, duration, -1), many)},
            exemplar_value=duration,
            span_offset=np.concatenate([[0], np.cumsum(count)]),
            span_rows=pairs[pairs >= 0],
        ),
    )
