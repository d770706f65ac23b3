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
from analysis._kernels.links import find_layers
from analysis.forest import Forest

__all__ = ["COLUMNS", "Layers", "layers_of", "store_calls"]

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
_stores: Final[WeakKeyDictionary[Forest, Bools]] = WeakKeyDictionary()


def layers_of(forest: Forest) -> Layers:
    """Return the layers of a forest planted with the columns of :data:`COLUMNS`."""
    known = _found.get(forest)
    if known is None:
        known = _found[forest] = _find(forest)
    return known


def store_calls(forest: Forest) -> Bools:
    """Mark the spans of a store's category that serve nobody. Nobody may write to the marks."""
    known = _stores.get(forest)
    if known is None:
        category = forest.codes("category")
        wanted = [code for code, name in enumerate(category.values) if name in ("database", "cache")]
        known = _stores[forest] = category.marked(wanted) & ~forest.of_kind(_SERVING)
    return known


def _find(forest: Forest) -> Layers:
    statement, operation, collection = (forest.codes(name).codes for name in _SAYING)
    scope, name, template = (forest.codes(name).codes for name in ("scope", "operation", "template"))
    around, timed, extra = find_layers(
        forest.parent,
        forest.child,
        # What has no time stands beside nothing: it tells of calls that were dropped, and how many.
        store_calls(forest) & forest.has_time,
        (statement, operation, collection),
        (forest.service.codes, forest.codes("db_system").codes, forest.codes("server_address").codes),
        (scope, name, template),
        forest.multiplicity,
        forest.start,
        forest.end,
        forest.array("time_resolution_ns", 1),
        (_NO_TIME_NS, _ADJACENT_NS),
    )
    extra[around[around >= 0]] = True
    extra[timed[timed >= 0]] = True
    return Layers(around, timed, extra)
