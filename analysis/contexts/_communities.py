"""Groups that hold together whichever way one begins to look for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

import networkx as nx

__all__ = ["RUNS", "stable_groups"]

#: Louvain depends on the order in which it meets the nodes; it is run this often, each time with a seed of its own.
RUNS: Final = 20
#: Ties weaker than this hold nothing together (house default): a quarter of all that could tie two.
_WEAKEST: Final = 0.25
_SEED: Final = 20_240_501


def stable_groups(
    units: Sequence[str], weights: Mapping[tuple[str, str], float]
) -> list[tuple[tuple[str, ...], float]]:
    """Return groups of units that belong together, each sorted, with how stable it is; the largest first.

    Parameters
    ----------
    units
        Names.
    weights
        How much two belong together, 0..1.

    Returns
    -------
    list
        Groups of those that were together in more than half of the runs, and for each the mean share (0..1) of the
        runs in which two of its members were together; 1 for a unit alone.

    Notes
    -----
    Louvain (Blondel et al. 2008) and a consensus over its runs (Lancichinetti and Fortunato 2012). Nodes are numbers
    there, since the order of a set of texts changes between runs of a program.
    """
    names = sorted(units)
    place = {name: number for number, name in enumerate(names)}
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(names)))
    for (one, other), weight in sorted(weights.items()):
        if weight >= _WEAKEST and one in place and other in place:
            graph.add_edge(place[one], place[other], weight=weight)
    together: dict[tuple[int, int], int] = defaultdict(int)
    for run in range(RUNS if graph.number_of_edges() else 0):
        for part in nx.community.louvain_communities(graph, weight="weight", seed=_SEED + run):
            for pair in combinations(sorted(part), 2):
                together[pair] += 1
    agreed: nx.Graph[int] = nx.Graph()
    agreed.add_nodes_from(range(len(names)))
    agreed.add_edges_from(pair for pair, runs in together.items() if 2 * runs > RUNS)
    groups = []
    for part in nx.connected_components(agreed):
        members = sorted(part)
        shares = [together[pair] / RUNS for pair in combinations(members, 2)]
        stability = round(sum(shares) / len(shares), 4) if shares else 1.0
        groups.append((tuple(names[number] for number in members), stability))
    return sorted(groups, key=lambda group: (-len(group[0]), group[0]))
