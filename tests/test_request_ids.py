"""Ids of requests: what they join log records to, and what they do not."""

from __future__ import annotations

import json

import pytest

import analysis as an

AT_NS = 1_767_225_600_000_000_000
ID = "7b0c5a52-6a0e-4f3b-9d0e-1f2a3b4c5d6e"


def span(trace: int, request: object, *, service: str = "web", at_s: float = 0) -> dict:
    start = AT_NS + int(at_s * 1e9)
    value = {"arrayValue": {"values": [{"stringValue": one} for one in request]}} if isinstance(request, list) else None
    said = value or {"stringValue": request}
    return {
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [
            {
                "spans": [
                    {
                        "traceId": f"{trace:032x}",
                        "spanId": f"{trace:016x}",
                        "name": "GET /",
                        "kind": 2,
                        "startTimeUnixNano": str(start),
                        "endTimeUnixNano": str(start + 1_000_000),
                        "attributes": [{"key": "http.request.header.x-request-id", "value": said}] if request else [],
                    }
                ]
            }
        ],
    }


def reviewed(folder, spans, records):
    """Return by service what was counted of the log records."""
    (folder / "traces.json").write_text(json.dumps({"resourceSpans": spans}))
    lines = (json.dumps({"time": "2026-01-01T00:00:00.500Z", "msg": "read 7"} | record) for record in records)
    (folder / "logs.jsonl").write_text("\n".join(lines))
    result = an.review(an.open_export(str(folder)), only=["disconnected_logs"])
    names = ["lines", "request_ids", "by_request", "request_apart", "request_shared"]
    table = result.facts["log_lines"].groupby("service")[names].sum()
    return {str(service): tuple(row) for service, row in zip(table.index, table.to_numpy().tolist(), strict=True)}


@pytest.mark.parametrize("written", [ID, [ID], f'["{ID}"]'])
def test_an_id_that_one_trace_carries_joins_records_to_it(written, tmp_path):
    spans = [span(1, written), span(2, "")]
    records = [{"service": "web", "request_id": ID}, {"service": "web", "X-Request-ID": ID}, {"service": "web"}]
    assert reviewed(tmp_path, spans, records) == {"web": (3, 2, 2, 0, 0)}


@pytest.mark.parametrize(
    ("spans", "records"),
    [
        ([span(1, ID), span(2, ID, service="cart")], [{"request_id": ID}]),
        ([span(1, ID, at_s=3_600)], [{"request_id": ID}]),
        ([span(1, ID)], [{"request_id": ID}] * 1_001),
    ],
    ids=["several traces", "another hour", "too many records"],
)
def test_an_id_that_is_used_again_joins_nothing(spans, records, tmp_path):
    found = reviewed(tmp_path, spans, [{"service": "web"} | record for record in records])
    assert found == {"web": (len(records), len(records), 0, len(records), 0)}


@pytest.mark.parametrize("request_id", ["req-1", "anonymous", "undefined-id"])
def test_counters_and_words_are_no_ids(request_id, tmp_path):
    found = reviewed(tmp_path, [span(1, request_id)], [{"service": "web", "request_id": request_id}])
    assert found == {"web": (1, 1, 0, 0, 0)}


def test_an_id_that_records_of_two_services_name_is_shared_and_no_trace(tmp_path):
    records = [{"service": "web", "request_id": ID}, {"service": "cart", "request_id": ID}]
    records += [{"service": "cart", "request_id": f"{ID}-alone"}]
    assert reviewed(tmp_path, [span(1, "")], records) == {"cart": (2, 2, 0, 0, 1), "web": (1, 1, 0, 0, 1)}


def test_a_record_that_names_its_trace_needs_no_other_key(tmp_path):
    records = [{"service": "web", "request_id": ID, "trace_id": f"{1:032x}"}]
    assert reviewed(tmp_path, [span(1, ID)], records) == {"web": (1, 0, 0, 0, 0)}


def test_nothing_is_said_of_whom_a_request_leads_to_in_other_exports(tmp_path):
    assert reviewed(tmp_path, [span(1, ID)], [{"service": "web"}]) == {"web": (1, 0, 0, 0, 0)}
