"""Calls that leave a service, as the caller made them: one row an attempt, with whoever answered it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis._kernels.numbering import take_codes, take_missing
from analysis.facts._ancestry import local_entries
from analysis.facts._call_kernels import find_answers, mark_around, name_targets
from analysis.facts._failing import FAILING_COLUMNS, failing
from analysis.forest import Codes, Forest
from analysis.links import architecture
from analysis.links.naming import stores_of
from analysis.schema import KINDS

__all__ = ["COLUMNS", "Outgoing", "answers_of", "first_spans", "outgoing", "taken"]

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
_ANSWERS: WeakKeyDictionary[Forest, tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]] = WeakKeyDictionary()


def outgoing(forest: Forest) -> Outgoing:
    """Return the calls of one partition that their callers wait for."""
    if forest not in _FOUND:
        _FOUND[forest] = _find(forest)
    return _FOUND[forest]


def _find(forest: Forest) -> Outgoing:
    client = (forest.kind == _CLIENT) & forest.blocking
    service = forest.service
    rows = np.flatnonzero(client & ~mark_around(forest.parent, service.codes, forest.kind, client))
    server = answers_of(forest)[1][rows].astype(np.int64)
    failed = failing(forest)
    return Outgoing(
        rows=rows,
        server=server,
        entry=local_entries(forest)[rows].astype(np.int64),
        failed=np.asarray(failed[rows] | ((server >= 0) & failed[server])),
        target=_targets(forest, rows, server),
        template=_first_of(
            taken(forest.codes("template"), rows),
            taken(forest.codes("template"), server),
            taken(forest.codes("operation"), rows),
        ),
    )


def answers_of(forest: Forest) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return for each row its first child that answers it, and the first of those that it waits for; -1 for none.

    A child answers that is a server or consumer span, or one of another service that makes no call itself.
    """
    if forest not in _ANSWERS:
        kinds = (_CLIENT, _PRODUCER, *_ANSWERING)
        _ANSWERS[forest] = find_answers(forest.parent, forest.service.codes, forest.kind, forest.blocking, kinds)
    return _ANSWERS[forest]


def taken(codes: Codes, rows: Integers) -> Codes:
    """Return the codes of some rows; a row of -1 has none."""
    chosen = np.empty(len(rows), np.int32)
    take_codes(codes.codes, np.ascontiguousarray(rows, np.int64), chosen)
    return Codes(chosen, codes.values)


def first_spans(offset: Int64s, rows: Int64s) -> tuple[Int64s, Int64s]:
    """Keep of the spans of each occurrence the first thousand: more make no better example."""
    lengths = np.diff(offset)
    if int(lengths.max(initial=0)) <= _MOST_SPANS:
        return offset, rows
    kept = np.arange(len(rows)) - np.repeat(offset[:-1], lengths) < _MOST_SPANS
    return np.concatenate([[0], np.cumsum(np.minimum(lengths, _MOST_SPANS))]), rows[kept]


def _targets(forest: Forest, rows: Int64s, server: Int64s) -> Codes:
    """Return the service that answered, else what the architect's links say, of the span or of the one around it.

    Where nobody says more, that is the store, also of those that only open the way to it, or the address.
    """
    edges, service, address = forest.edges, forest.service, forest.codes("server_address")
    stores = stores_of(forest)
    parts = (service.values, tuple(node.id for node in edges.nodes), stores.values, address.values)
    shifts = np.cumsum([len(part) for part in parts]).tolist()
    codes = name_targets(
        rows,
        server,
        (forest.parent, forest.kind, _CLIENT),
        (edges.client, edges.callee),
        (service.codes, stores.codes, address.codes),
        (shifts[0], shifts[1], shifts[2]),
    )
    return Codes(codes, tuple(text for part in parts for text in part))


def _first_of(*parts: Codes) -> Codes:
    """Return for each entry the first of several texts that is there."""
    codes = np.full(len(parts[0].codes), -1, np.int32)
    values: list[str] = []
    for part in parts:
        take_missing(part.codes, len(values), codes)
        values += part.values
    return Codes(codes, tuple(values))
