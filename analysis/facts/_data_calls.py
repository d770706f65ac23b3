"""Which spans are calls to a data store, each counted once however many layers instrumented it."""

from __future__ import annotations

from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis._kernels.links import innermost_calls
from analysis.facts._says import given, says
from analysis.forest import Codes, Forest
from analysis.links import layers
from analysis.links.naming import every_store

__all__ = ["COLUMNS", "connecting", "data_calls", "stores"]

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
    """Mark the spans that connect to a store or wait for a connection: they have no statement to record.

    A word may also be the name of what is asked: a service called checkout, a table called pool.
    """
    named = says(forest, "operation", lambda text: bool(_CONNECTING & set(text.lower().replace(".", " ").split())))
    asks = says(forest, "category", lambda text: text in ("http", "rpc", "messaging"))
    return named & ~asks & ~given(forest, "db_statement") & ~given(forest, "db_collection")


def stores(forest: Forest, rows: npt.NDArray[np.int64]) -> Codes:
    """Return the store (:func:`analysis.stores.store_id`) that each of some rows of databases and caches calls."""
    known = every_store(forest)
    return Codes(known.codes[rows], known.values)
