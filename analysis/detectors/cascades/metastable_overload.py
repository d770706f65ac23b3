"""Metastable overload.

What it finds
-------------
A callee that stays overloaded after what overloaded it is over: retries of what failed keep the load above what it can
serve, and what it serves comes too late for whoever asked.

Why it matters
--------------
It does not end by itself. The rush is over, the callee is in order, and still nothing gets through until somebody turns
the traffic off (Bronson et al., "Metastable failures in distributed systems", HotOS 2021; Huang et al., "Metastable
failures in the wild", OSDI 2022).

How it decides
--------------
By minutes of all calls to one service: offered are the calls with all their attempts, first attempts are what callers
wanted, good are those that were answered. Usual is the median of the minutes before the trigger. The trigger is a
minute with ``rush`` times the usual first attempts or more (1.5, house default), or one in which ``outage`` of the
calls that the callee itself makes to another service or store fail (0.5, house default). It is over from the minute on
in which first attempts are below that again, or less than a fifth of ``outage`` of those calls fail. The callee is
metastable where, after that, ``minutes`` minutes or more (5) in a row have less than ``good`` of the usual good calls
(0.5) while the offered load is ``load`` times the usual or more (1.5; the catalogue's limits), and half of the failures
or more are timeouts and rejections, as overload makes them.

Worth fixing from ``lost`` calls on that were lost after the trigger (100, house default). Severity follows from the
share of all requests that came in these minutes and failed.

Example
-------
Flagged: a rush of three minutes doubles the orders; ten minutes after it payments still answers one call in ten, at
three times the usual load, for every failed call is tried three times. Better: a retry budget of a tenth of the calls,
and payments refuses at once what it cannot answer in time.

What it can mistake
-------------------
A cause that persists: where the callee fails by errors of its own, it is broken and not overloaded, and is left out. A
trigger that shows neither in the number of calls nor in failures of what the callee depends on (a store that is slow
for a while, a deployment) is not seen.

What to do
----------
Budget retries, shed load early, answer the newest first, and let callers back off; know how to turn traffic off and how
to let it in again slowly.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples
from analysis.detectors._requests import finding
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding, Outcome

__all__ = ["INFO", "judge"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

INFO: Final = Info(
    name="metastable_overload",
    family="cascades",
    title="Metastable overload",
    facts=("call_seconds", "call_minutes"),
    limits={
        "rush": Limit(1.5, "times", "first attempts of a minute, against the usual, that make a trigger"),
        "outage": Limit(
            0.5, "", "share of the callee's own calls to another, failed in a minute, that makes a trigger"
        ),
        "minutes": Limit(5, "min", "how long it lasts after the trigger is over", "catalogue"),
        "good": Limit(0.5, "", "share of the usual good calls below which a minute is bad", "catalogue"),
        "load": Limit(1.5, "times", "offered load of a bad minute, with all attempts, against the usual", "catalogue"),
        "lost": Limit(100, "calls", "worth fixing from this many calls on, lost after the trigger"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling")
#: Minutes before a trigger that make a usual.
_BEFORE: Final = 3
#: Part of the outage's share from which on it is over.
_OVER: Final = 0.2


@dataclass(frozen=True)
class _Minutes:
    """Minutes of all calls to one target, none left out between the first and the last.

    ``begin`` is the first, since the epoch; ``offered`` are the calls, ``first`` those that are no retries, ``good``
    those that did not fail.
    """

    begin: int
    offered: Whole
    first: Whole
    good: Whole

    def __len__(self) -> int:
        return len(self.offered)

    def between(self, begin: int, end: int) -> _Minutes:
        """Return the minutes from one place to another."""
        chosen = slice(begin, end)
        return _Minutes(self.begin + begin, self.offered[chosen], self.first[chosen], self.good[chosen])

    @cached_property
    def usual(self) -> tuple[Floats, Floats]:
        """For each minute the median of the first attempts, and that of the good calls, of all minutes before it."""
        return _medians_before(self.first), _medians_before(self.good)

    def failing(self, other: _Minutes) -> Floats:
        """Return the share of the calls to another target that failed, in each of these minutes; 0 without calls."""
        share = np.zeros(len(self), np.float64)
        place = np.arange(len(other)) + other.begin - self.begin
        kept = (place >= 0) & (place < len(self)) & (other.offered > 0)
        share[place[kept]] = 1 - other.good[kept] / other.offered[kept]
        return share


@dataclass(frozen=True)
class _Phase:
    """A callee after its trigger, and what was usual before.

    ``broken`` is what the callee depends on that failed; empty where the trigger was a rush.
    """

    target: str
    broken: str
    trigger: _Minutes
    after: _Minutes
    usual_first: float
    usual_good: float

    @property
    def trigger_name(self) -> str:
        return f"outage of {self.broken}" if self.broken else "rush"


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which callees stay overloaded after the trigger is over."""
    rows = evidence.rows("call_seconds")
    others = rows.only((rows["service"] != "") & (rows["service"] != rows["target"]))
    least = _BEFORE + 1 + int(limits["minutes"])
    by_target = {target: _minutes(group) for (target,), group in others.where(kind="service").groups("target")}
    if not any(len(table) >= least for table in by_target.values()):
        missing = (f"{least} minutes of calls to one service, from spans that say their kind (client) and their time",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    suppressed: list[str] = []
    findings = []
    for target, table in by_target.items():
        phase = _phase_of(target, table, others.where(service=target), limits)
        if phase is None:
            continue
        bad = _calls_of(evidence, phase)
        if 2 * (bad.total("timeouts") + bad.total("rejections")) < bad.total("failures"):
            suppressed.append(
                f"{target or 'a callee'}: fails by errors of its own after the {phase.trigger_name}, a cause that lasts"
            )
        else:
            findings.append(_finding(evidence, phase, bad, limits))
    outcome: Outcome = "found" if findings else "not_found"
    return Assessment(INFO.name, INFO.family, outcome, tuple(findings), suppressed=tuple(suppressed))


def _minutes(rows: Rows) -> _Minutes:
    """Return the minutes in which there are calls, and those between."""
    minute = rows["minute"]
    sums = {name: _sums(rows, name) for name in ("by_second", "failures", "retries")}
    seen = minute[np.logical_or.reduce([of > 0 for of in sums.values()])]
    begin, end = (int(seen.min()), int(seen.max()) + 1) if len(seen) else (0, 0)
    offered, failures, retries = (_added(of, minute - begin, end - begin) for of in sums.values())
    return _Minutes(begin, offered, offered - retries, offered - failures)


def _sums(rows: Rows, name: str) -> Whole:
    """Return what a histogram of the seconds of a minute holds in all, for each row."""
    row, _, count = rows[name].entries()
    return _added(count, row, len(rows))


def _added(amounts: Whole, places: Whole, length: int) -> Whole:
    """Add amounts up by place; those of no amount may lie anywhere."""
    sums = np.zeros(length, np.int64)
    some = amounts > 0
    np.add.at(sums, places[some], amounts[some])
    return sums


def _medians_before(values: Whole) -> Floats:
    """Return for each value the median of those before it; 0 for the first."""
    medians, ordered = np.zeros(len(values), np.float64), list[int]()
    for place, value in enumerate(values.tolist()):
        if ordered:
            middle = len(ordered) // 2
            medians[place] = (ordered[middle] + ordered[~middle]) / 2
        insort(ordered, value)
    return medians


def _phase_of(target: str, table: _Minutes, own: Rows, limits: Limits) -> _Phase | None:
    """Return the first phase after a trigger in which the callee stays bad: after a rush, else after an outage."""
    found = _after(target, table, limits)
    for (broken,), rows in own.groups("target"):
        found = found or _after(target, table, limits, broken, table.failing(_minutes(rows)))
    return found


def _after(
    target: str, table: _Minutes, limits: Limits, broken: str = "", failing: Floats | None = None
) -> _Phase | None:
    """Return the first bad phase after a rush, or after what is broken failed: the share of calls in each minute."""
    firsts, goods = table.usual
    load = table.first.astype(np.float64) if failing is None else failing
    enough = limits["rush"] * firsts if failing is None else np.full(len(table), limits["outage"])
    is_trigger = (firsts != 0) & (goods != 0) & (load >= enough)
    next_place = _BEFORE
    for place in np.flatnonzero(is_trigger).tolist():
        if place < next_place:
            continue
        first, good = float(firsts[place]), float(goods[place])
        lasts = enough[place] if failing is None else _OVER * enough[place]
        ended = np.flatnonzero(load[place:] < lasts)
        over = place + int(ended[0]) if len(ended) else len(table)
        rest = table.between(over, len(table))
        is_bad = (rest.good < limits["good"] * good) & (rest.offered >= limits["load"] * first)
        lasting = int(np.logical_and.accumulate(is_bad).sum())
        if lasting >= limits["minutes"]:
            return _Phase(target, broken, table.between(place, over), rest.between(0, lasting), first, good)
        next_place = over + 1
    return None


def _calls_of(evidence: Evidence, phase: _Phase) -> Rows:
    """Return the calls to the callee in its bad minutes."""
    rows = evidence.rows("call_minutes").where(target=phase.target)
    at = rows["minute"] - phase.after.begin
    return rows.only((at >= 0) & (at < len(phase.after)) & (rows["service"] != phase.target))


def _finding(evidence: Evidence, phase: _Phase, bad: Rows, limits: Limits) -> Finding:
    after = phase.after
    lost = int((after.first - after.good).clip(min=0).sum())
    load = float(after.offered.mean()) / phase.usual_first
    good = float(after.good.mean()) / phase.usual_good
    attempts = float(after.offered.sum()) / max(1.0, float(after.first.sum()))
    traces = min(evidence.traces, bad.total("traces"))
    everyone = sum(evidence.request_count.values())
    touched = min(1.0, lost / everyone) if everyone else 0.0
    exemplars = tuple(item for item in bad.exemplars if item.value > 0)
    values = sorted(item.value for item in exemplars)
    callers = tuple(sorted(set(bad["service"]) - {""}))
    failures = bad.total("failures")
    by_overload = bad.total("timeouts") + bad.total("rejections")
    first = float(after.first.mean()) / phase.usual_first
    rush = float(phase.trigger.first.max()) / phase.usual_first
    begun = f"The outage of {phase.broken}" if phase.broken else f"A rush of {rush:.1f} times the usual calls"
    return finding(
        evidence,
        INFO,
        limits,
        traces,
        0.75,
        _SENSITIVE_TO,
        (
            f"calls to {phase.broken} went well again: the outage was over"
            if phase.broken
            else f"first attempts were back at {first:.1f} times the usual: the rush was over",
            f"{by_overload:,} of {failures:,} failures are timeouts or rejections, as overload makes them",
        ),
        severity=severity(Weight(passes_limits=lost >= limits["lost"], share_of_requests=touched)),
        title=f"{phase.target} stays overloaded after the {phase.trigger_name} is over",
        summary=(
            f"{begun} lasted {len(phase.trigger)} min; for {len(after)} min after it "
            f"{good:.0%} of the usual calls were answered, at {load:.1f} times the usual load, {attempts:.1f} "
            "attempts a call."
        ),
        services=tuple(sorted({phase.target, *callers})),
        subject={"target": phase.target},
        measures={
            "minutes": len(after),
            "trigger": "outage" if phase.broken else "rush",
            "broken": phase.broken,
            "trigger_minutes": len(phase.trigger),
            "trigger_times": round(rush, 2),
            "load_times": round(load, 2),
            "good_share": round(good, 4),
            "attempts_per_call": round(attempts, 2),
            "lost": lost,
            "callers": list(callers),
        },
        cost={"calls_lost": lost, "share_of_requests": round(touched, 6)},
        saving={"calls": lost},
        exemplars=examples(exemplars, values[len(values) // 2] if values else 0.0),
        remedy=(
            f"Give the callers of {phase.target} a retry budget, and let {phase.target} refuse at once what it cannot "
            "answer in time."
        ),
    )
