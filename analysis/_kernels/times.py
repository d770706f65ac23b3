"""Times inside trees: what of a span is its own, and Jaeger's adjustment of clock skew."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["self_times", "skew_within_traces"]

_LIMIT: Final = 1 << 61


@kernel
def self_times(
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    own: NDArray[np.int64],
) -> None:
    """Fill ``own``: every duration without the union of the children inside it, which are in order of start."""
    for row in range(len(start)):
        covered = np.int64(0)
        until, last = start[row], end[row]
        for place in range(child_offset[row], child_offset[row + 1]):
            below = child[place]
            begins, ends = max(start[below], until), min(end[below], last)
            if ends > begins:
                covered += ends - begins
                until = ends
        own[row] = last - start[row] - covered


@kernel
def skew_within_traces(
    order: NDArray[np.int64],
    parent: NDArray[np.int32],
    clock: NDArray[np.int32],
    has_time: NDArray[np.bool_],
    start: NDArray[np.int64],
    duration: NDArray[np.int64],
    largest: int,
    shift: NDArray[np.int64],
) -> None:
    """Fill ``shift``: what to add to every start to correct skew within its trace, as Jaeger does.

    A span on another clock than its parent's, or on an unknown one, is compared with its adjusted parent: it is centred
    inside when it fits but does not lie there, moved to the parent's start when it is longer and begins earlier, else
    left. A span on its parent's clock takes the parent's shift. A shift beyond ``largest`` is not made. ``order`` has
    parents before children. Source: jaegertracing/jaeger, ``model/adjuster/clockskew.go``.
    """
    found = np.zeros(len(parent), np.int64)
    for place in range(len(order)):
        row = order[place]
        above = parent[row]
        if above < 0:
            continue
        if clock[row] >= 0 and clock[row] == clock[above]:
            found[row] = found[above]
        elif has_time[row] and has_time[above]:
            above_start = start[above] + shift[above]
            late = above_start - start[row]
            room = duration[above] - duration[row]
            if room < 0:
                found[row] = max(late, 0)
            elif late > 0 or room < -late:
                found[row] = late + room // 2
        if has_time[row] and abs(found[row]) <= largest:
            # Centring may go on from generation to generation; starts stay where the sum of two is still a number.
            shift[row] = min(max(start[row] + found[row], -_LIMIT), _LIMIT) - start[row]
