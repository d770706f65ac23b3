"""Documents of Elastic APM and of OpenTelemetry, in every wrapping; events of agents; errors joined to their spans."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

import analysis as an
from analysis.dataset import open_export
from tests.sources.build import read

TRACE = "4766f1209f70a5e2e55417fc296fd101"
START_US = 1_700_000_000_000_000


def document(event: str, identity: str, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    """A document of Elastic APM with dots in the names of its fields."""
    own = {"transaction": "transaction.id", "span": "span.id", "error": "error.id"}[event]
    made = {
        "@timestamp": "2023-11-14T22:13:20.000Z", "timestamp.us": START_US, "processor.event": event,
        "trace.id": TRACE, own: identity, "parent.id": parent, "service.name": "shop",
        "service.environment": "prod", "service.node.name": "shop-7", "host.hostname": "node-7",
        f"{event}.name": "GET /cart" if event == "transaction" else "SELECT FROM carts",
        f"{event}.duration.us": None if event == "error" else 1_500, **fields,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """The same document as agents and Kibana have it: objects within objects."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return found


SQL = {
    "span.type": "db", "span.subtype": "postgresql", "span.action": "query", "span.db.type": "sql",
    "span.db.instance": "shop", "span.db.statement": "SELECT * FROM carts", "span.db.rows_affected": 3,
    "span.destination.service.resource": "postgresql/shop", "destination.address": "db", "destination.port": 5433,
}  # fmt: skip
DOCUMENTS = [
    document("transaction", "00000000000000a1", **{"transaction.type": "request", "event.outcome": "failure"}),
    document("span", "00000000000000b2", "00000000000000a1", **SQL),
]


def hit(content: dict[str, Any], key: str = "_source") -> dict[str, Any]:
    return {"_index": ".ds-traces-apm-default", "_id": "x", "_score": 1.0, key: content}


def fields_of(flat: dict[str, Any]) -> dict[str, Any]:
    return {name: [value] for name, value in flat.items()}


def body(hits: list[dict[str, Any]], total: int | None = None) -> dict[str, Any]:
    found = {
        "total": {"value": len(hits) if total is None else total, "relation": "eq"},
        "max_score": 1.0,
        "hits": hits,
    }
    return {"took": 3, "timed_out": False, "_shards": {"total": 1}, "hits": found}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(orjson.dumps(body([hit(nested(one)) for one in DOCUMENTS])), id="_search, nested"),
        pytest.param(orjson.dumps(body([hit(one) for one in DOCUMENTS])), id="_search, dotted"),
        pytest.param(orjson.dumps(body([hit(fields_of(one), "fields") for one in DOCUMENTS])), id="_search, fields"),
        pytest.param(json.dumps(body([hit(nested(one)) for one in DOCUMENTS]), indent=2).encode(), id="pretty-printed"),
        pytest.param(orjson.dumps({"responses": [body([hit(one)]) for one in DOCUMENTS]}), id="_msearch"),
        pytest.param(b"\n".join(orjson.dumps(hit(nested(one))) for one in DOCUMENTS), id="elasticdump"),
        pytest.param(b"\n".join(orjson.dumps(nested(one)) for one in DOCUMENTS), id="lines of documents"),
        pytest.param(b"\n".join(orjson.dumps(body([hit(one)])) for one in DOCUMENTS), id="lines of bodies"),
        pytest.param(orjson.dumps([fields_of(one) for one in DOCUMENTS]), id="array of fields"),
    ],
)
def test_every_wrapping_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "elastic-apm"
    server, query = found.spans
    shared = {
        "trace_id_high": 0x4766F1209F70A5E2, "trace_id_low": 0xE55417FC296FD101, "service": "shop",
        "environment": "prod", "host": "node-7", "instance": "shop-7", "start_ns": START_US * 1_000,
        "duration_ns": 1_500_000, "time_resolution_ns": 1_000, "weight": 1.0, "old_conventions": False,
    }  # fmt: skip
    assert {name: server[name] for name in shared} == shared
    assert {name: query[name] for name in shared} == shared
    keys = ("span_id", "parent_span_id", "kind", "status")
    assert [server[key] for key in keys] == [0xA1, 0, "server", "error"]
    assert [query[key] for key in keys] == [0xB2, 0xA1, "client", "unset"]
    assert (query["db_system"], query["db_namespace"], query["db_rows"]) == ("postgresql", "shop", 3)
    assert (query["db_statement"], query["server_address"], query["server_port"]) == ("SELECT * FROM carts", "db", 5433)
    assert not found.rejects.rows()
    assert not found.rejects.notes


