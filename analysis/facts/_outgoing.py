"""Calls that leave a service, as the caller made them: one row an attempt, with whoever answered it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis._kernels.numbering import take_codes, take_missing
from analysis.facts import _data_calls
from analysis.facts._ancestry import local_entries
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.schema import KINDS

__all__ = ["COLUMNS", "Outgoing", "first_spans", "outgoing", "taken"]

COLUMNS: Final = tuple(dict.fromkeys((*architecture.COLUMNS, "operation", "template", *FAILING_COLUMNS)))
_CLIENT, _PRODUCER = KINDS.index("client"), KINDS.index("producer")
_MOST_SPANS: Final = 1000
_ANSWERING: Final = (KINDS.index("server"), KINDS.index("consumer"))

Integers = npt.NDArray[np.integer[Any]]
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
    service = forest.codes("service").codes
    inner = np.flatnonzero(client & (forest.parent >= 0))
    above = forest.parent[inner]
    around = np.zeros(forest.size, np.bool_)
    around[above[client[above] & (service[above] == service[inner])]] = True
    rows = np.flatnonzero(client & ~around)
    server = _servers(forest)[rows]
    failed = failing(forest)
    answered = server >= 0
    return Outgoing(
        rows=rows,
        server=server,
        entry=local_entries(forest)[rows].astype(np.int64),
        failed=np.asarray(failed[rows] | (answered & failed[server])),
        target=_targets(forest, rows, server),
        template=_first_of(
            taken(forest.codes("template"), rows),
            taken(forest.codes("template"), server),
            taken(forest.codes("operation"), rows),
        ),
    )


def taken(codes: Codes, rows: Integers) -> Codes:
    """Return the codes of some rows; a row of -1 has none."""
    chosen = np.empty(len(rows), np.int32)
    take_codes(codes.codes, np.ascontiguousarray(rows, np.int64), chosen)
    return Codes(chosen, codes.values)


def first_spans(offset: Int64s, rows: Int64s) -> tuple[Int64s, Int64s]:
    """Keep of the spans of each occurrence the first thousand: more make no better example."""
    lengths = np.diff(offset)
    kept = np.arange(len(rows)) - np.repeat(offset[:-1], lengths) < _MOST_SPANS
    return np.concatenate([[0], np.cumsum(np.minimum(lengths, _MOST_SPANS))]), rows[kept]


def _servers(forest: Forest) -> Int64s:
    """Return for each row its first child that answers it: a server span, or one of another service."""
    service = forest.codes("service").codes
    below = np.flatnonzero((forest.parent >= 0) & forest.blocking)
    above = forest.parent[below]
    other = (service[below] != service[above]) & ~forest.of_kind((_CLIENT, _PRODUCER))[below]
    answers = forest.of_kind(_ANSWERING)[below] | other
    found = np.full(forest.size, -1, np.int64)
    # Written from the last to the first, so that the first stays.
    found[above[answers][::-1]] = below[answers][::-1]
    return found


def _targets(forest: Forest, rows: Int64s, server: Int64s) -> Codes:
    """Return the service that answered, else what the architect's links say, of the span or of the one around it."""
    edges = forest.edges
    callee = np.full(forest.size + 1, -1, np.int32)
    halves = np.flatnonzero(edges.client >= 0)
    callee[edges.client[halves][::-1]] = edges.callee[halves][::-1]
    parent = forest.parent[rows]
    linked = callee[rows]
    enclosing = np.where((parent >= 0) & (forest.kind[parent] == _CLIENT), callee[parent], -1)
    names = tuple(node.id for node in edges.nodes)
    return _first_of(
        taken(forest.codes("service"), server),
        Codes(linked, names),
        Codes(enclosing.astype(np.int32), names),
        _stores(forest, rows),
        taken(forest.codes("server_address"), rows),
    )


def _stores(forest: Forest, rows: Int64s) -> Codes:
    """Return the store of the rows that call one, also of those that only open the way to it."""
    category = forest.codes("category")
    wanted = [code for code, name in enumerate(category.values) if name in ("database", "cache")]
    data = np.flatnonzero(category.marked(wanted)[rows])
    found = _data_calls.stores(forest, rows[data])
    codes = np.full(len(rows), -1, np.int32)
    codes[data] = found.codes
    return Codes(codes, found.values)


def _first_of(*parts: Codes) -> Codes:
    """Return for each entry the first of several texts that is there."""
    codes = np.full(len(parts[0].codes), -1, np.int32)
    values: list[str] = []
    for part in parts:
        take_missing(part.codes, len(values), codes)
        values += part.values
    return Codes(codes, tuple(values))
