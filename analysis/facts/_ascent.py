"""The way up from a failure: the services that waited for it, one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel

__all__ = ["MOST_HOPS", "ascend", "origins"]

#: Longer ways up are told as far as this.
MOST_HOPS = 64


@kernel
def origins(
    parent: npt.NDArray[np.int32],
    entry: npt.NDArray[np.int32],
    blocking: npt.NDArray[np.bool_],
    failed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """Return the failed rows below which nothing failed that they waited for, ascending: where failures begin.

    A row in between that did not fail does not hide a failure below it, as long as its service's visit failed.
    """
    above_failure = np.zeros(len(parent), np.bool_)
    for row in range(len(parent)):
        above = parent[row]
        while failed[row] and blocking[row] and above >= 0 and not above_failure[above]:
            above_failure[above] = True
            if failed[above] or not blocking[above] or not failed[entry[above]]:
                break
            above = parent[above]
    count = 0
    for row in range(len(parent)):
        count += failed[row] and not above_failure[row]
    found = np.empty(count, np.int64)
    count = 0
    for row in range(len(parent)):
        if failed[row] and not above_failure[row]:
            found[count] = row
            count += 1
    return found


@kernel
def ascend(
    starts: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int32],
    entry: npt.NDArray[np.int32],
    blocking: npt.NDArray[np.bool_],
    failed: npt.NDArray[np.bool_],
    most_hops: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Climb from each start through the visits that waited for it.

    Returns ``(offset, hops, failing, whole)``: the hops of start ``i`` are ``hops[offset[i]:offset[i + 1]]``, the start
    itself first, then the entry of each visit above it; the first ``failing[i]`` of them failed without a gap;
    ``whole[i]`` tells that the last hop has nobody above who waits.
    """
    offset = np.zeros(len(starts) + 1, np.int64)
    hops = np.empty(max(16, 4 * len(starts)), np.int64)
    failing = np.zeros(len(starts), np.int64)
    whole = np.zeros(len(starts), np.bool_)
    used = 0
    for index in range(len(starts)):
        while used + most_hops + 2 > len(hops):
            hops = np.concatenate((hops, np.empty(len(hops), np.int64)))
        begin = used
        current = starts[index]
        hops[used] = current
        used += 1
        if entry[current] != current:
            current = np.int64(entry[current])
            hops[used] = current
            used += 1
        while used - begin < most_hops:
            if parent[current] < 0 or not blocking[current]:
                whole[index] = True
                break
            current = np.int64(entry[parent[current]])
            hops[used] = current
            used += 1
        run = 0
        while begin + run < used and failed[hops[begin + run]]:
            run += 1
        failing[index] = run
        offset[index + 1] = used
    return offset, hops[:used].copy(), failing, whole
