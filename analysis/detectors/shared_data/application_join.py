"""Application join.

What it finds
-------------
A service that fetches lists from two services or more, and then the parts that belong to them from a service one by
one: a join of several services' data, made in the memory of one of them.

Why it matters
--------------
What a database does in one statement is done by a loop over the network. The request pays a call for every row, sees
each row at another moment, and cannot filter or sort before everything has been fetched.

How it decides
--------------
Within one visit of an operation: ``sources`` services (2, from the catalogue) have answered it from their stores,
and then it calls one endpoint of a service that answers from its store ``calls`` times or more (5, from the
catalogue). The values that the calls ask for differ, or are hidden (RPC, a body), which lowers confidence. Calls that
failed do not count. Worth fixing is a join whose calls take ``cost_ms`` (50, house default) or more of the critical
path at p95; severity then follows from the share of the p95 of an entry operation that one call instead would save.

One service asked for a list, and then for the parts, is an N+1 of calls, which another detector says; where both are
true the join stands for it.

Example
-------
Flagged: ``GET /dashboard`` of ``reports`` asks ``orders`` and ``customers`` for lists, then ``products`` for each line.
Better: a read model in ``reports``, fed by the events of the three.

What it can mistake
-------------------
That the ids come from the answers before is inferred from the order of the calls: bodies are not recorded. A gateway or
a backend for a frontend joins by design: a service with such a name, or one that only begins requests and has no store
of its own, is left out and listed with the answer; its repeated calls stay what they are.

What to do
----------
Keep a read model of what is shown together, fed by events; or have one call fetch all parts.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from analysis._wording import duration, listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms, named
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="application_join",
    family="shared_data",
    title="Application join",
    facts=("calls", "data_access", "joins", "requests"),
    limits={
        "sources": Limit(2, "services", "services that answered before the calls", "catalogue"),
        "calls": Limit(5, "calls", "calls of one endpoint by one visit", "catalogue"),
        "cost_ms": Limit(50, "ms", "worth fixing from this time on the critical path on, at p95"),
    },
)
_SENSITIVE_TO: Final = ("compressed", "orphans", "sampling", "skew")
_FRONT: Final = re.compile(r"\b(gateway|bff|frontend|front end|edge|graphql|web app|webapp)\b")
#: From this share of calls on that ask for something of their own, a run asks for parts.
_DISTINCT: Final = 0.8
#: From this share of calls on that the callee answers from a store, it is one that keeps entities.
_STORED: Final = 0.5
_PERCENTILE: Final = 0.95
_REMEDY: Final = (
    "Keep in {service} a read model of what it shows together, fed by the events of {owners}; or let {target} answer "
    "for all keys at once."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which operations join the data of several services one by one."""
    calls = evidence["calls"]
    between = calls[
        (calls["kind"] == "sync") & (calls["callee_kind"] == "service") & (calls["caller_kind"] == "service")
    ]
    if not between["paired"].sum():
        missing = ("calls between services of which both halves were seen (spans of client and server)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if evidence["data_access"].empty:
        missing = ("spans of database calls, by which services that keep entities are known (db.system.name)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    rows = evidence["joins"]
    known = rows["values"] >= _DISTINCT * (rows["calls"] - rows["hidden"])
    wide = rows["sources"].map(lambda names: len([name for name in names if name])) >= limits["sources"]
    rows = rows[known & wide & (rows["length"] >= limits["calls"]) & (rows["stored"] >= _STORED * rows["calls"])]
    findings: list[Finding] = []
    suppressed: list[str] = []
    for key, group in rows.groupby(["service", "operation", "target", "template"], sort=True):
        service, operation, target, template = named(key)
        if reason := _front(evidence, service):
            suppressed.append(f"{operation} of {service} joins data of {target} by design: {reason}")
        else:
            findings.append(_finding(evidence, limits, group, service, operation, target, template))
    answer = partial(Assessment, INFO.name, INFO.family, suppressed=tuple(suppressed))
    return answer("found", findings=tuple(findings)) if findings else answer("not_found")


def _front(evidence: Evidence, service: str) -> str:
    """Return why a service is there to put together what others know; "" where it is not."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[^0-9A-Za-z]+", " ", service).lower()
    if evidence.roles.gateway(service, otherwise=_FRONT.search(words) is not None):
        return "a gateway or a backend for a frontend"
    calls = evidence["calls"]
    asked = calls[(calls["callee"] == service) & (calls["caller"] != service) & (calls["caller_kind"] == "service")]
    if asked.empty and not (evidence["data_access"]["service"] == service).any():
        return "it begins requests and has no store of its own"
    return ""


def _share_of_p95(evidence: Evidence, rows: pd.DataFrame) -> float:
    """Return the largest share (0..1) of an entry operation's p95 that one call would save; others cost nothing."""
    largest = 0.0
    for (service, operation), group in rows.groupby(["entry_service", "entry_operation"], sort=True):
        entry = (str(service), str(operation))
        joins = int(group["joins"].sum())
        without = max(0, evidence.request_count.get(entry, joins) - joins)
        saved = [
            merged_histogram(group["saving_per_join"]),
            Histogram.from_values(np.zeros(1, np.int64), np.array([without])),
        ]
        largest = max(largest, evidence.share_of_p95(entry, Histogram.merged(saved).percentile(_PERCENTILE)))
    return round(largest, 4)


def _finding(
    evidence: Evidence, limits: Limits, rows: pd.DataFrame, service: str, operation: str, target: str, template: str
) -> Finding:
    sources = sorted({name for names in rows["sources"] for name in names if name})
    joins, calls = int(rows["joins"].sum()), int(rows["calls"].sum())
    affected = min(evidence.traces, int(rows["traces"].sum()))
    critical, saving = merged_histogram(rows["critical_per_join"]), merged_histogram(rows["saving_per_join"])
    times = merged_histogram(rows["calls_per_join"])
    hidden = int(rows["hidden"].sum()) / calls
    share = _share_of_p95(evidence, rows)
    passes = critical.percentile(_PERCENTILE) >= limits["cost_ms"] * 1e6
    considered = [
        f"{listed(sources)} had answered before the first of the calls; that the ids are theirs is inferred",
        f"{hidden:.0%} of the calls hide what they ask for" if hidden else "the calls ask for different things",
    ]
    where = f"{operation} of {service}"
    median, often = (round(times.percentile(part), 2) for part in (0.5, _PERCENTILE))
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.8 - 0.2 * hidden,
        _SENSITIVE_TO,
        considered,
        severity=severity(Weight(passes_limits=passes, share_of_p95=share)),
        title=f"{where} joins data of {listed(sources)} with {target} by {often:g} calls a request"
        f"{'' if median == often else ' at p95'}",
        summary=(
            f"After answers of {listed(sources)}, {where} calls {template} of {target} "
            f"{median:g} times a request (median). They take "
            f"{duration(ms(critical.percentile(_PERCENTILE)))} of the critical path at p95; one call instead would "
            f"save {duration(ms(saving.percentile(_PERCENTILE)))}."
        ),
        services=tuple(sorted({service, target, *sources})),
        subject={"service": service, "operation": operation, "target": target, "template": template},
        measures={
            "sources": sources,
            "joins": joins,
            "calls": calls,
            "calls_per_trace_p50": round(times.percentile(0.5), 2),
            "calls_per_trace_p95": often,
            "hidden_share": round(hidden, 4),
            "saved_share_of_p95": share,
        },
        cost={
            **on_path(critical, rows["critical_ns"].sum()),
            "calls_per_trace_p95": often,
        },
        saving={
            **on_path(saving, rows["saving_ns"].sum()),
            "calls": calls - joins,
        },
        exemplars=examples(merged_exemplars(rows["exemplars"]), critical.percentile(0.5)),
        remedy=_REMEDY.format(service=service, owners=listed(sorted({target, *sources})), target=target),
    )
