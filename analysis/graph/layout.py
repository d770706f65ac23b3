"""Give every node of a directed graph a layer and a row, so that most edges point one way and few cross."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import networkx as nx
from fast_sugiyama import from_edges

from analysis.graph._rows import PASSING_EDGE, compacted

if TYPE_CHECKING:
    from typing import TypeAlias

    _Digraph: TypeAlias = "nx.DiGraph[str]"

__all__ = ["Layout", "feedback_edges", "layered"]

Pair = tuple[str, str]
Point = tuple[float, float]

#: Distance between two rows in the units of the layout engine; also that between two layers.
_STEP: Final = 72.0
#: Nodes without an edge stand in rows of this many below the rest, where the rest is no wider.
_LONERS_IN_A_ROW: Final = 6


@dataclass(frozen=True)
class Layout:
    """Places of nodes and ways of edges.

    Attributes
    ----------
    places
        (layer, row) of every node; layers are whole numbers from 0, callers before callees; rows begin at 0 and nodes
        of one layer are at least 1 apart.
    routes
        For every edge the points (layer, row) from caller to callee, both included. An edge over several layers
        passes between the nodes there.
    reversed_edges
        Edges that point against the layers, since they close a cycle.
    """

    places: Mapping[str, Point]
    routes: Mapping[Pair, tuple[Point, ...]]
    reversed_edges: frozenset[Pair]

    @property
    def layer_count(self) -> int:
        """How many layers there are."""
        return 1 + max((int(layer) for layer, _ in self.places.values()), default=-1)

    @property
    def row_span(self) -> float:
        """Largest row of a node or of a point of an edge."""
        rows = [row for _, row in self.places.values()]
        rows += [row for points in self.routes.values() for _, row in points]
        return max(rows, default=0.0)


def feedback_edges(weights: Mapping[Pair, float]) -> frozenset[Pair]:
    """Return edges whose reversal leaves no cycle, few and of little weight.

    Parameters
    ----------
    weights
        Weight of every edge; edges from a node to itself are passed over.

    Notes
    -----
    The greedy order of Eades, Lin and Smyth (1993) in each strongly connected component, with ties broken by name.
    """
    graph: _Digraph = nx.DiGraph()
    graph.add_edges_from(sorted(pair for pair in weights if pair[0] != pair[1]))
    against: set[Pair] = set()
    for component in nx.strongly_connected_components(graph):
        if len(component) > 1:
            inside = {pair: weights[pair] for pair in graph.edges(component) if pair[1] in component}
            place = {node: index for index, node in enumerate(_greedy_order(sorted(component), inside))}
            against.update(pair for pair in inside if place[pair[0]] > place[pair[1]])
    return frozenset(against)


def _greedy_order(nodes: Sequence[str], weights: Mapping[Pair, float]) -> list[str]:
    left = dict.fromkeys(nodes)
    out: dict[str, dict[str, float]] = {node: {} for node in nodes}
    into: dict[str, dict[str, float]] = {node: {} for node in nodes}
    for (source, target), weight in sorted(weights.items()):
        out[source][target] = weight
        into[target][source] = weight
    head: list[str] = []
    tail: list[str] = []
    while left:
        sinks = [node for node in left if not out[node]]
        sources = [node for node in left if not into[node] and out[node]]
        if sinks:
            chosen = sinks[0]
            tail.append(chosen)
        elif sources:
            chosen = sources[0]
            head.append(chosen)
        else:
            chosen = max(
                left, key=lambda node: (sum(out[node].values()) - sum(into[node].values()), _reverse_key(node))
            )
            head.append(chosen)
        del left[chosen]
        for target in out.pop(chosen):
            into[target].pop(chosen, None)
        for source in into.pop(chosen):
            out[source].pop(chosen, None)
    return head + tail[::-1]


def _reverse_key(node: str) -> tuple[int, ...]:
    # Of two nodes that weigh the same the first by name comes first, also when the largest is asked for.
    return tuple(-ord(character) for character in node[:64])


def layered(nodes: Iterable[str], weights: Mapping[Pair, float]) -> Layout:
    """Lay a graph out in layers, callers before callees.

    Parameters
    ----------
    nodes
        All nodes; those without an edge stand below the rest.
    weights
        Weight of every edge (calls, say): of the edges of a cycle the lightest are turned round.

    Notes
    -----
    Layers and the order within them by fast-sugiyama (Sugiyama's method), rows by :func:`compacted`. It gets a graph
    without cycles and without loops, in a stated order: it ends the process on a loop, and its result depends on the
    order.
    """
    against = feedback_edges(weights)
    forward = sorted({_turned(pair, against) for pair in weights if pair[0] != pair[1]})
    names = sorted({name for pair in forward for name in pair})
    index = {name: position for position, name in enumerate(names)}
    places: dict[str, Point] = {}
    routes: dict[Pair, tuple[Point, ...]] = {}
    below = 0.0
    for engine_points, links in _components([(index[source], index[target]) for source, target in forward]):
        points = compacted(engine_points, links, len(names))
        first = min(row for _, row in points.values())
        moved = {vertex: (layer, row - first + below) for vertex, (layer, row) in points.items()}
        below = max(row for _, row in moved.values()) + 1.0
        places.update({names[vertex]: place for vertex, place in moved.items() if vertex < len(names)})
        routes.update(_ways(moved, links, names))
    places.update(_loners(sorted(set(nodes) - set(places)), below, places))
    directed = {pair: _way(pair, routes, against) for pair in sorted(weights) if pair[0] != pair[1]}
    return Layout(places, directed, against)


def _turned(pair: Pair, against: frozenset[Pair]) -> Pair:
    return (pair[1], pair[0]) if pair in against else pair


def _way(pair: Pair, routes: Mapping[Pair, tuple[Point, ...]], against: frozenset[Pair]) -> tuple[Point, ...]:
    return routes[pair[1], pair[0]][::-1] if pair in against else routes[pair]


def _components(edges: Sequence[tuple[int, int]]) -> list[tuple[dict[int, Point], list[tuple[int, int]]]]:
    """Lay out each connected part; the largest first, then by its first vertex.

    Each part is numbered anew for the engine, which numbers the points that it adds from the size of the part on: with
    the numbers of the whole these would be taken for vertices. Added points come back numbered beyond all vertices.
    """
    whole: nx.Graph[int] = nx.Graph(list(edges))
    beyond = 1 + max((vertex for edge in edges for vertex in edge), default=-1)
    parts = []
    for part in sorted(nx.connected_components(whole), key=min):
        vertices = sorted(part)
        local = {vertex: number for number, vertex in enumerate(vertices)}
        inside = [(local[source], local[target]) for source, target in edges if source in local]
        ((positions, _, _, links),) = from_edges(
            inside, vertex_spacing=_STEP, dummy_size=PASSING_EDGE, check_layout=False
        )
        known = {number: vertex for vertex, number in local.items()}
        for added in sorted({int(vertex) for vertex, _ in positions} - set(known)):
            known[added] = beyond
            beyond += 1
        top = max(y for _, (_, y) in positions)
        points = {known[int(vertex)]: ((top - y) / _STEP, x / _STEP) for vertex, (x, y) in positions}
        parts.append((points, [(known[int(source)], known[int(target)]) for source, target in links or ()]))
    return sorted(parts, key=lambda part: (-len(part[0]), min(part[0])))


def _ways(
    points: Mapping[int, Point], links: Sequence[tuple[int, int]], names: Sequence[str]
) -> dict[Pair, tuple[Point, ...]]:
    """Follow every edge through the points that the layout engine put in its way."""
    onward: dict[int, list[int]] = defaultdict(list)
    for source, target in sorted(links):
        onward[source].append(target)
    ways: dict[Pair, tuple[Point, ...]] = {}
    for source in sorted(vertex for vertex in points if vertex < len(names)):
        for step in onward[source]:
            way = [points[source], points[step]]
            vertex = step
            while vertex >= len(names):
                vertex = onward[vertex][0]
                way.append(points[vertex])
            ways[names[source], names[vertex]] = tuple(way)
    return ways


def _loners(names: Sequence[str], below: float, places: Mapping[str, Point]) -> dict[str, Point]:
    width = max(1 + int(max((layer for layer, _ in places.values()), default=-1.0)), _LONERS_IN_A_ROW)
    return {name: (float(position % width), below + position // width) for position, name in enumerate(names)}
