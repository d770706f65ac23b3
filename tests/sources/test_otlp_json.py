"""OTLP JSON: every wrapping, id encoding and number form; what is broken is refused alone."""

from __future__ import annotations

import copy
import json

import orjson
import pytest

from tests.sources.build import Made, key_columns, otlp_block, otlp_json, otlp_span, pairs, read

TRACE = 0x5B8EFFF798038103D269B633813FC60C
CHECKOUT = Made(TRACE, 0xEEE19B7EC3C1B174, 0, "checkout", "POST /orders", "server", "ok")
PAYMENT = Made(TRACE, 0x00000000000000B1, 0xEEE19B7EC3C1B174, "checkout", "pay", "client", "error", duration_us=7)
SPANS = [CHECKOUT, PAYMENT]


def one(span: dict) -> bytes:
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def changed(**fields: object) -> dict:
    span = {**otlp_span(CHECKOUT), **fields}
    return {key: value for key, value in span.items() if value is not ...}


@pytest.mark.parametrize("encoding", ["hex", "HEX", "base64", "stripped"])
@pytest.mark.parametrize("enums", ["number", "name", "digits"])
def test_ids_and_enums_in_every_spelling_give_the_same_rows(encoding, enums):
    found = read(otlp_json(SPANS, encoding, enums))
    assert found.format == "otlp-json"
    assert key_columns(found.spans) == [span.row for span in SPANS]
    assert not found.rejects.rows()
    assert not found.rejects.notes


def _snake(value):
    """What protobuf's own JSON printer writes when it keeps the names of fields."""
    import re

    if isinstance(value, dict):
        return {re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", key): _snake(item) for key, item in value.items()}
    return [_snake(item) for item in value] if isinstance(value, list) else value


def _libraries(block):
    block = copy.deepcopy(block)
    parts = block.pop("scopeSpans")
    renamed = [{"instrumentationLibrary": part["scope"], "spans": part["spans"]} for part in parts]
    return {**block, "instrumentationLibrarySpans": renamed}


BLOCK = otlp_block(SPANS)
LINES = [orjson.dumps({"resourceSpans": [otlp_block([span])]}) for span in SPANS]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(orjson.dumps({"resourceSpans": [BLOCK]}), id="one object"),
        pytest.param(json.dumps({"resourceSpans": [BLOCK]}, indent=2).encode(), id="pretty-printed"),
        pytest.param(b"\n".join(LINES) + b"\n", id="lines"),
        pytest.param(b"\r\n".join(LINES) + b"\r\n", id="lines of Windows"),
        pytest.param(b"".join(LINES), id="objects without a separator"),
        pytest.param(
            b"\n".join(json.dumps(json.loads(line), indent=1).encode() for line in LINES), id="pretty objects"
        ),
        pytest.param(b"[" + b",".join(LINES) + b"]", id="array of objects"),
        pytest.param(orjson.dumps([BLOCK]), id="array of blocks"),
        pytest.param(orjson.dumps({"batches": [BLOCK]}), id="Tempo v1"),
        pytest.param(orjson.dumps({"trace": {"resourceSpans": [BLOCK]}, "status": "COMPLETE"}), id="Tempo v2"),
        pytest.param(orjson.dumps({"result": {"resourceSpans": [BLOCK]}}), id="Jaeger API v3"),
        pytest.param(orjson.dumps({"batches": [_libraries(BLOCK)]}), id="instrumentation libraries"),
        pytest.param(orjson.dumps(_snake({"resourceSpans": [BLOCK]})), id="snake case"),
        pytest.param(b"\n".join(orjson.dumps(_snake(orjson.loads(line))) for line in LINES), id="snake case lines"),
        pytest.param(b"\xef\xbb\xbf" + orjson.dumps({"resourceSpans": [BLOCK]}), id="byte-order mark"),
        pytest.param(json.dumps({"resourceSpans": [BLOCK]}).encode("utf-16"), id="UTF-16"),
        pytest.param(orjson.dumps({"limit": 7, "x": {"spans": [1]}, "resourceSpans": [BLOCK], "y": "]}"}), id="others"),
    ],
)
def test_every_wrapping_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "otlp-json"
    assert key_columns(found.spans) == [span.row for span in SPANS]
    assert [row["scope"] for row in found.spans] == ["lib", "lib"]
    assert not found.rejects.rows()


