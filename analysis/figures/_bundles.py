"""Draw stores of one kind that only one service uses as one: the nodes of a cluster, or a host with many addresses."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from analysis.figures._text import cleaned, plural, shown
from analysis.graph import ServiceGraph, grouped

__all__ = ["bundled"]

#: Stores from which they are drawn as one.
_MANY: Final = 5
_SHORTEST_PREFIX: Final = 4
_KINDS: Final = {"database": "databases", "cache": "caches", "queue": "queues", "external": "externals"}


def bundled(graph: ServiceGraph) -> tuple[ServiceGraph, list[str]]:
    """Return the graph with such stores drawn as one, and what is to be said of it.

    Parameters
    ----------
    graph
        The service graph; it is not changed.
    """
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in sorted(graph):
        callers = sorted(set(graph.predecessors(node)))
        if graph.nodes[node]["kind"] in _KINDS and graph.out_degree(node) == 0 and len(callers) == 1:
            alike[callers[0], graph.nodes[node]["kind"]].append(node)
    group_of: dict[str, str] = {}
    notes = []
    for (caller, kind), nodes in sorted(alike.items()):
        if len(nodes) >= _MANY:
            name = _name(nodes, kind)
            while name in graph or name in group_of.values():
                name += "'"
            group_of.update(dict.fromkeys(nodes, name))
            words = plural(len(nodes), kind, _KINDS[kind])
            notes.append(f"{words} that only {shown(caller, 40)} uses are drawn as one: {shown(name, 60)}.")
    return (grouped(graph, group_of), notes) if group_of else (graph, [])


def _name(nodes: list[str], kind: str) -> str:
    # What the first and the last by alphabet begin with alike, all between them do.
    first, last = min(map(cleaned, nodes)), max(map(cleaned, nodes))
    alike = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return f"{first[:alike]}… \u00d7{len(nodes)}" if alike >= _SHORTEST_PREFIX else f"{len(nodes)} {_KINDS[kind]}"
