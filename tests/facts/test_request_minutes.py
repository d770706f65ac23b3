"""Requests by minute, on forests written by hand."""

from __future__ import annotations

from tests.facts.rows import read, rows_of, span


def test_requests_are_counted_by_minute_bound_and_outcome():
    # Minutes of 60,000 ms; a bucket holds what is at most its bound.
    rows = [
        span(1, at=0, ms=10, trace_id_low=1),
        span(2, 1, at=1, ms=5, trace_id_low=1),
        span(1, at=59_999, ms=10, trace_id_low=2),
        span(1, at=60_000, ms=10.001, trace_id_low=3),
        span(1, at=60_001, ms=20_000, status="error", trace_id_low=4, weight=4.0),
    ]
    found = read("request_minutes", *rows)
    first = int(found["minute"].min())
    found["minute"] -= first
    columns = ("minute", "within_ms", "failed", "requests", "weighted_millis", "traces")
    assert rows_of(found, *columns) == [
        (0, 10, False, 2, 2000, 2),
        (1, -1, True, 1, 4000, 1),
        (1, 50, False, 1, 1000, 1),
    ]


def test_a_tree_without_its_top_is_no_request():
    assert read("request_minutes", span(2, 99), span(3, 2)).empty


def test_a_request_without_times_is_in_no_minute():
    assert read("request_minutes", span(1, start_ns=None, duration_ns=None)).empty
