"""What is on the other side of a call: rows → nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.grouping import fold, number_by_hash
from analysis._kernels.numbering import take_codes
from analysis.forest import Codes, Forest
from analysis.links.edges import Node
from analysis.stores import store_id

__all__ = ["COLUMNS", "NodeTable", "stores_of"]

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
#: Links and facts ask for the same; forgotten with the forest.
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
        """Return the store that each row calls; named after the peer where neither host nor database is known."""
        stores, category = stores_of(self._forest), self._forest.codes("category")
        # Few of each: a place for every combination of a store and of being a cache.
        cache = np.array([*(value == "cache" for value in category.values), False], np.bool_)[category.codes[rows]]
        pair = 2 * stores.codes[rows] + cache
        places = np.full(2 * len(stores.values), -1, np.int32)
        for number in np.flatnonzero(np.bincount(pair, minlength=len(places))).tolist():
            places[number] = self.add(Node(stores.values[number // 2], "cache" if number % 2 else "database"))
        return places[pair]

    def queues(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the queue or topic that each row names, else the broker; -1 where it names neither."""

        def name(texts: tuple[str, ...]) -> Node | None:
            system, destination, peer, address = texts
            if destination:
                return Node(f"{system or 'queue'}://{destination}", "queue")
            broker = peer or address
            return Node(f"{system}://{broker}" if system else broker, "queue") if broker else None

        names = ("messaging_system", "messaging_destination", "peer_service", "server_address")
        return self._named(rows, [self._forest.codes(one) for one in names], name)

    def peers(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return whom each row names on the other side: the peer, else its address; -1 where it names nobody."""

        def name(texts: tuple[str, ...]) -> Node | None:
            peer = texts[0] or texts[1]
            return Node(peer, "external") if peer else None

        names = ("peer_service", "server_address")
        return self._named(rows, [self._forest.codes(one) for one in names], name)

    def _named(
        self, rows: NDArray[np.int64], texts: Sequence[Codes], name: Callable[[tuple[str, ...]], Node | None]
    ) -> NDArray[np.int32]:
        """Name every combination of values once."""
        combination, firsts = _numbered(rows, [(one.codes, len(one.values)) for one in texts])
        places = np.empty(len(firsts), np.int32)
        for place, first in enumerate(rows[firsts].tolist()):
            node = name(_words(texts, first))
            places[place] = -1 if node is None else self.add(node)
        return places[combination]


def stores_of(forest: Forest) -> Codes:
    """Return the store that each row of a database or cache calls (:func:`analysis.stores.store_id`); -1 elsewhere.

    The texts are sorted.
    """
    if forest not in _STORES:
        _STORES[forest] = _stores(forest)
    return _STORES[forest]


def _stores(forest: Forest) -> Codes:
    category = forest.codes("category")
    wanted = [code for code, name in enumerate(category.values) if name in ("database", "cache")]
    rows = np.flatnonzero(category.marked(wanted))
    texts = [forest.codes(name) for name in ("db_system", "server_address", "db_namespace", "peer_service")]
    ports = forest.array("server_port")
    # Whatever a port may be, its halves are few.
    halves = ((ports & 0xFFFF, 1 << 16), ((ports >> 16) + (1 << 15), 1 << 16))
    number, firsts = _numbered(rows, [*((one.codes, len(one.values)) for one in texts), *halves])
    names = []
    for first in rows[firsts].tolist():
        system, address, namespace, peer = _words(texts, first)
        names.append(store_id(system, address, int(ports[first]), namespace, peer))
    ordered = tuple(sorted(set(names)))
    position = {name: code for code, name in enumerate(ordered)}
    codes = np.full(forest.size, -1, np.int32)
    codes[rows] = np.array([position[name] for name in names], np.int32)[number]
    return Codes(codes, ordered)


def _words(texts: Sequence[Codes], row: int) -> tuple[str, ...]:
    return tuple(one.values[one.codes[row]] if one.codes[row] >= 0 else "" for one in texts)


def _numbered(
    rows: NDArray[np.int64], columns: Sequence[tuple[NDArray[np.int32], int]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give each combination of codes a number in order of appearance: that of every row, and the first row of each.

    A column is codes from -1, and one more than the largest.
    """
    combined, code = np.zeros(len(rows), np.int64), np.empty(len(rows), np.int32)
    number, first = np.empty(len(rows), np.int32), np.empty(len(rows), np.int64)
    slots = 1 << (2 * len(rows)).bit_length()
    width = 1
    for codes, levels in columns:
        if width * (levels + 1) >= _WIDEST:
            width = number_by_hash(combined, np.full(slots, -1, np.int32), number, first)
            combined = number.astype(np.int64)
        take_codes(codes, rows, code)
        fold(combined, code, levels + 1)
        width *= levels + 1
    count = number_by_hash(combined, np.full(slots, -1, np.int32), number, first)
    return number, first[:count].copy()
