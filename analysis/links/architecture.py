"""Links as an architect draws them: services, their stores, queues and topics, the outside, and the user.

- A call leads from a service to another through whatever local spans lie between. Spans without a service are passed
  through.
- Calls within one service, over the network, are kept apart: caller and callee are the same.
- A producer leads to its destination, the destination to its consumers; parents and span links join them. Where nobody
  names the destination, the producer's service leads to the consumer's.
- A client span without a server below it leads to the store that it names, else to the peer or address. Of nested
  client spans of one service the outer one is the call; of nested calls to one store system the inner one.
- A server span at the root of a trace is called by the user, or by the peer it names.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._kernels.links import claim_calls, settle_outer
from analysis.forest import Forest
from analysis.links import layers, naming
from analysis.links.edges import ASYNC, DATA, SYNC, Calls, Edges, Node, join
from analysis.links.messaging import Messages, follow_messages
from analysis.links.references import References, find_references
from analysis.links.roles import Roles

__all__ = ["COLUMNS", "Edges", "Node", "edges"]

#: Columns that are read beside those of a forest.
COLUMNS: Final = tuple(dict.fromkeys((*naming.COLUMNS, *layers.COLUMNS, "messaging_operation", "links")))

_SERVER, _CLIENT, _PRODUCER, _CONSUMER = (
    schema.KINDS.index(name) for name in ("server", "client", "producer", "consumer")
)


def edges(forest: Forest) -> Edges:
    """Find the calls in a forest.

    Parameters
    ----------
    forest
        Planted with the columns of :data:`COLUMNS`.
    """
    roles = Roles(forest)
    table = naming.NodeTable(forest)
    references = find_references(forest)
    messages = follow_messages(roles, table, references)
    calls = _direct_calls(roles, messages)
    linked = _linked_calls(roles, messages, references)
    settled = messages.settled.copy()
    for part in (calls, linked):
        settled[part.client[part.client >= 0]] = True
    settle_outer(roles.order, roles.enclosing, settled)
    parts = [calls, linked, *messages.calls, *_virtual_calls(roles, table, messages, settled), _entries(roles, table)]
    return join(forest, parts, table.places)


def _direct_calls(roles: Roles, messages: Messages) -> Calls:
    """Return calls whose two halves are joined by parents, messages apart."""
    forest = roles.forest
    kind, caller, service = forest.kind, roles.caller, forest.service.codes
    crosses = roles.named & (caller >= 0) & ~roles.same_service
    to_itself = roles.same_service & (kind == _SERVER) & ((kind[caller] == _CLIENT) | (kind[caller] == _PRODUCER))
    server = np.flatnonzero((crosses | to_itself) & ~messages.received)
    server = server[_first_halves(roles, server)]
    client = roles.outgoing[caller[server]]
    apart = forest.array("asynchronous")[server].astype(np.bool_) | ((client >= 0) & (kind[client] == _PRODUCER))
    return Calls(
        caller=service[caller[server]],
        callee=service[server],
        kind=np.where(apart, ASYNC, SYNC).astype(np.int8),
        client=client,
        server=server.astype(np.int32),
    )


def _first_halves(roles: Roles, server: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the rows called from another service are the other half: of one client span, the server spans.

    Where a service records none, all that it does for one client span is one call.
    """
    forest = roles.forest
    client = roles.outgoing[roles.caller[server]]
    serves = (forest.kind[server] == _SERVER) | (forest.kind[server] == _CONSUMER)
    wide = np.int64(len(forest.service.values) + 1)
    call = client.astype(np.int64) * wide + forest.service.codes[server]
    weak = np.flatnonzero(~serves & (client >= 0) & (forest.kind[client] == _CLIENT))
    first = np.ones(len(server), np.bool_)
    if not len(weak):
        return first
    first[weak] = False
    alone = weak[~np.isin(call[weak], call[serves])]
    first[alone[np.unique(call[alone], return_index=True)[1]]] = True
    return first


