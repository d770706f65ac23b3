"""Passages: what a service does with each call that enters it: whom it calls in turn, whether it touches data.

A passage is a visit (:mod:`analysis.facts.visits`) with the service that it came from. Its own time is what the spans
of the service cover themselves; the time of its calls to others, to stores and through brokers is not its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel
from analysis.facts._ancestry import local_entries
from analysis.facts._once import listed
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, service_sets
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import DATA, Edges
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = (*architecture.COLUMNS, "operation")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that was entered"),
    Field("operation", pa.string(), "key", "", "operation that was entered"),
    Field("kind", pa.string(), "key", "", "span kind of the span through which it was entered"),
    Field("caller", pa.string(), "key", "", "node that the call came from; empty where nobody is known"),
    Field("caller_kind", pa.string(), "key", "", "service, queue, external or user"),
    Field("callees", pa.string(), "key", "", "nodes that it called, sorted, stores apart; empty", separator=SEPARATOR),
    Field("called_once", pa.bool_(), "key", "", "it made one call in all, data apart"),
    Field("data", pa.bool_(), "key", "", "it called a store"),
    Field("entry_service", pa.string(), "key", "", "service of the topmost span of the request"),
    Field("entry_operation", pa.string(), "key", "", "operation of that span"),
    Field("visits", pa.int64(), "sum", "visits", "visits seen"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "durations of the visits"),
    Field("own_ns", pa.int64(), "sum", "ns", "the service's own time in them"),
    Field("own_critical_ns", pa.int64(), "sum", "ns", "of its own time, on the critical path"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the visit, then the calls it made"),
)
_LEAVING: Final = (KINDS.index("client"), KINDS.index("producer"))

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the passages of one partition."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    kinds = tuple(node.kind for node in edges.nodes)
    entry = local_entries(forest)
    rows = np.flatnonzero(entry == np.arange(forest.size))
    count = len(rows)
    place = np.full(forest.size, -1, np.int64)
    place[rows] = np.arange(count)
    visit_of = place[entry]
    own = _own_times(visit_of, forest.of_kind(_LEAVING), forest.self_time, forest.critical, count)
    leaving, owner = _leaving(forest, edges, visit_of)
    data = np.zeros(count, np.bool_)
    calls = edges.kind[leaving] != DATA
    data[owner[~calls]] = True
    calling, together, texts = service_sets(owner[calls], edges.callee[leaving[calls]], names)
    callees = np.full(count, -1, np.int32)
    callees[calling] = together
    caller = np.full(count, -1, np.int32)
    arriving = np.flatnonzero((edges.server >= 0) & (edges.caller != edges.callee))
    arriving = arriving[place[edges.server[arriving]] >= 0]
    # Written from the last to the first, so that the first stays.
    caller[place[edges.server[arriving]][::-1]] = edges.caller[arriving][::-1]
    client = edges.client[leaving]
    shown = np.where(client >= 0, client, edges.server[leaving]).astype(np.int64)
    by_row = np.argsort(shown, kind="stable")
    offset, spans = listed(
        np.concatenate([np.arange(count), owner[by_row]]), np.concatenate([rows, shown[by_row]]), count
    )
    service, operation, kind = (forest.codes(name) for name in ("service", "operation", "kind"))
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": Codes(service.codes[rows], service.values),
                "operation": Codes(operation.codes[rows], operation.values),
                "kind": Codes(kind.codes[rows], kind.values),
                "caller": Codes(caller, names),
                "caller_kind": Codes(caller, kinds),
                "callees": Codes(callees, texts),
                "called_once": np.bincount(owner[calls], minlength=count) == 1,
                "data": data,
                **entry_keys(forest, rows),
            },
            trace=forest.trace_of[rows],
            sums={
                "visits": np.ones(count, np.int64),
                "total_ns": forest.duration[rows],
                "own_ns": own[0],
                "own_critical_ns": own[1],
            },
            histograms={},
            exemplar_value=forest.duration[rows],
            span_offset=offset,
            span_rows=spans,
        ),
    )


def _leaving(forest: Forest, edges: Edges, visit_of: Int64s) -> tuple[Int64s, Int64s]:
    """Return the calls that leave a visit to another node, and the visits that they leave."""
    above = np.where(edges.server >= 0, forest.parent[edges.server], -1)
    row = np.where(edges.client >= 0, edges.client, above)
    leaving = np.flatnonzero((row >= 0) & (edges.caller != edges.callee))
    return leaving, visit_of[row[leaving]]


@kernel
def _own_times(
    visit: Int64s, leaving: npt.NDArray[np.bool_], self_time: Int64s, critical: Int64s, count: int
) -> tuple[Int64s, Int64s]:
    """Add up for each visit the time that its spans take themselves, and of it that on the critical path."""
    own, own_critical = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for row in range(len(visit)):
        if not leaving[row]:
            own[visit[row]] += self_time[row]
            own_critical[visit[row]] += critical[row]
    return own, own_critical
