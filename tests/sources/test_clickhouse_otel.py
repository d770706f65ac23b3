"""ClickHouse's tables of spans and logs: JSONEachRow, JSON and Parquet, nested columns in both forms."""

from __future__ import annotations

import io

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.sources import Rejects, open_stream, recognise
from tests.sources.build import read

TRACE = "4766f1209f70a5e2e55417fc296fd101"
START = 1_700_000_000_123_456_789
SPAN = {
    "Timestamp": "2023-11-14 22:13:20.123456789", "TraceId": TRACE, "SpanId": "00000000000000b2",
    "ParentSpanId": "00000000000000a1", "TraceState": "ot=p:3", "SpanName": "SELECT carts", "SpanKind": "Client",
    "ServiceName": "shop", "ResourceAttributes": {"service.name": "other", "host.name": "node-7"}, "ScopeName": "jdbc",
    "SpanAttributes": {"db.system.name": "postgresql", "server.port": "5433", "unknown": "x"}, "Duration": "1500",
    "StatusCode": "Error", "StatusMessage": "no", "Events.Timestamp": ["2023-11-14 22:13:20.2"],
    "Events.Name": ["exception"], "Events.Attributes": [{"exception.type": "KeyError"}],
    "Links.TraceId": [TRACE], "Links.SpanId": ["00000000000000c3"], "Links.TraceState": [""],
    "Links.Attributes": [{}],
}  # fmt: skip
ROOT = {
    **SPAN, "SpanId": "00000000000000a1", "ParentSpanId": "", "TraceState": "", "SpanKind": "SPAN_KIND_SERVER",
    "StatusCode": "STATUS_CODE_UNSET", "StatusMessage": "", "SpanAttributes": {}, "Duration": 2_000,
    "Events.Timestamp": [], "Events.Name": [], "Events.Attributes": [], "Links.TraceId": [], "Links.SpanId": [],
    "Links.TraceState": [], "Links.Attributes": [],
}  # fmt: skip
LOG = {
    "Timestamp": "2023-11-14 22:13:20.123456789", "TraceId": TRACE, "SpanId": "00000000000000b2", "TraceFlags": 1,
    "SeverityText": "WARN", "SeverityNumber": 13, "ServiceName": "shop", "Body": "slow", "ScopeName": "app",
    "ResourceAttributes": {"host.name": "node-7"}, "LogAttributes": {"exception.type": "Late"},
}  # fmt: skip


def nested(row: dict) -> dict:
    """The same row where nested columns are lists of objects (flatten_nested = 0)."""
    found = {name: value for name, value in row.items() if not name.startswith(("Events.", "Links."))}
    for column in ("Events", "Links"):
        parts = [name.partition(".")[2] for name in row if name.startswith(f"{column}.")]
        values = zip(*(row[f"{column}.{part}"] for part in parts), strict=True)
        found[column] = [dict(zip(parts, each, strict=True)) for each in values]
    return found


def check_spans(rows: list[dict]) -> None:
    root, query = sorted(rows, key=lambda row: row["span_id"])
    assert (root["span_id"], root["parent_span_id"], root["kind"], root["status"]) == (0xA1, 0, "server", "unset")
    assert (query["span_id"], query["parent_span_id"], query["kind"]) == (0xB2, 0xA1, "client")
    assert (query["trace_id_high"], query["trace_id_low"]) == (0x4766F1209F70A5E2, 0xE55417FC296FD101)
    assert (query["service"], query["host"], query["scope"], query["name"]) == (
        "shop",
        "node-7",
        "jdbc",
        "SELECT carts",
    )
    assert (query["start_ns"], query["duration_ns"]) == (START, 1_500)
    assert (query["status"], query["status_message"], query["weight"]) == ("error", "no", 8.0)
    assert (query["db_system"], query["server_port"], query["error_type"]) == ("postgresql", 5433, "KeyError")
    assert [(link["trace_id_low"], link["span_id"]) for link in query["links"]] == [(0xE55417FC296FD101, 0xC3)]
    assert (root["links"], root["error_type"]) == (None, None)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\n".join(map(orjson.dumps, (SPAN, ROOT))), id="JSONEachRow"),
        pytest.param(b"\n".join(orjson.dumps(nested(row)) for row in (SPAN, ROOT)), id="nested columns as objects"),
        pytest.param(orjson.dumps({"meta": [{"name": "TraceId"}], "data": [SPAN, ROOT], "rows": 2}), id="JSON"),
        pytest.param(orjson.dumps([SPAN, ROOT]), id="array"),
        pytest.param(orjson.dumps({**SPAN, "Timestamp": START}) + b"\n" + orjson.dumps(ROOT), id="time as a number"),
    ],
)
def test_rows_as_json(content):
    found = read(content)
    assert found.format == "clickhouse-otel"
    check_spans(found.spans)
    assert not found.rejects.rows()
    assert not found.rejects.notes


def test_log_records_beside_spans():
    for order in ((SPAN, LOG, ROOT), (LOG, SPAN, ROOT)):
        found = read(b"\n".join(map(orjson.dumps, order)))
        assert found.format == "clickhouse-otel"
        check_spans(found.spans)
        (log,) = found.logs
        assert (log["time_ns"], log["severity"], log["body"], log["logger"]) == (START, "warn", "slow", "app")
        assert (log["service"], log["host"], log["span_id"], log["error_type"]) == ("shop", "node-7", 0xB2, "Late")


def parquet(rows: list[dict], text: pa.DataType) -> bytes:
    attributes = pa.map_(text, text)
    texts = ("TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName", "ScopeName",
             "StatusCode", "StatusMessage")  # fmt: skip
    schema = pa.schema(
        [("Timestamp", pa.timestamp("ns", "UTC")), *((name, text) for name in texts),
         ("ResourceAttributes", attributes), ("SpanAttributes", attributes), ("Duration", pa.uint64()),
         ("Events.Name", pa.list_(text)), ("Events.Attributes", pa.list_(attributes)),
         ("Links.TraceId", pa.list_(text)), ("Links.SpanId", pa.list_(text))]
    )  # fmt: skip

    def plain(value):
        if isinstance(value, dict):
            return [(plain(key), plain(item)) for key, item in value.items()]
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value.encode() if text == pa.binary() and isinstance(value, str) else value

    made = [
        {name: plain(row[name]) for name in schema.names} | {"Timestamp": START, "Duration": int(row["Duration"])}
        for row in rows
    ]
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(made, schema=schema), target, row_group_size=2)
    return target.getvalue()


@pytest.mark.parametrize("text", [pa.string(), pa.binary()])
def test_rows_as_parquet(text):
    rejects = Rejects()
    with open_stream(io.BytesIO(parquet([SPAN, ROOT, {**ROOT, "SpanId": ""}], text)), "rows") as stream:
        source = recognise(stream)
        rows = [row for batch in source.read(stream, rejects) for row in batch.spans.to_pylist()]
    assert source.NAME == "clickhouse-otel"
    check_spans(rows)
    assert rejects.rows() == [{"reason": "span id is missing", "count": 1, "example": "row 2"}]


def test_bad_rows_cost_themselves():
    lines = [
        SPAN,
        {**SPAN, "Timestamp": "soon"},
        {**SPAN, "TraceId": ""},
        {"a": 1},
        {**SPAN, "SpanAttributes": 7},
        ROOT,
    ]
    found = read(b"\n".join(map(orjson.dumps, lines)))
    check_spans(found.spans)
    assert found.reasons == {
        "time is not written as in ISO 8601": 1,
        "trace id is missing": 1,
        "record has another shape than its format says": 2,
    }
