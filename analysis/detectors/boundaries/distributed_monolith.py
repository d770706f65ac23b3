"""Distributed monolith.

What it finds
-------------
An operation for which the same services, most of all there are, must work together every time, and wait for each other.

Why it matters
--------------
Services that always act together are one program whose calls go over a network: they are slow together, down together
and released together, with none of the freedom that the boundaries were to buy.

How it decides
--------------
By the services that a request waits for. An operation is flagged where the same set of services is in at least ``same``
(0.8, catalogue) of its requests, the set holds at least ``reach`` (0.5, catalogue) of all services, and less than
``asynchronous`` (0.1, catalogue) of the edges between services are messages. With fewer than ``services`` (5,
catalogue) services, or ``requests`` (10, house default) requests of the operation, nothing is said. Worth fixing when
the way between the services takes at least ``ms`` (5 ms, house default) of the critical path of a request at p95;
severity by its share of the operation's p95.

Example
-------
Flagged: each checkout waits for eight of ten services, from the cart to the loyalty points.
Better: the checkout waits for stock and payment; points, mails and parcels follow the event that an order was placed.

What it can mistake
-------------------
A page that a gateway gathers is there to call everybody: a read (GET, HEAD) that enters at one is left out and listed
with the answer. A small system has
no other services to leave out. A window of one use case shows only what that one needs.

What to do
----------
Make it a modular monolith, which saves the way; or let what need not be finished before the answer follow by events.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from analysis._wording import duration, listed, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, fronts_seen, largest_share
from analysis.detectors._rows import Rows
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
    name="distributed_monolith",
    family="boundaries",
    title="Distributed monolith",
    facts=("calls", "request_services", "requests", "trace_services"),
    limits={
        "same": Limit(0.8, "", "share of an operation's requests that wait for the same services", "catalogue"),
        "reach": Limit(0.5, "", "share of all services that are among them", "catalogue"),
        "asynchronous": Limit(0.1, "", "share of the edges between services that are messages, below", "catalogue"),
        "services": Limit(5, "services", "services that there are, at least", "catalogue"),
        "requests": Limit(10, "requests", "requests of the operation, at least"),
        "ms": Limit(5, "ms", "time on the way, on the critical path at p95, from which it is worth fixing"),
    },
)
#: How the operations begin that change nothing.
_READS: Final = ("GET ", "HEAD ")
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations need the same, most of the services every time."""
    between = evidence.shared(calls_between)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    every = {name for services in evidence["trace_services"]["services"] for name in services}
    if len(every) < limits["services"]:
        small = f"{len(every)} services: too few to tell a monolith from a small system"
        return answers_of(INFO.name, (small,))(outcome="not_found")
    messages = _message_edges(evidence["calls"])
    asynchronous = messages / (messages + len(between))
    fronts = evidence.shared(fronts_seen)
    findings, suppressed = [], []
    for (service, operation), rows in evidence.rows("request_services").by_entry():
        if not service or is_probe(operation, evidence.roles):
            continue
        requests, ways = rows["requests"].tolist(), rows["services"].tolist()
        order = sorted(range(len(rows)), key=lambda place: (-requests[place], ways[place]))
        usual, services = rows.only(np.array(order[:1])), tuple(ways[order[0]])
        same = requests[order[0]] / sum(requests)
        reach = len(services) / len(every)
        if same < limits["same"] or reach < limits["reach"]:
            continue
        if service in fronts and operation.startswith(_READS):
            suppressed.append(f"{service} {operation}: a page that a gateway gathers")
            continue
        if sum(requests) < limits["requests"]:
            suppressed.append(f"{service} {operation}: seen in too few requests to tell what is so every time")
            continue
        if asynchronous >= limits["asynchronous"]:
            suppressed.append(
                f"{service} {operation} waits for {len(services)} of {len(every)} services, but "
                f"{percent(asynchronous)} of the edges between services are messages"
            )
            continue
        shares = {"same": same, "reach": reach, "asynchronous": asynchronous}
        findings.append(_finding(evidence, limits, (service, operation), services, usual, shares))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _message_edges(calls: pd.DataFrame) -> int:
    """Count the pairs of a service or queue and a service that takes messages from it."""
    taken = calls[
        (calls["kind"] == "async") & (calls["callee_kind"] == "service") & (calls["caller"] != calls["callee"])
    ]
    return len(taken[["caller", "callee"]].drop_duplicates())


def _finding(
    evidence: Evidence,
    limits: Limits,
    entry: tuple[str, str],
    services: tuple[str, ...],
    rows: Rows,
    shares: dict[str, float],
) -> Finding:
    way = rows.histogram("way_per_request")
    at_p50, at_p95 = (ms(way.percentile(share)) for share in (0.5, PERCENTILE))
    share = largest_share(evidence, rows, "way_per_request")
    traces = affected_traces(evidence, rows["traces"])
    total, calls = ms(rows.total("way_ns")), rows.total("calls")
    service, operation = entry
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=at_p95 >= limits["ms"], share_of_p95=share)),
        confidence=trust.confidence(0.75, _SENSITIVE_TO, traces),
        title=f"{service} {operation} needs the same {len(services)} services every time",
        summary=(
            f"{percent(shares['same'])} of the requests wait for {listed(services)}: {percent(shares['reach'])} of "
            f"all services. The way between them takes {duration(at_p95)} of the critical path at p95."
        ),
        services=services,
        subject={"service": service, "operation": operation},
        measures={
            "same_share": round(shares["same"], 4),
            "reach_share": round(shares["reach"], 4),
            "asynchronous_share": round(shares["asynchronous"], 4),
            "services": len(services),
            "requests": rows.total("requests"),
            "share_of_p95": share,
        },
        limits=dict(limits),
        cost={"critical_path_ms_p50": at_p50, "critical_path_ms_p95": at_p95, "total_ms": total, "calls": calls},
        saving={"critical_path_ms_p50": at_p50, "critical_path_ms_p95": at_p95, "total_ms": total, "calls": calls},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(rows.exemplars, way.percentile(0.5)),
        considered=(
            "services that are reached by messages only were left out; so were probes",
            "whether the request could do without some of them was not looked at",
            *trust.sentences(_SENSITIVE_TO, traces),
        ),
        remedy="Make it a modular monolith; or let what need not be finished before the answer follow by events.",
    )
