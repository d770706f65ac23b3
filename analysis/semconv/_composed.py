"""Attributes that feed several columns at once, or what better names left open: URLs, addresses, components, errors.

Each function takes the row, the attribute's value and the span's kind, and returns whether a name that the conventions
have replaced fed a column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

__all__ = ["COMPOSERS"]

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


def _fill(columns: dict[str, Any], column: str, value: Any) -> bool:
    """Fill a column that has no value yet; return whether it was filled."""
    if value is None or columns.get(column) is not None:
        return False
    columns[column] = value
    return True


def _url(columns: dict[str, Any], value: Any, kind: str) -> bool:
    _old_url(columns, value, kind)
    return False


def _old_url(columns: dict[str, Any], value: Any, kind: str) -> bool:
    host, number, path = url_parts(text(value) or "")
    filled = _fill(columns, "url_path", path)
    if host is not None and kind not in _SERVER_KINDS and _fill(columns, "server_address", host):
        filled = True
        _fill(columns, "server_port", number)
    return filled


def _path(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    return _fill(columns, "url_path", text(value))


def _current_path(columns: dict[str, Any], value: Any, kind: str) -> bool:
    _path(columns, value, kind)
    return False


def _query(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    path, query = columns.get("url_path"), text(value)
    if query is not None and path is not None and "?" not in path:
        columns["url_path"] = f"{path}?{query.removeprefix('?')}"
    return False


def _address(columns: dict[str, Any], value: Any, kind: str) -> bool:
    if kind in _SERVER_KINDS:
        return False
    host, number = host_and_port(text(value) or "")
    if not _fill(columns, "server_address", host):
        return False
    _fill(columns, "server_port", number)
    return True


def _rpc_method(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    name = text(value) or ""
    service, method = method_parts(name)
    if _fill(columns, "rpc_method", method or name or None):
        _fill(columns, "rpc_service", service)
    return False


def _connection(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    system, host, number, namespace = connection_parts(text(value) or "")
    if system is None:
        return False
    filled = _fill(columns, "db_system", system)
    if _fill(columns, "server_address", host):
        filled = True
        _fill(columns, "server_port", number)
    return _fill(columns, "db_namespace", namespace) or filled


def _component(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    known = _COMPONENTS.get((text(value) or "").lower())
    if known is not None:
        _fill(columns, *known)
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


def _queue_address(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    _fill(columns, "messaging_destination", (text(value) or "").rstrip("/").rpartition("/")[2] or None)
    return False


def _composite(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del kind
    many = count(value)
    if many is not None and 1 <= many <= 1e9:
        columns["multiplicity"] = int(many)
    return False


def _broker(system: str) -> Callable[[dict[str, Any], Any, str], bool]:
    def compose(columns: dict[str, Any], value: Any, kind: str) -> bool:
        del value, kind
        _fill(columns, "messaging_system", system)
        return False

    return compose


def _cassandra(columns: dict[str, Any], value: Any, kind: str) -> bool:
    del value, kind
    _fill(columns, "db_system", "cassandra")
    return False


#: Attributes that feed several columns, in this order; each returns whether it is a replaced name that fed one.
COMPOSERS: Final[tuple[tuple[str, Callable[[dict[str, Any], Any, str], bool]], ...]] = (
    ("url.path", _current_path),
    ("url.full", _url),
    ("http.path", _current_path),
    ("http.target", _path),
    ("http.url", _old_url),
    ("url.query", _query),
    ("rpc.method", _rpc_method),
    ("grpc.path", _rpc_method),
    ("grpc.method", _rpc_method),
    ("db.connection_string", _connection),
    ("database", _connection),
    ("peer.address", _address),
    ("http.host", _address),
    ("component", _component),
    *((name, _broker(system)) for name, system in _BROKERS.items()),
    ("cassandra.query", _cassandra),
    ("aws.s3.bucket", _bucket),
    ("aws.sqs.queue.url", _queue_address),
    ("messaging.url", _queue_address),
    ("error", _error),
    ("otel.status_code", _status_code),
    ("otel.status_description", _status_message),
    ("sampling.probability", _weight),
    ("SampleRate", _sample_rate),
    ("span.composite.count", _composite),
)
