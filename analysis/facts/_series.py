"""Loops over the calls under one span, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["count_overlaps", "find_owners", "find_series"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@kernel
def find_owners(above: Int32s, remote: Bools, able: Bools, timed: Bools, size: int) -> tuple[Int64s, Int64s, int]:
    """Choose the calls that could be one after another.

    Of each call there is the row it is under, of ``size`` rows, negative for none. Those chosen have a time and are
    under a span that has two calls of their sort, remote or not, that are able to; under most there are not.

    Returns their places, the number of the span and sort of each in order of appearance, and how many these are.
    """
    able_below = np.zeros(2 * size, np.int8)
    for call in range(len(above)):
        if above[call] >= 0 and timed[call] and able[call]:
            key = 2 * np.int64(above[call]) + remote[call]
            able_below[key] = min(able_below[key] + 1, 2)
    chosen, owner = np.empty(len(above), np.int64), np.empty(len(above), np.int64)
    number = np.full(2 * size, -1, np.int32)
    count = owners = 0
    for call in range(len(above)):
        if above[call] < 0 or not timed[call]:
            continue
        key = 2 * np.int64(above[call]) + remote[call]
        if able_below[key] < 2:
            continue
        if number[key] < 0:
            number[key] = owners
            owners += 1
        chosen[count], owner[count] = call, number[key]
        count += 1
    return chosen[:count].copy(), owner[:count].copy(), owners


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
