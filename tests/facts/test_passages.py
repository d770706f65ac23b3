"""What services do with the calls that enter them; times in ms, worked out by hand."""

from __future__ import annotations

from tests.facts.rows import MS, query, read, rows_of, span, span_ids

COLUMNS = ("service", "operation", "caller", "callees", "called_once", "data", "visits", "total_ns", "own_ns")


def test_own_time_is_neither_a_call_nor_data():
    found = read(
        "passages",
        span(1, ms=100),
        span(2, 1, 10, 60, kind="client", operation="GET"),
        span(3, 2, 15, 50, service="cart", operation="GET /carts"),
        span(4, 3, 16, 20, service="cart", kind="internal", operation="step"),
        query(5, 4, 17, 15, service="cart"),
        span(6, 3, 40, 10, service="cart", kind="client", operation="POST"),
        span(7, 6, 41, 8, service="pricing", operation="POST /quotes"),
    )
    # cart: 50 less the step (20) and the call (10); of the step 5 are not the query's. shop: 100 less the call of 60.
    assert rows_of(found, *COLUMNS) == [
        ("cart", "GET /carts", "shop", ("pricing",), True, True, 1, 50 * MS, 25 * MS),
        ("pricing", "POST /quotes", "cart", ("",), False, False, 1, 8 * MS, 8 * MS),
        ("shop", "GET /cart", "user", ("cart",), True, False, 1, 100 * MS, 40 * MS),
    ]
    assert span_ids(found["exemplars"].iloc[0]) == [(3, 5, 6)]


def test_two_callees_and_two_calls_of_one_are_told_apart():
    calls = [span(number, 1, number, 1, kind="client", operation="GET") for number in (2, 4)]
    one = read("passages", span(1), calls[0], calls[1], span(3, 2, service="a"), span(5, 4, service="a"))
    two = read("passages", span(1), calls[0], calls[1], span(3, 2, service="a"), span(5, 4, service="b"))
    assert rows_of(one[one["service"] == "shop"], "callees", "called_once") == [(("a",), False)]
    assert rows_of(two[two["service"] == "shop"], "callees", "called_once") == [(("a", "b"), False)]
