"""Time blind spot.

What it finds
-------------
Operations that spend most of their time where no span looks: they have children, but none runs in half of it or more.

Why it matters
--------------
Where the time goes cannot be told: computing, serialising, waiting for a lock, a thread or a connection, a call that is
not instrumented. Whatever is made faster elsewhere leaves that part as it is.

How it decides
--------------
By operation: spans with children of which at least ``share`` (50 %) and at least ``blind_ms`` (100 ms) have no child
running; worth fixing from ``spans`` such spans on (5), if they are at least ``of_spans`` (5 %) of the operation's
(house defaults). Fewer, such as a pause of the runtime now and then, are ``info``. Set aside are client and producer
spans (between a call and its callee lies the network), spans of connecting or waiting for a pool, which name what
they wait for, and the pauses between attempts of one call or between polls of another service (three times or more
the same, with pauses much longer than the answers). Severity follows the blind time on the critical path at p95, over
all requests of the entry operation, those without it included. The share is told in tenths, the time to the 1.6 % of
the histograms. Spans in whose middle a log record was written that names them are set aside too: there the log tells
what the spans do not.

Example
-------
Flagged: ``POST /invoices`` takes 900 ms; two queries of 20 ms are all that is seen in it, the document is made unseen.
Better: a span around rendering: ``with tracer.start_as_current_span("render invoice")``.

What it can mistake
-------------------
A span that waits on purpose: a long poll, a stream, a scheduled pause. A callee of one's own without instrumentation is
its own finding where its client span is there; where that is missing too, it is blind time.

What to do
----------
Put spans around the two or three steps that take the time, or profile the operation.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis._histogram import Histogram, bucket, mid
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import NANOSECONDS_PER_MS, examples, ms
from analysis.detectors._rows import Rows
from analysis.facts.blind_time import TENTHS
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="time_blind_spot",
    family="observability",
    title="Time blind spot",
    facts=("blind_time", "log_lines", "requests"),
    limits={
        "share": Limit(0.5, "", "share of a span in which no child runs, in tenths"),
        "blind_ms": Limit(100.0, "ms", "how long that is"),
        "spans": Limit(5, "spans", "such spans of an operation from which it is worth fixing"),
        "of_spans": Limit(0.05, "", "share they are of the operation's spans with children, from which likewise"),
    },
)
_SENSITIVE_TO: Final = ("compressed", "orphans", "sampling", "skew", "logs")
_LOGS: Final = "logs: no record names a span of the export, so what was logged in the meantime is not known"
_REMEDY: Final = "Put spans around the steps of {operation} of {service} that take the time, or profile it."


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer where time goes unseen."""
    blind = evidence.rows("blind_time")
    missing = () if evidence.rows("log_lines").total("with_span") else (_LOGS,)
    if not len(blind):
        unseen = "spans with children and with times, other than calls"
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(unseen, *missing))
    findings = []
    for (service, operation), rows in blind.groups("service", "operation"):
        dark = rows.only((rows["tenths"] >= round(limits["share"] * TENTHS, 6)) & ~rows["told"])
        long = _from(dark.histogram("blind"), limits["blind_ms"])
        if long.count:
            findings.append(_finding(evidence, limits, service, operation, rows, dark, long))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), missing)


def _from(histogram: Histogram, least_ms: float) -> Histogram:
    """Return the part of a histogram that holds at least some ms, to the precision of its buckets."""
    held = histogram.buckets >= bucket(round(least_ms * NANOSECONDS_PER_MS))
    return Histogram(histogram.buckets[held], histogram.counts[held])


def _finding(
    evidence: Evidence,
    limits: Limits,
    service: str,
    operation: str,
    rows: Rows,
    dark: Rows,
    long: Histogram,
) -> Finding:
    spans, parents = long.count, rows.total("spans")
    traces = min(dark.total("traces"), spans, evidence.traces)
    p50, p95 = long.percentile(0.5), long.percentile(0.95)
    total_ms = ms(sum(int(count) * mid(int(place)) for place, count in zip(long.buckets, long.counts, strict=True)))
    share_of_p95 = _share_of_p95(evidence, limits, dark)
    often = spans >= limits["spans"] and spans >= limits["of_spans"] * parents
    weight = Weight(passes_limits=often, share_of_p95=share_of_p95)
    critical = _from(dark.histogram("critical"), limits["blind_ms"])
    who = service or "an unnamed service"
    services = (service,) if service else ()
    trust = evidence.trust.of(services)
    considered = [
        f"{parents - spans:,} of {parents:,} spans of the operation with children are no blind spot",
        f"{duration(ms(dark.total('pause_ns')))} of pauses between attempts and polls were set aside",
        f"{rows.only(rows['told']).total('spans'):,} spans in whose middle a log record was written were set aside",
        "calls to others, spans of connecting, and of waiting for a pool, were left out",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    found = [exemplar for exemplar in dark.exemplars if bucket(exemplar.value) >= long.buckets[0]]
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.8, _SENSITIVE_TO, traces),
        title=f"{operation} of {who} spends {duration(ms(p50))} where no span looks",
        summary=(
            f"In {spans:,} of {parents:,} spans of {operation} with children, at least {limits['share']:.0%} of the "
            f"time passes without a child: {duration(ms(p50))} at the median, {duration(ms(p95))} at p95."
        ),
        services=services,
        subject={"service": service, "operation": operation},
        measures={
            "blind_spans": spans,
            "spans_with_children": parents,
            "blind_ms_p50": ms(p50),
            "blind_ms_p95": ms(p95),
            "share_of_p95": share_of_p95,
        },
        limits=dict(limits),
        cost={
            "critical_path_ms_p50": ms(critical.percentile(0.5)) if critical.count else 0.0,
            "critical_path_ms_p95": ms(critical.percentile(0.95)) if critical.count else 0.0,
            "total_ms": total_ms,
        },
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(tuple(found), p50),
        considered=tuple(considered),
        remedy=_REMEDY.format(operation=operation, service=who),
    )


def _share_of_p95(evidence: Evidence, limits: Limits, dark: Rows) -> float:
    """Return the largest share (0..1) of an entry operation's p95; requests without the blind spot cost nothing."""
    largest = 0.0
    for entry, rows in dark.by_entry():
        spent = _from(rows.histogram("critical"), limits["blind_ms"])
        free = max(0, evidence.request_count.get(entry, 0) - spent.count)
        none = Histogram.from_values(np.zeros(1, np.int64), np.array([free]))
        whole = Histogram.merged([spent, none])
        if whole.count:
            largest = max(largest, evidence.share_of_p95(entry, whole.percentile(0.95)))
    return round(largest, 4)