def test_nested_and_dotted_names_may_stand_in_one_document():
    mixed = {**DOCUMENTS[1], "service": {"name": "cart"}, "span": {"id": "00000000000000b9"}}
    del mixed["service.name"], mixed["span.id"]
    row = read(orjson.dumps([mixed])).only()
    assert (row["service"], row["span_id"], row["db_statement"]) == ("cart", 0xB9, "SELECT * FROM carts")


def test_a_transaction_that_was_not_sampled_is_said_to_have_no_children():
    found = read(orjson.dumps([{**DOCUMENTS[0], "transaction.sampled": False}]))
    assert found.rejects.notes == {"transactions that were not sampled: what they called was not recorded": 1}
    assert found.only()["span_id"] == 0xA1


def test_spans_in_the_mode_ecs_of_the_exporter():
    """The shape of the exporter's own test of this mode: no end, and attributes without a field under their names."""
    document = {
        "@timestamp": "2026-11-23T07:00:00.000000006Z", "trace": {"id": "01020304050607080807060504030201"},
        "parent": {"id": "0102030405060708"}, "event": {"outcome": "failure"},
        "span": {"id": "1920212223242526", "name": "client span", "kind": "CLIENT",
                 "db": {"instance": "users", "statement": "SELECT * FROM users WHERE id = ?", "type": "postgresql"},
                 "links": [{"span": {"id": "1112131415161718"}, "trace": {"id": "21222324252627282827262524232221"}}]},
        "service": {"name": "cart", "environment": "production", "node": {"name": "23"}, "version": "1.4.2"},
        "server": {"address": "db-7"},
    }  # fmt: skip
    second = {**document, "span": {**document["span"], "id": "1920212223242527"}}
    found = read(orjson.dumps(document) + b"\n" + orjson.dumps(second))
    row = found.spans[0]
    names = ("span_id", "parent_span_id", "name", "kind", "status", "service", "instance")
    assert {name: row[name] for name in names} == {
        "span_id": 0x1920212223242526, "parent_span_id": 0x0102030405060708, "name": "client span", "kind": "client",
        "status": "error", "service": "cart", "instance": "23",
    }  # fmt: skip
    assert (row["db_system"], row["db_namespace"], row["server_address"]) == ("postgresql", "users", "db-7")
    assert (row["start_ns"], row["duration_ns"]) == (1_795_417_200_000_000_006, None)
    assert row["time_resolution_ns"] == 1
    assert [link["span_id"] for link in row["links"]] == [0x1112131415161718]
    assert found.rejects.notes == {"spans with a start and no end: their duration is unknown": 2}


def test_a_search_that_found_more_says_so():
    assert read(orjson.dumps(body([hit(DOCUMENTS[0])], 20_000))).rejects.notes == {}
    lines = b"\n".join(orjson.dumps(body([hit(one)], 20_000)) for one in DOCUMENTS)
    assert read(lines).rejects.notes == {"searches that found more documents than they returned": 2}


def only(event: str = "span", **fields: Any) -> dict[str, Any]:
    return read(orjson.dumps([document(event, "00000000000000b2", "00000000000000a1", **fields)])).only()


@pytest.mark.parametrize(
    ("event", "fields", "kind"),
    [
        ("transaction", {"transaction.type": "request"}, "server"),
        ("transaction", {"transaction.type": "messaging"}, "consumer"),
        ("transaction", {"transaction.type": "page-load", "agent.name": "rum-js"}, "internal"),
        ("transaction", {"transaction.type": "request", "span.kind": "INTERNAL"}, "internal"),
        ("transaction", {"transaction.type": "scheduled"}, "internal"),
        ("transaction", {"transaction.type": "custom", "url.path": "/cart"}, "server"),
        ("span", {"span.type": "app"}, "internal"),
        ("span", {"span.type": "external", "span.subtype": "http"}, "client"),
        ("span", {"span.type": "custom", "span.destination.service.resource": "stock:8080"}, "client"),
        ("span", {"span.type": "messaging", "span.subtype": "kafka", "span.action": "send"}, "producer"),
        ("span", {"span.type": "messaging", "span.subtype": "kafka", "span.action": "poll"}, "client"),
        ("span", {"span.type": "app", "span.kind": "CLIENT"}, "client"),
    ],
)
def test_kinds(event, fields, kind):
    assert only(event, **fields)["kind"] == kind


