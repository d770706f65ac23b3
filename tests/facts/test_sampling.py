from __future__ import annotations

from tests.facts.rows import read, rows_of, span, span_ids

COUNTS = ("failed", "requests", "weighted_millis", "weighted", "least_millis", "most_millis", "traces")


def test_requests_are_told_by_failure_with_what_they_stand_for():
    found = read(
        "sampling",
        span(1, trace_id_low=1, status="error"),
        span(2, 1, trace_id_low=1, weight=7.0),
        span(1, trace_id_low=2, weight=2.5),
        span(1, trace_id_low=3, weight=16.0),
        span(1, trace_id_low=4, status="error", http_status=404),
    )
    assert rows_of(found, *COUNTS) == [
        (False, 3, 2500 + 16000 + 1000, 2, 1000, 16000, 3),
        (True, 1, 1000, 0, 1000, 1000, 1),
    ]
    assert span_ids(found.exemplars[1]) == [(1,)]
