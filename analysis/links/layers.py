"""Split instrumentation: spans of several layers that stand side by side for one call to a store.

An object mapper that records a statement beside the driver's span of it, a statement on a span of no time with the time
on the span after it, a connection taken from a pool before the query: each makes one call of two spans. Found once for
a forest, before anything is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis import schema
from analysis._columns import Codes
from analysis._kernels.links import claim_siblings, time_beside
from analysis.forest import Forest

__all__ = ["COLUMNS", "Layers", "layers_of"]

#: Columns that are read beside those of a forest.
COLUMNS: Final = (
    "category",
    "db_system",
    "db_statement",
    "db_operation",
    "db_collection",
    "scope",
    "operation",
    "template",
    "server_address",
)

#: A statement's span this short (ns) did not wait for the database; its time may be on the span beside it.
_NO_TIME_NS: Final = 100_000
_ADJACENT_NS: Final = 1_000_000
#: What says what a data call does.
_SAYING: Final = ("db_statement", "db_operation", "db_collection")
_SERVING: Final = (schema.KINDS.index("server"), schema.KINDS.index("consumer"))

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Layers:
    """Spans of data calls that stand for what a span beside them stands for.

    Attributes
    ----------
    around
        Row of the layer that stands beside a row and records the same call around it; -1 where there is none.
    timed
        Row of the span beside a statement on a span of no time, which holds its time; -1 elsewhere.
    extra
        Rows that are no call of their own: the layers around, the spans that only hold a time, and those that open the
        way for the call after them (connecting, waiting for a pool).
    """

    around: Int64s
    timed: Int64s
    extra: Bools


_found: Final[WeakKeyDictionary[Forest, Layers]] = WeakKeyDictionary()


def layers_of(forest: Forest) -> Layers:
    """Return the layers of a forest planted with the columns of :data:`COLUMNS`."""
    known = _found.get(forest)
    if known is None:
        known = _found[forest] = _find(forest)
    return known


def _find(forest: Forest) -> Layers:
    wanted = [code for code, name in enumerate(forest.codes("category").values) if name in ("database", "cache")]
    data = forest.codes("category").marked(wanted) & ~forest.of_kind(_SERVING)
    # What has no time stands beside nothing: it tells of calls that were dropped, and how many.
    data &= forest.has_time
    timed = _time_beside(forest, data)
    around = _siblings_around(forest, data)
    extra = _opening(forest, data)
    extra[around[around >= 0]] = True
    extra[timed[timed >= 0]] = True
    return Layers(around, timed, extra)


def _opening(forest: Forest, data: Bools) -> Bools:
    """Mark spans of a store that name nothing to do there and stand before a call of the same service that does."""
    named = np.logical_or.reduce([_present(forest.codes(name)) for name in _SAYING])
    rows = forest.child[data[forest.child]].astype(np.int64)
    marked = np.zeros(forest.size, np.bool_)
    first, second = rows[:-1], rows[1:]
    service = forest.service.codes
    together = (forest.parent[first] == forest.parent[second]) & (service[first] == service[second])
    # A span that stands for many is those calls, though their statements were lost.
    opens = together & (forest.multiplicity[first] == 1)
    # Taking a connection to one store opens no way to another; who names none may be either.
    for name in ("db_system", "server_address"):
        codes = forest.codes(name).codes
        opens &= (codes[first] == codes[second]) | (codes[first] < 0) | (codes[second] < 0)
    marked[first[opens & ~named[first] & named[second]]] = True
    return marked


def _siblings_around(forest: Forest, data: Bools) -> Int64s:
    """Return for each call the sibling that another instrumentation recorded around it, of the same statement.

    Its scope differs; where none of the two names its scope, its operation does. Two calls that one instrumentation
    records are two calls, however they lie.
    """
    rows = forest.child[data[forest.child]].astype(np.int64)
    scope, operation, template = (forest.codes(name).codes for name in ("scope", "operation", "template"))
    layer = np.where(scope[rows] >= 0, scope[rows].astype(np.int64), -2 - operation[rows].astype(np.int64))
    layer[template[rows] < 0] = -1
    tolerance = np.maximum(forest.array("time_resolution_ns", 1)[rows].astype(np.int64), 1)
    parent, service, system = forest.parent, forest.service.codes, forest.codes("db_system").codes
    parent, service, system, same = (part[rows].astype(np.int32) for part in (parent, service, system, template))
    claimed = claim_siblings(
        parent,
        service,
        system,
        same,
        forest.multiplicity[rows],
        layer,
        forest.start[rows],
        forest.end[rows],
        tolerance,
    )
    around = np.full(forest.size, -1, np.int64)
    inner = np.flatnonzero(claimed >= 0)
    around[rows[inner]] = rows[claimed[inner]]
    return around


def _time_beside(forest: Forest, data: Bools) -> Int64s:
    """Return for each statement on a span of no time the span beside it that took the time; -1 elsewhere.

    The span beside it follows at once under the same parent, belongs to the same service, is of a store and has no
    statement of its own.
    """
    timed = np.full(forest.size, -1, np.int64)
    time_beside(
        forest.parent,
        forest.child,
        forest.service.codes,
        data,
        forest.codes("db_statement").codes,
        forest.codes("db_collection").codes,
        forest.start,
        forest.end,
        (_NO_TIME_NS, _ADJACENT_NS),
        timed,
    )
    return timed


def _present(codes: Codes) -> Bools:
    return np.asarray(codes.codes >= 0, np.bool_)
