"""Scenarios applied: each kind says what of a recording it changes, and on which assumption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.whatif.plan import Plan, Recording
from analysis.whatif.scenarios import Scenario

__all__ = ["ASSUMPTIONS", "Found", "Measured", "apply"]

Int64s = NDArray[np.int64]

#: Calls of one kind by one span, from which on they are a run to be batched: as the detector of N+1 queries counts.
RUN: Final = 5

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "fail": "every call to the service fails as fast as it answered; callers survive as often as they were seen to",
    "slow": "each answer of the service takes that much longer (x2: twice as long); whoever waits, waits longer",
    "merge": "calls between the services become calls in one process: the time on the way is spared, the work is not",
    "batch": "a run of calls becomes one call, which takes as long as the median of those it replaces",
    "parallel": "calls made one after the other start together, at the first: none needs the answer of another",
    "timeout": "a call that took longer is given up at the limit and fails; the callee works on",
    "breaker": "it opens after 5 failures one after the other and lets one call through after 5 s; open, a call fails "
    "at once and is not made",
    "retry": "a failed call is made again at once, up to the attempts given, and succeeds as often as such calls did",
    "owner": "who reached the table itself asks its owner, which takes the median time on the way of a call more",
    "cut": "each call between the module and its siblings takes the median time on the way between two services more; "
    "requests from outside come straight to the module; who used a table of the other side asks its owner, which takes "
    "as much more; whoever writes a table most owns it",
}


@dataclass(frozen=True)
class Found:
    """What the detectors found, as places: service and operation, and the template of calls where there is one."""

    runs: frozenset[tuple[str, str, str]] = frozenset()
    series: frozenset[tuple[str, str]] = frozenset()


@dataclass(eq=False)
class Measured:
    """What is measured over the whole recording before it is replayed.

    Attributes
    ----------
    found
        What detectors found; empty where no scenario asks.
    way_ns
        Median time on the way of a call between services, by callee, and of all ("").
    network_ns
        Median time on the way of a call between two services of which both halves were seen.
    shared_tables
        By module to be cut out: tables of siblings that it uses, and its own that siblings use.
    failure_share
        Share of calls that failed, by caller and callee.
    open_calls
        Calls (trace id and span id) that an open breaker does not let through.
    """

    found: Found = field(default_factory=Found)
    way_ns: dict[str, int] = field(default_factory=dict)
    network_ns: int = 0
    shared_tables: dict[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    failure_share: dict[tuple[str, str], float] = field(default_factory=dict)
    open_calls: dict[tuple[str, str], frozenset[tuple[int, int, int]]] = field(default_factory=dict)


def apply(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    """Add a scenario to a plan, and return how many spans it concerns."""
    return _APPLIED[scenario.kind](scenario, plan, measured)


def _entries_of(plan: Plan, service: str) -> Int64s:
    """Return the spans by which requests come to a service."""
    recording = plan.recording
    rows: Int64s = np.flatnonzero(recording.services == service)
    entries: Int64s = rows[(recording.entered[rows] == rows) & ~plan.removed[rows]]
    return entries


def _between(plan: Plan, caller: str, callee: str) -> Int64s:
    recording = plan.recording
    return np.flatnonzero((recording.services == caller) & (recording.target == callee) & ~plan.removed)


def _fail(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    del measured
    share = 1.0 if scenario.number is None else scenario.number
    rows = _entries_of(plan, scenario.services[0])
    if not len(rows):
        # What records no spans of its own (a store, a service outside) fails in the calls to it.
        rows = np.flatnonzero((plan.recording.target == scenario.services[0]) & ~plan.removed)
    plan.fails[rows] = 1 - (1 - plan.fails[rows]) * (1 - share)
    return len(rows)


def _slow(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    del measured
    rows = _entries_of(plan, scenario.services[0])
    if not len(rows):
        rows = np.flatnonzero((plan.recording.target == scenario.services[0]) & ~plan.removed)
    if scenario.time_ns is not None:
        plan.extra[rows] += scenario.time_ns
    else:
        duration = plan.recording.forest.duration[rows]
        plan.extra[rows] += np.rint(duration * ((scenario.number or 1.0) - 1.0)).astype(np.int64)
    return len(rows)


def _merge(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    del measured
    recording = plan.recording
    together = np.isin(recording.services, scenario.services)
    answered = np.flatnonzero(recording.calls & (recording.answer >= 0) & ~plan.removed)
    answer = recording.answer[answered]
    direct = recording.forest.parent[answer] == answered
    different = recording.services[answered] != recording.services[answer]
    rows = answered[together[answered] & together[answer] & direct & different]
    plan.inside[rows] = recording.answer[rows]
    return len(rows)


def _batch(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    recording, forest = plan.recording, plan.recording.forest
    calls = np.flatnonzero(recording.calls & (forest.parent >= 0) & ~plan.removed & forest.has_time)
    template, operation = recording.texts("template"), recording.texts("operation")
    # A call is told by what answered it, where that is known: paths hold values there no longer.
    answered = recording.answer[calls] >= 0
    asked = np.where(answered, operation[recording.answer[calls]], template[calls])
    entered = recording.entered[calls]
    table = pd.DataFrame(
        {
            "row": calls,
            "parent": forest.parent[calls],
            "asked": asked,
            "template": template[calls],
            "target": recording.target[calls],
            "service": recording.services[calls],
            "operation": operation[entered],
            "duration": forest.duration[calls],
        }
    )
    runs = measured.found.runs
    if scenario.services:
        runs = frozenset(run for run in runs if run[0] == scenario.services[0])
    places = set(runs)
    wanted = [
        (service, operation, asked) in places or (service, operation, template) in places
        for service, operation, asked, template in zip(
            table["service"], table["operation"], table["asked"], table["template"], strict=True
        )
    ]
    table = table[np.array(wanted, dtype=bool)] if len(table) else table
    concerned = 0
    for _, run in table.groupby(["parent", "target", "asked"], sort=False):
        if len(run) >= RUN:
            ranked = run.sort_values(["duration", "row"], kind="stable")
            plan.removed[np.delete(ranked["row"].to_numpy(), (len(run) - 1) // 2)] = True
            concerned += len(run)
    plan.settle()
    return concerned


def _parallel(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    recording, forest = plan.recording, plan.recording.forest
    places = {place for place in measured.found.series if not scenario.services or place[0] == scenario.services[0]}
    operation = recording.texts("operation")
    calls = np.flatnonzero(
        recording.calls & (recording.answer >= 0) & (forest.parent >= 0) & ~plan.removed & forest.blocking
    )
    entered = recording.entered[calls]
    named = zip(recording.services[calls], operation[entered], strict=True)
    calls = calls[np.array([place in places for place in named], dtype=bool)] if len(calls) else calls
    concerned = 0
    for _, rows in pd.Series(calls).groupby(forest.parent[calls], sort=False):
        ordered = rows.to_numpy()[np.argsort(forest.start[rows.to_numpy()], kind="stable")]
        if len(ordered) > 1:
            plan.beside[ordered[1:]] = ordered[0]
            concerned += len(ordered)
    return concerned


def _timeout(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    del measured
    rows = _between(plan, *scenario.services)
    limit = scenario.time_ns or 0
    plan.limit[rows] = limit
    late = rows[plan.recording.forest.duration[rows] > limit]
    plan.fails[late] = 1.0
    return len(rows)


def _breaker(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    rows = _between(plan, *scenario.services)
    caller, callee = scenario.services
    held = measured.open_calls.get((caller, callee), frozenset())
    forest = plan.recording.forest
    ids = zip(
        forest.array("trace_id_high")[rows].tolist(),
        forest.array("trace_id_low")[rows].tolist(),
        forest.array("span_id")[rows].tolist(),
        strict=True,
    )
    kept_out = rows[np.array([one in held for one in ids], dtype=bool)] if len(rows) else rows
    plan.limit[kept_out] = 0
    plan.fails[kept_out] = 1.0
    plan.more_calls[kept_out] -= forest.multiplicity[kept_out]
    below = np.zeros(forest.size, np.bool_)
    below[kept_out] = True
    for depth in range(1, int(forest.depth.max(initial=0)) + 1):
        at_depth = np.flatnonzero(forest.depth == depth)
        inherited = below[forest.parent[at_depth]]
        below[at_depth] |= inherited
        plan.removed[at_depth] |= inherited
    return len(rows)


def _retry(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    rows = _between(plan, *scenario.services)
    attempts = max(int(scenario.number or 1), 1)
    share = measured.failure_share.get((scenario.services[0], scenario.services[1]), 0.0)
    forest = plan.recording.forest
    failed = forest.error[rows] | (plan.fails[rows] > 0)
    again = sum(share**done for done in range(attempts - 1))
    first = rows[failed]
    plan.more_calls[first] += again * forest.multiplicity[first]
    plan.extra[first] += np.rint(forest.duration[first] * again).astype(np.int64)
    plan.fails[first] *= share ** (attempts - 1)
    plan.recovered[first] = 1 - share ** (attempts - 1)
    return len(rows)


def _owner(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    table, owner = scenario.services
    recording, forest = plan.recording, plan.recording.forest
    category, template = recording.texts("category"), recording.texts("template")
    name = table.lower()
    mentions = {text: _mentions(str(text), name) for text in set(template.tolist())}
    reaches = np.array([mentions[text] for text in template.tolist()], dtype=bool)
    rows = np.flatnonzero(
        recording.calls & (category == "database") & reaches & (recording.services != owner) & ~plan.removed
    )
    way = measured.way_ns.get(owner, measured.way_ns.get("", 0))
    plan.extra[rows] += way
    plan.more_calls[rows] += forest.multiplicity[rows]
    return len(rows)


def _cut(scenario: Scenario, plan: Plan, measured: Measured) -> int:
    recording, forest = plan.recording, plan.recording.forest
    mine = recording.modules == scenario.services[0]
    parent = forest.parent
    crosses = (parent >= 0) & (recording.modules != "") & (recording.modules[parent] != "")
    crosses &= (recording.services == recording.services[parent]) & (mine != mine[parent])
    # What is asked over the network already is no dearer.
    crosses[forest.edges.server[forest.edges.server >= 0]] = False
    rows = np.flatnonzero((crosses | _over_the_cut(recording, mine, scenario, measured)) & ~plan.removed)
    plan.extra[rows] += measured.network_ns
    plan.new_calls[rows] += forest.multiplicity[rows]
    return int(mine.sum())


def _over_the_cut(
    recording: Recording, mine: NDArray[np.bool_], scenario: Scenario, measured: Measured
) -> NDArray[np.bool_]:
    """Mark calls to tables that belong to the other side of a cut."""
    name = scenario.services[0]
    borrowed, lent = measured.shared_tables.get(name, (frozenset[str](), frozenset[str]()))
    over = np.zeros(recording.forest.size, np.bool_)
    if not borrowed and not lent:
        return over
    template = recording.texts("template")
    stores = recording.calls & np.isin(recording.texts("category").astype(str), ["database", "cache"])
    own_service = recording.services == name.partition("/")[0]
    for side, tables in ((mine, borrowed), (~mine & (recording.modules != ""), lent)):
        said = {text: any(_mentions(str(text), table.lower()) for table in tables) for text in set(template.tolist())}
        over |= stores & own_service & side & np.array([said[text] for text in template.tolist()], np.bool_)
    return over


def _mentions(template: str, table: str) -> bool:
    """Whether a statement's template names a table, with its schema or without."""
    words = "".join(letter if letter.isalnum() or letter in "._" else " " for letter in template.lower()).split()
    return any(word == table or word.endswith(f".{table}") for word in words)


_APPLIED: Final[Mapping[str, Callable[[Scenario, Plan, Measured], int]]] = {
    "fail": _fail,
    "slow": _slow,
    "merge": _merge,
    "batch": _batch,
    "parallel": _parallel,
    "timeout": _timeout,
    "breaker": _breaker,
    "retry": _retry,
    "owner": _owner,
    "cut": _cut,
}
