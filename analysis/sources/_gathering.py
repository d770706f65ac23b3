"""Units gathered for a scan: records one by one, or lines of a file as it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.compiled import kernel
from analysis._kernels.wide_reads import PADDING, first_bit, places_of, word
from analysis.sources._documents import LINE, TOO_LARGE, UNIT_LIMIT
from analysis.sources._filling import Filling
from analysis.sources._ledger import Rejects
from analysis.sources._scan_found import Unit

__all__ = ["Gathered", "Lines", "Records"]

#: No form: the unit is not scanned.
_NONE: Final = -1
_LINE_FEED: Final = 10
_WIDTH: Final = 32
#: Bytes that are read at a time.
_CHUNK: Final = 1 << 20
_TOPS: Final = np.uint64(0x8080808080808080)
#: Lines that there is room for at first.
_SOME_LINES: Final = 1 << 12

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]


class Gathered(Protocol):
    """Units side by side.

    Attributes
    ----------
    data
        Their bytes, padded.
    bounds
        For each unit where it begins, where it ends, and its form, -1 where it is none to scan.
    size
        Bytes gathered.
    """

    data: Bytes
    bounds: Int64s
    size: int

    def add(self, unit: Unit) -> None:
        """Take more."""

    def join(self) -> None:
        """Say where the units gathered so far stand."""

    def drop(self) -> None:
        """Forget what was joined."""

    def finish(self) -> None:
        """Take what is there for whole."""

    def __getitem__(self, number: int, /) -> Unit:
        """Return a unit that was joined."""


class Records:
    """Units that come one by one.

    Parameters
    ----------
    form
        The form of a unit by its key, or -1 where it is none to scan.
    is_text
        Units must be text as a whole.
    scratch
        Bytes behind all others that the scan may write to.
    """

    def __init__(self, form: Callable[[str], int], *, is_text: bool, scratch: int) -> None:
        self.data: Bytes = np.zeros(PADDING + scratch, np.uint8)
        self._scratch = scratch
        self.bounds: Int64s = np.empty((0, 3), np.int64)
        self.size = 0
        self._form, self._is_text = form, is_text
        self._units: list[Unit] = []

    def add(self, unit: Unit) -> None:
        """Take a unit."""
        self._units.append(unit)
        self.size += len(unit.content) + 1

    def join(self) -> None:
        """Put the units one after the other."""
        if self.size + PADDING + self._scratch > len(self.data):
            self.data = np.zeros(self.size + self.size // 8 + PADDING + self._scratch, np.uint8)
        self.bounds = np.empty((len(self._units), 3), np.int64)
        begin = 0
        for number, (key, content, _, _) in enumerate(self._units):
            end = begin + len(content)
            self.data[begin:end] = np.frombuffer(content, np.uint8)
            self.data[end] = _LINE_FEED
            sound = not self._is_text or content.isascii() or is_text(content)
            self.bounds[number] = begin, end, self._form(key) if sound else _NONE
            begin = end + 1
        self.data[begin : begin + PADDING] = 0

    def drop(self) -> None:
        """Forget the units."""
        self._units = []
        self.size = 0

    def finish(self) -> None:
        """Nothing is left open."""

    def __getitem__(self, number: int, /) -> Unit:
        """Return a unit."""
        return self._units[number]


class Lines:
    """Lines of a file that comes in pieces as it is read.

    Parameters
    ----------
    form
        Of all lines.
    rejects
        Takes lines that are too large.
    scratch
        Bytes behind all others that the scan may write to.
    """

    def __init__(self, form: int, rejects: Rejects, scratch: int) -> None:
        self.data: Bytes = np.zeros(PADDING + scratch, np.uint8)
        self._scratch = scratch
        self.bounds: Int64s = np.empty((0, 3), np.int64)
        self.size = 0
        self._form, self._rejects = form, rejects
        self._numbers = np.empty(0, np.int64)
        #: Lines that were dropped, those that are joined, and where the last of these ends.
        self._before, self._count, self._joined = 0, 0, 0
        #: Where the last line begins, and whether the rest of it is passed over.
        self._open, self._passing = 0, False

    def add(self, unit: Unit) -> None:
        """Take a piece of the file."""
        content: bytes | Filling = unit.content
        if isinstance(content, Filling):
            if not self._passing:
                self._make_room(_CHUNK)
                count = content.readinto(self.data[self.size : self.size + _CHUNK].data)
                self._grow(count)
                return
            piece = np.empty(_CHUNK, np.uint8)
            content = piece[: content.readinto(piece.data)].tobytes()
        if self._passing:
            following = content.find(b"\n")
            if following < 0:
                return
            content, self._passing = content[following:], False
        self._make_room(len(content))
        self.data[self.size : self.size + len(content)] = np.frombuffer(content, np.uint8)
        self._grow(len(content))

    def _make_room(self, more: int) -> None:
        """Make room for so many bytes more."""
        size = self.size + more
        if size + 1 + PADDING + self._scratch > len(self.data):
            grown = np.zeros(size + size // 2 + 1 + PADDING + self._scratch, np.uint8)
            grown[: self.size] = self.data[: self.size]
            self.data = grown

    def _grow(self, more: int) -> None:
        """Count bytes that have come, and see where the last line of them begins."""
        self._open = max(self._open, _last_begin(self.data, self.size, self.size + more))
        self.size += more
        if self.size - self._open > UNIT_LIMIT:
            # What is left of it is an empty line, which is counted.
            number = self._before + int(np.count_nonzero(self.data[: self._open] == _LINE_FEED)) + 1
            self._rejects.add(TOO_LARGE, f"line {number}", f"more than {UNIT_LIMIT >> 20} MiB")
            self.size, self._passing = self._open, True

    def finish(self) -> None:
        """End the last line."""
        if self.size:
            self.data[self.size] = _LINE_FEED
            self.size += 1
            self._open = self.size

    def join(self) -> None:
        """Find the lines that are whole, without what stands around them."""
        self._joined = self._open
        self.data[self.size : self.size + PADDING] = 0
        room = max(_SOME_LINES, len(self._numbers))
        count = -1
        while count < 0:
            bounds, self._numbers = np.empty((room, 3), np.int64), np.empty(room, np.int64)
            count, self._count, is_ascii = _find_lines(self.data, self._joined, bounds, self._numbers)
            room *= 4
        self.bounds = bounds[:count]
        self.bounds[:, 2] = self._form
        if not is_ascii:
            for number, (begin, end) in enumerate(self.bounds[:, :2].tolist()):
                if not is_text(self.data[begin:end].tobytes()):
                    self.bounds[number, 2] = _NONE

    def drop(self) -> None:
        """Forget the lines that were joined."""
        self._before += self._count
        left = self.size - self._joined
        self.data[:left] = self.data[self._joined : self.size].copy()
        self.size, self._open = left, 0

    def __getitem__(self, number: int, /) -> Unit:
        """Return a line."""
        begin, end = self.bounds[number, :2].tolist()
        return Unit(LINE, self.data[begin:end].tobytes(), f"line {self._before + self._numbers[number] + 1}")


def is_text(content: bytes) -> bool:
    """Return whether the bytes are text."""
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@kernel
def _last_begin(data: Bytes, begin: int, end: int) -> int:
    """Return where the last line begins from a place to another, 0 where none does."""
    at = end - _WIDTH
    while at >= begin and places_of(data, at, _LINE_FEED, 0) == 0:
        at -= _WIDTH
    last = min(at + _WIDTH, end)
    while last > begin and data[last - 1] != _LINE_FEED:
        last -= 1
    return last if last > begin else 0


@kernel
def _find_lines(data: Bytes, end: int, bounds: Int64s, numbers: Int64s) -> tuple[int, int, bool]:
    """Write down where lines begin and end that are not empty, and how many stand before each.

    White space, commas and record separators around a line are none of it. Return how many are written down, -1 where
    there is no room, how many there are with those that are empty, and whether all bytes up to the end are ASCII.
    """
    count, line, begin = 0, 0, 0
    beyond = np.uint64(0)
    for at in range(0, end, _WIDTH):
        found = np.uint64(places_of(data, at, _LINE_FEED, 0))
        beyond |= (word(data, at) | word(data, at + 8)) | (word(data, at + 16) | word(data, at + 24))
        while found != np.uint64(0):
            feed = at + first_bit(found)
            found &= found - np.uint64(1)
            if feed >= end:
                break
            first, last = begin, feed
            while first < last and _is_around(data[first]):
                first += 1
            while last > first and _is_around(data[last - 1]):
                last -= 1
            if last > first:
                if count >= len(numbers):
                    return -1, line, False
                bounds[count, 0], bounds[count, 1], numbers[count] = first, last, line
                count += 1
            line += 1
            begin = feed + 1
    return count, line, bool(beyond & _TOPS == np.uint64(0))


@kernel
def _is_around(sign: int) -> bool:
    return sign in (32, 9, 13, 10, 44, 30)
