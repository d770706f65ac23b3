"""Links as Zipkin shows them: openzipkin's ``DependencyLinker`` over the tree of its ``SpanNode.Builder``.

Server spans link from the nearest remote ancestor, client spans without children to the other side that they name,
messaging spans to their broker. Spans of kind internal are without a kind there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._kernels.critical_path import nearest_above
from analysis._kernels.parents import break_cycles, find_ancestry
from analysis._kernels.zipkin import link_spans, plant_spans
from analysis.forest import Forest
from analysis.links.edges import ASYNC, SYNC, Edges, Node

__all__ = ["COLUMNS", "edges"]

#: Columns that are read beside those of a forest.
COLUMNS: Final = ("peer_service",)

_INTERNAL, _SERVER, _CLIENT = (schema.KINDS.index(name) for name in ("internal", "server", "client"))
_MESSAGING: Final = tuple(schema.KINDS.index(name) for name in ("producer", "consumer"))


def edges(forest: Forest) -> Edges:
    """Find the links of a forest.

    Parameters
    ----------
    forest
        Planted with the columns of :data:`COLUMNS`.
    """
    size = forest.size
    kind = np.where(forest.kind == _INTERNAL, np.int8(0), forest.kind)
    span_id, parent_id = forest.array("span_id"), forest.array("parent_span_id")
    shared, order = _halves(forest, kind)
    parent, top = np.full(size, -1, np.int32), np.zeros(size, np.bool_)
    service, host = forest.service.codes, forest.codes("host").codes
    plant_spans(forest.trace_offset, order, span_id, parent_id, shared, service, host, parent, top)
    reached = _reached(forest, parent)
    names, remote = _names(forest)
    caller, callee, row = (np.empty(2 * size, np.int32) for _ in range(3))
    failed, backfilled = np.zeros(2 * size, np.bool_), np.zeros(2 * size, np.bool_)
    count = link_spans(
        parent,
        top,
        reached,
        nearest_above(parent, kind != 0),
        kind,
        service,
        remote,
        forest.error,
        span_id,
        parent_id,
        caller,
        callee,
        row,
        failed,
        backfilled,
    )
    caller, callee, row = caller[:count], callee[:count], row[:count]
    serves = np.isin(kind[row], (_SERVER, _MESSAGING[1])) & ~backfilled[:count]
    timed = forest.has_time[row] & ~backfilled[:count]
    return Edges(
        caller=caller,
        callee=callee,
        kind=np.where(np.isin(kind[row], _MESSAGING), ASYNC, SYNC).astype(np.int8),
        client=np.where(serves, -1, row).astype(np.int32),
        server=np.where(serves, row, -1).astype(np.int32),
        duration=np.where(timed, forest.duration[row], 0),
        timed=timed,
        error=failed[:count],
        nodes=tuple(Node(name, "service") for name in names),
    )


def _halves(forest: Forest, kind: NDArray[np.int8]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which rows are server halves, and the rows by trace, id, half, service and host.

    A server span with the id of a client span shares it, even where it does not say so (``Trace.merge``).
    """
    shared = forest.array("shared").astype(np.bool_)
    span_id, service, host = forest.array("span_id"), forest.service.codes, forest.codes("host").codes
    trace = forest.trace_of
    client_first = kind != _CLIENT
    order = np.lexsort((host, service, client_first, shared, span_id, trace))
    before, row = order[:-1], order[1:]
    backfill = (
        (trace[before] == trace[row])
        & (span_id[before] == span_id[row])
        & (kind[before] == _CLIENT)
        & (kind[row] == _SERVER)
    )
    shared[row[backfill]] = True
    return shared, np.lexsort((host, service, shared, span_id, trace))


def _reached(forest: Forest, parent: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the rows that are not in or below a cycle of parents; ``parent`` is without cycles on return.

    The linker walks down from the top of a trace and never meets them.
    """
    with_cycles = parent.copy()
    if break_cycles(parent, forest.has_time, forest.start) == 0:
        return np.ones(len(parent), np.bool_)
    depth, root = np.full(len(parent), -1, np.int32), np.full(len(parent), -1, np.int32)
    find_ancestry(parent, depth, root)
    cut = with_cycles != parent
    return np.asarray(~cut[root], np.bool_)


def _names(forest: Forest) -> tuple[list[str], NDArray[np.int32]]:
    """Return all names, and for every row the number of the other side's; -1 where it is unknown."""
    names = list(forest.service.values)
    numbers = {name: number for number, name in enumerate(names)}
    peer = forest.codes("peer_service")
    for name in peer.values:
        if name not in numbers:
            numbers[name] = len(names)
            names.append(name)
    lookup = np.array([*(numbers[name] for name in peer.values), -1], np.int32)
    return names, lookup[peer.codes]
