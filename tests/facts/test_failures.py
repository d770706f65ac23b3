from __future__ import annotations

from tests.facts.rows import MS, query, read, rows_of, span, span_ids

COLUMNS = ("origin_service", "path", "stopped_at", "mechanism", "reached_root", "services", "failures", "requests")


def test_a_failure_is_told_from_its_origin_up():
    found = read(
        "failures",
        span(1, ms=100, status="error"),
        span(2, 1, kind="client", ms=90, status="error"),
        span(3, 2, ms=80, service="cart", operation="GET /carts", status="error"),
        query(4, 3, ms=70, service="cart", status="error"),
    )
    path = ("cart SELECT carts", "cart GET /carts", "shop GET /cart")
    assert rows_of(found, *COLUMNS) == [("cart", path, "", "error", True, 2, 1, 1)]
    assert rows_of(found, "attempts", "total_ns") == [(1, 100 * MS)]
    # From 70 ms, where the query ends, to 100.
    assert abs(found.climb[0].percentile(0.5) - 30 * MS) <= 30 * MS / 128
    assert span_ids(found.exemplars[0]) == [(4, 3, 1)]


def test_a_failure_stops_where_a_caller_survives():
    found = read(
        "failures", span(1), span(2, 1, service="cart", operation="GET /carts", status="error", http_status=503)
    )
    assert rows_of(found, *COLUMNS) == [("cart", ("cart GET /carts",), "shop GET /cart", "rejection", False, 1, 1, 0)]


def test_attempts_of_one_call_are_one_failure():
    found = read("failures", span(1, status="error"), *(query(2 + i, 1, at=20 * i, status="error") for i in range(3)))
    assert rows_of(found, "mechanism", "failures", "attempts", "requests") == [("exhausted retries", 1, 3, 1)]
    assert span_ids(found.exemplars[0]) == [(4, 1)]


def test_a_consumer_fails_alone():
    found = read(
        "failures",
        span(1, kind="producer"),
        span(2, 1, service="mail", kind="consumer", operation="send", status="error"),
    )
    assert rows_of(found, "path", "stopped_at", "reached_root") == [(("mail send",), "", True)]
