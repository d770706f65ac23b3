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
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.facts._together import SEPARATOR, service_sets
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import DATA
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

#: Of the calls of one visit the first these many rows are shown, its own among them.
_MOST_SPANS: Final = 1000

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def scan(forest: Forest) -> pa.Table:
    """Return the passages of one partition."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    kinds = tuple(node.kind for node in edges.nodes)
    rows, visit, own, own_critical = _visits(
        local_entries(forest), forest.of_kind(_LEAVING), forest.self_time, forest.critical
    )
    count = len(rows)
    ends = (edges.caller, edges.callee, edges.client, edges.server)
    caller, data, called, leaving, owner, offset, spans = _calls_of_visits(
        ends, edges.kind == DATA, forest.parent, visit, rows
    )
    calling, together, texts = service_sets(owner, edges.callee[leaving], names)
    callees = np.full(count, -1, np.int32)
    callees[calling] = together
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
                "called_once": called == 1,
                "data": data,
                **entry_keys(forest, rows),
            },
            trace=forest.trace_of[rows],
            sums={
                "visits": np.ones(count, np.int64),
                "total_ns": forest.duration[rows],
                "own_ns": own,
                "own_critical_ns": own_critical,
            },
            histograms={},
            exemplar_value=forest.duration[rows],
            span_offset=offset,
            span_rows=spans,
        ),
    )


@kernel
def _visits(
    entry: Int32s, leaving: Bools, self_time: Int64s, critical: Int64s
) -> tuple[Int64s, Int32s, Int64s, Int64s]:
    """Give the visits numbers, in order of the rows that they are entered through.

    Returns the row that each was entered through, the visit of every row, and for each visit the time that its spans
    take themselves, calls to others apart, and of it that on the critical path.
    """
    count = 0
    visit = np.empty(len(entry), np.int32)
    for row in range(len(entry)):
        if entry[row] == row:
            visit[row] = count
            count += 1
    rows, own, own_critical = np.empty(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    for row in range(len(entry)):
        number = visit[entry[row]]
        visit[row] = number
        if entry[row] == row:
            rows[number] = row
        if not leaving[row]:
            own[number] += self_time[row]
            own_critical[number] += critical[row]
    return rows, visit, own, own_critical


@kernel
def _calls_of_visits(
    edges: tuple[Int32s, Int32s, Int32s, Int32s], is_data: Bools, parent: Int32s, visit: Int32s, rows: Int64s
) -> tuple[Int32s, Bools, Int64s, Int64s, Int64s, Int64s, Int64s]:
    """Tell of each visit who called and whom it called.

    ``edges`` are caller, callee, client and server of each call, in order of their rows, of which some are to stores.
    Returns for each visit its first caller, -1 for nobody, whether it called a store, and how many other calls it made;
    these calls, and the visit of each; where the rows of each visit begin in the last array, one more at its end, and
    its rows: the one that it was entered through, then those of its calls, the first thousand.
    """
    caller, callee, client, server = edges
    count = len(rows)
    called_by, data, called = np.full(count, -1, np.int32), np.zeros(count, np.bool_), np.zeros(count, np.int64)
    calls, owner, of_call = np.empty(len(caller), np.int64), np.empty(len(caller), np.int64), np.full(len(caller), -1)
    offset = np.zeros(count + 1, np.int64)
    found = 0
    for call in range(len(caller)):
        answered = server[call]
        if caller[call] == callee[call]:
            continue
        if answered >= 0 and rows[visit[answered]] == answered and called_by[visit[answered]] < 0:
            called_by[visit[answered]] = caller[call]
        row = client[call]
        if row < 0:
            row = parent[answered]
        if row < 0:
            continue
        number = visit[row]
        of_call[call] = number
        offset[number + 1] += 1
        if is_data[call]:
            data[number] = True
        else:
            called[number] += 1
            calls[found], owner[found] = call, number
            found += 1
    for number in range(count):
        offset[number + 1] = offset[number] + min(offset[number + 1] + 1, _MOST_SPANS)
    spans, following = np.empty(offset[count], np.int64), np.empty(count, np.int64)
    for number in range(count):
        spans[offset[number]], following[number] = rows[number], offset[number] + 1
    for call in range(len(caller)):
        number = of_call[call]
        if number >= 0 and following[number] < offset[number + 1]:
            spans[following[number]] = client[call] if client[call] >= 0 else server[call]
            following[number] += 1
    return called_by, data, called, calls[:found].copy(), owner[:found].copy(), offset, spans
