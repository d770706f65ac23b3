"""Brackets of a JSON text outside its strings, found in one pass over the bytes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import first_bit, places_of

__all__ = ["find_brackets"]

_QUOTE, _BACKSLASH = 34, 92
#: Brackets of arrays differ from those of objects in this bit, which no other byte lacks to be one.
_OPEN_OBJECT, _CLOSE_OBJECT, _FOLDED = 123, 125, 32
_WIDTH: Final = 32
_DISTANCES: Final = (1, 2, 4, 8, 16)
_NONE, _ONE, _LAST = np.uint64(0), np.uint64(1), np.uint64(1 << 31)

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
        if not escaped and at + _WIDTH <= end and places_of(data, at, _BACKSLASH, 0) == _NONE:
            # A bit is set where the quotes up to it are odd in number: there is a string.
            inside = np.uint64(places_of(data, at, _QUOTE, 0))
            for distance in _DISTANCES:
                inside ^= inside << np.uint64(distance)
            if in_string:
                inside = ~inside
            in_string = inside & _LAST != _NONE
            opens = np.uint64(places_of(data, at, _OPEN_OBJECT, _FOLDED))
            brackets = (opens | np.uint64(places_of(data, at, _CLOSE_OBJECT, _FOLDED))) & ~inside
            while brackets != _NONE:
                bit = first_bit(brackets)
                found[count] = 2 * (at - begin + bit) + np.int64((opens >> np.uint64(bit)) & _ONE)
                count += 1
                brackets &= brackets - _ONE
            at += _WIDTH
            continue
        for place in range(at, min(at + _WIDTH, end)):
            sign = data[place]
            if escaped:
                escaped = False
            elif sign == _QUOTE:
                in_string = not in_string
            elif sign == _BACKSLASH:
                escaped = True
            elif not in_string and sign | _FOLDED in (_OPEN_OBJECT, _CLOSE_OBJECT):
                found[count] = 2 * (place - begin) + (sign | _FOLDED == _OPEN_OBJECT)
                count += 1
        at += _WIDTH
    state[0], state[1] = in_string, escaped
    return count
