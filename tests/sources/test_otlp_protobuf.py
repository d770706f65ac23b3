"""OTLP as Protocol Buffers: bare and framed, compressed and not; a length that lies costs its own message."""

from __future__ import annotations

import base64

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from analysis.sources._wire import encoded, fields, tiles, varint, whole_part
from tests.sources.build import Made, framed, key_columns, otlp_json, otlp_message, read

TRACE = 0x0102030405060708090A0B0C0D0E0F10
SPANS = [Made(TRACE, number, parent=number - 1, name=f"op{number}", status="error") for number in range(1, 7)]
MESSAGES = [otlp_message(SPANS[:2]), otlp_message(SPANS[2:3]), otlp_message(SPANS[3:])]


def compressed(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(otlp_message(SPANS), id="bare"),
        pytest.param(b"".join(MESSAGES), id="bare, concatenated"),
        pytest.param(framed(*MESSAGES), id="framed"),
        pytest.param(framed(*(compressed(message) for message in MESSAGES)), id="framed, zstd inside"),
        pytest.param(compressed(framed(*MESSAGES)), id="framed, zstd around"),
        pytest.param(framed(*MESSAGES[:1], b"", *MESSAGES[1:], b""), id="with empty messages"),
        pytest.param(framed(MESSAGES[0], compressed(MESSAGES[1]), MESSAGES[2]), id="mixed"),
        pytest.param(framed(*(compressed(otlp_json([span])) for span in SPANS)), id="JSON in zstd frames"),
        pytest.param(framed(*(otlp_json([span]) for span in SPANS)), id="JSON in frames"),
    ],
)
def test_every_framing_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "otlp-protobuf"
    assert key_columns(found.spans) == [span.row for span in SPANS]
    assert not found.rejects.rows()


def test_exports_of_the_file_exporter(shared_exports):
    plain = read((shared_exports / "otel" / "file_exporter_proto.bin").read_bytes())
    inside = read((shared_exports / "otel" / "file_exporter_proto_zstd.bin").read_bytes())
    assert plain.spans == inside.spans
    assert len(plain.spans) == 6
    assert plain.spans[0]["trace_id_high"] == 0x4290B5877A9930DE
    assert not plain.rejects.rows()
    assert not inside.rejects.rows()


def test_attributes_events_links_and_weight():
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes(range(16)), bytes(range(8))
    span.start_time_unix_nano, span.end_time_unix_nano = 1_000_000_000_000_000_100, 1_000_000_000_000_000_200
    for key, field, value in (
        ("http.request.method", "string_value", "GET"),
        ("http.response.status_code", "int_value", 503),
        ("sampling.probability", "double_value", 0.25),
        ("error", "bool_value", True),
    ):
        attribute = span.attributes.add()
        attribute.key = key
        setattr(attribute.value, field, value)
    attribute = span.attributes.add()
    attribute.key = "db.collection.name"
    attribute.value.array_value.values.add().string_value = "a"
    attribute.value.array_value.values.add().int_value = 2
    event = span.events.add()
    event.name = "exception"
    attribute = event.attributes.add()
    attribute.key, attribute.value.string_value = "exception.type", "TimeoutError"
    link = span.links.add()
    link.trace_id, link.span_id = bytes(15) + b"\1", bytes(7) + b"\2"
    row = read(data.SerializeToString()).only()
    assert (row["http_method"], row["http_status"], row["weight"], row["status"]) == ("GET", 503, 4.0, "error")
    assert (row["db_collection"], row["error_type"], row["time_resolution_ns"]) == ('["a",2]', "TimeoutError", 1)
    assert row["links"] == [{"trace_id_high": 0, "trace_id_low": 1, "span_id": 2, "kind": "link"}]
    assert row["start_ns"] == 1_000_000_000_000_000_100


def test_zeros_for_both_times_are_absent_times():
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes(range(16)), bytes(range(8))
    row = read(data.SerializeToString()).only()
    assert (row["start_ns"], row["duration_ns"]) == (None, None)


def test_logs_and_metrics_have_no_mark_but_their_fields():
    logs = LogsData()
    block = logs.resource_logs.add()
    attribute = block.resource.attributes.add()
    attribute.key, attribute.value.string_value = "service.name", "shop"
    scope = block.scope_logs.add()
    scope.scope.name = "app"
    record = scope.log_records.add()
    record.time_unix_nano, record.severity_number = 5, 17
    record.body.string_value = "level=error msg=late"
    record.trace_id, record.span_id = bytes(15) + b"\3", bytes(7) + b"\4"
    bare = scope.log_records.add()
    bare.body.string_value = "late"
    metrics = MetricsData()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name, metric.unit = "latency", "ms"
    metric.gauge.data_points.add().as_int = 3
    found = read(framed(otlp_message(SPANS), logs.SerializeToString(), metrics.SerializeToString()))
    assert len(found.spans) == len(SPANS)
    first, second = found.logs
    assert (first["trace_id_low"], first["span_id"], first["time_ns"], first["severity"]) == (3, 4, 5, "error")
    assert (first["service"], first["logger"], first["structured"]) == ("shop", "app", True)
    assert (second["body"], second["time_ns"], second["severity"]) == ("late", None, None)
    assert found.rejects.notes == {"requests of metrics were passed over": 1}


