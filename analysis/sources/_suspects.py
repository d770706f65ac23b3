"""Attributes that no column keeps, but that may hold secrets or personal data: those are decoded too, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis._exposed import records_perhaps_exposing
from analysis.schema import TEXT
from analysis.semconv import exposures
from analysis.sources._scan_exposed import ALL, ONE_IN

__all__ = ["exposed_in", "looked_at", "suspects"]

#: Whole numbers from here on may be those of a card.
_CARDS: Final = 10**12

Bools = NDArray[np.bool_]


def looked_at(span_ids: NDArray[np.uint64], seen: int) -> Bools:
    """Return which spans are looked through: all at the beginning of an export, then one in many by its id.

    Parameters
    ----------
    span_ids
        Of the next spans.
    seen
        How many there were before.
    """
    looked = (span_ids & np.uint64(ONE_IN - 1)) == 0
    looked[: max(0, ALL - seen)] = True
    return np.asarray(looked, np.bool_)


def suspects(keys: Any, values: Any, numbers: Any = None) -> Bools:
    """Return which attributes are worth being looked through.

    Parameters
    ----------
    keys
        Their names, as texts or bytes.
    values
        Their values where these are texts, or lists of them; null elsewhere.
    numbers
        Their values where these are whole numbers, or lists of them; null elsewhere.
    """
    if not len(keys):
        return np.zeros(0, np.bool_)
    if pa.types.is_list(values.type):
        # Blocks say of what lists hold that it is never null, which the kernel does not know.
        values = pc.binary_join(values.cast(pa.list_(pa.string())), " ")
    said = pc.binary_join_element_wise(keys.cast(pa.binary()), values.cast(pa.binary()), b"=")
    found = records_perhaps_exposing(said).fill_null(False).to_numpy(zero_copy_only=False)
    marks = np.array(found, np.bool_)
    if numbers is not None:
        if pa.types.is_list(numbers.type):
            marks[pc.list_parent_indices(numbers).to_numpy()[_large(numbers.flatten())]] = True
        else:
            marks |= _large(numbers)
    return marks


def exposed_in(columns: Mapping[str, pa.Array], looked: Bools) -> pa.Array:
    """Return for each row what its fields expose (:func:`analysis.semconv.exposures`).

    Parameters
    ----------
    columns
        Texts of fields, by name.
    looked
        Which rows are looked through.
    """
    rows = np.flatnonzero(looked)
    told: list[str | None] = [None] * len(looked)
    suspected: dict[int, dict[str, str]] = {}
    for name in sorted(columns):
        values = columns[name].take(pa.array(rows))
        said = pc.binary_join_element_wise(pa.scalar(name.encode()), values.cast(pa.binary()), b"=")
        marks = records_perhaps_exposing(said).fill_null(False).to_numpy(zero_copy_only=False)
        for place in np.flatnonzero(marks).tolist():
            suspected.setdefault(int(rows[place]), {})[name] = values[place].as_py()
    for row, fields in suspected.items():
        told[row] = exposures(fields, frozenset())
    return pa.array(told, pa.string()).dictionary_encode().cast(TEXT)


def _large(numbers: Any) -> Bools:
    large = pc.greater_equal(numbers, _CARDS).fill_null(False)
    return np.array(large.to_numpy(zero_copy_only=False), np.bool_)
