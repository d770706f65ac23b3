"""How slowness travels: for a caller's visit and the visits it waits for, how long each took, in coarse steps.

Visits whose callee failed are left out: they are told as failures. A step is half an octave: two steps are a doubling.
Counting pairs of steps lets a detector ask how often a slow callee makes a slow caller without knowing beforehand what
slow means.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis._kernels.grouping import keep_largest
from analysis._kernels.steps import fill_half_octaves
from analysis.facts._ancestry import local_entries
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._grouping import number_of
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "STEPS_AN_OCTAVE", "scan", "step"]

STEPS_AN_OCTAVE: Final = 2
COLUMNS: Final = ("service", "operation", "kind", "multiplicity", *FAILING_COLUMNS)
FIELDS: Final = (
    Field("caller_service", pa.string(), "key", "", "service that waits"),
    Field("caller_operation", pa.string(), "key", "", "its operation"),
    Field("callee_service", pa.string(), "key", "", "service that it waits for"),
    Field("callee_operation", pa.string(), "key", "", "its operation"),
    Field("caller_step", pa.int64(), "key", "", "duration of the caller's visit, in half octaves of 1 ns"),
    Field("callee_step", pa.int64(), "key", "", "longest of the callee's visits in it, in half octaves of 1 ns"),
    Field("visits", pa.int64(), "sum", "visits", "visits of the caller"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("caller_ns", pa.int64(), "sum", "ns", "durations of the caller"),
    Field("callee_ns", pa.int64(), "sum", "ns", "durations of the callee, the longest in each visit of the caller"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration of the callee; caller, then callee"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the pairs of durations of one partition."""
    entry = local_entries(forest)
    service, operation = forest.codes("service"), forest.codes("operation")
    visited = (entry == np.arange(forest.size)) & (forest.parent >= 0) & forest.blocking
    rows = np.flatnonzero(visited & forest.has_time & ~failing(forest))
    caller = entry[forest.parent[rows]]
    between = (service.codes[caller] != service.codes[rows]) & forest.has_time[caller]
    rows, caller = rows[between], caller[between]
    # Of several calls to one operation in one visit the longest counts.
    number, first = number_of(
        (caller, Codes(service.codes[rows], service.values), Codes(operation.codes[rows], operation.values)), len(rows)
    )
    keep_largest(number, forest.duration[rows], first)
    rows, caller = rows[first], caller[first].astype(np.int64)
    one = np.ones(len(rows), np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "caller_service": Codes(service.codes[caller], service.values),
                "caller_operation": Codes(operation.codes[caller], operation.values),
                "callee_service": Codes(service.codes[rows], service.values),
                "callee_operation": Codes(operation.codes[rows], operation.values),
                "caller_step": step(forest.duration[caller]),
                "callee_step": step(forest.duration[rows]),
            },
            trace=forest.trace_of[caller],
            sums={"visits": one, "caller_ns": forest.duration[caller], "callee_ns": forest.duration[rows]},
            histograms={},
            exemplar_value=forest.duration[rows],
            span_offset=np.arange(0, 2 * len(rows) + 1, 2),
            span_rows=np.stack([caller, rows], axis=1).ravel(),
        ),
    )


def step(duration_ns: np.ndarray) -> np.ndarray:
    """Return durations (ns) in half octaves of 1 ns: 0 for up to 1 ns, 20 for a microsecond, 60 for a second."""
    steps = np.empty(len(duration_ns), np.int64)
    fill_half_octaves(np.ascontiguousarray(duration_ns, np.int64), steps)
    return steps
