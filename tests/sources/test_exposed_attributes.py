"""Secrets in attributes that no column keeps: kind and name are kept, whatever the format, and never the value."""

from __future__ import annotations

import io
import json

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

import analysis as an
from analysis.ingest.storage import parquet_bytes, read_table
from analysis.schema import SPAN_SCHEMA
from analysis.sources import (
    Rejects,
    datadog_agent,
    jaeger_json,
    open_stream,
    otlp_json,
    otlp_protobuf,
    recognise,
    zipkin_json,
)
from analysis.sources._scan_exposed import ScanLooker
from tests.exports import otlp, span
from tests.sources import build
from tests.sources import test_tempo_parquet as tempo

SAID = {"enduser.id": "eve@shop-mail.com", "form.password": "hunter2xyz", "note": "all is well", "url.path": "/me"}
TOLD = "e-mail address in enduser.id; password in form.password"


def exposed(reader, content):
    batches = reader.read(io.BytesIO(content), Rejects())
    return [value for batch in batches if batch.spans for value in batch.spans["exposed"].to_pylist()]


def in_protobuf(document: bytes) -> bytes:
    plain = json.loads(document)
    for block in plain["resourceSpans"]:
        for scope in block["scopeSpans"]:
            for one in scope["spans"]:
                # Protocol Buffers' own JSON has ids in base64.
                one["traceId"], one["spanId"], one["parentSpanId"] = "AAAAAAAAAAAAAAAAAAAAAQ==", "AAAAAAAAAAE=", ""
    return json_format.ParseDict(plain, TracesData()).SerializeToString()


JAEGER = {
    "data": [
        {
            "traceID": "1" * 16,
            "spans": [
                {
                    "traceID": "1" * 16, "spanID": "2" * 16, "operationName": "GET", "startTime": 1, "duration": 1,
                    "processID": "p1", "tags": [{"key": key, "type": "string", "value": SAID[key]} for key in SAID],
                }
            ],
            "processes": {"p1": {"serviceName": "login", "tags": []}},
        }
    ]
}  # fmt: skip
ZIPKIN = [{"traceId": "1" * 16, "id": "2" * 16, "localEndpoint": {"serviceName": "login"}, "tags": SAID}]
DATADOG = [
    [
        {
            "trace_id": 1, "span_id": 2, "parent_id": 0, "service": "login", "name": "web.request", "resource": "GET /",
            "type": "web", "start": 1, "duration": 1, "error": 0, "meta": SAID | {"_dd.password": "hunter2xyz"},
        }
    ]
]  # fmt: skip


CLICKHOUSE = {
    "Timestamp": "2026-01-01 00:00:00", "TraceId": "1" * 32, "SpanId": "2" * 16, "SpanName": "GET", "Duration": 1,
    "ServiceName": "login", "SpanKind": "Server", "ResourceAttributes": {}, "SpanAttributes": SAID,
}  # fmt: skip
XRAY = {
    "trace_id": f"1-{'1' * 8}-{'2' * 24}", "id": "2" * 16, "name": "login", "start_time": 1.0, "end_time": 2.0,
    "annotations": {"enduser.id": SAID["enduser.id"]}, "metadata": {"default": {"form": {"password": "hunter2xyz"}}},
}  # fmt: skip


def in_parquet(row):
    """Return a row of ClickHouse's table as its own Parquet has it: maps of bytes."""
    kinds = {name: pa.map_(pa.binary(), pa.binary()) for name in row if name.endswith("Attributes")}
    columns = {
        name: pa.array([list(value.items()) if name in kinds else value], kinds.get(name))
        for name, value in row.items()
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def rows_of(content, table):
    with open_stream(io.BytesIO(content), "export") as stream:
        batches = list(recognise(stream).read(stream, Rejects()))
    return [row for batch in batches if getattr(batch, table) for row in getattr(batch, table).to_pylist()]


def test_clickhouse_parquet_is_looked_through_as_its_lines_are():
    for content in (in_parquet(CLICKHOUSE), json.dumps(CLICKHOUSE).encode()):
        assert [row["exposed"] for row in rows_of(content, "spans")] == [TOLD]


def test_fields_of_log_records_of_clickhouse_are_kept():
    row = {name: value for name, value in CLICKHOUSE.items() if not name.startswith("Span")}
    row |= {"SpanId": "2" * 16, "Body": "x", "SeverityText": "INFO", "LogAttributes": SAID}
    for content in (in_parquet(row), json.dumps(row).encode()):
        (record,) = rows_of(content, "logs")
        assert json.loads(record["fields"]) == SAID


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "frame"])
def test_fields_that_a_mapping_does_not_name_are_looked_through(form, tmp_path):
    row = {"trace": "1" * 32, "span": "2" * 16, "svc": "login", "name": "GET", "at": "1767225600", "took": "1"}
    frame = pd.DataFrame([row | SAID, row | {"span": "3" * 16, "note": "well"}])
    path = tmp_path / f"rows.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in (row | SAID, row | {"span": "3" * 16})))
    elif form == "parquet":
        frame.to_parquet(path)
    columns = {"trace_id": "trace", "span_id": "span", "service": "svc", "name": "name"}
    columns |= {"start_ns": {"field": "at", "unit": "s"}, "duration_ns": {"field": "took", "unit": "ms"}}
    data = an.open_rows(frame if form == "frame" else path, {"spans": columns})
    told = data.spans(["span_id", "exposed"]).sort_values("span_id")["exposed"].astype(object).tolist()
    assert [one if isinstance(one, str) else None for one in told] == [TOLD, None]


