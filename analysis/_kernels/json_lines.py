"""Flat scanning of JSON objects, one a line: where the values of wanted names stand, whatever objects hold them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel

__all__ = [
    "DEPTH",
    "FNV_BASIS",
    "FNV_PRIME",
    "FRACTION",
    "NUMBER",
    "OTHER",
    "STRING",
    "keep_value",
    "look_up",
    "scan_json_lines",
    "skip_string",
]

#: Kinds of values: a text without escapes, a whole number, anything else, a number with digits behind its dot.
STRING: Final = 1
NUMBER: Final = 2
OTHER: Final = 3
FRACTION: Final = 4
#: Objects inside one another, at most; deeper lines are left to the reader.
DEPTH: Final = 3
#: FNV-1a, 64 bits (Fowler, Noll, Vo).
FNV_BASIS: Final = 0xCBF29CE484222325
FNV_PRIME: Final = 0x100000001B3

_BASIS: Final = np.uint64(FNV_BASIS)
_PRIME: Final = np.uint64(FNV_PRIME)
_AT: Final = np.uint64(64)


@kernel
def skip_string(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Return the place of the quote that ends a string which began before ``at``; -1 where it has escapes or no end."""
    while at < end:
        byte = data[at]
        if byte == 34:
            return at
        if byte == 92 or byte < 32:
            return -1
        at += 1
    return -1


