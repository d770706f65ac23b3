"""Scanning of access logs as text: Envoy's default format and Istio's, the common and combined formats."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel, walker
from analysis._kernels.log_values import second_of
from analysis._kernels.text_ids import NONE, READER, find_ids
from analysis._kernels.text_lines import starting_time

__all__ = ["PLACES", "copy_joined", "scan_access_lines"]

#: What is found of a line, each with its begin and end.
PLACES: Final = ("request", "code", "flags", "request_id", "peer")
#: Where in a line the reader looks for a request.
_BEFORE_REQUEST: Final = 400
#: Parts of a line of Envoy, at most; a reader counts more.
_PARTS: Final = 64
_MONTHS: Final = np.frombuffer(bytearray(b"JanFebMarAprMayJunJulAugSepOctNovDec"), np.uint8)
_SECOND: Final = 1_000_000_000

UInt8s = NDArray[np.uint8]
Int64s = NDArray[np.int64]


@walker
def _number(data: UInt8s, at: int, count: int) -> int:
    """Return the number that digits spell; -1 where they do not."""
    number = 0
    for place in range(at, at + count):
        if data[place] < 48 or data[place] > 57:
            return -1
        number = number * 10 + (data[place] - 48)
    return number


@walker
def _common_time(data: UInt8s, at: int, end: int) -> tuple[int, bool]:
    """Read ``10/Oct/2000:13:55:36 -0700``, no more and no less."""
    if end - at != 26 or data[at + 2] != 47 or data[at + 6] != 47 or data[at + 11] != 58:
        return 0, False
    if data[at + 14] != 58 or data[at + 17] != 58 or data[at + 20] != 32 or data[at + 21] not in (43, 45):
        return 0, False
    month = 0
    for number in range(12):
        if (
            data[at + 3] == _MONTHS[3 * number]
            and data[at + 4] == _MONTHS[3 * number + 1]
            and data[at + 5] == _MONTHS[3 * number + 2]
        ):
            month = number + 1
    day, year = _number(data, at, 2), _number(data, at + 7, 4)
    hours, minutes = _number(data, at + 22, 2), _number(data, at + 24, 2)
    second = second_of(data, year, month, day, at + 12)
    if second < 0 or hours < 0 or minutes < 0:
        return 0, False
    offset = (hours * 60 + minutes) * 60
    return (second + offset if data[at + 21] == 45 else second - offset) * _SECOND, True


@walker
def _when(data: UInt8s, at: int, end: int, found: Int64s) -> bool:
    """Read the time between brackets; return whether it is one that is plain."""
    time, good = _common_time(data, at, end)
    how = 0
    if not good:
        time, how, stop = starting_time(data, at, end)
        good = how >= 0 and stop == end
    found[0], found[1] = time, how
    return good


@walker
def _until(data: UInt8s, at: int, stop: int, byte: int) -> int:
    """Return the place of a byte; the end where it does not come."""
    while at < stop and data[at] != byte:
        at += 1
    return at


@walker
def _request(data: UInt8s, at: int, stop: int, found: Int64s) -> int:
    """Take ``"request" code`` that begins here; return the place behind, or -1."""
    if at + 1 >= stop or data[at] != 34:
        return -1
    end = _until(data, at + 1, stop, 34)
    if end == at + 1 or end + 2 >= stop or data[at + 1] == 32 or data[end - 1] == 32 or data[end + 1] != 32:
        return -1
    found[2], found[3] = at + 1, end
    code = end + 2
    last = code
    while last < stop and 48 <= data[last] <= 57:
        last += 1
    if last == code or last - code > 3 or last >= stop or data[last] != 32:
        return -1
    found[4], found[5] = code, last
    return last + 1


@walker
def _envoy(data: UInt8s, begin: int, stop: int, found: Int64s, ring: Int64s) -> bool:
    bracket = _until(data, begin, stop, 93)
    if bracket + 2 >= stop or data[bracket + 1] != 32 or not _when(data, begin + 1, bracket, found):
        return False
    at = _request(data, bracket + 2, stop, found)
    if at < 0:
        return False
    last = at
    while last < stop and (65 <= data[last] <= 90 or 97 <= data[last] <= 122 or data[last] == 44):
        last += 1
    if last == at and last < stop and data[last] == 45:
        last += 1
    if last == at or last >= stop or data[last] != 32:
        return False
    found[6], found[7] = at, last
    # Texts in quotes and words: the last texts but one are agent, id of the request, authority and host.
    texts = 0
    word, word_end, after = 0, 0, False
    at, parts = last + 1, 0
    while at < stop:
        if data[at] == 32:
            at += 1
            continue
        parts += 1
        if parts > _PARTS:
            return False
        close = _until(data, at + 1, stop, 34) if data[at] == 34 else stop
        if close < stop:
            ring[texts % 4, 0], ring[texts % 4, 1] = at + 1, close
            texts += 1
            at, after = close + 1, False
            continue
        end = _until(data, at, stop, 32)
        if not after:
            word, word_end, after = at, end, True
        at = end
    if texts >= 5:
        found[8], found[9] = ring[(texts - 3) % 4, 0], ring[(texts - 3) % 4, 1]
        found[10], found[11] = ring[(texts - 1) % 4, 0], ring[(texts - 1) % 4, 1]
    if texts and after and _until(data, word, word_end, 124) < word_end:
        found[10], found[11] = word, word_end
    return True


@walker
def _combined(data: UInt8s, begin: int, stop: int, found: Int64s) -> bool:
    # Client, identity and user: a word each, the last of which holds no bracket.
    at = begin
    for _ in range(3):
        end = _until(data, at, stop, 32)
        if end == at or end + 1 >= stop or data[at] == 91:
            return False
        at = end + 1
    if data[at] != 91:
        return False
    bracket = _until(data, at, stop, 93)
    if bracket + 2 >= stop or bracket - begin > _BEFORE_REQUEST - 4 or data[bracket + 1] != 32:
        return False
    if not _when(data, at + 1, bracket, found):
        return False
    at = _request(data, bracket + 2, stop, found)
    if at < 0 or found[5] - found[4] != 3:
        return False
    if data[at] == 45:
        at += 1
    elif 48 <= data[at] <= 57:
        while at < stop and 48 <= data[at] <= 57:
            at += 1
    else:
        return False
    # What tells of attempts and upstreams is for a reader: addresses in a list, and words for them.
    while at < stop:
        byte = data[at]
        if byte == 44 and at + 1 < stop and data[at + 1] == 32 and 48 <= data[at - 1] <= 57:
            return False
        if byte == 117 and at + 4 < stop:
            if data[at + 1] == 112 and data[at + 2] == 115 and data[at + 3] == 116:
                return False
            if data[at + 1] == 97 and data[at + 2] == 100 and data[at + 3] == 100:
                return False
        at += 1
    return True


@kernel
def scan_access_lines(
    data: UInt8s, first: Int64s, last: Int64s, found: Int64s, ids: NDArray[np.uint64], plain: NDArray[np.bool_]
) -> None:
    """Read many lines.

    Parameters
    ----------
    data, first, last
        The text, and where its lines are.
    found
        Filled, a row a line: the time; whether it names no zone; where each of :data:`PLACES` begins and ends.
    ids
        Filled, a row a line: the trace in two halves, and the span.
    plain
        Filled: whether that is all; a reader must look at others.
    """
    app, ring = np.zeros(2, np.int64), np.zeros((4, 2), np.int64)
    for line in range(len(first)):
        begin, stop = first[line], last[line]
        plain[line] = False
        sound = True
        for at in range(begin, stop):
            # Blanks of other kinds and other letters are a reader's.
            sound &= 32 <= data[at] < 127
        if not sound or data[begin] in (32, 41, 123, 125):
            continue
        if data[begin] == 91:
            sound = _envoy(data, begin, stop, found[line], ring)
        else:
            sound = _combined(data, begin, stop, found[line])
        if not sound:
            continue
        said = find_ids(data, begin, stop, ids[line], app)
        if said == NONE:
            ids[line, :] = 0
        plain[line] = said != READER


@kernel
def copy_joined(data: UInt8s, places: Int64s, offset: NDArray[np.int32], out: UInt8s) -> None:
    """Copy parts of each row one after the other, blanks between them; a part that is empty is left out.

    Parameters
    ----------
    data
        The text.
    places
        For each row the begin and end of each part.
    offset, out
        Text i becomes ``out[offset[i]:offset[i + 1]]``.
    """
    for row in range(len(places)):
        at = offset[row]
        for part in range(places.shape[1] // 2):
            begin, end = places[row, 2 * part], places[row, 2 * part + 1]
            if begin == end:
                continue
            if at > offset[row]:
                out[at] = 32
                at += 1
            for place in range(begin, end):
                out[at] = data[place]
                at += 1
