"""Calls between services by request, and what the way costs; times in ms, worked out by hand."""

from __future__ import annotations

from tests.facts.rows import MS, read, rows_of, span, span_ids

COLUMNS = ("grain", "entry_operation", "caller", "callee", "requests", "traces", "calls", "way_ns")


def client(number: int, parent: int, at: float, ms: float, service: str = "shop") -> dict:
    return span(number, parent, at, ms, service=service, kind="client", operation="GET")


def served(number: int, parent: int, at: float, ms: float, service: str) -> dict:
    return span(number, parent, at, ms, service=service, operation=f"GET /{service}")


#: shop asks cart (12 around 10), cart asks shop back (6 around 4), shop asks cart again (8 around 5).
ROWS = (
    span(1, ms=100),
    client(2, 1, 10, 12),
    served(3, 2, 11, 10, "cart"),
    client(4, 3, 12, 6, "cart"),
    served(5, 4, 13, 4, "shop"),
    client(6, 1, 50, 8),
    served(7, 6, 51, 5, "cart"),
)


def test_the_way_is_what_the_caller_waits_beside_the_callee():
    found = read("hops", *ROWS)
    entry = "GET /cart"
    assert rows_of(found, *COLUMNS) == [
        ("call", entry, "cart", "shop", 1, 1, 1, 2 * MS),
        ("call", entry, "shop", "cart", 1, 1, 2, 5 * MS),
        ("callee", entry, "", "cart", 1, 1, 2, 5 * MS),
        ("callee", entry, "", "shop", 1, 1, 1, 2 * MS),
        ("pair", entry, "cart", "shop", 1, 1, 3, 7 * MS),
    ]
    assert span_ids(found.loc[found["grain"] == "pair", "exemplars"].iloc[0]) == [(2, 3, 4, 5, 6, 7)]


def test_each_request_counts_once():
    again = tuple(row | {"trace_id_low": 2} for row in ROWS)
    found = read("hops", *ROWS, *again)
    pair = found[found["grain"] == "pair"]
    assert rows_of(pair, "requests", "traces", "calls", "way_ns") == [(2, 2, 6, 14 * MS)]
    assert [cell.count for cell in pair["way_per_request"]] == [2]


def test_calls_within_a_service_and_to_the_outside_are_no_hops():
    inner = (span(1, ms=100), client(2, 1, 10, 12), served(3, 2, 11, 10, "shop"))
    outside = (span(4, ms=100), client(5, 4, 10, 12) | {"server_address": "api.example.com"})
    assert read("hops", *inner, *outside).empty
