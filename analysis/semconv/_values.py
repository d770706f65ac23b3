"""Attribute values as columns hold them: texts, counts, ports, parts of addresses and names.

Every function takes a plain Python value of any type and returns None where it cannot be what is asked for; none
raises.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, Final

import orjson

__all__ = [
    "connection_parts",
    "count",
    "database_system",
    "function_module",
    "grpc_status",
    "host_and_port",
    "http_code",
    "lower",
    "messaging_system",
    "method_parts",
    "port",
    "probability_weight",
    "request_id",
    "store_named",
    "text",
    "truth",
    "upper",
    "url_parts",
]

#: Codes of gRPC by number (grpc.io, "Status codes and their use in gRPC").
GRPC_STATUSES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

#: Other names of a broker, to the name of the semantic conventions.
_MESSAGING_SYSTEMS: Final = {
    "amazonsns": "aws.sns",
    "amazonsqs": "aws_sqs",
    "aws.sqs": "aws_sqs",
    "aws_sns": "aws.sns",
    "azureservicebus": "servicebus",
    "azure_servicebus": "servicebus",
    "eventhub": "eventhubs",
    "gcp.pubsub": "gcp_pubsub",
    "google_pubsub": "gcp_pubsub",
    "google-cloud-pubsub": "gcp_pubsub",
    "microsoft.eventhub": "eventhubs",
    "microsoft.servicebus": "servicebus",
    "pubsub": "gcp_pubsub",
}

#: Other names of a database system, to the name of the semantic conventions.
DATABASE_SYSTEMS: Final = {
    "cosmosdb": "azure.cosmosdb",
    "db2": "ibm.db2",
    "dynamodb": "aws.dynamodb",
    "firebird": "firebirdsql",
    "hana": "sap.hana",
    "informix": "ibm.informix",
    "intersystems_cache": "intersystems_cache",
    "maria": "mariadb",
    "maxdb": "sap.maxdb",
    "mongo": "mongodb",
    "mssql": "microsoft.sql_server",
    "netezza": "ibm.netezza",
    "oracle": "oracle.db",
    "pg": "postgresql",
    "pgsql": "postgresql",
    "postgres": "postgresql",
    "redshift": "aws.redshift",
    "spanner": "gcp.spanner",
    "sql": "other_sql",
    "sqlserver": "microsoft.sql_server",
}

#: Systems that a peer without attributes of its own is known by, and those after which a client names the database.
_STORES: Final = frozenset(
    {"cassandra", "couchbase", "elasticsearch", "mariadb", "memcached", "mongodb", "mysql", "neo4j", "opensearch"}
    | {"oracle.db", "postgresql", "redis", "valkey"}
)
_WITH_DATABASE: Final = re.compile(r"(mariadb|mongodb|mysql|postgres|postgresql)-(.+)", re.ASCII)

#: Characters of an id of a request that are kept.
_LONGEST_ID: Final = 200
_INT64_MAX: Final = (1 << 63) - 1
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}(?:\.0*)?", re.ASCII)
_URL: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)*(?P<host>\[[^\]/?#]*\]|[^/?#@:\s]+)(?::(?P<port>\d{1,5}))?(?=[/?#]|$)"
    r"(?P<path>[^#]*)"
)
_METHOD: Final = re.compile(r"/?([A-Za-z_][\w.$-]*)/([A-Za-z_]\w*)", re.ASCII)
_FUNCTION: Final = re.compile(r"(.+)(?:::|[.#\\/])[^.:#\\/]+", re.DOTALL)
_CONNECTION: Final = re.compile(
    r"(?:jdbc:)?(?P<system>[a-z0-9]+):(?:(?P<kind>[a-z]+):)?//(?:[^@/?;]*@)?(?P<host>\[[^\]]*\]|[^:/?;,]*)"
    r"(?::(?P<port>\d{1,5}))?(?:[^/?;]*/(?P<name>[^?;]*))?",
    re.IGNORECASE | re.ASCII,
)
_EMBEDDED: Final = re.compile(r"jdbc:(?P<system>[a-z0-9]+):(?P<name>[^?;]*)", re.IGNORECASE | re.ASCII)


def text(value: Any) -> str | None:
    """Return the value as text, lists and maps as JSON; None for nothing and for an empty text."""
    if type(value) is str:
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes):
        return value.hex() or None
    if isinstance(value, list | tuple) and len(value) == 1:
        return text(value[0])
    if isinstance(value, list | tuple | dict):
        try:
            return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
        except (orjson.JSONEncodeError, TypeError, ValueError):
            return None
    return str(value) or None


def request_id(value: Any) -> str | None:
    """Return the id of a request: of a header's values, which may be written as a list, the only one."""
    found = text(value)
    if found is not None and found[:2] == '["' and found[-2:] == '"]' and '"' not in found[2:-2]:
        found = found[2:-2]
    return found.strip()[:_LONGEST_ID] or None if found is not None else None


def lower(value: Any) -> str | None:
    """Return the value as lower-case text."""
    found = text(value)
    return None if found is None else found.lower()


def upper(value: Any) -> str | None:
    """Return the value as upper-case text."""
    found = text(value)
    return None if found is None else found.upper()


