"""Who owns which data, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from analysis.ownership import cohesion, coupling, ownership


def access(service: str, operation: str, table: str, mode: str, calls: int = 1, **more: Any) -> dict[str, Any]:
    row = {"service": service, "operation": operation, "store": "postgresql://db/shop", "store_system": "postgresql"}
    return {**row, "table": table, "mode": mode, "calls": calls, "confidence": 1.0, **more}


FACTS = {
    "data_access": pd.DataFrame(
        [
            access("orders", "POST /orders", "orders", "write", 8),
            access("orders", "GET /orders", "orders", "read", 5, confidence=0.6),
            access("orders", "POST /orders", "lines", "write", 1),
            access("payments", "POST /charges", "orders", "write", 2),
            access("payments", "POST /charges", "charges", "read", 3),
            access("stock", "POST /stock", "lines", "write", 1),
            access("stock", "GET /stock", "(unknown)", "read", 9),
        ]
    )
}


def test_who_writes_four_of_five_times_is_the_owner() -> None:
    rows = ownership(FACTS)[["table", "service", "reads", "writes", "owner", "confidence"]]
    assert list(rows.itertuples(index=False, name=None)) == [
        ("charges", "payments", 3, 0, "payments", 1.0),
        ("lines", "orders", 0, 1, "", 1.0),
        ("lines", "stock", 0, 1, "", 1.0),
        ("orders", "orders", 5, 8, "orders", 0.6),
        ("orders", "payments", 0, 2, "orders", 1.0),
    ]


def test_nobody_owns_a_table_called_after_another_of_its_writers() -> None:
    rows = [
        access("shipping", "POST /parcels", "orders", "write", 9),
        access("orders", "POST /orders", "orders", "write", 1),
        access("shipping", "POST /parcels", "charges", "write", 9),
        access("orders", "POST /orders", "charges", "write", 1),
    ]
    found = ownership({"data_access": pd.DataFrame(rows)})
    assert dict(zip(found["table"], found["owner"], strict=True)) == {"orders": "", "charges": "shipping"}


def test_services_are_coupled_by_the_tables_they_share() -> None:
    matrix = coupling(FACTS)
    assert list(matrix.index) == list(matrix.columns) == ["orders", "payments", "stock"]
    assert matrix.to_numpy().tolist() == [[2, 1, 1], [1, 2, 0], [1, 0, 1]]


def test_cohesion_is_what_operations_share_of_what_they_could() -> None:
    found = cohesion(FACTS)
    # Orders: {orders, lines} and {orders} share one of at most one. The others have one operation with a table.
    assert found["orders"] == 1.0
    assert math.isnan(found["payments"])
    assert math.isnan(found["stock"])
    apart = pd.DataFrame([access("shop", f"GET /{name}", name, "read") for name in ("a", "b", "c")])
    assert cohesion({"data_access": apart})["shop"] == 0.0


def test_nothing_seen_is_nothing_owned() -> None:
    nothing = {"data_access": FACTS["data_access"].iloc[:0]}
    assert ownership(nothing).empty
    assert coupling(nothing).empty
    assert cohesion(nothing).empty
