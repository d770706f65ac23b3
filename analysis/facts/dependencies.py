"""Dependencies: how often a visit calls each of its callees, and how often it fails when they do.

A dependency failed in a visit if the last attempt of some logical call to it failed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _attempts
from analysis.facts._attempts import attempts_of, naming
from analysis.facts._failing import failing
from analysis.facts._grouping import number_of
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.facts.attempts import NAMES
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = _attempts.COLUMNS
FIELDS: Final = (
    *NAMES,
    Field("failed", pa.bool_(), "key", "", "the dependency failed in these visits"),
    Field("visit_failed", pa.bool_(), "key", "", "these visits failed themselves"),
    Field("visits", pa.int64(), "sum", "visits", "visits that called the dependency"),
    Field("requests_failed", pa.int64(), "sum", "visits", "of these, in requests whose topmost span failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "durations of the visits"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration of the visit; the visit, then its last call"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the dependencies of one partition."""
    attempts = attempts_of(forest)
    calls = attempts.calls
    lost = calls.failed[attempts.last]
    # Calls of one visit have the rest of what names them in common.
    number, first = number_of((calls.entry[attempts.first], naming(forest).number), len(lost))
    failed = np.zeros(len(first), np.bool_)
    failed[number[lost]] = True
    shown = attempts.last[first]
    # Of several calls one that failed is shown.
    shown[number[lost]] = attempts.last[lost]
    visit = calls.entry[attempts.first[first]]
    order = np.argsort(forest.trace_of[visit], kind="stable")
    first, visit, failed, shown = first[order], visit[order], failed[order], shown[order]
    failing_rows = failing(forest)
    one = np.ones(len(first), np.bool_)
    combination, examples = number_of((naming(forest).number[first], failed, failing_rows[visit]), len(first))
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **naming(forest).of(first[examples]),
                "failed": failed[examples],
                "visit_failed": failing_rows[visit[examples]],
            },
            combination=combination,
            trace=forest.trace_of[visit],
            sums={
                "visits": one,
                "requests_failed": failing_rows[forest.root[visit]],
                "total_ns": forest.duration[visit],
            },
            histograms={},
            exemplar_value=forest.duration[visit],
            span_offset=np.arange(0, 2 * len(first) + 1, 2),
            span_rows=np.stack([visit, calls.rows[shown]], axis=1).ravel(),
        ),
    )
