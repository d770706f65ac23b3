"""Missing dependency.

What it finds
-------------
A service that was seen at work without ever making a call that a rule of the configuration requires.

Why it matters
--------------
Some calls must not be forgotten: the check for fraud before a payment, the audit of a change, the consent before a
message. Code that leaves them out works, is faster, and is noticed by nobody until it is asked for.

How it decides
--------------
``rules:`` of ``review.yml`` holds ``require: {from, to}``: patterns of caller and callee, and optionally of the kind
(sync, async, data). Every service that has the pattern ``from`` and was entered must have called, at least once,
something that has the pattern ``to``. Worth fixing where it was entered at least ``visits`` times (20, house default)
without that call; then ``medium``, as what was agreed on is not held.

Example
-------
Flagged: with ``require: {from: checkout, to: fraud}``, ``checkout`` was entered 200 times and never called ``fraud``.
Better: it asks ``fraud`` before it asks ``payments``.

What it can mistake
-------------------
A call that is not instrumented, or whose context is lost. A window in which no request needed the call.

What to do
----------
Make the call; or let it be recorded; or, if the decision has changed, change the rule.
"""

from __future__ import annotations

from typing import Final

from analysis._patterns import matches
from analysis._wording import counted
from analysis.detectors import Evidence, Info, Limit, Limits, Rule, Weight, severity
from analysis.detectors.boundaries._rules import SENSITIVE_TO, edges
from analysis.detectors.boundaries._services import answers_of, not_assessable
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="missing_dependency",
    family="boundaries",
    title="Missing dependency",
    facts=("calls", "visits"),
    limits={"visits": Limit(20, "visits", "of the service without the call, from which it is worth fixing")},
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which required dependencies were never seen."""
    rules = [rule for rule in evidence.rules if not rule.forbids]
    if not rules:
        return not_assessable(INFO.name, "a rule that requires one (rules: of review.yml)")
    visits = evidence["visits"]
    sums = visits[visits["service"] != ""].groupby("service", sort=True, as_index=False)[["visits", "traces"]].sum()
    entered = {str(name): (int(times), int(traces)) for name, times, traces in sums.itertuples(index=False, name=None)}
    seen = list(edges(evidence))
    findings, missing, judged = [], [], False
    for rule in rules:
        callers = [name for name in entered if matches(rule.caller, name)]
        if not callers:
            missing.append(f"a service that has the pattern {rule.caller}, of which {rule} is required")
        for caller in callers:
            judged = True
            if not any(edge.caller == caller and rule.covers(caller, edge.callee, edge.kind) for edge in seen):
                findings.append(_finding(evidence, limits, caller, rule, *entered[caller]))
    if not judged:
        return not_assessable(INFO.name, *missing)
    answer = answers_of(INFO.name, (), missing)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _finding(evidence: Evidence, limits: Limits, caller: str, rule: Rule, visits: int, traces: int) -> Finding:
    traces = min(evidence.traces, traces)
    trust = evidence.trust.of((caller,))
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=visits >= limits["visits"], blocks_change=True)),
        confidence=trust.confidence(0.7, SENSITIVE_TO, traces),
        title=f"{caller} never calls {rule.callee}, which is required",
        summary=(
            f"{caller} was entered {counted(visits, 'time')} and no call to {rule.callee} was seen. "
            f"Required by {rule}{f': {rule.reason}' if rule.reason else ''}."
        ),
        services=(caller,),
        subject={"caller": caller, "callee": rule.callee, "kind": rule.kind},
        measures={"visits": visits},
        limits=dict(limits),
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        considered=(
            "a call that is not instrumented, or whose context is lost, would not be seen",
            *trust.sentences(SENSITIVE_TO, traces),
        ),
        remedy=f"Let {caller} call {rule.callee}, or let the call be recorded; or change the rule.",
    )
