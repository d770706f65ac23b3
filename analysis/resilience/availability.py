"""How available an entry operation is: the product along what it requires, against what was seen."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from analysis.resilience._facts import Facts, Reviewed, facts_of
from analysis.resilience.network import Network, Node, network
from analysis.resilience.tolerance import wilson

__all__ = ["availability", "availability_steps"]

_ENTRY: Final = ["entry_service", "entry_operation"]
_STEPS: Final = [*_ENTRY, "service", "operation", "visits", "own_failures", "own_rate", "per_request", "reach", "loss"]


def availability(result: Reviewed | Facts) -> pd.DataFrame:
    """Hold the availability of each entry operation, as its requirements make it, against what was seen.

    Every operation that a request visits fails by itself at its own rate: failures that began there, by its visits. A
    failure counts as far as retries do not mend it and those on the way do not survive it. The product of what is left
    is what an entry operation is available by its structure, if failures came independently.

    Parameters
    ----------
    result
        A review, or its facts.

    Returns
    -------
    pandas.DataFrame
        A row for each ``entry_service`` and ``entry_operation``, the least available first: ``requests``; ``product``,
        the availability (0..1) by requirements, with ``low`` and ``high`` by the bounds of the tolerances; ``seen``,
        the share of requests whose topmost span did not fail, with ``seen_low`` and ``seen_high`` (95 %, Wilson);
        ``required``, how many operations below can fail it; ``weakest``, the "service operation" that costs it most.
    """
    facts = facts_of(result)
    net = network(facts)
    own = _own_failures(facts, net)
    rows: list[dict[str, Any]] = []
    grouped = facts["requests"].groupby(_ENTRY, as_index=False, sort=True)[["requests", "errors"]].sum()
    place = {node: index for index, node in enumerate(net.nodes)}
    reach = {bound: _reach(net, own, tolerance) for bound, tolerance in _bounds(net).items()}
    used = {node: net.used(_seed(net, node)) for node in own}
    for row in grouped.to_dict("records"):
        entry = (str(row["entry_service"]), str(row["entry_operation"]))
        at = place.get(entry)
        steps = _steps(net, own, reach, used, at)
        seen_low, seen_high = wilson(
            np.array([float(row["requests"] - row["errors"])]), np.array([float(row["requests"])])
        )
        losing = [step for step in steps if step["loss"] > 0]
        worst = max(losing, key=lambda step: (step["loss"], step["service"], step["operation"]), default=None)
        rows.append(
            {
                "entry_service": entry[0],
                "entry_operation": entry[1],
                "requests": int(row["requests"]),
                "product": _product(steps, "loss"),
                "low": _product(steps, "loss_high"),
                "high": _product(steps, "loss_low"),
                "seen": 1 - int(row["errors"]) / max(1, int(row["requests"])),
                "seen_low": float(seen_low[0]),
                "seen_high": float(seen_high[0]),
                "required": int(net.required_by(at).sum()) - 1 if at is not None else 0,
                "weakest": f"{worst['service']} {worst['operation']}".strip() if worst else "",
            }
        )
    columns = [*_ENTRY, "requests", "product", "low", "high", "seen", "seen_low", "seen_high", "required", "weakest"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["product", *_ENTRY], kind="stable", ignore_index=True)


def availability_steps(result: Reviewed | Facts, service: str, operation: str) -> pd.DataFrame:
    """Tell what each operation that an entry operation requires takes from its availability.

    Parameters
    ----------
    result
        A review, or its facts.
    service, operation
        The entry operation.

    Returns
    -------
    pandas.DataFrame
        An operation a row, the largest loss first: ``entry_service``, ``entry_operation``, ``service``, ``operation``;
        ``visits`` seen, ``own_failures`` that began there and ``own_rate`` of them; ``per_request``, visits that a
        request brings about; ``reach``, the probability that its failure fails the request; ``loss``, by how much the
        availability falls (0..1).

    Raises
    ------
    KeyError
        If no request of this entry operation was seen.
    """
    facts = facts_of(result)
    requests = facts["requests"]
    if not ((requests["entry_service"] == service) & (requests["entry_operation"] == operation)).any():
        message = f"no request of {service!r} {operation!r} was seen; availability(result) lists the entry operations"
        raise KeyError(message)
    net = network(facts)
    own = _own_failures(facts, net)
    place = {node: index for index, node in enumerate(net.nodes)}
    at = place.get((service, operation))
    visited = () if at is None else np.flatnonzero(net.visits_of(at) > 0).tolist()
    shown = {node: own.get(node, 0) for node in visited}
    reach = {"expected": _reach(net, shown, net.tolerance)}
    steps = _steps(net, shown, reach, {node: net.used(_seed(net, node)) for node in shown}, at)
    rows = [{"entry_service": service, "entry_operation": operation, **step} for step in steps]
    table = pd.DataFrame(rows, columns=_STEPS)
    return table.sort_values(
        ["loss", "service", "operation"], ascending=[False, True, True], kind="stable", ignore_index=True
    )


def _bounds(net: Network) -> dict[str, np.ndarray]:
    return {"expected": net.tolerance, "low": net.high, "high": net.low}


def _own_failures(facts: Facts, net: Network) -> dict[int, int]:
    """Return by node how many failures began there; those of calls whose callee was not seen are their caller's."""
    place = {node: index for index, node in enumerate(net.nodes)}
    found: dict[int, int] = {}
    for row in facts["failures"].to_dict("records"):
        node = _began_at(str(row["origin_service"]), str(row["origin_operation"]), tuple(row["path"]), place)
        if node is not None:
            found[node] = found.get(node, 0) + int(row["failures"])
    return found


