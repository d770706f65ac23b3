from __future__ import annotations

from analysis.facts.data_access import UNKNOWN_TABLE
from tests.facts.rows import MS, query, read, rows_of, span


def test_a_statement_counts_once_for_each_table_it_touches():
    join = "SELECT * FROM carts JOIN items ON items.cart = carts.id WHERE carts.id = ?"
    found = read("data_access", span(1, ms=100), query(2, 1, ms=4, template=join, db_statement=join), query(3, 1, ms=6))
    assert rows_of(found, "service", "operation", "store", "table", "mode", "method", "calls", "total_ns") == [
        ("shop", "GET /cart", "postgresql://db:6432/shop", "carts", "read", "parsed", 2, 10 * MS),
        ("shop", "GET /cart", "postgresql://db:6432/shop", "items", "read", "parsed", 1, 4 * MS),
    ]


def test_the_operation_is_the_nearest_through_which_the_service_was_entered():
    found = read(
        "data_access",
        span(1, operation="GET /home"),
        span(2, 1, service="cart", operation="GET /carts/{id}"),
        span(3, 2, service="cart", kind="internal", operation="load"),
        query(4, 3, service="cart"),
    )
    assert rows_of(found, "service", "operation") == [("cart", "GET /carts/{id}")]


def test_what_the_instrumentation_names_goes_before_the_statement():
    found = read(
        "data_access",
        span(1),
        query(2, 1, db_collection="baskets", template=None, db_statement=None, db_operation="UPDATE"),
        query(3, 1, db_system="redis", category="cache", template=None, db_statement="x", db_operation=None),
    )
    assert rows_of(found, "store_system", "table", "mode", "method", "confidence") == [
        ("postgresql", "baskets", "write", "named", 1.0),
        ("redis", UNKNOWN_TABLE, "unknown", "none", 0.0),
    ]


def test_two_layers_of_one_call_are_one_access():
    found = read("data_access", span(1), query(2, 1, ms=9), query(3, 2, ms=7))
    assert rows_of(found, "calls", "total_ns") == [(1, 7 * MS)]


def test_a_failed_call_that_stands_for_several_is_as_many_errors():
    found = read("data_access", span(1), query(2, 1, multiplicity=4, status="error"), query(3, 1))
    assert rows_of(found, "calls", "errors", "traces") == [(5, 4, 1)]


def test_of_a_cache_the_prefix_of_its_keys_takes_the_place_of_the_table():
    pipeline = "HGETALL cart:{id}; EXPIRE cart:{id}; MGET product:{id} product:BED-{id}"
    cached = {"db_system": "redis", "category": "cache", "db_statement": "as below", "db_namespace": None}
    found = read(
        "data_access", span(1), query(2, 1, template=pipeline, **cached), query(3, 1, template="PING", **cached)
    )
    assert rows_of(found, "table", "mode", "method", "calls") == [
        (UNKNOWN_TABLE, "unknown", "none", 1),
        ("cart", "read", "parsed", 1),
        ("cart", "write", "parsed", 1),
        ("product", "read", "parsed", 1),
    ]


def test_two_layers_that_stand_side_by_side_are_one_access():
    found = read("data_access", span(1), query(2, 1, at=1, ms=9, scope="mapper"), query(3, 1, at=2, ms=7, scope="pg"))
    assert rows_of(found, "calls", "total_ns") == [(1, 7 * MS)]


def test_a_statement_and_the_span_beside_it_that_has_its_time_are_one_access():
    beside = {"template": "query", "db_statement": None, "db_operation": "query"}
    found = read("data_access", span(1), query(2, 1, at=1, ms=0.05), query(3, 1, at=1.06, ms=9, **beside))
    assert rows_of(found, "table", "calls") == [("carts", 1)]
