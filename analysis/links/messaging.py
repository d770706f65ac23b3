"""Messages: producer → destination → consumer, joined by parents and by span links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from analysis import schema
from analysis._kernels.critical_path import nearest_above
from analysis._kernels.links import find_sources
from analysis.links.edges import ASYNC, Calls

if TYPE_CHECKING:
    from analysis.forest import Forest
    from analysis.links.naming import NodeTable
    from analysis.links.references import References
    from analysis.links.roles import Roles

__all__ = ["Messages", "follow_messages"]

_SERVER, _CLIENT, _PRODUCER, _CONSUMER = (
    schema.KINDS.index(name) for name in ("server", "client", "producer", "consumer")
)
#: What a client span may do at a broker, beside publishing, as `messaging.operation` has named it over the years.
_RECEIVING: Final = frozenset({"receive", "poll", "process", "deliver", "consume", "peek"})
_KEEPING_HOUSE: Final = frozenset({"settle", "ack", "nack", "complete", "abandon", "commit", "create_queue", "delete"})


@dataclass(frozen=True, eq=False)
class Messages:
    """What messages add to the links.

    Attributes
    ----------
    published
        Rows that publish to a destination.
    received
        Rows that receive: no direct call leads to them.
    settled
        Rows whose call is told by the messages.
    calls
        The calls.
    """

    published: NDArray[np.bool_]
    received: NDArray[np.bool_]
    settled: NDArray[np.bool_]
    calls: tuple[Calls, ...]


def follow_messages(roles: Roles, table: NodeTable, references: References) -> Messages:
    """Follow messages from their producers through destinations to their consumers."""
    forest = roles.forest
    publishes, receives = _by_own_word(roles)
    queue = np.full(forest.size, -1, np.int32)
    speaking = np.flatnonzero(publishes | receives)
    queue[speaking] = table.queues(speaking)

    # A receiving span around a processing one is the same delivery.
    above = roles.caller
    outer = np.zeros(forest.size, np.bool_)
    inner = np.flatnonzero(receives)
    inner = inner[roles.same_service[inner] & receives[above[inner]]]
    outer[above[inner]] = True
    source = _sources(roles, outer, publishes & (queue >= 0), receives)
    told = receives & ~outer

    linked = told[references.row] & roles.named[references.target]
    link_row, link_target = references.row[linked], references.target[linked]
    _pass_on(queue, told, source, publishes, link_row, link_target)

    consumers = np.flatnonzero(told & (queue >= 0))
    published = publishes | _implied(roles, told, queue, source, publishes)
    published &= roles.named
    published[_repeats(roles, published, queue)] = False
    producers = np.flatnonzero(published & (queue >= 0))
    service = forest.service.codes
    direct = _without_destination(roles, told & (queue < 0), source, link_row, link_target)
    settled = np.zeros(forest.size, np.bool_)
    settled[direct.client[direct.client >= 0]] = True
    return Messages(
        published=published & (queue >= 0),
        received=receives,
        settled=settled,
        calls=(
            _half(service[producers], queue[producers], client=producers),
            _half(queue[consumers], service[consumers], server=consumers),
            direct,
        ),
    )


def _by_own_word(roles: Roles) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return who publishes and who receives, as kinds and operations say."""
    forest = roles.forest
    kind = forest.kind
    asking = np.flatnonzero(forest.codes("category").equal("messaging") & (kind == _CLIENT))
    operation = forest.codes("messaging_operation")
    words = [value.lower() for value in operation.values]
    said = operation.codes[asking]
    receiving = np.array([*(word in _RECEIVING for word in words), False], np.bool_)[said]
    idle = np.array([*(word in _KEEPING_HOUSE for word in words), False], np.bool_)[said]
    publishes, receives = kind == _PRODUCER, kind == _CONSUMER
    publishes[asking[~receiving & ~idle]] = True
    receives[asking[receiving]] = True
    return publishes & roles.named, receives & roles.named


