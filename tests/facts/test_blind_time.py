from __future__ import annotations

from tests.facts.rows import MS, read, rows_of, span, span_ids

COUNTS = ("operation", "tenths", "spans", "traces", "pause_ns")


def test_blind_is_what_no_child_covers():
    found = read(
        "blind_time",
        span(1, operation="top", ms=100),
        span(2, 1, at=10, ms=30, operation="child"),
        span(3, 1, at=20, ms=40, operation="child"),
        span(4, 3, at=20, ms=40, operation="leaf"),
    )
    # top: 10 to 60 are covered, 50 of 100 are not; the second child is covered by its leaf; the others have no child.
    assert rows_of(found, *COUNTS) == [("child", 0, 1, 1, 0), ("top", 5, 1, 1, 0)]
    assert abs(found.blind[1].percentile(0.5) - 50 * MS) <= 0.01 * 50 * MS
    assert span_ids(found.exemplars[1]) == [(1,)]


def test_pauses_between_attempts_are_told_apart():
    said = {"kind": "client", "template": "POST /pay", "server_address": "pay", "ms": 10}
    found = read(
        "blind_time",
        span(1, operation="top", ms=100),
        span(2, 1, at=0, status="error", http_status=503, **said),
        span(3, 1, at=70, **said),
    )
    # 20 of 100 ms are covered, 60 are the pause from 10 to 70, 20 remain.
    assert rows_of(found, *COUNTS) == [("top", 2, 1, 1, 60 * MS)]


def test_calls_and_pools_and_spans_without_time_are_left_out():
    found = read(
        "blind_time",
        span(1, operation="call", kind="client", ms=100),
        span(2, 1, operation="pool acquire", kind="internal", category="internal"),
        span(3, 2, operation="timeless") | {"start_ns": None, "duration_ns": None},
        span(4, 3, operation="leaf"),
    )
    assert found.empty
