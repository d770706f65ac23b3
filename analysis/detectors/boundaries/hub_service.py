"""Hub service.

What it finds
-------------
A service that many services call and that itself calls many.

Why it matters
--------------
What passes through a hub changes with the hub: each of its callers waits for its releases, and each of its callees can
stop them all. A hub gathers responsibilities, as it already has every connection that the next one needs.

How it decides
--------------
By the synchronous calls between services: at least ``degree`` (5, house default) services call it, and it calls as
many. That is told as ``info``. Where it is also among the top ``rank`` (0.1, house default) of all services by the
product of the two numbers, it is ``low``. Never more: a rank is no verdict.

Example
-------
Flagged: ``orders`` is asked by five services for what became of an order, and asks five others to place one.
Better: placing an order and telling of it are two services, or two modules that can be told apart.

What it can mistake
-------------------
A gateway or a backend for a frontend is there to call many: it is left out and listed with the answer. A service at the
heart of the business has many connections because it is the business.

What to do
----------
Split it by capability: put what different callers ask for apart, and let each part keep only the calls that it needs.
"""

from __future__ import annotations

import math
from typing import Final

from analysis._wording import listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._requests import fronts_seen, is_proxy
from analysis.detectors.boundaries._services import NOT_CROSSING, answers_of, calls_between, not_assessable, way_of
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="hub_service",
    family="boundaries",
    title="Hub service",
    facts=("calls", "hops", "requests"),
    limits={
        "degree": Limit(5, "services", "services that call it, and that it calls, at least"),
        "rank": Limit(0.1, "", "top share of all services, by the product of both numbers, from which it is low"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services have many callers and many callees."""
    between = evidence.shared(calls_between)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    callers = {str(name): tuple(sorted(group)) for name, group in between.groupby("callee")["caller"]}
    callees = {str(name): tuple(sorted(group)) for name, group in between.groupby("caller")["callee"]}
    services = sorted(set(callers) | set(callees))
    product = {name: len(callers.get(name, ())) * len(callees.get(name, ())) for name in services}
    fronts = evidence.shared(fronts_seen)
    findings, suppressed = [], []
    for service in services:
        ends = callers.get(service, ()), callees.get(service, ())
        if min(len(end) for end in ends) < limits["degree"]:
            continue
        if service in fronts or is_proxy(service):
            suppressed.append(f"{service}: a gateway or proxy is there to call many")
            continue
        ahead = sum(product[other] > product[service] for other in services if other not in fronts)
        top = ahead < math.ceil(limits["rank"] * len(services))
        findings.append(_finding(evidence, limits, service, ends, ahead + 1, len(services), top=top))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _finding(
    evidence: Evidence,
    limits: Limits,
    service: str,
    ends: tuple[tuple[str, ...], tuple[str, ...]],
    rank: int,
    services: int,
    *,
    top: bool,
) -> Finding:
    callers, callees = ends
    hops = evidence.rows("hops")
    way = way_of(evidence, hops.where(grain="callee", callee=service))
    concerned = tuple(sorted({service, *callers, *callees}))
    trust = evidence.trust.of(concerned)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        # A rank is no verdict: what it costs is told, but does not raise the severity.
        severity=severity(Weight(passes_limits=top)),
        confidence=trust.confidence(0.9, _SENSITIVE_TO, way.traces),
        title=f"{service} is a hub: {len(callers)} services call it, and it calls {len(callees)}",
        summary=(
            f"{listed(callers)} call {service}, and it calls {listed(callees)}: number {rank} of {services} "
            "services by callers times callees."
        ),
        services=concerned,
        subject={"service": service},
        measures={
            "callers": list(callers),
            "callees": list(callees),
            "callers_count": len(callers),
            "callees_count": len(callees),
            "rank": rank,
            "services": services,
        },
        limits=dict(limits),
        cost=dict(way.cost),
        saving={},
        traces_seen=evidence.traces,
        traces_affected=way.traces,
        share=round(way.traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "a rank, not a verdict: low at most",
            "messages and calls to stores were left out",
            *trust.sentences(_SENSITIVE_TO, way.traces),
        ),
        remedy=f"Split {service} by capability: put apart what different callers ask for, each with its own calls.",
    )
