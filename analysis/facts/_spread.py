"""Times spread over the seconds that they touch."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis._kernels.compiled import kernel
from analysis.forest import Forest

__all__ = ["MINUTE_S", "MOST_SECONDS", "SECOND_NS", "began_ns", "spread"]

SECOND_NS: Final = 1_000_000_000
MINUTE_S: Final = 60
#: Of what lasts longer the first seconds are told: a stream of a day is no load of 86,400 seconds.
MOST_SECONDS: Final = 120

Int64s = npt.NDArray[np.int64]


def began_ns(forest: Forest, rows: npt.NDArray[np.integer]) -> Int64s:
    """Return when some rows began, ns since the epoch."""
    began: Int64s = forest.trace_start_ns[forest.trace_of[rows]] + forest.start[rows]
    return began


@kernel
def spread(begin: Int64s, duration: Int64s, most: int) -> tuple[Int64s, Int64s, Int64s]:
    """Cut intervals at whole seconds.

    Returns ``(index, second, ns)``: a piece each, in order of interval and time; an interval of no length has one.
    """
    count = 0
    for place in range(len(begin)):
        first = begin[place] // 1_000_000_000
        last = (begin[place] + max(duration[place], 1) - 1) // 1_000_000_000
        count += min(last - first + 1, most)
    index, second, ns = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    count = 0
    for place in range(len(begin)):
        end = begin[place] + duration[place]
        first = begin[place] // 1_000_000_000
        last = (begin[place] + max(duration[place], 1) - 1) // 1_000_000_000
        for at in range(first, min(last, first + most - 1) + 1):
            index[count] = place
            second[count] = at
            ns[count] = max(min(end, (at + 1) * 1_000_000_000) - max(begin[place], at * 1_000_000_000), 0)
            count += 1
    return index, second, ns
