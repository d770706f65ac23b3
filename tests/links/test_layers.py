"""Split instrumentation: two spans side by side for one call to a store."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.forest import plant
from analysis.links.layers import layers_of
from tests.forests import span_table

MS = 1_000_000
MAPPER, DRIVER = {"scope": "mapper"}, {"scope": "driver"}


def root(**columns: Any) -> dict[str, Any]:
    return {"span_id": 1, "service": "shop", "kind": "server", "start_ns": 0, "duration_ns": 100 * MS} | columns


def query(number: int, at: float, ms: float, **columns: Any) -> dict[str, Any]:
    """Return a call of a store under the root; times in ms."""
    text = "SELECT a FROM t WHERE b = ?"
    says = {"category": "database", "db_system": "postgresql", "db_statement": text, "template": text}
    times = {"start_ns": int(at * MS), "duration_ns": int(ms * MS)}
    return {"span_id": number, "parent_span_id": 1, "service": "shop", "kind": "client"} | says | times | columns


def joined(*rows: dict[str, Any]) -> tuple[dict[int, int], dict[int, int]]:
    """Return layers around, and spans with the time, by the span id of the call."""
    forest = plant(span_table([root(), *rows]))
    found = layers_of(forest)
    ids = forest.array("span_id").tolist()
    around, timed = (
        {ids[row]: ids[other] for row, other in enumerate(part.tolist()) if other >= 0}
        for part in (found.around, found.timed)
    )
    extra = {ids[row] for row in found.extra.nonzero()[0]}
    assert extra == {*around.values(), *timed.values()}
    return around, timed


def test_a_mapper_beside_its_driver_is_one_call():
    assert joined(query(2, 10, 9, **MAPPER), query(3, 11, 7, **DRIVER)) == ({3: 2}, {})


def test_each_mapper_stands_around_one_call_though_they_run_at_once():
    rows = [query(2, 10, 20, **MAPPER), query(3, 10.1, 20, **MAPPER)]
    rows += [query(4, 10.2, 19, **DRIVER), query(5, 10.3, 19, **DRIVER)]
    assert joined(*rows) == ({4: 3, 5: 2}, {})


def test_three_layers_are_one_call():
    rows = [query(2, 10, 20, **MAPPER), query(3, 11, 18, scope="pool"), query(4, 12, 16, **DRIVER)]
    assert joined(*rows) == ({3: 2, 4: 3}, {})


def test_times_of_whole_milliseconds_may_end_one_apart():
    coarse = {"time_resolution_ns": MS}
    assert joined(query(2, 10, 5, **MAPPER, **coarse), query(3, 10, 6, **DRIVER, **coarse)) == ({3: 2}, {})


def test_without_scopes_the_names_tell_layers_apart():
    assert joined(query(2, 10, 9, operation="SELECT shop"), query(3, 11, 7, operation="SELECT")) == ({3: 2}, {})


@pytest.mark.parametrize(
    "second",
    [
        query(3, 11, 7, **MAPPER),
        query(3, 19.5, 7, **DRIVER),
        query(3, 11, 7, **DRIVER, template="SELECT other"),
        query(3, 11, 7, **DRIVER, db_system="mysql"),
        query(3, 11, 7, **DRIVER, service="cart"),
        query(3, 11, 7, **DRIVER, multiplicity=3),
        query(3, 11, 7, **DRIVER, parent_span_id=0),
        query(3, 11, 7, **DRIVER, category="http"),
    ],
    ids=["one layer", "ends later", "statement", "system", "service", "stands for several", "parent", "no store"],
)
def test_two_calls_are_two(second: dict[str, Any]):
    assert joined(query(2, 10, 9, **MAPPER), second) == ({}, {})


def test_a_statement_of_no_time_takes_the_time_of_the_span_beside_it():
    bare = {"db_statement": None, "template": "query"}
    assert joined(query(2, 10, 0.05), query(3, 10.06, 9, **bare)) == ({}, {2: 3})
    assert joined(query(2, 10, 0.05), query(3, 12, 9, **bare)) == ({}, {})
    assert joined(query(2, 10, 5), query(3, 15, 9, **bare)) == ({}, {})


def test_a_connection_taken_before_a_query_is_no_call():
    connect = query(2, 10, 1, db_statement=None, template="connect", operation="connect")
    forest = plant(span_table([root(), connect, query(3, 11, 9), connect | {"span_id": 4, "start_ns": 30 * MS}]))
    marked = forest.array("span_id")[layers_of(forest).extra].tolist()
    # What nobody queries after is all that is seen of the store.
    assert marked == [2]


@pytest.mark.parametrize(
    ("other", "opens"),
    [
        ({"db_system": "redis", "category": "cache"}, False),
        ({"server_address": "archive"}, False),
        ({"server_address": "db"}, True),
        ({"server_address": None, "db_system": None}, True),
    ],
)
def test_a_connection_to_another_store_is_a_call_of_its_own(other, opens):
    connect = query(2, 10, 1, db_statement=None, template="connect", operation="connect", **other)
    forest = plant(span_table([root(), connect, query(3, 11, 9, server_address="db")]))
    assert bool(layers_of(forest).extra.any()) is opens
