"""Names of OTLP JSON's members, as its compiled loops look for them, and the small steps that all of them take.

Functions that walk over a part of the text return where it ends, -1 where it is odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import find_name, intern, names_of
from analysis._kernels.json_bytes import key_end, number_end, space_end, string_end
from analysis._kernels.wide_reads import byte, word
from analysis.sources import _scan_found as found_in

#: Names of members, by number.
WORDS: Final = (
    "traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes",
    "status", "events", "links", "traceState", "droppedAttributesCount", "droppedEventsCount", "droppedLinksCount",
    "resourceSpans", "resource", "scopeSpans", "scope", "spans", "resourceLogs", "instrumentationLibrarySpans",
    "instrumentationLibrary", "code", "message", "key", "value",
)  # fmt: skip
(
    TRACE, SPAN, PARENT, NAME, KIND, START, END, ATTRIBUTES, STATUS, EVENTS, LINKS, STATE, _, _, DROPPED_LINKS,
    RESOURCE_SPANS, RESOURCE, SCOPE_SPANS, SCOPE, SPANS, LOGS, OLD_SPANS, OLD_SCOPE, CODE, MESSAGE, KEY, VALUE,
) = range(len(WORDS))  # fmt: skip
#: Constants of the compiled code, which is made anew when this file changes: they depend on nothing else.
_SLOTS, _BOUNDS, _TEXT = names_of(WORDS)
#: Signs.
QUOTE, COMMA, COLON, ZERO, NINE = 34, 44, 58, 48, 57
#: What begins null, and ends "exception".
NULL = N = 110
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 123, 125, 91, 93


def little_endian(text: bytes) -> np.uint64:
    """Return up to eight bytes as they are compared."""
    return np.uint64(int.from_bytes(text, "little"))


#: Members of a span with their quotes, a word at a time: most spans are written by the same exporters.
_SIX: Final = np.uint64((1 << 48) - 1)
_THREE: Final = np.uint64((1 << 24) - 1)
_FOUR: Final = np.uint64((1 << 32) - 1)
_TRACE_WORD: Final = little_endian(b'"traceId')
_SPAN_WORD: Final = little_endian(b'"spanId"')
_PARENT_WORD, _PARENT_REST = little_endian(b'"parentS'), little_endian(b'panId"')
_NAME_WORD, _KIND_WORD = little_endian(b'"name"'), little_endian(b'"kind"')
_START_WORD, _START_REST, _START_LAST = (little_endian(text) for text in (b'"startTi', b"meUnixNa", b'no"'))
_END_WORD, _END_REST = little_endian(b'"endTime'), little_endian(b"UnixNano")
_ATTRIBUTES_WORD, _ATTRIBUTES_REST = little_endian(b'"attribu'), little_endian(b'tes"')
_FLAGS_WORD: Final = little_endian(b'"flags":')
_STATUS_WORD, _EVENTS_WORD = little_endian(b'"status"'), little_endian(b'"events"')

#: Odd, its bits well mixed, and how many of a product are left out.
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF, _HIGHEST = np.uint64(32), np.uint64(40)

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def word_number(data: Bytes, quote: int, close: int) -> int:
    """Return the number of the name between two quotes; -1 where it is none that matters."""
    return find_name(data, quote + 1, close - quote - 1, _SLOTS, _BOUNDS, _TEXT)


@walker
def field_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the value of a span's member begins, -1 where the key is odd, and the number of its name."""
    start = word(data, at)
    close = -1
    field = -1
    if start == _FLAGS_WORD:
        return space_end(data, at + 8), -1
    if start == _TRACE_WORD:
        close, field = at + 8, TRACE
    elif start == _SPAN_WORD:
        close, field = at + 7, SPAN
    elif start == _ATTRIBUTES_WORD and word(data, at + 8) & _FOUR == _ATTRIBUTES_REST:
        close, field = at + 11, ATTRIBUTES
    elif start == _START_WORD and word(data, at + 8) == _START_REST and word(data, at + 16) & _THREE == _START_LAST:
        close, field = at + 18, START
    elif start == _END_WORD and word(data, at + 8) == _END_REST:
        close, field = at + 16, END
    elif start & _SIX == _NAME_WORD:
        close, field = at + 5, NAME
    elif start & _SIX == _KIND_WORD:
        close, field = at + 5, KIND
    elif start == _PARENT_WORD and word(data, at + 8) & _SIX == _PARENT_REST:
        close, field = at + 13, PARENT
    elif start == _STATUS_WORD:
        close, field = at + 7, STATUS
    elif start == _EVENTS_WORD:
        close, field = at + 7, EVENTS
    if close > 0 and byte(data, close) == QUOTE and byte(data, close + 1) == COLON:
        return space_end(data, close + 2), field
    close, value = key_end(data, at, end)
    return value, word_number(data, at, close) if close >= 0 else -1


@walker
def next_element(data: Bytes, at: int, closing: int) -> int:
    """Return where the next element stands, or the closing bracket."""
    if byte(data, at) == closing:
        return at
    at = space_end(data, at)
    if byte(data, at) == COMMA:
        at = space_end(data, at + 1)
        return at if byte(data, at) != closing else -1
    return at if byte(data, at) == closing else -1


@walker
def text_at(
    data: Bytes, at: int, end: int, slots: NDArray[np.uint64], texts: Int64s, kept: NDArray[np.uint64], counts: Int64s
) -> tuple[int, int]:
    """Walk over a string; return also the number of its text, -1 where it is empty."""
    if byte(data, at) != QUOTE:
        return -1, -1
    close, escapes = string_end(data, at + 1, end)
    if close < 0:
        return -1, -1
    if close == at + 1:
        return close + 1, -1
    tag = found_in.ESCAPED if escapes else found_in.PLAIN
    number = intern(data, at + 1, close - at - 1, tag, slots, texts, kept, counts)
    return (close + 1 if number >= 0 else -1), number


@walker
def text_later(data: Bytes, at: int, end: int, counts: Int64s, place: int) -> tuple[int, int]:
    """Walk over a string that is looked up later; return also a number that few others share."""
    if byte(data, at) != QUOTE:
        return -1, 0
    close, escapes = string_end(data, at + 1, end)
    if close < 0:
        return -1, 0
    length = close - at - 1
    if length == 0:
        return close + 1, 0
    tag = found_in.ESCAPED if escapes else found_in.PLAIN
    # The quotes count as well, so that there are eight bytes.
    mixed = (word(data, at) ^ np.uint64(length)) * _SPREAD
    mixed = (mixed ^ (mixed >> _HALF) ^ word(data, close - 7)) * _SPREAD
    mixed = (mixed ^ (mixed >> _HALF) ^ word(data, at + (length >> 1))) * _SPREAD
    known = found_in.later(counts, at + 1, length, tag, place)
    return (close + 1 if known else -1), int(np.int64(mixed >> _HIGHEST))


@walker
def enumerated_at(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Return where the name or digits of an enumerated value begin, and where they end; a quote may follow."""
    if byte(data, at) == QUOTE:
        close, escapes = string_end(data, at + 1, end)
        return at + 1, -1 if escapes else close
    return at, number_end(data, at)
