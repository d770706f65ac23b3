"""Service-level objectives that an operation has kept, and how often alerts on their burn rate would have fired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.detectors._rows import Rows
from analysis.facts.request_minutes import BOUNDS_MS, SLOWEST

__all__ = ["BURN_RATES", "TARGETS", "BurnRate", "Objective", "objectives"]

#: Shares of good requests that teams agree on, strictest first.
TARGETS: Final = (0.999, 0.995, 0.99, 0.95)
#: Share of the requests that a limit of latency is to keep.
LATENCY_TARGET: Final = 0.95


@dataclass(frozen=True)
class BurnRate:
    """An alert: the error budget of 30 days is used up ``factor`` times too fast, over both windows (min)."""

    name: str
    severity: str
    factor: float
    long_minutes: int
    short_minutes: int


#: Windows and factors of "Multiwindow, Multi-Burn-Rate Alerts" (The Site Reliability Workbook, chapter 5): 2 % of the
#: budget of 30 days in an hour, 5 % in six hours, 10 % in three days.
BURN_RATES: Final = (
    BurnRate("fast", "page", 14.4, 60, 5),
    BurnRate("slow", "page", 6.0, 360, 30),
    BurnRate("creeping", "ticket", 1.0, 4_320, 360),
)


@dataclass(frozen=True)
class Objective:
    """What share of the requests are to be good, and what was seen.

    Attributes
    ----------
    kind
        ``availability`` or ``latency``.
    target
        0..1.
    threshold_ms
        Of a latency: what a good request keeps; 0 for availability.
    observed
        Share of good requests in the export, 0..1.
    fired
        By name of the burn rate: how often its alert would have begun to fire.
    firing_minutes
        The same: minutes in which it would have fired.
    """

    kind: str
    target: float
    threshold_ms: int
    observed: float
    fired: Mapping[str, int]
    firing_minutes: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the members that a finding holds of it."""
        return {
            "kind": self.kind,
            "target": self.target,
            "threshold_ms": self.threshold_ms,
            "observed": round(self.observed, 6),
            "would_have_fired": dict(self.fired),
            "firing_minutes": dict(self.firing_minutes),
        }


def objectives(rows: Rows, least_requests: float) -> list[Objective]:
    """Propose the availability and the latency of one operation.

    Parameters
    ----------
    rows
        Of the fact ``request_minutes``, those of one operation.
    least_requests
        Requests in the long window below which an alert keeps still.

    Returns
    -------
    list of Objective
        Availability first. A target is the strictest that was kept and that the number of requests can tell: its error
        budget is one request at least. Where even the loosest was missed, that is proposed all the same. There is none
        for a latency beyond the last bucket.
    """
    weight = rows["weighted_millis"] / 1000
    failed = rows["failed"]
    whole = float(weight.sum())
    seen = rows.total("requests")
    observed = 1 - float(weight[failed].sum()) / whole
    telling = [target for target in TARGETS if (1 - target) * seen >= 1 - 1e-9] or [TARGETS[-1]]
    target = next((target for target in telling if target <= observed + 1e-12), TARGETS[-1])
    found = [_objective("availability", target, 0, observed, rows, failed, least_requests)]
    within = rows["within_ms"]
    for bound in BOUNDS_MS:
        slow = (within == SLOWEST) | (within > bound)
        kept = 1 - float(weight[slow].sum()) / whole
        if kept >= LATENCY_TARGET - 1e-12:
            found.append(_objective("latency", LATENCY_TARGET, bound, kept, rows, slow, least_requests))
            break
    return found


def _objective(
    kind: str,
    target: float,
    threshold_ms: int,
    observed: float,
    rows: Rows,
    bad: npt.NDArray[np.bool_],
    least_requests: float,
) -> Objective:
    minutes, place = np.unique(rows["minute"], return_inverse=True)
    weight = rows["weighted_millis"] / 1000
    counted = _summed(place, rows["requests"], len(minutes))
    whole = _summed(place, weight, len(minutes))
    spoilt = _summed(place, np.where(bad, weight, 0.0), len(minutes))
    fired, lasting = {}, {}
    for alert in BURN_RATES:
        rate = alert.factor * (1 - target)
        firing = _ratio(minutes, spoilt, whole, alert.long_minutes) > rate
        firing &= _ratio(minutes, spoilt, whole, alert.short_minutes) > rate
        firing &= _within(minutes, counted, alert.long_minutes) >= least_requests
        begun = firing.copy()
        # An alert that goes on is one; after a pause as long as its short window it has ended.
        begun[1:] &= ~firing[:-1] | (np.diff(minutes) >= alert.short_minutes)
        fired[alert.name], lasting[alert.name] = int(begun.sum()), int(firing.sum())
    return Objective(kind, target, threshold_ms, observed, fired, lasting)


def _summed(place: npt.NDArray[np.intp], values: npt.NDArray[Any], count: int) -> npt.NDArray[np.float64]:
    return np.bincount(place, values, count).astype(np.float64)


def _ratio(
    minutes: npt.NDArray[np.int64], part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64], window: int
) -> npt.NDArray[np.float64]:
    """Return at each minute the share over the window that ends with it; each holds that minute, so none is empty."""
    return _within(minutes, part, window) / np.maximum(_within(minutes, whole, window), 1e-9)


def _within(minutes: npt.NDArray[np.int64], values: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.searchsorted(minutes, minutes - window, "right")
    added: npt.NDArray[np.float64] = total[1:] - total[first]
    return added
