"""Compiled loops over one span of OTLP JSON: its members, attributes, events and links.

Only what every exporter writes is taken: hexadecimal ids of full length, times as texts of nineteen digits, kinds and
statuses by number or name. Functions that walk over a part of the text return where it ends, -1 where it is odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.digits import hexadecimal_at, nineteen_digits_at
from analysis._kernels.interning import Names, find_name, names_of
from analysis._kernels.json_bytes import key_end, space_end, string_end, value_end
from analysis._kernels.wide_reads import byte, word
from analysis.schema import KINDS, STATUSES
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._otlp_scan_attributes import attributes_at, event_attributes_at
from analysis.sources._scan_found import TAGS, Found

__all__ = ["span_at"]

_NEEDED: Final = 1 << w.TRACE | 1 << w.SPAN | 1 << w.START | 1 << w.END
#: Other spellings of kinds and statuses are left to the readable reader.
_KIND_NAMES: Final = (*"012345", *(f"SPAN_KIND_{kind.upper()}" for kind in KINDS))
_STATUS_NAMES: Final = (*"012", *(f"STATUS_CODE_{status.upper()}" for status in STATUSES))
_KIND_SLOTS, _KIND_BOUNDS, _KIND_TEXT = names_of(_KIND_NAMES)
_STATUS_SLOTS, _STATUS_BOUNDS, _STATUS_TEXT = names_of(_STATUS_NAMES)
_KINDS: Final = len(KINDS)
_EXCEPTION: Final = w.little_endian(b"exceptio")

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def span_at(data: Bytes, at: int, end: int, number: int, names: Names, event_names: Names, found: Found) -> int:
    """Walk over a span and write it down; -1 where it holds anything unusual."""
    span = found.spans[number]
    span[found_in.PARENT] = span[found_in.KIND] = span[found_in.STATUS] = 0
    span[found_in.NAME] = span[found_in.MESSAGE] = span[found_in.STATE] = -1
    seen = 0
    # What tells spans of one name from others.
    owner = 0
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_OBJECT:
        value, field = w.field_at(data, at, end)
        if value < 0:
            return -1
        if field >= 0:
            if seen & (1 << field):
                return -1
            seen |= 1 << field
        sign = byte(data, value)
        if field < 0 or field > w.DROPPED_LINKS:
            at = value_end(data, value, end)
        elif field == w.TRACE:
            at = value + 34
            high_known, span[found_in.HIGH] = hexadecimal_at(data, value + 1)
            low_known, span[found_in.LOW] = hexadecimal_at(data, value + 17)
            if sign != w.QUOTE or not high_known or not low_known or byte(data, value + 33) != w.QUOTE:
                return -1
        elif field == w.SPAN or (field == w.PARENT and byte(data, value + 1) != w.QUOTE):
            at = value + 18
            known, span[found_in.ID if field == w.SPAN else found_in.PARENT] = hexadecimal_at(data, value + 1)
            if sign != w.QUOTE or not known or byte(data, value + 17) != w.QUOTE:
                return -1
        elif field == w.PARENT:
            at = value + 2 if sign == w.QUOTE else -1
        elif field in (w.START, w.END):
            at = value + 21
            known, span[found_in.START if field == w.START else found_in.END] = nineteen_digits_at(data, value + 1)
            if sign != w.QUOTE or not known or byte(data, value + 20) != w.QUOTE:
                return -1
        elif field == w.NAME:
            at, owner = w.text_later(data, value, end, found.counts, -1 - number)
        elif field == w.STATE:
            at, span[found_in.STATE] = w.text_at(data, value, end, found.slots, found.texts, found.kept, found.counts)
        elif field == w.KIND:
            if byte(data, value + 1) == w.COMMA and w.ZERO <= sign < w.ZERO + _KINDS:
                at, span[found_in.KIND] = value + 1, sign - w.ZERO
            else:
                place, at = w.enumerated_at(data, value, end)
                kind = find_name(data, place, at - place, _KIND_SLOTS, _KIND_BOUNDS, _KIND_TEXT) if at >= 0 else -1
                if kind < 0:
                    return -1
                span[found_in.KIND] = kind % _KINDS
                at += sign == w.QUOTE
        elif sign == w.NULL:
            at = value_end(data, value, end)
        elif field == w.ATTRIBUTES:
            at = attributes_at(
                data, value, end, number, names, owner, found.attributes, found.counts, found.slots,
                found.texts, found.kept, found.runs,
            )  # fmt: skip
        elif field == w.STATUS:
            at = _status(data, value, end, span, found.slots, found.texts, found.kept, found.counts)
        elif field == w.EVENTS:
            at = _events(
                data, value, end, number, event_names, found.attributes, found.counts, found.slots,
                found.texts, found.kept,
            )  # fmt: skip
        elif field == w.LINKS:
            at = _links(data, value, end, number, found.links, found.counts)
        else:
            # Counts of what was dropped: anything but 0 is noted.
            at = value_end(data, value, end)
            if sign != w.ZERO or at != value + 1:
                return -1
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    if seen & _NEEDED != _NEEDED or span[found_in.END] < span[found_in.START]:
        return -1
    return at + 1 if (span[found_in.HIGH] or span[found_in.LOW]) and span[found_in.ID] else -1


@walker
def _links(data: Bytes, at: int, end: int, span: int, links: Int64s, counts: Int64s) -> int:
    """Walk over links to other spans."""
    if byte(data, at) != w.OPEN_ARRAY:
        return -1
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_ARRAY:
        number = counts[found_in.LINKS]
        if byte(data, at) != w.OPEN_OBJECT or number >= len(links):
            return -1
        link = links[number]
        seen = 0
        at = space_end(data, at + 1)
        while byte(data, at) != w.CLOSE_OBJECT:
            value, field = w.field_at(data, at, end)
            if value < 0:
                return -1
            if field in (w.TRACE, w.SPAN):
                if seen & (1 << field) or byte(data, value) != w.QUOTE:
                    return -1
                seen |= 1 << field
                high_known, high = hexadecimal_at(data, value + 1)
                low_known, low = high_known, high
                at = value + 18
                if field == w.TRACE:
                    low_known, low = hexadecimal_at(data, value + 17)
                    at = value + 34
                if not high_known or not low_known or byte(data, at - 1) != w.QUOTE:
                    return -1
                if field == w.TRACE:
                    link[1], link[2] = high, low
                else:
                    link[3] = low
            else:
                at = value_end(data, value, end)
            if at < 0:
                return -1
            at = w.next_element(data, at, w.CLOSE_OBJECT)
            if at < 0:
                return -1
        whole = seen == (1 << w.TRACE | 1 << w.SPAN)
        if not whole or not (link[1] or link[2]) or not link[3]:
            return -1
        link[0] = span
        counts[found_in.LINKS] = number + 1
        at = w.next_element(data, at + 1, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1


@walker
def _status(
    data: Bytes,
    at: int,
    end: int,
    span: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
    counts: Int64s,
) -> int:
    if byte(data, at) != w.OPEN_OBJECT:
        return -1
    seen = 0
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        if close < 0:
            return -1
        field = w.word_number(data, at, close)
        if field >= 0:
            if seen & (1 << field):
                return -1
            seen |= 1 << field
        if field == w.CODE:
            place, at = w.enumerated_at(data, value, end)
            code = find_name(data, place, at - place, _STATUS_SLOTS, _STATUS_BOUNDS, _STATUS_TEXT) if at >= 0 else -1
            if code < 0:
                return -1
            span[found_in.STATUS] = code % 3
            at += byte(data, value) == w.QUOTE
        elif field == w.MESSAGE:
            at, span[found_in.MESSAGE] = w.text_at(data, value, end, slots, texts, kept, counts)
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1


@walker
def _events(
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
    """Walk over events; of the first exception the attributes are kept."""
    if byte(data, at) != w.OPEN_ARRAY:
        return -1
    taken = False
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_ARRAY:
        if byte(data, at) != w.OPEN_OBJECT:
            return -1
        before = counts[found_in.ATTRIBUTES]
        exception = False
        seen = 0
        at = space_end(data, at + 1)
        while byte(data, at) != w.CLOSE_OBJECT:
            close, value = key_end(data, at, end)
            if close < 0:
                return -1
            field = w.word_number(data, at, close)
            if field >= 0:
                if seen & (1 << field):
                    return -1
                seen |= 1 << field
            if field == w.NAME and byte(data, value) == w.QUOTE:
                close, escapes = string_end(data, value + 1, end)
                if close < 0 or escapes:
                    return -1
                # "exception" is a word and one letter more.
                exception = close - value == 10 and word(data, value + 1) == _EXCEPTION and byte(data, value + 9) == w.N
                at = close + 1
            elif field == w.ATTRIBUTES and byte(data, value) != w.NULL:
                at = event_attributes_at(data, value, end, span, names, attributes, counts, slots, texts, kept)
            else:
                at = value_end(data, value, end)
            if at < 0:
                return -1
            at = w.next_element(data, at, w.CLOSE_OBJECT)
            if at < 0:
                return -1
        if exception and not taken:
            taken = True
        else:
            for place in range(before, counts[found_in.ATTRIBUTES]):
                counts[found_in.LAST_SEEN + ((texts[attributes[place], 2] - TAGS) >> 1)] = -1
            counts[found_in.ATTRIBUTES] = before
        at = w.next_element(data, at + 1, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1
