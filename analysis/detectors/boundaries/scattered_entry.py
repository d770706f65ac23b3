"""Scattered entry.

What it finds
-------------
Several services that requests from outside enter directly, without one gate for all.

Why it matters
--------------
Each entry needs its own answer to who may call, how often, and in which version. What is done at every door is done
differently at each, and a client that knows the services by name holds their boundaries in place.

How it decides
--------------
By server spans at the top of their trace: no caller is in the export, and none is named (a span that names a parent
which is missing was called by somebody, and does not count). Probes (health, readiness, metrics) are no entry. From
``services`` (3, house default) services on it is told as ``info``; where so many have each at least ``share`` (0.05,
house default) of the requests from outside, it is ``low``. Never more: an ingress that records no spans looks the same.

Example
-------
Flagged: the browser asks ``catalogue``, ``orders`` and ``customers``, each at an address of its own.
Better: one gateway, or a backend for each frontend, is what the browser knows.

What it can mistake
-------------------
An ingress or a gateway without instrumentation lets each service behind it look like an entry. Services for different
audiences (customers, staff, partners) have doors of their own for good reason. Where context is lost between services,
each callee seems to be an entry: where no trace crosses a service nothing is said.

What to do
----------
Put a gateway before them; or, if there is one, let it record spans and pass the context on.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis._wording import percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.detectors._requests import affected_traces
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    answers_of,
    calls_between,
    is_probe,
    not_assessable,
)
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="scattered_entry",
    family="boundaries",
    title="Scattered entry",
    facts=("calls", "requests"),
    limits={
        "services": Limit(3, "services", "services that requests from outside enter, at least"),
        "share": Limit(0.05, "", "share of the requests from outside that each has, from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer whether requests from outside enter at many services."""
    if evidence.shared(calls_between).empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    requests = evidence["requests"]
    outside = requests[(requests["entry_kind"] == "server") & (requests["entry_service"] != "")]
    if outside.empty:
        return not_assessable(INFO.name, "server spans at the top of a trace (span kind)")
    probes = outside["entry_operation"].map(lambda name: is_probe(name, evidence.roles)).astype(bool)
    called = outside["requests"] > outside["orphaned"]
    left = int(outside.loc[probes, "requests"].sum())
    suppressed = (
        [f"{left:,} requests of {outside.loc[probes, 'entry_service'].nunique()} services: probes"] if left else []
    )
    entering = outside[called & ~probes]
    count = (entering["requests"] - entering["orphaned"]).groupby(entering["entry_service"]).sum()
    findings = () if len(count) < limits["services"] else (_finding(evidence, limits, entering, count, left),)
    return answers_of(INFO.name, suppressed)(outcome="found" if findings else "not_found", findings=findings)


def _finding(evidence: Evidence, limits: Limits, entering: pd.DataFrame, count: pd.Series, left: int) -> Finding:
    whole = int(count.sum())
    shares = {str(name): int(number) / whole for name, number in count.items()}
    many = [name for name, share in sorted(shares.items()) if share >= limits["share"]]
    traces = affected_traces(evidence, entering["traces"])
    latency = merged_histogram(entering["latency"])
    listed = ", ".join(f"{name} ({percent(share)})" for name, share in sorted(shares.items()))
    services = tuple(sorted(shares))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=len(many) >= limits["services"])),
        confidence=trust.confidence(0.6, _SENSITIVE_TO, traces),
        title=f"Requests from outside enter at {len(shares)} services",
        summary=f"{whole:,} requests have no caller: {listed}.",
        services=services,
        subject={"services": sorted(shares)},
        measures={
            "services": len(shares),
            "above_share": many,
            "requests": whole,
            "shares": {name: round(share, 4) for name, share in sorted(shares.items())},
        },
        limits=dict(limits),
        cost={"total_ms": ms(entering["total_ns"].sum()), "calls": whole},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(merged_exemplars(entering["exemplars"]), latency.percentile(0.5) if latency.count else 0.0),
        considered=(
            "an ingress that records no spans would look the same: low at most",
            f"{left:,} requests of probes were left out, and spans that name a parent which is missing",
            *trust.sentences(_SENSITIVE_TO, traces),
        ),
        remedy="Put a gateway before them; or, if there is one, let it record spans and pass the context on.",
    )
