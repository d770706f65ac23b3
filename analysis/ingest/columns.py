"""Arrow columns as numbers that can be compared: equal texts have equal codes, and codes are in the order of texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["codes", "integers", "joined", "row_codes", "tidy", "valid"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Rank of a missing value: below every other.
_NONE: Final = -1


def tidy(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """Join tables into one chunk a column, each dictionary sorted and without unused or repeated values.

    Readers of partitions rely on one chunk; sorted dictionaries make the same rows the same bytes, however they came
    in.
    """
    parts = list(tables)
    table = pa.concat_tables(parts) if parts else schema.empty_table()
    arrays = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            arrays.append(_sorted_dictionary(column))
        else:
            arrays.append(_one_chunk(column, table.schema.field(name).type))
    return pa.table(arrays, names=table.column_names)


def _one_chunk(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if column.num_chunks == 0:
        return pa.array([], type=kind)
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables into one chunk a column with one dictionary, neither sorted nor cleared of what is not used."""
    table = pa.concat_tables(tables)
    columns = [
        _unifiable(column).unify_dictionaries() if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names).combine_chunks()


def _unifiable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Encode a column anew whose dictionaries hold a null: those cannot be unified, and a null is no value."""
    if any(chunk.dictionary.null_count for chunk in column.chunks):
        return column.cast(pa.string()).dictionary_encode()
    return column


def _sorted_dictionary(column: pa.ChunkedArray) -> pa.Array:
    column = _unifiable(column)
    if column.null_count == len(column):
        return pa.DictionaryArray.from_arrays(pa.nulls(len(column), pa.int32()), pa.array([], pa.string()))
    encoded = _one_chunk(column.unify_dictionaries(), column.type)
    raw = encoded.indices.fill_null(_NONE).to_numpy(zero_copy_only=False).astype(np.int64)
    dictionary = encoded.dictionary
    marked = np.zeros(len(dictionary) + 1, np.bool_)
    marked[raw] = True
    # The last place is where the code of a missing value lands.
    used = np.flatnonzero(marked[:-1])
    values = dictionary.take(pa.array(used))
    order = pc.array_sort_indices(values).to_numpy()
    distinct = values.take(pa.array(order)).dictionary_encode()
    rank = np.full(len(dictionary) + 1, _NONE, dtype=np.int32)
    rank[used[order]] = distinct.indices.to_numpy(zero_copy_only=False)
    ranked = rank[raw]
    return pa.DictionaryArray.from_arrays(pa.array(ranked, mask=ranked < 0), distinct.dictionary)


def valid(column: Any) -> Bools:
    """Return where a column has a value."""
    present: Bools = (
        column.is_valid().to_numpy(zero_copy_only=False) if column.null_count else np.ones(len(column), bool)
    )
    return present


def integers(column: Any, fill: int = 0) -> Any:
    """Return a fixed-width column as numpy, missing values filled."""
    filled = column.fill_null(fill) if column.null_count else column
    return filled.to_numpy(zero_copy_only=False)


def codes(column: pa.Array) -> Int64s:
    """Return for each row of a tidy column a number equal for equal values and in their order; -1 for none.

    Integers stay themselves (unsigned ones as their bits), so -1 is ambiguous there: ask `valid` beside it.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        text: Int64s = column.indices.fill_null(_NONE).to_numpy(zero_copy_only=False).astype(np.int64)
        return text
    if pa.types.is_list(kind):
        return _list_codes(column)
    if pa.types.is_boolean(kind):
        flags: Int64s = integers(column, fill=False).astype(np.int64)
        return flags
    if pa.types.is_floating(kind):
        bits: Int64s = np.ascontiguousarray(integers(column), dtype=np.float64).view(np.int64)
        return bits
    if pa.types.is_uint64(kind):
        lanes: Int64s = np.ascontiguousarray(integers(column), dtype=np.uint64).view(np.int64)
        return lanes
    numbers: Int64s = integers(column).astype(np.int64)
    return numbers


def _list_codes(column: pa.Array) -> Int64s:
    result = np.full(len(column), _NONE, dtype=np.int64)
    filled = np.flatnonzero(valid(column))
    rows = [repr(row) for row in column.take(pa.array(filled)).to_pylist()]
    ranks = {text: rank for rank, text in enumerate(sorted(set(rows)))}
    result[filled] = [ranks[text] for text in rows]
    return result


def row_codes(table: pa.Table, names: Iterable[str]) -> list[Int64s]:
    """Return the columns that tell two rows apart: codes, and beside a nullable number whether it is there."""
    lanes: list[Int64s] = []
    for name in names:
        column = table[name].chunk(0)
        lanes.append(codes(column))
        if column.null_count and not pa.types.is_dictionary(column.type):
            lanes.append(valid(column).astype(np.int64))
    return lanes
