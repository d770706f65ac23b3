"""Ids and whole numbers of JSON in an array of bytes, as tracers write them.

Functions return where what they read ends, -1 where it is odd.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis.sources import _otlp_scan_words as w

__all__ = ["identity_at", "whole_at"]

Bytes = NDArray[np.uint8]


@walker
def identity_at(data: Bytes, at: int) -> tuple[int, int, int]:
    """Read a text of hexadecimal digits; return where it ends, and its halves as the bits of signed numbers."""
    if data[at] != w.QUOTE:
        return -1, 0, 0
    high = np.uint64(0)
    low = np.uint64(0)
    digits = 0
    at += 1
    while digits <= 32:
        sign = np.int64(data[at])
        if w.ZERO <= sign <= w.NINE:
            worth = sign - w.ZERO
        elif 97 <= (sign | 32) <= 102:
            worth = (sign | 32) - 87
        else:
            break
        high = (high << np.uint64(4)) | (low >> np.uint64(60))
        low = (low << np.uint64(4)) | np.uint64(worth)
        digits += 1
        at += 1
    # With 17 to 20 digits it may be a decimal number.
    if data[at] != w.QUOTE or digits == 0 or digits > 32 or 16 < digits <= 20:
        return -1, 0, 0
    return at + 1, int(np.int64(high)), int(np.int64(low))


@walker
def whole_at(data: Bytes, at: int) -> tuple[int, int]:
    """Read a whole number of at most sixteen digits; return where it ends, and its value."""
    value = 0
    first = at
    while w.ZERO <= data[at] <= w.NINE and at < first + 16:
        value = value * 10 + int(data[at]) - w.ZERO
        at += 1
    if at == first or (data[first] == w.ZERO and at > first + 1):
        return -1, 0
    return at, value
