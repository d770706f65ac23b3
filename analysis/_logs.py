"""The log records of one partition as arrays over its rows, tied to the spans of their traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis._columns import Codes, Columns
from analysis._kernels.pairs import find_pairs
from analysis.request_ids import RequestIds, hashes_of
from analysis.schema import LOG_SCHEMA

__all__ = ["LOG_COLUMNS", "Logs", "link_logs", "no_logs"]

#: Columns by which log records are tied to spans; what else a caller needs is read beside them.
LOG_COLUMNS: Final = ("trace_id_high", "trace_id_low", "span_id", "time_ns", "service", "host", "severity")
_GRAVE: Final = ("error", "fatal")


@dataclass(frozen=True, eq=False)
class Logs:
    """Log records of one partition. Nothing may be written to.

    Attributes
    ----------
    columns
        The columns of the records as arrays.
    named
        The record names a trace.
    trace
        Index of that trace in the forest; -1 where it names none, or one that the export has no span of.
    span
        Row of the forest of the span that it names; -1 where it names none, or one that is not there.
    time
        ns since the epoch, corrected for clock skew; 0 where ``has_time`` is false.
    has_time
        The export gives a time.
    requests
        What the ids of requests lead to; None where it was not looked for.
    """

    columns: Columns
    named: NDArray[np.bool_]
    trace: NDArray[np.int64]
    span: NDArray[np.int64]
    time: NDArray[np.int64]
    has_time: NDArray[np.bool_]
    requests: RequestIds | None = None

    @property
    def size(self) -> int:
        """Records."""
        return len(self.trace)

    @property
    def service(self) -> Codes:
        """Service of every record."""
        return self.codes("service")

    def codes(self, column: str) -> Codes:
        """Return a text column as codes; -1 is null."""
        return self.columns.codes(column)

    def array(self, column: str, fill: float = 0) -> NDArray[Any]:
        """Return a column of fixed width, nulls filled."""
        return self.columns.array(column, fill)

    @cached_property
    def by_request(self) -> NDArray[np.int8]:
        """What the id of its request leads each record to that names no trace (:mod:`analysis.request_ids`)."""
        if self.requests is None:
            return np.zeros(self.size, np.int8)
        ids = hashes_of(self.codes("request_id"))
        lead = self.requests.lead(ids, self.time, self.has_time)
        lead[self.named] = 0
        return lead

    @cached_property
    def grave(self) -> NDArray[np.bool_]:
        """The record's severity is error or fatal."""
        severity = self.codes("severity")
        return np.asarray(severity.equal(_GRAVE[0]) | severity.equal(_GRAVE[1]))


@cache
def no_logs() -> Logs:
    """Return log records without a row."""
    columns = Columns(LOG_SCHEMA.empty_table())
    none = np.zeros(0, np.bool_)
    return Logs(columns, none, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), none)


def link_logs(
    table: pa.Table,
    spans: Columns,
    trace_offset: NDArray[np.int64],
    trace_of: NDArray[np.int32],
    offsets: Mapping[str, int] | None,
    requests: RequestIds | None = None,
) -> Logs:
    """Tie log records to the spans of a partition.

    Parameters
    ----------
    table
        The records, with at least the columns of :data:`LOG_COLUMNS`.
    spans
        The spans, sorted by trace id.
    trace_offset, trace_of
        Where traces begin among the spans, and the trace of every span.
    offsets
        By host (or service, where a record has no host): ns to add to its clock.
    requests
        What the ids of requests lead to.
    """
    columns = Columns(table)
    high, low = columns.array("trace_id_high"), columns.array("trace_id_low")
    named = (high != 0) | (low != 0)
    first = trace_offset[:-1]
    trace, span = np.full(len(high), -1, np.int64), np.full(len(high), -1, np.int64)
    find_pairs(spans.array("trace_id_high")[first], spans.array("trace_id_low")[first], high, low, trace)
    trace[~named] = -1
    wanted = columns.array("span_id")
    tied = np.flatnonzero((trace >= 0) & (wanted != 0))
    if len(tied):
        ids = spans.array("span_id")
        owner = trace_of.astype(np.uint64)
        order = np.lexsort((ids, owner))
        place = np.empty(len(tied), np.int64)
        find_pairs(owner[order], ids[order], trace[tied].astype(np.uint64), wanted[tied], place)
        found = place >= 0
        span[tied[found]] = order[place[found]]
    time, has_time = columns.array("time_ns").astype(np.int64), columns.valid("time_ns")
    if offsets:
        shift = _shifts(columns.clock, offsets)
        # A record that names no host was written where its span was.
        beside = (span >= 0) & (columns.codes("host").codes < 0)
        shift[beside] = _shifts(spans.clock, offsets)[span[beside]]
        time = np.where(has_time, time + shift, time)
    return Logs(columns, named, trace, span, time, has_time, requests)


def _shifts(clock: Codes, offsets: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([*(offsets.get(name, 0) for name in clock.values), 0], np.int64)[clock.codes]
