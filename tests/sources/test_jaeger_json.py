"""Jaeger JSON: the API's wrapping and its relatives, references, tags, logs, ids of any text."""

from __future__ import annotations

import json

import orjson
import pytest

from analysis.sources import canonical_span_id, canonical_trace_id
from tests.sources.build import Made, jaeger_json, jaeger_span, key_columns, read

TRACE = 0x4766F1209F70A5E2E55417FC296FD101
SPANS = [
    Made(TRACE, 0x150C193CF155B46B, 0, "gateway", "GET /owners", "server"),
    Made(TRACE, 0x22BE69E72CBCDE0B, 0x150C193CF155B46B, "gateway", "GET", "client", "error"),
    Made(TRACE, 0xE821B549888CBC3B, 0x22BE69E72CBCDE0B, "customers", "GET /owners", "server", "ok"),
]
API = orjson.loads(jaeger_json(SPANS))
TAGS = {"kind": {"key": "span.kind", "type": "string", "value": "client"}}


def response(*spans: dict, process: dict | None = None) -> bytes:
    processes = {"p1": process or {"serviceName": "shop", "tags": []}}
    return orjson.dumps({"data": [{"traceID": "aa", "spans": list(spans), "processes": processes}]})


def span(**fields: object) -> dict:
    made = {"traceID": "aa", "spanID": "b1", "operationName": "op", "startTime": 10, "duration": 5, "processID": "p1"}
    return {key: value for key, value in {**made, **fields}.items() if value is not ...}


def tags(**values: object) -> list[dict]:
    return [{"key": key.replace("__", "."), "type": "string", "value": value} for key, value in values.items()]


def embedded() -> list[dict]:
    """The same spans, each with its process inside, as the anonymiser and Elasticsearch hold them."""
    processes = API["data"][0]["processes"]
    spans = [dict(item) for item in API["data"][0]["spans"]]
    for item in spans:
        item["process"] = processes[item.pop("processID")]
    return spans


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(orjson.dumps(API), id="query API"),
        pytest.param(json.dumps(API, indent=4).encode(), id="pretty-printed"),
        pytest.param(orjson.dumps(API["data"][0]), id="bare trace"),
        pytest.param(orjson.dumps(API["data"]), id="array of traces"),
        pytest.param(orjson.dumps({"data": API["data"][0]}), id="one trace as data"),
        pytest.param(b"\n".join(orjson.dumps(trace) for trace in [*API["data"], {"spans": []}]), id="lines of traces"),
        pytest.param(orjson.dumps(API) + b"\n" + orjson.dumps({"data": [], "errors": None}), id="lines of responses"),
        pytest.param(orjson.dumps(embedded()), id="array of spans"),
        pytest.param(b"\n".join(map(orjson.dumps, embedded())), id="lines of spans"),
        pytest.param(orjson.dumps({"traceID": f"{TRACE:x}", "spans": embedded()}), id="embedded process"),
    ],
)
def test_every_wrapping_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "jaeger-json"
    rows = sorted(key_columns(found.spans), key=lambda row: row["start_ns"] * 0 + row["span_id"])
    assert rows == sorted((made.row for made in SPANS), key=lambda row: row["span_id"])
    assert {row["time_resolution_ns"] for row in found.spans} == {1000}
    assert not found.rejects.rows()
    assert not found.rejects.notes


def test_a_search_that_found_nothing_is_an_export_without_records():
    found = read(b'{"data":[],"total":0,"limit":0,"offset":0,"errors":null}')
    assert (found.format, found.spans, found.rejects.rows()) == ("jaeger-json", [], [])


def reference(kind: str, span_id: str, trace_id: str = "aa") -> dict:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


@pytest.mark.parametrize(
    ("references", "parent", "asynchronous", "links"),
    [
        ([], 0, False, None),
        ([reference("CHILD_OF", "c1")], 0xC1, False, None),
        ([reference("FOLLOWS_FROM", "c1")], 0xC1, True, None),
        ([reference("FOLLOWS_FROM", "f1"), reference("CHILD_OF", "c1")], 0xC1, False, [(0xAA, 0xF1, "follows_from")]),
        ([reference("CHILD_OF", "c1"), reference("CHILD_OF", "c2")], 0xC1, False, [(0xAA, 0xC2, "child_of")]),
        ([reference("CHILD_OF", "c1", "ee")], 0, False, [(0xEE, 0xC1, "child_of")]),
        ([reference("CHILD_OF", "c1", "00aa")], 0xC1, False, None),
        ([{"refType": "CHILD_OF", "spanID": "c1"}], 0xC1, False, None),
    ],
)
def test_references_are_parents_and_links(references, parent, asynchronous, links):
    row = read(response(span(references=references))).only()
    assert (row["parent_span_id"], row["asynchronous"]) == (parent, asynchronous)
    found = row["links"] and [(link["trace_id_low"], link["span_id"], link["kind"]) for link in row["links"]]
    assert found == links


