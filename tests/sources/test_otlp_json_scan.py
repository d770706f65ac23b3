"""The scan of OTLP JSON says what the readable reader says, of sound exports and of broken ones."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources import Rejects, otlp_json
from tests.sources.scans import mutated, told

BROKEN = Path(__file__).with_name("broken")
SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples" / "shop"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def attribute(key: str, **value: object) -> dict[str, object]:
    return {"key": key, "value": value}


def a_span(**members: object) -> dict[str, object]:
    whole = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "op",
        "kind": 3,
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
    }
    return {name: value for name, value in (whole | members).items() if value is not None}


def a_request(*spans: dict[str, object], **block: object) -> bytes:
    scope = {"scope": {"name": "lib"}, "spans": list(spans)}
    resource = {"attributes": [attribute("service.name", stringValue="shop")]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope], **block}]}).encode()


def assert_same(content: bytes) -> None:
    assert told(otlp_json.read, content) == told(otlp_json.read_plainly, content)


#: Each is odd in its own way.
ODDITIES = {
    "no trace id": a_span(traceId=None),
    "an empty trace id": a_span(traceId=""),
    "zeros for a trace id": a_span(traceId="0" * 32),
    "a short trace id": a_span(traceId="b1586c3c8c34d"),
    "base64 ids": a_span(traceId="W47/95gDgQPSabYzgT/GDA==", spanId="7uGbfsPBsXQ="),
    "upper case ids": a_span(traceId=TRACE.upper(), spanId=SPAN.upper()),
    "an id that is none": a_span(spanId="span-A"),
    "an id that is a number": a_span(spanId=12),
    "zeros for a span id": a_span(spanId="0" * 16),
    "an empty parent": a_span(parentSpanId=""),
    "a parent": a_span(parentSpanId="EEE19b7ec3c1b173"),
    "a parent that is null": a_span(parentSpanId=None) | {"parentSpanId": None},
    "times as numbers": a_span(startTimeUnixNano=1544712660000000000),
    "a time beyond 64 bits": a_span(endTimeUnixNano="9999999999999999999"),
    "the last time": a_span(endTimeUnixNano="9223372036854775807"),
    "no end": a_span(endTimeUnixNano="0"),
    "an end before the start": a_span(endTimeUnixNano="1544712659000000000"),
    "a time with a sign": a_span(startTimeUnixNano="+544712660000000000"),
    "kinds by name": a_span(kind="SPAN_KIND_SERVER"),
    "kinds of no name": a_span(kind="SPAN_KIND_WONDERFUL"),
    "kinds of no number": a_span(kind=17),
    "a kind with a fraction": a_span(kind=3.0),
    "a kind in quotes": a_span(kind="2"),
    "a status by name": a_span(status={"code": "STATUS_CODE_ERROR", "message": "no"}),
    "a status by number": a_span(status={"code": 2, "message": ""}),
    "a status that is null": a_span() | {"status": None},
    "a status that is a list": a_span(status=[]),
    "a message that is a number": a_span(status={"code": 2, "message": 7}),
    "a name with escapes": a_span(name='GET "x"\n\\ é 😀'),
    "an empty name": a_span(name=""),
    "a name that is a number": a_span(name=5),
    "a trace state": a_span(traceState="ot=th:8"),
    "an empty trace state": a_span(traceState=""),
    "a link": a_span(links=[{"traceId": TRACE, "spanId": SPAN, "flags": 1}]),
    "a link without ids": a_span(links=[{"spanId": SPAN}, {"traceId": TRACE, "spanId": SPAN}]),
    "a link to nothing": a_span(links=[{"traceId": "0" * 32, "spanId": SPAN}]),
    "no links": a_span(links=[]),
    "dropped attributes": a_span(droppedAttributesCount=2),
    "nothing dropped": a_span(droppedAttributesCount=0, droppedEventsCount=0, droppedLinksCount=0),
    "an exception": a_span(
        events=[
            {"name": "log", "attributes": [attribute("exception.type", stringValue="Wrong")]},
            {"attributes": [attribute("exception.type", stringValue="Right")], "name": "exception"},
            {"name": "exception", "attributes": [attribute("exception.type", stringValue="Late")]},
        ]
    ),
    "an exception that an attribute names first": a_span(
        attributes=[attribute("error.type", stringValue="500")],
        events=[{"name": "exception", "attributes": [attribute("exception.message", stringValue="")]}],
    ),
    "an attribute twice": a_span(
        attributes=[attribute("http.route", stringValue="/a"), attribute("http.route", stringValue="/b")]
    ),
    "two names of one column": a_span(
        attributes=[attribute("http.method", stringValue="get"), attribute("http.request.method", stringValue="PUT")]
    ),
    "an old name alone": a_span(attributes=[attribute("http.method", stringValue="get")]),
    "values of every type": a_span(
        attributes=[
            attribute("http.response.status_code", intValue="200"),
            attribute("server.port", intValue=8080),
            attribute("db.query.text", arrayValue={"values": [{"stringValue": "a"}, {"intValue": "2"}]}),
            attribute("db.response.returned_rows", doubleValue=3.0),
            attribute("url.path", boolValue=True),
            attribute("message.id", bytesValue="YQ=="),
        ]
    ),
    "a value that does not fit": a_span(attributes=[attribute("http.response.status_code", stringValue="fine")]),
    "a value of two types": a_span(attributes=[attribute("http.route", intValue="5", stringValue="/x")]),
    "no value": a_span(attributes=[{"key": "http.route"}, {"key": "url.path", "value": None}, attribute("db.name")]),
    "no key": a_span(attributes=[{"value": {"stringValue": "x"}}]),
    "a key that is a number": a_span(attributes=[{"key": 5, "value": {"stringValue": "x"}}]),
    "a value that is a text": a_span(attributes=[{"key": "http.route", "value": "x"}]),
    "attributes that are an object": a_span(attributes={}),
    "an error tag": a_span(attributes=[attribute("error", stringValue="it broke")]),
    "evidence of retries": a_span(attributes=[attribute("response_flags", stringValue="URX")]),
    "addresses of every kind": a_span(
        attributes=[
            attribute("http.url", stringValue="HTTP://user:pw@Shop.Example:8443/a/b?c=d#e"),
            attribute("http.host", stringValue="other:1"),
            attribute("net.peer.name", stringValue="peer"),
            attribute("url.query", stringValue="?x=1"),
        ]
    ),
    "a query on a path": a_span(
        kind=2, attributes=[attribute("url.path", stringValue="/a"), attribute("url.query", stringValue="x=1")]
    ),
    "a method of gRPC": a_span(
        name="pkg.Svc/Do", attributes=[attribute("rpc.grpc.status_code", intValue="14")], kind=2
    ),
    "a method by its path": a_span(
        attributes=[attribute("rpc.system", stringValue="grpc"), attribute("url.path", stringValue="/a.B/C")]
    ),
    "a scope of its own": a_span(attributes=[attribute("otel.scope.name", stringValue="mine")]),
    "an unknown member": a_span(flags=257, strange={"a": [1, {"b": None}]}),
    "a text too long": a_span(attributes=[attribute("db.query.text", stringValue="x" * 40_000)]),
}


@pytest.mark.parametrize("odd", ODDITIES)
def test_an_odd_span_among_others_is_read_as_by_the_readable_reader(odd):
    content = b"\n".join([a_request(a_span(), ODDITIES[odd], a_span(name="last")), a_request(a_span())])
    assert_same(content)
    assert_same(content.replace(b": ", b":").replace(b", ", b","))
    assert len(told(otlp_json.read, content)["spans"]) >= 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"{}\n{}",
        b'{"resourceSpans":[]}\n{"resourceSpans":null}',
        b'{"resourceSpans":[{}]}\n{"resourceSpans":[{"scopeSpans":[]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":null,"scope":null}],"resource":null}]}\n{}',
        a_request(a_span()) + b"\n" + a_request(a_span())[:-30],
        a_request(a_span()) + a_request(a_span()) + b"\n" + a_request(a_span()),
        a_request(a_span(), instrumentationLibrarySpans=[{"spans": [a_span()]}]) + b"\n{}",
        a_request(a_span(), resource={"attributes": [{"key": "service.name", "value": 5}]}) + b"\n{}",
        a_request(a_span(), resource=[]) + b"\n" + a_request(a_span()),
        a_request(a_span()).replace(b'"scope"', b'"instrumentationLibrary"') + b"\n{}",
        a_request(a_span()).replace(b'"lib"', b"5") + b"\n{}",
        a_request(a_span()).replace(b"traceId", b"trace_id").replace(b"resourceSpans", b"resource_spans") + b"\n{}",
        a_request(a_span()).replace(b'"op"', b'"\xff"') + b"\n" + a_request(a_span()),
        a_request(a_span()).replace(b'"op"', b'"\\ud800"') + b"\n" + a_request(a_span()),
        json.dumps([json.loads(a_request(a_span())), 5]).encode(),
        json.dumps(json.loads(a_request(a_span(), a_span(spanId=None))), indent=2).encode(),
    ],
)
def test_units_of_another_shape_are_left_to_the_readable_reader(content):
    assert_same(content)


@pytest.mark.parametrize("window", ["before", "incident", "after"])
def test_recordings_are_read_alike(window):
    packed = (SAMPLES / window / "traces.jsonl.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        content = stream.read(3_000_000)
    assert_same(content[: content.rfind(b"\n")])


@pytest.mark.parametrize("folder", ["otel", "grafana"])
def test_real_exports_are_read_alike(shared_exports, folder):
    for path in sorted((shared_exports / folder).glob("*.json")):
        assert_same(path.read_bytes())


#: What mutations begin with: every oddity once, in compact and in airy JSON.
SEEDS = [
    b"\n".join(a_request(*part) for part in (list(ODDITIES.values())[at : at + 4] for at in range(0, 60, 4))),
    b"\n".join(
        json.dumps(json.loads(a_request(a_span(), odd)), separators=(",", ":")).encode() for odd in ODDITIES.values()
    ),
]


@pytest.mark.parametrize("path", sorted(BROKEN.glob("otlp-json-*")), ids=lambda path: path.stem)
def test_broken_exports_that_were_once_read_otherwise_are_read_alike(path):
    assert_same(path.read_bytes())


@given(st.integers(0, 2**32 - 1))
def test_broken_exports_are_read_alike(seed):
    chance = random.Random(seed)
    lines = chance.choice(SEEDS).split(b"\n")
    some = b"\n".join(chance.sample([line for line in lines if len(line) < 20_000], 3))
    assert_same(mutated(some, chance))


#: Attributes as spans of one name may have them: the same, of another value, of another kind, twice, more or fewer.
ONE_OF_THEM = st.sampled_from(
    [
        attribute("http.request.method", stringValue="GET"),
        attribute("http.request.method", stringValue="POST"),
        attribute("url.path", stringValue="/a"),
        attribute("url.path", stringValue="/a/1"),
        attribute("server.port", intValue="80"),
        attribute("server.port", intValue="8080"),
        attribute("server.port", doubleValue=80.0),
        attribute("unheard.of", stringValue="x"),
        attribute("unheard.of", boolValue=True),
        attribute("error.type", stringValue='a "quoted" one'),
        {"key": "db.namespace"},
    ]
)


@given(st.lists(st.tuples(st.sampled_from(["op", "other", ""]), st.lists(ONE_OF_THEM, max_size=6)), max_size=12))
def test_attributes_that_are_compared_with_those_of_the_last_span_of_the_name(spans):
    assert_same(
        a_request(
            *(
                a_span(spanId=f"{number + 1:016x}", name=name, attributes=attributes)
                for number, (name, attributes) in enumerate(spans)
            )
        )
        .replace(b", ", b",")
        .replace(b": ", b":")
    )


def test_a_run_longer_than_is_kept_and_one_that_is_cut_short():
    many = [attribute(f"unheard.of.{number}", stringValue="x" * 50) for number in range(40)]
    known = [attribute("http.request.method", stringValue="GET"), attribute("url.path", stringValue="/a")]
    every = [many + known, many + known, known + many, known + many[:5], many[:30] + known + many[30:], known]
    spans = [a_span(spanId=f"{number + 1:016x}", attributes=one) for number, one in enumerate(every * 3)]
    assert_same(json.dumps(json.loads(a_request(*spans)), separators=(",", ":")).encode())


@given(st.lists(st.integers(0, 3), max_size=12))
def test_resources_in_any_order(order):
    blocks = [
        {
            "resource": {"attributes": [attribute("service.name", stringValue=f"shop-{number}" * (1 + number))]},
            "scopeSpans": [{"scope": {"name": "lib"}, "spans": [a_span(spanId=f"{place + 1:016x}")]}],
        }
        for place, number in enumerate(order)
    ]
    assert_same(json.dumps({"resourceSpans": blocks}, separators=(",", ":")).encode())


def test_a_summary_of_pruned_spans_counts_as_many_in_both_readers():
    # As the Collector's span pruning leaves a group of twelve, with a sibling of another name that it kept.
    summary = a_span(
        spanId="00000000000000a1",
        parentSpanId=SPAN,
        name="SELECT prices",
        attributes=[
            attribute("db.system.name", stringValue="postgresql"),
            attribute("aggregation.is_summary", boolValue=True),
            attribute("aggregation.span_count", intValue="12"),
            attribute("aggregation.duration_min_ns", intValue="1000000"),
            attribute("aggregation.duration_avg_ns", intValue="2000000"),
            attribute("aggregation.histogram_bucket_counts", arrayValue={"values": [{"intValue": "12"}]}),
        ],
    )
    kept = a_span(spanId="00000000000000a2", parentSpanId=SPAN, name="SELECT cart")
    content = a_request(a_span(), summary, kept)
    for reader in (otlp_json.read, otlp_json.read_plainly):
        rows = [row for batch in reader(io.BytesIO(content), Rejects()) for row in batch.spans.to_pylist()]
        assert {row["name"]: row["multiplicity"] for row in rows} == {"op": 1, "SELECT prices": 12, "SELECT cart": 1}
    assert_same(content)
