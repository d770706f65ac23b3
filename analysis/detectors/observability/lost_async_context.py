"""Lost asynchronous context.

What it finds
-------------
Consumers whose spans begin a trace of their own: they name neither a parent nor a link, though producers are traced.

Why it matters
--------------
The trace ends at the queue. Nobody sees which request caused the work behind it, how long a message waited, or that a
failure there belongs to an order that was accepted.

How it decides
--------------
By service and destination: consumer spans (span kind consumer) without parent and without link. Worth fixing above
``share`` (5 %) from ``spans`` consumer spans on (20; house defaults, as for orphans), where the export holds producer
spans of the same messaging system, so that a context was there to be passed on; else ``info``. Spans of receiving or
polling are set aside where the same service has spans of processing for the destination: the semantic conventions let
a poll begin a trace, and the processing carries the context. ``medium`` where such spans appear in 5 % of all traces or
more.

Example
-------
Flagged: ``notifications`` reads ``order.placed`` by a wrapper of its own; each of its 93 ``process`` spans is a root.
Better: the wrapper extracts ``traceparent`` from the message's headers, and starts its span with it as parent or link.

What it can mistake
-------------------
Messages from outside (a partner's topic, a scheduler, a dead-letter queue replayed by hand) have no context. A queue
that is bound to a topic has another name than the topic: producers are looked for by system, not by name only.

What to do
----------
Inject the trace context into the message's headers when publishing and extract it when consuming; use links for
batches.
"""

from __future__ import annotations

from typing import Final

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="lost_async_context",
    family="observability",
    title="Lost asynchronous context",
    facts=("messages",),
    limits={
        "share": Limit(0.05, "", "share of a destination's consumer spans with neither parent nor link"),
        "spans": Limit(20, "spans", "consumer spans from which a share is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "sampling", "destinations")
_POLLING: Final = ("receive", "poll")
_REMEDY: Final = (
    "Let {service} extract the trace context from the headers of {destination}, as parent of its span or as link; "
    "check that the producer injects it."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which consumers lose the context of their messages."""
    messages = evidence["messages"]
    consumers = messages[messages["kind"] == "consumer"]
    if consumers.empty:
        missing = ("consumer spans (span kind consumer)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    producers = messages[messages["kind"] == "producer"]
    findings = []
    for (service, destination), rows in consumers.groupby(["service", "destination"], sort=True):
        said = rows["step"].where(rows["step"] != "", rows["operation"].str.lower().str.rpartition(" ")[2])
        polling = said.isin(_POLLING)
        processing = rows if polling.all() else rows[~polling]
        if processing["alone"].any():
            polls = int(rows["spans"].sum() - processing["spans"].sum())
            findings.append(_finding(evidence, limits, str(service), str(destination), processing, producers, polls))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _finding(
    evidence: Evidence,
    limits: Limits,
    service: str,
    destination: str,
    rows: pd.DataFrame,
    producers: pd.DataFrame,
    polls: int,
) -> Finding:
    lost = rows[rows["alone"]]
    spans, alone, traces = int(rows["spans"].sum()), int(lost["spans"].sum()), int(lost["traces"].sum())
    share = alone / spans
    share_of_traces = min(1.0, traces / evidence.traces) if evidence.traces else 0.0
    published = int(producers.loc[producers["system"].isin(set(rows["system"])), "spans"].sum())
    here = int(producers.loc[producers["destination"] == destination, "spans"].sum())
    passes = share > limits["share"] and spans >= limits["spans"] and published > 0
    considered = [
        f"{published:,} producer spans of the same messaging system are in the export, {here:,} for this destination"
        if published
        else "no producer span of the same messaging system is in the export: the messages may come from outside"
    ]
    if polls:
        considered.append(f"{polls:,} spans of receiving or polling were set aside: the processing carries the context")
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered += trust.sentences(_SENSITIVE_TO, traces)
    who, what = service or "an unnamed service", destination or "a destination that nothing names"
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=passes, share_of_requests=share_of_traces)),
        confidence=trust.confidence(0.9 if here else 0.8, _SENSITIVE_TO, traces),
        title=f"{who} loses the trace of {share:.0%} of the messages from {what}",
        summary=(
            f"{alone:,} of {spans:,} consumer spans of {who} for {what} have neither parent nor link: "
            "which request they belong to cannot be seen."
        ),
        services=services,
        subject={"service": service, "destination": destination},
        measures={
            "alone": alone,
            "consumer_spans": spans,
            "alone_share": round(share, 6),
            "linked": int(rows["linked"].sum()),
            "producer_spans": published,
            "operations": sorted(set(lost["operation"])),
        },
        limits=dict(limits),
        cost={"share_of_traces": round(share_of_traces, 6), "total_ms": ms(0)},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(share_of_traces, 4),
        exemplars=examples(merged_exemplars(lost["exemplars"]), 0.0),
        considered=tuple(considered),
        remedy=_REMEDY.format(service=who, destination=what),
    )
