"""Documents that are alike become the rows that the readable readers make of each: of sound exports and broken ones."""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest

from analysis.sources import Rejects, clickhouse_otel, datadog_agent, datadog_spans, elastic_apm
from tests.sources.scans import mutated, told

Document = dict[str, Any]


def an_apm_span(number: int = 0) -> Document:
    return {
        "@timestamp": "2026-11-23T07:00:00.000Z", "timestamp": {"us": 1_795_417_200_000_000 + number},
        "processor": {"event": "span"}, "trace": {"id": f"{number + 1:032x}"}, "parent": {"id": "00f067aa0ba902b7"},
        "transaction": {"id": "00f067aa0ba902b7"}, "event": {"outcome": "success"},
        "span": {"id": f"{number + 16:016x}", "name": "SELECT FROM carts", "type": "db", "subtype": "postgresql",
                 "action": "query", "duration": {"us": 700 + number}, "representative_count": 2,
                 "db": {"instance": "carts", "statement": f"SELECT * FROM carts WHERE id = {number}"},
                 "destination": {"service": {"resource": "postgresql"}}},
        "service": {"name": "cart", "environment": "production", "node": {"name": "cart-1"}},
        "host": {"hostname": "node-7"}, "labels": {"customer": f"c-{number}", "http_route": "/cart/{id}"},
        "url": {"original": f"http://cart:8080/cart/{number}?all=1"}, "agent": {"name": "java", "version": "1.49.0"},
    }  # fmt: skip


def an_apm_transaction(number: int = 0) -> Document:
    found = an_apm_span(number)
    del found["span"]
    return found | {
        "processor": {"event": "transaction"},
        "transaction": {"id": f"{number + 4096:016x}", "name": "GET /cart/{id}", "type": "request", "sampled": True,
                        "duration": {"us": 9_000 + number}, "span_count": {"started": number, "dropped": 0}},
        "http": {"request": {"method": "GET", "headers": {"Traceparent": [f"00-{number}"]}},
                 "response": {"status_code": 200}},
        "url": {"path": f"/cart/{number}", "query": f"all={number}"},
    }  # fmt: skip


def a_native_span(number: int = 0) -> Document:
    return {
        "@timestamp": f"2026-11-23T07:00:00.{number:09d}Z", "trace_id": f"{number + 1:032x}",
        "span_id": f"{number + 16:016x}", "parent_span_id": "00f067aa0ba902b7", "name": "GET", "kind": "Client",
        "duration": 1_500_000 + number, "status": {"code": "Error"}, "scope": {"name": "http"},
        "attributes": {"url.full": f"https://prices:8443/prices/{number}", "server.address": "prices"},
        "resource": {"attributes": {"service.name": "cart", "host.name": "node-7"}},
        "data_stream": {"dataset": "generic.otel", "type": "traces"},
    }  # fmt: skip


def an_agent_span(number: int = 0) -> Document:
    return {
        "trace_id": 2**63 + number, "span_id": 2**62 + number, "parent_id": number, "service": "cart-postgres",
        "name": "postgres.query", "resource": f"SELECT * FROM \"carts\" WHERE id = {number}", "type": "sql",
        "start": 1_795_417_200_000_000_000 + number, "duration": 70_000 + number, "error": number % 2,
        "meta": {"_dd.base_service": "cart", "span.kind": "client", "db.name": "carts", "component": "psycopg",
                 "http.url": f"http://cart/{number}", "env": "production"},
        "metrics": {"_sampling_priority_v1": 1.0, "network.destination.port": 5432.0},
    }  # fmt: skip


def a_searched_span(number: int = 0) -> Document:
    return {
        "id": f"AY{number}", "type": "spans",
        "attributes": {
            "trace_id": str(2**63 + number), "span_id": str(2**62 + number), "parent_id": "0" if number % 2 else "77",
            "service": "cart", "resource_name": f"GET /cart/{number}", "operation_name": "web.request", "type": "web",
            "start_timestamp": f"2026-11-23T07:00:00.{number:03d}Z", "end_timestamp": "2026-11-23T07:00:01.000Z",
            "env": "production", "host": "node-7", "tags": ["team:cart"], "retained_by": "diversity_sampling",
            "custom": {"duration": 12_000_000 + number, "span": {"kind": "server"},
                       "_dd": {"p": {"tid": "6565656500000000"}},
                       "http": {"method": "GET", "status_code": "200", "url": f"http://cart/cart/{number}"}},
        },
    }  # fmt: skip


