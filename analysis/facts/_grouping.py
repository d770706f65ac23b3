"""Rows that have the same keys: their numbers, in order of the keys, and what adds up over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis._histogram import BUCKET_COUNT
from analysis._kernels import grouping
from analysis._kernels.buckets import add_buckets, count_buckets
from analysis._kernels.numbering import keep_present, number_in_order, renumber, take_ranks
from analysis.facts._numbering import numbered, ranked
from analysis.forest import Codes

__all__ = ["HISTOGRAM", "TEXT", "Groups", "Key", "Ranked", "group_by", "number_of"]

#: Texts of keys, as they are held until all is added up: many rows share few of them.
TEXT: Final = pa.dictionary(pa.int32(), pa.string())
HISTOGRAM: Final = pa.list_(pa.struct([("bucket", pa.int32()), ("count", pa.int64())]))
_ENTRY: Final = list(HISTOGRAM.value_type)
#: A table of places up to this long is no slower than hashing, however few rows there are.
_SMALL: Final = 1 << 12
_WIDEST: Final = 1 << 62
#: The order of so many texts is remembered.
_MOST_RANKED: Final = 1 << 12

Integers = npt.NDArray[np.integer[Any]]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


class Ranked(NamedTuple):
    """Texts of rows: the place of each among the sorted distinct ones."""

    codes: Int32s
    values: pa.Array

    @classmethod
    def of(cls, parts: Sequence[pa.DictionaryArray]) -> Ranked:
        """Return a column, cut into parts, without nulls; all have one dictionary, which holds each text once."""
        codes, values = np.concatenate([part.indices.to_numpy() for part in parts]), parts[0].dictionary
        order = pc.sort_indices(values).to_numpy()
        if (order[1:] > order[:-1]).all():
            return cls(codes, values)
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return cls(rank[codes], values.take(pa.array(order)))


#: Codes with their texts, texts by their place, numbers or marks.
Key = Codes | Ranked | npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows in groups, numbered in order of their keys.

    Attributes
    ----------
    of_row
        Group of every row.
    count
        Groups; each has a row.
    keys
        The keys of each group; texts as :data:`TEXT`, whose dictionary holds those that occur, sorted.
    """

    of_row: Int32s
    count: int
    keys: Mapping[str, pa.Array]

    @cached_property
    def ordered(self) -> tuple[Int64s, Int64s]:
        """Where the rows of each group begin in the second array, which holds them, ascending."""
        return _ordered(self.of_row, self.count)

    def reduce(self, role: str, values: npt.NDArray[Any]) -> Int64s:
        """Return the sum, smallest or largest value of each group; sums are held at the largest 64-bit integer.

        The sum of marks is how many there are.
        """
        if role == "sum" and values.dtype == np.bool_:
            marked = np.zeros(self.count, np.int64)
            grouping.count_marked(self.of_row, np.ascontiguousarray(values), marked)
            return marked
        wide = np.ascontiguousarray(values, np.int64)
        limits = np.iinfo(np.int64)
        if role == "sum":
            result = np.zeros(self.count, np.int64)
            grouping.add_up(self.of_row, wide, result)
        elif role == "min":
            result = np.full(self.count, limits.max, np.int64)
            grouping.find_smallest(self.of_row, wide, result)
        else:
            result = np.full(self.count, limits.min, np.int64)
            grouping.find_largest(self.of_row, wide, result)
        return result

    def distinct(self, ascending: Integers) -> Int64s:
        """Return how many different values each group has; they ascend over the rows."""
        result = np.zeros(self.count, np.int64)
        grouping.count_distinct(self.of_row, np.ascontiguousarray(ascending, np.int32), result)
        return result

    def histograms(self, bucket: Integers, counts: Integers | None, rows: Integers | None = None) -> pa.Array:
        """Return for each group how often it has each bucket, ascending; a negative bucket does not count.

        ``counts`` is how often each counts, None where once. ``rows`` names the row that each bucket belongs to, where
        they are not one for each.
        """
        group = self.of_row if rows is None else self.of_row[rows]
        many = np.zeros(0, np.int64) if counts is None else np.ascontiguousarray(counts, np.int64)
        once = len(many) > 0 and int(many.min()) == int(many.max()) == 1
        group_offset = np.zeros(self.count + 1, np.int64)
        found, total = np.empty(len(group), np.int32), np.empty(len(group), np.int64)
        count_buckets(
            group,
            np.ascontiguousarray(bucket, np.int32),
            many[:0] if once else many,
            BUCKET_COUNT,
            group_offset,
            found,
            total,
        )
        return _histograms(group_offset, found, total)

    def add_histograms(self, column: pa.ListArray) -> pa.Array:
        """Return for each group the sum of the histograms of its rows; the column begins at its first entry."""
        offset, order = self.ordered
        bucket, count = (column.values.field(name).to_numpy() for name in ("bucket", "count"))
        group_offset = np.zeros(self.count + 1, np.int64)
        found, total = np.empty(len(bucket), np.int32), np.empty(len(bucket), np.int64)
        begins = column.offsets.to_numpy()
        add_buckets(offset, order, begins, bucket, count, BUCKET_COUNT, group_offset, found, total)
        return _histograms(group_offset, found, total)


