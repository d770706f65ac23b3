"""Cyclic dependency.

What it finds
-------------
Services that call each other in a circle, synchronously, directly or through others.

Why it matters
--------------
Services in a circle cannot be deployed, scaled or understood one at a time: each must be up for the other to work, and
a slow one slows itself. A cycle is the surest sign that a boundary runs through the middle of something.

How it decides
--------------
By the synchronous calls between services: every strongly connected component of two services or more (Tarjan 1972). The
finding names the fewest edges whose removal leaves no cycle (exact up to 12 services; above, the heuristic of Eades,
Lin and Smyth 1993), cheapest first by calls, and whether a single request goes round (it comes back to a service that
still waits). Two services between which single requests go back and forth are left to ping-pong, which tells what that
costs. Worth fixing when the edges to cut carry at least ``calls`` calls (2, house default); below it is
``info``. ``medium``, as it blocks independent change.

Example
-------
Flagged: ``orders`` calls ``billing`` to price, and ``billing`` calls ``orders`` to read the lines it prices.
Better: ``orders`` passes the lines along, or ``billing`` learns them from an event.

What it can mistake
-------------------
Services that everybody calls and that call others once at start-up (authentication, configuration) close cycles that do
not matter; so do two services seen under one name. Callbacks over webhooks look like calls.

What to do
----------
Cut the edges named: pass the data along with the first call, invert the dependency with an event, or merge the two.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import networkx as nx
import numpy as np
import pandas as pd

from analysis._wording import listed
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.facts.revisits import ARROW
from analysis.findings import Assessment, Finding
from analysis.trust import NO_CROSSING

__all__ = ["INFO", "fewest_cuts", "judge"]

INFO: Final = Info(
    name="cyclic_dependency",
    family="boundaries",
    title="Cyclic dependency",
    facts=("calls", "revisits"),
    limits={"calls": Limit(2, "calls", "calls on the edges to cut from which the cycle is worth fixing")},
    after=("ping_pong",),
)
#: Services by name; an edge says how many ``calls`` it stands for.
ServiceCalls: TypeAlias = "nx.DiGraph[str]"
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling")
_EXACT: Final = 12
_REMEDY: Final = "Cut {edges}: pass the data along with the first call, invert it with an event, or merge the services."


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services call each other in a circle."""
    calls = evidence["calls"]
    between = calls[
        (calls["kind"] == "sync")
        & (calls["caller_kind"] == "service")
        & (calls["callee_kind"] == "service")
        & (calls["caller"] != calls["callee"])
    ]
    if between.empty:
        missing = (f"synchronous calls between two services: {NO_CROSSING}",)
        return Assessment(INFO.name, INFO.family, "not_assessable", missing=missing)
    graph: ServiceCalls = nx.DiGraph()
    graph.add_weighted_edges_from(
        between[["caller", "callee", "calls"]].itertuples(index=False, name=None), weight="calls"
    )
    components = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    pairs = _told_as_ping_pong(evidence)
    told = [part for part in sorted(components) if tuple(part) in pairs]
    left = [part for part in sorted(components) if tuple(part) not in pairs]
    findings = tuple(_finding(evidence, limits, graph.subgraph(part), between) for part in left)
    suppressed = tuple(f"{' and '.join(part)}: single requests go back and forth, told as ping-pong" for part in told)
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", findings, suppressed=suppressed)


def _told_as_ping_pong(evidence: Evidence) -> set[tuple[str, ...]]:
    """Return the pairs of services, each in order of name, between which ping-pong was found."""
    answer = evidence.answers.get("ping_pong")
    return {finding.services for finding in answer.findings} if answer is not None else set()


def fewest_cuts(graph: ServiceCalls) -> list[tuple[str, str]]:
    """Return the fewest edges whose removal leaves no cycle, of several such sets one with the fewest calls; sorted."""
    nodes = sorted(graph.nodes)
    order = _best_order(graph, nodes) if len(nodes) <= _EXACT else _good_order(graph)
    place = {node: index for index, node in enumerate(order)}
    return sorted((caller, callee) for caller, callee in graph.edges if place[caller] > place[callee])


