"""Loops over the calls under one span, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["count_overlaps", "find_series"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@kernel
def find_series(owner: Int64s, start: Int64s, end: Int64s, able: Bools, tolerance: Int64s) -> Int64s:
    """Give each call the number of its series, ascending; calls of one owner lie together, by start.

    A call continues the series of the one before if both are able to, it begins when that one has ended, and the pause
    between them is no longer than the longer of the two: a longer one means work in between.
    """
    series = np.zeros(len(owner), np.int64)
    number = np.int64(0)
    reached = np.int64(0)
    for index in range(len(owner)):
        if index == 0:
            reached = end[0]
            continue
        before = index - 1
        longer = max(end[before] - start[before], end[index] - start[index])
        follows = (
            owner[index] == owner[before]
            and able[index]
            and able[before]
            and start[index] >= reached - tolerance[index]
            and start[index] - end[before] <= longer
        )
        if not follows:
            number += 1
        same = owner[index] == owner[before]
        reached = max(reached, end[index]) if same else end[index]
        series[index] = number
    return series


@kernel
def count_overlaps(owner: Int64s, start: Int64s, end: Int64s, overlaps: Int64s) -> None:
    """Add to ``overlaps``, by owner, the calls that begin while an earlier one of the owner is open.

    Calls of one owner lie together, by start.
    """
    reached = np.int64(0)
    for index in range(len(owner)):
        if index > 0 and owner[index] == owner[index - 1]:
            overlaps[owner[index]] += start[index] < reached
            reached = max(reached, end[index])
        else:
            reached = end[index]
