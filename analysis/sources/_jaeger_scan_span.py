"""Compiled loops over one span of Jaeger JSON: its members, reference, tags and logs.

Only what Jaeger writes of most spans is taken: hexadecimal ids, whole microseconds, one reference within the trace at
most, tags with a value, exceptions as OpenTelemetry writes them. Functions that walk over a part of the text return
where it ends, -1 where it is odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, find_name, intern, names_of
from analysis._kernels.json_bytes import key_end, space_end, string_end, value_end
from analysis._kernels.wide_reads import word
from analysis.schema import KINDS
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._scan_found import EVENT_TAGS, KEYS, TAGS, Found

__all__ = ["MEMBERS", "TAG_NAMES", "member_at", "span_at"]

#: Names of members, by number: of spans, references, logs, traces and responses.
MEMBERS: Final = (
    "traceID", "spanID", "operationName", "references", "startTime", "duration", "tags", "logs", "processID",
    "warnings", "parentSpanID", "process", "tag", "refType", "fields", "spans", "processes", "data",
)  # fmt: skip
(
    TRACE, SPAN, NAME, REFERENCES, START, DURATION, TAG_LIST, LOGS, PROCESS, WARNINGS, PARENT, OWN_PROCESS, FLAT_TAGS,
    TYPE, FIELDS, _, _, _,
) = range(len(MEMBERS))  # fmt: skip
_SLOTS, _BOUNDS, _TEXT = names_of(MEMBERS)
_NEEDED: Final = 1 << TRACE | 1 << SPAN | 1 << START | 1 << DURATION | 1 << PROCESS

#: Tags that say what OTLP has members for, and those of Jaeger's samplers.
_SPECIAL: Final = (
    "span.kind", "error", "otel.status_code", "otel.status_description", "w3c.tracestate", "sampler.type",
    "sampler.param",
)  # fmt: skip
_KIND, _ERROR, _STATUS, _MESSAGE, _STATE, _SAMPLER, _PARAMETER = range(len(_SPECIAL))
#: Those first, then :data:`KEYS`; one that is among the first is spelled there as no tag can be.
TAG_NAMES: Final[Names] = names_of((*_SPECIAL, *(f"{key}\0" if key in _SPECIAL else key for key in KEYS)))
#: What these tags say; another spelling is odd.
_SAID: Final = ("true", "false", "UNSET", "OK", "ERROR", *KINDS)
_TRUE, _FALSE, _UNSET, _, _FAILED, _FIRST_KIND = range(6)
_SAID_SLOTS, _SAID_BOUNDS, _SAID_TEXT = names_of(_SAID)
_REFERENCE_TYPES: Final = ("CHILD_OF", "FOLLOWS_FROM")
_TYPE_SLOTS, _TYPE_BOUNDS, _TYPE_TEXT = names_of(_REFERENCE_TYPES)
#: Fields of logs that make them exceptions, or say what went wrong; after the first three they are OpenTracing's.
_FIELDS: Final = (
    "event", "exception.type", "exception.message", "error", "error.kind", "error.object", "message", "error.message",
)  # fmt: skip
_EVENT, _EXCEPTION_TYPE, _EXCEPTION_MESSAGE = range(3)
_FIRST_MESSAGE: Final = 6
_FIELD_SLOTS, _FIELD_BOUNDS, _FIELD_TEXT = names_of(_FIELDS)
_EVENTS: Final = ("error", "exception")
_EVENT_SLOTS, _EVENT_BOUNDS, _EVENT_TEXT = names_of(_EVENTS)

_FIVE, _SIX, _SEVEN = (np.uint64((1 << 8 * length) - 1) for length in (5, 6, 7))
#: How a tag with a text begins, and what stands between its name, its type and its value, a word at a time, where
#: nothing is written but what must be.
_PAIR_START, _TYPE_START, _STRING, _VALUE_START = (
    w.little_endian(text) for text in (b'{"key":"', b',"type":', b'"string"', b',"value"')
)
_KEY_WORD, _TYPE_WORD, _VALUE_WORD = (w.little_endian(text) for text in (b'"key"', b'"type"', b'"value"'))
#: "probabilistic".
_PROBABILISTIC_LENGTH: Final = 13
_MOST_DIGITS: Final = 18
_POINT, _MINUS = 46, 45
#: Microseconds of which there are not too many nanoseconds.
_LATEST: Final = ((1 << 63) - 1) // 1000

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def member_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the value of a member begins, -1 where the key is odd, and the number of its name."""
    close, value = key_end(data, at, end)
    if close < 0:
        return -1, -1
    return value, find_name(data, at + 1, close - at - 1, _SLOTS, _BOUNDS, _TEXT)


