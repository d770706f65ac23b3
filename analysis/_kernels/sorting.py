"""Few numbers in their order, where sorting them as many would cost more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker

__all__ = ["sort_few"]


@walker
def sort_few(values: NDArray[np.int32], size: int) -> None:
    """Sort the first values, by insertion (Knuth, The Art of Computer Programming 3, section 5.2.1)."""
    for place in range(1, size):
        one = values[place]
        before = place
        while before > 0 and values[before - 1] > one:
            values[before] = values[before - 1]
            before -= 1
        values[before] = one