def test_hexadecimal_digits_taken_for_base64_are_put_right():
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    # The mistake itself: JSON's hexadecimal ids decoded as base64.
    span.trace_id = base64.b64decode("0102030405060708090a0b0c0d0e0f10")
    span.span_id = base64.b64decode("00000000000000ab")
    found = read(data.SerializeToString())
    row = found.only()
    assert (row["trace_id_high"] << 64 | row["trace_id_low"], row["span_id"]) == (TRACE, 0xAB)
    assert found.rejects.notes == {"ids that were hexadecimal digits taken for base64 were put right": 2}


def test_an_id_of_another_length_is_refused_alone():
    data = TracesData()
    scope = data.resource_spans.add().scope_spans.add()
    for size in (8, 5, 8):
        span = scope.spans.add()
        span.trace_id, span.span_id = bytes(range(1, 17)), bytes(range(1, size + 1))
        span.start_time_unix_nano = 1
    found = read(data.SerializeToString())
    assert len(found.spans) == 2
    assert found.reasons == {"id is of another length than OTLP's": 1}


@pytest.mark.parametrize("wrong", [1, 60, 100_000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_lies_costs_one_message(wrong):
    content = framed(*MESSAGES)
    second = 4 + len(MESSAGES[0])
    lying = content[:second] + wrong.to_bytes(4, "big") + content[second + 4 :]
    found = read(lying)
    names = [row["name"] for row in found.spans]
    assert names[:2] == ["op1", "op2"]
    assert names[-3:] == ["op4", "op5", "op6"]
    assert any(row["example"].startswith(f"byte {second}") for row in found.rejects.rows())


def test_a_length_that_lies_in_a_bare_message_costs_its_block():
    content = otlp_message(SPANS)
    blocks = list(fields(content, 0, len(content)))
    # The third block says that it is longer than the file.
    start = blocks[1].end
    lying = content[: start + 1] + b"\xff\xff\x03" + content[start + 2 :]
    found = read(lying)
    names = [row["name"] for row in found.spans]
    assert names[:2] == ["op1", "op2"]
    assert names[-3:] == ["op4", "op5", "op6"]
    assert found.reasons == {"the length of a message is wrong": 1}


def test_a_damaged_zstd_message_costs_itself():
    frames = [zstandard.ZstdCompressor(write_checksum=True).compress(message) for message in MESSAGES]
    damaged = frames[1][:-1] + bytes([frames[1][-1] ^ 0xFF])
    found = read(framed(frames[0], damaged, frames[2]))
    names = [row["name"] for row in found.spans]
    assert names == ["op1", "op2", "op4", "op5", "op6"]
    assert found.reasons == {"zstd data is damaged": 1}


@pytest.mark.parametrize("bare", [True, False])
def test_a_file_that_is_cut_off_keeps_the_whole_spans_before(bare):
    data = TracesData()
    scope = data.resource_spans.add().scope_spans.add()
    for number in range(20):
        span = scope.spans.add()
        span.trace_id, span.span_id = TRACE.to_bytes(16, "big"), (number + 1).to_bytes(8, "big")
        span.name, span.start_time_unix_nano, span.end_time_unix_nano = f"op{number:02}", 1, 2
    message = data.SerializeToString()
    content = message if bare else framed(message)
    marks = [content.index(f"op{number:02}".encode()) for number in range(20)]
    for number in (1, 2, 10, 19):
        found = read(content[: marks[number]])
        assert [row["name"] for row in found.spans] == [f"op{before:02}" for before in range(number)], number
        assert found.reasons == {"the message is cut off": 1}


@given(st.binary(max_size=60))
def test_the_wire_is_read_within_bounds(data):
    at = 0
    for field in fields(data, 0, len(data)):
        assert at <= field.start <= field.end <= len(data)
        at = field.end
    whole_part(data, 0, len(data), (1, 2, 2))
    tiles(data, 0, len(data), {1, 2, 3})


@given(st.integers(0, 2**64 - 1))
def test_varints_are_read_as_they_are_written(value):
    content = encoded(1, b"")
    assert varint(content, 0, len(content)) == (10, 1)
    out = bytearray()
    rest = value
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    assert varint(bytes(out), 0, len(out)) == (value, len(out))
    assert varint(bytes(out[:-1]), 0, len(out) - 1)[0] == -1


def test_json_of_frames_is_refused_by_its_frame():
    found = read(framed(otlp_json(SPANS[:1]), b"{]", otlp_json(SPANS[1:2])))
    assert [row["name"] for row in found.spans] == ["op1", "op2"]
    assert found.rejects.total >= 1
    assert orjson.loads(otlp_json(SPANS[:1]))
