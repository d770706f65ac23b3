"""Pass-through service.

What it finds
-------------
A service that hands nearly every call on to one other and adds nothing: no time of its own, no data.

Why it matters
--------------
It is a hop, a deployment and a reason to fail, and its contract repeats that of the service behind it, so that every
change is made twice.

How it decides
--------------
By the calls that services make to it, probes left out: in at least ``share`` (0.9, house default) of its visits
(``visits``, 10 at least, house default) it makes one call, always to the same service, and none to a store or broker,
and its own time is below ``own`` (0.05, catalogue) of their duration. Worth fixing when the way to it takes at least
``ms`` (5 ms, house default) of the critical path of a request at p95; severity by its share of the entry operation's
p95. Layers that are told as a layered split are left to it.

Example
-------
Flagged: ``order-service`` takes a request, renames two fields and asks ``order-core``, in every visit.
Better: callers ask ``order-core``.

What it can mistake
-------------------
Gateways, proxies, adapters and anti-corruption layers pass on by design: those named so, services that users enter,
and those that call only the outside are left out and listed with the answer. Checks that take no time (permissions,
validation) may be why it exists.

What to do
----------
Remove it: let callers ask the service behind it, and move the little that it does to either side.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis._wording import duration, listed, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import ms
from analysis.detectors._requests import fronts_seen, is_proxy
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    answers_of,
    called_operations,
    calls_between,
    is_adapter,
    not_assessable,
    told_by,
    way_of,
)
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="pass_through_service",
    family="boundaries",
    title="Pass-through service",
    facts=("calls", "hops", "passages", "requests"),
    limits={
        "own": Limit(0.05, "", "the service's own time as a share of its visits' duration, at most", "catalogue"),
        "share": Limit(0.9, "", "share of its visits that make one call, to the same service"),
        "visits": Limit(10, "visits", "visits that it needs to tell"),
        "ms": Limit(5, "ms", "time on the way to it, on the critical path at p95, from which it is worth fixing"),
    },
    after=("layered_split",),
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services only hand calls on."""
    if evidence.shared(calls_between).empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    calls = evidence["calls"]
    services = set(calls.loc[calls["callee_kind"] == "service", "callee"])
    fronts = evidence.shared(fronts_seen)
    layers = told_by(evidence, "layered_split", "layers")
    findings, suppressed = [], []
    for key, visits in evidence.shared(called_operations).groupby("service", sort=True):
        service = str(key)
        target, share = _target(visits)
        own = _own_share(visits)
        if visits["visits"].sum() < limits["visits"] or not target or share < limits["share"] or own >= limits["own"]:
            continue
        if service in layers:
            suppressed.append(f"{service}: told as a layered split")
        elif service in fronts or is_proxy(service) or is_adapter(service):
            suppressed.append(f"{service}: a gateway, proxy or adapter passes on by design")
        elif target not in services:
            suppressed.append(f"{service}: it stands before {target}, which is outside")
        elif set(visits["caller_kind"]) != {"service"}:
            suppressed.append(f"{service}: it is entered by others than services")
        else:
            findings.append(_finding(evidence, limits, service, target, visits, share, own))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _target(visits: pd.DataFrame) -> tuple[str, float]:
    """Return whom a service hands its visits on to, and the share of them in which it does just that."""
    alone = visits["callees"].map(len) == 1
    handed = visits[visits["called_once"] & ~visits["data"] & alone]
    count = handed["visits"].groupby(handed["callees"].map(lambda callees: callees[0])).sum()
    if count.empty:
        return "", 0.0
    target = min(count.index, key=lambda name: (-int(count[name]), name))
    return str(target), float(count[target]) / float(visits["visits"].sum())


def _own_share(visits: pd.DataFrame) -> float:
    total = int(visits["total_ns"].sum())
    return int(visits["own_ns"].sum()) / total if total else 1.0


def _finding(
    evidence: Evidence, limits: Limits, service: str, target: str, visits: pd.DataFrame, share: float, own: float
) -> Finding:
    hops = evidence.rows("hops")
    way = way_of(evidence, hops.where(grain="callee", callee=service))
    own_ms = ms(int(visits["own_critical_ns"].sum()))
    at_p95 = float(way.cost["critical_path_ms_p95"])
    callers = sorted(set(visits["caller"]))
    total = round(float(way.cost["total_ms"]) + own_ms, 3)
    services = tuple(sorted({service, target, *callers}))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=at_p95 >= limits["ms"], share_of_p95=way.share_of_p95)),
        confidence=trust.confidence(0.75, _SENSITIVE_TO, way.traces),
        title=f"{service} only passes calls on to {target}",
        summary=(
            f"{percent(share)} of the visits to {service} make one call, to {target}, and touch no data; "
            f"{percent(own)} of their time is its own. The way to it takes {duration(at_p95)} of the critical path at "
            "p95."
        ),
        services=services,
        subject={"service": service, "target": target},
        measures={
            "passing_share": round(share, 4),
            "own_share": round(own, 4),
            "callers": callers,
            "visits": int(visits["visits"].sum()),
            "own_critical_ms": own_ms,
            "share_of_p95": way.share_of_p95,
        },
        limits=dict(limits),
        cost={**way.cost, "total_ms": total},
        saving={**way.saving, "total_ms": total},
        traces_seen=evidence.traces,
        traces_affected=way.traces,
        share=round(way.traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "no name of a gateway, proxy or adapter; probes were left out",
            "costs per request are those of the way to it, without its own time",
            *trust.sentences(_SENSITIVE_TO, way.traces),
        ),
        remedy=f"Remove {service}: let {listed(callers)} ask {target}, and move what it adds to either side.",
    )
