"""Looking up pairs of numbers in a sorted list of pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["find_pairs"]


@kernel
def find_pairs(
    sorted_first: NDArray[np.uint64],
    sorted_second: NDArray[np.uint64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    place: NDArray[np.int64],
) -> None:
    """Fill the first place of each pair among the sorted ones; -1 where it is not among them."""
    size = len(sorted_first)
    for row in range(len(first)):
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            before = sorted_first[middle] < first[row] or (
                sorted_first[middle] == first[row] and sorted_second[middle] < second[row]
            )
            if before:
                low = middle + 1
            else:
                high = middle
        found = low < size and sorted_first[low] == first[row] and sorted_second[low] == second[row]
        place[row] = low if found else -1
