"""This project: a partition planted once, and the facts scanned one after the other, as a pass over a dataset does."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from analysis import facts
from analysis.forest import COLUMNS as FOREST_COLUMNS
from analysis.forest import plant
from analysis.ingest.storage import read_table
from tests.benchmarks.peers.whole import NAMES

__all__ = ["columns", "make"]


def columns() -> tuple[str, ...]:
    """Return what planting and the facts read."""
    catalogue = facts.discover()
    return tuple(dict.fromkeys((*FOREST_COLUMNS, *facts.columns_of([catalogue[name] for name in NAMES]))))


def make(path: str, done: Callable[[str], None]) -> dict[str, pa.Table]:
    """Make the facts of a file, and say what is done after each step."""
    catalogue, made = facts.discover(), {}
    forest = plant(read_table(path, columns()))
    done("planting")
    for name in NAMES:
        if name == "operations":
            # Nothing else asks for it: it is computed here, to be told apart.
            assert forest.critical is not None
            done("critical path")
        made[name] = catalogue[name].scan(forest)
        done(name)
    return made
