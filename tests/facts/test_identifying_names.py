from __future__ import annotations

from tests.facts.rows import read, rows_of, span, span_ids


def test_names_with_identifiers_are_told_apart_by_operation():
    found = read(
        "identifying_names",
        span(1, operation="GET /carts/{id}", name="GET /carts/1077", ms=30),
        span(2, 1, operation="GET /carts/{id}", name="GET /carts/{id}"),
        span(3, 1, operation="load", name="load"),
        span(4, 1, operation="load"),
    )
    assert rows_of(found, "service", "operation", "identifying", "spans", "named", "traces") == [
        ("shop", "GET /carts/{id}", False, 1, 1, 1),
        ("shop", "GET /carts/{id}", True, 1, 1, 1),
        ("shop", "load", False, 2, 1, 1),
    ]
    assert span_ids(found.exemplars[1]) == [(1,)]
