"""Which calls only ask, which change something, and at what place: a table of a store, or a service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._accesses import UNKNOWN_TABLE, accesses_of
from analysis.facts._grouping import number_of
from analysis.facts._numbering import sorted_within, together_by
from analysis.facts._once import calls_of
from analysis.facts._repeated_calls import Calls
from analysis.facts._says import telling
from analysis.forest import Forest

__all__ = ["Places", "asking", "places_of"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_ASKING_METHOD: Final = re.compile(r"(?:GET|HEAD|OPTIONS|QUERY)\b", re.IGNORECASE)
#: First words of RPC methods that only ask.
_ASKING_WORD: Final = re.compile(
    r"(?:^|/|\.)(?:get|list|find|fetch|read|query|search|lookup|look_?up|check|count|describe|exists|has|is|estimate|"
    r"calculate|compute|quote|recommend|show|view|load|batch_?get|stream)(?![a-z])",
    re.IGNORECASE,
)
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LOCKING: Final = re.compile(r"\bFOR (?:NO KEY )?(?:UPDATE|SHARE)\b", re.IGNORECASE)
#: What stands for all tables of a store, and for what has no tables.
_ANY: Final = -2
_NONE: Final = -1
_ASKING: Final[WeakKeyDictionary[Forest, npt.NDArray[np.bool_]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Places:
    """Where calls read and where is written: an entry a place of a call; one number is one place of one trace.

    Attributes
    ----------
    offset, read
        The places that call i depends on are ``read[offset[i]:offset[i + 1]]``.
    written, at
        Place p is written at the times ``at[written[p]:written[p + 1]]``, ns since the trace's start, ascending.
    """

    offset: Int64s
    read: Int64s
    written: Int64s
    at: Int64s


def asking(forest: Forest) -> Bools:
    """Mark the calls of a partition that change nothing: reads of a store, and requests of a method that only asks."""
    if forest not in _ASKING:
        _ASKING[forest] = _find_asking(forest, calls_of(forest))
    return _ASKING[forest]


def _find_asking(forest: Forest, calls: Calls) -> Bools:
    only = np.zeros(forest.size, bool)
    accesses = accesses_of(forest)
    only[accesses.rows] = True
    only[accesses.rows[~accesses.where("mode", "read")]] = False
    template, category, method = calls.template, calls.category, forest.codes("http_method")
    by_method = telling(method, _ASKING_METHOD.match)[method.codes[calls.rows]]
    by_template = telling(template, _ASKING_METHOD.match)
    named = telling(template, lambda text: _ASKING_WORD.search(_CAMEL.sub(" ", text)))
    web = category.equal("http") & (by_method | by_template[template.codes])
    remote = web | (category.equal("rpc") & named[template.codes])
    locking = telling(template, _LOCKING.search)
    return np.asarray(np.where(calls.remote, remote, only[calls.rows] & ~locking[template.codes]), np.bool_)


def places_of(forest: Forest, calls: Calls, asks: Bools, chosen: Int64s) -> Places:
    """Return where some calls read, and what is written in their traces.

    A table that is not named may be any: a write there touches all of the store, a read depends on all of it.
    """
    accesses, trace_of = accesses_of(forest), forest.trace_of

    def among(rows: Int64s, others: Int64s) -> Bools:
        """Mark the rows in whose traces some others are."""
        there = np.zeros(forest.trace_count, np.bool_)
        there[trace_of[others]] = True
        return np.asarray(there[trace_of[rows]])

    away, data = chosen[calls.remote[chosen]], chosen[~calls.remote[chosen]]
    writing = np.flatnonzero(~accesses.where("mode", "read"))
    writing = writing[among(accesses.rows[writing], calls.rows[data])]
    changing = np.flatnonzero(calls.remote & ~asks)
    changing = changing[among(calls.rows[changing], calls.rows[away])]
    # What is read matters only where something is written.
    data = data[among(calls.rows[data], accesses.rows[writing])]
    away = away[among(calls.rows[away], calls.rows[changing])]
    call_of = np.full(forest.size, -1, np.int64)
    call_of[calls.rows[data]] = data
    reading = np.flatnonzero(call_of[accesses.rows] >= 0)

    store, table = accesses.stores.codes.astype(np.int64), accesses.texts("table")
    # After the stores; a service that nothing names comes first.
    service = calls.target.codes.astype(np.int64) + len(accesses.stores.values) + 1
    unknown, inside = table.code(UNKNOWN_TABLE), table.codes.astype(np.int64)
    # Every entry: row, store or service, and table; of a service there is none. A write is one of its table and one of
    # any; a read depends on its table and on writes to tables that are not named, one of an unknown table on all.
    entries = (
        (accesses.rows[writing], store[writing], inside[writing]),
        (accesses.rows[writing], store[writing], np.full(len(writing), _ANY)),
        (calls.rows[changing], service[changing], np.full(len(changing), _NONE)),
        (accesses.rows[reading], store[reading], np.where(inside[reading] == unknown, _ANY, inside[reading])),
        (accesses.rows[reading], store[reading], np.full(len(reading), unknown)),
        (calls.rows[away], service[away], np.full(len(away), _NONE)),
    )
    rows, owner, what = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    place, first = number_of((forest.trace_of[rows], owner, what), len(rows))
    writes = 2 * len(writing) + len(changing)
    written, order = sorted_within(place[:writes], forest.start[rows[:writes]], len(first))
    owner_call = np.concatenate([call_of[accesses.rows[reading]]] * 2 + [away])
    offset, of_calls = together_by(owner_call, len(calls.rows))
    return Places(offset, place[writes:][of_calls].astype(np.int64), written, forest.start[rows[order]])
