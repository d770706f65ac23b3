"""Absent fallback.

What it finds
-------------
A dependency that an operation needs only now and then, and whose failure fails the whole operation all the same.

Why it matters
--------------
What is needed in one request of five can be done without in most of them, and with a default in the rest. Without a
fallback the page is as available as its least important part.

How it decides
--------------
By visits of an operation: a dependency failed in a visit if the last attempt of a call to it failed (answers to the
client's own mistakes, 4xx but 408 and 429, are no failures). Named is a dependency that fewer than ``used`` of the
operation's visits call (0.3) and whose failure fails the visit in at least ``carried`` of them (0.95; the catalogue's
limits), from ``seen`` failures on (3, house default). Databases are left out: a statement is the operation's own work.

Worth fixing from ``failures`` failures on (10, the catalogue's limit): ``high`` where requests of users failed,
``medium`` where 5 % of an entry operation's requests were touched.

Example
-------
Flagged: the page of a product asks ``shipping`` for an estimate where the product is bulky; where ``shipping`` fails,
the page answers 500. Better: the page without the estimate, or with "two to five days".

What it can mistake
-------------------
Some dependencies are rare and required: to charge a card, to check who asks. Where a name says so the finding is for
information only. Where caller and callee fail for one common cause (a host, a network), a fallback would not have
helped.

What to do
----------
Catch the failure at the caller, and answer with a default, the last known value, or without that part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import shortened
from analysis.detectors._rows import Rows
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="absent_fallback",
    family="cascades",
    title="Absent fallback",
    facts=("dependencies", "visits", "requests", "coverage"),
    limits={
        "used": Limit(0.3, "", "share of the operation's visits below which a dependency counts as optional"),
        "carried": Limit(0.95, "", "share of the dependency's failures in which the visit fails too"),
        "seen": Limit(3, "failures", "the shape is told from this many failures on"),
        "failures": Limit(10, "failures", "worth fixing from this many failures on"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "routes")
_SUBJECT: Final = ("service", "operation", "target", "template")
_SERVED: Final = ("server", "client", "unspecified", "internal")
#: Stores that an operation can do without.
_CACHES: Final = ("redis", "memcached", "valkey", "keydb", "dragonfly", "hazelcast")
#: What has no substitute, by name: who asks, and the taking of money.
_REQUIRED: Final = re.compile(
    r"auth|login|signin|sign-in|token|credential|permission|session|payment|\bpay\b|charge|billing|checkout",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Dependency:
    """What one operation calls, and how it fares."""

    service: str
    operation: str
    target: str
    template: str
    rows: Rows
    all_visits: int

    @property
    def visits(self) -> int:
        """Visits that called it."""
        return self.rows.total("visits")

    @property
    def lost(self) -> Rows:
        """Rows of visits in which it failed."""
        return self.rows.only(self.rows["failed"])

    @property
    def carried(self) -> Rows:
        """Rows of visits that failed with it."""
        return self.lost.only(self.lost["visit_failed"])

    @property
    def used(self) -> float:
        """Share of the operation's visits that call it."""
        return min(1.0, self.visits / max(1, self.all_visits))

    @property
    def required(self) -> bool:
        """Its name says that there is no substitute."""
        names = (self.target, self.template, *self.rows["callee_operation"])
        return any(_REQUIRED.search(name) for name in names)


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which optional dependencies take their callers with them."""
    if evidence["dependencies"].empty:
        missing = ("spans of calls to others that say their kind (client)",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    if not int(evidence["coverage"]["with_outcome"].sum()):
        missing = ("how spans ended: no status, http.response.status_code or rpc status code is recorded",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    findings = tuple(_finding(evidence, item, limits) for item in _dependencies(evidence) if _is_absent(item, limits))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", findings)


def _dependencies(evidence: Evidence) -> Iterator[_Dependency]:
    """Yield, in order of their names, the dependencies that failed at least once."""
    visits = {key: rows.total("visits") for key, rows in evidence.rows("visits").groups("service", "operation")}
    for (service, operation, target, template), rows in evidence.rows("dependencies").groups(*_SUBJECT):
        scheme, is_store, _ = target.partition("://")
        if service != target and (not is_store or scheme in _CACHES) and rows["failed"].any():
            yield _Dependency(service, operation, target, template, rows, visits.get((service, operation), 0))


def _is_absent(item: _Dependency, limits: Limits) -> bool:
    lost, carried = item.lost.total("visits"), item.carried.total("visits")
    return lost >= limits["seen"] and carried >= limits["carried"] * lost and item.used < limits["used"]


def _finding(evidence: Evidence, item: _Dependency, limits: Limits) -> Finding:
    lost, carried = item.lost.total("visits"), item.carried.total("visits")
    users = item.carried.only(item.carried.among("entry_kind", _SERVED))
    requests = users.total("requests_failed")
    traces = min(evidence.traces, item.lost.total("traces"))
    where = f"{item.operation} of {item.service}"
    whom = item.target or "a callee that nothing names"
    touched = _share_of_requests(evidence, item.carried)
    weight = Weight(
        passes_limits=lost >= limits["failures"] and not item.required,
        share_of_requests=touched,
        fails_users=requests > 0,
    )
    considered = [
        f"{lost - carried:,} of {lost:,} failures were survived",
        f"{item.all_visits - item.visits:,} of {item.all_visits:,} visits did without it",
        "answers to the client's own mistakes (4xx) were not counted as failures",
    ]
    if item.required:
        considered.append("its name says authentication or payment, which have no substitute: for information only")
    answered = set(item.rows["callee_operation"]) - {""}
    services = tuple(sorted({item.service, *({item.target} if answered else ())} - {""}))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(weight),
        confidence=trust.confidence(0.85, _SENSITIVE_TO, traces),
        title=f"{where} fails whenever {whom} does: {shortened(item.template)}",
        summary=(
            f"{item.used:.0%} of the visits call {whom}; when it failed ({lost:,} times), the visit failed "
            f"{carried:,} times, and with it {requests:,} requests."
        ),
        services=services,
        subject={name: getattr(item, name) for name in _SUBJECT},
        measures={
            "failures": lost,
            "carried": carried,
            "carried_share": round(carried / lost, 4),
            "used_share": round(item.used, 4),
            "visits": item.all_visits,
            "calling_visits": item.visits,
            "requests_failed": requests,
            "callee_operations": sorted(answered),
        },
        limits=dict(limits),
        cost={
            "requests_failed": requests,
            "share_of_requests": round(touched, 6),
            "total_ms": ms(item.carried.total("total_ns")),
        },
        saving={"requests": requests, "total_ms": ms(users.total("total_ns"))},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(
            item.carried.exemplars,
            item.carried.total("total_ns") / max(1, carried),
        ),
        considered=(*considered, *trust.sentences(_SENSITIVE_TO, traces)),
        remedy=(
            f"Let {where} catch the failure of {whom}, and answer with a default, the last known value, "
            "or without that part."
        ),
    )


def _share_of_requests(evidence: Evidence, rows: Rows) -> float:
    """Return the largest share (0..1) of an entry operation's requests in which the visit failed with it."""
    largest = 0.0
    for key, part in rows.by_entry():
        whole = evidence.request_count.get(key, 0)
        largest = max(largest, part.total("traces") / whole if whole else 0.0)
    return min(1.0, largest)
