"""The service graph: what it holds, what is measured, and where nodes stand."""

import random
import subprocess
import sys

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis._histogram import Histogram
from analysis.graph import (
    communities,
    cycles,
    feedback_edges,
    grouped,
    layered,
    matrix_order,
    measures,
    service_graph,
)
from analysis.graph._rows import nearest_in_order


def calls_table(*rows):
    """Build a table of calls of (caller, callee, kind, calls) with further columns as a mapping."""
    plain = []
    for caller, callee, kind, calls, *more in rows:
        row = {"caller": caller, "callee": callee, "kind": kind, "calls": calls, "errors": 0, "traces": calls}
        plain.append(row | (more[0] if more else {}))
    return pd.DataFrame(plain)


EDGES = st.dictionaries(
    st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("abcdefghij")), st.integers(1, 100), max_size=30
)


def test_a_store_with_the_name_of_a_service_is_another_node():
    graph = service_graph(
        calls_table(
            ("shop", "redis", "data", 3, {"caller_kind": "service", "callee_kind": "cache"}),
            ("redis", "shop", "sync", 2, {"caller_kind": "service", "callee_kind": "service"}),
        )
    )
    assert list(graph) == ["redis", "redis (cache)", "shop"]
    assert list(graph.edges(keys=True)) == [("redis", "shop", "sync"), ("shop", "redis (cache)", "data")]


def test_services_that_no_call_touches_are_nodes_with_their_spans():
    operations = pd.DataFrame(
        {"service": ["alone", "alone", "shop"], "spans": [4, 6, 1], "errors": [1, 0, 0], "operation": ["a", "b", "c"]}
    )
    graph = service_graph(calls_table(("shop", "cart", "sync", 1)), operations)
    assert {node: graph.nodes[node]["spans"] for node in graph} == {"alone": 10, "cart": 0, "shop": 1}
    assert graph.nodes["alone"]["errors"] == 1


def test_percentiles_come_from_the_histogram_and_else_from_the_table():
    seven_ms = Histogram.from_values(np.full(10, 7_000_000))
    graph = service_graph(
        calls_table(
            ("a", "b", "sync", 10, {"latency": seven_ms}),
            ("a", "c", "sync", 10, {"latency": None, "p50_ms": 2.5}),
        )
    )
    # A bucket of the histogram is within 1/128 of the values in it.
    assert graph.edges["a", "b", "sync"]["p95_ms"] == pytest.approx(7, rel=1 / 128)
    assert graph.edges["a", "c", "sync"]["p50_ms"] == 2.5
    assert graph.edges["a", "c", "sync"]["p95_ms"] is None


def test_the_order_of_rows_makes_no_difference():
    rows = [(a, b, "sync", 1 + ord(a) % 5) for a in "abcdef" for b in "bdf"]
    graphs = []
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        graph = service_graph(calls_table(*rows))
        graphs.append((list(graph.edges(keys=True, data="calls")), communities(graph), matrix_order(graph)))
    assert graphs[0] == graphs[1] == graphs[2]


def test_only_synchronous_calls_make_a_cycle():
    graph = service_graph(calls_table(("a", "b", "sync", 1), ("b", "a", "async", 1), ("b", "c", "sync", 1)))
    assert cycles(graph) == []
    graph.add_edge("c", "b", key="sync", calls=1)
    assert cycles(graph) == [("b", "c")]


def test_the_lightest_edge_of_a_circle_is_turned_round():
    assert feedback_edges({("a", "b"): 10, ("b", "c"): 10, ("c", "a"): 1, ("c", "d"): 5}) == {("c", "a")}


@given(EDGES)
def test_without_its_feedback_edges_a_graph_has_no_cycle(weights):
    against = feedback_edges(weights)
    rest = nx.DiGraph([pair for pair in weights if pair not in against and pair[0] != pair[1]])
    assert nx.is_directed_acyclic_graph(rest)
    assert all(nx.has_path(nx.DiGraph(list(weights)), callee, caller) for caller, callee in against)


