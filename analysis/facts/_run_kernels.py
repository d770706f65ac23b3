"""Loops over calls and runs, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["MEASURES", "below_sums", "count_values", "find_patterns", "measure_runs", "nearest_outside", "waited_for"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: What is measured of each run: calls without further attempts, attempts, the union of the calls' times, the longest
#: and the shortest call (of a span that stands for several, its time divided by their number), how many calls begin
#: while an earlier one runs, the time between calls; then sums over all calls, and over those whose callee was seen.
MEASURES: Final = (
    "logical", "retries", "union_ns", "longest_ns", "shortest_ns", "overlaps", "pauses", "calls", "errors", "known",
    "busy", "critical_ns", "paired", "routed", "client_ns", "server_ns", "transitive",
)  # fmt: skip
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
    rows: Int64s,
    call: Int64s,
    values: npt.NDArray[np.uint64],
    critical: Int64s,
    times: tuple[Int64s, Int64s, Int64s, Int64s],
    many: Int64s,
    failed: Bools,
    uses_store: Bools,
    server: Int64s,
    partner: Int64s,
    routed: Bools,
    resent: Bools,
) -> Int64s:
    """Measure each run; its calls lie together, ordered by start.

    A call that begins after one with the same values has failed is another attempt of it. A call lasts until the end of
    its partner, where it has one. Of each entry there are its row, the place of its call, its values and its time on
    the critical path; of each row its start, end, duration and the resolution of these, for how many calls it stands,
    whether it failed, and whether a store is called in it; the rest is told of each call. Returns a line for each of
    :data:`MEASURES`.
    """
    start, end, lasted, resolution = times
    measured = np.zeros((len(MEASURES), len(offset) - 1), np.int64)
    for run in range(len(offset) - 1):
        first = offset[run]
        reached = start[rows[first]]
        ended = np.int64(0)
        logical = attempts = union = longest = shortest = overlaps = pauses = np.int64(0)
        calls = errors = known = busy = on_path = np.int64(0)
        paired = by_route = client = answered = transitive = np.int64(0)
        for index in range(first, offset[run + 1]):
            row, this = rows[index], call[index]
            before, begun, stands_for = ended, start[row], many[row]
            tolerance = max(resolution[row], 1)
            ended = end[row]
            if partner[this] >= 0:
                ended = max(ended, end[partner[this]])
            duration = (ended - begun) // stands_for
            longest = max(longest, duration)
            shortest = duration if index == first else min(shortest, duration)
            again = False
            if index > first:
                again = begun >= before - tolerance and failed[rows[index - 1]] and values[index] == values[index - 1]
                again = again or resent[this]
                overlaps += begun < reached - tolerance
                pauses += max(0, begun - reached)
            if again:
                attempts += 1
            else:
                logical += stands_for
            union += max(0, ended - max(begun, reached))
            reached = max(reached, ended)
            calls += stands_for
            errors += stands_for if failed[row] else 0
            known += values[index] != 0
            busy += lasted[row]
            on_path += critical[index]
            by_route += stands_for if routed[this] else 0
            if server[this] >= 0:
                paired += stands_for
                client += lasted[row]
                answered += lasted[server[this]]
                transitive += stands_for if uses_store[server[this]] else 0
        lines = (
            logical, attempts, union, longest, shortest, overlaps, pauses, calls, errors, known, busy, on_path,
            paired, by_route, client, answered, transitive,
        )  # fmt: skip
        for line in range(len(lines)):
            measured[line, run] = lines[line]
    return measured


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
