"""What requests write, on forests written by hand."""

from __future__ import annotations

from typing import Any

from analysis.facts.request_writes import parts_of
from tests.facts.rows import MS, query, read, rows_of, span, span_ids

STORE = "postgresql://db:6432/shop"


def write(number: int, parent: int, table: str, **columns: Any) -> dict[str, Any]:
    statement = f"UPDATE {table} SET a = ?"
    return query(number, parent, template=statement, db_statement=statement, **columns)


def test_the_writes_of_a_request_are_one_row_whatever_their_number():
    found = read(
        "request_writes",
        span(1, ms=100),
        write(2, 1, "carts", at=10),
        write(3, 1, "carts", at=30, ms=5),
        span(4, 1, at=50, ms=40, service="stock", operation="POST /stock"),
        write(5, 4, "levels", at=60, service="stock"),
        query(6, 1, at=95, ms=1),
    )
    assert rows_of(found, "entry_service", "entry_operation", "requests", "traces", "calls", "failed", "total_ns") == [
        ("shop", "GET /cart", 1, 1, 3, 0, 25 * MS)
    ]
    assert [parts_of(text) for text in found["writes"].iloc[0]] == [
        ("shop", STORE, "carts"),
        ("stock", STORE, "levels"),
    ]
    assert found["critical_ns"].tolist() == [25 * MS]
    assert span_ids(found["exemplars"].iloc[0]) == [(2, 3, 5)]


def test_half_done_is_what_failed_after_a_service_that_wrote_had_answered():
    def request(trace: int, *, root: str, stock: str) -> list[dict[str, Any]]:
        rows = [
            span(1, status=root),
            span(2, 1, service="stock", operation="POST /stock", status=stock),
            write(3, 2, "levels", service="stock"),
        ]
        return [{**row, "trace_id_low": trace} for row in rows]

    found = read(
        "request_writes",
        *request(1, root="error", stock="ok"),
        *request(2, root="error", stock="error"),
        *request(3, root="ok", stock="ok"),
    )
    assert rows_of(found, "requests", "traces", "failed", "half_done") == [(3, 3, 2, 1)]


def test_what_nobody_waits_for_and_caches_are_left_out():
    found = read(
        "request_writes",
        span(1),
        span(2, 1, kind="producer"),
        span(3, 2, kind="consumer", service="stock"),
        write(4, 3, "levels", service="stock"),
        query(5, 1, db_system="redis", category="cache", template="SET cart:{id}", db_statement="SET cart:1 2"),
    )
    assert found.empty
