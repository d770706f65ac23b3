"""Digits in an array of bytes, eight at a time."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import swapped, word

__all__ = ["hexadecimal_at", "nineteen_digits_at"]

#: A byte eight times over: bits, digits and letters.
_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = np.uint64(0x8080808080808080)
_LOWER: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_ZEROS: Final = np.uint64(0x30) * _ONES
_BEYOND_NINE: Final = np.uint64(0x3A) * _ONES
_LETTERS: Final = np.uint64(0x61) * _ONES
_BEYOND_F: Final = np.uint64(0x67) * _ONES
#: Upper and lower case differ in one bit.
_CASE: Final = np.uint64(0x20) * _ONES
_NONE: Final = np.uint64(0)
#: How neighbours are put together, twice as many bits at a time: ten, a hundred and ten thousand times the first.
_TENS: Final = np.uint64(10 * (1 << 8) + 1)
_HUNDREDS: Final = np.uint64(100 * (1 << 16) + 1)
_TEN_THOUSANDS: Final = np.uint64(10_000 * (1 << 32) + 1)
_BYTES: Final = np.uint64(0x00FF00FF00FF00FF)
_PAIRS: Final = np.uint64(0x0000FFFF0000FFFF)
_HALF: Final = np.uint64(0xFFFFFFFF)
_FOUR, _SIX, _EIGHT, _SIXTEEN, _THIRTY_TWO = (np.uint64(bits) for bits in (4, 6, 8, 16, 32))
_LARGEST: Final = np.uint64((1 << 63) - 1)

Bytes = NDArray[np.uint8]


@walker
def _from(signs: np.uint64, least: np.uint64) -> np.uint64:
    """Return the top bit of each byte that is not less than a byte below 128; bytes from 128 on are told elsewhere."""
    return ((signs | _TOPS) - least) & _TOPS


@walker
def _nibbles(signs: np.uint64) -> tuple[bool, np.uint64]:
    """Return whether eight bytes are hexadecimal digits, and what they say, the first pair in the lowest byte."""
    folded = signs | _CASE
    digits = _from(signs, _ZEROS) & ~_from(signs, _BEYOND_NINE)
    letters = _from(folded, _LETTERS) & ~_from(folded, _BEYOND_F)
    known = (digits | letters) & ~signs & _TOPS == _TOPS
    worth = (signs & _LOWER) + np.uint64(9) * ((signs >> _SIX) & _ONES)
    worth = ((worth << _FOUR) | (worth >> _EIGHT)) & _BYTES
    worth = (worth | (worth >> _EIGHT)) & _PAIRS
    return bool(known), (worth | (worth >> _SIXTEEN)) & _HALF


@walker
def hexadecimal_at(data: Bytes, at: int) -> tuple[bool, int]:
    """Read sixteen hexadecimal digits as the bits of a signed number; return also whether they are such digits."""
    first_known, first = _nibbles(word(data, at))
    last_known, last = _nibbles(word(data, at + 8))
    return first_known and last_known, int(np.int64(swapped(first | (last << _THIRTY_TWO))))


@walker
def _eight_digits(signs: np.uint64) -> tuple[bool, np.uint64]:
    """Return whether eight bytes are decimal digits, and the number that they are."""
    known = _from(signs, _ZEROS) & ~_from(signs, _BEYOND_NINE) & ~signs & _TOPS == _TOPS
    worth = ((signs & _LOWER) * _TENS) >> _EIGHT
    worth = ((worth & _BYTES) * _HUNDREDS) >> _SIXTEEN
    return bool(known), ((worth & _PAIRS) * _TEN_THOUSANDS) >> _THIRTY_TWO


@walker
def nineteen_digits_at(data: Bytes, at: int) -> tuple[bool, int]:
    """Read nineteen digits; return whether they are, and are no more than a signed number holds, and that number."""
    first_known, first = _eight_digits(word(data, at))
    second_known, second = _eight_digits(word(data, at + 8))
    # The last three, behind five zeros.
    rest = (word(data, at + 11) & ~((np.uint64(1) << np.uint64(40)) - np.uint64(1))) | (_ZEROS >> np.uint64(24))
    third_known, third = _eight_digits(rest)
    value = (first * np.uint64(100_000_000) + second) * np.uint64(1000) + third
    return first_known and second_known and third_known and bool(value <= _LARGEST), int(np.int64(value))
