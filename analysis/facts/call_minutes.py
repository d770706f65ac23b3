"""Calls of each service to each other, minute by minute: how many, how many failed, how, and after how long."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _outgoing
from analysis.facts._failing import MECHANISMS, kept_by_breaker, mechanism
from analysis.facts._outgoing import outgoing, taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "MINUTE_NS", "scan"]

MINUTE_NS: Final = 60_000_000_000
COLUMNS: Final = _outgoing.COLUMNS
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("target", pa.string(), "key", "", "service, peer or address that is called; stores are left out"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute in which the calls began, by the caller's clock"),
    Field("calls", pa.int64(), "sum", "calls", "calls"),
    Field("failures", pa.int64(), "sum", "calls", "of these, failed"),
    Field("timeouts", pa.int64(), "sum", "calls", "of these, by a timeout"),
    Field(
        "rejections", pa.int64(), "sum", "calls", "of those that never arrived, refused: an open breaker, no connection"
    ),
    Field(
        "kept_by_breaker", pa.int64(), "sum", "calls", "calls that an open breaker kept back, as exception or proxy say"
    ),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("failed_ns", pa.int64(), "sum", "ns", "time waited for calls that failed"),
    Field("failed", HISTOGRAM, "histogram", "ns", "durations of the calls that failed"),
    Field(
        "kept_back", HISTOGRAM, "histogram", "ns", "of these, durations of those that the callee was not seen to get"
    ),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by time waited in vain; the caller's span"),
)


def scan(forest: Forest) -> pa.Table:
    """Return the calls of one partition, by minute."""
    calls = outgoing(forest)
    store = taken(forest.codes("db_system"), calls.rows).codes >= 0
    kept = np.flatnonzero(forest.has_time[calls.rows] & ~store)
    rows, lost = calls.rows[kept], calls.failed[kept]
    how = mechanism(forest)[rows]
    began = forest.trace_start_ns[forest.trace_of[rows]] + forest.start[rows]
    alone = lost & (calls.server[kept] < 0)
    waited = np.where(lost, forest.duration[rows], 0)
    one = np.ones(len(rows), np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken(forest.codes("service"), rows),
                "target": Codes(calls.target.codes[kept], calls.target.values),
                "minute": began // MINUTE_NS,
            },
            trace=forest.trace_of[rows],
            sums={
                "calls": one,
                "failures": lost,
                "timeouts": lost & (how == MECHANISMS.index("timeout")),
                "rejections": alone & (how == MECHANISMS.index("rejection")),
                "kept_by_breaker": kept_by_breaker(forest)[rows],
                "failed_ns": waited,
            },
            histograms={
                "failed": (np.where(lost, waited, -1), None),
                "kept_back": (np.where(alone, waited, -1), None),
            },
            exemplar_value=waited,
            span_rows=rows,
        ),
    )
