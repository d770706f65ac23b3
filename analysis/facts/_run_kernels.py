"""Loops over calls and runs, compiled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["below_sums", "count_values", "find_patterns", "measure_runs", "nearest_outside", "waited_for"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Of runs up to this long each value is held against all before it, which costs less than sorting them.
_FEW = 32


@kernel
def nearest_outside(downwards: Int32s, parent: Int32s, layer: Bools) -> Int32s:
    """Return for every row its nearest ancestor that is not marked as a layer; -1 where there is none."""
    above = np.empty(len(parent), np.int32)
    for index in range(len(downwards)):
        row = downwards[index]
        upper = parent[row]
        above[row] = above[upper] if upper >= 0 and layer[upper] else upper
    return above


@kernel
def below_sums(downwards: Int32s, parent: Int32s, values: Int64s) -> Int64s:
    """Return for every row the sum of its own value and of all below it."""
    total = values.copy()
    for index in range(len(downwards) - 1, -1, -1):
        row = downwards[index]
        if parent[row] >= 0:
            total[parent[row]] += total[row]
    return total


@kernel
def waited_for(downwards: Int32s, parent: Int32s, blocking: Bools) -> Bools:
    """Return for every row whether all from it up to its root are waited for."""
    waited = np.ones(len(parent), np.bool_)
    for index in range(len(downwards)):
        row = downwards[index]
        if parent[row] >= 0:
            waited[row] = blocking[row] and waited[parent[row]]
    return waited


@kernel
def measure_runs(
    offset: Int64s,
    start: Int64s,
    end: Int64s,
    many: Int64s,
    failed: Bools,
    values: npt.NDArray[np.uint64],
    resent: Bools,
    tolerance: Int64s,
) -> tuple[Int64s, Int64s, Int64s, Int64s, Int64s, Int64s, Int64s]:
    """Measure each run; its calls lie together, ordered by start.

    A call that begins after one with the same values has failed is another attempt of it. Returns for each run: calls
    without further attempts, attempts, the union of the calls' times, the longest and the shortest call (of a span that
    stands for several, its time divided by their number), how many calls begin while an earlier one runs, and the time
    between calls.
    """
    count = len(offset) - 1
    logical, attempts = np.zeros(count, np.int64), np.zeros(count, np.int64)
    union, longest = np.zeros(count, np.int64), np.zeros(count, np.int64)
    shortest, overlaps, pauses = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    for run in range(count):
        first = offset[run]
        reached = start[first]
        for index in range(first, offset[run + 1]):
            duration = (end[index] - start[index]) // many[index]
            longest[run] = max(longest[run], duration)
            shortest[run] = duration if index == first else min(shortest[run], duration)
            if index > first:
                after = start[index] >= end[index - 1] - tolerance[index]
                again = after and failed[index - 1] and values[index] == values[index - 1]
                if again or resent[index]:
                    attempts[run] += 1
                else:
                    logical[run] += many[index]
                if start[index] < reached - tolerance[index]:
                    overlaps[run] += 1
                pauses[run] += max(0, start[index] - reached)
            else:
                logical[run] += many[index]
            union[run] += max(0, end[index] - max(start[index], reached))
            reached = max(reached, end[index])
    return logical, attempts, union, longest, shortest, overlaps, pauses


@kernel
def count_values(offset: Int64s, values: npt.NDArray[np.uint64]) -> Int64s:
    """Count the distinct values of each run, whose calls lie together; 0 is no value."""
    count = np.zeros(len(offset) - 1, np.int64)
    for run in range(len(count)):
        begin, end = offset[run], offset[run + 1]
        if end - begin <= _FEW:
            for index in range(begin, end):
                new = values[index] != 0
                for before in range(begin, index):
                    new = new and values[before] != values[index]
                count[run] += new
            continue
        ordered = np.sort(values[begin:end])
        for index in range(len(ordered)):
            count[run] += ordered[index] != 0 and (index == 0 or ordered[index] != ordered[index - 1])
    return count


@kernel
def find_patterns(run: Int64s, run_count: int) -> Int64s:
    """Give the runs that alternate, A B C A B C, the number of their pattern; -1 for the rest.

    ``run`` holds the run of each call, of runs of three calls or more; those of a node lie together, by start. Runs
    that reach into each other make one stretch; it is a pattern if each call repeats the one that lies as many calls
    back as there are runs in it.
    """
    last = np.full(run_count, -1, np.int64)
    first = np.full(run_count, -1, np.int64)
    for index in range(len(run)):
        last[run[index]] = index
        if first[run[index]] < 0:
            first[run[index]] = index
    pattern = np.full(run_count, -1, np.int64)
    found = 0
    begin = 0
    while begin < len(run):
        finish = begin
        period = 0
        reach = last[run[begin]]
        while finish < len(run) and finish <= reach:
            reach = max(reach, last[run[finish]])
            if first[run[finish]] == finish:
                period += 1
            finish += 1
        repeats = period > 1
        for index in range(begin, finish):
            expected = first[run[index]] == index if index < begin + period else run[index] == run[index - period]
            repeats = repeats and expected
        if repeats:
            for index in range(begin, begin + period):
                pattern[run[index]] = found
            found += 1
        begin = finish
    return pattern