@given(EDGES)
def test_callers_stand_before_callees_and_nodes_apart(weights):
    layout = layered("abcdefghij", weights)
    assert set(layout.places) == set("abcdefghij")
    for caller, callee in layout.routes:
        first, last = layout.places[caller][0], layout.places[callee][0]
        assert (first > last) if (caller, callee) in layout.reversed_edges else (first < last)
        route = layout.routes[caller, callee]
        assert (route[0], route[-1]) == (layout.places[caller], layout.places[callee])
        # One point in every layer on the way.
        assert [layer for layer, _ in route] == list(np.linspace(first, last, int(abs(last - first)) + 1))
    rows: dict[float, list[float]] = {}
    for layer, row in layout.places.values():
        rows.setdefault(layer, []).append(row)
    for of_layer in rows.values():
        assert all(
            second - first >= 0.999 for first, second in zip(sorted(of_layer), sorted(of_layer)[1:], strict=False)
        )


def test_the_layout_does_not_depend_on_the_seed_of_hashes():
    program = (
        "from analysis.graph import layered\n"
        "weights = {(f's{a}', f's{(a * 7 + b) % 23}'): 1 + a for a in range(23) for b in (1, 3)}\n"
        "print(sorted(layered([], weights).places.items()))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_places_keep_their_order_and_come_as_near_as_it_allows():
    # Both would stand at 5: they share the mean of 5 and 5 - 1, half a row to either side of it.
    assert nearest_in_order([5, 5], [1, 1], [0, 1], 10) == [4.5, 5.5]
    # The band ends at 0: the pair moves down.
    assert nearest_in_order([0, 0], [1, 1], [0, 1], 10) == [0, 1]
    # Already in order: nothing moves.
    assert nearest_in_order([1, 7, 9], [1, 1, 1], [0, 1, 2], 10) == [1, 7, 9]


def test_two_circles_joined_by_one_call_are_two_communities():
    triangles = [(a, b, "sync", 100) for part in ("abc", "xyz") for a in part for b in part if a < b]
    graph = service_graph(calls_table(*triangles, ("c", "x", "sync", 1)))
    assert communities(graph) == [("a", "b", "c"), ("x", "y", "z")]
    assert matrix_order(graph) == [("a", "b", "c"), ("x", "y", "z")]


def test_groups_add_their_edges_up():
    graph = service_graph(
        calls_table(("a", "b", "sync", 5), ("a", "x", "sync", 2), ("b", "x", "sync", 3), ("x", "y", "sync", 7))
    )
    whole = grouped(graph, {"a": "ab", "b": "ab"})
    assert list(whole.edges(keys=True, data="calls")) == [("ab", "x", "sync", 5), ("x", "y", "sync", 7)]
    assert whole.nodes["ab"]["inside_calls"] == 5
    assert whole.nodes["ab"]["members"] == ("a", "b")


def test_measures_of_a_hand_worked_graph():
    table = measures(
        service_graph(
            calls_table(("a", "b", "sync", 5), ("c", "b", "sync", 1), ("b", "d", "async", 2), ("a", "a", "sync", 9))
        )
    ).set_index("node")
    assert table.loc["b", ["callers", "callees", "calls_in", "calls_out"]].tolist() == [2, 1, 6, 2]
    assert table.loc["b", "instability"] == pytest.approx(1 / 3)
    assert table.loc["b", "criticality"] == 2
    assert table.loc["a", "instability"] == 1.0
    assert table["layer"].to_dict() == {"a": 0, "b": 1, "c": 0, "d": 2}
    assert set(table["cycle"]) == {-1}


def test_an_empty_table_gives_an_empty_graph():
    empty = calls_table(("a", "b", "sync", 1)).iloc[:0]
    graph = service_graph(empty)
    assert graph.number_of_nodes() == 0
    assert measures(graph).empty
    assert matrix_order(graph) == []
