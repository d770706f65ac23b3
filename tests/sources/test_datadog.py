"""Datadog: payloads of the agent, pages of the Spans API, single traces; ids, owners of calls, units."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis._kernels.msgpack import value_end
from analysis.sources import detect
from tests.sources.build import read

START = 1_700_000_000_000_000_000


def agent_span(number: int, parent: int = 0, service: str = "shop", **fields: object) -> dict:
    """A span as tracers send it; a field of None is left out, `meta` is added to what there is."""
    made = {
        "trace_id": 9, "span_id": number, "parent_id": parent, "service": service, "name": "web.request",
        "resource": f"GET /{number}", "type": "web", "start": START + number, "duration": 1_500, "error": 0,
        "meta": {"span.kind": "server"}, "metrics": {"_sampling_priority_v1": 1.0}, **fields,
    }  # fmt: skip
    return {key: value for key, value in made.items() if value is not None}


def call(number: int, parent: int, service: str = "postgres", resource: str = "SELECT 1", **meta: object) -> dict:
    """A span of a call to PostgreSQL."""
    tags = {"span.kind": "client", "component": "psycopg", "db.system": "postgresql", "out.host": "db", **meta}
    return agent_span(number, parent, service, name="postgres.query", resource=resource, type="sql", meta=tags)


TRACE = [agent_span(1), call(2, 1), agent_span(3, 1, "stock", error=1, meta={"error.type": "KeyError"})]


def table_payload(traces: list[list[dict]]) -> bytes:
    """The same spans as version 0.5 has them: lists of twelve that point into a table of texts."""
    texts = [""]

    def place(text: str) -> int:
        if text not in texts:
            texts.append(text)
        return texts.index(text)

    rows = [
        [
            [
                place(span["service"]), place(span["name"]), place(span["resource"]), span["trace_id"],
                span["span_id"], span["parent_id"], span["start"], span["duration"], span["error"],
                {place(key): place(value) for key, value in span["meta"].items()},
                {place(key): value for key, value in span["metrics"].items()}, place(span["type"]),
            ]
            for span in trace
        ]
        for trace in traces
    ]  # fmt: skip
    return msgspec.msgpack.encode([texts, rows])


def shown(rows: list[dict]) -> list[tuple]:
    names = (
        "trace_id_low",
        "span_id",
        "parent_span_id",
        "service",
        "name",
        "kind",
        "status",
        "start_ns",
        "duration_ns",
    )
    return sorted(tuple(row[name] for name in names) for row in rows)


EXPECTED = [
    (9, 1, 0, "shop", "GET /1", "server", "unset", START + 1, 1_500),
    (9, 2, 1, "shop", "postgres.query", "client", "unset", START + 2, 1_500),
    (9, 3, 1, "stock", "GET /3", "server", "error", START + 3, 1_500),
]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(orjson.dumps([TRACE]), id="JSON"),
        pytest.param(json.dumps([TRACE], indent=2).encode(), id="pretty-printed"),
        pytest.param(orjson.dumps([TRACE[:1]]) + b"\n" + orjson.dumps([TRACE[1:]]), id="lines of payloads"),
        pytest.param(orjson.dumps(TRACE), id="one trace"),
        pytest.param(msgspec.msgpack.encode([TRACE]), id="MessagePack"),
        pytest.param(msgspec.msgpack.encode([TRACE[:1]]) + msgspec.msgpack.encode([[], TRACE[1:]]), id="two payloads"),
        pytest.param(table_payload([TRACE]), id="version 0.5"),
        pytest.param(table_payload([TRACE[:2]]) + table_payload([TRACE[2:]]), id="two of version 0.5"),
    ],
)
def test_every_encoding_of_a_payload_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "datadog-agent"
    assert shown(found.spans) == EXPECTED
    failed = next(row for row in found.spans if row["span_id"] == 3)
    assert failed["error_type"] == "KeyError"
    assert not found.rejects.rows()
    assert not found.rejects.notes


def test_the_upper_half_of_an_id_holds_for_its_trace():
    first = agent_span(1, meta={"_dd.p.tid": "69eb939000000000"})
    rows = read(orjson.dumps([[first, agent_span(2, 1)], [agent_span(3, 1)], [agent_span(4, trace_id=8)]])).spans
    highs = {row["span_id"]: row["trace_id_high"] for row in rows}
    assert highs == {1: 0x69EB939000000000, 2: 0x69EB939000000000, 3: 0x69EB939000000000, 4: 0}


def test_the_first_span_may_come_last():
    """Its half of the id and its rate (1 in 4) hold for those written before it."""
    first = agent_span(1, meta={"_dd.p.tid": "69eb939000000000"}, metrics={"_dd.rule_psr": 0.25})
    rows = read(orjson.dumps([[agent_span(2, 1), first]])).spans
    assert {row["span_id"]: (row["trace_id_high"], row["weight"]) for row in rows} == {
        1: (0x69EB939000000000, 4.0),
        2: (0x69EB939000000000, 4.0),
    }


def test_a_number_beyond_64_bits_is_a_whole_id():
    row = read(orjson.dumps([[agent_span(1)]]).replace(b'"trace_id":9', b'"trace_id":36893488147419103241')).only()
    # Twice 2 ** 64, and 9: a double would have made 0 of the 9.
    assert (row["trace_id_high"], row["trace_id_low"]) == (2, 9)


def test_a_trace_whose_lower_half_is_zero_is_a_trace():
    row = read(orjson.dumps([[agent_span(1, trace_id=0, meta={"_dd.p.tid": "69eb939000000000"})]])).only()
    assert (row["trace_id_high"], row["trace_id_low"]) == (0x69EB939000000000, 0)
    assert read(orjson.dumps([[agent_span(1, trace_id=0)]])).reasons == {"trace id is missing": 1}


def test_ids_are_decimal_whatever_they_look_like():
    spans = [agent_span(1, trace_id="1234567890123456", span_id="12"), agent_span(2, trace_id=-5, parent_id="12")]
    rows = {row["span_id"]: row for row in read(orjson.dumps([spans])).spans}
    assert rows[12]["trace_id_low"] == 1_234_567_890_123_456
    assert (rows[2]["trace_id_low"], rows[2]["parent_span_id"]) == (2**64 - 5, 12)


@pytest.mark.parametrize(
    ("span", "service"),
    [
        pytest.param(call(2, 1, **{"_dd.base_service": "orders"}), "orders", id="it says whose it is"),
        pytest.param(call(2, 1, **{"_dd.base_service": ""}), "shop", id="it says nothing: the caller's"),
        pytest.param(call(2, 1, "orders-db"), "orders-db", id="a name of its own is kept"),
        pytest.param(call(2, 1, "orders-db", **{"_dd.svc_src": "psycopg"}), "shop", id="the library named it"),
        pytest.param(call(2, 1, "orders-db", **{"_dd.svc_src": "m"}), "orders-db", id="a person named it"),
        pytest.param(call(2, 1, "psycopg"), "shop", id="the component"),
        pytest.param(call(2, 1, "shop-postgres"), "shop", id="service and library"),
        pytest.param(call(2, 0, "orders-postgres"), "orders", id="the first part where no caller is there"),
        pytest.param(call(2, 0, "postgres"), None, id="no caller"),
        pytest.param(agent_span(2, 1, "grpc", type="grpc"), "grpc", id="a server span keeps its name"),
    ],
)
def test_who_made_a_call(span, service):
    rows = {row["span_id"]: row for row in read(orjson.dumps([[agent_span(1), span]])).spans}
    assert rows[2]["service"] == service


def test_the_caller_is_the_nearest_ancestor_that_has_a_name_in_whatever_order():
    spans = [call(4, 3), call(3, 2, "redis"), agent_span(2, 1, "orders", type="custom", meta={}), agent_span(1)]
    rows = {row["span_id"]: row for row in read(orjson.dumps([spans])).spans}
    assert [rows[number]["service"] for number in (1, 2, 3, 4)] == ["shop", "orders", "orders", "orders"]


def test_callers_that_stand_in_a_circle_end_nowhere():
    found = read(orjson.dumps([[call(2, 3), call(3, 2)]]))
    assert [row["service"] for row in found.spans] == [None, None]
    assert found.rejects.notes == {
        "spans that name only a library as their service, and no caller of theirs is there: no service": 2
    }


def test_a_name_that_was_given_to_a_call_is_whom_it_calls():
    row = read(orjson.dumps([[call(2, 1, "orders-db", **{"_dd.base_service": "orders"})]])).only()
    assert (row["service"], row["peer_service"]) == ("orders", "orders-db")
    row = read(orjson.dumps([[call(2, 1, "postgres", **{"_dd.base_service": "orders"})]])).only()
    assert (row["service"], row["peer_service"]) == ("orders", None)
    computed = {"_dd.base_service": "orders", "peer.service": "db", "_dd.peer.service.source": "out.host"}
    assert read(orjson.dumps([[call(2, 1, "postgres", **computed)]])).only()["peer_service"] is None
    given = {"_dd.base_service": "orders", "peer.service": "ledger"}
    assert read(orjson.dumps([[call(2, 1, "postgres", **given)]])).only()["peer_service"] == "ledger"


def test_calls_to_stores():
    spans = [
        agent_span(1),
        call(2, 1, resource="SELECT * FROM orders WHERE id = ?", **{"db.name": "shop"}),
        agent_span(3, 1, "redis", name="redis.command", resource="GET", type="redis",
                   meta={"redis.raw_command": "GET cart:7", "out.host": "cache"}),
        agent_span(4, 1, "mysql", name="mysql.query", resource="SELECT 1", type="sql", meta={}),
    ]  # fmt: skip
    spans[1]["metrics"] = {"network.destination.port": 5432.0, "db.row_count": 2.0}
    rows = {row["span_id"]: row for row in read(orjson.dumps([spans])).spans}
    assert (rows[2]["db_system"], rows[2]["db_namespace"], rows[2]["db_rows"]) == ("postgresql", "shop", 2)
    assert (rows[2]["db_statement"], rows[2]["name"]) == ("SELECT * FROM orders WHERE id = ?", "postgres.query")
    assert (rows[2]["server_address"], rows[2]["server_port"]) == ("db", 5432)
    assert (rows[3]["db_system"], rows[3]["db_statement"], rows[3]["kind"]) == ("redis", "GET cart:7", "client")
    assert rows[4]["db_system"] == "mysql"
    assert {row["old_conventions"] for row in rows.values()} == {False}


def test_a_span_without_a_type_that_names_no_request_is_of_the_process():
    spans = [
        agent_span(1, type="", name="scheduled.call", meta={"component": "spring-scheduling"}),
        agent_span(2, type="", name="http.request", meta={"http.method": "GET", "http.url": "http://stock/items"}),
        agent_span(3, type="", name="grpc.client", meta={}),
    ]
    rows = {row["span_id"]: row["kind"] for row in read(orjson.dumps([spans])).spans}
    assert rows == {1: "internal", 2: "unspecified", 3: "client"}


def test_calls_between_services_and_messages():
    http = {
        "span.kind": "client",
        "http.method": "GET",
        "http.url": "http://stock:8080/items/7",
        "http.status_code": "503",
    }
    spans = [
        agent_span(1, type="http", name="http.request", resource="GET /items/?", meta=http),
        agent_span(2, type="grpc", name="grpc", meta={"span.kind": "client", "grpc.method.path": "/a.Cart/Get",
                                                      "grpc.status.code": "StatusCode.NOT_FOUND"}),
        agent_span(3, type="worker", name="kafka.produce", meta={"kafka.topic": "orders"}),
        agent_span(4, type="worker", name="kafka.consume", meta={"messaging.destination.name": "orders"}),
    ]  # fmt: skip
    rows = {row["span_id"]: row for row in read(orjson.dumps([spans])).spans}
    assert (rows[1]["http_method"], rows[1]["http_status"]) == ("GET", 503)
    assert (rows[1]["server_address"], rows[1]["server_port"], rows[1]["url_path"]) == ("stock", 8080, "/items/7")
    assert (rows[2]["rpc_system"], rows[2]["rpc_service"], rows[2]["rpc_method"]) == ("grpc", "a.Cart", "Get")
    assert rows[2]["rpc_status"] == "NOT_FOUND"
    assert [rows[number]["kind"] for number in (3, 4)] == ["producer", "consumer"]
    assert {(rows[n]["messaging_system"], rows[n]["messaging_destination"]) for n in (3, 4)} == {("kafka", "orders")}


def test_links_exceptions_process_and_weight():
    told = {"env": "prod", "version": "1.2", "_dd.hostname": "node-7", "runtime-id": "r1",
            "events": '[{"name": "exception", "attributes": {"exception.type": "KeyError"}}]',
            "_dd.span_links": json.dumps([{"trace_id": f"{2**64 + 5:032x}", "span_id": f"{7:016x}"}])}  # fmt: skip
    first = agent_span(1, meta=told, metrics={"_dd.rule_psr": 0.25})
    second = agent_span(2, 1, span_links=[{"trace_id": 6, "trace_id_high": 3, "span_id": 8}])
    rows = {row["span_id"]: row for row in read(orjson.dumps([[first, second]])).spans}
    assert (rows[1]["environment"], rows[1]["service_version"], rows[1]["host"]) == ("prod", "1.2", "node-7")
    assert (rows[1]["instance"], rows[1]["error_type"]) == ("r1", "KeyError")
    assert [rows[number]["weight"] for number in (1, 2)] == [4.0, 4.0]
    links = [
        (link["trace_id_high"], link["trace_id_low"], link["span_id"]) for n in (1, 2) for link in rows[n]["links"]
    ]
    assert links == [(1, 5, 7), (3, 6, 8)]


def test_broken_payloads_cost_what_is_broken():
    whole = msgspec.msgpack.encode([TRACE, TRACE])
    found = read(whole[:-30])
    assert len(found.spans) == 3
    assert found.reasons == {"MessagePack data is cut off": 1}
    found = read(b"\x92" + msgspec.msgpack.encode(TRACE) + b"\xdd\xff\xff\xff\xff\x01")
    assert len(found.spans) == 3
    assert found.reasons == {"MessagePack data is cut off": 1}
    found = read(b"\x92" + msgspec.msgpack.encode(TRACE) + b"\xc1")
    assert found.reasons == {"MessagePack data is broken": 1}
    found = read(orjson.dumps([[TRACE[0], 7, {"trace_id": [1]}, {**TRACE[1], "start": "x"}]]))
    assert len(found.spans) == 1
    assert found.reasons == {"record has another shape than its format says": 1, "time is not a number": 1,
                             "id is neither a text nor a whole number": 1}  # fmt: skip


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner, max_size=20),
    max_leaves=40,
)


@given(values, st.binary(max_size=9))
def test_the_end_of_a_packed_value_is_found(value, after):
    packed = msgspec.msgpack.encode(value)
    data = np.frombuffer(packed + after, np.uint8)
    assert value_end(data, 0, len(data)) == len(packed)
    for cut in range(len(packed)):
        assert value_end(data, 0, cut) == -1


@given(st.binary(max_size=200))
def test_no_bytes_lead_the_search_for_an_end_astray(content):
    end = value_end(np.frombuffer(content, np.uint8), 0, len(content))
    assert end in {-1, -2} or 0 < end <= len(content)


def spans_api(number: int, parent: int = 0, service: str = "shop", **fields: object) -> dict:
    attributes = {
        "trace_id": "9", "span_id": str(number), "parent_id": str(parent), "service": service,
        "resource_name": f"GET /{number}", "type": "web", "start_timestamp": "2023-06-29T09:50:52.47Z",
        "end_timestamp": "2023-06-29T09:50:52.475Z", "env": "prod", "host": "node-7", "retained_by": "diversity",
        "tags": ["version:1.0", "bare", "service:host"],
        "custom": {"duration": 3402932, "span": {"kind": "server"}, "http": {"status_code": "200"}}, **fields,
    }  # fmt: skip
    return {"id": f"A{number}", "type": "spans", "attributes": attributes}


def page(*spans: dict, after: str = "x") -> dict:
    return {"data": list(spans), "links": {"next": "u"}, "meta": {"status": "done", "page": {"after": after}}}


SQL = {"span": {"kind": "client"}, "component": "psycopg", "db": {"system": "postgresql", "name": "shop"}}
PAGES = [
    page(spans_api(2, 1, "postgres", type="sql", resource_name="SELECT 1", custom=SQL)),
    page(spans_api(1), spans_api(3, 1, "stock", custom={"error": {"type": "KeyError"}})),
]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"".join(map(orjson.dumps, PAGES)), id="pages after one another"),
        pytest.param(b"\n".join(map(orjson.dumps, PAGES)), id="a page a line"),
        pytest.param(orjson.dumps(PAGES), id="an array of pages"),
        pytest.param(json.dumps(PAGES, indent=1).encode(), id="pretty-printed"),
        pytest.param(orjson.dumps([span for one in PAGES for span in one["data"]]), id="an array of spans"),
        pytest.param(b"\n".join(orjson.dumps(span) for one in PAGES for span in one["data"]), id="a span a line"),
    ],
)
def test_pages_of_the_spans_api(content):
    found = read(content)
    assert found.format == "datadog-spans"
    start = 1_688_032_252_470_000_000
    assert shown(found.spans) == [
        (9, 1, 0, "shop", "GET /1", "server", "unset", start, 3_402_932),
        # Its caller stands on a later page; without a duration, its end says how long it took.
        (9, 2, 1, "shop", "sql.query", "client", "unset", start, 5_000_000),
        (9, 3, 1, "stock", "GET /3", "server", "error", start, 5_000_000),
    ]
    rows = {row["span_id"]: row for row in found.spans}
    assert (rows[1]["http_status"], rows[1]["host"], rows[1]["service_version"]) == (200, "node-7", "1.0")
    assert (rows[2]["db_system"], rows[2]["db_namespace"], rows[2]["db_statement"]) == (
        "postgresql",
        "shop",
        "SELECT 1",
    )
    assert rows[3]["error_type"] == "KeyError"
    assert {row["time_resolution_ns"] for row in found.spans} == {1_000_000}
    assert found.rejects.notes == {"spans that Datadog indexed: a sample, so that traces may be incomplete": 3}


def test_the_base_service_of_a_page():
    for custom in ({**SQL, "_dd": {"base_service": "orders"}}, {**SQL, "base_service": "orders"}):
        assert read(orjson.dumps(page(spans_api(2, 1, "postgres", custom=custom)))).only()["service"] == "orders"


def test_bad_spans_of_a_page():
    found = read(
        orjson.dumps(page(spans_api(1, start_timestamp="yesterday"), {"attributes": 7}, spans_api(0), spans_api(4)))
    )
    assert [row["span_id"] for row in found.spans] == [4]
    assert found.reasons == {"time is not written as in ISO 8601": 1, "span id is missing": 1,
                             "record has another shape than its format says": 1}  # fmt: skip


def get_trace(**attributes: object) -> dict:
    spans = [
        {"service": "shop", "name": "web.request", "resource": "GET /1", "resourceHash": "x", "type": "web",
         "traceID": 9, "traceIDFull": "69eb9390000000000000000000000009", "spanID": 1, "parentID": 0,
         "startTime": START + 1, "endTime": START + 1_501, "duration": 1_500, "error": 0,
         "meta": {"span.kind": "server"}, "metrics": {}},
        {"service": "postgres", "name": "postgres.query", "resource": "SELECT 1", "resourceHash": "y", "type": "sql",
         "traceID": 9, "traceIDFull": "69eb9390000000000000000000000009", "spanID": 2, "parentID": 1,
         "startTime": START + 2, "endTime": START + 1_502, "duration": 1_500, "error": 1,
         "meta": {"span.kind": "client", "db.system": "postgresql"}, "metrics": {}},
    ]  # fmt: skip
    return {"data": {"id": "9", "type": "trace", "attributes": {"is_truncated": False, "spans": spans, **attributes}}}


def test_get_trace():
    found = read(orjson.dumps(get_trace(is_truncated=True)))
    assert found.format == "datadog-trace"
    assert shown(found.spans) == [EXPECTED[0], (*EXPECTED[1][:6], "error", START + 2, 1_500)]
    assert {row["trace_id_high"] for row in found.spans} == {0x69EB939000000000}
    assert found.rejects.notes == {
        "traces that Datadog cut off: is_truncated": 1,
        "times were taken as nanoseconds by their size": 2,
    }
    lines = orjson.dumps(get_trace()) + b"\n" + orjson.dumps(get_trace())
    assert len(read(lines).spans) == 4


@pytest.mark.parametrize(("wrap", "unit"), [(True, 1_000_000_000), (False, 1_000_000), (True, 1_000), (False, 1)])
def test_the_trace_view_in_whatever_unit(wrap, unit):
    start, length = 1_700_000_000_500_000_000, 250_000_000
    view = {
        "root_id": "5",
        "spans": {
            "5": {"children_ids": ["6"], "parent_id": "0", "service": "shop", "name": "web.request", "type": "web",
                  "resource": "GET /1", "start": start / unit, "end": (start + length) / unit,
                  "duration": length / unit, "status": "ok", "meta": {"span.kind": "server"}},
            "6": {"parent_id": "5", "service": "redis", "name": "redis.command", "type": "redis", "resource": "GET",
                  "start": start / unit, "duration": length / unit, "status": "error", "meta": {"component": "redis"}},
        },
    }  # fmt: skip
    found = read(orjson.dumps({"trace": view} if wrap else view))
    assert found.format == "datadog-trace"
    rows = {row["span_id"]: row for row in found.spans}
    assert (rows[5]["trace_id_low"], rows[6]["trace_id_low"], rows[6]["parent_span_id"]) == (5, 5, 5)
    assert (rows[5]["service"], rows[6]["service"], rows[6]["status"]) == ("shop", "shop", "error")
    # A double holds seconds to a quarter of a microsecond, and whole nanoseconds to 256.
    assert abs(rows[5]["start_ns"] - start) <= 256
    assert abs(rows[5]["duration_ns"] - length) <= 256
    assert abs(rows[6]["duration_ns"] - length) <= 256
    assert len(found.rejects.notes) == 1


@pytest.mark.parametrize(
    ("key", "column", "expected"),
    [
        ("peer.service", "peer_service", "ledger"),
        ("peer.hostname", "server_address", "ledger"),
        ("peer.db.name", "db_namespace", "ledger"),
        ("peer.messaging.destination", "messaging_destination", "ledger"),
        # What no column keeps says nothing.
        ("peer.rack", "peer_service", None),
    ],
)
def test_the_other_side_that_datadog_inferred(key, column, expected):
    span = {
        "parent_id": "0",
        "service": "shop",
        "name": "call",
        "type": "http",
        "resource": "GET",
        "start": 1_700_000_000,
        "duration": 1,
        "meta": {"span.kind": "client"},
        "inferred_entity": {"entity": "ledger", "entity_key": key},
    }
    found = read(orjson.dumps({"root_id": "5", "spans": {"5": span}}))  # fmt: skip
    assert found.only()[column] == expected
    span["meta"] |= {
        "peer.service": "books",
        "db.name": "books",
        "peer.hostname": "books",
        "messaging.destination": "books",
    }
    own = read(orjson.dumps({"root_id": "5", "spans": {"5": span}})).only()
    assert own[column] == "books"


def test_what_is_no_trace_of_datadog():
    assert detect(b'{"data": {"attributes": {"spans": 1}}}') is None
    found = read(orjson.dumps({"root_id": "5", "spans": {"5": 7}}) + b"\n" + orjson.dumps({"root_id": "5", "spans": 7}))
    assert found.reasons == {"record has another shape than its format says": 2}
