"""How each service stands in the graph: who depends on it, on whom it depends, and how much data it holds."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.detectors.boundaries._services import is_probe

__all__ = ["service_measures"]


def service_measures(facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure importance, dependence, criticality, instability and concreteness of each service.

    Parameters
    ----------
    facts
        The merged facts of a review; ``calls``, ``coverage`` and ``passages`` are used.

    Returns
    -------
    pandas.DataFrame
        One row a ``service``, sorted: ``ais`` (services that call it: absolute importance), ``ads`` (services that it
        calls: absolute dependence), ``acs`` (the product: absolute criticality), ``instability`` (ads by ais + ads,
        0..1, not a number without either), ``concreteness`` (share of its visits that touch a store, 0..1, not a number
        without visits), ``distance`` (of concreteness from instability, 0..1) and ``visits``. Calls that are
        waited for and messages both count; probes are left out.

    Notes
    -----
    AIS, ADS and ACS: Rud, Schmietendorf and Dumke 2006. Instability, and the line on which a component is as abstract
    as it is stable: R. C. Martin 1994; what many depend on should keep to interfaces. Services have no abstract
    classes: what makes one concrete is the data that it holds.
    """
    calls, passages = facts["calls"], facts["passages"]
    between = calls[
        (calls["caller_kind"] == "service")
        & (calls["callee_kind"] == "service")
        & (calls["caller"] != calls["callee"])
        & (calls["kind"] != "data")
    ]
    importance = between.groupby("callee")["caller"].nunique()
    dependence = between.groupby("caller")["callee"].nunique()
    visited = passages[(passages["service"] != "") & ~passages["operation"].map(is_probe).astype(bool)]
    visits = visited.groupby("service")["visits"].sum()
    with_data = visited[visited["data"].astype(bool)].groupby("service")["visits"].sum()
    names = pd.Index(sorted(set(facts["coverage"]["service"]) - {""}), dtype=object)
    table = pd.DataFrame({"service": names})
    table["ais"] = importance.reindex(names).fillna(0).astype("int64").to_numpy()
    table["ads"] = dependence.reindex(names).fillna(0).astype("int64").to_numpy()
    table["acs"] = table["ais"] * table["ads"]
    degree = table["ais"] + table["ads"]
    table["instability"] = (table["ads"] / degree.where(degree > 0)).round(4)
    seen = visits.reindex(names).fillna(0)
    share = with_data.reindex(names).fillna(0) / seen.where(seen > 0)
    table["concreteness"] = share.round(4).to_numpy()
    # Martin's line is A + I = 1; with concreteness in the place of 1 - A, a service is on it where C = I.
    table["distance"] = (table["concreteness"] - table["instability"]).abs().round(4)
    table["visits"] = seen.astype("int64").to_numpy()
    return table
