"""Loops over calls that ask for the same, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["below_marked", "mark_repeated"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: So many writes are passed one by one.
_FEW = 16


@kernel
def mark_repeated(
    group_offset: Int64s,
    call: Int64s,
    start: Int64s,
    end: Int64s,
    failed: Bools,
    tolerance: Int64s,
    read_offset: Int64s,
    read: Int64s,
    written_offset: Int64s,
    written_at: Int64s,
) -> tuple[Bools, Bools, Bools, Bools]:
    """Mark the calls whose answer was there already.

    The calls ``call[group_offset[g]:group_offset[g + 1]]`` of group g ask for the same, in order of start; their times
    are given by entry, what they read by call. A call is repeated if one before it succeeded and ended, and nothing was
    written since to a place that it reads. Returns, by entry: repeated; begun while the one before was open; asked
    again after a write; tried again after a failure.
    """
    size = len(call)
    repeated, overlapping = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    rewritten, tried = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for group in range(len(group_offset) - 1):
        known = np.int64(-1)
        for index in range(group_offset[group], group_offset[group + 1]):
            if known < 0:
                tried[index] = index > group_offset[group]
                if not failed[index]:
                    known = np.int64(index)
                continue
            if start[index] < end[known] - tolerance[index]:
                overlapping[index] = True
                continue
            changed = False
            for place in range(read_offset[call[index]], read_offset[call[index] + 1]):
                at, until = written_offset[read[place]], written_offset[read[place] + 1]
                # The first write at or after the start of the call whose answer is known.
                if until - at > _FEW:
                    at += np.searchsorted(written_at[at:until], start[known], side="left")
                while at < until and written_at[at] < start[known]:
                    at += 1
                if at < until and written_at[at] <= start[index]:
                    changed = True
                    break
            if changed:
                rewritten[index] = True
                known = np.int64(index) if not failed[index] else np.int64(-1)
            else:
                repeated[index] = True
    return repeated, overlapping, rewritten, tried


@kernel
def below_marked(downwards: Int32s, parent: Int32s, marked: Bools) -> Bools:
    """Return for every row whether a row above it is marked."""
    below = np.zeros(len(parent), np.bool_)
    for index in range(len(downwards)):
        row = downwards[index]
        if parent[row] >= 0:
            below[row] = below[parent[row]] or marked[parent[row]]
    return below
