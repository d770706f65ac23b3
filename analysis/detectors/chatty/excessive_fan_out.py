"""Excessive fan-out.

What it finds
-------------
One span that calls other services more than twenty times, or more than five different services.

Why it matters
--------------
A request that waits for many is as slow as the slowest of them and fails if one does: where each of twenty calls is
slow once in a hundred, every fifth request is (Dean and Barroso, The Tail at Scale, 2013). Its load multiplies: one
user makes twenty requests.

How it decides
--------------
By the calls under each span; failed calls, which are mostly tried again, do not count, nor do messages and calls of
stores.
Reported are operations with spans that make more than ``calls`` calls (20, house default) or call more than
``callees`` services (5, house default). More than twenty calls of one endpoint are told as N+1 calls, once.

The penalty of the slowest is the longest call less the median one, where the calls run at once and the longest is on
the critical path; calls in series pay for all of them, which serial and N+1 calls tell. Worth
fixing is a fan-out whose penalty is ``cost_ms`` (50, house default) or more at p95; severity then follows from its
share of the p95 of an entry operation. This is also what not waiting for the slowest would save.

Example
-------
Flagged: ``search`` asks thirty shards, and waits 400 ms for the last where the median answers in 20.
Better: it asks those that can hold an answer, at most eight at once, and answers without those that are late.

What it can mistake
-------------------
A gateway or a backend for a frontend gathers from many by design (known by its name, or because no service calls it,
it keeps no data and calls three services or more), and so does a consumer of batches or a job: for information only.

What to do
----------
Put calls of one service together (a batch endpoint); bound how many run at once; set a deadline and answer with what
is there.
"""

from __future__ import annotations

from typing import Final

from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import (
    PERCENTILE,
    affected_traces,
    entries,
    fronts_seen,
    largest_share,
)
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="excessive_fan_out",
    family="chatty",
    title="Excessive fan-out",
    facts=("fan_outs", "calls", "requests", "operations"),
    limits={
        "calls": Limit(20, "calls", "calls of one span beyond which it fans out too far"),
        "callees": Limit(5, "services", "callees of one span beyond which it fans out too far"),
        "cost_ms": Limit(50, "ms", "worth fixing from this penalty of the slowest call on, at p95"),
    },
    after=("n_plus_one_calls",),
)
_SENSITIVE_TO: Final = ("compressed", "kinds", "orphans", "sampling")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations call too many at once."""
    operations = evidence["operations"]
    calling = operations["kind"].eq("client") & ~operations["category"].isin(["database", "cache"])
    if not calling.any():
        missing = ("spans of calls to other services that say their kind (client)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    fans = evidence.rows("fan_outs")
    wide = fans.only((fans["fan"] > limits["calls"]) | (fans["callees"] > limits["callees"]))
    fronts = evidence.shared(fronts_seen)
    findings, suppressed = [], []
    for (service, operation), rows in wide.groups("service", "operation"):
        one_template = rows.total("templates") == rows.total("requests")
        if one_template and _is_n_plus_one(evidence, service, operation):
            suppressed.append(f"{operation} of {service}: one endpoint again and again, told as N+1 calls")
        else:
            findings.append(_finding(evidence, limits, service, operation, rows, front=service in fronts))
    return Assessment(
        INFO.name,
        INFO.family,
        "found" if findings else "not_found",
        tuple(findings),
        suppressed=tuple(suppressed),
    )


def _is_n_plus_one(evidence: Evidence, service: str, operation: str) -> bool:
    answer = evidence.answers.get("n_plus_one_calls")
    return answer is not None and any(
        found.subject["service"] == service and found.subject["operation"] == operation for found in answer.findings
    )


def _finding(evidence: Evidence, limits: Limits, service: str, operation: str, rows: Rows, *, front: bool) -> Finding:
    affected = affected_traces(evidence, rows["traces"])
    calls, penalty, critical = (rows.histogram(f"{name}_per_request") for name in ("calls", "penalty", "critical"))
    background = bool(rows["background"].all())
    waited = rows.only(~rows["background"])
    share = largest_share(evidence, waited, "penalty_per_request")
    paid = penalty.percentile(PERCENTILE)
    at_p95 = round(calls.percentile(PERCENTILE), 2)
    callees = int(rows["callees"].max())
    passes = paid >= limits["cost_ms"] * 1e6 and not front and not background
    considered = ["calls that failed, messages and calls of stores were not counted"]
    if front:
        considered.append(f"{service} is a gateway or backend for a frontend: gathering is its part, information only")
    if background:
        considered.append("a job or a consumer of messages: no user waits, for information only")
    if _is_n_plus_one(evidence, service, operation):
        considered.append("part of the calls is told as N+1 calls")
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.9,
        _SENSITIVE_TO,
        considered,
        severity=severity(Weight(passes_limits=passes, share_of_p95=share)),
        title=f"{operation} of {service} fans out to {at_p95:g} calls of up to {callees} services",
        summary=(
            f"One span of {operation} makes {round(calls.percentile(0.5), 2):g} calls (median; p95 {at_p95:g}) of up "
            f"to {callees} services. Waiting for the slowest rather than the median call costs {duration(ms(paid))} "
            "at p95."
        ),
        services=(service,),
        subject={"service": service, "operation": operation},
        measures={
            "calls_p50": round(calls.percentile(0.5), 2),
            "calls_p95": at_p95,
            "callees_max": callees,
            "spans": rows.total("requests"),
            "calls": rows.total("calls"),
            "penalty_ms_p95": ms(paid),
            "share_of_p95": share,
            "entries": entries(rows),
        },
        cost={
            **on_path(critical, rows["critical_ns"].sum()),
            "calls_per_trace_p95": at_p95,
        },
        saving=on_path(penalty, rows["penalty_ns"].sum()),
        exemplars=examples(rows.exemplars, critical.percentile(0.5)),
        remedy=(
            "Put the calls of one service together (a batch endpoint), bound how many run at once, and set a deadline "
            "after which the answer is made of what is there."
        ),
    )
