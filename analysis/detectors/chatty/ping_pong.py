"""Ping-pong.

What it finds
-------------
A request that comes back to a service which is still waiting for its answer: A calls B, and B, to answer, calls A.

Why it matters
--------------
Neither of the two can answer alone. Each trip back costs a call over the network that a better first call would have
spared, occupies a second worker of A while the first one waits (with a small pool that ends in a deadlock under load),
and ties the two services so that neither can be changed, deployed or scaled alone.

How it decides
--------------
By the path of services that wait for each other in single traces: one that leads from A to B and back to A. It is worth
fixing from ``visits`` second visits on (2, house default); below it is ``info``. As a cycle it blocks independent
change, so it is ``medium`` from there on, and ``high`` where the way back takes a fifth of the p95 of an entry
operation, on its critical path. What the remedy saves is the time of the calls that come back, with all below them.

Longer ways round (A, B, C, A), and services that call each other in different requests only, are told as cyclic
dependencies. Two services whose cycle is told here are not told there.

Example
-------
Flagged: ``cart`` asks ``pricing`` for a quote; ``pricing`` asks ``cart`` for the lines that it prices.
Better: ``cart`` sends the lines along with its question.

What it can mistake
-------------------
A sidecar or proxy in the middle, by its name (envoy, istio, nginx …), is left out. Introspection of a token, and
callbacks (webhooks), told by the name of the operation that is called back, are for information only.
Two services under one name look like one that is visited again.

What to do
----------
Pass along what B comes back for; or let A ask both and put the answers together; or merge the two.
"""

from __future__ import annotations

import re
from typing import Final

from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, entries, is_proxy, largest_share
from analysis.detectors._rows import Rows
from analysis.facts.revisits import ARROW
from analysis.findings import Assessment, Finding
from analysis.trust import NO_CROSSING

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="ping_pong",
    family="chatty",
    title="Ping-pong",
    facts=("calls", "revisits", "requests"),
    limits={"visits": Limit(2, "visits", "worth fixing from this many second visits on")},
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling")
#: Called back by design: whoever holds a token asks its issuer, and outside parties report what became of a request.
_BY_DESIGN: Final = re.compile(
    r"introspect|userinfo|jwks|\.well-known|oauth|/token\b|\bverify_?token|web-?hook|callback|notify-?url",
    re.IGNORECASE,
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services requests come back to while they wait."""
    calls = evidence["calls"]
    between = (
        (calls["kind"] == "sync")
        & (calls["caller_kind"] == "service")
        & (calls["callee_kind"] == "service")
        & (calls["caller"] != calls["callee"])
    )
    if not between.any():
        missing = (f"synchronous calls between two services: {NO_CROSSING}",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings, suppressed = [], []
    for (path,), rows in evidence.rows("revisits").groups("path"):
        services = path.split(ARROW)
        visits = rows.total("visits")
        if len(services) > 3:
            suppressed.append(f"{path}: a longer way round is a cyclic dependency ({visits:,} visits)")
        elif any(is_proxy(service) for service in services):
            suppressed.append(f"{path}: a proxy passes requests on ({visits:,} visits)")
        else:
            findings.append(_finding(evidence, limits, services[0], services[1], rows))
    return Assessment(
        INFO.name,
        INFO.family,
        "found" if findings else "not_found",
        tuple(findings),
        suppressed=tuple(suppressed),
    )


def _finding(evidence: Evidence, limits: Limits, waiting: str, between: str, rows: Rows) -> Finding:
    visits, affected = rows.total("visits"), affected_traces(evidence, rows["traces"])
    by_design = [_BY_DESIGN.search(text) is not None for text in rows["operation"]]
    meant = all(by_design)
    critical = rows.histogram("critical_per_request")
    share = largest_share(evidence, rows, "critical_per_request")
    back = sorted({operation for operation in rows["operation"] if operation})
    shown = f" ({', '.join(back)})" if back else ""
    per_request = round(visits / max(1, rows.total("requests")), 2)
    at_p95 = ms(critical.percentile(PERCENTILE))
    considered = ["calls that nobody waits for were left out"]
    if meant:
        considered.append("what comes back is a check of a token or a callback, which is meant: for information only")
    elif any(by_design):
        considered.append("some of what comes back is a check of a token or a callback, which is meant")
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.95,
        _SENSITIVE_TO,
        tuple(considered),
        severity=severity(
            Weight(passes_limits=visits >= limits["visits"] and not meant, share_of_p95=share, blocks_change=True)
        ),
        title=f"{between} calls back to {waiting}, which waits for its answer",
        summary=(
            f"{visits:,} calls of {between} come back to {waiting}{shown} while it waits for {between}. "
            f"They take {duration(at_p95)} of the critical path at p95."
        ),
        services=tuple(sorted((waiting, between))),
        subject={"waiting": waiting, "between": between},
        measures={
            "visits": visits,
            "visits_per_request": per_request,
            "requests": rows.total("requests"),
            "operations": back,
            "entries": entries(rows),
            "share_of_p95": share,
        },
        cost={
            "critical_path_ms_p50": ms(critical.percentile(0.5)),
            "critical_path_ms_p95": at_p95,
            "calls_per_trace": per_request,
            "total_ms": ms(rows["critical_ns"].sum()),
        },
        saving={
            "critical_path_ms_p50": ms(critical.percentile(0.5)),
            "critical_path_ms_p95": at_p95,
            "total_ms": ms(rows["critical_ns"].sum()),
            "calls": visits,
        },
        exemplars=examples(rows.exemplars, critical.percentile(0.5)),
        remedy=(
            f"Pass what {between} comes back for along with the first call; or let {waiting} ask both and put the "
            "answers together; or merge the two services."
        ),
    )
