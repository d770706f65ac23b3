"""Recorded traces run again with other times: what waits for what is kept, and so is the time between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["replay"]

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


@kernel
def replay(
    upwards: Int64s,
    child_offset: Int32s,
    child: Int32s,
    start: Int64s,
    end: Int64s,
    counts: Bools,
    blocking: Bools,
    removed: Bools,
    beside: Int32s,
    inside: Int32s,
    extra: Int64s,
    limit: Int64s,
    at: Int64s,
    lasting: Int64s,
) -> None:
    """Fill how long every span lasts, and when it starts after its parent does.

    A child starts as long after the sibling that ended last before it as it did, but not before all that had ended
    when it began; where none had, as long after its parent. A parent ends as long after the last child that it waited
    for as it did. Without a change every span lasts as long as it was recorded.

    Parameters
    ----------
    upwards
        Rows, children before their parents.
    child_offset, child
        Children of row i are ``child[child_offset[i]:child_offset[i + 1]]``, by start.
    start, end
        As recorded; ns.
    counts
        The row has times.
    blocking
        Its parent waits for it.
    removed
        It does not happen, and the time before it is spared as well.
    beside
        A sibling together with which it starts; -1: none.
    inside
        The child that is all there is of it; -1: it lasts as its children say.
    extra
        What it lasts longer, or less; ns.
    limit
        The longest that it lasts; -1: as long as it takes.
    at, lasting
        Filled; ns.
    """
    for row in upwards:
        if not counts[row]:
            lasting[row] = 0
            continue
        first, last = child_offset[row], child_offset[row + 1]
        latest, new_latest = start[row], np.int64(0)
        size = last - first
        ends = np.empty(size, np.int64)
        for place in range(size):
            ends[place] = end[child[first + place]]
        by_end = np.argsort(ends)
        ended = 0
        before = np.int64(-1)
        over = np.int64(0)
        for place in range(size):
            one = child[first + place]
            if not counts[one]:
                at[one] = 0
                continue
            while ended < size and ends[by_end[ended]] <= start[one]:
                other = child[first + by_end[ended]]
                # Of several that ended before, the last; one that nobody waits for holds nothing up.
                if other != one and counts[other] and blocking[other] and by_end[ended] < place:
                    before = other
                    over = max(over, at[other] + lasting[other])
                ended += 1
            if before >= 0:
                base = over
                gap = start[one] - end[before]
            else:
                base = np.int64(0)
                gap = start[one] - start[row]
            if removed[one]:
                at[one] = base
                lasting[one] = 0
            elif beside[one] >= 0:
                at[one] = at[beside[one]]
            else:
                at[one] = base + gap
            if blocking[one]:
                latest = max(latest, end[one])
                new_latest = max(new_latest, base if removed[one] else at[one] + lasting[one])
        new = lasting[inside[row]] if inside[row] >= 0 else new_latest + (end[row] - latest)
        new += extra[row]
        if limit[row] >= 0:
            new = min(new, limit[row])
        lasting[row] = max(new, 0)
