from __future__ import annotations

import pytest

from tests.facts.rows import MS, query, read, rows_of, span


def test_time_of_an_operation_is_its_own_where_no_child_covers_it():
    # Two queries of 30 ms overlap by 10: they cover 50 of 100 ms. The one that ends last is on the critical path from
    # its start on, the other before.
    found = read("operations", span(1, ms=100), query(2, 1, at=10, ms=30), query(3, 1, at=30, ms=30))
    columns = ("operation", "entry", "spans", "total_ns", "self_ns")
    assert rows_of(found, *columns) == [
        ("GET /cart", True, 1, 100 * MS, 50 * MS),
        ("SELECT carts", False, 2, 60 * MS, 60 * MS),
    ]
    assert found.critical_ns.sum() == 100 * MS


def test_a_compressed_span_counts_as_often_as_it_stands_for():
    found = read("operations", span(1, ms=100), query(2, 1, ms=50, multiplicity=5, status="error"))
    assert rows_of(found, "operation", "spans", "errors", "traces") == [
        ("GET /cart", 1, 0, 1),
        ("SELECT carts", 5, 5, 1),
    ]
    assert found.latency[1].count == 5


def test_one_operation_at_the_top_and_below_is_two_rows():
    found = read("operations", span(1, ms=80), span(2, 1, ms=20), span(1, ms=40, trace_id_low=2))
    assert rows_of(found, "entry", "spans", "traces", "total_ns") == [(False, 1, 1, 20 * MS), (True, 2, 2, 120 * MS)]
    # The median of 40 and 80 ms lies halfway; each is within 1/128.
    assert found.latency[1].percentile(0.5) == pytest.approx(60 * MS, rel=1 / 128)