def test_the_old_field_of_the_parent_counts_without_a_reference():
    assert read(response(span(parentSpanID="c1"))).only()["parent_span_id"] == 0xC1
    both = span(parentSpanID="c1", references=[reference("CHILD_OF", "c2")])
    assert read(response(both)).only()["parent_span_id"] == 0xC2
    assert read(response(span(parentSpanID="", references=None))).only()["parent_span_id"] == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [(True, "error"), ("true", "error"), (False, "unset"), ("false", "unset"), ("", "unset"), ("Timeout", "error")],
)
def test_the_error_tag(error, status):
    row = read(response(span(tags=[{"key": "error", "type": "bool", "value": error}]))).only()
    assert row["status"] == status
    assert row["status_message"] == ("Timeout" if error == "Timeout" else None)


def test_tags_of_opentelemetry_and_opentracing():
    row = read(
        response(
            span(
                tags=tags(
                    span__kind="client",
                    otel__status_code="ERROR",
                    otel__status_description="no stock",
                    otel__scope__name="jdbc",
                    db__type="postgres",
                    db__instance="orders",
                    db__statement="SELECT 1",
                    peer__address="db.internal:5432",
                    w3c__tracestate="ot=p:3",
                )
            )
        )
    ).only()
    assert (row["kind"], row["status"], row["status_message"], row["scope"]) == ("client", "error", "no stock", "jdbc")
    assert (row["db_system"], row["db_namespace"], row["db_statement"]) == ("postgresql", "orders", "SELECT 1")
    assert (row["server_address"], row["server_port"]) == ("db.internal", 5432)
    assert (row["weight"], row["old_conventions"]) == (8.0, True)


def test_tags_as_objects_and_in_the_storage_model():
    flat = read(response(span(tag={"span@kind": "server", "http@status_code": 404}))).only()
    assert (flat["kind"], flat["http_status"]) == ("server", 404)
    model = [{"key": "http.status_code", "vType": "INT64", "vStr": "", "vInt64": "503"}]
    assert read(response(span(tags=model))).only()["http_status"] == 503


def test_the_process_names_service_host_and_instance():
    process = {"serviceName": "cart", "tags": tags(hostname="node-7", ip="10.0.0.1", service__version="1.2")}
    row = read(response(span(), process=process)).only()
    assert (row["service"], row["host"], row["service_version"]) == ("cart", "node-7", "1.2")
    found = read(response(span(processID="p9")))
    assert found.only()["service"] is None
    assert found.rejects.notes == {"spans whose process is missing: they have no service": 1}


@pytest.mark.parametrize(
    "fields",
    [
        [("event", "error"), ("error.kind", "KeyError"), ("message", "no such row")],
        [("event", "exception"), ("exception.type", "KeyError"), ("exception.message", "no such row")],
    ],
)
def test_exceptions_come_from_logs(fields):
    log = {"timestamp": 11, "fields": [{"key": key, "type": "string", "value": value} for key, value in fields]}
    other = {"timestamp": 10, "fields": [{"key": "event", "value": "cache miss"}]}
    row = read(response(span(logs=[other, log]))).only()
    assert (row["error_type"], row["exception_message"]) == ("KeyError", "no such row")


def test_the_probability_of_the_first_span_holds_for_its_trace():
    first = span(tags=tags(sampler__type="probabilistic", sampler__param="0.05"))
    rows = read(response(first, span(spanID="b2"))).spans
    assert [row["weight"] for row in rows] == [20.0, 20.0]
    constant = span(tags=[{"key": "sampler.type", "value": "const"}, {"key": "sampler.param", "value": True}])
    assert read(response(constant)).only()["weight"] == 1.0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"startTime": 0, "duration": 0}, (0, 0)),
        ({"startTime": ..., "duration": ...}, (None, None)),
        ({"startTime": 3, "duration": ...}, (3000, None)),
        ({"startTime": 3, "duration": -4}, (3000, 0)),
        ({"startTime": 3.5, "duration": "1.25"}, (3500, 1250)),
        ({"startTime": ..., "startTimeMillis": 2, "duration": 1}, (2_000_000, 1000)),
    ],
)
def test_times(fields, expected):
    row = read(response(span(**fields))).only()
    assert (row["start_ns"], row["duration_ns"]) == expected


