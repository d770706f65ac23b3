"""Modules inside a service, on forests written by hand."""

from __future__ import annotations

from tests.facts.rows import query, read, rows_of, span

WHO = ("kind", "service", "module", "callee", "callee_module", "calls")


def monolith():
    """A request through a library's span, two modules that each use a table, and out to another service."""
    return (
        span(1, ms=100, scope="opentelemetry.instrumentation.flask"),
        span(2, 1, 5, 90, kind="internal", module="shop.orders.OrderService", scope="shop"),
        query(3, 2, 10, 5, scope="opentelemetry.instrumentation.psycopg"),
        span(4, 2, 20, 60, kind="internal", scope="shop.stock"),
        query(5, 4, 25, 5, db_statement="UPDATE stock SET n = 1", template="UPDATE stock SET n = ?"),
        span(6, 4, 40, 12, kind="client", operation="GET"),
        span(7, 6, 41, 10, service="mail", operation="GET /mails"),
    )


def test_spans_belong_to_the_module_around_them_or_the_first_below():
    found = read("module_calls", *monolith())
    assert rows_of(found, *WHO) == [
        ("inside", "shop", "shop.orders", "shop", "shop.stock", 1),
        ("own", "shop", "shop.orders", "shop", "shop.orders", 3),
        ("own", "shop", "shop.stock", "shop", "shop.stock", 3),
        ("read", "shop", "shop.orders", "postgresql://db:6432/shop", "carts", 1),
        ("sync", "shop", "shop.stock", "mail", "", 1),
        ("write", "shop", "shop.stock", "postgresql://db:6432/shop", "stock", 1),
    ]


def test_without_modules_nothing_is_told():
    assert read("module_calls", span(1), span(2, 1, kind="client"), span(3, 2, service="mail")).empty


def test_a_tracer_called_after_its_service_is_no_module():
    assert read("module_calls", span(1, scope="shop"), query(2, 1, scope="shop")).empty


def test_time_of_a_module_is_what_no_child_covers():
    found = read("module_calls", *monolith()).set_index(["kind", "module"])
    # Flask 100 - 90, orders 90 - 5 - 60, the query 5; stock 60 - 5 - 12, the query 5, the call 12 - 10.
    assert found.loc[("own", "shop.orders"), "total_ns"] == 40_000_000
    assert found.loc[("own", "shop.stock"), "total_ns"] == 50_000_000
