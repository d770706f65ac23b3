"""What stores and tables are called."""

from __future__ import annotations

import pytest

from analysis.stores import ambiguous, host_name, likeness, located, named_like, schema_of, server_of, store_id


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("postgresql", "DB.internal", 5432, "shop"), "postgresql://db.internal/shop"),
        (("postgresql", "db", 6432, "shop"), "postgresql://db:6432/shop"),
        (("redis", "", 0, ""), "redis://"),
        (("", "db", 0, ""), "database://db"),
        (("mysql", "", 0, "", "Orders-DB"), "mysql://orders-db"),
        (("mysql", "", 0, "shop", "orders-db"), "mysql:///shop"),
        (("postgresql", "db.shop.svc.cluster.local", 5432, "shop"), "postgresql://db.shop/shop"),
        (("postgresql", "db.shop.svc", 0, "shop"), "postgresql://db.shop/shop"),
        (("postgresql", "db.internal.", 0, "shop"), "postgresql://db.internal/shop"),
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
    ("address", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("", True),
        ("/var/run/postgresql", True),
        ("host.docker.internal", True),
        ("db", False),
        ("10.0.0.1", False),
    ],
)
def test_an_address_that_every_host_has_is_ambiguous(address: str, expected: bool) -> None:
    assert ambiguous(address) is expected


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("DB.Shop.svc.cluster.local.", "db.shop"),
        # Which namespace a bare name is said in is not known, and another cluster's ending is another cluster.
        ("db", "db"),
        ("db.svc", "db.svc"),
        ("db.shop.svc.west.example", "db.shop.svc.west.example"),
        ("pg-0.pg.shop.svc.cluster.local", "pg-0.pg.shop"),
    ],
)
def test_a_cluster_names_one_host_in_several_ways(address: str, name: str) -> None:
    assert host_name(address) == name


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("postgresql://db/shop", "postgresql://db:6432/shop", "db and db:6432 are one host by two ports"),
        ("postgresql://db/shop", "postgresql://pgbouncer/shop", "pgbouncer is a pool of connections by its name"),
        (
            "mysql://x.cluster-abc.eu.rds.amazonaws.com/shop",
            "mysql://x.cluster-ro-abc.eu.rds.amazonaws.com/shop",
            "x.cluster-ro-abc.eu.rds.amazonaws.com is a copy for reading by its name",
        ),
        ("mysql://db/shop", "mysql://db.shop/shop", "db may be short for db.shop"),
        ("mysql://db/shop", "mysql://10.0.0.7/shop", "10.0.0.7 may be the address of db"),
        ("mongodb://mongo-0/shop", "mongodb://mongo-1/shop", "mongo-0 and mongo-1 may be nodes of one set"),
        (
            "mongodb://mongo-0.db/shop",
            "mongodb://mongo-1.db/shop",
            "mongo-0.db and mongo-1.db may be nodes of one set",
        ),
        # Two servers of their own; two addresses; another database, another system, no address at all.
        ("postgresql://orders-db/shop", "postgresql://ledger-db/shop", ""),
        ("mysql://10.0.0.7/shop", "mysql://10.0.0.8/shop", ""),
        ("mysql://db/shop", "mysql://db-replica/billing", ""),
        ("mysql://db/shop", "postgresql://db-replica/shop", ""),
        ("mysql:///shop", "mysql://db/shop", ""),
        ("mysql://db/shop", "mysql://db/shop", ""),
        # `ro` and `pool` within words.
        ("mysql://db/shop", "mysql://rome/shop", ""),
        ("mysql://db/shop", "mysql://liverpool/shop", ""),
    ],
)
def test_why_two_stores_may_be_one(one: str, other: str, why: str) -> None:
    assert likeness(one, other) == why
    assert likeness(other, one) == why


@pytest.mark.parametrize(
    ("table", "services", "found"),
    [
        ("orders", ["orders", "shipping"], "orders"),
        ("orders", ["OrderService", "shipping"], "OrderService"),
        ("sales.order_lines", ["order-api", "billing"], "order-api"),
        ("categories", ["category-svc"], "category-svc"),
        ("orders", ["order-history", "shipping"], ""),
        ("orders", ["order-api", "order-worker"], ""),
        ("orders", ["service", "shipping"], ""),
        ("", ["orders"], ""),
    ],
)
def test_a_table_is_called_after_the_service_whose_words_it_has(table: str, services: list[str], found: str) -> None:
    assert named_like(table, services) == found
