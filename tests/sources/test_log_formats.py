"""Log formats: what each line becomes, and which format claims a file."""

from __future__ import annotations

import gzip
import json

import pytest

from analysis.sources import Rejects, UnreadableExport, detect, discover, open_stream, recognise
from tests.sources.logs import MADE, SPAN, TRACE, lines, log_rows

#: 2026-11-23T07:22:34Z.
AT = 1_795_418_554
HALVES = (int(TRACE[:16], 16), int(TRACE[16:], 16))


@pytest.mark.parametrize("name", MADE)
def test_just_one_format_claims_a_file(name):
    made = MADE[name]
    assert [source.NAME for source in discover() if source.sniff(made.content)] == [made.format]


@pytest.mark.parametrize("name", MADE)
def test_a_record_becomes_the_row_it_should(name):
    made = MADE[name]
    found = log_rows(made.content, made.file)
    assert found.format == made.format
    assert found.rejected == {}
    row = found.rows[0]
    assert {column: row[column] for column in made.row} == made.row


@pytest.mark.parametrize("name", MADE)
def test_any_beginning_of_a_file_is_read_or_refused(name):
    content = MADE[name].content
    for cut in range(0, len(content), max(1, len(content) // 40)):
        source = detect(content[:cut])
        if source is not None:
            stream = open_stream(__import__("io").BytesIO(content[:cut]), "cut.log")
            for batch in source.read(stream, Rejects()):
                if batch.logs is not None:
                    batch.logs.validate(full=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23T07:22:34Z", AT),
        ("2026-11-23 08:22:34,250+01:00", AT + 0.25),
        ("2026/11/23 07:22:34", AT),
        ("23/Nov/2026:07:22:34 +0000", AT),
        ("Nov 23, 2026 @ 07:22:34.500", AT + 0.5),
        ("Mon, 23 Nov 2026 07:22:34 GMT", AT),
        ("1795418554", AT),
        ("1795418554.125", AT + 0.125),
        (1795418554125, AT + 0.125),
        (1795418554.125, AT + 0.125),
        (1795418554125000, AT + 0.125),
        (1795418554125000000, AT + 0.125),
    ],
)
def test_times_are_read_in_each_way_of_writing_them(text, seconds):
    row = log_rows(lines({"time": text, "msg": "x"})).rows[0]
    assert row["time_ns"] == int(seconds * 1000) * 1_000_000


@pytest.mark.parametrize(
    "text", ["2026-13-45T07:22:34Z", "yesterday", True, 12, -5, 1e400, None, "2026-11-23T99:00:00Z"]
)
def test_what_is_no_time_is_none(text):
    row = log_rows(lines({"time": text if text != 1e400 else "1e400", "level": "info", "msg": "x"})).rows[0]
    assert row["time_ns"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trace_id", TRACE),
        ("traceId", TRACE.upper()),
        ("trace.id", TRACE),
        ("otelTraceID", TRACE),
        ("contextMap.traceId", TRACE),
        ("X-B3-TraceId", TRACE),
        ("logging.googleapis.com/trace", f"projects/shop/traces/{TRACE}"),
        ("traceparent", f"00-{TRACE}-{SPAN}-01"),
        ("b3", f"{TRACE}-{SPAN}-1"),
        ("@tr", TRACE),
    ],
)
def test_a_trace_is_found_under_each_name(field, value):
    row = log_rows(lines({"time": AT, "msg": "x", field: value})).rows[0]
    assert (row["trace_id_high"], row["trace_id_low"]) == (int(TRACE[:16], 16), int(TRACE[16:], 16))


def test_the_names_may_be_nested():
    row = log_rows(lines({"time": AT, "msg": "x", "trace": {"id": TRACE}, "span": {"id": SPAN}})).rows[0]
    assert (row["trace_id_low"], row["span_id"]) == (int(TRACE[16:], 16), int(SPAN, 16))


