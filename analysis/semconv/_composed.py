"""Attributes that feed several columns at once, or what better names left open: URLs, addresses, components, errors.

Each takes the row, the attribute's value and the span's kind, and returns whether a name that the conventions have
replaced fed a column. Most are a :class:`Composer`, which says for a value alone what it fills.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.semconv._names import STATUSES
from analysis.semconv._values import (
    connection_parts,
    count,
    host_and_port,
    method_parts,
    probability_weight,
    text,
    truth,
    url_parts,
)

__all__ = ["COMPOSERS", "Composer", "query"]

_SERVER_KINDS: Final = frozenset({"server", "consumer"})

_COMPONENTS: Final[Mapping[str, tuple[str, str]]] = {
    "grpc": ("rpc_system", "grpc"),
    "java-grpc": ("rpc_system", "grpc"),
    "grpcjs": ("rpc_system", "grpc"),
    "java-kafka": ("messaging_system", "kafka"),
    "kafka": ("messaging_system", "kafka"),
    "java-rabbitmq": ("messaging_system", "rabbitmq"),
    "rabbitmq": ("messaging_system", "rabbitmq"),
    "java-redis": ("db_system", "redis"),
    "redis": ("db_system", "redis"),
    "java-mongo": ("db_system", "mongodb"),
    "java-cassandra": ("db_system", "cassandra"),
}
#: A destination under one of these names says which broker it belongs to.
_BROKERS: Final[Mapping[str, str]] = {
    "kafka.topic": "kafka",
    "rabbit.exchange": "rabbitmq",
    "rabbit.queue": "rabbitmq",
    "jms.queue": "jms",
    "jms.topic": "jms",
}


#: Columns with values, the later ones only for rows whose first was filled: a port belongs to its address.
Group = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Composer:
    """How one attribute feeds columns.

    Attributes
    ----------
    parts
        From a value (and whether the span is one of a server) to groups of columns, each filled where it has no value
        yet.
    replaced
        The name has been replaced: a span whose column it filled follows old conventions.
    sided
        A server's value feeds other columns than a client's.
    column
        The only column, where it is fed with the value itself as text; "" otherwise.
    """

    parts: Callable[[Any, bool], tuple[Group, ...]]
    replaced: bool = False
    sided: bool = False
    column: str = ""

    def __call__(self, columns: dict[str, Any], value: Any, kind: str) -> bool:
        """Fill the columns of a row; return whether a replaced name filled one."""
        filled = False
        for group in self.parts(value, kind in _SERVER_KINDS):
            if _fill(columns, *group[0]):
                filled = True
                for column, found in group[1:]:
                    _fill(columns, column, found)
        return filled and self.replaced


def _fill(columns: dict[str, Any], column: str, value: Any) -> bool:
    """Fill a column that has no value yet; return whether it was filled."""
    if value is None or columns.get(column) is not None:
        return False
    columns[column] = value
    return True


def _url(value: Any, server: bool) -> tuple[Group, ...]:
    host, number, path = url_parts(text(value) or "")
    if server:
        return ((("url_path", path),),)
    return (("url_path", path),), (("server_address", host), ("server_port", number))


def _path(value: Any, _server: bool) -> tuple[Group, ...]:
    return ((("url_path", text(value)),),)


def _address(value: Any, server: bool) -> tuple[Group, ...]:
    if server:
        return ()
    host, number = host_and_port(text(value) or "")
    return ((("server_address", host), ("server_port", number)),)


def _rpc_method(value: Any, _server: bool) -> tuple[Group, ...]:
    name = text(value) or ""
    service, method = method_parts(name)
    return ((("rpc_method", method or name or None), ("rpc_service", service)),)


def _connection(value: Any, _server: bool) -> tuple[Group, ...]:
    system, host, number, namespace = connection_parts(text(value) or "")
    if system is None:
        return ()
    return (("db_system", system),), (("server_address", host), ("server_port", number)), (("db_namespace", namespace),)


def _component(value: Any, _server: bool) -> tuple[Group, ...]:
    known = _COMPONENTS.get((text(value) or "").lower())
    return ((known,),) if known is not None else ()


def _queue_address(value: Any, _server: bool) -> tuple[Group, ...]:
    return ((("messaging_destination", (text(value) or "").rstrip("/").rpartition("/")[2] or None),),)


def _always(column: str, name: str) -> Composer:
    return Composer(lambda _value, _server: (((column, name),),))


def query(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    path, query = columns.get("url_path"), text(value)
    if query is not None and path is not None and "?" not in path:
        columns["url_path"] = f"{path}?{query.removeprefix('?')}"
    return False


def _status_code(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    status = STATUSES.get(text(value) or "")
    if status is not None and status != "unset":
        columns["status"] = status
    return False


def _status_message(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    message = text(value)
    if message is not None:
        _fill(columns, "status_message", message)
    return False


def _error(columns: dict[str, Any], value: Any, kind: str) -> bool:
    """OpenTracing's ``error`` is a truth value; where it is a text of its own, the text says what went wrong."""
    del kind
    state = truth(value)
    if state is not False and columns.get("status", "unset") == "unset":
        columns["status"] = "error"
    if state is None:
        message = text(value)
        if message is not None:
            _fill(columns, "status_message", message)
    return False


def _weight(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    weight = probability_weight(value)
    if weight is not None:
        columns["weight"] = weight
    return False


def _sample_rate(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    rate = count(value)
    if rate is not None and 1 <= rate <= 1e9:
        columns["weight"] = float(rate)
    return False


def _bucket(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del value, kind
    # A store of objects: what it is asked stands in the name of the remote procedure only.
    if _fill(columns, "db_system", "aws.s3"):
        _fill(columns, "db_operation", columns.get("rpc_method"))
    return False


def _composite(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    many = count(value)
    if many is not None and 1 <= many <= 1e9:
        columns["multiplicity"] = int(many)
    return False


#: Attributes that feed several columns, in this order; each returns whether a replaced name fed one.
COMPOSERS: Final[tuple[tuple[str, Callable[[dict[str, Any], Any, str], bool]], ...]] = (
    ("url.path", Composer(_path, column="url_path")),
    ("url.full", Composer(_url, sided=True)),
    ("http.path", Composer(_path, column="url_path")),
    ("http.target", Composer(_path, replaced=True, column="url_path")),
    ("http.url", Composer(_url, replaced=True, sided=True)),
    ("url.query", query),
    ("rpc.method", Composer(_rpc_method)),
    ("grpc.path", Composer(_rpc_method)),
    ("grpc.method", Composer(_rpc_method)),
    ("db.connection_string", Composer(_connection, replaced=True)),
    ("database", Composer(_connection, replaced=True)),
    ("peer.address", Composer(_address, replaced=True, sided=True)),
    ("http.host", Composer(_address, replaced=True, sided=True)),
    ("component", Composer(_component)),
    *((name, _always("messaging_system", system)) for name, system in _BROKERS.items()),
    ("cassandra.query", _always("db_system", "cassandra")),
    ("mongodb.command", _always("db_system", "mongodb")),
    ("aws.s3.bucket", _bucket),
    ("aws.sqs.queue.url", Composer(_queue_address)),
    ("messaging.url", Composer(_queue_address)),
    ("error", _error),
    ("otel.status_code", _status_code),
    ("otel.status_description", _status_message),
    ("sampling.probability", _weight),
    ("SampleRate", _sample_rate),
    ("span.composite.count", _composite),
    # The Collector's span pruning and Tempo's: a summary of spans that were taken out.
    ("aggregation.span_count", _composite),
)
