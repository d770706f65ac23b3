"""Facts that hold seconds of minutes, laid out second by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._histogram import Histogram

__all__ = ["by_second", "laid_out"]

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
    cells = {name: list(rows[name]) for name in columns}
    seconds, amounts = laid_out(rows["minute"].to_numpy(np.int64), cells)
    return pd.DataFrame(amounts, columns=list(columns), index=pd.Index(seconds, name="second"))


def laid_out(
    minutes: NDArray[np.int64], columns: Mapping[str, Sequence[Histogram]]
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


def _flat(minutes: NDArray[np.int64], cells: Sequence[Histogram]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the seconds of some histograms, one after the other, and what is in them."""
    minute = np.repeat(minutes, [len(cell.buckets) for cell in cells])
    second = np.concatenate([np.zeros(0, np.int64), *(cell.buckets for cell in cells)]).astype(np.int64)
    amount = np.concatenate([np.zeros(0, np.int64), *(cell.counts for cell in cells)]).astype(np.int64)
    return minute * _MINUTE_S + second, amount
