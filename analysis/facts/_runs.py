"""Which calls make a run: the same call again and again under one span, or spread under several of its descendants."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.facts._call_kernels import find_previous, number_within
from analysis.facts._grouping import number_of
from analysis.facts._numbering import sorted_within
from analysis.facts._repeated_calls import Calls
from analysis.facts._run_kernels import find_patterns
from analysis.facts._run_nodes import find_nodes
from analysis.facts._says import telling
from analysis.forest import Forest

__all__ = ["Runs", "find_runs", "sources"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

#: Fewer repetitions of a pattern A B are seen in any code that does the same twice.
_LEAST_REPEATS: Final = 3
_WRITES: Final = re.compile(
    r"(INSERT|UPDATE|DELETE|MERGE|REPLACE|UPSERT|TRUNCATE|CREATE|ALTER|DROP|SET|DEL|HSET|HINCRBY|INCR|LPUSH|RPUSH|EXPIRE)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Runs:
    """Runs of calls, an entry a run.

    Attributes
    ----------
    call
        Positions among the calls, those of a run together and by start.
    offset
        The calls of run i are ``call[offset[i]:offset[i + 1]]``.
    node
        Row of the span that all calls of the run are under; negative where it is missing from the export.
    spread
        The calls have different parents.
    pattern
        Number of the pattern A B C A B C that the run belongs to; -1 for none.
    leader
        The run of the same pattern that begins first; for a run in no pattern itself.
    """

    call: Int64s
    offset: Int64s
    node: Int64s
    spread: npt.NDArray[np.bool_]
    pattern: Int64s
    leader: Int64s

    @property
    def count(self) -> int:
        """Runs."""
        return len(self.node)

    @property
    def of_call(self) -> Int64s:
        """Run of each entry of ``call``."""
        return np.repeat(np.arange(self.count), np.diff(self.offset))

    @property
    def first(self) -> Int64s:
        """Position of each run's first call."""
        return self.call[self.offset[:-1]]


def find_runs(forest: Forest, calls: Calls, entry: Int32s) -> Runs:
    """Put the calls of one template to one target together.

    Calls under one span make a run. Calls under several spans make one too if these lie under one ancestor, at most
    three levels above the calls and in the same service, and fan out more widely there than at any level below: ten
    resolvers with a query each are one run, two handlers with ten queries each are two.

    Parameters
    ----------
    forest
        The partition.
    calls
        Its calls.
    entry
        For each row the span through which its service was entered.
    """
    rows = calls.rows
    run, node = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    spread = np.zeros(len(rows), np.bool_)
    count = find_nodes(
        forest.trace_of[rows].astype(np.int64),
        rows,
        calls.question,
        _parents(forest, calls),
        forest.codes("service").codes,
        forest.multiplicity,
        calls.above,
        entry,
        run,
        node,
        spread,
    )
    chosen = np.flatnonzero(run >= 0)
    offset, order = sorted_within(run[chosen], forest.start[rows[chosen]], count)
    call = chosen[order]
    first = call[offset[:-1]]
    wide = np.logical_or.reduceat(spread[call], offset[:-1]) if len(first) else np.zeros(0, np.bool_)
    alone = np.arange(len(first))
    runs = Runs(call, offset, node[first], wide, np.full(len(first), -1, np.int64), alone)
    pattern = _patterns(forest, calls, runs)
    rows = calls.rows[runs.first]
    inside = np.flatnonzero(pattern >= 0)
    order = inside[np.lexsort((rows[inside], forest.start[rows[inside]], pattern[inside]))]
    numbers, begins = np.unique(pattern[order], return_index=True)
    leader = alone.copy()
    leader[order] = order[begins][np.searchsorted(numbers, pattern[order])]
    return replace(runs, pattern=pattern, leader=leader)


def sources(forest: Forest, calls: Calls, entry: Int32s, runs: Runs) -> Int64s:
    """Return for each run of data calls the read that ended right before it in the same service; -1 where none did."""
    data = np.flatnonzero(~calls.remote)
    rank = forest.start_rank[calls.rows[data]]
    if (rank[1:] < rank[:-1]).any():
        data = data[np.argsort(rank)]
    before = np.full(len(calls.rows), -1, np.int64)
    find_previous(entry[calls.rows[data]], data, np.full(forest.size, -1, np.int64), before)
    first = runs.first
    source = before[first]
    rows = calls.rows[first]
    writes = telling(calls.template, _WRITES.match)
    ended = forest.end[calls.rows[source]] <= forest.start[rows] + _resolution(forest, rows)
    template = calls.template.codes[source]
    # The last call of a run right before is no source: it is the same loop, gone through again.
    reads = (source >= 0) & ended & (template >= 0) & ~writes[template] & (template != calls.template.codes[first])
    return np.where(reads, source, -1)


def _resolution(forest: Forest, rows: Int64s) -> Int64s:
    return np.maximum(forest.array("time_resolution_ns", 1)[rows].astype(np.int64), 1)


def _parents(forest: Forest, calls: Calls) -> Int64s:
    """Return the span above each call; where it is missing from the export a negative number that stands for it."""
    above = calls.above[calls.rows].astype(np.int64)
    missing = np.flatnonzero(above < 0)
    rows = calls.rows[missing]
    top = forest.root[rows]
    orphan = forest.orphan[top]
    named = forest.array("parent_span_id")[top].astype(np.uint64).view(np.int64)
    # A call without a parent stands alone: its own row tells it from all others.
    which = np.where(orphan, named, rows)
    place = number_of((forest.trace_of[top], orphan, which), len(missing))[0]
    above[missing] = -2 - place.astype(np.int64)
    return above


def _patterns(forest: Forest, calls: Calls, runs: Runs) -> Int64s:
    """Find the patterns A B C A B C among data calls; -1 for runs that are part of none."""
    first = runs.first
    able = np.flatnonzero((np.diff(runs.offset) >= _LEAST_REPEATS) & ~calls.remote[first])
    node = np.empty(len(able), np.int64)
    trace = forest.trace_of[calls.rows[first[able]]].astype(np.int64)
    count = number_within(trace, runs.node[able], np.zeros(len(able), np.int64), node)
    # A pattern is made of several runs under one span.
    several = np.bincount(node, minlength=count)[node] > 1
    node_of = np.full(runs.count, -1, np.int64)
    node_of[able[several]] = node[several]
    run = runs.of_call
    inside = np.flatnonzero(node_of[run] >= 0)
    run = run[inside]
    order = sorted_within(node_of[run], forest.start_rank[calls.rows[runs.call[inside]]], count)[1]
    return find_patterns(run[order], runs.count)
