"""Compiled loop over attributes of OTLP JSON.

Functions that walk over a part of the text return where it ends, -1 where it is odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, find_name, intern
from analysis._kernels.json_bytes import key_end, space_end, string_end, value_end
from analysis._kernels.wide_reads import alike, byte, word
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._scan_found import HEAD, TAGS

__all__ = ["attributes_at"]

#: How an attribute begins, and what stands between its name and its value, where nothing is written but what must be.
_PAIR_START: Final = w.little_endian(b'{"key":"')
_PAIR_MIDDLE: Final = w.little_endian(b',"value"')
_PAIR_END: Final = w.little_endian(b'"}}')
#: How the value of a text begins, in two words: `{"stringValue":"`; and that of a whole number: `{"intValue":"`.
_TEXT_ONE: Final = w.little_endian(b'{"string')
_TEXT_TWO: Final = w.little_endian(b'Value":"')
_NUMBER_ONE: Final = w.little_endian(b'{"intVal')
_NUMBER_TWO: Final = w.little_endian(b'ue":"')
_BEFORE_TEXT, _BEFORE_NUMBER = 16, 13
_THREE, _FIVE = np.uint64((1 << 24) - 1), np.uint64((1 << 40) - 1)
_ONE: Final = np.uint64(1)
_ALL: Final = np.uint64((1 << 32) - 1)
#: Bytes that are compared together, and the most of a beginning that is remembered.
_WIDTH: Final = 32
_LONGEST: Final = 2 * _WIDTH

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def _begins(data: Bytes, at: int, texts: Int64s, kept: NDArray[np.uint64], head: int) -> bool:
    """Return whether an attribute begins so."""
    place, length = texts[head, 0], texts[head, 1]
    if length <= _WIDTH:
        wanted = (_ONE << np.uint64(length)) - _ONE
        return bool(alike(data, at, kept, place) & wanted == wanted)
    return bool(
        alike(data, at, kept, place) == _ALL
        and alike(data, at + length - _WIDTH, kept, place + length - _WIDTH) == _ALL
    )


@walker
def _guess(data: Bytes, at: int, previous: int, texts: Int64s, kept: NDArray[np.uint64], counts: Int64s) -> int:
    """Return how the attribute begins, if it does as one of the last two that stood after the previous one; or -1."""
    guess = counts[found_in.HEADS] if previous < 0 else texts[previous, found_in.NEXT]
    if guess < 0 or _begins(data, at, texts, kept, guess):
        return int(guess)
    guess = counts[found_in.HEADS + 1] if previous < 0 else texts[previous, found_in.OTHER]
    return int(guess) if guess >= 0 and _begins(data, at, texts, kept, guess) else -1


@walker
def _head(
    data: Bytes,
    at: int,
    value: int,
    plain: bool,
    name: int,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
    counts: Int64s,
) -> int:
    """Remember how an attribute begins whose value is a text or a whole number; return its number, or -1."""
    told = HEAD + 2 * (name + 1)
    if plain:
        length = value + _BEFORE_TEXT - at
    elif word(data, value) == _NUMBER_ONE and word(data, value + 8) & _FIVE == _NUMBER_TWO:
        length = value + _BEFORE_NUMBER - at
        told += 1
    else:
        return -1
    return intern(data, at, length, told, slots, texts, kept, counts) if length <= _LONGEST else -1


@walker
def _follow(previous: int, head: int, texts: Int64s, counts: Int64s) -> int:
    """Note how an attribute begins after another, or as the first; return its number."""
    if head >= 0:
        if previous < 0:
            counts[found_in.HEADS + 1] = counts[found_in.HEADS]
            counts[found_in.HEADS] = head
        else:
            texts[previous, found_in.OTHER] = texts[previous, found_in.NEXT]
            texts[previous, found_in.NEXT] = head
    return head


@walker
def attributes_at(
    data: Bytes,
    at: int,
    end: int,
    span: int,
    names: Names,
    tags: int,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> int:
    """Walk over attributes and write down those whose names are known.

    How one begins is remembered by what stood before it, which mostly tells what comes: then its bytes are compared,
    and no name is looked up.
    """
    if byte(data, at) != w.OPEN_ARRAY:
        return -1
    previous = -1
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_ARRAY:
        if byte(data, at) != w.OPEN_OBJECT:
            return -1
        name = -2
        start, stop, plain = -1, -1, False
        seen = 0
        guess = _guess(data, at, previous, texts, kept, counts) if tags == TAGS else -1
        if guess >= 0:
            value = at + texts[guess, 1]
            close, escapes = string_end(data, value, end)
            if close >= 0 and not escapes and word(data, close) & _THREE == _PAIR_END:
                told = texts[guess, 2] - HEAD
                name, plain = (told >> 1) - 1, told & 1 == 0
                start, stop = (value, close) if plain else (value - _BEFORE_NUMBER, close + 2)
                at, previous = close + 2, guess
        if name == -2 and word(data, at) == _PAIR_START:
            close, escapes = string_end(data, at + 8, end)
            if close < 0 or escapes:
                return -1
            if word(data, close + 1) == _PAIR_MIDDLE and byte(data, close + 9) == w.COLON:
                value = close + 10
                if word(data, value) == _TEXT_ONE and word(data, value + 8) == _TEXT_TWO:
                    stop, escapes = string_end(data, value + 16, end)
                    plain = stop >= 0 and not escapes and byte(data, stop + 1) == w.CLOSE_OBJECT
                    start = value + 16
                if plain:
                    after = stop + 2
                else:
                    after = value_end(data, value, end)
                    start, stop = (value, after) if byte(data, value) == w.OPEN_OBJECT else (-1, -1)
                    if after < 0 or (start < 0 and byte(data, value) != w.NULL):
                        return -1
                if byte(data, after) == w.CLOSE_OBJECT:
                    name = find_name(data, at + 8, close - at - 8, names.slots, names.bounds, names.text)
                    if tags == TAGS:
                        head = _head(data, at, value, plain, name, slots, texts, kept, counts)
                        previous = _follow(previous, head, texts, counts)
                    at = after
                else:
                    start, stop, plain = -1, -1, False
        if name == -2:
            at = space_end(data, at + 1)
        while byte(data, at) != w.CLOSE_OBJECT:
            close, value = key_end(data, at, end)
            if close < 0:
                return -1
            field = w.word_number(data, at, close)
            if field == w.KEY:
                if seen & 1 or byte(data, value) != w.QUOTE:
                    return -1
                seen |= 1
                close, escapes = string_end(data, value + 1, end)
                if close < 0 or escapes:
                    return -1
                name = find_name(data, value + 1, close - value - 1, names.slots, names.bounds, names.text)
                at = close + 1
            elif field == w.VALUE:
                if seen & 2 or (byte(data, value) != w.OPEN_OBJECT and byte(data, value) != w.NULL):
                    return -1
                seen |= 2
                if word(data, value) == _TEXT_ONE and word(data, value + 8) == _TEXT_TWO:
                    close, escapes = string_end(data, value + 16, end)
                    if close >= 0 and not escapes and byte(data, close + 1) == w.CLOSE_OBJECT:
                        plain, start, stop = True, value + 16, close
                        at = close + 2
                if not plain:
                    at = value_end(data, value, end)
                    if byte(data, value) == w.OPEN_OBJECT:
                        start, stop = value, at
            else:
                at = value_end(data, value, end)
            if at < 0:
                return -1
            at = w.next_element(data, at, w.CLOSE_OBJECT)
            if at < 0:
                return -1
        if name == -2:
            return -1
        if name >= 0 and start >= 0:
            tag = tags + 2 * name
            if counts[found_in.LAST_SEEN + ((tag - TAGS) >> 1)] == span:
                return -1
            counts[found_in.LAST_SEEN + ((tag - TAGS) >> 1)] = span
            number = intern(data, start, stop - start, tag if plain else tag + 1, slots, texts, kept, counts)
            count = counts[found_in.ATTRIBUTES]
            if number < 0 or count >= len(attributes):
                return -1
            attributes[count] = number
            counts[found_in.ATTRIBUTES] = count + 1
        at = w.next_element(data, at + 1, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1
