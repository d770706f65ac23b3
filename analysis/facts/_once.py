"""What several facts ask of one forest, worked out once and forgotten with it."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._numbering import added, sorted_within, together_by
from analysis.facts._repeated_calls import Calls, select_calls
from analysis.facts._run_kernels import below_sums, waited_for
from analysis.forest import Forest
from analysis.links.layers import layers_of

__all__ = ["added", "calls_of", "critical_below", "critical_of_calls", "listed", "listed_by_start", "waited"]

Int64s = npt.NDArray[np.int64]

_CALLS: Final[WeakKeyDictionary[Forest, Calls]] = WeakKeyDictionary()
_BELOW: Final[WeakKeyDictionary[Forest, Int64s]] = WeakKeyDictionary()
_WAITED: Final[WeakKeyDictionary[Forest, npt.NDArray[np.bool_]]] = WeakKeyDictionary()


def calls_of(forest: Forest) -> Calls:
    """Return the calls of one partition (:func:`analysis.facts._repeated_calls.select_calls`)."""
    if forest not in _CALLS:
        _CALLS[forest] = select_calls(forest)
    return _CALLS[forest]


def critical_below(forest: Forest) -> Int64s:
    """Return for every row the time on the critical path of the row and of all below it, ns."""
    if forest not in _BELOW:
        _BELOW[forest] = below_sums(forest.downwards, forest.parent, forest.critical)
    return _BELOW[forest]


def waited(forest: Forest) -> npt.NDArray[np.bool_]:
    """Return for every row whether all from it up to its root are waited for."""
    if forest not in _WAITED:
        _WAITED[forest] = waited_for(forest.downwards, forest.parent, forest.blocking)
    return _WAITED[forest]


def critical_of_calls(forest: Forest, rows: npt.NDArray[np.integer[Any]]) -> Int64s:
    """Return for some calls the time on the critical path of each and of all below it, ns.

    Where a span beside the call records it too (:mod:`analysis.links.layers`), one of the two is on the path and the
    other is not: their times are one.
    """
    below, layers = critical_below(forest), layers_of(forest)
    total: Int64s = below[rows]
    beside = layers.timed[rows]
    there = np.flatnonzero(beside >= 0)
    total[there] += below[beside[there]]
    around = layers.around[rows]
    there = np.flatnonzero(around >= 0)
    # Layers are few; each is looked up from the one inside it.
    while len(there):
        around = around[there] if len(around) == len(total) else around
        total[there] += below[around]
        around = layers.around[around]
        there, around = there[around >= 0], around[around >= 0]
    return total


def listed(group: Int64s, rows: Int64s, count: int, most: int = 1000) -> tuple[Int64s, Int64s]:
    """Put the rows of each group together, in the order given: where those of each begin, and the rows.

    Of a group with more than ``most`` rows the first are kept: exemplars of a million spans help nobody.
    """
    return _first_of_each(*together_by(group, count), rows, most)


def listed_by_start(
    forest: Forest, group: npt.NDArray[np.integer[Any]], rows: Int64s, count: int, most: int = 1000
) -> tuple[Int64s, Int64s]:
    """Put the rows of each group together as :func:`listed`, but by start; a group is of one trace."""
    return _first_of_each(*sorted_within(group, forest.start_rank[rows], count), rows, most)


def _first_of_each(offset: Int64s, order: Int64s, rows: Int64s, most: int) -> tuple[Int64s, Int64s]:
    lengths = np.diff(offset)
    if int(lengths.max(initial=0)) > most:
        order = order[np.arange(len(order)) - np.repeat(offset[:-1], lengths) < most]
        offset = np.concatenate([[0], np.cumsum(np.minimum(lengths, most))])
    return offset.astype(np.int64), rows[order].astype(np.int64)