def _best_order(graph: ServiceCalls, nodes: list[str]) -> list[str]:
    """Order nodes so that the fewest edges point backwards, by dynamic programming over the sets that come first."""
    size = len(nodes)
    index = {node: position for position, node in enumerate(nodes)}
    weights = {(caller, callee): int(graph.edges[caller, callee]["calls"]) for caller, callee in graph.edges}
    total = 1 + sum(weights.values())
    cost = np.zeros((size, size))
    for (caller, callee), calls in weights.items():
        cost[index[caller], index[callee]] = 1.0 + calls / total
    best = [0.0] + [float("inf")] * ((1 << size) - 1)
    last = [0] * (1 << size)
    for chosen in range(1 << size):
        for node in range(size):
            if chosen >> node & 1:
                continue
            back = sum(cost[node, other] for other in range(size) if chosen >> other & 1)
            after = chosen | 1 << node
            if best[chosen] + back < best[after] - 1e-12:
                best[after] = best[chosen] + back
                last[after] = node
    order = []
    chosen = (1 << size) - 1
    while chosen:
        order.append(nodes[last[chosen]])
        chosen ^= 1 << last[chosen]
    return order[::-1]


def _good_order(graph: ServiceCalls) -> list[str]:
    """Order nodes by taking sinks last, sources first, and else the node that gives most more than it takes."""
    left: ServiceCalls = nx.DiGraph(graph)
    first: list[str] = []
    final: list[str] = []
    while left:
        sinks = sorted(node for node in left if left.out_degree(node) == 0)
        sources = sorted(node for node in left if left.in_degree(node) == 0)
        if sinks:
            final += sinks
            left.remove_nodes_from(sinks)
        elif sources:
            first += sources
            left.remove_nodes_from(sources)
        else:
            chosen = min(left, key=lambda node: (left.in_degree(node) - left.out_degree(node), node))
            first.append(chosen)
            left.remove_node(chosen)
    return first + final[::-1]


def _finding(evidence: Evidence, limits: Limits, part: ServiceCalls, between: pd.DataFrame) -> Finding:
    services = tuple(sorted(part.nodes))
    cuts = fewest_cuts(part)
    inside = between[between["caller"].isin(services) & between["callee"].isin(services)]
    pairs = pd.Series(list(zip(inside["caller"], inside["callee"], strict=True)), index=inside.index, dtype=object)
    cut_rows = inside[pairs.isin(cuts)]
    realised = _realised(evidence["revisits"], services)
    edges = " and ".join(f"{caller}{ARROW}{callee}" for caller, callee in cuts)
    calls = int(cut_rows["calls"].sum())
    # A trace may come back on several paths: of each kind of request the path seen in most traces counts.
    by_entry = realised.groupby(["entry_service", "entry_operation"])["traces"].max()
    traces = int(by_entry.sum()) if len(realised) else int(cut_rows["traces"].max())
    latency = merged_histogram(cut_rows["latency"])
    shown = merged_exemplars((realised if len(realised) else cut_rows)["exemplars"])
    trust = evidence.trust.of(services)
    considered = [
        f"{int(realised['visits'].sum()):,} calls come back to a service that still waits, in {traces:,} traces"
        if len(realised)
        else "no single request goes round: the circle is made of different requests",
        "asynchronous calls were left out",
        *trust.sentences(_SENSITIVE_TO, traces),
    ]
    share = min(1.0, traces / evidence.traces) if evidence.traces else 0.0
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        severity=severity(Weight(passes_limits=calls >= limits["calls"], blocks_change=True)),
        confidence=trust.confidence(0.95, _SENSITIVE_TO, traces),
        title=f"{listed(services)} call each other in a circle",
        summary=(
            f"{len(services)} services depend on each other through {len(inside)} kinds of calls; "
            f"cutting {edges} ({calls:,} calls) would leave no circle."
        ),
        services=services,
        subject={"services": list(services)},
        measures={
            "services": len(services),
            "edges": len(inside),
            "edges_to_cut": [f"{caller}{ARROW}{callee}" for caller, callee in cuts],
            "calls_to_cut": calls,
            "realised_by_single_traces": bool(len(realised)),
            "paths": sorted(set(realised["path"])),
        },
        limits=dict(limits),
        cost={"total_ms": ms(cut_rows["total_ns"].sum()), "calls": calls},
        saving={"calls": calls, "total_ms": ms(cut_rows["total_ns"].sum())},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(share, 4),
        exemplars=examples(shown, latency.percentile(0.5) if latency.count else 0.0),
        considered=tuple(considered),
        remedy=_REMEDY.format(edges=edges),
    )


def _realised(revisits: pd.DataFrame, services: tuple[str, ...]) -> pd.DataFrame:
    """Return the second visits whose whole way lies inside the circle."""
    inside = [set(path.split(ARROW)) <= set(services) for path in revisits["path"]]
    return revisits[np.array(inside, bool)] if len(revisits) else revisits
