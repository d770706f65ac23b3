"""Zipkin JSON: arrays, traces and lines; shared spans, endpoints, tags, absent times."""

from __future__ import annotations

import json

import orjson
import pytest

from tests.sources.build import Made, key_columns, read, zipkin_json, zipkin_span

SPANS = [
    Made(0x5AF7183FB1D4CF5F, 0xA, 0, "web", "get /", "server"),
    Made(0x5AF7183FB1D4CF5F, 0xB, 0xA, "web", "get", "client", "error"),
    Made(2, 0xC, 0, "queue", "poll", "consumer"),
    Made(2, 0xD, 0xC, "queue", "handle", "unspecified", "ok"),
]
OBJECTS = [zipkin_span(made) for made in SPANS]


def span(**fields: object) -> dict:
    made = {"traceId": "aa", "id": "b1", "name": "op", "timestamp": 10, "duration": 5}
    return {key: value for key, value in {**made, **fields}.items() if value is not ...}


def _by_id(row: dict) -> int:
    return row["span_id"]


def only(**fields: object) -> dict:
    return read(orjson.dumps([span(**fields)])).only()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(zipkin_json(SPANS), id="array of spans"),
        pytest.param(json.dumps(OBJECTS, indent=4).encode(), id="pretty-printed"),
        pytest.param(orjson.dumps([OBJECTS[:2], OBJECTS[2:]]), id="array of traces"),
        pytest.param(b"\n".join(map(orjson.dumps, OBJECTS)), id="lines of spans"),
        pytest.param(orjson.dumps(OBJECTS[:2]) + b"\n" + orjson.dumps(OBJECTS[2:]) + b"\n", id="lines of traces"),
        pytest.param(b"".join(map(orjson.dumps, OBJECTS)), id="objects without a separator"),
    ],
)
def test_every_wrapping_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "zipkin-json"
    # In an order of its own: those with anything unusual come last.
    assert sorted(key_columns(found.spans), key=_by_id) == [made.row for made in SPANS]
    assert {row["time_resolution_ns"] for row in found.spans} == {1000}
    assert not found.rejects.rows()


def test_an_empty_array_is_an_export_without_records():
    found = read(b" [ ]\n".replace(b" [ ]", b"[]"))
    assert (found.format, found.spans) == ("zipkin-json", [])


def test_a_shared_span_is_two_rows():
    client = span(kind="CLIENT", localEndpoint={"serviceName": "web", "ipv4": "10.0.0.1"})
    server = span(kind="SERVER", localEndpoint={"serviceName": "app"}, shared=True, timestamp=..., duration=...)
    first, second = read(orjson.dumps([client, server])).spans
    assert (first["span_id"], first["shared"], first["kind"], first["service"]) == (0xB1, False, "client", "web")
    assert (second["span_id"], second["shared"], second["kind"], second["service"]) == (0xB1, True, "server", "app")
    assert (first["host"], second["host"]) == ("10.0.0.1", None)


def test_endpoints():
    remote = {"serviceName": "mysql", "ipv4": "10.0.0.3", "port": 3306}
    row = only(kind="CLIENT", remoteEndpoint=remote)
    assert (row["service"], row["peer_service"], row["server_address"], row["server_port"]) == (
        None,
        "mysql",
        "10.0.0.3",
        3306,
    )
    row = only(kind="SERVER", remoteEndpoint=remote, localEndpoint={"serviceName": "", "ipv6": "::1"})
    assert (row["service"], row["peer_service"], row["server_address"], row["host"]) == (None, "mysql", None, "::1")


@pytest.mark.parametrize(
    ("name", "store"),
    [
        ("redis", ("redis", None)),
        ("mongodb", ("mongodb", None)),
        ("postgres", ("postgresql", None)),
        ("mysql-shop", ("mysql", "shop")),
        ("mongodb-shop", ("mongodb", "shop")),
        ("redis-proxy", (None, None)),
        ("orders", (None, None)),
        ("kafka", (None, None)),
    ],
)
def test_a_peer_called_like_a_system_of_stores_is_one(name, store):
    remote = {"serviceName": name, "ipv4": "10.0.0.3", "port": 3306}
    row = only(kind="CLIENT", remoteEndpoint=remote)
    assert (row["db_system"], row["db_namespace"], row["peer_service"]) == (*store, name)
    # Who calls a server is no store, and what the span says itself goes before the name.
    assert only(kind="SERVER", remoteEndpoint=remote)["db_system"] is None
    assert only(kind="CLIENT", remoteEndpoint=remote, tags={"db.system": "h2"})["db_system"] == "h2"


