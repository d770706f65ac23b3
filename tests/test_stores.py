"""What stores and tables are called."""

from __future__ import annotations

import pytest

from analysis.stores import ambiguous, located, schema_of, server_of, store_id


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("postgresql", "DB.internal", 5432, "shop"), "postgresql://db.internal/shop"),
        (("postgresql", "db", 6432, "shop"), "postgresql://db:6432/shop"),
        (("redis", "", 0, ""), "redis://"),
        (("", "db", 0, ""), "database://db"),
        (("mysql", "", 0, "", "Orders-DB"), "mysql://orders-db"),
        (("mysql", "", 0, "shop", "orders-db"), "mysql:///shop"),
        (("cassandra", "10.0.0.7", 9042, "shop", "node-7"), "cassandra:///shop"),
    ],
)
def test_a_store_is_named_by_what_is_known(parts: tuple[str, str, int, str], name: str) -> None:
    assert store_id(*parts) == name


@pytest.mark.parametrize(
    ("store", "table", "same"),
    [
        ("postgresql://db/shop", "orders", ("postgresql://db/shop", "orders")),
        ("postgresql://db/shop", "public.orders", ("postgresql://db/shop", "orders")),
        ("postgresql://db/shop", "shop.public.orders", ("postgresql://db/shop", "orders")),
        ("postgresql://db/shop", "shop.orders", ("postgresql://db/shop", "shop.orders")),
        ("postgresql://db/shop|sales", "orders", ("postgresql://db/shop", "sales.orders")),
        ("postgresql://db/shop|sales", "audit.orders", ("postgresql://db/shop", "audit.orders")),
        ("microsoft.sql_server://db/shop", "dbo.orders", ("microsoft.sql_server://db/shop", "orders")),
        ("mysql://db/shop", "billing.invoices", ("mysql://db/billing", "invoices")),
        ("mysql://db", "billing.invoices", ("mysql://db/billing", "invoices")),
        ("mongodb://db/shop", "system.orders", ("mongodb://db/shop", "system.orders")),
    ],
)
def test_two_spellings_of_a_table_are_one(store: str, table: str, same: tuple[str, str]) -> None:
    assert located(store, table) == same


def test_the_server_and_the_schema_of_a_table() -> None:
    assert server_of("postgresql://db:6432/shop") == "postgresql://db:6432"
    assert server_of("redis://") == "redis://"
    assert schema_of("postgresql://db/shop", "sales.orders") == "postgresql://db/shop/sales"
    assert schema_of("postgresql://db/shop", "orders") == "postgresql://db/shop"


@pytest.mark.parametrize(
    ("address", "expected"), [("localhost", True), ("127.0.0.1", True), ("", True), ("db", False), ("10.0.0.1", False)]
)
def test_an_address_that_every_host_has_is_ambiguous(address: str, expected: bool) -> None:
    assert ambiguous(address) is expected
