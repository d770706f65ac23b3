"""When things began, and the seconds that their times are told by."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.forest import Forest

__all__ = ["MINUTE_S", "MOST_SECONDS", "SECOND_NS", "began_ns"]

SECOND_NS: Final = 1_000_000_000
MINUTE_S: Final = 60
#: Of what lasts longer the first seconds are told: a stream of a day is no load of 86,400 seconds.
MOST_SECONDS: Final = 120

Int64s = npt.NDArray[np.int64]


def began_ns(forest: Forest, rows: npt.NDArray[np.integer]) -> Int64s:
    """Return when some rows began, ns since the epoch."""
    began: Int64s = forest.trace_start_ns[forest.trace_of[rows]] + forest.start[rows]
    return began
