"""Generated spans written as exports of each format that is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import pyarrow as pa
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

__all__ = ["FORMATS", "as_export", "attributes_of", "ids_of", "rows_of"]

#: What instrumentation would have recorded: column and attribute.
_ATTRIBUTES: Final = {
    "http_method": "http.request.method",
    "http_route": "http.route",
    "url_path": "url.path",
    "http_status": "http.response.status_code",
    "server_address": "server.address",
    "server_port": "server.port",
    "db_system": "db.system.name",
    "db_namespace": "db.namespace",
    "db_operation": "db.operation.name",
    "db_collection": "db.collection.name",
    "db_statement": "db.query.text",
    "messaging_system": "messaging.system",
    "messaging_destination": "messaging.destination.name",
    "messaging_operation": "messaging.operation.type",
}
_COLUMNS: Final = (
    "trace_id_high", "trace_id_low", "span_id", "parent_span_id", "service", "host", "name", "kind", "status",
    "start_ns", "duration_ns", *_ATTRIBUTES,
)  # fmt: skip
#: Spans in a batch.
_BATCH: Final = 2_000
_OTLP_KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}

Row = Mapping[str, Any]


def as_export(table: pa.Table, form: str) -> bytes:
    """Write spans in a format: a name of :data:`FORMATS`."""
    return FORMATS[form](table)


def rows_of(table: pa.Table) -> Iterator[Row]:
    for batch in table.select(_COLUMNS).to_batches(max_chunksize=20_000):
        yield from batch.to_pylist()


def attributes_of(row: Row) -> dict[str, str | int]:
    return {name: row[column] for column, name in _ATTRIBUTES.items() if row[column] is not None}


def ids_of(row: Row) -> tuple[str, str, str]:
    parent = f"{row['parent_span_id']:016x}" if row["parent_span_id"] else ""
    return f"{row['trace_id_high']:016x}{row['trace_id_low']:016x}", f"{row['span_id']:016x}", parent


def _batches(table: pa.Table) -> Iterator[list[tuple[tuple[str, str], list[Row]]]]:
    """Yield spans as the Collector batches them: some thousand at a time, those of one resource together."""
    for first in range(0, table.num_rows, _BATCH):
        rows = sorted(rows_of(table.slice(first, _BATCH)), key=_owner)
        yield [(owner, list(group)) for owner, group in groupby(rows, _owner)]


def _owner(row: Row) -> tuple[str, str]:
    return row["service"], row["host"]


def _resource(service: str, host: str) -> dict[str, str]:
    """Return what agents say of a process."""
    return {
        "service.name": service,
        "service.version": "1.4.2",
        "service.namespace": "shop",
        "deployment.environment.name": "production",
        "host.name": host,
        "k8s.pod.name": f"{service}-7f9c6d5b8-{host}",
        "os.type": "linux",
        "process.runtime.name": "OpenJDK Runtime Environment",
        "process.runtime.version": "21.0.4+7-LTS",
        "telemetry.sdk.language": "java",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.43.0",
    }


def _unread(row: Row) -> dict[str, str | int]:
    """Return what agents say beside: nobody here reads it, and all of it must be passed over."""
    number = row["span_id"] % 200
    return {
        "thread.id": number + 20,
        "thread.name": f"http-nio-8080-exec-{number}",
        "network.protocol.version": "1.1",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    }


def _otlp_json(table: pa.Table) -> bytes:
    """A document a line, as the Collector's file exporter writes batches."""
    lines = []
    for batch in _batches(table):
        blocks = []
        for (service, host), rows in batch:
            attributes = [_otlp_attribute(name, value) for name, value in _resource(service, host).items()]
            scope = {"scope": {"name": "generated"}, "spans": [_otlp_span(row) for row in rows]}
            blocks.append({"resource": {"attributes": attributes}, "scopeSpans": [scope]})
        lines.append(json.dumps({"resourceSpans": blocks}, separators=(",", ":")))
    return "\n".join(lines).encode()


def _otlp_span(row: Row) -> dict[str, Any]:
    trace, span, parent = ids_of(row)
    return {
        "traceId": trace,
        "spanId": span,
        "parentSpanId": parent,
        "name": row["name"],
        "kind": _OTLP_KINDS[row["kind"]],
        "startTimeUnixNano": str(row["start_ns"]),
        "endTimeUnixNano": str(row["start_ns"] + row["duration_ns"]),
        "flags": 257,
        "attributes": [_otlp_attribute(name, value) for name, value in (attributes_of(row) | _unread(row)).items()],
        "status": {"code": 2} if row["status"] == "error" else {},
    }


