"""Runs: one call made again and again within a request, to a store or to another service.

A run is two calls or more of one template to one target, under one span, or spread under several spans of one ancestor
within three levels, or repeating with others in a pattern A B C A B C. The runs of a request that agree in the keys are
one row's occurrence, so that its costs are those of a request. Attempts of one call (the earlier failed, the values are
the same) count as one.
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _judged_runs
from analysis.facts._ancestry import local_entries
from analysis.facts._grouping import number_of
from analysis.facts._judged_runs import judged_runs
from analysis.facts._numbering import added, largest_of
from analysis.facts._once import listed_by_start, waited
from analysis.facts._repeated_calls import PAGED, Calls
from analysis.facts._run_keys import SPREADS, VERDICTS, keys_of, spread_of
from analysis.facts._runs import Runs
from analysis.facts._says import says
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "PAGED", "SPREADS", "VERDICTS", "scan"]

COLUMNS: Final = _judged_runs.COLUMNS
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation; empty where that span is missing"),
    Field("background", pa.bool_(), "key", "", "no user waits: the request is a job, or handles a message"),
    Field("service", pa.string(), "key", "", "service that calls"),
    Field("operation", pa.string(), "key", "", "its operation that the calls serve; empty where its span is missing"),
    Field("category", pa.string(), "key", "", "database, cache, http, rpc, messaging or internal"),
    Field("template", pa.string(), "key", "", "what is called; the parts of a pattern are joined by semicolons"),
    Field("target", pa.string(), "key", "", "store, or service, else peer, destination or address"),
    Field("source", pa.string(), "key", "", "template of the read right before a run of data calls"),
    Field(
        "scope", pa.string(), "key", "", "instrumentation of the data calls, of the layer around them where there is"
    ),
    Field("spread", pa.string(), "key", "", "siblings, cousins or pattern"),
    Field("verdict", pa.string(), "key", "", "distinct, identical or unknown values; retry, polling or scatter"),
    Field("concurrent", pa.bool_(), "key", "", "at least half of the calls begin while an earlier one runs"),
    Field("length", pa.int64(), "key", "calls", "calls of the longest run: exact to 16, then the power of two below"),
    Field("requests", pa.int64(), "sum", "requests", "requests with such runs"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("runs", pa.int64(), "sum", "runs", "runs; a pattern is one for each of its templates"),
    Field("calls", pa.int64(), "sum", "calls", "calls, compressed spans counted as often as they stand for"),
    Field("retries", pa.int64(), "sum", "calls", "of these, further attempts of a call that failed"),
    Field("errors", pa.int64(), "sum", "calls", "of these, failed"),
    Field("values", pa.int64(), "sum", "values", "distinct values that were asked for, as far as they are known"),
    Field("union_ns", pa.int64(), "sum", "ns", "time in which a call of the run was open"),
    Field("critical_ns", pa.int64(), "sum", "ns", "time of the calls and all below them on the critical path"),
    Field("saving_ns", pa.int64(), "sum", "ns", "of this, what one call as long as the longest would have saved"),
    Field("longest_ns", pa.int64(), "sum", "ns", "longest call of each run"),
    Field("shortest_ns", pa.int64(), "sum", "ns", "shortest call of each run"),
    Field("paired", pa.int64(), "sum", "calls", "calls of which the callee's span was seen"),
    Field("routed", pa.int64(), "sum", "calls", "calls whose template is the route that the callee says"),
    Field("client_ns", pa.int64(), "sum", "ns", "their time as the caller saw it"),
    Field("server_ns", pa.int64(), "sum", "ns", "their time as the callee saw it"),
    Field("transitive", pa.int64(), "sum", "calls", "calls for which the callee called a store"),
    Field("calls_per_request", HISTOGRAM, "histogram", "calls", "calls of a request"),
    Field("union_per_request", HISTOGRAM, "histogram", "ns", "union_ns of a request"),
    Field("critical_per_request", HISTOGRAM, "histogram", "ns", "critical_ns of a request"),
    Field("saving_per_request", HISTOGRAM, "histogram", "ns", "saving_ns of a request"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by critical_ns; the calls by start, the first thousand at most"),
)
#: Runs of a million calls would make exemplars of a million ids.
_MOST_SPANS: Final = 1000

_UNSPECIFIED: Final = KINDS.index("unspecified")
#: How an operation is called that a path names.
_ASKED: Final = re.compile(r"(?:HTTP )?(?:[A-Z]+ )?/", re.IGNORECASE)

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return the runs of one partition."""
    judged = judged_runs(forest)
    calls, runs, measured = judged.calls, judged.runs, judged.measured
    rows = calls.rows[runs.first]
    keys: dict[str, Codes | npt.NDArray[Any]] = {
        **keys_of(forest, calls, runs, local_entries(forest)),
        "background": _background(forest, rows),
        "spread": Codes(spread_of(runs), SPREADS),
        "verdict": Codes(judged.verdict, VERDICTS),
        "concurrent": judged.concurrent,
    }
    root = forest.root[rows]
    # Numbered as they appear, hence by trace, as gathering wants it.
    request, first = number_of((root, *keys.values()), runs.count)
    count = len(first)
    sums = {name: added(request, values, count) for name, values in measured.items() if name not in _INTERNAL}
    length = largest_of(request, measured["length"], count)
    offset, span_rows = _span_rows(forest, calls, runs, request, count)
    one = np.ones(count, np.int64)
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={name: _of(key, first) for name, key in keys.items()} | {"length": _stepped(length)},
            trace=forest.trace_of[root[first]],
            sums={"requests": one, "runs": np.bincount(request, minlength=count)} | sums,
            histograms={
                f"{name}_per_request": (sums[f"{name}_ns" if name != "calls" else name], one)
                for name in ("calls", "union", "critical", "saving")
            },
            exemplar_value=sums["critical_ns"],
            span_offset=offset,
            span_rows=span_rows,
        ),
    )


