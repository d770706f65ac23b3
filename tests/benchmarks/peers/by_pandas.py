"""pandas: data frames made of one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from tests.benchmarks.peers import pandas_calls, pandas_facts
from tests.benchmarks.peers.frames import make_each
from tests.benchmarks.peers.pandas_facts import Made
from tests.benchmarks.peers.pandas_paths import critical
from tests.benchmarks.peers.pandas_spans import plant
from tests.benchmarks.peers.whole import Parts

__all__ = ["as_parts", "make"]


def make(path: str, done: Callable[[str], None]) -> dict[str, Made]:
    """Make the facts of a file, and say what is done after each step."""
    return make_each(plant(path), critical, pandas_facts, pandas_calls, done)


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
