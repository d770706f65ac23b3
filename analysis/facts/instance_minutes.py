"""What each running copy of a service does, second by second: visits, calls to stores, and waits before them.

A wait is for a connection: the span of a client that connects to a store or takes a connection from a pool. Seconds are
those of the corrected clock; a row holds a minute of them. The histograms hold second of the minute (0 to 59), counted
in what their units say.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis._kernels.compiled import kernel
from analysis.facts import _data_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._data_calls import connecting, data_calls
from analysis.facts._failing import FAILING_COLUMNS, MECHANISMS, failing, mechanism
from analysis.facts._outgoing import taken
from analysis.facts._says import says
from analysis.facts._spread import MINUTE_S, MOST_SECONDS, SECOND_NS
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.forest import Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "scan"]

COLUMNS: Final = tuple(dict.fromkeys((*_data_calls.COLUMNS, "operation", "instance", *FAILING_COLUMNS)))
FIELDS: Final = (
    Field("service", pa.string(), "key", "", "service"),
    Field("instance", pa.string(), "key", "", "its running copy; empty where the export names none"),
    Field("minute", pa.int64(), "key", "min since epoch", "minute"),
    Field("visits", pa.int64(), "sum", "visits", "visits that began"),
    Field("waits", pa.int64(), "sum", "waits", "waits for a connection that began"),
    Field("refused", pa.int64(), "sum", "waits", "of these, given up: by a timeout, or because the pool was full"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces of all that is counted here"),
    Field("ended", HISTOGRAM, "histogram", "visits by second", "visits that ended"),
    Field("failed", HISTOGRAM, "histogram", "visits by second", "of these, failed"),
    Field("busy", HISTOGRAM, "histogram", "ns by second", "time of visits, waited for or not"),
    Field("querying", HISTOGRAM, "histogram", "ns by second", "time of calls to stores"),
    Field("wait_count", HISTOGRAM, "histogram", "waits by second", "waits for a connection that began"),
    Field("wait_ns", HISTOGRAM, "histogram", "ns by second", "how long these took"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "waits for a connection by how long they took; the span"),
)
_CLIENT: Final = KINDS.index("client")
#: Words of exceptions of full pools: HikariCP's SQLTransientConnectionException, PoolTimeout, PoolExhausted.
_FULL: Final = ("pool", "transientconnection")
#: What a row does.
_VISIT: Final = 1
_QUERY: Final = 2
_WAIT: Final = 4

Int64s = npt.NDArray[np.int64]


def scan(forest: Forest) -> pa.Table:
    """Return what each copy did in one partition."""
    entry = local_entries(forest)
    does = np.where(entry == np.arange(forest.size), _VISIT, 0).astype(np.int8)
    does[data_calls(forest)] |= _QUERY
    does[connecting(forest) & (forest.kind == _CLIENT)] |= _WAIT
    does[~forest.has_time] = 0
    lost = failing(forest)
    late = mechanism(forest) == MECHANISMS.index("timeout")
    gave_up = lost & (late | says(forest, "error_type", lambda text: any(word in text.lower() for word in _FULL)))
    seen = _by_minute(does, forest.trace_of, forest.trace_start_ns, forest.start, forest.duration)
    rows, minute, begins, is_wait, *pieces = seen
    ended, end_second, *spent = pieces
    waits = np.flatnonzero(is_wait)
    failed = np.flatnonzero(lost[rows[ended]])
    waited = (forest.trace_start_ns[forest.trace_of[rows[waits]]] + forest.start[rows[waits]]) // SECOND_NS % MINUTE_S
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken(forest.codes("service"), rows),
                "instance": taken(forest.codes("instance"), rows),
                "minute": minute,
            },
            trace=forest.trace_of[rows],
            sums={"visits": begins, "waits": is_wait, "refused": is_wait & gave_up[rows]},
            histograms={
                "ended": (end_second, None, ended),
                "failed": (end_second[failed], None, ended[failed]),
                "busy": (spent[0], spent[1], spent[2]),
                "querying": (spent[3], spent[4], spent[5]),
                "wait_count": (waited, None, waits),
                "wait_ns": (waited, forest.duration[rows[waits]], waits),
            },
            exemplar_value=np.where(is_wait, forest.duration[rows], 0),
            span_offset=np.concatenate([[0], np.cumsum(is_wait)]),
            span_rows=rows[waits],
        ),
    )


@kernel
def _by_minute(
    does: npt.NDArray[np.int8],
    trace_of: npt.NDArray[np.int32],
    trace_start: Int64s,
    start: Int64s,
    duration: Int64s,
) -> tuple[
    Int64s, Int64s, npt.NDArray[np.bool_], npt.NDArray[np.bool_],
    Int64s, Int64s, Int64s, Int64s, Int64s, Int64s, Int64s, Int64s,
]:  # fmt: skip
    """Cut what rows do at whole minutes, and their time at whole seconds.

    Returns for each piece of a minute, in order of row, its row, the minute, whether a visit begins in it, and whether
    it is a wait; for each end of a visit its piece and second of the minute; then for all the time of visits, and for
    all that of calls to stores, second of the minute, ns and piece.
    """
    pieces, ends, busy, asked = 0, 0, 0, 0
    for row in range(len(does)):
        if does[row]:
            seconds = min(duration[row] // SECOND_NS + 2, MOST_SECONDS)
            pieces += 3 + seconds // MINUTE_S
            ends += (does[row] & _VISIT) > 0
            busy += seconds if does[row] & _VISIT else 0
            asked += seconds if does[row] & _QUERY else 0
    rows, minutes = np.empty(pieces, np.int64), np.empty(pieces, np.int64)
    begins, is_wait = np.zeros(pieces, np.bool_), np.zeros(pieces, np.bool_)
    ended, end_second = np.empty(ends, np.int64), np.empty(ends, np.int64)
    busy_second, busy_ns, busy_piece = np.empty(busy, np.int64), np.empty(busy, np.int64), np.empty(busy, np.int64)
    asked_second, asked_ns, asked_piece = (
        np.empty(asked, np.int64),
        np.empty(asked, np.int64),
        np.empty(asked, np.int64),
    )
    pieces = ends = busy = asked = 0
    for row in range(len(does)):
        if not does[row]:
            continue
        begin = trace_start[trace_of[row]] + start[row]
        end = begin + duration[row]
        first = begin // SECOND_NS
        last = min((max(end, begin + 1) - 1) // SECOND_NS, first + MOST_SECONDS - 1)
        if not does[row] & (_VISIT | _QUERY):
            last = first
        for at in range(first, last + 1):
            if at == first or at % MINUTE_S == 0:
                rows[pieces], minutes[pieces] = row, at // MINUTE_S
                begins[pieces] = at == first and (does[row] & _VISIT) > 0
                pieces += 1
            ns = max(min(end, (at + 1) * SECOND_NS) - max(begin, at * SECOND_NS), 0)
            if does[row] & _VISIT:
                busy_second[busy], busy_ns[busy], busy_piece[busy] = at % MINUTE_S, ns, pieces - 1
                busy += 1
            if does[row] & _QUERY:
                asked_second[asked], asked_ns[asked], asked_piece[asked] = at % MINUTE_S, ns, pieces - 1
                asked += 1
        if does[row] & _VISIT:
            at = end // SECOND_NS
            if minutes[pieces - 1] != at // MINUTE_S:
                rows[pieces], minutes[pieces] = row, at // MINUTE_S
                pieces += 1
            ended[ends], end_second[ends] = pieces - 1, at % MINUTE_S
            ends += 1
        if does[row] & _WAIT:
            rows[pieces], minutes[pieces], is_wait[pieces] = row, first // MINUTE_S, True
            pieces += 1
    return (
        rows[:pieces].copy(), minutes[:pieces].copy(), begins[:pieces].copy(), is_wait[:pieces].copy(),
        ended, end_second,
        busy_second[:busy].copy(), busy_ns[:busy].copy(), busy_piece[:busy].copy(),
        asked_second[:asked].copy(), asked_ns[:asked].copy(), asked_piece[:asked].copy(),
    )  # fmt: skip
