"""Runs of one call, on forests written by hand; times in ms."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.facts import merge, sibling_runs, to_frame
from analysis.forest import plant
from tests.forests import span_table

MS = 1_000_000
ITEMS = "SELECT * FROM items WHERE id = ?"


def span(number: int, parent: int = 0, at: float = 0, ms: float = 10, **columns: Any) -> dict[str, Any]:
    row = {"service": "shop", "kind": "internal", "operation": "work", "category": "internal"}
    times = {"start_ns": int(at * MS), "duration_ns": int(ms * MS)}
    return row | {"span_id": number, "parent_span_id": parent} | times | columns


def root(ms: float = 1000, **columns: Any) -> dict[str, Any]:
    return span(1, ms=ms, **({"kind": "server", "operation": "GET /orders", "category": "http"} | columns))


def query(
    number: int, parent: int = 1, at: float = 0, ms: float = 10, value: int = 0, **columns: Any
) -> dict[str, Any]:
    of_database = {"kind": "client", "category": "database", "operation": "SELECT", "db_system": "postgresql"}
    said = {"server_address": "db", "template": ITEMS, "parameters": value, "db_statement": ITEMS}
    if value:
        said["db_statement"] = f"SELECT * FROM items WHERE id = {value}"
    return span(number, parent, at, ms, **(of_database | said | columns))


def call(number: int, parent: int = 1, at: float = 0, ms: float = 10, **columns: Any) -> dict[str, Any]:
    said = {"kind": "client", "category": "rpc", "operation": "Stock/Get", "template": "Stock/Get"}
    return span(number, parent, at, ms, **(said | {"server_address": "stock"} | columns))


def scan(*rows: dict[str, Any]) -> pd.DataFrame:
    return to_frame(sibling_runs.FIELDS, merge(sibling_runs.FIELDS, [scanned(rows)]))


def scanned(rows: Any) -> pa.Table:
    return sibling_runs.scan(plant(span_table(rows)))


def only(frame: pd.DataFrame) -> pd.Series:
    assert len(frame) == 1, frame[["template", "length", "spread", "verdict"]].to_string()
    return frame.iloc[0]


def test_a_run_of_three_says_who_calls_whom_how_often_and_at_what_cost():
    run = only(scan(root(), *(query(10 + i, at=20 * i, value=i + 1) for i in range(3))))
    names = ["entry_service", "entry_operation", "service", "operation", "template", "target", "spread", "verdict"]
    assert list(run[names]) == [
        "shop", "GET /orders", "shop", "GET /orders", ITEMS, "postgresql://db", "siblings", "distinct",
    ]  # fmt: skip
    numbers = ["length", "requests", "traces", "runs", "calls", "values", "union_ns", "critical_ns", "saving_ns"]
    assert list(run[numbers]) == [3, 1, 1, 1, 3, 3, 30 * MS, 30 * MS, 20 * MS]
    assert run["exemplars"][0].span_ids == ("000000000000000a", "000000000000000b", "000000000000000c")
    assert not run["background"]
    assert not run["concurrent"]


def test_one_call_is_no_run_and_nothing_is_none():
    assert scan(root(), query(10)).empty
    assert scan().empty


def test_a_span_that_stands_for_fifty_is_a_run_of_fifty():
    run = only(scan(root(), query(10, ms=500, value=7, multiplicity=50)))
    # The power of two at or below 50; one call of 500 / 50 = 10 ms would have saved the rest.
    assert (run["length"], run["calls"], run["verdict"]) == (32, 50, "unknown")
    assert (run["union_ns"], run["saving_ns"]) == (500 * MS, 490 * MS)


@pytest.mark.parametrize(("calls", "length"), [(16, 16), (17, 17), (31, 17), (32, 32), (63, 32), (64, 64)])
def test_lengths_are_exact_to_sixteen_then_in_steps(calls: int, length: int):
    run = only(scan(root(), *(query(10 + i, at=10 * i, value=i + 1) for i in range(calls))))
    assert (run["length"], run["calls"]) == (length, calls)


def test_an_attempt_after_a_failure_is_not_another_call():
    failed = query(11, at=10, value=2, status="error")
    run = only(scan(root(), query(10, value=1), failed, query(12, at=20, value=2), query(13, at=30, value=3)))
    assert (run["length"], run["calls"], run["retries"], run["errors"]) == (3, 4, 1, 1)


def test_attempts_of_one_call_are_a_retry():
    failed = [query(10 + i, at=10 * i, value=2, status="error") for i in range(3)]
    run = only(scan(root(), *failed, query(20, at=30, value=2)))
    assert (run["verdict"], run["length"]) == ("retry", 4)


def test_calls_that_fail_with_different_values_are_no_retry():
    run = only(scan(root(), *(query(10 + i, at=10 * i, value=i + 1, status="error") for i in range(3))))
    assert (run["verdict"], run["length"], run["retries"]) == ("distinct", 3, 0)


def test_ten_resolvers_with_a_query_each_are_one_run():
    resolvers = [span(100 + i, 1, at=20 * i, ms=15) for i in range(10)]
    run = only(scan(root(), *resolvers, *(query(200 + i, 100 + i, at=20 * i, value=i + 1) for i in range(10))))
    assert (run["spread"], run["length"]) == ("cousins", 10)


def test_resolvers_two_levels_down_are_one_run():
    outer = [span(100 + i, 1, at=20 * i, ms=15) for i in range(6)]
    inner = [span(200 + i, 100 + i, at=20 * i, ms=15) for i in range(6)]
    run = only(scan(root(), *outer, *inner, *(query(300 + i, 200 + i, at=20 * i, value=i + 1) for i in range(6))))
    assert (run["spread"], run["length"]) == ("cousins", 6)


def test_resolvers_three_levels_down_are_too_far():
    levels = [
        span(100 * level + i, 100 * (level - 1) + i if level > 1 else 1, at=20 * i, ms=15)
        for level in (1, 2, 3)
        for i in range(6)
    ]
    assert scan(root(), *levels, *(query(900 + i, 300 + i, at=20 * i, value=i + 1) for i in range(6))).empty


def test_two_handlers_with_ten_queries_each_are_two_runs_of_one_request():
    handlers = [span(100 + i, 1, at=200 * i, ms=150) for i in range(2)]
    queries = [query(200 + 20 * h + i, 100 + h, at=200 * h + 10 * i, value=i + 1) for h in range(2) for i in range(10)]
    run = only(scan(root(), *handlers, *queries))
    assert (run["spread"], run["length"], run["runs"], run["calls"], run["requests"]) == ("siblings", 10, 2, 20, 1)


def test_queries_behind_calls_to_another_service_are_that_call_s_and_no_run():
    calls = [call(100 + i, at=20 * i, ms=15) for i in range(6)]
    server = {"service": "stock", "kind": "server", "operation": "Stock/Get", "category": "rpc"}
    served = [span(200 + i, 100 + i, at=20 * i + 1, ms=12, **server) for i in range(6)]
    queries = [query(300 + i, 200 + i, at=20 * i + 2, ms=5, value=i + 1, service="stock") for i in range(6)]
    run = only(scan(root(), *calls, *served, *queries))
    assert (run["category"], run["target"], run["length"], run["transitive"]) == ("rpc", "stock", 6, 6)
    assert (run["paired"], run["client_ns"], run["server_ns"]) == (6, 90 * MS, 72 * MS)
    assert run["critical_ns"] == 90 * MS


def test_a_pattern_takes_the_names_of_its_parts_and_a_loop_after_it_is_another_run():
    turns = [query(100 + i, at=10 * i, value=i + 1, template=f"SELECT {'ab'[i % 2]}") for i in range(8)]
    after = [query(200 + i, at=100 + 10 * i, value=i + 1) for i in range(5)]
    frame = scan(root(), *turns, *after).set_index("template")
    assert dict(frame["spread"]) == {"SELECT a; SELECT b": "pattern", ITEMS: "siblings"}
    assert dict(frame["length"]) == {"SELECT a; SELECT b": 4, ITEMS: 5}
    assert dict(frame["runs"]) == {"SELECT a; SELECT b": 2, ITEMS: 1}


def test_a_round_with_two_of_a_kind_is_no_pattern():
    names = "aabaabaab"
    turns = [query(100 + i, at=10 * i, value=i + 1, template=f"SELECT {name}") for i, name in enumerate(names)]
    frame = scan(root(), *turns).set_index("template")
    assert dict(frame["length"]) == {"SELECT a": 6, "SELECT b": 3}
    assert set(frame["spread"]) == {"siblings"}


def test_the_same_question_after_long_pauses_is_polling():
    run = only(scan(root(ms=5000), *(query(10 + i, at=500 * i, ms=5, value=4) for i in range(5))))
    assert run["verdict"] == "polling"


def test_equal_values_are_identical_only_where_none_is_hidden():
    assert only(scan(root(), *(query(10 + i, at=10 * i, value=4) for i in range(3))))["verdict"] == "identical"
    hidden = [query(10 + i, at=10 * i, value=4, db_statement=f"{ITEMS} LIMIT 4") for i in range(3)]
    assert only(scan(root(), *hidden))["verdict"] == "unknown"


def test_calls_at_once_to_many_places_are_a_scatter_and_to_one_are_not():
    away = [call(10 + i, at=i, ms=50, server_address=f"shard-{i}", peer_service="index") for i in range(4)]
    assert only(scan(root(), *away))["verdict"] == "scatter"
    one = only(scan(root(), *(call(10 + i, at=i, ms=50) for i in range(4))))
    assert (one["verdict"], one["concurrent"]) == ("unknown", True)
    # From 0 to 3 + 50; the last call is what the request waits for.
    assert one["union_ns"] == 53 * MS


def test_nodes_of_a_cluster_are_one_target_and_hosts_of_other_systems_are_not():
    nodes = [query(10 + i, at=10 * i, db_system="cassandra", server_address=f"10.0.0.{i}") for i in range(4)]
    run = only(scan(root(), *nodes))
    assert (run["target"], run["length"]) == ("cassandra://", 4)
    assert scan(root(), *(query(10 + i, at=10 * i, server_address=f"10.0.0.{i}") for i in range(4))).empty


def test_what_nobody_waits_for_is_in_the_background():
    assert only(scan(root(kind="internal"), *(query(10 + i, at=10 * i) for i in range(2))))["background"]
    handled = span(5, 1, at=10, ms=500, kind="consumer", service="mailer")
    queries = [query(10 + i, 5, at=20 + 10 * i, service="mailer") for i in range(2)]
    behind = only(scan(root(), handled, *queries))
    assert behind["background"]
    assert behind["critical_ns"] == 0


def test_calls_without_a_parent_stand_alone_and_those_of_a_missing_one_stand_together():
    assert scan(*(query(10 + i, 0, at=10 * i, value=i + 1) for i in range(4))).empty
    lost = only(scan(*(query(10 + i, 99, at=10 * i, value=i + 1) for i in range(4))))
    assert (lost["length"], lost["operation"], lost["entry_operation"]) == (4, "", "")


def test_spans_without_times_are_counted_and_cost_nothing():
    run = only(scan(root(), *(query(10 + i, start_ns=None, duration_ns=None, value=i + 1) for i in range(3))))
    assert (run["length"], run["union_ns"], run["critical_ns"]) == (3, 0, 0)


def test_a_cache_aside_loop_is_a_pattern_of_the_database():
    def cached(number: int, at: float, verb: str) -> dict[str, Any]:
        return query(number, at=at, category="cache", db_system="redis", template=f"{verb} ?", db_statement=f"{verb} ?")

    rounds = [
        row
        for i in range(4)
        for row in (cached(100 + i, 30 * i, "GET"), query(200 + i, at=30 * i + 10), cached(300 + i, 30 * i + 20, "SET"))
    ]
    run = only(scan(root(), *rounds))
    assert (run["spread"], run["category"], run["template"]) == ("pattern", "database", f"GET ?; {ITEMS}; SET ?")


def test_the_read_right_before_is_named_and_a_write_is_not():
    first = query(5, at=0, ms=4, template="SELECT id FROM orders")
    loop = [query(10 + i, at=10 + 10 * i, value=i + 1) for i in range(3)]
    assert only(scan(root(), first, *loop))["source"] == "SELECT id FROM orders"
    written = first | {"template": "UPDATE orders SET seen = ?"}
    assert only(scan(root(), written, *loop))["source"] == ""


def test_wide_and_deep_shapes_are_walked_without_recursion():
    wide = [query(10 + i, at=i / 1000, ms=0.001, value=i + 1) for i in range(20_000)]
    run = only(scan(root(), *wide))
    assert (run["calls"], len(run["exemplars"][0].span_ids)) == (20_000, 1000)
    deep = [query(2 + i, 1 + i, ms=1000, value=i + 1) for i in range(20_000)]
    assert scan(root(), *deep).empty


TRACE = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 60), st.integers(0, 20), st.sampled_from("abq"), st.integers(0, 2)),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(TRACE, min_size=1, max_size=4))
def test_traces_scanned_apart_add_up_to_those_scanned_together(traces: list[list[tuple[int, int, int, str, int]]]):
    apart = []
    for number, spans in enumerate(traces, 1):
        rows = [root(trace_id_low=number)]
        for index, (parent, at, ms, what, value) in enumerate(spans):
            make = span if what == "a" else call if what == "b" else query
            extra = {} if what != "q" else {"value": value}
            rows.append(make(10 + index, parent and parent + 8, at, ms, trace_id_low=number, **extra))
        apart.append(rows)
    fields = sibling_runs.FIELDS
    together = merge(fields, [scanned([row for rows in apart for row in rows])])
    one_by_one = merge(fields, [scanned(rows) for rows in reversed(apart)])
    assert together.equals(one_by_one)
    calls = sum(what != "a" for spans in traces for _, _, _, what, _ in spans)
    assert sum(together["calls"].to_pylist()) <= calls