def test_calls_to_services_and_brokers():
    row = only(**{"span.type": "external", "span.subtype": "http", "url.original": "http://10.0.0.1:8080/items/7",
                  "span.destination.service.resource": "stock:8080", "destination.address": "10.0.0.1",
                  "http.request.method": "get", "http.response.status_code": 503})  # fmt: skip
    assert (row["server_address"], row["server_port"], row["url_path"]) == ("stock", 8080, "/items/7")
    assert (row["http_method"], row["http_status"]) == ("GET", 503)
    row = only(**{"span.type": "external", "span.subtype": "grpc", "span.name": "/shop.Cart/Get"})
    assert (row["rpc_system"], row["rpc_service"], row["rpc_method"]) == ("grpc", "shop.Cart", "Get")
    row = only(**{"span.type": "messaging", "span.subtype": "kafka", "span.action": "send",
                  "span.destination.service.resource": "kafka/orders"})  # fmt: skip
    assert (row["messaging_system"], row["messaging_destination"]) == ("kafka", "orders")
    assert row["messaging_operation"] == "publish"
    row = only("transaction", **{"transaction.type": "messaging", "transaction.message.queue.name": "orders"})
    assert row["messaging_destination"] == "orders"


@pytest.mark.parametrize(
    ("fields", "route"),
    [
        ({"url.path": "/carts/17", "transaction.name": "GET /carts/{id}"}, "/carts/{id}"),
        ({"url.path": "/carts/17", "transaction.name": "GET /other", "http.route": "/carts/{id}"}, "/carts/{id}"),
        ({"url.path": "/carts/17", "transaction.name": "CartController#get"}, None),
        ({"url.path": "/carts/17", "transaction.name": "GET unknown route"}, None),
        # Nobody asked for it over HTTP.
        ({"transaction.name": "GET /carts/{id}"}, None),
    ],
)
def test_a_transaction_is_named_after_its_route(fields, route):
    assert only("transaction", **{"transaction.type": "request", **fields})["http_route"] == route


@pytest.mark.parametrize(
    ("name", "action", "collection"),
    [
        ("shop.carts.find", "find", "carts"),
        ("shop.carts.find", "query", "carts"),
        ("shop.fs.files.insert", "insert", "fs.files"),
        ("shop.carts.find", "update", None),
        ("ping", "ping", None),
    ],
)
def test_a_span_of_mongodb_is_named_after_its_collection(name, action, collection):
    row = only(**{"span.type": "db", "span.subtype": "mongodb", "span.action": action, "span.name": name})
    assert (row["db_system"], row["db_collection"]) == ("mongodb", collection)


def test_calls_to_stores_of_objects():
    bucket = only(**{"span.type": "storage", "span.subtype": "s3", "span.action": "PutObject",
                     "service.target.type": "s3", "service.target.name": "invoices"})  # fmt: skip
    assert (bucket["db_system"], bucket["db_collection"], bucket["db_operation"]) == ("aws.s3", "invoices", "putobject")
    blob = only(**{"span.type": "storage", "span.subtype": "azureblob", "span.action": "Upload",
                   "span.name": "AzureBlob Upload invoices/17.pdf", "service.target.name": "shop",
                   "destination.address": "shop.blob.core.windows.net"})  # fmt: skip
    wanted = ("azure.blob", "shop.blob.core.windows.net", "invoices", "upload")
    assert tuple(blob[name] for name in ("db_system", "server_address", "db_collection", "db_operation")) == wanted


def test_labels_are_attributes():
    labels = {"labels.peer_service": "stock", "numeric_labels.http_response_status_code": 404.0, "labels.other": "x"}
    row = only(**labels)
    assert (row["peer_service"], row["http_status"]) == ("stock", 404)


def test_parents_times_weights_and_links():
    flat = document("span", "00000000000000b2", **{"transaction.id": "00000000000000a1"})
    assert read(orjson.dumps([flat])).only()["parent_span_id"] == 0xA1
    row = only(**{"timestamp.us": None, "@timestamp": "2023-11-14T22:13:20.123Z", "span.representative_count": 5})
    assert (row["start_ns"], row["time_resolution_ns"], row["weight"]) == (1_700_000_000_123_000_000, 1_000_000, 5.0)
    links = [{"trace": {"id": TRACE}, "span": {"id": "00000000000000c3"}}]
    for written in ({"span.links": links}, {"span.links": [{"trace.id": [TRACE], "span.id": ["00000000000000c3"]}]},
                    {"span.links.trace.id": [TRACE], "span.links.span.id": ["00000000000000c3"]}):  # fmt: skip
        (link,) = only(**written)["links"]
        assert (link["trace_id_low"], link["span_id"]) == (0xE55417FC296FD101, 0xC3)


