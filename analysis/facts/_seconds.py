"""Facts that hold seconds of minutes, laid out second by second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._histogram import Histogram
from analysis.facts._cells import Cells

__all__ = ["amounts_at", "by_second", "laid_out"]

_MINUTE_S: Final = 60


def by_second(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Lay rows of minutes out second by second.

    Parameters
    ----------
    rows
        Of a fact with a ``minute`` and histograms of seconds of the minute.
    columns
        Names of these histograms.

    Returns
    -------
    pandas.DataFrame
        A column each, summed over the rows; the index is the second since the epoch, ascending, and holds those
        seconds only in which any of them has something.
    """
    cells = {name: rows[name].array for name in columns}
    seconds, amounts = laid_out(rows["minute"].to_numpy(np.int64), cells)
    return pd.DataFrame(amounts, columns=list(columns), index=pd.Index(seconds, name="second"))


def laid_out(
    minutes: NDArray[np.int64], columns: Mapping[str, Iterable[Histogram]]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Lay minutes out second by second, without a DataFrame.

    Parameters
    ----------
    minutes
        Since the epoch, a row each.
    columns
        By name: a histogram of seconds of the minute for each row.

    Returns
    -------
    tuple
        The seconds since the epoch in which any of them has something, ascending; and by name what each has in these.
    """
    parts = {name: _flat(minutes, cells) for name, cells in columns.items()}
    seconds = np.unique(np.concatenate([np.zeros(0, np.int64), *(when for when, _ in parts.values())]))
    amounts = {}
    for name, (when, amount) in parts.items():
        amounts[name] = np.zeros(len(seconds), np.int64)
        np.add.at(amounts[name], np.searchsorted(seconds, when), amount)
    return seconds, amounts


def amounts_at(wanted: NDArray[np.int64], seconds: NDArray[np.int64], amounts: NDArray[Any]) -> NDArray[Any]:
    """Return the amounts of some seconds, 0 where there is none.

    Parameters
    ----------
    wanted
        Seconds since the epoch.
    seconds, amounts
        What there is, ascending (:func:`laid_out`).
    """
    if not len(seconds):
        return np.zeros(len(wanted), amounts.dtype)
    place = np.minimum(np.searchsorted(seconds, wanted), len(seconds) - 1)
    return np.where(seconds[place] == wanted, amounts[place], 0)


def _flat(minutes: NDArray[np.int64], cells: Iterable[Histogram]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the seconds of some histograms, one after the other, and what is in them."""
    column = cells if isinstance(cells, Cells) else Cells.of(cells)
    rows, second, amount = column.entries()
    return minutes[rows] * _MINUTE_S + second, amount
