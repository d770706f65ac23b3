"""Services that are seen together in traces and requests, on forests written by hand."""

from __future__ import annotations

import numpy as np

from analysis.facts._together import MOST_MEMBERS, SEPARATOR, service_sets
from tests.facts.rows import MS, read, rows_of, span, span_ids


def test_sets_are_named_in_the_order_of_their_names():
    owner, place, texts = service_sets(np.array([7, 3, 7, 7]), np.array([1, 0, 0, 1]), ("b", "a"))
    assert owner.tolist() == [3, 7]
    assert [texts[code] for code in place] == ["b", f"a{SEPARATOR}b"]


def test_of_a_large_set_the_first_are_named():
    names = tuple(f"{number:03}" for number in range(100))
    _, place, texts = service_sets(np.zeros(100, np.int64), np.arange(100), names)
    assert texts[place[0]].split(SEPARATOR) == list(names[:MOST_MEMBERS])


def traces() -> tuple[dict, ...]:
    """Return a request of shop to cart (12 around 10), and a message that mail takes later."""
    return (
        span(1, ms=100),
        span(2, 1, 10, 12, kind="client", operation="GET"),
        span(3, 2, 11, 10, service="cart", operation="GET /carts"),
        span(4, 1, 50, 2, kind="producer", operation="send", category="messaging"),
        span(5, 4, 60, 9, service="mail", kind="consumer", operation="process", category="messaging"),
        span(1, trace_id_low=2),
    )


def test_a_trace_holds_all_services():
    found = read("trace_services", *traces())
    assert rows_of(found, "entry_service", "entry_operation", "services", "traces") == [
        ("shop", "GET /cart", ("cart", "mail", "shop"), 1),
        ("shop", "GET /cart", ("shop",), 1),
    ]


def test_the_way_to_the_outside_is_not_counted():
    outside = span(6, 1, 70, 9, kind="client", operation="GET", server_address="api.example.com")
    found = read("request_services", *traces()[:5], outside)
    assert rows_of(found, "calls", "way_ns") == [(1, 2 * MS)]


def test_a_request_waits_for_no_message():
    found = read("request_services", *traces())
    assert rows_of(found, "services", "requests", "traces", "calls", "way_ns") == [
        (("cart", "shop"), 1, 1, 1, 2 * MS),
        (("shop",), 1, 1, 0, 0),
    ]
    assert span_ids(found["exemplars"].iloc[0]) == [(1, 2)]
