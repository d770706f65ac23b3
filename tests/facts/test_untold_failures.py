from __future__ import annotations

from tests.facts.rows import MS, read, rows_of, span, span_ids

COUNTS = ("operation", "how", "spans", "traces", "total_ns")


def test_a_failure_is_explained_by_itself_or_by_a_child():
    found = read(
        "untold_failures",
        span(1, operation="top", status="error"),
        span(2, 1, operation="middle", status="error", error_type="Timeout"),
        span(3, 1, operation="quiet", status="error", ms=30),
        span(4, 1, operation="code", status="error", http_status=500),
        span(5, 1, operation="said", status="error", status_message="refused"),
        span(6, 1, operation="expected", status="error", http_status=404),
    )
    assert rows_of(found, *COUNTS) == [
        ("code", "told", 1, 1, 10 * MS),
        ("middle", "told", 1, 1, 10 * MS),
        ("quiet", "unexplained", 1, 1, 30 * MS),
        ("said", "told", 1, 1, 10 * MS),
        ("top", "told", 1, 1, 10 * MS),
    ]
    assert span_ids(found.exemplars[2]) == [(3,)]


def test_an_exception_is_unmarked_where_nothing_around_it_failed():
    found = read(
        "untold_failures",
        span(1, operation="top"),
        span(2, 1, operation="caught", kind="internal", exception_message="no voucher 7"),
        span(3, 1, operation="dealt with", kind="internal", error_type="Miss", status="ok"),
        span(4, 1, operation="answered", kind="internal", error_type="NotFound", http_status=404),
        span(5, 1, operation="number", kind="internal", error_type="404"),
        span(6, 1, operation="failed visit", status="error", error_type="Broken"),
        span(7, 6, operation="inside", kind="internal", error_type="Broken"),
    )
    assert rows_of(found, "operation", "how") == [("caught", "unmarked"), ("failed visit", "told")]
