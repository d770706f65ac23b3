"""How facts are gathered from one forest and how those of two partitions add up.

A fact is a small table. Its columns have roles: *key* columns name the rows; *sum*, *min* and *max* columns add up as
they say; a *histogram* is a sparse log-linear one; *exemplars* are a few traces in which the row can be seen. All
values are integers, so the result does not depend on the order in which partitions are merged. Until all is added up,
key columns of text are dictionaries, since most of what a table would hold is the same texts again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis._histogram import seen_buckets
from analysis.facts._cells import exemplar_cells, histogram_cells
from analysis.facts._examples import EXEMPLARS, Exemplar, examples_of, merge_examples
from analysis.facts._grouping import HISTOGRAM, TEXT, Groups, Key, Ranked, group_by
from analysis.forest import Forest

__all__ = [
    "EXEMPLARS",
    "HISTOGRAM",
    "Exemplar",
    "Field",
    "Occurrences",
    "gather",
    "key_of",
    "merge",
    "table_of",
    "to_frame",
    "with_plain_texts",
]

Role = Literal["key", "sum", "min", "max", "histogram", "exemplars"]

Integers = npt.NDArray[np.integer[Any]]
Counted = tuple[Integers, Integers | None] | tuple[Integers, Integers | None, Integers]


@dataclass(frozen=True)
class Field:
    """One column of a fact: its type, role, unit and meaning.

    ``scale`` is what a stored integer is multiplied by to be shown in its unit; a text with a ``separator`` is shown as
    the tuple of its parts. Sums are of integers that are not below zero, and are held at the largest 64-bit integer.
    """

    name: str
    type: pa.DataType
    role: Role
    unit: str
    meaning: str
    scale: float = 1.0
    separator: str = ""


@dataclass(frozen=True)
class Occurrences:
    """What was seen in one forest, one entry an occurrence, in ascending order of row.

    Attributes
    ----------
    keys
        For each key column either codes with their texts (a code of -1 is the empty text), numbers or marks.
    trace
        Index of the trace in the forest, ascending.
    sums
        Integers for each sum, min or max column; marks for a sum that counts them. The sum column ``traces`` is counted
        here and is not given.
    histograms
        For each histogram column the values (negative ones are left out) and how often each counts, None where each
        counts once; where only some occurrences have one, these come third, ascending.
    combination
        Where the keys are those of a few combinations rather than of each occurrence: the combination of each;
        all of them occur.
    exemplar_value
        What exemplars are ranked by.
    span_offset, span_rows
        The rows of the forest that belong to occurrence ``i`` are ``span_rows[span_offset[i]:span_offset[i + 1]]``;
        without an offset each has one, ``span_rows[i]``.
    """

    keys: Mapping[str, Key]
    trace: Integers
    sums: Mapping[str, npt.NDArray[Any]]
    histograms: Mapping[str, Counted]
    combination: npt.NDArray[np.int32] | None = None
    exemplar_value: Integers | None = None
    span_offset: Integers | None = None
    span_rows: Integers | None = None


def gather(fields: Sequence[Field], forest: Forest, seen: Occurrences) -> pa.Table:
    """Aggregate the occurrences of one forest to a table of ``fields``, rows sorted by the keys.

    Keys of text are of the type :data:`analysis.facts._grouping.TEXT`.
    """
    keys = {item.name: seen.keys[item.name] for item in fields if item.role == "key"}
    if seen.combination is None:
        groups = group_by(keys, len(seen.trace))
    else:
        few = group_by(keys, int(seen.combination.max(initial=-1)) + 1)
        groups = Groups(few.of_row[seen.combination], few.count, few.keys)
    columns: dict[str, pa.Array] = {}
    for item in fields:
        if item.role == "key":
            columns[item.name] = groups.keys[item.name]
        elif item.role == "histogram":
            values, counts, *some = seen.histograms[item.name]
            columns[item.name] = groups.histograms(seen_buckets(values), counts, *some)
        elif item.role == "exemplars":
            if seen.exemplar_value is None or seen.span_rows is None:
                message = "a fact with exemplars needs exemplar_value and span_rows"
                raise ValueError(message)
            columns[item.name] = examples_of(
                forest, groups, seen.trace, seen.exemplar_value, seen.span_offset, seen.span_rows
            )
        elif item.name == "traces" and "traces" not in seen.sums:
            columns[item.name] = pa.array(groups.distinct(seen.trace), item.type)
        else:
            columns[item.name] = pa.array(groups.reduce(item.role, seen.sums[item.name]), item.type)
    return table_of(fields, columns)


def merge(fields: Sequence[Field], tables: Iterable[pa.Table]) -> pa.Table:
    """Add up tables of the same fact, as gathered or merged before; the result does not depend on their order."""
    table = pa.concat_tables([_schema(fields).empty_table(), *tables]).unify_dictionaries()
    groups = group_by(
        {item.name: _key_of_parts(table[item.name]) for item in fields if item.role == "key"}, table.num_rows
    )
    columns: dict[str, pa.Array] = {}
    for item in fields:
        column = table[item.name]
        if item.role == "key":
            columns[item.name] = groups.keys[item.name]
        elif item.role == "histogram":
            columns[item.name] = groups.add_histograms(_one_array(column))
        elif item.role == "exemplars":
            columns[item.name] = merge_examples(_one_array(column), groups)
        else:
            columns[item.name] = pa.array(groups.reduce(item.role, _one_copy(column)), item.type)
    return table_of(fields, columns)


def table_of(fields: Sequence[Field], columns: Mapping[str, pa.Array | npt.NDArray[Any]]) -> pa.Table:
    """Put the columns of a fact together, in the order of its fields and of their types."""
    schema, arrays = _schema(fields), []
    for field in schema:
        column = columns[field.name]
        if not isinstance(column, pa.Array):
            column = pa.array(column, field.type)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(arrays, schema=schema)


def with_plain_texts(fields: Sequence[Field], table: pa.Table) -> pa.Table:
    """Return the table of a fact with the types that its fields name."""
    return table.cast(pa.schema([(item.name, item.type) for item in fields]))


def to_frame(fields: Sequence[Field], table: pa.Table) -> pd.DataFrame:
    """Return a fact as a DataFrame: histograms as ``Histogram``, exemplars as tuples of ``Exemplar``.

    Both are made when they are looked at (:mod:`analysis.facts._cells`).
    """
    plain = [item for item in fields if item.role not in ("histogram", "exemplars")]
    frame = with_plain_texts(plain, table.select([item.name for item in plain])).to_pandas()
    for item in fields:
        if item.scale != 1.0:
            frame[item.name] = frame[item.name] * item.scale
        if item.separator:
            parts = [tuple(text.split(item.separator)) for text in frame[item.name]]
            frame[item.name] = pd.Series(parts, dtype=object)
        if item.role == "histogram":
            frame[item.name] = histogram_cells(_one_array(table[item.name]))
        elif item.role == "exemplars":
            frame[item.name] = exemplar_cells(_one_array(table[item.name]))
    ordered: pd.DataFrame = frame[[item.name for item in fields]]
    return ordered


def _schema(fields: Sequence[Field]) -> pa.Schema:
    texts = {item.name for item in fields if item.role == "key" and pa.types.is_string(item.type)}
    return pa.schema([(item.name, TEXT if item.name in texts else item.type) for item in fields])


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array that begins at its first entry."""
    if not len(column):
        return pa.array([], column.type)
    return pa.concat_arrays(column.chunks)


def key_of(column: pa.Array) -> Key:
    """Return a key column of a table as rows are grouped by it."""
    return _key_of_parts(pa.chunked_array([column]))


def _key_of_parts(column: pa.ChunkedArray) -> Key:
    """Return a key column; where it is of texts, its parts have the same dictionary."""
    if pa.types.is_dictionary(column.type):
        return Ranked.of(column.chunks)
    return _one_copy(column)


def _one_copy(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Return numbers or marks as an array that can be written to: the memory of Arrow is another type to a kernel."""
    return np.concatenate([part.to_numpy(zero_copy_only=False) for part in column.chunks])