def test_partial_trace_of_tempo_is_noted():
    content = orjson.dumps({"trace": {"resourceSpans": [BLOCK]}, "status": "PARTIAL", "message": "too large"})
    assert read(content).rejects.notes == {"Tempo says that it returned only a part of the trace": 1}


def test_numbers_through_a_float_have_a_coarse_resolution():
    # 1627471657255809000 stands in Grafana's own example; the next float is 256 ns away.
    span = changed(startTimeUnixNano=1627471657255809000, endTimeUnixNano=1627471657256268000)
    row = read(one(span)).only()
    assert (row["start_ns"], row["duration_ns"], row["time_resolution_ns"]) == (1627471657255809000, 459000, 256)
    span = changed(startTimeUnixNano=1627471657255809123, endTimeUnixNano=1627471657256268000)
    assert read(one(span)).only()["time_resolution_ns"] == 1


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("0", "0", (0, 0)),
        ("0", "1000", (0, 1000)),
        (0, 1000, (0, 1000)),
        ("1000", "400", (1000, 0)),
        ("1000", "0", (1000, None)),
        ("1000", ..., (1000, None)),
        (..., "1000", (None, None)),
        (..., ..., (None, None)),
        (None, None, (None, None)),
        ("", "", (None, None)),
        ("1000.5", "2000.25", (1000, 1000)),
        ("9223372036854775807", "9223372036854775807", (9223372036854775807, 0)),
    ],
)
def test_times_absent_zero_backwards_and_fractional(start, end, expected):
    row = read(one(changed(startTimeUnixNano=start, endTimeUnixNano=end))).only()
    assert (row["start_ns"], row["duration_ns"]) == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"traceId": ...}, "trace id is missing"),
        ({"traceId": ""}, "trace id is missing"),
        ({"traceId": "0" * 32}, "trace id is missing"),
        ({"spanId": ...}, "span id is missing"),
        ({"spanId": "0" * 16}, "span id is missing"),
        ({"spanId": ["x"]}, "id is neither a text nor a whole number"),
        ({"startTimeUnixNano": "9223372036854775808"}, "time is beyond 64 bits"),
        ({"endTimeUnixNano": "18446744073709551615"}, "time is beyond 64 bits"),
        ({"endTimeUnixNano": 1e300}, "time is beyond 64 bits"),
        ({"startTimeUnixNano": "9" * 5000}, "time is beyond 64 bits"),
        ({"startTimeUnixNano": "1e999999999"}, "time is beyond 64 bits"),
        ({"startTimeUnixNano": "yesterday"}, "time is not a number"),
        ({"startTimeUnixNano": "NaN"}, "time is not a number"),
        ({"startTimeUnixNano": True}, "time is not a number"),
        ({"attributes": {"a": 1}}, None),
        ({"status": "OK"}, "record has another shape than its format says"),
        ({"kind": {"a": 1}}, "record has another shape than its format says"),
    ],
)
def test_a_bad_span_is_refused_by_reason_and_its_neighbours_stay(fields, reason):
    spans = [otlp_span(CHECKOUT), changed(**fields), otlp_span(PAYMENT)]
    found = read(orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    assert found.reasons == ({} if reason is None else {reason: 1})
    kept = [row["span_id"] for row in found.spans]
    if reason is None:
        assert kept == [CHECKOUT.span, CHECKOUT.span, PAYMENT.span]
    else:
        assert kept == [CHECKOUT.span, PAYMENT.span]
        assert found.rejects.rows()[0]["example"].endswith(".scopeSpans[0].spans[1]")


def test_the_time_that_is_not_json_is_refused_and_its_neighbours_stay():
    content = one(otlp_span(CHECKOUT)).replace(b'"1700000000000000000"', b"NaN")
    found = read(content + b"\n" + one(otlp_span(PAYMENT)))
    assert found.reasons == {"time is not a number": 1}
    assert [row["span_id"] for row in found.spans] == [PAYMENT.span]


def test_odd_attributes_events_and_links_cost_only_themselves():
    span = changed(
        attributes=[{"key": 5}, "text", {"key": "http.route", "value": {"stringValue": "/cart"}}, {"key": "x"}],
        events=["text", {"name": "exception", "attributes": pairs({"exception.type": "KeyError"})}],
        links=[{"traceId": "ab", "spanId": "cd"}, {"traceId": "ab"}],
    )
    found = read(one(span))
    row = found.only()
    assert (row["http_route"], row["error_type"]) == ("/cart", "KeyError")
    assert row["links"] == [{"trace_id_high": 0, "trace_id_low": 0xAB, "span_id": 0xCD, "kind": "link"}]
    assert found.rejects.notes == {
        "attributes, events or links of another shape were left out": 3,
        "links without ids were left out": 1,
    }


def test_exception_weight_and_dropped_counts():
    span = changed(
        events=[
            {"name": "retry"},
            {"name": "exception", "attributes": pairs({"exception.type": "E", "exception.message": "no such row"})},
            {"name": "exception", "attributes": pairs({"exception.type": "F"})},
        ],
        traceState="vendor=1,ot=th:c;rv:ab",
        droppedAttributesCount=3,
    )
    found = read(one(span))
    row = found.only()
    # A threshold of 0xc of 0x10 rejects three of four.
    assert (row["error_type"], row["exception_message"], row["weight"]) == ("E", "no such row", 4.0)
    assert found.rejects.notes == {"spans of which the SDK dropped attributes, events or links": 1}


def test_a_summary_of_pruned_spans_counts_as_many():
    pruned = [{"key": "aggregation.is_summary", "value": {"boolValue": True}},
              {"key": "aggregation.span_count", "value": {"intValue": "12"}}]  # fmt: skip
    content = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [changed(), changed(attributes=pruned)]}]}]})
    assert sorted(row["multiplicity"] for row in read(content).spans) == [1, 12]


