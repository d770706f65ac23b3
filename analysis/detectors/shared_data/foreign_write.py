"""Foreign write.

What it finds
-------------
A service that writes a table which belongs to another: the other makes at least four of five writes.

Why it matters
--------------
The owner cannot rely on its own rules: what it checks before it writes, somebody else writes unchecked. Neither can
change the table alone, and no trace of calls shows that they depend on each other.

How it decides
--------------
For each table of each store: where one service makes at least ``owner_share`` of the writes (0.8, house default), it
is the owner, and every other writer makes foreign writes: a finding each. Where nobody makes so many, or the table is
called after another of its writers (``orders``, written by the service ``orders`` and most often by ``shipping``), who
owns it is open: that is a shared table. Worth fixing from ``writes`` foreign writes on (2, house default); below it is
``info``. ``medium``, as it blocks independent change. A back office, by the words of its name, is ``info``: it corrects
data of others by design.

Confidence follows how the table is known (named 1.0, parsed 1.0, scanned 0.6), and is lowered where the store's
address means something else to each host (``localhost``).

Example
-------
Flagged: ``payments`` runs ``UPDATE orders SET payment_reference = …`` on the table of ``orders``.
Better: ``payments`` answers with the reference, or publishes ``payment.accepted``, and ``orders`` writes it.

What it can mistake
-------------------
A back office or a migration under another name. A window too short to show the owner's own writes: a nightly job that
fills the table looks like its owner by day. Two stores behind one alias look like one. A procedure that writes hides
its tables.

What to do
----------
Go through the owner: a call, or an event that it consumes. Take the right to write away in the database, so that it
stays so.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd

from analysis._wording import listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding
from analysis.detectors._evidence import examples, merged_exemplars, ms, named
from analysis.detectors.shared_data import _tables
from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="foreign_write",
    family="shared_data",
    title="Foreign write",
    facts=("data_access", "table_use"),
    limits={
        "owner_share": Limit(0.8, "", "share of a table's writes from which one service is its owner"),
        "writes": Limit(2, "calls", "foreign writes from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("truncated_statements", "sampling")
_REMEDY: Final = (
    "Let {service} ask {owner} to write {table}, or publish an event that {owner} consumes; then take {service}'s "
    "right to write it away."
)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services write tables that belong to others."""
    access = evidence.shared(_tables.known_accesses)
    partly = _tables.unknown_share(access)
    known = access[access["table"] != UNKNOWN_TABLE]
    if known.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=partly or (_tables.NO_DATA_CALLS,))
    if (known["mode"] == "unknown").all():
        missing = ("what the statements do: read or write (db.query.text or db.operation.name)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    apart = _tables.bystanders(known["service"], evidence.roles)
    findings, contested = [], []
    for key, rows in known[~known["service"].isin(list(apart))].groupby(["store", "table"], sort=True):
        writes = _tables.write_counts(rows)
        owner, share = _tables.owner_of(writes)
        if len(writes) < 2 or share < limits["owner_share"]:
            continue
        store, table = named(key)
        other = _tables.contender(table, writes, owner)
        if other:
            contested.append(f"{table} in {store}: {owner} makes {share:.0%} of the writes, but its name is {other}'s")
            continue
        findings += [
            _finding(evidence, rows, limits, store, table, owner, service) for service in writes.index.drop(owner)
        ]
    suppressed = (
        *(f"{service} writes tables of others by design: {reason}" for service, reason in apart.items()),
        *contested,
    )
    answer = partial(Assessment, INFO.name, INFO.family, missing=partly, suppressed=suppressed)
    return answer("found", findings=tuple(findings)) if findings else answer("not_found")


def _finding(
    evidence: Evidence, rows: pd.DataFrame, limits: Limits, store: str, table: str, owner: str, service: str
) -> Finding:
    writes = _tables.write_counts(rows)
    own = rows[(rows["service"] == service) & (rows["mode"] == "write")]
    calls, total_ns = int(own["calls"].sum()), int(own["total_ns"].sum())
    affected = _tables.traces_of(evidence, "table", store, table, {service}, ("write",))
    readers = sorted(set(rows.loc[rows["mode"] == "read", "service"]) - set(writes.index))
    office = _tables.by_design(service, evidence.roles) == _tables.BACK_OFFICE
    owner_share = float(writes[owner] / writes.sum())
    factor, doubt = _tables.store_confidence(store)
    base = float(rows.loc[rows["mode"] == "write", "confidence"].min()) * factor
    considered = [
        f"{owner} makes {int(writes[owner]):,} of {int(writes.sum()):,} writes seen: it is taken for the owner"
    ]
    if readers:
        considered.append(f"{listed(readers)} only read{'s' if len(readers) == 1 else ''} it")
    if office:
        considered.append(f"{service} is a back office, which corrects data of others by design")
    operations = sorted(set(own["operation"]) - {""})
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        base,
        _SENSITIVE_TO,
        (*considered, *doubt),
        severity=severity(Weight(passes_limits=calls >= limits["writes"] and not office, blocks_change=True)),
        title=f"{service} writes {table}, which belongs to {owner}",
        summary=(
            f"{service} makes {calls:,} of the {int(writes.sum()):,} writes to {table} in {store}; "
            f"{owner_share:.0%} are those of {owner}."
        ),
        services=tuple(sorted((owner, service))),
        subject={"store": store, "table": table, "service": service, "owner": owner},
        measures={
            "foreign_writes": calls,
            "errors": int(own["errors"].sum()),
            "writes": int(writes.sum()),
            "owner_write_share": round(owner_share, 4),
            "readers": readers,
            "operations": operations,
        },
        cost={"total_ms": ms(total_ns), "calls": calls},
        saving={},
        exemplars=examples(merged_exemplars(own["exemplars"]), total_ns / calls if calls else 0.0),
        remedy=_REMEDY.format(service=service, owner=owner, table=table),
    )
