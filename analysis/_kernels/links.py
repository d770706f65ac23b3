"""Loops of the links between services: who calls out on whose behalf, and which of nested client spans is the call."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker

__all__ = [
    "claim_calls",
    "find_layers",
    "find_outgoing",
    "find_sources",
    "innermost_calls",
    "mark_nodes",
    "renumber_nodes",
    "settle_outer",
    "tell_halves",
]

#: How many calls back a layer around one is looked for: they lie close together, however many run at once.
_REACH: Final = 64


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
def find_sources(
    above: NDArray[np.int32],
    caller: NDArray[np.int32],
    service: NDArray[np.int32],
    outgoing: NDArray[np.int32],
    leaves: NDArray[np.bool_],
    names_queue: NDArray[np.bool_],
    receives: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Return who above every row may have sent it a message; -1 for nobody.

    ``above`` is the nearest ancestor of a known service that does not receive around a processing span, ``caller`` the
    nearest of all; ``leaves`` marks clients and producers. Whoever is called by one of another service that names the
    queue that it publishes to (``names_queue``) receives from there, whatever its kind: it is marked in ``receives``.
    """
    source = np.full(len(above), -1, np.int32)
    for row in range(len(above)):
        over = above[row]
        if over < 0:
            continue
        sender = outgoing[over]
        if sender >= 0 and leaves[sender]:
            source[row] = sender
        elif service[over] != service[row]:
            source[row] = over
        around = caller[row]
        if source[row] >= 0 and names_queue[source[row]] and service[row] >= 0 and service[around] != service[row]:
            receives[row] = True
    return source


@kernel
def mark_nodes(node: NDArray[np.int32], used: NDArray[np.bool_]) -> None:
    """Mark the nodes that calls lead from, or to."""
    for call in range(len(node)):
        used[node[call]] = True


