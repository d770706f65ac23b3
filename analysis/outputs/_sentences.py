"""Sentences that several formats share."""

from __future__ import annotations

from typing import Final

from analysis._wording import counted, duration, percent
from analysis.findings import SEVERITIES, Assessment, Finding
from analysis.review import Review

__all__ = ["CHAPTERS", "answered", "cost", "overview", "seen", "tally"]

CHAPTERS: Final = {
    "chatty": "Chatty calls",
    "shared_data": "Shared data",
    "cascades": "Cascading failure",
    "boundaries": "Service boundaries",
    "observability": "Observability",
}
_ANSWERS: Final = {"not_found": "nothing found", "not_assessable": "could not be assessed"}


def answered(assessment: Assessment) -> str:
    """Return a detector's answer in words."""
    found = counted(len(assessment.findings), "finding")
    return found if assessment.outcome == "found" else _ANSWERS[assessment.outcome]


def overview(review: Review) -> str:
    """Return what was looked at, in a sentence or two."""
    totals = review.totals
    unread = sum(entry["format"] == "unknown" for entry in review.inputs)
    refused = sum(int(row["count"]) for row in totals["rejected"])
    exports = counted(len(review.inputs), "export")
    records = (
        f"{counted(totals['traces'], 'trace')}, {counted(totals['spans'], 'span')} and "
        f"{counted(totals['logs'], 'log record')}"
    )
    sentences = [f"{records} of {counted(len(review.services), 'service')} from {exports}."]
    if unread:
        sentences.append(f"{unread:,} of the exports could not be read.")
    if refused:
        sentences.append(f"{counted(refused, 'record was', 'records were')} refused.")
    return " ".join(sentences)


def tally(review: Review) -> str:
    """Return how many findings there are, by severity, worst first."""
    findings = review.finding_objects
    if not findings:
        judged = any(item.outcome != "not_assessable" for item in review.assessments_made)
        return "Nothing was found." if judged else "Nothing could be assessed."
    by_severity = [(severity, sum(item.severity == severity for item in findings)) for severity in SEVERITIES[::-1]]
    counts = ", ".join(f"{count} {severity}" for severity, count in by_severity if count)
    return f"{counted(len(findings), 'finding')}: {counts}."


def cost(finding: Finding) -> str:
    """Return what a finding costs, in the unit that says most; "" where nothing was measured."""
    members = finding.cost
    if members.get("requests_failed"):
        return counted(int(members["requests_failed"]), "failed request")
    if members.get("critical_path_ms_p95"):
        return f"{duration(members['critical_path_ms_p95'])} a request at p95"
    if members.get("total_ms"):
        return f"{duration(members['total_ms'])} over all requests"
    return ""


def seen(finding: Finding) -> str:
    """Return in how many traces a finding was seen; "" where it is about log records, which no trace need show."""
    if not finding.traces_affected:
        return ""
    traces = f"{finding.traces_affected:,} of {counted(finding.traces_seen, 'trace')}"
    return f"{traces} ({percent(finding.share)})" if 0 < finding.share < 1 else traces
