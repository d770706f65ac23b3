"""Rows of a fact as arrays: a DataFrame for each group costs more than judging what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._histogram import Histogram
from analysis.facts import Cells, Exemplar

__all__ = ["Rows"]

Places = NDArray[np.int64]


class _Fact:
    """The columns of a fact as arrays, made when they are looked at first."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._arrays: dict[str, Any] = {}
        self._codes: dict[str, tuple[Places, NDArray[Any]]] = {}
        self._keys: dict[tuple[str, ...], tuple[Places, list[tuple[Any, ...]]]] = {}

    def array(self, name: str) -> Any:
        """Return a column: numbers and marks of their own types, texts as objects, histograms and exemplars as cells.

        Equal texts are one object, so that comparing them is cheap.
        """
        if name not in self._arrays:
            column = self.frame[name]
            if isinstance(column.dtype, pd.StringDtype):
                codes, texts = self._coded(name)
                self._arrays[name] = texts[codes]
            else:
                self._arrays[name] = column.array if isinstance(column.array, Cells) else column.to_numpy()
        return self._arrays[name]

    def keyed(self, names: tuple[str, ...]) -> tuple[Places, list[tuple[Any, ...]]]:
        """Return the number of each row's key, ascending as the keys, and the keys."""
        if names not in self._keys:
            whole = np.zeros(len(self.frame), np.int64)
            for name in names:
                codes, values = self._coded(name)
                # Numbered anew with each column, so that they never grow beyond rows times values.
                _, whole = np.unique(whole * max(1, len(values)) + codes, return_inverse=True)
            _, firsts = np.unique(whole, return_index=True)
            columns = [self.array(name)[firsts].tolist() for name in names]
            self._keys[names] = whole, list(zip(*columns, strict=True))
        return self._keys[names]

    def _coded(self, name: str) -> tuple[Places, NDArray[Any]]:
        if name not in self._codes:
            codes, values = pd.factorize(self.frame[name], sort=True)
            self._codes[name] = codes, np.asarray(values, object)
        return self._codes[name]


class Rows:
    """Some rows of a fact, in its order.

    ``rows["calls"]`` is a column as an array, ``rows.only(rows["calls"] > 1)`` are some of the rows. Choosing and
    grouping move places; a column is gathered when it is looked at.

    Parameters
    ----------
    frame
        A merged fact.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._fact = _Fact(frame)
        self._places: Places | None = None

    def _at(self, places: Places) -> Rows:
        chosen = Rows.__new__(Rows)
        chosen._fact, chosen._places = self._fact, places  # noqa: SLF001 - of the same class
        return chosen

    @cached_property
    def places(self) -> Places:
        """Where the rows stand in the fact."""
        return np.arange(len(self._fact.frame)) if self._places is None else self._places

    def __len__(self) -> int:
        return len(self._fact.frame) if self._places is None else len(self._places)

    def __contains__(self, name: str) -> bool:
        return name in self._fact.frame

    def __getitem__(self, name: str) -> Any:
        """Return a column."""
        column = self._fact.array(name)
        return column if self._places is None else column[self._places]

    def only(self, chosen: NDArray[Any]) -> Rows:
        """Return the rows that a mask marks, or those of some places among these."""
        return self._at(self.places[chosen])

    def where(self, **values: Any) -> Rows:
        """Return the rows whose columns have the values given."""
        left = self
        for name, value in values.items():
            left = left.only(left[name] == value)
        return left

    def among(self, name: str, values: Any) -> NDArray[np.bool_]:
        """Return which rows have one of some values in a column."""
        wanted = frozenset(values)
        return np.array([value in wanted for value in self[name]], np.bool_)

    def groups(self, *names: str) -> Iterator[tuple[tuple[Any, ...], Rows]]:
        """Yield the keys of some columns, ascending, each with its rows."""
        if not len(self):
            return
        codes, keys = self._fact.keyed(names)
        codes = codes if self._places is None else codes[self._places]
        order = np.argsort(codes, kind="stable")
        held, begins = np.unique(codes[order], return_index=True)
        sorted_places = self.places[order]
        for code, begin, end in zip(held.tolist(), begins, np.append(begins[1:], len(order)), strict=True):
            yield keys[code], self._at(sorted_places[begin:end])

    def total(self, name: str) -> int:
        """Add up a column of whole numbers."""
        return int(self[name].sum())

    def histogram(self, name: str) -> Histogram:
        """Add up the histograms of a column."""
        cells: Cells = self[name]
        return cells.added_up()

    @property
    def exemplars(self) -> tuple[Exemplar, ...]:
        """The exemplars of all rows."""
        return tuple(exemplar for cell in self["exemplars"] for exemplar in cell)

    def by_entry(self) -> Iterator[tuple[tuple[str, str], Rows]]:
        """Yield the entry operations (service, operation) that the rows tell of, each with its rows."""
        return cast("Iterator[tuple[tuple[str, str], Rows]]", self.groups("entry_service", "entry_operation"))
