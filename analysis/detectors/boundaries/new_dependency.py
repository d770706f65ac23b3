"""New dependency.

What it finds
-------------
A call, to a service, a store or a queue, that the review compared with did not see.

Why it matters
--------------
Coupling grows one edge at a time, and nobody decides on most of them. An edge is cheapest to talk about on the day it
appears: before others build on it, and before it is part of a cycle or of the path by which a failure climbs.

How it decides
--------------
With ``--baseline``: an edge of this review whose caller, callee and kind (sync, async, data) that one did not have.
Edges of services that the baseline did not see at all count too. Worth a word from ``calls`` (20, house default) calls
on; ``low`` at most, as a new edge is no fault. A pipeline that wants each of them decided on sets its severity
(``severity: {new_dependency: high}``), or forbids edges by rule.

Example
-------
Flagged: ``orders``, which called ``cart`` and ``payments`` last week, also calls ``customers``.
Better: it is agreed on, or ``orders`` takes what it needs from the event that ``cart`` publishes.

What it can mistake
-------------------
A call that is rare, or that the window before did not happen to hold. A service that was not instrumented before.

What to do
----------
Decide on it: keep it, pass the data along another way, or forbid it by rule.
"""

from __future__ import annotations

from typing import Final

from analysis._wording import counted
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors.boundaries._rules import NO_EDGES, SENSITIVE_TO, Edge, edges
from analysis.detectors.boundaries._services import answers_of, not_assessable
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="new_dependency",
    family="boundaries",
    title="New dependency",
    facts=("calls",),
    limits={"calls": Limit(20, "calls", "calls on the edge from which it is worth a word")},
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which dependencies were not there before."""
    if evidence.edges_before is None:
        return not_assessable(INFO.name, "an earlier review to compare with (--baseline)")
    seen = list(edges(evidence))
    if not seen:
        return not_assessable(INFO.name, NO_EDGES)
    known = {name for edge in evidence.edges_before for name in edge[:2]}
    findings = tuple(
        _finding(evidence, limits, edge, known)
        for edge in seen
        if (edge.caller, edge.callee, edge.kind) not in evidence.edges_before
    )
    return answers_of(INFO.name, ())(outcome="found" if findings else "not_found", findings=findings)


def _finding(evidence: Evidence, limits: Limits, edge: Edge, known: set[str]) -> Finding:
    traces = edge.traces(evidence)
    strangers = [name for name in (edge.caller, edge.callee) if name not in known]
    considered = ["a call that is rare may not have been in the window before"]
    if strangers:
        considered.append(f"{' and '.join(strangers)} had no edge at all before")
    trust = evidence.trust.of(edge.services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=edge.calls >= limits["calls"])),
        confidence=trust.confidence(0.8, SENSITIVE_TO, traces),
        title=f"{edge.caller} depends on {edge.callee}, which is new",
        summary=(
            f"{edge.caller} made {counted(edge.calls, 'call')} ({edge.kind}) to {edge.callee}; the review compared "
            "with did not see this edge."
        ),
        services=edge.services,
        subject={"caller": edge.caller, "callee": edge.callee, "kind": edge.kind},
        measures={"calls": edge.calls},
        limits=dict(limits),
        cost=edge.cost(),
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=edge.examples(),
        considered=(*considered, *trust.sentences(SENSITIVE_TO, traces)),
        remedy="Decide on it: keep it, pass the data along another way, or forbid it by rule.",
    )
