"""Compiled loops over one span of Jaeger JSON: its members, reference, tags and logs.

Only what Jaeger writes of most spans is taken: hexadecimal ids, whole microseconds, one reference within the trace at
most, tags with a value, exceptions as OpenTelemetry writes them. Functions that walk over a part of the text return
where it ends, -1 where it is odd.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, find_name
from analysis._kernels.json_bytes import space_end, string_end, value_end
from analysis.sources import _jaeger_scan_words as j
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._jaeger_scan_tags import logs_at, tags_at
from analysis.sources._scan_found import Found
from analysis.sources._scan_numbers import identity_at, whole_at

__all__ = ["span_at"]

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


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
        value, field = j.member_at(data, at, end)
        if value < 0:
            return -1
        if field >= 0:
            if seen & (1 << field):
                return -1
            seen |= 1 << field
        sign = data[value]
        if field == j.TRACE:
            at, span[found_in.HIGH], span[found_in.LOW] = identity_at(data, value)
        elif field == j.SPAN:
            at, high, span[found_in.ID] = identity_at(data, value)
            if high:
                return -1
        elif field == j.NAME:
            at, span[found_in.NAME] = w.text_at(data, value, end, found.slots, found.texts, found.kept, found.counts)
        elif field == j.START:
            at, span[found_in.START] = whole_at(data, value)
        elif field == j.DURATION:
            at, span[found_in.END] = whole_at(data, value)
        elif field == j.PROCESS:
            at, span[found_in.SCOPE] = w.text_at(data, value, end, found.slots, found.texts, found.kept, found.counts)
            if span[found_in.SCOPE] < 0:
                return -1
        elif sign == w.NULL or field < 0 or field > j.FLAT_TAGS:
            if field == j.PARENT:
                seen ^= 1 << j.PARENT
            at = value_end(data, value, end)
        elif field == j.TAG_LIST:
            at = tags_at(
                data, value, end, serial, span, names, found.attributes, found.counts, found.slots,
                found.texts, found.kept,
            )  # fmt: skip
        elif field == j.LOGS:
            at = logs_at(data, value, end, found.attributes, found.counts, found.slots, found.texts, found.kept)
        elif field == j.REFERENCES:
            at, other_high, other_low = _reference(data, value, end, span)
        elif field == j.PARENT:
            if sign == w.QUOTE and data[value + 1] == w.QUOTE:
                seen ^= 1 << j.PARENT
            at = value_end(data, value, end)
        elif field == j.WARNINGS and sign == w.OPEN_ARRAY:
            at = value_end(data, value, end)
            span[found_in.REMARKED] = data[space_end(data, value + 1)] != w.CLOSE_ARRAY
        else:
            return -1
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    if seen & j.NEEDED != j.NEEDED or not span[found_in.ID] or not (span[found_in.HIGH] or span[found_in.LOW]):
        return -1
    if span[found_in.PARENT]:
        if other_high != span[found_in.HIGH] or other_low != span[found_in.LOW]:
            return -1
    elif seen & (1 << j.PARENT):
        return -1
    span[found_in.END] += span[found_in.START]
    if span[found_in.END] > j.LATEST:
        return -1
    span[found_in.START] *= 1000
    span[found_in.END] *= 1000
    return at + 1


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
        value, field = j.member_at(data, at, end)
        if value < 0 or (field >= 0 and seen & (1 << field)):
            return -1, 0, 0
        if field >= 0:
            seen |= 1 << field
        if field == j.TRACE:
            at, high, low = identity_at(data, value)
        elif field == j.SPAN:
            at, upper, span[found_in.PARENT] = identity_at(data, value)
            if upper:
                return -1, 0, 0
        elif field == j.TYPE:
            at = -1
            if data[value] == w.QUOTE:
                close, _ = string_end(data, value + 1, end)
                if close >= 0:
                    kind = find_name(data, value + 1, close - value - 1, j.TYPE_SLOTS, j.TYPE_BOUNDS, j.TYPE_TEXT)
                    span[found_in.ASYNCHRONOUS] = kind
                    at = close + 1 if kind >= 0 else -1
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1, 0, 0
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1, 0, 0
    if (
        seen & (1 << j.TRACE | 1 << j.SPAN | 1 << j.TYPE) != (1 << j.TRACE | 1 << j.SPAN | 1 << j.TYPE)
        or not span[found_in.PARENT]
    ):
        return -1, 0, 0
    at = w.next_element(data, at + 1, w.CLOSE_ARRAY)
    return at + 1 if at >= 0 and data[at] == w.CLOSE_ARRAY else -1, high, low
