"""Merge candidates.

What it finds
-------------
Two services that live for each other: most calls of the smaller one are with the other, they are used together, and
they share tables or call each other in a circle.

Why it matters
--------------
A boundary costs a hop, a contract and a second deployment. It pays where the two sides can change, fail and grow apart;
where they always act together it only costs.

How it decides
--------------
- *Affinity*: calls between the two, in both directions, by all calls of the smaller one (in and out; without calls to
  stores, without probes; calls to the outside and by users count as a life of its own): at least ``affinity`` (0.6).
- *Co-occurrence*: traces with both by traces with the smaller one: at least ``co_occurrence`` (0.8).
- They use one table together, or synchronous calls lead from each back to the other.

The smaller one is the one with fewer calls in all. All limits are house defaults. Worth fixing when the way between the
two takes at least ``ms`` (5 ms, house default) of the critical path of a request at p95. What speaks against a merge
(compliance, scaling, teams) leaves no trace: it is a candidate, and ``low`` at most.

Example
-------
Flagged: ``pricing`` is called by ``cart`` alone, and calls back for the lines of the cart that it prices.
Better: prices are worked out in ``cart``, or both are modules of one service.

What it can mistake
-------------------
Two services are kept apart on purpose where one holds what few may see (payment data), where one needs ten times the
machines, or where two teams work. A window that shows one use case only makes everything occur together.

What to do
----------
Merge the two into one service of two modules, keeping the contract between them as an interface in the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import networkx as nx
import pandas as pd

from analysis._wording import duration, listed, percent
from analysis.detectors import Evidence, Info, Limit, Limits, Weight, severity
from analysis.detectors.boundaries._services import (
    NOT_CROSSING,
    called_operations,
    calls_between,
    is_probe,
    known_tables,
    not_assessable,
    way_of,
)
from analysis.detectors.shared_data._tables import CACHES
from analysis.findings import Assessment, Finding

__all__ = ["INFO", "judge"]

INFO: Final = Info(
    name="merge_candidates",
    family="boundaries",
    title="Merge candidates",
    facts=("calls", "data_access", "hops", "passages", "requests", "trace_services"),
    limits={
        "affinity": Limit(0.6, "", "calls between the two by all calls of the smaller one"),
        "co_occurrence": Limit(0.8, "", "traces with both by traces with the smaller one"),
        "ms": Limit(5, "ms", "time on the way between them, on the critical path at p95, from which it is worth it"),
    },
)
_SENSITIVE_TO: Final = ("orphans", "kinds", "sampling", "truncated_statements")


def judge(evidence: Evidence, limits: Limits) -> Assessment:
    """Answer which two services had better be one."""
    between = evidence.shared(calls_between)
    if between.empty:
        return not_assessable(INFO.name, NOT_CROSSING)
    whole = _all_calls(evidence)
    together = _pair_calls(between)
    circles = _circles(between)
    shared = _shared_tables(evidence)
    findings = []
    for (one, other), calls in sorted(together.items()):
        smaller, larger = sorted((one, other), key=lambda name: (whole[name], name))
        affinity = calls / whole[smaller]
        tables = shared.get((one, other), ())
        circle = circles.get(one) == circles.get(other) and one in circles
        if affinity < limits["affinity"] or not (tables or circle):
            continue
        both, alone = _together(evidence, smaller, larger)
        if not alone or both / alone < limits["co_occurrence"]:
            continue
        measures = {
            "smaller": smaller,
            "affinity": round(affinity, 4),
            "calls_between": calls,
            "co_occurrence": round(both / alone, 4),
            "shared_tables": list(tables),
            "circle": circle,
        }
        findings.append(_finding(evidence, limits, (one, other), measures, both))
    return Assessment(INFO.name, INFO.family, "found" if findings else "not_found", tuple(findings))


def _all_calls(evidence: Evidence) -> dict[str, int]:
    """Return the calls of each service, in and out, without calls to stores and probes."""
    calls = evidence["calls"]
    counted = calls[(calls["kind"] != "data") & (calls["caller"] != calls["callee"]) & (calls["caller_kind"] != "user")]
    whole: dict[str, int] = {}
    for end in ("caller", "callee"):
        services = counted[counted[f"{end}_kind"] == "service"]
        for name, number in services.groupby(end)["calls"].sum().items():
            whole[str(name)] = whole.get(str(name), 0) + int(number)
    visits = evidence.shared(called_operations)
    unknown = visits[~visits["caller_kind"].isin(["service", "queue", "external"])]
    for name, number in unknown.groupby("service")["visits"].sum().items():
        whole[str(name)] = whole.get(str(name), 0) + int(number)
    return whole


def _pair_calls(between: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the calls between each two services, in both directions, by their names in order."""
    found: dict[tuple[str, str], int] = {}
    for caller, callee, calls in between[["caller", "callee", "calls"]].itertuples(index=False, name=None):
        pair = (min(caller, callee), max(caller, callee))
        found[pair] = found.get(pair, 0) + int(calls)
    return found


