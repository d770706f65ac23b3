"""What is on the other side of a call: rows → nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.grouping import fold_rows, number_by_hash
from analysis.forest import Codes, Forest
from analysis.links.edges import Node
from analysis.stores import store_id

__all__ = ["COLUMNS", "NodeTable"]

#: Columns that name the other side.
COLUMNS = (
    "category",
    "peer_service",
    "server_address",
    "server_port",
    "db_system",
    "db_namespace",
    "messaging_system",
    "messaging_destination",
)

#: Numbers of combinations stay below it.
_WIDEST = 1 << 62


class NodeTable:
    """The nodes of one forest. A service's place is the code of its name.

    Parameters
    ----------
    forest
        Planted with :data:`COLUMNS`.
    """

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self.places: dict[Node, int] = {}
        for name in forest.service.values:
            self.add(Node(name, "service"))

    def add(self, node: Node) -> int:
        """Return the place of a node; what is outside and has the name of a service seen here is that service."""
        if node.kind == "external" and (service := Node(node.id, "service")) in self.places:
            return self.places[service]
        return self.places.setdefault(node, len(self.places))

    def stores(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the store that each row calls; named after the peer where neither host nor database is known."""
        forest = self._forest

        def name(texts: tuple[str, ...], numbers: tuple[int, ...]) -> Node:
            category, system, address, namespace, peer = texts
            store = store_id(system, address, numbers[0], namespace, peer)
            return Node(store, "cache" if category == "cache" else "database")

        names = ("category", "db_system", "server_address", "db_namespace", "peer_service")
        return self._named(rows, [forest.codes(one) for one in names], [forest.array("server_port")], name)

    def queues(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the queue or topic that each row names, else the broker; -1 where it names neither."""

        def name(texts: tuple[str, ...], _numbers: tuple[int, ...]) -> Node | None:
            system, destination, peer, address = texts
            if destination:
                return Node(f"{system or 'queue'}://{destination}", "queue")
            broker = peer or address
            return Node(f"{system}://{broker}" if system else broker, "queue") if broker else None

        names = ("messaging_system", "messaging_destination", "peer_service", "server_address")
        return self._named(rows, [self._forest.codes(one) for one in names], [], name)

    def peers(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return whom each row names on the other side: the peer, else its address; -1 where it names nobody."""

        def name(texts: tuple[str, ...], _numbers: tuple[int, ...]) -> Node | None:
            peer = texts[0] or texts[1]
            return Node(peer, "external") if peer else None

        names = ("peer_service", "server_address")
        return self._named(rows, [self._forest.codes(one) for one in names], [], name)

    def _named(
        self,
        rows: NDArray[np.int64],
        texts: Sequence[Codes],
        numbers: Sequence[NDArray[np.int32]],
        name: Callable[[tuple[str, ...], tuple[int, ...]], Node | None],
    ) -> NDArray[np.int32]:
        """Name every combination of values once."""
        combined = np.zeros(len(rows), np.int64)
        width = 1
        columns = ((one.codes, -1, len(one.values)) for one in texts)
        for values, low, high in (
            *columns,
            *((each, int(each.min(initial=0)), int(each.max(initial=0)) + 1) for each in numbers),
        ):
            if width * (high - low) >= _WIDEST:
                number, firsts = _numbered(combined)
                combined, width = number.astype(np.int64), len(firsts)
            fold_rows(combined, np.ascontiguousarray(values, np.int32), rows, low, high - low)
            width *= high - low
        combination, firsts = _numbered(combined)
        places = np.empty(len(firsts), np.int32)
        for place, first in enumerate(rows[firsts].tolist()):
            codes = (int(one.codes[first]) for one in texts)
            words = tuple(one.values[code] if code >= 0 else "" for one, code in zip(texts, codes, strict=True))
            node = name(words, tuple(int(values[first]) for values in numbers))
            places[place] = -1 if node is None else self.add(node)
        return places[combination]


def _numbered(values: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give each distinct value a number in order of appearance: that of every entry, and the first entry of each."""
    number, first = np.empty(len(values), np.int32), np.empty(len(values), np.int64)
    count = number_by_hash(values, np.full(1 << (2 * len(values)).bit_length(), -1, np.int32), number, first)
    return number, first[:count]
