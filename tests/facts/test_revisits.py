"""Second visits, on forests written by hand; times in ms."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.facts import merge, revisits, to_frame
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000


def span(number: int, parent: int, service: str, at: int, ms: int, kind: str, **columns: Any) -> dict[str, Any]:
    row = {"span_id": number, "parent_span_id": parent, "service": service, "kind": kind, "operation": f"op{number}"}
    return row | {"start_ns": at * MS, "duration_ns": ms * MS} | columns


def back_and_forth(trace: int = 1, **way_back: Any) -> list[dict[str, Any]]:
    """A (100 ms) calls B (80 ms), which comes back to A for 30 ms as its client sees it."""
    rows = [
        span(1, 0, "a", 0, 100, "server"),
        span(2, 1, "a", 10, 80, "client"),
        span(3, 2, "b", 12, 76, "server"),
        span(4, 3, "b", 20, 30, "client"),
        span(5, 4, "a", 22, 26, "server", **way_back),
    ]
    return [row | {"trace_id_low": trace} for row in rows]


def scan(*rows: dict[str, Any]) -> pd.DataFrame:
    return to_frame(revisits.FIELDS, merge(revisits.FIELDS, [revisits.scan(plant(span_table(rows)))]))


def test_a_second_visit_costs_what_the_call_that_comes_back_takes():
    found = scan(*back_and_forth())
    assert len(found) == 1
    row = found.iloc[0]
    assert list(row[["entry_service", "entry_operation", "path", "operation"]]) == ["a", "op1", "a → b → a", "op5"]
    assert list(row[["requests", "visits", "traces"]]) == [1, 1, 1]
    assert list(row[["total_ns", "critical_ns"]]) == [26 * MS, 30 * MS]
    # The first visit by the span that calls, the others by those that enter.
    assert row["exemplars"][0].span_ids == (f"{2:016x}", f"{3:016x}", f"{5:016x}")


def test_visits_of_one_request_are_one_occurrence():
    again = [span(6, 3, "b", 60, 10, "client"), span(7, 6, "a", 61, 8, "server", operation="op5")]
    row = scan(*back_and_forth(), *(item | {"trace_id_low": 1} for item in again)).iloc[0]
    assert list(row[["requests", "visits", "total_ns", "critical_ns"]]) == [1, 2, 34 * MS, 40 * MS]
    assert row["critical_per_request"].count == 1


def test_a_way_back_that_nobody_waits_for_is_none():
    assert scan(*back_and_forth(asynchronous=True)).empty


def test_parts_add_up_to_the_whole():
    parts = [revisits.scan(plant(span_table(back_and_forth(trace)))) for trace in (1, 2, 3)]
    whole = revisits.scan(plant(span_table([row for trace in (1, 2, 3) for row in back_and_forth(trace)])))
    assert merge(revisits.FIELDS, parts[::-1]).equals(merge(revisits.FIELDS, [whole]))