def a_clickhouse_span(number: int = 0) -> Document:
    return {
        "Timestamp": f"2026-11-23 07:00:00.{number:09d}", "TraceId": f"{number + 1:032x}",
        "SpanId": f"{number + 16:016x}", "ParentSpanId": "" if number % 2 else "00f067aa0ba902b7", "TraceState": "",
        "SpanName": "GET", "SpanKind": "Client", "ServiceName": "cart", "ScopeName": "http",
        "Duration": f"{900 + number}",
        "ResourceAttributes": {"service.name": "cart", "host.name": "node-7"},
        "SpanAttributes": {"url.full": f"https://prices:8443/p/{number}", "db.query.text": f"SELECT '{number}'\n"},
        "StatusCode": "Unset", "StatusMessage": "", "Events.Name": [], "Events.Attributes": [], "Links.TraceId": [],
        "Links.SpanId": [],
    }  # fmt: skip


def a_clickhouse_record(number: int = 0) -> Document:
    return {
        "Timestamp": f"2026-11-23 07:00:00.{number:09d}", "TraceId": f"{number + 1:032x}",
        "SpanId": f"{number + 16:016x}", "SeverityText": "INFO", "SeverityNumber": 9, "ServiceName": "cart",
        "Body": f"cart {number} was read", "ResourceAttributes": {"host.name": "node-7"}, "ScopeName": "shop",
        "LogAttributes": {"customer": f"c-{number % 3}"},
    }  # fmt: skip


#: A format's reader, a document, and fields whose values are replaced: each path with values of every kind.
FORMS: dict[str, tuple[ModuleType, Callable[[int], Document], tuple[str, ...]]] = {
    "an APM span": (
        elastic_apm, an_apm_span,
        ("trace.id", "span.id", "parent.id", "transaction.id", "timestamp.us", "timestamp", "@timestamp", "span",
         "span.duration.us", "span.db.statement", "span.name", "url.original", "url.full", "labels", "processor.event",
         "span.composite", "span.subtype", "labels.http_route",
         "numeric_labels.db_response_returned_rows", "service.name", "span.representative_count"),
    ),
    "an APM transaction": (
        elastic_apm, an_apm_transaction,
        ("transaction.id", "parent.id", "transaction.duration.us", "url.path", "url.query", "transaction.sampled",
         "transaction.span_count.dropped", "transaction.dropped_spans_stats", "transaction.type", "event.ingested"),
    ),
    "a native span": (
        elastic_apm, a_native_span,
        ("trace_id", "span_id", "parent_span_id", "@timestamp", "duration", "kind", "attributes.url.full", "attributes",
         "attributes.rpc.system", "status.code", "trace_state", "links", "attributes.secret", "timestamp.us"),
    ),
    "a span of the agent": (
        datadog_agent, an_agent_span,
        ("trace_id", "span_id", "parent_id", "start", "duration", "error", "meta._dd.p.tid", "meta._dd.base_service",
         "resource", "type", "metrics._dd.rule_psr", "meta.http.url", "meta.grpc.status.code", "service", "meta",
         "metrics"),
    ),
    "a searched span": (
        datadog_spans, a_searched_span,
        ("attributes.trace_id", "attributes.span_id", "attributes.parent_id", "attributes.start_timestamp",
         "attributes.custom.duration", "attributes.custom._dd.p.tid", "attributes.resource_name", "attributes.type",
         "attributes.service", "attributes.custom", "attributes.custom.http.url", "attributes.custom.component"),
    ),
    "a span of ClickHouse": (
        clickhouse_otel, a_clickhouse_span,
        ("TraceId", "SpanId", "ParentSpanId", "Timestamp", "Duration", "SpanAttributes.url.full", "SpanAttributes",
         "SpanAttributes.db.query.text", "SpanAttributes.rpc.system", "TraceState", "SpanKind", "ResourceAttributes",
         "Links.TraceId", "SpanName", "data"),
    ),
    "a record of ClickHouse": (
        clickhouse_otel, a_clickhouse_record,
        ("Body", "TraceId", "SpanId", "Timestamp", "SeverityText", "LogAttributes", "LogAttributes.exception.type"),
    ),
}  # fmt: skip
LARGE = 10**30
#: What a field may hold; `...` is that it is not there.
VALUES: tuple[Any, ...] = (
    ..., None, "", "x", "0", 0, 7, -7, 1.5, 10**19, LARGE, True, [], ["7"], {}, {"id": "7"}, "é", 'a "b"\n', "\u0000",
    "0" * 16, "F" * 16, "ab" * 16, "zz" * 8, "1795417200000000", "2026-11-23T07:00:00.000Z",
    "2026-11-23T07:00:00+02:00", "2026-02-30T07:00:00Z", "GET", "grpc", "sql", "user=1 password=hunter2",
    '{"a": 1}', " {", "/cart/7?b=1#c", "*",
    "https://user:word@cart:8080/a b", "https://cart", "qzjxvwk0", "x" * 40_000,
)  # fmt: skip


