"""Calls between two clocks, and how many of them are out of step: before and after clocks are corrected.

A server works while its client waits. Where it began before the client, or ended after it, either the clocks disagree
or the client gave up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = ("service", "host", "start_ns", "duration_ns", "time_resolution_ns")
FIELDS: Final = (
    Field("caller_clock", pa.string(), "key", "", "host of the caller, else its service"),
    Field("caller_service", pa.string(), "key", "", "service of the caller"),
    Field("callee_clock", pa.string(), "key", "", "host of the callee, else its service"),
    Field("callee_service", pa.string(), "key", "", "service of the callee"),
    Field("calls", pa.int64(), "sum", "calls", "calls that the caller waits for, both sides with times"),
    Field("early", pa.int64(), "sum", "calls", "of these, begun before the caller, by the clocks as exported"),
    Field("late", pa.int64(), "sum", "calls", "of the others, ended after the caller, by the clocks as exported"),
    Field("still_early", pa.int64(), "sum", "calls", "begun before the caller, by the clocks as corrected"),
    Field(
        "still_late", pa.int64(), "sum", "calls", "of the others, ended after the caller, by the clocks as corrected"
    ),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("outside", HISTOGRAM, "histogram", "ns", "by how much those out of step are, as exported"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by how much they are out of step; caller, then callee"),
)
#: Times as exported are held here, so that sums and differences of two fit.
_LARGEST: Final = 1 << 61

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the calls between clocks of one partition."""
    clock, service = forest.clock, forest.codes("service")
    parent = forest.parent
    crossing = (parent >= 0) & forest.blocking & forest.has_time
    crossing &= forest.has_time[parent] & (clock.codes != clock.codes[parent])
    rows = np.flatnonzero(crossing)
    above = parent[rows].astype(np.int64)
    start = np.clip(forest.array("start_ns").astype(np.int64), -_LARGEST, _LARGEST)
    end = start + np.clip(forest.array("duration_ns").astype(np.int64), 0, _LARGEST)
    step = np.maximum(forest.array("time_resolution_ns", 1).astype(np.int64), 1)
    step = np.maximum(step[rows], step[above])
    early, late, outside = _out_of_step(start, end, rows, above, step)
    still_early, still_late, _ = _out_of_step(forest.start, forest.end, rows, above, step)
    spans = np.empty(2 * len(rows), np.int64)
    spans[::2], spans[1::2] = above, rows
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "caller_clock": Codes(clock.codes[above], clock.values),
                "caller_service": Codes(service.codes[above], service.values),
                "callee_clock": Codes(clock.codes[rows], clock.values),
                "callee_service": Codes(service.codes[rows], service.values),
            },
            trace=forest.trace_of[rows],
            sums={
                "calls": np.ones(len(rows), np.bool_),
                "early": early,
                "late": late,
                "still_early": still_early,
                "still_late": still_late,
            },
            histograms={"outside": (np.where(early | late, outside, -1), None)},
            exemplar_value=np.where(early | late, outside, 0),
            span_offset=np.arange(len(rows) + 1) * 2,
            span_rows=spans,
        ),
    )


def _out_of_step(
    start: Int64s, end: Int64s, rows: Int64s, above: Int64s, step: Int64s
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Int64s]:
    """Return which calls began before their caller, which others ended after it, and by how much (ns)."""
    before, after = start[above] - start[rows], end[rows] - end[above]
    early = before > step
    return early, ~early & (after > step), np.maximum(np.maximum(before, after), 0)
