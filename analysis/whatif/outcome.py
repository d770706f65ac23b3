"""What a change does to the requests of users: entry operations before and after, with an interval."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.whatif.scenarios import Scenario

__all__ = ["COLUMNS", "SCHEMA", "WhatIf", "compared"]

SCHEMA: Final = "archreview/what-if/1"
_RESAMPLES: Final = 200
_BOUNDS: Final = (2.5, 97.5)

COLUMNS: Final = (
    "service",
    "operation",
    "requests",
    "changed",
    "calls_before",
    "calls_after",
    "p50_ms_before",
    "p50_ms_after",
    "p50_ms_low",
    "p50_ms_high",
    "p95_ms_before",
    "p95_ms_after",
    "p95_ms_low",
    "p95_ms_high",
    "error_rate_before",
    "error_rate_after",
    "error_rate_low",
    "error_rate_high",
)


@dataclass(frozen=True, eq=False)
class WhatIf:
    """A recording replayed with something changed.

    Attributes
    ----------
    scenarios
        What was changed.
    operations
        A row an entry operation, those that change most first: ``service``, ``operation``, ``requests``, ``changed``
        (requests whose time, calls or failures change), calls in a request (mean) before and after, p50 and p95 in ms
        and the share of failed requests, each before, after, and the bounds of its 95 % interval after.
    assumptions
        What the replay takes for granted.
    against
        Where a recording after the change was given: a row an entry operation, by name, what was predicted beside what
        was observed, the drift of spans that the change does not concern, and whether the prediction holds.
    """

    scenarios: tuple[Scenario, ...]
    operations: pd.DataFrame
    assumptions: tuple[str, ...]
    against: pd.DataFrame | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the members of ``archreview/what-if/1``."""
        members: dict[str, Any] = {
            "schema": SCHEMA,
            "scenarios": [scenario.text for scenario in self.scenarios],
            "assumptions": list(self.assumptions),
            "operations": self.operations.to_dict("records"),
        }
        if self.against is not None:
            rows = self.against.astype(object).to_dict("records")
            members["against"] = [{name: None if pd.isna(cell) else cell for name, cell in row.items()} for row in rows]
        return members

    def _repr_html_(self) -> str:
        from analysis.table_html import table  # noqa: PLC0415 - only a notebook needs it

        return table(self.operations)._repr_html_()


def compared(requests: pd.DataFrame) -> pd.DataFrame:
    """Return entry operations before and after.

    Parameters
    ----------
    requests
        A row a request: ``id``, ``service``, ``operation``, ``before_ns``, ``after_ns``, ``calls_before``,
        ``calls_after``, ``failed_before``, ``failed_after`` and its bounds ``failed_low`` and ``failed_high``.
    """
    rows = []
    for named, mine in requests.groupby(["service", "operation"], sort=True):
        service, operation = map(str, named)
        # Resampling must not depend on the order in which partitions came.
        rows.append(
            {"service": service, "operation": operation, **_of(mine.sort_values("id"), f"{service} {operation}")}
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    weight = (table["p95_ms_after"] - table["p95_ms_before"]).abs() * table["requests"] + table["changed"]
    order = pd.DataFrame({"weight": -weight.round(6), "service": table["service"], "operation": table["operation"]})
    return table.loc[order.sort_values(["weight", "service", "operation"]).index].reset_index(drop=True)


def _of(mine: pd.DataFrame, name: str) -> dict[str, Any]:
    before, after = (mine[column].to_numpy(np.float64) / 1e6 for column in ("before_ns", "after_ns"))
    failed = {column: mine[f"failed_{column}"].to_numpy(np.float64) for column in ("before", "after", "low", "high")}
    changed = (
        (mine["before_ns"] != mine["after_ns"])
        | (mine["calls_before"] != mine["calls_after"])
        | (np.abs(failed["before"] - failed["after"]) > 1e-12)
    )
    low, high = _interval(after, failed, name)
    return {
        "requests": len(mine),
        "changed": int(changed.sum()),
        "calls_before": round(float(mine["calls_before"].mean()), 4),
        "calls_after": round(float(mine["calls_after"].mean()), 4),
        "p50_ms_before": round(float(np.median(before)), 4),
        "p50_ms_after": round(float(np.median(after)), 4),
        "p50_ms_low": low[0],
        "p50_ms_high": high[0],
        "p95_ms_before": round(float(np.percentile(before, 95)), 4),
        "p95_ms_after": round(float(np.percentile(after, 95)), 4),
        "p95_ms_low": low[1],
        "p95_ms_high": high[1],
        "error_rate_before": round(float(failed["before"].mean()), 6),
        "error_rate_after": round(float(failed["after"].mean()), 6),
        "error_rate_low": low[2],
        "error_rate_high": high[2],
    }


def _interval(
    after: NDArray[np.float64], failed: dict[str, NDArray[np.float64]], name: str
) -> tuple[list[float], list[float]]:
    """Return the bounds of p50, p95 and the error rate, by resampling requests (Efron 1979); seeded by the name."""
    seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
    chance = np.random.default_rng(seed)
    drawn = np.empty((_RESAMPLES, 4))
    for place in range(_RESAMPLES):
        rows = chance.integers(0, len(after), len(after))
        times = after[rows]
        drawn[place] = (
            np.median(times),
            np.percentile(times, 95),
            failed["low"][rows].mean(),
            failed["high"][rows].mean(),
        )
    low = np.percentile(drawn[:, (0, 1, 2)], _BOUNDS[0], axis=0)
    high = np.percentile(drawn[:, (0, 1, 3)], _BOUNDS[1], axis=0)
    digits = (4, 4, 6)
    return (
        [round(float(value), digit) for value, digit in zip(low, digits, strict=True)],
        [round(float(value), digit) for value, digit in zip(high, digits, strict=True)],
    )
