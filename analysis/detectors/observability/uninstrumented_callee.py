"""Uninstrumented callee.

What it finds
-------------
A service of one's own that others call and that records nothing: its callers' client spans have no server span below
them.

Why it matters
--------------
What happens in it is a blind spot: its time cannot be told from the network's, its own calls and data are missing from
every chapter, and a failure in it looks like its caller's.

How it decides
--------------
By caller and peer: at least ``calls`` client spans (20) of HTTP or RPC, of which at least ``share`` (90 %) have no
child of another service and no server span below; steps of a connection (DNS look-ups) are no calls, and a service's
calls to itself are left out. The peer must be internal: a private address (RFC 1918, RFC 4193,
loopback), a cluster-local name (one label, or ending in .local, .internal, .svc, .cluster.local, .lan), or a name seen
as a service elsewhere. Limits: house defaults. Fewer calls are reported as ``info``; ``medium`` where 5 % of all traces
or more pass through it.

Example
-------
Flagged: ``orders`` calls ``http://pricing:8080`` 400 times; no span of ``pricing`` exists.
Better: ``pricing`` runs with the same auto-instrumentation as the others and answers with server spans.

What it can mistake
-------------------
A vendor's service behind a private address (a proxy, a private link), a managed service inside the cluster, or spans
that the export left out. A callee that is instrumented but loses the context shows as roots of its own: the finding
says so where it is seen.

What to do
----------
Instrument the callee; where that is impossible, name the peer (``peer.service``) so that its time is at least told
apart.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import pandas as pd

from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "is_internal", "judge"]

INFO: Final = Info(
    name="uninstrumented_callee",
    family="observability",
    title="Uninstrumented callee",
    facts=("callees", "requests", "operations"),
    limits={
        "calls": Limit(
            20, "calls", "client spans to one peer from which the absence of server spans is held against it"
        ),
        "share": Limit(0.9, "", "share of these without a server span"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")
_CLUSTER_LOCAL: Final = (".local", ".internal", ".svc", ".lan", ".intranet", ".corp", ".home.arpa")
_REMEDY: Final = (
    "Instrument {peer} like its callers, so that it answers with server spans; until then name it in peer.service."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which internal callees record nothing."""
    callees = evidence["callees"]
    if callees.empty:
        missing = ("client spans of HTTP or RPC (span kind client)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    named = callees[callees["peer"] != ""]
    nameless = int(callees.loc[callees["peer"] == "", "unanswered"].sum())
    partly = (f"server.address or peer.service of {nameless} unanswered client spans",) if nameless else ()
    if named.empty:
        unanswered = int(callees["unanswered"].sum())
        if not unanswered:
            return Assessment(INFO.name, INFO.family, "not_found")
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=partly)
    services = frozenset(evidence["operations"]["service"]) - {""}
    findings = []
    for (service, peer), rows in named.groupby(["service", "peer"], sort=True):
        calls, unanswered = int(rows["calls"].sum()), int(rows["unanswered"].sum())
        known = peer in services
        # A service that calls itself records spans: the finding would contradict itself.
        if (
            peer != service
            and unanswered
            and unanswered >= limits["share"] * calls
            and (known or is_internal(str(peer)))
        ):
            findings.append(_finding(evidence, limits, str(service), str(peer), rows, known))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), partly)


def is_internal(peer: str) -> bool:
    """Tell whether a host name or address is one's own: private, loopback, one label, or cluster-local."""
    host = peer.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_CLUSTER_LOCAL))
    return address.is_private or address.is_loopback or address.is_link_local


def _finding(evidence: Evidence, limits: Limits, service: str, peer: str, rows: pd.DataFrame, known: bool) -> Finding:
    calls, unanswered = int(rows["calls"].sum()), int(rows["unanswered"].sum())
    traces = int(rows["traces"].sum())
    latency = merged_histogram(rows["latency"])
    share_of_traces = min(1.0, traces / evidence.traces) if evidence.traces else 0.0
    considered = ["public domains and data stores were left out"]
    if known:
        roots = evidence["requests"]
        count = int(roots.loc[roots["entry_service"] == peer, "requests"].sum())
        considered.append(
            f"{peer} records spans elsewhere ({count:,} requests begin there): "
            "it may be instrumented and lose the context on this call"
        )
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered += trust.sentences(_SENSITIVE_TO, traces)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=calls >= limits["calls"], share_of_requests=share_of_traces)),
        confidence=trust.confidence(0.9, _SENSITIVE_TO, traces),
        title=(
            f"{peer}, called by {service or 'an unnamed service'}, records no spans{' of these calls' if known else ''}"
        ),
        summary=(
            f"{unanswered:,} of {calls:,} client spans from {service or 'an unnamed service'} to {peer} "
            f"have no server span below: {duration(ms(rows['unanswered_ns'].sum()))} in all, "
            "of which nothing inside can be seen."
        ),
        services=services,
        subject={"caller": service, "peer": peer},
        measures={"calls": calls, "unanswered": unanswered, "unanswered_share": round(unanswered / calls, 6)},
        limits=dict(limits),
        cost={
            "blind_ms_p50": ms(latency.percentile(0.5)) if latency.count else 0.0,
            "blind_ms_p95": ms(latency.percentile(0.95)) if latency.count else 0.0,
            "total_ms": ms(rows["unanswered_ns"].sum()),
        },
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(share_of_traces, 4),
        exemplars=examples(merged_exemplars(rows["exemplars"]), latency.percentile(0.5) if latency.count else 0.0),
        considered=tuple(considered),
        remedy=_REMEDY.format(peer=peer),
    )
