"""The scan of OTLP protobuf says what the readable reader says, of sound exports and of broken ones."""

from __future__ import annotations

import base64
import copy
import random
from typing import Any

import pytest
import zstandard
from google.protobuf.json_format import ParseDict, ParseError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from analysis.sources import otlp_protobuf
from tests.sources.scans import mutated, told
from tests.sources.test_otlp_json_scan import BROKEN, ODDITIES, a_span, attribute

ATTRIBUTES = [attribute("service.name", stringValue="shop"), attribute("host.name", stringValue="h1")]


def in_base64(span: dict[str, Any]) -> dict[str, Any]:
    """Return a span with its ids as protobuf's own JSON has them."""
    span = copy.deepcopy(span)
    for part in (span, *(span.get("links") or ())):
        for name in ("traceId", "spanId", "parentSpanId"):
            if isinstance(part.get(name), str):
                part[name] = base64.b64encode(bytes.fromhex(part[name])).decode()
    return span


def message(*spans: dict[str, Any]) -> TracesData | None:
    """Return a message of spans; None where protobuf cannot hold them."""
    scope = {"scope": {"name": "lib", "version": "1"}, "spans": [], "schemaUrl": "u"}
    try:
        scope["spans"] = [in_base64(span) for span in spans]
        block = {"resource": {"attributes": ATTRIBUTES}, "scopeSpans": [scope]}
        return ParseDict({"resourceSpans": [block]}, TracesData())
    except (ParseError, ValueError):
        return None


def framed(*contents: bytes) -> bytes:
    return b"".join(len(content).to_bytes(4, "big") + content for content in contents)


MESSAGES = {
    name: found.SerializeToString() for name, span in ODDITIES.items() if (found := message(a_span(), span)) is not None
}


def assert_same(content: bytes) -> None:
    assert told(otlp_protobuf.read, content) == told(otlp_protobuf.read_plainly, content)


def test_most_oddities_can_be_told_in_protobuf():
    assert len(MESSAGES) > 30


@pytest.mark.parametrize("odd", MESSAGES)
def test_an_odd_span_is_read_as_by_the_readable_reader(odd):
    assert_same(framed(MESSAGES[odd], MESSAGES["a parent"]))
    assert_same(MESSAGES[odd])
    assert len(told(otlp_protobuf.read, framed(MESSAGES[odd]))["spans"]) >= 1


def test_ids_of_other_lengths_and_texts_that_are_none():
    whole = message(a_span(name="first"), a_span(name="second"), a_span(name="third"))
    assert whole is not None
    spans = whole.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id = b"12345678"
    spans[1].span_id = b"123"
    broken = whole.SerializeToString().replace(b"third", b"thi\xffd")
    assert_same(framed(broken))
    assert_same(framed(broken.replace(b"lib", b"l\xffb")))
    assert_same(framed(broken.replace(b"h1", b"\xff1")))


def test_lists_and_maps_within_one_another():
    deep: dict[str, Any] = {"stringValue": "x"}
    for _ in range(4):
        deep = {"arrayValue": {"values": [deep, {"kvlistValue": {"values": [{"key": "a", "value": deep}]}}]}}
        odd = message(a_span(attributes=[{"key": "db.query.text", "value": deep}, {"key": "strange", "value": deep}]))
        assert odd is not None
        assert_same(framed(odd.SerializeToString()))


def test_logs_and_metrics_are_no_spans():
    logs = {"scopeLogs": [{"logRecords": [{"timeUnixNano": "5", "body": {"stringValue": "hello"}}]}]}
    metrics = {"scopeMetrics": [{"metrics": [{"name": "requests_total", "description": "how many there were"}]}]}
    contents = [
        ParseDict({"resourceLogs": [logs]}, LogsData()).SerializeToString(),
        ParseDict({"resourceMetrics": [metrics]}, MetricsData()).SerializeToString(),
        MESSAGES["a link"],
    ]
    assert_same(framed(*contents))
    found = told(otlp_protobuf.read, framed(*contents))
    assert (len(found["spans"]), len(found["logs"])) == (2, 1)


def test_frames_of_their_own_compression():
    packed = [zstandard.compress(content) for content in MESSAGES.values()]
    assert_same(framed(*packed))


def test_real_exports_are_read_alike(shared_exports):
    for path in sorted((shared_exports / "otel").glob("*.bin")):
        assert_same(path.read_bytes())


@pytest.mark.parametrize("path", sorted(BROKEN.glob("otlp-protobuf-*")), ids=lambda path: path.stem)
def test_broken_exports_that_were_once_read_otherwise_are_read_alike(path):
    assert_same(path.read_bytes())


@given(st.integers(0, 2**32 - 1))
def test_broken_exports_are_read_alike(seed):
    chance = random.Random(seed)
    some = chance.sample([content for content in MESSAGES.values() if len(content) < 20_000], 3)
    assert_same(mutated(chance.choice([framed(*some), some[0]]), chance))
