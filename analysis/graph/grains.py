"""The graph at another grain than the service: operations, modules inside services, or teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from analysis.graph.service import ServiceGraph, grouped, service_graph

__all__ = ["FACTS", "GRAINS", "graph_at", "module_name", "several_modules"]

#: Facts that each grain is made of, beside ``calls`` and ``operations``.
FACTS: Final[Mapping[str, tuple[str, ...]]] = {
    "service": (),
    "operation": ("operation_calls", "visits"),
    "module": ("module_calls",),
    "team": (),
}
GRAINS: Final = tuple(FACTS)
_EDGES: Final = ["caller", "callee", "kind", "caller_kind", "callee_kind", "calls", "errors", "traces", "latency"]
_ACCESS: Final = ("read", "write", "unknown")


def graph_at(grain: str, facts: Mapping[str, pd.DataFrame], teams: Mapping[str, str] | None = None) -> ServiceGraph:
    """Build the graph at a grain.

    Parameters
    ----------
    grain
        ``service``; ``operation``: nodes are "service operation"; ``module``: nodes are "service/module" where a
        service names modules; ``team``: services of one team are one node.
    facts
        The merged facts ``calls``, ``operations`` and those of :data:`FACTS`.
    teams
        Team by service.

    Raises
    ------
    ValueError
        If there is no such grain.
    """
    calls, operations = facts["calls"], facts["operations"]
    if grain == "operation":
        return service_graph(_operations(facts["operation_calls"]), _visited(facts["visits"]))
    if grain == "module":
        return service_graph(_modules(calls, facts["module_calls"]), _moduled(operations, facts["module_calls"]))
    graph = service_graph(calls, operations, teams=teams)
    if grain == "service":
        return graph
    if grain != "team":
        message = f"unknown grain {grain!r}: use one of {', '.join(GRAINS)}"
        raise ValueError(message)
    owned = {node: team for node in graph if (team := graph.nodes[node]["team"]) is not None}
    others = set(graph) - set(owned)
    return grouped(graph, {node: f"{team} (team)" if team in others else team for node, team in owned.items()})


def module_name(service: str, module: str) -> str:
    """Return how a module is called: "service/module", without the service's name where the module begins with it."""
    inside = module.removeprefix(f"{service}.") or module
    return f"{service}/{inside}" if module else service


def several_modules(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep of the fact ``module_calls`` what concerns services with two modules or more: one alone divides nothing."""
    own = rows[rows["kind"] == "own"]
    counts = own.groupby("service")["module"].nunique()
    modular = set(counts.index[counts >= 2])
    called = rows["callee"].isin(modular) & rows["kind"].isin(["sync", "async"])
    kept = rows[rows["service"].isin(modular) | called].copy()
    for service, module in (("service", "module"), ("callee", "callee_module")):
        single = ~kept[service].isin(modular) & kept["kind"].isin(["sync", "async"])
        kept[module] = kept[module].where(~single, "")
    return kept


def _operations(rows: pd.DataFrame) -> pd.DataFrame:
    named = rows.copy()
    for end in ("caller", "callee"):
        operation = rows[f"{end}_operation"]
        whole = rows[end] + " " + operation
        named[end] = whole.where((rows[f"{end}_kind"] == "service") & (operation != ""), rows[end])
    return named[[*_EDGES, "exemplars"]]


def _visited(visits: pd.DataFrame) -> pd.DataFrame:
    known = visits[visits["service"] != ""]
    names = (known["service"] + " " + known["operation"]).str.rstrip()
    return pd.DataFrame({"service": names, "spans": known["visits"], "errors": known["failures"]})


def _modules(calls: pd.DataFrame, modules: pd.DataFrame) -> pd.DataFrame:
    """Take the calls of services without modules as they are, and those of the others by module."""
    modules = several_modules(modules)
    modular = set(modules.loc[modules["kind"] == "own", "service"])
    outside = ["queue", "external", "user"]
    kept = calls[
        ~(calls["caller"].isin(modular) & ~calls["callee_kind"].isin(outside))
        & ~(calls["callee"].isin(modular) & ~calls["caller_kind"].isin(outside))
    ]
    found = modules[modules["kind"] != "own"].copy()
    access = found["kind"].isin(_ACCESS)
    kinds = dict(calls[["callee", "callee_kind"]].itertuples(index=False, name=None))
    found["caller"] = _names(found, "service", "module")
    found["callee"] = _names(found, "callee", "callee_module").where(~access, found["callee"])
    found["caller_kind"] = "service"
    stores = found["callee"].map(lambda name: kinds.get(name, "database"))
    found["callee_kind"] = stores.where(access, "service")
    found["kind"] = found["kind"].where(~access, "data").replace("inside", "sync")
    return pd.concat([kept[[*_EDGES, "exemplars"]], found[[*_EDGES, "exemplars"]]], ignore_index=True)


def _moduled(operations: pd.DataFrame, modules: pd.DataFrame) -> pd.DataFrame:
    modules = several_modules(modules)
    own = modules[modules["kind"] == "own"]
    named = pd.DataFrame({"service": _names(own, "service", "module"), "spans": own["calls"], "errors": own["errors"]})
    rest = operations.loc[~operations["service"].isin(set(own["service"])), ["service", "spans", "errors"]]
    return pd.concat([rest, named], ignore_index=True)


def _names(rows: pd.DataFrame, service: str, module: str) -> pd.Series:
    pairs = zip(rows[service], rows[module], strict=True)
    return pd.Series([module_name(str(one), str(other)) for one, other in pairs], index=rows.index, dtype=object)