def test_ids_of_datadog_are_decimal_and_others_are_not():
    rows = log_rows(lines({"time": AT, "msg": "x", "dd.trace_id": "123456789012", "dd.span_id": "42"})).rows
    assert (rows[0]["trace_id_high"], rows[0]["trace_id_low"], rows[0]["span_id"]) == (0, 123456789012, 42)
    rows = log_rows(lines({"time": AT, "msg": "x", "trace_id": "123456789012"})).rows
    assert rows[0]["trace_id_low"] == 0x123456789012


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        # Sixteen digits are decimal too where Datadog wrote them.
        ({"trace_id": "1234567890123456", "span_id": "42"}, (0, 1234567890123456, 42)),
        ({"dd": {"trace_id": TRACE, "span_id": str(int(SPAN, 16))}}, (*HALVES, int(SPAN, 16))),
        ({"trace_id": TRACE, "span_id": "1234567890123456"}, (*HALVES, 0x1234567890123456)),
        ({"dd.trace_id": "18446744073709551615", "dd.span_id": "7"}, (0, 2**64 - 1, 7)),
    ],
)
def test_ids_of_records_of_datadog(said, ids):
    record = {"type": "log", "attributes": {"timestamp": "2026-11-23T07:22:34Z", "message": "x", "attributes": said}}
    row = log_rows(json.dumps({"data": [record]}).encode()).rows[0]
    assert (row["trace_id_high"], row["trace_id_low"], row["span_id"]) == ids


def test_ids_in_a_table_of_datadog():
    table = b"Date,Service,Status,trace_id,span_id,Message\n2026-11-23T07:22:34Z,shop,info,1234567890123456,42,x\n"
    row = log_rows(table).rows[0]
    assert (row["trace_id_low"], row["span_id"]) == (1234567890123456, 42)


@pytest.mark.parametrize("said", [f"traceparent=00-{TRACE}-{SPAN}-01", f"trace_id={TRACE} span_id={SPAN}"])
def test_what_nginx_adds_names_the_trace(said):
    line = f'10.0.0.9 - - [23/Nov/2026:07:22:34 +0000] "GET /cart HTTP/1.1" 200 12 "-" "curl/8" {said}\n'
    found = log_rows(line.encode() * 3)
    assert found.format == "access-log"
    assert [(row["trace_id_high"], row["trace_id_low"], row["span_id"]) for row in found.rows] == [
        (*HALVES, int(SPAN, 16))
    ] * 3


@pytest.mark.parametrize("value", ["-", "none", "", "0", "abc", "order-7", ["x"], {"a": 1}, 0, None])
def test_what_is_no_id_names_no_trace(value):
    row = log_rows(lines({"time": AT, "msg": "x", "trace_id": value})).rows[0]
    assert (row["trace_id_high"], row["trace_id_low"], row["span_id"]) == (0, 0, 0)


def test_an_id_that_does_not_parse_is_noted():
    found = log_rows(lines({"time": AT, "msg": "x", "trace_id": "order-7-is-no-trace"}))
    assert found.notes["trace ids that do not parse were left out"] == 1


def test_a_request_id_is_no_trace():
    row = log_rows(lines({"time": AT, "msg": "x", "request_id": "0123456789abcdef0123456789abcdef"})).rows[0]
    assert (row["trace_id_low"], row["request_id"]) == (0, "0123456789abcdef0123456789abcdef")


@pytest.mark.parametrize(
    ("said", "severity"),
    [("WARNING", "warn"), ("err", "error"), ("Information", "info"), (50, "error"), (30, "info"), (3, "error"),
     ("SEVERE", "error"), ("CRITICAL", "fatal"), ("loud", None), (True, None)],
)  # fmt: skip
def test_levels_are_words_or_numbers(said, severity):
    assert log_rows(lines({"time": AT, "level": said, "msg": "x"})).rows[0]["severity"] == severity


def test_a_stack_trace_belongs_to_the_line_before():
    content = (
        b"2026-11-23 07:22:34,592 ERROR [main] c.s.Cart - voucher failed\n"
        b"java.lang.IllegalStateException: no tariff\n"
        b"\tat com.shop.Cart.voucher(Cart.java:7)\n"
        b"Caused by: java.net.SocketTimeoutException: late\n"
        b"\t... 5 more\n"
        b"2026-11-23 07:22:35,592 INFO [main] c.s.Cart - next\n"
    )
    rows = log_rows(content).rows
    assert [row["severity"] for row in rows] == ["error", "info"]
    assert rows[0]["body"].count("\n") == 4
    assert rows[0]["error_type"] == "java.lang.IllegalStateException"


