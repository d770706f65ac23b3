"""Generated spans written as vendors' exports have them, with as much around each span as those carry."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.exports import Row, attributes_of, ids_of, rows_of
from tests.sources.test_tempo_parquet import block, list_attribute

__all__ = ["VENDOR_FORMATS"]

_DATADOG: Final = {
    "http.request.method": "http.method",
    "url.path": "http.target",
    "http.response.status_code": "http.status_code",
    "server.address": "out.host",
    "db.system.name": "db.system",
    "db.namespace": "db.name",
    "db.operation.name": "db.operation",
}
_AROUND: Final = {
    "language": "jvm", "runtime-id": "63521871dfe04afda1441a6c9c2344a5", "_dd.p.dm": "-1",
    "thread.name": "http-nio-8080", "env": "production", "version": "1.4.2",
}  # fmt: skip


def _type(row: Row) -> str:
    if row["db_system"]:
        return "redis" if row["db_system"] == "redis" else "sql"
    return (
        "queue"
        if row["messaging_system"]
        else "web"
        if row["kind"] == "server"
        else "http"
        if row["kind"] == "client"
        else "custom"
    )


def _datadog(row: Row) -> dict[str, Any]:
    trace, span, parent = ids_of(row)
    store = _type(row) in {"sql", "redis"}
    tags = {_DATADOG.get(name, name): value for name, value in attributes_of(row).items() if name != "db.query.text"}
    return {
        "trace_id": int(trace[16:], 16),
        "span_id": int(span, 16),
        "parent_id": int(parent or "0", 16),
        "service": row["service"],
        "name": row["name"] if store else "servlet.request",
        "resource": row["db_statement"] if store else row["name"],
        "type": _type(row),
        "start": row["start_ns"],
        "duration": row["duration_ns"],
        "error": int(row["status"] == "error"),
        "meta": {key: str(value) for key, value in tags.items() if key != "server.port"}
        | {"span.kind": row["kind"], "_dd.base_service": row["service"], "_dd.p.tid": trace[:16], **_AROUND},
        "metrics": {
            "_sampling_priority_v1": 1.0,
            "thread.id": 37.0,
            "network.destination.port": float(row["server_port"] or 1),
        },
    }


def _datadog_traces(table: pa.Table) -> list[list[dict[str, Any]]]:
    return [[_datadog(row) for row in rows] for _, rows in groupby(rows_of(table), lambda row: ids_of(row)[0])]


def _datadog_agent(table: pa.Table) -> bytes:
    return json.dumps(_datadog_traces(table)).encode()


def _datadog_packed(table: pa.Table) -> bytes:
    return msgspec.msgpack.encode(_datadog_traces(table))


def _datadog_spans(table: pa.Table) -> bytes:
    """Pages of a thousand spans, one a line."""
    pages = []
    spans = [_datadog_event(_datadog(row), row) for row in rows_of(table)]
    for first in range(0, len(spans), 1000):
        page = {"data": spans[first : first + 1000], "meta": {"page": {"after": "x"}}, "links": {"next": "y"}}
        pages.append(json.dumps(page))
    return "\n".join(pages).encode()


def _datadog_event(span: Mapping[str, Any], row: Row) -> dict[str, Any]:
    custom: dict[str, Any] = {"duration": span["duration"], "operation_name": span["name"]}
    for name, value in span["meta"].items():
        *path, last = name.split(".")
        place = custom
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    attributes = {
        "trace_id": str(span["trace_id"]), "span_id": str(span["span_id"]), "parent_id": str(span["parent_id"]),
        "service": span["service"], "resource_name": span["resource"], "resource_hash": "2c8cc8275262b3cd",
        "type": span["type"], "status": "error" if span["error"] else "ok", "start_timestamp": _iso(row, 3),
        "end_timestamp": _iso(row, 3), "env": "production", "host": row["host"], "single_span": False,
        "retained_by": "diversity_sampling", "ingestion_reason": "auto", "custom": custom,
        "tags": [f"tag_{number}:value-{number}" for number in range(20)],
    }  # fmt: skip
    return {"id": "AYkGkCVkAADfl3Kz2yGWhekz", "type": "spans", "attributes": attributes}


def _iso(row: Row, digits: int, separator: str = "T") -> str:
    second, rest = divmod(row["start_ns"], 1_000_000_000)
    moment = datetime.fromtimestamp(second, UTC).strftime(f"%Y-%m-%d{separator}%H:%M:%S")
    return f"{moment}.{rest:09d}"[: len(moment) + 1 + digits] + ("Z" if separator == "T" else "")


def _elastic_apm(table: pa.Table) -> bytes:
    """Hits of a search, one a line, as elasticdump writes them: documents as the APM server makes them."""
    hits = ({"_index": ".ds-traces-apm-default", "_id": "x", "_source": _elastic(row)} for row in rows_of(table))
    return "\n".join(map(json.dumps, hits)).encode()


def _elastic(row: Row) -> dict[str, Any]:
    trace, span, parent = ids_of(row)
    event = "transaction" if row["kind"] in {"server", "consumer"} else "span"
    own: dict[str, Any] = {"id": span, "name": row["name"], "duration": {"us": row["duration_ns"] // 1000}}
    if event == "span":
        store = row["db_system"] is not None
        own |= {"type": "db" if store else "messaging" if row["messaging_system"] else "external",
                "subtype": row["db_system"] or row["messaging_system"] or "http", "action": "query",
                "representative_count": 1, "db": {"statement": row["db_statement"], "instance": row["db_namespace"]},
                "destination": {"service": {"resource": row["server_address"]}}}  # fmt: skip
    return {
        "@timestamp": _iso(row, 3), "timestamp": {"us": row["start_ns"] // 1000}, "processor": {"event": event},
        "trace": {"id": trace}, "transaction": {"id": span}, "parent": {"id": parent} if parent else {}, event: own,
        "service": {"name": row["service"], "environment": "production", "version": "1.4.2",
                    "node": {"name": row["host"]}, "language": {"name": "Java", "version": "21"},
                    "framework": {"name": "Spring", "version": "6.1"}},
        "agent": {"name": "java", "version": "1.49.0", "ephemeral_id": "b17f231da0ad128dc6c6c0b2e82f6f30"},
        "host": {"hostname": row["host"], "name": row["host"], "ip": "10.0.0.7", "architecture": "amd64",
                 "os": {"platform": "linux"}},
        "event": {"outcome": "failure" if row["status"] == "error" else "success"},
        "observer": {"hostname": "apm", "type": "apm-server", "version": "8.15.0"},
        "data_stream": {"type": "traces", "dataset": "apm", "namespace": "default"},
        "http": {"request": {"method": row["http_method"]}, "response": {"status_code": row["http_status"]}},
        "url": {"path": row["url_path"]}, "destination": {"port": row["server_port"]},
        "labels": {"http_route": row["http_route"]} if row["http_route"] else {},
    }  # fmt: skip


def _clickhouse(row: Row) -> dict[str, Any]:
    trace, span, parent = ids_of(row)
    return {
        "Timestamp": _iso(row, 9, " "), "TraceId": trace, "SpanId": span, "ParentSpanId": parent, "TraceState": "",
        "SpanName": row["name"], "SpanKind": row["kind"].capitalize(), "ServiceName": row["service"],
        "ResourceAttributes": {"service.name": row["service"], "host.name": row["host"], "os.type": "linux"},
        "ScopeName": "generated", "ScopeVersion": "", "Duration": str(row["duration_ns"]),
        "SpanAttributes": {name: str(value) for name, value in attributes_of(row).items()},
        "StatusCode": "Error" if row["status"] == "error" else "Unset", "StatusMessage": "", "Events.Timestamp": [],
        "Events.Name": [], "Events.Attributes": [], "Links.TraceId": [], "Links.SpanId": [], "Links.TraceState": [],
        "Links.Attributes": [],
    }  # fmt: skip


def _clickhouse_json(table: pa.Table) -> bytes:
    return "\n".join(json.dumps(_clickhouse(row)) for row in rows_of(table)).encode()


def _clickhouse_parquet(table: pa.Table) -> bytes:
    pairs = pa.map_(pa.string(), pa.string())
    rows = []
    for row in rows_of(table):
        made = _clickhouse(row) | {"Timestamp": row["start_ns"], "Duration": row["duration_ns"]}
        rows.append({k: list(v.items()) if isinstance(v, dict) else v for k, v in made.items() if "." not in k})
    kinds = {"Timestamp": pa.timestamp("ns", "UTC"), "Duration": pa.uint64(), "ResourceAttributes": pairs}
    schema = pa.schema(
        [(name, kinds.get(name, pairs if name == "SpanAttributes" else pa.string())) for name in rows[0]]
    )
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), target, compression="lz4", row_group_size=100_000)
    return target.getvalue()


def _tempo_parquet(table: pa.Table) -> bytes:
    traces = []
    for trace, rows in groupby(rows_of(table), lambda row: ids_of(row)[0]):
        parts = []
        for service, spans in groupby(rows, lambda row: row["service"]):
            made = list(spans)
            host = [list_attribute("host.name", made[0]["host"])]
            resource = {"Attrs": host, "ServiceName": service, "DedicatedAttributes": {}}
            scope = {"Scope": {"Name": "generated", "Version": ""}, "Spans": [_tempo_span(row) for row in made]}
            parts.append({"Resource": resource, "ss": [scope]})
        traces.append({"TraceID": bytes.fromhex(trace), "TraceIDText": trace, "rs": parts})
    return block(traces, 4)


def _tempo_span(row: Row) -> dict[str, Any]:
    _, span, parent = ids_of(row)
    kinds = ("unspecified", "internal", "server", "client", "producer", "consumer")
    return {
        "SpanID": bytes.fromhex(span), "ParentSpanID": bytes.fromhex(parent), "Name": row["name"],
        "Kind": kinds.index(row["kind"]), "TraceState": "", "StartTimeUnixNano": row["start_ns"],
        "DurationNano": row["duration_ns"], "StatusCode": 2 if row["status"] == "error" else 0, "StatusMessage": "",
        "Attrs": [list_attribute(name, value) for name, value in attributes_of(row).items()],
        "DroppedAttributesCount": 0, "Events": [], "Links": [], "DedicatedAttributes": {},
    }  # fmt: skip


def _aws_xray(table: pa.Table) -> bytes:
    """Segment documents, one a line."""
    lines = []
    for row in rows_of(table):
        trace, span, parent = ids_of(row)
        document = {
            "trace_id": f"1-{trace[:8]}-{trace[8:]}", "id": span, "name": row["service"],
            "start_time": row["start_ns"] / 1e9, "end_time": (row["start_ns"] + row["duration_ns"]) / 1e9,
            "origin": "AWS::ECS::Container", "aws": {"ecs": {"container": row["host"]}, "xray": {"sdk": "X-Ray"}},
            "http": {"request": {"method": row["http_method"], "url": f"https://host{row['url_path']}"},
                     "response": {"status": row["http_status"]}},
            "sql": {"sanitized_query": row["db_statement"]} if row["db_statement"] else {},
            "fault": row["status"] == "error", "annotations": {"http_route": row["http_route"]},
        }  # fmt: skip
        lines.append(json.dumps(document | ({"parent_id": parent} if parent else {})))
    return "\n".join(lines).encode()


#: By what is measured: the name of the format, and how spans are written in it.
VENDOR_FORMATS: Final[Mapping[str, tuple[str, Callable[[pa.Table], bytes]]]] = {
    "datadog-agent": ("datadog-agent", _datadog_agent),
    "datadog-agent, MessagePack": ("datadog-agent", _datadog_packed),
    "datadog-spans": ("datadog-spans", _datadog_spans),
    "elastic-apm": ("elastic-apm", _elastic_apm),
    "clickhouse-otel": ("clickhouse-otel", _clickhouse_json),
    "clickhouse-otel, Parquet": ("clickhouse-otel", _clickhouse_parquet),
    "tempo-parquet": ("tempo-parquet", _tempo_parquet),
    "aws-xray": ("aws-xray", _aws_xray),
}
