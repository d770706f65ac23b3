"""How facts are gathered from one forest and how those of two partitions add up.

A fact is a small table. Its columns have roles: *key* columns name the rows; *sum*, *min* and *max* columns add up as
they say; a *histogram* is a sparse log-linear one; *exemplars* are a few traces in which the row can be seen. All
values are integers, so the result does not depend on the order in which partitions are merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from analysis._histogram import Histogram, buckets
from analysis.forest import Codes, Forest

__all__ = ["EXEMPLARS", "HISTOGRAM", "Exemplar", "Field", "Occurrences", "gather", "merge", "to_frame"]

Role = Literal["key", "sum", "min", "max", "histogram", "exemplars"]

HISTOGRAM = pa.list_(pa.struct([("bucket", pa.int32()), ("count", pa.int64())]))
EXEMPLARS = pa.list_(
    pa.struct(
        [
            ("value", pa.int64()),
            ("trace_id_high", pa.uint64()),
            ("trace_id_low", pa.uint64()),
            ("start_ns", pa.int64()),
            ("span_ids", pa.list_(pa.uint64())),
        ]
    )
)

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Field:
    """One column of a fact: its type, role, unit and meaning.

    ``scale`` is what a stored integer is multiplied by to be shown in its unit; a text with a ``separator`` is shown as
    the tuple of its parts.
    """

    name: str
    type: pa.DataType
    role: Role
    unit: str
    meaning: str
    scale: float = 1.0
    separator: str = ""


@dataclass(frozen=True)
class Exemplar:
    """A trace in which a row of a fact can be seen.

    ``value`` is what exemplars are ranked by (ns for times), ``span_ids`` are the spans concerned, in order.
    """

    value: int
    trace_id: str
    start_ns: int
    span_ids: tuple[str, ...]


@dataclass(frozen=True)
class Occurrences:
    """What was seen in one forest, one entry an occurrence, in ascending order of row.

    Attributes
    ----------
    keys
        For each key column either codes with their texts (a code of -1 is the empty text) or numbers.
    trace
        Index of the trace in the forest, ascending.
    sums
        Integers for each sum, min or max column. The sum column ``traces`` is counted here and is not given.
    histograms
        For each histogram column the values (negative ones are left out) and how often each counts.
    exemplar_value
        What exemplars are ranked by.
    span_offset, span_rows
        The rows of the forest that belong to occurrence ``i`` are ``span_rows[span_offset[i]:span_offset[i + 1]]``.
    """

    keys: Mapping[str, Codes | Integers]
    trace: Integers
    sums: Mapping[str, Integers]
    histograms: Mapping[str, tuple[Integers, Integers]]
    exemplar_value: Integers | None = None
    span_offset: Integers | None = None
    span_rows: Integers | None = None


def gather(fields: Sequence[Field], forest: Forest, seen: Occurrences) -> pa.Table:
    """Aggregate the occurrences of one forest to a table of ``fields``, rows sorted by the keys."""
    group, count, key_columns = _group(fields, seen)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(count))
    columns: dict[str, pa.Array] = {}
    for item in fields:
        if item.role == "key":
            columns[item.name] = key_columns[item.name].cast(item.type)
        elif item.role == "histogram":
            values, counts = seen.histograms[item.name]
            kept = values >= 0
            columns[item.name] = _histograms(group[kept], count, buckets(values[kept]), counts[kept])
        elif item.role == "exemplars":
            columns[item.name] = _exemplars_of(forest, seen, group, count)
        elif item.name == "traces" and "traces" not in seen.sums:
            columns[item.name] = pa.array(_distinct(group[order], seen.trace[order], count), item.type)
        else:
            values = np.asarray(seen.sums[item.name])[order].astype(np.int64)
            columns[item.name] = pa.array(_reduce(item.role, values, starts, count), item.type)
    return pa.table(columns, schema=_schema(fields))


def merge(fields: Sequence[Field], tables: Iterable[pa.Table]) -> pa.Table:
    """Add up tables of the same fact; the result does not depend on their order."""
    table = pa.concat_tables([_schema(fields).empty_table(), *tables]).combine_chunks()
    keys = [item.name for item in fields if item.role == "key"]
    frame = table.select(keys).to_pandas(strings_to_categorical=False)
    grouped = frame.groupby(keys, sort=True, dropna=False)
    group, count = grouped.ngroup().to_numpy().astype(np.int64), grouped.ngroups
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(count))
    columns: dict[str, pa.Array] = {}
    for item in fields:
        column = table[item.name].combine_chunks() if table.num_rows else pa.array([], item.type)
        if item.role == "key":
            columns[item.name] = column.take(pa.array(order[starts] if count else [], pa.int64()))
        elif item.role == "histogram":
            flat, parents = _flatten(column)
            columns[item.name] = _histograms(
                group[parents], count, flat.field("bucket").to_numpy(), flat.field("count").to_numpy()
            )
        elif item.role == "exemplars":
            columns[item.name] = _merge_exemplars(column, group, count)
        else:
            values = column.to_numpy(zero_copy_only=False)[order].astype(np.int64)
            columns[item.name] = pa.array(_reduce(item.role, values, starts, count), item.type)
    return pa.table(columns, schema=_schema(fields))


def to_frame(fields: Sequence[Field], table: pa.Table) -> pd.DataFrame:
    """Return a fact as a DataFrame: histograms as ``Histogram``, exemplars as tuples of ``Exemplar``."""
    plain = [item.name for item in fields if item.role not in ("histogram", "exemplars")]
    frame = table.select(plain).to_pandas()
    for item in fields:
        if item.scale != 1.0:
            frame[item.name] = frame[item.name] * item.scale
        if item.separator:
            parts = [tuple(text.split(item.separator)) for text in frame[item.name]]
            frame[item.name] = pd.Series(parts, dtype=object)
        if item.role == "histogram":
            frame[item.name] = pd.Series([_histogram(cell) for cell in table[item.name].to_pylist()], dtype=object)
        elif item.role == "exemplars":
            cells = [tuple(_exemplar(entry) for entry in cell) for cell in table[item.name].to_pylist()]
            frame[item.name] = pd.Series(cells, dtype=object)
    return frame[[item.name for item in fields]]


def _schema(fields: Sequence[Field]) -> pa.Schema:
    return pa.schema([(item.name, item.type) for item in fields])


def _group(fields: Sequence[Field], seen: Occurrences) -> tuple[npt.NDArray[np.int64], int, dict[str, pa.Array]]:
    """Give each distinct combination of keys a number, in sorted order."""
    size = len(seen.trace)
    combined = np.zeros(size, np.int64)
    levels: list[tuple[str, pa.Array]] = []
    for item in fields:
        if item.role != "key":
            continue
        codes, texts = _levels(seen.keys[item.name])
        if len(texts) and combined.size and combined.max(initial=0) > np.iinfo(np.int64).max // max(1, len(texts)) - 1:
            combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
        combined = combined * max(1, len(texts)) + codes
        levels.append((item.name, texts))
    _, first, group = np.unique(combined, return_index=True, return_inverse=True)
    columns = {}
    for name, texts in levels:
        codes, _ = _levels(seen.keys[name])
        columns[name] = texts.take(pa.array(codes[first], pa.int64()))
    return group.astype(np.int64), len(first), columns


def _levels(key: Codes | Integers) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Return codes into sorted distinct levels, so that codes of two key columns order as their values do."""
    if isinstance(key, Codes):
        texts = np.array(["", *key.values], dtype=object)
        present, inverse = np.unique(key.codes.astype(np.int64) + 1, return_inverse=True)
        names = [str(texts[code]) for code in present]
        ordered = sorted(set(names))
        position = {name: index for index, name in enumerate(ordered)}
        translate = np.array([position[name] for name in names], np.int64)
        return translate[inverse] if names else np.zeros(0, np.int64), pa.array(ordered, pa.string())
    values = np.asarray(key)
    present, inverse = np.unique(values, return_inverse=True)
    return inverse.astype(np.int64), pa.array(present)


