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
host, port, database, and schema where the table's name has one.

- two services or more write the table: ``high``; where one of them makes four of five writes it is a foreign write
- one service writes it and others read it: ``medium``
- several services only read it (its writer was not seen): ``low``
- no table is shared, but several services keep tables in one schema: ``low`` ("shared schema")
- several services use different databases or schemas of one server: ``info``

Limits: a service counts as a user of a table from ``calls`` calls on (house default 1). Confidence follows how the
table is known (named 1.0, parsed 1.0, scanned 0.6) and is lowered where the store's address means something else to
each host (``localhost``). Services whose names say that they migrate, copy changes or report are no users; what they
do is listed with the answer.

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
from functools import partial
from typing import Final

import pandas as pd

from analysis._wording import listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms, named
from analysis.detectors.shared_data import _tables
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.findings import Assessment, Finding
from analysis.stores import named_like, schema_of, server_of

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="shared_table",
    family="shared_data",
    title="Shared table",
    facts=("data_access", "table_use"),
    limits={"calls": Limit(1, "calls", "a service uses a table from this many calls on")},
    after=("foreign_write",),
)
_SENSITIVE_TO: Final = ("truncated_statements", "sampling")
_REMEDY: Final = (
    "Give {table} one owner, {owner}: the others go through its interface, or keep a copy that is fed by its events "
    "(database per service)."
)
_SCHEMA_REMEDY: Final = (
    "Give each service a schema and credentials of its own, so that no table can become shared unnoticed."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which tables, schemas and servers several services share."""
    access = evidence.shared(_tables.known_accesses)
    if access.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(_tables.NO_DATA_CALLS,))
    known = access[access["table"] != UNKNOWN_TABLE]
    partly = _tables.unknown_share(access)
    if known.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=partly)
    apart = _tables.bystanders(known["service"], evidence.roles)
    used = known[~known["service"].isin(list(apart))]
    left = _left_to_foreign_write(evidence)
    findings = list(_shared(evidence, used, limits, set(left)))
    concerned = {
        (schema_of(finding.subject["store"], finding.subject["table"]), service)
        for finding in findings
        for service in finding.services
    } | {(schema_of(*key), service) for key, services in left.items() for service in services}
    findings += _schemas(evidence, used, limits, concerned)
    findings += _servers(evidence, used, limits)
    suppressed = (
        *(f"{table} in {store}: a foreign write of {', '.join(left[store, table])}" for store, table in sorted(left)),
        *(f"{service} uses tables of others by design: {reason}" for service, reason in apart.items()),
        *_tables.split_stores(used),
    )
    answer = partial(Assessment, INFO.name, INFO.family, missing=partly, suppressed=suppressed)
    return answer("found", findings=tuple(findings)) if findings else answer("not_found")


def _left_to_foreign_write(evidence: Evidence) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the tables (store, name) that findings of foreign writes stand for, with the services that write them."""
    left: dict[tuple[str, str], set[str]] = {}
    answer = evidence.answers.get("foreign_write")
    for finding in answer.findings if answer else ():
        key = finding.subject["store"], finding.subject["table"]
        left.setdefault(key, set()).add(finding.subject["service"])
    return {key: tuple(sorted(services)) for key, services in left.items()}


def _shared(evidence: Evidence, access: pd.DataFrame, limits: Limits, left: set[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a finding for each table that two services or more use."""
    for key, rows in access.groupby(["store", "table"], sort=True):
        store, table = named(key)
        calls = rows.groupby("service")["calls"].sum()
        services = tuple(sorted(calls.index[calls >= limits["calls"]]))
        if len(services) < 2 or (store, table) in left:
            continue
        own = rows[rows["service"].isin(services)]
        writes = _tables.write_counts(own)
        writers = tuple(writes.index)
        readers = tuple(service for service in services if service not in writers)
        owner, owner_share = _tables.owner_of(writes)
        fitting = _tables.contender(table, writes, owner) or owner or named_like(table, services) or services[0]
        weight = Weight(passes_limits=True, several_writers=len(writers) >= 2, blocks_change=len(writers) == 1)
        how = _tables.how(writers, readers)
        yield _finding(
            evidence,
            own,
            weight,
            limits,
            services,
            subject={"grain": "table", "store": store, "table": table},
            title=f"{table} is shared by {listed(services)}",
            summary=f"{table} in {store} is used by {len(services)} services: {how}.",
            measures={
                "writers": list(writers),
                "readers": list(readers),
                "writes": int(writes.sum()),
                "reads": int(own.loc[own["mode"] == "read", "calls"].sum()),
                "owner": owner,
                "owner_write_share": round(owner_share, 4),
            },
            remedy=_REMEDY.format(table=table, owner=fitting),
        )


def _schemas(
    evidence: Evidence, access: pd.DataFrame, limits: Limits, concerned: set[tuple[str, str]]
) -> Iterator[Finding]:
    """Yield a finding for each schema in which several services keep tables of their own."""
    for key, rows in access.groupby(_schema_names(access), sort=True):
        (schema,) = named(key)
        owners = {str(table): set(group["service"]) for table, group in rows.groupby("table", sort=True)}
        alone = {service for services in owners.values() if len(services) == 1 for service in services}
        services = tuple(sorted(alone - {service for kept, service in concerned if kept == schema}))
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
            subject={"grain": "schema", "store": schema},
            title=f"{len(services)} services keep their tables in one schema, {schema}",
            summary=(
                f"{int(tables.sum()):,} tables of {len(services)} services lie in {schema}; none of these is shared."
            ),
            measures={"tables": int(tables.sum()), "shared_tables": sum(len(item) > 1 for item in owners.values())},
            remedy=_SCHEMA_REMEDY,
        )


def _servers(evidence: Evidence, access: pd.DataFrame, limits: Limits) -> Iterator[Finding]:
    """Yield a finding for each server on which services use different databases or schemas."""
    schemas = _schema_names(access)
    for key, rows in access.groupby(access["store"].map(server_of), sort=True):
        (server,) = named(key)
        places = schemas[rows.index]
        by_service = {str(name): frozenset(group) for name, group in places.groupby(rows["service"], sort=True)}
        services = tuple(
            service
            for service, own in by_service.items()
            if all(own.isdisjoint(other) for peer, other in by_service.items() if peer != service)
        )
        if len(services) < 2 or server.endswith("://"):
            continue
        own = rows[rows["service"].isin(services)]
        yield _finding(
            evidence,
            own,
            Weight(passes_limits=False),
            limits,
            services,
            subject={"grain": "server", "server": server, "store": server},
            title=f"{len(services)} services have databases or schemas of their own on one server, {server}",
            summary=f"{listed(services)} keep their data apart, but on {server}: one point of failure.",
            measures={
                "databases": int(own["store"].nunique()),
                "schemas": len({place for service in services for place in by_service[service]}),
            },
            remedy="Nothing to mend in the data; make sure that one team's load or upgrade cannot stop the others.",
        )


def _schema_names(access: pd.DataFrame) -> pd.Series:
    names = [schema_of(store, table) for store, table in zip(access["store"], access["table"], strict=True)]
    return pd.Series(names, index=access.index, dtype=object)


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
    store = subject["store"]
    affected = _tables.traces_of(evidence, subject["grain"], store, subject.get("table", ""), services)
    calls = int(rows["calls"].sum())
    total_ns = int(rows["total_ns"].sum())
    factor, doubt = _tables.store_confidence(store)
    trust = evidence.trust.of(services)
    considered = (
        "services that only hold a connection to the store, and transaction control, were left out",
        *doubt,
        *trust.sentences(_SENSITIVE_TO, affected),
    )
    base = float(rows["confidence"].min()) * factor
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(base, _SENSITIVE_TO, affected),
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
        considered=considered,
        remedy=remedy,
    )
