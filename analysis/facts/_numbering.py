"""Numbers for combinations of columns, in the order of the combinations, without sorting where that can be avoided."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis._kernels.grouping import number_by_hash

__all__ = ["combined", "firsts", "numbered", "ranked"]

Int64s = npt.NDArray[np.int64]

#: Wider ranges are ranked first, so that products of two fit 64 bits.
_WIDE: Final = 1 << 31
#: A table of all possible keys is used where it has at most this many places an entry.
_PLACES_PER_ENTRY: Final = 4
_LEAST_PLACES: Final = 1 << 12


def combined(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Int64s:
    """Give each combination of two columns of integers a number: 0, 1, … in the order of the combinations."""
    if not len(left):
        return np.zeros(0, np.int64)
    first, second = _from_zero(left), _from_zero(right)
    return _dense(first * (int(second.max()) + 1) + second)


def firsts(number: Int64s) -> Int64s:
    """Return the first place of each of the numbers 0, 1, …, all of which occur."""
    place = np.empty(int(number.max(initial=-1)) + 1, np.int64)
    # Written from the last to the first, so that the first stays.
    place[number[::-1]] = np.arange(len(number) - 1, -1, -1)
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
    count = number_by_hash(values, np.full(slots, -1, np.int32), number, first)
    return number, first[:count].copy()


def _from_zero(values: npt.NDArray[Any]) -> Int64s:
    """Shift integers so that they begin at zero; where their range is wide, rank them."""
    wide = values.astype(np.int64)
    low, high = int(wide.min()), int(wide.max())
    if high - low >= _WIDE:
        return ranked(wide)
    shifted: Int64s = wide - low
    return shifted


def _dense(key: Int64s) -> Int64s:
    """Give each key a number, in the order of the keys."""
    places = int(key.max()) + 1
    if places > max(_LEAST_PLACES, _PLACES_PER_ENTRY * len(key)):
        return ranked(key)
    present = np.zeros(places, np.bool_)
    present[key] = True
    number: Int64s = (np.cumsum(present) - 1)[key]
    return number
