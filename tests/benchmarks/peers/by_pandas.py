"""pandas: data frames made of one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from tests.benchmarks.peers import pandas_calls, pandas_facts
from tests.benchmarks.peers.pandas_facts import Made
from tests.benchmarks.peers.pandas_paths import critical
from tests.benchmarks.peers.pandas_spans import plant
from tests.benchmarks.peers.whole import Parts

__all__ = ["as_parts", "make"]


def make(path: str, done: Callable[[str], None]) -> dict[str, Made]:
    """Make the facts of a file, and say what is done after each step."""
    planted = plant(path)
    done("planting")
    made = {}
    for name in ("requests", "visits", "pauses"):
        made[name] = getattr(pandas_facts, name)(planted)
        done(name)
    on_path = critical(planted)
    done("critical path")
    made["operations"] = pandas_facts.operations(planted, on_path)
    done("operations")
    made["coverage"] = pandas_facts.coverage(planted)
    done("coverage")
    for name in ("data_access", "calls"):
        made[name] = getattr(pandas_calls, name)(planted)
        done(name)
    return made


def as_parts(made: Mapping[str, Made]) -> dict[str, Parts]:
    """Return the facts that were made."""
    return {
        name: Parts(
            pa.Table.from_pandas(fact.rows.reset_index(names="number"), preserve_index=False),
            {column: pa.Table.from_pandas(table, preserve_index=False) for column, table in fact.histograms.items()},
            None if fact.exemplars is None else pa.Table.from_pandas(fact.exemplars, preserve_index=False),
        )
        for name, fact in made.items()
    }
