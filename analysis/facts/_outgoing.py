"""Calls that leave a service, as the caller made them: one row an attempt, with whoever answered it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts._ancestry import local_entries
from analysis.facts._call_kernels import find_servers, mark_around
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.facts._texts import first_there, taken
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.naming import every_store
from analysis.schema import KINDS

__all__ = ["COLUMNS", "Outgoing", "first_spans", "outgoing", "servers", "taken"]

COLUMNS: Final = tuple(dict.fromkeys((*architecture.COLUMNS, "operation", "template", *FAILING_COLUMNS)))
_CLIENT: Final = KINDS.index("client")
_MOST_SPANS: Final = 1000

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outgoing:
    """Client spans, by row ascending; where a client span encloses others of its service, the inner ones.

    Attributes
    ----------
    rows
        The client's span.
    server
        Row of the callee's span; -1 where it was not seen.
    entry
        Row of the visit that the call serves.
    failed
        The client's half failed, or the callee's did.
    target
        Name of the service, store, peer or address; "" where nothing names it.
    template
        What is called, as the caller says it, else as the callee does.
    """

    rows: Int64s
    server: Int64s
    entry: Int64s
    failed: Bools
    target: Codes
    template: Codes


#: Several facts of one pass ask for the same; forgotten with the forest.
_FOUND: WeakKeyDictionary[Forest, Outgoing] = WeakKeyDictionary()


def outgoing(forest: Forest) -> Outgoing:
    """Return the calls of one partition that their callers wait for."""
    if forest not in _FOUND:
        _FOUND[forest] = _find(forest)
    return _FOUND[forest]


def _find(forest: Forest) -> Outgoing:
    client = (forest.kind == _CLIENT) & forest.blocking
    around = np.zeros(forest.size, np.bool_)
    mark_around(forest.parent, forest.codes("service").codes, forest.kind, client, around)
    rows = np.flatnonzero(client & ~around)
    server = servers(forest, forest.blocking)[rows]
    failed = failing(forest)
    answered = server >= 0
    template = forest.codes("template")
    return Outgoing(
        rows=rows,
        server=server,
        entry=local_entries(forest)[rows].astype(np.int64),
        failed=np.asarray(failed[rows] | (answered & failed[server])),
        target=_targets(forest, rows, server),
        template=first_there([(template, rows), (template, server), (forest.codes("operation"), rows)]),
    )


def servers(forest: Forest, able: Bools) -> Int64s:
    """Return for each row its first child that answers it, of those that are able to; -1 where there is none."""
    found = np.full(forest.size, -1, np.int64)
    find_servers(forest.parent, forest.codes("service").codes, forest.kind, able, found)
    return found


def first_spans(offset: Int64s, rows: Int64s) -> tuple[Int64s, Int64s]:
    """Keep of the spans of each occurrence the first thousand: more make no better example."""
    lengths = np.diff(offset)
    if int(lengths.max(initial=0)) <= _MOST_SPANS:
        return offset, rows
    kept = np.arange(len(rows)) - np.repeat(offset[:-1], lengths) < _MOST_SPANS
    return np.concatenate([[0], np.cumsum(np.minimum(lengths, _MOST_SPANS))]), rows[kept]


def _targets(forest: Forest, rows: Int64s, server: Int64s) -> Codes:
    """Return the service that answered, else what the architect's links say, of the span or of the one around it."""
    edges = forest.edges
    # The last entry is where calls land whose client was not seen, and rows without a parent are looked up.
    callee = np.full(forest.size + 1, -1, np.int32)
    callee[edges.client[::-1]] = edges.callee[::-1]
    callee[-1] = -1
    linked = Codes(callee, tuple(node.id for node in edges.nodes))
    parent = forest.parent[rows]
    enclosing = np.where(forest.kind[parent] == _CLIENT, parent, -1)
    return first_there(
        [
            (forest.codes("service"), server),
            (linked, rows),
            (linked, enclosing),
            # Also of rows that only open the way to a store.
            (every_store(forest), rows),
            (forest.codes("server_address"), rows),
        ]
    )
