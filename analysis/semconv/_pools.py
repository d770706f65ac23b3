"""Columns on their way: texts that are known by number, and what holds the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.schema import SPANS, TEXT

__all__ = ["COLUMNS", "FIRST_NUMBER", "NUMBERS", "PLACES", "Columns", "Pool"]

#: Columns that attributes feed and that hold numbers; all others hold texts.
NUMBERS: Final = ("server_port", "http_status", "resend_count", "db_rows", "response_size", "request_size")
#: All columns that hold a text or that attributes feed, by number; those of numbers come last.
COLUMNS: Final = (
    *(column.name for column in SPANS if column.type == TEXT and not column.derived),
    *NUMBERS,
)
FIRST_NUMBER: Final = len(COLUMNS) - len(NUMBERS)
PLACES: Final = {name: place for place, name in enumerate(COLUMNS)}

Int32s = NDArray[np.int32]


class Pool:
    """Texts known by number.

    Attributes
    ----------
    texts
        By number.
    longest
        Characters of the longest.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.longest = 0
        self._index: dict[str | None, int] = {None: -1}
        self._array = pa.array([], pa.string())

    def numbers(self, texts: Sequence[str | None]) -> list[int]:
        """Return the numbers of texts, -1 for none."""
        index = self._index
        new = [one for one in dict.fromkeys(texts) if one is not None and one not in index]
        if new:
            first = len(self.texts)
            self.texts += new
            index.update(zip(new, range(first, len(self.texts)), strict=True))
            self.longest = max(self.longest, *map(len, new))
        return [index[one] for one in texts]

    def taken(self, numbers: Int32s) -> pa.Array:
        """Return the texts of some numbers."""
        known = len(self._array)
        if known < len(self.texts):
            self._array = pa.concat_arrays([self._array, pa.array(self.texts[known:], pa.string())])
        return self._array.take(pa.array(numbers))

    def number(self, one: str | None) -> int:
        """Return the number of a text, -1 for none."""
        return self.numbers((one,))[0]


class Columns:
    """Columns on their way: numbers of texts (of :class:`Pool`), or numbers; -1 is none.

    Attributes
    ----------
    pool
        The texts.
    codes
        A row for each column of texts, longer than there are spans.
    numbers
        The same for columns of numbers.
    used
        For each of :data:`COLUMNS`: it may hold something.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.codes = np.empty((FIRST_NUMBER, 0), np.int32)
        self.numbers = np.empty((len(NUMBERS), 0), np.int64)
        self.used = np.zeros(len(COLUMNS), np.bool_)

    def empty(self, spans: int) -> None:
        """Make room for so many spans, every column empty."""
        if spans > self.codes.shape[1]:
            room = spans + spans // 4
            self.codes = np.full((FIRST_NUMBER, room), -1, np.int32)
            self.numbers = np.full((len(NUMBERS), room), -1, np.int64)
        else:
            self.codes[self.used[:FIRST_NUMBER]] = -1
            self.numbers[self.used[FIRST_NUMBER:]] = -1
        self.used[:] = False

    def put(self, name: str, codes: NDArray[Any]) -> None:
        """Fill a column."""
        place = PLACES[name]
        if place < FIRST_NUMBER:
            self.codes[place, : len(codes)] = codes
        else:
            self.numbers[place - FIRST_NUMBER, : len(codes)] = codes
        self.used[place] = True

    def code(self, name: str, value: Any) -> int:
        """Return what stands for a value of a column, -1 for none."""
        if name in NUMBERS:
            return -1 if value is None else int(value)
        return self.pool.number(value)

    def column(self, name: str, spans: int) -> Int32s:
        """Return a column of texts, to be changed."""
        place = PLACES[name]
        self.used[place] = True
        return self.codes[place, :spans]

    def text(self, name: str, row: int) -> str | None:
        """Return the text of a row."""
        code = self.codes[PLACES[name], row]
        return self.pool.texts[code] if code >= 0 else None
