"""JSON in an array of bytes: where strings and values end, strictly by RFC 8259.

Positions are indexes. ``end`` is where the text ends; at least :data:`analysis._kernels.wide_reads.PADDING` zeros stand
behind it, so that a loop over what must be there stops at a zero at the latest. What is not JSON is answered with -1,
and so is what only a full decoder should decide: halves of surrogate pairs, nesting beyond :data:`DEEPEST`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import byte, first_bit, marks

__all__ = ["DEEPEST", "key_end", "number_end", "space_end", "string_end", "value_end"]

#: Containers inside one another, at most.
DEEPEST: Final = 60

_QUOTE, _BACKSLASH, _COMMA, _COLON = 34, 92, 44, 58
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = 123, 125, 91, 93
_MINUS, _PLUS, _POINT, _ZERO, _NINE = 45, 43, 46, 48, 57
_T, _R, _U, _E, _F, _A, _L, _S, _N, _B = 116, 114, 117, 101, 102, 97, 108, 115, 110, 98
_SLASH, _BIG_E, _BIG_A, _BIG_F = 47, 69, 65, 70
#: A hexadecimal D begins the halves of a surrogate pair, from D8 on.
_D, _BIG_D, _EIGHT = 100, 68, 56

Bytes = NDArray[np.uint8]


@walker
def space_end(data: Bytes, at: int) -> int:
    """Return the first position that holds no white space."""
    while byte(data, at) == 32 or byte(data, at) == 10 or byte(data, at) == 13 or byte(data, at) == 9:
        at += 1
    return at


@walker
def string_end(data: Bytes, at: int, end: int) -> tuple[int, bool]:
    """Return where the closing quote of a string stands whose first character is at ``at``, and whether it escapes."""
    escapes = False
    while at < end:
        found = marks(data, at)
        if found == 0:
            at += 32
            continue
        at += first_bit(found)
        if at >= end:
            return -1, escapes
        if byte(data, at) == _QUOTE:
            return at, escapes
        if byte(data, at) != _BACKSLASH:
            return -1, escapes
        escapes = True
        sign = byte(data, at + 1)
        if sign == _U:
            for place in range(at + 2, at + 6):
                digit = byte(data, place)
                if not ((_ZERO <= digit <= _NINE) or (_A <= digit <= _F) or (_BIG_A <= digit <= _BIG_F)):
                    return -1, escapes
            if (byte(data, at + 2) == _D or byte(data, at + 2) == _BIG_D) and byte(data, at + 3) >= _EIGHT:
                return -1, escapes
            at += 6
        elif sign in (_QUOTE, _BACKSLASH, _SLASH, _B, _F, _N, _R, _T):
            at += 2
        else:
            return -1, escapes
    return -1, escapes


@walker
def key_end(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the closing quote of the key stands whose opening quote is at ``at``, and where its value begins.

    Both are -1 where there is no key, or one that escapes.
    """
    if byte(data, at) != _QUOTE:
        return -1, -1
    close, escapes = string_end(data, at + 1, end)
    if close < 0 or escapes:
        return -1, -1
    colon = space_end(data, close + 1)
    if byte(data, colon) != _COLON:
        return -1, -1
    return close, space_end(data, colon + 1)


@walker
def number_end(data: Bytes, at: int) -> int:
    """Return where a number ends."""
    if byte(data, at) == _MINUS:
        at += 1
    if not _ZERO <= byte(data, at) <= _NINE:
        return -1
    if byte(data, at) == _ZERO:
        at += 1
    else:
        while _ZERO <= byte(data, at) <= _NINE:
            at += 1
    if byte(data, at) == _POINT:
        at += 1
        if not _ZERO <= byte(data, at) <= _NINE:
            return -1
        while _ZERO <= byte(data, at) <= _NINE:
            at += 1
    if byte(data, at) == _E or byte(data, at) == _BIG_E:
        at += 1
        if byte(data, at) == _MINUS or byte(data, at) == _PLUS:
            at += 1
        if not _ZERO <= byte(data, at) <= _NINE:
            return -1
        while _ZERO <= byte(data, at) <= _NINE:
            at += 1
    return at


@walker
def _word_end(data: Bytes, at: int) -> int:
    """Return where ``true``, ``false`` or ``null`` ends."""
    first, second, third, fourth = byte(data, at), byte(data, at + 1), byte(data, at + 2), byte(data, at + 3)
    if first == _T and second == _R and third == _U and fourth == _E:
        return at + 4
    if first == _N and second == _U and third == _L and fourth == _L:
        return at + 4
    if first == _F and second == _A and third == _L and fourth == _S and byte(data, at + 4) == _E:
        return at + 5
    return -1


@walker
def value_end(data: Bytes, at: int, end: int) -> int:
    """Return where the value ends that begins at ``at``."""
    depth = 0
    # A bit for each open container: set for objects.
    objects = np.uint64(0)
    one = np.uint64(1)
    while True:
        sign = byte(data, at)
        if sign == _QUOTE:
            close, _ = string_end(data, at + 1, end)
            if close < 0:
                return -1
            at = close + 1
        elif sign in (_OPEN_OBJECT, _OPEN_ARRAY):
            inside = space_end(data, at + 1)
            is_object = sign == _OPEN_OBJECT
            if byte(data, inside) == (_CLOSE_OBJECT if is_object else _CLOSE_ARRAY):
                at = inside + 1
            else:
                depth += 1
                if depth > DEEPEST:
                    return -1
                objects = (objects << one) | (one if is_object else np.uint64(0))
                at = inside
                if is_object:
                    _, at = _any_key_end(data, at, end)
                    if at < 0:
                        return -1
                continue
        elif sign == _MINUS or _ZERO <= sign <= _NINE:
            at = number_end(data, at)
        else:
            at = _word_end(data, at)
        if at < 0 or at > end:
            return -1
        # A value has ended: so may containers around it.
        while depth > 0:
            at = space_end(data, at)
            is_object = (objects & one) == one
            if byte(data, at) == _COMMA:
                at = space_end(data, at + 1)
                if is_object:
                    _, at = _any_key_end(data, at, end)
                    if at < 0:
                        return -1
                break
            if byte(data, at) != (_CLOSE_OBJECT if is_object else _CLOSE_ARRAY):
                return -1
            objects >>= one
            depth -= 1
            at += 1
        else:
            return at if at <= end else -1


@walker
def _any_key_end(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Do as :func:`key_end`, for keys that may escape."""
    if byte(data, at) != _QUOTE:
        return -1, -1
    close, _ = string_end(data, at + 1, end)
    if close < 0:
        return -1, -1
    colon = space_end(data, close + 1)
    if byte(data, colon) != _COLON:
        return -1, -1
    return close, space_end(data, colon + 1)
