"""Columns of Arrow, whose nulls are bits apart from the values."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = ["fill_missing"]

#: For each byte of bits, of its eight values those that are there with all bits set.
_THERE: Final = -np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(np.int32)


@kernel
def fill_missing(
    values: NDArray[np.int32], there: NDArray[np.uint8], offset: int, fill: int, filled: NDArray[np.int32]
) -> None:
    """Copy values, and in place of those that are null another; bit ``offset + i`` tells whether value i is there.

    Which are null cannot be foreseen: eight at a time are chosen by masks rather than one by one by a question.
    """
    size, other = len(values), np.int32(fill)
    row = 0
    while row < size and (offset + row) & 7:
        filled[row] = values[row] if there[(offset + row) >> 3] >> ((offset + row) & 7) & 1 else other
        row += 1
    first, whole = (offset + row) >> 3, (size - row) >> 3
    for byte in range(whole):
        mask = _THERE[there[first + byte]]
        for place in range(8):
            at = row + 8 * byte + place
            filled[at] = (values[at] & mask[place]) | (other & ~mask[place])
    for last in range(row + 8 * whole, size):
        filled[last] = values[last] if there[(offset + last) >> 3] >> ((offset + last) & 7) & 1 else other
