"""AWS X-Ray: segments by themselves and as texts in an answer, subsegments, calls of AWS, what X-Ray made up."""

from __future__ import annotations

import json

import orjson
import pytest

import analysis as an
from analysis.dataset import open_export
from tests.sources.build import read

TRACE = "1-4766f120-9f70a5e2e55417fc296fd101"
START = 1_700_000_000.25
SEGMENT = {
    "trace_id": TRACE, "id": "00000000000000a1", "name": "shop", "start_time": START, "end_time": START + 0.5,
    "fault": True, "service": {"version": "1.2"}, "aws": {"ec2": {"instance_id": "i-7"}},
    "http": {"request": {"method": "GET", "url": "https://shop.example/cart/7"}, "response": {"status": 500}},
    "subsegments": [
        {"id": "00000000000000b2", "name": "DynamoDB", "namespace": "aws", "start_time": START,
         "end_time": START + 0.25, "aws": {"operation": "GetItem", "table_name": "carts", "retries": 2},
         "http": {"response": {"status": 200}}},
        {"id": "00000000000000c3", "name": "checkout", "start_time": START, "end_time": START + 0.125,
         "subsegments": [
             {"id": "00000000000000d4", "name": "stock", "namespace": "remote", "start_time": START,
              "end_time": START + 0.0625, "error": True,
              "http": {"request": {"method": "GET", "url": "http://stock/items"}, "response": {"status": 404}}},
             {"id": "00000000000000e5", "name": "orders@db.internal", "namespace": "remote", "start_time": START,
              "end_time": START, "sql": {"url": "jdbc:postgresql://db.internal:5433/orders",
                                         "database_type": "PostgreSQL", "sanitized_query": "SELECT ?"},
              "cause": {"exceptions": [{"type": "SQLError", "message": "no"}]}},
         ]},
        {"id": "00000000000000f6", "name": "SQS", "namespace": "aws", "start_time": START, "end_time": START,
         "aws": {"operation": "SendMessage", "queue_url": "https://sqs.eu.amazonaws.com/1/orders"}},
    ],
}  # fmt: skip
STOCK = {"trace_id": TRACE, "id": "0000000000000099", "parent_id": "00000000000000d4", "name": "stock",
         "start_time": START, "end_time": START, "error": True}  # fmt: skip
INFERRED = {"trace_id": TRACE, "id": "0000000000000098", "parent_id": "00000000000000b2", "name": "carts",
            "origin": "AWS::DynamoDB::Table", "inferred": True, "start_time": START, "end_time": START}  # fmt: skip
ALL = (SEGMENT, STOCK, INFERRED)
ANSWER = {
    "Traces": [{"Id": TRACE, "Segments": [{"Id": one["id"], "Document": json.dumps(one)} for one in ALL]}],
    "UnprocessedTraceIds": [],
}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(orjson.dumps(ANSWER), id="BatchGetTraces"),
        pytest.param(json.dumps(ANSWER, indent=4).encode(), id="pretty-printed"),
        pytest.param(b"\n".join(map(orjson.dumps, ALL)), id="lines of segments"),
        pytest.param(orjson.dumps(ALL), id="array of segments"),
        pytest.param(orjson.dumps(ANSWER["Traces"]), id="array of traces"),
    ],
)
def test_every_wrapping_gives_the_same_rows(content):
    found = read(content)
    assert found.format == "aws-xray"
    shown = [(row["span_id"], row["parent_span_id"], row["service"], row["kind"], row["status"]) for row in found.spans]
    assert shown == [
        (0xA1, 0, "shop", "server", "error"),
        (0xB2, 0xA1, "shop", "client", "unset"),
        (0xC3, 0xA1, "shop", "internal", "unset"),
        (0xD4, 0xC3, "shop", "client", "error"),
        (0xE5, 0xC3, "shop", "client", "unset"),
        (0xF6, 0xA1, "shop", "producer", "unset"),
        # An answer of 4xx is an error for the caller, not for the server.
        (0x99, 0xD4, "stock", "server", "unset"),
    ]
    assert {(row["trace_id_high"], row["trace_id_low"]) for row in found.spans} == {
        (0x4766F1209F70A5E2, 0xE55417FC296FD101)
    }
    assert not found.rejects.rows()
    assert found.rejects.notes == {"segments that X-Ray inferred from calls were left out: the calls are there": 1}


def test_what_calls_say():
    segment, table, _, stock, database, queue = read(orjson.dumps(SEGMENT)).spans
    assert (segment["start_ns"], segment["duration_ns"]) == (1_700_000_000_250_000_000, 500_000_000)
    assert (segment["http_status"], segment["url_path"], segment["host"]) == (500, "/cart/7", "i-7")
    assert (segment["service_version"], segment["time_resolution_ns"]) == ("1.2", 1_000)
    assert (table["db_system"], table["db_collection"], table["db_operation"]) == ("aws.dynamodb", "carts", "GetItem")
    assert (table["resend_count"], table["retry_evidence"]) == (2, "aws.retries=2")
    assert (stock["peer_service"], stock["server_address"], stock["http_status"]) == ("stock", "stock", 404)
    assert (database["db_system"], database["db_namespace"], database["db_statement"]) == (
        "postgresql", "orders", "SELECT ?",
    )  # fmt: skip
    assert (database["server_address"], database["error_type"]) == ("db.internal", "SQLError")
    assert (queue["messaging_system"], queue["messaging_destination"]) == ("aws_sqs", "orders")


def test_who_calls_whom(tmp_path):
    (tmp_path / "traces.json").write_bytes(orjson.dumps(ANSWER))
    calls = an.calls(open_export(tmp_path / "traces.json"))
    assert {(row.caller, row.callee) for row in calls.itertuples()} == {
        ("user", "shop"),
        ("shop", "aws.dynamodb://"),
        ("shop", "stock"),
        ("shop", "postgresql://db.internal:5433/orders"),
        ("shop", "aws_sqs://orders"),
    }


def test_a_subsegment_by_itself_belongs_to_its_segment():
    alone = {"trace_id": TRACE, "id": "0000000000000077", "parent_id": "00000000000000a1", "type": "subsegment",
             "name": "late", "start_time": START}  # fmt: skip
    found = read(orjson.dumps(SEGMENT) + b"\n" + orjson.dumps(alone))
    assert (found.spans[-1]["service"], found.spans[-1]["duration_ns"]) == ("shop", None)
    found = read(orjson.dumps(alone) + b"\n" + orjson.dumps(SEGMENT))
    assert found.spans[0]["service"] is None
    assert found.rejects.notes == {
        "subsegments in documents of their own, whose segment did not come before them: they have no service": 1,
        "spans with a start and no end: their duration is unknown": 1,
    }


def test_bad_segments_cost_themselves():
    bad = [{**STOCK, "trace_id": ""}, {**STOCK, "id": ""}, {**STOCK, "start_time": "x"}, {**STOCK, "aws": 7}, {"a": 1}]
    found = read(b"\n".join(map(orjson.dumps, [SEGMENT, *bad, {"Document": "{"}])))
    assert len(found.spans) == 6
    assert found.reasons == {
        "trace id is missing": 2,
        "span id is missing": 1,
        "time is not a number": 1,
        "record has another shape than its format says": 2,
    }