def _linked_calls(roles: Roles, messages: Messages, references: References) -> Calls:
    """Return calls whose two halves are joined by span links, messages apart."""
    service = roles.forest.service.codes
    row, target = references.row, references.target
    known = roles.named[row] & roles.named[target] & (service[row] != service[target])
    above = roles.caller[row]
    again = (above == target) | ((above >= 0) & (roles.outgoing[above] == target))
    wanted = known & ~again & ~messages.received[row]
    row, target, waits = row[wanted], target[wanted], references.waits[wanted]
    return Calls(
        caller=service[target],
        callee=service[row],
        kind=np.where(waits, SYNC, ASYNC).astype(np.int8),
        client=np.where(roles.outward[target], target, -1).astype(np.int32),
        server=row.astype(np.int32),
    )


def _virtual_calls(
    roles: Roles, table: naming.NodeTable, messages: Messages, settled: NDArray[np.bool_]
) -> list[Calls]:
    """Return calls of which only the client's half was seen."""
    forest = roles.forest
    data = roles.data & roles.named & ~settled & ~_recorded_twice(forest)
    rows = np.flatnonzero(data)
    above = forest.parent[rows]
    system, service = forest.codes("db_system").codes, forest.service.codes
    inner = (above >= 0) & data[above] & (service[above] == service[rows]) & (system[above] == system[rows])
    data[above[inner]] = False
    others = (forest.kind == _CLIENT) & roles.named & ~settled & ~roles.data & ~messages.published & ~messages.received
    peer = np.full(forest.size, -1, np.int32)
    others_rows = np.flatnonzero(others)
    peer[others_rows] = table.peers(others_rows)
    claimed = claim_calls(
        roles.order,
        roles.enclosing,
        data | messages.published | (others & (peer >= 0)),
        data | messages.published,
    )
    stores = np.flatnonzero(claimed & data)
    outside = np.flatnonzero(claimed & others)
    return [
        _one_half(forest, stores, table.stores(stores), DATA),
        _one_half(forest, outside, peer[outside], SYNC),
    ]


def _recorded_twice(forest: Forest) -> NDArray[np.bool_]:
    """Mark layers that stand beside another's span of the same call to a store: of two, the one that says how long.

    Where a statement stands beside the span with its time, it is the statement that is passed over, unless it alone
    says which store is meant.
    """
    found = layers.layers_of(forest)
    twice = found.extra.copy()
    stated = np.flatnonzero(found.timed >= 0)
    beside = found.timed[stated]
    parts = [forest.codes(name).codes for name in ("db_system", "server_address", "db_namespace")]
    same = np.logical_and.reduce([part[stated] == part[beside] for part in parts])
    twice[beside[same]], twice[stated[same]] = False, True
    return twice


def _one_half(forest: Forest, client: NDArray[np.int64], callee: NDArray[np.int32], kind: int) -> Calls:
    return Calls(
        caller=forest.service.codes[client],
        callee=callee,
        kind=np.full(len(client), kind, np.int8),
        client=client.astype(np.int32),
        server=np.full(len(client), -1, np.int32),
    )


def _entries(roles: Roles, table: naming.NodeTable) -> Calls:
    """Return calls that come from outside: to server spans without a caller."""
    forest = roles.forest
    server = np.flatnonzero(roles.named & (forest.kind == _SERVER) & (roles.caller < 0))
    peer = _peers_of_servers(forest, table, server)
    by_user = (peer < 0) & ~forest.orphan[forest.root[server]]
    if by_user.any():
        peer[by_user] = table.add(Node("user", "user"))
    server, caller = server[peer >= 0], peer[peer >= 0]
    return Calls(
        caller=caller,
        callee=forest.service.codes[server],
        kind=np.full(len(server), SYNC, np.int8),
        client=np.full(len(server), -1, np.int32),
        server=server.astype(np.int32),
    )


def _peers_of_servers(forest: Forest, table: naming.NodeTable, server: NDArray[np.int64]) -> NDArray[np.int32]:
    # Only the peer: a server's address is its own.
    codes = forest.codes("peer_service")
    places = np.array([*(-1 for _ in codes.values), -1], np.int32)
    for code in np.unique(codes.codes[server]).tolist():
        if code >= 0:
            places[code] = table.add(Node(codes.values[code], "external"))
    return places[codes.codes[server]]
