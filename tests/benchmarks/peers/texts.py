"""What texts say, for all peers alike: rules on names and statements that are asked once for each different text.

They are those of this project, so that peers differ in how they go through spans and not in how they read SQL.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from analysis.facts._accesses import UNKNOWN_TABLE, Access, _families, _tables
from analysis.operations import is_raw_path
from analysis.stores import located, store_id

__all__ = ["CUT_OFF", "Call", "StoreAccess", "accesses_of", "is_raw_path", "opens_connection", "store_of"]

#: How statements end that are cut off.
CUT_OFF: Final = ("...", "…")
_CONNECTING: Final = frozenset(("connect", "connection", "getconnection", "acquire", "checkout", "pool", "ping"))


class Call(NamedTuple):
    """What a call to a store says of itself; "" and 0 where it says nothing."""

    category: str
    system: str
    address: str
    port: int
    namespace: str
    peer: str
    template: str
    collection: str
    operation: str


class StoreAccess(NamedTuple):
    """What a call does with one table of a store."""

    store: str
    table: str
    mode: str
    method: str
    confidence: int


def opens_connection(operation: str) -> bool:
    """Tell whether a span connects to a store or waits for a connection."""
    return bool(_CONNECTING & set(operation.lower().replace(".", " ").split()))


def store_of(call: Call) -> str:
    """Return the name of the store that is called."""
    return store_id(call.system, call.address, call.port, call.namespace, call.peer)


@cache
def accesses_of(call: Call) -> list[StoreAccess]:
    """Return which tables a call reads or writes; its template is "" where it has no statement."""
    if call.category == "cache" and not call.collection:
        found = _families(call.template, call.operation)
    else:
        found = _tables(call.template, call.system, call.collection, call.operation)
    return [_placed(store_of(call), access) for access in found]


def _placed(store: str, access: Access) -> StoreAccess:
    named, table = (store, access.table) if access.table == UNKNOWN_TABLE else located(store, access.table)
    return StoreAccess(named, table, access.mode, access.method, access.confidence)
