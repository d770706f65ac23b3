"""The critical paths of a forest as arrays: who is on them, from when to when, and what each span contributes.

Spans without a time are on no path; their children are held against the nearest ancestor that has one. Children that
the parent does not wait for (consumers, asynchronous references, children of producers) and what is below them are
left out. A trace has a path for every root, spans that name a missing parent included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.critical_path import (
    choose_paths,
    fit_children,
    nearest_above,
    slack_of_spans,
    walk_paths,
)
from analysis._kernels.exclusive_times import exclusive_of_spans
from analysis._kernels.parents import list_children
from analysis._timeline import by_start

__all__ = ["Paths", "Sections", "TimedForest", "exclusive_times", "find_paths", "find_sections", "find_slack"]


class TimedForest(Protocol):
    """What a critical path needs of a forest."""

    @property
    def trace_of(self) -> NDArray[np.int32]:
        """Trace of every row."""

    @property
    def parent(self) -> NDArray[np.int32]:
        """Row of the parent; -1 where there is none."""

    @property
    def child_offset(self) -> NDArray[np.int32]:
        """Where the children of every row begin."""

    @property
    def child(self) -> NDArray[np.int32]:
        """Children, in order of start and row."""

    @property
    def start(self) -> NDArray[np.int64]:
        """Start, ns since that of the trace."""

    @property
    def end(self) -> NDArray[np.int64]:
        """End, ns since the start of the trace."""

    @property
    def has_time(self) -> NDArray[np.bool_]:
        """The export gives start and duration."""

    @property
    def blocking(self) -> NDArray[np.bool_]:
        """The parent waits for the span."""


@dataclass(frozen=True)
class Paths:
    """Critical paths of all traces of a forest; arrays with an entry a row.

    Attributes
    ----------
    parent, child_offset, child
        The forest without its spans that have no time.
    roots
        Rows that a path begins with: by trace, the last to end first; then by start and row.
    begin, finish
        Start and end, cut to the ancestors; ns since the start of the trace.
    kept
        Reached from a root through children that are waited for and do not lie wholly outside their parent.
    order
        The kept rows, parents first.
    on_path
        On the critical path.
    first_step, next_step
        The child on the path that finishes last, and from each the one before it; -1 ends the list.
    exclusive
        Time on the path less that of the children on the path; ns, 0 off the path.
    drag
        How much shorter the span could be before a sibling took its place; ns, 0 off the path.
    """

    parent: NDArray[np.int32]
    child_offset: NDArray[np.int32]
    child: NDArray[np.int32]
    roots: NDArray[np.int32]
    begin: NDArray[np.int64]
    finish: NDArray[np.int64]
    kept: NDArray[np.bool_]
    order: NDArray[np.int32]
    on_path: NDArray[np.bool_]
    first_step: NDArray[np.int32]
    next_step: NDArray[np.int32]
    exclusive: NDArray[np.int64]
    drag: NDArray[np.int64]


@dataclass(frozen=True)
class Sections:
    """The paths of a forest piece by piece, each from its end backwards.

    Attributes
    ----------
    row, begin, end
        Which span is on the path, and between which times, in ns since the start of the trace; none of length zero.
    visited
        Every row on a path, a parent before its children, those that finish last first.
    """

    row: NDArray[np.int32]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    visited: NDArray[np.int32]


def find_paths(forest: TimedForest, *, strict: bool = False) -> Paths:
    """Find the critical path of every tree.

    From the end of a span backwards: the child that finishes last, then the last of its siblings that ran before it,
    and so on. By default as CRISP (Zhang et al., USENIX ATC 2022): siblings may overlap by less than 1 % of the
    parent's duration, if nothing else begins or ends meanwhile, and one may begin when the other ends. Children are
    cut at both ends of their parent and dropped when they lie outside. Of siblings that end at the same time the last
    to start is taken, then the one with the largest row.

    Parameters
    ----------
    forest
        Where to look.
    strict
        As Jaeger UI: a sibling ends before the next one starts, or is not on the path; of those that end at the same
        time the first to start is taken, then the one with the smallest row.
    """
    parent, child_offset, child = _timed_tree(forest)
    size = len(parent)
    begin, finish = forest.start.copy(), forest.end.copy()
    kept, order = np.zeros(size, np.bool_), np.empty(size, np.int32)
    count = fit_children(
        parent,
        child_offset,
        child,
        forest.start,
        forest.end,
        forest.has_time,
        forest.blocking,
        strict,
        begin,
        finish,
        kept,
        order,
    )
    roots = _roots(forest, parent)
    on_path, drag = np.zeros(size, np.bool_), np.zeros(size, np.int64)
    first_step, next_step = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    exclusive = np.zeros(size, np.int64)
    choose_paths(
        roots,
        child_offset,
        child,
        forest.end,
        begin,
        finish,
        kept,
        strict,
        on_path,
        first_step,
        next_step,
        exclusive,
        drag,
    )
    return Paths(
        parent,
        child_offset,
        child,
        roots,
        begin,
        finish,
        kept,
        order[:count],
        on_path,
        first_step,
        next_step,
        exclusive,
        drag,
    )


def find_sections(paths: Paths) -> Sections:
    """Walk the paths from their ends backwards."""
    on_path = int(np.count_nonzero(paths.on_path))
    # Every span on a path is entered once and returned to once for each of its children on it.
    row, visited = np.empty(2 * on_path, np.int32), np.empty(on_path, np.int32)
    begin, end = np.empty(2 * on_path, np.int64), np.empty(2 * on_path, np.int64)
    count, _ = walk_paths(
        paths.roots, paths.begin, paths.finish, paths.first_step, paths.next_step, row, begin, end, visited
    )
    return Sections(row[:count], begin[:count], end[:count], visited)


def find_slack(forest: TimedForest, paths: Paths) -> NDArray[np.int64]:
    """Return how much later every span could have run without making its trace longer; ns, 0 on the path."""
    slack = np.zeros(len(paths.parent), np.int64)
    slack_of_spans(
        paths.parent,
        paths.child_offset,
        paths.child,
        forest.has_time,
        forest.blocking,
        paths.begin,
        paths.finish,
        paths.kept,
        paths.on_path,
        slack,
    )
    return slack


def exclusive_times(forest: TimedForest) -> NDArray[np.int64]:
    """Return each span's time on the critical path of its tree less that of its children on it; ns, 0 off the path."""
    parent, child_offset, child = _timed_tree(forest)
    return exclusive_of_spans(parent, child_offset, child, forest.start, forest.end, forest.has_time, forest.blocking)


def _timed_tree(forest: TimedForest) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return parents and children among the spans that have a time."""
    if forest.has_time.all():
        return forest.parent, forest.child_offset, forest.child
    above = nearest_above(forest.parent, forest.has_time)
    parent = np.where(forest.has_time, above, -1).astype(np.int32)
    order = by_start(forest.trace_of, forest.start)
    child_offset = np.empty(len(parent) + 1, np.int32)
    child = np.empty(int(np.count_nonzero(parent >= 0)), np.int32)
    list_children(parent, order, child_offset, child)
    return parent, child_offset, child


def _roots(forest: TimedForest, parent: NDArray[np.int32]) -> NDArray[np.int32]:
    roots = np.flatnonzero((parent < 0) & forest.has_time).astype(np.int32)
    return roots[np.lexsort((forest.start[roots], -forest.end[roots], forest.trace_of[roots]))]