@walker
def span_at(data: Bytes, at: int, end: int, number: int, names: Names, found: Found) -> int:
    """Walk over a span and write it down, for its scope the number of its process's id; -1 where it is odd."""
    span = found.spans[number]
    span[found_in.PARENT] = span[found_in.KIND] = span[found_in.STATUS] = 0
    span[found_in.ASYNCHRONOUS] = span[found_in.REMARKED] = span[found_in.ODD] = 0
    span[found_in.NAME] = span[found_in.MESSAGE] = span[found_in.STATE] = -1
    # Numbers of spans are used again when a trace is given up, places are not.
    serial = at
    seen = 0
    other_high, other_low = 0, 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = member_at(data, at, end)
        if value < 0:
            return -1
        if field >= 0:
            if seen & (1 << field):
                return -1
            seen |= 1 << field
        sign = data[value]
        if field == TRACE:
            at, span[found_in.HIGH], span[found_in.LOW] = _identity(data, value)
        elif field == SPAN:
            at, high, span[found_in.ID] = _identity(data, value)
            if high:
                return -1
        elif field == NAME:
            at, span[found_in.NAME] = w.text_at(data, value, end, found.slots, found.texts, found.counts)
        elif field == START:
            at, span[found_in.START] = _whole(data, value)
        elif field == DURATION:
            at, span[found_in.END] = _whole(data, value)
        elif field == PROCESS:
            at, span[found_in.SCOPE] = w.text_at(data, value, end, found.slots, found.texts, found.counts)
            if span[found_in.SCOPE] < 0:
                return -1
        elif sign == w.NULL or field < 0 or field > FLAT_TAGS:
            if field == PARENT:
                seen ^= 1 << PARENT
            at = value_end(data, value, end)
        elif field == TAG_LIST:
            at = _tags(
                data, value, end, serial, span, names, found.attributes, found.counts, found.last_seen, found.slots,
                found.texts,
            )  # fmt: skip
        elif field == LOGS:
            at = _logs(data, value, end, found.attributes, found.counts, found.slots, found.texts)
        elif field == REFERENCES:
            at, other_high, other_low = _reference(data, value, end, span)
        elif field == PARENT:
            if sign == w.QUOTE and data[value + 1] == w.QUOTE:
                seen ^= 1 << PARENT
            at = value_end(data, value, end)
        elif field == WARNINGS and sign == w.OPEN_ARRAY:
            at = value_end(data, value, end)
            span[found_in.REMARKED] = data[space_end(data, value + 1)] != w.CLOSE_ARRAY
        else:
            return -1
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    if seen & _NEEDED != _NEEDED or not span[found_in.ID] or not (span[found_in.HIGH] or span[found_in.LOW]):
        return -1
    if span[found_in.PARENT]:
        if other_high != span[found_in.HIGH] or other_low != span[found_in.LOW]:
            return -1
    elif seen & (1 << PARENT):
        return -1
    span[found_in.END] += span[found_in.START]
    if span[found_in.END] > _LATEST:
        return -1
    span[found_in.START] *= 1000
    span[found_in.END] *= 1000
    return at + 1


@walker
def _identity(data: Bytes, at: int) -> tuple[int, int, int]:
    """Read a text of hexadecimal digits; return where it ends, and its halves as the bits of signed numbers."""
    if data[at] != w.QUOTE:
        return -1, 0, 0
    high = np.uint64(0)
    low = np.uint64(0)
    digits = 0
    at += 1
    while digits <= 32:
        sign = np.int64(data[at])
        if w.ZERO <= sign <= w.NINE:
            worth = sign - w.ZERO
        elif 97 <= (sign | 32) <= 102:
            worth = (sign | 32) - 87
        else:
            break
        high = (high << np.uint64(4)) | (low >> np.uint64(60))
        low = (low << np.uint64(4)) | np.uint64(worth)
        digits += 1
        at += 1
    # With 17 to 20 digits it may be a decimal number.
    if data[at] != w.QUOTE or digits == 0 or digits > 32 or 16 < digits <= 20:
        return -1, 0, 0
    return at + 1, int(np.int64(high)), int(np.int64(low))


@walker
def _whole(data: Bytes, at: int) -> tuple[int, int]:
    """Read a whole number of at most sixteen digits; return where it ends, and its value."""
    value = 0
    first = at
    while w.ZERO <= data[at] <= w.NINE and at < first + 16:
        value = value * 10 + int(data[at]) - w.ZERO
        at += 1
    if at == first or (data[first] == w.ZERO and at > first + 1):
        return -1, 0
    return at, value


