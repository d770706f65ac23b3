"""Synchronous chain.

What it finds
-------------
Requests for which four calls or more between services stand one behind the other, each waiting for the next.

Why it matters
--------------
Availabilities multiply: five services that answer 99.5 % of the time answer together 97.5 % of the time. Latencies add
up, the slowest decides, timeouts must be nested, and a thread is held at every level.

How it decides
--------------
For each request the longest way of calls between services that wait for each other, on the critical path only. An
entry operation is reported where this way has ``edges`` calls or more (4, house default) at p95 over its requests,
by the path that is seen most often. Proxies, by their names, count as no hop; calls within a service do not count.

The product of availabilities is that of the shares of visits that succeeded, of each service on the path. The time on
the way is what the client spans of the chain take that no callee covers. Worth fixing is a chain whose way takes
``cost_ms`` (10, house default) or more at p95, or whose product is below ``availability`` (0.99, house default).
Severity then follows from the share of the way in the p95 of the entry operation; this is also the most that a
shorter chain would save.

Example
-------
Flagged: ``POST /checkout``: gateway, orders, cart, pricing, customers: four calls deep.
Better: the gateway passes along what pricing would ask for; prices come from an event that the cart keeps.

What it can mistake
-------------------
A proxy whose name does not say so counts as a hop. A call that only one branch in twenty-five makes does not move the
p95. Availability is that of all visits of a service, not of those in the chain.

What to do
----------
Collapse services that only pass on; cache or replicate what the far end is asked for; answer at once and let an event
do the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._building import finding, on_path
from analysis.detectors._evidence import examples, ms
from analysis.detectors._requests import PERCENTILE, affected_traces, is_proxy, largest_share
from analysis.detectors._rows import Rows
from analysis.facts.chains import ARROW
from analysis.findings import Assessment, Finding
from analysis.trust import NO_CROSSING

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="synchronous_chain",
    family="chatty",
    title="Synchronous chain",
    facts=("chains", "calls", "visits", "requests"),
    limits={
        "edges": Limit(4, "calls", "calls between services one behind the other, at p95"),
        "cost_ms": Limit(10, "ms", "worth fixing from this time on the way on, at p95"),
        "availability": Limit(0.99, "", "worth fixing below this product of availabilities"),
    },
)
_SENSITIVE_TO: Final = ("kinds", "orphans", "sampling", "skew")


@dataclass(frozen=True)
class _Ways:
    """The ways of an entry operation that are long: ``rows`` of the fact, and the ``services`` of each, no proxies.

    ``edges`` are the calls one behind the other at p95.
    """

    rows: Rows
    services: Sequence[tuple[str, ...]]
    edges: int

    @cached_property
    def seen(self) -> Counter[str]:
        """How many requests took each path."""
        counts: Counter[str] = Counter()
        for services, requests in zip(self.services, self.rows["requests"].tolist(), strict=True):
            counts[ARROW.join(services)] += requests
        return counts


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which entry operations wait for long chains of services."""
    calls = evidence["calls"]
    between = (calls["kind"] == "sync") & (calls["caller_kind"] == "service") & (calls["callee_kind"] == "service")
    if not (between & (calls["caller"] != calls["callee"])).any():
        missing = (f"synchronous calls between two services: {NO_CROSSING}",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    chains, availability = evidence.rows("chains"), _availability(evidence["visits"])
    services = {path: _without_proxies(path) for path in set(chains["path"])}
    findings = []
    for (service, operation), rows in chains.by_entry():
        hops = np.array([len(services[path]) - 1 for path in rows["path"]], np.int64)
        spread = Histogram.from_values(hops, rows["requests"])
        deep = rows.only(hops >= limits["edges"])
        if operation and len(deep) and spread.percentile(PERCENTILE) >= limits["edges"]:
            ways = _Ways(deep, [services[path] for path in deep["path"]], int(spread.percentile(PERCENTILE)))
            findings.append(_finding(evidence, limits, (service, operation), ways, availability))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _without_proxies(path: str) -> tuple[str, ...]:
    kept: list[str] = []
    for service in path.split(ARROW):
        if not is_proxy(service) and kept[-1:] != [service]:
            kept.append(service)
    return tuple(kept)


def _finding(
    evidence: Evidence, limits: Limits, entry: tuple[str, str], ways: _Ways, by_service: Mapping[str, float]
) -> Finding:
    (service, operation), deep, edges, seen = entry, ways.rows, ways.edges, ways.seen
    path = min(seen, key=lambda path: (-seen[path], path))
    services = path.split(ARROW)
    affected = affected_traces(evidence, deep["traces"])
    way = deep.histogram("way_per_request")
    availability = prod(by_service.get(name, 1.0) for name in sorted(set(services)))
    share = largest_share(evidence, deep, "way_per_request")
    spent = way.percentile(PERCENTILE)
    passes = spent >= limits["cost_ms"] * 1e6 or availability < limits["availability"]
    proxies = sorted({name for text in deep["path"] for name in text.split(ARROW) if is_proxy(name)})
    considered = ["calls that nobody waits for, and those off the critical path, were left out"]
    if proxies:
        considered.append(f"proxies count as no hop: {', '.join(proxies)}")
    considered.append(f"{len(seen)} such path{'s' if len(seen) > 1 else ''}; the one named is seen most often")
    return finding(
        evidence,
        INFO,
        limits,
        affected,
        0.9,
        _SENSITIVE_TO,
        considered,
        severity=severity(Weight(passes_limits=passes, share_of_p95=share)),
        title=f"{operation} of {service} waits for {edges} calls one behind the other",
        summary=(
            f"{path}: each waits for the next. The services on the way answer {availability:.2%} of the time together; "
            f"{duration(ms(spent))} are spent between them at p95."
        ),
        services=tuple(sorted(set(services))),
        subject={"entry_service": service, "entry_operation": operation},
        measures={
            "edges": edges,
            "edges_max": max(map(len, ways.services)) - 1,
            "path": services,
            "paths": len(seen),
            "availability": round(availability, 6),
            "requests": deep.total("requests"),
            "share_of_p95": share,
        },
        cost=on_path(way, deep["way_ns"].sum()),
        saving=on_path(way, deep["way_ns"].sum()),
        exemplars=examples(deep.exemplars, way.percentile(0.5)),
        remedy=(
            f"Shorten the way to {services[-1]}: collapse services that only pass on, keep a copy of what is asked for "
            "(a cache, or fed by events), or answer first and let an event do the rest."
        ),
    )


def _availability(visits: pd.DataFrame) -> dict[str, float]:
    """Return the share (0..1) of the visits of each service that did not fail."""
    total = visits.groupby("service", sort=True)[["visits", "failures"]].sum()
    failed = total["failures"].to_numpy() / total["visits"].clip(lower=1).to_numpy()
    return dict(zip(map(str, total.index), 1.0 - failed, strict=True))
