"""Compiled loops over tags and logs of one span of Jaeger JSON.

Tags with a value are taken, and exceptions as OpenTelemetry writes them. Functions that walk over a part of the text
return where it ends, -1 where it is odd.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, find_name, intern
from analysis._kernels.json_bytes import key_end, space_end, string_end, value_end
from analysis._kernels.wide_reads import word
from analysis.sources import _jaeger_scan_words as j
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._scan_found import EVENT_TAGS, TAGS

__all__ = ["logs_at", "tags_at"]

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def _pair(data: Bytes, at: int, end: int) -> tuple[int, int, int, int, int, bool]:
    """Walk over a tag or field; return also where the text of its key begins and ends, and its value, -1 for none.

    Last it returns whether the value is a text that stands as it is.
    """
    if data[at] != w.OPEN_OBJECT:
        return -1, -1, -1, -1, -1, False
    first, last, begins, ends, plain = -1, -1, -1, -1, False
    if word(data, at) == j.PAIR_START:
        close, escapes = string_end(data, at + 8, end)
        if close < 0 or escapes:
            return -1, -1, -1, -1, -1, False
        if (
            word(data, close + 1) == j.TYPE_START
            and word(data, close + 9) == j.STRING
            and word(data, close + 17) == j.VALUE_START
            and data[close + 25] == w.COLON
            and data[close + 26] == w.QUOTE
        ):
            stop, escapes = string_end(data, close + 27, end)
            if stop >= 0 and data[stop + 1] == w.CLOSE_OBJECT:
                return stop + 2, at + 8, close, close + 26, stop + 1, not escapes
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        start = word(data, at)
        is_key, is_value = start & j.FIVE == j.KEY_WORD, start & j.SEVEN == j.VALUE_WORD
        close = at + 4 if is_key else at + 6 if is_value else at + 5 if start & j.SIX == j.TYPE_WORD else -1
        if close >= 0 and data[close + 1] == w.COLON:
            value = space_end(data, close + 2)
        else:
            close, value = key_end(data, at, end)
            if close < 0:
                return -1, -1, -1, -1, -1, False
        escapes = True
        if data[value] == w.QUOTE:
            stop, escapes = string_end(data, value + 1, end)
            at = stop + 1 if stop >= 0 else -1
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1, -1, -1, -1, -1, False
        if is_key:
            if first >= 0 or data[value] != w.QUOTE or escapes:
                return -1, -1, -1, -1, -1, False
            first, last = value + 1, at - 1
        elif is_value:
            if begins >= 0:
                return -1, -1, -1, -1, -1, False
            begins, ends, plain = value, at, not escapes
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1, -1, -1, -1, -1, False
    return (at + 1 if first >= 0 else -1), first, last, begins, ends, plain


@walker
def _is_usual(data: Bytes, begins: int, ends: int) -> bool:
    """Return whether a value is a text, a truth value, or a number that every decoder reads alike."""
    sign = data[begins]
    if sign == j.MINUS or w.ZERO <= sign <= w.NINE:
        for at in range(begins, ends):
            if not (w.ZERO <= data[at] <= w.NINE or data[at] == j.POINT or data[at] == j.MINUS):
                return False
        return ends - begins <= j.MOST_DIGITS
    return bool(sign not in (w.NULL, w.OPEN_OBJECT, w.OPEN_ARRAY))


@walker
def _said(data: Bytes, begins: int, ends: int, plain: bool) -> int:
    """Return which of the usual things a value says, in quotes or not; -1 for another."""
    inside = 1 if plain else 0
    return find_name(data, begins + inside, ends - begins - 2 * inside, j.SAID_SLOTS, j.SAID_BOUNDS, j.SAID_TEXT)


@walker
def tags_at(
    data: Bytes,
    at: int,
    end: int,
    serial: int,
    span: Int64s,
    names: Names,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> int:
    """Walk over tags; what is known is kept."""
    if data[at] != w.OPEN_ARRAY:
        return -1
    seen = 0
    failed = False
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_ARRAY:
        at, first, last, begins, ends, plain = _pair(data, at, end)
        if at < 0:
            return -1
        name = find_name(data, first, last - first, names.slots, names.bounds, names.text)
        if name >= 0 and (begins < 0 or not _is_usual(data, begins, ends)):
            return -1
        if name >= len(j.SPECIAL):
            key = name - len(j.SPECIAL)
            if counts[found_in.LAST_SEEN + key] == serial:
                return -1
            counts[found_in.LAST_SEEN + key] = serial
            inside = 1 if plain else 0
            tag = TAGS + 2 * key + 1 - inside
            number = intern(data, begins + inside, ends - begins - 2 * inside, tag, slots, texts, kept, counts)
            count = counts[found_in.ATTRIBUTES]
            if number < 0 or count >= len(attributes):
                return -1
            attributes[count] = number
            counts[found_in.ATTRIBUTES] = count + 1
        elif name >= 0:
            if seen & (1 << name):
                return -1
            seen |= 1 << name
            if name in (j.KIND, j.STATUS, j.ERROR):
                said = _said(data, begins, ends, plain)
                if name == j.ERROR and j.TRUE <= said <= j.FALSE:
                    failed = said == j.TRUE
                elif name == j.STATUS and plain and j.UNSET <= said <= j.FAILED:
                    span[found_in.STATUS] = said - j.UNSET
                elif name == j.KIND and plain and said >= j.FIRST_KIND:
                    span[found_in.KIND] = said - j.FIRST_KIND
                else:
                    return -1
            elif name in (j.MESSAGE, j.STATE):
                done, number = w.text_at(data, begins, end, slots, texts, kept, counts)
                if done < 0:
                    return -1
                span[found_in.MESSAGE if name == j.MESSAGE else found_in.STATE] = number
            elif name == j.SAMPLER and (not plain or ends - begins == j.PROBABILISTIC_LENGTH + 2):
                return -1
        at = w.next_element(data, at, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    if failed and span[found_in.STATUS] == 0:
        span[found_in.STATUS] = 2
    return at + 1


@walker
def logs_at(
    data: Bytes,
    at: int,
    end: int,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> int:
    """Walk over logs; of the first exception type and message are kept."""
    if data[at] != w.OPEN_ARRAY:
        return -1
    taken = False
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_ARRAY:
        if taken:
            at = value_end(data, at, end)
        else:
            at, taken = _log(data, at, end, attributes, counts, slots, texts, kept)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1


@walker
def _log(
    data: Bytes,
    at: int,
    end: int,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> tuple[int, bool]:
    """Walk over a log; return also whether it is an exception."""
    if data[at] != w.OPEN_OBJECT:
        return -1, False
    seen, exception, has_fields = 0, False, False
    kind_begins, kind_ends, message_begins, message_ends, message_tag = 0, 0, 0, 0, 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = j.member_at(data, at, end)
        if value < 0:
            return -1, False
        if field == j.FIELDS and data[value] != w.NULL:
            if has_fields or data[value] != w.OPEN_ARRAY:
                return -1, False
            has_fields = True
            at = space_end(data, value + 1)
            while data[at] != w.CLOSE_ARRAY:
                at, first, last, begins, ends, plain = _pair(data, at, end)
                if at < 0:
                    return -1, False
                name = find_name(data, first, last - first, j.FIELD_SLOTS, j.FIELD_BOUNDS, j.FIELD_TEXT)
                if name >= 0:
                    if seen & (1 << name) or begins < 0 or data[begins] != w.QUOTE:
                        return -1, False
                    if not plain and name != j.EXCEPTION_MESSAGE:
                        return -1, False
                    seen |= 1 << name
                if name == j.EVENT:
                    event = find_name(data, begins + 1, ends - begins - 2, j.EVENT_SLOTS, j.EVENT_BOUNDS, j.EVENT_TEXT)
                    exception = exception or event >= 0
                elif name == j.EXCEPTION_TYPE:
                    exception = True
                    kind_begins, kind_ends = begins + 1, ends - 1
                elif name == j.EXCEPTION_MESSAGE:
                    inside = 1 if plain else 0
                    message_begins, message_ends = begins + inside, ends - inside
                    message_tag = EVENT_TAGS + 3 - inside
                elif 0 <= name < j.FIRST_MESSAGE:
                    return -1, False
                at = w.next_element(data, at, w.CLOSE_ARRAY)
                if at < 0:
                    return -1, False
            at += 1
        else:
            # Whichever of two comes last counts.
            if field == j.FIELDS:
                if has_fields:
                    return -1, False
                has_fields = True
            at = value_end(data, value, end)
        if at < 0:
            return -1, False
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1, False
    if exception:
        count = counts[found_in.ATTRIBUTES]
        if kind_ends == kind_begins or seen >> j.FIRST_MESSAGE or count + 2 > len(attributes):
            return -1, False
        number = intern(data, kind_begins, kind_ends - kind_begins, EVENT_TAGS, slots, texts, kept, counts)
        if number < 0:
            return -1, False
        attributes[count] = number
        counts[found_in.ATTRIBUTES] = count + 1
        if message_ends > message_begins:
            number = intern(
                data, message_begins, message_ends - message_begins, message_tag, slots, texts, kept, counts,
            )  # fmt: skip
            if number < 0:
                return -1, False
            attributes[count + 1] = number
            counts[found_in.ATTRIBUTES] = count + 2
    return at + 1, exception