STATISTICS = [
    {"destination_service_resource": "postgresql/shop", "service_target_type": "postgresql",
     "service_target_name": "shop", "outcome": "success", "duration": {"count": 40, "sum": {"us": 4_000}}},
    {"destination_service_resource": "stock:8080", "service_target_type": "http", "outcome": "failure",
     "duration": {"count": 3, "sum": {"us": 900}}},
]  # fmt: skip


def test_spans_that_stand_for_several_count_as_many(tmp_path):
    """One query stands for 50; 40 were dropped to the same store, 3 to a service, 7 of which nothing is known."""
    transaction = {**DOCUMENTS[0], "event.outcome": "success", "transaction.span_count.dropped": 50,
                   "transaction.dropped_spans_stats": STATISTICS}  # fmt: skip
    many = {**SQL, "span.composite.count": 50, "span.composite.compression_strategy": "exact_match",
            "destination.address": None, "destination.port": None}  # fmt: skip
    content = orjson.dumps([transaction, document("span", "00000000000000b2", "00000000000000a1", **many)])
    found = read(content)
    assert found.rejects.notes == {
        "transactions of which the agent dropped spans": 1,
        "calls that the agent dropped and counted: a row without time stands for those to one destination": 43,
    }
    rows = {row["name"]: row for row in found.spans}
    assert rows["GET /cart"]["dropped_children"] == 7
    assert rows["SELECT FROM carts"]["multiplicity"] == 50
    assert (rows["stock:8080"]["multiplicity"], rows["stock:8080"]["status"]) == (3, "error")
    assert rows["stock:8080"]["start_ns"] is None
    (tmp_path / "hits.json").write_bytes(content)
    calls = an.calls(open_export(tmp_path / "hits.json"))
    shown = {row.callee: (row.calls, row.errors) for row in calls.itertuples() if row.caller == "shop"}
    assert shown == {"postgresql:///shop": (90, 0), "stock": (3, 3)}


def test_a_compressed_span_without_a_statement_is_no_opening_of_the_call_after_it(tmp_path):
    """`same_kind` takes the statements away: twenty calls of Redis remain, whatever comes after them."""
    cache = {"span.type": "db", "span.subtype": "redis", "span.name": "Calls to redis", "span.composite.count": 20,
             "span.destination.service.resource": "redis"}  # fmt: skip
    spans = [
        DOCUMENTS[0],
        document("span", "00000000000000b1", "00000000000000a1", **cache),
        document("span", "00000000000000b2", "00000000000000a1", **SQL, **{"timestamp.us": START_US + 2_000}),
    ]
    (tmp_path / "hits.json").write_bytes(orjson.dumps(spans))
    calls = an.calls(open_export(tmp_path / "hits.json"))
    shown = {row.callee: row.calls for row in calls.itertuples() if row.caller == "shop"}
    assert shown == {"redis://": 20, "postgresql://db:5433/shop": 1}


ERROR = {"error.grouping_key": "g", "error.exception": [{"type": "KeyError", "message": "no row 7"}],
         "transaction.id": "00000000000000a1"}  # fmt: skip


@pytest.mark.parametrize("first", ["error", "span"])
def test_errors_are_log_records_and_exceptions_of_their_spans(tmp_path, first):
    error = document("error", "e1", "00000000000000b2", **ERROR)
    flat = {"error.exception.type": ["ValueError"], "error.exception.message": ["second"], "error.grouping_key": ["g"]}
    second = {**fields_of(document("error", "e2", "00000000000000b2")), **flat}
    order = [error, second, *DOCUMENTS] if first == "error" else [*DOCUMENTS, error, second]
    content = b"\n".join(map(orjson.dumps, order))
    found = read(content)
    assert [(log["error_type"], log["body"], log["severity"], log["span_id"]) for log in found.logs] == [
        ("KeyError", "no row 7", "error", 0xB2),
        ("ValueError", "second", "error", 0xB2),
    ]
    (tmp_path / "lines.ndjson").write_bytes(content)
    data = open_export(tmp_path / "lines.ndjson")
    assert (data.totals.spans, data.totals.logs, data.totals.rejected) == (2, 2, ())
    spans = data.spans().set_index("span_id")
    assert spans.loc["00000000000000b2", "error_type"] == "KeyError"
    assert spans.loc["00000000000000b2", "duration_ns"] == 1_500_000
    assert spans["error_type"].isna().tolist().count(True) == 1


