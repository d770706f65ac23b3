"""Attempts of one logical call: one caller's span, template, place and values; each began after the last failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.facts import _outgoing
from analysis.facts._grouping import number_of
from analysis.facts._outgoing import Outgoing, outgoing, taken
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "Attempts", "attempts_of", "callee_operation", "naming_keys"]

COLUMNS: Final = (*_outgoing.COLUMNS, "parameters", "resend_count", "time_resolution_ns", "http_method")

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Attempts:
    """The calls of a partition in order of their logical calls, and of start within.

    Attributes
    ----------
    calls
        The calls as they were made.
    order
        Places among the calls.
    offset
        The attempts of logical call i are ``order[offset[i]:offset[i + 1]]``; logical calls are in order of the row of
        their first attempt, hence of trace.
    """

    calls: Outgoing
    order: Int64s
    offset: Int64s

    @property
    def first(self) -> Int64s:
        """Place of the first attempt of each logical call."""
        return self.order[self.offset[:-1]]

    @property
    def last(self) -> Int64s:
        """Place of its last attempt."""
        return self.order[self.offset[1:] - 1]


def attempts_of(forest: Forest) -> Attempts:
    """Put the calls of one partition together by what the caller wanted.

    A call is another attempt where the one before it failed and had ended: calls that overlap are hedged, and a call
    after a success is another call. Where the values asked for are not known, and calls go on after one succeeded, they
    are a loop: what follows a failure in it is the next item, unless the instrumentation says that it was sent again.
    """
    calls = outgoing(forest)
    rows = calls.rows
    parameters = forest.array("parameters").astype(np.uint64)[rows]
    parent = forest.parent[rows]
    parts: tuple[Codes | npt.NDArray[Any], ...] = (
        np.where(parent >= 0, parent, -1 - rows),
        calls.template,
        taken(forest.codes("server_address"), rows),
        forest.array("server_port")[rows],
        parameters.view(np.int64),
    )
    group, _ = number_of(parts, len(rows))
    order = np.lexsort((rows, forest.start[rows], group))
    again = _again(forest, calls, order, group)
    begins = np.flatnonzero(~again)
    lengths = np.diff(np.append(begins, len(order)))
    # Logical calls in order of their first row, each with its attempts together.
    ranked = np.argsort(rows[order[begins]], kind="stable")
    ends = np.cumsum(lengths[ranked])
    places = np.repeat(begins[ranked] - (ends - lengths[ranked]), lengths[ranked]) + np.arange(len(order))
    return Attempts(calls, order[places], np.concatenate([[0], ends]).astype(np.int64))


def _again(forest: Forest, calls: Outgoing, order: Int64s, group: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Mark, in order, the calls that are another attempt of the one before."""
    again = np.zeros(len(order), np.bool_)
    if not len(order):
        return again
    rows = calls.rows[order]
    same = group[order][1:] == group[order][:-1]
    tolerance = np.maximum(forest.array("time_resolution_ns", 1)[rows].astype(np.int64), 1)
    timed = forest.has_time[rows]
    after = timed[1:] & timed[:-1] & (forest.start[rows][1:] >= forest.end[rows][:-1] - tolerance[1:])
    resent = forest.array("resend_count")[rows][1:] > 0
    ended_well = ~calls.failed[order][:-1]
    # Calls that go on after a success, of values nobody knows.
    loops = np.zeros(int(group.max()) + 1, np.bool_)
    hidden = forest.array("parameters").astype(np.uint64)[rows] == 0
    loops[group[order][1:][same & ended_well & hidden[1:] & ~resent]] = True
    guessed = ~ended_well & ~loops[group[order]][1:]
    again[1:] = same & after & (guessed | (resent & ~ended_well))
    return again


def callee_operation(forest: Forest, attempts: Attempts) -> Codes:
    """Return for each logical call the operation of the callee, of the first attempt that was seen to arrive."""
    server = attempts.calls.server[attempts.order]
    seen = np.where(server >= 0, np.arange(len(server)), len(server))
    first = np.minimum.reduceat(seen, attempts.offset[:-1]) if len(seen) else seen
    rows = np.append(server, -1)[first]
    return taken(forest.codes("operation"), rows)


def naming_keys(forest: Forest, attempts: Attempts) -> dict[str, Codes]:
    """Return what names each logical call: the request, who calls whom, and with what."""
    calls, first = attempts.calls, attempts.first
    rows, visit = calls.rows[first], calls.entry[first]
    # An attempt that never arrived names an address where the others name a service.
    server = calls.server[attempts.order]
    seen = np.where(server >= 0, np.arange(len(server)), len(server))
    arrived = np.minimum.reduceat(seen, attempts.offset[:-1]) if len(seen) else seen
    named = np.append(attempts.order, 0)[np.where(arrived < len(server), arrived, attempts.offset[:-1])]
    return {
        **entry_keys(forest, rows),
        "entry_kind": taken(forest.codes("kind"), forest.root[rows]),
        "service": taken(forest.codes("service"), rows),
        "operation": taken(forest.codes("operation"), visit),
        "target": taken(calls.target, named),
        "callee_operation": callee_operation(forest, attempts),
        "template": taken(calls.template, first),
    }
