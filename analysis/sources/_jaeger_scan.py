"""Compiled loops over Jaeger JSON: traces, by themselves or in responses of the query API.

A sampler's probability holds for a whole trace and processes may stand behind the spans that name them: a trace that
holds anything unusual is left out as a whole, for the readable reader, so that being strict costs time only. Functions
that walk over a part of the text return where it ends, -1 where it is odd.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import Names, intern
from analysis._kernels.json_bytes import key_end, space_end, value_end
from analysis.sources import _otlp_scan_words as w
from analysis.sources import _scan_found as found_in
from analysis.sources._jaeger_scan_span import span_at
from analysis.sources._jaeger_scan_words import MEMBERS, member_at
from analysis.sources._scan_found import Found

__all__ = ["ALONE", "scan_units"]

#: The place of a trace in its unit where it is the unit; in a response it is that in ``data``.
ALONE: Final = -1
_TRACE, _SPANS, _PROCESSES, _DATA = (MEMBERS.index(name) for name in ("traceID", "spans", "processes", "data"))
#: Processes of a trace beyond which it is left out: they are looked for one by one.
_MOST_PROCESSES: Final = 1000

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def scan_units(data: Bytes, units: Int64s, names: Names, found: Found, left_out: NDArray[np.bool_]) -> None:
    """Scan units, and mark those that are of another shape, hold anything unusual, or are no JSON.

    Parameters
    ----------
    data
        Bytes, padded.
    units
        For each unit where it begins, where it ends, and -1 where it is none to scan.
    names
        Tags whose values are kept.
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
        if data[at] != w.OPEN_OBJECT:
            at = -1
        elif _is_response(data, at, end):
            at = _response(data, at, end, unit, names, found)
        else:
            at = _trace(data, at, end, unit, ALONE, names, found)
        # White space between units does not end one: a walk may have gone on into the next.
        whole = 0 <= at <= end and space_end(data, at) >= end
        left_out[unit] = not whole
        if not whole:
            found_in.forget(counts)


@walker
def _is_response(data: Bytes, at: int, end: int) -> bool:
    """Return whether an object holds traces: the first member that tells is ``data``."""
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = member_at(data, at, end)
        if value < 0 or field >= 0:
            return bool(field == _DATA)
        at = value_end(data, value, end)
        if at >= 0:
            at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return False
    return False


@walker
def _response(data: Bytes, at: int, end: int, unit: int, names: Names, found: Found) -> int:
    seen = False
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = member_at(data, at, end)
        if value < 0 or field == _SPANS:
            return -1
        if field == _DATA:
            if seen or data[value] != w.OPEN_ARRAY:
                return -1
            seen = True
            traces = 0
            at = space_end(data, value + 1)
            while data[at] != w.CLOSE_ARRAY:
                at = _trace(data, at, end, unit, traces, names, found)
                if at < 0:
                    return -1
                traces += 1
                at = w.next_element(data, at, w.CLOSE_ARRAY)
                if at < 0:
                    return -1
            at += 1
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1


@walker
def _trace(data: Bytes, at: int, end: int, unit: int, ordinal: int, names: Names, found: Found) -> int:
    """Walk over a trace; its spans are given the scopes of their processes."""
    if data[at] != w.OPEN_OBJECT:
        return -1
    counts = found.counts
    span, scope = counts[found_in.SPANS], counts[found_in.SCOPES]
    seen = 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        value, field = member_at(data, at, end)
        if value < 0:
            return -1
        if field in (_SPANS, _PROCESSES):
            if seen & (1 << field):
                return -1
            seen |= 1 << field
        if field == _SPANS:
            at = _all_spans(data, value, end, names, found)
        elif field == _PROCESSES:
            at = _processes(data, value, end, unit, ordinal, found)
        else:
            at = value_end(data, value, end)
        if at < 0:
            return -1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    if not seen & (1 << _SPANS) or not _assign(span, scope, found.spans, found.scopes, found.blocks, counts):
        return -1
    return at + 1


@walker
def _all_spans(data: Bytes, at: int, end: int, names: Names, found: Found) -> int:
    if data[at] != w.OPEN_ARRAY:
        return -1
    spans, counts = found.spans, found.counts
    ordinal = 0
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_ARRAY:
        number = counts[found_in.SPANS]
        if data[at] != w.OPEN_OBJECT or number >= len(spans):
            return -1
        after = span_at(data, at, end, number, names, found)
        if after < 0:
            return -1
        spans[number, found_in.FIRST_BYTE], spans[number, found_in.LAST_BYTE] = at, after
        spans[number, found_in.PLACE] = ordinal
        spans[number, found_in.ATTRIBUTES_END] = counts[found_in.ATTRIBUTES]
        counts[found_in.SPANS] = number + 1
        ordinal += 1
        at = w.next_element(data, after, w.CLOSE_ARRAY)
        if at < 0:
            return -1
    return at + 1


@walker
def _processes(data: Bytes, at: int, end: int, unit: int, ordinal: int, found: Found) -> int:
    """Make a block and a scope of each process, the scope named by the process's id until spans have found it."""
    if data[at] != w.OPEN_OBJECT:
        return -1
    scopes, blocks, counts = found.scopes, found.blocks, found.counts
    first = counts[found_in.SCOPES]
    at = space_end(data, at + 1)
    while data[at] != w.CLOSE_OBJECT:
        close, value = key_end(data, at, end)
        scope, block = counts[found_in.SCOPES], counts[found_in.BLOCKS]
        if close < 0 or data[value] != w.OPEN_OBJECT or scope >= len(scopes) or block >= len(blocks):
            return -1
        key = intern(data, at + 1, close - at - 1, found_in.PLAIN, found.slots, found.texts, found.kept, counts)
        at = value_end(data, value, end)
        if at < 0 or key < 0 or scope - first >= _MOST_PROCESSES:
            return -1
        for other in range(first, scope):
            if scopes[other, 2] == key:
                return -1
        blocks[block, 0], blocks[block, 1] = unit, ordinal
        blocks[block, 2] = intern(
            data, value, at - value, found_in.RESOURCE, found.slots, found.texts, found.kept, counts
        )
        if blocks[block, 2] < 0:
            return -1
        scopes[scope, 0], scopes[scope, 1], scopes[scope, 2] = block, 0, key
        counts[found_in.SCOPES], counts[found_in.BLOCKS] = scope + 1, block + 1
        at = w.next_element(data, at, w.CLOSE_OBJECT)
        if at < 0:
            return -1
    return at + 1


@walker
def _assign(span: int, scope: int, spans: Int64s, scopes: Int64s, blocks: Int64s, counts: Int64s) -> bool:
    """Give spans the scopes of their processes; return whether all have one. Processes of no span lose what they say.

    Parameters
    ----------
    span, scope
        The first of this trace.
    """
    last = counts[found_in.SCOPES]
    place = scope
    for number in range(span, counts[found_in.SPANS]):
        key = spans[number, found_in.SCOPE]
        if place >= last or scopes[place, 2] != key:
            place = scope
            while place < last and scopes[place, 2] != key:
                place += 1
            if place >= last:
                return False
        spans[number, found_in.SCOPE] = place
        scopes[place, 1] = 1
    for place in range(scope, last):
        if not scopes[place, 1]:
            blocks[scopes[place, 0], 2] = -1
        scopes[place, 1], scopes[place, 2] = 0, -1
    return True
