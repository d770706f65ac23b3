"""Mega service.

What it finds
-------------
A service with far more operations than the others, whose tables fall into groups that its operations do not use
together.

Why it matters
--------------
Several services that are deployed as one cannot be changed, scaled or owned apart: each release carries everybody's
changes, and the heaviest part decides what all of it costs.

How it decides
--------------
By the operations through which a service is entered, probes left out: at least ``operations`` (15, catalogue), and more
than the third quartile of all services by ``fence`` (1.5, Tukey 1977) interquartile ranges; gateways with so many are
not among these, as they repeat those of others. Its tables, joined by the operations that use both, fall into at least
``communities`` (2, catalogue) communities (Louvain, Blondel et al. 2008).
Worth fixing (``low``) when at most ``across`` (0.1, house default) of the visits that touch data touch several of them,
so that the cut is there to be made; else ``info``. Never more: size is no failure.

Example
-------
Flagged: ``shop`` has forty operations; those on ``products`` and ``prices`` never touch ``parcels`` and ``carriers``.
Better: a catalogue and a shipping service, cut between the tables.

What it can mistake
-------------------
Gateways and backends for a frontend have many operations by design: they are left out and listed with the answer.
Names with identifiers in them look like many operations. A modular monolith that is well kept is large on purpose.

What to do
----------
Split along the communities, or make modules of them first, with the tables that belong to each.
"""

from __future__ import annotations

from typing import Final

import networkx as nx
import numpy as np
import pandas as pd

from analysis._wording import percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors._evidence import examples, merged_exemplars, ms
from analysis.detectors._requests import affected_traces, fronts_seen, is_proxy
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    answers_of,
    called_operations,
    calls_between,
    known_tables,
    not_assessable,
)
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "communities", "judge"]

INFO: Final = Info(
    name="mega_service",
    family="boundaries",
    title="Mega service",
    facts=("calls", "data_access", "passages", "trace_services"),
    limits={
        "operations": Limit(15, "operations", "operations that it has, at least", "catalogue"),
        "fence": Limit(1.5, "", "interquartile ranges above the third quartile of services", "Tukey 1977"),
        "communities": Limit(2, "communities", "groups that its tables fall into, at least", "catalogue"),
        "across": Limit(0.1, "", "share of visits on several groups up to which it is worth fixing"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "truncated_statements", "sampling", "routes")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which services are several in one."""
    if evidence.shared(calls_between).empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    tables = evidence.shared(known_tables)
    if tables.empty:
        return not_assessable(INFO.name, "tables of data calls (db.collection.name or db.query.text)")
    visits = evidence.shared(called_operations)
    count = visits.groupby("service")["operation"].nunique().sort_index()
    fronts = evidence.shared(fronts_seen)
    # Beside a gateway that repeats the operations of all, the service with most of them would look usual.
    by_design = np.array([name in fronts or is_proxy(str(name)) for name in count.index], np.bool_)
    repeating = by_design & (count.to_numpy() >= limits["operations"])
    usual = count if repeating.all() else count[~repeating]
    low, high = (float(value) for value in np.percentile(usual.to_numpy(), [25, 75]))
    fence = high + limits["fence"] * (high - low)
    findings, suppressed = [], []
    for service, number in ((str(name), int(value)) for name, value in count.items()):
        if number < limits["operations"] or number <= fence:
            continue
        if service in fronts or is_proxy(service):
            suppressed.append(f"{service}: a gateway or proxy has many operations by design")
            continue
        mine = tables[tables["service"] == service]
        groups = communities(mine)
        if len(groups) >= limits["communities"]:
            own = visits[visits["service"] == service]
            findings.append(_finding(evidence, limits, service, own, mine, groups, fence))
    answer = answers_of(INFO.name, suppressed)
    return answer(outcome="found" if findings else "not_found", findings=tuple(findings))


def communities(tables: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the groups that the tables of a service fall into, by the operations that use them together; sorted.

    Parameters
    ----------
    tables
        The rows of a service of the fact ``data_access``: ``operation`` and ``table``.
    """
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(sorted(set(tables["table"])))
    for _, used in tables.groupby("operation", sort=True)["table"]:
        names = sorted(set(used))
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                weight = graph.edges[one, other]["weight"] + 1 if graph.has_edge(one, other) else 1
                graph.add_edge(one, other, weight=weight)
    found = nx.community.louvain_communities(graph, weight="weight", seed=0)
    return sorted(tuple(sorted(group)) for group in found)


def _finding(
    evidence: Evidence,
    limits: Limits,
    service: str,
    visits: pd.DataFrame,
    tables: pd.DataFrame,
    groups: list[tuple[str, ...]],
    fence: float,
) -> Finding:
    across = _across(visits, tables, groups)
    traces = affected_traces(evidence, _traces(evidence, service))
    operations = int(visits["operation"].nunique())
    number = int(visits["visits"].sum())
    total = int(visits["total_ns"].sum())
    trust = evidence.trust.of((service,))
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        # Size is no failure: it has no cost on the critical path by which severity could rise.
        severity=severity(Weight(passes_limits=across <= limits["across"])),
        confidence=trust.confidence(0.7, _SENSITIVE_TO, traces),
        title=f"{service} is several services in one: {operations} operations, {len(groups)} groups of tables",
        summary=(
            f"{service} has {operations} operations, where more than {fence:g} are out of the ordinary. Its tables "
            f"fall into {len(groups)} groups; {percent(across)} of the visits that touch data touch several of them."
        ),
        services=(service,),
        subject={"service": service},
        measures={
            "operations": operations,
            "fence": round(fence, 2),
            "communities": [list(group) for group in groups],
            "communities_count": len(groups),
            "across_share": round(across, 4),
        },
        limits=dict(limits),
        cost={"total_ms": ms(total), "calls": number},
        saving={},
        traces_seen=evidence.traces,
        traces_affected=traces,
        share=round(traces / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=examples(merged_exemplars(visits["exemplars"]), total / number if number else 0.0),
        considered=(
            "size is no failure: low at most",
            "gateways and probes were left out; of caches the prefixes of keys count as tables",
            *trust.sentences(_SENSITIVE_TO, traces),
        ),
        remedy=f"Split {service} along the groups of its tables, or make modules of them first.",
    )


def _across(visits: pd.DataFrame, tables: pd.DataFrame, groups: list[tuple[str, ...]]) -> float:
    """Return the share of the visits that touch data whose operation touches tables of several groups."""
    group_of = {table: place for place, group in enumerate(groups) for table in group}
    touched = tables["table"].map(group_of).groupby(tables["operation"]).nunique().to_dict()
    count = visits["operation"].map(touched).fillna(0)
    touching = int(visits.loc[count > 0, "visits"].sum())
    return int(visits.loc[count > 1, "visits"].sum()) / touching if touching else 0.0


def _traces(evidence: Evidence, service: str) -> pd.Series:
    seen = evidence["trace_services"]
    traces: pd.Series = seen.loc[seen["services"].map(lambda services: service in services).astype(bool), "traces"]
    return traces
