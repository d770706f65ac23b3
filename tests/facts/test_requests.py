from __future__ import annotations

from analysis.facts.requests import entry_keys
from analysis.forest import plant
from tests.facts.rows import query, read, rows_of, span, span_ids
from tests.forests import span_table


def test_a_request_is_counted_by_its_topmost_span():
    found = read(
        "requests",
        span(1, ms=100, status="error", weight=2.5),
        query(2, 1, ms=90, status="error"),
        span(1, ms=40, trace_id_low=2),
        span(3, parent=99, ms=20, trace_id_low=2),
    )
    columns = ("entry_service", "entry_operation", "entry_kind", "requests", "errors", "orphaned", "traces")
    assert rows_of(found, *columns) == [("shop", "GET /cart", "server", 3, 1, 1, 2)]
    # 2.5 + 1 + 1, and 100 + 40 + 20 ms
    assert rows_of(found, "weighted_millis", "total_ns") == [(4500, 160_000_000)]
    assert found.latency[0].count == 3
    assert {(1,), (3,)} == set(span_ids(found.exemplars[0]))


def test_requests_of_two_kinds_of_one_operation_are_two_rows():
    found = read("requests", span(1), span(2, kind="consumer"), span(3, service=None, kind=None, operation=None))
    assert rows_of(found, "entry_service", "entry_operation", "entry_kind", "requests") == [
        ("", "", "", 1),
        ("shop", "GET /cart", "consumer", 1),
        ("shop", "GET /cart", "server", 1),
    ]


def test_a_request_without_times_is_counted_but_not_timed():
    found = read("requests", span(1, start_ns=None, duration_ns=None))
    assert rows_of(found, "requests", "total_ns") == [(1, 0)]
    assert found.latency[0].count == 0


def test_entry_keys_are_of_the_request_that_a_row_belongs_to():
    forest = plant(span_table([span(1, operation="GET /home"), span(2, 1, service="cart"), query(3, 2)]))
    keys = entry_keys(forest, forest.root * 0 + 2)
    assert [keys["entry_service"].values[code] for code in keys["entry_service"].codes] == ["shop"] * 3
    assert [keys["entry_operation"].values[code] for code in keys["entry_operation"].codes] == ["GET /home"] * 3
