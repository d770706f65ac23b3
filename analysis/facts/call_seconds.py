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
from analysis._kernels.numbering import number_firsts
from analysis.facts import _attempts
from analysis.facts._attempts import attempts_of
from analysis.facts._call_kernels import number_within
from analysis.facts._failing import failing
from analysis.facts._grouping import number_of
from analysis.facts._numbering import together_by
from analysis.facts._outgoing import Outgoing, taken
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
#: What is called, of calls; requests have the kind of their topmost span.
_CALLED: Final = ("service", "store")
_CACHES: Final = ("redis", "memcached", "valkey", "keydb", "dragonfly", "hazelcast")


def scan(forest: Forest) -> pa.Table:
    """Return the calls of one partition, by second."""
    attempts = attempts_of(forest)
    calls = attempts.calls
    again = np.zeros(len(calls.rows), np.bool_)
    again[attempts.order[attempts.later[0]]] = True
    asked = _asked_cache(forest, calls.rows, calls.entry)
    kept = np.flatnonzero(forest.has_time[calls.rows])
    rows = calls.rows[kept]
    top = np.flatnonzero((forest.parent < 0) & forest.has_time)
    what, keys = _named(forest, calls, kept, top)

    both = np.concatenate([rows, top])
    order = together_by(both, forest.size)[1]
    both, what = both[order], what[order]

    def of_calls(marked: np.ndarray, of_tops: np.ndarray | bool = False) -> np.ndarray:
        return np.concatenate([marked[kept], np.broadcast_to(of_tops, len(top))])[order]

    second = began_ns(forest, both) // SECOND_NS
    minute = second // MINUTE_S
    within = second - minute * MINUTE_S
    root = forest.root[both]
    batch = forest.orphan | forest.of_kind(_BATCH)
    # Requests in which some second saw a call of one service to one target with one template.
    question, _ = number_of(tuple(keys[name] for name in ("service", "target", "template")), len(keys["kind"].codes))
    asked_in = root * np.int64(len(question) + 1) + question[what]
    request = np.empty(len(both), np.int64)
    first = np.empty(number_within(forest.trace_of[both].astype(np.int64), asked_in, second, request), np.int64)
    number_firsts(request, first)
    combination, examples = number_of((what, minute), len(both))
    one = np.ones(len(both), np.bool_)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={name: Codes(key.codes[what[examples]], key.values) for name, key in keys.items()}
            | {"minute": minute[examples]},
            combination=combination,
            trace=forest.trace_of[both],
            sums={"calls": one, "asked_cache": of_calls(asked), "behind_batch": batch[root]},
            histograms={
                "by_second": (within, None),
                "requests": _at(within, first),
                "failures": _at(within, np.flatnonzero(of_calls(calls.failed, failing(forest)[top]))),
                "retries": _at(within, np.flatnonzero(of_calls(again))),
            },
            exemplar_value=forest.duration[both],
            span_rows=both,
        ),
    )


def _named(forest: Forest, calls: Outgoing, kept: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, dict[str, Codes]]:
    """Give what names calls, and then requests, a number each; and return the texts of these."""
    rows = calls.rows[kept]
    services, operations = forest.codes("service"), forest.codes("operation")
    store = forest.codes("db_system").codes[rows] >= 0
    of_call = (
        taken(services, rows),
        Codes(calls.target.codes[kept], calls.target.values),
        Codes(calls.template.codes[kept], calls.template.values),
    )
    kind = forest.kind[top].astype(np.int32)
    of_top = (Codes(np.full(len(top), -1, np.int32), services.values), taken(services, top), taken(operations, top))
    what, first = number_of((*of_call, store), len(rows))
    which, begin = number_of((*of_top, kind), len(top))
    keys = {
        name: _joined(Codes(one.codes[first], one.values), Codes(other.codes[begin], other.values))
        for name, one, other in zip(("service", "target", "template"), of_call, of_top, strict=True)
    }
    kinds = np.concatenate([store[first], kind[begin] + len(_CALLED)])
    keys["kind"] = Codes(kinds.astype(np.int32), (*_CALLED, *KINDS))
    return np.concatenate([what, which + len(first)]), keys


def _at(second: np.ndarray, occurrences: np.ndarray) -> tuple[np.ndarray, None, np.ndarray]:
    """Return a histogram of some occurrences, each counted once."""
    return second[occurrences], None, occurrences


def _asked_cache(forest: Forest, rows: np.ndarray, visit: np.ndarray) -> np.ndarray:
    """Mark the calls before which their visit had asked a cache."""
    system = taken(forest.codes("db_system"), rows)
    cache = system.marked([code for code, name in enumerate(system.values) if name in _CACHES])
    cache &= forest.has_time[rows]
    asks = np.zeros(forest.size, np.bool_)
    asks[visit[cache]] = True
    # Calls of the visits that ask a cache at all.
    inside = np.flatnonzero(asks[visit])
    earliest = np.full(forest.size, np.iinfo(np.int64).max, np.int64)
    find_smallest(visit[cache].astype(np.int32), forest.end[rows[cache]], earliest)
    marked = np.zeros(len(rows), np.bool_)
    marked[inside] = ~cache[inside] & (earliest[visit[inside]] <= forest.start[rows[inside]])
    return marked


def _joined(one: Codes, other: Codes) -> Codes:
    shifted = np.where(other.codes >= 0, other.codes + len(one.values), -1)
    return Codes(np.concatenate([one.codes, shifted]).astype(np.int32), (*one.values, *other.values))
