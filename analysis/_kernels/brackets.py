"""Brackets of a JSON text outside its strings, found in one pass over the bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import first_bit, marks

__all__ = ["find_brackets"]

_QUOTE, _BACKSLASH = 34, 92
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = 123, 125, 91, 93

Bytes = NDArray[np.uint8]


@walker
def find_brackets(data: Bytes, begin: int, end: int, state: NDArray[np.bool_], found: NDArray[np.int64]) -> int:
    """Write down twice the place of each bracket, one more where it opens; return how many there are.

    Parameters
    ----------
    data
        Bytes, padded.
    begin, end
        The part to look at.
    state
        Whether it begins within a string, and whether its first byte is escaped; so it is left for the next part.
    found
        As long as the part.
    """
    in_string, escaped = state[0], state[1]
    count = 0
    at = begin
    while at < end:
        if escaped:
            escaped = False
            at += 1
            continue
        if in_string:
            special = marks(data, at)
            if special == 0:
                at += 32
                continue
            at += first_bit(special)
            if at >= end:
                break
        sign = data[at]
        if sign == _QUOTE:
            in_string = not in_string
        elif sign == _BACKSLASH:
            escaped = True
        elif not in_string:
            if sign in (_OPEN_OBJECT, _OPEN_ARRAY):
                found[count] = 2 * (at - begin) + 1
                count += 1
            elif sign in (_CLOSE_OBJECT, _CLOSE_ARRAY):
                found[count] = 2 * (at - begin)
                count += 1
        at += 1
    state[0], state[1] = in_string, escaped
    return count
