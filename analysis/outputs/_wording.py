"""Sentences that several formats share."""

from __future__ import annotations

from typing import Final

from analysis.findings import Assessment, Finding
from analysis.review import Review

__all__ = ["answered", "counted", "money"]

_ANSWERS: Final = {"found": "found", "not_found": "looked for, not found", "not_assessable": "not assessable"}


def answered(assessment: Assessment) -> str:
    """Return a detector's answer in words."""
    return _ANSWERS[assessment.outcome]


def counted(review: Review) -> str:
    """Return what was looked at, in a sentence."""
    totals = review.totals
    refused = sum(int(row["count"]) for entry in review.inputs for row in entry["rejected"])
    sentence = (
        f"{totals['traces']:,} traces, {totals['spans']:,} spans and {totals['logs']:,} log records "
        f"of {len(review.services)} services from {len(review.inputs)} exports."
    )
    return f"{sentence} {refused:,} records were refused." if refused else sentence


def money(finding: Finding) -> str:
    """Return what a finding costs, in the unit that says most."""
    cost = finding.cost
    if cost.get("requests_failed"):
        return f"{cost['requests_failed']:,} failed requests"
    if cost.get("critical_path_ms_p95"):
        return f"{cost['critical_path_ms_p95']:,.1f} ms a request at p95"
    if cost.get("total_ms"):
        return f"{cost['total_ms']:,.0f} ms in all"
    if cost.get("share_of_traces"):
        return f"{cost['share_of_traces']:.1%} of traces"
    return "none measured"
