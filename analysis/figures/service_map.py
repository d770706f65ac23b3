"""The layered service map: who calls whom, how often, how reliably, and where findings are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

import networkx as nx
import pandas as pd
import plotly.graph_objects as go

from analysis.figures._bundles import bundled
from analysis.figures._map_drawing import Drawing, draw
from analysis.figures._reviewed import Reviewed, catalogued, fact, findings_by_service
from analysis.figures._text import cleaned, plural, shown
from analysis.figures._theme import empty_figure
from analysis.graph import ServiceGraph, communities, cycles, grouped, service_graph

__all__ = ["service_map"]

_TITLE: Final = "Service map"
#: Nodes that a map can hold before it groups them.
NODES_AT_MOST: Final = 100
#: Edges drawn unless the caller asks for more: five for each two nodes, but within these limits.
EDGES_AT_LEAST: Final = 40
EDGES_AT_MOST: Final = 120


def service_map(
    result: Reviewed,
    focus: str | None = None,
    depth: int | None = None,
    *,
    max_edges: int | None = None,
    highlight: Iterable[str | tuple[str, str]] | None = None,
) -> go.Figure:
    """Draw services, stores, queues and users in layers, callers to the left of what they call.

    Parameters
    ----------
    result
        A review: its ``calls`` and ``operations`` facts and its findings.
    focus
        Show only the surroundings of this service or store.
    depth
        How many calls away from `focus` the map reaches, in both directions; 2 by default.
    max_edges
        Draw no more edges than these; the least used ones are hidden and counted. By default five for
        each two nodes, at least 40, at most 120.
    highlight
        Services, or pairs of caller and callee, to be drawn heavier; such edges are never hidden.

    Returns
    -------
    plotly.graph_objects.Figure
        Width of an edge grows with its calls; solid is synchronous, dashed asynchronous, dotted access to data. A
        cross and a percentage mark failed calls. Above 100 nodes, the domains of a service catalogue, else its teams,
        else services that call one another, are drawn as groups.
    """
    calls = fact(result, "calls")
    if calls is None:
        return empty_figure("No call between services was seen: every trace stays within one service.", _TITLE)
    graph, found = _prepared(result, calls)
    # What is hidden is taken out of the graph; the surroundings of a node are a graph of their own anyway.
    selection = _Selection(graph if focus is not None else graph.copy(), found, _split(highlight))
    if focus is not None:
        if focus not in graph:
            return empty_figure(f"There is no service or store called {cleaned(focus)[:80]}.", _TITLE)
        selection.focus_on(focus, 2 if depth is None else depth)
    selection.bundle()
    selection.group(NODES_AT_MOST, catalogued(result))
    selection.hide_edges(max_edges)
    return draw(selection.drawing())


#: The graph of a review and the findings of its services: a page for each service asks for the same.
_PREPARED: Final[WeakKeyDictionary[Reviewed, tuple[ServiceGraph, dict[str, dict[str, int]]]]] = WeakKeyDictionary()


def _prepared(result: Reviewed, calls: pd.DataFrame) -> tuple[ServiceGraph, dict[str, dict[str, int]]]:
    """Return the whole graph, which is not to be changed, and how many findings name each service."""
    try:
        known = _PREPARED.get(result)
    except TypeError:
        # Not every stand-in for a review can be remembered.
        return service_graph(calls, fact(result, "operations")), findings_by_service(result)
    if known is None:
        known = service_graph(calls, fact(result, "operations")), findings_by_service(result)
        _PREPARED[result] = known
    return known


def _split(highlight: Iterable[str | tuple[str, str]] | None) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    marked = list(highlight or ())
    nodes = frozenset(item for item in marked if isinstance(item, str))
    pairs = frozenset((str(item[0]), str(item[1])) for item in marked if not isinstance(item, str))
    return nodes, pairs


@dataclass
class _Selection:
    """What of the graph is drawn, and what is to be said of the rest."""

    graph: ServiceGraph
    findings: Mapping[str, Mapping[str, int]]
    marked: tuple[frozenset[str], frozenset[tuple[str, str]]]
    notes: list[str] = field(default_factory=list)
    subtitle: str = ""
    circles: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        services = sum(self.graph.nodes[node]["kind"] == "service" for node in self.graph)
        others = self.graph.number_of_nodes() - services
        traced = f"{plural(services, 'service')}, {plural(others, 'other node')}, "
        self.subtitle = f"{traced}{plural(self.graph.number_of_edges(), 'edge')}; callers on the left"

    def focus_on(self, node: str, depth: int) -> None:
        """Keep what lies within `depth` calls of a node."""
        near = set(nx.ego_graph(self.graph.to_undirected(as_view=True), node, radius=max(depth, 0)))
        hidden = self.graph.number_of_nodes() - len(near)
        self.graph = self.graph.subgraph(near).copy()
        self.marked = (self.marked[0] | {node}, self.marked[1])
        steps = plural(max(depth, 0), "call")
        self.subtitle = f"{shown(node)} and what is within {steps} of it"
        if hidden:
            self.notes.append(f"{plural(hidden, 'node')} hidden: further than {steps} from {shown(node)}.")

    def bundle(self) -> None:
        """Draw stores of one kind that only one service uses as one; not those that are asked for."""
        asked = self.marked[0] | {node for pair in self.marked[1] for node in pair}
        graph, notes = bundled(self.graph)
        if all(node in graph for node in asked if node in self.graph):
            self.graph = graph
            self.notes += notes

    def group(self, nodes_at_most: int, catalogued: tuple[str, Mapping[str, str]]) -> None:
        """Draw domains, teams or communities as one node each where there are too many nodes.

        Parameters
        ----------
        nodes_at_most
            Nodes that are drawn one by one.
        catalogued
            What a catalogue groups by, and the group of each service; communities where it names none.
        """
        count = self.graph.number_of_nodes()
        if count <= nodes_at_most:
            return
        group_of: dict[str, str] = {}
        kind, known = catalogued
        named = {node: known[node] for node in sorted(self.graph) if node in known}
        sizes = Counter(named.values())
        for node, name in named.items():
            group_of[node] = f"{cleaned(name)} ({sizes[name]})"
        for part in () if named else communities(self.graph):
            if len(part) > 1:
                busiest = max(part, key=self._importance)
                group_of.update(dict.fromkeys(part, f"{cleaned(busiest)} +{len(part) - 1}"))
        self.findings = _of_groups(self.findings, group_of)
        self.marked = (
            frozenset(group_of.get(node, node) for node in self.marked[0]),
            frozenset((group_of.get(a, a), group_of.get(b, b)) for a, b in self.marked[1]),
        )
        self.graph = grouped(self.graph, group_of, dict.fromkeys(group_of.values(), "group"))
        self.notes.append(
            f"{count:,} nodes are drawn as {self.graph.number_of_nodes():,}: {_formed(kind if named else '')} "
            "(hover names its members); focus=… shows the surroundings of one service."
        )
        self._drop_nodes(nodes_at_most)

    def _drop_nodes(self, nodes_at_most: int) -> None:
        ranked = sorted(self.graph, key=lambda node: (-self._calls_of(node), node))
        if ranked[nodes_at_most:]:
            self.notes.append(
                f"{len(ranked) - nodes_at_most:,} of {len(ranked):,} nodes hidden: those with the fewest calls."
            )
            self.graph = self.graph.subgraph(ranked[:nodes_at_most]).copy()

    def _importance(self, node: str) -> tuple[bool, int, str]:
        return (self.graph.nodes[node]["kind"] == "service", self._calls_of(node), node)

    def _calls_of(self, node: str) -> int:
        ends = [*self.graph.in_edges(node, data=True), *self.graph.out_edges(node, data=True)]
        return sum(int(edge["calls"]) for _, _, edge in ends)

    def hide_edges(self, limit: int | None) -> None:
        """Hide the least used edges: none that is marked; circles and the busiest edge into each node come last."""
        is_grouped = any(self.graph.nodes[node]["kind"] == "group" for node in self.graph)
        # Groups call one another in circles where their members do not.
        self.circles = [] if is_grouped else cycles(self.graph)
        edges = [
            (caller, callee, kind, int(edge["calls"]))
            for caller, callee, kind, edge in self.graph.edges(keys=True, data=True)
        ]
        edges.sort(key=lambda edge: (-edge[3], edge[:3]))
        usual = min(EDGES_AT_MOST, max(EDGES_AT_LEAST, 5 * self.graph.number_of_nodes() // 2))
        edges_at_most = usual if limit is None else max(limit, 0)
        if len(edges) <= edges_at_most:
            return
        must = [edge for edge in edges if edge[:2] in self.marked[1] or self._closes_circle(edge)]
        entered: set[str] = set()
        for edge in edges:
            if edge[1] not in entered and edge[0] != edge[1]:
                entered.add(edge[1])
                must.append(edge)
        chosen = dict.fromkeys(must[:edges_at_most])
        chosen.update(dict.fromkeys(edge for edge in must if edge[:2] in self.marked[1]))
        for edge in edges:
            if len(chosen) >= edges_at_most:
                break
            chosen[edge] = None
        hidden = [edge for edge in edges if edge not in chosen]
        self.graph.remove_edges_from([edge[:3] for edge in hidden])
        if hidden:
            self.notes.append(
                f"{len(hidden):,} of {plural(len(edges), 'edge')} hidden: the least used, at most "
                f"{plural(max(edge[3] for edge in hidden), 'call')} each."
            )

    def _closes_circle(self, edge: tuple[str, str, str, int]) -> bool:
        return edge[2] == "sync" and any(edge[0] in circle and edge[1] in circle for circle in self.circles)

    def drawing(self) -> Drawing:
        """Hand over what is left, with its notes."""
        loops = [edge for edge in self.graph.edges(keys=True) if edge[0] == edge[1]]
        self.graph.remove_edges_from(loops)
        if loops:
            named = ", ".join(sorted({shown(edge[0], 30) for edge in loops})[:5])
            self.notes.append(f"{plural(len(loops), 'edge')} from a node to itself not drawn: {named}.")
        for circle in self.circles[:3]:
            self.notes.append(f"↺ call one another in a circle: {', '.join(shown(node, 30) for node in circle[:8])}.")
        if self.circles[3:]:
            self.notes.append(f"↺ {len(self.circles) - 3} more circles.")
        return Drawing(self.graph, self.findings, *self.marked, self.circles, _TITLE, self.subtitle, self.notes)


def _formed(kind: str) -> str:
    return f"services of one {kind} form a group" if kind else "services that call one another most form a group"


def _of_groups(findings: Mapping[str, Mapping[str, int]], group_of: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    totals: dict[str, dict[str, Any]] = {}
    for service, counts in findings.items():
        of = totals.setdefault(group_of.get(service, service), {})
        for severity, count in counts.items():
            of[severity] = of.get(severity, 0) + count
    return totals
