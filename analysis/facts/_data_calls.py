"""Which spans are calls to a data store, each counted once however many layers instrumented it."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._says import says
from analysis.forest import Codes, Forest
from analysis.links import layers
from analysis.links.naming import stores_of
from analysis.schema import KINDS

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
#: Words of span names: psycopg, SQLAlchemy, HikariCP, pgx, ADO.NET.
_CONNECTING: Final = frozenset(("connect", "connection", "getconnection", "acquire", "checkout", "pool", "ping"))
#: Several facts of one pass ask for the same; forgotten with the forest.
_FOUND: Final[WeakKeyDictionary[Forest, npt.NDArray[np.int64]]] = WeakKeyDictionary()
_SERVING: Final = (KINDS.index("server"), KINDS.index("consumer"))


def data_calls(forest: Forest) -> npt.NDArray[np.int64]:
    """Return the rows that are calls to a database or cache, ascending.

    Left out are spans that name no statement, operation or collection (connecting, waiting for a pool), and spans
    around another layer's: where a data call has data calls of the same service and system as children, the children
    are the calls; where two layers stand side by side, the inner one is, and the statement rather than the span beside
    it that holds its time (:mod:`analysis.links.layers`).
    """
    if forest not in _FOUND:
        _FOUND[forest] = _find(forest)
    return _FOUND[forest]


def _find(forest: Forest) -> npt.NDArray[np.int64]:
    category = forest.codes("category")
    wanted = [code for code, name in enumerate(category.values) if name in ("database", "cache")]
    data = category.marked(wanted) & ~forest.of_kind(_SERVING)
    named = np.zeros(forest.size, bool)
    for column in ("db_statement", "db_operation", "db_collection"):
        named |= forest.codes(column).codes >= 0
    data &= named & ~layers.layers_of(forest).extra
    rows = np.flatnonzero(data)
    parent = forest.parent[rows]
    inner = parent >= 0
    service, system = forest.codes("service").codes, forest.codes("db_system").codes
    above = parent[inner]
    same = data[above] & (service[above] == service[rows[inner]]) & (system[above] == system[rows[inner]])
    data[above[same]] = False
    return np.flatnonzero(data)


def connecting(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the spans that connect to a store or wait for a connection: they have no statement to record."""
    return says(forest, "operation", lambda text: bool(_CONNECTING & set(text.lower().replace(".", " ").split())))


def stores(forest: Forest, rows: npt.NDArray[np.integer[Any]]) -> Codes:
    """Return the store that each row of a database or cache calls (:func:`analysis.links.naming.stores_of`)."""
    found = stores_of(forest)
    return Codes(found.codes[rows], found.values)
