"""Where failures began, with arrays a level at a time: for peers that have no loop of their own."""

from __future__ import annotations

import numpy as np

__all__ = ["origin_rows"]


def origin_rows(parent: np.ndarray, enters: np.ndarray, waits: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """Return the failed spans below which nothing failed that they waited for, inside the visits that failed.

    Parameters
    ----------
    parent
        Row of each span's parent; -1 where there is none.
    enters, waits
        The span enters its service; its parent waits for it.
    failed
        The span failed.
    """
    rows = np.arange(len(parent))
    entry = np.where(enters, rows, parent)
    while (entry[entry] != entry).any():
        entry = entry[entry]
    above_failure = np.zeros(len(rows), bool)
    climbing = rows[failed & waits & (parent >= 0)]
    while len(climbing):
        up = np.unique(parent[climbing])
        up = up[~above_failure[up]]
        above_failure[up] = True
        climbing = up[~failed[up] & waits[up] & failed[entry[up]] & (parent[up] >= 0)]
    return np.flatnonzero(failed & ~above_failure)