def test_an_error_of_no_span_that_is_there_adds_none():
    error = document("error", "e1", "00000000000000ff", **ERROR)
    found = read(orjson.dumps([*DOCUMENTS, error]))
    assert (len(found.spans), len(found.logs)) == (2, 1)


def test_metrics_are_passed_over_and_strangers_refused():
    metric = {"processor.event": "metric", "metricset.name": "app", "@timestamp": "2023-11-14T22:13:20Z"}
    strange = {"a": 1}
    bad = {**DOCUMENTS[1], "timestamp.us": "x"}
    found = read(orjson.dumps([*DOCUMENTS, metric, strange, bad, 7, {**DOCUMENTS[0], "trace.id": ""}]))
    assert len(found.spans) == 2
    assert found.rejects.notes == {"documents of metrics were passed over": 1}
    assert found.reasons == {
        "document is neither a span nor a log record": 1,
        "time is not a number": 1,
        "text that is no record": 1,
        "trace id is missing": 1,
    }


NATIVE = {
    "@timestamp": "2023-11-14T22:13:20.000000005Z", "trace_id": TRACE, "span_id": "00000000000000b2",
    "parent_span_id": "00000000000000a1", "name": "SELECT carts", "kind": "Client", "duration": 1_500,
    "trace_state": "ot=p:3", "attributes": {"db.system.name": "postgresql", "server.port": 5433},
    "resource": {"attributes": {"service.name": "shop", "host.name": "node-7"}}, "scope": {"name": "jdbc"},
    "status": {"code": "Error", "message": "no"}, "data_stream": {"type": "traces", "dataset": "generic.otel"},
    "links": [{"trace_id": TRACE, "span_id": "00000000000000c3"}],
}  # fmt: skip
EVENT = {
    "@timestamp": "2023-11-14T22:13:20.000Z", "trace_id": TRACE, "span_id": "00000000000000b2",
    "event_name": "exception",
    "attributes": {"exception.type": "KeyError", "exception.message": "no row"},
    "resource": {"attributes": {"service.name": "shop"}}, "data_stream": {"type": "logs", "dataset": "generic.otel"},
}  # fmt: skip


def test_opentelemetry_as_it_is():
    for content in (orjson.dumps(body([hit(NATIVE), hit(EVENT)])), b"\n".join(map(orjson.dumps, (NATIVE, EVENT)))):
        found = read(content)
        assert found.format == "elastic-apm"
        row = found.spans[0]
        assert (row["trace_id_low"], row["span_id"], row["parent_span_id"]) == (0xE55417FC296FD101, 0xB2, 0xA1)
        assert (row["kind"], row["status"], row["status_message"], row["scope"]) == ("client", "error", "no", "jdbc")
        assert (row["service"], row["host"], row["db_system"], row["server_port"]) == (
            "shop",
            "node-7",
            "postgresql",
            5433,
        )
        assert (row["start_ns"], row["duration_ns"]) == (1_700_000_000_000_000_005, 1_500)
        assert (row["weight"], row["links"][0]["span_id"]) == (8.0, 0xC3)
        (log,) = found.logs
        assert (log["error_type"], log["body"], log["service"], log["span_id"]) == ("KeyError", "no row", "shop", 0xB2)


@pytest.mark.parametrize(
    ("stamp", "start_ns", "resolution_ns"),
    [
        # What the exporter writes: milliseconds, and nanoseconds behind the point.
        ("1700000000000.000005", 1_700_000_000_000_000_005, 1),
        ("1700000000123", 1_700_000_000_123_000_000, 1_000_000),
        ("2023-11-14T22:13:20.000000005Z", 1_700_000_000_000_000_005, 1),
        ("2023-11-14T22:13:20.000Z", 1_700_000_000_000_000_000, 1_000_000),
        (1_700_000_000_123, 1_700_000_000_123_000_000, 1_000_000),
    ],
)
def test_how_exact_a_time_of_opentelemetry_is(stamp, start_ns, resolution_ns):
    row = read(orjson.dumps([{**NATIVE, "@timestamp": stamp}])).only()
    assert (row["start_ns"], row["time_resolution_ns"]) == (start_ns, resolution_ns)