@walker
def _reference(data: Bytes, at: int, end: int, span: Int64s) -> tuple[int, int, int]:
    """Walk over the list of at most one reference; return also the halves of its trace id."""
    if data[at] != w.OPEN_ARRAY:
        return -1, 0, 0
    at = space_end(data, at + 1)
    if data[at] == w.CLOSE_ARRAY:
        return at + 1, 0, 0
    if data[at] != w.OPEN_OBJECT:
        return -1, 0, 0
    seen = 0
    high, low = 0, 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = member_at(data, at, end)
        if value < 0 or (field >= 0 and seen & (1 << field)):
            return -1, 0, 0
        if field >= 0:
            seen |= 1 << field
        if field == TRACE:
            at, high, low = _identity(data, value)
        elif field == SPAN:
            at, upper, span[found_in.PARENT] = _identity(data, value)
            if upper:
                return -1, 0, 0
        elif field == TYPE:
            at = -1
            if data[value] == w.QUOTE:
                close, _ = string_end(data, value + 1, end)
                if close >= 0:
                    kind = find_name(data, value + 1, close - value - 1, _TYPE_SLOTS, _TYPE_BOUNDS, _TYPE_TEXT)
                    span[found_in.ASYNCHRONOUS] = kind
                    at = close + 1 if kind >= 0 else -1
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1, 0, 0
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1, 0, 0
    if seen & (1 << TRACE | 1 << SPAN | 1 << TYPE) != (1 << TRACE | 1 << SPAN | 1 << TYPE) or not span[found_in.PARENT]:
        return -1, 0, 0
    at = w.next_element(data, at + 1, w.CLOSE_ARRAY)
    return at + 1 if at >= 0 and data[at] == w.CLOSE_ARRAY else -1, high, low


@walker
def _pair(data: Bytes, at: int, end: int) -> tuple[int, int, int, int, int, bool]:
    """Walk over a tag or field; return also where the text of its key begins and ends, and its value, -1 for none.

    Last it returns whether the value is a text that stands as it is.
    """
    if data[at] != w.OPEN_OBJECT:
        return -1, -1, -1, -1, -1, False
    first, last, begins, ends, plain = -1, -1, -1, -1, False
    if word(data, at) == _PAIR_START:
        close, escapes = string_end(data, at + 8, end)
        if close < 0 or escapes:
            return -1, -1, -1, -1, -1, False
        if (
            word(data, close + 1) == _TYPE_START
            and word(data, close + 9) == _STRING
            and word(data, close + 17) == _VALUE_START
            and data[close + 25] == w.COLON
            and data[close + 26] == w.QUOTE
        ):
            stop, escapes = string_end(data, close + 27, end)
            if stop >= 0 and data[stop + 1] == w.CLOSE_OBJECT:
                return stop + 2, at + 8, close, close + 26, stop + 1, not escapes
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        start = word(data, at)
        is_key, is_value = start & _FIVE == _KEY_WORD, start & _SEVEN == _VALUE_WORD
        close = at + 4 if is_key else at + 6 if is_value else at + 5 if start & _SIX == _TYPE_WORD else -1
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
    if sign == _MINUS or w.ZERO <= sign <= w.NINE:
        for at in range(begins, ends):
            if not (w.ZERO <= data[at] <= w.NINE or data[at] == _POINT or data[at] == _MINUS):
                return False
        return ends - begins <= _MOST_DIGITS
    return bool(sign not in (w.NULL, w.OPEN_OBJECT, w.OPEN_ARRAY))


@walker
def _said(data: Bytes, begins: int, ends: int, plain: bool) -> int:
    """Return which of the usual things a value says, in quotes or not; -1 for another."""
    inside = 1 if plain else 0
    return find_name(data, begins + inside, ends - begins - 2 * inside, _SAID_SLOTS, _SAID_BOUNDS, _SAID_TEXT)


