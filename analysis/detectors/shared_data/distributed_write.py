"""Distributed write.

What it finds
-------------
Requests that write two stores or more, through two services or more, while the caller waits.

Why it matters
--------------
No transaction holds such writes together. When the last one fails the first ones stay, and somebody has to notice and
undo them; when the caller gives up and tries again, some of them happen twice.

How it decides
--------------
By the statements that write, in the part of each request that is waited for: nothing behind a queue. A store is system,
host, port, database, and schema where the table's name has one. Shape: at least ``stores`` stores (2) through at least
``services`` services (2), from the catalogue. Worth fixing from ``requests`` such requests of an entry operation on
(10, house default). ``medium`` where one of twenty requests of the entry operation is half done: it failed, though a
service that had written answered without an error, so that its write stays.

Example
-------
Flagged: ``POST /checkout`` writes ``orders``, ``stock_levels`` and ``payments``, each through its service, in one call.
Better: ``orders`` writes the order and an event in one transaction (outbox); the others consume it, and a failure is
answered by an event that compensates (saga).

What it can mistake
-------------------
Writes to audit tables and caches are left out; under other names they count. A saga that compensates at once, within
the request, looks half done, for what compensates is a write as well. A statement that a rollback undid counts when the
service answered without an error.

What to do
----------
Find the one write that must happen now, and make the others follow from it by events (outbox, saga).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final, NamedTuple

import pandas as pd

from analysis._wording import listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, named
from analysis.detectors.shared_data import _tables
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.facts.request_writes import parts_of
from analysis.findings import Assessment, Finding
from analysis.stores import schema_of

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="distributed_write",
    family="shared_data",
    title="Distributed write",
    facts=("data_access", "request_writes", "requests"),
    limits={
        "stores": Limit(2, "stores", "stores that one request writes", "catalogue"),
        "services": Limit(2, "services", "services through which it writes them", "catalogue"),
        "requests": Limit(10, "requests", "worth fixing from this many requests of an entry operation on"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "sampling", "truncated_statements")
_SIDELINE: Final = re.compile(
    r"(^|[^a-z])(audits?|audit_?(log|trail|events?)\w*|logs?|history|journal|caches?|idempotency\w*|sessions?)($|[^a-z])"
)
_REMEDY: Final = (
    "Let one of {services} write what must happen now, with an event in the same transaction (outbox); let the others "
    "follow it, and undo by events what fails (saga)."
)


class _Write(NamedTuple):
    """A service that writes a schema."""

    service: str
    place: str


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which entry operations write several stores through several services."""
    access = evidence.shared(_tables.known_accesses)
    if access.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=(_tables.NO_DATA_CALLS,))
    if (access["mode"] == "unknown").all():
        missing = ("what the statements do: read or write (db.query.text or db.operation.name)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    rows = evidence["request_writes"]
    counted = [_places(writes) for writes in rows["writes"]]
    wide = [
        len({write.place for write in writes}) >= limits["stores"]
        and len({write.service for write in writes}) >= limits["services"]
        for writes in counted
    ]
    rows = rows.assign(counted=pd.Series(counted, index=rows.index, dtype=object))[pd.Series(wide, rows.index, bool)]
    groups = rows.groupby(["entry_service", "entry_operation"], sort=True)
    findings = tuple(_finding(evidence, limits, group, *named(key)) for key, group in groups)
    answer = partial(Assessment, INFO.name, INFO.family, findings=findings, missing=_tables.unknown_share(access))
    return answer("found") if findings else answer("not_found")


def _places(writes: tuple[str, ...]) -> tuple[_Write, ...]:
    """Return who writes which schema; audits, caches and what cannot be told from another's schema are left out."""
    parts = [parts_of(write) for write in writes]
    kept = [part for part in parts if not _SIDELINE.search(part[2].lower())]
    schemas = {schema_of(store, table) for _, store, table in kept if table != UNKNOWN_TABLE}
    found = set()
    for service, store, table in kept:
        place = schema_of(store, table)
        if table != UNKNOWN_TABLE or not any(schema.startswith(f"{store}/") for schema in schemas):
            found.add(_Write(service, place))
    return tuple(sorted(found))


def _finding(evidence: Evidence, limits: Limits, rows: pd.DataFrame, service: str, operation: str) -> Finding:
    writes = sorted({write for writes in rows["counted"] for write in writes})
    services = tuple(sorted({write.service for write in writes}))
    stores = sorted({write.place for write in writes})
    requests, half_done = int(rows["requests"].sum()), int(rows["half_done"].sum())
    whole = max(requests, evidence.request_count.get((service, operation), 0))
    affected = min(evidence.traces, int(rows["traces"].sum()))
    critical = merged_histogram(rows["critical_per_request"])
    weight = Weight(passes_limits=requests >= limits["requests"], share_of_requests=half_done / whole)
    factors = [_tables.store_confidence(store) for store in stores]
    doubts = dict.fromkeys(sentence for _, said in factors for sentence in said)
    base = 0.9 * min(factor for factor, _ in factors)
    sidelined = sorted(
        {table for writes in rows["writes"] for _, _, table in map(parts_of, writes) if _SIDELINE.search(table.lower())}
    )
    failed = int(rows["failed"].sum())
    considered = [
        f"{half_done:,} of {failed:,} requests that failed had writes which stay, unless undone later",
        "writes behind a queue, to caches and to audit tables were left out",
    ]
    if sidelined:
        considered.append(f"{', '.join(sidelined)}: taken for audit, history or cache by name")
    total_ns = int(rows["total_ns"].sum())
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        base,
        _SENSITIVE_TO,
        (*considered, *doubts),
        severity=severity(weight),
        title=f"{operation or 'A span that is missing'} of {service} writes through {len(services)} services",
        summary=(
            f"In {requests:,} of {whole:,} requests, {operation or 'what is behind a missing span'} of {service} "
            f"writes {len(stores)} stores through {listed(services)} while its caller "
            f"waits; {half_done:,} were half done."
        ),
        services=services,
        subject={"service": service, "operation": operation},
        measures={
            "stores": stores,
            "writers": [f"{write.service} {write.place}" for write in writes],
            "requests": requests,
            "entry_requests": whole,
            "calls": int(rows["calls"].sum()),
            "failed": failed,
            "half_done": half_done,
        },
        cost={
            **on_path(critical, rows["critical_ns"].sum()),
            "failed_requests": half_done,
        },
        saving={"failed_requests": half_done},
        exemplars=examples(merged_exemplars(rows["exemplars"]), total_ns / requests),
        remedy=_REMEDY.format(services=listed(services)),
    )
