"""Calls from one service to another that are waited for, by request: how many, and what the way between them costs.

A row tells of one caller and one callee, of all callers of a callee together, or of both directions between two
services.
The time on the way is what the caller's span has on the critical path for itself: network, queues and serialisation,
or, where the callee's half was not seen, all of its time. It is what a request would save if the two were one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel, walker
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.edges import SYNC

__all__ = ["COLUMNS", "FIELDS", "GRAINS", "scan"]

COLUMNS: Final = (*architecture.COLUMNS, "operation", "multiplicity")
GRAINS: Final = ("call", "callee", "pair")
FIELDS: Final = (
    Field(
        "grain", pa.string(), "key", "", "call, callee (the caller is empty) or pair (the callee's name comes second)"
    ),
    Field("entry_service", pa.string(), "key", "", "service of the topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the topmost span"),
    Field("caller", pa.string(), "key", "", "service that calls"),
    Field("callee", pa.string(), "key", "", "service that is called, another one"),
    Field("requests", pa.int64(), "sum", "requests", "requests with such a call"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("way_ns", pa.int64(), "sum", "ns", "time on the way, on the critical path"),
    Field("calls_per_request", HISTOGRAM, "histogram", "calls", "calls of each request"),
    Field("way_per_request", HISTOGRAM, "histogram", "ns", "time on the way of each request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by the time on the way; client and server spans of the calls"),
)
#: Of the calls of one request the first these many rows are shown.
_MOST_SPANS: Final = 1000

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the calls between services of one partition."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    is_service = np.array([*(node.kind == "service" for node in edges.nodes), False], np.bool_)
    rank = np.argsort(np.argsort(np.array(names, dtype=object), kind="stable"), kind="stable")
    shown, grain, first_end, second_end, calls, way, offset, spans = _count_hops(
        np.flatnonzero((edges.kind == SYNC) & (edges.caller != edges.callee)),
        (edges.caller, edges.callee, edges.client, edges.server),
        is_service,
        rank.astype(np.int32),
        (forest.trace_of, forest.root),
        forest.multiplicity,
        forest.critical,
    )
    one = np.ones(len(shown), np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "grain": Codes(grain, GRAINS),
                **entry_keys(forest, shown),
                "caller": Codes(first_end, names),
                "callee": Codes(second_end, names),
            },
            trace=forest.trace_of[shown],
            sums={"requests": one, "calls": calls, "way_ns": way},
            histograms={"calls_per_request": (calls, one), "way_per_request": (way, one)},
            exemplar_value=way,
            span_offset=offset,
            span_rows=spans,
        ),
    )


@kernel
def _count_hops(
    chosen: Int64s,
    edges: tuple[Int32s, Int32s, Int32s, Int32s],
    is_service: npt.NDArray[np.bool_],
    rank: Int32s,
    tree: tuple[Int32s, Int32s],
    many: Int64s,
    critical: Int64s,
) -> tuple[Int64s, Int32s, Int32s, Int32s, Int64s, Int64s, Int64s, Int64s]:
    """Add up some calls between services by request, and by each of :data:`GRAINS`.

    ``edges`` are caller, callee, client and server of each call, in order of their rows; nodes have a rank by name.
    ``tree`` is the trace and the topmost row of each row. Returns for each request and grain, by trace: a row of it;
    the grain; both ends, -1 for all callers; calls; the time on the way; where its rows begin in the last array, one
    more at its end; and the rows of its calls, the first thousand.

    What is known of one trace stays at hand: numbers are given within it, by hashing as in
    :func:`analysis._kernels.grouping.number_by_hash`.
    """
    caller, callee, client, server = edges
    trace, root = tree
    most = len(chosen) * len(GRAINS)
    shown, number = np.empty(most, np.int64), np.full(most, -1, np.int64)
    grain, first_end, second_end = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    calls, way, offset = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most + 1, np.int64)
    table = np.full(64, -1, np.int64)
    count, begin = 0, 0
    while begin < len(chosen):
        # What is below it is of traces before.
        end, known = begin, count
        first = _row(client, server, chosen[begin])
        while end < len(chosen) and trace[_row(client, server, chosen[end])] == trace[first]:
            end += 1
        slots = 4
        while slots < 2 * len(GRAINS) * (end - begin):
            slots *= 2
        if slots > len(table):
            table = np.full(slots, -1, np.int64)
        for place in range(begin, end):
            call = chosen[place]
            one, other = caller[call], callee[call]
            if not is_service[one] or not is_service[other]:
                continue
            row = _row(client, server, call)
            top = root[row]
            for which in range(len(GRAINS)):
                left, right = (one if which != 1 else np.int32(-1)), other
                if which == 2 and rank[one] > rank[other]:
                    left, right = other, one
                hashed = (np.uint64(top) * np.uint64(0x9E3779B97F4A7C15)) ^ np.uint64(
                    ((left + 1) * len(rank) + right) * len(GRAINS) + which
                )
                hashed *= np.uint64(0xBF58476D1CE4E5B9)
                slot = np.int64((hashed ^ (hashed >> np.uint64(32))) & np.uint64(slots - 1))
                while table[slot] >= known:
                    group = table[slot]
                    same = grain[group] == which and root[shown[group]] == top
                    if same and first_end[group] == left and second_end[group] == right:
                        break
                    slot = (slot + 1) & (slots - 1)
                if table[slot] < known:
                    table[slot] = count
                    shown[count], grain[count], first_end[count], second_end[count] = row, which, left, right
                    count += 1
                group = table[slot]
                number[place * len(GRAINS) + which] = group
                calls[group] += many[row]
                way[group] += critical[client[call]] if client[call] >= 0 else 0
                offset[group + 1] += (client[call] >= 0) + (server[call] >= 0)
        begin = end
    for group in range(count):
        offset[group + 1] = offset[group] + min(offset[group + 1], _MOST_SPANS)
    rows = np.empty(offset[count], np.int64)
    _fill_rows(number, chosen, client, server, offset, offset[:count].copy(), rows)
    return (
        shown[:count].copy(),
        grain[:count].copy(),
        first_end[:count].copy(),
        second_end[:count].copy(),
        calls[:count].copy(),
        way[:count].copy(),
        offset[: count + 1].copy(),
        rows,
    )


@walker
def _row(client: Int32s, server: Int32s, call: int) -> int:
    """Return the row that shows a call: the client's, else the server's."""
    return int(client[call] if client[call] >= 0 else server[call])


@walker
def _fill_rows(
    number: Int64s, chosen: Int64s, client: Int32s, server: Int32s, offset: Int64s, following: Int64s, rows: Int64s
) -> None:
    """Put the rows of the calls of each group together, as many as it has room for."""
    for place in range(len(number)):
        group, call = number[place], chosen[place // len(GRAINS)]
        for half in (client[call], server[call]):
            if group >= 0 and half >= 0 and following[group] < offset[group + 1]:
                rows[following[group]] = half
                following[group] += 1
