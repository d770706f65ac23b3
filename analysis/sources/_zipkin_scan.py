"""Compiled loops over Zipkin's JSON: spans, by themselves or in arrays.

What stands for a resource here is written into a scratch area behind the text: the endpoints, whether the span is a
caller's, and the tags that describe the process. Spans of one process that talk to one peer share it. Functions that
walk over a part of the text return where it ends, -1 where it is odd.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import find_name, intern
from analysis._kernels.json_bytes import key_end, space_end, string_end, value_end
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources import _zipkin_scan_words as z
from analysis.sources._scan_found import TAGS, Found
from analysis.sources._scan_numbers import identity_at, whole_at
from analysis.sources._zipkin_scan_words import Tags

__all__ = ["scan_units"]

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def scan_units(
    data: Bytes,
    units: Int64s,
    tags: Tags,
    found: Found,
    left_out: NDArray[np.bool_],
    used: Int64s,
) -> None:
    """Scan units, and mark those that are of another shape or no JSON; unusual spans are only marked.

    Parameters
    ----------
    data
        Bytes, padded, and behind them :data:`analysis.sources._zipkin_scan_words.SCRATCH` more to write to.
    units
        For each unit where it begins, where it ends, and -1 where it is none to scan.
    tags
        Tags whose values are kept.
    found
        Where spans and their texts go.
    left_out
        For each unit; filled.
    used
        For the span at hand where its parts begin and end.
    """
    counts = found.counts
    for unit in range(len(units)):
        begin, end = units[unit, 0], units[unit, 1]
        left_out[unit] = True
        if units[unit, 2] < 0:
            continue
        found_in.remember(counts)
        at = space_end(data, begin)
        if data[at] == w.OPEN_ARRAY:
            at = _all(data, at, end, unit, tags, found, used)
        else:
            at = _one(data, at, end, unit, z.ALONE, z.ALONE, tags, found, used)
        # White space between units does not end one: a walk may have gone on into the next.
        left_out[unit] = not (0 <= at <= end and space_end(data, at) >= end)
        if left_out[unit]:
            found_in.forget(counts)


@walker
def _all(data: Bytes, at: int, end: int, unit: int, tags: Tags, found: Found, used: Int64s) -> int:
    """Walk over an array of spans, or of traces, which are such arrays."""
    place = 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_ARRAY:
        if data[at] == w.OPEN_ARRAY:
            span = 0
            at = space_end(data, at + 1)
            while data[at] != w.CLOSE_ARRAY:
                at = _one(data, at, end, unit, place, span, tags, found, used)
                if at < 0:
                    return -1
                span += 1
                at = w.next_element(data, at, w.CLOSE_ARRAY)
                if at < 0:
                    return -1
            at += 1
        else:
            at = _one(data, at, end, unit, z.ALONE, place, tags, found, used)
            if at < 0:
                return -1
        place += 1
        at = w.next_element(data, at, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1


@walker
def _one(
    data: Bytes,
    at: int,
    end: int,
    unit: int,
    trace: int,
    place: int,
    tags: Tags,
    found: Found,
    used: Int64s,
) -> int:
    """Write down a span; one that holds anything unusual as odd."""
    counts, blocks = found.counts, found.blocks
    number, attributes = counts[found_in.SPANS], counts[found_in.ATTRIBUTES]
    scope, block = counts[found_in.SCOPES], counts[found_in.BLOCKS]
    if data[at] != w.OPEN_OBJECT or number >= len(found.spans) or scope >= len(found.scopes) or block >= len(blocks):
        return -1
    span = found.spans[number]
    span[:] = 0
    span[found_in.NAME] = span[found_in.MESSAGE] = span[found_in.STATE] = -1
    blocks[block, 2] = -1
    after = _span(data, at, end, span, tags, found, used)
    if after >= 0:
        blocks[block, 2] = _resource(data, span[found_in.KIND] in z.CALLERS, found, used)
        if blocks[block, 2] < 0:
            after = -1
    if after < 0:
        span[:] = 0
        span[found_in.NAME] = span[found_in.MESSAGE] = span[found_in.STATE] = -1
        span[found_in.ODD] = 1
        counts[found_in.ATTRIBUTES] = attributes
        after = value_end(data, at, end)
        if after < 0:
            return -1
    blocks[block, 0], blocks[block, 1] = unit, trace
    found.scopes[scope, 0], found.scopes[scope, 1], found.scopes[scope, 2] = block, 0, -1
    span[found_in.SCOPE], span[found_in.PLACE] = scope, place
    span[found_in.FIRST_BYTE], span[found_in.LAST_BYTE] = at, after
    span[found_in.ATTRIBUTES_END] = counts[found_in.ATTRIBUTES]
    counts[found_in.SPANS], counts[found_in.SCOPES], counts[found_in.BLOCKS] = number + 1, scope + 1, block + 1
    return after


@walker
def _span(data: Bytes, at: int, end: int, span: Int64s, tags: Tags, found: Found, used: Int64s) -> int:
    serial = at
    seen = 0
    used[1:] = 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        if close < 0:
            return -1
        field = find_name(data, at + 1, close - at - 1, z.SLOTS, z.BOUNDS, z.TEXT)
        if field >= 0:
            if seen & (1 << field):
                return -1
            seen |= 1 << field
        if field < 0:
            at = value_end(data, value, end)
        elif field == z.TRACE:
            at, span[found_in.HIGH], span[found_in.LOW] = identity_at(data, value)
        elif field == z.SPAN:
            at, high, span[found_in.ID] = identity_at(data, value)
            if high:
                return -1
        elif field == z.START:
            at, span[found_in.START] = whole_at(data, value)
        elif field == z.DURATION:
            at, span[found_in.END] = whole_at(data, value)
        elif data[value] == w.NULL:
            at = value_end(data, value, end)
        elif field == z.PARENT:
            at, high, span[found_in.PARENT] = identity_at(data, value)
            if high:
                return -1
        elif field == z.NAME:
            at, span[found_in.NAME] = w.text_at(data, value, end, found.slots, found.texts, found.kept, found.counts)
        elif field == z.KIND:
            at, span[found_in.KIND] = _kind(data, value, end)
        elif field == z.SHARED:
            at = value_end(data, value, end)
            # true or false: what they end with tells, and a number or a text ends otherwise.
            if at < 0 or data[at - 1] != z.SMALL_E:
                return -1
            span[found_in.SHARED] = data[value] == z.SMALL_T
        elif field == z.TAG_OBJECT:
            at = _tags(data, value, end, serial, span, tags, found, used)
        elif field == z.ANNOTATIONS:
            at = _annotations(data, value, end)
        else:
            if data[value] != w.OPEN_OBJECT:
                return -1
            at = value_end(data, value, end)
            place = 1 if field == z.LOCAL else 3
            used[place], used[place + 1] = value, at
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    if seen & z.NEEDED != z.NEEDED or not span[found_in.ID] or not (span[found_in.HIGH] or span[found_in.LOW]):
        return -1
    span[found_in.END] += span[found_in.START]
    if span[found_in.END] > z.LATEST:
        return -1
    span[found_in.START] *= 1000
    span[found_in.END] *= 1000
    return at + 1


@walker
def _kind(data: Bytes, at: int, end: int) -> tuple[int, int]:
    if data[at] != w.QUOTE:
        return -1, 0
    close, _ = string_end(data, at + 1, end)
    if close < 0:
        return -1, 0
    kind = find_name(data, at + 1, close - at - 1, z.KIND_SLOTS, z.KIND_BOUNDS, z.KIND_TEXT)
    return (close + 1 if kind >= 0 else -1), kind


@walker
def _tags(
    data: Bytes,
    at: int,
    end: int,
    serial: int,
    span: Int64s,
    tags: Tags,
    found: Found,
    used: Int64s,
) -> int:
    """Walk over tags: what is known is kept, those that describe the process in the scratch area."""
    if data[at] != w.OPEN_OBJECT:
        return -1
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        if close < 0:
            return -1
        key = find_name(data, at + 1, close - at - 1, tags.slots, tags.bounds, tags.text)
        if key < 0:
            after = value_end(data, value, end)
        else:
            # Texts only: of other values there are few in a format whose tags are texts.
            if data[value] != w.QUOTE or found.counts[found_in.LAST_SEEN + key] == serial:
                return -1
            found.counts[found_in.LAST_SEEN + key] = serial
            stop, escapes = string_end(data, value + 1, end)
            if stop < 0:
                return -1
            after = stop + 1
            if tags.meaning[key] == z.ERROR:
                if not _failed(data, value, stop, end, span, found):
                    return -1
            elif not _keep(data, value, after, escapes, key, found):
                return -1
            if tags.meaning[key] == z.PROCESS:
                if used[5] + 2 > len(used) - 6:
                    return -1
                used[6 + used[5]], used[7 + used[5]] = at, after
                used[5] += 2
        if after < 0:
            return -1
        at = w.next_element(data, after, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1


@walker
def _keep(data: Bytes, value: int, after: int, escapes: bool, key: int, found: Found) -> bool:
    """Keep a tag; return whether there was room."""
    inside = 0 if escapes else 1
    number = intern(
        data, value + inside, after - value - 2 * inside, TAGS + 2 * key + 1 - inside, found.slots, found.texts,
        found.kept, found.counts,
    )  # fmt: skip
    count = found.counts[found_in.ATTRIBUTES]
    if number < 0 or count >= len(found.attributes):
        return False
    found.attributes[count] = number
    found.counts[found_in.ATTRIBUTES] = count + 1
    return True


@walker
def _failed(data: Bytes, value: int, stop: int, end: int, span: Int64s, found: Found) -> bool:
    """Take the tag ``error``, and its message where it is one; return whether it is a usual one."""
    span[found_in.STATUS] = z.FAILED
    if find_name(data, value + 1, stop - value - 1, z.SAID_SLOTS, z.SAID_BOUNDS, z.SAID_TEXT) >= 0:
        return True
    if stop - value <= z.LONGEST_TRUTH and (data[value + 1] | 32) in z.TRUTHS:
        return False
    _, span[found_in.MESSAGE] = w.text_at(data, value, end, found.slots, found.texts, found.kept, found.counts)
    return bool(span[found_in.MESSAGE] >= 0)


@walker
def _annotations(data: Bytes, at: int, end: int) -> int:
    """Walk over annotations: those of which something is kept are odd."""
    if data[at] != w.OPEN_ARRAY:
        return -1
    first = at
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_ARRAY:
        if data[at] != w.OPEN_OBJECT:
            return -1
        at = value_end(data, at, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    for place in range(first, at):
        # An exception, or what may hide one.
        if data[place] == z.BACKSLASH and data[place + 1] == z.SMALL_U:
            return -1
        if data[place] == z.SMALL_X and data[place - 1] == z.SMALL_E and data[place + 1] == z.SMALL_C:
            return -1
    return at + 1


@walker
def _resource(data: Bytes, is_caller: bool, found: Found, used: Int64s) -> int:
    """Write ``[local, remote, caller, {tags}]`` and return its number."""
    begin = len(data) - z.SCRATCH
    most = len(data) - z.PADDING
    at = _copy(data, z.LEFT, begin, most)
    for place in (1, 3):
        if used[place + 1]:
            at = _copied(data, used[place], used[place + 1], at, most)
        else:
            at = _copy(data, z.NOTHING, at, most)
        at = _copy(data, z.COMMA, at, most)
    at = _copy(data, z.ONE if is_caller else z.NONE, at, most)
    for place in range(6, 6 + used[5], 2):
        if place > 6:
            at = _copy(data, z.COMMA, at, most)
        at = _copied(data, used[place], used[place + 1], at, most)
    at = _copy(data, z.RIGHT, at, most)
    if at < 0:
        return -1
    return intern(data, begin, at - begin, found_in.RESOURCE, found.slots, found.texts, found.kept, found.counts)


@walker
def _copy(data: Bytes, text: Bytes, at: int, most: int) -> int:
    if at < 0 or at + len(text) > most:
        return -1
    for place in range(len(text)):
        data[at + place] = text[place]
    return at + len(text)


@walker
def _copied(data: Bytes, begin: int, end: int, at: int, most: int) -> int:
    if at < 0 or at + end - begin > most:
        return -1
    for place in range(end - begin):
        data[at + place] = data[begin + place]
    return at + end - begin
