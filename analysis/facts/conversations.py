"""Conversations: how often one service calls another while a request is served, and what of that is spent on the way.

The way is the time of a client span on the critical path that no span of the callee covers: network, queues,
serialisation. Only calls that the caller waits for count.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._numbering import added, combined, firsts
from analysis.facts._once import critical_below, listed_by_start
from analysis.facts._says import says
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import SYNC

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = tuple(dict.fromkeys((*architecture.COLUMNS, "service", "operation", "status", "multiplicity")))
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("caller", pa.string(), "key", "", "service that calls and waits"),
    Field("callee", pa.string(), "key", "", "service that is called"),
    Field("requests", pa.int64(), "sum", "requests", "requests with such calls"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("streams", pa.int64(), "sum", "calls", "of these, on operations that are named as streams or subscriptions"),
    Field("operations", pa.int64(), "sum", "operations", "distinct operations called, by request"),
    Field("paired", pa.int64(), "sum", "calls", "calls of which both halves were seen"),
    Field("client_ns", pa.int64(), "sum", "ns", "time of these as the caller saw it"),
    Field("server_ns", pa.int64(), "sum", "ns", "time of these as the callee saw it"),
    Field("way_ns", pa.int64(), "sum", "ns", "time on the way of these, on the critical path"),
    Field("saving_ns", pa.int64(), "sum", "ns", "of this, what one call with the same work would have saved"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of all calls and all below them on the critical path"),
    Field("calls_per_request", HISTOGRAM, "histogram", "calls", "calls of a request but for failed ones, at least one"),
    Field("way_per_request", HISTOGRAM, "histogram", "ns", "way_ns of a request"),
    Field("saving_per_request", HISTOGRAM, "histogram", "ns", "saving_ns of a request"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by critical_ns; the calls' spans by start, of each the client's"),
)
_STREAM: Final = re.compile(r"stream|subscri|watch|web-?socket|\bsse\b|long-?poll|tail\b", re.IGNORECASE)


def scan(forest: Forest) -> pa.Table:
    """Return the conversations of one partition."""
    edges = forest.edges
    service_node = np.array([node.kind == "service" for node in edges.nodes] or [False])
    chosen = np.flatnonzero(
        (edges.kind == SYNC) & (edges.caller != edges.callee) & service_node[edges.caller] & service_node[edges.callee]
    )
    client, server = edges.client[chosen], edges.server[chosen]
    row = np.where(client >= 0, client, server).astype(np.int64)
    names = tuple(node.id for node in edges.nodes)
    pair = combined(edges.caller[chosen], edges.callee[chosen])
    request = combined(forest.root[row], pair)
    first = firsts(request)
    count = len(first)
    paired = (client >= 0) & (server >= 0)
    many = forest.multiplicity[row]
    answering = np.where(server >= 0, server, row)
    streams = says(forest, "operation", lambda text: _STREAM.search(text) is not None)
    calls = added(request, many, count)
    way = added(request, np.where(paired, forest.critical[client], 0), count)
    sums = {
        "calls": calls,
        "errors": added(request, np.where(edges.error[chosen], many, 0), count),
        "streams": added(request, np.where(streams[answering] | streams[row], many, 0), count),
        "operations": _operations(forest, request, answering, count),
        "paired": added(request, np.where(paired, many, 0), count),
        "client_ns": added(request, np.where(paired, forest.duration[client], 0), count),
        "server_ns": added(request, np.where(paired, forest.duration[server], 0), count),
        "way_ns": way,
        "saving_ns": way - way // np.maximum(calls, 1),
        "critical_ns": added(request, critical_below(forest)[row], count),
    }
    span_offset, span_rows = listed_by_start(forest, request, row, count)
    one = np.ones(count, np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, row[first]),
                "caller": Codes(edges.caller[chosen][first], names),
                "callee": Codes(edges.callee[chosen][first], names),
            },
            trace=forest.trace_of[row[first]],
            sums={"requests": one} | sums,
            histograms={
                "calls_per_request": (np.maximum(calls - sums["errors"], 1), None),
                **{f"{name}_per_request": (sums[f"{name}_ns"], None) for name in ("way", "saving", "critical")},
            },
            exemplar_value=sums["critical_ns"],
            span_offset=span_offset,
            span_rows=span_rows,
        ),
    )


def _operations(forest: Forest, request: np.ndarray, answering: np.ndarray, count: int) -> np.ndarray:
    """Count the distinct operations that each request calls."""
    if not count:
        return np.zeros(0, np.int64)
    different = firsts(combined(request, forest.codes("operation").codes[answering]))
    return np.bincount(request[different], minlength=count).astype(np.int64)
