"""From the ids of spans to a forest: who is whose parent, and what is below whom.

All loops are linear in the number of rows, whatever the shape: no recursion, no search through siblings.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = [
    "break_cycles",
    "find_ancestry",
    "list_children",
    "mark_blocking",
    "order_downwards",
    "resolve_parents",
]

# What an entry of a trace's hash table is found by. Spans of a trace without shared spans have the first kind of entry
# only.
_CLIENT: Final = 0  # id of a span that is not the server half of another
_SERVER: Final = 1  # id of a server half
_CLIENT_OF_SERVICE: Final = 2  # the same with the service
_SERVER_OF_SERVICE: Final = 3
_SERVER_ON_HOST: Final = 4  # the same with service and host
_KIND_BITS: Final = 3

# splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): ids that count upwards or
# have constant bits spread as well as random ones.
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


@kernel
def _slot(
    table: NDArray[np.int64],
    mask: np.uint64,
    kind: int,
    wanted_id: np.uint64,
    wanted_service: int,
    wanted_clock: int,
    span_id: NDArray[np.uint64],
    service: NDArray[np.int32],
    clock: NDArray[np.int32],
) -> int:
    """Return the place of a key in the hash table: where its row stands, else the empty place for it."""
    mixed = wanted_id + np.uint64(kind + 1) * _STEP
    if kind >= _CLIENT_OF_SERVICE:
        mixed ^= np.uint64(wanted_service + 1) * _MIX_1
    if kind == _SERVER_ON_HOST:
        mixed ^= np.uint64(wanted_clock + 1) * _MIX_2
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    place = (mixed ^ (mixed >> np.uint64(31))) & mask
    while True:
        entry = table[place]
        if entry < 0:
            return int(place)
        if entry & ((1 << _KIND_BITS) - 1) == kind:
            row = entry >> _KIND_BITS
            if (
                span_id[row] == wanted_id
                and (kind < _CLIENT_OF_SERVICE or service[row] == wanted_service)
                and (kind < _SERVER_ON_HOST or clock[row] == wanted_clock)
            ):
                return int(place)
        place = (place + np.uint64(1)) & mask


@kernel
def resolve_parents(
    trace_offset: NDArray[np.int64],
    span_id: NDArray[np.uint64],
    parent_span_id: NDArray[np.uint64],
    shared: NDArray[np.bool_],
    service: NDArray[np.int32],
    clock: NDArray[np.int32],
    parent: NDArray[np.int32],
    orphan: NDArray[np.bool_],
) -> int:
    """Fill ``parent`` (-1 is none) and ``orphan`` (the parent named is not there); return how many name themselves.

    An id may stand for two spans: a client's, and the server half that shares it (Zipkin). The server half hangs under
    the client half, where that is there. Who names such an id hangs under, in this order: the server half of its own
    service and host, the server half of its own service, the client half of its own service, the server half, the
    client half (as in Zipkin's ``SpanNode.Builder``, which compares endpoints; there the last two are the other way
    round, but what a server half propagates is its own context). Where ids collide all the same, the lowest row is
    taken.
    """
    table = np.full(1024, -1, np.int64)
    named_themselves = 0
    for trace in range(len(trace_offset) - 1):
        first, last = trace_offset[trace], trace_offset[trace + 1]
        halves = False
        for row in range(first, last):
            if shared[row]:
                halves = True
                break
        needed = 2 * (last - first) * (3 if halves else 1)
        capacity = 16
        while capacity < needed:
            capacity *= 2
        if capacity > len(table):
            table = np.full(capacity, -1, np.int64)
        else:
            table[:capacity] = -1
        mask = np.uint64(capacity - 1)
        for row in range(first, last):
            own, name, place_of = span_id[row], service[row], clock[row]
            kinds = (_SERVER, _SERVER_OF_SERVICE, _SERVER_ON_HOST) if shared[row] else (_CLIENT, _CLIENT_OF_SERVICE, -1)
            for kind in kinds:
                if kind < 0 or (kind >= _CLIENT_OF_SERVICE and not halves):
                    continue
                slot = _slot(table, mask, kind, own, name, place_of, span_id, service, clock)
                if table[slot] < 0:
                    table[slot] = (row << _KIND_BITS) | kind
        for row in range(first, last):
            wanted, name, place_of = parent_span_id[row], service[row], clock[row]
            found = np.int64(-1)
            if shared[row]:
                found = table[_slot(table, mask, _CLIENT, span_id[row], name, place_of, span_id, service, clock)]
            if found < 0 and wanted == np.uint64(0):
                continue
            if found < 0 and wanted == span_id[row]:
                named_themselves += 1
                continue
            if halves and found < 0:
                if name >= 0:
                    for kind in (_SERVER_ON_HOST, _SERVER_OF_SERVICE, _CLIENT_OF_SERVICE):
                        if found < 0:
                            found = table[_slot(table, mask, kind, wanted, name, place_of, span_id, service, clock)]
                if found < 0:
                    found = table[_slot(table, mask, _SERVER, wanted, name, place_of, span_id, service, clock)]
            if found < 0:
                found = table[_slot(table, mask, _CLIENT, wanted, name, place_of, span_id, service, clock)]
            if found < 0:
                orphan[row] = True
            else:
                parent[row] = found >> _KIND_BITS
    return named_themselves


@kernel
def break_cycles(parent: NDArray[np.int32], has_time: NDArray[np.bool_], start: NDArray[np.int64]) -> int:
    """Make one row of every cycle of parents a root; return how many cycles there were.

    It is the row that starts first, of those with a time; then the lowest row.
    """
    seen_by = np.zeros(len(parent), np.int32)
    broken = 0
    for row in range(len(parent)):
        walk = row + 1
        above = row
        while above >= 0 and seen_by[above] == 0:
            seen_by[above] = walk
            above = parent[above]
        if above < 0 or seen_by[above] != walk:
            continue
        chosen = above
        other = parent[above]
        while other != above:
            if has_time[other] != has_time[chosen]:
                better = has_time[other]
            elif has_time[other] and start[other] != start[chosen]:
                better = start[other] < start[chosen]
            else:
                better = other < chosen
            if better:
                chosen = other
            other = parent[other]
        parent[chosen] = -1
        broken += 1
    return broken


@kernel
def find_ancestry(parent: NDArray[np.int32], depth: NDArray[np.int32], root: NDArray[np.int32]) -> None:
    """Fill ``depth`` (-1 on entry; 0 for a root) and ``root`` (row of the top ancestor). There must be no cycles."""
    for row in range(len(parent)):
        steps = 0
        above = row
        while depth[above] < 0 and parent[above] >= 0:
            above = parent[above]
            steps += 1
        if depth[above] < 0:
            depth[above] = 0
            root[above] = above
        below, level, top = row, depth[above] + steps, root[above]
        while below != above:
            depth[below] = level
            root[below] = top
            level -= 1
            below = parent[below]


@kernel
def list_children(
    parent: NDArray[np.int32],
    order: NDArray[np.int64],
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
) -> None:
    """Fill the children of every row i, in the order given: ``child[child_offset[i]:child_offset[i + 1]]``."""
    size = len(parent)
    child_offset[:] = 0
    for row in range(size):
        if parent[row] >= 0:
            child_offset[parent[row] + 1] += 1
    for row in range(size):
        child_offset[row + 1] += child_offset[row]
    free = child_offset[:size].copy()
    for place in range(size):
        row = order[place]
        above = parent[row]
        if above >= 0:
            child[free[above]] = row
            free[above] += 1


@kernel
def order_downwards(
    trace_offset: NDArray[np.int64], parent: NDArray[np.int32], depth: NDArray[np.int32], order: NDArray[np.int32]
) -> None:
    """Fill the rows of each trace so that parents come before their children: as a rule they lie so already.

    What belongs together stays together: by depth over all traces, every step would wait for memory.
    """
    deepest = np.int32(0)
    for row in range(len(depth)):
        deepest = max(deepest, depth[row])
    place = np.zeros(deepest + 2, np.int64)
    for trace in range(len(trace_offset) - 1):
        begin, end = trace_offset[trace], trace_offset[trace + 1]
        lies_so = True
        for row in range(begin, end):
            order[row] = row
            lies_so = lies_so and parent[row] < row
        if lies_so:
            continue
        lowest = np.int32(0)
        for row in range(begin, end):
            place[depth[row] + 1] += 1
            lowest = max(lowest, depth[row])
        place[0] = begin
        for level in range(lowest + 1):
            place[level + 1] += place[level]
        for row in range(begin, end):
            order[place[depth[row]]] = row
            place[depth[row]] += 1
        place[: lowest + 2] = 0


@kernel
def mark_blocking(
    parent: NDArray[np.int32], kind: NDArray[np.int8], asynchronous: NDArray[np.bool_], producer: int, consumer: int
) -> NDArray[np.bool_]:
    """Return whether the parent of each row waits for it: it is no consumer, not asynchronous, its parent no producer.

    True for roots that are neither.
    """
    blocking = np.empty(len(parent), np.bool_)
    for row in range(len(parent)):
        above = parent[row]
        published = above >= 0 and kind[above] == producer
        blocking[row] = not (published or asynchronous[row] or kind[row] == consumer)
    return blocking