def _circles(between: pd.DataFrame) -> Mapping[str, int]:
    """Return for each service that calls lead back to the number of its circle."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from(between[["caller", "callee"]].itertuples(index=False, name=None))
    circles = sorted(sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1)
    return {name: number for number, part in enumerate(circles) for name in part}


def _shared_tables(evidence: Evidence) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the tables (no caches) that each two services both use."""
    access = evidence.shared(known_tables)
    access = access[~access["store_system"].isin(CACHES)]
    found: dict[tuple[str, str], set[str]] = {}
    for (_, table), rows in access.groupby(["store", "table"], sort=True):
        users = sorted(set(rows["service"]))
        for index, one in enumerate(users):
            for other in users[index + 1 :]:
                found.setdefault((one, other), set()).add(str(table))
    return {pair: tuple(sorted(tables)) for pair, tables in found.items()}


def _together(evidence: Evidence, smaller: str, larger: str) -> tuple[int, int]:
    """Return in how many traces both are, and in how many the smaller one is; those of probes left out."""
    seen = evidence["trace_services"]
    seen = seen[~seen["entry_operation"].map(lambda name: is_probe(name, evidence.roles)).astype(bool)]
    with_smaller = seen[seen["services"].map(lambda services: smaller in services).astype(bool)]
    with_both = with_smaller[with_smaller["services"].map(lambda services: larger in services).astype(bool)]
    return int(with_both["traces"].sum()), int(with_smaller["traces"].sum())


def _finding(
    evidence: Evidence, limits: Limits, pair: tuple[str, str], measures: dict[str, object], both: int
) -> Finding:
    hops = evidence.rows("hops")
    way = way_of(evidence, hops.where(grain="pair", caller=pair[0], callee=pair[1]))
    at_p95 = float(way.cost["critical_path_ms_p95"])
    tables = measures["shared_tables"]
    reasons = [f"both use {listed(tables)}"] if isinstance(tables, list) and tables else []
    reasons += ["calls lead from each back to the other"] if measures["circle"] else []
    one, other = pair
    trust = evidence.trust.of(pair)
    return Finding(
        detector=INFO.name,
        family=INFO.family,
        # What speaks against a merge cannot be seen, so the share of p95 does not raise the severity.
        severity=severity(Weight(passes_limits=at_p95 >= limits["ms"])),
        confidence=trust.confidence(0.75, _SENSITIVE_TO, both),
        title=f"{one} and {other} live for each other",
        summary=(
            f"{percent(float(str(measures['affinity'])))} of the calls of {measures['smaller']} are with the other, "
            f"which is in {percent(float(str(measures['co_occurrence'])))} of its traces; {'; '.join(reasons)}. As one "
            f"they would save {duration(at_p95)} of the critical path at p95. Calls between: {way.cost['calls']:,}."
        ),
        services=pair,
        subject={"services": list(pair)},
        measures={**measures, "entries": list(way.entries), "share_of_p95": way.share_of_p95},
        limits=dict(limits),
        cost=dict(way.cost),
        saving=way.saving,
        traces_seen=evidence.traces,
        traces_affected=both,
        share=round(both / evidence.traces, 4) if evidence.traces else 0.0,
        exemplars=way.exemplars,
        considered=(
            "compliance, scaling and teams, which speak against a merge, leave no trace: a candidate, low at most",
            "calls to stores and probes were left out",
            *trust.sentences(_SENSITIVE_TO, both),
        ),
        remedy=f"Merge {one} and {other} into one service of two modules; keep their contract as an interface in code.",
    )
