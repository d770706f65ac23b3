"""Ids of requests: what the log records that name no trace, but a request, lead to.

A request id (``x-request-id``, a correlation id) is no trace: programs make them as they like, use them again, or count
from one. So it joins a record to a trace only where the spans of exactly one trace carry it, near the time of the
record, and not too many records do. Where no span carries it but records of several services do, they at least belong
together; that too is no trace.

What is known of a whole dataset fits the memory of a worker: of more than a million ids those with the smallest hashes
are looked for, and what is counted are lower bounds.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis._columns import Codes, Columns
from analysis.dataset import Dataset, Partition
from analysis.executors import in_order

__all__ = ["ALONE", "APART", "JOINED", "SHARED", "RequestIds", "find_request_ids", "hashes_of"]

#: What an id leads to: nothing; one trace; several traces, or too many records; records of other services.
ALONE, JOINED, APART, SHARED = range(4)
#: Ids that are looked for.
_MOST: Final = 1_000_000
#: Records of one request; what more of them name is the id of something else (house default).
_MOST_RECORDS: Final = 1_000
#: A record is of a request of this time, clocks that differ allowed for (house default).
_NEAR_NS: Final = 600 * 1_000_000_000
#: Characters of the shortest id: shorter ones count up, and begin again with each process (house default).
_SHORTEST: Final = 8
_BATCH: Final = 16
_FAR_NS: Final = 1 << 62

UInt64s = NDArray[np.uint64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class RequestIds:
    """What the ids of requests lead to that log records without a trace name.

    Attributes
    ----------
    ids
        Their hashes, ascending; those that lead to nothing are left out.
    leads
        For each :data:`JOINED`, :data:`APART` or :data:`SHARED`.
    first_ns, last_ns
        When the spans that carry the id begin and end; ns since the epoch.
    """

    ids: UInt64s
    leads: NDArray[np.int8]
    first_ns: Int64s
    last_ns: Int64s

    def __repr__(self) -> str:
        # What was found of two datasets is told apart by it.
        content = b"".join(column.tobytes() for column in (self.ids, self.leads, self.first_ns, self.last_ns))
        return f"RequestIds({len(self.ids)}, {zlib.crc32(content)})"

    def lead(self, ids: UInt64s, time: Int64s, has_time: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Return what ids lead to that were logged at some times; 0 where they lead nowhere."""
        found = np.zeros(len(ids), np.int8)
        if not len(self.ids):
            return found
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        known = (self.ids[place] == ids) & (ids != 0)
        found[known] = self.leads[place[known]]
        far = (time < self.first_ns[place] - _NEAR_NS) | (time > self.last_ns[place] + _NEAR_NS)
        found[(found == JOINED) & has_time & far] = APART
        return found


def find_request_ids(dataset: Dataset, executor: Executor) -> RequestIds | None:
    """Look for the ids of requests that log records without a trace name among the spans; None where none has one."""
    asked = [table for _, table in in_order(executor, _of_logs, _batches(dataset.log_partitions)) if len(table)]
    if not asked:
        return None
    told = pd.concat(asked).groupby(["id", "service"], sort=True, as_index=False)["records"].sum()
    by_id = told.groupby("id", sort=True).agg(records=("records", "sum"), services=("service", "size")).head(_MOST)
    ids = by_id.index.to_numpy(np.uint64)
    work = partial(_of_spans, ids=ids)
    carried = [table for _, table in in_order(executor, work, _batches(dataset.partitions))]
    traces = pd.concat([_NO_TRACES, *carried]).groupby(_TRACE, sort=True, as_index=False).agg(**_WHEN)
    found = traces.groupby("id").agg(traces=("low", "size"), **_WHEN).reindex(by_id.index, fill_value=0)
    few = by_id["records"] <= _MOST_RECORDS
    of_one, carried_by_some = (found["traces"] == 1) & few, found["traces"] > 0
    leads = np.select([of_one, carried_by_some, (by_id["services"] > 1) & few], [JOINED, APART, SHARED], ALONE)
    kept = leads != ALONE
    times = (found[name].to_numpy(np.int64)[kept] for name in ("first", "last"))
    return RequestIds(ids[kept], leads.astype(np.int8)[kept], *times)


