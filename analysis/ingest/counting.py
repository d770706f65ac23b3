"""Counts over rows that are in memory: spans, traces, roots, errors, services, times."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.ingest.columns import integers, valid
from analysis.ingest.tally import Tally

__all__ = ["SpanLanes", "count_logs"]

_FARTHEST_NS: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class SpanLanes:
    """The columns that spans are counted by, as numpy arrays, and the names behind the codes of services."""

    trace_id_high: Any
    trace_id_low: Any
    span_id: Any
    shared: Any
    parent_span_id: Any
    error: Any
    service: Any
    start_ns: Any
    duration_ns: Any
    timed: Any
    service_names: tuple[str, ...]

    @classmethod
    def of(cls, spans: pa.Table) -> SpanLanes:
        """Take the columns of tidy spans."""
        lanes: dict[str, Any] = {
            name: integers(spans[name].chunk(0))
            for name in ("trace_id_high", "trace_id_low", "span_id", "parent_span_id", "start_ns", "duration_ns")
        }
        status = spans["status"].chunk(0)
        error = status.dictionary.index("error").as_py()
        service = spans["service"].chunk(0)
        return cls(
            **lanes,
            shared=integers(spans["shared"].chunk(0), fill=False),
            error=(_codes(status) == error) if error >= 0 else np.zeros(spans.num_rows, dtype=bool),
            service=_codes(service),
            timed=valid(spans["start_ns"].chunk(0)),
            service_names=tuple(service.dictionary.to_pylist()),
        )

    def take(self, rows: npt.NDArray[np.int64]) -> SpanLanes:
        """Return some of the rows."""
        lanes = {field.name: getattr(self, field.name)[rows] for field in fields(self)[:-1]}
        return SpanLanes(**lanes, service_names=self.service_names)

    @cached_property
    def _by_key(self) -> tuple[Any, Any, Any]:
        """The rows in the order of their keys; there, where a trace begins, and where an id within it does."""
        order = np.lexsort((self.shared, self.span_id, self.trace_id_low, self.trace_id_high))
        new_trace = np.ones(len(order), dtype=bool)
        high, low, ids = self.trace_id_high[order], self.trace_id_low[order], self.span_id[order]
        new_trace[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
        new_id = new_trace.copy()
        new_id[1:] |= ids[1:] != ids[:-1]
        return order, new_trace, new_id

    @property
    def distinct(self) -> bool:
        """Whether no two rows are of one span."""
        order, _, new_id = self._by_key
        shared = self.shared[order]
        return bool((new_id[1:] | (shared[1:] != shared[:-1])).all())

    def count(self, tally: Tally) -> Tally:
        """Add the counts of the rows, one a span, to a tally, and return it."""
        order, new_trace, new_id = self._by_key
        tally.spans += len(order)
        tally.traces += int(np.count_nonzero(new_trace))
        top = (self.parent_span_id == 0)[order]
        # The server half of a shared span follows its client half, and has a parent in it.
        tally.root_spans += int(np.count_nonzero(top & (~self.shared[order] | new_id)))
        tally.error_spans += int(np.count_nonzero(self.error))
        tally.services |= {self.service_names[code] for code in np.unique(self.service) if code >= 0}
        if self.timed.any():
            begin, length = self.start_ns[self.timed], self.duration_ns[self.timed]
            ends = begin + np.minimum(length, _FARTHEST_NS - np.maximum(begin, 0))
            span_of_time = Tally(first_ns=int(begin.min()), last_ns=int(ends.max()))
            tally.add(span_of_time)
        return tally


def count_logs(tally: Tally, logs: pa.Table, rows: npt.NDArray[np.int64]) -> None:
    """Add the counts of some rows of tidy log records to a tally."""
    if not len(rows):
        return
    service, time = logs["service"].chunk(0), logs["time_ns"].chunk(0)
    names = service.dictionary.to_pylist()
    tally.logs += len(rows)
    tally.services |= {names[code] for code in np.unique(_codes(service)[rows]) if code >= 0}
    timed = rows[valid(time)[rows]]
    if len(timed):
        moments = integers(time)[timed]
        tally.add(Tally(first_log_ns=int(moments.min()), last_log_ns=int(moments.max())))


def _codes(column: pa.Array) -> Any:
    return column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
