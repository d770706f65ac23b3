"""The few examples that stand for each group of a forest's occurrences, found in one pass over them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.grouping import spans_before
from analysis._kernels.steps import half_octave

__all__ = ["choose_in_forest"]

_LARGEST: Final = (1 << 63) - 1


@kernel
def choose_in_forest(
    group: NDArray[np.int32],
    trace: NDArray[np.int32],
    value: NDArray[np.int64],
    start: NDArray[np.int64],
    span_offset: NDArray[np.int64],
    span_rows: NDArray[np.int64],
    spans: NDArray[np.uint64],
    steps: tuple[int, int],
    group_offset: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Choose for each group what :func:`analysis._kernels.grouping.choose_examples` does, where traces ascend.

    What comes first in order of trace is then what is seen first, and only occurrences of one trace are compared.
    ``start`` is when each trace began; ``steps`` are the lowest half octave of a value (and one) and the highest. Fills
    ``group_offset``, one longer than there are groups; returns the rows of group g, in order of trace, value, spans and
    row, at ``group_offset[g]:group_offset[g + 1]``.
    """
    count = len(group_offset) - 1
    lowest, width = steps[0], steps[1] - steps[0] + 1
    best = np.full(count * width, -1, np.int32)
    worst, latest = np.full(count, -1, np.int32), np.full(count, -1, np.int32)
    largest, last = np.empty(count, np.int64), np.empty(count, np.int64)
    kept = 0
    for row in range(len(group)):
        number, worth, of = group[row], value[row], trace[row]
        slot = number * width + half_octave(min(max(worth, 0), _LARGEST - 1) + 1) - lowest
        other = best[slot]
        if other < 0:
            best[slot] = row
            kept += 1
        elif trace[other] == of and _before(row, other, value, span_offset, span_rows, spans):
            best[slot] = row
        other = worst[number]
        if other < 0:
            worst[number] = latest[number] = row
            largest[number], last[number] = worth, start[of]
            kept += 2
            continue
        if worth > largest[number] or (
            worth == largest[number]
            and trace[other] == of
            and _before(row, other, value, span_offset, span_rows, spans)
        ):
            worst[number], largest[number] = row, worth
        other = latest[number]
        if start[of] > last[number] or (
            start[of] == last[number]
            and trace[other] == of
            and _before(row, other, value, span_offset, span_rows, spans)
        ):
            latest[number], last[number] = row, start[of]
    chosen = np.empty(kept, np.int64)
    used = 0
    for number in range(count):
        begin = used
        for slot in range(width + 2):
            if slot < width:
                row = best[number * width + slot]
            elif slot == width:
                row = worst[number]
            else:
                row = latest[number]
            if row < 0:
                continue
            place = used
            again = False
            if slot >= width:
                for known in range(begin, used):
                    again = again or chosen[known] == row
            if again:
                continue
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