def test_a_traceback_between_json_lines_belongs_to_the_line_before():
    content = (
        lines({"time": "2026-11-23T07:22:34Z", "level": "error", "msg": "failed"})
        + (b'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    g()\nValueError: no tariff\n')
        + lines({"time": "2026-11-23T07:22:35Z", "level": "info", "msg": "next"})
    )
    rows = log_rows(content).rows
    assert [row["body"].split("\n")[0] for row in rows] == ["failed", "next"]
    assert rows[0]["error_type"] == "ValueError"


def test_prose_between_json_lines_is_a_record_without_structure():
    content = (
        lines({"msg": "one", "level": "info"})
        + b"Server is listening on port 80\n"
        + lines({"msg": "two", "level": "info"})
    )
    assert [row["structured"] for row in log_rows(content).rows] == [True, False, True]


def test_lines_of_container_runtimes_are_unwrapped():
    inner = json.dumps({"level": "warn", "msg": "late", "trace_id": TRACE})
    docker = lines({"log": inner + "\n", "stream": "stdout", "time": "2026-11-23T07:22:34.5Z"})
    cri = f"2026-11-23T07:22:34.5Z stderr F {inner}\n".encode()
    for content in (docker, cri):
        row = log_rows(content).rows[0]
        assert (row["severity"], row["body"], row["time_ns"]) == ("warn", "late", AT * 10**9 + 500_000_000)
        assert row["trace_id_low"] == int(TRACE[16:], 16)


@pytest.mark.parametrize(
    ("file", "service"),
    [
        ("notifications.log.zst", "notifications"),
        ("logs/orders-2026-11-23.log", "orders"),
        ("payments_20261123.jsonl", "payments"),
        ("shop_cart-7d9f_8f/cart/0.log", "cart"),
        ("app.log", None),
        ("stdout", None),
        ("2026-11-23.log", None),
        ("orders-access.log", "orders"),
        ("-", None),
    ],
)
def test_the_file_names_the_service_where_nothing_else_does(file, service):
    assert log_rows(lines({"time": AT, "msg": "x"}), file).rows[0]["service"] == service
    assert log_rows(lines({"time": AT, "msg": "x", "service": "named"}), file).rows[0]["service"] == "named"


def test_fields_beside_the_message_are_kept_and_recognised_ones_are_not_kept_twice():
    rows = log_rows(lines({"time": AT, "msg": "x", "level": "info"}, {"time": AT, "msg": "x", "user": "eve"})).rows
    assert rows[0]["fields"] is None
    assert json.loads(rows[1]["fields"])["user"] == "eve"


def test_envoys_flags_and_cluster_are_kept():
    line = (
        b'[2026-11-23T07:22:34.000Z] "GET /cart/7 HTTP/1.1" 503 UO upstream_overflow - "-" 0 81 0 - "-" "python" '
        b'"6f0e" "cart" "10.0.0.7:80" outbound|80||cart.shop.svc.cluster.local - 10.0.0.1:1 10.0.0.2:2 - default\n'
    )
    row = log_rows(line * 3, "gateway.log").rows[0]
    assert (row["retry_evidence"], row["peer_service"]) == ("response_flags=UO", "cart")
    assert row["body"] == "GET /cart/7 HTTP/1.1 503 UO"


def test_envoys_fields_as_json_say_the_same():
    record = {"start_time": "2026-11-23T07:22:34Z", "method": "GET", "path": "/cart/7", "response_code": 503,
              "response_flags": "URX,UF", "upstream_cluster": "outbound|80||cart.shop.svc.cluster.local"}  # fmt: skip
    row = log_rows(lines(record)).rows[0]
    assert (row["retry_evidence"], row["peer_service"]) == ("response_flags=URX,UF", "cart")
    assert row["body"] == "GET /cart/7 503 URX,UF"


