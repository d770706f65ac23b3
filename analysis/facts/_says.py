"""Tests on text columns, made once for each distinct text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from analysis.forest import Forest

__all__ = ["given", "says"]


def given(forest: Forest, column: str) -> npt.NDArray[np.bool_]:
    """Mark the rows in which a text column is not null."""
    return np.asarray(forest.codes(column).codes >= 0)


def says(forest: Forest, column: str, wanted: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    """Mark the rows whose text in a column passes a test; null does not."""
    codes = forest.codes(column)
    # The last entry is where the code -1 of a null lands.
    hit = np.zeros(len(codes.values) + 1, np.bool_)
    hit[:-1] = list(map(wanted, codes.values))
    return np.asarray(hit[codes.codes])
