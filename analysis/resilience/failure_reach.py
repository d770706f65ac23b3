"""Whom the failure of one service reaches, caller by caller and edge by edge: what its map is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis.resilience._facts import Facts, Reviewed, facts_of
from analysis.resilience.network import Network, network
from analysis.resilience.tolerance import wilson

__all__ = ["FailureReach", "failure_reach"]

_CALLERS: Final = ["service", "hops", "visits", "used", "expected", "low", "high", "below", "failed"]
_EDGES: Final = ["caller", "callee", "visits", "failures", "survived", "tolerance", "low", "high", "travels"]


@dataclass(frozen=True, eq=False)
class FailureReach:
    """Whom a failure reaches.

    Attributes
    ----------
    service
        Whose failure it is: a service, a store, or whoever is outside.
    callers
        A row for each other service that waits for it, the nearest first: ``service``; ``hops``, calls between the two
        at least; ``visits``; how many of them come to it (``used``) and would fail with it (``expected``, ``low``,
        ``high``); and as seen: ``below``, how often a failure began in it below a visit, and ``failed``, how often that
        visit failed too.
    edges
        A row for each caller and callee that waits for it, all others after them: ``caller``, ``callee``; ``visits``
        of the caller that call the callee, in how many the callee failed (``failures``), how many of these were
        ``survived``, their share ``tolerance`` (not a number without any) with the bounds ``low`` and ``high`` (95 %,
        Wilson); ``travels``, whether the failure comes this way.
    """

    service: str
    callers: pd.DataFrame
    edges: pd.DataFrame


def failure_reach(result: Reviewed | Facts, service: str) -> FailureReach:
    """Tell whom the failure of a service reaches, in the structure and as it was seen.

    Parameters
    ----------
    result
        A review, or its facts.
    service
        A service, a store, or whoever is outside; of one that nobody calls both tables say nothing of a reach.
    """
    facts = facts_of(result)
    net = network(facts)
    seeds = net.of(service)
    used = net.used(seeds)
    pairs = _pairs(net)
    hops = _hops(pairs, service)
    chance = {
        bound: net.failing(seeds, tolerance)
        for bound, tolerance in (("expected", net.tolerance), ("low", net.high), ("high", net.low))
    }
    callers = _callers(net, used, chance).assign(hops=lambda table: table["service"].map(hops))
    callers = callers[callers["service"].isin(set(hops) - {service})]
    seen = _seen(facts, service)
    for place, name in enumerate(("below", "failed")):
        callers[name] = [seen.get(caller, (0, 0))[place] for caller in callers["service"]]
    callers = callers.sort_values(
        ["hops", "expected", "service"], ascending=[True, False, True], kind="stable", ignore_index=True
    )
    pairs["travels"] = pairs["callee"].isin(set(hops)) & pairs["caller"].isin(set(hops) - {service})
    edges = pairs.sort_values(
        ["travels", "caller", "callee"], ascending=[False, True, True], kind="stable", ignore_index=True
    )
    return FailureReach(service, callers[_CALLERS].astype({"hops": "int64"}), edges[_EDGES])


def _pairs(net: Network) -> pd.DataFrame:
    """Return an edge a row, its operations added up."""
    table = pd.DataFrame(
        {
            "caller": [net.nodes[row][0] for row in net.caller.tolist()],
            "callee": [net.nodes[row][0] for row in net.callee.tolist()],
            "visits": np.rint(net.use * np.maximum(net.visits[net.caller], 1)).astype(np.int64),
            "failures": net.failures,
            "survived": np.rint(net.tolerance * net.failures).astype(np.int64),
        }
    )
    table = table[(table["caller"] != table["callee"]) & (net.use > 0)]
    table = table.groupby(["caller", "callee"], as_index=False, sort=True)[["visits", "failures", "survived"]].sum()
    failures, survived = table["failures"].to_numpy(np.float64), table["survived"].to_numpy(np.float64)
    low, high = wilson(survived, failures)
    share = np.divide(survived, failures, out=np.full(len(table), np.nan), where=failures > 0)
    return table.assign(tolerance=share, low=low, high=high)


def _hops(pairs: pd.DataFrame, service: str) -> dict[str, int]:
    """Return how many calls at least lie between each service that waits for one and that one."""
    callers: dict[str, list[str]] = {}
    for caller, callee in zip(pairs["caller"], pairs["callee"], strict=True):
        callers.setdefault(str(callee), []).append(str(caller))
    found, wave = {service: 0}, [service]
    while wave:
        wave = sorted({caller for callee in wave for caller in callers.get(callee, ())} - set(found))
        found.update(dict.fromkeys(wave, 1 + max(found.values())))
    return found


def _callers(net: Network, used: np.ndarray, chance: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return for each name its visits, and how many of them use and would fail with it."""
    table = pd.DataFrame(
        {"service": [name for name, _ in net.nodes], "visits": net.visits, "used": net.visits * used}
        | {bound: net.visits * shares for bound, shares in chance.items()}
    )
    return table.groupby("service", as_index=False, sort=True).sum()


def _seen(facts: Facts, service: str) -> dict[str, tuple[int, int]]:
    """Return by service how often a failure began below one of its visits, and how often that visit failed too."""
    rows = facts["propagation"]
    rows = rows[(rows["origin_service"] == service) & (rows["service"] != service)]
    sums: dict[Any, Any] = rows.groupby("service")[["waited", "failed"]].sum().to_dict("index")
    return {str(name): (int(counts["waited"]), int(counts["failed"])) for name, counts in sums.items()}
