"""How far the telemetry can be trusted.

It is judged first, and lowers the confidence of every other statement through one mechanism: what a statement rests on
is named by its doubts (:mod:`analysis.doubts`), which are weighed for the services that it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from analysis._wording import counted
from analysis.doubts import DOUBTS, NO_CROSSING, Doubt, weighed, with_implied
from analysis.facts.coverage import ASPECTS
from analysis.log_evidence import measures as log_measures

__all__ = ["DOUBTS", "FACTS", "LOW_SUPPORT_TRACES", "NO_CROSSING", "Doubt", "Trust", "coverage_by_service", "report"]

#: What is judged by.
FACTS: Final = ("calls", "clock_pairs", "coverage", "log_lines", "orphans")
#: Below this many traces a statement has low support (house default, as in the catalogue).
LOW_SUPPORT_TRACES: Final = 20
_LOW_SUPPORT_FACTOR: Final = 0.6
#: Doubts about the whole, which are the same wherever one looks.
_OF_ALL: Final = ("propagation",)
#: From this many services on, a doubt about them does not name them.
_UNNAMED: Final = 4
#: What is counted of the log records of each service.
_LOG_COUNTS: Final = ("lines", "joined")


@dataclass(frozen=True)
class Trust:
    """The trust report.

    Attributes
    ----------
    measures
        The members of ``trust`` in the findings JSON.
    doubts
        By name, only those that apply: some of :data:`DOUBTS`.
    counts
        For each service, what the doubts are weighed by (:func:`analysis.doubts.weighed`).
    """

    measures: Mapping[str, Any] = field(default_factory=dict)
    doubts: Mapping[str, Doubt] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict, repr=False)

    def of(self, services: Collection[str]) -> Trust:
        """Return how far statements about some services can be trusted: by what was counted there, not elsewhere.

        Parameters
        ----------
        services
            Those that the statement is about. Where nothing was counted of any of them, the whole counts.
        """
        known = sorted({name for name in services if name in self.counts})
        if not known:
            return self
        summed = {name: sum(self.counts[service][name] for service in known) for name in self.counts[known[0]]}
        where = " and ".join(known) if len(known) < _UNNAMED else f"its {len(known)} services"
        doubts = {
            name: Doubt(doubt.share, doubt.weight, f"in {where}, {doubt.sentence}")
            for name, doubt in weighed(summed).items()
            if name not in _OF_ALL
        }
        doubts |= {name: self.doubts[name] for name in _OF_ALL if name in self.doubts}
        return Trust(self.measures, doubts)

    def confidence(self, base: float, sensitive_to: Iterable[str], traces: int) -> float:
        """Return a confidence of 0..1, lowered by every doubt that the statement is sensitive to and by low support.

        Parameters
        ----------
        base
            Confidence in the rule itself when the telemetry is perfect.
        sensitive_to
            Names of doubts; one that does not apply changes nothing.
        traces
            Traces that the statement rests on.
        """
        value = base
        for name in with_implied(sensitive_to):
            if name in self.doubts:
                value *= self.doubts[name].factor
        if traces < LOW_SUPPORT_TRACES:
            value *= _LOW_SUPPORT_FACTOR
        return round(max(0.0, min(1.0, value)), 3)

    def sentences(self, sensitive_to: Iterable[str], traces: int) -> tuple[str, ...]:
        """Return why confidence was lowered, a sentence a reason."""
        reasons = [
            self.doubts[name].sentence
            for name in with_implied(sensitive_to)
            if name in self.doubts and self.doubts[name].factor < 1.0
        ]
        if traces < LOW_SUPPORT_TRACES:
            reasons.append(f"low support: seen in {counted(traces, 'trace')}, fewer than {LOW_SUPPORT_TRACES}")
        return tuple(reasons)

    def to_json(self) -> dict[str, Any]:
        """Return the members of ``trust`` in the findings JSON."""
        return dict(self.measures)


def report(facts: Mapping[str, pd.DataFrame], skew: Mapping[str, int]) -> Trust:
    """Judge the telemetry.

    Parameters
    ----------
    facts
        The merged facts of :data:`FACTS`.
    skew
        What was added to the times of each host, in ns; hosts left as they are need not be named.
    """
    coverage = facts["coverage"]
    corrected = {host: int(shift) for host, shift in sorted(skew.items()) if shift}
    by_service = _counts(facts, frozenset(corrected))
    total = {name: int(coverage[name].sum()) for name in coverage.select_dtypes("number").columns}
    crossing = _crossing(facts["calls"])
    total |= _summed(by_service, ("lost", "with_parent", "cut", *_LOG_COUNTS))
    total["uncrossed"] = int(len(set(coverage["service"]) - {""}) > 1 and not crossing)
    total["corrected_clocks"] = len(corrected)
    doubts = weighed(total)
    measures: dict[str, Any] = {
        "spans": total["spans"],
        "calls_between_services": crossing,
        "orphan_spans": total["lost"],
        "orphan_share": round(_share(total["lost"], total["with_parent"]), 6),
        "cut_spans": total["cut"],
        "skew_corrected_hosts": [{"host": host, "shift_ms": round(ns / 1e6, 3)} for host, ns in corrected.items()],
        "sampled": total["weighted"] > 0,
        "sampled_share": round(_share(total["weighted"], total["spans"]), 6),
        "compressed_spans": total["compressed"],
        "compressed_stand_for": total["stood_for"],
        "dropped_spans": total["dropped"],
        "truncated_statements": total["truncated"],
        "spans_without_time": total["timeless"],
        "coarse_time_share": round(_share(total["coarse"], total["spans"]), 6),
        "old_convention_share": round(_share(total["old_conventions"], total["spans"]), 6),
        "attribute_coverage": {
            aspect: round(_share(total[said], total[could]), 6) if total[could] else None
            for aspect, (could, said, _) in ASPECTS.items()
        },
        "logs": log_measures(facts),
    }
    return Trust(measures, doubts, by_service)


def coverage_by_service(facts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return for each service (index) and aspect (columns) the share (0..1) of its spans that could say it and do.

    Not a number where a service has no such span.
    """
    coverage = facts["coverage"].set_index("service")
    shares = {
        aspect: coverage[said] / coverage[could].where(coverage[could] > 0)
        for aspect, (could, said, _) in ASPECTS.items()
    }
    return pd.DataFrame(shares, index=coverage.index)


