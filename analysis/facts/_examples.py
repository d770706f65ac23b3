"""The few traces kept for each row of a fact, in which it can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.examples import choose_in_forest, fill_steps, take_examples
from analysis._kernels.grouping import choose_examples, take_spans
from analysis._kernels.steps import HALF_OCTAVES
from analysis.facts._grouping import Groups
from analysis.forest import Forest

__all__ = ["EXEMPLARS", "Exemplar", "examples_of", "merge_examples"]

EXEMPLARS: Final = pa.list_(
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

_ENTRY: Final = list(EXEMPLARS.value_type)
#: A place for every step of every group costs less than looking at group after group, up to so many an occurrence.
_PLACES_PER_ENTRY: Final = 16

Integers = npt.NDArray[np.integer[Any]]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Exemplar:
    """A trace in which a row of a fact can be seen.

    ``value`` is what exemplars are ranked by (ns for times), ``span_ids`` are the spans concerned, in order.
    """

    value: int
    trace_id: str
    start_ns: int
    span_ids: tuple[str, ...]


def examples_of(
    forest: Forest, groups: Groups, trace: Integers, value: Integers, span_offset: Integers | None, span_rows: Integers
) -> pa.Array:
    """Choose examples for each group from what was seen in one forest.

    Kept are the worst, the most recent and one of each half octave of ``value``; among equals the first in an order
    that does not depend on partitions (trace id, value, spans), so that choosing among what was chosen before
    gives the same as choosing at once.

    Parameters
    ----------
    forest
        Where the occurrences were seen; its traces are in order of their ids.
    groups
        The occurrences in groups.
    trace, value
        Of each occurrence.
    span_offset, span_rows
        The rows of occurrence i are ``span_rows[span_offset[i]:span_offset[i + 1]]``; without an offset the one row
        ``span_rows[i]``.
    """
    which = np.ascontiguousarray(trace, np.int32)
    worth = np.ascontiguousarray(value, np.int64)
    offsets = np.zeros(0, np.int64) if span_offset is None else np.ascontiguousarray(span_offset, np.int64)
    rows = np.ascontiguousarray(span_rows, np.int64)
    spans = forest.array("span_id")
    # Traces of a forest are in order of their ids: their places stand for them.
    step, seen = np.empty(len(worth), np.uint8), np.zeros(HALF_OCTAVES, np.bool_)
    fill_steps(worth, step, seen)
    if groups.count * np.count_nonzero(seen) <= _PLACES_PER_ENTRY * len(worth):
        group_offset = np.zeros(groups.count + 1, np.int64)
        place_of = np.where(seen, np.cumsum(seen) - 1, -1)
        chosen = choose_in_forest(
            groups.of_row, which, worth, forest.trace_start_ns, offsets, rows, spans, step, place_of, group_offset
        )
    else:
        ids = np.zeros(0, np.uint64)
        group_offset, chosen = _choose(groups, which, ids, ids, worth, forest.trace_start_ns, offsets, rows, spans)
    count = len(chosen)
    numbers, ids, ends = np.empty((2, count), np.int64), np.empty((2, count), np.uint64), np.empty(count + 1, np.int32)
    taken = take_examples(
        chosen,
        which,
        worth,
        forest.trace_offset,
        forest.array("trace_id_high"),
        forest.array("trace_id_low"),
        forest.trace_start_ns,
        offsets,
        rows,
        spans,
        numbers,
        ids,
        ends,
    )
    return _packed(group_offset, numbers[0], ids[0], ids[1], numbers[1], ends, taken)


def merge_examples(column: pa.Array, groups: Groups) -> pa.Array:
    """Choose examples for each group from those of its rows."""
    entries = column.flatten()
    rows = np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy()))
    value, start, high, low = (
        np.array(entries.field(name).to_numpy()) for name in ("value", "start_ns", "trace_id_high", "trace_id_low")
    )
    spans = entries.field("span_ids")
    offsets = spans.offsets.to_numpy().astype(np.int64)
    flat = np.array(spans.values.to_numpy(), np.uint64)
    owners = Groups(groups.of_row[rows], groups.count, {})
    every = np.arange(len(flat))
    alone = np.arange(len(value), dtype=np.int32)
    group_offset, chosen = _choose(owners, alone, high, low, value, start, offsets, every, flat)
    ends = np.empty(len(chosen) + 1, np.int32)
    taken = take_spans(offsets, every, flat, chosen, ends)
    return _packed(group_offset, value[chosen], high[chosen], low[chosen], start[chosen], ends, taken)


def _choose(
    groups: Groups,
    trace: npt.NDArray[np.int32],
    high: npt.NDArray[np.uint64],
    low: npt.NDArray[np.uint64],
    value: Int64s,
    start: Int64s,
    span_offset: Int64s,
    span_rows: Int64s,
    spans: npt.NDArray[np.uint64],
) -> tuple[Int64s, Int64s]:
    offset, order = groups.ordered
    group_offset, chosen = np.zeros(groups.count + 1, np.int64), np.empty(len(order), np.int64)
    choose_examples(offset, order, trace, high, low, value, start, span_offset, span_rows, spans, group_offset, chosen)
    return group_offset, chosen[: group_offset[-1]]


def _packed(
    group_offset: Int64s,
    value: Int64s,
    high: Integers,
    low: Integers,
    start: Int64s,
    ends: npt.NDArray[np.int32],
    spans: npt.NDArray[np.uint64],
) -> pa.Array:
    span_lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(spans), type=_ENTRY[-1].type)
    members = [*map(pa.array, (value, high, low, start)), span_lists]
    entries = pa.StructArray.from_arrays(members, fields=_ENTRY)
    return pa.ListArray.from_arrays(pa.array(group_offset.astype(np.int32)), entries, type=EXEMPLARS)
