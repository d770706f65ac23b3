"""Tables for reading: no index, numbers aligned, lists in words, nothing cut, everything from telemetry escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import pandas as pd

__all__ = ["Table", "table"]

_NOTHING: Final = "–"  # noqa: RUF001 - a dash, as tables have it


class Table:
    """A DataFrame that displays itself as a table for reading; ``.frame`` is the DataFrame."""

    def __init__(self, frame: pd.DataFrame, empty: str) -> None:
        self.frame = frame
        self._empty = empty

    def __repr__(self) -> str:
        return self.frame.to_string(index=False) if len(self.frame) else self._empty

    def _repr_html_(self) -> str:
        if not len(self.frame):
            return f"<p>{escape(self._empty)}</p>"
        names = [str(name) for name in self.frame.columns]
        numeric = [pd.api.types.is_numeric_dtype(self.frame.dtypes.iloc[index]) for index in range(len(names))]
        head = "".join(
            f'<th scope="col"{_side(number)}>{escape(name.replace("_", " "))}</th>'
            for name, number in zip(names, numeric, strict=True)
        )
        rows = "".join(
            "<tr>" + "".join(f"<td{_side(n)}>{_cell(v)}</td>" for v, n in zip(row, numeric, strict=True)) + "</tr>"
            for row in self.frame.itertuples(index=False, name=None)
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def table(frame: pd.DataFrame, *, index: bool = False, empty: str = "None.") -> Table:
    """Show a DataFrame as a table for reading.

    Parameters
    ----------
    frame
        What is shown.
    index
        Show the index too, as first columns.
    empty
        What is said where there is no row.
    """
    return Table(frame.reset_index() if index else frame, empty)


def _side(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "<br>".join(f"{escape(str(name).replace('_', ' '))} {_cell(item)}" for name, item in value.items())
            or _NOTHING
        )
    if isinstance(value, list | tuple):
        return "; ".join(_cell(item) for item in value) or _NOTHING
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) or hasattr(value, "item"):
        return f"{value:,.6g}" if float(value) < 1e6 else f"{value:,.0f}"
    return escape(str(value))
