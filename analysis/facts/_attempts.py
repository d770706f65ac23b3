"""Attempts of one logical call: one caller's span, template, place and values; each began after the last failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from analysis.facts import _outgoing
from analysis.facts._grouping import number_of
from analysis.facts._numbering import together_by
from analysis.facts._outgoing import Outgoing, outgoing, taken
from analysis.facts.requests import entry_keys
from analysis.forest import Codes, Forest

__all__ = ["COLUMNS", "Attempts", "Naming", "attempts_of", "naming"]

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

    @cached_property
    def first(self) -> Int64s:
        """Place of the first attempt of each logical call."""
        return self.order[self.offset[:-1]]

    @cached_property
    def last(self) -> Int64s:
        """Place of its last attempt."""
        return self.order[self.offset[1:] - 1]

    @cached_property
    def later(self) -> tuple[Int64s, Int64s]:
        """The attempts that are not the first, as places in ``order``, and the logical call of each: few as a rule."""
        sizes = np.diff(self.offset)
        call = np.repeat(np.flatnonzero(sizes > 1), sizes[sizes > 1] - 1)
        inside = np.ones(len(self.order), np.bool_)
        inside[self.offset[:-1]] = False
        return np.flatnonzero(inside), call

    @cached_property
    def arrived(self) -> Int64s:
        """The first attempt of each logical call that was seen to arrive, as a place among the calls; -1 where none."""
        server = self.calls.server
        first = self.offset[:-1]
        none = len(self.order)
        place = np.where(server[self.first] >= 0, first, none)
        later, of_call = self.later
        seen = server[self.order[later]] >= 0
        np.minimum.at(place, of_call[seen], later[seen])
        return np.append(self.order, -1)[place]


@dataclass(frozen=True)
class Naming:
    """What names logical calls: a few combinations of texts name many.

    Attributes
    ----------
    number
        The combination of each logical call.
    keys
        Texts of each combination.
    """

    number: npt.NDArray[np.int32]
    keys: Mapping[str, Codes]

    def of(self, chosen: npt.NDArray[np.integer[Any]]) -> dict[str, Codes]:
        """Return the texts of some logical calls."""
        combination = self.number[chosen]
        return {name: Codes(key.codes[combination], key.values) for name, key in self.keys.items()}

    def every(self, name: str) -> Codes:
        """Return one of the texts of all logical calls."""
        key = self.keys[name]
        return Codes(key.codes[self.number], key.values)


#: Several facts of one pass ask for the same; forgotten with the forest.
_FOUND: WeakKeyDictionary[Forest, Attempts] = WeakKeyDictionary()
_NAMED: WeakKeyDictionary[Forest, Naming] = WeakKeyDictionary()


def attempts_of(forest: Forest) -> Attempts:
    """Put the calls of one partition together by what the caller wanted.

    A call is another attempt where the one before it failed and had ended: calls that overlap are hedged, and a call
    after a success is another call. Where the values asked for are not known, and calls go on after one succeeded, they
    are a loop: what follows a failure in it is the next item, unless the instrumentation says that it was sent again.
    """
    if forest not in _FOUND:
        _FOUND[forest] = _find(forest)
    return _FOUND[forest]


def _find(forest: Forest) -> Attempts:
    calls = outgoing(forest)
    chosen, begins, order = _tried_again(forest, calls)
    every = np.arange(len(calls.rows))
    if begins.all():
        return Attempts(calls, every, np.arange(len(every) + 1))
    leader = every.copy()
    # Places among the chosen, in the order of their logical calls: each has the first of its own as leader.
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    leader[chosen[order]] = chosen[order[first]]
    # Siblings have one clock, so that the order of rows is that of their starts.
    places = together_by(leader, len(leader))[1]
    changed = np.flatnonzero(np.diff(leader[places], prepend=-1))
    return Attempts(calls, places, np.append(changed, len(places)).astype(np.int64))


def _tried_again(forest: Forest, calls: Outgoing) -> tuple[Int64s, npt.NDArray[np.bool_], Int64s]:
    """Look for attempts among the calls beside a call that failed.

    Returns
    -------
    tuple
        Places of these among the calls; whether each, in order, is a first attempt; and the order, by logical call.
    """
    parent = forest.parent[calls.rows]
    fails_below = np.zeros(forest.size + 1, np.bool_)
    fails_below[parent[calls.failed]] = True
    fails_below[-1] = False
    chosen = np.flatnonzero(fails_below[parent])
    rows = calls.rows[chosen]
    parts: tuple[Codes | npt.NDArray[Any], ...] = (
        parent[chosen],
        Codes(calls.template.codes[chosen], calls.template.values),
        taken(forest.codes("server_address"), rows),
        forest.array("server_port")[rows],
        forest.array("parameters")[rows].astype(np.uint64).view(np.int64),
    )
    group, _ = number_of(parts, len(rows))
    order = together_by(group, int(group.max(initial=-1)) + 1)[1]
    return chosen, ~_again(forest, calls, chosen[order], group[order]), order


def _again(forest: Forest, calls: Outgoing, places: Int64s, group: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Mark, in order, the calls that are another attempt of the one before."""
    again = np.zeros(len(places), np.bool_)
    if not len(places):
        return again
    rows = calls.rows[places]
    same = group[1:] == group[:-1]
    tolerance = np.maximum(forest.array("time_resolution_ns", 1)[rows].astype(np.int64), 1)
    timed = forest.has_time[rows]
    after = timed[1:] & timed[:-1] & (forest.start[rows][1:] >= forest.end[rows][:-1] - tolerance[1:])
    resent = forest.array("resend_count")[rows][1:] > 0
    ended_well = ~calls.failed[places][:-1]
    # Calls that go on after a success, of values nobody knows.
    loops = np.zeros(int(group.max()) + 1, np.bool_)
    hidden = forest.array("parameters")[rows] == 0
    loops[group[1:][same & ended_well & hidden[1:] & ~resent]] = True
    guessed = ~ended_well & ~loops[group[1:]]
    again[1:] = same & after & (guessed | (resent & ~ended_well))
    return again


