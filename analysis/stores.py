"""What a data store is called: its system, host, port and database, so that two services' views of it can be compared.

Missing parts are left out. A name says no more than the telemetry does: `localhost` seen from two hosts is two stores
or one, and so are an alias and its target; :func:`ambiguous` tells when a name may hide such a case.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["DEFAULT_PORTS", "ambiguous", "store_id"]

#: Ports that the systems listen on unless told otherwise; a store named without a port is the one on this port.
DEFAULT_PORTS: Final = {
    "cassandra": 9042,
    "elasticsearch": 9200,
    "mariadb": 3306,
    "memcached": 11211,
    "microsoft.sql_server": 1433,
    "mongodb": 27017,
    "mysql": 3306,
    "oracle.db": 1521,
    "postgresql": 5432,
    "redis": 6379,
}
#: Systems of which the address names one node of many.
_CLUSTERS: Final = frozenset({"cassandra", "couchbase", "scylladb"})
_LOCAL: Final = ("localhost", "127.", "::1", "[::1]", "0.0.0.0")  # noqa: S104 - recognised in telemetry, not bound to


@lru_cache(maxsize=65536)
def store_id(system: str, address: str, port: int, namespace: str, peer: str = "") -> str:
    """Return the name of a store, such as ``postgresql://db.internal:5432/shop``.

    Parameters
    ----------
    system, address, namespace
        "" where the telemetry does not say.
    port
        0 where the telemetry does not say; the system's default port is left out either way.
    peer
        Name of the peer, which stands for the host where neither address nor database is known.

    Notes
    -----
    Of a cluster any node answers (Cassandra and its like), so the address says which one did and not which store it
    is: it is left out.
    """
    host = "" if system in _CLUSTERS else (address if address or namespace else peer).lower()
    shown_port = f":{port}" if host and port > 0 and port != DEFAULT_PORTS.get(system) else ""
    path = f"/{namespace}" if namespace else ""
    return f"{system or 'database'}://{host}{shown_port}{path}"


def ambiguous(address: str) -> bool:
    """Tell whether the same address may mean different stores to different services: loopback, or none at all."""
    return not address or address.lower().startswith(_LOCAL)
