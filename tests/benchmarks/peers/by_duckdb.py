"""DuckDB: temporary tables made of one Parquet file, which live as long as the connection that is returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import duckdb

from tests.benchmarks.peers import duckdb_paths
from tests.benchmarks.peers.duckdb_calls import CALLS, DATA_ACCESS, tell_stores
from tests.benchmarks.peers.duckdb_facts import FACTS, Fact
from tests.benchmarks.peers.duckdb_spans import plant
from tests.benchmarks.peers.whole import Parts

__all__ = ["as_parts", "make"]

_FACTS: Final = {**FACTS, "data_access": DATA_ACCESS, "calls": CALLS}
_SEEN: Final = """
CREATE TEMP TABLE {name}_traces AS
SELECT number, trace, min(place) AS place, any_value(recency) AS recency FROM {relation} GROUP BY number, trace
"""
_ROWS: Final = """
CREATE TEMP TABLE {name} AS
WITH seen AS (SELECT number, count(*) AS traces FROM {name}_traces GROUP BY number)
FROM ({keys}) JOIN seen USING (number) {sums}
"""
_SUMS: Final = "JOIN (SELECT number, {sums} FROM {relation} GROUP BY number) USING (number)"
_HISTOGRAM: Final = """
CREATE TEMP TABLE {name}_{column} AS
SELECT number, {bucket} AS bucket, sum({many})::BIGINT AS count FROM {relation} GROUP BY ALL HAVING count > 0
"""
#: The first of each step, the worst, and the most recent: rows are in the order in which the first of equals is taken.
_EXEMPLARS: Final = """
CREATE TEMP TABLE {name}_exemplars AS
WITH shown AS (
    SELECT number, min(place) AS place FROM {relation} GROUP BY number, step
    UNION SELECT number, arg_max(place, value) FROM {relation} GROUP BY number
    UNION SELECT number, arg_max(place, recency) FROM {name}_traces GROUP BY number
)
SELECT number, value, trace_id_high, trace_id_low, began AS start_ns, {spans}
FROM shown JOIN {relation} USING (number, place) JOIN traces USING (trace)
"""


def make(path: str, done: Callable[[str], None]) -> duckdb.DuckDBPyConnection:
    """Make the facts of a file, and say what is done after each step."""
    database = duckdb.connect(config={"threads": 1})
    plant(database, path)
    done("planting")
    for name, fact in _FACTS.items():
        if name == "operations":
            for statement in (duckdb_paths.BELOW, duckdb_paths.STEPS, duckdb_paths.CRITICAL):
                database.execute(statement)
            done("critical path")
            database.execute(duckdb_paths.COVERED)
        elif name == "data_access":
            tell_stores(database)
        _gather(database, name, fact)
        done(name)
    return database


def _gather(database: duckdb.DuckDBPyConnection, name: str, fact: Fact) -> None:
    for statement in fact.before:
        database.execute(statement)
    shared = {"name": name, "relation": fact.relation}
    database.execute(_SEEN.format(**shared))
    sums = _SUMS.format(sums=fact.sums, relation=fact.summed or fact.relation) if fact.sums else ""
    database.execute(_ROWS.format(**shared, keys=fact.keys, sums=sums))
    for column, (bucket, many) in fact.histograms.items():
        database.execute(_HISTOGRAM.format(**shared, column=column, bucket=bucket, many=many))
    if fact.exemplars:
        spans = "span_id, other_span_id" if fact.other_span else "span_id"
        database.execute(_EXEMPLARS.format(**shared, spans=spans))


def as_parts(database: duckdb.DuckDBPyConnection) -> dict[str, Parts]:
    """Return the facts that were made."""
    return {
        name: Parts(
            database.table(name).to_arrow_table(),
            {column: database.table(f"{name}_{column}").to_arrow_table() for column in fact.histograms},
            database.table(f"{name}_exemplars").to_arrow_table() if fact.exemplars else None,
        )
        for name, fact in _FACTS.items()
    }
