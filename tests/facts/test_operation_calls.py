"""Calls between operations, on forests written by hand."""

from __future__ import annotations

from tests.facts.rows import query, read, rows_of, span

WHO = ("caller", "caller_operation", "callee", "callee_operation", "kind", "calls", "errors")


def test_calls_lead_from_operation_to_operation_and_to_stores():
    found = read(
        "operation_calls",
        span(1, ms=100),
        span(2, 1, 1, 50, kind="internal", operation="price"),
        span(3, 2, 2, 20, kind="client", operation="GET", status="error"),
        span(4, 3, 3, 10, service="prices", operation="GET /prices"),
        query(5, 4, 4, 2, service="prices"),
        span(6, 1, 60, 10, kind="client", operation="GET", category="http", server_address="api.example.com"),
    )
    assert rows_of(found, *WHO) == [
        ("prices", "GET /prices", "postgresql://db:6432/shop", "", "data", 1, 0),
        ("shop", "GET /cart", "api.example.com", "", "sync", 1, 0),
        ("shop", "GET /cart", "prices", "GET /prices", "sync", 1, 1),
        ("user", "", "shop", "GET /cart", "sync", 1, 0),
    ]
