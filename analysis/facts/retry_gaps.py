"""Gaps between the attempts of one logical call: from the end of an attempt to the start of the next."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _attempts
from analysis.facts._attempts import attempts_of, naming
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.attempts import NAMES
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = _attempts.COLUMNS
FIELDS: Final = (
    *NAMES,
    Field("first", pa.bool_(), "key", "", "the gap between the first attempt and the second"),
    Field("gaps", pa.int64(), "sum", "gaps", "gaps"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("gap", HISTOGRAM, "histogram", "ns", "from the end of an attempt to the start of the next"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by gap; the attempts of the call, by start, the first sixteen"),
)
#: A call of a million attempts has as many gaps, each with all of them.
_MOST_SPANS: Final = 16


def scan(forest: Forest) -> pa.Table:
    """Return the gaps of one partition."""
    attempts = attempts_of(forest)
    calls, offset = attempts.calls, attempts.offset
    rows = calls.rows[attempts.order]
    count = np.diff(offset)
    later, of_call = attempts.later
    gap = np.maximum(forest.start[rows[later]] - forest.end[rows[later - 1]], 0)
    lengths = np.minimum(count, _MOST_SPANS)[of_call]
    ends = np.cumsum(lengths)
    spans = np.repeat(offset[:-1][of_call] - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **naming(forest).of(of_call),
                "first": later - offset[:-1][of_call] == 1,
            },
            trace=forest.trace_of[calls.rows[attempts.first]][of_call],
            sums={"gaps": np.ones(len(later), np.int64)},
            histograms={"gap": (gap, np.ones(len(later), np.int64))},
            exemplar_value=gap,
            span_offset=np.concatenate([[0], ends]),
            span_rows=rows[spans],
        ),
    )