def _began_at(service: str, operation: str, path: tuple[str, ...], place: dict[Node, int]) -> int | None:
    """Return the visit in which a failure began: the first step of its path that is an operation of its service."""
    for step in (f"{service} {operation}", *path[:2]):
        prefix, _, rest = step.partition(f"{service} ")
        if not prefix and (service, rest) in place:
            return place[(service, rest)]
    return None


def _reach(net: Network, own: dict[int, int], tolerance: np.ndarray) -> dict[int, np.ndarray]:
    """Return for each node where failures began the probability that a visit of each node fails with it."""
    found = {}
    for node in own:
        found[node] = net.failing(_seed(net, node), tolerance, mended=True)
    return found


def _seed(net: Network, node: int) -> np.ndarray:
    seeds = np.zeros(len(net.nodes), np.bool_)
    seeds[node] = True
    return seeds


def _steps(
    net: Network,
    own: dict[int, int],
    reach: dict[str, dict[int, np.ndarray]],
    used: dict[int, np.ndarray],
    at: int | None,
) -> list[dict[str, Any]]:
    """Return what operations take from the availability of one, of those that a visit of it comes to."""
    if at is None:
        return []
    visited = net.visits_of(at)
    steps = []
    for node in sorted(node for node in own if visited[node] > 0):
        failures, visits = own[node], int(net.visits[node])
        rate = min(1.0, failures / visits) if visits else 0.0
        comes = float(used[node][at])
        # Of several visits one that fails is enough.
        fails = 1 - (1 - rate) ** max(1.0, float(visited[node]) / comes if comes else 0.0)
        step = {
            "service": net.nodes[node][0],
            "operation": net.nodes[node][1],
            "visits": visits,
            "own_failures": failures,
            "own_rate": rate,
            "per_request": float(visited[node]),
        }
        for bound, name in (("expected", ""), ("low", "_low"), ("high", "_high")):
            chance = float(reach[bound][node][at]) if bound in reach else 0.0
            step[f"loss{name}"] = chance * fails
        step["reach"] = float(reach["expected"][node][at])
        steps.append(step)
    return steps


def _product(steps: list[dict[str, Any]], name: str) -> float:
    return float(np.prod([1 - step[name] for step in steps]))