@kernel
def _skip_scalar(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Return where a number or literal ends, and its kind; -1 where it is none that is plain."""
    start = at
    while at < end and data[at] != 44 and data[at] != 125 and data[at] != 93 and data[at] > 32:
        at += 1
    size = at - start
    first = data[start]
    if size == 4 and first == 116 and data[start + 1] == 114 and data[start + 2] == 117 and data[start + 3] == 101:
        return at, OTHER
    if size == 4 and first == 110 and data[start + 1] == 117 and data[start + 2] == 108 and data[start + 3] == 108:
        return at, OTHER
    if size == 5 and first == 102 and data[start + 1] == 97 and data[start + 2] == 108 and data[start + 3] == 115:
        return (at, OTHER) if data[start + 4] == 101 else (-1, OTHER)
    place = start + 1 if first == 45 else start
    if place >= at or data[place] < 48 or data[place] > 57 or (data[place] == 48 and place + 1 < at):
        # A fraction below one begins with a zero too; the reader takes it.
        return (at, NUMBER) if size == 1 and first == 48 else (-1, OTHER)
    dots = 0
    for index in range(place, at):
        byte = data[index]
        if byte == 46 and dots == 0 and index + 1 < at:
            dots = 1
        elif byte < 48 or byte > 57:
            return -1, OTHER
    if first == 45:
        return at, OTHER
    return at, (FRACTION if dots else NUMBER)


@kernel
def _skip_array(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Return the place behind an array of plain texts and numbers that began before ``at``; -1 for any other."""
    wanted = True
    while at < end:
        byte = data[at]
        if byte in (9, 32):
            at += 1
        elif byte == 93:
            return -1 if wanted and data[at - 1] == 44 else at + 1
        elif byte == 44:
            if wanted:
                return -1
            wanted = True
            at += 1
        elif not wanted:
            return -1
        elif byte == 34:
            at = skip_string(data, at + 1, end) + 1
            if at == 0:
                return -1
            wanted = False
        else:
            at, _ = _skip_scalar(data, at, end)
            if at < 0:
                return -1
            wanted = False
    return -1


@kernel
def look_up(hashes: NDArray[np.uint64], slots: NDArray[np.int16], value: np.uint64) -> int:
    """Return the number of a name by its hash; -1 where it is not wanted."""
    mask = len(hashes) - 1
    place = np.int64(value & np.uint64(mask))
    while slots[place] >= 0:
        if hashes[place] == value:
            return int(slots[place])
        place = (place + 1) & mask
    return -1


@kernel
def keep_value(
    number: int,
    first: int,
    last: int,
    what: int,
    role_of: NDArray[np.int16],
    rank_of: NDArray[np.int16],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    kind: NDArray[np.int8],
    name: NDArray[np.int16],
) -> bool:
    """Keep a value of a wanted name where it is the best for its role; False where the same name came before.

    Which of two under one name counts is for the reader to say.
    """
    role = role_of[number]
    if name[role] < 0 or rank_of[number] < rank_of[name[role]]:
        start[role], end[role], kind[role], name[role] = first, last, what, number
        return True
    return bool(rank_of[number] != rank_of[name[role]])


@kernel
def _scan_line(
    data: NDArray[np.uint8],
    begin: int,
    stop: int,
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int16],
    role_of: NDArray[np.int16],
    rank_of: NDArray[np.int16],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    kind: NDArray[np.int8],
    name: NDArray[np.int16],
    state: NDArray[np.uint64],
) -> int:
    """Scan one line; return 1 where it has names beside the wanted ones, 0 where not, -1 where the reader must look."""
    if stop - begin < 2 or data[begin] != 123:
        return -1
    at, depth, others = begin + 1, 0, 0
    state[0] = _BASIS
    fresh = True
    while at < stop:
        byte = data[at]
        if byte in (9, 32):
            at += 1
            continue
        if byte == 125:
            if fresh and data[at - 1] == 44:
                return -1
            depth -= 1
            at += 1
            fresh = False
            if depth < 0:
                while at < stop and (data[at] == 32 or data[at] == 9 or data[at] == 13):
                    at += 1
                return others if at == stop else -1
            continue
        if byte == 44:
            if fresh:
                return -1
            fresh = True
            at += 1
            continue
        if byte != 34 or not fresh:
            return -1
        # A name: letters and digits count, in lower case; what separates them does not.
        value = state[depth]
        short = (_BASIS ^ _AT) * _PRIME
        letters = 0
        at += 1
        marked = depth == 0 and at < stop and data[at] == 64
        while at < stop and data[at] != 34:
            byte = data[at]
            if byte == 92 or byte < 32 or byte > 127:
                return -1
            if 65 <= byte <= 90:
                byte = np.uint8(byte + 32)
            if 97 <= byte <= 122 or 48 <= byte <= 57:
                value = (value ^ np.uint64(byte)) * _PRIME
                short = (short ^ np.uint64(byte)) * _PRIME
                letters += 1
            at += 1
        at += 1
        while at < stop and (data[at] == 32 or data[at] == 9):
            at += 1
        if at >= stop or data[at] != 58:
            return -1
        at += 1
        while at < stop and (data[at] == 32 or data[at] == 9):
            at += 1
        if at >= stop:
            return -1
        if marked and letters <= 2:
            value = short
        byte = data[at]
        fresh = False
        if byte == 123:
            depth += 1
            if depth > DEPTH or marked:
                return -1
            state[depth] = value
            fresh = True
            at += 1
            continue
        number = look_up(hashes, slots, value)
        first = at
        if byte == 34:
            first = at + 1
            last = skip_string(data, first, stop)
            if last < 0:
                return -1
            at = last + 1
            what = STRING
        elif byte == 91:
            last = _skip_array(data, at + 1, stop)
            if last < 0:
                return -1
            at = last
            what = OTHER
        else:
            last, what = _skip_scalar(data, at, stop)
            if last < 0:
                return -1
            at = last
        if number < 0:
            others = 1
        elif not keep_value(number, first, last, what, role_of, rank_of, start, end, kind, name):
            return -1
    return -1


@kernel
def scan_json_lines(
    data: NDArray[np.uint8],
    line_start: NDArray[np.int64],
    line_end: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    slots: NDArray[np.int16],
    role_of: NDArray[np.int16],
    rank_of: NDArray[np.int16],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    kind: NDArray[np.int8],
    name: NDArray[np.int16],
    outcome: NDArray[np.int8],
) -> None:
    """Find the values of wanted names in many lines.

    Parameters
    ----------
    data, line_start, line_end
        The text, and where its lines are.
    hashes, slots
        An open hash table of names, its size a power of two: the hash of a name without case and separators, and the
        number of the name, -1 where the slot is free.
    role_of, rank_of
        By number of a name what it is for, and which of several for one role is better (lower).
    start, end, kind, name
        Filled, a row a line and a column a role: where the value stands, its kind, the number of its name (-1 before).
    outcome
        Filled: 1 where a line has names beside the wanted ones, 0 where not, -1 where the reader must look.
    """
    state = np.zeros(DEPTH + 2, np.uint64)
    for line in range(len(line_start)):
        outcome[line] = _scan_line(
            data,
            line_start[line],
            line_end[line],
            hashes,
            slots,
            role_of,
            rank_of,
            start[line],
            end[line],
            kind[line],
            name[line],
            state,
        )
