"""Facts that hold seconds of minutes, laid out second by second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

__all__ = ["by_second"]

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
    parts = {}
    for name in columns:
        cells = list(rows[name])
        lengths = [len(cell.buckets) for cell in cells]
        minute = np.repeat(rows["minute"].to_numpy(np.int64), lengths)
        second = np.concatenate([np.zeros(0, np.int64), *(cell.buckets for cell in cells)]).astype(np.int64)
        amount = np.concatenate([np.zeros(0, np.int64), *(cell.counts for cell in cells)]).astype(np.int64)
        parts[name] = pd.Series(amount, index=minute * _MINUTE_S + second).groupby(level=0).sum()
    table = pd.DataFrame(parts, columns=list(columns)).fillna(0).astype("int64").sort_index()
    table.index.name = "second"
    return table
