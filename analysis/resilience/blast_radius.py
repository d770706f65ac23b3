"""How far the failure of a service reaches: what was seen, and what the structure and the measured tolerance say."""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from analysis.resilience._facts import Facts, Reviewed, facts_of
from analysis.resilience.network import Network, network

__all__ = ["blast_radius"]

_ENTRY: Final = ["entry_service", "entry_operation"]
_BY_ENTRY: Final = ["service", *_ENTRY, "requests", "used", "expected", "low", "high", "observed"]


def _by_entry(facts: Facts) -> pd.DataFrame:
    """Return a row for each service and each entry operation that can reach it or that it failed."""
    net = network(facts)
    counted = facts["requests"].groupby(_ENTRY, as_index=False, sort=True)["requests"].sum()
    entries = list(zip(counted["entry_service"], counted["entry_operation"], counted["requests"], strict=True))
    used = _used(facts)
    observed = _observed(facts)
    names = sorted({name for name, _ in net.nodes} | {name for name, *_ in used} | {name for name, *_ in observed})
    place = {node: index for index, node in enumerate(net.nodes)}
    rows: list[tuple[Any, ...]] = []
    for name in names:
        reach = _reach(net, name)
        for entry_service, entry_operation, count in entries:
            key = (name, str(entry_service), str(entry_operation))
            at = place.get((key[1], key[2]))
            row = _row(key, int(count), used, observed.get(key, 0), reach, at)
            if row is not None:
                rows.append(row)
    return pd.DataFrame(rows, columns=_BY_ENTRY)


def blast_radius(result: Reviewed | Facts, grain: Literal["service", "entry"] = "service") -> pd.DataFrame:
    """Tell for each service how far its failure reaches: in the structure, and, kept apart, as it was seen.

    In the structure a failure reaches the requests that wait for the service, as far as nobody on the way survives it:
    by the tolerance measured on each edge. An edge on which no failure was seen counts as required in ``expected`` and
    ``high``, and as tolerated in ``low``.

    Parameters
    ----------
    result
        A review, or its facts.
    grain
        A row for each service, or for each service and entry operation.

    Returns
    -------
    pandas.DataFrame
        By service (or store, or whoever is outside), the largest expected first: ``service``, ``kind``; ``callers``,
        services that wait for it, directly or not; ``entries``, entry operations that use it; ``requests`` seen in all;
        ``used``, how many of them wait for it; ``expected``, ``low`` and ``high``, how many would fail with it;
        ``share``, expected / requests; and as seen: ``failures`` that began there, ``observed``, requests that failed
        by them, ``observed_services`` that failed with it.
        By entry: ``service``, ``entry_service``, ``entry_operation``, ``requests``, ``used``, ``expected``, ``low``,
        ``high``, ``observed``.

    Raises
    ------
    ValueError
        If there is no such grain.
    """
    if grain not in ("service", "entry"):
        message = f"there is no grain {grain!r}; there are 'service' and 'entry'"
        raise ValueError(message)
    facts = facts_of(result)
    by_entry = _by_entry(facts)
    if grain == "entry":
        return by_entry
    whole = int(facts["requests"]["requests"].sum())
    net = network(facts)
    kinds = _kinds(facts)
    began = facts["failures"].groupby("origin_service")["failures"].sum()
    failed_with = _failed_with(facts)
    rows = []
    for name, group in by_entry.groupby("service", sort=True):
        service = str(name)
        expected = float(group["expected"].sum())
        rows.append(
            {
                "service": service,
                "kind": kinds.get(service, "service"),
                "callers": _callers(net, service),
                "entries": int((group["used"] > 0).sum()),
                "requests": whole,
                "used": float(group["used"].sum()),
                "expected": expected,
                "low": float(group["low"].sum()),
                "high": float(group["high"].sum()),
                "share": expected / whole if whole else 0.0,
                "failures": int(began.get(service, 0)),
                "observed": int(group["observed"].sum()),
                "observed_services": failed_with.get(service, ()),
            }
        )
    columns = ["service", "kind", "callers", "entries", "requests", "used", "expected", "low", "high", "share"]
    columns += ["failures", "observed", "observed_services"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["expected", "service"], ascending=[False, True], kind="stable", ignore_index=True)


def _reach(net: Network, name: str) -> dict[str, np.ndarray]:
    """Return by node, for the failure of one name: the share of visits that use it, and of these that fail."""
    seeds = net.of(name)
    used = net.used(seeds)
    found = {"used": used}
    for bound, tolerance in (("expected", net.tolerance), ("low", net.high), ("high", net.low)):
        chance = net.failing(seeds, tolerance)
        found[bound] = np.divide(chance, used, out=np.zeros(len(used)), where=used > 0)
    return found


def _row(
    key: tuple[str, str, str],
    requests: int,
    used: dict[tuple[str, str, str], int],
    observed: int,
    reach: dict[str, np.ndarray],
    at: int | None,
) -> tuple[Any, ...] | None:
    by_network = float(reach["used"][at]) if at is not None else 0.0
    # What requests wait for was counted request by request; the network knows stores and whoever is outside too.
    count = float(used[key]) if key in used else by_network * requests
    if not count and not observed:
        return None
    shares = {bound: float(reach[bound][at]) if at is not None else 0.0 for bound in ("expected", "low", "high")}
    if not by_network:
        # Used, but no call on the way was recorded: nothing is known of who survives it.
        shares = {"expected": 1.0, "low": 0.0, "high": 1.0}
    return (*key, requests, count, *(count * shares[bound] for bound in ("expected", "low", "high")), observed)


def _used(facts: Facts) -> dict[tuple[str, str, str], int]:
    """Return how many requests of each entry operation wait for each service."""
    found: dict[tuple[str, str, str], int] = {}
    rows = facts["request_services"]
    columns = (rows[name].tolist() for name in ("services", *_ENTRY, "requests"))
    for services, entry_service, entry_operation, requests in zip(*columns, strict=True):
        for service in services:
            key = (service, entry_service, entry_operation)
            found[key] = found.get(key, 0) + requests
    return found


def _observed(facts: Facts) -> dict[tuple[str, str, str], int]:
    """Return how many requests of each entry operation failed by failures that began in each service."""
    table = facts["failures"].groupby(["origin_service", *_ENTRY], as_index=False)["requests"].sum()
    keys = zip(table["origin_service"], table["entry_service"], table["entry_operation"], strict=True)
    counts = zip(keys, table["requests"], strict=True)
    return {(str(one), str(two), str(three)): int(count) for (one, two, three), count in counts if count}


def _failed_with(facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return for each service those that failed because of it, itself left out."""
    services = sorted(set(facts["visits"]["service"]) - {""}, key=lambda name: (-len(name), name))
    found: dict[str, set[str]] = {}
    for row in facts["failures"].to_dict("records"):
        with_it = found.setdefault(str(row["origin_service"]), set())
        for step in row["path"]:
            with_it.update(next(([name] for name in services if str(step).startswith(f"{name} ")), []))
    return {name: tuple(sorted(others - {name})) for name, others in found.items()}


def _callers(net: Network, name: str) -> int:
    """Return how many services wait for one, directly or not."""
    reached = net.used(net.of(name)) > 0
    return len({node[0] for node, marked in zip(net.nodes, reached, strict=True) if marked} - {name})


def _kinds(facts: Facts) -> dict[str, str]:
    calls = facts["calls"]
    kinds = {str(name): str(kind) for name, kind in zip(calls["callee"], calls["callee_kind"], strict=True)}
    return kinds | dict.fromkeys(map(str, facts["visits"]["service"]), "service")
