"""One partition as a forest of spans: plain arrays over its rows, with parents, children, depth and corrected times.

A row of the partition is a row of every array here. Times are relative to the start of the row's trace, so that sums
and differences of two of them always fit; durations beyond 73 years and times outside 1823 to 2116 are held at those
limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis import schema
from analysis._columns import Codes, Columns
from analysis._kernels.grouping import order_groups
from analysis._kernels.parents import (
    break_cycles,
    find_ancestry,
    list_children,
    mark_blocking,
    order_downwards,
    resolve_parents,
)
from analysis._kernels.times import self_times, skew_within_traces
from analysis._logs import Logs, link_logs, no_logs
from analysis._timeline import RawTimes, by_start, near_the_ends, shifts_of

if TYPE_CHECKING:
    from analysis.links.architecture import Edges
    from analysis.request_ids import RequestIds

__all__ = ["COLUMNS", "Codes", "Forest", "plant"]

#: Columns that a forest is made of; what else a caller needs is read beside them.
COLUMNS: Final = (
    "trace_id_high",
    "trace_id_low",
    "span_id",
    "parent_span_id",
    "shared",
    "asynchronous",
    "service",
    "host",
    "kind",
    "status",
    "start_ns",
    "duration_ns",
    "multiplicity",
    "weight",
    "time_resolution_ns",
)

_LARGEST_WEIGHT: Final = 1e9

_PRODUCER: Final = schema.KINDS.index("producer")
_CONSUMER: Final = schema.KINDS.index("consumer")


@dataclass(frozen=True, eq=False)
class Forest:
    """The spans of one partition, planted. Everything is computed from the table; nothing may be written to.

    Attributes
    ----------
    columns
        The partition's columns as arrays.
    trace_offset
        Rows of trace t are ``trace_offset[t]:trace_offset[t + 1]``.
    trace_of
        Trace of every row.
    parent
        Row of the parent; -1 where there is none, it is missing, or a cycle was broken here.
    orphan
        The row names a parent that is not there.
    cut
        An orphan so close to the ends of the export's window that its parent may lie outside: it starts within a margin
        of the first start, or ends within it of the last end. The margin is the longest duration in its trace, at least
        a second, at most a tenth of the window.
    cycles_broken
        Cycles of parents that were broken, spans naming themselves included. The row that starts first became a root.
    child_offset, child
        Children of row i are ``child[child_offset[i]:child_offset[i + 1]]``, in order of start, then row.
    depth
        0 for a root.
    root
        Row of the top ancestor.
    start, end, duration
        ns since the start of the trace, corrected for clock skew; 0 where ``has_time`` is false.
    has_time
        The export gives start and duration.
    trace_start_ns
        For each trace, ns since the epoch: its earliest corrected start; 0 where no span has a time.
    logs
        The log records of the partition, tied to its spans; none where nobody asked for them.
    """

    columns: Columns
    trace_offset: NDArray[np.int64]
    trace_of: NDArray[np.int32]
    parent: NDArray[np.int32]
    orphan: NDArray[np.bool_]
    cut: NDArray[np.bool_]
    cycles_broken: int
    child_offset: NDArray[np.int32]
    child: NDArray[np.int32]
    depth: NDArray[np.int32]
    root: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    duration: NDArray[np.int64]
    has_time: NDArray[np.bool_]
    trace_start_ns: NDArray[np.int64]
    logs: Logs = field(default_factory=no_logs)

    @property
    def table(self) -> pa.Table:
        """The partition's table."""
        return self.columns.table

    @property
    def size(self) -> int:
        """Spans."""
        return len(self.parent)

    @property
    def trace_count(self) -> int:
        """Traces."""
        return len(self.trace_offset) - 1

    @property
    def service(self) -> Codes:
        """Service of every row."""
        return self.codes("service")

    @property
    def clock(self) -> Codes:
        """Whose clock a row's times are from: its host, else its service."""
        return self.columns.clock

    def codes(self, column: str) -> Codes:
        """Return a text column as codes; -1 is null."""
        return self.columns.codes(column)

    def array(self, column: str, fill: float = 0) -> NDArray[Any]:
        """Return a column of fixed width, nulls filled."""
        return self.columns.array(column, fill)

    @cached_property
    def error(self) -> NDArray[np.bool_]:
        """The span's status is error."""
        return self.codes("status").equal("error")

    @cached_property
    def kind(self) -> NDArray[np.int8]:
        """Index into :data:`analysis.schema.KINDS`; 0 also where the export gives no kind."""
        codes = self.codes("kind")
        places = {name: place for place, name in enumerate(schema.KINDS)}
        # The last entry is where the code -1 of a null lands.
        lookup = np.array([*(places.get(value, 0) for value in codes.values), 0], np.int8)
        return lookup[codes.codes]

    def of_kind(self, kinds: Sequence[int]) -> NDArray[np.bool_]:
        """Mark the rows of some kinds, indices into :data:`analysis.schema.KINDS`."""
        marked = self.kind == kinds[0]
        for kind in kinds[1:]:
            marked |= self.kind == kind
        return np.asarray(marked)

    @cached_property
    def by_depth(self) -> NDArray[np.int32]:
        """The rows by depth, roots first, then ascending."""
        offset, order = np.zeros(int(self.depth.max(initial=0)) + 2, np.int64), np.empty(self.size, np.int64)
        order_groups(self.depth, offset, order)
        return order.astype(np.int32)

    @cached_property
    def downwards(self) -> NDArray[np.int32]:
        """The rows by trace, parents before their children."""
        order = np.empty(self.size, np.int32)
        order_downwards(self.trace_offset, self.parent, self.depth, order)
        return order

    @cached_property
    def start_rank(self) -> NDArray[np.int64]:
        """The place of each row among all by trace, start and row."""
        rank = np.empty(self.size, np.int64)
        rank[by_start(self.trace_of, self.start)] = np.arange(self.size)
        return rank

    @cached_property
    def blocking(self) -> NDArray[np.bool_]:
        """The parent waits: the span is no consumer, not asynchronous, its parent no producer. True for roots."""
        asynchronous = self.array("asynchronous").astype(np.bool_, copy=False)
        return mark_blocking(self.parent, self.kind, asynchronous, _PRODUCER, _CONSUMER)

    @cached_property
    def multiplicity(self) -> NDArray[np.int64]:
        """How many spans a row stands for, at least 1."""
        return np.maximum(self.array("multiplicity", 1).astype(np.int64), 1)

    @cached_property
    def weight_millis(self) -> NDArray[np.int64]:
        """How many such spans a recorded span represents under sampling, in thousandths; 1000 unsampled or unknown."""
        weight = self.array("weight", 1.0).astype(np.float64)
        if (weight == 1.0).all():
            return np.full(self.size, 1000, np.int64)
        known = np.isfinite(weight) & (weight > 0)
        thousandths = np.rint(np.where(known, np.minimum(weight, _LARGEST_WEIGHT), 1.0) * 1000.0)
        return np.maximum(thousandths.astype(np.int64), 1)

    @cached_property
    def self_time(self) -> NDArray[np.int64]:
        """Duration without the union of the children inside it, waited for or not; ns."""
        own = np.empty(self.size, np.int64)
        self_times(self.child_offset, self.child, self.start, self.end, own)
        return own

    @cached_property
    def critical(self) -> NDArray[np.int64]:
        """Exclusive time on the critical path of the row's tree; 0 off it; ns."""
        # The kernel reads a forest: it stands above this module, which only keeps its result.
        from analysis._critical_path import exclusive_times  # noqa: PLC0415

        return exclusive_times(self)

    @cached_property
    def edges(self) -> Edges:
        """Calls seen in this forest (:func:`analysis.links.architecture.edges`)."""
        # Links read a forest: they stand above this module, which only keeps their result for the facts that share it.
        from analysis.links.architecture import edges  # noqa: PLC0415

        return edges(self)

    def trace_id(self, trace: int) -> str:
        """Return the id of a trace as 32 hexadecimal digits."""
        row = self.trace_offset[trace]
        return f"{int(self.array('trace_id_high')[row]):016x}{int(self.array('trace_id_low')[row]):016x}"

    def span_id(self, row: int) -> str:
        """Return the id of a span as 16 hexadecimal digits."""
        return f"{int(self.array('span_id')[row]):016x}"