def test_several_upstreams_of_nginx_are_attempts():
    line = (
        b'10.0.0.9 - - [23/Nov/2026:07:22:34 +0000] "GET /cart HTTP/1.1" 200 12 "-" "curl" '
        b"rt=0.2 upstream_addr=10.0.0.1:80, 10.0.0.2:80 upstream_status=502, 200\n"
    )
    assert log_rows(line).rows[0]["retry_evidence"] == "attempts=2"


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("upstream_response_time=0.101, 0.015", "attempts=2"),
        ('urt="2.001, 2.000, 0.3"', "attempts=3"),
        ("upstream_status: 502, 504, 200", "attempts=3"),
        ("upstream_response_time=0.101", None),
        ("urt=-", None),
        # A list of another thing is none of attempts.
        ("sizes=12, 13", None),
    ],
)
def test_lists_of_nginx_without_addresses_are_attempts(said, evidence):
    line = f'10.0.0.9 - - [23/Nov/2026:07:22:34 +0000] "GET /cart HTTP/1.1" 200 12 "-" "curl" {said}\n'
    assert log_rows(line.encode()).rows[0]["retry_evidence"] == evidence


@pytest.mark.parametrize(
    ("fields", "evidence"),
    [
        ({"upstream_status": "502, 200", "upstream_response_time": "0.1, 0.2"}, "attempts=2"),
        ({"upstream_addr": "10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80"}, "attempts=3"),
        ({"upstream_status": "502", "upstream_response_time": "0.1"}, None),
    ],
)
def test_nginx_as_json_lists_attempts(fields, evidence):
    record = {"time_local": "23/Nov/2026:07:22:34 +0000", "request": "GET /cart HTTP/1.1", "status": 200, **fields}
    row = log_rows(lines(record)).rows[0]
    assert (row["retry_evidence"], row["body"]) == (evidence, "GET /cart HTTP/1.1 200")
    assert row["time_ns"] == 1_795_418_554_000_000_000


def test_a_metric_query_of_loki_is_refused_with_advice():
    content = json.dumps(
        {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": []}]}}
    )
    with pytest.raises(UnreadableExport, match="log query"):
        recognise(open_stream(__import__("io").BytesIO(content.encode()), "matrix.json"))


@pytest.mark.parametrize(
    "content",
    [
        b"# Title\n\nSome prose about INFO and 2026-11-23.\n",
        b"Timestamp,TimeUnixNano,Node,PodName\n2026-11-23T07:22:34Z,1,a,b\n2026-11-23T07:22:34Z,1,a,b\n",
        b"from __future__ import annotations\n\nx = 1\n",
        b"[tool]\nname = 'x'\nversion = '1'\n",
        b"2026-11-23T07:22:34Z info TracesExporter {}\nResourceSpans #0\nScopeSpans #0\n",
        b"\0\0\0",
        json.dumps({"name": "x", "version": 1}, indent=1).encode(),
        b"<html><body>2026-11-23 07:22:34 ERROR</body></html>\n",
        b"a=b\n",
    ],
)
def test_what_is_no_log_is_left_alone(content):
    assert detect(content) is None


def test_excels_utf16_and_tabs_are_read():
    table = 'sep=\t\n"Time"\t"Line"\t"tsNs"\n"2026-11-23 07:22:34"\t"level=warn msg=late"\t"1795418554125000000"\n'
    found = log_rows(table.encode("utf-16"), "logs.csv")
    assert found.format == "grafana-logs"
    assert (found.rows[0]["severity"], found.rows[0]["time_ns"]) == ("warn", 1795418554125000000)


def test_compressed_files_are_read():
    assert len(log_rows(gzip.compress(lines({"time": AT, "msg": "x"}) * 10)).rows) == 10


def test_endless_lines_are_cut_and_the_next_is_read():
    content = (
        lines({"time": AT, "msg": "x"}) + b'{"msg": "' + b"y" * (3 << 20) + b'"}\n' + lines({"time": AT, "msg": "z"})
    )
    found = log_rows(content)
    assert found.rows[-1]["body"] == "z"
    assert found.notes["lines longer than 1 MiB were cut"] == 1
