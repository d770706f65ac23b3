"""Compiled loops over OTLP JSON: requests and ResourceSpans as the Collector writes them.

A span with anything unusual is marked as odd, a unit of another shape is left out; both go to the readable reader, so
that being strict costs time only. Functions that walk over a part of the text return where it ends, -1 where it is odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, intern
from analysis._kernels.json_bytes import key_end, space_end, value_end
from analysis._kernels.wide_reads import alike, byte, first_bit
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._otlp_scan_span import span_at
from analysis.sources._scan_found import Found

__all__ = ["BLOCK", "REQUEST", "scan_units"]

#: What a unit is: a whole request, or one element of its ``resourceSpans``.
REQUEST, BLOCK = 0, 1
#: Bytes that are compared together.
_WIDTH: Final = 32
_ALL: Final = np.uint64((1 << _WIDTH) - 1)

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def scan_units(
    data: Bytes, units: Int64s, names: Names, event_names: Names, found: Found, left_out: NDArray[np.bool_]
) -> None:
    """Scan units, and mark those that are of another shape or no JSON.

    Parameters
    ----------
    data
        Bytes, padded.
    units
        For each unit where it begins, where it ends, and what it is; -1 is none to scan.
    names, event_names
        Attributes whose values are kept: of spans, and of exceptions.
    found
        Where spans and their texts go.
    left_out
        For each unit; filled.
    """
    counts = found.counts
    for unit in range(len(units)):
        begin, end = units[unit, 0], units[unit, 1]
        if units[unit, 2] < 0:
            left_out[unit] = True
            continue
        found_in.remember(counts)
        at = space_end(data, begin)
        if units[unit, 2] == REQUEST:
            at = _request(data, at, end, unit, names, event_names, found)
        else:
            at = _block(data, at, end, unit, 0, names, event_names, found)
        # White space between units does not end one: a walk may have gone on into the next.
        whole = 0 <= at <= end and space_end(data, at) >= end
        whole = _look_up(data, found) and whole
        left_out[unit] = not whole
        if not whole:
            found_in.forget(counts)


@walker
def _look_up(data: Bytes, found: Found) -> bool:
    return found_in.look_up(data, found.spans, found.attributes, found.counts, found.slots, found.texts, found.kept)


@walker
def _request(data: Bytes, at: int, end: int, unit: int, names: Names, event_names: Names, found: Found) -> int:
    if byte(data, at) != w.OPEN_OBJECT:
        return -1
    blocks = 0
    seen = False
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        if close < 0:
            return -1
        field = w.word_number(data, at, close)
        if field == w.RESOURCE_SPANS:
            if seen or byte(data, value) != w.OPEN_ARRAY:
                return -1
            seen = True
            at = space_end(data, value + 1)
            while byte(data, at) != w.CLOSE_ARRAY:
                at = _block(data, at, end, unit, blocks, names, event_names, found)
                if at < 0:
                    return -1
                blocks += 1
                at = w.next_element(data, at, w.CLOSE_ARRAY)
                if at < 0:
                    return -1
            at += 1
        elif field == w.LOGS:
            return -1
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1 if blocks else -1


@walker
def _block(
    data: Bytes, at: int, end: int, unit: int, ordinal: int, names: Names, event_names: Names, found: Found
) -> int:
    """Walk over a ResourceSpans."""
    blocks = found.blocks
    number = found.counts[found_in.BLOCKS]
    if byte(data, at) != w.OPEN_OBJECT or number >= len(blocks):
        return -1
    blocks[number, 0], blocks[number, 1], blocks[number, 2] = unit, ordinal, -1
    found.counts[found_in.BLOCKS] = number + 1
    scopes = 0
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
        if field == w.SCOPE_SPANS:
            if byte(data, value) != w.OPEN_ARRAY:
                return -1
            at = space_end(data, value + 1)
            while byte(data, at) != w.CLOSE_ARRAY:
                at = _scope(data, at, end, number, scopes, names, event_names, found)
                if at < 0:
                    return -1
                scopes += 1
                at = w.next_element(data, at, w.CLOSE_ARRAY)
                if at < 0:
                    return -1
            at += 1
        elif field == w.OLD_SPANS:
            return -1
        elif field == w.RESOURCE and byte(data, value) != w.NULL:
            at, blocks[number, 2] = _resource(data, value, end, found)
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1 if seen & (1 << w.SCOPE_SPANS) else -1


@walker
def _resource(data: Bytes, at: int, end: int, found: Found) -> tuple[int, int]:
    """Walk over a resource; return also its number.

    Exporters repeat their resources in the same order: those that came last after the one before are compared first.
    """
    texts, kept, counts = found.texts, found.kept, found.counts
    previous = counts[found_in.LAST_RESOURCE]
    if previous >= 0:
        for column in (found_in.NEXT, found_in.OTHER):
            guess = texts[previous, column]
            if guess >= 0 and _is_same(data, at, kept, texts[guess, 0], texts[guess, 1]):
                counts[found_in.LAST_RESOURCE] = guess
                return at + texts[guess, 1], guess
    after = value_end(data, at, end)
    if after < 0:
        return -1, -1
    number = intern(data, at, after - at, found_in.RESOURCE, found.slots, texts, kept, counts)
    if number < 0:
        return -1, -1
    if previous >= 0:
        texts[previous, found_in.OTHER] = texts[previous, found_in.NEXT]
        texts[previous, found_in.NEXT] = number
    counts[found_in.LAST_RESOURCE] = number
    return after, number


@walker
def _is_same(data: Bytes, at: int, kept: NDArray[np.uint64], place: int, length: int) -> bool:
    """Return whether bytes are those of a text that is kept."""
    done = 0
    while done < length:
        found = alike(data, at + done, kept, place + done)
        if found != _ALL:
            return done + first_bit(found ^ _ALL) >= length
        done += _WIDTH
    return True


@walker
def _scope(
    data: Bytes, at: int, end: int, block: int, ordinal: int, names: Names, event_names: Names, found: Found
) -> int:
    """Walk over a ScopeSpans."""
    number = found.counts[found_in.SCOPES]
    if byte(data, at) != w.OPEN_OBJECT or number >= len(found.scopes):
        return -1
    found.scopes[number, 0], found.scopes[number, 1], found.scopes[number, 2] = block, ordinal, -1
    found.counts[found_in.SCOPES] = number + 1
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
        if field == w.SPANS and byte(data, value) == w.OPEN_ARRAY:
            at = _all_spans(data, space_end(data, value + 1), end, number, names, event_names, found)
        elif field == w.SCOPE and byte(data, value) == w.OPEN_OBJECT:
            at, found.scopes[number, 2] = _scope_name(
                data, value, end, found.slots, found.texts, found.kept, found.counts
            )
        elif field == w.OLD_SCOPE or ((field in (w.SPANS, w.SCOPE)) and byte(data, value) != w.NULL):
            return -1
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1


@walker
def _scope_name(
    data: Bytes, at: int, end: int, slots: NDArray[np.uint64], texts: Int64s, kept: NDArray[np.uint64], counts: Int64s
) -> tuple[int, int]:
    """Walk over an InstrumentationScope; return also the number of its name."""
    seen = False
    number = -1
    at = space_end(data, at + 1)
    while byte(data, at) != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        if close < 0:
            return -1, -1
        if w.word_number(data, at, close) == w.NAME:
            if seen:
                return -1, -1
            seen = True
            at, number = w.text_at(data, value, end, slots, texts, kept, counts)
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1, -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1, -1
    return at + 1, number


@walker
def _all_spans(data: Bytes, at: int, end: int, scope: int, names: Names, event_names: Names, found: Found) -> int:
    """Walk over the spans of a scope; what is odd is marked."""
    spans, counts = found.spans, found.counts
    ordinal = 0
    while byte(data, at) != w.CLOSE_ARRAY:
        number = counts[found_in.SPANS]
        if byte(data, at) != w.OPEN_OBJECT or number >= len(spans):
            return -1
        if counts[found_in.WAITING] > found_in.ENOUGH and not _look_up(data, found):
            return -1
        attributes, links = counts[found_in.ATTRIBUTES], counts[found_in.LINKS]
        waiting = counts[found_in.WAITING]
        after = span_at(data, at, end, number, names, event_names, found)
        spans[number, found_in.ODD] = after < 0
        if after < 0:
            after = value_end(data, at, end)
            if after < 0:
                return -1
            counts[found_in.ATTRIBUTES], counts[found_in.LINKS] = attributes, links
            counts[found_in.WAITING] = waiting
        spans[number, found_in.FIRST_BYTE], spans[number, found_in.LAST_BYTE] = at, after
        spans[number, found_in.SCOPE], spans[number, found_in.PLACE] = scope, ordinal
        spans[number, found_in.ATTRIBUTES_END] = counts[found_in.ATTRIBUTES]
        counts[found_in.SPANS] = number + 1
        ordinal += 1
        at = w.next_element(data, after, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1
