from __future__ import annotations

from tests.facts.rows import query, read, rows_of, span

COLUMNS = ("service", "operation", "visits", "failures", "traces")


def test_a_visit_begins_where_a_service_is_entered():
    found = read(
        "visits",
        span(1),
        span(2, 1, kind="internal", operation="step"),
        span(3, 2, service="cart", operation="GET /carts", status="error"),
        query(4, 3, service="cart"),
        span(1, trace_id_low=2),
    )
    assert rows_of(found, *COLUMNS) == [("cart", "GET /carts", 1, 1, 1), ("shop", "GET /cart", 2, 0, 2)]
    assert [cell.count for cell in found.latency] == [1, 2]


def test_an_answer_to_the_clients_own_mistake_is_no_failure():
    found = read("visits", span(1, status="error", http_status=404), span(2, status="error", http_status=500))
    assert rows_of(found, "visits", "failures") == [(2, 1)]
