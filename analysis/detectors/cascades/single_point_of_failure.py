"""Single point of failure.

What it finds
-------------
A service that nearly every request needs, and that runs as one copy.

Why it matters
--------------
When the copy restarts, is moved or dies, everything stops with it. A deployment is an outage, however short.

How it decides
--------------
By requests that somebody waits for (probes, jobs and messages are left out): a request needs a service if it enters
through it or waits for it, and nobody on the way survives its failure. How often callers survive is measured where the
service has failed; where it never has, it counts as required, and confidence is lower. Named are the services that
``needed`` of the requests need (0.8, the catalogue's limit) and that never have more than one copy in a minute
(``service.instance.id``, else pod or container). Where the copies are not recorded, nothing is said. Told with each is
what it dominates: services and stores that every way from the users to passes through it.

Worth fixing from ``requests`` requests on (100, house default). The finding is ``low`` at most: it tells what could
happen, not what did.

Example
-------
Flagged: 95 % of the pages wait for ``customers``, of which there is ``customers-0`` alone. Better: two copies in two
zones, and pages that do without the customer's name for a while.

What it can mistake
-------------------
A second copy that stood by, without work, in the recorded time. An export that holds one zone or one node of many.
Stores are not judged: an export says nothing about their replicas.

What to do
----------
Run two copies or more in different zones, with a budget for disruptions; let callers do without it for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram
from analysis.detectors._requests import finding
from analysis.detectors.boundaries._services import is_probe
from analysis.findings import Assessment, Finding, Outcome
from analysis.resilience import blast_radius, dominators

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="single_point_of_failure",
    family="cascades",
    title="Single point of failure",
    facts=(
        *("attempts", "calls", "dependencies", "failures", "instance_minutes", "propagation", "request_services"),
        *("requests", "slowdowns", "visits"),
    ),
    limits={
        "needed": Limit(0.8, "", "share of the requests that need the service", "catalogue"),
        "requests": Limit(100, "requests", "worth fixing from this many requests on"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling")
_ENTRY: Final = ["entry_service", "entry_operation"]
_AWAITED: Final = ("server", "unspecified", "client")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services are single points of failure."""
    requests = _awaited(evidence)
    whole = int(requests["requests"].sum())
    if not whole:
        missing = ("requests that somebody waits for: topmost spans that are neither probe, job nor message",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    by_entry = blast_radius(evidence, grain="entry")
    needed = _needed(by_entry, requests)
    copies = _copies(evidence)
    chosen = [row for row in needed.to_dict("records") if row["expected"] >= limits["needed"] * whole]
    chosen = [row for row in chosen if row["service"] in copies]
    behind: dict[str, tuple[str, ...]] = {}
    if chosen:
        tree = dominators(evidence)
        behind = dict(zip(tree["node"], tree["dominates"], strict=True))
    findings = tuple(
        _finding(evidence, row | {"dominates": behind.get(row["service"], ())}, requests, by_entry, limits)
        for row in (row | {"copies": copies[row["service"]]} for row in chosen)
        if len(row["copies"]) == 1
    )
    unknown = tuple(
        f"which copy of {row['service']} a span is from: service.instance.id, pod or container"
        for row in chosen
        if not copies[row["service"]]
    )
    if unknown and not findings:
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=unknown)
    outcome: Outcome = "found" if findings else "not_found"
    return Assessment(INFO.name, INFO.family, outcome, findings)


def _awaited(evidence: Evidence) -> pd.DataFrame:
    """Return the entry operations that somebody waits for, without probes and calls to stores."""
    requests = evidence["requests"]
    visited = set(zip(evidence["visits"]["service"], evidence["visits"]["operation"], strict=True))
    keys = list(zip(requests["entry_service"], requests["entry_operation"], strict=True))
    kept = [key in visited and not is_probe(key[1]) for key in keys]
    rows = requests[pd.Series(kept, index=requests.index, dtype=bool) & requests["entry_kind"].isin(_AWAITED)]
    # Where kinds are recorded, a client on top is a job that polls.
    return rows[rows["entry_kind"] != "client"] if (rows["entry_kind"] == "server").any() else rows


