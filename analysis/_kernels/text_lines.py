"""Scanning of log lines of prose that begin with a time: time, level, logger, ids."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.log_values import whole_second
from analysis._kernels.text_ids import NONE, READER, find_ids, is_blank, is_word

__all__ = ["LEVELS", "scan_text_lines", "starting_time"]

#: Words that tell a level: those that do so anywhere, and those in brackets or before a colon, a tab or a bar.
LEVELS: Final = (
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "SEVERE", "FATAL", "CRITICAL", "CRIT",
    "ALERT", "EMERG", "PANIC",
    "trace", "debug", "info", "notice", "warn", "warning", "error", "crit", "alert", "emerg", "fatal",
)  # fmt: skip
_ANYWHERE: Final = 15
#: Of the small words those that a colon may follow.
_WITH_COLON: Final = np.array([word in ("trace", "debug", "info", "warn", "error", "fatal") for word in LEVELS])
_LETTERS: Final = np.frombuffer(bytearray("".join(LEVELS).encode()), np.uint8)
_ENDS: Final = np.cumsum(np.array([len(word) for word in LEVELS], np.int64))
#: How far into a line level and logger are looked for.
_HEADER: Final = 200
_SECOND: Final = 1_000_000_000

UInt8s = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def _pair(data: UInt8s, at: int) -> int:
    """Return the number that two digits spell; -1 where they do not."""
    tens, ones = data[at] - 48, data[at + 1] - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else -1


@walker
def starting_time(data: UInt8s, at: int, stop: int) -> tuple[int, int, int]:
    """Read a time that begins here: nanoseconds, whether it names no zone (-1 where it is no plain time), its end."""
    if stop - at < 19 or data[at + 13] != 58 or data[at + 16] != 58:
        return 0, -1, at
    if (data[at + 4] != 45 or data[at + 7] != 45) and (data[at + 4] != 47 or data[at + 7] != 47):
        return 0, -1, at
    if data[at + 10] not in (32, 84, 95):
        return 0, -1, at
    second = whole_second(data, at, at + 11)
    if second < 0:
        return 0, -1, at
    place, found = at + 19, second * _SECOND
    if place + 1 < stop and data[place] in (44, 46, 58) and 48 <= data[place + 1] <= 57:
        place += 1
        scale = _SECOND // 10
        while place < stop and 48 <= data[place] <= 57:
            found += (data[place] - 48) * scale
            scale //= 10
            place += 1
    elif place < stop and is_word(data[place]) and data[place] != 90 and data[place] != 85 and data[place] != 71:
        return 0, -1, at
    # A zone may follow, behind a blank or at once.
    for gap in range(2):
        start = place + gap
        if gap and (place >= stop or not is_blank(data[place])):
            break
        size, offset = 0, 0
        if start < stop and data[start] == 90:
            size = 1
        elif start + 2 < stop and (
            (data[start] == 85 and data[start + 1] == 84 and data[start + 2] == 67)
            or (data[start] == 71 and data[start + 1] == 77 and data[start + 2] == 84)
        ):
            size = 3
        elif start + 4 < stop and (data[start] == 43 or data[start] == 45):
            colon = 1 if data[start + 3] == 58 else 0
            if start + 4 + colon < stop:
                hours, minutes = _pair(data, start + 1), _pair(data, start + 3 + colon)
                if hours >= 0 and minutes >= 0:
                    size = 5 + colon
                    offset = (hours * 60 + minutes) * 60 * _SECOND
                    offset = -offset if data[start] == 45 else offset
        if size and (start + size == stop or not is_word(data[start + size])):
            return found - offset, 0, start + size
    if place < stop and is_word(data[place]):
        return 0, -1, at
    return found, 1, place


@walker
def _level(data: UInt8s, at: int, end: int, before: int) -> int:
    """Return the number of the level that a word tells, which begins here; -1 where it tells none."""
    last = at
    while last < end and is_word(data[last]):
        last += 1
    size = last - at
    if size < 3 or size > 8:
        return -1
    first = 0
    for number in range(len(_ENDS)):
        if _ENDS[number] - first == size and data[at] == _LETTERS[first]:
            same = True
            for place in range(size):
                if data[at + place] != _LETTERS[first + place]:
                    same = False
                    break
            if same:
                if number < _ANYWHERE:
                    return number
                if before == 91 and last < end and data[last] == 93:
                    return number
                if _WITH_COLON[number] and last < end and data[last] in (9, 58, 124):
                    return number
                return -1
        first = _ENDS[number]
    return -1


@walker
def _spring_logger(data: UInt8s, at: int, end: int) -> tuple[int, int]:
    """Return the logger behind ``--- [`` as Spring Boot writes it; -1 where it stands otherwise."""
    while True:
        while at < end and data[at] != 93:
            at += 1
        if at + 1 >= end or data[at + 1] != 32:
            return -1, -1
        at += 2
        if at >= end or data[at] != 91:
            break
        # Another bracket: one of its own where a blank follows it.
        close = at
        while close < end and data[close] != 93:
            close += 1
        if close + 1 >= end or data[close + 1] != 32:
            break
    start = at
    while at < end and (is_word(data[at]) or data[at] in (36, 45, 46, 47, 91, 93)):
        at += 1
    last = at
    while at < end and is_blank(data[at]):
        at += 1
    if last in (start, at) or at >= end or data[at] != 58:
        return -1, -1
    return start, last


@walker
def _header(data: UInt8s, begin: int, end: int, found: Int64s) -> bool:
    """Find level and logger; return whether a reader need not look."""
    level, logger = -1, False
    for at in range(begin, end):
        byte = data[at]
        if byte > 127:
            return False
        before = data[at - 1] if at > begin else 0
        if level < 0 and 65 <= byte <= 122 and not is_word(before):
            level = _level(data, at, end, before)
        if logger:
            continue
        if byte == 45 and at + 5 <= end and data[at + 1] == 45 and data[at + 2] == 45 and data[at + 3] == 32:
            if data[at + 4] == 91:
                found[3], found[4] = _spring_logger(data, at + 5, end)
                if found[3] < 0:
                    return False
                logger = True
        elif (before == 93 or is_blank(before)) and at > begin and is_word(byte) and not 48 <= byte <= 57:
            last = at + 1
            while last < end and (is_word(data[last]) or data[last] in (36, 46)):
                last += 1
            if last + 3 <= end and data[last] == 32 and data[last + 1] == 45 and data[last + 2] == 32:
                found[3], found[4] = at, last
                logger = True
    found[2] = level
    return True


@walker
def _is_odd(data: UInt8s, begin: int, stop: int) -> bool:
    """Return whether a line holds what a reader must look at: colours, a request in quotes, ids of requests."""
    for at in range(begin, stop):
        byte = data[at]
        if byte == 27:
            return True
        if byte == 34:
            if at - 2 >= begin and data[at - 1] == 32 and data[at - 2] == 93:
                return True
        elif byte in (113, 81):
            # …request id
            if at + 6 < stop and (data[at + 1] | 32) == 117 and (data[at + 2] | 32) == 101:
                place = at + 5
                if data[place] in (32, 45, 46, 95):
                    place += 1
                if place + 1 < stop and (data[place] | 32) == 105 and (data[place + 1] | 32) == 100:
                    return True
        elif byte in (108, 76):
            # …correlation id
            if at + 7 < stop and (data[at + 1] | 32) == 97 and (data[at + 2] | 32) == 116:
                place = at + 6
                if data[place] in (32, 45, 46, 95):
                    place += 1
                if place + 1 < stop and (data[place] | 32) == 105 and (data[place + 1] | 32) == 100:
                    return True
        elif byte == 46 and begin + 2 <= at < stop - 1 and data[at - 2] == data[at - 1] == 100 and data[at + 1] == 115:
            # dd.service
            return True
    return bool(data[stop - 1] == 13)


@walker
def _scan_line(data: UInt8s, begin: int, stop: int, found: Int64s, ids: NDArray[np.uint64]) -> bool:
    start = begin + 1 if data[begin] == 91 else begin
    time, how, end = starting_time(data, start, stop)
    if how < 0 or _is_odd(data, begin, stop):
        return False
    if end + 4 < stop and data[end] == 32 and data[end + 1] == 115 and data[end + 2] == 116 and data[end + 3] == 100:
        # A container's runtime: stdout, stderr.
        return False
    found[0], found[1] = time, how
    if not _header(data, begin, min(stop, begin + _HEADER), found):
        return False
    said = find_ids(data, begin, stop, ids, found[5:7])
    if said == NONE:
        ids[:] = 0
    return said != READER


@kernel
def scan_text_lines(
    data: UInt8s, first: Int64s, last: Int64s, found: Int64s, ids: NDArray[np.uint64], plain: NDArray[np.bool_]
) -> None:
    """Read many lines.

    Parameters
    ----------
    data, first, last
        The text, and where its lines are.
    found
        Filled, a row a line: the time; whether it names no zone; the number of the level in :data:`LEVELS`, or -1;
        where logger and service begin and end.
    ids
        Filled, a row a line: the trace in two halves, and the span.
    plain
        Filled: whether that is all; a reader must look at others.
    """
    for line in range(len(first)):
        plain[line] = _scan_line(data, first[line], last[line], found[line], ids[line])
