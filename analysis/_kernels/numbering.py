"""Numbers for pairs of integers, orders of rows, and codes of chosen rows: what gathering a fact does all the time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker

__all__ = [
    "keep_present",
    "largest_two",
    "number_firsts",
    "number_in_order",
    "number_pairs",
    "number_sorted",
    "raise_to",
    "renumber",
    "sort_within",
    "sum_by",
    "take_codes",
    "take_ranks",
]

#: Groups up to this many rows are put in order by insertion: as a rule they are in order already.
_FEW = 24


@kernel
def number_pairs(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    lowest: tuple[int, int],
    width: int,
    place: NDArray[np.int32],
    number: NDArray[np.int64],
) -> None:
    """Give each pair a number: 0, 1, … in the order of the pairs.

    ``lowest`` are the smallest values of both columns, ``width`` more than the right one spans; ``place`` is filled
    with zeros and as long as there can be pairs.
    """
    for row in range(len(left)):
        key = (left[row] - lowest[0]) * width + (right[row] - lowest[1])
        number[row] = key
        place[key] = 1
    count = np.int32(0)
    for key in range(len(place)):
        if place[key]:
            place[key] = count
            count += np.int32(1)
    for row in range(len(left)):
        number[row] = place[number[row]]


@kernel
def number_sorted(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    lowest: tuple[int, int],
    highest: tuple[int, int],
    number: NDArray[np.int64],
) -> None:
    """Give each pair a number as :func:`number_pairs` does, where there can be too many to have a place for each.

    The rows are sorted twice by counting: by the right value, then by the left (Knuth, The Art of Computer Programming
    3, section 5.2.5).
    """
    size = len(left)
    by_right = np.empty(size, np.int32)
    place = np.zeros(highest[1] - lowest[1] + 2, np.int32)
    for row in range(size):
        place[right[row] - lowest[1] + 1] += 1
    for key in range(1, len(place)):
        place[key] += place[key - 1]
    for row in range(size):
        key = right[row] - lowest[1]
        by_right[place[key]] = row
        place[key] += 1
    both = np.empty(size, np.int32)
    place = np.zeros(highest[0] - lowest[0] + 2, np.int32)
    for row in range(size):
        place[left[row] - lowest[0] + 1] += 1
    for key in range(1, len(place)):
        place[key] += place[key - 1]
    for index in range(size):
        row = by_right[index]
        key = left[row] - lowest[0]
        both[place[key]] = row
        place[key] += 1
    count = 0
    for index in range(size):
        row = both[index]
        if index > 0:
            before = both[index - 1]
            count += left[row] != left[before] or right[row] != right[before]
        number[row] = count


@kernel
def number_in_order(
    codes: NDArray[np.int32], widths: NDArray[np.int64], number: NDArray[np.int32], chosen: NDArray[np.int64]
) -> int:
    """Give each combination of columns of codes a number: 0, 1, … in the order of the combinations.

    A row of ``codes`` is a column, from 0 to below its width; the first sorts first. Fills the number of every entry
    and the first entry of every number; returns how many there are. Sorting is by counting, column by column from the
    last on (Knuth, The Art of Computer Programming 3, section 5.2.5).
    """
    size = len(number)
    order, before = np.empty(size, np.int32), np.empty(size, np.int32)
    for entry in range(size):
        order[entry] = entry
    place = np.zeros(widths.max() + 1 if len(widths) else 1, np.int32)
    for column in range(len(widths) - 1, -1, -1):
        code, width = codes[column], widths[column]
        if width <= 1:
            continue
        place[: width + 1] = 0
        for entry in range(size):
            place[code[entry] + 1] += 1
        for one in range(width):
            place[one + 1] += place[one]
        order, before = before, order
        for index in range(size):
            entry = before[index]
            order[place[code[entry]]] = entry
            place[code[entry]] += 1
    count = 0
    for index in range(size):
        entry = order[index]
        other = order[index - 1]
        differs = index == 0
        for column in range(len(widths)):
            if differs:
                break
            differs = codes[column, entry] != codes[column, other]
        if differs:
            chosen[count] = entry
            count += 1
        number[entry] = count - 1
    return count


@kernel
def renumber(number: NDArray[np.int32], other: NDArray[np.int32]) -> None:
    """Put in place of each number what ``other`` has for it."""
    for row in range(len(number)):
        number[row] = other[number[row]]


@kernel
def sum_by(group: NDArray[np.int64], values: NDArray[np.int64], total: NDArray[np.int64]) -> None:
    """Add values to the totals of their groups."""
    for row in range(len(group)):
        total[group[row]] += values[row]


@kernel
def raise_to(group: NDArray[np.int64], values: NDArray[np.int64], largest: NDArray[np.int64]) -> None:
    """Raise what is known of each group to its largest value."""
    for row in range(len(group)):
        largest[group[row]] = max(largest[group[row]], values[row])


@kernel
def largest_two(
    group: NDArray[np.int64], values: NDArray[np.int64], largest: NDArray[np.int64], second: NDArray[np.int64]
) -> None:
    """Raise what is known of each group to its largest and second largest value."""
    for row in range(len(group)):
        number, value = group[row], values[row]
        if value > largest[number]:
            second[number] = largest[number]
            largest[number] = value
        elif value > second[number]:
            second[number] = value


@kernel
def number_firsts(number: NDArray[np.int64], first: NDArray[np.int64]) -> None:
    """Fill the first row of every number; all of them occur."""
    for row in range(len(number) - 1, -1, -1):
        first[number[row]] = row


@kernel
def take_codes(codes: NDArray[np.int32], rows: NDArray[np.int64], taken: NDArray[np.int32]) -> None:
    """Fill the codes of some rows; a row below zero has none."""
    for place in range(len(rows)):
        row = rows[place]
        taken[place] = codes[row] if row >= 0 else -1


@kernel
def take_ranks(
    codes: NDArray[np.int32], rows: NDArray[np.int64], rank: NDArray[np.int32], taken: NDArray[np.int32]
) -> None:
    """Fill the ranks of the codes of some rows; the last rank is that of the code -1."""
    for place in range(len(rows)):
        taken[place] = rank[codes[rows[place]]]


@kernel
def keep_present(codes: NDArray[np.int32], occurs: NDArray[np.bool_]) -> int:
    """Renumber codes as if there were only those that occur, and mark these; returns how many they are.

    ``occurs`` is filled with False, and as long as there can be codes.
    """
    for row in range(len(codes)):
        occurs[codes[row]] = True
    place = np.empty(len(occurs), np.int32)
    count = 0
    for code in range(len(occurs)):
        place[code] = count
        count += occurs[code]
    if count < len(occurs):
        for row in range(len(codes)):
            codes[row] = place[codes[row]]
    return count


@kernel
def sort_within(
    offset: NDArray[np.int64], order: NDArray[np.int64], value: NDArray[np.int64], rising: NDArray[np.int64]
) -> None:
    """Put the rows of each group in order of a value; equals stay as they are.

    The rows of group g are ``order[offset[g]:offset[g + 1]]``; ``rising`` is as long as the largest group, to write on.
    """
    for group in range(len(offset) - 1):
        begin, end = offset[group], offset[group + 1]
        if end - begin <= _FEW:
            _insert(order, value, begin, end)
            continue
        in_order = True
        for place in range(begin + 1, end):
            if value[order[place]] < value[order[place - 1]]:
                in_order = False
                break
        if in_order:
            continue
        for place in range(begin, end):
            rising[place - begin] = value[order[place]]
        by_value = np.argsort(rising[: end - begin], kind="mergesort")
        for place in range(end - begin):
            rising[place] = order[begin + by_value[place]]
        for place in range(end - begin):
            order[begin + place] = rising[place]


@walker
def _insert(order: NDArray[np.int64], value: NDArray[np.int64], begin: int, end: int) -> None:
    for place in range(begin + 1, end):
        row = order[place]
        worth = value[row]
        before = place
        while before > begin and value[order[before - 1]] > worth:
            order[before] = order[before - 1]
            before -= 1
        order[before] = row