def _reduce(role: str, values: npt.NDArray[np.int64], starts: Integers, count: int) -> npt.NDArray[np.int64]:
    if not count:
        return np.zeros(0, np.int64)
    operation = {"sum": np.add, "min": np.minimum, "max": np.maximum}[role]
    return np.asarray(operation.reduceat(values, starts), np.int64)


def _distinct(group: Integers, trace: Integers, count: int) -> npt.NDArray[np.int64]:
    """Count distinct traces in each group; ``group`` is sorted and ``trace`` ascending within a group."""
    if not len(group):
        return np.zeros(count, np.int64)
    changed = np.ones(len(group), bool)
    changed[1:] = (group[1:] != group[:-1]) | (trace[1:] != trace[:-1])
    return np.bincount(group[changed], minlength=count).astype(np.int64)


def _histograms(group: Integers, count: int, bucket: Integers, weights: Integers) -> pa.Array:
    """Build one sparse histogram a group, buckets ascending."""
    key = group.astype(np.int64) << 32 | bucket.astype(np.int64)
    distinct, inverse = np.unique(key, return_inverse=True)
    totals = np.zeros(len(distinct), np.int64)
    np.add.at(totals, inverse, weights.astype(np.int64))
    offsets = np.searchsorted(distinct >> 32, np.arange(count + 1)).astype(np.int32)
    entries = pa.StructArray.from_arrays(
        [pa.array((distinct & 0xFFFFFFFF).astype(np.int32)), pa.array(totals)], ["bucket", "count"]
    )
    return pa.ListArray.from_arrays(pa.array(offsets), entries).cast(HISTOGRAM)


def _coarse(value: Integers) -> npt.NDArray[np.int64]:
    """Two steps an octave: exemplars near the median are then within 41 % of it."""
    doubled = 2.0 * np.log2(np.maximum(value.astype(np.float64), 0.0) + 1.0)
    return np.floor(doubled).astype(np.int64)


