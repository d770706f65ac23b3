"""Loops of Zipkin's dependency linker: its tree of spans, and the links along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["link_spans", "plant_spans"]

# A span's kind as the linker sees it.
_NONE, _SERVER, _CLIENT, _PRODUCER, _CONSUMER = 0, 2, 3, 4, 5


@kernel
def _place_of(
    order: NDArray[np.int64],
    first: int,
    last: int,
    wanted_id: np.uint64,
    wanted_shared: bool,
    wanted_service: int,
    wanted_host: int,
    span_id: NDArray[np.uint64],
    shared: NDArray[np.bool_],
    service: NDArray[np.int32],
    host: NDArray[np.int32],
) -> int:
    """Find a row of a trace by id and half, a server half by service and host too; -1 where there is none.

    The rows are sorted by all of these; of several the last is returned.
    """
    low, high = first, last
    while low < high:
        middle = (low + high) >> 1
        row = order[middle]
        if span_id[row] != wanted_id:
            beyond = span_id[row] > wanted_id
        elif shared[row] != wanted_shared:
            beyond = shared[row]
        elif not wanted_shared:
            beyond = False
        elif service[row] != wanted_service:
            beyond = service[row] > wanted_service
        else:
            beyond = host[row] > wanted_host
        if beyond:
            high = middle
        else:
            low = middle + 1
    if low == first:
        return -1
    row = order[low - 1]
    if span_id[row] != wanted_id or shared[row] != wanted_shared:
        return -1
    if wanted_shared and (service[row] != wanted_service or host[row] != wanted_host):
        return -1
    return int(row)


@kernel
def plant_spans(
    trace_offset: NDArray[np.int64],
    order: NDArray[np.int64],
    span_id: NDArray[np.uint64],
    parent_id: NDArray[np.uint64],
    shared: NDArray[np.bool_],
    service: NDArray[np.int32],
    host: NDArray[np.int32],
    parent: NDArray[np.int32],
    top: NDArray[np.bool_],
) -> None:
    """Fill the parent of every row as ``SpanNode.Builder`` finds it; -1 for what hangs from nothing.

    ``order`` has the rows of every trace by id, client halves first, service and host. The first row without a parent
    id is the ``top``; what names no parent that is there hangs from it. A server half hangs from the client half of its
    id; a child from the server half of its own service, else from the client half.
    """
    for trace in range(len(trace_offset) - 1):
        first, last = trace_offset[trace], trace_offset[trace + 1]
        root = np.int64(-1)
        for place in range(first, last):
            row = order[place]
            if not shared[row] and (parent_id[row] == np.uint64(0) or parent_id[row] == span_id[row]):
                root = row
                top[row] = True
                break
        for place in range(first, last):
            row = order[place]
            found = -1
            if shared[row]:
                found = _place_of(order, first, last, span_id[row], False, -1, -1, span_id, shared, service, host)
            elif parent_id[row] != np.uint64(0) and parent_id[row] != span_id[row]:
                wanted = parent_id[row]
                found = _place_of(
                    order, first, last, wanted, True, service[row], host[row], span_id, shared, service, host
                )
                if found < 0:
                    found = _place_of(order, first, last, wanted, False, -1, -1, span_id, shared, service, host)
            if row != root:
                parent[row] = found if found >= 0 else root


@kernel
def link_spans(
    parent: NDArray[np.int32],
    top: NDArray[np.bool_],
    reached: NDArray[np.bool_],
    remote_above: NDArray[np.int32],
    kind: NDArray[np.int8],
    local: NDArray[np.int32],
    remote: NDArray[np.int32],
    error: NDArray[np.bool_],
    span_id: NDArray[np.uint64],
    parent_id: NDArray[np.uint64],
    caller: NDArray[np.int32],
    callee: NDArray[np.int32],
    row_of: NDArray[np.int32],
    failed: NDArray[np.bool_],
    backfilled: NDArray[np.bool_],
) -> int:
    """Fill the links of ``DependencyLinker.putTrace``, at most two a span; return how many there are.

    ``local`` and ``remote`` number the names of both ends, -1 where unknown; ``remote_above`` is the nearest ancestor
    with a kind.
    """
    has_children = np.zeros(len(parent), np.bool_)
    for row in range(len(parent)):
        if parent[row] >= 0:
            has_children[parent[row]] = True
    count = 0
    for row in range(len(parent)):
        own, other, role = local[row], remote[row], kind[row]
        if not reached[row] or (role == _CLIENT and has_children[row]):
            continue
        if role == _NONE:
            if own < 0 or other < 0:
                continue
            role = _CLIENT
        serves = role in (_SERVER, _CONSUMER)
        above, below = (other, own) if serves else (own, other)
        if serves and top[row] and above < 0:
            continue
        is_error = error[row]
        ancestor = remote_above[row]
        if role not in (_PRODUCER, _CONSUMER) and ancestor >= 0 and local[ancestor] >= 0:
            # Some client spans are recorded under the name of the other side: a link leads to it from the ancestor.
            if role == _CLIENT and own >= 0 and local[ancestor] != own:
                caller[count], callee[count], row_of[count] = local[ancestor], own, row
                backfilled[count] = True
                count += 1
            if role == _SERVER or above < 0:
                above = local[ancestor]
            # Of a call in two spans only the server's is looked at: the client's failure is the call's too.
            if kind[ancestor] == _CLIENT and parent_id[row] != np.uint64(0) and parent_id[row] == span_id[ancestor]:
                is_error = is_error or error[ancestor]
        if above < 0 or below < 0:
            continue
        caller[count], callee[count], row_of[count] = above, below, row
        failed[count] = is_error
        count += 1
    return count
