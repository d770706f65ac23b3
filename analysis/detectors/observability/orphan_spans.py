"""Orphan spans.

What it finds
-------------
Operations whose spans name a parent that is not in the export: the trace breaks there.

Why it matters
--------------
A broken trace hides who called. Calls are missing from the service graph, chains look shorter than they are, and a
failure cannot be followed to the user. Every count that crosses the break is a lower bound.

How it decides
--------------
By operation: the share of its spans that name a parent (roots aside) whose parent is absent; worth fixing above
``share`` (5 %, house default) from ``spans`` spans on (20, house default). Orphans that start within the longest
request's reach of the ends of the export's window are set aside: their parent may simply lie outside. Below the share
it is reported as ``info``.

``medium`` where such spans appear in 5 % of all traces or more.

Example
-------
Flagged: all 300 ``POST /charge`` server spans of ``payments`` name a parent that nobody recorded.
Better: the proxy in front of ``payments`` forwards ``traceparent`` and records its own span, or passes the header on
untouched.

What it can mistake
-------------------
An export that was filtered by service, a vendor's index that keeps only some spans of a trace, and tail sampling by
span look the same. Asynchronous work that ends after the export was taken does too.

What to do
----------
Find the hop above the operation (proxy, queue, thread pool, hand-written client) and let it pass the trace context on.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="orphan_spans",
    family="observability",
    title="Orphan spans",
    facts=("orphans",),
    limits={
        "share": Limit(0.05, "", "share of an operation's spans with a parent that may be without it"),
        "spans": Limit(20, "spans", "spans that name a parent from which a share is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("sampling",)
_REMEDY: Final = (
    "Let the hop above {operation} (proxy, queue, thread pool, hand-written client) pass the trace context on, "
    "and export its spans to the same place."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer at which operations traces break."""
    orphans = evidence.rows("orphans")
    if not orphans.total("with_parent"):
        missing = ("spans that name a parent (parentSpanId): every span is a root",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings = []
    for (service, operation), rows in orphans.groups("service", "operation"):
        lost = rows.total("orphans") - rows.total("cut")
        if lost:
            findings.append(_finding(evidence, limits, service, operation, rows, lost))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _finding(evidence: Evidence, limits: Limits, service: str, operation: str, rows: Rows, lost: int) -> Finding:
    with_parent, cut = rows.total("with_parent"), rows.total("cut")
    broken = rows.only(rows["lost"])
    traces = broken.total("traces")
    share = lost / (with_parent - cut)
    passes = share > limits["share"] and with_parent - cut >= limits["spans"]
    share_of_traces = traces / evidence.traces if evidence.traces else 0.0
    kinds = ", ".join(sorted(set(broken["kind"])))
    considered = [f"{cut:,} more orphans lie at the ends of the export's window and were set aside"] if cut else []
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered += trust.sentences(_SENSITIVE_TO, traces)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=passes, share_of_requests=share_of_traces)),
        confidence=trust.confidence(0.95, _SENSITIVE_TO, traces),
        title=f"{operation} of {service or 'an unnamed service'} loses its parent in {share:.0%} of its spans",
        summary=(
            f"{lost:,} of {with_parent - cut:,} {kinds} spans of {operation} name a parent that is not in the export, "
            f"in {traces:,} traces: who called them cannot be seen."
        ),
        services=services,
        subject={"service": service, "operation": operation},
        measures={
            "orphans": lost,
            "with_parent": with_parent - cut,
            "orphan_share": round(share, 6),
            "cut": cut,
        },
        limits=dict(limits),
        cost={"share_of_traces": round(share_of_traces, 6), "total_ms": ms(0)},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(share_of_traces, 4),
        exemplars=examples(broken.exemplars, 0.0),
        considered=tuple(considered),
        remedy=_REMEDY.format(operation=operation),
    )
