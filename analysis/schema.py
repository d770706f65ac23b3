"""Every stored table, column by column: name, Arrow type, unit and meaning.

A dataset holds two tables, ``spans`` and ``logs``. Text columns are dictionary encoded; a missing text is null, never
an empty string. Ids are integer lanes (a trace id is two, high and low) and are shown as hexadecimal digits. Times are
integer nanoseconds since the Unix epoch, UTC, as the export gave them; corrections of clock skew are made when a forest
is built and are never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

__all__ = [
    "CATEGORIES",
    "KINDS",
    "LATER_COLUMNS",
    "LINK",
    "LOGS",
    "LOG_SCHEMA",
    "SPANS",
    "SPAN_SCHEMA",
    "STATUSES",
    "TEXT",
    "Column",
    "empty_logs",
    "empty_spans",
]


@dataclass(frozen=True)
class Column:
    """One column of a stored table.

    Attributes
    ----------
    name, type, unit, meaning
        ``unit`` is "" where a value has none.
    derived
        True where the column is computed at ingest from others rather than read from the export.
    """

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    derived: bool = False


TEXT: Final = pa.dictionary(pa.int32(), pa.string())
#: Text columns of spans that datasets written before them do not have.
LATER_COLUMNS: Final = frozenset({"exposed", "request_id"})
#: A reference to another span, possibly of another trace. ``kind`` is "link" (OpenTelemetry, Elastic, Datadog),
#: "follows_from" or "child_of" (further Jaeger references beside the first parent).
LINK: Final = pa.struct(
    [("trace_id_high", pa.uint64()), ("trace_id_low", pa.uint64()), ("span_id", pa.uint64()), ("kind", pa.string())]
)

KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES: Final = ("unset", "ok", "error")
CATEGORIES: Final = ("http", "rpc", "database", "cache", "messaging", "internal")

SPANS: Final[tuple[Column, ...]] = (
    Column("trace_id_high", pa.uint64(), "", "upper 64 bits of the trace id; 0 where the export keeps only 64"),
    Column(
        "trace_id_low", pa.uint64(), "", "lower 64 bits of the trace id; a trace lives in the partition of its hash"
    ),
    Column("span_id", pa.uint64(), "", "span id; unique in its trace but for the two halves of a shared Zipkin span"),
    Column("parent_span_id", pa.uint64(), "", "span id of the parent; 0 is none"),
    Column("shared", pa.bool_(), "", "the server half of a Zipkin span whose client half has the same id"),
    Column("asynchronous", pa.bool_(), "", "the parent does not wait: the reference to it was FOLLOWS_FROM"),
    Column("service", TEXT, "", "service that recorded the span (service.name); null where the export names none"),
    Column("service_namespace", TEXT, "", "service.namespace"),
    Column("service_version", TEXT, "", "service.version"),
    Column("environment", TEXT, "", "deployment.environment(.name)"),
    Column(
        "host", TEXT, "", "whose clock: host.id, else host.name, host.ip, pod, or instance; null where none is given"
    ),
    Column("instance", TEXT, "", "service.instance.id, else pod or container: one running copy of the service"),
    Column("scope", TEXT, "", "instrumentation scope or library"),
    Column("module", TEXT, "", "module inside the service: code.namespace, or the class part of code.function.name"),
    Column("name", TEXT, "", "span name as exported"),
    Column("kind", TEXT, "", "unspecified, internal, server, client, producer or consumer"),
    Column("status", TEXT, "", "unset, ok or error"),
    Column("status_message", TEXT, "", "status description"),
    Column("start_ns", pa.int64(), "ns since epoch", "start; null where the export has no time"),
    Column("duration_ns", pa.int64(), "ns", "duration, never negative; null where the export has no time"),
    Column("multiplicity", pa.int64(), "spans", "how many spans this one stands for; 1 but for compressed spans"),
    Column(
        "weight",
        pa.float64(),
        "traces",
        "how many such spans one recorded span represents under sampling; 1.0 unsampled",
    ),
    Column("time_resolution_ns", pa.int64(), "ns", "smallest step of the export's times"),
    Column("peer_service", TEXT, "", "peer.service, or Zipkin's remote endpoint: who is on the other side, by name"),
    Column("server_address", TEXT, "", "host name or address called (server.address, net.peer.name, out.host …)"),
    Column("server_port", pa.int32(), "", "port called"),
    Column("http_method", TEXT, "", "http.request.method"),
    Column("http_route", TEXT, "", "http.route, or url.template on clients"),
    Column("url_path", TEXT, "", "path and query as exported: holds values, never shown"),
    Column("http_status", pa.int32(), "", "http.response.status_code"),
    Column("resend_count", pa.int32(), "", "http.request.resend_count: this is the n-th retry"),
    Column("rpc_system", TEXT, "", "rpc.system(.name)"),
    Column("rpc_service", TEXT, "", "rpc.service"),
    Column("rpc_method", TEXT, "", "rpc.method"),
    Column("rpc_status", TEXT, "", "rpc status code as text"),
    Column("db_system", TEXT, "", "db.system.name, lower case: postgresql, mysql, redis, mongodb …"),
    Column("db_namespace", TEXT, "", "database (and schema) name: db.namespace, db.name"),
    Column("db_collection", TEXT, "", "table, collection, index or bucket named by the instrumentation"),
    Column("db_operation", TEXT, "", "db.operation.name"),
    Column("db_statement", TEXT, "", "statement as exported: holds values, never shown"),
    Column("db_rows", pa.int64(), "rows", "db.response.returned_rows"),
    Column("messaging_system", TEXT, "", "kafka, rabbitmq, aws_sqs …"),
    Column("messaging_destination", TEXT, "", "topic, queue or exchange"),
    Column("messaging_operation", TEXT, "", "publish, receive, process … as exported"),
    Column("message_id", TEXT, "", "messaging.message.id"),
    Column("request_id", TEXT, "", "request or correlation id (x-request-id and the like): holds values, never shown"),
    Column("response_size", pa.int64(), "bytes", "body of the response"),
    Column("request_size", pa.int64(), "bytes", "body of the request"),
    Column("error_type", TEXT, "", "error.type, else the exception's type"),
    Column(
        "exception_message", TEXT, "", "message of the first exception recorded on the span: holds values, never shown"
    ),
    Column(
        "retry_evidence",
        TEXT,
        "",
        "what the export itself says of retries and proxies: Envoy response flags and the like",
    ),
    Column("old_conventions", pa.bool_(), "", "some attribute has a name that the semantic conventions have replaced"),
    Column(
        "exposed",
        TEXT,
        "",
        "kinds of secrets and personal data in attributes that no column keeps, with the names of these, never the "
        "values; of large exports only some spans are looked through",
    ),
    Column("dropped_children", pa.int64(), "spans", "children the agent says it dropped"),
    Column("links", pa.list_(LINK), "", "references to other spans beside the parent"),
    Column("operation", TEXT, "", "span name with identifiers replaced: what the service would call it", derived=True),
    Column(
        "template", TEXT, "", "normalised call: METHOD route, SQL fingerprint, rpc method, destination", derived=True
    ),
    Column("category", TEXT, "", "http, rpc, database, cache, messaging or internal", derived=True),
    Column(
        "parameters",
        pa.uint64(),
        "",
        "hash of the values removed from the template; 0 where unknown or none",
        derived=True,
    ),
)

LOGS: Final[tuple[Column, ...]] = (
    Column("trace_id_high", pa.uint64(), "", "upper 64 bits of the trace id; 0 where unknown"),
    Column("trace_id_low", pa.uint64(), "", "lower 64 bits of the trace id; 0 with high 0: the line names no trace"),
    Column("span_id", pa.uint64(), "", "span id; 0 is none"),
    Column("time_ns", pa.int64(), "ns since epoch", "when it was logged; null where unknown"),
    Column("service", TEXT, "", "service that logged; null where unknown"),
    Column("host", TEXT, "", "whose clock"),
    Column("severity", TEXT, "", "trace, debug, info, warn, error, fatal; null where unknown"),
    Column("logger", TEXT, "", "logger or instrumentation scope"),
    Column("body", TEXT, "", "the line or message as exported: holds values, never shown"),
    Column(
        "fields", TEXT, "", "what a structured line says beside its message, as exported: holds values, never shown"
    ),
    Column(
        "structured", pa.bool_(), "", "the line (of an OTLP record: its body) is JSON, logfmt or a known access log"
    ),
    Column("error_type", TEXT, "", "exception type on the record"),
    Column("request_id", TEXT, "", "request or correlation id: holds values, never shown; it is no trace"),
    Column("peer_service", TEXT, "", "upstream cluster or host that a proxy passed the request to"),
    Column("retry_evidence", TEXT, "", "what a proxy says of retries and refusals: response flags, attempts upstream"),
    Column(
        "template",
        TEXT,
        "",
        "message with its values replaced, a matter of this record alone; `Dataset.logs` puts alike ones together",
        derived=True,
    ),
)

SPAN_SCHEMA: Final = pa.schema([(column.name, column.type) for column in SPANS])
LOG_SCHEMA: Final = pa.schema([(column.name, column.type) for column in LOGS])


def empty_spans() -> pa.Table:
    """Return a span table without rows."""
    return SPAN_SCHEMA.empty_table()


def empty_logs() -> pa.Table:
    """Return a log table without rows."""
    return LOG_SCHEMA.empty_table()
