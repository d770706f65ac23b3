"""How far the telemetry can be trusted.

It is judged first, and lowers the confidence of every other statement through one mechanism.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from analysis._wording import counted, percent
from analysis.facts.coverage import ASPECTS
from analysis.log_evidence import measures as log_measures

__all__ = ["DOUBTS", "LOW_SUPPORT_TRACES", "NO_CROSSING", "Doubt", "Trust", "coverage_by_service", "report"]

#: Below this many traces a statement has low support (house default, as in the catalogue).
LOW_SUPPORT_TRACES: Final = 20
_LOW_SUPPORT_FACTOR: Final = 0.6
#: What is said where no trace leads from one service to another.
NO_CROSSING: Final = (
    "no trace crosses a service: context propagation is broken between the services, unless they never call each other"
)
#: A doubt about less than this share of the spans is not worth a word (house default).
_NEGLIGIBLE: Final = 0.001
#: What can weaken a statement.
DOUBTS: Final = (
    "propagation",
    "orphans",
    "sampling",
    "compressed",
    "truncated_statements",
    "kinds",
    "skew",
    "resolution",
)


@dataclass(frozen=True)
class Doubt:
    """Something about the telemetry that weakens statements which depend on it.

    Attributes
    ----------
    share
        0..1: how much of what a statement rests on is affected.
    weight
        0..1: how much confidence is lost where all of it is affected.
    sentence
        What to say beside a finding that it weakens.
    """

    share: float
    weight: float
    sentence: str

    @property
    def factor(self) -> float:
        """What confidence is multiplied by."""
        return 1.0 - min(1.0, max(0.0, self.share)) * self.weight


@dataclass(frozen=True)
class Trust:
    """The trust report.

    Attributes
    ----------
    measures
        The members of ``trust`` in the findings JSON.
    doubts
        By name, only those that apply: some of :data:`DOUBTS`.
    """

    measures: Mapping[str, Any] = field(default_factory=dict)
    doubts: Mapping[str, Doubt] = field(default_factory=dict)

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
        for name in _with_implied(sensitive_to):
            if name in self.doubts:
                value *= self.doubts[name].factor
        if traces < LOW_SUPPORT_TRACES:
            value *= _LOW_SUPPORT_FACTOR
        return round(max(0.0, min(1.0, value)), 3)

    def sentences(self, sensitive_to: Iterable[str], traces: int) -> tuple[str, ...]:
        """Return why confidence was lowered, a sentence a reason."""
        reasons = [
            self.doubts[name].sentence
            for name in _with_implied(sensitive_to)
            if name in self.doubts and self.doubts[name].factor < 1.0
        ]
        if traces < LOW_SUPPORT_TRACES:
            reasons.append(f"low support: seen in {counted(traces, 'trace')}, fewer than {LOW_SUPPORT_TRACES}")
        return tuple(reasons)

    def to_json(self) -> dict[str, Any]:
        """Return the members of ``trust`` in the findings JSON."""
        return dict(self.measures)


def _with_implied(sensitive_to: Iterable[str]) -> list[str]:
    """Return the doubts that weaken a statement: what compares times between hosts rests on their resolution too."""
    named = set(sensitive_to)
    return sorted(named | {"resolution"} if "skew" in named else named)


def report(facts: Mapping[str, pd.DataFrame], skew: Mapping[str, int]) -> Trust:
    """Judge the telemetry.

    Parameters
    ----------
    facts
        The merged facts ``coverage``, ``orphans`` and ``calls``.
    skew
        What was added to the times of each host, in ns; hosts left as they are need not be named.
    """
    coverage, orphans = facts["coverage"], facts["orphans"]
    total = {name: int(coverage[name].sum()) for name in coverage.select_dtypes("number").columns}
    with_parent = int(orphans["with_parent"].sum())
    lost = int(orphans["orphans"].sum() - orphans["cut"].sum())
    corrected = {host: int(shift) for host, shift in sorted(skew.items()) if shift}
    services = sorted(set(coverage["service"]) - {""})
    crossing = _crossing(facts["calls"])
    shares = {
        "propagation": 1.0 if len(services) > 1 and not crossing else 0.0,
        "orphans": _share(lost, with_parent),
        "sampling": _share(total["weighted"], total["spans"]),
        "compressed": _share(total["compressed"] + total["dropped"], total["spans"] + total["dropped"]),
        "truncated_statements": _share(total["truncated"], total["data_calls"]),
        "kinds": 1.0 - _share(total["with_kind"], total["spans"], empty=1.0),
        "skew": 1.0 if corrected else 0.0,
        "resolution": _share(total["coarse"], total["spans"]),
    }
    measures: dict[str, Any] = {
        "spans": total["spans"],
        "calls_between_services": crossing,
        "orphan_spans": lost,
        "orphan_share": round(shares["orphans"], 6),
        "cut_spans": int(orphans["cut"].sum()),
        "skew_corrected_hosts": [{"host": host, "shift_ms": round(ns / 1e6, 3)} for host, ns in corrected.items()],
        "sampled": total["weighted"] > 0,
        "sampled_share": round(shares["sampling"], 6),
        "compressed_spans": total["compressed"],
        "compressed_stand_for": total["stood_for"],
        "dropped_spans": total["dropped"],
        "truncated_statements": total["truncated"],
        "spans_without_time": total["timeless"],
        "coarse_time_share": round(shares["resolution"], 6),
        "old_convention_share": round(_share(total["old_conventions"], total["spans"]), 6),
        "attribute_coverage": {
            aspect: round(_share(total[said], total[could]), 6) if total[could] else None
            for aspect, (could, said, _) in ASPECTS.items()
        },
        "logs": log_measures(facts),
    }
    applying = {name: doubt for name, doubt in _doubts(shares, measures).items() if doubt.share >= _NEGLIGIBLE}
    return Trust(measures, applying)


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


def _doubts(shares: Mapping[str, float], measures: Mapping[str, Any]) -> dict[str, Doubt]:
    """Weigh each doubt: how much confidence is lost where all spans are affected (house defaults)."""
    hosts = len(measures["skew_corrected_hosts"])
    clocks = "the clock of 1 host was" if hosts == 1 else f"the clocks of {hosts} hosts were"
    return {
        "propagation": Doubt(shares["propagation"], 0.5, NO_CROSSING),
        "orphans": Doubt(
            shares["orphans"],
            0.8,
            f"{percent(shares['orphans'])} of the spans that name a parent have lost it: counts are lower bounds",
        ),
        "sampling": Doubt(shares["sampling"], 0.3, f"{percent(shares['sampling'])} of the spans are weighted samples"),
        "compressed": Doubt(
            shares["compressed"],
            0.5,
            f"{percent(shares['compressed'])} of the spans are compressed or dropped: counts are lower bounds",
        ),
        "truncated_statements": Doubt(
            shares["truncated_statements"],
            0.5,
            f"{percent(shares['truncated_statements'])} of the statements are cut off",
        ),
        "kinds": Doubt(shares["kinds"], 0.6, f"{percent(shares['kinds'])} of the spans do not say their kind"),
        "skew": Doubt(shares["skew"], 0.1, f"{clocks} corrected: times between hosts are estimates"),
        "resolution": Doubt(
            shares["resolution"],
            0.2,
            f"the times of {percent(shares['resolution'])} of the spans have steps of a millisecond or more",
        ),
    }


def _crossing(calls: pd.DataFrame) -> int:
    """Count the calls and messages whose trace leads from one service to another, directly or through a queue."""
    kinds = ("service", "queue")
    between = calls["caller_kind"].isin(kinds) & calls["callee_kind"].isin(kinds) & (calls["caller"] != calls["callee"])
    return int(calls.loc[between, "calls"].sum())


def _share(part: int, whole: int, empty: float = 0.0) -> float:
    return part / whole if whole else empty
