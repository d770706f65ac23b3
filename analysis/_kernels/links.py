"""Loops of the links between services: who calls out on whose behalf, and which of nested client spans is the call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["claim_calls", "claim_siblings", "find_outgoing", "order_by_depth", "settle_outer", "time_beside"]


@kernel
def order_by_depth(depth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the rows by depth, so that parents come before children."""
    deepest = 0
    for row in range(len(depth)):
        deepest = max(deepest, depth[row])
    first = np.zeros(deepest + 2, np.int64)
    for row in range(len(depth)):
        first[depth[row] + 1] += 1
    for level in range(deepest + 1):
        first[level + 1] += first[level]
    order = np.empty(len(depth), np.int32)
    for row in range(len(depth)):
        order[first[depth[row]]] = row
        first[depth[row]] += 1
    return order


@kernel
def find_outgoing(
    order: NDArray[np.int32],
    caller: NDArray[np.int32],
    service: NDArray[np.int32],
    outward: NDArray[np.bool_],
    local: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Return for every row the span of its service that calls out, itself or one above local spans; -1 for none.

    ``caller`` is the nearest ancestor whose service is known, ``local`` marks spans that neither leave nor enter a
    service.
    """
    outgoing = np.full(len(service), -1, np.int32)
    for place in range(len(order)):
        row = order[place]
        if outward[row]:
            outgoing[row] = row
        elif local[row] and caller[row] >= 0 and service[caller[row]] == service[row]:
            outgoing[row] = outgoing[caller[row]]
    return outgoing


@kernel
def settle_outer(order: NDArray[np.int32], enclosing: NDArray[np.int32], settled: NDArray[np.bool_]) -> None:
    """Mark the spans around a settled one as settled too."""
    for place in range(len(order) - 1, -1, -1):
        row = order[place]
        if settled[row] and enclosing[row] >= 0:
            settled[enclosing[row]] = True


@kernel
def claim_calls(
    order: NDArray[np.int32],
    enclosing: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    unshadowed: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return which of the wanted calls count: those not inside one that does, and all that are ``unshadowed``."""
    claimed = np.zeros(len(order), np.bool_)
    shadow = np.zeros(len(order), np.bool_)
    for place in range(len(order)):
        row = order[place]
        around = enclosing[row]
        shadow[row] = around >= 0 and (claimed[around] or shadow[around])
        claimed[row] = wanted[row] and (unshadowed[row] or not shadow[row])
    return claimed


@kernel
def claim_siblings(
    parent: NDArray[np.int32],
    service: NDArray[np.int32],
    system: NDArray[np.int32],
    template: NDArray[np.int32],
    many: NDArray[np.int64],
    layer: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    tolerance: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return for every call the place of the one before it that records the same call around it; -1 for none.

    Calls lie under their parents, by start. One is recorded around another if it asks for the same, is of another
    ``layer`` (neither of which is -1) and encloses it in time. Each stands around one call at most: the nearest before
    it that is free is taken.
    """
    size = len(parent)
    claimed = np.full(size, -1, np.int64)
    free = np.ones(size, np.bool_)
    # How many calls back is looked: layers of one call lie close together, however many run at once.
    reach = 64
    for index in range(size):
        if layer[index] == -1:
            continue
        for other in range(index - 1, max(index - reach, 0) - 1, -1):
            if parent[other] != parent[index]:
                break
            if not free[other] or layer[other] == layer[index] or layer[other] == -1:
                continue
            if template[other] != template[index] or system[other] != system[index]:
                continue
            if service[other] != service[index] or many[other] != many[index]:
                continue
            begins = start[other] <= start[index] + tolerance[index]
            if begins and end[index] <= end[other] + tolerance[index]:
                claimed[index] = other
                free[other] = False
                break
    return claimed


@kernel
def time_beside(
    parent: NDArray[np.int32],
    child: NDArray[np.int32],
    service: NDArray[np.int32],
    data: NDArray[np.bool_],
    statement: NDArray[np.int32],
    collection: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    limits: tuple[int, int],
    timed: NDArray[np.int64],
) -> None:
    """Fill for each statement on a span of no time the span that follows at once and took the time.

    ``child`` are the children of all rows, those of one together and by start; ``statement`` and ``collection`` are
    negative where a row has none; ``limits`` are the longest time that is none, and the longest gap, ns.
    """
    for place in range(len(child) - 1):
        first, second = child[place], child[place + 1]
        if not (data[first] and data[second]) or parent[first] != parent[second]:
            continue
        if service[first] != service[second] or statement[first] < 0 or statement[second] >= 0:
            continue
        lasted = end[first] - start[first]
        longer = end[second] - start[second] > lasted
        if lasted <= limits[0] and longer and start[second] - end[first] <= limits[1] and collection[second] < 0:
            timed[first] = second
