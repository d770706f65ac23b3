"""Dependencies of visits, on forests written by hand."""

from __future__ import annotations

from typing import Any

from analysis.facts import dependencies, merge, to_frame
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000


def visit(*, failed: bool, trace: int = 1) -> dict[str, Any]:
    said = {"service": "web", "kind": "server", "operation": "GET /product", "category": "http"}
    ended = {"status": "error", "http_status": 500} if failed else {"status": "unset", "http_status": 200}
    return {"span_id": 1, "trace_id_low": trace, "start_ns": 0, "duration_ns": 500 * MS} | said | ended


def call(number: int, at: int, *, failed: bool, trace: int = 1) -> dict[str, Any]:
    said = {"service": "web", "kind": "client", "category": "http", "operation": "GET", "template": "GET /estimate"}
    where = {"server_address": "shipping", "http_status": 500 if failed else 200}
    times = {"start_ns": at * MS, "duration_ns": 10 * MS, "status": "error" if failed else "unset"}
    return {"span_id": number, "parent_span_id": 1, "trace_id_low": trace} | said | where | times


def counted(*rows: dict[str, Any]) -> list[tuple[bool, bool, int, int]]:
    frame = to_frame(
        dependencies.FIELDS, merge(dependencies.FIELDS, [dependencies.scan(plant(span_table(list(rows))))])
    )
    columns = ["failed", "visit_failed", "visits", "requests_failed"]
    return list(frame[columns].itertuples(index=False, name=None))


def test_a_visit_that_fails_with_its_dependency() -> None:
    assert counted(visit(failed=True), call(2, 10, failed=True)) == [(True, True, 1, 1)]


def test_a_dependency_that_works_at_the_second_attempt_did_not_fail() -> None:
    assert counted(visit(failed=True), call(2, 10, failed=True), call(3, 40, failed=False)) == [(False, True, 1, 1)]


def test_visits_are_counted_once_however_many_calls_they_make() -> None:
    rows = [visit(failed=False), call(2, 10, failed=False), call(3, 40, failed=False), call(4, 70, failed=True)]
    assert counted(*rows) == [(True, False, 1, 0)]


def test_visits_of_several_traces_add_up() -> None:
    rows = [*(visit(failed=False, trace=t) for t in (1, 2)), *(call(2, 10, failed=False, trace=t) for t in (1, 2))]
    assert counted(*rows) == [(False, False, 2, 0)]
    assert counted() == []