@pytest.mark.parametrize("value", ["", "true", "false", "500", "timed out"])
def test_a_tag_named_error_is_an_error_whatever_its_value(value):
    row = only(tags={"error": value})
    assert row["status"] == "error"
    assert row["status_message"] == (value if value in {"500", "timed out"} else None)


def test_an_annotation_named_error_is_none():
    assert only(annotations=[{"timestamp": 11, "value": "error"}])["status"] == "unset"


def test_tags_feed_columns():
    row = only(kind="PRODUCER", tags={"kafka.topic": "orders", "otel.scope.name": "kafka", "class": "Projector"})
    assert (row["messaging_system"], row["messaging_destination"]) == ("kafka", "orders")
    assert (row["scope"], row["module"], row["old_conventions"]) == ("kafka", "Projector", False)
    row = only(
        kind="CLIENT", tags={"http.path": "/a?b=1", "http.method": "GET", "host.name": "h", "service.version": "2"}
    )
    assert (row["url_path"], row["http_method"], row["host"], row["service_version"]) == ("/a?b=1", "GET", "h", "2")
    assert row["old_conventions"]


def test_an_exception_of_opentelemetry_in_an_annotation():
    value = '"exception": {"exception.type":"KeyError","exception.message":"x"}'
    row = only(annotations=[{"timestamp": 11, "value": "send"}, {"timestamp": 12, "value": value}])
    assert (row["error_type"], row["exception_message"]) == ("KeyError", "x")
    assert only(annotations=[{"timestamp": 12, "value": 'exception.type {"a'}])["error_type"] is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timestamp": 0, "duration": 0}, (0, 0)),
        ({"timestamp": ..., "duration": ...}, (None, None)),
        ({"timestamp": 3, "duration": ...}, (3000, None)),
        ({"timestamp": ..., "duration": 3}, (None, 3000)),
    ],
)
def test_times(fields, expected):
    row = only(**fields)
    assert (row["start_ns"], row["duration_ns"]) == expected


def test_bad_spans_are_refused_alone():
    spans = [span(), span(id=""), 7, span(traceId=None), span(tags="x"), span(timestamp=2**62), span(id="b2")]
    found = read(orjson.dumps(spans))
    assert [row["span_id"] for row in found.spans] == [0xB1, 0xB2]
    assert found.rejects.total == 5
    assert found.reasons["text that is no record"] == 1


def test_an_array_that_is_cut_off_keeps_the_whole_spans_before():
    flat, nested = orjson.dumps(OBJECTS), orjson.dumps([OBJECTS[:2], OBJECTS[2:]])
    for content in (flat, nested):
        found = read(content[: content.index(b'"handle"')])
        assert [row["name"] for row in sorted(found.spans, key=_by_id)] == ["get /", "get", "poll"]
        assert found.reasons == {"the document is cut off": 1}


def test_real_exports(shared_exports):
    folder = shared_exports / "zipkin"
    content = (folder / "smartthings-oauth-authorization.json").read_bytes()
    spans = orjson.loads(content)
    rows = read(content).spans
    # The README beside it: one trace, 175 spans, 8 services.
    assert len(rows) == len(spans) == 175
    assert len({row["service"] for row in rows}) == 8
    assert len({(row["trace_id_high"], row["trace_id_low"]) for row in rows}) == 1
    assert sum(row["shared"] for row in rows) == sum(item.get("shared", False) for item in spans)
    assert sum(row["status"] == "error" for row in rows) == sum("error" in item.get("tags", {}) for item in spans)
    assert sum(row["db_system"] == "cassandra" for row in rows) == sum(
        any(key.startswith("cassandra") for key in item.get("tags", {}))
        for item in spans
        if "cassandra.query" in item.get("tags", {})
    )
    rows = read((folder / "zipkin_v2_skew.json").read_bytes()).spans
    assert [(row["span_id"], row["shared"]) for row in rows][1::2] == [
        (0x74280AE0C10D8062, True),
        (0x74280AE0C10D8062, False),
    ]
    assert all(
        row["messaging_destination"]
        for row in read((folder / "zipkin_v2_messaging_kafka.json").read_bytes()).spans
        if row["peer_service"] == "kafka"
    )
