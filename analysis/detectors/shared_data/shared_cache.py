"""Shared cache.

What it finds
-------------
Two services or more that use keys of one prefix in one cache.

Why it matters
--------------
A cache entry is a data structure without a schema. Who reads what another wrote depends on its format, its names and
its expiry, and finds out in production when one of them changes. One service's flush empties the other's cache.

How it decides
--------------
By the keys in the statements of cache calls. The prefix of a key is what stands before the first part that holds an
identifier (``product`` of ``product:BED-009``), or all but the last part of a key without one. A service uses a prefix
from ``calls`` calls on (2, house default).

- two services or more write: ``medium``, as each may overwrite what the other wrote
- one writes and others read: ``low``
- all only read (whoever fills it was not seen): ``info``

Confidence is lowered where the cache's address means something else to each host (``localhost``).

Example
-------
Flagged: ``catalogue`` and ``recommendations`` both keep products under ``product:…`` in one Redis.
Better: ``recommendations:product:…``, or ``recommendations`` asks ``catalogue``.

What it can mistake
-------------------
Sessions, rate limits and locks are shared by design: prefixes with such words are left out and listed with the answer.
Two databases of one Redis look like one where the export does not say which. Two services of one team may share a
library that owns the keys.

What to do
----------
Give each service a prefix, or an instance, of its own; what others need they ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    name="shared_cache",
    family="shared_data",
    title="Shared cache",
    facts=("data_access", "table_use"),
    limits={"calls": Limit(2, "calls", "a service uses a prefix from this many calls on")},
)
_SENSITIVE_TO: Final = ("truncated_statements", "sampling")
_SHARED_BY_DESIGN: Final = re.compile(
    r"sess(ion)?s?|limit(s|er)?|ratelimit(s|er|ing)?|throttl\w*|quotas?|locks?|mutex|semaphores?"
)
_REMEDY: Final = "Give each of {services} a prefix of its own in place of {prefix}; what another owns they ask it for."


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which prefixes of keys several services share."""
    access = evidence["data_access"]
    cached = access[(access["service"] != "") & access["store_system"].isin(_tables.CACHES)]
    if cached.empty:
        missing = ("spans of cache calls (db.system.name redis, valkey, memcached … with db.query.text)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    unknown = int(cached.loc[cached["table"] == UNKNOWN_TABLE, "calls"].sum())
    partly = (
        (f"the keys of {unknown:,} of {int(cached['calls'].sum()):,} cache calls (db.query.text)",) if unknown else ()
    )
    known = cached[cached["table"] != UNKNOWN_TABLE]
    if known.empty:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=partly)
    findings: list[Finding] = []
    suppressed: list[str] = []
    for store, prefix, rows in _used_together(known, limits):
        if any(_SHARED_BY_DESIGN.fullmatch(word) for word in re.split(r"[^a-z]+", prefix.lower())):
            suppressed.append(f"{prefix} in {store}: sessions, limits and locks are shared by design")
        else:
            findings.append(_finding(evidence, rows, limits, store, prefix))
    answer = partial(Assessment, INFO.name, INFO.family, missing=partly, suppressed=tuple(suppressed))
    return answer("found", findings=tuple(findings)) if findings else answer("not_found")


def _used_together(known: pd.DataFrame, limits: Limits) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield cache and prefix that two services or more use, with the rows of these."""
    for key, rows in known.groupby(["store", "table"], sort=True):
        store, prefix = named(key)
        calls = rows.groupby("service")["calls"].sum()
        services = calls.index[calls >= limits["calls"]]
        if len(services) >= 2:
            yield store, prefix, rows[rows["service"].isin(services)]


def _finding(evidence: Evidence, rows: pd.DataFrame, limits: Limits, store: str, prefix: str) -> Finding:
    services = tuple(sorted(set(rows["service"])))
    writes = _tables.write_counts(rows)
    writers = tuple(writes.index)
    readers = tuple(service for service in services if service not in writers)
    calls, total_ns = int(rows["calls"].sum()), int(rows["total_ns"].sum())
    affected = _tables.traces_of(evidence, "table", store, prefix, services)
    factor, doubt = _tables.store_confidence(store)
    base = float(rows["confidence"].min()) * factor
    unsure = int(rows.loc[rows["mode"] == "unknown", "calls"].sum())
    considered = ["prefixes of sessions, limits and locks were left out"]
    if unsure:
        considered.append(f"{unsure:,} calls with commands that may read or write count as neither")
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        base,
        _SENSITIVE_TO,
        (*considered, *doubt),
        severity=severity(Weight(passes_limits=len(writers) >= 1, blocks_change=len(writers) >= 2)),
        title=f"Keys under {prefix} are shared by {listed(services)}",
        summary=f"{len(services)} services use keys under {prefix} in {store}: {_tables.how(writers, readers)}.",
        services=services,
        subject={"store": store, "prefix": prefix},
        measures={
            "calls": calls,
            "errors": int(rows["errors"].sum()),
            "writers": list(writers),
            "readers": list(readers),
            "writes": int(writes.sum()),
            "reads": int(rows.loc[rows["mode"] == "read", "calls"].sum()),
        },
        cost={"total_ms": ms(total_ns), "calls": calls},
        saving={},
        exemplars=examples(merged_exemplars(rows["exemplars"]), total_ns / calls if calls else 0.0),
        remedy=_REMEDY.format(services=", ".join(services), prefix=prefix),
    )
