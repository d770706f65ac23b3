"""Values that were taken out of documents: ids and times as numbers, statements and paths as texts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis._kernels import json_documents as of
from analysis._kernels.log_values import parse_ids, parse_times
from analysis._kernels.plain_numbers import parse_decimals
from analysis.sources._alike.forms import Form, Target
from analysis.sources._json import loads
from analysis.sources._log_columns import texts_of
from analysis.sources._times import INT64_MAX

__all__ = ["Values", "taken_texts"]

_TRACE: Final = ("trace_id_high", "trace_id_low")

Bytes = NDArray[np.uint8]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Values:
    """Columns of rows that are made together, as far as documents have values of their own for them.

    Parameters
    ----------
    form
        Of the format.
    data
        The bytes in which the documents stand.
    begins, places
        Where each begins, and where in it its values are.

    Attributes
    ----------
    made
        Columns by name.
    told
        For each the rows that have such a value.
    sound
        Rows whose values are all plain.
    """

    def __init__(self, form: Form, data: Bytes, begins: Int64s, places: NDArray[np.int32]) -> None:
        self._form, self._data, self._begins, self._places = form, data, begins, places
        self.made: dict[str, NDArray[Any]] = {}
        self.told: dict[str, Bools] = {}
        self.sound = np.ones(len(begins), np.bool_)

    def fill(self, column: str, found: NDArray[Any]) -> None:
        """Give all rows a value."""
        self.made[column], self.told[column] = found, np.ones(len(found), np.bool_)

    def take(self, target: Target, rows: Int64s) -> None:
        """Read the values of a target of some rows; those that are not plain are not sound."""
        place = self._places[rows, self._form.roles.index(target.role)]
        start, end = self._begins[rows] + place[:, 0], self._begins[rows] + place[:, 1]
        good = place[:, 2] == of.PLAIN
        if target.column == "trace_id":
            high, low, fit = self._ids(start, end)
            good &= fit
            self._put(_TRACE[0], rows, high)
            self._put(_TRACE[1], rows, low)
        elif target.unit == "hex":
            _, low, fit = self._ids(start, end)
            good &= fit & (end - start == 16)
            self._put(target.column, rows, low)
        elif target.unit == "iso":
            time, how = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int8)
            parse_times(self._data, start, end, time, how)
            good &= how >= 0
            self._put(target.column, rows, time)
        else:
            number, fit = np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.bool_)
            parse_decimals(self._data, start, end, number, fit)
            good &= fit
            if isinstance(target.unit, int):
                good &= number <= np.uint64(INT64_MAX // target.unit)
                self._put(target.column, rows, np.where(good, number, np.uint64(0)).astype(np.int64) * target.unit)
            else:
                # Zero is no id, but it is no parent as well.
                good &= (number > 0) | (target.column == "parent_span_id")
                self._put(target.column, rows, number)
        self.sound[rows] &= good

    def check_ends(self) -> None:
        """Find rows that end beyond the times that there are to be unsound."""
        if "start_ns" in self.made and "duration_ns" in self.made:
            both = self.told["start_ns"] & self.told["duration_ns"]
            self.sound &= ~both | (self.made["start_ns"] <= INT64_MAX - self.made["duration_ns"])

    def _ids(self, start: Int64s, end: Int64s) -> tuple[NDArray[np.uint64], NDArray[np.uint64], Bools]:
        high, low, fit = (
            np.zeros(len(start), np.uint64),
            np.zeros(len(start), np.uint64),
            np.zeros(len(start), np.bool_),
        )
        parse_ids(self._data, start, end, high, low, fit)
        return high, low, fit

    def _put(self, column: str, rows: Int64s, found: NDArray[Any]) -> None:
        if column not in self.made:
            self.made[column] = np.zeros(len(self.sound), found.dtype)
            self.told[column] = np.zeros(len(self.sound), np.bool_)
        self.made[column][rows] = found
        self.told[column][rows] = True


def taken_texts(data: Bytes, begins: Int64s, places: NDArray[np.int32]) -> tuple[Int64s, list[str]]:
    """Return the numbers of texts that were taken out, and the texts."""
    place = places.astype(np.int64)
    found = texts_of(data, begins + place[:, 0], begins + place[:, 1], np.ones(len(begins), np.bool_))
    codes: Any = found.indices.to_numpy(zero_copy_only=False)
    escaped = np.zeros(len(found.dictionary), np.bool_)
    escaped[codes[place[:, 2] == of.ESCAPED]] = True
    texts = [
        loads(b'"' + word.encode() + b'"') if escapes else word
        for word, escapes in zip(found.dictionary.to_pylist(), escaped.tolist(), strict=True)
    ]
    return codes.astype(np.int64), texts
