"""Bulk exports in pieces: units are gathered, scanned together, and what is unusual goes to the readable reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.sources._documents import LINES
from analysis.sources._gathering import Gathered, Lines, Records
from analysis.sources._ledger import Rejects
from analysis.sources._rows import Batch
from analysis.sources._scan_found import Decoders, Found, Unit, clear, found_for
from analysis.sources._scan_rows import Odd, ScanRows

__all__ = ["Readable", "Scanning"]

#: Bytes scanned together: the work of making columns is spread over some ten thousand spans.
_PIECE: Final = 28 << 20
_NONE: Final = -1

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
        form: Callable[[str], int],
        sizes: tuple[int, int, int, int, int],
        reader: Readable,
        rejects: Rejects,
        decoders: Decoders,
        *,
        is_text: bool = True,
        scratch: int = 0,
    ) -> None:
        self._scan, self._form, self._sizes, self._reader = scan, form, sizes, reader
        self._rejects, self._scratch = rejects, scratch
        self._rows = ScanRows(rejects, decoders)
        self._gathered: Gathered = Records(form, is_text=is_text, scratch=scratch)
        self._found = found_for(0, sizes)
        self._room = 0

    def add(self, unit: Unit) -> Iterator[Batch]:
        """Take a unit, or a piece of lines; yield what has been read when enough has come together."""
        if unit.key == LINES and not isinstance(self._gathered, Lines):
            self._gathered = Lines(self._form(LINES), self._rejects, self._scratch)
        self._gathered.add(unit)
        if self._gathered.size >= _PIECE:
            yield from self._take()

    def flush(self) -> Iterator[Batch]:
        """Yield the rows of the units gathered so far."""
        self._gathered.finish()
        if self._gathered.size:
            yield from self._take()

    def _take(self) -> Iterator[Batch]:
        gathered = self._gathered
        gathered.join()
        self._make_room(len(gathered.data))
        bounds = gathered.bounds
        left_out = np.zeros(len(bounds), np.bool_)
        self._scan(gathered.data, bounds, self._found, left_out)
        left_out |= bounds[:, 2] == _NONE
        table, oddities = self._rows.take(gathered.data, self._found, gathered, bounds[:, 0], left_out)
        if table is not None:
            yield Batch(spans=table)
        if oddities or left_out.any():
            for number in range(len(bounds)):
                if left_out[number]:
                    self._reader.take_unit(gathered[number])
                for odd in oddities.get(number, ()):
                    self._reader.take_odd(odd)
        gathered.drop()

    def _make_room(self, size: int) -> None:
        """Keep arrays for so many bytes, empty."""
        if size > self._room:
            self._room = size
            self._found = found_for(size, self._sizes)
            self._rows.forget()
        elif clear(self._found):
            self._rows.forget()