def with_value(document: Document, path: str, value: Any) -> Document:
    """Return a document with another value in a field, whose path's names may have dots of their own."""
    changed = copy.deepcopy(document)
    place, rest = changed, path
    while rest not in place:
        first = next((name for name in place if rest.startswith(f"{name}.") and isinstance(place[name], dict)), None)
        if first is None:
            break
        place, rest = place[first], rest[len(first) + 1 :]
    if value is ...:
        place.pop(rest, None)
    else:
        place[rest] = value
    return changed


def every_oddity(make: Callable[[int], Document], paths: tuple[str, ...]) -> Iterator[Document]:
    number = 0
    for path in paths:
        for value in VALUES:
            if value == LARGE and make in {an_agent_span, a_searched_span}:
                # Which of two decoders reads a number of so many digits depends on what stands around it.
                continue
            # Three of each: one is read, two are like it.
            for _ in range(3):
                number += 1
                yield with_value(make(number), path, value)


def wrapped(reader: ModuleType, documents: list[Document]) -> Iterator[bytes]:
    """Yield documents as exports have them: a line each, in an array, in arrays, as a page."""
    yield b"\n".join(json.dumps(one).encode() for one in documents)
    yield json.dumps(documents, ensure_ascii=False, indent=1).encode()
    if reader is datadog_agent:
        traces = [documents[first : first + 5] for first in range(0, len(documents), 5)]
        yield json.dumps(traces).encode()
        yield b"\n".join(json.dumps(one).encode() for one in traces)
    elif reader is datadog_spans:
        pages = [{"data": documents[first : first + 50], "meta": {}} for first in range(0, len(documents), 50)]
        yield b"\n".join(json.dumps(one).encode() for one in pages)
        yield json.dumps(pages[0]).encode()
    elif reader is elastic_apm:
        hits = [{"_index": "traces", "_id": f"{number}", "_source": one} for number, one in enumerate(documents)]
        yield b"\n".join(json.dumps(one).encode() for one in hits)
        yield json.dumps({"took": 1, "hits": {"total": {"value": len(hits)}, "hits": hits}}).encode()


def all_alike(reader: ModuleType, content: bytes) -> None:
    found, expected = told(reader.read, content), told(reader.read_plainly, content)
    assert found["rejects"] == expected["rejects"]
    assert found["notes"] == expected["notes"]
    for kind in ("spans", "logs"):
        assert len(found[kind]) == len(expected[kind])
        for one, other in zip(found[kind], expected[kind], strict=True):
            assert one == other, [(a, b) for a, b in zip(one.split(", '"), other.split(", '"), strict=False) if a != b]


@pytest.mark.parametrize("name", FORMS)
def test_whatever_a_field_holds(name: str) -> None:
    reader, make, paths = FORMS[name]
    documents = list(every_oddity(make, paths))
    for content in wrapped(reader, documents):
        all_alike(reader, content)


@pytest.mark.parametrize("name", FORMS)
def test_broken_exports(name: str) -> None:
    reader, make, _ = FORMS[name]
    chance = random.Random(name)
    contents = list(wrapped(reader, [make(number) for number in range(12)]))
    for turn in range(60):
        all_alike(reader, mutated(contents[turn % len(contents)], chance))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("most", "rows"), [(2, 50_000), (1 << 14, 7)])
