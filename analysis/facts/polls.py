"""When services read tables without being asked: in trees that a service began itself, by a timer or in a loop.

Of each such tree the first read of a table counts. Times are kept by slots of a quarter of a second, in which up to
three can be told apart, so that this stays small and adds up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _accesses
from analysis.facts._accesses import UNKNOWN_TABLE, accesses_of
from analysis.facts._numbering import combined, firsts
from analysis.facts._table import Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "SLOT_NS", "TOLD_APART", "scan"]

COLUMNS: Final = (*_accesses.COLUMNS, "operation", "instance")
SLOT_NS: Final = 250_000_000
#: Reads of one slot whose times are known from the first, the last and the sum.
TOLD_APART: Final = 3
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that reads"),
    Field("instance", pa.string(), "key", "", "its instance; empty where the export names none"),
    Field("operation", pa.string(), "key", "", "operation of the topmost span"),
    Field("store", pa.string(), "key", "", "system, host, port and database"),
    Field("table", pa.string(), "key", "", "table, collection or index"),
    Field("slot", pa.int64(), "key", "250 ms", "slots since the epoch"),
    Field("reads", pa.int64(), "sum", "reads", "trees that read the table"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("first_ns", pa.int64(), "min", "ns since epoch", "start of the first read"),
    Field("last_ns", pa.int64(), "max", "ns since epoch", "start of the last read"),
    Field("within_ns", pa.int64(), "sum", "ns", "starts since the beginning of the slot"),
    Field("total_ns", pa.int64(), "sum", "ns", "sum of durations"),
)
_ASKED: Final = tuple(KINDS.index(name) for name in ("server", "consumer", "producer"))


def scan(forest: Forest) -> pa.Table:
    """Return the reads of one partition that nobody asked for."""
    seen = accesses_of(forest)
    service, root = forest.service.codes, forest.root
    kept = np.flatnonzero(seen.where("mode", "read") & ~seen.where("table", UNKNOWN_TABLE))
    row = seen.rows[kept]
    top = root[row]
    own = (service[row] >= 0) & (service[top] == service[row]) & ~forest.of_kind(_ASKED)[top]
    own &= forest.has_time[row] & ~forest.orphan[top]
    own &= ~forest.codes("category").equal("cache")[row]
    kept, row, top = kept[own], row[own], top[own]
    tables = seen.texts("table")
    by_start = np.argsort(forest.start[row], kind="stable")
    of_tree = combined(combined(top, seen.stores.codes[kept]), tables.codes[kept])
    chosen = np.sort(by_start[firsts(of_tree[by_start])])
    kept, row, top = kept[chosen], row[chosen], top[chosen]
    at = forest.trace_start_ns[forest.trace_of[row]] + forest.start[row]
    slot = at // SLOT_NS
    operation, instance = forest.codes("operation"), forest.codes("instance")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": Codes(service[row], forest.service.values),
                "instance": Codes(instance.codes[row], instance.values),
                "operation": Codes(operation.codes[top], operation.values),
                "store": Codes(seen.stores.codes[kept], seen.stores.values),
                "table": Codes(tables.codes[kept], tables.values),
                "slot": slot,
            },
            trace=forest.trace_of[row],
            sums={
                "reads": np.ones(len(row), np.int64),
                "first_ns": at,
                "last_ns": at,
                "within_ns": at - slot * SLOT_NS,
                "total_ns": forest.duration[row],
            },
            histograms={},
        ),
    )
