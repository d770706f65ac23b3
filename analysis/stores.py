"""What a data store is called: its system, host, port and database, so that two services' views of it can be compared.

Missing parts are left out. A name says no more than the telemetry does: `localhost` seen from two hosts is two stores
or one, and so are an alias and its target. What may differ is not merged: :func:`ambiguous` tells when one name may
hide two stores, :func:`likeness` why two names may be one store, which only a configuration can say for sure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

__all__ = [
    "DEFAULT_PORTS",
    "ambiguous",
    "host_name",
    "likeness",
    "located",
    "named_like",
    "schema_of",
    "server_of",
    "store_id",
]

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
#: Stores that are asked over HTTP, on its ports.
_OVER_HTTP: Final = frozenset({"aws.dynamodb", "azure.blob", "azure.cosmosdb", "azure.table"})
_HTTP_PORTS: Final = (80, 443)
#: Systems of which the address names one node of many.
_CLUSTERS: Final = frozenset({"cassandra", "couchbase", "scylladb"})
#: Stores whose buckets have one name in all the world, and the hosts that it is asked by, which tell nothing.
_EVERYWHERE: Final = {
    "aws.s3": re.compile(r"(?:.+\.)?s3[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?"),
    "gcp.storage": re.compile(r".*\.googleapis\.com|storage\.cloud\.google\.com"),
}
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
#: Loopback, sockets of the file system, and how containers call the machine that they run on.
_LOCAL: Final = (
    "localhost",
    "127.",
    "::1",
    "[::1]",
    "0.0.0.0",  # noqa: S104 - recognised in telemetry, not bound to
    "/",
    "unix:",
    "host.docker.internal",
    "host.minikube.internal",
    "host.lima.internal",
)
#: Endings that a cluster's resolver adds to `service.namespace` (Kubernetes, DNS for Services and Pods).
_CLUSTER_ENDINGS: Final = (".svc.cluster.local", ".svc")
#: Words in the names of services that say what they are, not what they are about.
_KINDS_OF_SERVICES: Final = frozenset({"api", "app", "backend", "ms", "server", "service", "svc", "worker"})
_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IP_ADDRESS: Final = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|\[?[0-9a-f]*:[0-9a-f:]+\]?")
#: Words in the names of servers that hold copies, and of what stands before a server.
_KINDS_OF_NAMES: Final = {
    "a copy for reading": re.compile(
        r"(?<![a-z])(?:replicas?|read-?only|readers?|read|ro|standby|secondary|slave|follower)(?![a-z])"
    ),
    "a pool of connections": re.compile(
        r"(?<![a-z])(?:pg-?bouncer|pgcat|pg-?pool|odyssey|supavisor|proxysql|maxscale|proxy|pooler|pool|haproxy)(?![a-z])"
    ),
}


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
    is: it is left out. Buckets of S3 and of Google's Cloud Storage are the same behind all of their hosts.
    """
    host = "" if system in _CLUSTERS else host_name(address if address or namespace else peer)
    if system in _EVERYWHERE and _EVERYWHERE[system].fullmatch(host):
        host = ""
    if system in _OVER_HTTP and port in _HTTP_PORTS:
        port = 0
    shown_port = f":{port}" if host and port > 0 and port != DEFAULT_PORTS.get(system) else ""
    path = f"/{namespace}" if namespace else ""
    return f"{system or 'database'}://{host}{shown_port}{path}"


def host_name(address: str) -> str:
    """Return a host as it is named in stores: in lower case, without a closing dot, without a cluster's own ending.

    ``db.shop.svc.cluster.local`` and ``db.shop.svc`` are ``db.shop``. The bare ``db`` stays: what it means depends on
    the namespace it is said in.
    """
    host = address.lower().removesuffix(".")
    for ending in _CLUSTER_ENDINGS:
        if host.endswith(ending) and "." in host.removesuffix(ending):
            return host.removesuffix(ending)
    return host


def ambiguous(address: str) -> bool:
    """Tell whether the same address may mean different stores to different services: loopback, or none at all."""
    return not address or address.lower().startswith(_LOCAL)


def likeness(one: str, other: str) -> str:
    """Return why two different stores may be one, as part of a sentence; "" where nothing suggests it.

    Only the names are looked at: system and database are the same, and one server's name is a short form of the
    other's, another port, another node of one set, an address in figures, or says that it is a copy or a pooler.

    Examples
    --------
    >>> likeness("postgresql://db/shop", "postgresql://db-replica/shop")
    'db-replica is a copy for reading by its name'
    >>> likeness("postgresql://db/shop", "postgresql://db.shop/shop")
    'db may be short for db.shop'
    >>> likeness("postgresql://db/shop", "postgresql://ledger/shop")
    ''
    """
    (server, database), (other_server, other_database) = (
        (server_of(store), store[len(server_of(store)) :]) for store in (one, other)
    )
    system, _, place = server.partition("://")
    other_system, _, other_place = other_server.partition("://")
    if one == other or system != other_system or database != other_database or not (place and other_place):
        return ""
    host, other_host = (text.partition(":")[0] if text.count(":") == 1 else text for text in (place, other_place))
    if host == other_host:
        return f"{' and '.join(sorted((place, other_place)))} are one host by two ports"
    short, long = sorted((host, other_host), key=lambda text: (len(text), text))
    if long.startswith(f"{short}."):
        return f"{short} may be short for {long}"
    for kind, words in _KINDS_OF_NAMES.items():
        said = [text for text in (host, other_host) if words.search(text)]
        if said:
            return f"{' and '.join(sorted(said))} {'is' if len(said) == 1 else 'are each'} {kind} by its name"
    in_figures = sorted(text for text in (host, other_host) if _IP_ADDRESS.fullmatch(text))
    if len(in_figures) == 1:
        return f"{in_figures[0]} may be the address of {host if in_figures[0] == other_host else other_host}"
    if not in_figures and re.sub(r"\d+", "#", host) == re.sub(r"\d+", "#", other_host):
        return f"{short} and {long} may be nodes of one set"
    return ""


def named_like(table: str, services: Iterable[str]) -> str:
    """Return the only one of some services whose words are all in a table's name; "" where none or several are.

    Words that say what a service is are left out, and whether a word is meant once or many times does not matter.

    Examples
    --------
    >>> named_like("sales.order_lines", ["order-service", "shipping"])
    'order-service'
    >>> named_like("orders", ["shipping", "billing"])
    ''
    """
    words = _words(table.rpartition(".")[2])
    about = {service: _words(service) - _KINDS_OF_SERVICES for service in services}
    found = [service for service, own in about.items() if own and own <= words]
    return found[0] if len(found) == 1 else ""


def _words(name: str) -> frozenset[str]:
    """Return the words of a name, each as it is of one thing."""
    words = (word.lower() for word in _WORDS.findall(name))
    return frozenset(word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") for word in words)


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