def test_pieces_batches_and_what_is_forgotten(name: str, most: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, make, paths = FORMS[name]
    documents = [
        with_value(make(number), paths[number % 5], "x") if number % 3 else make(number) for number in range(90)
    ]
    contents = list(wrapped(reader, documents))
    expected = [told(reader.read_plainly, content) for content in contents]
    monkeypatch.setattr("analysis.sources._alike.reading._PIECE", 5_000)
    monkeypatch.setattr("analysis.sources._alike.reading._MOST", most)
    monkeypatch.setattr("analysis.sources._alike.reading.BATCH_ROWS", rows)
    monkeypatch.setattr("analysis.sources._documents._CHUNK", 3_000)
    monkeypatch.setattr("analysis.sources._gathering._CHUNK", 3_000)
    for content, plain in zip(contents, expected, strict=True):
        found = told(reader.read, content)
        assert found["spans"] == plain["spans"]
        assert found["logs"] == plain["logs"]
        assert found["rejects"] == plain["rejects"]


@pytest.mark.parametrize("name", FORMS)
def test_most_documents_are_never_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, make, _ = FORMS[name]
    content = next(iter(wrapped(reader, [make(number) for number in range(10, 90)])))
    seen: list[str] = []
    for method in ("take", "like"):
        monkeypatch.setattr(reader._Reader, method, counting(getattr(reader._Reader, method), method, seen))
    list(reader.read(io.BytesIO(content), Rejects()))
    assert set(seen) == {"like"}
    assert len(seen) <= 4


def counting(method: Callable[..., Any], name: str, seen: list[str]) -> Callable[..., Any]:
    """Return a method that notes each call."""

    def called(*given: Any) -> Any:
        seen.append(name)
        return method(*given)

    return called


def test_documents_that_are_never_alike_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.sources._alike.kins._ENOUGH", 20)
    monkeypatch.setattr("analysis.sources._alike.reading._PIECE", 5_000)
    monkeypatch.setattr("analysis.sources._documents._CHUNK", 3_000)
    spans = [with_value(an_apm_span(number), "span.name", f"op {number}") for number in range(200)]
    content = json.dumps(spans, indent=1).encode()
    all_alike(elastic_apm, content)
    seen: list[str] = []
    for method in ("take", "like"):
        monkeypatch.setattr(elastic_apm._Reader, method, counting(getattr(elastic_apm._Reader, method), method, seen))
    list(elastic_apm.read(io.BytesIO(content), Rejects()))
    assert len(seen) == 200
    assert 20 < seen.count("like") < 40


def test_statements_and_paths_are_each_ones_own() -> None:
    content = b"\n".join(json.dumps(an_apm_span(number)).encode() for number in range(3))
    (batch,) = elastic_apm.read(io.BytesIO(content), Rejects())
    assert batch.spans is not None
    rows = batch.spans.select(["span_id", "db_statement", "duration_ns", "start_ns", "weight"]).to_pylist()
    assert rows == [
        {
            "span_id": 16 + number,
            "db_statement": f"SELECT * FROM carts WHERE id = {number}",
            "duration_ns": (700 + number) * 1_000,
            "start_ns": (1_795_417_200_000_000 + number) * 1_000,
            "weight": 2.0,
        }
        for number in range(3)
    ]


def test_labels_that_are_attributes_are_each_ones_own():
    routes = ["/cart/{id}", "/cart/{id}", "/orders", "/cart/{id}/items"]
    spans = [with_value(an_apm_span(number), "labels.http_route", route) for number, route in enumerate(routes)]
    content = b"\n".join(json.dumps(span).encode() for span in spans)
    (batch,) = elastic_apm.read(io.BytesIO(content), Rejects())
    assert batch.spans is not None
    assert batch.spans["http_route"].to_pylist() == routes


def test_errors_find_spans_that_were_never_decoded() -> None:
    spans = [an_apm_span(number) for number in range(3)]
    error = {
        "@timestamp": "2026-11-23T07:00:00.000Z", "processor": {"event": "error"}, "trace": {"id": f"{2:032x}"},
        "parent": {"id": f"{17:016x}"}, "error": {"exception": [{"type": "Timeout", "message": "no answer"}]},
    }  # fmt: skip
    for documents in ([*spans, error], [error, *spans]):
        content = b"\n".join(json.dumps(one).encode() for one in documents)
        batches = list(elastic_apm.read(io.BytesIO(content), Rejects()))
        rows = [row for batch in batches if batch.spans is not None for row in batch.spans.to_pylist()]
        assert {row["error_type"] for row in rows if row["span_id"] == 17} - {None} == {"Timeout"}
        assert all(row["error_type"] is None for row in rows if row["span_id"] != 17)


@pytest.mark.parametrize("whole", [False, True])
def test_one_span_tells_the_rate_and_the_upper_half_of_its_trace(whole: bool) -> None:
    traces = []
    for trace in range(4):
        spans = [an_agent_span(10 * trace + number) | {"trace_id": 900 + trace} for number in range(3)]
        spans[2]["meta"]["_dd.p.tid"] = f"{trace + 1:016x}"
        spans[1]["metrics"]["_dd.rule_psr"] = 0.25
        # A service that only its caller can tell takes the trace to the reader.
        if whole and trace == 2:
            del spans[1]["meta"]["_dd.base_service"]
        traces.append(spans)
    for content in (json.dumps(traces).encode(), msgspec.msgpack.encode(traces)):
        all_alike(datadog_agent, content)
        rows = [row for batch in datadog_agent.read(io.BytesIO(content), Rejects()) for row in batch.spans.to_pylist()]
        assert {(row["trace_id_low"], row["trace_id_high"], row["weight"]) for row in rows} == {
            (900 + trace, trace + 1, 4.0) for trace in range(4)
        }
