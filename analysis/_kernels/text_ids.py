"""Trace and span ids in lines of prose, where they stand as most programs write them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker

__all__ = ["FOUND", "NONE", "READER", "find_ids", "is_blank", "is_word"]

#: What `find_ids` says: no id is there, it was found, a reader must look.
NONE: Final = 0
FOUND: Final = 1
READER: Final = -1

UInt8s = NDArray[np.uint8]


@walker
def is_word(byte: int) -> bool:
    """Return whether a byte is a letter, a digit or an underscore."""
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95


@walker
def is_blank(byte: int) -> bool:
    """Return whether a byte is a blank of ASCII."""
    return byte == 32 or 9 <= byte <= 13


@walker
def _is_letter(byte: int) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122


@walker
def _digit(byte: int) -> int:
    """Return the value of a hexadecimal digit; -1 of anything else."""
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    if 65 <= byte <= 70:
        return byte - 55
    return -1


@walker
def _lower_run(data: UInt8s, at: int, stop: int) -> int:
    """Return where a run of digits in lower case ends."""
    while at < stop and (48 <= data[at] <= 57 or 97 <= data[at] <= 102):
        at += 1
    return at


@walker
def _lane(data: UInt8s, at: int) -> np.uint64:
    """Return the number that sixteen digits spell."""
    value = np.uint64(0)
    for place in range(at, at + 16):
        value = (value << np.uint64(4)) | np.uint64(_digit(data[place]))
    return value


@walker
def _keep_trace(data: UInt8s, at: int, size: int, ids: NDArray[np.uint64]) -> None:
    ids[0] = _lane(data, at) if size == 32 else np.uint64(0)
    ids[1] = _lane(data, at + size - 16)


@walker
def _says(data: UInt8s, at: int, stop: int, word: UInt8s) -> bool:
    """Return whether a word of small letters stands here, in whatever case."""
    if at + len(word) > stop:
        return False
    same = True
    for place in range(len(word)):
        same &= (data[at + place] | 32) == word[place]
    return same


_TRACE: Final = np.frombuffer(bytearray(b"trace"), np.uint8)
_SPAN: Final = np.frombuffer(bytearray(b"span"), np.uint8)


@walker
def _perhaps(data: UInt8s, begin: int, stop: int) -> bool:
    """Return whether a line could name a trace: sixteen hexadecimal digits in a row, or the words for it."""
    run = 0
    for at in range(begin, stop):
        byte = data[at]
        if _digit(byte) >= 0:
            run += 1
            if run == 16:
                return True
            continue
        run = 0
        if byte == 114 and at + 5 < stop and at > begin and data[at + 1] == 97 and data[at + 2] == 99:
            # [Tt]race[-_. ]?[Ii]d
            place = at + 4
            if data[at + 3] == 101 and data[at - 1] in (84, 116):
                if data[place] in (32, 45, 46, 95):
                    place += 1
                if place + 1 < stop and data[place] in (73, 105) and data[place + 1] == 100:
                    return True
    return False


@walker
def _parent(data: UInt8s, begin: int, stop: int, ids: NDArray[np.uint64]) -> bool:
    """Find a ``traceparent``."""
    at = begin + 3
    while at + 52 <= stop:
        if data[at - 1] == 45:
            end = _lower_run(data, at, stop)
            if (
                end == at + 32
                and end + 20 <= stop
                and data[end] == 45
                and _lower_run(data, end + 1, stop) == end + 17
                and data[end + 17] == 45
                and _lower_run(data, end + 18, end + 20) == end + 20
                and (end + 20 == stop or not is_word(data[end + 20]))
                and _lower_run(data, at - 3, at - 1) == at - 1
                and (at - 3 == begin or not is_word(data[at - 4]))
            ):
                _keep_trace(data, at, 32, ids)
                ids[2] = _lane(data, end + 1)
                return True
        at += 1
    return False


@walker
def _spring(data: UInt8s, begin: int, stop: int, ids: NDArray[np.uint64], app: NDArray[np.int64]) -> bool:
    """Find what Spring Boot writes: ``[app,trace,span]``, ``[app,trace,span,true]`` or ``[trace-span]``."""
    for bracket in range(begin, stop):
        if data[bracket] != 91:
            continue
        at = bracket + 1
        end = _lower_run(data, at, stop)
        if end - at in (16, 32) and end < stop and data[end] == 45:
            last = _lower_run(data, end + 1, stop)
            place = last
            while place < stop and is_blank(data[place]):
                place += 1
            if last == end + 17 and place < stop and data[place] == 93:
                _keep_trace(data, at, end - at, ids)
                ids[2] = _lane(data, end + 1)
                return True
        while at < stop and (is_word(data[at]) or data[at] in (45, 46)):
            at += 1
        if at >= stop or data[at] != 44:
            continue
        comma, at = at, at + 1
        end = _lower_run(data, at, stop)
        if end - at not in (16, 32) or end >= stop or data[end] != 44:
            continue
        last = _lower_run(data, end + 1, stop)
        place = last
        if last != end + 17 or place >= stop:
            continue
        if data[place] == 44:
            place += 1
            while place < stop and is_word(data[place]):
                place += 1
        if place < stop and data[place] == 93:
            _keep_trace(data, at, end - at, ids)
            ids[2] = _lane(data, end + 1)
            app[0], app[1] = bracket + 1, comma
            return True
    return False


@walker
def _named(data: UInt8s, begin: int, stop: int, ids: NDArray[np.uint64]) -> int:
    """Find ids behind the words trace id and span id."""
    trace, span = False, False
    at = begin
    while at < stop:
        is_trace = _says(data, at, stop, _TRACE)
        if not is_trace and not _says(data, at, stop, _SPAN):
            at += 1
            continue
        if at > begin and _is_letter(data[at - 1]):
            at += 1
            continue
        if at - 3 >= begin and data[at - 1] in (46, 95) and (data[at - 2] | 32) == 100 and (data[at - 3] | 32) == 100:
            # Datadog's, which are decimal.
            return READER
        place = at + (5 if is_trace else 4)
        if place < stop and data[place] in (32, 45, 46, 95):
            place += 1
        if place + 1 >= stop or (data[place] | 32) != 105 or (data[place + 1] | 32) != 100:
            at += 1
            continue
        place += 2
        if place < stop and data[place] == 34:
            place += 1
        if place < stop and is_blank(data[place]):
            place += 1
        if place < stop and data[place] in (58, 61):
            place += 1
        if place < stop and is_blank(data[place]):
            place += 1
        if place < stop and data[place] == 34:
            place += 1
        end, digits, decimal = place, True, True
        while end < stop and (is_word(data[end]) or data[end] == 46):
            digits &= _digit(data[end]) >= 0
            decimal &= 48 <= data[end] <= 57
            end += 1
        size = end - place
        if not size or not digits:
            at += 1
            continue
        if size not in (16, 32):
            if size >= 8 or decimal:
                return READER
            at += 1
            continue
        if is_trace and not trace:
            _keep_trace(data, place, size, ids)
            if ids[0] == 0 and ids[1] == 0:
                return READER
            trace = True
        elif not is_trace and not span:
            if size != 16:
                return READER
            ids[2] = _lane(data, place)
            # A span of zeros is none: the next that is named counts.
            span = ids[2] != 0
        at = end
    if not trace:
        ids[2] = np.uint64(0)
        return NONE
    return FOUND


@walker
def find_ids(data: UInt8s, begin: int, stop: int, ids: NDArray[np.uint64], app: NDArray[np.int64]) -> int:
    """Find what a line of prose names, in the order of :func:`analysis.sources._log_ids.ids_in_text`.

    Parameters
    ----------
    data, begin, stop
        The line.
    ids
        Filled: the trace in two halves, and the span.
    app
        Filled: where the service begins and ends that stands beside them.
    """
    if not _perhaps(data, begin, stop):
        return NONE
    if _parent(data, begin, stop, ids) or _spring(data, begin, stop, ids, app):
        return FOUND
    return _named(data, begin, stop, ids)
