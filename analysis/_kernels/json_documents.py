"""Documents in JSON, told apart from what differs in each of them: ids, times, statements and paths.

What is left of a document is its likeness: all others that have the same one say the same but for those values. It is
kept as a text with a number (:mod:`analysis._kernels.interning`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.interning import intern
from analysis._kernels.json_bytes import key_end, space_end, string_end, value_end
from analysis._kernels.json_lines import FNV_BASIS, FNV_PRIME, look_up
from analysis._kernels.json_paths import (
    HOLDER,
    PASSED,
    PATH,
    PROSE,
    UNNAMED,
    WHOLE,
    Paths,
    is_plain,
    is_prose,
    is_whole,
    path_at,
)
from analysis._kernels.wide_reads import byte

__all__ = [
    "BEGIN", "DOCUMENTS", "END", "ESCAPED", "INNER", "LIKENESS", "OUTER", "PLAIN", "TOP", "UNIT", "documents_for",
    "scan_documents",
]  # fmt: skip

#: Columns of ``documents``: its unit, its place in the unit and in an array inside that (-1 is none), where it begins
#: and ends, and the number of its likeness, -1 where only the reader can tell.
UNIT, OUTER, INNER, BEGIN, END, LIKENESS = range(6)
#: Kinds of values taken out.
PLAIN, ESCAPED = 1, 2
#: The place in ``counts`` behind those of the table of texts: how many documents there are.
DOCUMENTS: Final = 3
#: Of a longer value that is taken out its length counts.
_LONG: Final = 20
#: Objects inside one another, at most, whose names count; what is deeper stays as it is.
TOP: Final = 12
_DOT: Final = np.uint64(46)
_BASIS: Final = np.uint64(FNV_BASIS)
_PRIME: Final = np.uint64(FNV_PRIME)
_QUOTE, _COMMA, _OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY, _NULL = 34, 44, 123, 125, 91, 93, 110

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]
Words = NDArray[np.uint64]


def documents_for(size: int, least: int, roles: int) -> tuple[Int64s, NDArray[np.int32]]:
    """Return arrays for the documents of so many bytes, each of some bytes at least, and for the values taken out."""
    count = size // least + 16
    return np.empty((count, 6), np.int64), np.empty((count, roles, 3), np.int32)


@walker
def scan_documents(
    data: Bytes,
    units: Int64s,
    paths: Paths,
    documents: Int64s,
    values: NDArray[np.int32],
    slots: Words,
    texts: Int64s,
    kept: Words,
    counts: Int64s,
    states: Words,
    left: Bytes,
    left_out: NDArray[np.int8],
) -> None:
    """Find the documents of units: objects by themselves, or in an array, or in arrays of an array.

    Parameters
    ----------
    data
        Bytes, padded.
    units
        For each unit where it begins and ends, and a form, negative where it is not to be scanned.
    paths
        What becomes of values.
    documents
        Filled, a row a document.
    values
        Filled: of each document, for each role where its value begins and ends, counted from the beginning of the
        document, and its kind, 0 where there is none.
    slots, texts, kept, counts
        The table of likenesses, and how many documents there are.
    states, left
        Room for the hashes of open objects, and for what is left of a document.
    left_out
        For each unit; filled: 1 where it is no JSON, or of another shape, 2 where it holds documents under a name.
    """
    for unit in range(len(units)):
        before = counts[DOCUMENTS]
        at, end = units[unit, 0], units[unit, 1]
        whole = units[unit, 2] >= 0
        if whole:
            at = space_end(data, at)
            if byte(data, at) == _OPEN_OBJECT:
                at = _document(
                    data, at, end, unit, -1, -1, paths, documents, values, slots, texts, kept, counts, states, left
                )
            else:
                at = _array(data, at, end, unit, paths, documents, values, slots, texts, kept, counts, states, left)
            whole = 0 <= at <= end and space_end(data, at) >= end
        left_out[unit] = 0 if whole else 2 if at == -2 else 1
        if not whole:
            counts[DOCUMENTS] = before


@walker
def _array(
    data: Bytes,
    at: int,
    end: int,
    unit: int,
    paths: Paths,
    documents: Int64s,
    values: NDArray[np.int32],
    slots: Words,
    texts: Int64s,
    kept: Words,
    counts: Int64s,
    states: Words,
    left: Bytes,
) -> int:
    """Walk over an array of documents, or of arrays of documents."""
    if byte(data, at) != _OPEN_ARRAY:
        return -1
    outer, inner = 0, -1
    at = space_end(data, at + 1)
    if byte(data, at) == _CLOSE_ARRAY:
        return at + 1
    while True:
        sign = byte(data, at)
        if sign == _OPEN_ARRAY and inner < 0:
            inner = 0
            at = space_end(data, at + 1)
            if byte(data, at) != _CLOSE_ARRAY:
                continue
        elif sign == _OPEN_OBJECT:
            at = _document(
                data, at, end, unit, outer, inner, paths, documents, values, slots, texts, kept, counts, states, left
            )
            if at < 0:
                return -1
            at = space_end(data, at)
            inner += 1 if inner >= 0 else 0
        else:
            return -1
        if inner < 0:
            outer += 1
        elif byte(data, at) == _CLOSE_ARRAY:
            inner = -1
            outer += 1
            at = space_end(data, at + 1)
        if byte(data, at) == _COMMA:
            at = space_end(data, at + 1)
        elif byte(data, at) == _CLOSE_ARRAY and inner < 0:
            return at + 1
        else:
            return -1


@walker
def _document(
    data: Bytes,
    at: int,
    end: int,
    unit: int,
    outer: int,
    inner: int,
    paths: Paths,
    documents: Int64s,
    values: NDArray[np.int32],
    slots: Words,
    texts: Int64s,
    kept: Words,
    counts: Int64s,
    states: Words,
    left: Bytes,
) -> int:
    """Walk over a document and write down what it is; return where it ends, -1 where it is no JSON."""
    number = counts[DOCUMENTS]
    if number >= len(documents):
        return -1
    for role in range(values.shape[1]):
        values[number, role, 2] = 0
    after, used = _fields(data, at, end, paths, number, values, states, left)
    if after == -2 and outer < 0:
        return -2
    likeness = -1
    if after >= 0:
        for place in range(used, used + 8):
            left[place] = 0
        likeness = intern(left, 0, used, 0, slots, texts, kept, counts)
    else:
        after = value_end(data, at, end)
        if after < 0:
            return -1
    documents[number, UNIT], documents[number, OUTER], documents[number, INNER] = unit, outer, inner
    documents[number, BEGIN], documents[number, END], documents[number, LIKENESS] = at, after, likeness
    counts[DOCUMENTS] = number + 1
    return after


@walker
def _fields(
    data: Bytes,
    begin: int,
    end: int,
    paths: Paths,
    number: int,
    values: NDArray[np.int32],
    states: Words,
    left: Bytes,
) -> tuple[int, int]:
    """Walk over the fields of an object and those inside it; return where it ends, and how many bytes are left of it.

    -1 is the end of one that only the reader can tell, -2 of one that holds documents.
    """
    depth, used, keep = 0, 0, begin
    states[0] = _BASIS
    # A bit for each open object of which only fields with a path of their own count.
    unnamed, one = np.uint64(0), np.uint64(1)
    at = space_end(data, begin + 1)
    while True:
        if byte(data, at) == _CLOSE_OBJECT:
            at += 1
        else:
            close, value = key_end(data, at, end)
            if close < 0:
                return -1, 0
            state = states[depth]
            if depth:
                state = (state ^ _DOT) * _PRIME
            for place in range(at + 1, close):
                state = (state ^ np.uint64(byte(data, place))) * _PRIME
            found = look_up(paths.hashes, paths.slots, state)
            form = -1 if found < 0 else np.int64(paths.forms[found])
            sign = byte(data, value)
            if form == HOLDER and sign == _OPEN_ARRAY:
                return -2, 0
            if form < 0 and unnamed & one:
                form = PASSED
            if sign == _OPEN_OBJECT and (form < 0 or form == UNNAMED) and depth + 1 < TOP:
                inside = space_end(data, value + 1)
                if byte(data, inside) != _CLOSE_OBJECT:
                    depth += 1
                    states[depth] = state
                    unnamed = (unnamed << one) | (one if form == UNNAMED else np.uint64(0))
                    at = inside
                    continue
                at = inside + 1
            elif form == PASSED:
                at = value_end(data, value, end)
                if at < 0:
                    return -1, 0
                used, keep = _cut(data, keep, value, at, used, left)
            elif 0 <= form <= PATH and sign not in (_NULL, _OPEN_OBJECT):
                role = np.int64(paths.roles[found])
                if values[number, role, 2]:
                    return -1, 0
                first = last = value
                kind = PLAIN
                if sign == _QUOTE:
                    first = value + 1
                    last, escapes = string_end(data, first, end)
                    if last < 0 or (escapes and form == WHOLE):
                        return -1, 0
                    at = last + 1
                    if escapes:
                        kind = ESCAPED
                    if form == PATH:
                        first = path_at(data, first, last)
                    elif (form == WHOLE and not is_plain(data, first, last)) or (
                        form == PROSE and (escapes or not is_prose(data, first, last))
                    ):
                        first = last
                elif form != WHOLE or sign in (_OPEN_ARRAY, _CLOSE_ARRAY):
                    at = value_end(data, value, end)
                    if at < 0:
                        return -1, 0
                else:
                    at = value_end(data, value, end)
                    if at < 0:
                        return -1, 0
                    # Zero may stand for nothing, and a fraction is for the reader.
                    last = at if is_whole(data, first, at) else first
                if last > first:
                    values[number, role, 0], values[number, role, 1] = first - begin, last - begin
                    values[number, role, 2] = kind
                    used, keep = _cut(data, keep, first, last, used, left)
                    if form == WHOLE and last - first > _LONG:
                        # How fine a clock is shows in how long its times are.
                        left[used] = np.uint8((last - first) & 255)
                        used += 1
            else:
                at = value_end(data, value, end)
                if at < 0:
                    return -1, 0
            # What follows a value inside its object.
            at = space_end(data, at)
            if byte(data, at) == _COMMA:
                at = space_end(data, at + 1)
                if byte(data, at) != _QUOTE:
                    return -1, 0
                continue
            if byte(data, at) != _CLOSE_OBJECT:
                return -1, 0
            at += 1
        # An object has ended: so may those around it.
        while depth > 0:
            depth -= 1
            unnamed >>= one
            at = space_end(data, at)
            if byte(data, at) == _COMMA:
                at = space_end(data, at + 1)
                if byte(data, at) != _QUOTE:
                    return -1, 0
                break
            if byte(data, at) != _CLOSE_OBJECT:
                return -1, 0
            at += 1
        else:
            if at > end:
                return -1, 0
            return at, _kept(data, keep, at, used, left)


@walker
def _cut(data: Bytes, keep: int, first: int, last: int, used: int, left: Bytes) -> tuple[int, int]:
    """Keep what stands before a value that is taken out, and a mark for it that no JSON has."""
    used = _kept(data, keep, first, used, left)
    left[used] = 0
    return used + 1, last


@walker
def _kept(data: Bytes, first: int, last: int, used: int, left: Bytes) -> int:
    for place in range(first, last):
        left[used] = data[place]
        used += 1
    return used
