"""Rows that belong together: numbers for combinations of codes, and sums, counts and choices for each group."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.steps import HALF_OCTAVES, half_octave

__all__ = [
    "add_up",
    "choose_examples",
    "count_distinct",
    "count_marked",
    "find_largest",
    "find_smallest",
    "fold",
    "fold_rows",
    "keep_largest",
    "number_by_hash",
    "number_by_place",
    "order_groups",
    "spans_before",
    "take_spans",
]

_LARGEST: Final = (1 << 63) - 1


@kernel
def fold(combined: NDArray[np.int64], codes: NDArray[np.int32], width: int) -> None:
    """Take one more column of codes, from -1 to ``width - 2``, into a number for each combination."""
    for row in range(len(combined)):
        combined[row] = combined[row] * width + codes[row] + 1


@kernel
def fold_rows(
    combined: NDArray[np.int64], values: NDArray[np.int32], rows: NDArray[np.int64], lowest: int, width: int
) -> None:
    """Take the values of some rows, from ``lowest`` to below ``lowest + width``, as :func:`fold` takes codes."""
    for place in range(len(rows)):
        combined[place] = combined[place] * width + values[rows[place]] - lowest


@kernel
def number_by_place(
    combined: NDArray[np.int64], place: NDArray[np.int32], group: NDArray[np.int32], first: NDArray[np.int64]
) -> int:
    """Give distinct values numbers in order of appearance; all are below the length of ``place``.

    ``place`` is filled with -1. Fills the number of every row, and the first row of every number; returns how many
    there are.
    """
    count = 0
    for row in range(len(combined)):
        value = combined[row]
        number = place[value]
        if number < 0:
            number = np.int32(count)
            place[value] = number
            first[count] = row
            count += 1
        group[row] = number
    return count


@kernel
def number_by_hash(
    combined: NDArray[np.int64], place: NDArray[np.int32], group: NDArray[np.int32], first: NDArray[np.int64]
) -> int:
    """Give distinct values numbers in order of appearance, whatever they are.

    ``place`` is filled with -1; its length is a power of two. Where it is not at least twice that of ``combined``, and
    more than an eighth of it would be taken, -1 is returned, and there are no numbers. Multiplicative hashing (Knuth,
    The Art of Computer Programming 3, section 6.4) with linear probing.
    """
    count = 0
    last = len(place) - 1
    most = len(combined) if len(place) >= 2 * len(combined) else len(place) // 8
    for row in range(len(combined)):
        value = combined[row]
        hashed = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64((hashed ^ (hashed >> np.uint64(32))) & np.uint64(last))
        while place[slot] >= 0 and combined[first[place[slot]]] != value:
            slot = (slot + 1) & last
        if place[slot] < 0:
            if count == most:
                return -1
            place[slot] = np.int32(count)
            first[count] = row
            count += 1
        group[row] = place[slot]
    return count


@kernel
def order_groups(group: NDArray[np.int32], offset: NDArray[np.int64], order: NDArray[np.int64]) -> None:
    """Put the rows of each group together, ascending: those of group g are ``order[offset[g]:offset[g + 1]]``.

    ``offset`` is filled with zeros and one longer than there are groups.
    """
    for row in range(len(group)):
        offset[group[row] + 1] += 1
    for number in range(1, len(offset)):
        offset[number] += offset[number - 1]
    following = offset[:-1].copy()
    for row in range(len(group)):
        number = group[row]
        order[following[number]] = row
        following[number] += 1


@kernel
def add_up(group: NDArray[np.int32], values: NDArray[np.int64], total: NDArray[np.int64]) -> None:
    """Add values, none below zero, to the totals of their groups, which are held at the largest 64-bit integer."""
    for row in range(len(group)):
        number = group[row]
        added = values[row]
        total[number] = total[number] + added if total[number] <= _LARGEST - added else _LARGEST


@kernel
def count_marked(group: NDArray[np.int32], marked: NDArray[np.bool_], count: NDArray[np.int64]) -> None:
    """Add how many rows of each group are marked."""
    for row in range(len(group)):
        count[group[row]] += marked[row]


@kernel
def find_smallest(group: NDArray[np.int32], values: NDArray[np.int64], smallest: NDArray[np.int64]) -> None:
    """Lower what is known of each group to its smallest value."""
    for row in range(len(group)):
        smallest[group[row]] = min(smallest[group[row]], values[row])


@kernel
def find_largest(group: NDArray[np.int32], values: NDArray[np.int64], largest: NDArray[np.int64]) -> None:
    """Raise what is known of each group to its largest value."""
    for row in range(len(group)):
        largest[group[row]] = max(largest[group[row]], values[row])


@kernel
def keep_largest(group: NDArray[np.int32], values: NDArray[np.int64], first: NDArray[np.int64]) -> None:
    """Turn the first row of each group into that of its largest value; of several the first."""
    for row in range(len(group)):
        number = group[row]
        if values[row] > values[first[number]]:
            first[number] = row


@kernel
def count_distinct(group: NDArray[np.int32], trace: NDArray[np.int32], count: NDArray[np.int64]) -> None:
    """Count the distinct traces of each group; traces ascend."""
    last = np.full(len(count), -1, np.int32)
    for row in range(len(group)):
        number = group[row]
        if last[number] != trace[row]:
            last[number] = trace[row]
            count[number] += 1


@kernel
def choose_examples(
    offset: NDArray[np.int64],
    order: NDArray[np.int64],
    trace: NDArray[np.int32],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    value: NDArray[np.int64],
    start: NDArray[np.int64],
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
    group_offset: NDArray[np.int64],
    chosen: NDArray[np.int64],
) -> None:
    """Choose for each group the row of the largest value, that of the latest start, and one of each half octave.

    Among equals, and within a half octave, the first in order of trace, value, spans and row. ``high`` and ``low`` are
    the ids of traces, and empty where their numbers alone tell their order; ``start`` is when each began. The spans of
    row i are those that ``span_rows[span_offset[i]:span_offset[i + 1]]`` names. Fills ``chosen``, as long as there are
    rows: those of group g, in that order, are at ``group_offset[g]:group_offset[g + 1]``.
    """
    best = np.full(HALF_OCTAVES, -1, np.int64)
    touched = np.empty(HALF_OCTAVES, np.int64)
    used = 0
    for number in range(len(offset) - 1):
        if offset[number] == offset[number + 1]:
            group_offset[number + 1] = used
            continue
        worst = order[offset[number]]
        latest = worst
        steps = 0
        for place in range(offset[number], offset[number + 1]):
            row = order[place]
            worth = value[row]
            if worth >= value[worst] and (
                worth > value[worst]
                or _comes_before(row, worst, trace, high, low, value, span_offset, span_rows, spans)
            ):
                worst = row
            begun, last = start[trace[row]], start[trace[latest]]
            if begun >= last and (
                begun > last or _comes_before(row, latest, trace, high, low, value, span_offset, span_rows, spans)
            ):
                latest = row
            step = half_octave(min(max(worth, 0), _LARGEST - 1) + 1)
            if best[step] < 0:
                best[step] = row
                touched[steps] = step
                steps += 1
            elif _comes_before(row, best[step], trace, high, low, value, span_offset, span_rows, spans):
                best[step] = row
        begin = used
        for slot in range(steps + 2):
            if slot < steps:
                row = best[touched[slot]]
                best[touched[slot]] = -1
            else:
                row = worst if slot == steps else latest
                if _has(chosen, begin, used, row):
                    continue
            place = used
            while place > begin and _comes_before(
                row, chosen[place - 1], trace, high, low, value, span_offset, span_rows, spans
            ):
                chosen[place] = chosen[place - 1]
                place -= 1
            chosen[place] = row
            used += 1
        group_offset[number + 1] = used


@kernel
def take_spans(
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
    chosen: NDArray[np.int64],
    ends: NDArray[np.int32],
) -> NDArray[np.uint64]:
    """Return the spans of the rows that were chosen, one after the other.

    Fills ``ends``, one longer than ``chosen``: those of entry i are at ``ends[i]:ends[i + 1]``.
    """
    ends[0] = 0
    for index in range(len(chosen)):
        ends[index + 1] = ends[index] + span_offset[chosen[index] + 1] - span_offset[chosen[index]]
    taken = np.empty(ends[-1], np.uint64)
    for index in range(len(chosen)):
        begin = span_offset[chosen[index]]
        for place in range(ends[index], ends[index + 1]):
            taken[place] = spans[span_rows[begin + place - ends[index]]]
    return taken


@walker
def _has(chosen: NDArray[np.int64], begin: int, end: int, row: int) -> bool:
    for place in range(begin, end):  # noqa: SIM110 - kernels have no generators
        if chosen[place] == row:
            return True
    return False


@walker
def _comes_before(
    row: int,
    other: int,
    trace: NDArray[np.int32],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    value: NDArray[np.int64],
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
) -> bool:
    # Most are of another trace. What looks into spans is a function apart, so that this one is compiled into loops.
    one, another = trace[row], trace[other]
    if one != another:
        if not len(high):
            return bool(one < another)
        if high[one] != high[another]:
            return bool(high[one] < high[another])
        if low[one] != low[another]:
            return bool(low[one] < low[another])
    if value[row] != value[other]:
        return bool(value[row] < value[other])
    return spans_before(row, other, span_offset, span_rows, spans)


@walker
def spans_before(
    row: int,
    other: int,
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
) -> bool:
    """Return whether one of two rows comes first in order of its spans, then of its place."""
    if not len(span_offset):
        mine, its = spans[span_rows[row]], spans[span_rows[other]]
        return bool(mine < its) if mine != its else row < other
    own = span_offset[row + 1] - span_offset[row]
    theirs = span_offset[other + 1] - span_offset[other]
    for place in range(min(own, theirs)):
        mine = spans[span_rows[span_offset[row] + place]]
        its = spans[span_rows[span_offset[other] + place]]
        if mine != its:
            return bool(mine < its)
    if own != theirs:
        return bool(own < theirs)
    return row < other
