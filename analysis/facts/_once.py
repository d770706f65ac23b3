"""What several facts ask of one forest, worked out once and forgotten with it."""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._repeated_calls import Calls, select_calls
from analysis.facts._run_kernels import below_sums
from analysis.forest import Forest
from analysis.links.layers import layers_of

__all__ = ["added", "calls_of", "critical_below", "critical_of_calls", "listed"]

Int64s = npt.NDArray[np.int64]

_CALLS: Final[WeakKeyDictionary[Forest, Calls]] = WeakKeyDictionary()
_BELOW: Final[WeakKeyDictionary[Forest, Int64s]] = WeakKeyDictionary()


def calls_of(forest: Forest) -> Calls:
    """Return the calls of one partition (:func:`analysis.facts._repeated_calls.select_calls`)."""
    if forest not in _CALLS:
        _CALLS[forest] = select_calls(forest)
    return _CALLS[forest]


def critical_below(forest: Forest) -> Int64s:
    """Return for every row the time on the critical path of the row and of all below it, ns."""
    if forest not in _BELOW:
        by_depth = forest.by_depth
        _BELOW[forest] = below_sums(by_depth, forest.parent, forest.critical)
    return _BELOW[forest]


def critical_of_calls(forest: Forest, rows: npt.NDArray[np.integer[Any]]) -> Int64s:
    """Return for some calls the time on the critical path of each and of all below it, ns.

    Where a span beside the call records it too (:mod:`analysis.links.layers`), one of the two is on the path and the
    other is not: their times are one.
    """
    below, layers = critical_below(forest), layers_of(forest)
    total: Int64s = below[rows].copy()
    beside = layers.timed[rows]
    total += np.where(beside >= 0, below[beside], 0)
    around = layers.around[rows]
    # Layers are few; each is looked up from the one inside it.
    while np.any(around >= 0):
        total += np.where(around >= 0, below[around], 0)
        around = np.where(around >= 0, layers.around[around], -1)
    return total


def added(group: Int64s, values: npt.NDArray[Any], count: int) -> Int64s:
    """Add up integers by group."""
    total = np.zeros(count, np.int64)
    np.add.at(total, group, values.astype(np.int64))
    return total


def listed(group: Int64s, rows: Int64s, count: int, most: int = 1000) -> tuple[Int64s, Int64s]:
    """Put the rows of each group together, in the order given: where those of each begin, and the rows.

    Of a group with more than ``most`` rows the first are kept: exemplars of a million spans help nobody.
    """
    order = np.argsort(group, kind="stable")
    owner, kept_rows = group[order], rows[order]
    begins = np.searchsorted(owner, np.arange(count + 1))
    kept = np.arange(len(owner)) - begins[owner] < most
    return np.searchsorted(owner[kept], np.arange(count + 1)).astype(np.int64), kept_rows[kept].astype(np.int64)