@walker
def _tags(
    data: Bytes,
    at: int,
    end: int,
    serial: int,
    span: Int64s,
    names: Names,
    attributes: NDArray[np.int32],
    counts: Int64s,
    last_seen: Int64s,
    slots: NDArray[np.uint32],
    texts: Int64s,
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
        if name >= len(_SPECIAL):
            key = name - len(_SPECIAL)
            if last_seen[key] == serial:
                return -1
            last_seen[key] = serial
            inside = 1 if plain else 0
            tag = TAGS + 2 * key + 1 - inside
            number = intern(
                data, begins + inside, ends - begins - 2 * inside, tag, slots, texts, counts, found_in.TEXTS
            )
            count = counts[found_in.ATTRIBUTES]
            if number < 0 or count >= len(attributes):
                return -1
            attributes[count] = number
            counts[found_in.ATTRIBUTES] = count + 1
        elif name >= 0:
            if seen & (1 << name):
                return -1
            seen |= 1 << name
            if name in (_KIND, _STATUS, _ERROR):
                said = _said(data, begins, ends, plain)
                if name == _ERROR and _TRUE <= said <= _FALSE:
                    failed = said == _TRUE
                elif name == _STATUS and plain and _UNSET <= said <= _FAILED:
                    span[found_in.STATUS] = said - _UNSET
                elif name == _KIND and plain and said >= _FIRST_KIND:
                    span[found_in.KIND] = said - _FIRST_KIND
                else:
                    return -1
            elif name in (_MESSAGE, _STATE):
                done, number = w.text_at(data, begins, end, slots, texts, counts)
                if done < 0:
                    return -1
                span[found_in.MESSAGE if name == _MESSAGE else found_in.STATE] = number
            elif name == _SAMPLER and (not plain or ends - begins == _PROBABILISTIC_LENGTH + 2):
                return -1
        at = w.next_element(data, at, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    if failed and span[found_in.STATUS] == 0:
        span[found_in.STATUS] = 2
    return at + 1


@walker
def _logs(
    data: Bytes,
    at: int,
    end: int,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint32],
    texts: Int64s,
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
            at, taken = _log(data, at, end, attributes, counts, slots, texts)
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
    slots: NDArray[np.uint32],
    texts: Int64s,
) -> tuple[int, bool]:
    """Walk over a log; return also whether it is an exception."""
    if data[at] != w.OPEN_OBJECT:
        return -1, False
    seen, exception, has_fields = 0, False, False
    kind_begins, kind_ends, message_begins, message_ends, message_tag = 0, 0, 0, 0, 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = member_at(data, at, end)
        if value < 0:
            return -1, False
        if field == FIELDS and data[value] != w.NULL:
            if has_fields or data[value] != w.OPEN_ARRAY:
                return -1, False
            has_fields = True
            at = space_end(data, value + 1)
            while data[at] != w.CLOSE_ARRAY:
                at, first, last, begins, ends, plain = _pair(data, at, end)
                if at < 0:
                    return -1, False
                name = find_name(data, first, last - first, _FIELD_SLOTS, _FIELD_BOUNDS, _FIELD_TEXT)
                if name >= 0:
                    if seen & (1 << name) or begins < 0 or data[begins] != w.QUOTE:
                        return -1, False
                    if not plain and name != _EXCEPTION_MESSAGE:
                        return -1, False
                    seen |= 1 << name
                if name == _EVENT:
                    event = find_name(data, begins + 1, ends - begins - 2, _EVENT_SLOTS, _EVENT_BOUNDS, _EVENT_TEXT)
                    exception = exception or event >= 0
                elif name == _EXCEPTION_TYPE:
                    exception = True
                    kind_begins, kind_ends = begins + 1, ends - 1
                elif name == _EXCEPTION_MESSAGE:
                    inside = 1 if plain else 0
                    message_begins, message_ends = begins + inside, ends - inside
                    message_tag = EVENT_TAGS + 3 - inside
                elif 0 <= name < _FIRST_MESSAGE:
                    return -1, False
                at = w.next_element(data, at, w.CLOSE_ARRAY)
                if at < 0:
                    return -1, False
            at += 1
        else:
            # Whichever of two comes last counts.
            if field == FIELDS:
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
        if kind_ends == kind_begins or seen >> _FIRST_MESSAGE or count + 2 > len(attributes):
            return -1, False
        number = intern(data, kind_begins, kind_ends - kind_begins, EVENT_TAGS, slots, texts, counts, found_in.TEXTS)
        if number < 0:
            return -1, False
        attributes[count] = number
        counts[found_in.ATTRIBUTES] = count + 1
        if message_ends > message_begins:
            number = intern(
                data, message_begins, message_ends - message_begins, message_tag, slots, texts, counts,
                found_in.TEXTS,
            )  # fmt: skip
            if number < 0:
                return -1, False
            attributes[count + 1] = number
            counts[found_in.ATTRIBUTES] = count + 2
    return at + 1, exception
