"""Histograms and exemplars of a fact in a DataFrame: cells that are made when they are looked at.

A fact of a long export has hundreds of thousands of them, and a detector looks at those of a few rows. What is kept is
the Arrow column, and for each row its place in it: choosing and sorting rows moves places, not cells.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionArray, ExtensionDtype

from analysis._histogram import BUCKET_COUNT, Histogram, require_buckets
from analysis._kernels.buckets import add_buckets
from analysis.facts._examples import Exemplar

__all__ = ["Cells", "exemplar_cells", "histogram_cells"]

_NONE: Final = -1

#: Makes the cell of a place.
Make = Callable[[int], Any]


class CellType(ExtensionDtype):
    """The type of columns that hold :class:`Cells`."""

    type = object
    kind = "O"
    name = "cells"
    na_value = np.nan

    @classmethod
    def construct_array_type(cls) -> builtins.type[Cells]:
        """Return the type of their arrays."""
        return Cells


class Cells(ExtensionArray):
    """A column whose cells are made when they are looked at.

    Parameters
    ----------
    make
        Makes the cell of a place; equal places give equal cells.
    places
        The place of each row; -1: the row has none.
    """

    def __init__(self, make: Make, places: npt.NDArray[np.int64]) -> None:
        self._make = make
        self._places = places

    @classmethod
    def of(cls, cells: Iterable[Any]) -> Cells:
        """Return a column of cells that there are."""
        return cls._from_sequence(list(cells))

    @classmethod
    def _from_sequence(cls, scalars: Sequence[Any], *, dtype: Any = None, copy: bool = False) -> Cells:  # noqa: ARG003
        cells = list(scalars)
        missing = np.array([cell is None or isinstance(cell, float) for cell in cells], np.bool_)
        return cls(cells.__getitem__, np.where(missing, _NONE, np.arange(len(cells))))

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Cells]) -> Cells:
        if all(part._make is to_concat[0]._make for part in to_concat):
            places = [part._places for part in to_concat]  # noqa: SLF001 - of the same class
            return cls(to_concat[0]._make, np.concatenate(places))
        return cls._from_sequence([cell for part in to_concat for cell in part])

    def _cast_pointwise_result(self, values: Any) -> Any:
        # What is made of cells is of no type that they could tell.
        return pd.Series(list(values)).array

    @property
    def dtype(self) -> CellType:
        """The type of the column."""
        return CellType()

    @property
    def nbytes(self) -> int:
        """What the places take; the column that cells are made of is shared."""
        return int(self._places.nbytes)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        make = self._make
        return (make(place) if place >= 0 else np.nan for place in self._places.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return the cells, each one object: tuples are no rows of a table."""
        del dtype, copy
        cells = np.empty(len(self), object)
        for row, cell in enumerate(self):
            cells[row] = cell
        return cells

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            place = int(self._places[item])
            return self._make(place) if place >= 0 else np.nan
        return type(self)(self._make, self._places[pd.api.indexers.check_array_indexer(self, item)])

    def __eq__(self, other: object) -> Any:
        if isinstance(other, pd.Series | pd.DataFrame | pd.Index):
            return NotImplemented
        others = other if isinstance(other, Cells | list | np.ndarray) else [other] * len(self)
        return np.array([bool(one == two) for one, two in zip(self, others, strict=True)], np.bool_)

    __hash__ = None  # type: ignore[assignment]

    def isna(self) -> npt.NDArray[np.bool_]:
        """Return which rows have no cell."""
        missing: npt.NDArray[np.bool_] = self._places < 0
        return missing

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Cells:  # noqa: ARG002
        """Return the rows of some indices; with ``allow_fill`` -1 stands for a row without a cell."""
        wanted = np.asarray(indices, np.int64)
        if not allow_fill:
            return type(self)(self._make, self._places[wanted])
        if len(wanted) and wanted.min() < _NONE:
            message = f"a row that is taken has an index, or is {_NONE} for none"
            raise ValueError(message)
        if not len(self) and (wanted >= 0).any():
            raise IndexError("there is no row to take")
        extended = np.append(self._places, _NONE)
        return type(self)(self._make, extended[wanted])

    def added_up(self) -> Histogram:
        """Return the sum of a column of histograms."""
        if isinstance(self._make, _Histograms):
            return self._make.added_up(self._places)
        _, buckets, counts = self.entries()
        return Histogram.from_buckets(buckets, counts)

    def entries(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return what a column of histograms holds, one cell after the other: row, bucket and count."""
        if isinstance(self._make, _Histograms):
            return self._make.entries(self._places)
        cells = [cell if isinstance(cell, Histogram) else Histogram() for cell in self]
        rows = np.repeat(np.arange(len(cells)), [len(cell.buckets) for cell in cells])
        whole = [Histogram(), *cells]
        return rows, np.concatenate([cell.buckets for cell in whole]), np.concatenate([cell.counts for cell in whole])

    def copy(self) -> Cells:
        """Return a copy; cells cannot be changed and are shared."""
        return type(self)(self._make, self._places.copy())


class _Histograms:
    """Makes the histograms of a column."""

    def __init__(self, column: pa.Array) -> None:
        self._offsets = column.offsets.to_numpy()
        self._buckets, self._counts = (column.values.field(name).to_numpy() for name in ("bucket", "count"))
        # A review that was saved may come from anywhere.
        require_buckets(self._buckets)

    def __call__(self, place: int) -> Histogram:
        begin, end = self._offsets[place], self._offsets[place + 1]
        # Kernels were compiled for arrays that can be written to, which those of Arrow cannot.
        return Histogram(self._buckets[begin:end].copy(), self._counts[begin:end].copy())

    def added_up(self, places: npt.NDArray[np.int64]) -> Histogram:
        """Return the sum of the cells at some places."""
        order = places[places >= 0]
        if not len(order):
            return Histogram()
        entries = int((self._offsets[order + 1] - self._offsets[order]).sum())
        size = entries if len(order) == 1 else min(entries, BUCKET_COUNT)
        bucket, count = np.empty(size, np.int32), np.empty(size, np.int64)
        ends = np.zeros(2, np.int64)
        lists = (self._offsets, self._buckets, self._counts)
        add_buckets(np.array([0, len(order)]), order, *lists, BUCKET_COUNT, ends, bucket, count)
        return Histogram(bucket[: ends[1]], count[: ends[1]])

    def entries(
        self, places: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return the row, bucket and count of every entry of the cells at some places, cell after cell."""
        begins = self._offsets[places].astype(np.int64)
        lengths = np.where(places < 0, 0, self._offsets[np.maximum(places, 0) + 1] - begins)
        ends = np.cumsum(lengths)
        rows = np.repeat(np.arange(len(places)), lengths)
        at = np.arange(len(rows)) + np.repeat(begins - (ends - lengths), lengths)
        return rows, self._buckets[at], self._counts[at]


class _Exemplars:
    """Makes the exemplars of a column."""

    def __init__(self, column: pa.Array) -> None:
        self._offsets, entries = column.offsets.to_numpy(), column.values
        names = ("value", "trace_id_high", "trace_id_low", "start_ns")
        self._members = [entries.field(name).to_numpy() for name in names]
        spans = entries.field("span_ids")
        self._span_offsets, self._spans = spans.offsets.to_numpy(), spans.values.to_numpy()

    def __call__(self, place: int) -> tuple[Exemplar, ...]:
        begin, end = int(self._offsets[place]), int(self._offsets[place + 1])
        if begin == end:
            return ()
        ends = self._span_offsets[begin : end + 1].tolist()
        first = ends[0]
        spans = [f"{span:016x}" for span in self._spans[first : ends[-1]].tolist()]
        members = (member[begin:end].tolist() for member in self._members)
        return tuple(
            Exemplar(value, f"{high:016x}{low:016x}", start, tuple(spans[one - first : two - first]))
            for value, high, low, start, one, two in zip(*members, ends[:-1], ends[1:], strict=True)
        )


def histogram_cells(column: pa.Array) -> Cells:
    """Return a histogram column of a fact, to be looked at as :class:`analysis._histogram.Histogram`."""
    return Cells(_Histograms(column), np.arange(len(column)))


def exemplar_cells(column: pa.Array) -> Cells:
    """Return an exemplar column of a fact, to be looked at as tuples of :class:`Exemplar`."""
    return Cells(_Exemplars(column), np.arange(len(column)))
