"""Which services use a table together in one trace, on forests written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.facts import merge, table_use, to_frame
from analysis.forest import plant
from tests.forests import span_table

Row = tuple[str, str, str, tuple[str, ...], int]


def query(trace: int, number: int, service: str | None, statement: str, **columns: Any) -> dict[str, Any]:
    of_database = {"category": "database", "kind": "client", "db_system": "postgresql", "server_address": "db"}
    said = {"db_namespace": "shop", "db_statement": statement, "template": statement, "operation": "query"}
    times = {"start_ns": number, "duration_ns": 1}
    return {"trace_id_low": trace, "span_id": number, "service": service, **of_database, **said, **times, **columns}


def rows_of(*tables: Any) -> set[Row]:
    frame = to_frame(table_use.FIELDS, merge(table_use.FIELDS, tables))
    return {tuple(row) for row in frame[["grain", "store", "table", "users", "traces"]].itertuples(index=False)}


ROWS = [
    query(1, 1, "orders", "UPDATE sales.orders SET a = ?"),
    query(1, 2, "orders", "UPDATE sales.orders SET b = ?"),
    query(1, 3, "reports", "SELECT a FROM sales.orders"),
    query(2, 4, "orders", "UPDATE sales.orders SET a = ?"),
    query(3, 5, "orders", "SELECT a FROM stock"),
]


def test_a_trace_counts_once_for_each_table_schema_and_server() -> None:
    both = ("read reports", "write orders")
    assert rows_of(table_use.scan(plant(span_table(ROWS)))) == {
        ("table", "postgresql://db/shop", "sales.orders", both, 1),
        ("table", "postgresql://db/shop", "sales.orders", ("write orders",), 1),
        ("table", "postgresql://db/shop", "stock", ("read orders",), 1),
        ("schema", "postgresql://db/shop/sales", "", both, 1),
        ("schema", "postgresql://db/shop/sales", "", ("write orders",), 1),
        ("schema", "postgresql://db/shop", "", ("read orders",), 1),
        ("server", "postgresql://db", "", both, 1),
        ("server", "postgresql://db", "", ("write orders",), 1),
        ("server", "postgresql://db", "", ("read orders",), 1),
    }


@pytest.mark.parametrize("cut", range(1, 4))
def test_partitions_add_up_to_the_whole(cut: int) -> None:
    parts = [
        table_use.scan(plant(span_table(part)))
        for part in (
            [row for row in ROWS if row["trace_id_low"] <= cut],
            [row for row in ROWS if row["trace_id_low"] > cut],
        )
    ]
    assert rows_of(*parts) == rows_of(*reversed(parts)) == rows_of(table_use.scan(plant(span_table(ROWS))))


def test_what_is_not_known_is_left_out() -> None:
    hidden = query(1, 1, "orders", "", db_statement=None, template="SELECT shop", db_operation="SELECT")
    nobody = query(1, 2, None, "SELECT a FROM stock")
    assert rows_of(table_use.scan(plant(span_table([hidden, nobody])))) == set()


def test_of_very_many_users_some_are_named() -> None:
    crowd = [query(1, 1 + index, f"service-{index:03}", "SELECT a FROM stock") for index in range(100)]
    [users] = [row[3] for row in rows_of(table_use.scan(plant(span_table(crowd)))) if row[0] == "table"]
    assert users == tuple(f"read service-{index:03}" for index in range(64))
