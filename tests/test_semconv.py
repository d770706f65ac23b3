"""Attribute names of several vocabularies to columns; values of any type to what a column holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.schema import KINDS as SCHEMA_KINDS
from analysis.schema import SPANS
from analysis.schema import STATUSES as SCHEMA_STATUSES
from analysis.semconv import (
    KINDS,
    KNOWN,
    RESOURCE_NAMES,
    SPAN_NAMES,
    STATUSES,
    exception_columns,
    probability_weight,
    resource_columns,
    span_columns,
    text,
    tracestate_weight,
    truth,
)
from analysis.semconv._values import (
    connection_parts,
    count,
    database_system,
    function_module,
    grpc_status,
    host_and_port,
    http_code,
    method_parts,
    port,
    url_parts,
)


def span(attributes: dict, kind: str = "client", **row: object) -> dict:
    notes: list[str] = []
    span_columns(attributes, kind, row, notes.append)
    return {**row, "notes": notes} if notes else row


OLD = {"old_conventions": True}


@pytest.mark.parametrize(
    ("attributes", "columns"),
    [
        # OpenTelemetry, HTTP: migration guide of 1.23, both sides of each row of its table.
        ({"http.request.method": "GET"}, {"http_method": "GET"}),
        ({"http.method": "GET"}, {"http_method": "GET", **OLD}),
        ({"http.response.status_code": 503}, {"http_status": 503}),
        ({"http.status_code": "503"}, {"http_status": 503, **OLD}),
        ({"http.request.body.size": 9}, {"request_size": 9}),
        ({"http.request_content_length": 9}, {"request_size": 9, **OLD}),
        ({"http.response.body.size": 9}, {"response_size": 9}),
        ({"http.response_content_length": 9}, {"response_size": 9, **OLD}),
        ({"http.request.resend_count": 2}, {"resend_count": 2}),
        ({"http.resend_count": 2}, {"resend_count": 2, **OLD}),
        ({"http.target": "/a?b=1"}, {"url_path": "/a?b=1", **OLD}),
        ({"url.path": "/a", "url.query": "b=1"}, {"url_path": "/a?b=1"}),
        (
            {"url.full": "https://u:p@api:8443/a?b=1#c"},
            {"url_path": "/a?b=1", "server_address": "api", "server_port": 8443},
        ),
        ({"http.url": "http://api/a"}, {"url_path": "/a", "server_address": "api", **OLD}),
        ({"url.full": "http://api:1/a", "server.address": "b"}, {"url_path": "/a", "server_address": "b"}),
        ({"http.route": "/a/{id}"}, {"http_route": "/a/{id}"}),
        ({"url.template": "/a/{id}"}, {"http_route": "/a/{id}"}),
        # Both at once, as OTEL_SEMCONV_STABILITY_OPT_IN=http/dup sends them, in either order: nothing old was needed.
        ({"http.method": "GET", "http.request.method": "PUT"}, {"http_method": "PUT"}),
        ({"http.request.method": "PUT", "http.method": "GET"}, {"http_method": "PUT"}),
        # Addresses of the other side.
        ({"net.peer.name": "b", "net.peer.port": 80}, {"server_address": "b", "server_port": 80, **OLD}),
        ({"network.peer.address": "10.0.0.1", "server.address": "b"}, {"server_address": "b"}),
        ({"peer.address": "b:6379"}, {"server_address": "b", "server_port": 6379, **OLD}),
        ({"out.host": "b", "network.destination.port": "5432"}, {"server_address": "b", "server_port": 5432}),
        ({"service.peer.name": "b"}, {"peer_service": "b"}),
        ({"peer.service": "b"}, {"peer_service": "b"}),
        # Ids of requests: headers are lists, which some write as text; Envoy, Datadog, ECS, Lambda.
        ({"http.request.header.x-request-id": ["7b0c-1"]}, {"request_id": "7b0c-1"}),
        ({"http.request.header.x_request_id": '["7b0c-1"]'}, {"request_id": "7b0c-1"}),
        ({"guid:x-request-id": "7b0c-1", "request_id": "other"}, {"request_id": "7b0c-1"}),
        ({"http.request.headers.x-request-id": " 7b0c-1 "}, {"request_id": "7b0c-1"}),
        ({"http.request.id": "7b0c-1"}, {"request_id": "7b0c-1"}),
        ({"faas.execution": "7b0c-1"}, {"request_id": "7b0c-1", **OLD}),
        ({"correlation_id": ["a", "b"]}, {"request_id": '["a","b"]'}),
        # Databases: migration guide of 1.28.
        (
            {"db.system.name": "postgresql", "db.namespace": "shop", "db.query.text": "SELECT 1"},
            {"db_system": "postgresql", "db_namespace": "shop", "db_statement": "SELECT 1"},
        ),
        (
            {"db.system": "postgres", "db.name": "shop", "db.statement": "SELECT 1"},
            {"db_system": "postgresql", "db_namespace": "shop", "db_statement": "SELECT 1", **OLD},
        ),
        ({"db.collection.name": "t", "db.operation.name": "SELECT"}, {"db_collection": "t", "db_operation": "SELECT"}),
        ({"db.sql.table": "t", "db.operation": "SELECT"}, {"db_collection": "t", "db_operation": "SELECT", **OLD}),
        ({"db.mongodb.collection": "t"}, {"db_collection": "t", **OLD}),
        ({"aws.dynamodb.table_names": ["t"]}, {"db_collection": "t"}),
        ({"db.response.returned_rows": "7"}, {"db_rows": 7}),
        (
            {"db.connection_string": "jdbc:mysql://u:p@h:3306/shop?x=1"},
            {"db_system": "mysql", "server_address": "h", "server_port": 3306, "db_namespace": "shop", **OLD},
        ),
        (
            {"cassandra.query": "SELECT", "cassandra.keyspace": "k"},
            {"db_statement": "SELECT", "db_namespace": "k", "db_system": "cassandra"},
        ),
        (
            {"mongodb.command": "find", "mongodb.collection": "t"},
            {"db_system": "mongodb", "db_operation": "find", "db_collection": "t"},
        ),
        ({"jdbc.query[0]": "SELECT 1", "jdbc.row-count": 3}, {"db_statement": "SELECT 1", "db_rows": 3}),
        # Calls.
        (
            {"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "C"},
            {"rpc_system": "grpc", "rpc_service": "a.B", "rpc_method": "C"},
        ),
        (
            {"rpc.system.name": "grpc", "rpc.method": "a.B/C"},
            {"rpc_system": "grpc", "rpc_service": "a.B", "rpc_method": "C"},
        ),
        ({"rpc.grpc.status_code": 14}, {"rpc_status": "UNAVAILABLE", "rpc_system": "grpc"}),
        ({"rpc.response.status_code": "DEADLINE_EXCEEDED"}, {"rpc_status": "DEADLINE_EXCEEDED"}),
        (
            {"component": "grpc", "url.path": "/a.B/C"},
            {"url_path": "/a.B/C", "rpc_system": "grpc", "rpc_service": "a.B", "rpc_method": "C"},
        ),
        # Messages.
        (
            {
                "messaging.system": "Kafka",
                "messaging.destination.name": "t",
                "messaging.operation.type": "send",
                "messaging.message.id": "m",
            },
            {
                "messaging_system": "kafka",
                "messaging_destination": "t",
                "messaging_operation": "send",
                "message_id": "m",
            },
        ),
        (
            {"messaging.destination": "t", "messaging.operation": "receive"},
            {"messaging_destination": "t", "messaging_operation": "receive", **OLD},
        ),
        ({"message_bus.destination": "t"}, {"messaging_destination": "t", **OLD}),
        ({"kafka.topic": "t"}, {"messaging_destination": "t", "messaging_system": "kafka"}),
        ({"messaging.message.body.size": 10}, {"request_size": 10}),
        # Modules, errors, retries, sampling.
        ({"code.function.name": "shop.Cart.add"}, {"module": "shop.Cart"}),
        ({"code.function.name": "add"}, {"notes": ["code.function.name held a value that does not fit"]}),
        ({"code.namespace": "shop.Cart"}, {"module": "shop.Cart", **OLD}),
        ({"error.type": "timeout"}, {"error_type": "timeout"}),
        ({"error": True}, {"status": "error"}),
        ({"error": "true"}, {"status": "error"}),
        ({"error": False}, {}),
        ({"error": "no stock"}, {"status": "error", "status_message": "no stock"}),
        ({"otel.status_code": "ERROR", "otel.status_description": "x"}, {"status": "error", "status_message": "x"}),
        ({"response_flags": "URX,UF"}, {"retry_evidence": "response_flags=URX,UF"}),
        ({"response_flags": "-"}, {}),
        # That there is a key is evidence; the key itself is not kept.
        ({"http.request.header.idempotency-key": ["order-7"]}, {"retry_evidence": "idempotency-key"}),
        ({"http.request.header.idempotency_key": []}, {}),
        (
            {"x-envoy-attempt-count": "3", "response_flags": "UT"},
            {"retry_evidence": "response_flags=UT;x-envoy-attempt-count=3"},
        ),
        ({"sampling.probability": "0.1"}, {"weight": 10.0}),
        ({"SampleRate": 20}, {"weight": 20.0}),
        # A summary that a pruning of spans left in the place of seven.
        ({"aggregation.is_summary": True, "aggregation.span_count": 7}, {"multiplicity": 7}),
        ({"aggregation.span_count": 0}, {}),
        ({"otel.library.name": "jdbc"}, {"scope": "jdbc"}),
        # Values that do not fit are passed over for the next name.
        (
            {"http.response.status_code": "OK", "http.status_code": 200},
            {"http_status": 200, **OLD, "notes": ["http.response.status_code held a value that does not fit"]},
        ),
        ({"http.response.status_code": None, "http.route": ""}, {}),
        ({"unknown": 1}, {}),
    ],
)
def test_attributes_feed_columns(attributes, columns):
    assert span(attributes) == columns


@pytest.mark.parametrize("kind", ["server", "consumer"])
def test_on_the_server_the_peer_is_the_caller(kind):
    attributes = {"net.peer.ip": "10.0.0.9", "net.peer.port": 4711, "network.peer.address": "10.0.0.9"}
    assert span(attributes, kind) == {}
    assert span({"net.host.name": "shop", "net.host.port": 80}, kind) == {
        "server_address": "shop",
        "server_port": 80,
        "old_conventions": True,
    }
    assert span({"net.host.name": "shop"}) == {}
    assert span({"http.url": "http://shop:80/a"}, kind) == {"url_path": "/a", "old_conventions": True}


def test_an_error_does_not_override_a_status_that_the_exporter_set():
    assert span({"error": True}, status="ok")["status"] == "ok"
    assert span({"error": True}, status="unset")["status"] == "error"


def test_the_name_of_a_grpc_span_says_service_and_method():
    assert span({"rpc.system": "grpc"}, name="a.B/C")["rpc_service"] == "a.B"
    assert "rpc_service" not in span({"rpc.system": "grpc"}, name="GET /a")
    assert "rpc_service" not in span({"http.request.method": "GET"}, name="a.B/C")


def test_names_of_resources():
    found = resource_columns(
        {
            "service.name": "cart",
            "service.namespace": "shop",
            "service.version": "1",
            "deployment.environment": "test",
            "k8s.pod.name": "cart-1",
            "host.name": "node",
            "service.instance.id": "i",
        },
        lambda _: None,
    )
    assert found == {
        "service": "cart",
        "service_namespace": "shop",
        "service_version": "1",
        "environment": "test",
        "host": "node",
        "instance": "i",
    }


@pytest.mark.parametrize(
    ("attributes", "host", "instance"),
    [
        ({"host.id": "a", "host.name": "b", "host.ip": ["c"]}, "a", None),
        ({"host.ip": ["c"], "host.name": "b"}, "b", None),
        ({"host.ip": ["c", "d"]}, '["c","d"]', None),
        ({"k8s.pod.name": "p", "service.instance.id": "i"}, "p", "i"),
        ({"k8s.pod.name": "p"}, "p", "p"),
        ({"service.instance.id": "i"}, "i", "i"),
        ({"container.id": "c"}, "c", "c"),
        ({"hostname": "h", "ip": "1.2.3.4", "client-uuid": "u"}, "h", "u"),
    ],
)
def test_whose_clock_and_which_copy(attributes, host, instance):
    found = resource_columns(attributes, lambda _: None)
    assert (found.get("host"), found.get("instance")) == (host, instance)


def test_exceptions_fill_what_is_open():
    row: dict = {"error_type": "timeout", "exception_message": None}
    exception_columns({"exception.type": "E", "exception.message": "m"}, row)
    assert row == {"error_type": "timeout", "exception_message": "m"}


@pytest.mark.parametrize(
    ("state", "weight"),
    [
        # OpenTelemetry, "TraceState: Probability Sampling": th:0 is all, th:8 half, th:c a quarter, th:fd70a 1 %.
        ("ot=th:0", 1.0),
        ("ot=th:8", 2.0),
        ("ot=th:c", 4.0),
        ("ot=th:fd70a;rv:1", pytest.approx(100, rel=1e-4)),
        ("vendor=x, ot=rv:ab;th:8", 2.0),
        ("ot=p:8;r:62", 256.0),
        ("ot=p:0", 1.0),
        ("ot=p:63", None),
        ("ot=p:9999999999", None),
        ("ot=th:zz", None),
        ("ot=th:123456789abcdef", None),
        ("other=th:8", None),
        ("", None),
        ("===;;,,:", None),
    ],
)
def test_weights_of_a_tracestate(state, weight):
    assert tracestate_weight(state) == weight


@pytest.mark.parametrize(
    ("value", "weight"),
    [(0.5, 2.0), ("0.25", 4.0), (1, 1.0), (0, None), (2, None), ("x", None), (None, None), ("nan", None)],
)
def test_weights_of_a_probability(value, weight):
    assert probability_weight(value) == weight


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://api", ("api", None, "/")),
        ("https://API:8443/a?b#c", ("api", 8443, "/a?b")),
        ("http://user:pass@word@api/a", ("api", None, "/a")),
        ("http://[::1]:80/", ("::1", 80, "/")),
        ("http://api?x=1", ("api", None, "/?x=1")),
        ("http://api:99999/", ("api", None, "/")),
        ("/a?b#c", (None, None, "/a?b")),
        ("a/b", (None, None, None)),
        ("", (None, None, None)),
        ("http://", (None, None, None)),
    ],
)
def test_parts_of_urls(url, parts):
    assert url_parts(url) == parts


@pytest.mark.parametrize(
    ("connection", "parts"),
    [
        ("jdbc:postgresql://db:5432/shop?user=u&password=p", ("postgresql", "db", 5432, "shop")),
        ("postgres://u:p@db/shop", ("postgresql", "db", None, "shop")),
        ("mongodb://u:p@a:27017,b:27017/shop", ("mongodb", "a", 27017, "shop")),
        ("jdbc:sqlserver://db:1433;databaseName=x", ("microsoft.sql_server", "db", 1433, None)),
        ("jdbc:hsqldb:mem:testdb", ("hsqldb", None, None, "mem:testdb")),
        ("Server=db;Database=shop", (None, None, None, None)),
        ("shop", (None, None, None, None)),
    ],
)
def test_parts_of_connection_strings(connection, parts):
    assert connection_parts(connection) == parts


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("a:1", ("a", 1)),
        ("a", ("a", None)),
        ("[::1]:5", ("::1", 5)),
        ("::1", ("::1", None)),
        ("tcp://a:1", ("a", 1)),
        ("", (None, None)),
        ("a b", (None, None)),
    ],
)
def test_hosts_and_ports(address, parts):
    assert host_and_port(address) == parts


def test_small_readers():
    assert [count(value) for value in (5, "5", "5.0", 5.0, ["5"], True, -1, "x", 1.5, 2**63, "9" * 40)] == [5] * 5 + [
        None
    ] * 6
    assert [port(value) for value in (80, "80", 0, 65536)] == [80, 80, None, None]
    assert [http_code(value) for value in (200, "404", 0, 1000)] == [200, 404, None, None]
    assert [grpc_status(value) for value in (0, "14", "unavailable", 99, None)] == [
        "OK",
        "UNAVAILABLE",
        "UNAVAILABLE",
        "99",
        None,
    ]
    assert [database_system(value) for value in ("PostgreSQL", "mssql", "redis")] == [
        "postgresql",
        "microsoft.sql_server",
        "redis",
    ]
    assert [truth(value) for value in (True, "TRUE", 1, False, "", None, "0", "perhaps")] == [True] * 3 + [
        False
    ] * 4 + [None]
    names = ("a.b.C.d", "A\\B::c", "A#b", "github.com/x/y.z", "f")
    assert [function_module(name) for name in names] == ["a.b.C", "A\\B", "A", "github.com/x/y", None]
    assert [method_parts(name) for name in ("/a.B/C", "a.B/C", "GET /a", "a/b/c")] == [
        ("a.B", "C"),
        ("a.B", "C"),
        (None, None),
        (None, None),
    ]


def test_texts():
    values = ("x", "", None, True, 3, 2.0, 0.5, b"\1", ["a"], ["a", 1], {"a": {"b": None}})
    assert [text(value) for value in values] == [
        "x",
        None,
        None,
        "true",
        "3",
        "2",
        "0.5",
        "01",
        "a",
        '["a",1]',
        '{"a":{"b":null}}',
    ]


@given(
    st.dictionaries(
        st.sampled_from(sorted(KNOWN)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=12,
    ),
    st.sampled_from(SCHEMA_KINDS),
)
def test_no_value_of_any_type_raises_or_gives_another_type(attributes, kind):
    row = span(attributes, kind)
    row.pop("notes", None)
    row.update(resource_columns(attributes, lambda _: None))
    types = {column.name: str(column.type) for column in SPANS}
    for name, value in row.items():
        expected = {"int32": int, "int64": int, "bool": bool, "double": float}.get(types[name], str)
        assert type(value) is expected, name


def test_the_tables_name_columns_of_the_schema_and_each_attribute_once():
    columns = {column.name for column in SPANS}
    for table, sides in ((SPAN_NAMES, ("client", "server")), (RESOURCE_NAMES, ("",))):
        assert {row.column for row in table} <= columns
        for side in sides:
            names = [
                name for row in table if row.side in {"", side} for name in (*row.current, *row.foreign, *row.replaced)
            ]
            assert len(names) == len(set(names))
            assert all(re.fullmatch(r"[A-Za-z][\w.:\-\[\]]*", name) for name in names)


def test_kinds_and_statuses_are_those_of_the_schema():
    assert set(KINDS.values()) == set(SCHEMA_KINDS)
    assert set(STATUSES.values()) == set(SCHEMA_STATUSES)
    # The numbers of OTLP's enums (opentelemetry-proto, trace.proto).
    assert [KINDS[number] for number in range(6)] == [
        "unspecified",
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
    ]
    assert [STATUSES[number] for number in range(3)] == ["unset", "ok", "error"]
    assert KINDS["SPAN_KIND_CLIENT"] == KINDS["CLIENT"] == KINDS["Client"] == KINDS["3"] == "client"
