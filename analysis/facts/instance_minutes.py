"""What each running copy of a service does, second by second: visits, calls to stores, and waits before them.

A wait is for a connection: the span of a client that connects to a store or takes a connection from a pool. Seconds are
those of the corrected clock; a row holds a minute of them. The histograms hold second of the minute (0 to 59), counted
in what their units say.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from analysis.facts import _data_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._data_calls import connecting, data_calls
from analysis.facts._failing import FAILING_COLUMNS, MECHANISMS, failing, mechanism
from analysis.facts._numbering import together_by
from analysis.facts._outgoing import taken
from analysis.facts._says import says
from analysis.facts._spread import MINUTE_S, MOST_SECONDS, SECOND_NS, began_ns, spread
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
#: What is counted, and the histogram that it goes to.
_PARTS: Final = ("ended", "failed", "busy", "querying", "wait_count", "wait_ns")


def scan(forest: Forest) -> pa.Table:
    """Return what each copy did in one partition."""
    entry = local_entries(forest)
    visits = np.flatnonzero((entry == np.arange(forest.size)) & forest.has_time)
    queries = data_calls(forest)
    queries = queries[forest.has_time[queries]]
    waits = np.flatnonzero(connecting(forest) & (forest.kind == _CLIENT) & forest.has_time)
    lost = failing(forest)
    late = mechanism(forest) == MECHANISMS.index("timeout")
    gave_up = lost & (late | says(forest, "error_type", lambda text: any(word in text.lower() for word in _FULL)))

    busy, busy_second, busy_ns = spread(began_ns(forest, visits), forest.duration[visits], MOST_SECONDS)
    asked, asked_second, asked_ns = spread(began_ns(forest, queries), forest.duration[queries], MOST_SECONDS)
    ends = began_ns(forest, visits) + forest.duration[visits]
    failed = visits[lost[visits]]
    waited = _second(began_ns(forest, waits))
    pieces = {
        "ended": (visits, _second(ends), np.ones(len(visits), np.int64)),
        "failed": (failed, _second(ends[lost[visits]]), np.ones(len(failed), np.int64)),
        "busy": (visits[busy], busy_second, busy_ns),
        "querying": (queries[asked], asked_second, asked_ns),
        "wait_count": (waits, waited, np.ones(len(waits), np.int64)),
        "wait_ns": (waits, waited, forest.duration[waits]),
    }
    rows = np.concatenate([pieces[name][0] for name in _PARTS])
    second = np.concatenate([pieces[name][1] for name in _PARTS])
    amount = np.concatenate([pieces[name][2] for name in _PARTS])
    part = np.repeat(np.arange(len(_PARTS)), [len(pieces[name][0]) for name in _PARTS])
    order = together_by(rows, forest.size)[1]
    rows, second, amount, part = rows[order], second[order], amount[order], part[order]
    within = second % MINUTE_S
    is_wait = part == _PARTS.index("wait_count")
    begins = (part == _PARTS.index("busy")) & (second == _second(began_ns(forest, rows)))
    return gather(
        FIELDS,
        forest,
        Occurrences(
            keys={
                "service": taken(forest.codes("service"), rows),
                "instance": taken(forest.codes("instance"), rows),
                "minute": second // MINUTE_S,
            },
            trace=forest.trace_of[rows],
            sums={"visits": begins, "waits": is_wait, "refused": is_wait & gave_up[rows]},
            histograms={name: _of_part(part == place, within, amount) for place, name in enumerate(_PARTS)},
            exemplar_value=np.where(is_wait, forest.duration[rows], 0),
            span_offset=np.concatenate([[0], np.cumsum(is_wait)]),
            span_rows=rows[is_wait],
        ),
    )


def _of_part(chosen: np.ndarray, within: np.ndarray, amount: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the histogram of some occurrences."""
    which = np.flatnonzero(chosen)
    return within[which], amount[which], which


def _second(ns: np.ndarray) -> np.ndarray:
    return ns // SECOND_NS
