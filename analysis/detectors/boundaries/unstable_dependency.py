"""Unstable dependency.

What it finds
-------------
A service that many depend on, and that itself depends on one that depends on many: a stable service calls an unstable
one.

Why it matters
--------------
What depends on much changes often, because each of its own dependencies gives it reasons to. If a service that many
rely on depends on it, its unrest reaches all of them (the stable-dependencies principle, R. C. Martin 1994).

How it decides
--------------
Instability is I = Ce / (Ca + Ce): callees by callers and callees, counted as services with synchronous calls. An edge
is flagged where the callee's I exceeds the caller's by at least ``difference`` (0.3, catalogue). Small numbers say
nothing: both ends need ``neighbours`` (3, house default) callers and callees in all, and the caller at least two
callers; what that leaves out is listed with the answer. Worth fixing from ``calls`` (20, house default) calls on.
``low`` at most: it is a number about the graph, not about a failure.

Example
-------
Flagged: ``catalogue``, which five services call and which calls nobody else, asks ``promotions``, which asks four.
Better: ``promotions`` tells ``catalogue`` by event what is on offer, so that the edge points the other way.

What it can mistake
-------------------
A window with few kinds of requests shows few edges, and instability jumps. Platform services that call others at
start-up only seem less stable than they are.

What to do
----------
Put an abstraction between: let the stable service define what it needs, and the unstable one provide it, by event or
by a contract that the stable one owns.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors.boundaries._services import NOT_CROSSING, answers_of, calls_between, not_assessable, way_of
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="unstable_dependency",
    family="boundaries",
    title="Unstable dependency",
    facts=("calls", "hops", "requests"),
    limits={
        "difference": Limit(0.3, "", "by which the callee's instability exceeds the caller's", "catalogue"),
        "neighbours": Limit(3, "services", "callers and callees that each end needs"),
        "calls": Limit(20, "calls", "calls on the edge from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")
_LEAST_CALLERS: Final = 2
_ROUNDING: Final = 1e-9


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which stable services depend on unstable ones."""
    between = evidence.shared(calls_between)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    afferent = between.groupby("callee")["caller"].nunique().to_dict()
    efferent = between.groupby("caller")["callee"].nunique().to_dict()
    ends = {str(name): (int(afferent.get(name, 0)), int(efferent.get(name, 0))) for name in {*afferent, *efferent}}
    unstable = {name: callees / (callers + callees) for name, (callers, callees) in ends.items()}
    findings, suppressed = [], []
    edges = between[["caller", "callee", "calls"]].sort_values(["caller", "callee"])
    for caller, callee, calls in edges.itertuples(index=False, name=None):
        if unstable[callee] - unstable[caller] < limits["difference"] - _ROUNDING:
            continue
        few = [name for name in (caller, callee) if sum(ends[name]) < limits["neighbours"]]
        if few or ends[caller][0] < _LEAST_CALLERS:
            suppressed.append(f"{caller} depends on {callee}: too few callers and callees to tell")
            continue
        values = {
            "instability_caller": round(unstable[caller], 4),
            "instability_callee": round(unstable[callee], 4),
            "callers_of_caller": ends[caller][0],
            "callees_of_caller": ends[caller][1],
            "callers_of_callee": ends[callee][0],
            "callees_of_callee": ends[callee][1],
            "calls": int(calls),
        }
        findings.append(_finding(evidence, limits, caller, callee, values))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _finding(evidence: Evidence, limits: Limits, caller: str, callee: str, values: dict[str, float]) -> Finding:
    hops = evidence.rows("hops")
    way = way_of(evidence, hops.where(grain="call", caller=caller, callee=callee))
    services = tuple(sorted((caller, callee)))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        # A number about the graph, not about a failure: what the edge costs is told, but does not raise the severity.
        severity=severity(Weight(passes_limits=values["calls"] >= limits["calls"])),
        confidence=trust.confidence(0.6, _SENSITIVE_TO, way.traces),
        title=f"{caller}, which is stable, depends on {callee}, which is not",
        summary=(
            f"{values['callers_of_caller']} services call {caller} and it calls {values['callees_of_caller']} "
            f"(instability {values['instability_caller']:.2f}); {values['callers_of_callee']} call {callee} and it "
            f"calls {values['callees_of_callee']} ({values['instability_callee']:.2f})."
        ),
        services=services,
        subject={"caller": caller, "callee": callee},
        measures=dict(values),
        limits=dict(limits),
        cost=dict(way.cost),
        saving={},
        traces_seen=evidence.traces,
        traces_affected=way.traces,
        share=round(way.traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "a number about the graph, which only knows the calls of this window: low at most",
            *trust.sentences(_SENSITIVE_TO, way.traces),
        ),
        remedy=(
            f"Let {caller} define what it needs and {callee} provide it, by event or by a contract that {caller} owns."
        ),
    )
