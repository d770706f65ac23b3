"""Spans as plain values, and the same spans as each export format writes them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from analysis.sources import Batch, Rejects, detect, open_stream

KIND_NUMBERS = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUS_NUMBERS = {"unset": 0, "ok": 1, "error": 2}


@dataclass(frozen=True)
class Made:
    """One span, with the columns that every format can carry."""

    trace: int
    span: int
    parent: int = 0
    service: str = "shop"
    name: str = "GET /cart"
    kind: str = "server"
    status: str = "unset"
    start_us: int = 1_700_000_000_000_000
    duration_us: int = 1_500
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, Any]:
        """The row of the schema that it must become, without attributes."""
        return {
            "trace_id_high": self.trace >> 64,
            "trace_id_low": self.trace & (1 << 64) - 1,
            "span_id": self.span,
            "parent_span_id": self.parent,
            "service": self.service,
            "name": self.name,
            "kind": self.kind,
            "status": self.status,
            "start_ns": self.start_us * 1000,
            "duration_ns": self.duration_us * 1000,
        }


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in attributes.items()]


def encode_id(number: int, size: int, encoding: str) -> str:
    if encoding == "base64":
        return base64.b64encode(number.to_bytes(size, "big")).decode()
    text = f"{number:0{2 * size}x}"
    return {"hex": text, "HEX": text.upper(), "stripped": text.lstrip("0")}[encoding]


def otlp_span(made: Made, encoding: str = "hex", enums: str = "number") -> dict[str, Any]:
    start = made.start_us * 1000
    names = enums == "name"
    kind: Any = f"SPAN_KIND_{made.kind.upper()}" if names else KIND_NUMBERS[made.kind]
    code: Any = f"STATUS_CODE_{made.status.upper()}" if names else STATUS_NUMBERS[made.status]
    return {
        "traceId": encode_id(made.trace, 16, encoding),
        "spanId": encode_id(made.span, 8, encoding),
        "parentSpanId": encode_id(made.parent, 8, encoding) if made.parent else "",
        "name": made.name,
        "kind": str(kind) if enums == "digits" else kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + made.duration_us * 1000),
        "attributes": pairs(made.attributes),
        "status": {"code": code},
    }


def otlp_block(spans: list[Made], encoding: str = "hex", enums: str = "number") -> dict[str, Any]:
    service = spans[0].service
    return {
        "resource": {"attributes": pairs({"service.name": service})},
        "scopeSpans": [{"scope": {"name": "lib"}, "spans": [otlp_span(span, encoding, enums) for span in spans]}],
    }


def otlp_json(spans: list[Made], encoding: str = "hex", enums: str = "number", key: str = "resourceSpans") -> bytes:
    return orjson.dumps({key: [otlp_block([span], encoding, enums) for span in spans]})


def otlp_message(spans: list[Made]) -> bytes:
    request = ExportTraceServiceRequest()
    for made in spans:
        block = request.resource_spans.add()
        attribute = block.resource.attributes.add()
        attribute.key, attribute.value.string_value = "service.name", made.service
        scope = block.scope_spans.add()
        scope.scope.name = "lib"
        span = scope.spans.add()
        span.trace_id, span.span_id = made.trace.to_bytes(16, "big"), made.span.to_bytes(8, "big")
        span.parent_span_id = made.parent.to_bytes(8, "big") if made.parent else b""
        span.name, span.kind, span.status.code = made.name, KIND_NUMBERS[made.kind], STATUS_NUMBERS[made.status]
        span.start_time_unix_nano = made.start_us * 1000
        span.end_time_unix_nano = (made.start_us + made.duration_us) * 1000
        for key, value in made.attributes.items():
            attribute = span.attributes.add()
            attribute.key, attribute.value.string_value = key, str(value)
    return request.SerializeToString()


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def jaeger_span(made: Made, process: str = "p1") -> dict[str, Any]:
    trace = f"{made.trace:032x}"
    tags: list[dict[str, Any]] = [{"key": "span.kind", "type": "string", "value": made.kind}]
    if made.status == "error":
        tags.append({"key": "error", "type": "bool", "value": True})
    elif made.status == "ok":
        tags.append({"key": "otel.status_code", "type": "string", "value": "OK"})
    tags += [{"key": key, "type": "string", "value": str(value)} for key, value in made.attributes.items()]
    references = [{"refType": "CHILD_OF", "traceID": trace, "spanID": f"{made.parent:016x}"}] if made.parent else []
    return {
        "traceID": trace,
        "spanID": f"{made.span:016x}",
        "operationName": made.name,
        "references": references,
        "startTime": made.start_us,
        "duration": made.duration_us,
        "tags": tags,
        "logs": [],
        "processID": process,
        "warnings": None,
    }


def jaeger_json(spans: list[Made]) -> bytes:
    traces = []
    for trace in sorted({span.trace for span in spans}):
        own = [span for span in spans if span.trace == trace]
        services = sorted({span.service for span in own})
        traces.append(
            {
                "traceID": f"{trace:032x}",
                "spans": [jaeger_span(span, f"p{services.index(span.service)}") for span in own],
                "processes": {
                    f"p{number}": {"serviceName": service, "tags": []} for number, service in enumerate(services)
                },
            }
        )
    return orjson.dumps({"data": traces, "total": 0, "limit": 0, "offset": 0, "errors": None})


def zipkin_span(made: Made) -> dict[str, Any]:
    span: dict[str, Any] = {
        "traceId": f"{made.trace:032x}",
        "id": f"{made.span:016x}",
        "name": made.name,
        "timestamp": made.start_us,
        "duration": made.duration_us,
        "localEndpoint": {"serviceName": made.service},
    }
    tags = {key: str(value) for key, value in made.attributes.items()}
    if made.status == "error":
        tags["error"] = ""
    if made.status == "ok":
        tags["otel.status_code"] = "OK"
    if tags:
        span["tags"] = tags
    if made.parent:
        span["parentId"] = f"{made.parent:016x}"
    if made.kind in {"server", "client", "producer", "consumer"}:
        span["kind"] = made.kind.upper()
    return span


def zipkin_json(spans: list[Made]) -> bytes:
    return orjson.dumps([zipkin_span(span) for span in spans])


@dataclass
class Read:
    """What reading an export gave."""

    format: str
    spans: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    rejects: Rejects

    @property
    def reasons(self) -> dict[str, int]:
        return {row["reason"]: row["count"] for row in self.rejects.rows()}

    def only(self) -> dict[str, Any]:
        assert len(self.spans) == 1, (len(self.spans), self.rejects.rows())
        return self.spans[0]


def read(content: bytes) -> Read:
    """Read an export the way that ingest does: by its content alone."""
    rejects = Rejects()
    with open_stream(io.BytesIO(content), "export") as stream:
        source = detect(stream.peek(65_536))
        assert source is not None, "no format claims it"
        batches: list[Batch] = list(source.read(stream, rejects))
    spans = [table for batch in batches if (table := batch.spans) is not None]
    logs = [table for batch in batches if (table := batch.logs) is not None]
    return Read(source.NAME, _rows(spans), _rows(logs), rejects)


def _rows(tables: list[pa.Table]) -> list[dict[str, Any]]:
    return [row for table in tables for row in table.to_pylist()]


def key_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns of `Made.row`, of every row."""
    names = Made(1, 1).row
    return [{name: row[name] for name in names} for row in rows]
