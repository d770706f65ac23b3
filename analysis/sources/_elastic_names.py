"""What a span of Elastic APM says of the other side, under the names of the semantic conventions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from analysis.semconv import KNOWN, port, text

__all__ = ["BROKERS", "LABELS", "STORES", "exit_attributes", "host_and_port_of"]

#: Attributes that ECS has no field for: as they are, or as labels, the dots of their names made underscores.
LABELS: Final[Mapping[str, str]] = {
    field: name
    for name in sorted(KNOWN)
    for field in (
        *(f"{kind}.{name.replace('.', '_')}" for kind in ("labels", "numeric_labels")),
        f"span.otel.attributes.{name}",
    )
}
#: Subtypes of spans that are systems of stores.
STORES: Final[Mapping[str, str]] = {
    **{name: name for name in (
        "aerospike", "cassandra", "clickhouse", "cockroachdb", "couchbase", "db2", "derby", "dynamodb",
        "elasticsearch", "h2", "hsqldb", "mariadb", "memcached", "mongodb", "mssql", "mysql", "neo4j", "opensearch",
        "oracle", "postgresql", "redis", "sqlite", "sqlserver",
    )},
    "postgres": "postgresql",
    "sqlite3": "sqlite",
    "cosmosdb": "cosmosdb",
    "unknown": "other_sql",
    "sql": "other_sql",
}  # fmt: skip
#: Subtypes of spans of the type "storage".
_OBJECT_STORES: Final[Mapping[str, str]] = {"azureblob": "azure.blob", "azuretable": "azure.table", "s3": "aws.s3"}
_CONTAINER: Final = re.compile(r"Azure(?:Blob|Table) \w+ ([^/\s]+)")
_COLLECTION: Final = re.compile(r"([^.\s]+)\.(\S+)\.(\w+)")
#: Subtypes, targets and frameworks that are brokers.
BROKERS: Final[Mapping[str, str]] = {
    "activemq": "activemq",
    "amqp": "rabbitmq",
    "azurequeue": "azure_queue",
    "azureservicebus": "servicebus",
    "jms": "jms",
    "kafka": "kafka",
    "kinesis": "aws_kinesis",
    "rabbitmq": "rabbitmq",
    "sns": "aws_sns",
    "spring amqp": "rabbitmq",
    "sqs": "aws_sqs",
}
#: Actions that say how a statement was sent, not what it does.
_PLAIN_ACTIONS: Final = frozenset({"", "query", "exec", "execute", "connect", "request"})


def exit_attributes(flat: Mapping[str, Any], kind: str, action: str) -> dict[str, Any]:
    """Return the attributes of a span.

    Parameters
    ----------
    flat
        Fields of its document.
    kind, action
        ``span.type`` and ``span.action``.
    """
    subtype = str(flat.get("span.subtype") or "").lower()
    target, resource = text(flat.get("service.target.name")), text(flat.get("span.destination.service.resource"))
    found = {
        "http.request.method": flat.get("http.request.method"),
        "http.response.status_code": flat.get("http.response.status_code"),
        "server.address": flat.get("destination.address") or flat.get("destination.domain"),
        "server.port": flat.get("destination.port"),
    }
    if kind in {"db", "cache"} or "span.db.statement" in flat:
        # "sql" is the type of every relational database; the subtype names the system.
        system = subtype or str(flat.get("service.target.type") or flat.get("span.db.type") or "").lower()
        found["db.system.name"] = STORES.get(system, system) or None
        found["db.namespace"] = flat.get("span.db.instance") or (target if kind == "db" else None)
        found["db.query.text"] = flat.get("span.db.statement")
        found["db.response.returned_rows"] = flat.get("span.db.rows_affected")
        found["db.operation.name"] = None if action in _PLAIN_ACTIONS else action
        if system == "mongodb":
            # Agents name the span "database.collection.command", and record the collection nowhere else.
            collection = _COLLECTION.fullmatch(str(flat.get("span.name") or ""))
            if collection is not None and (action in _PLAIN_ACTIONS or collection[3].lower() == action):
                found["db.collection.name"] = collection[2]
        return found
    if kind == "storage" and subtype in _OBJECT_STORES:
        found["db.system.name"] = _OBJECT_STORES[subtype]
        found["db.operation.name"] = action or None
        named = target or (resource or "").partition("/")[2]
        if subtype == "s3":
            found["db.collection.name"] = named or None
        else:
            # Of Azure the target is the account; the container stands in the name of the span only.
            container = _CONTAINER.match(str(flat.get("span.name") or ""))
            found["db.collection.name"] = container[1] if container else None
            found["server.address"] = found["server.address"] or named or None
        return found
    if kind == "messaging" or subtype in BROKERS:
        found["messaging.system"] = BROKERS.get(subtype, subtype) or None
        named = (resource or "").partition("/")[2]
        found["messaging.destination.name"] = flat.get("span.message.queue.name") or target or named or None
        found["messaging.operation.type"] = "publish" if action in {"send", "produce"} else action or None
        return found
    found["url.full"] = flat.get("url.full") or flat.get("url.original")
    if subtype == "grpc" or str(flat.get("service.target.type") or "") == "grpc":
        found["rpc.system"] = "grpc"
    # The resource is whom the caller named; the address of the destination is what that led to.
    host, number = host_and_port_of(resource or target)
    if host is not None and kind in {"external", "http"}:
        found["server.address"], found["server.port"] = host, number
    return found


def host_and_port_of(resource: str | None) -> tuple[str | None, int | None]:
    """Return host and port of ``host:port``; nothing of a resource that is something else."""
    if resource is None or "/" in resource:
        return None, None
    host, colon, number = resource.rpartition(":")
    if not colon:
        return resource, None
    return (host, port(number)) if host and number.isdecimal() else (resource, None)
