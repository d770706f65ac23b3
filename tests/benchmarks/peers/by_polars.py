"""Polars: data frames made of one Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.benchmarks.peers import polars_calls, polars_facts
from tests.benchmarks.peers.frames import make_each
from tests.benchmarks.peers.polars_facts import Made
from tests.benchmarks.peers.polars_paths import critical
from tests.benchmarks.peers.polars_spans import plant
from tests.benchmarks.peers.whole import Parts

__all__ = ["as_parts", "make"]


def make(path: str, done: Callable[[str], None]) -> dict[str, Made]:
    """Make the facts of a file, and say what is done after each step."""
    return make_each(plant(path), critical, polars_facts, polars_calls, done)


def as_parts(made: Mapping[str, Made]) -> dict[str, Parts]:
    """Return the facts that were made."""
    return {
        name: Parts(
            fact.rows.to_arrow(),
            {column: table.to_arrow() for column, table in fact.histograms.items()},
            None if fact.exemplars is None else fact.exemplars.to_arrow(),
        )
        for name, fact in made.items()
    }
