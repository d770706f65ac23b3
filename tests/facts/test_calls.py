from __future__ import annotations

from tests.facts.rows import MS, query, read, rows_of, span, span_ids


def test_a_call_of_which_both_halves_were_seen_has_the_time_of_its_client():
    found = read(
        "calls",
        span(1, ms=100),
        span(2, 1, at=10, ms=50, kind="client", operation="GET"),
        span(3, 2, at=20, ms=30, service="cart", status="error"),
    )
    call = found[found.caller == "shop"]
    assert rows_of(call, "callee", "kind", "caller_kind", "callee_kind", "calls", "errors", "paired") == [
        ("cart", "sync", "service", "service", 1, 1, 1)
    ]
    assert rows_of(call, "total_ns", "client_ns", "server_ns") == [(50 * MS, 50 * MS, 30 * MS)]
    assert span_ids(call.exemplars.iloc[0]) == [(2, 3)]
    assert rows_of(found[found.callee == "shop"], "caller", "caller_kind", "calls") == [("user", "user", 1)]


def test_a_call_to_a_store_has_one_half():
    found = read("calls", span(1, ms=100), query(2, 1, ms=5, multiplicity=3), query(3, 1, at=10, ms=7))
    stored = found[found.kind == "data"]
    assert rows_of(stored, "caller", "callee", "callee_kind", "calls", "paired", "total_ns", "client_ns") == [
        ("shop", "postgresql://db:6432/shop", "database", 4, 0, 12 * MS, 0)
    ]
    assert stored.latency.iloc[0].count == 4
