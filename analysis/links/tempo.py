"""Links as Grafana Tempo's service-graphs processor draws them.

- A client or producer span and the server or consumer span directly below it are a request; of several below one client
  the first.
- A call to a database is a request by itself: to the peer, the address, the database or the system that it names, in
  this order. An address counts only under its present name (``server.address``).
- A server or consumer span at the root of a trace is called by the peer that it names, else by ``user``.
- A client without server leads to the peer that it names; one that names none makes no edge, nor does a server whose
  client is missing.

Spans that name no service are passed over. Times are the client's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis.forest import Forest
from analysis.links.edges import ASYNC, DATA, SYNC, Calls, Edges, Node, join

__all__ = ["COLUMNS", "edges"]

#: Columns that are read beside those of a forest.
COLUMNS: Final = ("peer_service", "server_address", "db_system", "db_namespace", "old_conventions")
#: The processor's default peer attributes.
_PEER: Final = ("peer_service", "db_namespace", "db_system")

_SERVER, _CLIENT, _PRODUCER, _CONSUMER = (
    schema.KINDS.index(name) for name in ("server", "client", "producer", "consumer")
)


def edges(forest: Forest) -> Edges:
    """Find the requests in a forest.

    Parameters
    ----------
    forest
        Planted with the columns of :data:`COLUMNS`.
    """
    service, kind, parent = forest.service.codes, forest.kind, forest.parent
    places: dict[Node, int] = {}
    for name in forest.service.values:
        places[Node(name, "service")] = len(places)
    sends = (service >= 0) & ((kind == _CLIENT) | (kind == _PRODUCER))
    serves = (service >= 0) & ((kind == _SERVER) | (kind == _CONSUMER))

    system, database = forest.codes("db_system"), forest.codes("db_namespace")
    is_database = sends & ((system.codes >= 0) | (database.codes >= 0))
    by_address = ~forest.array("old_conventions").astype(np.bool_)
    named = {"peer_service": is_database, "server_address": is_database & by_address}
    store = _first_named(forest, {**named, "db_namespace": is_database, "db_system": is_database}, "database", places)
    stored = np.flatnonzero(store >= 0)

    answered = np.zeros(forest.size, np.bool_)
    server = np.flatnonzero(serves & (parent >= 0) & sends[parent] & (store[parent] < 0))
    # Rows are in order of start: the first of several is the one that completes the request.
    server = server[np.unique(parent[server], return_index=True)[1]]
    client = parent[server]
    answered[client] = True
    messages = (kind[client] == _PRODUCER) | (kind[server] == _CONSUMER)

    unanswered = sends & ~answered & (store < 0)
    peer = _first_named(forest, dict.fromkeys(_PEER, unanswered), "external", places)
    outside = np.flatnonzero(peer >= 0)
    entering = serves & (parent < 0) & ~forest.orphan
    entered = np.flatnonzero(entering)
    user = places.setdefault(Node("user", "user"), len(places))
    origin = _first_named(forest, dict.fromkeys(_PEER, entering), "external", places)[entered]
    parts = [
        _calls(service[client], service[server], np.where(messages, ASYNC, SYNC), client, server),
        _calls(service[stored], store[stored], DATA, stored, None),
        _calls(service[outside], peer[outside], SYNC, outside, None),
        _calls(np.where(origin >= 0, origin, user), service[entered], SYNC, None, entered),
    ]
    return join(forest, parts, places)


def _first_named(
    forest: Forest, columns: Mapping[str, NDArray[np.bool_]], kind: str, places: dict[Node, int]
) -> NDArray[np.int32]:
    """Return the node that the first column with a value names, for the rows that may take it; -1 elsewhere."""
    found = np.full(forest.size, -1, np.int32)
    for column, rows in columns.items():
        codes = forest.codes(column)
        open_rows = rows & (found < 0) & (codes.codes >= 0)
        for code in np.unique(codes.codes[open_rows]).tolist():
            name = codes.values[code]
            service = Node(name, "service")
            node = service if kind == "external" and service in places else Node(name, kind)
            found[open_rows & (codes.codes == code)] = places.setdefault(node, len(places))
    return found


def _calls(
    caller: NDArray[np.int32],
    callee: NDArray[np.int32],
    kind: int | NDArray[np.int64],
    client: NDArray[np.int64] | NDArray[np.int32] | None,
    server: NDArray[np.int64] | None,
) -> Calls:
    nobody = np.full(len(caller), -1, np.int32)
    return Calls(
        caller=caller.astype(np.int32),
        callee=callee.astype(np.int32),
        kind=np.full(len(caller), kind, np.int8),
        client=nobody if client is None else client.astype(np.int32),
        server=nobody if server is None else server.astype(np.int32),
    )
