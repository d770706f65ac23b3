"""Bulk exports in pieces: units are gathered, scanned together, and what is unusual goes to the readable reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis._kernels.wide_reads import PADDING
from analysis.sources._ledger import Rejects
from analysis.sources._rows import Batch
from analysis.sources._scan_found import Found, clear, found_for
from analysis.sources._scan_rows import Decoders, Odd, ScanRows, Unit

__all__ = ["Readable", "Scanning"]

#: Bytes scanned together: their distinct texts fit the processor's cache, and the work of making columns is spread over
#: some thousand spans.
_PIECE: Final = 12 << 20
#: No form: the unit is not scanned.
_NONE: Final = -1
_LINE_FEED: Final = 10

Int64s = NDArray[np.int64]


class Readable(Protocol):
    """The readable reader that takes what is unusual."""

    def take_unit(self, unit: Unit) -> None:
        """Take a unit that was not scanned."""

    def take_odd(self, odd: Odd) -> None:
        """Take a span that was not made into a row."""


class Scanning:
    """Gathers units and scans them.

    Parameters
    ----------
    scan
        Called with bytes (padded), units (begin, end, form), where spans go, and a mark to be set for each unit that is
        left out.
    form
        The form of a unit by its key, or -1 where it is none to scan.
    sizes
        The fewest bytes of a span, an attribute, a scope, a block and a link: so much room is kept for them.
    reader
        Takes what is unusual.
    rejects, decoders
        See :class:`ScanRows`.
    is_text
        Units must be text as a whole.
    scratch
        Bytes behind all others that the scan may write to.
    """

    def __init__(
        self,
        scan: Callable[[NDArray[np.uint8], Int64s, Found, NDArray[np.bool_]], None],
        form: Callable[[Unit], int],
        sizes: tuple[int, int, int, int, int],
        reader: Readable,
        rejects: Rejects,
        decoders: Decoders,
        *,
        is_text: bool = True,
        scratch: int = 0,
    ) -> None:
        self._scan, self._form, self._sizes, self._reader = scan, form, sizes, reader
        self._is_text, self._scratch = is_text, scratch
        self._rows = ScanRows(rejects, decoders)
        self._units: list[Unit] = []
        self._size = 0
        self._data = np.zeros(0, np.uint8)
        self._found = found_for(0, 0, 0, 0, 0)
        self._room = 0

    def add(self, unit: Unit) -> Iterator[Batch]:
        """Take a unit; yield what has been read when enough has come together."""
        self._units.append(unit)
        self._size += len(unit.content) + 1
        if self._size >= _PIECE:
            yield from self.flush()

    def flush(self) -> Iterator[Batch]:
        """Yield the rows of the units gathered so far."""
        units, self._units, self._size = self._units, [], 0
        if not units:
            return
        bounds = self._join(units)
        left_out = np.zeros(len(units), np.bool_)
        self._scan(self._data, bounds, self._found, left_out)
        left_out |= bounds[:, 2] == _NONE
        table, oddities = self._rows.take(self._data, self._found, units, bounds[:, 0], left_out)
        if table is not None:
            yield Batch(spans=table)
        for number, unit in enumerate(units):
            if left_out[number]:
                self._reader.take_unit(unit)
            for odd in oddities.get(number, ()):
                self._reader.take_odd(odd)

    def _join(self, units: list[Unit]) -> Int64s:
        """Put the units one after the other, and say where each begins and ends, and what it is."""
        lengths = np.array([len(unit.content) for unit in units], np.int64)
        ends = np.cumsum(lengths + 1) - 1
        self._make_room(int(ends[-1]) + 1)
        forms = []
        for unit, end in zip(units, ends.tolist(), strict=True):
            content = unit.content
            self._data[end - len(content) : end] = np.frombuffer(content, np.uint8)
            self._data[end] = _LINE_FEED
            sound = not self._is_text or content.isascii() or _is_text(content)
            forms.append(self._form(unit) if sound else _NONE)
        self._data[ends[-1] : ends[-1] + PADDING] = 0
        return np.ascontiguousarray(np.stack([ends - lengths, ends, np.array(forms, np.int64)], axis=1))

    def _make_room(self, size: int) -> None:
        """Keep arrays for so many bytes, empty."""
        if size > self._room:
            self._room = size
            self._data = np.zeros(size + PADDING + self._scratch, np.uint8)
            self._found = found_for(*(size // least + 16 for least in self._sizes))
        else:
            clear(self._found)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
