"""Chatty pair.

What it finds
-------------
Two services that talk back and forth to serve one request: one calls the other five times or more where a coarser
call would do.

Why it matters
--------------
Every call pays network, serialisation and a place in a queue, and can fail on its own. Two services that cannot do
one thing without a conversation are one thing that was cut in two: what one changes the other must follow.

How it decides
--------------
By the synchronous calls of one service to another in each request. Reported are edges with ``calls`` calls or more
(5, house default) at p95 over the requests that use the edge, if it is used in ``share`` (0.1, house default) of the
requests of some entry operation: the exception of one page in a thousand is no design. All endpoints of the callee
count together; one endpoint called again and again is told as N+1 calls.

The network's share is the caller's time less the callee's, of calls of which both spans were seen. Worth fixing is a
pair where one call in place of all would save ``cost_ms`` (10, house default) or more at p95: of n calls the way of
n - 1, on the critical path. Severity then follows from the share of this in the p95 of an entry operation.

Example
-------
Flagged: to place an order ``orders`` asks ``customers`` for the record, the addresses, the contact and the consents,
and then writes the record: five calls.
Better: ``GET /customers/7/checkout`` answers all of it at once; or the two are one service.

What it can mistake
-------------------
A gateway or a backend for a frontend is there to call many (known by its name, or because no service calls it, it
keeps no data and calls three services or more), and streams and subscriptions are meant to talk: both for information
only. Attempts after failures are calls, too; the finding says how many failed.

What to do
----------
Give the callee a coarser endpoint for what the caller does; or move what they talk about to one side; or merge them.
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
from analysis.trust import NO_CROSSING

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="chatty_pair",
    family="chatty",
    title="Chatty pair",
    facts=("conversations", "calls", "requests"),
    limits={
        "calls": Limit(5, "calls", "calls of a request from one service to another, at p95"),
        "share": Limit(0.1, "", "share of the requests of some entry operation that use the edge"),
        "cost_ms": Limit(10, "ms", "worth fixing from this time on, saved on the way at p95"),
    },
    after=("n_plus_one_calls",),
)
_SENSITIVE_TO: Final = ("compressed", "kinds", "orphans", "sampling", "skew", "routes")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services hold conversations with each other."""
    talks = evidence.rows("conversations")
    if not len(talks):
        missing = (f"synchronous calls between two services: {NO_CROSSING}",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    fronts = evidence.shared(fronts_seen)
    findings, suppressed = [], []
    for (caller, callee), rows in talks.groups("caller", "callee"):
        calls = rows.histogram("calls_per_request")
        if calls.percentile(PERCENTILE) < limits["calls"] or _entry_share(evidence, rows) < limits["share"]:
            continue
        if rows.total("operations") == rows.total("requests") and _is_n_plus_one(evidence, caller, callee):
            suppressed.append(f"{caller} and {callee}: one endpoint again and again, told as N+1 calls")
        else:
            findings.append(_finding(evidence, limits, caller, callee, rows, front=caller in fronts))
    return Assessment(
        INFO.name,
        INFO.family,
        "found" if findings else "not_found",
        tuple(findings),
        suppressed=tuple(suppressed),
    )


def _entry_share(evidence: Evidence, rows: Rows) -> float:
    """Return the largest share (0..1) of the requests of an entry operation that use an edge."""
    shares = [0.0]
    for entry, group in rows.by_entry():
        used = group.total("requests")
        shares.append(used / max(1, evidence.request_count.get(entry, used)))
    return max(shares)


def _is_n_plus_one(evidence: Evidence, caller: str, callee: str) -> bool:
    answer = evidence.answers.get("n_plus_one_calls")
    return answer is not None and any(
        found.subject["service"] == caller and found.subject["target"] == callee for found in answer.findings
    )


def _finding(evidence: Evidence, limits: Limits, caller: str, callee: str, rows: Rows, *, front: bool) -> Finding:
    affected = affected_traces(evidence, rows["traces"])
    total = {name: rows.total(name) for name in ("calls", "errors", "streams", "requests", "operations", "paired")}
    calls, way, saving, critical = (
        rows.histogram(f"{name}_per_request") for name in ("calls", "way", "saving", "critical")
    )
    client_ns, network_ns = int(rows["client_ns"].sum()), int((rows["client_ns"] - rows["server_ns"]).sum())
    network = round(max(0, network_ns) / client_ns, 4) if client_ns else None
    streaming = 2 * total["streams"] >= total["calls"]
    saved = saving.percentile(PERCENTILE)
    share = largest_share(evidence, rows, "saving_per_request")
    median, at_p95 = (round(calls.percentile(part), 2) for part in (0.5, PERCENTILE))
    passes = saved >= limits["cost_ms"] * 1e6 and not front and not streaming
    on_the_way = "" if network is None else f"; {network:.0%} of the caller's time is spent on the way"
    considered = [f"the edge is used in {_entry_share(evidence, rows):.0%} of the requests of an entry operation"]
    if front:
        considered.append(f"{caller} is a gateway or backend for a frontend: calling is its part, for information only")
    if streaming:
        considered.append("most calls are streams or subscriptions, which are meant to talk: for information only")
    if total["errors"]:
        considered.append(
            f"{total['errors']} calls failed; failed calls, which are mostly tried again, were not counted"
        )
    if _is_n_plus_one(evidence, caller, callee):
        considered.append("part of the calls is told as N+1 calls")
    if not total["paired"]:
        considered.append("no span of the callee was joined with its caller's: the time on the way is not known")
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.9,
        _SENSITIVE_TO,
        considered,
        severity=severity(Weight(passes_limits=passes, share_of_p95=share)),
        title=f"{caller} calls {callee} {at_p95:g} times a request{'' if median == at_p95 else ' at p95'}",
        summary=(
            f"{caller} makes {median:g} calls to {callee} in a request (median; p95 "
            f"{at_p95:g}){on_the_way}. One call in place of all would save {duration(ms(saved))} at p95."
        ),
        services=tuple(sorted((caller, callee))),
        subject={"caller": caller, "callee": callee},
        measures={
            "calls_per_trace_p50": median,
            "calls_per_trace_p95": at_p95,
            "calls": total["calls"],
            "errors": total["errors"],
            "requests": total["requests"],
            "operations_per_request": round(total["operations"] / max(1, total["requests"]), 2),
            "network_share": network,
            "network_ms": ms(max(0, network_ns)) if client_ns else None,
            "saved_share_of_p95": share,
            "entries": entries(rows),
        },
        cost={
            **on_path(critical, rows["critical_ns"].sum()),
            "way_ms_p95": ms(way.percentile(PERCENTILE)),
            "calls_per_trace_p95": at_p95,
        },
        saving={
            **on_path(saving, rows["saving_ns"].sum()),
            "calls": total["calls"] - total["requests"],
        },
        exemplars=examples(rows.exemplars, critical.percentile(0.5)),
        remedy=(
            f"Give {callee} one endpoint for what {caller} does in these calls; or move what they talk about to one "
            "side; or merge the two."
        ),
    )
