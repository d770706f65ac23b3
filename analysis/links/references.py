"""Span links: references to spans other than the parent, found among the rows of the same partition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis.forest import Forest

__all__ = ["References", "find_references"]


@dataclass(frozen=True, eq=False)
class References:
    """Links whose target is a row of the same partition, in order of the row that has them.

    Attributes
    ----------
    row
        Which row has the link.
    target
        Which row it leads to: the client half, where a server half shares the id.
    waits
        It is a further parent that waits for the row (CHILD_OF).
    """

    row: NDArray[np.int64]
    target: NDArray[np.int64]
    waits: NDArray[np.bool_]


#: The service graph and several facts ask for the same; forgotten with the forest.
_FOUND: Final[WeakKeyDictionary[Forest, References]] = WeakKeyDictionary()


def find_references(forest: Forest) -> References:
    """Look up the links of a forest; those that lead out of the partition or to the row itself are left out."""
    if forest not in _FOUND:
        _FOUND[forest] = _looked_up(forest)
    return _FOUND[forest]


def _looked_up(forest: Forest) -> References:
    column = forest.table["links"]
    links = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    nothing = np.zeros(0, np.int64)
    if isinstance(links, pa.ChunkedArray):
        links = pa.concat_arrays(links.chunks) if links.num_chunks else pa.array([], links.type)
    if links.null_count == len(links):
        return References(nothing, nothing, nothing.astype(np.bool_))
    lengths = np.nan_to_num(np.asarray(links.value_lengths().to_numpy(zero_copy_only=False), np.float64))
    row = np.repeat(np.arange(len(links)), lengths.astype(np.int64))
    entries = links.flatten()
    high, low, span = (
        np.asarray(entries.field(name).fill_null(0).to_numpy(zero_copy_only=False), np.uint64)
        for name in ("trace_id_high", "trace_id_low", "span_id")
    )
    waits = np.asarray(entries.field("kind").to_numpy(zero_copy_only=False)) == "child_of"
    target = _rows_of(forest, high, low, span)
    found = (target >= 0) & (target != row)
    return References(row[found], target[found], waits[found])


def _rows_of(
    forest: Forest, high: NDArray[np.uint64], low: NDArray[np.uint64], span: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Return the row of every id; -1 where there is none."""
    wanted = len(span)
    ids = (forest.array("trace_id_high"), forest.array("trace_id_low"), forest.array("span_id"))
    columns = [np.concatenate([own, asked]) for own, asked in zip(ids, (high, low, span), strict=True)]
    # A row stands before whoever asks for it, its client half before its server half.
    rank = np.concatenate([forest.array("shared").astype(np.int8), np.full(wanted, 2, np.int8)])
    order = np.lexsort((rank, columns[2], columns[1], columns[0]))
    ordered = [column[order] for column in columns]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in ordered])
    first = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    answer = np.empty(len(order), np.int64)
    answer[order] = np.where(first < forest.size, first, -1)
    return answer[forest.size :]
