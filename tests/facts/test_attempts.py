"""Attempts of one logical call and the gaps between them, on forests written by hand; times in ms."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.facts import attempts, merge, retry_gaps, to_frame
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000


def root(**columns: Any) -> dict[str, Any]:
    said = {"service": "orders", "kind": "server", "operation": "POST /orders", "category": "http"}
    return {"span_id": 1, "start_ns": 0, "duration_ns": 1000 * MS} | said | columns


def call(number: int, at: float, ms: float = 10, *, failed: bool = False, **columns: Any) -> dict[str, Any]:
    said = {
        "service": "orders",
        "kind": "client",
        "category": "http",
        "operation": "POST",
        "template": "POST /payments",
    }
    where = {"server_address": "payments", "http_method": "POST", "http_status": 502 if failed else 200}
    times = {"start_ns": int(at * MS), "duration_ns": int(ms * MS), "status": "error" if failed else "unset"}
    return {"span_id": number, "parent_span_id": 1} | said | where | times | columns


def served(number: int, parent: int, at: float, service: str = "payments") -> dict[str, Any]:
    said = {"service": service, "kind": "server", "category": "http", "operation": "POST /payments"}
    return {"span_id": number, "parent_span_id": parent, "start_ns": int(at * MS), "duration_ns": 5 * MS} | said


def scan(fact: Any, *tables: list[dict[str, Any]]) -> pd.DataFrame:
    return to_frame(fact.FIELDS, merge(fact.FIELDS, [fact.scan(plant(span_table(rows))) for rows in tables]))


def first_gap(rows: list[dict[str, Any]], *, first: bool) -> float:
    gaps = scan(retry_gaps, rows)
    [gap] = gaps.loc[gaps["first"] == first, "gap"]
    median: float = gap.percentile(0.5)
    return median


def tried(frame: pd.DataFrame) -> list[tuple[bool, int, int]]:
    return list(frame[["retried", "calls", "attempts"]].itertuples(index=False, name=None))


def test_three_attempts_are_one_call_and_two_gaps() -> None:
    rows = [root(), call(2, 10, failed=True), call(3, 25, failed=True), call(4, 135)]
    [made] = scan(attempts, rows).to_dict("records")
    assert (made["calls"], made["attempts"], made["most"], made["exhausted"], made["uncertain"]) == (1, 3, 3, 0, 1)
    assert (made["total_ns"], made["critical_ns"]) == (20 * MS, 20 * MS)
    assert made["exemplars"][0].span_ids == ("0000000000000002", "0000000000000003", "0000000000000004")
    # From 20 to 25 and from 35 to 135 ms; histograms keep 1/128.
    for gap, wanted in ((first_gap(rows, first=True), 5 * MS), (first_gap(rows, first=False), 100 * MS)):
        assert abs(gap - wanted) <= wanted / 128


def test_a_call_after_a_success_is_another_call() -> None:
    assert tried(scan(attempts, [root(), call(2, 10), call(3, 30)])) == [(False, 2, 2)]


def test_calls_that_overlap_are_no_attempts() -> None:
    assert tried(scan(attempts, [root(), call(2, 10, failed=True), call(3, 15, failed=True)])) == [(False, 2, 2)]


def test_in_a_loop_over_hidden_values_only_what_says_so_was_sent_again() -> None:
    loop = [root(), call(2, 10, failed=True), call(3, 30), call(4, 50)]
    assert tried(scan(attempts, loop)) == [(False, 3, 3)]
    marked = [root(), call(2, 10, failed=True), call(3, 30, resend_count=1), call(4, 50)]
    assert tried(scan(attempts, marked)) == [(False, 1, 1), (True, 1, 2)]


def test_other_values_and_other_places_are_other_calls() -> None:
    values = [root(), call(2, 10, failed=True, parameters=1), call(3, 30, failed=True, parameters=2)]
    assert tried(scan(attempts, values)) == [(False, 2, 2)]
    places = [root(), call(2, 10, failed=True), call(3, 30, failed=True, server_address="payments-2")]
    assert scan(attempts, places)["attempts"].tolist() == [1, 1]


def test_an_attempt_that_never_arrived_has_the_name_of_who_answered_the_next() -> None:
    address: dict[str, Any] = {"server_address": "10.0.0.7"}
    rows = [root(), call(2, 10, failed=True, **address), call(3, 30, **address), served(4, 3, 31)]
    [made] = scan(attempts, rows).to_dict("records")
    assert (made["target"], made["callee_operation"], made["attempts"]) == ("payments", "POST /payments", 2)


def test_inside_a_library_s_span_the_attempts_are_the_inner_ones() -> None:
    outer = call(2, 10, 100)
    rows = [root(), outer, call(3, 12, parent_span_id=2, failed=True), call(4, 40, parent_span_id=2)]
    assert tried(scan(attempts, rows)) == [(True, 1, 2)]


def test_keys_make_a_repetition_safe_and_a_refused_connection_is_none() -> None:
    key: dict[str, Any] = {"retry_evidence": "idempotency-key"}
    keyed = [root(), call(2, 10, failed=True, **key), call(3, 30, **key)]
    [made] = scan(attempts, keyed).to_dict("records")
    assert (made["uncertain"], made["keyed"], made["keys_seen"]) == (1, 1, 1)
    refused: dict[str, Any] = {"http_status": None, "error_type": "ConnectionRefusedError"}
    [made] = scan(attempts, [root(), call(2, 10, failed=True, **refused), call(3, 30)]).to_dict("records")
    assert (made["attempts"], made["uncertain"]) == (2, 0)


def test_thousands_of_attempts_are_counted_and_a_few_are_shown() -> None:
    rows = [root(), *(call(2 + number, 20 * number, failed=True) for number in range(3000))]
    [made] = scan(attempts, rows).to_dict("records")
    assert (made["attempts"], made["most"], len(made["exemplars"][0].span_ids)) == (3000, 3000, 1000)
    gaps = scan(retry_gaps, rows)
    assert gaps["gaps"].sum() == 2999
    assert max(len(shown.span_ids) for cell in gaps["exemplars"] for shown in cell) == 16


def test_traces_of_several_partitions_add_up_and_nothing_is_nothing() -> None:
    rows = [root(), call(2, 10, failed=True), call(3, 25)]
    other = [row | {"trace_id_low": 2} for row in rows]
    pd.testing.assert_frame_equal(
        scan(attempts, rows, other).drop(columns=["critical_per_call"]),
        scan(attempts, [*rows, *other]).drop(columns=["critical_per_call"]),
    )
    assert scan(attempts, []).empty
    assert scan(retry_gaps, []).empty


def test_attempts_without_a_span_of_their_own_count_where_another_tells_of_them() -> None:
    # X-Ray keeps one span a call and says how often it was tried again; a proxy counts what it sent.
    for row, attempts_made in (
        (call(2, 10, resend_count=2), 3),
        (call(2, 10, retry_evidence="response_flags=URX;x-envoy-attempt-count=4"), 4),
        (call(2, 10, retry_evidence="response_flags=UF,URX"), 2),
    ):
        [made] = scan(attempts, [root(), row]).to_dict("records")
        assert (made["retried"], made["calls"], made["attempts"], made["told"]) == (
            True,
            1,
            attempts_made,
            attempts_made - 1,
        )
    arrived = [root(), call(2, 10), served(3, 2, 11) | {"retry_evidence": "x-envoy-attempt-count=2"}]
    assert tried(scan(attempts, arrived)) == [(True, 1, 2)]


def test_attempts_that_are_all_there_are_not_told_twice() -> None:
    rows = [root(), call(2, 10, failed=True), call(3, 30, resend_count=1)]
    [made] = scan(attempts, rows).to_dict("records")
    assert (made["attempts"], made["told"]) == (2, 0)
