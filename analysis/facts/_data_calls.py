"""Which spans are calls to a data store, each counted once however many layers instrumented it."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis._kernels.links import innermost_calls
from analysis.facts._grouping import number_of
from analysis.facts._says import says
from analysis.forest import Codes, Forest
from analysis.links import layers
from analysis.stores import store_id

__all__ = ["COLUMNS", "connecting", "data_calls", "every_store", "stores"]

COLUMNS: Final = (
    *layers.COLUMNS,
    "service",
    "kind",
    "db_namespace",
    "db_operation",
    "server_address",
    "server_port",
    "peer_service",
)
_LOOKED_AT: Final = ("db_statement", "db_operation", "db_collection", "service", "db_system")
#: Several facts of one pass ask for the same; forgotten with the forest.
_FOUND: Final[WeakKeyDictionary[Forest, npt.NDArray[np.int64]]] = WeakKeyDictionary()
_STORES: Final[WeakKeyDictionary[Forest, Codes]] = WeakKeyDictionary()
#: Words of span names: psycopg, SQLAlchemy, HikariCP, pgx, ADO.NET.
_CONNECTING: Final = frozenset(("connect", "connection", "getconnection", "acquire", "checkout", "pool", "ping"))


def data_calls(forest: Forest) -> npt.NDArray[np.int64]:
    """Return the rows that are calls to a database or cache, ascending.

    Left out are spans that name no statement, operation or collection (connecting, waiting for a pool), and spans
    around another layer's: where a data call has data calls of the same service and system as children, the children
    are the calls; where two layers stand side by side, the inner one is, and the statement rather than the span beside
    it that holds its time (:mod:`analysis.links.layers`).
    """
    known = _FOUND.get(forest)
    if known is None:
        statement, operation, collection, service, system = (forest.codes(name).codes for name in _LOOKED_AT)
        known = _FOUND[forest] = innermost_calls(
            layers.store_calls(forest),
            layers.layers_of(forest).extra,
            statement,
            operation,
            collection,
            forest.parent,
            service,
            system,
        )
    return known


def connecting(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the spans that connect to a store or wait for a connection: they have no statement to record."""
    return says(forest, "operation", lambda text: bool(_CONNECTING & set(text.lower().replace(".", " ").split())))


def stores(forest: Forest, rows: npt.NDArray[np.int64]) -> Codes:
    """Return the store (:func:`analysis.stores.store_id`) that each of some rows of databases and caches calls."""
    known = every_store(forest)
    return Codes(known.codes[rows], known.values)


def every_store(forest: Forest) -> Codes:
    """Return the store of each row of a database or cache; -1 of others."""
    if forest not in _STORES:
        _STORES[forest] = _find_stores(forest)
    return _STORES[forest]


def _find_stores(forest: Forest) -> Codes:
    rows = np.flatnonzero(_of_stores(forest))
    # Computed once a combination.
    parts = [_of_rows(forest, name, rows) for name in ("db_system", "server_address", "db_namespace", "peer_service")]
    port = forest.array("server_port", fill=0)[rows].astype(np.int64)
    number, first = number_of((*parts, port), len(rows))
    texts = [[part.values[code] if code >= 0 else "" for code in part.codes[first].tolist()] for part in parts]
    names = [
        store_id(system, address, at, namespace, peer)
        for system, address, namespace, peer, at in zip(*texts, port[first].tolist(), strict=True)
    ]
    ordered = tuple(sorted(set(names)))
    position = {name: index for index, name in enumerate(ordered)}
    codes = np.full(forest.size, -1, np.int32)
    codes[rows] = np.array([position[name] for name in names], np.int32)[number]
    return Codes(codes, ordered)


def _of_stores(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the rows of databases and caches."""
    category = forest.codes("category")
    return category.marked([code for code, name in enumerate(category.values) if name in ("database", "cache")])


def _of_rows(forest: Forest, column: str, rows: npt.NDArray[np.int64]) -> Codes:
    codes = forest.codes(column)
    return Codes(codes.codes[rows], codes.values)