def group_by(keys: Mapping[str, Key], size: int) -> Groups:
    """Put rows of the same keys together.

    Parameters
    ----------
    keys
        Columns in the order in which they sort: codes with their texts (-1 is the empty text), numbers or marks.
    size
        Rows.
    """
    of_row, first = number_of(tuple(keys.values()), size)
    # Few rows are left: one for each combination. Two codes may stand for one text, and only texts have an order.
    codes, widths = np.empty((len(keys), len(first)), np.int32), np.empty(len(keys), np.int64)
    levels = []
    for place, key in enumerate(keys.values()):
        texts, widths[place] = _fill_levels(key, first, codes[place])
        levels.append(texts)
    number, chosen = np.empty(len(first), np.int32), np.empty(len(first), np.int64)
    count = number_in_order(codes, widths, number, chosen)
    chosen = chosen[:count]
    columns = {}
    for place, (name, key) in enumerate(keys.items()):
        texts = levels[place]
        if texts is None:
            columns[name] = pa.array(np.asarray(key)[first[chosen]])
        else:
            columns[name] = _texts(texts, codes[place, chosen])
    renumber(of_row, number)
    return Groups(of_row, count, columns)


def _texts(values: pa.Array, codes: Int32s) -> pa.Array:
    """Return texts by their place among sorted ones: those that occur, each once."""
    occurs = np.zeros(len(values), np.bool_)
    if keep_present(codes, occurs) < len(values):
        values = values.filter(pa.array(occurs))
    return pa.DictionaryArray.from_arrays(pa.array(codes), values)


def number_of(keys: tuple[Key, ...], size: int) -> tuple[Int32s, Int64s]:
    """Give each combination of keys a number, in order of appearance.

    Returns
    -------
    tuple
        The number of every row, and the first row of every number.
    """
    folded = np.zeros(size, np.int64)
    width = 1
    for key in keys:
        codes, levels = _codes(key, size)
        if width * levels >= _WIDEST:
            number, first = _numbered(folded, width)
            folded, width = number.astype(np.int64), len(first)
        grouping.fold(folded, codes, levels)
        width *= levels
    return _numbered(folded, width)


def _numbered(folded: Int64s, width: int) -> tuple[Int32s, Int64s]:
    size = len(folded)
    if width > max(_SMALL, 2 * size):
        return numbered(folded)
    number, first = np.empty(size, np.int32), np.empty(size, np.int64)
    count = grouping.number_by_place(folded, np.full(width, -1, np.int32), number, first)
    return number, first[:count].copy()


def _codes(key: Key, size: int) -> tuple[Int32s, int]:
    """Return codes from -1, and how many there can be."""
    if isinstance(key, Codes | Ranked):
        return np.ascontiguousarray(key.codes, np.int32), len(key.values) + 1
    values = np.asarray(key)
    if values.dtype == np.bool_:
        return values.astype(np.int32), 3
    wide = np.ascontiguousarray(values, np.int64)
    lowest, highest = int(wide.min(initial=0)), int(wide.max(initial=0))
    if highest - lowest < max(_SMALL, 2 * size):
        return (wide - lowest).astype(np.int32), highest - lowest + 2
    number, first = _numbered(wide, _WIDEST)
    return number, len(first) + 1


def _fill_levels(key: Key, rows: Int64s, filled: Int32s) -> tuple[pa.Array | None, int]:
    """Fill codes of some rows that order as the values do; return the sorted texts that they are of, and how many."""
    if isinstance(key, Ranked):
        filled[:] = key.codes[rows]
        return key.values, len(key.values)
    if not isinstance(key, Codes):
        place = ranked(np.asarray(key)[rows].astype(np.int64))
        filled[:] = place
        return None, int(place.max(initial=-1)) + 1
    if len(key.values) <= _MOST_RANKED:
        rank, ordered = _ranks(key.values)
        take_ranks(key.codes, rows, rank, filled)
        return ordered, len(ordered)
    # Of many texts few are there as a rule.
    chosen = key.codes[rows]
    seen = np.zeros(len(key.values) + 1, np.bool_)
    seen[chosen] = True
    seen[-1] = False
    present = np.flatnonzero(seen)
    place = np.append(np.cumsum(seen[:-1]) - 1, len(present))
    rank, ordered = _ranked_texts(tuple(key.values[code] for code in present.tolist()))
    filled[:] = rank[place[chosen]]
    return ordered, len(ordered)


@lru_cache(maxsize=64)
def _ranks(texts: tuple[str, ...]) -> tuple[Int32s, pa.Array]:
    """Remember :func:`_ranked_texts`: the facts of a forest have the same columns, and mostly those of the next."""
    return _ranked_texts(texts)


def _ranked_texts(texts: tuple[str, ...]) -> tuple[Int32s, pa.Array]:
    """Return the place of each text among the distinct ones in order, last that of the empty one; and these."""
    ordered = sorted({*texts, ""})
    position = {text: index for index, text in enumerate(ordered)}
    rank = np.array([*map(position.__getitem__, texts), position[""]], np.int32)
    return rank, pa.array(ordered, pa.string())


def _histograms(group_offset: Int64s, found: Int32s, total: Int64s) -> pa.Array:
    used = int(group_offset[-1])
    entries = pa.StructArray.from_arrays([pa.array(found[:used]), pa.array(total[:used])], fields=_ENTRY)
    return pa.ListArray.from_arrays(pa.array(group_offset.astype(np.int32)), entries, type=HISTOGRAM)


def _ordered(of_row: Int32s, count: int) -> tuple[Int64s, Int64s]:
    offset, order = np.zeros(count + 1, np.int64), np.empty(len(of_row), np.int64)
    grouping.order_groups(np.ascontiguousarray(of_row, np.int32), offset, order)
    return offset, order
