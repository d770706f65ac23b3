"""Coarse steps of a value: half octaves, so that two steps are a doubling."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker

__all__ = ["HALF_OCTAVES", "fill_half_octaves", "half_octave", "octave_of"]

#: Half octaves that a signed 64-bit value can fall into.
HALF_OCTAVES: Final = 128

#: The smallest integer in the upper half of each octave: above the root of 2 times the power of two. Whole numbers,
#: since logarithms differ in their last digit between machines.
_MIDDLES = np.array([math.isqrt(1 << (2 * octave + 1)) + 1 for octave in range(63)], np.int64)


@walker
def octave_of(value: int) -> int:
    """Return the logarithm of a value to base 2, rounded down; 0 for values below 1."""
    octave = 0
    rest = value
    if rest >= 1 << 32:
        rest >>= 32
        octave += 32
    if rest >= 1 << 16:
        rest >>= 16
        octave += 16
    if rest >= 1 << 8:
        rest >>= 8
        octave += 8
    if rest >= 1 << 4:
        rest >>= 4
        octave += 4
    if rest >= 1 << 2:
        rest >>= 2
        octave += 2
    if rest >= 1 << 1:
        octave += 1
    return octave


@kernel
def half_octave(value: int) -> int:
    """Return twice the logarithm of a value to base 2, rounded down; 0 for values below 1."""
    octave = octave_of(value)
    return 2 * octave + (1 if value >= _MIDDLES[octave] else 0)


@kernel
def fill_half_octaves(values: NDArray[np.int64], step: NDArray[np.int64]) -> None:
    """Fill the half octave of every value."""
    for row in range(len(values)):
        step[row] = half_octave(values[row])
