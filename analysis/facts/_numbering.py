"""Numbers for combinations of columns, in the order of the combinations, without sorting where that can be avoided."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis._kernels.grouping import number_by_hash, order_groups
from analysis._kernels.numbering import number_firsts, number_pairs, number_sorted, raise_to, sort_within, sum_by

__all__ = ["added", "combined", "firsts", "largest_of", "numbered", "ranked", "sorted_within", "together_by"]

Int64s = npt.NDArray[np.int64]

#: Wider ranges are ranked first, so that products of two fit 64 bits.
_WIDE: Final = 1 << 31
#: A table of all possible keys is used where it has at most this many places an entry.
_PLACES_PER_ENTRY: Final = 8
_LEAST_PLACES: Final = 1 << 12
#: As a rule distinct values are few: a table of this length, which stays in the processor's cache, is tried first.
_FEW_SLOTS: Final = 1 << 16


def combined(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Int64s:
    """Give each combination of two columns of integers a number: 0, 1, … in the order of the combinations."""
    if not len(left):
        return np.zeros(0, np.int64)
    (first, low, high), (second, least, most) = _bounded(left), _bounded(right)
    width = most - least + 1
    places = (high - low + 1) * width
    number = np.empty(len(first), np.int64)
    if places > max(_LEAST_PLACES, _PLACES_PER_ENTRY * len(first)):
        if high - low + width > max(_LEAST_PLACES, _PLACES_PER_ENTRY * len(first)):
            return ranked((first - low) * width + (second - least))
        number_sorted(first, second, (low, least), (high, most), number)
        return number
    number_pairs(first, second, (low, least), width, np.zeros(places, np.int32), number)
    return number


def firsts(number: Int64s) -> Int64s:
    """Return the first place of each of the numbers 0, 1, …, all of which occur."""
    place = np.empty(int(number.max(initial=-1)) + 1, np.int64)
    number_firsts(np.ascontiguousarray(number, np.int64), place)
    return place


def ranked(values: Int64s) -> Int64s:
    """Give each distinct integer a number: 0, 1, … in ascending order."""
    if (values[1:] >= values[:-1]).all():
        return np.cumsum(np.diff(values, prepend=values[:1]) != 0)
    # Only the distinct ones are sorted: as a rule they are few.
    number, first = numbered(values)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(values[first])] = np.arange(len(first))
    return rank[number]


def numbered(values: Int64s) -> tuple[npt.NDArray[np.int32], Int64s]:
    """Give each distinct integer a number in order of appearance: that of every entry, and the first entry of each."""
    size = len(values)
    number, first = np.empty(size, np.int32), np.empty(size, np.int64)
    slots = 1 << (2 * size).bit_length()
    count = number_by_hash(values, np.full(min(slots, _FEW_SLOTS), -1, np.int32), number, first)
    if count < 0:
        count = number_by_hash(values, np.full(slots, -1, np.int32), number, first)
    return number, first[:count].copy()


def together_by(number: npt.NDArray[Any], count: int) -> tuple[Int64s, Int64s]:
    """Put the rows of each number, 0 to ``count - 1``, together, ascending.

    Returns
    -------
    tuple
        Where those of each number begin in the second array, one more at its end; and the rows.
    """
    offset, order = np.zeros(count + 1, np.int64), np.empty(len(number), np.int64)
    order_groups(np.ascontiguousarray(number, np.int32), offset, order)
    return offset, order


def sorted_within(number: npt.NDArray[Any], values: npt.NDArray[Any], count: int) -> tuple[Int64s, Int64s]:
    """Put the rows of each number together as :func:`together_by`, but in order of a value; equals ascending."""
    offset, order = together_by(number, count)
    largest = int(np.diff(offset).max(initial=0))
    sort_within(offset, order, np.ascontiguousarray(values, np.int64), np.empty(largest, np.int64))
    return offset, order


def added(group: npt.NDArray[Any], values: npt.NDArray[Any], count: int) -> Int64s:
    """Add up integers by group."""
    total = np.zeros(count, np.int64)
    sum_by(np.ascontiguousarray(group, np.int64), np.ascontiguousarray(values, np.int64), total)
    return total


def largest_of(group: npt.NDArray[Any], values: npt.NDArray[Any], count: int) -> Int64s:
    """Return the largest value of each group, at least 0."""
    largest = np.zeros(count, np.int64)
    raise_to(np.ascontiguousarray(group, np.int64), np.ascontiguousarray(values, np.int64), largest)
    return largest


def _bounded(values: npt.NDArray[Any]) -> tuple[Int64s, int, int]:
    """Return integers with their bounds; where their range is wide, their ranks."""
    wide = np.ascontiguousarray(values, np.int64)
    low, high = int(wide.min()), int(wide.max())
    if high - low >= _WIDE:
        rank = ranked(wide)
        return rank, 0, int(rank.max())
    return wide, low, high
