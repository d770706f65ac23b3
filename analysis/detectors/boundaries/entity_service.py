"""Entity service.

What it finds
-------------
A service that does little but create, read, update and delete the records of one kind of thing, for several callers,
and is part of most requests ("UserService").

Why it matters
--------------
A service built around a noun has data but no behaviour: what is done with the records is decided by its callers, so
every change of meaning is a change of several services, and nearly every request waits for one more hop, or for
several. If it is down, so is everything.

How it decides
--------------
By the calls that enter a service, probes left out. A visit is plain record keeping when it uses the service's tables,
none but the ``tables`` (2) most used ones, and calls nobody. An entity service is one where that is so of ``crud``
(0.7) of the visits, with reads and writes among them, with at least ``callers`` (3) synchronous callers, in ``traces``
(0.5) of all traces but those of probes. All limits are house defaults. Worth fixing when the way to it takes at least
``ms`` (5 ms, house default) of the critical path of a request at p95; severity by its share of the entry operation's
p95.

Example
-------
Flagged: ``gateway``, ``orders`` and ``pricing`` each fetch the customer's record from ``customers``, change a field and
put it back. Better: ``orders`` keeps the delivery address of its order, ``pricing`` learns a customer's tier by event,
and ``customers`` offers what the business does with customers ("move house"), not their rows.

What it can mistake
-------------------
Services of identity (log-in, tokens, permissions) are called by everybody for good reason: those named so are left
out and listed with the answer. Reference data that is only read is no entity service. Behaviour without a trace of its
own (rules worked out between two statements) looks like plain record keeping.

What to do
----------
Move behaviour to the data, so that one call does what a caller now does with several; or give each caller a copy of the
few fields that it needs, fed by events.
"""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

from analysis._wording import duration, listed, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    answers_of,
    called_operations,
    calls_between,
    is_probe,
    known_tables,
    not_assessable,
    way_of,
)
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="entity_service",
    family="boundaries",
    title="Entity service",
    facts=("calls", "data_access", "hops", "passages", "requests", "trace_services"),
    limits={
        "crud": Limit(0.7, "", "share of visits that only keep records"),
        "tables": Limit(2, "tables", "tables that the records may lie in"),
        "callers": Limit(3, "services", "synchronous callers"),
        "traces": Limit(0.5, "", "share of all traces that the service is part of"),
        "ms": Limit(5, "ms", "time on the way to it, on the critical path at p95, from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "truncated_statements", "routes")
_NO_TABLES: Final = "tables of data calls (db.collection.name or db.query.text)"
_IDENTITY: Final = re.compile(
    r"(?:^|[^a-z])(?:identity|id-?provider|idp|auth\w*|iam|sso|oauth2?|oidc|login|keycloak|token\w*|session\w*|"
    r"permissions?|access-?control)(?:$|[^a-z])",
    re.IGNORECASE,
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services only keep the records of others' work."""
    between = evidence.shared(calls_between)
    tables = evidence.shared(known_tables)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    if tables.empty:
        return not_assessable(INFO.name, _NO_TABLES)
    presence, traces = _presence(evidence)
    visits = evidence.shared(called_operations)
    callers = between.groupby("callee")["caller"].nunique()
    findings, suppressed = [], []
    for service in sorted(callers.index[callers >= limits["callers"]]):
        seen = presence.get(service, 0)
        mine = tables[tables["service"] == service]
        own = visits[visits["service"] == service]
        if mine.empty or own.empty or seen < limits["traces"] * traces:
            continue
        kept, plain = _record_keeping(mine, own, int(limits["tables"]))
        share = plain / int(own["visits"].sum())
        if share < limits["crud"]:
            continue
        modes = set(mine["mode"])
        if "write" not in modes or "read" not in modes:
            suppressed.append(f"{service}: its records are not both read and written: no life cycle to speak of")
        elif _IDENTITY.search(service):
            suppressed.append(f"{service}: a service of identity, which everybody calls for good reason")
        else:
            names = tuple(sorted(between.loc[between["callee"] == service, "caller"]))
            findings.append(_finding(evidence, limits, service, names, kept, share, seen, traces))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _presence(evidence: Evidence) -> tuple[dict[str, int], int]:
    """Return in how many traces each service is, and how many there are, those of probes left out."""
    seen = evidence["trace_services"]
    seen = seen[~seen["entry_operation"].map(lambda name: is_probe(name, evidence.roles)).astype(bool)]
    present: dict[str, int] = {}
    for services, traces in zip(seen["services"], seen["traces"], strict=True):
        for service in services:
            present[service] = present.get(service, 0) + int(traces)
    return present, int(seen["traces"].sum())


def _record_keeping(tables: pd.DataFrame, visits: pd.DataFrame, most: int) -> tuple[tuple[str, ...], int]:
    """Return the tables used most, and how many visits use none but them and call nobody."""
    used = tables.groupby("table")["calls"].sum()
    ranked = sorted(used.index, key=lambda table: (-int(used[table]), table))
    kept = tuple(sorted(ranked[:most]))
    others = set(tables.loc[~tables["table"].isin(kept), "operation"])
    alone = visits["callees"].map(lambda callees: not any(callees)).astype(bool)
    plain = visits[visits["data"] & alone & ~visits["operation"].isin(others)]
    return kept, int(plain["visits"].sum())


def _finding(
    evidence: Evidence,
    limits: Limits,
    service: str,
    callers: tuple[str, ...],
    tables: tuple[str, ...],
    share: float,
    seen: int,
    traces: int,
) -> Finding:
    hops = evidence.rows("hops")
    way = way_of(evidence, hops.where(grain="callee", callee=service))
    at_p95 = float(way.cost["critical_path_ms_p95"])
    services = tuple(sorted({service, *callers}))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=at_p95 >= limits["ms"], share_of_p95=way.share_of_p95)),
        confidence=trust.confidence(0.8, _SENSITIVE_TO, seen),
        title=f"{service} keeps records for {len(callers)} services and decides nothing",
        summary=(
            f"{percent(share)} of the visits to {service} only read or write {listed(tables)}; it is called by "
            f"{listed(callers)} and is part of {percent(seen / traces)} of the traces. The way to it takes "
            f"{duration(at_p95)} of the critical path at p95."
        ),
        services=services,
        subject={"service": service},
        measures={
            "crud_share": round(share, 4),
            "tables": list(tables),
            "callers": list(callers),
            "trace_share": round(seen / traces, 4),
            "entries": list(way.entries),
            "share_of_p95": way.share_of_p95,
        },
        limits=dict(limits),
        cost=dict(way.cost),
        saving=way.saving,
        traces_seen=evidence.traces,
        traces_affected=seen,
        share=round(seen / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "the saving is the most there is: all calls to it spared",
            "probes were left out; no name of a service of identity",
            *trust.sentences(_SENSITIVE_TO, seen),
        ),
        remedy=(
            f"Move what {listed(callers)} do with the records into {service}, so that one call does it; or give "
            "each a copy of the few fields it needs, fed by events."
        ),
    )
