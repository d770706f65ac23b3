"""Paths of fields in JSON documents, and what becomes of the values that stand there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import walker
from analysis._kernels.json_lines import FNV_BASIS, FNV_PRIME
from analysis._kernels.wide_reads import byte

__all__ = [
    "HOLDER", "KEPT", "PASSED", "PATH", "PROSE", "TEXT", "UNNAMED", "WHOLE", "Paths", "is_plain", "is_prose",
    "is_whole", "path_at", "paths_of",
]  # fmt: skip

#: What becomes of the value at a path: taken out where it is plain (an id, a time), taken out whatever it holds, taken
#: out where it is prose, taken out from its path on (of a URL), passed over because nobody reads it; of an object all
#: that none of the paths names is passed over, but for what is kept as it is. What holds documents in an array is none
#: itself.
WHOLE, TEXT, PROSE, PATH, PASSED, UNNAMED, KEPT, HOLDER = range(8)

#: Signs that a path may be taken out with: no reader looks at them.
_OF_PATHS: Final = np.isin(
    np.arange(256),
    np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-.~?=&%,:+!*$'()", np.uint8),
)
#: Signs of ids and times.
_OF_VALUES: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdefABCDEFTZ:.+- ", np.uint8))
_SLASH, _COLON, _EQUALS, _OPEN_OBJECT, _ZERO, _NINE, _QUESTION = 47, 58, 61, 123, 48, 57, 63

Bytes = NDArray[np.uint8]


class Paths(NamedTuple):
    """Paths of fields as an open hash table: the hash of a path, its number (-1 is free), and by number what it is."""

    hashes: NDArray[np.uint64]
    slots: NDArray[np.int16]
    forms: NDArray[np.int8]
    roles: NDArray[np.int16]


def paths_of(forms: Mapping[str, tuple[int, int]]) -> Paths:
    """Return a table of paths: names joined by dots, each with what becomes of its value, and where that is kept.

    Raises
    ------
    ValueError
        Two paths have one hash.
    """
    size = 8 << len(forms).bit_length()
    paths = Paths(
        np.zeros(size, np.uint64),
        np.full(size, -1, np.int16),
        np.array([form for form, _ in forms.values()], np.int8),
        np.array([role for _, role in forms.values()], np.int16),
    )
    for number, path in enumerate(forms):
        value = FNV_BASIS
        for one in path.encode():
            value = (value ^ one) * FNV_PRIME & ((1 << 64) - 1)
        place = value & (size - 1)
        while paths.slots[place] >= 0:
            if paths.hashes[place] == value:
                raise ValueError(f"{path} has the hash of another path")
            place = (place + 1) & (size - 1)
        paths.hashes[place], paths.slots[place] = value, number
    return paths


@walker
def is_whole(data: Bytes, first: int, last: int) -> bool:
    """Return whether a number has digits alone, and is not zero."""
    at = first
    while at < last and _ZERO <= byte(data, at) <= _NINE:
        at += 1
    return at == last and byte(data, first) != _ZERO


@walker
def is_plain(data: Bytes, first: int, last: int) -> bool:
    """Return whether a text may be an id or a time."""
    at = first
    while at < last and _OF_VALUES[byte(data, at)]:
        at += 1
    return at == last


@walker
def is_prose(data: Bytes, first: int, last: int) -> bool:
    """Return whether a text without escapes is surely no JSON, no pairs and no line of an access log."""
    if first < last and (byte(data, first) <= 32 or byte(data, first) == _OPEN_OBJECT or byte(data, first) > 127):
        return False
    at = first
    while at < last and byte(data, at) != _EQUALS:
        at += 1
    return at == last


@walker
def path_at(data: Bytes, first: int, last: int) -> int:
    """Return where the path of a URL begins, its end where it has none or one that may mean more."""
    begin = first
    if byte(data, begin) != _SLASH:
        while begin < last and byte(data, begin) != _COLON:
            begin += 1
        if begin + 3 >= last or byte(data, begin + 1) != _SLASH or byte(data, begin + 2) != _SLASH:
            return last
        begin += 3
        while begin < last and byte(data, begin) != _SLASH:
            if not _OF_PATHS[byte(data, begin)] or byte(data, begin) == _QUESTION:
                return last
            begin += 1
    at = begin
    while at < last and _OF_PATHS[byte(data, at)]:
        at += 1
    return begin if at == last else last
