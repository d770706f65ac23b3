"""What a data store is called: its system, host, port and database, so that two services' views of it can be compared.

Missing parts are left out. A name says no more than the telemetry does: `localhost` seen from two hosts is two stores
or one, and so are an alias and its target; :func:`ambiguous` tells when a name may hide such a case.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["DEFAULT_PORTS", "ambiguous", "located", "schema_of", "server_of", "store_id"]

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
#: Systems in which the schema of a table is its database.
_SCHEMA_IS_DATABASE: Final = frozenset({"cassandra", "clickhouse", "mariadb", "mysql", "scylladb"})
#: Systems whose `db.namespace` is "database|schema" where both are known.
_BOTH_IN_NAMESPACE: Final = frozenset({"aws.redshift", "cockroachdb", "postgresql"})
#: The schema that a table without one lies in.
_DEFAULT_SCHEMA: Final = {
    "cockroachdb": "public",
    "microsoft.sql_server": "dbo",
    "mssql": "dbo",
    "postgresql": "public",
}
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


def server_of(store: str) -> str:
    """Return the part of a store's name that says the server: ``postgresql://db`` of ``postgresql://db/shop``."""
    system, mark, rest = store.partition("://")
    return f"{system}{mark}{rest.partition('/')[0]}"


@lru_cache(maxsize=65536)
def located(store: str, table: str) -> tuple[str, str]:
    """Return store and table so that two ways to write one table give the same.

    A schema that is the database's default one, or repeats the database, is left out of the table's name; where a
    schema is a database (MySQL), a table of another one lies in that store.

    Examples
    --------
    >>> located("postgresql://db/shop", "public.orders")
    ('postgresql://db/shop', 'orders')
    >>> located("postgresql://db/shop|sales", "orders")
    ('postgresql://db/shop', 'sales.orders')
    >>> located("mysql://db/shop", "billing.invoices")
    ('mysql://db/billing', 'invoices')
    """
    system, server = store.partition("://")[0], server_of(store)
    namespace = store[len(server) + 1 :]
    schema, _, name = table.rpartition(".")
    if system in _SCHEMA_IS_DATABASE:
        return (f"{server}/{schema}", name) if schema else (store, name)
    if system in _BOTH_IN_NAMESPACE and "|" in namespace:
        namespace, _, own = namespace.partition("|")
        store, schema = f"{server}/{namespace}", schema or own
    if namespace and schema.lower().startswith(f"{namespace.lower()}."):
        schema = schema[len(namespace) + 1 :]
    if not schema or schema.lower() == _DEFAULT_SCHEMA.get(system):
        return store, name
    return store, f"{schema}.{name}"


def schema_of(store: str, table: str) -> str:
    """Return the store, and the schema where the table's name has one: what services may have each for themselves."""
    schema = table.rpartition(".")[0]
    return f"{store}/{schema}" if schema else store
