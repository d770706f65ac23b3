"""The scan of Jaeger JSON says what the readable reader says, of sound exports and of broken ones."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources import jaeger_json
from tests.sources.scans import mutated, told

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
PROCESSES = {
    "p1": {"serviceName": "shop", "tags": [{"key": "hostname", "type": "string", "value": "node-1"}]},
    "p2": {"serviceName": "never", "tags": [{"key": "host.name", "type": "string", "value": ["a", "b"]}]},
}


def tag(key: str, value: object, **members: object) -> dict[str, object]:
    return {"key": key, "type": "string", "value": value, **members}


def a_reference(kind: str = "CHILD_OF", trace: object = TRACE, span: object = SPAN) -> dict[str, object]:
    return {"refType": kind, "traceID": trace, "spanID": span}


def a_span(**members: object) -> dict[str, object]:
    whole = {
        "traceID": TRACE,
        "spanID": SPAN,
        "operationName": "op",
        "references": [],
        "startTime": 1544712660000000,
        "duration": 1000,
        "tags": [],
        "logs": [],
        "processID": "p1",
        "warnings": None,
    }
    return {name: value for name, value in (whole | members).items() if value is not ...}


def a_log(**fields: object) -> dict[str, object]:
    return {
        "timestamp": 1544712660000001,
        "fields": [tag(name.replace("__", "."), value) for name, value in fields.items()],
    }


def a_trace(*spans: object, **members: object) -> dict[str, object]:
    return {"traceID": TRACE, "spans": list(spans), "processes": PROCESSES, "warnings": None, **members}


def a_response(*traces: object) -> bytes:
    return json.dumps({"data": list(traces), "total": 0, "limit": 0, "offset": 0, "errors": None}).encode()


def assert_same(content: bytes) -> None:
    assert told(jaeger_json.read, content) == told(jaeger_json.read_plainly, content)


#: Each is odd in its own way, or something that the scan must read as it is meant.
ODDITIES = {
    "no trace id": a_span(traceID=...),
    "an empty trace id": a_span(traceID=""),
    "a trace id of 64 bits": a_span(traceID="b1586c3c8c34d"),
    "a trace id that may be decimal": a_span(traceID="12345678901234567890"),
    "a trace id of 21 digits": a_span(traceID="123456789012345678901"),
    "upper case ids": a_span(traceID=TRACE.upper(), spanID=SPAN.upper()),
    "an id that is none": a_span(spanID="span-A"),
    "an id that is a number": a_span(spanID=12),
    "a long span id": a_span(spanID=TRACE),
    "a short span id": a_span(spanID="c"),
    "zeros for a span id": a_span(spanID="0" * 16),
    "base64 ids": a_span(traceID="W47/95gDgQPSabYzgT/GDA=="),
    "a parent": a_span(references=[a_reference()]),
    "a parent that does not wait": a_span(references=[a_reference("FOLLOWS_FROM")]),
    "a parent of zeros": a_span(references=[a_reference(span="0")]),
    "a parent in another trace": a_span(references=[a_reference(trace="ab")]),
    "a parent spelled short": a_span(traceID="00ab", references=[a_reference(trace="ab", span="00c")]),
    "a reference of another type": a_span(references=[a_reference("child_of")]),
    "a reference without type": a_span(references=[{"traceID": TRACE, "spanID": SPAN}]),
    "a reference without trace": a_span(references=[{"refType": "CHILD_OF", "spanID": SPAN}]),
    "a reference with its span": a_span(references=[a_reference() | {"span": None}]),
    "two references": a_span(references=[a_reference(), a_reference("FOLLOWS_FROM")]),
    "references that are null": a_span(references=None),
    "an old parent": a_span(parentSpanID="c1"),
    "an old parent that is empty": a_span(parentSpanID=""),
    "an old parent beside a reference": a_span(parentSpanID="c1", references=[a_reference()]),
    "times with a fraction": a_span(startTime=3.5),
    "times as texts": a_span(startTime="3", duration="5"),
    "a time with an exponent": a_span(duration=1e22),
    "the last time": a_span(startTime=9223372036854774, duration=1),
    "a time beyond 64 bits": a_span(startTime=9223372036854775, duration=1),
    "a time of seventeen digits": a_span(startTime=15447126600000000),
    "a duration before the start": a_span(duration=-4),
    "no duration": a_span(duration=...),
    "milliseconds only": a_span(startTime=..., startTimeMillis=5),
    "milliseconds beside": a_span(startTimeMillis=5),
    "a process inside": a_span(process={"serviceName": "inside"}),
    "a process inside that is null": a_span(process=None),
    "no process": a_span(processID=...),
    "another process": a_span(processID="p9"),
    "the other process": a_span(processID="p2"),
    "an empty name": a_span(operationName=""),
    "a name with escapes": a_span(operationName='GET "x"\n\\ é 😀'),
    "a name that is a number": a_span(operationName=5),
    "warnings": a_span(warnings=["clock skew", "and more"]),
    "warnings that are a text": a_span(warnings="clock skew"),
    "no warnings": a_span(warnings=[]),
    "tags that are null": a_span(tags=None),
    "tags as an object": a_span(tags={"http.method": "GET"}),
    "flat tags": a_span(tag={"span@kind": "server"}),
    "flat tags that are null": a_span(tag=None),
    "every kind": a_span(tags=[tag("span.kind", "server")]),
    "a kind in upper case": a_span(tags=[tag("span.kind", "CLIENT")]),
    "a kind of no name": a_span(tags=[tag("span.kind", "wonderful")]),
    "a kind that is a number": a_span(tags=[tag("span.kind", 2)]),
    "a kind twice": a_span(tags=[tag("span.kind", "server"), tag("span.kind", "client")]),
    "an error": a_span(tags=[tag("error", True)]),
    "an error as a text": a_span(tags=[tag("error", "true")]),
    "no error": a_span(tags=[tag("error", False), tag("otel.status_code", "OK")]),
    "an error that is well": a_span(tags=[tag("error", True), tag("otel.status_code", "OK")]),
    "an error with a message": a_span(
        tags=[tag("otel.status_code", "ERROR"), tag("error", True), tag("otel.status_description", 'no "x"')]
    ),
    "an error that says more": a_span(tags=[tag("error", "it broke")]),
    "an error that is a number": a_span(tags=[tag("error", 1)]),
    "a status of another spelling": a_span(tags=[tag("otel.status_code", "Error")]),
    "an empty description": a_span(tags=[tag("otel.status_description", "")]),
    "a description that is a number": a_span(tags=[tag("otel.status_description", 7)]),
    "a trace state": a_span(tags=[tag("w3c.tracestate", "ot=th:8")]),
    "a constant sampler": a_span(tags=[tag("sampler.type", "const"), tag("sampler.param", True)]),
    "a probability": a_span(tags=[tag("sampler.type", "probabilistic"), tag("sampler.param", 0.05)]),
    "a tag twice": a_span(tags=[tag("http.route", "/a"), tag("http.route", "/b")]),
    "two names of one column": a_span(tags=[tag("http.method", "get"), tag("http.request.method", "PUT")]),
    "values of every type": a_span(
        tags=[
            tag("http.status_code", 200),
            tag("db.response.returned_rows", 3.0),
            tag("url.path", True),
            tag("db.statement", "SELECT 'ä' \\ \"x\""),
            tag("message_bus.destination", None),
            tag("app.score", 1e300),
        ]
    ),
    "a number beyond 64 bits": a_span(tags=[tag("http.response.body.size", 10**30)]),
    "a list for a value": a_span(tags=[tag("db.statement", ["a", 1])]),
    "a value that does not fit": a_span(tags=[tag("http.status_code", "fine")]),
    "the model's names": a_span(tags=[{"key": "http.status_code", "vType": "INT64", "vInt64": "503"}]),
    "no key": a_span(tags=[{"value": "x"}]),
    "a key that is a number": a_span(tags=[{"key": 5, "value": "x"}]),
    "a tag that is a text": a_span(tags=["http.method"]),
    "evidence of retries": a_span(tags=[tag("response_flags", "URX")]),
    "components and addresses": a_span(
        tags=[tag("component", "java-grpc"), tag("peer.address", "db:5432"), tag("http.url", "http://a:1/b?c=d")]
    ),
    "an exception": a_span(
        logs=[
            a_log(event="cache miss", exception__message="not yet"),
            a_log(event="exception", exception__type="Wrong", exception__message='say "x"'),
            a_log(event="exception", exception__type="Late"),
            5,
        ],
    ),
    "an exception of no type": a_span(logs=[a_log(event="exception", exception__message="x")]),
    "an exception of an empty type": a_span(logs=[a_log(exception__type="")]),
    "an exception that a tag names first": a_span(
        tags=[tag("error.type", "500")], logs=[a_log(exception__type="Other", exception__message="")]
    ),
    "an error of OpenTracing": a_span(logs=[a_log(event="error", error__kind="KeyError", message="no such row")]),
    "a message that is no error": a_span(logs=[a_log(event="note", message="fine")]),
    "a log without fields": a_span(logs=[{"timestamp": 1}, {"fields": None}]),
    "a log with an event that is a list": a_span(logs=[{"fields": [{"key": "event", "value": ["error"]}]}]),
    "logs that are null": a_span(logs=None),
    "an unknown member": a_span(flags=1, strange={"a": [1, {"b": None}]}),
    "a text too long": a_span(tags=[tag("db.statement", "x" * 40_000)]),
    "a span that is a text": "text",
}


@pytest.mark.parametrize("odd", ODDITIES)
def test_an_odd_span_among_others_is_read_as_by_the_readable_reader(odd):
    traces = [a_trace(a_span(), ODDITIES[odd], a_span(operationName="last")), a_trace(ODDITIES[odd]), a_trace(a_span())]
    assert_same(a_response(*traces))
    assert_same(b"\n".join(json.dumps(trace, separators=(",", ":")).encode() for trace in traces))
    assert_same(json.dumps(traces, indent=2).encode())
    assert len(told(jaeger_json.read, a_response(*traces))["spans"]) >= 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n{}",
        a_response(),
        a_response(a_trace(), a_trace(a_span())) + b"\n" + a_response(a_trace(a_span(), a_span(spanID="zz"))),
        json.dumps({"total": 0, "spans": [], "data": [a_trace(a_span())]}).encode() + b"\n{}",
        json.dumps({"data": [a_trace(a_span())], "spans": []}).encode() + b"\n{}",
        a_response(5, a_trace(a_span()), {"processes": {}}, {"data": []}, a_trace(a_span(), spans=None)),
        a_response(a_trace(a_span(), processes=None), a_trace(a_span(), processes={"p1": 5}), a_trace(a_span())),
        a_response(a_trace(a_span(), processes={"p1": {"serviceName": 5, "tags": "x"}}), a_trace(a_span())),
        a_response(a_trace(a_span(), processes={"p1": {"tags": [tag("host.name", "")]}}), a_trace(a_span())),
        json.dumps({"data": a_trace(a_span())}).encode(),
        json.dumps(a_trace(a_span(process=PROCESSES["p1"]))).encode(),
        b"\n".join(json.dumps(a_span(process=PROCESSES["p1"], processID=...)).encode() for _ in range(3)),
        a_response(a_trace(a_span()), a_trace(a_span(), a_span()))[:-400],
        a_response(a_trace(a_span())).replace(b'"op"', b'"\xff"'),
        a_response(a_trace(a_span())).replace(b'"op"', b'"\\ud800"'),
        a_response(a_trace(a_span())).replace(b'"p1": {', b'"p1": {}, "p1": {'),
        a_response(a_trace(a_span())).replace(b"1000", b"NaN"),
        a_response(a_trace(a_span())).replace(b"1000", b"0100"),
    ],
)
def test_units_of_another_shape_are_left_to_the_readable_reader(content):
    assert_same(content)


def test_notes_of_processes_are_made_once_for_each_trace_that_uses_them():
    misfit = {"p1": PROCESSES["p1"], "p2": {"serviceName": "x", "tags": [tag("host.name", "a"), tag("ip", {})]}}
    traces = [a_trace(a_span(processID="p2"), a_span(processID="p2"), processes=misfit) for _ in range(3)]
    assert_same(a_response(*traces, a_trace(a_span(), processes=misfit)))


def test_real_exports_are_read_alike(shared_exports, shared_conformance):
    paths = [*(shared_exports / "jaeger").glob("*.json"), *shared_conformance.glob("*/*.json")]
    for path in sorted(paths):
        case = json.loads(path.read_bytes())
        assert_same(json.dumps(case.get("input", case)).encode())


#: What mutations begin with: every oddity once, in airy and in compact JSON.
SEEDS = [
    b"\n".join(
        json.dumps(a_trace(a_span(), odd), separators=separators).encode()
        for odd in ODDITIES.values()
        if len(str(odd)) < 20_000
    )
    for separators in ((", ", ": "), (",", ":"))
]


def some_traces(chance: random.Random) -> bytes:
    """Return a few traces, on lines of their own or in a response."""
    lines = chance.sample(chance.choice(SEEDS).split(b"\n"), 3)
    return b"\n".join(lines) if chance.random() < 0.5 else b'{"data":[' + b",".join(lines) + b"]}"


@given(st.integers(0, 2**32 - 1))
def test_broken_exports_are_read_alike(seed):
    chance = random.Random(seed)
    assert_same(mutated(some_traces(chance), chance))