def naming(forest: Forest) -> Naming:
    """Return what names each logical call of a partition: the request, who calls whom, and with what."""
    if forest not in _NAMED:
        _NAMED[forest] = _named(forest, attempts_of(forest))
    return _NAMED[forest]


def _named(forest: Forest, attempts: Attempts) -> Naming:
    calls = attempts.calls
    rows, visit = calls.rows[attempts.first], calls.entry[attempts.first]
    service, operation, kind = (forest.codes(name) for name in ("service", "operation", "kind"))
    # An attempt that never arrived names an address where the others name a service.
    named = np.where(attempts.arrived >= 0, attempts.arrived, attempts.first)
    callee = np.where(attempts.arrived >= 0, calls.server[attempts.arrived], -1)
    top = np.flatnonzero(forest.parent < 0)
    entry = np.empty(forest.size, np.int32)
    entry[top] = number_of(tuple(taken(codes, top) for codes in (service, operation, kind)), len(top))[0]
    number, first = number_of(
        (
            entry[forest.root[rows]],
            taken(service, rows),
            taken(operation, visit),
            taken(calls.target, named),
            taken(operation, callee),
            taken(calls.template, attempts.first),
        ),
        len(rows),
    )
    rows = rows[first]
    return Naming(
        number,
        {
            **entry_keys(forest, rows),
            "entry_kind": taken(kind, forest.root[rows]),
            "service": taken(service, rows),
            "operation": taken(operation, visit[first]),
            "target": taken(calls.target, named[first]),
            "callee_operation": taken(operation, callee[first]),
            "template": taken(calls.template, attempts.first[first]),
        },
    )