def test_annotations_and_metadata_of_x_ray_are_looked_through():
    told = build.read(json.dumps(XRAY).encode()).only()["exposed"]
    assert told == "e-mail address in enduser.id; password in metadata.default.form.password"


@pytest.mark.parametrize(("version", "attribute"), [(3, tempo.scalar_attribute), (4, tempo.list_attribute)])
def test_blocks_of_tempo_are_looked_through(version, attribute):
    own = tempo.span(0xB2, attribute=attribute, attributes=SAID)
    rows, _ = tempo.read_block(tempo.block([tempo.trace(own)], version))
    assert [row["exposed"] for row in rows] == [TOLD]


def test_dedicated_columns_of_tempo_are_looked_through(tmp_path):
    own = tempo.span(0xB2, dedicated={"String01": "hunter2xyz", "String02": "all is well"})
    meta = {"dedicatedColumns": [{"n": "form.password"}, {"n": "note"}]}
    rows, _ = tempo.read_block(tempo.block([tempo.trace(own)], 4), meta, tmp_path)
    assert [row["exposed"] for row in rows] == ["password in form.password"]


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (otlp_json, otlp([span(1, 1, attributes=SAID)])),
        (otlp_protobuf, in_protobuf(otlp([span(1, 1, attributes=SAID)]))),
        (jaeger_json, json.dumps(JAEGER).encode()),
        (zipkin_json, json.dumps(ZIPKIN).encode()),
        (datadog_agent, msgspec.msgpack.encode(DATADOG)),
    ],
    ids=["otlp-json", "otlp-protobuf", "jaeger", "zipkin", "datadog"],
)
def test_kind_and_name_are_kept(reader, content):
    assert exposed(reader, content) == [TOLD]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("payment.card", "4111 1111 1111 1111", "card number in payment.card"),
        ("payment.card", "4111 1111 1111 1112", None),
        (
            "http.request.header.authorization",
            f"Bearer {'a1' * 12}",
            "bearer token in http.request.header.authorization",
        ),
        ("auth.token", "expired", None),
        ("db.password", "********", None),
        ("user.eve@shop-mail.com", "logged-in", "e-mail address in <value>"),
        ("contact", "mail\\u0040x", None),
        ("contact", "eve\u0040shop-mail.com", "e-mail address in contact"),
        ("server.address", "eve@shop-mail.com", None),
    ],
)
def test_what_counts_and_what_does_not(key, value, told):
    assert exposed(otlp_json, otlp([span(1, 1, attributes={key: value})])) == [told]


def test_an_escaped_text_is_looked_through_too():
    document = otlp([span(1, 1, attributes={"contact": "eve@shop-mail.com"})]).replace(b"@", b"\\u0040")
    assert exposed(otlp_json, document) == ["e-mail address in contact"]


def test_resources_are_told_on_each_of_their_spans():
    block = json.loads(otlp([span(1, 1), span(1, 2, 1)]))
    for one in block["resourceSpans"]:
        command = {"key": "process.command_line", "value": {"stringValue": "serve --password=Tr0ub4dor"}}
        one["resource"]["attributes"].append(command)
    assert exposed(otlp_json, json.dumps(block).encode()) == ["password in process.command_line"] * 2


def test_of_many_spans_the_first_are_looked_at_then_one_in_256():
    looker = ScanLooker()
    # Each span is one byte of its own but for what it says; ids count up from 1.
    text = b"x password x " * 600
    numbers = np.frombuffer(text, np.uint8)
    found = 0
    for piece in range(40):
        spans = np.zeros((600, 19), np.int64)
        spans[:, 2] = np.arange(600) + 600 * piece + 1
        spans[:, 14] = np.arange(600) * 13
        spans[:, 15] = spans[:, 14] + 13
        found += int(looker.suspects(numbers, spans).sum())
    # A thousand are read; of the other 23,000 those whose id ends in eight zeros: 256 · 4 to 256 · 93 by then.
    assert found == 1_000 + 24_000 // 256 - 1_000 // 256


def test_a_dataset_from_before_reads_as_if_nothing_was_exposed(tmp_path):
    before = SPAN_SCHEMA.empty_table().drop_columns(["exposed"])
    path = tmp_path / "part.parquet"
    path.write_bytes(parquet_bytes(before))
    assert "exposed" in read_table(str(path)).column_names
    assert read_table(str(path), ["service", "exposed"]).column_names == ["service", "exposed"]


def test_no_value_is_in_the_dataset(tmp_path):
    path = tmp_path / "export.json"
    path.write_bytes(otlp([span(1, 1, attributes=SAID)]))
    data = an.open_export(str(path))
    assert "hunter2" not in str([part.read().to_pylist() for part in data.partitions])
    assert "eve@" not in str([part.read().to_pylist() for part in data.partitions])
