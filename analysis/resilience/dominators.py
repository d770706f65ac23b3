"""Dominators: which services and stores stand on every way from the users to another."""

from __future__ import annotations

from typing import Final

import networkx as nx
import pandas as pd

from analysis.resilience._facts import Facts, Reviewed, facts_of
from analysis.resilience.network import network

__all__ = ["dominators"]

_USERS: Final = ("", "users")
_AWAITED: Final = ("server", "client", "unspecified", "internal")
_COLUMNS: Final = ["node", "behind", "dominates", "visits_share"]


def dominators(result: Reviewed | Facts) -> pd.DataFrame:
    """Tell for each service and store what stands on every way from the users to it, and what it stands before.

    The graph is that of synchronous calls, from one virtual entry that leads to every entry operation's service. A node
    dominates another where every way from the entry to the other passes it (Cooper, Harvey and Kennedy, "A simple, fast
    dominance algorithm", 2001, as networkx has it).

    Parameters
    ----------
    result
        A review, or its facts.

    Returns
    -------
    pandas.DataFrame
        A node a row, those that dominate most visits first: ``node`` (service or store), ``behind`` (its immediate
        dominator; empty where that is the users), ``dominates`` (names of the others that only it leads to, a tuple),
        ``visits_share`` (0..1: of all visits of services that users reach, its own and theirs). What no request
        reaches by synchronous calls has no row.
    """
    facts = facts_of(result)
    net = network(facts)
    graph: nx.DiGraph[tuple[str, str]] = nx.DiGraph()
    graph.add_node(_USERS)
    visits: dict[str, int] = {}
    for (name, _), count in zip(net.nodes, net.visits.tolist(), strict=True):
        visits[name] = visits.get(name, 0) + count
    requests = facts["requests"]
    for service in sorted(set(requests.loc[requests["entry_kind"].isin(_AWAITED), "entry_service"])):
        graph.add_edge(_USERS, ("service", service))
    for caller, callee in sorted(
        {(net.nodes[one][0], net.nodes[other][0]) for one, other in zip(net.caller, net.callee, strict=True)}
    ):
        if caller != callee:
            graph.add_edge(("service", caller), ("service", callee))
    behind = {
        node[1]: above[1] if above != _USERS else ""
        for node, above in nx.immediate_dominators(graph, _USERS).items()
        if node != _USERS
    }
    below: dict[str, list[str]] = {node: [] for node in behind}
    for node, nearest in behind.items():
        above = nearest
        while above:
            below[above].append(node)
            above = behind[above]
    whole = sum(visits.get(node, 0) for node in behind)
    rows = [
        {
            "node": node,
            "behind": behind[node],
            "dominates": tuple(sorted(below[node])),
            "visits_share": sum(visits.get(name, 0) for name in (node, *below[node])) / whole if whole else 0.0,
        }
        for node in behind
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return table.sort_values(["visits_share", "node"], ascending=[False, True], ignore_index=True)
