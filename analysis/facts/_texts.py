"""Texts of chosen rows, and the first of several that is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis._kernels.numbering import take_codes
from analysis.facts._call_kernels import fill_missing
from analysis.forest import Codes

__all__ = ["first_there", "taken"]

Integers = npt.NDArray[np.integer[Any]]


def taken(codes: Codes, rows: Integers) -> Codes:
    """Return the codes of some rows; a row of -1 has none."""
    chosen = np.empty(len(rows), np.int32)
    take_codes(codes.codes, np.ascontiguousarray(rows, np.int64), chosen)
    return Codes(chosen, codes.values)


def first_there(parts: Sequence[tuple[Codes, Integers]]) -> Codes:
    """Return for each entry the first of several texts that is there; each has the row that it is read from."""
    codes = np.full(len(parts[0][1]), -1, np.int32)
    values: list[str] = []
    for texts, rows in parts:
        fill_missing(texts.codes, np.ascontiguousarray(rows, np.int64), len(values), codes)
        values += texts.values
    return Codes(codes, tuple(values))
