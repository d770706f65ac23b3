"""Calls second by second: how many there were, from how many requests, how many failed, how many were tries again.

Requests themselves are rows without a caller, so that a rush of calls can be held against a rush of requests. Seconds
are those of the corrected clock; a row holds a minute of them. The histograms hold second of the minute (0 to 59),
counted in what their units say.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis._kernels.grouping import find_smallest
from analysis.facts import _attempts
from analysis.facts._attempts import attempts_of
from analysis.facts._failing import failing
from analysis.facts._grouping import number_of
from analysis.facts._numbering import together_by
from analysis.facts._outgoing import taken
from analysis.facts._spread import MINUTE_S, SECOND_NS, began_ns
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = _attempts.COLUMNS
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service that calls; empty for requests themselves"),
    Field("target", pa.string(), "key", "", "service, store, peer or address that is called"),
    Field("template", pa.string(), "key", "", "what is called; of a request its operation"),
    Field("kind", pa.string(), "key", "", "service, store, or the span kind of the request's topmost span"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute in which they began, by the caller's clock"),
    Field("calls", pa.int64(), "sum", "calls", "calls, every attempt counted"),
    Field("asked_cache", pa.int64(), "sum", "calls", "of these, the visit had asked a cache before"),
    Field(
        "behind_batch",
        pa.int64(),
        "sum",
        "calls",
        "of these, in requests that nobody waits for (jobs, messages), or whose beginning is missing",
    ),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("by_second", HISTOGRAM, "histogram", "calls by second", "calls that began"),
    Field("requests", HISTOGRAM, "histogram", "requests by second", "distinct requests in which one began"),
    Field("failures", HISTOGRAM, "histogram", "calls by second", "of the calls, failed"),
    Field("retries", HISTOGRAM, "histogram", "calls by second", "of the calls, another attempt of one before"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by duration; the caller's span"),
)
_BATCH: Final = [KINDS.index(kind) for kind in ("internal", "consumer", "producer")]
_CACHES: Final = ("redis", "memcached", "valkey", "keydb", "dragonfly", "hazelcast")


def scan(forest: Forest) -> pa.Table:
    """Return the calls of one partition, by second."""
    attempts = attempts_of(forest)
    calls = attempts.calls
    again = np.zeros(len(calls.rows), np.bool_)
    again[attempts.order] = True
    again[attempts.first] = False
    kept = np.flatnonzero(forest.has_time[calls.rows])
    rows, lost, tried = calls.rows[kept], calls.failed[kept], again[kept]
    asked = _asked_cache(forest, calls.rows, calls.entry.astype(np.int64))[kept]
    top = np.flatnonzero((forest.root == np.arange(forest.size)) & forest.has_time)
    failed = failing(forest)

    both = np.concatenate([rows, top])
    order = together_by(both, forest.size)[1]
    is_call = (np.arange(len(both)) < len(rows))[order]
    both = both[order]
    service = np.where(is_call, forest.codes("service").codes[both], -1).astype(np.int32)
    target = _joined(Codes(calls.target.codes[kept], calls.target.values), taken(forest.codes("service"), top), order)
    template = _joined(
        Codes(calls.template.codes[kept], calls.template.values), taken(forest.codes("operation"), top), order
    )
    second = began_ns(forest, both) // SECOND_NS
    lost = np.concatenate([lost, failed[top]])[order]
    tried = np.concatenate([tried, np.zeros(len(top), np.bool_)])[order]
    asked = np.concatenate([asked, np.zeros(len(top), np.bool_)])[order]
    within = second % MINUTE_S
    key = (service, target, template, forest.root[both].astype(np.int64), second)
    _, first = number_of(tuple(part if isinstance(part, Codes) else np.asarray(part) for part in key), len(both))
    one = np.ones(len(both), np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": Codes(service, forest.codes("service").values),
                "target": target,
                "template": template,
                "kind": _kinds(forest, both, is_call),
                "minute": second // MINUTE_S,
            },
            trace=forest.trace_of[both],
            sums={
                "calls": one,
                "asked_cache": asked,
                "behind_batch": forest.orphan[forest.root[both]] | forest.of_kind(_BATCH)[forest.root[both]],
            },
            histograms={
                "by_second": (within, one),
                "requests": _at(within, first),
                "failures": _at(within, np.flatnonzero(lost)),
                "retries": _at(within, np.flatnonzero(tried)),
            },
            exemplar_value=forest.duration[both],
            span_offset=np.arange(len(both) + 1),
            span_rows=both,
        ),
    )


def _at(second: np.ndarray, occurrences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a histogram of some occurrences, each counted once."""
    return second[occurrences], np.ones(len(occurrences), np.int64), occurrences


def _asked_cache(forest: Forest, rows: np.ndarray, visit: np.ndarray) -> np.ndarray:
    """Mark the calls before which their visit had asked a cache."""
    system = forest.codes("db_system")
    cache = system.marked([code for code, name in enumerate(system.values) if name in _CACHES])[rows]
    cache &= forest.has_time[rows]
    latest = np.iinfo(np.int64).max
    earliest = np.full(forest.size, latest, np.int64)
    find_smallest(visit[cache].astype(np.int32), forest.end[rows[cache]], earliest)
    return np.asarray(~cache & (earliest[visit] <= forest.start[rows]))


def _joined(one: Codes, other: Codes, order: np.ndarray) -> Codes:
    shifted = np.where(other.codes >= 0, other.codes + len(one.values), -1)
    codes = np.concatenate([one.codes, shifted])[order]
    return Codes(codes.astype(np.int32), (*one.values, *other.values))


def _kinds(forest: Forest, rows: np.ndarray, is_call: np.ndarray) -> Codes:
    values = ("service", "store", *KINDS)
    store = forest.codes("db_system").codes[rows] >= 0
    codes = np.where(is_call, np.where(store, 1, 0), forest.kind[rows].astype(np.int32) + 2)
    return Codes(codes.astype(np.int32), values)