def _exemplars_of(forest: Forest, seen: Occurrences, group: Integers, count: int) -> pa.Array:
    if seen.exemplar_value is None or seen.span_offset is None or seen.span_rows is None:
        message = "a fact with exemplars needs exemplar_value, span_offset and span_rows"
        raise ValueError(message)
    value = np.asarray(seen.exemplar_value, np.int64)
    trace = np.asarray(seen.trace, np.int64)
    first_row = forest.trace_offset[trace]
    high, low = forest.array("trace_id_high")[first_row], forest.array("trace_id_low")[first_row]
    start = forest.trace_start_ns[trace]
    spans = forest.array("span_id")
    has_span = np.diff(seen.span_offset) > 0
    first_span = np.zeros(len(group), np.uint64)
    first_span[has_span] = spans[seen.span_rows[seen.span_offset[:-1][has_span]]]
    order = np.empty(len(group), np.int64)
    order[np.lexsort((first_span, value, low, high))] = np.arange(len(group))
    chosen = _choose(group, value, start, order)
    lists = [spans[seen.span_rows[seen.span_offset[i] : seen.span_offset[i + 1]]] for i in chosen]
    return _pack_exemplars(group[chosen], count, value[chosen], high[chosen], low[chosen], start[chosen], lists)


def _choose(group: Integers, value: Integers, start: Integers, order: Integers) -> npt.NDArray[np.int64]:
    """Keep for each group the worst, the most recent and the first of each coarse step of value.

    ``order`` ranks the occurrences by trace id, value and first span: an order that does not depend on partitions, so
    that choosing among what was chosen before gives the same as choosing at once.
    """
    if not len(group):
        return np.zeros(0, np.int64)
    kept = []
    for rising in ((value,), (start,)):
        ranked = np.lexsort((order, *(-column for column in rising), group))
        kept.append(ranked[np.unique(group[ranked], return_index=True)[1]])
    step = group.astype(np.int64) << 16 | _coarse(value)
    ranked = np.lexsort((order, step))
    kept.append(ranked[np.unique(step[ranked], return_index=True)[1]])
    chosen = np.unique(np.concatenate(kept))
    return np.asarray(chosen[np.lexsort((order[chosen], group[chosen]))], np.int64)


def _pack_exemplars(
    group: Integers,
    count: int,
    value: Integers,
    high: Integers,
    low: Integers,
    start: Integers,
    spans: Sequence[Integers],
) -> pa.Array:
    offsets = np.searchsorted(group, np.arange(count + 1)).astype(np.int32)
    lengths = np.array([len(item) for item in spans], np.int64)
    flat = np.concatenate(spans).astype(np.uint64) if len(spans) else np.zeros(0, np.uint64)
    span_lists = pa.ListArray.from_arrays(
        pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)), pa.array(flat)
    )
    entries = pa.StructArray.from_arrays(
        [
            pa.array(value.astype(np.int64)),
            pa.array(high.astype(np.uint64)),
            pa.array(low.astype(np.uint64)),
            pa.array(start.astype(np.int64)),
            span_lists,
        ],
        ["value", "trace_id_high", "trace_id_low", "start_ns", "span_ids"],
    )
    return pa.ListArray.from_arrays(pa.array(offsets), entries).cast(EXEMPLARS)


def _flatten(column: pa.Array) -> tuple[pa.StructArray, npt.NDArray[np.int64]]:
    """Return the entries of a list column and the row that each belongs to."""
    lengths = np.diff(column.offsets.to_numpy())
    return column.flatten(), np.repeat(np.arange(len(column)), lengths)


def _merge_exemplars(column: pa.Array, group: Integers, count: int) -> pa.Array:
    entries, parents = _flatten(column)
    owner = group[parents]
    value, start = entries.field("value").to_numpy(), entries.field("start_ns").to_numpy()
    high, low = entries.field("trace_id_high").to_numpy(), entries.field("trace_id_low").to_numpy()
    spans = entries.field("span_ids").to_pylist()
    ranked = sorted(range(len(owner)), key=lambda i: (high[i], low[i], value[i], spans[i][:1], spans[i]))
    order = np.empty(len(owner), np.int64)
    order[ranked] = np.arange(len(owner))
    chosen = _choose(owner, value, start, order)
    lists = [np.array(spans[i], np.uint64) for i in chosen]
    return _pack_exemplars(owner[chosen], count, value[chosen], high[chosen], low[chosen], start[chosen], lists)


def _histogram(cell: list[dict[str, int]]) -> Histogram:
    return Histogram(
        np.array([entry["bucket"] for entry in cell], np.int32), np.array([entry["count"] for entry in cell], np.int64)
    )


def _exemplar(entry: dict[str, Any]) -> Exemplar:
    trace_id = f"{entry['trace_id_high']:016x}{entry['trace_id_low']:016x}"
    return Exemplar(entry["value"], trace_id, entry["start_ns"], tuple(f"{span:016x}" for span in entry["span_ids"]))
