"""Findings for a terminal: plain text, worst first, no colours that a log would keep."""

from __future__ import annotations

import textwrap
from typing import Final

from analysis.findings import FAMILIES, Finding
from analysis.outputs._plain import plain
from analysis.outputs._wording import answered, counted, money
from analysis.review import Review

__all__ = ["write"]

_WIDTH: Final = 100
_CHAPTERS: Final = {
    "chatty": "Chatty calls",
    "shared_data": "Shared data",
    "cascades": "Cascading failure",
    "boundaries": "Service boundaries",
    "observability": "Observability",
}


def write(review: Review) -> str:
    """Return the review as text."""
    lines = [counted(review), ""]
    for finding in review.finding_objects:
        lines += _finding(finding)
    if not review.finding_objects:
        lines += ["Nothing was found.", ""]
    lines.append("What was looked for")
    for family in FAMILIES:
        for item in (item for item in review.assessments_made if item.family == family):
            count = f" ({len(item.findings)})" if item.findings else ""
            lines.append(f"  {_CHAPTERS[family]:<18}  {item.detector:<22}  {answered(item)}{count}")
            lines += [f"{'':22}missing: {plain(what, 300)}" for what in item.missing]
    return "\n".join(lines) + "\n"


def _finding(finding: Finding) -> list[str]:
    seen = f"{finding.traces_affected} of {finding.traces_seen} traces"
    lines = [f"{finding.severity.upper():<6}  {plain(finding.title, 300)}"]
    lines += _wrapped(finding.summary)
    lines.append(f"        {finding.detector}, {money(finding)}, {seen}, confidence {finding.confidence:.0%}")
    lines += [f"        {example.why:<6} trace {example.trace_id}" for example in finding.exemplars]
    lines += _wrapped(f"To do: {finding.remedy}")
    lines.append(f"        id {finding.id}")
    return [*lines, ""]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(plain(text), _WIDTH, initial_indent="        ", subsequent_indent="        ")
