from __future__ import annotations

from tests.facts.rows import MS, query, read, rows_of, span

COLUMNS = ("peer", "peer_is_name", "calls", "unanswered", "unanswered_ns")


def client(number: int, ms: float = 10, **columns):
    return span(number, 1, ms=ms, kind="client", **columns)


def test_a_call_is_answered_by_a_span_of_the_callee():
    found = read(
        "callees",
        span(1),
        client(2, server_address="cart"),
        span(3, 2, service="cart"),
        client(4, ms=30, server_address="cart", multiplicity=2),
    )
    assert rows_of(found, *COLUMNS) == [("cart", False, 3, 2, 30 * MS)]
    assert found.latency[0].count == 2


def test_a_name_goes_before_an_address_and_may_be_missing():
    found = read("callees", span(1), client(2, server_address="10.0.0.1", peer_service="cart"), client(3))
    assert rows_of(found, *COLUMNS) == [("", False, 1, 1, 10 * MS), ("cart", True, 1, 1, 10 * MS)]


def test_steps_of_a_connection_are_no_calls():
    call = client(2, server_address="loki")
    found = read("callees", span(1), call, span(3, 2, kind="client", name="dns.lookup", server_address="172.22.0.6"))
    assert rows_of(found, *COLUMNS) == [("loki", False, 1, 1, 10 * MS)]


def test_stores_are_no_callees():
    assert read("callees", span(1), query(2, 1)).empty
