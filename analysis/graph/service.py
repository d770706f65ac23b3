"""Build the service graph and measure it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import pandas as pd

from analysis._histogram import Histogram
from analysis.graph.layout import layered

if TYPE_CHECKING:
    from typing import TypeAlias

    ServiceGraph: TypeAlias = "nx.MultiDiGraph[str]"
else:
    ServiceGraph = nx.MultiDiGraph

__all__ = [
    "NODE_KINDS",
    "ServiceGraph",
    "communities",
    "cycles",
    "grouped",
    "matrix_order",
    "measures",
    "pair_weights",
    "service_graph",
]

#: Kinds of nodes, in the order in which they are listed.
NODE_KINDS: Final = ("user", "service", "queue", "cache", "database", "external")
_PERCENTILES: Final = (("p50_ms", 0.50), ("p95_ms", 0.95), ("p99_ms", 0.99))
_COUNTS: Final = ("calls", "errors", "traces")
#: Exemplars kept on an edge.
_EXEMPLARS: Final = 3

Row = Mapping[Any, Any]


def service_graph(
    calls: pd.DataFrame, operations: pd.DataFrame | None = None, *, teams: Mapping[str, str] | None = None
) -> ServiceGraph:
    """Build the graph of who calls whom.

    Parameters
    ----------
    calls
        One row for each caller, callee and kind: the merged fact, or the table that ``calls(data, links=…)`` returns.
        Columns ``caller``, ``callee``, ``kind``, ``calls``, ``errors``, ``traces``; taken where present:
        ``caller_kind``, ``callee_kind``, ``latency`` (histogram, ns), ``p50_ms``, ``p95_ms``, ``p99_ms``,
        ``exemplars``.
    operations
        The merged fact; gives a node its number of spans and failed spans, and names services that no call touches.
    teams
        Team of a service.

    Returns
    -------
    ServiceGraph
        Nodes with ``kind``, ``team`` (None where unknown), ``spans``, ``errors``; edges, keyed by their kind, with
        ``calls``, ``errors``, ``traces``, ``p50_ms``, ``p95_ms``, ``p99_ms`` (None where unknown), ``latency``,
        ``exemplars``.
        Nodes and edges are in alphabetical order. Where a service and a store have one name, the store is called
        ``name (kind)``.
    """
    rows: Sequence[Row] = calls.to_dict("records")
    kinds = _kinds_by_name(rows, operations)
    graph: ServiceGraph = nx.MultiDiGraph()
    spans = _spans_by_service(operations)
    for name in sorted(kinds):
        for kind in kinds[name]:
            recorded = spans.get(name, (0, 0)) if kind == "service" else (0, 0)
            graph.add_node(
                _node_id(name, kind, kinds),
                name=name,
                kind=kind,
                team=(teams or {}).get(name),
                spans=recorded[0],
                errors=recorded[1],
            )
    ends: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        caller = _node_id(str(row["caller"]), _kind_of(row, "caller_kind"), kinds)
        callee = _node_id(str(row["callee"]), _kind_of(row, "callee_kind"), kinds)
        ends[caller, callee, str(row["kind"])].append(row)
    for (caller, callee, kind), together in sorted(ends.items(), key=lambda item: item[0]):
        graph.add_edge(caller, callee, key=kind, **_edge(together))
    return graph


def _kind_of(row: Row, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) and value else "service"


def _kinds_by_name(rows: Sequence[Row], operations: pd.DataFrame | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for end in ("caller", "callee"):
            found[str(row[end])].add(_kind_of(row, f"{end}_kind"))
    if operations is not None:
        for service in operations["service"]:
            if isinstance(service, str) and service:
                found[service].add("service")
    return {name: tuple(sorted(kinds, key=_kind_rank)) for name, kinds in found.items()}


def _kind_rank(kind: str) -> tuple[int, str]:
    return (NODE_KINDS.index(kind) if kind in NODE_KINDS else len(NODE_KINDS), kind)


def _node_id(name: str, kind: str, kinds: Mapping[str, tuple[str, ...]]) -> str:
    alone = len(kinds[name]) == 1 or kind == "service" or ("service" not in kinds[name] and kind == kinds[name][0])
    return name if alone else f"{name} ({kind})"


def _spans_by_service(operations: pd.DataFrame | None) -> dict[str, tuple[int, int]]:
    totals: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    if operations is not None:
        rows: Sequence[Row] = operations.to_dict("records")
        for row in rows:
            spans, errors = totals[str(row["service"])]
            totals[str(row["service"])] = (spans + int(row.get("spans", 0)), errors + int(row.get("errors", 0)))
    return dict(totals)


def _edge(rows: Sequence[Row]) -> dict[str, Any]:
    """Add rows up to the attributes of one edge."""
    edge: dict[str, Any] = {name: sum(int(row.get(name, 0)) for row in rows) for name in _COUNTS}
    histograms = [row["latency"] for row in rows if isinstance(row.get("latency"), Histogram)]
    if histograms:
        latency = Histogram.merged(histograms)
        edge |= {name: round(latency.percentile(q) / 1e6, 6) if latency.count else None for name, q in _PERCENTILES}
        edge["latency"] = latency
    else:
        alone = rows[0] if len(rows) == 1 else {}
        edge |= {name: _number(alone.get(name)) for name, _ in _PERCENTILES}
        edge["latency"] = None
    edge["exemplars"] = tuple(exemplar for row in rows for exemplar in _listed(row.get("exemplars")))[:_EXEMPLARS]
    return edge


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def grouped(graph: ServiceGraph, group_of: Mapping[str, str], kinds: Mapping[str, str] | None = None) -> ServiceGraph:
    """Draw nodes together to groups and add up the edges between them.

    Parameters
    ----------
    group_of
        Group of every node; a node that is not named stays itself.
    kinds
        Kind of a group where it is not that of its first member.

    Returns
    -------
    ServiceGraph
        As of :func:`service_graph`; nodes have ``members`` (sorted names) and ``inside_calls`` (calls within the
        group).
    """
    result: ServiceGraph = nx.MultiDiGraph()
    members: dict[str, list[str]] = defaultdict(list)
    for node in sorted(graph):
        members[group_of.get(node, node)].append(node)
    for group in sorted(members):
        of = [graph.nodes[node] for node in members[group]]
        result.add_node(
            group,
            name=group if len(of) > 1 else of[0]["name"],
            kind=(kinds or {}).get(group, of[0]["kind"]),
            team=None if len({item["team"] for item in of}) > 1 else of[0]["team"],
            spans=sum(item["spans"] for item in of),
            errors=sum(item["errors"] for item in of),
            members=tuple(members[group]),
            inside_calls=0,
        )
    together: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for caller, callee, kind, edge in sorted(graph.edges(keys=True, data=True), key=lambda item: item[:3]):
        source, target = group_of.get(caller, caller), group_of.get(callee, callee)
        if source == target and len(members[source]) > 1:
            result.nodes[source]["inside_calls"] += edge["calls"]
        else:
            together[source, target, str(kind)].append(edge)
    for (source, target, kind), edges in sorted(together.items(), key=lambda item: item[0]):
        result.add_edge(source, target, key=kind, **_edge(edges))
    return result


def pair_weights(graph: ServiceGraph, kinds: Iterable[str] = ("sync", "async", "data")) -> dict[tuple[str, str], float]:
    """Return the calls of every ordered pair of nodes, over the kinds of edge named."""
    wanted = tuple(kinds)
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for caller, callee, kind, edge in sorted(graph.edges(keys=True, data=True), key=lambda item: item[:3]):
        if kind in wanted:
            weights[caller, callee] += float(max(edge["calls"], 1))
    return dict(weights)


def cycles(graph: ServiceGraph) -> list[tuple[str, ...]]:
    """Return the groups of nodes that call one another in a circle, synchronously, each sorted, the largest first."""
    calling: nx.DiGraph[str] = nx.DiGraph()
    calling.add_edges_from(sorted(pair_weights(graph, ("sync",))))
    found = [tuple(sorted(part)) for part in nx.strongly_connected_components(calling) if len(part) > 1]
    return sorted(found, key=lambda part: (-len(part), part))


def communities(graph: ServiceGraph) -> list[tuple[str, ...]]:
    """Return groups of nodes that call one another more than others, each sorted, the largest first.

    Notes
    -----
    Louvain (Blondel et al. 2008) on the undirected graph, an edge weighing 1 + log2 of its calls so that one busy
    edge does not decide alone; the seed is fixed, and nodes are numbers there, since the order of a set of texts
    changes between runs.
    """
    names = sorted(graph)
    index = {name: number for number, name in enumerate(names)}
    plain: nx.Graph[int] = nx.Graph()
    plain.add_nodes_from(range(len(names)))
    weights: dict[tuple[int, int], float] = defaultdict(float)
    for (caller, callee), calls in pair_weights(graph).items():
        if caller != callee:
            first, second = sorted((index[caller], index[callee]))
            weights[first, second] += calls
    plain.add_weighted_edges_from((first, second, 1 + math.log2(calls)) for (first, second), calls in weights.items())
    parts = nx.community.louvain_communities(plain, weight="weight", seed=0) if names else []
    found = [tuple(names[number] for number in sorted(part)) for part in parts]
    return sorted(found, key=lambda part: (-len(part), part))


def matrix_order(graph: ServiceGraph) -> list[tuple[str, ...]]:
    """Return the nodes in the order of a design structure matrix: by community, callers first.

    Communities follow one another by the mean layer of their nodes; inside, nodes that call one another in a circle
    stay together, then layer and name decide.
    """
    layer = {node: place[0] for node, place in layered(graph, pair_weights(graph)).places.items()}
    circle = {node: number for number, part in enumerate(cycles(graph)) for node in part}
    first_layer = {number: min(layer[node] for node in part) for number, part in enumerate(cycles(graph))}

    def place_of(node: str) -> tuple[float, int, float, str]:
        number = circle.get(node, -1)
        return (first_layer.get(number, layer[node]), number, layer[node], node)

    ordered = [tuple(sorted(part, key=place_of)) for part in communities(graph)]
    return sorted(ordered, key=lambda part: (sum(layer[node] for node in part) / len(part), part))


def measures(graph: ServiceGraph) -> pd.DataFrame:
    """Measure every node.

    Returns
    -------
    pandas.DataFrame
        Sorted by node: ``node``, ``kind``; ``callers`` and ``callees`` (distinct nodes, itself left out; afferent and
        efferent coupling); ``calls_in``, ``calls_out``; ``instability`` = callees / (callers + callees), null without
        either (Martin 1994); ``criticality`` = callers x callees (Rud et al. 2006); ``layer`` from 0; ``cycle`` and
        ``community`` (numbers from 0, -1 for none).
    """
    layer = layered(graph, pair_weights(graph)).places
    circle = {node: number for number, part in enumerate(cycles(graph)) for node in part}
    group = {node: number for number, part in enumerate(communities(graph)) for node in part}
    rows = []
    for node in sorted(graph):
        callers = sorted(set(graph.predecessors(node)) - {node})
        callees = sorted(set(graph.successors(node)) - {node})
        degree = len(callers) + len(callees)
        rows.append(
            {
                "node": node,
                "kind": graph.nodes[node]["kind"],
                "callers": len(callers),
                "callees": len(callees),
                "calls_in": sum(edge["calls"] for _, _, edge in graph.in_edges(node, data=True)),
                "calls_out": sum(edge["calls"] for _, _, edge in graph.out_edges(node, data=True)),
                "instability": len(callees) / degree if degree else math.nan,
                "criticality": len(callers) * len(callees),
                "layer": int(layer[node][0]),
                "cycle": circle.get(node, -1),
                "community": group[node],
            }
        )
    columns = ["node", "kind", "callers", "callees", "calls_in", "calls_out", "instability", "criticality", "layer"]
    return pd.DataFrame(rows, columns=[*columns, "cycle", "community"])
