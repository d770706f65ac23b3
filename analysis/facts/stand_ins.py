"""Stand-ins: what a visit calls after a dependency of it failed, and it survives all the same.

What is called then and not otherwise is a fallback; where nothing is, a default was answered or the part left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _attempts
from analysis.facts._attempts import attempts_of, naming
from analysis.facts._failing import failing
from analysis.facts._grouping import Key, number_of
from analysis.facts._numbering import sorted_within
from analysis.facts._table import EXEMPLARS, Field, Occurrences, gather
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = _attempts.COLUMNS
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that survives"),
    Field("operation", pa.string(), "key", "", "its operation"),
    Field("target", pa.string(), "key", "", "dependency that failed"),
    Field("template", pa.string(), "key", "", "what was called in vain"),
    Field("then_target", pa.string(), "key", "", "who was called after it"),
    Field("then_template", pa.string(), "key", "", "with what"),
    Field("visits", pa.int64(), "sum", "visits", "such visits"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration of the visit; the failed call, then the next"),
)
#: Of what a visit calls after a failure the first are looked at.
_MOST_LATER: Final = 64


def scan(forest: Forest) -> pa.Table:
    """Return the stand-ins of one partition."""
    attempts = attempts_of(forest)
    calls = attempts.calls
    first, last = calls.rows[attempts.first], calls.rows[attempts.last]
    visit = calls.entry[attempts.first].astype(np.int64)
    lost = np.flatnonzero(calls.failed[attempts.last] & ~failing(forest)[visit] & forest.has_time[last])
    begin_of, order = sorted_within(visit, forest.start[first], forest.size)
    begins, ends = begin_of[visit[lost]], begin_of[visit[lost] + 1]
    length = np.minimum(ends - begins, _MOST_LATER)
    owner = np.repeat(np.arange(len(lost)), length)
    offset = (
        np.repeat(ends - length, length) + np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    )
    failed, later = lost[owner], order[offset]
    template = naming(forest).every("template").codes
    after = forest.has_time[first[later]] & (forest.start[first[later]] >= forest.end[last[failed]])
    kept = np.flatnonzero(after & (template[failed] != template[later]))
    failed, later = failed[kept], later[kept]
    keys, then = naming(forest).of(failed), naming(forest).of(later)
    parts: tuple[Key, ...] = (visit[failed], keys["target"], keys["template"], then["target"], then["template"])
    _, unique = number_of(parts, len(failed))
    unique = unique[np.argsort(forest.trace_of[visit[failed[unique]]], kind="stable")]
    failed, later = failed[unique], later[unique]
    rows = visit[failed]
    keys, then = naming(forest).of(failed), naming(forest).of(later)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **{name: keys[name] for name in ("service", "operation", "target", "template")},
                "then_target": then["target"],
                "then_template": then["template"],
            },
            trace=forest.trace_of[rows],
            sums={"visits": np.ones(len(rows), np.int64)},
            histograms={},
            exemplar_value=forest.duration[rows],
            span_offset=np.arange(0, 2 * len(rows) + 1, 2),
            span_rows=np.stack([last[failed], first[later]], axis=1).ravel(),
        ),
    )
