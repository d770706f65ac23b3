"""Time of spans with children in which no child runs: by what share of the span it is, and how long.

Pauses between the attempts of a call that was tried again, or between the polls of what is not yet done, are no blind
time: they are known for what they are. A span is told where a log record that names it was written in its middle: then
the log says what the spans do not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.facts import _attempts, _judged_runs
from analysis.facts._attempts import attempts_of
from analysis.facts._data_calls import connecting
from analysis.facts._judged_runs import judged_runs
from analysis.facts._table import EXEMPLARS, HISTOGRAM, Field, Occurrences, gather
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest
from analysis.schema import KINDS

__all__ = ["COLUMNS", "FIELDS", "LOG_COLUMNS", "TENTHS", "scan"]

#: Shares are told in tenths.
TENTHS: Final = 10
COLUMNS: Final = tuple(dict.fromkeys((*_attempts.COLUMNS, *_judged_runs.COLUMNS)))
LOG_COLUMNS: Final = ("span_id",)
FIELDS: Final = (
    Field("entry_service", pa.string(), "key", "", "service of the request's topmost span"),
    Field("entry_operation", pa.string(), "key", "", "its operation"),
    Field("service", pa.string(), "key", "", "service of the span"),
    Field("operation", pa.string(), "key", "", "its operation"),
    Field("tenths", pa.int64(), "key", "", "share of the span that is blind, in whole tenths, rounded down"),
    Field("told", pa.bool_(), "key", "", "a log record that names the span was written in its middle"),
    Field("spans", pa.int64(), "sum", "spans", "spans with children that are no calls to others"),
    Field("traces", pa.int64(), "sum", "traces", "distinct traces"),
    Field("pause_ns", pa.int64(), "sum", "ns", "pauses between attempts, or polls, in them"),
    Field("blind", HISTOGRAM, "histogram", "ns", "time in which no child runs, without such pauses"),
    Field("critical", HISTOGRAM, "histogram", "ns", "what of it is on the critical path"),
    Field("exemplars", EXEMPLARS, "exemplars", "ns", "by blind time; the span"),
)
#: Between a call and its callee lie network and queue, which no span of the caller could fill.
_CALLING: Final = (KINDS.index("client"), KINDS.index("producer"))
#: Bits cut off before a time is multiplied: tenths are exact to 16 ns.
_SPARE: Final = 4
#: A record in the first or last tenth of a span says that it begins or ends, which the span says itself.
_EDGE: Final = 10


def scan(forest: Forest) -> pa.Table:
    """Return the blind time of one partition."""
    parents = (np.diff(forest.child_offset) > 0) & forest.has_time & (forest.duration > 0)
    rows = np.flatnonzero(parents & ~forest.of_kind(_CALLING) & ~connecting(forest))
    pause = np.minimum(_pauses(forest)[rows] + _pauses_of_polls(forest)[rows], forest.self_time[rows])
    blind = forest.self_time[rows] - pause
    tenths = (blind >> _SPARE) * TENTHS // np.maximum(forest.duration[rows] >> _SPARE, 1)
    one = np.ones(len(rows), np.bool_)
    service, operation = forest.codes("service"), forest.codes("operation")
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                **entry_keys(forest, rows),
                "service": Codes(service.codes[rows], service.values),
                "operation": Codes(operation.codes[rows], operation.values),
                "tenths": np.minimum(tenths, TENTHS),
                "told": _told(forest)[rows],
            },
            trace=forest.trace_of[rows],
            sums={"spans": one, "pause_ns": pause},
            histograms={"blind": (blind, None), "critical": (np.minimum(blind, forest.critical[rows]), None)},
            exemplar_value=blind,
            span_rows=rows,
        ),
    )


def _pauses(forest: Forest) -> npt.NDArray[np.int64]:
    """Return for each row how long it paused between a failed attempt of a call and the next; ns."""
    attempts = attempts_of(forest)
    rows = attempts.calls.rows[attempts.order]
    place = np.arange(len(rows)) - np.repeat(attempts.offset[:-1], np.diff(attempts.offset))
    later = np.flatnonzero(place > 0)
    above = forest.parent[rows[later]]
    gap = np.maximum(forest.start[rows[later]] - forest.end[rows[later - 1]], 0)
    paused = np.zeros(forest.size, np.int64)
    np.add.at(paused, above[above >= 0], gap[above >= 0])
    return paused


def _pauses_of_polls(forest: Forest) -> npt.NDArray[np.int64]:
    """Return for each row how long it paused between asking another service again and again for the same; ns.

    Who reads the same from a store now and then may well work in between.
    """
    judged = judged_runs(forest)
    runs = judged.runs
    asks = judged.calls.remote[runs.first]
    polling = np.flatnonzero(judged.where("polling") & asks & ~runs.spread & (runs.node >= 0))
    paused = np.zeros(forest.size, np.int64)
    np.add.at(paused, runs.node[polling], judged.measured["pauses"][polling])
    return paused


def _told(forest: Forest) -> npt.NDArray[np.bool_]:
    """Mark the rows that a log record names which was written in their middle."""
    logs = forest.logs
    records = np.flatnonzero((logs.span >= 0) & logs.has_time)
    span = logs.span[records]
    after = logs.time[records] - forest.trace_start_ns[forest.trace_of[span]] - forest.start[span]
    edge = forest.duration[span] // _EDGE
    inside = forest.has_time[span] & (after >= edge) & (after <= forest.duration[span] - edge)
    told = np.zeros(forest.size, np.bool_)
    told[span[inside]] = True
    return told
