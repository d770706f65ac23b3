"""Texts of a byte array known by a number: the same bytes, and the same tag, get the same one.

A text is copied when it is first met, behind its number and its length: whether a later one is the same shows in one
place of the memory, and numbers outlive the bytes that were scanned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.wide_reads import PADDING, padded, word

__all__ = [
    "FETCHED",
    "KEPT",
    "MASK",
    "TEXTS",
    "Names",
    "empty_table",
    "find_name",
    "forget_texts",
    "intern",
    "intern_all",
    "names_of",
]

#: Odd, their bits well mixed (2**64 divided by the golden ratio, and a prime of xxHash): multiplicative hashing.
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_OTHER_SPREAD: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT: Final = np.uint64(29)
_HALF: Final = np.uint64(32)
_ONE: Final = np.uint64(1)
_LOWER: Final = np.uint64(0xFFFFFFFF)
_BITS_OF_TAG: Final = np.uint64(16)
#: Slots that are used at first; twice as many whenever half of them are.
_FIRST_SLOTS: Final = 1 << 13
#: Words before a copied text: its length and tag, and its number.
_HEAD: Final = 2

#: Places in ``counts``: how many texts there are, how many words of ``kept`` are used, and a mask of the slots in use,
#: and what was fetched of them last, which means nothing.
TEXTS, KEPT, MASK, FETCHED = range(4)

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Int64s = NDArray[np.int64]


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


def empty_table(texts: int, size: int, counts: Int64s) -> tuple[Words, Int64s, Words]:
    """Return slots, texts and kept words for so many texts of so many bytes together; nothing is touched yet."""
    slots = np.zeros(max(_FIRST_SLOTS, 2 << max(texts, 1).bit_length()), np.uint64)
    forget_texts(slots, counts)
    # What the last word of a text does not fill counts too.
    kept = np.empty(size // 8 + (_HEAD + 2) * (texts + 1) + PADDING // 8, np.uint64)
    return slots, np.empty((texts, 5), np.int64), kept


def forget_texts(slots: Words, counts: Int64s) -> None:
    """Empty the table."""
    slots[: counts[MASK] + 1] = 0
    # A slot of 0 is free: no text begins at the first word.
    counts[TEXTS], counts[KEPT], counts[MASK] = 0, 1, _FIRST_SLOTS - 1


def names_of(names: Sequence[str]) -> Names:
    """Return a table of names, each known by its place in the sequence."""
    encoded = [name.encode() for name in names]
    bounds = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    table = Names(np.zeros(4 << len(names).bit_length(), np.int32), bounds, padded(b"".join(encoded)))
    _place_names(*table)
    return table


@walker
def _hash(data: Bytes | Words, start: int, length: int, seed: int) -> np.uint64:
    mixed = np.uint64(length * 4096 + seed) * _SPREAD
    if length <= 16:
        # The first eight bytes and the last, which may be some of the same.
        if length >= 8:
            first, last = word(data, start), word(data, start + length - 8)
        else:
            first, last = word(data, start) & ((_ONE << np.uint64(8 * length)) - _ONE), np.uint64(0)
        mixed = ((mixed ^ first) * _SPREAD) ^ ((mixed + last) * _OTHER_SPREAD)
    else:
        at, last_word = start, start + length - 8
        while at < last_word:
            mixed = (mixed ^ word(data, at)) * _SPREAD
            mixed ^= mixed >> _SHIFT
            at += 8
        mixed = (mixed ^ word(data, last_word)) * _OTHER_SPREAD
    mixed ^= mixed >> _SHIFT
    mixed *= _SPREAD
    return mixed ^ (mixed >> _HALF)


@walker
def _same(one: Bytes, start: int, other: Bytes | Words, place: int, length: int) -> bool:
    if length < 8:
        differing = (word(one, start) ^ word(other, place)) & ((_ONE << np.uint64(8 * length)) - _ONE)
        return bool(differing == np.uint64(0))
    left = length
    while left > 8:
        if word(one, start) != word(other, place):
            return False
        start += 8
        place += 8
        left -= 8
    return bool(word(one, start + left - 8) == word(other, place + left - 8))


@walker
def intern(
    data: Bytes, start: int, length: int, tag: int, slots: Words, texts: Int64s, kept: Words, counts: Int64s
) -> int:
    """Return the number of a text; -1 where the table is full.

    Parameters
    ----------
    data, start, length
        The text.
    tag
        Texts of different tags are different; below 2**12.
    slots, texts, kept
        :func:`empty_table`. Of ``texts`` each row says of the text of this number where its bytes begin in ``kept``,
        how many they are, and its tag; two more columns are the
        caller's, -1 at first.
    counts
        What is used of these.
    """
    return find(data, start, length, tag, _hash(data, start, length, tag), slots, texts, kept, counts)


@walker
def find(
    data: Bytes,
    start: int,
    length: int,
    tag: int,
    mixed: np.uint64,
    slots: Words,
    texts: Int64s,
    kept: Words,
    counts: Int64s,
) -> int:
    """Do as :func:`intern`, for a text whose hash is known."""
    upper = mixed & ~_LOWER
    described = (np.uint64(length) << _BITS_OF_TAG) | np.uint64(tag)
    mask = counts[MASK]
    place = int(np.int64(mixed & np.uint64(mask)))
    while True:
        slot = slots[place]
        if slot == np.uint64(0):
            return _keep(data, start, length, tag, upper, place, slots, texts, kept, counts)
        if slot & ~_LOWER == upper:
            at = int(np.int64(slot & _LOWER))
            if kept[at] == described and _same(data, start, kept, 8 * (at + _HEAD), length):
                return int(np.int64(kept[at + 1]))
        place = (place + 1) & mask


@walker
def intern_all(data: Bytes, waiting: Int64s, slots: Words, texts: Int64s, kept: Words, counts: Int64s) -> bool:
    """Find the numbers of many texts; return whether all have one.

    One after the other, each would wait twice for a far place of the memory. These are fetched for all before.

    Parameters
    ----------
    data
        Bytes.
    waiting
        For each text where it begins, its length, and its tag; in the next column its number is put down.
    slots, texts, kept, counts
        As for :func:`intern`.
    """
    mask = np.uint64(counts[MASK])
    fetched = np.uint64(0)
    for row in range(len(waiting)):
        mixed = _hash(data, waiting[row, 0], waiting[row, 1], waiting[row, 2])
        waiting[row, 3] = np.int64(mixed)
        fetched ^= slots[np.int64(mixed & mask)]
    for row in range(len(waiting)):
        fetched ^= kept[np.int64(slots[np.int64(np.uint64(waiting[row, 3]) & mask)] & _LOWER)]
    # Without a use of it nothing would be fetched.
    counts[FETCHED] = np.int64(fetched)
    whole = True
    for row in range(len(waiting)):
        waiting[row, 3] = find(
            data,
            waiting[row, 0],
            waiting[row, 1],
            waiting[row, 2],
            np.uint64(waiting[row, 3]),
            slots,
            texts,
            kept,
            counts,
        )
        whole = whole and waiting[row, 3] >= 0
    return whole


@walker
def _keep(
    data: Bytes,
    start: int,
    length: int,
    tag: int,
    upper: np.uint64,
    place: int,
    slots: Words,
    texts: Int64s,
    kept: Words,
    counts: Int64s,
) -> int:
    """Put down a text that is new, whose slot is known."""
    number, at = counts[TEXTS], counts[KEPT]
    words = (length + 7) >> 3
    if number >= len(texts) or at + _HEAD + words + PADDING // 8 > len(kept):
        return -1
    kept[at] = (np.uint64(length) << _BITS_OF_TAG) | np.uint64(tag)
    kept[at + 1] = np.uint64(number)
    for index in range(words):
        kept[at + _HEAD + index] = word(data, start + 8 * index)
    texts[number, 0] = 8 * (at + _HEAD)
    texts[number, 1] = length
    texts[number, 2] = tag
    texts[number, 3] = texts[number, 4] = -1
    slots[place] = upper | np.uint64(at)
    counts[TEXTS] = number + 1
    counts[KEPT] = at + _HEAD + words
    if 2 * number > counts[MASK] and 2 * counts[MASK] < len(slots):
        _spread_out(slots, texts, kept, counts)
    return int(number)


@walker
def _spread_out(slots: Words, texts: Int64s, kept: Words, counts: Int64s) -> None:
    """Use twice as many slots."""
    for place in range(counts[MASK] + 1):
        slots[place] = np.uint64(0)
    mask = 2 * counts[MASK] + 1
    counts[MASK] = mask
    for number in range(counts[TEXTS]):
        begin = texts[number, 0]
        mixed = _hash(kept, begin, texts[number, 1], texts[number, 2])
        place = int(np.int64(mixed & np.uint64(mask)))
        while slots[place] != np.uint64(0):
            place = (place + 1) & mask
        slots[place] = (mixed & ~_LOWER) | np.uint64((begin >> 3) - _HEAD)


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