def test_opentelemetry_as_the_exporter_writes_it_otherwise():
    raw = {"@timestamp": "2023-11-14T22:13:20.000Z", "TraceId": TRACE, "SpanId": "00000000000000b2", "Name": "GET",
           "ParentSpanId": "", "Kind": "SPAN_KIND_SERVER", "TraceStatus": 2, "Duration": 1_500,
           "Attributes": {"http.route": "/cart"}, "Resource": {"service.name": "shop"}}  # fmt: skip
    row = read(orjson.dumps(body([hit(raw)]))).only()
    assert (row["service"], row["kind"], row["status"], row["http_route"]) == ("shop", "server", "error", "/cart")
    assert row["duration_ns"] == 1_500_000


METADATA = {"metadata": {"service": {"name": "shop", "version": "1.2", "environment": "prod", "agent": {"name": "java"},
                                     "node": {"configured_name": "shop-7"}},
                         "system": {"detected_hostname": "pod", "configured_hostname": "node-7"}}}  # fmt: skip
INTAKE = [
    METADATA,
    {"transaction": {"id": "00000000000000a1", "trace_id": TRACE, "name": "GET /cart", "type": "request",
                     "duration": 1.5, "timestamp": START_US, "sampled": True, "sample_rate": 0.25, "outcome": "failure",
                     "span_count": {"started": 1, "dropped": 2},
                     "context": {"request": {"method": "GET", "url": {"full": "http://shop/cart/7"}},
                                 "response": {"status_code": 500}}}},
    {"span": {"id": "00000000000000b2", "trace_id": TRACE, "transaction_id": "00000000000000a1",
              "parent_id": "00000000000000a1", "name": "SELECT FROM carts", "type": "db.postgresql.query", "start": 0.5,
              "duration": 0.25, "composite": {"count": 4, "sum": 0.2, "compression_strategy": "exact_match"},
              "context": {"db": {"statement": "SELECT 1", "instance": "shop", "type": "sql"},
                          "destination": {"address": "db", "port": 5433, "service": {"resource": "postgresql"}}}}},
    {"error": {"id": "e1", "trace_id": TRACE, "transaction_id": "00000000000000a1", "parent_id": "00000000000000b2",
               "timestamp": START_US, "exception": {"type": "KeyError", "message": "no row"}}},
    {"metricset": {"samples": {}}},
    {"log": {"message": "hello", "@timestamp": START_US, "trace.id": TRACE, "log.level": "warn"}},
]  # fmt: skip


def test_events_of_agents():
    found = read(b"\n".join(map(orjson.dumps, INTAKE)))
    assert found.format == "elastic-intake"
    server, query = found.spans[:2]
    assert (server["service"], server["host"], server["instance"], server["kind"]) == (
        "shop",
        "node-7",
        "shop-7",
        "server",
    )
    assert (server["duration_ns"], server["weight"], server["dropped_children"]) == (1_500_000, 4.0, 2)
    assert (server["http_method"], server["http_status"], server["url_path"]) == ("GET", 500, "/cart/7")
    assert (query["start_ns"], query["duration_ns"]) == (START_US * 1_000 + 500_000, 250_000)
    assert (query["db_system"], query["db_statement"], query["multiplicity"]) == ("postgresql", "SELECT 1", 4)
    assert (query["server_address"], query["server_port"], query["kind"]) == ("db", 5433, "client")
    error, log = found.logs
    assert (error["error_type"], error["body"], error["span_id"]) == ("KeyError", "no row", 0xB2)
    assert (log["body"], log["severity"], log["time_ns"], log["service"]) == ("hello", "warn", START_US * 1_000, "shop")
    assert found.rejects.notes == {
        "events of metrics were passed over": 1,
        "transactions of which the agent dropped spans": 1,
    }
    assert not found.rejects.rows()


def test_other_lines_between_events():
    lines = [orjson.dumps(METADATA), b'{"a": 1}', b"[1]", b'{"span": 7}', orjson.dumps(INTAKE[1])]
    found = read(b"\n".join(lines))
    assert len(found.spans) == 1
    assert found.reasons == {"record has another shape than its format says": 3}
