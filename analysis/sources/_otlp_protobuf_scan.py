"""Compiled loops over OTLP protobuf: blocks of one resource, as every exporter writes them.

Fields that OTLP does not know, that come twice, or whose values are unusual make a span odd, or have the block left
out: the readable reader takes them. Functions that walk over a message return whether it is as expected.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, find_name, intern
from analysis._kernels.wide_reads import swapped, word
from analysis._kernels.wire_bytes import fixed64_at, is_utf8, varint_at
from analysis.sources import _scan_found as found_in
from analysis.sources._otlp_scan_values import FIXED32, FIXED64, LENGTH, VARINT, field_at, is_value
from analysis.sources._scan_found import EVENT_TAGS, TAGS, Found

__all__ = ["scan_blocks"]

#: Fields of a span.
_TRACE, _SPAN, _STATE, _PARENT, _NAME, _KIND, _START, _END, _ATTRIBUTES = range(1, 10)
_EVENTS, _LINKS, _STATUS, _FLAGS = 11, 13, 15, 16
_DROPPED: Final = (10, 12, 14)
_NEEDED: Final = 1 << _TRACE | 1 << _SPAN | 1 << _START | 1 << _END
_KINDS, _STATUSES = 6, 3
_EXCEPTION: Final = np.uint64(int.from_bytes(b"exceptio", "little"))
_N: Final = 110

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def scan_blocks(
    data: Bytes, units: Int64s, names: Names, event_names: Names, found: Found, left_out: NDArray[np.bool_]
) -> None:
    """Scan units, each a ResourceSpans, and mark those that hold anything unexpected.

    Parameters
    ----------
    data
        Bytes, padded.
    units
        For each unit where it begins, and where it ends.
    names, event_names
        Attributes whose values are kept: of spans, and of exceptions.
    found
        Where spans and their texts go.
    left_out
        For each unit; filled.
    """
    counts = found.counts
    for unit in range(len(units)):
        found_in.remember(counts)
        first = counts[found_in.SPANS]
        whole = _block(data, units[unit, 0], units[unit, 1], unit, names, event_names, found)
        # Blocks of logs and metrics look alike from outside: the first record tells.
        whole = whole and counts[found_in.SPANS] > first and found.spans[first, found_in.ODD] == 0
        left_out[unit] = not whole
        if not whole:
            found_in.forget(counts)


@walker
def _block(data: Bytes, at: int, end: int, unit: int, names: Names, event_names: Names, found: Found) -> bool:
    """Walk over a ResourceSpans."""
    blocks = found.blocks
    number = found.counts[found_in.BLOCKS]
    if number >= len(blocks):
        return False
    blocks[number, 0], blocks[number, 1], blocks[number, 2] = unit, 0, -1
    found.counts[found_in.BLOCKS] = number + 1
    scopes = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if kind != LENGTH:
            return False
        if field == 1:
            if blocks[number, 2] >= 0:
                return False
            blocks[number, 2] = intern(
                data, value, after - value, found_in.RESOURCE, found.slots, found.texts, found.kept, found.counts
            )
            if blocks[number, 2] < 0:
                return False
        elif field == 2:
            if not _scope(data, value, after, number, scopes, names, event_names, found):
                return False
            scopes += 1
        elif field != 3 or not is_utf8(data, value, after):
            return False
        at = after
    return True


@walker
def _scope(
    data: Bytes, at: int, end: int, block: int, ordinal: int, names: Names, event_names: Names, found: Found
) -> bool:
    """Walk over a ScopeSpans; spans that are odd are marked."""
    number = found.counts[found_in.SCOPES]
    if number >= len(found.scopes):
        return False
    found.scopes[number, 0], found.scopes[number, 1], found.scopes[number, 2] = block, ordinal, -1
    found.counts[found_in.SCOPES] = number + 1
    spans, counts = found.spans, found.counts
    place = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if kind != LENGTH:
            return False
        if field == 1:
            if found.scopes[number, 2] >= 0:
                return False
            found.scopes[number, 2] = intern(
                data, value, after - value, found_in.SCOPE_TAG, found.slots, found.texts, found.kept, counts
            )
            if found.scopes[number, 2] < 0:
                return False
        elif field == 2:
            row = counts[found_in.SPANS]
            if row >= len(spans):
                return False
            attributes, links = counts[found_in.ATTRIBUTES], counts[found_in.LINKS]
            whole = _span(data, value, after, row, names, event_names, found)
            spans[row, found_in.ODD] = not whole
            if not whole:
                counts[found_in.ATTRIBUTES], counts[found_in.LINKS] = attributes, links
            spans[row, found_in.FIRST_BYTE], spans[row, found_in.LAST_BYTE] = value, after
            spans[row, found_in.SCOPE], spans[row, found_in.PLACE] = number, place
            spans[row, found_in.ATTRIBUTES_END] = counts[found_in.ATTRIBUTES]
            counts[found_in.SPANS] = row + 1
            place += 1
        elif field != 3 or not is_utf8(data, value, after):
            return False
        at = after
    return True


@walker
def _text(
    data: Bytes,
    start: int,
    end: int,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
    counts: Int64s,
) -> tuple[bool, int]:
    """Return whether the bytes are a text that could be kept, and its number; -1 where it is empty."""
    if start == end:
        return True, -1
    if not is_utf8(data, start, end):
        return False, -1
    number = intern(data, start, end - start, found_in.PLAIN, slots, texts, kept, counts)
    return number >= 0, number


@walker
def _span(data: Bytes, at: int, end: int, number: int, names: Names, event_names: Names, found: Found) -> bool:
    """Walk over a span and write it down."""
    span = found.spans[number]
    span[found_in.PARENT] = span[found_in.KIND] = span[found_in.STATUS] = 0
    span[found_in.NAME] = span[found_in.MESSAGE] = span[found_in.STATE] = -1
    span[found_in.HIGH] = span[found_in.LOW] = span[found_in.ID] = 0
    span[found_in.START] = span[found_in.END] = 0
    slots, texts, kept, counts = found.slots, found.texts, found.kept, found.counts
    seen = 0
    exception = False
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if field == 0 or field > _FLAGS:
            return False
        if field not in (_ATTRIBUTES, _EVENTS, _LINKS):
            if seen & (1 << field):
                return False
            seen |= 1 << field
        whole = kind == LENGTH
        if field == _ATTRIBUTES and whole:
            whole = _attribute(data, value, after, number, names, TAGS, found.attributes, counts, slots, texts, kept)
        elif field == _TRACE and whole:
            whole = after - value == 16
            span[found_in.HIGH], span[found_in.LOW] = _big_endian(data, value), _big_endian(data, value + 8)
        elif field == _SPAN and whole:
            whole = after - value == 8
            span[found_in.ID] = _big_endian(data, value)
        elif field == _PARENT and whole:
            whole = after - value in (0, 8)
            span[found_in.PARENT] = _big_endian(data, value) if after > value else 0
        elif field == _NAME and whole:
            whole, span[found_in.NAME] = _text(data, value, after, slots, texts, kept, counts)
        elif field == _STATE and whole:
            whole, span[found_in.STATE] = _text(data, value, after, slots, texts, kept, counts)
        elif field == _EVENTS and whole:
            whole, this = _event(
                data, value, after, number, exception, event_names, found.attributes, counts, slots, texts, kept,
            )  # fmt: skip
            exception = exception or this
        elif field == _LINKS and whole:
            whole = _link(data, value, after, number, found.links, counts)
        elif field == _STATUS and whole:
            whole = _status(data, value, after, span, slots, texts, kept, counts)
        elif field in (_START, _END):
            whole = kind == FIXED64
            span[found_in.START if field == _START else found_in.END] = fixed64_at(data, value)
        elif field == _KIND:
            whole = kind == VARINT
            span[found_in.KIND], _ = varint_at(data, value, after)
            whole = whole and 0 <= span[found_in.KIND] < _KINDS
        elif field in _DROPPED:
            # Anything but 0 is noted.
            whole = kind == VARINT and data[value] == 0
        else:
            whole = field == _FLAGS and kind == FIXED32
        if not whole:
            return False
        at = after
    known = seen & _NEEDED == _NEEDED and bool(span[found_in.HIGH] or span[found_in.LOW]) and bool(span[found_in.ID])
    return bool(known and 0 < span[found_in.START] <= span[found_in.END])


@walker
def _big_endian(data: Bytes, at: int) -> int:
    return int(np.int64(swapped(word(data, at))))


@walker
def _attribute(
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
) -> bool:
    """Walk over an attribute and write it down if its name is known."""
    name = -1
    start, stop = -1, -1
    seen = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if kind != LENGTH or not 1 <= field <= 2 or seen & field:
            return False
        seen |= field
        if field == 1:
            if not is_utf8(data, value, after):
                return False
            name = find_name(data, value, after - value, names.slots, names.bounds, names.text)
        else:
            start, stop = value, after
        at = after
    if start < 0:
        return True
    if name < 0:
        return is_value(data, start, stop)
    if start == stop:
        return True
    field, kind, value, after = field_at(data, start, stop)
    plain = field == 1 and kind == LENGTH and after == stop
    if plain:
        if not is_utf8(data, value, after):
            return False
        start = value
    elif not is_value(data, start, stop):
        return False
    tag = tags + 2 * name
    if counts[found_in.LAST_SEEN + ((tag - TAGS) >> 1)] == span:
        return False
    counts[found_in.LAST_SEEN + ((tag - TAGS) >> 1)] = span
    number = intern(data, start, stop - start, tag if plain else tag + 1, slots, texts, kept, counts)
    count = counts[found_in.ATTRIBUTES]
    if number < 0 or count >= len(attributes):
        return False
    attributes[count] = number
    counts[found_in.ATTRIBUTES] = count + 1
    return True


@walker
def _event(
    data: Bytes,
    at: int,
    end: int,
    span: int,
    taken: bool,
    names: Names,
    attributes: NDArray[np.int32],
    counts: Int64s,
    slots: NDArray[np.uint64],
    texts: Int64s,
    kept: NDArray[np.uint64],
) -> tuple[bool, bool]:
    """Walk over an event; of the first exception the attributes are kept. Return also whether it is one."""
    before = counts[found_in.ATTRIBUTES]
    exception = False
    seen = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if field != 3:
            if seen & (1 << min(field, 5)):
                return False, False
            seen |= 1 << min(field, 5)
        if field == 1 and kind == FIXED64:
            whole = True
        elif field == 2 and kind == LENGTH:
            whole = is_utf8(data, value, after)
            exception = after - value == 9 and word(data, value) == _EXCEPTION and data[value + 8] == _N
        elif field == 3 and kind == LENGTH:
            whole = _attribute(data, value, after, span, names, EVENT_TAGS, attributes, counts, slots, texts, kept)
        else:
            whole = field == 4 and kind == VARINT
        if not whole:
            return False, False
        at = after
    if taken or not exception:
        for place in range(before, counts[found_in.ATTRIBUTES]):
            counts[found_in.LAST_SEEN + ((texts[attributes[place], 2] - TAGS) >> 1)] = -1
        counts[found_in.ATTRIBUTES] = before
    return True, exception


@walker
def _link(data: Bytes, at: int, end: int, span: int, links: Int64s, counts: Int64s) -> bool:
    """Walk over a link to another span."""
    number = counts[found_in.LINKS]
    if number >= len(links):
        return False
    link = links[number]
    link[0], link[1], link[2], link[3] = span, 0, 0, 0
    seen = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if seen & (1 << min(field, 7)):
            return False
        seen |= 1 << min(field, 7)
        if field == 1 and kind == LENGTH:
            whole = after - value == 16
            link[1], link[2] = _big_endian(data, value), _big_endian(data, value + 8)
        elif field == 2 and kind == LENGTH:
            whole = after - value == 8
            link[3] = _big_endian(data, value)
        elif field == 3 and kind == LENGTH:
            whole = is_utf8(data, value, after)
        else:
            whole = (field == 5 and kind == VARINT) or (field == 6 and kind == FIXED32)
        if not whole:
            return False
        at = after
    counts[found_in.LINKS] = number + 1
    return bool((link[1] or link[2]) and link[3])


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
) -> bool:
    seen = 0
    while at < end:
        field, kind, value, after = field_at(data, at, end)
        if not 2 <= field <= 3 or seen & (1 << field):
            return False
        seen |= 1 << field
        if field == 2 and kind == LENGTH:
            whole, span[found_in.MESSAGE] = _text(data, value, after, slots, texts, kept, counts)
        else:
            whole = field == 3 and kind == VARINT
            span[found_in.STATUS], _ = varint_at(data, value, after)
            whole = whole and 0 <= span[found_in.STATUS] < _STATUSES
        if not whole:
            return False
        at = after
    return True
