"""Log records tied to the spans of their traces."""

from __future__ import annotations

from analysis.forest import plant
from tests.forests import log_table, span_table

SPANS = [
    {"span_id": 1, "service": "web", "host": "ahead", "start_ns": 100, "duration_ns": 50},
    {"span_id": 7, "parent_span_id": 1, "service": "cart", "start_ns": 110, "duration_ns": 5},
    {"trace_id_low": 9, "span_id": 7, "service": "web", "start_ns": 300, "duration_ns": 1},
    {"trace_id_high": 5, "trace_id_low": 1, "span_id": 3, "service": "web", "start_ns": 400, "duration_ns": 1},
]


def planted(*records, **options):
    return plant(span_table(SPANS), logs=log_table(records), **options)


def test_records_find_their_trace_and_span():
    forest = planted(
        {"span_id": 7},
        {"trace_id_low": 9, "span_id": 7},
        {"trace_id_high": 5, "span_id": 3},
        {"span_id": 3},
        {"trace_id_low": 8, "span_id": 7},
        {"trace_id_low": 0, "span_id": 7},
    )
    logs = forest.logs
    assert logs.named.tolist() == [True, True, True, True, True, False]
    assert logs.trace.tolist() == [0, 1, 2, 0, -1, -1]
    rows = [forest.span_id(row) + forest.trace_id(forest.trace_of[row])[-2:] if row >= 0 else "" for row in logs.span]
    assert rows == [f"{7:016x}01", f"{7:016x}09", f"{3:016x}01", "", "", ""]


def test_times_follow_the_clock_of_their_host_or_service():
    records = ({"time_ns": 1000, "host": "ahead"}, {"time_ns": 1000, "service": "cart"}, {"time_ns": None})
    logs = planted(*records, offsets={"ahead": -30, "cart": 5}).logs
    assert logs.time.tolist() == [970, 1005, 0]
    assert logs.has_time.tolist() == [True, True, False]


def test_errors_are_told_by_severity():
    records = [{"severity": name} for name in ("error", "fatal", "warn", None)]
    assert planted(*records).logs.grave.tolist() == [True, True, False, False]


def test_without_log_records_there_are_none():
    assert plant(span_table(SPANS)).logs.size == 0
    assert planted().logs.size == 0