def hashes_of(column: Codes) -> UInt64s:
    """Return the hash of each id of a text column; 0 for none, and for what is too short to be one of its own."""
    hashes = np.zeros(len(column.values) + 1, np.uint64)
    if column.values:
        told = pd.util.hash_array(np.array(column.values, object), categorize=False)
        # Words ("undefined", "anonymous") are no ids.
        own = [len(text) >= _SHORTEST and _DIGIT.search(text) is not None for text in column.values]
        hashes[:-1] = np.where(own, np.maximum(told, 1), 0)
    return np.asarray(hashes[column.codes])


_DIGIT: Final = re.compile(r"[0-9]")
_TRACE: Final = ["id", "high", "low"]
_WHEN: Final[dict[str, Any]] = {"first": ("first", "min"), "last": ("last", "max")}
#: Empty tables have the types of full ones: put together with these, ids stay whole numbers.
_NO_RECORDS: Final = pd.DataFrame(
    {"id": np.zeros(0, np.uint64), "service": np.zeros(0, object), "records": np.zeros(0, np.int64)}
)
_NO_TRACES: Final = pd.DataFrame(
    {name: np.zeros(0, np.uint64) for name in _TRACE} | {name: np.zeros(0, np.int64) for name in _WHEN}
)


def _batches(partitions: Sequence[Partition]) -> list[Sequence[Partition]]:
    return [partitions[first : first + _BATCH] for first in range(0, len(partitions), _BATCH)]


def _of_logs(partitions: Sequence[Partition]) -> pd.DataFrame:
    """Return how many records without a trace of each service name each id."""
    return pd.concat([_of_log_partition(partition) for partition in partitions])


def _of_log_partition(partition: Partition) -> pd.DataFrame:
    if not partition.rows or _is_empty(partition):
        return _NO_RECORDS
    columns = Columns(partition.read(("request_id", "trace_id_high", "trace_id_low", "service")))
    ids = hashes_of(columns.codes("request_id"))
    rows = np.flatnonzero((columns.array("trace_id_high") == 0) & (columns.array("trace_id_low") == 0) & (ids != 0))
    service = columns.codes("service")
    names = np.array([*service.values, ""], object)[service.codes[rows]]
    told = pd.DataFrame({"id": ids[rows], "service": names.astype(object)})
    return told.groupby(["id", "service"], sort=True).size().rename("records").reset_index()


def _of_spans(partitions: Sequence[Partition], ids: UInt64s) -> pd.DataFrame:
    """Return which traces carry which of some ids, and from when to when."""
    return pd.concat([_of_span_partition(partition, ids) for partition in partitions])


def _of_span_partition(partition: Partition, ids: UInt64s) -> pd.DataFrame:
    if not partition.rows or _is_empty(partition):
        return _NO_TRACES
    columns = Columns(partition.read(("request_id", "trace_id_high", "trace_id_low", "start_ns", "duration_ns")))
    own = hashes_of(columns.codes("request_id"))
    rows = np.flatnonzero(np.isin(own, ids))
    start = columns.array("start_ns").astype(np.int64)[rows]
    end = start + columns.array("duration_ns").astype(np.int64)[rows]
    timed = columns.valid("start_ns")[rows]
    told = pd.DataFrame(
        {
            "id": own[rows],
            "high": columns.array("trace_id_high")[rows],
            "low": columns.array("trace_id_low")[rows],
            # A span without a time says nothing of when.
            "first": np.where(timed, start, -_FAR_NS),
            "last": np.where(timed, end, _FAR_NS),
        }
    )
    grouped: pd.DataFrame = told.groupby(_TRACE, sort=True, as_index=False).agg(**_WHEN)
    return grouped


def _is_empty(partition: Partition) -> bool:
    """Tell whether no row has an id: most exports have none, and one column says so."""
    column = partition.read(("request_id",))["request_id"]
    return bool(column.null_count == len(column))
