"""Redundant calls.

What it finds
-------------
The same question put to the same store or service twice or more while one request is served, by one service or by
several that do not know of each other, although nothing was written in between: the answer was there already.

Why it matters
--------------
Each repetition pays network, the callee's work and a place in its queue for nothing. Across services it is the sign of
an answer that nobody passes along: in a checkout the gateway, the orders and the prices each fetch the customer.

How it decides
--------------
Calls of one trace are one question if template, target and values are the same and the values are certain: literals
in a statement without placeholders, or the address of a request without a body. A call repeats the question if one
before it succeeded and has ended, and nothing was written in between to a table that it reads, or to the service
that it asks (a table that is not named may be any). Only calls that change nothing count. It is reported from ``calls``
calls of the question on (2).

Worth fixing is a question whose repetitions are open for ``cost_ms`` (10, house default) or more at p95 over the traces
that ask again. Severity then follows from their share of the p95 of an entry operation, on its critical path, requests
without a repetition included. This is also what keeping the answer would save.

Repetitions below a call that is repeated itself are told as that call only. Where N+1 queries or calls turn out to ask
for the same each time, they are told here.

Example
-------
Flagged: in one ``POST /checkout`` the gateway, ``orders`` and ``pricing`` each call ``GET /customers/7``.
Better: the gateway passes the customer along; or each service keeps the answer for the rest of the request.

What it can mistake
-------------------
Another attempt after a failure, a second request sent while the first is open (hedging), polling (long pauses under one
span) and a read after a write are told apart, and listed with the answer. Answers may depend on a header that is no
part of the address. Where values are hidden (placeholders, bodies, RPC), nothing is claimed.

What to do
----------
Keep the answer for the rest of the request (a request-scoped cache), or pass it along to those who ask for it again.
"""

from __future__ import annotations

from typing import Final

from analysis._wording import duration, listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, entries, largest_share, shortened
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="redundant_calls",
    family="chatty",
    title="Redundant calls",
    facts=("same_questions", "requests"),
    limits={
        "calls": Limit(2, "calls", "a question is asked again from this many calls in a trace on (median)"),
        "cost_ms": Limit(10, "ms", "worth fixing from this time of the repeated calls on, at p95"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "sampling", "skew", "truncated_statements")
_NOT_REDUNDANT: Final = {
    "retry": "tried again after a failure",
    "hedging": "asked again while the first was open: hedged, asked at once, or told by two instrumentations",
    "polling": "asked again after pauses: polling",
    "written": "asked again after a write: a read of what was written",
}


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which questions are asked again within a request."""
    asked = evidence.rows("same_questions")
    if not len(asked):
        missing = ("values of calls that only read: url.full or url.path of HTTP calls, literals in db.query.text",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings = []
    for (template, target), rows in asked.where(verdict="repeated").groups("template", "target"):
        if rows.histogram("calls_per_request").percentile(0.5) >= limits["calls"]:
            findings.append(_finding(evidence, limits, template, target, rows))
    return Assessment(
        INFO.name,
        INFO.family,
        "found" if findings else "not_found",
        tuple(findings),
        suppressed=tuple(_set_aside(asked)),
    )


def _set_aside(asked: Rows) -> list[str]:
    apart = asked.only(asked.among("verdict", _NOT_REDUNDANT))
    said = []
    for (template, target, verdict), rows in apart.groups("template", "target", "verdict"):
        traces = rows.total("requests")
        said.append(f"{shortened(template)} of {target}: {_NOT_REDUNDANT[verdict]} ({traces:,} traces)")
    return said


def _finding(evidence: Evidence, limits: Limits, template: str, target: str, rows: Rows) -> Finding:
    callers = sorted({caller for cell in rows["callers"] for caller in cell if caller})
    affected = affected_traces(evidence, rows["requests"])
    calls, repeated, questions = (rows.total(name) for name in ("calls", "repeated", "questions"))
    per_request, critical = (rows.histogram(f"{name}_per_request") for name in ("calls", "critical"))
    open_p95 = rows.histogram("open_per_request").percentile(PERCENTILE)
    waited = rows.only(~rows["background"])
    share = largest_share(evidence, waited, "critical_per_request")
    category = str(rows["category"][0])
    cached = category == "cache"
    several = len(callers) > 1
    who = listed(callers)
    median, at_p95 = round(per_request.percentile(0.5), 2), round(per_request.percentile(PERCENTILE), 2)
    cost = {
        **on_path(critical, rows["critical_ns"].sum()),
        "open_ms_p95": ms(open_p95),
        "calls_per_trace_p95": at_p95,
    }
    saving = {name: cost[name] for name in ("critical_path_ms_p50", "critical_path_ms_p95", "total_ms")}
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.9,
        _SENSITIVE_TO,
        _considered(rows, cached),
        severity=severity(Weight(passes_limits=open_p95 >= limits["cost_ms"] * 1e6 and not cached, share_of_p95=share)),
        title=f"{who} ask{'' if several else 's'} {target} the same again within a request: {shortened(template)}",
        summary=(
            f"Of {calls:,} calls in {affected:,} traces {repeated:,} ask for what was answered before ({median:g} "
            f"calls a trace, p95 {at_p95:g}). The repetitions take {duration(cost['critical_path_ms_p95'])} of the "
            "critical path at p95."
        ),
        services=tuple(sorted({*callers, target} if category in ("http", "rpc") else set(callers))),
        subject={"template": template, "target": target},
        measures={
            "callers": callers,
            "calls": calls,
            "repeated": repeated,
            "questions": questions,
            "calls_per_trace_p50": median,
            "calls_per_trace_p95": at_p95,
            "category": category,
            "across_services": several,
            "share_of_p95": share,
            "entries": entries(rows),
        },
        cost=cost,
        saving={**saving, "calls": repeated},
        exemplars=examples(rows.exemplars, critical.percentile(0.5)),
        remedy=_remedy(target, several, cached),
    )


def _considered(rows: Rows, cached: bool) -> list[str]:
    said = [
        "the values of all calls are seen and equal",
        "nothing was written in between to what they read, as far as the trace tells",
        "attempts after failures, calls at once and polling were not counted",
    ]
    if cached:
        said.append("reads of a cache are cheap and often meant, so it is for information only")
    if rows["background"].all():
        said.append("a background job or message: no user waits, so severity is low at most")
    return said


def _remedy(target: str, several: bool, cached: bool) -> str:
    if cached:
        return "Keep the value for the rest of the request, if the time matters."
    if several:
        return f"Pass the answer of {target} along with the calls between these services, or keep it for the request."
    return "Ask once and keep the answer for the rest of the request (a request-scoped cache)."