#: Measures of runs that are no columns of the fact.
_INTERNAL: Final = frozenset({"length", "overlaps", "pauses", "logical", "known", "busy"})


def _background(forest: Forest, rows: Int64s) -> npt.NDArray[np.bool_]:
    """Mark rows whose request nobody waits for: jobs, consumers, and what a waited-for span does not wait for."""
    kind, root = forest.codes("kind"), forest.root[rows]
    jobs = [code for code, name in enumerate(kind.values) if name in ("internal", "consumer", "producer")]
    by_job = Codes(kind.codes[root], kind.values).marked(jobs)
    # Instrumentation that tells the kinds of calls leaves it out of spans within the process: so do Brave's timers.
    by_job |= _without_kind(forest)[root] & ~_without_kind(forest)[rows]
    return np.asarray(~waited(forest)[rows] | (by_job & ~forest.orphan[root]))


def _without_kind(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the spans that say neither their kind nor, by protocol or path, that somebody asks for them."""
    unsaid = (forest.kind == _UNSPECIFIED) & says(forest, "category", lambda text: text == "internal")
    return np.asarray(unsaid & ~says(forest, "operation", lambda text: _ASKED.match(text) is not None))


def _stepped(length: Int64s) -> Int64s:
    """Keep lengths to 16, and of longer ones 17 or the power of two at or below them: few steps, few rows."""
    power = np.int64(1) << np.floor(np.log2(np.maximum(length, 1))).astype(np.int64)
    return np.where(length <= 16, length, np.maximum(power, 17))


def _of(key: Codes | npt.NDArray[Any], chosen: npt.NDArray[np.int64]) -> Codes | npt.NDArray[Any]:
    return Codes(key.codes[chosen], key.values) if isinstance(key, Codes) else key[chosen]


def _span_rows(
    forest: Forest, calls: Calls, runs: Runs, request: npt.NDArray[np.int32], count: int
) -> tuple[Int64s, Int64s]:
    """Return the rows of the calls of each request, by start."""
    return listed_by_start(forest, request[runs.of_call], calls.rows[runs.call], count, _MOST_SPANS)
