"""Brackets of a JSON text outside its strings, found a chunk at a time without decoding anything."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis._kernels.brackets import find_brackets
from analysis._kernels.wide_reads import PADDING, padded

__all__ = ["BracketScanner", "complete_part", "key_before"]

#: Bytes looked at together: room is kept for as many brackets.
_PIECE: Final = 4 << 20
#: Longest key looked for before a bracket.
_KEY: Final = 256


class BracketScanner:
    """Finds brackets in a text that arrives in chunks; strings and escapes may span them."""

    def __init__(self) -> None:
        self._state = np.zeros(2, np.bool_)
        self._data = padded(b"")
        self._found = np.empty(0, np.int64)

    def scan(self, chunk: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the offsets of the chunk's brackets outside strings, and for each whether it opens."""
        parts = [self._part(chunk, first) for first in range(0, len(chunk), _PIECE)]
        found = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int64), *parts])
        return found >> 1, (found & 1) > 0

    def _part(self, chunk: bytes, first: int) -> npt.NDArray[np.int64]:
        size = min(_PIECE, len(chunk) - first)
        if size > len(self._found):
            self._data = np.zeros(size + PADDING, np.uint8)
            self._found = np.empty(size, np.int64)
        self._data[:size] = np.frombuffer(chunk, np.uint8, size, first)
        count = find_brackets(self._data, 0, size, self._state, self._found)
        return self._found[:count] + 2 * first


def key_before(text: bytes | bytearray, position: int) -> str:
    """Return the key whose value begins at the position; "" where there is none."""
    before = bytes(text[max(0, position - _KEY) : position]).rstrip()
    if not before.endswith(b":"):
        return ""
    before = before[:-1].rstrip()
    if not before.endswith(b'"'):
        return ""
    start = before.rfind(b'"', 0, -1)
    return before[start + 1 : -1].decode("utf-8", "replace") if start >= 0 else ""


def complete_part(partial: bytes, salvage: Collection[str]) -> bytes | None:
    """Return what is whole of a JSON value whose end is missing: valid JSON, or None where no element is whole.

    Parameters
    ----------
    partial
        The value from its first bracket to where the text ends.
    salvage
        Keys of arrays whose elements are records. Elements before the cut stay, the one that it hits goes, and with
        it all that follows.
    """
    offsets, opening = BracketScanner().scan(partial)
    stack: list[tuple[bytes, bool]] = []
    cut, closers = 0, b""
    for position, opens in zip(offsets.tolist(), opening.tolist(), strict=True):
        if opens:
            is_array = partial[position] == ord("[")
            stack.append((b"]" if is_array else b"}", is_array and key_before(partial, position) in salvage))
            continue
        if not stack:
            return None
        stack.pop()
        if stack and stack[-1][1]:
            cut, closers = position + 1, b"".join(closer for closer, _ in reversed(stack))
    return partial[:cut] + closers if cut else None
