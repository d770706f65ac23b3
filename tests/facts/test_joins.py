"""Repeated calls to another service, and who had answered before, on forests written by hand."""

from __future__ import annotations

from typing import Any

from tests.facts.rows import MS, query, read, rows_of, span, span_ids


def call(number: int, service: str, at: float, ms: float = 10, value: int = 0, **columns: Any) -> list[dict[str, Any]]:
    """Return a call of the shop, its callee's span, and the statement that answers it; numbered one after the other."""
    path = {"url_path": f"/{service}/{value}"} if value else {}
    said = {"category": "http", "template": f"GET /{service}/{{id}}", "parameters": value, **path, **columns}
    return [
        span(number, 1, at=at, ms=ms, kind="client", operation="GET", **said),
        span(
            number + 1,
            number,
            at=at + 1,
            ms=ms - 2,
            service=service,
            operation="GET /",
            http_route="/",
            template="GET /",
        ),
        query(number + 2, number + 1, at=at + 2, ms=1, service=service),
    ]


def test_who_had_answered_before_the_first_of_the_calls():
    found = read(
        "joins",
        span(1, ms=200),
        *call(10, "orders", at=0),
        *call(20, "prices", at=20),
        *(row for place in range(3) for row in call(30 + 10 * place, "products", at=40 + 20 * place, value=1 + place)),
        *call(80, "tariffs", at=150),
    )
    names = ("service", "operation", "target", "template", "sources", "length", "joins", "calls", "values", "hidden")
    assert rows_of(found, *names) == [("shop", "GET /cart", "products", "GET /", ("orders", "prices"), 3, 1, 3, 3, 0)]
    assert rows_of(found, "stored", "critical_ns", "saving_ns", "traces") == [(3, 30 * MS, 20 * MS, 1)]
    assert span_ids(found["exemplars"].iloc[0]) == [(30, 40, 50)]


def test_calls_without_sources_are_told_with_none_and_single_calls_not_at_all():
    found = read("joins", span(1, ms=200), *call(10, "orders", at=0), *call(20, "orders", at=20))
    assert rows_of(found, "target", "sources", "calls", "values", "hidden") == [("orders", ("",), 2, 0, 2)]
    assert read("joins", span(1, ms=200), *call(10, "orders", at=0)).empty


def test_failed_calls_are_no_part_of_it():
    found = read("joins", span(1, ms=200), *call(10, "orders", at=0, status="error"), *call(20, "orders", at=20))
    assert found.empty
