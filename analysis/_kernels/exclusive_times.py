"""Time that each span alone has on the critical path, found without the paths themselves."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.critical_path import happens_before

__all__ = ["exclusive_of_spans"]

#: So many siblings are put in order by insertion.
_FEW: Final = 48


@kernel
def exclusive_of_spans(
    parent: NDArray[np.int32],
    child_offset: NDArray[np.int32],
    child: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    has_time: NDArray[np.bool_],
    blocking: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return what :func:`analysis._kernels.critical_path.choose_paths` fills as ``exclusive`` where it is not strict.

    Who is on a path depends on those above and beside alone: children are cut to their parent when it is visited, and
    below spans that are on no path nobody looks.
    """
    size = len(parent)
    exclusive = np.zeros(size, np.int64)
    widest = 0
    for row in range(size):
        widest = max(widest, child_offset[row + 1] - child_offset[row])
    rows, places = np.empty(widest, np.int32), np.empty(widest, np.int64)
    begins, finishes, ends = np.empty(widest, np.int64), np.empty(widest, np.int64), np.empty(widest, np.int64)
    # Spans on a path whose children are still to be looked at, with their times as they were cut.
    stack, firsts, lasts = np.empty(size + 1, np.int32), np.empty(size + 1, np.int64), np.empty(size + 1, np.int64)
    for root in range(size):
        if parent[root] >= 0 or not has_time[root]:
            continue
        stack[0], firsts[0], lasts[0] = root, start[root], end[root]
        height = 1
        while height > 0:
            height -= 1
            row, first, last = stack[height], firsts[height], lasts[height]
            count = 0
            for position in range(child_offset[row], child_offset[row + 1]):
                below = child[position]
                if not has_time[below] or not blocking[below]:
                    continue
                starts, stops = start[below], end[below]
                if stops <= first if starts < first else starts >= last and stops > last:
                    continue
                rows[count], begins[count], finishes[count] = below, max(starts, first), min(stops, last)
                count += 1
            if count > _FEW:
                by_end = np.argsort(finishes[:count], kind="mergesort")
                for place in range(count):
                    places[place] = by_end[place]
            else:
                _order(finishes, count, places)
            for place in range(count):
                ends[place] = finishes[places[place]]
            own = last - first
            chosen = np.int64(-1)
            for place in range(count - 1, -1, -1):
                which = places[place]
                if chosen >= 0 and not happens_before(
                    begins[which],
                    finishes[which],
                    begins[chosen],
                    finishes[chosen],
                    last - first,
                    begins[:count],
                    ends[:count],
                ):
                    continue
                chosen = which
                own -= finishes[which] - begins[which]
                stack[height], firsts[height], lasts[height] = rows[which], begins[which], finishes[which]
                height += 1
            exclusive[row] = max(own, 0)
    return exclusive


@walker
def _order(values: NDArray[np.int64], count: int, places: NDArray[np.int64]) -> None:
    """Fill the places of the first values in ascending order, equal ones in the order given."""
    for place in range(count):
        free = place
        while free > 0 and values[places[free - 1]] > values[place]:
            places[free] = places[free - 1]
            free -= 1
        places[free] = place