def test_values_of_attributes_are_coerced():
    attributes = [
        {"key": "http.request.method", "value": {"stringValue": "get"}},
        {"key": "http.response.status_code", "value": {"stringValue": "200"}},
        {"key": "http.request.resend_count", "value": {"doubleValue": 2.0}},
        {"key": "db.collection.name", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "2"}]}}},
        {"key": "db.query.text", "value": {"kvlistValue": {"values": [{"key": "q", "value": {"boolValue": True}}]}}},
        {"key": "server.port", "value": {"intValue": 70000}},
    ]
    found = read(one(changed(attributes=attributes)))
    row = found.only()
    assert (row["http_method"], row["http_status"], row["resend_count"]) == ("GET", 200, 2)
    assert (row["db_collection"], row["db_statement"], row["server_port"]) == ('["a","2"]', '{"q":true}', None)
    assert found.rejects.notes == {"server.port held a value that does not fit": 1}


def test_a_long_text_is_cut_and_noted():
    span = changed(attributes=pairs({"db.query.text": "x" * 40_000}))
    found = read(one(span))
    assert len(found.only()["db_statement"]) == 32_768
    assert found.rejects.notes == {"texts longer than 32768 characters were cut": 1}


def test_a_lone_surrogate_does_not_lose_its_batch():
    content = one(otlp_span(CHECKOUT)).replace(b"POST /orders", b"POST \\ud800")
    assert read(content).only()["name"] == "POST ?"


def test_logs_beside_traces():
    record = {
        "timeUnixNano": "1544712660300000000",
        "severityNumber": 10,
        "severityText": "Information",
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "body": {"stringValue": "paid"},
        "attributes": pairs({"exception.type": "TimeoutError"}),
    }
    mapped = {
        "observedTimeUnixNano": "7",
        "severityText": "WARN",
        "body": {"kvlistValue": {"values": pairs({"order": 1})}},
    }
    block = {
        "resource": {"attributes": pairs({"service.name": "shop", "host.name": "a"})},
        "scopeLogs": [{"scope": {"name": "app"}, "logRecords": [record, mapped, {"traceId": [1]}]}],
    }
    found = read(orjson.dumps({"resourceSpans": [BLOCK], "resourceLogs": [block]}))
    assert len(found.spans) == 2
    first, second = found.logs
    assert (first["trace_id_high"] << 64 | first["trace_id_low"], first["span_id"]) == (TRACE, CHECKOUT.span)
    assert (first["time_ns"], first["severity"], first["service"], first["host"]) == (
        1544712660300000000,
        "info",
        "shop",
        "a",
    )
    assert (first["logger"], first["body"], first["structured"], first["error_type"]) == (
        "app",
        "paid",
        False,
        "TimeoutError",
    )
    assert (second["time_ns"], second["severity"], second["body"], second["structured"]) == (
        7,
        "warn",
        '{"order":"1"}',
        True,
    )
    assert found.reasons == {"id is neither a text nor a whole number": 1}