@kernel
def renumber_nodes(node: NDArray[np.int32], order: NDArray[np.int64], number: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the nodes of calls in another order, by other numbers."""
    renumbered = np.empty(len(order), np.int32)
    for place in range(len(order)):
        renumbered[place] = number[node[order[place]]]
    return renumbered


@kernel
def tell_halves(
    client: NDArray[np.int32],
    server: NDArray[np.int32],
    has_time: NDArray[np.bool_],
    lasted: NDArray[np.int64],
    failed: NDArray[np.bool_],
    duration: NDArray[np.int64],
    timed: NDArray[np.bool_],
    error: NDArray[np.bool_],
) -> None:
    """Fill for each call its duration, the client's if that has a time; whether one has; and whether one failed.

    A half that was not seen is -1; ``duration``, ``timed`` and ``error`` are filled with zeros.
    """
    for call in range(len(client)):
        for row in (server[call], client[call]):
            if row < 0:
                continue
            error[call] |= failed[row]
            if has_time[row]:
                timed[call] = True
                duration[call] = lasted[row]


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
def innermost_calls(
    store: NDArray[np.bool_],
    extra: NDArray[np.bool_],
    statement: NDArray[np.int32],
    operation: NDArray[np.int32],
    collection: NDArray[np.int32],
    parent: NDArray[np.int32],
    service: NDArray[np.int32],
    system: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Return the rows that call a store and say for what, but for those right above another one of service and system.

    ``extra`` are left out, too.
    """
    size = len(store)
    data, around = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    count = 0
    for row in range(size):
        if store[row] and not extra[row] and (statement[row] >= 0 or operation[row] >= 0 or collection[row] >= 0):
            data[row] = True
            count += 1
    for row in range(size):
        above = parent[row]
        if not data[row] or above < 0 or not data[above] or around[above]:
            continue
        if service[above] == service[row] and system[above] == system[row]:
            around[above] = True
            count -= 1
    rows = np.empty(count, np.int64)
    count = 0
    for row in range(size):
        if data[row] and not around[row]:
            rows[count] = row
            count += 1
    return rows


@kernel
def find_layers(
    parent: NDArray[np.int32],
    child: NDArray[np.int32],
    data: NDArray[np.bool_],
    saying: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    store: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    layer: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    many: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    resolution: NDArray[np.int64],
    limits: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Find spans of data calls that stand beside another one of the same call.

    ``child`` are the children of all rows, those of one together and by start. ``saying`` are the codes of statement,
    operation and collection; ``store`` of service, system and address; ``layer`` of scope, operation of the span and
    template; negative where a row has none. ``limits`` are the longest time that is none, and the longest gap, ns.

    Returns for every row the one that records the same call around it, -1 for none; the one that follows at once and
    took the time of a statement on a span of no time, -1 for none; and whether it only opens the way for the next.

    One is recorded around another if it stands before it, asks for the same, is of another layer and encloses it in
    time: of another scope, or where none of the two names its scope, of another operation. Each stands around one call
    at most: the nearest before it that is free is taken.
    """
    size = len(parent)
    around, timed = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
    opens = np.zeros(size, np.bool_)
    rows = np.empty(len(child), np.int32)
    layers = np.empty(len(child), np.int64)
    taken = np.zeros(len(child), np.bool_)
    count = 0
    for place in range(len(child)):
        row = child[place]
        if not data[row]:
            continue
        if place > 0 and data[child[place - 1]] and parent[child[place - 1]] == parent[row]:
            _time_beside(child[place - 1], row, saying, store[0], start, end, limits, timed)
        scope, operation, template = layer[0][row], layer[1][row], layer[2][row]
        own = -1 if template < 0 else int(scope if scope >= 0 else -2 - operation)
        if count > 0 and parent[rows[count - 1]] == parent[row]:
            opens[rows[count - 1]] = _opens(rows[count - 1], row, saying, store, many)
            if own != -1:
                _claim(
                    row, own, count, parent, rows, layers, taken, store, layer[2], many, start, end, resolution, around
                )
        rows[count], layers[count] = row, own
        count += 1
    return around, timed, opens


@walker
def _claim(
    row: int,
    own: int,
    count: int,
    parent: NDArray[np.int32],
    rows: NDArray[np.int32],
    layers: NDArray[np.int64],
    taken: NDArray[np.bool_],
    store: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    template: NDArray[np.int32],
    many: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    resolution: NDArray[np.int64],
    around: NDArray[np.int64],
) -> None:
    """Take for a call the nearest one before it that records it too."""
    tolerance = max(resolution[row], 1)
    for place in range(count - 1, max(count - _REACH, 0) - 1, -1):
        other = rows[place]
        if parent[other] != parent[row]:
            return
        if taken[place] or layers[place] == own or layers[place] == -1:
            continue
        if template[other] != template[row] or store[1][other] != store[1][row]:
            continue
        if store[0][other] != store[0][row] or many[other] != many[row]:
            continue
        if start[other] <= start[row] + tolerance and end[row] <= end[other] + tolerance:
            around[row] = other
            taken[place] = True
            return


@walker
def _opens(
    first: int,
    second: int,
    saying: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    store: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    many: NDArray[np.int64],
) -> bool:
    """Return whether a call names nothing to do and the next of its service does.

    A span that stands for many is those calls, though their statements were lost. Taking a connection to one store
    opens no way to another; who names none may be either.
    """
    if store[0][first] != store[0][second] or many[first] != 1:
        return False
    for name in (store[1], store[2]):
        if name[first] != name[second] and name[first] >= 0 and name[second] >= 0:
            return False
    named = saying[0][first] >= 0 or saying[1][first] >= 0 or saying[2][first] >= 0
    return not named and bool(saying[0][second] >= 0 or saying[1][second] >= 0 or saying[2][second] >= 0)


@walker
def _time_beside(
    first: int,
    second: int,
    saying: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    service: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    limits: tuple[int, int],
    timed: NDArray[np.int64],
) -> None:
    """Note the second span as the time of the first, if that is a statement that took none and the second has none."""
    if service[first] != service[second] or saying[0][first] < 0 or saying[0][second] >= 0 or saying[2][second] >= 0:
        return
    lasted = end[first] - start[first]
    if lasted <= limits[0] and end[second] - start[second] > lasted and start[second] - end[first] <= limits[1]:
        timed[first] = second
