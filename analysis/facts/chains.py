"""Chains: for each request the longest way of services that wait for each other, one behind the other.

Only what lies on the critical path counts: a request that did not wait for a call is not slower for its depth. A hop
is a call from one service to another; calls within a service are none.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts._together import named_lists
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["ARROW", "COLUMNS", "FIELDS", "scan"]

ARROW: Final = " → "
COLUMNS: Final = ("service", "kind", "operation")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("path", pa.string(), "key", "", "services from the entry to the deepest, joined by arrows"),
    Field("edges", pa.int64(), "key", "calls", "calls between services on it"),
    Field("requests", pa.int64(), "sum", "requests", "requests whose longest chain it is"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "durations of the requests"),
    Field("way_ns", pa.int64(), "sum", "ns", "time of the chain's client spans that no callee covers, critical path"),
    Field("way_per_request", HISTOGRAM, "histogram", "ns", "way_ns of a request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by way_ns; the spans that enter each service on the way"),
)
#: Longer chains are told as far as this.
_MOST_HOPS: Final = 64

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def scan(forest: Forest) -> pa.Table:
    """Return the longest chain of each request of one partition."""
    service = forest.codes("service")
    by_depth = forest.by_depth
    top = np.flatnonzero((forest.root == np.arange(forest.size)) & (service.codes >= 0) & forest.has_time)
    deepest = _deepest(by_depth, forest.parent, forest.root, service.codes, forest.blocking, forest.critical)[top]
    client = forest.kind == KINDS.index("client")
    offset, hops, way = _climb(deepest, forest.parent, service.codes, client, forest.critical, _MOST_HOPS)
    path = _paths(service, offset, hops)
    one = np.ones(len(top), np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={**entry_keys(forest, top), "path": path, "edges": np.diff(offset) - 1},
            trace=forest.trace_of[top],
            sums={"requests": one, "total_ns": forest.duration[top], "way_ns": way},
            histograms={"way_per_request": (way, one)},
            exemplar_value=way,
            span_offset=offset,
            span_rows=hops,
        ),
    )


def _paths(service: Codes, offset: Int64s, hops: Int64s) -> Codes:
    return named_lists(offset[:-1], offset[1:], service.codes[hops], service.values, ARROW)


@kernel
def _deepest(
    by_depth: Int32s, parent: Int32s, root: Int32s, service: Int32s, blocking: Bools, critical: Int64s
) -> Int64s:
    """Return for every root the row on the critical path below it with the most hops, of equals the last."""
    hops = np.zeros(len(parent), np.int32)
    caller = service.copy()
    waited = np.ones(len(parent), np.bool_)
    found = np.arange(len(parent))
    for index in range(len(by_depth)):
        row = by_depth[index]
        above = parent[row]
        if above < 0:
            continue
        waited[row] = waited[above] and blocking[row]
        hops[row] = hops[above]
        # A span that names no service passes on the one above.
        if service[row] < 0:
            caller[row] = caller[above]
        elif service[row] != caller[above] and caller[above] >= 0:
            hops[row] += 1
        if waited[row] and critical[row] > 0:
            best = found[root[row]]
            if hops[row] > hops[best] or (hops[row] == hops[best] and row > best):
                found[root[row]] = row
    return found


@kernel
def _climb(
    deepest: Int64s, parent: Int32s, service: Int32s, client: Bools, critical: Int64s, most_hops: int
) -> tuple[Int64s, Int64s, Int64s]:
    """Climb from each row to its root.

    Returns where the rows of each chain begin, the rows that enter each service, from the top, and the time of client
    spans on the way.
    """
    offset = np.zeros(len(deepest) + 1, np.int64)
    hops = np.empty(max(16, 4 * len(deepest)), np.int64)
    way = np.zeros(len(deepest), np.int64)
    entering = np.empty(most_hops + 2, np.int64)
    used = 0
    for index in range(len(deepest)):
        row = deepest[index]
        while service[row] < 0:
            row = parent[row]
        length = 0
        entering[0] = row
        below = row
        while parent[row] >= 0:
            row = parent[row]
            if service[row] < 0:
                continue
            if service[row] != service[entering[length]]:
                if client[row]:
                    way[index] += critical[row]
                if length < most_hops:
                    length += 1
            entering[length] = row
            below = row
        entering[length] = below
        while used + length + 1 > len(hops):
            hops = np.concatenate((hops, np.empty(len(hops), np.int64)))
        for place in range(length + 1):
            hops[used + place] = entering[length - place]
        used += length + 1
        offset[index + 1] = used
    return offset, hops[:used].copy(), way
