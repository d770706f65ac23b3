"""Fan-outs: spans that call other services twice or more, how many callees they have, and what the slowest costs.

Calls that failed are not counted: what follows them is mostly another attempt. Nor are messages: nobody waits for
those who receive them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _repeated_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._numbering import added, combined, firsts, sorted_within
from analysis.facts._once import calls_of, critical_below, listed, waited
from analysis.facts._series import count_overlaps
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = tuple(dict.fromkeys((*_repeated_calls.COLUMNS, "operation")))
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("background", pa.bool_(), "key", "", "no user waits for the span, or it handles a message"),
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("operation", pa.string(), "key", "", "its operation that the calls serve"),
    Field("fan", pa.int64(), "key", "calls", "calls of the span: exact to 32, then the power of two below"),
    Field("callees", pa.int64(), "key", "services", "distinct callees of the span"),
    Field("requests", pa.int64(), "sum", "spans", "spans that fan out so"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("calls", pa.int64(), "sum", "calls", "their calls"),
    Field("templates", pa.int64(), "sum", "templates", "distinct templates of the calls of each span"),
    Field(
        "penalty_ns", pa.int64(), "sum", "ns", "of calls at once, the longest, if on the critical path, less the median"
    ),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of the calls and all below on the critical path"),
    Field("calls_per_request", HISTOGRAM, "histogram", "calls", "calls of a span"),
    Field("penalty_per_request", HISTOGRAM, "histogram", "ns", "penalty_ns of a span"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a span"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by critical_ns; the calls by start"),
)
_EXACT: Final = 32
_PRODUCER: Final = KINDS.index("producer")


def scan(forest: Forest) -> pa.Table:
    """Return the fan-outs of one partition."""
    calls = calls_of(forest)
    above = calls.above[calls.rows].astype(np.int64)
    chosen = np.flatnonzero(
        calls.remote & (above >= 0) & ~forest.error[calls.rows] & (forest.kind[calls.rows] != _PRODUCER)
    )
    above = above[chosen]
    size = np.bincount(above, weights=forest.multiplicity[calls.rows[chosen]], minlength=1)
    several = size[above] >= 2 if len(above) else np.zeros(0, bool)
    chosen, above = chosen[several], above[several]
    rows = calls.rows[chosen]
    # The numbers follow the rows, and with them the traces, as gathering wants it.
    span = combined(above, np.zeros(len(above), np.int64))
    first = firsts(span)
    parent = above[first]
    count = len(first)
    many = added(span, forest.multiplicity[rows], count)
    critical = critical_below(forest)[rows]
    total = added(span, critical, count)
    by_start = sorted_within(span, forest.start_rank[rows], count)[1]
    overlaps = np.zeros(count, np.int64)
    count_overlaps(span[by_start], forest.start[rows[by_start]], forest.end[rows[by_start]], overlaps)
    at_once = 2 * overlaps >= np.bincount(span, minlength=count)[:count] - 1
    penalty = np.where(at_once, _penalties(span, forest.duration[rows], critical, count), 0)
    consumer = forest.codes("kind").equal("consumer")
    entry = local_entries(forest)[parent]
    service, operation = forest.codes("service"), forest.codes("operation")
    one = np.ones(count, np.int64)
    span_offset, span_rows = listed(span[by_start], rows[by_start], count)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, parent),
                "background": ~waited(forest)[parent] | consumer[entry] | consumer[forest.root[parent]],
                "service": Codes(service.codes[parent], service.values),
                "operation": Codes(operation.codes[entry], operation.values),
                "fan": _stepped(many),
                "callees": _distinct(span, calls.target.codes[chosen], count),
            },
            trace=forest.trace_of[parent],
            sums={
                "requests": one,
                "calls": many,
                "templates": _distinct(span, combined(calls.template.codes[chosen], calls.target.codes[chosen]), count),
                "penalty_ns": penalty,
                "critical_ns": total,
            },
            histograms={
                "calls_per_request": (many, one),
                "penalty_per_request": (penalty, one),
                "critical_per_request": (total, one),
            },
            exemplar_value=total,
            span_offset=span_offset,
            span_rows=span_rows,
        ),
    )


def _distinct(group: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Count the distinct values of each group."""
    if not len(group):
        return np.zeros(count, np.int64)
    return np.bincount(group[firsts(combined(group, values))], minlength=count).astype(np.int64)


def _penalties(span: np.ndarray, duration: np.ndarray, critical: np.ndarray, count: int) -> np.ndarray:
    """Return for each span its longest call less the lower median, where the longest is on the critical path."""
    offset, order = sorted_within(span, duration, count)
    begins, ends = offset[:-1], offset[1:]
    ordered = duration[order]
    longest, median = ends - 1, begins + (ends - begins - 1) // 2
    waits = critical[order][longest] > 0
    penalty: np.ndarray = np.where(waits, ordered[longest] - ordered[median], 0).astype(np.int64)
    return penalty


def _stepped(fan: np.ndarray) -> np.ndarray:
    """Keep numbers to 32, and of larger ones 33 or the power of two at or below them: few steps, few rows."""
    power = np.int64(1) << np.floor(np.log2(np.maximum(fan, 1))).astype(np.int64)
    return np.where(fan <= _EXACT, fan, np.maximum(power, _EXACT + 1))