def _needed(by_entry: pd.DataFrame, requests: pd.DataFrame) -> pd.DataFrame:
    """Return for each service how many of the requests need it: ``expected``, with ``low``, ``used``, ``entries``."""
    awaited = set(zip(requests["entry_service"], requests["entry_operation"], strict=True))
    keys = zip(by_entry["entry_service"], by_entry["entry_operation"], strict=True)
    kept = by_entry[pd.Series([key in awaited for key in keys], index=by_entry.index, dtype=bool)]
    grouped = kept.groupby("service", as_index=False, sort=True)
    table = grouped[["expected", "low", "used"]].sum()
    return table.assign(entries=grouped["used"].agg(lambda used: int((used > 0).sum()))["used"])


def _copies(evidence: Evidence) -> dict[str, frozenset[str]]:
    """Return for each service its copies in the minute that has most; none where some of its spans name none."""
    minutes = evidence.rows("instance_minutes")
    found: dict[str, frozenset[str]] = {}
    for (service,), rows in minutes.only(minutes["service"] != "").groups("service"):
        if (rows["instance"] == "").any():
            found[service] = frozenset()
            continue
        each = [frozenset(group["instance"]) for _, group in rows.groups("minute")]
        found[service] = max(each, key=lambda names: (len(names), sorted(names)))
    return found


def _finding(
    evidence: Evidence,
    row: Mapping[Any, Any],
    requests: pd.DataFrame,
    by_entry: pd.DataFrame,
    limits: Limits,
) -> Finding:
    service, whole = str(row["service"]), int(requests["requests"].sum())
    [copy] = row["copies"]
    dominated = list(map(str, row["dominates"]))
    share = min(1.0, float(row["expected"]) / whole)
    low = float(row["low"])
    measured = 2 * low >= float(row["expected"])
    doubt = f"{low:.0f} requests need it as measured, the others because no failure of it was seen"
    shown = _exemplars(by_entry, service, requests)
    latency = merged_histogram(shown["latency"])
    affected = min(evidence.traces, int(float(row["used"])))
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.8 if measured else 0.55,
        _SENSITIVE_TO,
        (
            f"in every minute {copy} was the only copy that had work",
            f"every way to {', '.join(dominated)} leads through it" if dominated else "there are ways around it to all",
            "that nobody survives its failure was measured, or they enter through it" if measured else doubt,
        ),
        severity=severity(Weight(passes_limits=whole >= limits["requests"])),
        title=f"{service} is a single point of failure",
        summary=f"{share:.0%} of the {whole:,} requests need {service}, and it runs as one copy, {copy}.",
        services=(service,),
        subject={"service": service},
        measures={
            "needed_share": round(share, 4),
            "needed_share_low": round(min(1.0, low / whole), 4),
            "requests": whole,
            "entry_operations": int(row["entries"]),
            "copies": 1,
            "dominates": dominated,
        },
        cost={"share_of_requests_at_risk": round(share, 6)},
        saving={},
        exemplars=examples(merged_exemplars(shown["exemplars"]), latency.percentile(0.5)),
        remedy=f"Run {service} as two copies or more, in different zones, and let callers do without it for a while.",
    )


def _exemplars(by_entry: pd.DataFrame, service: str, requests: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of entry operations that use a service, for the traces that show it."""
    using = by_entry[(by_entry["service"] == service) & (by_entry["used"] > 0)]
    keys = set(zip(using["entry_service"], using["entry_operation"], strict=True))
    marks = [key in keys for key in zip(requests["entry_service"], requests["entry_operation"], strict=True)]
    return requests[pd.Series(marks, index=requests.index, dtype=bool)]
