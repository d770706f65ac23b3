from __future__ import annotations

from tests.facts.rows import query, read, rows_of, span

COLUMNS = ("origin_service", "origin_operation", "service", "operation", "hops", "waited", "failed")


def test_each_visit_above_an_origin_waited_and_failed_or_not():
    found = read(
        "propagation",
        span(1, operation="GET /home"),
        span(2, 1, service="cart", operation="GET /carts", status="error"),
        query(3, 2, service="cart", status="error"),
    )
    assert rows_of(found, *COLUMNS) == [
        ("cart", "SELECT carts", "cart", "GET /carts", 1, 1, 1),
        ("cart", "SELECT carts", "shop", "GET /home", 2, 1, 0),
    ]


def test_several_failures_of_one_operation_below_one_visit_count_once():
    spans = [span(1, status="error"), query(2, 1, status="error"), query(3, 1, status="error", template="SELECT 1")]
    assert rows_of(read("propagation", *spans), "operation", "waited", "failed") == [("GET /cart", 1, 1)]


def test_without_failures_there_is_nothing():
    assert read("propagation", span(1), query(2, 1)).empty
