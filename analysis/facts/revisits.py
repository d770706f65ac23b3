"""Requests that come back to a service which is still waiting: A calls B, and B, directly or not, calls A."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["ARROW", "COLUMNS", "FIELDS", "scan"]

ARROW: Final = " → "
COLUMNS: Final = ("service", "kind", "operation")
FIELDS: Final = (
    Field("path", pa.string(), "key", "", "services from the first visit to the second, joined by arrows"),
    Field("operation", pa.string(), "key", "", "operation that the second visit entered"),
    Field("visits", pa.int64(), "sum", "calls", "second visits seen"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "time of the second visits"),
    Field("critical_ns", pa.int64(), "sum", "ns", "of this, exclusive time of the visiting span on the critical path"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the spans that enter each service on the way"),
)
#: Longer ways round are not told as one cycle.
_MOST_HOPS: Final = 32


def scan(forest: Forest) -> pa.Table:
    """Return the second visits of one partition."""
    service = forest.codes("service")
    found, offset, hops = _revisits(forest.parent, service.codes, forest.blocking, _MOST_HOPS)
    names = [
        ARROW.join(service.values[service.codes[row]] for row in hops[offset[index] : offset[index + 1]])
        for index in range(len(found))
    ]
    levels = tuple(sorted(set(names)))
    position = {name: code for code, name in enumerate(levels)}
    operation = forest.codes("operation")
    duration = forest.duration[found]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "path": Codes(np.array([position[name] for name in names], np.int32), levels),
                "operation": Codes(operation.codes[found], operation.values),
            },
            trace=forest.trace_of[found],
            sums={
                "visits": forest.multiplicity[found],
                "total_ns": duration,
                "critical_ns": forest.critical[found],
            },
            histograms={},
            exemplar_value=duration,
            span_offset=offset,
            span_rows=hops,
        ),
    )


@njit(nogil=True, cache=True)
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
        row = np.int32(first)
        while top[row] < 0:
            if parent[row] < 0 or not blocking[row] or service[parent[row]] != service[row]:
                top[row] = row
                break
            row = parent[row]
        highest = top[row]
        row = np.int32(first)
        while top[row] < 0:
            top[row] = highest
            row = parent[row]
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
