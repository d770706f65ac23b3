"""The few examples that stand for each group of a forest's occurrences, found in one pass over them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.grouping import spans_before
from analysis._kernels.steps import half_octave

__all__ = ["choose_in_forest", "fill_steps", "take_examples"]

_LARGEST: Final = (1 << 63) - 1


@kernel
def fill_steps(value: NDArray[np.int64], step: NDArray[np.uint8], seen: NDArray[np.bool_]) -> None:
    """Fill the half octave of every value, and mark those that occur."""
    for row in range(len(value)):
        step[row] = half_octave(min(max(value[row], 0), _LARGEST - 1) + 1)
        seen[step[row]] = True


@kernel
def choose_in_forest(
    group: NDArray[np.int32],
    trace: NDArray[np.int32],
    value: NDArray[np.int64],
    start: NDArray[np.int64],
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
    step: NDArray[np.uint8],
    place_of: NDArray[np.int64],
    group_offset: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Choose for each group what :func:`analysis._kernels.grouping.choose_examples` does, where traces ascend.

    What comes first in order of trace is then what is seen first, and only occurrences of one trace are compared.
    ``start`` is when each trace began; ``step`` is the half octave of each value, and ``place_of`` numbers those that
    there are (:func:`fill_steps`), in order, and is -1 for others. Fills ``group_offset``, one longer than there are
    groups; returns the rows of group g, in order of trace, value, spans and row, at
    ``group_offset[g]:group_offset[g + 1]``.
    """
    count = len(group_offset) - 1
    steps = place_of.max() + 1
    # Of each group, side by side: the row of each half octave, then those of the largest value and the latest start.
    width = steps + 2
    best = np.full(count * width, -1, np.int32)
    # And beside one another the largest value and the latest start.
    most = np.empty(2 * count, np.int64)
    kept = 0
    for row in range(len(group)):
        worth, of = value[row], trace[row]
        begin, known = group[row] * width, 2 * group[row]
        slot = begin + place_of[step[row]]
        other = best[slot]
        if other < 0:
            best[slot] = row
            kept += 1
        elif trace[other] == of and _before(row, other, value, span_offset, span_rows, spans):
            best[slot] = row
        slot = begin + steps
        other = best[slot]
        if other < 0:
            best[slot] = best[slot + 1] = row
            most[known], most[known + 1] = worth, start[of]
            kept += 2
            continue
        if worth >= most[known] and (
            worth > most[known] or (trace[other] == of and _before(row, other, value, span_offset, span_rows, spans))
        ):
            best[slot], most[known] = row, worth
        begun = start[of]
        if begun >= most[known + 1]:
            other = best[slot + 1]
            if begun > most[known + 1] or (
                trace[other] == of and _before(row, other, value, span_offset, span_rows, spans)
            ):
                best[slot + 1], most[known + 1] = row, begun
    chosen = np.empty(kept, np.int64)
    used = 0
    for number in range(count):
        begin = used
        for slot in range(width):
            row = best[number * width + slot]
            if row < 0:
                continue
            again = False
            if slot >= steps:
                for known in range(begin, used):
                    again = again or chosen[known] == row
            if again:
                continue
            place = used
            while place > begin:
                other = chosen[place - 1]
                if trace[other] < trace[row] or (
                    trace[other] == trace[row] and not _before(row, other, value, span_offset, span_rows, spans)
                ):
                    break
                chosen[place] = other
                place -= 1
            chosen[place] = row
            used += 1
        group_offset[number + 1] = used
    return chosen[:used].copy()


@kernel
def take_examples(
    chosen: NDArray[np.int64],
    trace: NDArray[np.int32],
    value: NDArray[np.int64],
    trace_offset: NDArray[np.int64],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    start: NDArray[np.int64],
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
    numbers: NDArray[np.int64],
    ids: NDArray[np.uint64],
    ends: NDArray[np.int32],
) -> NDArray[np.uint64]:
    """Return the spans of the occurrences that were chosen: of entry i those at ``ends[i]:ends[i + 1]``.

    Fills the value and the start of the trace into ``numbers``, a row each, and the two halves of the trace's id, which
    stand at the row where the trace begins (``trace_offset``), into ``ids``. Of spans see
    :func:`analysis._kernels.grouping.choose_examples`.
    """
    alone = len(span_offset) == 0
    ends[0] = 0
    for index in range(len(chosen)):
        row = chosen[index]
        of = trace[row]
        begin = trace_offset[of]
        numbers[0, index], numbers[1, index] = value[row], start[of]
        ids[0, index], ids[1, index] = high[begin], low[begin]
        ends[index + 1] = ends[index] + (1 if alone else span_offset[row + 1] - span_offset[row])
    taken = np.empty(ends[-1], np.uint64)
    for index in range(len(chosen)):
        begin = chosen[index] if alone else span_offset[chosen[index]]
        for place in range(ends[index], ends[index + 1]):
            taken[place] = spans[span_rows[begin + place - ends[index]]]
    return taken


@walker
def _before(
    row: int,
    other: int,
    value: NDArray[np.int64],
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
) -> bool:
    """Return whether one of two rows of one trace comes first in order of value, spans and row."""
    if value[row] != value[other]:
        return bool(value[row] < value[other])
    return spans_before(row, other, span_offset, span_rows, spans)
