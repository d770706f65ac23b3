"""What detectors of requests share: shares of a request's p95, and services whose part it is to call many."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from analysis._histogram import Histogram
from analysis.detectors import NO_ROLES, Evidence, Roles
from analysis.detectors._building import finding
from analysis.detectors._rows import Rows

__all__ = [
    "PERCENTILE",
    "affected_traces",
    "entries",
    "finding",
    "front_services",
    "fronts_seen",
    "is_proxy",
    "largest_share",
    "shortened",
]

#: Longest template in a title.
_TITLE_CHARACTERS: Final = 72
#: Costs of a request are compared at this percentile.
PERCENTILE: Final = 0.95
#: Names of what only passes requests on: sidecars, balancers, meshes, ingress controllers.
_PROXIES: Final = re.compile(
    r"(?:^|[^a-z])(?:envoy|istio\w*|linkerd\w*|nginx|haproxy|traefik|kong|ambassador|ingress\w*|sidecar|dapr\w*|"
    r"proxy|load-?balancer)(?:$|[^a-z])",
    re.IGNORECASE,
)
#: Names of what gathers answers for a user interface.
_FRONTS: Final = re.compile(
    r"(?:^|[^a-z])(?:api-?gateway|gateway|gw|bff|front-?end|web-?front|edge|router|graphql|storefront|aggregator)"
    r"(?:$|[^a-z])",
    re.IGNORECASE,
)


def is_proxy(service: str) -> bool:
    """Tell by its name whether a service only passes requests on."""
    return _PROXIES.search(service) is not None


def front_services(calls: pd.DataFrame, roles: Roles = NO_ROLES) -> frozenset[str]:
    """Return the services whose part it is to call many: gateways and backends for a frontend.

    These are called that, or no service calls them, they keep no data, and they call three services or more; the
    configuration has the last word.

    Parameters
    ----------
    calls
        The fact of that name.
    roles
        What the configuration says.
    """
    waited = calls[calls["caller"] != calls["callee"]]
    between = waited[(waited["caller_kind"] == "service") & (waited["callee_kind"] == "service")]
    keeping = set(waited.loc[waited["callee_kind"].isin(["database", "cache"]), "caller"])
    callees = between.groupby("caller")["callee"].nunique()
    many = set(callees.index[callees >= 3]) - set(between["callee"]) - keeping
    services = set(between["caller"]) | set(between["callee"])
    guessed = many | {service for service in services if _FRONTS.search(service)}
    return frozenset(service for service in services if roles.gateway(service, otherwise=service in guessed))


def fronts_seen(evidence: Evidence) -> frozenset[str]:
    """Return the services whose part it is to call many, as :func:`front_services`, of what was seen."""
    return front_services(evidence["calls"], evidence.roles)


def largest_share(evidence: Evidence, rows: Rows, name: str) -> float:
    """Return the largest share (0..1) of an entry operation's p95 that a cost takes.

    Requests without the cost count as free of it: what one in twenty-five requests pays does not move the p95.

    Parameters
    ----------
    evidence
        The facts.
    rows
        Of a fact with the columns ``entry_service``, ``entry_operation`` and ``requests``.
    name
        Its histogram of the cost by request, ns.
    """
    largest = 0.0
    for entry, group in rows.by_entry():
        affected = group.total("requests")
        without = max(0, evidence.request_count.get(entry, affected) - affected)
        free = Histogram.from_values(np.zeros(1, np.int64), np.array([without]))
        whole = Histogram.merged([group.histogram(name), free])
        largest = max(largest, evidence.share_of_p95(entry, whole.percentile(PERCENTILE)))
    return round(largest, 4)


def entries(rows: pd.DataFrame | Rows) -> list[str]:
    """Return the entry operations of some rows as "service operation", sorted."""
    pairs = zip(rows["entry_service"], rows["entry_operation"], strict=True)
    return sorted({f"{service} {operation}" for service, operation in pairs if operation})


def affected_traces(evidence: Evidence, counts: Iterable[int]) -> int:
    """Return how many traces some rows were seen in: never more than there are."""
    return min(evidence.traces, int(sum(counts)))


def shortened(template: str) -> str:
    """Return a template short enough for a title."""
    line = " ".join(template.split())
    return line if len(line) <= _TITLE_CHARACTERS else f"{line[: _TITLE_CHARACTERS - 1].rstrip()}…"
