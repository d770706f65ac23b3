"""Two facts with all that their rows hold, from this project and from its peers: the same table, to the last exemplar.

The questions of :mod:`tests.benchmarks.peers` ask for a few sums. Here a peer makes the rows of a fact as they are
stored: keys, sums, distinct traces, the histogram that adds up over partitions, and the traces kept as examples. Left
out is ``critical_ns``: the critical path is a walk, for which no peer has an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

from analysis import facts
from analysis.forest import COLUMNS as FOREST_COLUMNS
from analysis.forest import plant
from tests.benchmarks.whole_duckdb import by_duckdb
from tests.benchmarks.whole_pandas import by_pandas
from tests.benchmarks.whole_polars import by_polars

__all__ = ["COLUMNS", "WHOLE", "fact_columns", "without_walks"]

NAMES: Final = ("operations", "requests")
#: What the other peers read.
COLUMNS: Final = (
    "trace_id_high", "trace_id_low", "span_id", "parent_span_id", "service", "operation", "kind", "status",
    "category", "start_ns", "duration_ns", "multiplicity", "weight",
)  # fmt: skip
_WALKS: Final = frozenset({"critical_ns"})


def fact_columns() -> tuple[str, ...]:
    """Return what the facts read."""
    catalogue = facts.discover()
    return tuple(dict.fromkeys((*FOREST_COLUMNS, *facts.columns_of([catalogue[name] for name in NAMES]))))


def by_facts(table: pa.Table) -> dict[str, pa.Table]:
    """Make the facts as a pass does."""
    forest, catalogue = plant(table), facts.discover()
    return {name: catalogue[name].scan(forest) for name in NAMES}


def without_walks(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Return facts as all peers make them: the same columns and types, in order of the keys."""
    catalogue, shown = facts.discover(), {}
    for name, table in tables.items():
        fields = [item for item in catalogue[name].FIELDS if item.name not in _WALKS]
        schema = pa.schema([(item.name, item.type) for item in fields])
        ordered = table.select(schema.names).cast(schema)
        keys = [(item.name, "ascending") for item in fields if item.role == "key"]
        shown[name] = ordered.sort_by(keys).combine_chunks()
    return shown


WHOLE: Final[dict[str, Callable[[pa.Table], dict[str, pa.Table]]]] = {
    "facts": by_facts,
    "DuckDB": by_duckdb,
    "Polars": by_polars,
    "pandas": by_pandas,
}