def truth(value: Any) -> bool | None:
    """Return what a truth value or its spelling says; None where it is neither."""
    if isinstance(value, bool):
        return value
    if value is None or value in ("", 0, "0"):
        return False
    if value in (1, "1"):
        return True
    found = value.lower() if isinstance(value, str) else ""
    return {"true": True, "false": False, "yes": True, "no": False}.get(found)


def count(value: Any) -> int | None:
    """Return a number of things: a whole number from 0 to 2**63 - 1."""
    if type(value) is int:
        return value if 0 <= value <= _INT64_MAX else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if len(value) <= 18 and value.isascii() and value.isdecimal():
            return int(value)
        value = value.strip()
        if not _INTEGER.fullmatch(value):
            return None
        value = int(value.partition(".")[0])
    elif isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    elif isinstance(value, list | tuple) and len(value) == 1:
        return count(value[0])
    return value if isinstance(value, int) and 0 <= value <= _INT64_MAX else None


def port(value: Any) -> int | None:
    """Return a port: 1 to 65535."""
    found = count(value)
    return found if found is not None and 1 <= found <= 65_535 else None


def http_code(value: Any) -> int | None:
    """Return an HTTP status code; 0, which some write for a call without response, is none."""
    found = count(value)
    return found if found is not None and 100 <= found <= 999 else None


def grpc_status(value: Any) -> str | None:
    """Return a gRPC status by its name, whether the export gives name or number."""
    number = count(value)
    if number is not None:
        return GRPC_STATUSES[number] if number < len(GRPC_STATUSES) else str(number)
    found = text(value)
    return None if found is None else found.upper()


def database_system(value: Any) -> str | None:
    """Return the name that the semantic conventions have for a database system, lower case."""
    found = lower(value)
    return None if found is None else DATABASE_SYSTEMS.get(found, found)


def store_named(peer: str | None) -> tuple[str | None, str | None]:
    """Return system and database of a peer that clients name after them, as Brave's do: "redis", "mysql-shop"."""
    found = database_system(peer)
    if found in _STORES:
        return found, None
    match = _WITH_DATABASE.fullmatch(peer or "")
    return (database_system(match[1]), match[2]) if match is not None else (None, None)


def messaging_system(value: Any) -> str | None:
    """Return the name that the semantic conventions have for a broker, lower case."""
    found = lower(value)
    return None if found is None else _MESSAGING_SYSTEMS.get(found, found)


def function_module(value: Any) -> str | None:
    """Return the class or package part of a fully qualified function name; None where it has none."""
    match = _FUNCTION.fullmatch(text(value) or "")
    return match[1] if match is not None else None


def method_parts(name: str) -> tuple[str | None, str | None]:
    """Split ``package.Service/Method`` into service and method; both None where it is not of that form."""
    match = _METHOD.fullmatch(name)
    return (match[1], match[2]) if match is not None else (None, None)


def url_parts(url: str) -> tuple[str | None, int | None, str | None]:
    """Return host, port, and path with query of a URL, each None where it has none; never a user name or password."""
    if url.startswith("/"):
        return None, None, url.partition("#")[0]
    # Paths are many, hosts are few: what stands before the path is looked at once.
    path_at = url.find("/", url.find("://") + 3)
    if path_at > 0:
        host, number, whole = _host_of(url[:path_at])
        if whole:
            return host, number, url[path_at:].partition("#")[0]
    match = _URL.match(url)
    if match is None:
        return None, None, None
    path = match["path"]
    return match["host"].strip("[]").lower(), port(match["port"]), path if path.startswith("/") else f"/{path}"


@lru_cache(maxsize=4096)
def _host_of(origin: str) -> tuple[str | None, int | None, bool]:
    """Return host and port of what stands before a URL's path, and whether it is such a thing, to its last letter."""
    match = _URL.fullmatch(origin)
    if match is None or match["path"]:
        return None, None, False
    return match["host"].strip("[]").lower(), port(match["port"]), True


def host_and_port(address: str) -> tuple[str | None, int | None]:
    """Split ``host:port``, ``[address]:port``, or a bare host, with or without a scheme before it."""
    if not address or any(character.isspace() for character in address):
        return None, None
    if "://" in address:
        host, number, _ = url_parts(address)
        return host, number
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host or None, port(rest.removeprefix(":"))
    host, colon, number_text = address.rpartition(":")
    if colon and ":" not in host:
        return host or None, port(number_text)
    return address, None


def connection_parts(connection: str) -> tuple[str | None, str | None, int | None, str | None]:
    """Return system, host, port and database of a JDBC or URL-like connection string; all None where it is none."""
    match = _CONNECTION.match(connection[:4096])
    if match is not None:
        host = match["host"].strip("[]") or None
        return database_system(match["system"]), host, port(match["port"]), match["name"] or None
    match = _EMBEDDED.match(connection[:4096])
    if match is not None:
        return database_system(match["system"]), None, None, match["name"] or None
    return None, None, None, None


def probability_weight(probability: Any) -> float | None:
    """Return how many spans one stands for that was kept with a probability (0 to 1); None where it is none."""
    try:
        number = float(probability)
    except (TypeError, ValueError):
        return None
    return 1.0 / number if 1e-9 <= number <= 1 else None
