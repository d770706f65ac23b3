"""Protocol Buffers in an array of bytes: numbers, and whether a text is one.

Positions are indexes below ``end``; at least :data:`analysis._kernels.wide_reads.PADDING` bytes stand behind it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import word

__all__ = ["fixed64_at", "is_utf8", "varint_at"]

_HIGH_BITS = np.uint64(0x8080808080808080)

Bytes = NDArray[np.uint8]


@walker
def varint_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at a position, its 64 bits read as a signed one, and where it ends; -1 where it is broken."""
    value = np.uint64(0)
    shift = np.uint64(0)
    for place in range(at, min(end, at + 10)):
        byte = np.uint64(data[place])
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            return int(np.int64(value)), place + 1
        shift += np.uint64(7)
    return 0, -1


@walker
def fixed64_at(data: Bytes, at: int) -> int:
    """Return the eight bytes at a position as the bits of a signed number."""
    return int(np.int64(word(data, at)))


@walker
def is_utf8(data: Bytes, at: int, end: int) -> bool:
    """Return whether the bytes are text in UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF."""
    while at < end:
        if at + 8 <= end and word(data, at) & _HIGH_BITS == np.uint64(0):
            at += 8
            continue
        first = data[at]
        if first < 128:
            at += 1
            continue
        if 194 <= first <= 223:
            length = 2
        elif 224 <= first <= 239:
            length = 3
        elif 240 <= first <= 244:
            length = 4
        else:
            return False
        if at + length > end:
            return False
        second = data[at + 1]
        lowest = 160 if first == 224 else 144 if first == 240 else 128
        highest = 159 if first == 237 else 143 if first == 244 else 191
        if not lowest <= second <= highest:
            return False
        for place in range(at + 2, at + length):
            if not 128 <= data[place] <= 191:
                return False
        at += length
    return True
