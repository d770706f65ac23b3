"""Which attributes feed which column, best name first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.semconv._values import (
    count,
    database_system,
    function_module,
    grpc_status,
    http_code,
    lower,
    messaging_system,
    port,
    request_id,
    text,
    upper,
)

__all__ = ["KINDS", "RESOURCE_NAMES", "SPAN_NAMES", "STATUSES", "Names", "Read"]

Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Names:
    """Which attributes feed a column, best first.

    ``side`` narrows a row to spans of one side: "client" (client, producer, internal, unspecified) or "server" (server,
    consumer); there, net.peer.name is the caller and net.host.name the service itself.
    """

    column: str
    read: Read
    current: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    side: str = ""


SPAN_NAMES: Final[tuple[Names, ...]] = (
    Names("peer_service", text, ("service.peer.name", "peer.service")),
    Names("server_address", text, ("server.address",)),
    Names(
        "server_address",
        text,
        ("network.peer.address",),
        ("out.host",),
        (
            "net.peer.name",
            "net.sock.peer.name",
            "peer.hostname",
            "net.peer.ip",
            "net.sock.peer.addr",
            "peer.ipv4",
            "peer.ipv6",
        ),
        side="client",
    ),
    Names("server_address", text, replaced=("net.host.name",), side="server"),
    Names("server_port", port, ("server.port",)),
    Names(
        "server_port",
        port,
        ("network.peer.port",),
        ("out.port", "network.destination.port"),
        ("net.peer.port", "net.sock.peer.port", "peer.port"),
        side="client",
    ),
    Names("server_port", port, replaced=("net.host.port",), side="server"),
    Names("http_method", upper, ("http.request.method",), replaced=("http.method",)),
    Names("http_route", text, ("http.route", "url.template")),
    Names("http_status", http_code, ("http.response.status_code",), replaced=("http.status_code",)),
    Names("resend_count", count, ("http.request.resend_count",), replaced=("http.resend_count", "http.retry_count")),
    Names("rpc_system", lower, ("rpc.system.name", "rpc.system")),
    Names("rpc_service", text, ("rpc.service",)),
    Names("rpc_status", text, ("rpc.response.status_code",)),
    Names("rpc_status", grpc_status, ("rpc.grpc.status_code",), ("grpc.status_code", "grpc.status")),
    Names("rpc_status", text, ("rpc.connect_rpc.error_code", "rpc.jsonrpc.error_code")),
    Names("db_system", database_system, ("db.system.name",), replaced=("db.system", "db.type")),
    Names(
        "db_namespace",
        text,
        ("db.namespace",),
        ("cassandra.keyspace",),
        ("db.name", "db.instance", "db.cassandra.keyspace"),
    ),
    Names("db_namespace", text, replaced=("db.redis.database_index",)),
    Names(
        "db_collection",
        text,
        ("db.collection.name", "aws.dynamodb.table_names", "aws.s3.bucket"),
        ("aws.table_name", "mongodb.collection"),
        (
            "db.sql.table",
            "db.mongodb.collection",
            "db.cassandra.table",
            "db.cosmosdb.container",
            "db.elasticsearch.path_parts.index",
        ),
    ),
    Names("db_operation", text, ("db.operation.name",), ("mongodb.command",), ("db.operation",)),
    Names(
        "db_statement",
        text,
        ("db.query.text",),
        ("sql.query", "jdbc.query[0]", "cassandra.query", "sql"),
        ("db.statement",),
    ),
    Names("db_rows", count, ("db.response.returned_rows",), ("jdbc.row-count",)),
    Names("messaging_system", messaging_system, ("messaging.system",)),
    Names(
        "messaging_destination",
        text,
        ("messaging.destination.name", "messaging.rabbitmq.destination.routing_key"),
        ("kafka.topic", "rabbit.exchange", "rabbit.queue", "jms.queue", "jms.topic"),
        ("messaging.destination", "messaging.source.name", "messaging.rabbitmq.routing_key", "message_bus.destination"),
    ),
    Names(
        "messaging_operation",
        text,
        ("messaging.operation.type", "messaging.operation.name"),
        replaced=("messaging.operation",),
    ),
    Names("message_id", text, ("messaging.message.id",), replaced=("messaging.message_id",)),
    Names(
        "request_id",
        request_id,
        (
            *(
                f"{where}.{header}"
                for where in ("http.request.header", "http.response.header", "rpc.request.metadata")
                for header in ("x-request-id", "x_request_id", "x-correlation-id", "x_correlation_id", "request-id")
            ),
            "rpc.grpc.request.metadata.x-request-id",
            "faas.invocation_id",
            "messaging.message.conversation_id",
        ),
        (
            "guid:x-request-id",
            "http.request.headers.x-request-id",
            "http.request.headers.x-correlation-id",
            "http.request.id",
            "http.request_id",
            "x-request-id",
            "x_request_id",
            "request_id",
            "request.id",
            "requestId",
            "x-correlation-id",
            "correlation_id",
            "correlation.id",
            "correlationId",
        ),
        ("faas.execution", "messaging.conversation_id"),
    ),
    Names(
        "response_size",
        count,
        ("http.response.body.size", "http.response.size"),
        ("response_size",),
        ("http.response_content_length", "http.response_content_length_uncompressed"),
    ),
    Names(
        "request_size",
        count,
        (
            "http.request.body.size",
            "http.request.size",
            "messaging.message.body.size",
            "messaging.message.envelope.size",
        ),
        ("request_size",),
        ("http.request_content_length", "messaging.message_payload_size_bytes", "messaging.message.payload_size_bytes"),
    ),
    Names("error_type", text, ("error.type", "exception.type"), ("error.kind",)),
    Names("exception_message", text, ("exception.message",), ("error.msg", "error.message")),
    Names("scope", text, ("otel.scope.name",), ("otel.library.name",)),
    Names("module", function_module, ("code.function.name",)),
    Names("module", text, foreign=("class", "mvc.controller.class"), replaced=("code.namespace",)),
)

RESOURCE_NAMES: Final[tuple[Names, ...]] = (
    Names("service", text, ("service.name",)),
    Names("service_namespace", text, ("service.namespace",)),
    Names("service_version", text, ("service.version",)),
    Names("environment", text, ("deployment.environment.name", "deployment.environment")),
    Names(
        "host",
        text,
        ("host.id", "host.name"),
        ("hostname",),
    ),
    Names("host", text, ("host.ip",), ("ip",), ("net.host.ip",)),
    Names("host", text, ("k8s.node.name",)),
    Names(
        "instance",
        text,
        ("service.instance.id", "k8s.pod.name", "k8s.pod.uid", "container.id", "container.name"),
        ("client-uuid",),
    ),
)

#: Span kinds under every name and number that exports use.
KINDS: Final[Mapping[object, str]] = {
    key: kind
    for number, kind in enumerate(("unspecified", "internal", "server", "client", "producer", "consumer"))
    for key in (number, str(number), kind, kind.upper(), kind.capitalize(), f"SPAN_KIND_{kind.upper()}")
}

#: Status codes of OpenTelemetry under every name and number that exports use.
STATUSES: Final[Mapping[object, str]] = {
    key: status
    for number, status in enumerate(("unset", "ok", "error"))
    for key in (number, str(number), status, status.upper(), status.capitalize(), f"STATUS_CODE_{status.upper()}")
}