def _otlp_attribute(key: str, value: str | int) -> dict[str, Any]:
    return {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}


def _otlp_protobuf(table: pa.Table) -> bytes:
    """One message of the Collector's file exporter for some thousand spans, each after its length."""
    frames = []
    for batch in _batches(table):
        message = TracesData()
        for (service, host), rows in batch:
            resource = message.resource_spans.add()
            for key, value in _resource(service, host).items():
                resource.resource.attributes.add(key=key).value.string_value = value
            scope = resource.scope_spans.add()
            scope.scope.name = "generated"
            for row in rows:
                _add_message(scope.spans.add(), row)
        content = message.SerializeToString()
        frames.append(len(content).to_bytes(4, "big") + content)
    return b"".join(frames)


def _add_message(span: Any, row: Row) -> None:
    trace, own, parent = ids_of(row)
    span.trace_id, span.span_id, span.parent_span_id = bytes.fromhex(trace), bytes.fromhex(own), bytes.fromhex(parent)
    span.name, span.kind = row["name"], _OTLP_KINDS[row["kind"]]
    span.start_time_unix_nano = row["start_ns"]
    span.end_time_unix_nano = row["start_ns"] + row["duration_ns"]
    for name, value in (attributes_of(row) | _unread(row)).items():
        attribute = span.attributes.add(key=name)
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value
    if row["status"] == "error":
        span.status.code = 2


def _jaeger_json(table: pa.Table) -> bytes:
    """Answers of the query API: times are microseconds there."""
    traces = []
    for trace, rows in groupby(rows_of(table), lambda row: ids_of(row)[0]):
        processes: dict[tuple[str, str], str] = {}
        spans = []
        for row in rows:
            process = processes.setdefault((row["service"], row["host"]), f"p{len(processes) + 1}")
            spans.append(_jaeger_span(row, process))
        described = {
            name: {"serviceName": service, "tags": [{"key": "host.name", "type": "string", "value": host}]}
            for (service, host), name in processes.items()
        }
        traces.append({"traceID": trace, "spans": spans, "processes": described})
    return json.dumps({"data": traces}, separators=(",", ":")).encode()


def _jaeger_span(row: Row, process: str) -> dict[str, Any]:
    trace, span, parent = ids_of(row)
    tags = {**attributes_of(row), "span.kind": row["kind"]}
    failed = [{"key": "error", "type": "bool", "value": True}] if row["status"] == "error" else []
    references = [{"refType": "CHILD_OF", "traceID": trace, "spanID": parent}] if parent else []
    return {
        "traceID": trace,
        "spanID": span,
        "operationName": row["name"],
        "references": references,
        "startTime": row["start_ns"] // 1000,
        "duration": row["duration_ns"] // 1000,
        "tags": [
            {"key": key, "type": "int64" if isinstance(value, int) else "string", "value": value}
            for key, value in tags.items()
        ]
        + failed,
        "logs": [],
        "processID": process,
        "warnings": None,
    }


def _zipkin_json(table: pa.Table) -> bytes:
    """One array of spans: times are microseconds there, tags are texts."""
    return json.dumps([_zipkin_span(row) for row in rows_of(table)]).encode()


def _zipkin_span(row: Row) -> dict[str, Any]:
    trace, span, parent = ids_of(row)
    tags = {name: str(value) for name, value in attributes_of(row).items()} | {"host.name": row["host"]}
    if row["status"] == "error":
        tags["error"] = "true"
    kind = {} if row["kind"] == "internal" else {"kind": row["kind"].upper()}
    return {
        "traceId": trace,
        "id": span,
        **({"parentId": parent} if parent else {}),
        **kind,
        "name": row["name"],
        "timestamp": row["start_ns"] // 1000,
        "duration": max(1, row["duration_ns"] // 1000),
        "localEndpoint": {"serviceName": row["service"]},
        "tags": tags,
    }


FORMATS: Final[Mapping[str, Callable[[pa.Table], bytes]]] = {
    "otlp-json": _otlp_json,
    "otlp-protobuf": _otlp_protobuf,
    "jaeger-json": _jaeger_json,
    "zipkin-json": _zipkin_json,
}
