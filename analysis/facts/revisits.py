"""Requests that come back to a service which is still waiting: A calls B, and B, directly or not, calls A."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel
from analysis.facts._numbering import added, combined, firsts
from analysis.facts._once import critical_below, listed
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["ARROW", "COLUMNS", "FIELDS", "scan"]

Int64s = npt.NDArray[np.int64]

ARROW: Final = " → "
COLUMNS: Final = ("service", "kind", "operation", "multiplicity")
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("path", pa.string(), "key", "", "services from the first visit to the second, joined by arrows"),
    Field("operation", pa.string(), "key", "", "operation that the second visit entered"),
    Field("requests", pa.int64(), "sum", "requests", "requests with such visits"),
    Field("visits", pa.int64(), "sum", "calls", "second visits seen"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "time of the second visits"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time on the critical path of the calls that come back, and below"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by critical_ns; the spans that enter each service on the way"),
)
#: Longer ways round are not told as one cycle.
_MOST_HOPS: Final = 32


def scan(forest: Forest) -> pa.Table:
    """Return the second visits of one partition."""
    service, operation = forest.codes("service"), forest.codes("operation")
    found, offset, hops = _revisits(forest.parent, service.codes, forest.blocking, _MOST_HOPS)
    path = _paths(service, found, offset, hops)
    entry = entry_keys(forest, found)
    request = forest.root[found].astype(np.int64)
    request = combined(combined(request, path.codes), operation.codes[found])
    # Numbered by root first, hence by trace, as gathering wants it.
    first = firsts(request)
    count = len(first)
    one = np.ones(count, np.int64)
    critical = added(request, critical_below(forest)[_calling(forest, found)], count)
    span_offset, span_rows = listed(np.repeat(request, np.diff(offset)), hops, count)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={name: Codes(codes.codes[first], codes.values) for name, codes in entry.items()}
            | {
                "path": Codes(path.codes[first], path.values),
                "operation": Codes(operation.codes[found][first], operation.values),
            },
            trace=forest.trace_of[found][first],
            sums={
                "requests": one,
                "visits": added(request, forest.multiplicity[found], count),
                "total_ns": added(request, forest.duration[found], count),
                "critical_ns": critical,
            },
            histograms={"critical_per_request": (critical, one)},
            exemplar_value=critical,
            span_offset=span_offset,
            span_rows=span_rows,
        ),
    )


def _paths(service: Codes, found: Int64s, offset: Int64s, hops: Int64s) -> Codes:
    """Return the way from the first visit of a service to each second one."""
    names = [
        ARROW.join(service.values[service.codes[row]] for row in hops[offset[index] : offset[index + 1]])
        for index in range(len(found))
    ]
    levels = tuple(sorted(set(names)))
    position = {name: code for code, name in enumerate(levels)}
    return Codes(np.array([position[name] for name in names], np.int32), levels)


def _calling(forest: Forest, rows: Int64s) -> Int64s:
    """Return the client span above each of some rows, whose time holds the way there; the row where there is none."""
    parent = forest.parent[rows]
    return np.where(forest.kind[parent] == KINDS.index("client"), parent, rows).astype(np.int64)


@kernel
def _revisits(
    parent: npt.NDArray[np.int32],
    service: npt.NDArray[np.int32],
    blocking: npt.NDArray[np.bool_],
    most_hops: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find rows that enter a service which one of their waiting ancestors belongs to.

    Returns the rows, and for each the rows that enter the services on the way, from the first visit down to the row.
    """
    # The highest span of the same service that waits: the way up goes from visit to visit, however deep each is.
    top = np.full(len(parent), -1, np.int32)
    for first in range(len(parent)):
        below = np.int32(first)
        while top[below] < 0:
            if parent[below] < 0 or not blocking[below] or service[parent[below]] != service[below]:
                top[below] = below
                break
            below = parent[below]
        highest = top[below]
        below = np.int32(first)
        while top[below] < 0:
            top[below] = highest
            below = parent[below]
    found = np.empty(16, np.int64)
    offset = np.zeros(17, np.int64)
    hops = np.empty(64, np.int64)
    way = np.empty(most_hops + 1, np.int64)
    count = 0
    used = 0
    for row in range(len(parent)):
        above = parent[row]
        if above < 0 or service[row] < 0 or service[above] < 0 or service[above] == service[row]:
            continue
        length = 1
        way[0] = row
        current = row
        closed = False
        while length <= most_hops and blocking[current] and parent[current] >= 0:
            above = parent[current]
            closed = service[above] == service[row]
            current = above if closed else top[above]
            way[length] = current
            length += 1
            if closed:
                break
        if not closed:
            continue
        if count == len(found):
            found = np.concatenate((found, np.empty(len(found), np.int64)))
            offset = np.concatenate((offset, np.zeros(len(offset), np.int64)))
        while used + length > len(hops):
            hops = np.concatenate((hops, np.empty(len(hops), np.int64)))
        for index in range(length):
            hops[used + index] = way[length - 1 - index]
        found[count] = row
        count += 1
        used += length
        offset[count] = used
    return found[:count].copy(), offset[: count + 1].copy(), hops[:used].copy()
