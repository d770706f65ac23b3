"""A modular monolith: which modules could be cut out, which services had better be one again, and what that costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import pandas as pd

from analysis.facts.data_access import UNKNOWN_TABLE
from analysis.findings import Finding
from analysis.graph import module_name, several_modules

__all__ = ["cuts", "merges", "shared_accesses"]

#: A module whose calls from and to its siblings are at most this share of its spans' traces is loosely tied.
_LOOSE_CALLS: Final = 1.0
_READY: Final = "could be cut out"
_ACCESS: Final = ("read", "write", "unknown")
_TABLE: Final = ["callee", "callee_module"]


class Reviewed(Protocol):
    """A review, or anything with its facts and findings."""

    @property
    def facts(self) -> Mapping[str, pd.DataFrame]:
        """Merged fact tables by name."""

    @property
    def finding_objects(self) -> tuple[Finding, ...]:
        """The findings, worst first."""


def cuts(result: Reviewed, replay: Callable[[str], pd.DataFrame] | None = None) -> pd.DataFrame:
    """Tell for each module of a modular service whether it could be cut out, and what that would cost.

    Parameters
    ----------
    result
        A review.
    replay
        Replays the recorded traces with one thing changed, such as ``cut=SERVICE/MODULE``, and returns a row an entry
        operation: ``lambda change: what_if(data, change).operations``. Asked for the modules that could be cut out,
        where a call between two services was seen from both sides.

    Returns
    -------
    pandas.DataFrame
        One row for each ``service`` and ``module``, sorted, of services with two modules or more: ``traces``,
        ``calls_in`` and ``calls_out`` (calls from and to its siblings: each would become a call over the network),
        ``shared_tables`` (that siblings use too), ``own_tables``, ``verdict``, ``table_calls`` (accesses to tables of
        siblings, and of siblings to tables of its own: each would become a call to the owner; whoever writes a table
        most owns it), ``added_calls`` (a trace), ``added_ms`` (a trace: those calls times the usual time on the way
        between two services here; not a number where no call between services was seen from both sides) and
        ``added_ms_p95`` (the most that an entry operation takes longer at p95, replayed: calls with slack beside others
        add nothing; not a number where nothing was replayed).
    """
    rows = several_modules(result.facts["module_calls"])
    hop = _usual_hop_ms(result.facts["calls"])
    own = rows[rows["kind"] == "own"]
    inside = rows[rows["kind"] == "inside"]
    access = rows[rows["kind"].isin(_ACCESS)]
    used: dict[tuple[str, str], set[str]] = defaultdict(set)
    for service, module, store, table in access[["service", "module", "callee", "callee_module"]].itertuples(
        index=False
    ):
        used[str(service), str(module)].add(f"{store} {table}")
    found = []
    for (service, module), mine in own.groupby(["service", "module"], sort=True):
        key = (str(service), str(module))
        siblings = [name for name in used if name[0] == key[0] and name != key]
        shared = used[key] & set().union(*(used[name] for name in siblings)) if siblings else set()
        calls_in = int(inside.loc[(inside["service"] == service) & (inside["callee_module"] == module), "calls"].sum())
        calls_out = int(inside.loc[(inside["service"] == service) & (inside["module"] == module), "calls"].sum())
        traces = int(mine["traces"].sum())
        tied = (calls_in + calls_out) / traces if traces else 0.0
        table_calls = int(shared_accesses(rows, *key)["calls"].sum()) if shared else 0
        added = tied + (table_calls / traces if traces else 0.0)
        found.append(
            {
                "service": key[0],
                "module": module_name(*key),
                "traces": traces,
                "calls_in": calls_in,
                "calls_out": calls_out,
                "shared_tables": _tables(shared),
                "own_tables": _tables(used[key] - shared),
                "verdict": _verdict(shared, tied),
                "table_calls": table_calls,
                "added_calls": round(added, 2),
                "added_ms": round(added * hop, 3),
                "added_ms_p95": _added_at_p95(module_name(*key), _verdict(shared, tied), added * hop, replay),
            }
        )
    columns = ["service", "module", "traces", "calls_in", "calls_out", "shared_tables", "own_tables", "verdict"]
    return pd.DataFrame(found, columns=[*columns, "table_calls", "added_calls", "added_ms", "added_ms_p95"])


def shared_accesses(rows: pd.DataFrame, service: str, module: str) -> pd.DataFrame:
    """Return the accesses to shared tables that would go over the network if a module were a service of its own.

    Parameters
    ----------
    rows
        The fact ``module_calls``.
    service, module
        The module to be cut out, and its service.

    Returns
    -------
    pandas.DataFrame
        Rows of the fact: those of the module to tables that a sibling owns, and of siblings to tables that it owns. The
        owner of a table writes it most, else uses it most.
    """
    access = rows[rows["kind"].isin(_ACCESS) & (rows["service"] == service) & (rows["callee_module"] != UNKNOWN_TABLE)]
    use = access.assign(written=access["calls"].where(access["kind"] == "write", 0))
    use = use.groupby([*_TABLE, "module"], as_index=False)[["written", "calls"]].sum()
    ranked = use.sort_values([*_TABLE, "written", "calls", "module"], ascending=[True, True, False, False, True])
    owners = ranked.drop_duplicates(_TABLE).rename(columns={"module": "owner"})[[*_TABLE, "owner"]]
    told = access.merge(owners, on=_TABLE, how="left")
    over: pd.DataFrame = told[(told["module"] == module) != (told["owner"] == module)]
    return over


def _tables(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted(name.rpartition(" ")[2] for name in names))


def _verdict(shared: set[str], added: float) -> str:
    if shared:
        return "not yet: siblings use its tables"
    if added > _LOOSE_CALLS:
        return "better stays: it talks with its siblings in every request"
    return _READY if added else f"{_READY}: it talks with no sibling"


def _added_at_p95(module: str, verdict: str, expected_ms: float, replay: Callable[[str], pd.DataFrame] | None) -> float:
    """Return the most that an entry operation takes longer at p95, ms; not a number where nothing can be replayed."""
    if replay is None or not verdict.startswith(_READY) or math.isnan(expected_ms):
        return float("nan")
    operations = replay(f"cut={module}")
    times = (operations["p95_ms_after"] - operations["p95_ms_before"]).dropna()
    return max(0.0, round(float(times.max()), 3)) if len(times) else float("nan")


def _usual_hop_ms(calls: pd.DataFrame) -> float:
    """Return the mean time on the way of a call between two services, ms; not a number where none was seen whole."""
    between = calls[
        (calls["kind"] == "sync")
        & (calls["caller_kind"] == "service")
        & (calls["callee_kind"] == "service")
        & (calls["caller"] != calls["callee"])
    ]
    paired = int(between["paired"].sum())
    way = max(0, int(between["client_ns"].sum()) - int(between["server_ns"].sum()))
    return way / paired / 1e6 if paired else float("nan")


def _saved(operations: pd.DataFrame) -> dict[str, float]:
    """Return the most that an entry operation saves at p95, and the calls that all of them save."""
    changed = operations[operations["changed"] > 0]
    times = (changed["p95_ms_before"] - changed["p95_ms_after"]).fillna(0)
    calls = ((changed["calls_before"] - changed["calls_after"]) * changed["requests"]).sum()
    return {
        "critical_path_ms_p95": max(0.0, round(float(times.max()), 3)) if len(times) else 0.0,
        "calls": float(calls),
    }


def merges(result: Reviewed, replay: Callable[[str], pd.DataFrame] | None = None) -> pd.DataFrame:
    """Tell which services had better be one again, and what that would save.

    Parameters
    ----------
    result
        A review.
    replay
        Replays the recorded traces with one thing changed, such as ``merge=A+B``, and returns a row an entry operation:
        ``lambda change: what_if(data, change).operations``. Without it the time on the way between the two stands for
        it, which is what the critical path would be shorter by if nothing else moved onto it.

    Returns
    -------
    pandas.DataFrame
        One row for each pair of ``services``, the largest saving first: ``because``, ``saved_ms_p95`` (a request),
        ``saved_calls`` (in all), ``estimate`` (``replay`` or ``time on the way``), ``confidence``, ``speaks_against``.
    """
    rows = []
    for finding in result.finding_objects:
        if finding.detector != "merge_candidates":
            continue
        scenario = f"merge={'+'.join(finding.services)}"
        saving = finding.saving if replay is None else _saved(replay(scenario))
        rows.append(
            {
                "services": finding.services,
                "because": finding.summary,
                "saved_ms_p95": float(saving.get("critical_path_ms_p95", 0.0)),
                "saved_calls": round(float(saving.get("calls", 0))),
                "estimate": "time on the way" if replay is None else "replay",
                "confidence": finding.confidence,
                "speaks_against": finding.considered,
            }
        )
    columns = ["services", "because", "saved_ms_p95", "saved_calls", "estimate", "confidence", "speaks_against"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("saved_ms_p95", ascending=False, kind="stable", ignore_index=True)
