"""Layered split.

What it finds
-------------
Services that are layers: one calls the next in nearly all of its requests, and nobody else calls the lower ones.

Why it matters
--------------
A system cut into presentation, logic and data has its boundaries across every change: a new field is a release of each
layer, in order. Each layer adds a hop, and none can be used, scaled or understood without the others.

How it decides
--------------
By the calls that enter services, probes left out: A → B → C where at least ``share`` (0.9, catalogue) of A's visits
call B, as many of B's call C, and neither B nor C is called by anyone else (users and queues count). Each needs
``visits`` (10, house default) visits to tell. Longer chains are told whole. Worth fixing when the way between the
layers takes at least ``ms`` (5 ms, house default) of the critical path of a request at p95; severity by its share of
the entry operation's p95. What is told here is told neither as pass-through nor as nano service.

Example
-------
Flagged: ``order-api`` calls ``order-logic`` in every request, which calls ``order-data``, which nobody else knows.
Better: one service ``orders``, with the three as modules.

What it can mistake
-------------------
A gateway, a proxy or a façade before a service is no layer of it: services named so, those that call three others and
keep nothing, and those above three or more services that only they call, are taken off the chain. A window that shows
one use case only makes a chain of everything.

What to do
----------
Cut vertically: put what changes together into one service, from its interface to its tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Final

import pandas as pd

from analysis._wording import duration, listed, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._requests import fronts_seen, is_proxy
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    added_ways,
    answers_of,
    called_operations,
    callers_of,
    calls_between,
    is_adapter,
    not_assessable,
    way_of,
)
from analysis.facts.revisits import ARROW
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="layered_split",
    family="boundaries",
    title="Layered split",
    facts=("calls", "hops", "passages", "requests"),
    limits={
        "share": Limit(0.9, "", "share of a layer's visits that call the next one", "catalogue"),
        "visits": Limit(10, "visits", "visits that each layer needs"),
        "ms": Limit(5, "ms", "time on the way, on the critical path at p95, from which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")
_LAYERS: Final = 3
#: So many services that only one calls, in nearly all of its visits, are parts that it puts together.
_COMPOSED: Final = 3


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services are layers of one."""
    if evidence.shared(calls_between).empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    below = _links(evidence.shared(called_operations), limits)
    fronts = evidence.shared(fronts_seen)
    composing = {name for name, links in below.items() if len(links) >= _COMPOSED}
    findings, suppressed = [], []
    for chain in _chains(below):
        layers = _longest_run(chain, fronts, composing)
        if len(layers) < _LAYERS:
            what = "what puts several services together" if composing & set(chain) else "a gateway, proxy or façade"
            suppressed.append(f"{ARROW.join(chain)}: {what} is no layer")
        else:
            findings.append(_finding(evidence, limits, layers, below))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def _links(visits: pd.DataFrame, limits: Limits) -> dict[str, dict[str, float]]:
    """Return for each service those that only it calls, and in which share of its visits it does."""
    whole = visits.groupby("service")["visits"].sum().to_dict()
    onward: dict[tuple[str, str], int] = {}
    for service, callees, number in visits[["service", "callees", "visits"]].itertuples(index=False, name=None):
        for callee in callees:
            onward[service, callee] = onward.get((service, callee), 0) + int(number)
    below: dict[str, dict[str, float]] = {}
    for lower, callers in sorted(callers_of(visits).items()):
        if len(callers) != 1:
            continue
        (upper,) = callers
        share = onward.get((upper, lower), 0) / whole.get(upper, 1)
        if min(whole.get(upper, 0), whole[lower]) >= limits["visits"] and share >= limits["share"]:
            below.setdefault(upper, {})[lower] = share
    return below


def _chains(below: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    """Return the longest chains of three links' ends and more, from the service that none of them is above."""
    lower = {name for links in below.values() for name in links}
    # A service has one above it at most, so that no service is come to twice.
    waiting: list[tuple[str, ...]] = [(name,) for name in sorted(set(below) - lower)]
    found: list[tuple[str, ...]] = []
    while waiting:
        chain = waiting.pop()
        links = below.get(chain[-1], {})
        waiting += [(*chain, name) for name in links]
        if not links and len(chain) >= _LAYERS:
            found.append(chain)
    return sorted(found)


def _longest_run(chain: tuple[str, ...], fronts: Collection[str], composing: Collection[str]) -> tuple[str, ...]:
    """Return the longest part of a chain without a gateway, proxy, façade or composer, the first of several."""
    runs: list[list[str]] = [[]]
    for name in chain:
        if name in fronts or name in composing or is_proxy(name) or is_adapter(name):
            runs.append([])
        else:
            runs[-1].append(name)
    longest = max(len(run) for run in runs)
    return tuple(next(run for run in runs if len(run) == longest))


def _finding(
    evidence: Evidence, limits: Limits, layers: tuple[str, ...], below: Mapping[str, Mapping[str, float]]
) -> Finding:
    hops = evidence.rows("hops").where(grain="call")
    pairs = list(pairwise(layers))
    way = added_ways([way_of(evidence, hops.where(caller=upper, callee=lower)) for upper, lower in pairs])
    at_p95 = float(way.cost["critical_path_ms_p95"])
    shares = [round(below[upper][lower], 4) for upper, lower in pairs]
    services = tuple(sorted(layers))
    trust = evidence.trust.of(services)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=at_p95 >= limits["ms"], share_of_p95=way.share_of_p95)),
        confidence=trust.confidence(0.8, _SENSITIVE_TO, way.traces),
        title=f"{ARROW.join(layers)} are layers of one service",
        summary=(
            f"Each calls the next in at least {percent(min(shares))} of its visits, and nobody else calls "
            f"{listed(layers[1:])}. The way between them takes {duration(at_p95)} of the critical path at p95."
        ),
        services=services,
        subject={"layers": list(layers)},
        measures={
            "layers": len(layers),
            "shares": shares,
            "entries": list(way.entries),
            "share_of_p95": way.share_of_p95,
        },
        limits=dict(limits),
        cost=dict(way.cost),
        saving=way.saving,
        traces_seen=evidence.traces,
        traces_affected=way.traces,
        share=round(way.traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "percentiles of the links are added",
            "probes were left out; users and queues that enter a layer count as other callers",
            *trust.sentences(_SENSITIVE_TO, way.traces),
        ),
        remedy=f"Cut vertically: one service for what {listed(layers)} do together, with the layers as modules.",
    )
