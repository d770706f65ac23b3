"""Tables for reading: no index, numbers aligned, lists in words, nothing cut, everything from telemetry escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import pandas as pd

from analysis._wording import plain

__all__ = ["Table", "table"]

#: Numbers from here on are shown without a fraction.
_LARGE: Final = 1e6
_NOTHING: Final = "–"  # noqa: RUF001 - a dash, as tables have it


class Table:
    """A DataFrame that displays itself as a table for reading; ``.frame`` is the DataFrame."""

    def __init__(self, frame: pd.DataFrame, empty: str) -> None:
        self.frame = frame
        self._empty = empty

    def __repr__(self) -> str:
        if not len(self.frame):
            return self._empty
        shown = self.frame.map(_harmless)
        return shown.rename(columns=lambda name: plain(str(name))).to_string(index=False)

    def _repr_html_(self) -> str:
        if not len(self.frame):
            return f"<p>{escape(self._empty)}</p>"
        names = [str(name) for name in self.frame.columns]
        numeric = [_is_number(kind) for kind in self.frame.dtypes]
        head = "".join(
            f'<th scope="col"{_side(number)}>{_text(name.replace("_", " "))}</th>'
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


def _harmless(value: Any) -> Any:
    """Return a cell for a terminal: the texts in it on one line, without control characters."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {_harmless(name): _harmless(item) for name, item in value.items()}
    return tuple(map(_harmless, value)) if isinstance(value, list | tuple) else value


def _is_number(kind: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind))


def _text(value: object) -> str:
    return escape(plain(str(value)))


def _side(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "<br>".join(f"{_text(str(name).replace('_', ' '))} {_cell(item)}" for name, item in value.items())
            or _NOTHING
        )
    if isinstance(value, list | tuple):
        return "; ".join(_cell(item) for item in value) or _NOTHING
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if math.isnan(value):
            return _NOTHING
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        return f"{value:,.6g}" if abs(value) < _LARGE else f"{value:,.0f}"
    return _text(value)