def plant(
    partition_table: pa.Table,
    *,
    offsets: Mapping[str, int] | None = None,
    window: tuple[int, int] | None = None,
    adjust_within_ns: int | None = None,
    logs: pa.Table | None = None,
    requests: RequestIds | None = None,
) -> Forest:
    """Make a forest of a partition's table, its rows sorted as :mod:`analysis.dataset` has them.

    Parameters
    ----------
    partition_table
        At least the columns of :data:`COLUMNS`.
    offsets
        By host (or service, where a span has no host): ns to add to its clock.
    window
        Earliest start and latest end in the export, ns since the epoch; without it no orphan is marked as cut.
    adjust_within_ns
        If given, spans are adjusted within their trace as Jaeger does, by no more than this; ns.
    logs
        Log records to be tied to the spans; their times are shifted as those of spans of the same clock.
    requests
        What the ids of requests that they name lead to.

    Raises
    ------
    KeyError
        If a column of :data:`COLUMNS` is missing.
    """
    columns = Columns(partition_table)
    trace_offset, trace_of = _traces(columns)
    raw = RawTimes(columns, trace_offset, trace_of)
    size = len(trace_of)
    parent, orphan = np.full(size, -1, np.int32), np.zeros(size, np.bool_)
    cycles_broken = resolve_parents(
        trace_offset,
        columns.array("span_id"),
        columns.array("parent_span_id"),
        columns.array("shared"),
        columns.codes("service").codes,
        columns.clock.codes,
        parent,
        orphan,
    )
    cycles_broken += break_cycles(parent, raw.has_time, raw.start)
    depth, root = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
    find_ancestry(parent, depth, root)
    start, trace_start_ns = raw.relative()
    if adjust_within_ns is not None:
        shift = np.zeros(size, np.int64)
        downwards = np.argsort(depth, kind="stable")
        clock = columns.clock.codes
        skew_within_traces(downwards, parent, clock, raw.has_time, start, raw.duration, adjust_within_ns, shift)
        start, trace_start_ns = raw.shifted(start, trace_start_ns, shift)
    elif offsets:
        start, trace_start_ns = raw.shifted(start, trace_start_ns, shifts_of(columns.clock, offsets))
    child_offset = np.empty(size + 1, np.int32)
    child = np.empty(int(np.count_nonzero(parent >= 0)), np.int32)
    list_children(parent, by_start(trace_of, start), child_offset, child)
    return Forest(
        columns=columns,
        trace_offset=trace_offset,
        trace_of=trace_of,
        parent=parent,
        orphan=orphan,
        cut=orphan & near_the_ends(raw, window),
        cycles_broken=cycles_broken,
        child_offset=child_offset,
        child=child,
        depth=depth,
        root=root,
        start=start,
        end=start + raw.duration,
        duration=raw.duration,
        has_time=raw.has_time,
        trace_start_ns=trace_start_ns,
        logs=no_logs() if logs is None else link_logs(logs, columns, trace_offset, trace_of, offsets, requests),
    )


def _traces(columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where traces begin, and the trace of every row."""
    high, low = columns.array("trace_id_high"), columns.array("trace_id_low")
    size = len(high)
    if size > np.iinfo(np.int32).max:
        message = f"a partition of {size} spans is too large: rows are counted in 32 bits; ingest into more partitions"
        raise ValueError(message)
    begins = np.ones(size, np.bool_)
    begins[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    trace_offset = np.append(np.flatnonzero(begins), size).astype(np.int64)
    return trace_offset, np.cumsum(begins, dtype=np.int32) - np.int32(1)
