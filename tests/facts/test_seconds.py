"""What happens second by second, on spans written by hand; times in ms after a whole minute."""

from __future__ import annotations

import pytest

from analysis.facts import by_second
from tests.facts.rows import MS, START_NS, query, read, span

SECOND = START_NS // 1_000_000_000


def seconds(frame, *columns):
    table = by_second(frame, columns)
    return {second - SECOND: tuple(row) for second, row in zip(table.index, table.to_numpy().tolist(), strict=True)}


def test_visits_are_cut_at_whole_seconds():
    def busy(at, ms):
        return seconds(read("instance_minutes", span(1, at=at, ms=ms)), "busy", "ended")

    assert busy(1_500, 2_000) == {1: (500 * MS, 0), 2: (1_000 * MS, 0), 3: (500 * MS, 1)}
    # A visit of no time ends in its second; one that ends with its minute ends in the next.
    assert busy(3_000, 0) == {3: (0, 1)}
    assert busy(59_500, 500) == {59: (500 * MS, 0), 60: (0, 1)}
    # Of a day the first two minutes are told, and when it ended.
    day = busy(0, 86_400_000)
    assert [second for second, (ns, _) in day.items() if ns] == list(range(120))
    assert day[86_400] == (0, 1)


def test_an_instance_is_busy_where_its_visits_are():
    taking = {"operation": "connect", "status": "error", "db_statement": None}
    spans = [
        span(1, at=500, ms=1_000, instance="a-1", status="error"),
        span(2, at=59_900, ms=200, instance="a-1", trace_id_low=2),
        span(3, at=0, ms=100, instance="a-2", trace_id_low=3),
        query(4, 1, at=900, ms=200, instance="a-1"),
        query(5, 1, at=600, ms=50, instance="a-1", error_type="sqlalchemy.exc.TimeoutError", **taking),
        query(6, 1, at=700, ms=10, instance="a-1", error_type="OperationalError", **taking),
    ]
    frame = read("instance_minutes", *spans)
    keys = [(row.instance, row.minute - SECOND // 60, row.visits, row.waits, row.refused) for row in frame.itertuples()]
    assert keys == [("a-1", 0, 2, 2, 1), ("a-1", 1, 0, 0, 0), ("a-2", 0, 1, 0, 0)]
    one = frame[frame["instance"] == "a-1"]
    assert seconds(one, "busy") == {0: (500 * MS,), 1: (500 * MS,), 59: (100 * MS,), 60: (100 * MS,)}
    assert seconds(one, "ended", "failed") == {1: (1, 1), 60: (1, 0)}
    assert seconds(one, "querying") == {0: (100 * MS,), 1: (100 * MS,)}
    assert seconds(one, "wait_count", "wait_ns") == {0: (2, 60 * MS)}


def test_a_pause_ends_with_the_first_child():
    spans = [span(1, at=500, ms=1_000), query(2, 1, at=620, ms=10), query(3, 1, at=700, ms=10), span(4, trace_id_low=2)]
    frame = read("pauses", *spans)
    assert list(frame["visits"]) == [1]
    assert seconds(frame, "pause_count", "pause_ns") == {0: (1, 120 * MS)}


def call(number, at, **columns):
    said = {"kind": "client", "operation": "GET", "template": "GET /stock", "server_address": "stock"}
    return span(number, 1, at, 10, **(said | columns))


def test_calls_requests_failures_and_tries_again_are_told_by_second():
    spans = [
        span(1, ms=5_000),
        call(2, 100, status="error", http_status=503),
        call(3, 1_200, http_status=200),
        call(4, 1_300, template="GET /other"),
        span(5, at=100, ms=10, trace_id_low=2, kind="internal", operation="nightly"),
    ]
    frame = read("call_seconds", *spans)
    stock = frame[frame["template"] == "GET /stock"]
    assert seconds(stock, "by_second", "requests", "failures", "retries") == {0: (1, 1, 1, 0), 1: (1, 1, 0, 1)}
    tops = frame[frame["service"] == ""]
    assert [(row.target, row.template, row.kind) for row in tops.itertuples()] == [
        ("shop", "GET /cart", "server"),
        ("shop", "nightly", "internal"),
    ]
    assert list(tops["behind_batch"]) == [0, 1]


def test_what_follows_a_question_to_a_cache_is_marked():
    cache = {"category": "cache", "db_system": "redis", "operation": "GET", "template": "GET", "server_address": "c"}
    before = query(2, 1, at=10, ms=5, **cache)
    spans = [span(1, ms=900), query(3, 1, at=0, ms=5), before, query(4, 1, at=20, ms=5)]
    frame = read("call_seconds", *spans)
    [row] = frame[frame["template"].str.startswith("SELECT")].itertuples()
    assert (row.kind, row.calls, row.asked_cache) == ("store", 2, 1)


def test_a_request_waits_for_all_connections_together_and_once_for_those_at_once():
    taking = {"operation": "connect", "db_statement": None}
    spans = [
        span(1, ms=1_000),
        query(2, 1, at=10, ms=50, **taking),
        query(3, 1, at=40, ms=30, status="error", **taking),
        query(4, 1, at=200, ms=30),
        query(5, 0, ms=1, trace_id_low=2, **taking),
    ]
    rows = read("pool_waits", *spans)
    found = [(row.entry_operation, row.requests, row.waits, row.failed_waits, row.wait_ns) for row in rows.itertuples()]
    assert found == [("GET /cart", 1, 2, 1, 80 * MS), ("connect", 1, 1, 0, MS)]
    # From 10 to 60 and from 40 to 70.
    assert [histogram.percentile(0.5) for histogram in rows["wait_per_request"]] == [
        pytest.approx(60 * MS, rel=0.01),
        pytest.approx(MS, rel=0.01),
    ]
