"""One partition made whole: trace ids joined, spans merged, rows sorted, derived columns filled, everything counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._masking import NOTHING_HIDDEN, Hidden
from analysis.ingest.clouds import with_cloud_stores
from analysis.ingest.columns import integers, tidy
from analysis.ingest.counting import SpanLanes, count_logs
from analysis.ingest.derived import derive_logs, derive_spans
from analysis.ingest.merging import INPUT, merge_logs, merge_spans
from analysis.ingest.redaction import hidden_in, names_masked, without_values
from analysis.ingest.tally import Tally

__all__ = ["Assembled", "assemble"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Assembled:
    """A finished partition.

    Attributes
    ----------
    spans, logs
        Rows of the schema, in their guaranteed order.
    whole
        Counts of the partition.
    of_input
        Counts by number of input; a span that two inputs have counts for both.
    """

    spans: pa.Table
    logs: pa.Table
    whole: Tally
    of_input: dict[int, Tally] = field(default_factory=dict)


def assemble(spans: pa.Table, logs: pa.Table, *, redact: bool = False, hidden: Hidden = NOTHING_HIDDEN) -> Assembled:
    """Finish a partition.

    Parameters
    ----------
    spans, logs
        Tidy rows as they travel (`analysis.ingest.spool`): all that inputs have of the partition's traces.
    redact
        Keep no values: statements, addresses and messages are replaced by their templates.
    hidden
        What is masked in names too.
    """
    spans, logs = _masked(spans, hidden), _masked(logs, hidden)
    spans, logs, joined, undecided = _join_halves(spans, logs)
    of_input: dict[int, Tally] = {}
    lanes = SpanLanes.of(spans)
    for number, rows in _rows_of_inputs(spans):
        of_input[number] = _count_input(spans, lanes, rows)
    for number, rows in _rows_of_inputs(logs):
        count_logs(of_input.setdefault(number, Tally()), logs, rows)
    merged = merge_spans(spans)
    records = merge_logs(logs)
    whole = Tally(conflicts=merged.conflicts, conflict=merged.conflict, joined=joined, undecided=undecided)
    SpanLanes.of(merged.spans).count(whole)
    count_logs(whole, records, np.arange(records.num_rows))
    finished = _masked(derive_spans(with_cloud_stores(merged.spans)), hidden), _masked(derive_logs(records), hidden)
    if redact:
        finished = _tidied(without_values(finished[0])), _tidied(without_values(finished[1]))
    return Assembled(*finished, whole, of_input)


def _masked(table: pa.Table, hidden: Hidden) -> pa.Table:
    """Take values out of names; most tables have none, and stay as they are."""
    masked = names_masked(hidden_in(table, hidden))
    return table if masked is table else _tidied(masked)


def _tidied(table: pa.Table) -> pa.Table:
    """Sort dictionaries again in which texts were changed."""
    return tidy([table], table.schema)


def _rows_of_inputs(table: pa.Table) -> Iterator[tuple[int, Int64s]]:
    """Give for each input that has rows here its number and its rows; what was stored before belongs to none."""
    numbers = integers(table[INPUT].chunk(0))
    if not len(numbers):
        return
    order = np.argsort(numbers, kind="stable")
    distinct, starts = np.unique(numbers[order], return_index=True)
    for number, begin, end in zip(distinct, starts, [*starts[1:], len(order)], strict=True):
        if number >= 0:
            yield int(number), order[begin:end]


def _count_input(spans: pa.Table, lanes: SpanLanes, rows: Int64s) -> Tally:
    mine = lanes.take(rows)
    if mine.distinct:
        return mine.count(Tally())
    merged = merge_spans(tidy([spans.take(pa.array(rows))], spans.schema))
    return SpanLanes.of(merged.spans).count(Tally(conflicts=merged.conflicts, conflict=merged.conflict))


def _join_halves(spans: pa.Table, logs: pa.Table) -> tuple[pa.Table, pa.Table, int, int]:
    """Give records that name a trace by its lower 64 bits the whole id, where only one whole id ends so.

    Returns
    -------
    :
        The rows, how many were completed, and how many could be of several traces.
    """
    highs = np.concatenate([integers(table["trace_id_high"].chunk(0)) for table in (spans, logs)])
    lows = np.concatenate([integers(table["trace_id_low"].chunk(0)) for table in (spans, logs)])
    half = (highs == 0) & (lows != 0)
    if not half.any() or not highs.any():
        return spans, logs, 0, 0
    whole = np.unique(np.stack([lows[highs != 0], highs[highs != 0]], axis=1), axis=0)
    ends, first, count = np.unique(whole[:, 0], return_index=True, return_counts=True)
    undecided = int(np.count_nonzero(half & np.isin(lows, ends[count > 1])))
    ends, found = ends[count == 1], whole[first[count == 1], 1]
    if not len(ends):
        return spans, logs, 0, undecided
    place = np.minimum(np.searchsorted(ends, lows), len(ends) - 1)
    joined = half & (ends[place] == lows)
    highs = np.where(joined, found[place], highs)
    cut = spans.num_rows
    done = int(np.count_nonzero(joined))
    return _with_high(spans, highs[:cut]), _with_high(logs, highs[cut:]), done, undecided


def _with_high(table: pa.Table, highs: Any) -> pa.Table:
    return table.set_column(table.column_names.index("trace_id_high"), "trace_id_high", pa.array(highs))
