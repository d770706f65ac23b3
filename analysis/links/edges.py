"""Calls seen in a forest, and the nodes that they lead from and to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.grouping import order_groups
from analysis._kernels.links import mark_nodes, renumber_nodes, tell_halves
from analysis.forest import Forest

__all__ = ["EDGE_KINDS", "NODE_KINDS", "Calls", "Edges", "Node", "join"]

EDGE_KINDS: Final = ("sync", "async", "data")
NODE_KINDS: Final = ("user", "service", "queue", "cache", "database", "external")
SYNC, ASYNC, DATA = range(3)


@dataclass(frozen=True, order=True)
class Node:
    """One end of a call.

    Attributes
    ----------
    id
        Name of a service; ``system://host:port/namespace`` of a store, without what is not known;
        ``system://destination`` of a queue or topic; name or address of something outside; "user".
    kind
        One of :data:`NODE_KINDS`.
    """

    id: str
    kind: str


@dataclass(frozen=True, eq=False)
class Edges:
    """Calls seen in a forest: arrays of one length, with an entry a call.

    Attributes
    ----------
    caller, callee
        Place in ``nodes``.
    kind
        Place in :data:`EDGE_KINDS`: the caller waits, it does not, or it is a call to a store.
    client, server
        Rows of the two halves of the call; -1 where there is none. One of them there always is.
    duration
        The client's, else the server's; ns; 0 where neither has a time.
    timed
        One of them has a time.
    error
        The client's span failed or the server's did.
    nodes
        In order of id and kind.
    """

    caller: NDArray[np.int32]
    callee: NDArray[np.int32]
    kind: NDArray[np.int8]
    client: NDArray[np.int32]
    server: NDArray[np.int32]
    duration: NDArray[np.int64]
    timed: NDArray[np.bool_]
    error: NDArray[np.bool_]
    nodes: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Calls:
    """Some calls, before they are joined with others: nodes have places in a table that is only sorted at the end."""

    caller: NDArray[np.int32]
    callee: NDArray[np.int32]
    kind: NDArray[np.int8]
    client: NDArray[np.int32]
    server: NDArray[np.int32]


def join(forest: Forest, parts: Sequence[Calls], places: Mapping[Node, int]) -> Edges:
    """Join calls to edges, in order of their rows and then of the parts, and sort the nodes that they use.

    Parameters
    ----------
    forest
        Whose rows they are.
    parts
        Calls.
    places
        Place of every node that they may use.
    """
    caller, callee, kind, client, server = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("caller", "callee", "kind", "client", "server")
    )
    shown = np.where(client >= 0, client, server).astype(np.int32)
    by_row = np.empty(len(shown), np.int64)
    order_groups(shown, np.zeros(forest.size + 1, np.int64), by_row)
    client, server = (half[by_row].astype(np.int32, copy=False) for half in (client, server))
    used = np.zeros(len(places), np.bool_)
    mark_nodes(caller, used)
    mark_nodes(callee, used)
    nodes = tuple(sorted(node for node, place in places.items() if used[place]))
    renumbered = np.full(len(places) + 1, -1, np.int32)
    renumbered[[places[node] for node in nodes]] = np.arange(len(nodes), dtype=np.int32)
    size = len(client)
    duration, timed, error = np.zeros(size, np.int64), np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    tell_halves(client, server, forest.has_time, forest.duration, forest.error, duration, timed, error)
    return Edges(
        caller=renumber_nodes(caller, by_row, renumbered),
        callee=renumber_nodes(callee, by_row, renumbered),
        kind=kind[by_row].astype(np.int8),
        client=client,
        server=server,
        duration=duration,
        timed=timed,
        error=error,
        nodes=nodes,
    )
