"""Which calls make a run: the same call again and again under one span, or spread under several of its descendants."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.facts._numbering import combined, firsts, largest_of, ranked, sorted_within
from analysis.facts._repeated_calls import Calls
from analysis.facts._run_kernels import find_patterns
from analysis.forest import Forest

__all__ = ["Runs", "find_runs", "sources"]

Integers = npt.NDArray[np.integer[Any]]
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


def find_runs(forest: Forest, calls: Calls, entry: Integers) -> Runs:
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
    token = _tokens(forest, calls)
    node, spread = _nodes(forest, calls, entry, token)
    run = combined(node, token)
    order = sorted_within(run, forest.start[calls.rows], int(run.max(initial=-1)) + 1)[1]
    ordered = run[order]
    many = forest.multiplicity[calls.rows]
    enough = np.bincount(run, weights=many, minlength=1) >= 2 if len(run) else np.zeros(1, bool)
    kept = order[enough[ordered]] if len(run) else order
    number = ranked(run[kept])
    count = int(number.max(initial=-1)) + 1
    offset = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=count))])
    first = kept[offset[:-1]]
    wide = np.bincount(number[spread[kept]], minlength=count) > 0
    alone = np.arange(count)
    runs = Runs(kept.astype(np.int64), offset, node[first], wide, np.full(count, -1, np.int64), alone)
    pattern = _patterns(forest, calls, runs)
    rows = calls.rows[first]
    inside = np.flatnonzero(pattern >= 0)
    order = inside[np.lexsort((rows[inside], forest.start[rows[inside]], pattern[inside]))]
    numbers, begins = np.unique(pattern[order], return_index=True)
    leader = alone.copy()
    leader[order] = order[begins][np.searchsorted(numbers, pattern[order])]
    return replace(runs, pattern=pattern, leader=leader)


def sources(forest: Forest, calls: Calls, entry: Integers, runs: Runs) -> Int64s:
    """Return for each run of data calls the read that ended right before it in the same service; -1 where none did."""
    data = np.flatnonzero(~calls.remote)
    rows = calls.rows[data]
    order = data[sorted_within(entry[rows], forest.start[rows], forest.size)[1]]
    before = np.full(len(calls.rows), -1, np.int64)
    same = entry[calls.rows[order[1:]]] == entry[calls.rows[order[:-1]]]
    before[order[1:][same]] = order[:-1][same]
    source = before[runs.first]
    texts = calls.template.values
    writes = np.array([*(bool(_WRITES.match(text)) for text in texts), True])
    ended = (
        forest.end[calls.rows[source]] <= forest.start[calls.rows[runs.first]] + _resolution(forest, calls)[runs.first]
    )
    template = calls.template.codes
    # The last call of a run right before is no source: it is the same loop, gone through again.
    reads = (source >= 0) & ended & ~writes[template[source]] & (template[source] != template[runs.first])
    return np.where(reads, source, -1)


def _resolution(forest: Forest, calls: Calls) -> Int64s:
    return np.maximum(forest.array("time_resolution_ns", 1)[calls.rows].astype(np.int64), 1)


def _tokens(forest: Forest, calls: Calls) -> Int64s:
    """Give each combination of caller, template and target a number."""
    service = forest.codes("service").codes[calls.rows].astype(np.int64)
    return combined(combined(service, calls.template.codes), combined(calls.target.codes, calls.category.codes))


def _nodes(forest: Forest, calls: Calls, entry: Integers, token: Int64s) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Return for each call the ancestor whose run it belongs to, and whether that is above its parent."""
    parents = _parents(forest, calls)
    levels = [parents, *_ancestors(forest, calls, entry, parents)]
    chosen = parents.copy()
    spread = np.zeros(len(parents), bool)
    group = combined(parents, token)
    widest = np.bincount(group, weights=forest.multiplicity[calls.rows]).astype(np.int64)[group]
    for level in levels[1:]:
        above = np.flatnonzero(level >= 0)
        wider = combined(level[above], token[above])
        of_branch = firsts(combined(group[above], np.zeros(len(above), np.int64)))
        branches = np.bincount(wider[of_branch], minlength=len(of_branch))
        inner = largest_of(wider, widest[above], len(branches))
        better = above[branches[wider] > inner[wider]]
        chosen[better], spread[better] = level[better], True
        widest[above] = np.maximum(branches[wider], inner[wider])
        # Calls that have no ancestor at this level stay in groups of their own.
        group = group + int(wider.max(initial=0)) + 1
        group[above] = wider
    return chosen, spread


def _parents(forest: Forest, calls: Calls) -> Int64s:
    """Return the span above each call; where it is missing from the export a negative number that stands for it."""
    above = calls.above[calls.rows].astype(np.int64)
    missing = np.flatnonzero(above < 0)
    top = forest.root[calls.rows[missing]]
    orphan = forest.orphan[top]
    named = forest.array("parent_span_id").astype(np.uint64)[top].view(np.int64)
    # A call without a parent stands alone: its own row tells it from all others.
    which = np.where(orphan, named, calls.rows[missing])
    place = combined(combined(forest.trace_of[top], orphan), which)
    above[missing] = -2 - place
    return above


def _ancestors(forest: Forest, calls: Calls, entry: Integers, parents: Int64s) -> tuple[Int64s, Int64s]:
    """Return the second and third ancestors of each call inside its service; -1 where there is none."""
    service = forest.codes("service").codes

    def one_up(rows: Int64s) -> Int64s:
        inside = (rows >= 0) & (entry[rows] != rows)
        return np.where(inside, calls.above[rows], -1).astype(np.int64)

    own = (parents >= 0) & (service[np.maximum(parents, 0)] == service[calls.rows])
    second = one_up(np.where(own, parents, -1))
    return second, one_up(second)


def _patterns(forest: Forest, calls: Calls, runs: Runs) -> Int64s:
    """Find the patterns A B C A B C among data calls; -1 for runs that are part of none."""
    size = np.diff(runs.offset)
    able = (size >= _LEAST_REPEATS) & ~calls.remote[runs.first]
    run = runs.of_call
    inside = able[run]
    run, rows = run[inside], calls.rows[runs.call[inside]]
    node = combined(runs.node[run], np.zeros(len(run), np.int64))
    order = sorted_within(node, forest.start_rank[rows], int(node.max(initial=-1)) + 1)[1]
    return find_patterns(run[order].astype(np.int64), runs.count)
