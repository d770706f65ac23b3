"""What is on the other side of a call: rows → nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.grouping import fold_rows, number_by_hash
from analysis.forest import Codes, Forest
from analysis.links.edges import Node
from analysis.stores import store_id

__all__ = ["COLUMNS", "NodeTable", "every_store"]

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
#: The service graph and several facts ask for the same; forgotten with the forest.
_STORES: WeakKeyDictionary[Forest, Codes] = WeakKeyDictionary()


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
        """Return the store that each row of a database or cache calls (:func:`every_store`)."""
        known = every_store(self._forest)
        cache = self._forest.codes("category").equal("cache")
        pair = 2 * known.codes[rows] + cache[rows]
        seen = np.zeros(2 * known.count, np.bool_)
        seen[pair] = True
        places = np.full(len(seen), -1, np.int32)
        for one in np.flatnonzero(seen).tolist():
            places[one] = self.add(Node(known.values[one // 2], "cache" if one % 2 else "database"))
        return places[pair]

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
        combination, firsts = _combinations(rows, texts, numbers)
        places = np.empty(len(firsts), np.int32)
        for place, first in enumerate(rows[firsts].tolist()):
            node = name(_words(texts, first), tuple(int(values[first]) for values in numbers))
            places[place] = -1 if node is None else self.add(node)
        return places[combination]


def every_store(forest: Forest) -> Codes:
    """Return the store (:func:`analysis.stores.store_id`) of each row of a database or cache; -1 of others.

    It is named after the peer where neither host nor database is known.
    """
    if forest not in _STORES:
        _STORES[forest] = _find_stores(forest)
    return _STORES[forest]


def _find_stores(forest: Forest) -> Codes:
    category = forest.codes("category")
    rows = np.flatnonzero(
        category.marked([code for code, name in enumerate(category.values) if name in ("database", "cache")])
    )
    texts = [forest.codes(name) for name in ("db_system", "server_address", "db_namespace", "peer_service")]
    port = forest.array("server_port")
    combination, firsts = _combinations(rows, texts, [port])
    names = []
    for first in rows[firsts].tolist():
        system, address, namespace, peer = _words(texts, first)
        names.append(store_id(system, address, int(port[first]), namespace, peer))
    ordered = tuple(sorted(set(names)))
    position = {name: index for index, name in enumerate(ordered)}
    codes = np.full(forest.size, -1, np.int32)
    codes[rows] = np.array([position[name] for name in names], np.int32)[combination]
    return Codes(codes, ordered)


def _words(texts: Sequence[Codes], row: int) -> tuple[str, ...]:
    """Return what columns say of a row; nothing where they are null."""
    codes = (int(one.codes[row]) for one in texts)
    return tuple(one.values[code] if code >= 0 else "" for one, code in zip(texts, codes, strict=True))


def _combinations(
    rows: NDArray[np.int64], texts: Sequence[Codes], numbers: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give each combination of values of some rows a number; return it for each, and the place of the first of each."""
    combined = np.zeros(len(rows), np.int64)
    width = 1
    columns = ((one.codes, -1, one.count) for one in texts)
    for values, low, high in (
        *columns,
        *((each, int(each.min(initial=0)), int(each.max(initial=0)) + 1) for each in numbers),
    ):
        if width * (high - low) >= _WIDEST:
            number, firsts = _numbered(combined)
            combined, width = number.astype(np.int64), len(firsts)
        fold_rows(combined, np.ascontiguousarray(values, np.int32), rows, low, high - low)
        width *= high - low
    return _numbered(combined)


def _numbered(values: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give each distinct value a number in order of appearance: that of every entry, and the first entry of each."""
    number, first = np.empty(len(values), np.int32), np.empty(len(values), np.int64)
    count = number_by_hash(values, np.full(1 << (2 * len(values)).bit_length(), -1, np.int32), number, first)
    return number, first[:count]