def _counts(facts: Mapping[str, pd.DataFrame], corrected: frozenset[str]) -> dict[str, dict[str, int]]:
    """Return for each service what its doubts are weighed by."""
    coverage, orphans = facts["coverage"], facts["orphans"]
    spans = coverage.groupby("service", sort=True)[list(coverage.select_dtypes("number").columns)].sum()
    parents = orphans.groupby("service", sort=True)[["with_parent", "orphans", "cut"]].sum()
    lines = facts["log_lines"].groupby("service", sort=True)[list(_LOG_COUNTS)].sum()
    table = spans.join([parents, lines], how="outer").fillna(0).astype("int64").sort_index()
    table["lost"] = table["orphans"] - table["cut"]
    table["uncrossed"] = 0
    clocks = _corrected_clocks(facts["clock_pairs"], corrected)
    table["corrected_clocks"] = [len(clocks.get(str(service), ())) for service in table.index]
    records = table.to_dict("index")
    return {str(service): {str(name): int(count) for name, count in row.items()} for service, row in records.items()}


def _corrected_clocks(pairs: pd.DataFrame, corrected: frozenset[str]) -> dict[str, set[str]]:
    """Return for each service the clocks of its spans that were corrected."""
    found: dict[str, set[str]] = {}
    for side in ("caller", "callee"):
        ticking = pairs[pairs[f"{side}_clock"].isin(corrected)]
        for service, clock in zip(ticking[f"{side}_service"], ticking[f"{side}_clock"], strict=True):
            found.setdefault(str(service), set()).add(str(clock))
    return found


def _summed(counts: Mapping[str, Mapping[str, int]], names: Iterable[str]) -> dict[str, int]:
    return {name: sum(count[name] for count in counts.values()) for name in names}


def _crossing(calls: pd.DataFrame) -> int:
    """Count the calls and messages whose trace leads from one service to another, directly or through a queue."""
    kinds = ("service", "queue")
    between = calls["caller_kind"].isin(kinds) & calls["callee_kind"].isin(kinds) & (calls["caller"] != calls["callee"])
    return int(calls.loc[between, "calls"].sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
