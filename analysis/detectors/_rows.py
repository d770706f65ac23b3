"""Rows of facts as plain values, grouped: reading a cell of a DataFrame costs more than judging what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import pandas as pd

__all__ = ["Row", "by_entry", "grouped", "total"]

#: A row of a fact: its cells by the names of the columns.
Row = Mapping[str, Any]


def grouped(frame: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Yield the rows that belong together, in order of their keys.

    Parameters
    ----------
    frame
        A merged fact, or some rows of one.
    by
        Columns of text that make the key.

    Yields
    ------
    tuple
        The key, and its rows as they stand in the frame.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in cast("list[dict[str, Any]]", frame.to_dict("records")):
        groups.setdefault(tuple(str(row[name]) for name in by), []).append(row)
    for key in sorted(groups):
        yield key, groups[key]


def by_entry(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Return rows by the entry operation (service, operation) of the requests that they tell of, in its order."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((str(row["entry_service"]), str(row["entry_operation"])), []).append(row)
    return dict(sorted(groups.items()))


def total(name: str, rows: Iterable[Row]) -> int:
    """Add up a column of whole numbers."""
    return sum(int(row[name]) for row in rows)
