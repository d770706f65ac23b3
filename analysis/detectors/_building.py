"""The one way in which detectors of calls and of data make a finding: what is the same in all of them is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from analysis._histogram import Histogram
from analysis._wording import duration
from analysis.detectors import Evidence, Info, Limits
from analysis.detectors._evidence import ms
from analysis.findings import Finding

__all__ = ["finding", "on_path"]

_PERCENTILE: Final = 0.95


def finding(
    evidence: Evidence,
    info: Info,
    limits: Limits,
    affected: int,
    confidence: float,
    sensitive_to: Iterable[str],
    considered: Iterable[str],
    **members: Any,
) -> Finding:
    """Make a finding: confidence lowered by the trust report, the traces that show it, and what was considered.

    What a remedy saves in all is also given for a day, at the traffic seen, in ``saving`` and in the summary.

    Parameters
    ----------
    evidence, info, limits
        What it was judged by.
    affected
        Traces that show it.
    confidence
        Of the rule itself (0..1).
    sensitive_to
        Doubts of the trust report that weaken it.
    considered
        What was looked at against it.
    members
        The rest of the finding.
    """
    doubts, trust = tuple(sensitive_to), evidence.trust.of(members.get("services", ()))
    daily = _daily(evidence, members.get("saving", {}))
    if daily:
        members["saving"] = {**members["saving"], **daily}
        members["summary"] = f"{members['summary']} {_by_day(daily)}"
    return Finding(
        detector=info.name,
        family=info.family,
        confidence=trust.confidence(confidence, doubts, affected),
        limits=dict(limits),
        traces_seen=evidence.traces,
        traces_affected=affected,
        share=round(affected / evidence.traces, 4) if evidence.traces else 0.0,
        considered=(*considered, *trust.sentences(doubts, affected)),
        **members,
    )


def on_path(per_request: Histogram, total_ns: float) -> dict[str, float]:
    """Return what requests pay on the critical path, as ``cost`` and ``saving`` hold it: ms at p50, at p95, in all.

    Parameters
    ----------
    per_request
        ns by request.
    total_ns
        In all.
    """
    return {
        "critical_path_ms_p50": ms(per_request.percentile(0.5)),
        "critical_path_ms_p95": ms(per_request.percentile(_PERCENTILE)),
        "total_ms": ms(float(total_ns)),
    }


def _daily(evidence: Evidence, saving: Mapping[str, float]) -> dict[str, float]:
    """Return what is saved a day, where the time seen is known and there is something to save."""
    factor = evidence.times_a_day
    if factor is None or not saving.get("total_ms"):
        return {}
    named = {"total_ms": "total_ms_per_day", "calls": "calls_per_day"}
    return {daily: round(saving[name] * factor) for name, daily in named.items() if saving.get(name)}


def _by_day(daily: Mapping[str, float]) -> str:
    calls = daily.get("calls_per_day")
    # Three digits, as of times: more of them would say that a day is known from a window.
    fewer = "" if calls is None else f" and {int(float(f'{calls:.3g}')):,} calls"
    return f"At the traffic seen that saves {duration(daily['total_ms_per_day'])}{fewer} a day."