def test_bad_spans_are_refused_alone():
    spans = [
        span(),
        span(spanID=...),
        span(startTime=10**17),
        span(startTime="soon"),
        "text",
        span(references="x"),
        span(spanID="b2"),
    ]
    found = read(response(*spans))
    assert [row["span_id"] for row in found.spans] == [0xB1, 0xB2]
    assert found.reasons == {
        "span id is missing": 1,
        "time is beyond 64 bits": 1,
        "time is not a number": 1,
        "record has another shape than its format says": 2,
    }
    assert found.rejects.rows()[1]["example"] == "data[0].spans[1]"


def test_ids_of_any_text_are_hashed_and_noted():
    spans = [
        span(traceID="trace-abc", spanID="span-A"),
        span(traceID="trace-abc", spanID="A", references=[reference("CHILD_OF", "span-A", "trace-abc")]),
    ]
    found = read(response(*spans))
    first, second = found.spans
    assert first["span_id"] == canonical_span_id("span-A") == second["parent_span_id"]
    assert (first["trace_id_high"], first["trace_id_low"]) == canonical_trace_id("trace-abc")
    assert second["span_id"] == 10
    # The trace id once (it is remembered from span to span), "span-A" where it is defined and where it is named.
    assert found.rejects.notes == {"ids that are neither hexadecimal, base64 nor decimal were hashed": 3}


def test_a_response_that_is_cut_off_keeps_the_whole_traces_and_spans_before():
    traces = [
        [Made(number, 16 * number + part, name=f"op{number}-{part}") for part in range(3)] for number in (1, 2, 3)
    ]
    content = jaeger_json([made for trace in traces for made in trace])
    found = read(content[: content.index(b"op2-2")])
    assert [row["name"] for row in found.spans] == ["op1-0", "op1-1", "op1-2", "op2-0", "op2-1"]
    assert found.reasons == {"the document is cut off": 1}
    # Processes stand after the spans, so those of the last trace have none.
    assert [row["service"] for row in found.spans] == ["shop"] * 3 + [None] * 2


def test_real_exports(shared_exports):
    folder = shared_exports / "jaeger"
    for name in ("classroom_gateway.json", "classroom_auth-service.json"):
        content = (folder / name).read_bytes()
        traces = orjson.loads(content)["data"]
        found = read(content)
        assert len(found.spans) == sum(len(trace["spans"]) for trace in traces)
        assert not found.rejects.rows()
    row = next(row for row in read(content).spans if row["db_statement"])
    assert (row["db_system"], row["service"], row["old_conventions"]) == ("postgresql", "auth-service", True)

    row = read((folder / "jaeger_es_span_doc.json").read_bytes()).only()
    assert (row["service"], row["parent_span_id"], row["peer_service"]) == ("service-x", 3, "service-y")
    assert [(link["trace_id_low"], link["span_id"], link["kind"]) for link in row["links"]] == [
        (1, 4, "follows_from"),
        (255, 255, "child_of"),
    ]
    rows = read((folder / "jaeger_ui_testTraceNormal.json").read_bytes()).spans
    assert [row["service"] for row in rows] == ["customers-service"] * 3 + ["api-gateway"] * 2
    assert (rows[0]["db_system"], rows[0]["db_statement"]) == ("hsqldb", "select * from pet")


def test_every_conformance_case_is_read_whole(shared_conformance):
    for path in sorted(shared_conformance.glob("*/*.json")):
        case = orjson.loads(path.read_bytes())
        found = read(orjson.dumps(case["input"]))
        assert found.format == {"jaeger": "jaeger-json", "zipkin2": "zipkin-json"}[case["format"]], path
        spans = case["input"] if isinstance(case["input"], list) else case["input"]["data"][0]["spans"]
        ids = [canonical_span_id(item.get("spanID") or item.get("id")) for item in spans]
        assert [row["span_id"] for row in found.spans] == ids, path
        assert not found.rejects.rows(), path


def test_a_span_of_the_builder_is_what_jaeger_writes():
    assert jaeger_span(SPANS[1])["references"] == [
        {"refType": "CHILD_OF", "traceID": f"{TRACE:032x}", "spanID": "150c193cf155b46b"}
    ]
