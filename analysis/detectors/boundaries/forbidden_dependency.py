"""Forbidden dependency.

What it finds
-------------
A call, to a service, a store or a queue, that a rule of the configuration forbids.

Why it matters
--------------
A boundary that everybody agreed on is worth as much as what holds it. Dependencies creep in with one call that was
quick to write; after a year nobody can deploy, move or cut out the service any more. A rule that production is checked
against is the fitness function of the decision (N. Ford, R. Parsons, P. Kua 2017).

How it decides
--------------
``rules:`` of ``review.yml`` holds ``forbid: {from, to}``: patterns of caller and callee, and optionally of the kind
(sync, async, data). Every dependency that was seen and that a rule covers is a finding. Worth fixing from ``calls`` (1,
house default) calls on; then ``medium``, as it blocks independent change.

Example
-------
Flagged: with ``forbid: {from: "web-*", to: "postgresql://*"}``, ``web-shop`` runs statements in ``postgresql://db/shop``.
Better: ``web-shop`` asks ``orders``, which owns the tables.

What it can mistake
-------------------
Names: a pattern covers what is called so, whatever it is. A migration that runs once, under the name of the service.

What to do
----------
Go through the interface that the rule names as its reason; or, if the decision has changed, change the rule.
"""

from __future__ import annotations

from typing import Final

from analysis._wording import counted
from analysis.detectors import Evidence, Info, Limit, Limits, Rule, Weight, severity
from analysis.detectors.boundaries._rules import NO_EDGES, SENSITIVE_TO, Edge, edges
from analysis.detectors.boundaries._services import answers_of, not_assessable
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="forbidden_dependency",
    family="boundaries",
    title="Forbidden dependency",
    facts=("calls",),
    limits={"calls": Limit(1, "calls", "calls on the edge from which it is worth fixing")},
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which dependencies a rule forbids."""
    rules = [rule for rule in evidence.rules if rule.forbids]
    if not rules:
        return not_assessable(INFO.name, "a rule that forbids one (rules: of review.yml)")
    seen = list(edges(evidence))
    if not seen:
        return not_assessable(INFO.name, NO_EDGES)
    findings = []
    for edge in seen:
        broken = [rule for rule in rules if rule.covers(edge.caller, edge.callee, edge.kind)]
        if broken:
            findings.append(_finding(evidence, limits, edge, broken))
    answer = answers_of(INFO.name, ())
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _finding(evidence: Evidence, limits: Limits, edge: Edge, broken: list[Rule]) -> Finding:
    traces = edge.traces(evidence)
    reasons = "; ".join(dict.fromkeys(rule.reason for rule in broken if rule.reason))
    trust = evidence.trust.of(edge.services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=edge.calls >= limits["calls"], blocks_change=True)),
        confidence=trust.confidence(0.95, SENSITIVE_TO, traces),
        title=f"{edge.caller} depends on {edge.callee}, which is forbidden",
        summary=(
            f"{edge.caller} made {counted(edge.calls, 'call')} ({edge.kind}) to {edge.callee}. "
            f"Forbidden by {', '.join(str(rule) for rule in broken)}{f': {reasons}' if reasons else ''}."
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
        considered=(
            "the rule is taken as it is written: what else has the name is covered too",
            *trust.sentences(SENSITIVE_TO, traces),
        ),
        remedy=f"Let {edge.caller} go through the interface that it is meant to use; or change the rule.",
    )
