"""What operations take of trees in pandas: own times, and critical paths.

The times of all parents are laid end to end on one axis, where children of one parent never meet those of another: the
largest so far, or the nearest before, of all siblings are then found in one pass over sorted columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from tests.benchmarks.peers.pandas_spans import Planted

__all__ = ["covered", "critical"]


class _Children(NamedTuple):
    """Children by parent and begin, with their times on the axis, cut to those of their parents."""

    place: np.ndarray
    parent: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


def _below(spans: pd.DataFrame, wanted: np.ndarray) -> _Children:
    parents, start, end = (spans[name].to_numpy() for name in ("parent", "start_ns", "end_ns"))
    axis = np.cumsum(end - start + 2) - (end - start + 2)
    place = np.flatnonzero(wanted & (parents >= 0))
    parent = parents[place]
    began, ended, origin = start[parent], end[parent], axis[parent]
    begins = np.clip(start[place], began, ended) - began + origin
    ends = np.clip(end[place], began, ended) - began + origin
    order = np.argsort(begins, kind="stable")
    return _Children(place[order], parent[order], begins[order], ends[order])


def covered(planted: Planted) -> np.ndarray:
    """Return how much of each span the union of its children covers."""
    spans = planted.spans
    below = _below(spans, np.ones(len(spans), bool))
    until = np.append(0, np.maximum.accumulate(below.ends)[:-1])
    inside = np.maximum(below.ends - np.maximum(below.begins, until), 0)
    first = np.flatnonzero(np.diff(below.parent, prepend=-1))
    found = np.zeros(len(spans), np.int64)
    found[below.parent[first]] = np.add.reduceat(inside, first)
    return found


def critical(planted: Planted) -> np.ndarray:
    """Return how much of each span is on the critical path of its tree and of no span below it there.

    From the end of a span backwards: after a sibling comes who alone ends within 1 % of the parent's time after its
    beginning, if nothing else begins or ends meanwhile, else who ends last before it.
    """
    spans, told = planted.spans, planted.spans["told"].to_numpy()
    alone, apart = ((planted.kinds["kind"] == kind).to_numpy()[told] for kind in ("consumer", "producer"))
    waited = ~(alone | apart[spans["parent"].to_numpy()])
    later = _below(spans, waited)
    order = np.lexsort((later.place, later.begins, later.ends))
    place, parent, begins, ends = (part[order] for part in later)
    differs = np.diff(ends, append=-1) != 0
    alone = (np.diff(ends, prepend=-1) != 0)[differs]
    place, parent, begins, ends = (part[differs] for part in (place, parent, begins, ends))
    after = np.searchsorted(ends, later.begins)
    before = after - 1
    after = np.minimum(after, len(ends) - 1)
    whole = spans["duration_ns"].to_numpy()[later.parent]
    touching = (
        (parent[after] == later.parent)
        & alone[after]
        & (ends[after] < later.ends)
        & (begins[after] < later.begins)
        & (ends[after] - later.begins <= (whole - 1) // 100)
        & (np.append(-1, later.begins[:-1]) != later.begins)
        & (np.append(later.begins[1:], np.iinfo(np.int64).max) > ends[after])
    )
    chosen = np.where(touching, after, before)
    known = (chosen >= 0) & (parent[chosen] == later.parent)
    following, first = np.full(len(spans), -1), np.full(len(spans), -1)
    following[later.place[known]] = place[chosen[known]]
    last = np.diff(parent, append=-1) != 0
    first[parent[last]] = place[last]
    return _exclusive(spans, first, following)


def _exclusive(spans: pd.DataFrame, first: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Go down from the roots: from a span to the child that the path enters last, and to the siblings before it."""
    parent, duration = spans["parent"].to_numpy(), spans["duration_ns"].to_numpy()
    reached = [np.flatnonzero(parent < 0)]
    while len(reached[-1]):
        further = np.concatenate([first[reached[-1]], following[reached[-1]]])
        reached.append(further[further >= 0])
    path = np.concatenate(reached)
    entered = path[parent[path] >= 0]
    below = pd.Series(duration[entered]).groupby(parent[entered]).sum()
    own = np.zeros(len(spans), np.int64)
    own[path] = duration[path]
    own[below.index] = np.maximum(own[below.index] - below.to_numpy(), 0)
    return own
