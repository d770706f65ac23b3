"""Calls of every edge by sixteenth of the traces, so that a difference between two reviews can be told from chance.

A trace belongs to a sixteenth by a hash of its id, whatever partition it lies in. Sixteen totals, each of other traces,
say how much a total would vary if other requests had been recorded; calls of one trace stay together, since they are no
independent observations (the method of random groups: Wolter, Introduction to Variance Estimation, 2007, ch. 2).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts._table import HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.links import architecture

__all__ = ["COLUMNS", "FIELDS", "GROUPS", "scan"]

GROUPS: Final = 16
COLUMNS: Final = architecture.COLUMNS
FIELDS: Final = (
    Field("caller", pa.string(), "key", "", "node that calls"),
    Field("callee", pa.string(), "key", "", "node that is called"),
    Field("kind", pa.string(), "key", "", "sync, async or data"),
    Field("group", pa.int64(), "key", "", "sixteenth of the traces, from 0"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of the calls that have one"),
)
_KINDS: Final = ("sync", "async", "data")
#: Fibonacci hashing (Knuth, vol. 3, 6.4): ids that count upwards are spread as evenly as random ones.
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_TOP_BITS: Final = np.uint64(60)


def scan(forest: Forest) -> pa.Table:
    """Return the calls of one partition, by sixteenth."""
    edges = forest.edges
    names = tuple(node.id for node in edges.nodes)
    row = np.where(edges.client >= 0, edges.client, edges.server)
    many = forest.multiplicity[row]
    lows = forest.array("trace_id_low")[row].astype(np.uint64)
    group = ((lows * _SPREAD) >> _TOP_BITS).astype(np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "caller": Codes(edges.caller, names),
                "callee": Codes(edges.callee, names),
                "kind": Codes(edges.kind.astype(np.int32), _KINDS),
                "group": group,
            },
            trace=forest.trace_of[row],
            sums={"calls": many, "errors": np.where(edges.error, many, 0)},
            histograms={"latency": (np.where(edges.timed, edges.duration, -1), many)},
        ),
    )
