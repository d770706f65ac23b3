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
from analysis.sources._scan_found import EVENT_TAGS, HEAD, TAGS
from analysis.sources._scan_runs import follow, forget_run, goes_on, head_at, learn, lost, run_of, settle, total_of

__all__ = ["attributes_at", "event_attributes_at"]

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
def _note(
    data: Bytes,
    start: int,
    length: int,
    span: int,
    tag: int,
    plain: bool,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> int:
    """Write down an attribute that means something; return the number of its text, -1 where it comes twice."""
    seen = found_in.LAST_SEEN + ((tag - TAGS) >> 1)
    if counts[seen] == span:
        return -1
    counts[seen] = span
    number = intern(data, start, length, tag if plain else tag + 1, slots, texts, kept, counts)
    count = counts[found_in.ATTRIBUTES]
    if number < 0 or count >= len(attributes):
        return -1
    attributes[count] = number
    counts[found_in.ATTRIBUTES] = count + 1
    return number


@walker
def _note_later(
    start: int, length: int, span: int, tag: int, plain: bool, attributes: NDArray[np.int32], counts: Int64s
) -> bool:
    """Do as :func:`_note`, but for its number, which is looked up with others."""
    seen = found_in.LAST_SEEN + ((tag - TAGS) >> 1)
    count = counts[found_in.ATTRIBUTES]
    if counts[seen] == span or count >= len(attributes):
        return False
    counts[seen] = span
    attributes[count] = -1
    counts[found_in.ATTRIBUTES] = count + 1
    return found_in.later(counts, start, length, tag if plain else tag + 1, count)


@walker
def _guessed(data: Bytes, at: int, end: int, guess: int, texts: Int64s) -> tuple[int, int, int, bool]:
    """Walk over an attribute that begins as guessed; return also where its value begins and ends, and how it stands."""
    value = at + texts[guess, 1]
    close, escapes = string_end(data, value, end)
    if close < 0 or escapes or word(data, close) & _THREE != _PAIR_END:
        return -1, -1, -1, False
    if (texts[guess, 2] - HEAD) & 1:
        return close + 3, value - _BEFORE_NUMBER, close + 2, False
    return close + 3, value, close, True


@walker
def _written(data: Bytes, at: int, end: int) -> tuple[int, int, int, int, bool]:
    """Walk over an attribute that is written without spaces, its name first.

    Return where it ends, 0 where it is written otherwise; where its name ends; where its value begins and ends, -1
    where it has none; and whether that is a text that stands as it is.
    """
    if word(data, at) != _PAIR_START:
        return 0, 0, -1, -1, False
    close, escapes = string_end(data, at + 8, end)
    if close < 0 or escapes:
        return -1, 0, -1, -1, False
    if word(data, close + 1) != _PAIR_MIDDLE or byte(data, close + 9) != w.COLON:
        return 0, 0, -1, -1, False
    value = close + 10
    if word(data, value) == _TEXT_ONE and word(data, value + 8) == _TEXT_TWO:
        stop, escapes = string_end(data, value + 16, end)
        if stop >= 0 and not escapes and byte(data, stop + 1) == w.CLOSE_OBJECT:
            done = byte(data, stop + 2) == w.CLOSE_OBJECT
            return (stop + 3 if done else 0), close, value + 16, stop, True
    stop = value_end(data, value, end)
    if stop < 0:
        return -1, 0, -1, -1, False
    after = stop + 1 if byte(data, stop) == w.CLOSE_OBJECT else 0
    if byte(data, value) == w.OPEN_OBJECT:
        return after, close, value, stop, False
    return (after if byte(data, value) == w.NULL else -1), close, -1, -1, False


@walker
def _spaced(data: Bytes, at: int, end: int, names: Names) -> tuple[int, int, int, int, bool]:
    """Walk over any attribute; return where it ends, the number of its name, its value, and how that stands."""
    name = -2
    start, stop, plain = -1, -1, False
    seen = 0
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        if close < 0:
            return -1, -1, -1, -1, False
        field = w.word_number(data, at, close)
        if field == w.KEY:
            if seen & 1 or byte(data, value) != w.QUOTE:
                return -1, -1, -1, -1, False
            seen |= 1
            close, escapes = string_end(data, value + 1, end)
            if close < 0 or escapes:
                return -1, -1, -1, -1, False
            name = find_name(data, value + 1, close - value - 1, names.slots, names.bounds, names.text)
            at = close + 1
        elif field == w.VALUE:
            if seen & 2 or (byte(data, value) != w.OPEN_OBJECT and byte(data, value) != w.NULL):
                return -1, -1, -1, -1, False
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
            return -1, -1, -1, -1, False
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1, -1, -1, -1, False
    return (at + 1 if name > -2 else -1), name, start, stop, plain


@walker
def event_attributes_at(
    data: Bytes,
    at: int,
    end: int,
    span: int,
    names: Names,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> int:
    """Walk over attributes of an event and write down those whose names are known."""
    if byte(data, at) != w.OPEN_ARRAY:
        return -1
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_ARRAY:
        if byte(data, at) != w.OPEN_OBJECT:
            return -1
        after, close, start, stop, plain = _written(data, at, end)
        if after > 0:
            name = find_name(data, at + 8, close - at - 8, names.slots, names.bounds, names.text)
        elif after == 0:
            after, name, start, stop, plain = _spaced(data, at, end, names)
        if after < 0:
            return -1
        if name >= 0 and start >= 0:
            tag = EVENT_TAGS + 2 * name
            number = _note(data, start, stop - start, span, tag, plain, attributes, counts, slots, texts, kept)
            if number < 0:
                return -1
        at = w.next_element(data, after, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1


@walker
def attributes_at(
    data: Bytes,
    at: int,
    end: int,
    span: int,
    names: Names,
    owner: int,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
    runs: Int64s,
) -> int:
    """Walk over attributes of a span and write down those whose names are known.

    They are compared with those of the last span of that name (``owner``). Where they differ, how one begins is
    remembered by what stood before it, which mostly tells what comes: then its bytes are compared, and no name is
    looked up.
    """
    if byte(data, at) != w.OPEN_ARRAY:
        return -1
    at = space_end(data, at + 1)
    first, before = at, counts[found_in.ATTRIBUTES]
    run, known = run_of(runs, owner, False)
    # The next attribute of the run, -1 where it does not go on so; how many are put down for a new run, -1 for none.
    step, learned = (0, -1) if known else (-1, 0)
    turned = False
    if not known:
        forget_run(runs, run)
    previous = -1
    while byte(data, at) != w.CLOSE_ARRAY:
        guess = -1
        if step >= 0:
            total = total_of(runs, run)
            if step < total:
                at, step, counts[found_in.ATTRIBUTES] = follow(
                    data, at, runs, run, step, attributes, counts[found_in.ATTRIBUTES]
                )
                if step == total:
                    at = w.next_element(data, at, w.CLOSE_ARRAY)
                    if at < 0:
                        return -1
                    if byte(data, at) == w.CLOSE_ARRAY:
                        break
                else:
                    guess = head_at(runs, run, step)
                    if guess >= 0 and not _begins(data, at, texts, kept, guess):
                        guess = -1
        else:
            guess = _guess(data, at, previous, texts, kept, counts)
        if byte(data, at) != w.OPEN_OBJECT:
            return -1
        name, close, start, stop, plain = -1, -1, -1, -1, False
        after = 0
        head = -1
        if guess >= 0:
            after, start, stop, plain = _guessed(data, at, end, guess, texts)
            if after > 0:
                head, name = guess, ((texts[guess, 2] - HEAD) >> 1) - 1
        if head < 0:
            after, close, start, stop, plain = _written(data, at, end)
            if after > 0:
                name = find_name(data, at + 8, close - at - 8, names.slots, names.bounds, names.text)
                head = _follow(
                    previous, _head(data, at, close + 10, plain, name, slots, texts, kept, counts), texts, counts
                )
            elif after == 0:
                after, name, start, stop, plain = _spaced(data, at, end, names)
            if after < 0:
                return -1
        if step >= 0 and not goes_on(runs, run, step, head, TAGS + 2 * name if name >= 0 else -1, texts):
            # What was taken so far may come again from here on.
            for place in range(before, counts[found_in.ATTRIBUTES]):
                if attributes[place] >= 0:
                    counts[found_in.LAST_SEEN + ((texts[attributes[place], 2] - TAGS) >> 1)] = span
            step = -1
            if at == first:
                run, known = run_of(runs, owner, True)
                if known and not turned:
                    turned = True
                    step = 0
                    continue
                learned = 0
                forget_run(runs, run)
            else:
                lost(runs, owner)
        number = -1
        if name >= 0 and start >= 0:
            tag = TAGS + 2 * name
            if learned >= 0:
                number = _note(data, start, stop - start, span, tag, plain, attributes, counts, slots, texts, kept)
                if number < 0:
                    return -1
            elif not _note_later(start, stop - start, span, tag, plain, attributes, counts):
                return -1
        if step >= 0:
            step += 1
        elif learned >= 0 and learn(runs, run, learned, at - first, after - first, number, head):
            learned += 1
        if head >= 0:
            previous = head
        at = w.next_element(data, after, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    if learned > 0:
        settle(data, first, runs, run, owner)
    return at + 1
