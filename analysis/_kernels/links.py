"""Loops of the links between services: who calls out on whose behalf, and which of nested client spans is the call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["claim_calls", "find_outgoing", "order_by_depth", "settle_outer"]


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
