"""Payloads: how large answers are, in bytes and in rows, and how long they take.

A call of which caller and callee both say the size counts once, as the caller saw it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _repeated_calls
from analysis.facts._once import calls_of, critical_below
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "at_least", "scan"]

COLUMNS: Final = tuple(dict.fromkeys((*_repeated_calls.COLUMNS, "operation", "response_size", "db_rows")))
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("caller", pa.string(), "key", "", "service that asked; empty where only the callee's span was seen"),
    Field("callee", pa.string(), "key", "", "service, store, peer or address that answered"),
    Field("template", pa.string(), "key", "", "what was asked"),
    Field("rows", pa.bool_(), "key", "", "the answer is counted in rows rather than in bytes"),
    Field("at_least", pa.int64(), "key", "bytes", "size of the answer, down to 1, 2, 3 or 5 times a power of ten"),
    Field("requests", pa.int64(), "sum", "calls", "answers"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("amount", pa.int64(), "sum", "bytes or rows", "bytes, or rows"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of the calls and all below on the critical path"),
    Field("amounts", HISTOGRAM, "histogram", "bytes or rows", "bytes, or rows, of an answer"),
    Field("latency", HISTOGRAM, "histogram", "ns", "durations of the calls"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a call"),
    Field("exemplars", EXEMPLARS, "exemplars", "bytes or rows", "by bytes or rows; the call"),
)
_STEPS: Final = np.array(sorted(step * 10**power for power in range(18) for step in (1, 2, 3, 5)), np.int64)
_ANSWERING: Final = KINDS.index("server")


def scan(forest: Forest) -> pa.Table:
    """Return the payloads of one partition."""
    calls = calls_of(forest)
    size = forest.array("response_size").astype(np.int64)
    returned = forest.array("db_rows", -1).astype(np.int64)
    place = np.full(forest.size, -1, np.int64)
    place[calls.rows] = np.arange(len(calls.rows))
    by_caller = (place >= 0) & (size > 0)
    counted = (place >= 0) & (returned >= 0) & ~by_caller
    counted[calls.rows[calls.remote]] = False
    above = forest.parent
    told = (above >= 0) & by_caller[above]
    by_callee = (forest.kind == _ANSWERING) & (size > 0) & ~told
    rows = np.flatnonzero(by_caller | counted | by_callee)
    of_caller = place[rows] >= 0
    amount = np.where(counted[rows], returned[rows], size[rows])
    service, operation = forest.codes("service"), forest.codes("operation")
    target, template = calls.target, calls.template
    position = np.maximum(place[rows], 0)
    critical = critical_below(forest)[rows]
    duration = forest.duration[rows]
    one = np.ones(len(rows), np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, rows),
                "caller": Codes(np.where(of_caller, service.codes[rows], -1).astype(np.int32), service.values),
                "callee": _either(of_caller, target, position, service, rows),
                "template": _either(of_caller, template, position, operation, rows),
                "rows": counted[rows],
                "at_least": np.where(counted[rows], 0, at_least(amount)),
            },
            trace=forest.trace_of[rows],
            sums={"requests": one, "amount": amount, "critical_ns": critical},
            histograms={
                "amounts": (amount, None),
                "latency": (np.where(forest.has_time[rows], duration, -1), None),
                "critical_per_request": (critical, None),
            },
            exemplar_value=amount,
            span_rows=rows,
        ),
    )


def at_least(amount: np.ndarray) -> np.ndarray:
    """Return numbers down to 1, 2, 3 or 5 times a power of ten; 0 stays."""
    place = np.searchsorted(_STEPS, amount, side="right") - 1
    stepped: np.ndarray = np.where(amount > 0, _STEPS[np.maximum(place, 0)], 0)
    return stepped


def _either(first: np.ndarray, left: Codes, position: np.ndarray, right: Codes, rows: np.ndarray) -> Codes:
    """Return the texts of calls where ``first``, else those of rows."""
    of_calls = left.codes[position] if len(left.codes) else np.full(len(position), -1, np.int32)
    of_rows = right.codes[rows]
    shifted = np.where(of_rows >= 0, of_rows + len(left.values), -1)
    return Codes(np.where(first, of_calls, shifted).astype(np.int32), (*left.values, *right.values))
