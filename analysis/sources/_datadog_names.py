"""Tags of Datadog's tracers under the names that OpenTelemetry has for them now.

Datadog's vocabulary is older than the semantic conventions and no sign of an outdated instrumentation: so it is
translated before the conventions are applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from analysis.semconv import KINDS, text

__all__ = ["STORE_SYSTEMS", "conventional", "kind_of"]

_NAMES: Final[Mapping[str, str]] = {
    "aws.dynamodb.table_name": "aws.dynamodb.table_names",
    "bucketname": "aws.s3.bucket",
    "cassandra.keyspace": "db.namespace",
    "db.instance": "db.namespace",
    "db.name": "db.namespace",
    "db.operation": "db.operation.name",
    "db.row_count": "db.response.returned_rows",
    "db.statement": "db.query.text",
    "db.system": "db.system.name",
    "elasticsearch.index": "db.collection.name",
    "error.msg": "exception.message",
    "error.message": "exception.message",
    "exchange": "messaging.destination.name",
    "amqp.queue": "messaging.destination.name",
    "amqp.exchange": "messaging.destination.name",
    "amqp.routing_key": "messaging.rabbitmq.destination.routing_key",
    "grpc.method.path": "grpc.path",
    "grpc.method.service": "rpc.service",
    "http.method": "http.request.method",
    "http.request.content_length": "http.request.body.size",
    "http.response.content_length": "http.response.body.size",
    "http.status_code": "http.response.status_code",
    "http.target": "url.path",
    "http.url": "url.full",
    "kafka.topic": "messaging.destination.name",
    "messaging.destination": "messaging.destination.name",
    "messaging.operation": "messaging.operation.type",
    "messaging.message_id": "messaging.message.id",
    "mongodb.collection": "db.collection.name",
    "mongodb.db": "db.namespace",
    "mongodb.query": "db.query.text",
    "network.destination.ip": "network.peer.address",
    "network.destination.name": "server.address",
    "network.destination.port": "server.port",
    "out.host": "server.address",
    "out.port": "server.port",
    "peer.hostname": "server.address",
    "peer.port": "server.port",
    "queuename": "messaging.destination.name",
    "redis.raw_command": "db.query.text",
    "sql.query": "db.query.text",
    "streamname": "messaging.destination.name",
    "tablename": "aws.dynamodb.table_names",
    "topicname": "messaging.destination.name",
    "net.peer.name": "server.address",
    "net.peer.port": "server.port",
}
#: The type of a span that calls a store, and the system where the type alone says it.
STORE_SYSTEMS: Final[Mapping[str, str]] = {
    "aerospike": "aerospike",
    "cache": "",
    "cassandra": "cassandra",
    "consul": "",
    "couchbase": "couchbase",
    "db": "",
    "dynamodb": "dynamodb",
    "elasticsearch": "elasticsearch",
    "hazelcast": "hazelcast",
    "memcached": "memcached",
    "mongodb": "mongodb",
    "opensearch": "opensearch",
    "redis": "redis",
    "sql": "",
    "valkey": "redis",
}
#: Components and parts of operation names that say the system of a store where nothing else does.
_SYSTEMS: Final[Mapping[str, str]] = {
    "aiomysql": "mysql", "aiopg": "postgresql", "asyncpg": "postgresql", "mariadb": "mariadb", "mysql": "mysql",
    "mysql2": "mysql", "mysqldb": "mysql", "oracle": "oracle", "pg": "postgresql", "postgres": "postgresql",
    "postgresql": "postgresql", "psycopg": "postgresql", "psycopg2": "postgresql", "pymysql": "mysql",
    "sqlite": "sqlite", "sqlite3": "sqlite", "sqlserver": "sqlserver", "ioredis": "redis", "lettuce": "redis",
    "jedis": "redis", "redis": "redis", "pymongo": "mongodb", "mongo": "mongodb", "elasticsearch": "elasticsearch",
    "cassandra": "cassandra", "memcached": "memcached", "pylibmc": "memcached", "pymemcache": "memcached",
}  # fmt: skip
_BROKERS: Final[Mapping[str, str]] = {
    "kafka": "kafka",
    "amqp": "rabbitmq",
    "rabbitmq": "rabbitmq",
    "kombu": "rabbitmq",
    "sqs": "aws_sqs",
    "sns": "aws_sns",
    "kinesis": "aws_kinesis",
}
_KINDS: Final[Mapping[str, str]] = {
    "web": "server",
    "serverless": "server",
    "http": "client",
    **dict.fromkeys(STORE_SYSTEMS, "client"),
}
#: Tags of requests over HTTP.
_ASKED: Final = frozenset({"http.method", "http.request.method", "http.url", "http.status_code"})
_PUBLISHING: Final = ("produce", "publish", "send", "enqueue")
_RECEIVING: Final = ("consume", "receive", "deliver", "process")


def kind_of(tags: Mapping[str, Any], kind: str, operation: str) -> str:
    """Return the kind of a span: as its tag says, else by its type, else by the verb of its operation."""
    said = KINDS.get(str(tags.get("span.kind") or "").lower())
    if said is not None:
        return said
    if kind in _KINDS:
        return _KINDS[kind]
    verb = operation.lower().rpartition(".")[2]
    if kind in {"queue", "worker"} or _broker(operation):
        if verb.startswith(_PUBLISHING):
            return "producer"
        if verb.startswith(_RECEIVING):
            return "consumer"
    # A span without a type that names no request is one of the process's own, as are those of schedulers.
    own = kind in {"custom", "worker"} or (not kind and tags.keys().isdisjoint(_ASKED))
    return {"server": "server", "client": "client"}.get(verb, "internal" if own else "unspecified")


def conventional(tags: Mapping[str, Any], kind: str, operation: str, resource: str | None) -> dict[str, Any]:
    """Return a span's tags, under conventional names where there are, and what its type, operation and resource say."""
    found: dict[str, Any] = {}
    for name, value in tags.items():
        known = _NAMES.get(name)
        if known is not None:
            found.setdefault(known, value)
        elif name[:1] != "_":
            # Names that begin with an underscore tell of the tracer.
            found[name] = value
    for name in ("grpc.status.code", "rpc.grpc.status_code", "grpc.code"):
        if tags.get(name) is not None:
            found["grpc.status_code"] = str(tags[name]).removeprefix("StatusCode.")
    if kind in {"grpc", "rpc"} and "rpc.system" not in found and ("grpc.path" in found or "grpc" in operation):
        found["rpc.system"] = "grpc"
    if kind in STORE_SYSTEMS:
        if not found.get("db.system.name"):
            found["db.system.name"] = STORE_SYSTEMS[kind] or _system(tags, operation) or kind
        if resource:
            found.setdefault("db.query.text", resource)
    elif broker := _broker(operation) or _broker(str(tags.get("component") or "")):
        found.setdefault("messaging.system", broker)
    return found


def _system(tags: Mapping[str, Any], operation: str) -> str:
    """Return the system of a store by who called it: the component or the operation, "postgres.query"."""
    words = (tags.get("db.type"), tags.get("component"), *operation.lower().split("."))
    return next((_SYSTEMS[word] for each in words if (word := (text(each) or "").lower()) in _SYSTEMS), "")


def _broker(words: str) -> str:
    return next((_BROKERS[word] for word in words.lower().replace("-", ".").split(".") if word in _BROKERS), "")
