"""The scan of Zipkin's JSON says what the readable reader says, of sound exports and of broken ones."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.sources import zipkin_json
from tests.sources.scans import mutated, told

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def a_span(**members: object) -> dict[str, object]:
    whole = {
        "traceId": TRACE,
        "id": SPAN,
        "parentId": "00f067aa0ba902b7",
        "kind": "CLIENT",
        "name": "get /cart",
        "timestamp": 1544712660000000,
        "duration": 1000,
        "localEndpoint": {"serviceName": "shop", "ipv4": "10.0.0.1"},
        "remoteEndpoint": {"serviceName": "cart", "ipv4": "10.0.0.2", "port": 8080},
        "tags": {"http.method": "GET", "http.path": "/cart/7"},
    }
    return {name: value for name, value in (whole | members).items() if value is not ...}


def tags(**given: object) -> dict[str, object]:
    return a_span(tags={name.replace("__", "."): value for name, value in given.items()})


ODDITIES = {
    "usual": a_span(),
    "root": a_span(parentId=...),
    "null": a_span(parentId=None, kind=None, name=None, tags=None, annotations=None, shared=None, remoteEndpoint=None),
    "no endpoints": a_span(localEndpoint=..., remoteEndpoint=...),
    "empty endpoints": a_span(localEndpoint={}, remoteEndpoint={"port": "80"}),
    "endpoints that are none": a_span(localEndpoint="shop"),
    "an endpoint in a list": a_span(remoteEndpoint=[1]),
    "ports": a_span(remoteEndpoint={"ipv6": "::1", "port": 70000}),
    "server": a_span(kind="SERVER", shared=True),
    "shared of a word": a_span(kind="SERVER", shared="true"),
    "shared of nothing": a_span(shared=False),
    "shared of a number": a_span(shared=1),
    "shared of a list": a_span(shared=[True]),
    "shared of text in quotes": a_span(shared="else"),
    "producer": a_span(kind="PRODUCER"),
    "small kind": a_span(kind="client"),
    "strange kind": a_span(kind="OTHER"),
    "kind of a number": a_span(kind=3),
    "no trace": a_span(traceId=...),
    "zero trace": a_span(traceId="0" * 32),
    "short trace": a_span(traceId="7", id="7"),
    "decimal trace": a_span(traceId="12345678901234567890"),
    "number as trace": a_span(traceId=7),
    "no hexadecimal": a_span(traceId="trace", id="span"),
    "long id": a_span(id=TRACE),
    "no id": a_span(id=...),
    "zero id": a_span(id="0"),
    "upper case": a_span(traceId=TRACE.upper(), id=SPAN.upper()),
    "odd parent": a_span(parentId="x"),
    "parent zero": a_span(parentId="0000000000000000"),
    "no start": a_span(timestamp=...),
    "no duration": a_span(duration=...),
    "null times": a_span(timestamp=None, duration=None),
    "zero times": a_span(timestamp=0, duration=0),
    "fraction": a_span(timestamp=1544712660000000.5),
    "text as time": a_span(timestamp="1544712660000000"),
    "below zero": a_span(duration=-1),
    "beyond": a_span(timestamp=9999999999999999),
    "far beyond": a_span(timestamp=99999999999999999999),
    "no name": a_span(name=""),
    "escaped name": a_span(name='get "it"\n\u00e4'),
    "name of a number": a_span(name=7),
    "no tags": a_span(tags={}),
    "tags in a list": a_span(tags=[1]),
    "number as tag": tags(http__status_code=200),
    "text as status": tags(http__status_code="200"),
    "status that does not fit": tags(http__status_code="many"),
    "null tag": tags(http__method=None),
    "error": tags(error=""),
    "error true": tags(error="true"),
    "error True": tags(error="True"),
    "error tRUE": tags(error="tRUE"),
    "error no": tags(error="NO"),
    "error 500": tags(error="500"),
    "error message": tags(error="Connection refused: a\tb"),
    "true message": tags(error="truly"),
    "error of a truth value": tags(error=True),
    "error of a map": tags(error={"a": 1}),
    "process": tags(host__name="node-1", service__version="1.2", service__name="other", k8s__pod__name="p"),
    "process that does not fit": tags(host__name=["a"], service__version=7),
    "no service but a tag": a_span(localEndpoint=..., tags={"service.name": "shop"}),
    "database": tags(db__system="mysql", db__statement="select 1 from t where a = 'b'", peer__service="db"),
    "rpc": tags(rpc__system="grpc", rpc__service="shop.Cart", rpc__method="Get", grpc__status_code="14"),
    "old": tags(net__peer__name="cart", net__peer__port="80"),
    "retried": tags(retry__attempt="2", http__url="http://cart:8080/a?b=c"),
    "unknown tags": tags(a="b", **{"x" * 100: "y"}),
    "escaped tag": tags(http__path='/a"b'),
    "scope": tags(otel__library__name="lib", otel__scope__name="lib"),
    "annotations": a_span(annotations=[{"timestamp": 1, "value": "ws"}, {"timestamp": 2, "value": "wr"}]),
    "no annotations": a_span(annotations=[]),
    "annotations that are none": a_span(annotations=[7]),
    "annotations in a map": a_span(annotations={"value": "x"}),
    "exception": a_span(annotations=[{"value": '"exception":{"exception.type":"E","exception.message":"m"}'}]),
    "exact": a_span(annotations=[{"value": "exact"}]),
    "a span in a list": [a_span()],
    "a number": 7,
    "nothing": {},
    "a list": [],
}  # fmt: skip


def assert_same(content: bytes) -> None:
    assert told(zipkin_json.read, content) == told(zipkin_json.read_plainly, content)


@pytest.mark.parametrize("odd", ODDITIES)
def test_an_odd_span_among_others_is_read_as_by_the_readable_reader(odd):
    others = [a_span(id="1"), ODDITIES[odd], a_span(id="2", kind="SERVER")]
    assert_same(json.dumps(others).encode())
    assert_same(json.dumps([others, [a_span(id="3")]], indent=1).encode())
    assert_same("\n".join(json.dumps(span) for span in others).encode())
    assert_same("\n".join(json.dumps([span], separators=(",", ":")) for span in others).encode())


def test_usual_spans_are_taken_by_the_scan(monkeypatch):
    def refuse(_self: object, value: object, position: str) -> None:
        raise AssertionError(position)

    monkeypatch.setattr(zipkin_json._Reader, "take", refuse)
    spans = [a_span(), a_span(kind="SERVER", shared=True), tags(error="500", host__name="n"), a_span(parentId=...)]
    for content in (json.dumps(spans), json.dumps([spans]), "\n".join(map(json.dumps, spans))):
        assert len(told(zipkin_json.read, content.encode())["spans"]) == 4


def test_real_exports_are_read_alike(shared_exports):
    for path in sorted((shared_exports / "zipkin").glob("*.json")):
        assert_same(path.read_bytes())


def test_more_processes_than_there_is_room_for_are_read_all_the_same(monkeypatch):
    spans = [tags(host__name="n" * 400 + str(number)) for number in range(8_000)]
    assert len(told(zipkin_json.read, json.dumps(spans).encode())["spans"]) == 8_000


_ALL = [json.dumps(span).encode() for span in ODDITIES.values()]


def some_spans(chance: random.Random) -> bytes:
    """Return a few spans, on lines of their own or in an array."""
    spans = chance.sample(_ALL, 3)
    return b"\n".join(spans) if chance.random() < 0.5 else b"[" + b",".join(spans) + b"]"


@given(st.integers(0, 2**32 - 1))
def test_broken_exports_are_read_alike(seed):
    chance = random.Random(seed)
    assert_same(mutated(some_spans(chance), chance))
