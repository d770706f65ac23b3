"""Shared table.

What it finds
-------------
A table that two services or more use, and, more mildly, one database schema or one server in which several services
keep tables of their own.

Why it matters
--------------
Two services on one table are one service with two deployments: neither can change the table, scale it or restore it
alone, and each can break the other without a call between them. It is the rule broken first, and with the most pain.

How it decides
--------------
By the tables named in spans of data calls (``db.collection.name``, else the statement's text), for each store: system,
host, port and database.

- two services or more write the table: ``high``
- one service writes it and others read it: ``medium``
- several services only read it (its writer was not seen): ``low``
- no table is shared, but several services keep tables in one schema: ``low`` ("shared schema")
- several services use different databases of one server: ``info``

Limits: a service counts as a user of a table from ``calls`` calls on (house default 1). Confidence follows how the
table is known (named 1.0, parsed 1.0, scanned 0.6) and is lowered where the store's address means something else to
each host (``localhost``).

Example
-------
Flagged: ``orders`` runs ``UPDATE stock …`` and ``inventory`` runs ``UPDATE stock …`` on one database.
Better: ``orders`` asks ``inventory`` to reserve, or publishes an event that ``inventory`` consumes.

What it can mistake
-------------------
Migrations, change data capture, reporting jobs and read replicas use foreign tables by design. Two stores behind one
alias (a pooler, a proxy, ``localhost``) look like one. A service seen under two names looks like two services.

What to do
----------
Give the table one owner: the service that writes it most. The others go through its interface or keep a copy fed by
events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms, named
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.findings import Assessment, Finding
from analysis.stores import ambiguous

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="shared_table",
    family="shared_data",
    title="Shared table",
    facts=("data_access",),
    limits={"calls": Limit(1, "calls", "a service uses a table from this many calls on")},
)
_SENSITIVE_TO: Final = ("truncated_statements", "sampling")
_CACHES: Final = ("redis", "valkey", "memcached")
_REMEDY: Final = (
    "Give {table} one owner, {owner}: the others go through its interface, or keep a copy that is fed by its events "
    "(database per service)."
)
_SCHEMA_REMEDY: Final = (
    "Give each service a schema and credentials of its own, so that no table can become shared unnoticed."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which tables, schemas and servers several services share."""
    access = evidence["data_access"]
    access = access[(access["service"] != "") & ~access["store_system"].isin(_CACHES)]
    if access.empty:
        missing = ("spans of database calls (db.system.name with db.query.text or db.collection.name)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    known = access[access["table"] != UNKNOWN_TABLE]
    partly: tuple[str, ...] = ()
    unknown_calls = int(access.loc[access["table"] == UNKNOWN_TABLE, "calls"].sum())
    if unknown_calls:
        all_calls = int(access["calls"].sum())
        partly = (f"the table of {unknown_calls} of {all_calls} data calls (db.query.text or db.collection.name)",)
    if known.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=partly)
    findings = list(_tables(evidence, known, limits))
    concerned = {(finding.subject["store"], service) for finding in findings for service in finding.services}
    findings += _schemas(evidence, known, limits, concerned)
    findings += _servers(evidence, known, limits)
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings), partly)


