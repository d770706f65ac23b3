from __future__ import annotations

import pytest

from tests.facts.rows import query, read, rows_of, span


def test_aspects_are_counted_beside_the_spans_that_could_have_them():
    found = read(
        "coverage",
        span(1, http_route="/cart", status="ok"),
        span(2, 1, kind="client", service="shop", server_address="cart"),
        span(3, 1, kind="client", service="shop"),
        query(4, 1, status="error", error_type="Timeout"),
        query(5, 1, db_statement=None, db_system=None),
        span(6, 1, kind="producer", category="messaging", messaging_destination="orders"),
        span(7, service=None, kind=None, start_ns=None, duration_ns=None),
    )
    nobody, shop = found.to_dict("records")
    assert (nobody["service"], nobody["spans"], nobody["with_kind"], nobody["timeless"]) == ("", 1, 0, 1)
    assert {name: shop[name] for name in ("spans", "with_kind", "http_servers", "with_route")} == {
        "spans": 6,
        "with_kind": 6,
        "http_servers": 1,
        "with_route": 1,
    }
    assert (shop["data_calls"], shop["with_system"], shop["with_statement"]) == (2, 1, 1)
    assert (shop["clients"], shop["with_peer"]) == (2, 1)
    assert (shop["messages"], shop["with_destination"]) == (1, 1)
    assert (shop["errors"], shop["with_error_type"], shop["with_status"]) == (1, 1, 2)


def test_a_client_that_is_answered_needs_no_peer():
    found = read("coverage", span(1, kind="client"), span(2, 1, service="cart"))
    assert rows_of(found, "service", "clients", "with_peer") == [("cart", 0, 0), ("shop", 1, 1)]


def test_compression_and_sampling_are_counted():
    found = read("coverage", span(1, weight=10.0, dropped_children=3), query(2, 1, multiplicity=4))
    assert rows_of(found, "compressed", "stood_for", "weighted", "dropped") == [(1, 4, 1, 3)]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("SELECT * FROM carts WHERE id IN (1, 2...", 1),
        ("SELECT name FROM carts… \n", 1),
        ("SELECT 1", 0),
        ("SELECT 1.", 0),
        ("SELECT 1 ", 0),
        ("SELECT 'é", 0),
    ],
)
def test_a_statement_that_ends_in_dots_is_cut_off(text, cut):
    assert rows_of(read("coverage", query(1, 0, db_statement=text)), "truncated") == [(cut,)]
