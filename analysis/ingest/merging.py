"""Spans that were exported twice, in parts, or with one id for two different things.

The key of a span is its trace, its id, and whether it is the server half of a shared one. Rows of one key become one
row:

- what one row leaves out another fills in, so exact duplicates and late parts vanish into one span;
- where two rows say different things, the one that says more is kept as it is, and the other is counted as a conflict.

Of rows that say equally much, the first by content is kept, so the order in which files are read decides nothing. Times
that differ by less than a step of the coarser clock are the same time, and the finer is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.ingest.columns import codes, integers, row_codes, valid
from analysis.schema import LOGS, SPANS

__all__ = ["INPUT", "Merged", "merge_logs", "merge_spans", "span_order"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Beside the columns of the schema, rows on their way carry the number of the input they came from; -1: stored before.
INPUT: Final = "input"

_KEY: Final = ("trace_id_high", "trace_id_low", "span_id", "shared")
_TIMES: Final = ("start_ns", "duration_ns", "time_resolution_ns")
#: Values by which a column says nothing, beside null.
_SILENT: Final[dict[str, object]] = {
    "parent_span_id": 0,
    "asynchronous": False,
    "kind": "unspecified",
    "status": "unset",
    "multiplicity": 1,
    "weight": 1.0,
    "old_conventions": False,
    "dropped_children": 0,
}
_SAYING: Final = tuple(
    column.name for column in SPANS if not column.derived and column.name not in _KEY and column.name != INPUT
)
_LOG_CONTENT: Final = tuple(column.name for column in LOGS if not column.derived)


@dataclass(frozen=True)
class Merged:
    """Spans of one row a key, in the order of a partition.

    Attributes
    ----------
    spans
        The rows. Derived columns are those of the rows they came from: to be computed again.
    conflicts
        Rows dropped because they contradict a fuller one.
    conflict
        The ids of the first of them; "" where there is none.
    """

    spans: pa.Table
    conflicts: int
    conflict: str


def span_order(spans: pa.Table) -> Int64s:
    """Return the order of a partition: trace, start (none first), span id, client half before server half."""
    start = spans["start_ns"].chunk(0)
    return np.lexsort(
        (
            integers(spans["shared"].chunk(0), fill=False),
            integers(spans["span_id"].chunk(0)),
            integers(start),
            valid(start),
            integers(spans["trace_id_low"].chunk(0)),
            integers(spans["trace_id_high"].chunk(0)),
        )
    )


def merge_spans(spans: pa.Table) -> Merged:
    """Put duplicates and parts of spans together and sort the rows.

    Parameters
    ----------
    spans
        Tidy rows (`analysis.ingest.columns.tidy`) of whole traces.

    Returns
    -------
    Merged
        The rows, sorted by `span_order`, and what was dropped.
    """
    spans, order, starts = _with_halves_apart(spans)
    if len(starts) == spans.num_rows:
        return Merged(spans.take(pa.array(span_order(spans))), 0, "")
    sizes = np.diff(np.append(starts, spans.num_rows))
    first_rows = order[starts]
    repeated = np.flatnonzero(sizes > 1)
    members = order[np.repeat(sizes > 1, sizes)]
    meeting = _Meeting(spans, members, sizes[repeated])
    columns = []
    for name in spans.column_names:
        rows = first_rows.copy()
        if name in meeting.chosen:
            rows[repeated] = meeting.chosen[name]
        columns.append(spans[name].chunk(0).take(pa.array(rows)))
    merged = pa.table(columns, names=spans.column_names)
    return Merged(merged.take(pa.array(span_order(merged))), meeting.conflicts, meeting.conflict)


def _with_halves_apart(spans: pa.Table) -> tuple[pa.Table, Int64s, Int64s]:
    """Mark a server span with the id of a client span as its half, and return the rows by key as `_groups` does.

    Some instrumentations of Zipkin do not mark it (openzipkin, ``Trace.merge``).
    """
    order, starts = _groups(spans)
    if len(starts) == spans.num_rows:
        return spans, order, starts
    kind = spans["kind"].chunk(0)
    number, names = codes(kind)[order], kind.dictionary.to_pylist()
    is_client, is_server = (
        number == names.index(name) if name in names else np.zeros(len(order), dtype=bool)
        for name in ("client", "server")
    )
    beside_client = np.repeat(np.logical_or.reduceat(is_client, starts), np.diff(np.append(starts, len(order))))
    shared = integers(spans["shared"].chunk(0), fill=False).astype(bool)
    halves = order[is_server & beside_client]
    if shared[halves].all():
        return spans, order, starts
    shared[halves] = True
    spans = spans.set_column(spans.column_names.index("shared"), "shared", pa.array(shared))
    return spans, *_groups(spans)


def _groups(spans: pa.Table) -> tuple[Int64s, Int64s]:
    """Return the rows by key, and where in that order each key begins."""
    lanes = [integers(spans[name].chunk(0), fill=0) for name in _KEY]
    order = np.lexsort(lanes[::-1])
    if not len(order):
        return order, np.zeros(0, dtype=np.int64)
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = False
    for lane in lanes:
        ordered = lane[order]
        begins[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(begins)


class _Meeting:
    """Rows that share a key: for each key and column, the row whose value is taken.

    Parameters
    ----------
    spans
        The table.
    members
        Rows of keys that occur more than once, key by key.
    sizes
        How many rows each of these keys has, at least 2.
    """

    def __init__(self, spans: pa.Table, members: Int64s, sizes: Int64s) -> None:
        self._spans = spans
        self._members = members
        self._starts = np.cumsum(sizes) - sizes
        self._group = np.repeat(np.arange(len(sizes)), sizes)
        self._codes: dict[str, Int64s] = {}
        self._says: dict[str, Bools] = {}
        self.chosen: dict[str, Int64s] = {}
        self.conflicts = 0
        self.conflict = ""
        torn = np.zeros(len(sizes), dtype=bool)
        # Columns that no row has need no choice; the times are asked for by name.
        self._names = [name for name in _SAYING if name in _TIMES or spans[name].chunk(0).null_count < spans.num_rows]
        for name in self._names:
            torn |= self._agree(name)
        for group in np.flatnonzero(torn):
            self._settle(int(group), int(self._starts[group]), int(self._starts[group] + sizes[group]))

    def _agree(self, name: str) -> Bools:
        """Choose for one column the row that says something, and return the keys whose rows say different things."""
        column = self._spans[name].chunk(0).take(pa.array(self._members))
        number = codes(column)
        present = valid(column)
        says = present & ~_silent(name, column, number)
        if name == "time_resolution_ns":
            # How fine the times are says nothing where there are none.
            says &= self._says["start_ns"] | self._says["duration_ns"]
        count = len(self._members)
        # The best row of a key in one pass: one that says something, else one that is not null, the least of these.
        by_value = np.argsort(number, kind="stable")
        place = np.empty(count, dtype=np.int64)
        place[by_value] = np.arange(count)
        score = (says.astype(np.int64) + present) * count + (count - 1 - place)
        best = by_value[count - 1 - np.maximum.reduceat(score, self._starts) % count]
        self._codes[name], self._says[name] = number, says
        self.chosen[name] = self._members[best]
        differs = says & (number != number[best][self._group])
        torn: Bools = np.logical_or.reduceat(differs, self._starts)
        return torn

    def _settle(self, group: int, begin: int, end: int) -> None:
        """Decide one key whose rows contradict each other, the fullest row first."""
        rows: dict[tuple[int, ...], int] = {}
        for row in range(begin, end):
            rows.setdefault(self._content(row), row)
        ranked = sorted(rows.items(), key=lambda item: (-self._fullness(item[1]), item[0]))
        taken = dict.fromkeys(self._names, ranked[0][1])
        for _, row in ranked[1:]:
            if self._fits(taken, row):
                self._fill(taken, row)
            else:
                self.conflicts += 1
                self.conflict = self.conflict or self._ids(row)
        for name, row in taken.items():
            self.chosen[name][group] = self._members[row]

    def _content(self, row: int) -> tuple[int, ...]:
        return tuple(part for name in self._names for part in (int(self._says[name][row]), int(self._codes[name][row])))

    def _fullness(self, row: int) -> int:
        return sum(bool(self._says[name][row]) for name in self._names)

    def _fits(self, taken: dict[str, int], row: int) -> bool:
        for name, other in taken.items():
            says, number = self._says[name], self._codes[name]
            if says[row] and says[other] and number[row] != number[other] and not self._same_time(name, row, other):
                return False
        return True

    def _same_time(self, name: str, row: int, other: int) -> bool:
        """Whether two values of a time column differ only because one clock has coarser steps."""
        if name not in _TIMES:
            return False
        steps = self._codes["time_resolution_ns"][[row, other]]
        if steps[0] == steps[1]:
            return False
        if name == "time_resolution_ns":
            return True
        return abs(int(self._codes[name][row]) - int(self._codes[name][other])) < int(steps.max())

    def _fill(self, taken: dict[str, int], row: int) -> None:
        resolution = self._codes["time_resolution_ns"]
        finer = (
            all(self._says[name][row] for name in _TIMES) and resolution[row] < resolution[taken["time_resolution_ns"]]
        )
        for name in taken:
            if (self._says[name][row] and not self._says[name][taken[name]]) or (finer and name in _TIMES):
                taken[name] = row

    def _ids(self, row: int) -> str:
        place = int(self._members[row])
        high, low, span = (self._spans[name][place].as_py() for name in _KEY[:3])
        return f"span {span:016x} of trace {high:016x}{low:016x}"


def _silent(name: str, column: pa.Array, number: Int64s) -> Bools:
    """Where a column's value is the one that stands for nothing said."""
    if name == "links":
        return np.asarray(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False) == 0)
    if name not in _SILENT:
        return np.zeros(len(column), dtype=bool)
    silence: Any = _SILENT[name]
    if isinstance(silence, str):
        place = column.dictionary.index(silence).as_py()
        return np.asarray(number == (place if place >= 0 else np.iinfo(np.int64).max))
    return np.asarray(integers(column, fill=silence) == silence)