def _sources(
    roles: Roles, outer: NDArray[np.bool_], names_queue: NDArray[np.bool_], receives: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Return who above every row may have sent the message, past receiving spans; -1 for nobody.

    Whoever is called by a producer that names its destination receives from there, whatever its kind: it is marked.
    """
    forest = roles.forest
    above = nearest_above(forest.parent, roles.named & ~outer) if outer.any() else roles.caller
    leaves = forest.of_kind((_CLIENT, _PRODUCER))
    return find_sources(above, roles.caller, forest.service.codes, roles.outgoing, leaves, names_queue, receives)


def _pass_on(
    queue: NDArray[np.int32],
    told: NDArray[np.bool_],
    source: NDArray[np.int32],
    publishes: NDArray[np.bool_],
    link_row: NDArray[np.int64],
    link_target: NDArray[np.int64],
) -> None:
    """Let consumers that name no destination take their producer's, and producers that of their first consumer."""
    consumers = np.flatnonzero(told & (source >= 0))
    by_parent = consumers[publishes[source[consumers]]]
    row = np.concatenate([by_parent, link_row[publishes[link_target]]])
    producer = np.concatenate([source[by_parent].astype(np.int64), link_target[publishes[link_target]]])
    for taker, giver in ((row, producer), (producer, row)):
        wanting = (queue[taker] < 0) & (queue[giver] >= 0)
        # The first of several writes counts: assignment in reverse order leaves it last.
        queue[taker[wanting][::-1]] = queue[giver[wanting][::-1]]


def _implied(
    roles: Roles,
    told: NDArray[np.bool_],
    queue: NDArray[np.int32],
    source: NDArray[np.int32],
    publishes: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return spans of another service right above a consumer: where no producer's span is, they published."""
    implied = np.zeros(len(queue), np.bool_)
    service = roles.forest.service.codes
    consumers = np.flatnonzero(told & (queue >= 0) & (source >= 0))
    senders = source[consumers]
    apart = ~publishes[senders] & (service[senders] != service[consumers])
    queue[senders[apart][::-1]] = queue[consumers[apart][::-1]]
    implied[senders[apart]] = True
    return implied


def _repeats(roles: Roles, published: NDArray[np.bool_], queue: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the publishing spans inside another span of their service that publishes to the same destination."""
    rows = np.flatnonzero(published)
    around = roles.enclosing[rows]
    named = queue[rows]
    repeated: NDArray[np.bool_] = (around >= 0) & published[around] & ((queue[around] == named) | (named < 0))
    return np.asarray(rows[repeated], np.int64)


def _without_destination(
    roles: Roles,
    lost: NDArray[np.bool_],
    source: NDArray[np.int32],
    link_row: NDArray[np.int64],
    link_target: NDArray[np.int64],
) -> Calls:
    """Return calls from service to service where nobody names the destination."""
    forest: Forest = roles.forest
    service = forest.service.codes
    consumers = np.flatnonzero(lost & (source >= 0))
    linked = lost[link_row] & (source[link_row] != link_target)
    row = np.concatenate([consumers, link_row[linked]])
    sender = np.concatenate([source[consumers].astype(np.int64), link_target[linked]])
    return Calls(
        caller=service[sender],
        callee=service[row],
        kind=np.full(len(row), ASYNC, np.int8),
        client=np.where(roles.outward[sender], sender, -1).astype(np.int32),
        server=row.astype(np.int32),
    )


def _half(
    caller: NDArray[np.int32],
    callee: NDArray[np.int32],
    client: NDArray[np.int64] | None = None,
    server: NDArray[np.int64] | None = None,
) -> Calls:
    nobody = np.full(len(caller), -1, np.int32)
    return Calls(
        caller=caller,
        callee=callee,
        kind=np.full(len(caller), ASYNC, np.int8),
        client=nobody if client is None else client.astype(np.int32),
        server=nobody if server is None else server.astype(np.int32),
    )
