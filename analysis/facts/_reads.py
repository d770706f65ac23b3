"""Which calls only ask, which change something, and at what place: a table of a store, or a service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.facts._accesses import UNKNOWN_TABLE, accesses_of
from analysis.facts._numbering import combined, sorted_within, together_by
from analysis.facts._repeated_calls import Calls
from analysis.facts._says import passing
from analysis.forest import Codes, Forest

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
#: What stands for all tables of a store.
_ANY: Final = -2


@dataclass(frozen=True)
class Places:
    """Where calls read and write: an entry a place of a call; one number is one place of one trace.

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


def asking(forest: Forest, calls: Calls) -> Bools:
    """Mark the calls that change nothing: reads of a store, and requests of a method that only asks."""
    only = np.zeros(forest.size, bool)
    accesses = accesses_of(forest)
    only[accesses.rows] = True
    only[accesses.rows[~accesses.where("mode", "read")]] = False
    template = calls.template
    locking = passing(template, _LOCKING.search)
    method = forest.codes("http_method")
    by_method = passing(Codes(method.codes[calls.rows], method.values), _ASKING_METHOD.match)
    by_template = passing(template, _ASKING_METHOD.match)
    named = passing(template, lambda text: _ASKING_WORD.search(_CAMEL.sub(" ", text)))
    web, rpc = calls.category.equal("http"), calls.category.equal("rpc")
    remote = (web & (by_method | by_template)) | (rpc & named)
    return np.asarray(np.where(calls.remote, remote, only[calls.rows] & ~locking), np.bool_)


def places_of(forest: Forest, calls: Calls, asks: Bools) -> Places:
    """Return where calls read and write.

    A table that is not named may be any: a write there touches all of the store, a read depends on all of it.
    """
    accesses = accesses_of(forest)
    store = accesses.stores.codes.astype(np.int64)
    table = accesses.texts("table")
    unknown = table.code(UNKNOWN_TABLE)
    codes = table.codes.astype(np.int64)
    writes = ~accesses.where("mode", "read")
    away = np.flatnonzero(calls.remote)
    service = calls.target.codes[away].astype(np.int64) + len(accesses.stores.values)
    changing = ~asks[away]
    # Every entry: row, store or service, table (of a service none), and whether it writes.
    rows = np.concatenate([accesses.rows] * 3 + [calls.rows[away]])
    owner = np.concatenate([store] * 3 + [service])
    inside = np.concatenate([codes, np.full(len(codes), unknown), np.full(len(codes), _ANY), np.full(len(away), -1)])
    place = combined(forest.trace_of[rows], combined(owner, inside))
    size = len(codes)
    named, any_write = place[:size], place[2 * size : 3 * size]
    write_place = np.concatenate([named[writes], any_write[writes], place[3 * size :][changing]])
    write_row = np.concatenate([accesses.rows[writes]] * 2 + [calls.rows[away][changing]])
    written, order = sorted_within(write_place, forest.start[write_row], int(place.max(initial=-1)) + 1)
    # A read depends on its table and on writes to tables that are not named; one of an unknown table on all writes.
    first = np.where(codes == unknown, any_write, named)
    read_row = np.concatenate([accesses.rows, accesses.rows, calls.rows[away]])
    read_place = np.concatenate([first, place[size : 2 * size], place[3 * size :]])
    call_of = np.full(forest.size, -1, np.int64)
    call_of[calls.rows] = np.arange(len(calls.rows))
    owner_call = call_of[read_row]
    kept = np.flatnonzero(owner_call >= 0)
    offset, order_of_calls = together_by(owner_call[kept], len(calls.rows))
    kept = kept[order_of_calls]
    return Places(
        offset,
        read_place[kept].astype(np.int64),
        written,
        forest.start[write_row[order]].astype(np.int64),
    )
