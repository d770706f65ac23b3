"""Texts of a byte array known by a number: the same bytes, and the same tag, get the same one.

Texts stay where they are; a table keeps where each first stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import padded, word

__all__ = ["Names", "find_name", "intern", "names_of", "slots_for"]

#: Odd, its bits well mixed (2**64 divided by the golden ratio): Fibonacci hashing.
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)
_HALF: Final = np.uint64(32)
_ONE: Final = np.uint64(1)

Bytes = NDArray[np.uint8]


class Names(NamedTuple):
    """Names to be told by number, as a hash table over their bytes.

    Attributes
    ----------
    slots
        Number + 1 of the name in a place; 0 is free.
    bounds
        Name i is ``text[bounds[i]:bounds[i + 1]]``.
    text
        All names, one after the other, padded.
    """

    slots: NDArray[np.int32]
    bounds: NDArray[np.int64]
    text: Bytes


def slots_for(capacity: int) -> NDArray[np.uint32]:
    """Return an empty hash table for so many texts: upper half of the hash, number + 1; 0 is free."""
    return np.zeros((1 << max(10, (2 * capacity).bit_length()), 2), np.uint32)


def names_of(names: Sequence[str]) -> Names:
    """Return a table of names, each known by its place in the sequence."""
    encoded = [name.encode() for name in names]
    bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    table = Names(np.zeros(4 << len(names).bit_length(), np.int32), bounds, padded(b"".join(encoded)))
    _place_names(*table)
    return table


@walker
def _hash(data: Bytes, start: int, length: int, seed: int) -> np.uint64:
    mixed = np.uint64(length * 4096 + seed) * _SPREAD
    at = start
    left = length
    while left >= 8:
        mixed = (mixed ^ word(data, at)) * _SPREAD
        mixed ^= mixed >> _SHIFT
        at += 8
        left -= 8
    if left > 0:
        mixed = (mixed ^ (word(data, at) & ((_ONE << np.uint64(8 * left)) - _ONE))) * _SPREAD
        mixed ^= mixed >> _SHIFT
    mixed *= _SPREAD
    return mixed ^ (mixed >> _HALF)


@walker
def _same(one: Bytes, start: int, other: Bytes, place: int, length: int) -> bool:
    left = length
    while left >= 8:
        if word(one, start) != word(other, place):
            return False
        start += 8
        place += 8
        left -= 8
    if left > 0:
        differing = (word(one, start) ^ word(other, place)) & ((_ONE << np.uint64(8 * left)) - _ONE)
        return bool(differing == np.uint64(0))
    return True


@walker
def intern(
    data: Bytes,
    start: int,
    length: int,
    tag: int,
    slots: NDArray[np.uint32],
    texts: NDArray[np.int64],
    counts: NDArray[np.int64],
    place_of_count: int,
) -> int:
    """Return the number of a text; -1 where the table is full.

    Parameters
    ----------
    data, start, length
        The text.
    tag
        Texts of different tags are different.
    slots
        :func:`slots_for` as many as ``texts`` has room for.
    texts
        For each number: where it begins, how long it is, its tag, and its place in ``slots``.
    counts, place_of_count
        How many there are stands here.
    """
    mixed = _hash(data, start, length, tag)
    upper = np.uint32(mixed >> _HALF)
    mask = len(slots) - 1
    place = np.int64(mixed & np.uint64(mask))
    while True:
        number = np.int64(slots[place, 1]) - 1
        if number < 0:
            break
        if (
            slots[place, 0] == upper
            and texts[number, 1] == length
            and texts[number, 2] == tag
            and _same(data, start, data, texts[number, 0], length)
        ):
            return int(number)
        place = (place + 1) & mask
    number = counts[place_of_count]
    if number >= len(texts):
        return -1
    texts[number, 0] = start
    texts[number, 1] = length
    texts[number, 2] = tag
    texts[number, 3] = place
    slots[place, 0] = upper
    slots[place, 1] = np.uint32(number + 1)
    counts[place_of_count] = number + 1
    return int(number)


@walker
def find_name(
    data: Bytes, start: int, length: int, slots: NDArray[np.int32], bounds: NDArray[np.int64], text: Bytes
) -> int:
    """Return the number of a name of :class:`Names`; -1 where it is none of them."""
    mask = len(slots) - 1
    place = np.int64(_hash(data, start, length, 0) & np.uint64(mask))
    while True:
        number = np.int64(slots[place]) - 1
        if number < 0:
            return -1
        first = bounds[number]
        if bounds[number + 1] - first == length and _same(data, start, text, first, length):
            return int(number)
        place = (place + 1) & mask


@walker
def _place_names(slots: NDArray[np.int32], bounds: NDArray[np.int64], text: Bytes) -> None:
    mask = len(slots) - 1
    for number in range(len(bounds) - 1):
        first = bounds[number]
        place = np.int64(_hash(text, first, bounds[number + 1] - first, 0) & np.uint64(mask))
        while slots[place] != 0:
            place = (place + 1) & mask
        slots[place] = number + 1
