"""Whole numbers in decimal digits."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["parse_decimals"]

_TEN: Final = np.uint64(10)
_MOST: Final = np.uint64((1 << 64) - 1)


@kernel
def parse_decimals(
    data: NDArray[np.uint8],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    number: NDArray[np.uint64],
    good: NDArray[np.bool_],
) -> None:
    """Fill unsigned numbers of 64 bits; not good is what has another sign among its digits, or is larger."""
    for row in range(len(start)):
        size = end[row] - start[row]
        good[row] = 0 < size <= 20
        if not good[row]:
            continue
        found = np.uint64(0)
        for at in range(start[row], end[row]):
            byte = data[at]
            if byte < 48 or byte > 57:
                good[row] = False
                break
            digit = np.uint64(byte - 48)
            if found > (_MOST - digit) // _TEN:
                good[row] = False
                break
            found = found * _TEN + digit
        number[row] = found
