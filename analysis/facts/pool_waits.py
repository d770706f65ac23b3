"""Waits for connections by request: how long each request waited for those of one service; at once counts once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel
from analysis.facts import _data_calls
from analysis.facts._data_calls import connecting
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._grouping import number_of
from analysis.facts._numbering import added
from analysis.facts._once import listed
from analysis.facts._outgoing import taken
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = tuple(dict.fromkeys((*_data_calls.COLUMNS, "operation", *FAILING_COLUMNS)))
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("entry_kind", pa.string(), "key", "", "span kind of the request's topmost span"),
    Field("service", pa.string(), "key", "", "service that takes connections"),
    Field("requests", pa.int64(), "sum", "requests", "requests in which it took one"),
    Field("waits", pa.int64(), "sum", "waits", "connections taken or waited for in them"),
    Field("failed_waits", pa.int64(), "sum", "waits", "of these, failed"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("wait_ns", pa.int64(), "sum", "ns", "time of the waits"),
    Field("wait_per_request", HISTOGRAM, "histogram", "ns", "of each request, waits at the same time counted once"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by the time that the request waited; the waits"),
)
_CLIENT: Final = KINDS.index("client")


def scan(forest: Forest) -> pa.Table:
    """Return the waits of the requests of one partition."""
    rows = np.flatnonzero(connecting(forest) & (forest.kind == _CLIENT) & forest.has_time)
    service = taken(forest.codes("service"), rows)
    number, first = number_of((forest.root[rows].astype(np.int64), service), len(rows))
    group = number.astype(np.int64)
    count = len(first)
    waited = added(group, forest.duration[rows], count)
    united = _unite(group, forest.start[rows], forest.end[rows], np.lexsort((forest.start[rows], group)), count)
    waits, failed = added(group, np.ones(len(rows), np.int64), count), added(group, failing(forest)[rows], count)
    shown = rows[first]
    order = np.argsort(forest.trace_of[shown], kind="stable")
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    offset, spans = listed(place[group], rows, count)
    shown = shown[order]
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, shown),
                "entry_kind": taken(forest.codes("kind"), forest.root[shown]),
                "service": taken(forest.codes("service"), shown),
            },
            trace=forest.trace_of[shown],
            sums={
                "requests": np.ones(count, np.int64),
                "waits": waits[order],
                "failed_waits": failed[order],
                "wait_ns": waited[order],
            },
            histograms={"wait_per_request": (united[order], np.ones(count, np.int64))},
            exemplar_value=united[order],
            span_offset=offset,
            span_rows=spans,
        ),
    )


@kernel
def _unite(
    group: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    count: int,
) -> npt.NDArray[np.int64]:
    """Return for each group the length of the union of its intervals, taken in order of group and start."""
    united = np.zeros(count, np.int64)
    last, reached = -1, 0
    for place in range(len(order)):
        row = order[place]
        if group[row] != last:
            last, reached = group[row], start[row]
        begin = max(start[row], reached)
        if end[row] > begin:
            united[last] += end[row] - begin
            reached = end[row]
    return united
