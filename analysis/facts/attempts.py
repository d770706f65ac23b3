"""Attempts: how often callers try one logical call, and what the attempts before the last cost.

A logical call is what the caller wanted: the same span calls the same template at the same place with the same values,
again after it failed (:mod:`analysis.facts._attempts`). Most have one attempt. Attempts that have no span of their own
count where the span of another tells of them: ``http.request.resend_count``, the retries of X-Ray and of client
libraries that keep one span a call, the attempts that Envoy counts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _attempts
from analysis.facts._attempts import Attempts, attempts_of, naming
from analysis.facts._failing import MECHANISMS, has_idempotency_key, mechanism
from analysis.facts._grouping import number_of
from analysis.facts._numbering import added
from analysis.facts._once import critical_below
from analysis.facts._outgoing import first_spans, taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "FIELDS", "NAMES", "scan"]

COLUMNS: Final = _attempts.COLUMNS
#: What names a logical call; shared with the fact of gaps.
NAMES: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "operation of the request's topmost span"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the request's topmost span"),
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("operation", pa.string(), "key", "", "its operation that the call serves"),
    Field("target", pa.string(), "key", "", "service, store, peer or address that is called"),
    Field("callee_operation", pa.string(), "key", "", "operation that answered; empty where it was not seen"),
    Field("template", pa.string(), "key", "", "what is called"),
)
FIELDS: Final = (
    *NAMES,
    Field("method", pa.string(), "key", "", "HTTP method, or the first word of a statement; empty for others"),
    Field("retried", pa.bool_(), "key", "", "there was more than one attempt"),
    Field("calls", pa.int64(), "sum", "calls", "logical calls"),
    Field("attempts", pa.int64(), "sum", "attempts", "attempts of these"),
    Field("told", pa.int64(), "sum", "attempts", "of these, without a span: another tells of them"),
    Field("most", pa.int64(), "max", "attempts", "attempts of the logical call that had most"),
    Field("exhausted", pa.int64(), "sum", "calls", "logical calls of which the last attempt failed too"),
    Field(
        "uncertain", pa.int64(), "sum", "calls", "tried again after a timeout or server error: may have been done twice"
    ),
    Field("keyed", pa.int64(), "sum", "calls", "of these, every attempt carried an idempotency key"),
    Field("keys_seen", pa.int64(), "sum", "calls", "logical calls with an idempotency key on either side"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("total_ns", pa.int64(), "sum", "ns", "time of the attempts before the last"),
    Field("critical_ns", pa.int64(), "sum", "ns", "of this, on the critical path"),
    Field("critical_per_call", HISTOGRAM, "histogram", "ns", "critical_ns of each logical call that was tried again"),
    Field(
        "exemplars",
        EXEMPLARS,
        "exemplars",
        "ns",
        "by time of the attempts before the last; the attempts by start, the first thousand",
    ),
)
_VERB: Final = re.compile(r"[A-Za-z]+")
_SERVER_ERROR: Final = 500
_COUNTED: Final = re.compile(r"(?:^|;)x-envoy-attempt-count=\[?\W*(\d{1,4})", re.IGNORECASE)
_USED_UP: Final = re.compile(r"(?:^|;)response_flags=[^;]*\bURX\b", re.IGNORECASE)
#: A number beyond it is no count of attempts.
_MOST_TOLD: Final = 1000


def scan(forest: Forest) -> pa.Table:
    """Return the logical calls of one partition."""
    attempts, names = attempts_of(forest), naming(forest)
    calls, offset = attempts.calls, attempts.offset
    seen = np.diff(offset)
    one = np.ones(len(seen), np.int64)
    count = np.maximum(seen, _told(forest, attempts))
    retried = count > 1
    # All attempts but the last, each right before a later one; few calls have any.
    later, of_call = attempts.later
    before = attempts.order[later - 1]
    critical = added(of_call, critical_below(forest)[calls.rows[before]], len(seen))
    total = added(of_call, forest.duration[calls.rows[before]], len(seen))
    uncertain = np.zeros(len(seen), np.bool_)
    uncertain[of_call[_maybe_done(forest, calls.rows[before])]] = True
    with_key = _keyed(forest, attempts)
    span_offset, span_rows = first_spans(offset, calls.rows[attempts.order])
    rows = calls.rows[attempts.first]
    method = forest.codes("http_method")
    stores = forest.codes("db_system").codes[rows] >= 0
    combination, first = number_of((names.number, taken(method, rows), stores, retried), len(rows))
    tried = np.flatnonzero(retried)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **names.of(first),
                "method": _methods(taken(method, rows[first]), names.of(first)["template"], stores[first]),
                "retried": retried[first],
            },
            combination=combination,
            trace=forest.trace_of[rows],
            sums={
                "calls": one,
                "attempts": count,
                "told": count - seen,
                "most": count,
                "exhausted": retried & calls.failed[attempts.last],
                "uncertain": uncertain,
                "keyed": uncertain & (with_key == seen),
                "keys_seen": with_key > 0,
                "total_ns": total,
                "critical_ns": critical,
            },
            histograms={"critical_per_call": (critical[tried], one[tried], tried)},
            exemplar_value=total,
            span_offset=span_offset,
            span_rows=span_rows,
        ),
    )


def _told(forest: Forest, attempts: Attempts) -> npt.NDArray[np.int64]:
    """Return how many attempts of each logical call its spans tell of, its own included."""
    calls, offset = attempts.calls, attempts.offset
    evidence = forest.codes("retry_evidence")
    # The last entry is where the code -1 of a null lands.
    counted = np.array([*(_proxied(text) for text in evidence.values), 0], np.int64)
    resent = forest.array("resend_count")
    if not counted.any() and not resent.any():
        return np.zeros(len(offset) - 1, np.int64)
    told = np.where(resent > 0, resent.astype(np.int64) + 1, 0)
    told = np.minimum(np.maximum(told, counted[evidence.codes]), _MOST_TOLD)
    # The callee's span has the number that the proxy between gave the attempt that arrived.
    rows, server = calls.rows[attempts.order], calls.server[attempts.order]
    told = np.maximum(told[rows], np.where(server >= 0, told[server], 0))
    return np.maximum.reduceat(told, offset[:-1]) if len(told) else np.zeros(0, np.int64)


def _proxied(evidence: str) -> int:
    """Return the attempts that a proxy counted: ``…;x-envoy-attempt-count=3;…``.

    Without a count, retries that are used up (``response_flags=URX``) are two attempts at least.
    """
    found = _COUNTED.search(evidence)
    if found:
        return int(found.group(1))
    return 2 if _USED_UP.search(evidence) else 0


def _maybe_done(forest: Forest, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark failed attempts that may have been done all the same.

    A refused connection did nothing; a timeout or an error of the server (5xx) may have.
    """
    broke = forest.array("http_status")[rows] >= _SERVER_ERROR
    return np.asarray((mechanism(forest)[rows] == MECHANISMS.index("timeout")) | broke)


def _keyed(forest: Forest, attempts: Attempts) -> npt.NDArray[np.int64]:
    """Return how many attempts of each logical call carry an idempotency key."""
    calls, offset = attempts.calls, attempts.offset
    key = has_idempotency_key(forest)
    if not key.any():
        return np.zeros(len(offset) - 1, np.int64)
    rows, server = calls.rows[attempts.order], calls.server[attempts.order]
    carried = np.concatenate([[0], np.cumsum(key[rows] | ((server >= 0) & key[server]))])
    return np.asarray(carried[offset[1:]] - carried[offset[:-1]])


def _methods(method: Codes, template: Codes, stores: npt.NDArray[np.bool_]) -> Codes:
    """Return HTTP methods; of calls of stores without one the verb of the statement."""
    values = (*method.values, *map(_verb_of, template.values))
    of_statement = np.where(stores & (template.codes >= 0), template.codes + len(method.values), -1)
    return Codes(np.where(method.codes >= 0, method.codes, of_statement).astype(np.int32), values)


@lru_cache(maxsize=1 << 14)
def _verb_of(template: str) -> str:
    found = _VERB.match(template)
    return found.group().upper() if found else ""
