"""Brackets of a JSON text outside its strings, found a chunk at a time without decoding anything."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["BracketScanner", "complete_part", "key_before"]

_QUOTE, OPENS, CLOSES = 1, 2, 4
_CLASS: Final = np.zeros(256, np.uint8)
_CLASS[ord('"')] = _QUOTE
_CLASS[[ord("{"), ord("[")]] = OPENS
_CLASS[[ord("}"), ord("]")]] = CLOSES
#: Longest key looked for before a bracket.
_KEY: Final = 256


class BracketScanner:
    """Finds brackets in a text that arrives in chunks; strings and escapes may span them."""

    def __init__(self) -> None:
        self.in_string = False
        self._escaped = False

    def scan(self, chunk: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the offsets of the chunk's brackets outside strings, and for each whether it opens."""
        data = np.frombuffer(chunk, np.uint8)
        kinds = _CLASS[data]
        self._unescape(chunk, data, kinds)
        found = np.flatnonzero(kinds)
        kinds = kinds[found]
        quotes = kinds == _QUOTE
        inside = (np.cumsum(quotes) + self.in_string) & 1
        if len(inside):
            self.in_string = bool(inside[-1])
        brackets = ~quotes & (inside == 0)
        return found[brackets], kinds[brackets] == OPENS

    def _unescape(self, chunk: bytes, data: npt.NDArray[np.uint8], kinds: npt.NDArray[np.uint8]) -> None:
        """Take escaped quotes out of `kinds`; remember whether the next chunk begins escaped."""
        escaped, self._escaped = self._escaped, False
        if escaped:
            kinds[0] = 0
        if b"\\" not in chunk:
            return
        slashes = np.flatnonzero(data == ord("\\"))
        if escaped and slashes[0] == 0:
            # This backslash is itself escaped: it begins no run.
            slashes = slashes[1:]
        if not len(slashes):
            return
        starts = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        lengths = np.diff(starts, append=len(slashes))
        after = slashes[starts + lengths - 1][lengths % 2 == 1] + 1
        if len(after) and int(after[-1]) == len(data):
            self._escaped = True
            after = after[:-1]
        kinds[after] = 0


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
