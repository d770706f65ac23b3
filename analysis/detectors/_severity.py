"""One meaning of severity for all detectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.findings import Severity

__all__ = ["HIGH_SHARE", "MEDIUM_SHARE", "Weight", "severity"]

#: House defaults: shares of an entry operation's p95 that a finding costs on the critical path.
MEDIUM_SHARE: Final = 0.05
HIGH_SHARE: Final = 0.20


@dataclass(frozen=True)
class Weight:
    """What a finding weighs.

    Attributes
    ----------
    passes_limits
        The cost limits of the detector itself are passed: it is worth fixing.
    share_of_p95
        Cost on the critical path at p95, as a share of the entry operation's p95; the largest over its entry
        operations.
    share_of_requests
        Share of an entry operation's requests that it touches with errors or retries.
    blocks_change
        It stands in the way of independent change: a foreign write, a cycle.
    fails_users
        Requests of users failed because of it.
    several_writers
        Two services or more write one table.
    """

    passes_limits: bool
    share_of_p95: float = 0.0
    share_of_requests: float = 0.0
    blocks_change: bool = False
    fails_users: bool = False
    several_writers: bool = False


def severity(weight: Weight) -> Severity:
    """Return ``info`` for a shape only, ``low`` past the detector's limits, ``medium`` ``high`` by cost."""
    if not weight.passes_limits:
        return "info"
    if weight.share_of_p95 >= HIGH_SHARE or weight.fails_users or weight.several_writers:
        return "high"
    if weight.share_of_p95 >= MEDIUM_SHARE or weight.share_of_requests >= MEDIUM_SHARE or weight.blocks_change:
        return "medium"
    return "low"