def _tables(evidence: Evidence, access: pd.DataFrame, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for each table that two services or more use."""
    for key, rows in access.groupby(["store", "table"], sort=True):
        store, table = named(key)
        calls = rows.groupby("service")["calls"].sum()
        services = tuple(sorted(calls.index[calls >= limits["calls"]]))
        if len(services) < 2:
            continue
        own = rows[rows["service"].isin(services)]
        writes = own[own["mode"] == "write"].groupby("service")["calls"].sum().sort_index()
        writers = tuple(writes.index)
        readers = tuple(service for service in services if service not in writers)
        owner = str(writes.idxmax()) if len(writes) else services[0]
        weight = Weight(passes_limits=True, several_writers=len(writers) >= 2, blocks_change=len(writers) == 1)
        how = _how(writers, readers)
        yield _finding(
            evidence,
            own,
            weight,
            limits,
            services,
            subject={"grain": "table", "store": store, "table": table},
            title=f"{table} is shared by {', '.join(services)}",
            summary=f"{table} in {store} is used by {len(services)} services: {how}.",
            measures={
                "writers": list(writers),
                "readers": list(readers),
                "writes": int(writes.sum()),
                "reads": int(own.loc[own["mode"] == "read", "calls"].sum()),
                "owner": owner if len(writes) else "",
                "owner_write_share": round(float(writes.max() / writes.sum()), 4) if len(writes) else 0.0,
            },
            remedy=_REMEDY.format(table=table, owner=owner),
        )


def _schemas(
    evidence: Evidence, access: pd.DataFrame, limits: Limits, concerned: set[tuple[str, str]]
) -> Iterator[Finding]:
    """Yield a finding for each schema in which several services keep tables of their own."""
    for key, rows in access.groupby(["store"], sort=True):
        (store,) = named(key)
        owners = {str(table): set(group["service"]) for table, group in rows.groupby("table", sort=True)}
        alone = {service for services in owners.values() if len(services) == 1 for service in services}
        services = tuple(sorted(alone - {service for kept, service in concerned if kept == store}))
        if len(services) < 2:
            continue
        own = rows[rows["service"].isin(services)]
        tables = own.groupby("service")["table"].nunique()
        yield _finding(
            evidence,
            own,
            Weight(passes_limits=True),
            limits,
            services,
            subject={"grain": "schema", "store": store},
            title=f"{len(services)} services keep their tables in one schema, {store}",
            summary=f"{int(tables.sum())} tables of {len(services)} services lie in {store}; none of these is shared.",
            measures={"tables": int(tables.sum()), "shared_tables": sum(len(item) > 1 for item in owners.values())},
            remedy=_SCHEMA_REMEDY,
        )


def _servers(evidence: Evidence, access: pd.DataFrame, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for each server on which services use different databases."""
    server = access["store"].map(lambda store: store.rsplit("/", 1)[0] if urlsplit(store).path else store)
    for key, rows in access.groupby([server], sort=True):
        (name,) = named(key)
        by_service = {str(service): frozenset(group["store"]) for service, group in rows.groupby("service", sort=True)}
        services = tuple(
            service
            for service, own in by_service.items()
            if all(own.isdisjoint(other) for peer, other in by_service.items() if peer != service)
        )
        if len(services) < 2 or name.endswith("://"):
            continue
        yield _finding(
            evidence,
            rows[rows["service"].isin(services)],
            Weight(passes_limits=False),
            limits,
            services,
            subject={"grain": "server", "server": name, "store": name},
            title=f"{len(services)} services have databases of their own on one server, {name}",
            summary=f"{', '.join(services)} use different databases of {name}: separate data, one point of failure.",
            measures={"databases": int(rows.loc[rows["service"].isin(services), "store"].nunique())},
            remedy="Nothing to mend in the data; make sure that one team's load or upgrade cannot stop the others.",
        )


def _how(writers: tuple[str, ...], readers: tuple[str, ...]) -> str:
    parts = []
    if writers:
        parts.append(f"{', '.join(writers)} write{'s' if len(writers) == 1 else ''} it")
    if readers:
        parts.append(f"{', '.join(readers)} {'only read' if writers else 'read'}{'s' if len(readers) == 1 else ''} it")
    return ", ".join(parts)


def _finding(
    evidence: Evidence,
    rows: pd.DataFrame,
    weight: Weight,
    limits: Limits,
    services: tuple[str, ...],
    *,
    subject: dict[str, str],
    title: str,
    summary: str,
    measures: dict[str, object],
    remedy: str,
) -> Finding:
    exemplars = merged_exemplars(rows["exemplars"])
    affected = min(evidence.traces, int(rows["traces"].sum()))
    calls = int(rows["calls"].sum())
    total_ns = int(rows["total_ns"].sum())
    store = subject["store"]
    considered = ["services that only hold a connection to the store, and transaction control, were left out"]
    base = float(rows["confidence"].min())
    address = urlsplit(store).hostname or ""
    if ambiguous(address):
        base *= 0.7
        considered.append(f"{address or 'no address'} may be another store on each host: confidence is lowered")
    considered += evidence.trust.sentences(_SENSITIVE_TO, affected)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=evidence.trust.confidence(base, _SENSITIVE_TO, affected),
        title=title,
        summary=summary,
        services=services,
        subject=subject,
        measures={"calls": calls, "errors": int(rows["errors"].sum()), **measures},
        limits=dict(limits),
        cost={"total_ms": ms(total_ns), "calls": calls},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=affected,
        share=round(affected / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(exemplars, total_ns / calls if calls else 0.0),
        considered=tuple(considered),
        remedy=remedy,
    )