def test_what_a_proxy_says_in_a_log_record_is_its_evidence():
    line = '[2026-01-01T00:00:00Z] "GET / HTTP/1.1" 503 UO upstream - "-" 0 81 0 - "-" "py" "7" "shop" "-" '
    records = [
        {"attributes": pairs({"response_flags": "URX,UF", "upstream_cluster": "outbound|80||cart.shop.svc.local"})},
        {"body": {"stringValue": f"{line}outbound|80||cart - 10.0.0.7:80 10.0.0.9:4711 - default"}},
        {"attributes": pairs({"response_flags": "-"}), "body": {"stringValue": "[info] started"}},
        {"attributes": pairs({"response_flags": "1; drop"})},
    ]
    block = {"scopeLogs": [{"logRecords": records}]}
    found = read(orjson.dumps({"resourceLogs": [block]}))
    assert [(row["retry_evidence"], row["peer_service"]) for row in found.logs] == [
        ("response_flags=URX,UF", "cart"),
        ("response_flags=UO", "cart"),
        (None, None),
        (None, None),
    ]


def test_a_broken_line_loses_itself_only():
    content = LINES[0] + b"\n" + b'{"resourceSpans": [}' + b"\nnot json\n\n" + LINES[1] + b"\n42\n"
    found = read(content)
    assert key_columns(found.spans) == [span.row for span in SPANS]
    assert sum(found.reasons.values()) == 3
    assert any(row["example"].startswith("line 2") for row in found.rejects.rows())


def test_a_first_line_that_is_broken_does_not_hide_the_lines():
    found = read(LINES[0][: len(LINES[0]) // 2] + b"\n" + LINES[1] + b"\n" + LINES[0])
    assert [row["span_id"] for row in found.spans] == [PAYMENT.span, CHECKOUT.span]
    assert found.reasons == {"the document is cut off": 1}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_that_is_cut_off_keeps_the_whole_spans_before(indent):
    many = [Made(TRACE, 100 + number, name=f"op{number}") for number in range(50)]
    content = json.dumps({"resourceSpans": [otlp_block(many[:25]), otlp_block(many[25:])]}, indent=indent).encode()
    marks = [content.index(f'"op{number}"'.encode()) for number in range(50)]
    for number in (1, 24, 25, 26, 49):
        found = read(content[: marks[number]])
        assert [row["name"] for row in found.spans] == [f"op{before}" for before in range(number)], number
        assert found.reasons == {"the document is cut off": 1}


def test_real_exports_of_grafana(shared_exports):
    folder = shared_exports / "grafana"
    found = read((folder / "explore_download_traces.json").read_bytes())
    row = found.only()
    # As the file shows them.
    assert (row["trace_id_low"], row["span_id"]) == (0x60BA2ABB44F13EAE, 0x726B5E30102FC0D0)
    assert (row["service"], row["host"], row["scope"]) == ("db", "63d16772b4a2", "libraryName")
    assert (row["kind"], row["status"], row["status_message"]) == ("client", "error", "message")
    assert (row["http_method"], row["http_status"], row["old_conventions"]) == ("GET", 200, True)
    assert (row["start_ns"], row["duration_ns"]) == (1627471657255809000, 459000)

    found = read((folder / "tempo_trace_batches_servicegraph.json").read_bytes())
    text = (folder / "tempo_trace_batches_servicegraph.json").read_text()
    assert len(found.spans) == text.count('"spanId"')
    assert not found.rejects.rows()
    # 42 90 b5 87 ... is "QpC1h3qZMN55u0KDZTmOzA==" in base64.
    assert found.spans[0]["trace_id_high"] == 0x4290B5877A9930DE
    assert found.spans[1]["parent_span_id"] == found.spans[0]["span_id"]


def test_the_examples_of_the_specification(shared_exports):
    row = read((shared_exports / "otel" / "otlp_trace.json").read_bytes()).only()
    assert (row["trace_id_high"], row["span_id"]) == (0x5B8EFFF798038103, 0xEEE19B7EC3C1B174)
    assert (row["service"], row["kind"], row["duration_ns"]) == ("my.service", "server", 1_000_000_000)
    (log,) = read((shared_exports / "otel" / "otlp_logs.json").read_bytes()).logs
    assert (log["severity"], log["body"], log["time_ns"]) == ("info", "Example log record", 1544712660300000000)


@pytest.mark.parametrize("blocks", ["a text" * 100, 7])
def test_what_is_no_list_of_blocks_is_refused_once(blocks):
    found = read(orjson.dumps({"resourceSpans": blocks}) + b"\n")
    [refused] = found.rejects.rows()
    assert refused["count"] == 1
