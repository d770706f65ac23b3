"""Pauses: the time from the beginning of a visit to its first child, second by second, for each copy of a service.

Where nothing records waits for a connection or a worker, this is where they hide. A row holds a minute; the histograms
hold second of the minute (0 to 59), counted in what their units say.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._ancestry import local_entries
from analysis.facts._outgoing import taken
from analysis.facts._spread import MINUTE_S, SECOND_NS, began_ns
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "instance", "kind")
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service"),
    Field("instance", pa.string(), "key", "", "its running copy; empty where the export names none"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute in which the visits began"),
    Field("visits", pa.int64(), "sum", "visits", "visits that have a child"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("pause_count", HISTOGRAM, "histogram", "visits by second", "these visits"),
    Field("pause_ns", HISTOGRAM, "histogram", "ns by second", "from the beginning of these to their first child"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by pause; the visit"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the pauses of one partition."""
    visits = np.flatnonzero((local_entries(forest) == np.arange(forest.size)) & forest.has_time)
    visits = visits[np.diff(forest.child_offset)[visits] > 0]
    firsts = forest.child[forest.child_offset[visits]].astype(np.int64)
    timed = forest.has_time[firsts]
    visits, firsts = visits[timed], firsts[timed]
    pause = np.maximum(forest.start[firsts] - forest.start[visits], 0)
    second = began_ns(forest, visits) // SECOND_NS
    one = np.ones(len(visits), np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken(forest.codes("service"), visits),
                "instance": taken(forest.codes("instance"), visits),
                "minute": second // MINUTE_S,
            },
            trace=forest.trace_of[visits],
            sums={"visits": one},
            histograms={
                "pause_count": (second % MINUTE_S, None),
                "pause_ns": (second % MINUTE_S, pause),
            },
            exemplar_value=pause,
            span_rows=visits,
        ),
    )