def merge_logs(logs: pa.Table) -> pa.Table:
    """Drop log records that several inputs repeat, and sort the rest.

    A line may truly be logged twice, so equal records of one input all stay: of each record as many are kept as the
    input that has most of it has.

    Parameters
    ----------
    logs
        Tidy rows with the number of their input.
    """
    lanes = row_codes(logs, ("trace_id_high", "trace_id_low", "time_ns", *(_LOG_CONTENT[2:])))
    if not logs.num_rows:
        return logs
    lanes[0], lanes[1] = lanes[0].view(np.uint64), lanes[1].view(np.uint64)
    inputs = integers(logs[INPUT].chunk(0))
    order = np.lexsort((inputs, *reversed(lanes), *_time_first(logs)))
    if inputs.min() == inputs.max():
        return logs.take(pa.array(order))
    new_record = np.ones(len(order), dtype=bool)
    new_record[1:] = np.logical_or.reduce([lane[order][1:] != lane[order][:-1] for lane in lanes])
    new_run = new_record.copy()
    new_run[1:] |= inputs[order][1:] != inputs[order][:-1]
    run_starts = np.flatnonzero(new_run)
    lengths = np.diff(np.append(run_starts, len(order)))
    record_of_run = np.cumsum(new_record)[run_starts] - 1
    first_runs = np.flatnonzero(new_record[run_starts])
    # The longest run of each record, the first of equal ones.
    score = lengths * len(lengths) + (len(lengths) - 1 - np.arange(len(lengths)))
    longest = len(lengths) - 1 - np.maximum.reduceat(score, first_runs) % len(lengths)
    kept = np.repeat(longest[record_of_run] == np.arange(len(lengths)), lengths)
    return logs.take(pa.array(order[kept]))


def _time_first(logs: pa.Table) -> tuple[Any, ...]:
    """Sort keys of a partition's log rows, the last the first to count: trace, then time with none first."""
    time = logs["time_ns"].chunk(0)
    return (
        integers(time),
        valid(time),
        integers(logs["trace_id_low"].chunk(0)),
        integers(logs["trace_id_high"].chunk(0)),
    )
