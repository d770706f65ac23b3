"""What pages say of a finding in a few words: its cost as one number, its saving, its exemplars."""

from __future__ import annotations

from typing import Final

from analysis._wording import counted, duration, percent
from analysis.findings import SEVERITIES, Finding
from analysis.scorecard import MARKS, UNJUDGED

__all__ = ["alike", "costliest", "number_of", "saving_of", "severities_of", "worst_mark"]

#: Findings of the first page.
_COSTLIEST: Final = 10


def number_of(finding: Finding) -> tuple[str, str]:
    """Return the one number that says most of a finding, and what it counts."""
    cost = finding.cost
    if cost.get("requests_failed"):
        number = int(cost["requests_failed"])
        return f"{number:,}", "failed request" if number == 1 else "failed requests"
    if cost.get("critical_path_ms_p95"):
        return duration(float(cost["critical_path_ms_p95"])), "of a request at p95"
    if cost.get("total_ms"):
        return duration(float(cost["total_ms"])), "over all requests"
    if finding.traces_seen and finding.traces_affected:
        return percent(finding.traces_affected / finding.traces_seen), "of the traces that could show it"
    number = len(finding.services)
    return f"{number:,}", "service concerned" if number == 1 else "services concerned"


def saving_of(finding: Finding) -> str:
    """Return what the remedy would save, in words; "" where it was not estimated."""
    saving = finding.saving
    parts = []
    if saving.get("requests"):
        parts.append(counted(int(saving["requests"]), "failed request"))
    if saving.get("critical_path_ms_p95"):
        parts.append(f"{duration(saving['critical_path_ms_p95'])} of a request at p95")
    if saving.get("calls"):
        parts.append(counted(int(saving["calls"]), "call"))
    if saving.get("total_ms"):
        parts.append(f"{duration(saving['total_ms'])} over all requests")
    return ", ".join(parts)


def costliest(findings: tuple[Finding, ...]) -> list[Finding]:
    """Return the findings that cost most: the gravest first, and among these what takes most time of all requests.

    Where no cost is measured one finding stands for those of other services that ask for the same (`alike`).
    """
    chosen: list[Finding] = []
    for finding in findings:
        if finding.severity != "info" and not any(_same(one, finding) for one in chosen):
            chosen.append(finding)
    return chosen[:_COSTLIEST]


def alike(findings: tuple[Finding, ...], finding: Finding) -> int:
    """Return for how many more findings one stands among the costliest."""
    return sum(one is not finding and one.severity != "info" and _same(finding, one) for one in findings)


def _same(one: Finding, other: Finding) -> bool:
    return (
        one.detector == other.detector
        and not any(one.cost.values())
        and not any(other.cost.values())
        and _asked(one) == _asked(other)
    )


def _asked(finding: Finding) -> str:
    """Return what a finding asks for, of whomever."""
    asked = finding.remedy
    for service in sorted(filter(None, finding.services), key=len, reverse=True):
        asked = asked.replace(service, "…")
    return asked


def severities_of(findings: tuple[Finding, ...] | list[Finding]) -> str:
    """Return how many findings there are of each severity, the gravest first; "" for none."""
    counts = [(severity, sum(item.severity == severity for item in findings)) for severity in reversed(SEVERITIES)]
    return ", ".join(f"{count} {severity}" for severity, count in counts if count)


def worst_mark(marks: list[str]) -> str:
    """Return the worst of the marks of several services; ? where none was judged."""
    judged = [mark for mark in marks if mark != UNJUDGED]
    return max(judged, key=MARKS.index) if judged else UNJUDGED
