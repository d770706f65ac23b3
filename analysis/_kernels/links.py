"""Loops of the links between services: who calls out on whose behalf, and which of nested client spans is the call."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker

__all__ = ["claim_calls", "find_layers", "find_roles", "join_calls", "settle_outer"]

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: How many calls back is looked for a layer: those of one call lie close together, however many run at once.
_REACH: Final = 64


@kernel
def find_roles(
    order: Int32s, caller: Int32s, service: Int32s, kind: NDArray[np.int8], data: Bools, kinds: tuple[int, int, int]
) -> tuple[Bools, Bools, Int32s, Int32s]:
    """Return what every row does in calls.

    Parameters
    ----------
    order
        The rows, parents before children.
    caller
        The nearest ancestor whose service is known.
    kind, data
        Kind of each row; whether it calls a store.
    kinds
        The kinds client and producer, and the first of those that neither leave a service nor enter it: the kinds below
        it are local.

    Returns
    -------
    tuple
        Whether the row leaves its service; whether its caller is of the same service; the row of the same service that
        calls out for it, itself or one above local spans, and the one that calls out around it; -1 for none.
    """
    size = len(caller)
    outward, same = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    outgoing, enclosing = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    for place in range(size):
        row = order[place]
        above = caller[row]
        own = above >= 0 and service[above] == service[row]
        same[row] = own
        if own:
            enclosing[row] = outgoing[above]
        if service[row] >= 0 and (kind[row] == kinds[0] or kind[row] == kinds[1] or data[row]):
            outward[row] = True
            outgoing[row] = row
        elif own and kind[row] < kinds[2]:
            outgoing[row] = outgoing[above]
    return outward, same, outgoing, enclosing


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
def join_calls(
    by_row: Int64s,
    ends: tuple[Int32s, Int32s],
    halves: tuple[Int32s, Int32s],
    renumbered: Int32s,
    timed: Bools,
    duration: Int64s,
    failed: Bools,
) -> tuple[Int32s, Int32s, Int32s, Int32s, Int64s, Bools, Bools]:
    """Put calls in order, and tell how long each took and whether it failed.

    Parameters
    ----------
    by_row
        The order of the calls.
    ends, halves
        Caller and callee of each call; rows of its client and its server, -1 for none.
    renumbered
        The place of each node among those that are used.
    timed, duration, failed
        Of every row: whether it has a time, its duration, whether it failed.

    Returns
    -------
    tuple
        Caller, callee, client and server in order; the duration of the client, else of the server, 0 where neither has
        a time; whether one has; whether one failed.
    """
    size = len(by_row)
    caller, callee = np.empty(size, np.int32), np.empty(size, np.int32)
    client, server = np.empty(size, np.int32), np.empty(size, np.int32)
    took, has_time, error = np.zeros(size, np.int64), np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for place in range(size):
        call = by_row[place]
        caller[place], callee[place] = renumbered[ends[0][call]], renumbered[ends[1][call]]
        client[place], server[place] = halves[0][call], halves[1][call]
        for half in (halves[1][call], halves[0][call]):
            if half >= 0:
                error[place] |= failed[half]
                if timed[half]:
                    took[place] = duration[half]
                    has_time[place] = True
    return caller, callee, client, server, took, has_time, error


@kernel
def find_layers(
    tree: tuple[Int32s, Int32s],
    data: Bools,
    who: tuple[Int32s, Int32s, Int32s],
    said: tuple[Int32s, Int32s, Int32s],
    what: tuple[Int32s, Int32s, Int32s],
    many: Int64s,
    times: tuple[Int64s, Int64s, Int64s],
    limits: tuple[int, int],
) -> tuple[Int64s, Int64s, Bools]:
    """Look under every parent for spans that record the call of a span beside them (:mod:`analysis.links.layers`).

    Parameters
    ----------
    tree
        The parent of each row, and the children of all rows: those of one together and by start.
    data
        The row is of a store and has a time.
    who
        Codes of service, system and address.
    said
        Codes of statement, operation of the store and collection.
    what
        Codes of scope, operation and template.
    many
        How many spans a row stands for.
    times
        Start, end and the smallest step of the times.
    limits
        The longest time that is none, and the longest gap, ns.

    Returns
    -------
    tuple
        For each row the layer around it, and the span that holds its time, -1 for none; and the rows that open the way
        for the call after them.
    """
    parent, child = tree
    service, system, address = who
    statement, action, collection = said
    start, end, step = times
    size = len(parent)
    around, timed, opens = np.full(size, -1, np.int64), np.full(size, -1, np.int64), np.zeros(size, np.bool_)
    calls, free = np.empty(len(child), np.int32), np.ones(len(child), np.bool_)
    count = 0
    for place in range(len(child)):
        row = child[place]
        if not data[row]:
            continue
        calls[count] = row
        count += 1
        if count < 2 or parent[calls[count - 2]] != parent[row]:
            continue
        before = calls[count - 2]
        if service[before] == service[row]:
            if child[place - 1] == before and statement[before] >= 0 and statement[row] < 0 and collection[row] < 0:
                lasted = end[before] - start[before]
                longer = end[row] - start[row] > lasted
                if lasted <= limits[0] and longer and start[row] - end[before] <= limits[1]:
                    timed[before] = row
            # A span that stands for many is those calls, though their statements were lost.
            if many[before] == 1 and statement[before] < 0 and action[before] < 0 and collection[before] < 0:
                names = statement[row] >= 0 or action[row] >= 0 or collection[row] >= 0
                # Taking a connection to one store opens no way to another; who names none may be either.
                one = system[before] == system[row] or system[before] < 0 or system[row] < 0
                here = address[before] == address[row] or address[before] < 0 or address[row] < 0
                opens[before] = names and one and here
        if what[2][row] < 0:
            continue
        layer = _layer_of(row, what)
        if layer == -1:
            continue
        for index in range(count - 2, max(count - 1 - _REACH, 0) - 1, -1):
            other = calls[index]
            if parent[other] != parent[row]:
                break
            if what[2][other] != what[2][row] or not free[index] or system[other] != system[row]:
                continue
            if service[other] != service[row] or many[other] != many[row]:
                continue
            # Two calls that one instrumentation records are two calls.
            if _layer_of(other, what) == layer or _layer_of(other, what) == -1:
                continue
            tolerance = max(step[row], 1)
            if start[other] <= start[row] + tolerance and end[row] <= end[other] + tolerance:
                around[row] = other
                free[index] = False
                break
    return around, timed, opens


@walker
def _layer_of(row: int, what: tuple[Int32s, Int32s, Int32s]) -> int:
    """Return the instrumentation of a row: its scope, else what it calls its operation; -1 for neither."""
    return int(what[0][row]) if what[0][row] >= 0 else -2 - int(what[1][row])
