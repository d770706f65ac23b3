"""What detectors of ruled dependencies share: the edges as they were seen, and what a finding says of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.detectors import Evidence
from analysis.detectors._evidence import examples, merged_exemplars, merged_histogram, ms
from analysis.findings import Example

__all__ = ["NO_EDGES", "SENSITIVE_TO", "Edge", "edges"]

NO_EDGES = "calls between services, to stores or through brokers"
SENSITIVE_TO = ("orphans", "kinds", "sampling")


@dataclass(frozen=True)
class Edge:
    """One dependency.

    Attributes
    ----------
    caller, callee, kind
        Its ends, and sync, async or data.
    rows
        Of the fact ``calls``.
    """

    caller: str
    callee: str
    kind: str
    rows: pd.DataFrame

    @property
    def calls(self) -> int:
        """Calls seen."""
        return int(self.rows["calls"].sum())

    @property
    def services(self) -> tuple[str, ...]:
        """Its ends that are services, sorted."""
        ends = {self.caller: "caller_kind", self.callee: "callee_kind"}
        return tuple(sorted(name for name, kind in ends.items() if (self.rows[kind] == "service").any()))

    def traces(self, evidence: Evidence) -> int:
        """Return in how many traces it was seen: never more than there are."""
        return min(evidence.traces, int(self.rows["traces"].sum()))

    def cost(self) -> dict[str, float | int]:
        """Return how often and how long it was called."""
        return {"calls": self.calls, "total_ms": ms(self.rows["total_ns"].sum())}

    def examples(self) -> tuple[Example, ...]:
        """Return the median, the worst and the most recent trace, by duration of the call."""
        latency = merged_histogram(self.rows["latency"])
        median = latency.percentile(0.5) if latency.count else 0.0
        return examples(merged_exemplars(self.rows["exemplars"]), median)


def edges(evidence: Evidence) -> Iterator[Edge]:
    """Yield every dependency, sorted; calls within a service and those of users are none."""
    calls = evidence["calls"]
    calls = calls[(calls["caller"] != calls["callee"]) & (calls["caller_kind"] != "user")]
    for key, rows in calls.groupby(["caller", "callee", "kind"], sort=True):
        caller, callee, kind = (str(part) for part in key)
        yield Edge(caller, callee, kind, rows)
