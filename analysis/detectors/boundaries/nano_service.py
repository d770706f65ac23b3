"""Nano service.

What it finds
-------------
A service of one or two operations that one other calls, and that hardly works itself.

Why it matters
--------------
The cost of a service (a deployment, a contract, a hop, an on-call page) does not shrink with it. A function that one
caller uses is cheaper as a function.

How it decides
--------------
By the calls that enter a service, probes left out: it has at most ``operations`` (2, catalogue) operations, one service
makes at least ``caller`` (0.9, catalogue) of the calls, and its own time is below ``own`` (0.1, catalogue) of their
duration; calls to others and to stores are not its own time. It needs ``visits`` (10, house default) visits to tell.
Worth fixing when the way to it takes at least ``ms`` (5 ms, house default) of the critical path of a request at p95;
severity by its share of the entry operation's p95. Services that a layered split or a pass-through service stands for
are left to it.

Example
-------
Flagged: ``tax-rates`` answers ``GET /rate`` for ``checkout`` alone, from one table.
Better: ``checkout`` reads the table, or keeps the rates as a module.

What it can mistake
-------------------
Small services are kept apart on purpose where what they do is dangerous, heavy or needs its own licence or keys
(rendering, conversion, signing, scanning): those named so are left out and listed with the answer. So are those that
call the outside in ``outside`` (0.5, house default) of their visits, which hide a third party from the others, proxies
and adapters, and what is entered through a gateway or a backend for a frontend, whose module it cannot become. A window
that shows few of its operations makes a service look small.

What to do
----------
Merge it into its caller, as a module.
"""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

from analysis._wording import counted, duration, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._requests import fronts_seen, is_proxy
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    answers_of,
    called_operations,
    callers_of,
    calls_between,
    is_adapter,
    not_assessable,
    told_by,
    way_of,
)
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="nano_service",
    family="boundaries",
    title="Nano service",
    facts=("calls", "hops", "passages", "requests"),
    limits={
        "operations": Limit(2, "operations", "operations that it has, at most", "catalogue"),
        "caller": Limit(0.9, "", "share of the calls that one service makes", "catalogue"),
        "own": Limit(0.1, "", "its own time as a share of its visits' duration, at most", "catalogue"),
        "outside": Limit(0.5, "", "share of visits that call the outside, from which it stands for a third party"),
        "visits": Limit(10, "visits", "visits that it needs to tell"),
        "ms": Limit(5, "ms", "time on the way to it, on the critical path at p95, from which it is worth fixing"),
    },
    after=("layered_split", "pass_through_service"),
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "routes")
_APART: Final = re.compile(
    r"(?:^|[^a-z])(?:sandbox\w*|isolat\w*|render\w*|pdf|convert\w*|transcod\w*|thumbnail\w*|resiz\w*|sign(?:er|ing)|"
    r"crypto|vault|kms|secrets?|scan(?:ner|ning)?|antivirus|virus)(?:$|[^a-z])",
    re.IGNORECASE,
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services are too small to stand alone."""
    between = evidence.shared(calls_between)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    visits = evidence.shared(called_operations)
    calls = evidence["calls"]
    outside = frozenset(calls.loc[calls["callee_kind"] == "external", "callee"])
    callers = callers_of(visits)
    fronts = evidence.shared(fronts_seen)
    layers = told_by(evidence, "layered_split", "layers")
    passing = told_by(evidence, "pass_through_service", "service")
    findings, suppressed = [], []
    for service in sorted(set(between["callee"]) & set(callers)):
        own = visits[(visits["service"] == service) & (visits["caller"] != "")]
        number = sum(callers[service].values())
        caller = min(callers[service], key=lambda name: (-callers[service][name], name))
        share = callers[service][caller] / number
        total = int(own["total_ns"].sum())
        own_share = int(own["own_ns"].sum()) / total if total else 1.0
        if (
            number < limits["visits"]
            or own["operation"].nunique() > limits["operations"]
            or share < limits["caller"]
            or own_share >= limits["own"]
            or caller not in set(between["caller"])
        ):
            continue
        if service in layers:
            suppressed.append(f"{service}: told as a layered split")
        elif service in passing:
            suppressed.append(f"{service}: told as a pass-through service")
        elif _outside(own, outside) >= limits["outside"]:
            suppressed.append(f"{service}: it stands before something outside")
        elif caller in fronts or is_proxy(caller):
            suppressed.append(f"{service}: {caller} is a gateway, through which others call it")
        elif service in fronts or is_proxy(service) or is_adapter(service):
            suppressed.append(f"{service}: a gateway, proxy or adapter passes on by design")
        elif _APART.search(service):
            suppressed.append(f"{service}: kept apart on purpose, by its name")
        else:
            findings.append(_finding(evidence, limits, service, caller, own, share, own_share))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _outside(visits: pd.DataFrame, outside: frozenset[str]) -> float:
    """Return the share of some visits that call something outside."""
    calling = visits["callees"].map(lambda callees: not outside.isdisjoint(callees)).astype(bool)
    return int(visits.loc[calling, "visits"].sum()) / max(1, int(visits["visits"].sum()))


def _finding(
    evidence: Evidence, limits: Limits, service: str, caller: str, visits: pd.DataFrame, share: float, own: float
) -> Finding:
    hops = evidence.rows("hops")
    way = way_of(evidence, hops.where(grain="call", caller=caller, callee=service))
    at_p95 = float(way.cost["critical_path_ms_p95"])
    operations = sorted(set(visits["operation"]))
    services = tuple(sorted((service, caller)))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=at_p95 >= limits["ms"], share_of_p95=way.share_of_p95)),
        confidence=trust.confidence(0.7, _SENSITIVE_TO, way.traces),
        title=f"{service} is hardly more than a function of {caller}",
        summary=(
            f"{service} has {counted(len(operations), 'operation')} ({', '.join(operations)}); {percent(share)} of its "
            f"calls come from {caller}, and {percent(own)} of their time is its own. The way to it takes "
            f"{duration(at_p95)} of the critical path at p95."
        ),
        services=services,
        subject={"service": service, "caller": caller},
        measures={
            "operations": operations,
            "operations_count": len(operations),
            "caller_share": round(share, 4),
            "own_share": round(own, 4),
            "visits": int(visits["visits"].sum()),
            "share_of_p95": way.share_of_p95,
        },
        limits=dict(limits),
        cost=dict(way.cost),
        saving=way.saving,
        traces_seen=evidence.traces,
        traces_affected=way.traces,
        share=round(way.traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "no name of what is kept apart on purpose; probes were left out",
            "operations that this window does not show are not known",
            *trust.sentences(_SENSITIVE_TO, way.traces),
        ),
        remedy=f"Merge {service} into {caller}, as a module.",
    )
