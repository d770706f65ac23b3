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
minute with ``rush`` times the usual first attempts or more (1.5, house default). It is over from the minute on in which
first attempts are below that again. The callee is metastable where, after that, ``minutes`` minutes or more (5) in a
row have less than ``good`` of the usual good calls (0.5) while the offered load is ``load`` times the usual or more
(1.5; the catalogue's limits), and half of the failures or more are timeouts and rejections, as overload makes them.

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
trigger that does not show in the number of calls (a slow store, a deployment) is not seen.

What to do
----------
Budget retries, shed load early, answer the newest first, and let callers back off; know how to turn traffic off and how
to let it in again slowly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars
from analysis.detectors._requests import finding
from analysis.facts import by_second
from analysis.findings import Assessment, Finding, Outcome

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="metastable_overload",
    family="cascades",
    title="Metastable overload",
    facts=("call_seconds", "call_minutes"),
    limits={
        "rush": Limit(1.5, "times", "first attempts of a minute, against the usual, that make a trigger"),
        "minutes": Limit(5, "min", "how long it lasts after the trigger is over", "catalogue"),
        "good": Limit(0.5, "", "share of the usual good calls below which a minute is bad", "catalogue"),
        "load": Limit(1.5, "times", "offered load of a bad minute, with all attempts, against the usual", "catalogue"),
        "lost": Limit(100, "calls", "worth fixing from this many calls on, lost after the trigger"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling")
#: Minutes before a trigger that make a usual.
_BEFORE: Final = 3


@dataclass(frozen=True)
class _Phase:
    """A callee after its trigger: minutes with ``offered``, ``first``, ``good``; and what was usual before."""

    target: str
    trigger: pd.DataFrame
    after: pd.DataFrame
    usual_first: float
    usual_good: float


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which callees stay overloaded after the trigger is over."""
    rows = evidence["call_seconds"]
    calls = rows[(rows["service"] != "") & (rows["kind"] == "service") & (rows["service"] != rows["target"])]
    least = _BEFORE + 1 + int(limits["minutes"])
    by_target = {str(target): _minutes(group) for target, group in calls.groupby("target", sort=True)}
    if not any(len(table) >= least for table in by_target.values()):
        missing = (f"{least} minutes of calls to one service, from spans that say their kind (client) and their time",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    suppressed: list[str] = []
    findings = []
    for target, table in by_target.items():
        for phase in _phases(target, table, limits):
            bad = _calls_of(evidence, phase)
            by_overload = int(bad["timeouts"].sum()) + int(bad["rejections"].sum())
            if 2 * by_overload < int(bad["failures"].sum()):
                suppressed.append(
                    f"{target or 'a callee'}: fails by errors of its own after the rush, a cause that lasts"
                )
            else:
                findings.append(_finding(evidence, phase, bad, limits))
    outcome: Outcome = "found" if findings else "not_found"
    return Assessment(INFO.name, INFO.family, outcome, tuple(findings), suppressed=tuple(suppressed))


def _minutes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the minutes of a callee, none left out between the first and the last."""
    table = by_second(rows, ["by_second", "failures", "retries"])
    table = table.groupby(table.index // 60).sum()
    if len(table):
        table = table.reindex(range(int(table.index.min()), int(table.index.max()) + 1), fill_value=0)
    return pd.DataFrame(
        {
            "offered": table["by_second"],
            "first": table["by_second"] - table["retries"],
            "good": table["by_second"] - table["failures"],
        }
    )


def _phases(target: str, table: pd.DataFrame, limits: Limits) -> Iterator[_Phase]:
    """Yield the first phase after a trigger in which the callee stays bad, if there is one."""
    place = _BEFORE
    while place < len(table):
        before = table.iloc[:place]
        first, good = float(before["first"].median()), float(before["good"].median())
        if not first or not good or table["first"].iloc[place] < limits["rush"] * first:
            place += 1
            continue
        over = place
        while over < len(table) and table["first"].iloc[over] >= limits["rush"] * first:
            over += 1
        rest = table.iloc[over:]
        is_bad = (rest["good"] < limits["good"] * good) & (rest["offered"] >= limits["load"] * first)
        lasting = int(is_bad.cumprod().sum())
        if lasting >= limits["minutes"]:
            yield _Phase(target, table.iloc[place:over], rest.iloc[:lasting], first, good)
            return
        place = over + 1


def _calls_of(evidence: Evidence, phase: _Phase) -> pd.DataFrame:
    """Return the calls to the callee in its bad minutes."""
    minutes = evidence["call_minutes"]
    chosen = (minutes["target"] == phase.target) & minutes["minute"].isin(set(phase.after.index.tolist()))
    return minutes[chosen & (minutes["service"] != phase.target)]


def _finding(evidence: Evidence, phase: _Phase, bad: pd.DataFrame, limits: Limits) -> Finding:
    after = phase.after
    lost = int((after["first"] - after["good"]).clip(lower=0).sum())
    load = float(after["offered"].mean()) / phase.usual_first
    good = float(after["good"].mean()) / phase.usual_good
    attempts = float(after["offered"].sum()) / max(1.0, float(after["first"].sum()))
    traces = min(evidence.traces, int(bad["traces"].sum()))
    everyone = sum(evidence.request_count.values())
    touched = min(1.0, lost / everyone) if everyone else 0.0
    exemplars = tuple(item for item in merged_exemplars(bad["exemplars"]) if item.value > 0)
    values = sorted(item.value for item in exemplars)
    callers = tuple(sorted(set(bad["service"]) - {""}))
    failures = int(bad["failures"].sum())
    by_overload = int(bad["timeouts"].sum()) + int(bad["rejections"].sum())
    first = float(after["first"].mean()) / phase.usual_first
    rush = float(phase.trigger["first"].max()) / phase.usual_first
    return finding(
        evidence,
        INFO,
        limits,
        traces,
        0.75,
        _SENSITIVE_TO,
        (
            f"first attempts were back at {first:.1f} times the usual: the rush was over",
            f"{by_overload} of {failures} failures are timeouts or rejections, as overload makes them",
        ),
        severity=severity(Weight(passes_limits=lost >= limits["lost"], share_of_requests=touched)),
        title=f"{phase.target} stays overloaded after the rush is over",
        summary=(
            f"A rush of {rush:.1f} times the usual calls lasted {len(phase.trigger)} min; for {len(after)} min after "
            f"it {good:.0%} of the usual calls were answered, at {load:.1f} times the usual load, {attempts:.1f} "
            "attempts a call."
        ),
        services=tuple(sorted({phase.target, *callers})),
        subject={"target": phase.target},
        measures={
            "minutes": len(after),
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
