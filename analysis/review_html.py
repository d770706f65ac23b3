"""How a review displays itself in a notebook: small HTML, everything from telemetry escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from analysis._wording import counted, plain
from analysis.finding_html import SEVERITY_BARS
from analysis.findings import SEVERITIES, Finding

if TYPE_CHECKING:
    from analysis.review import Review

__all__ = ["summary"]

_MOST: Final = 10
_TITLE: Final = 300


def summary(review: Review) -> str:
    """Return the review in a few lines: what was looked at, the worst findings, what was not assessable."""
    totals = review.totals
    counts = dict.fromkeys(reversed(SEVERITIES), 0)
    for finding in review.finding_objects:
        counts[finding.severity] += 1
    said = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count) or "nothing found"
    rows = "".join(_row(finding) for finding in review.finding_objects[:_MOST])
    more = len(review.finding_objects) - _MOST
    blind = [item for item in review.assessments_made if item.outcome == "not_assessable"]
    parts = [
        '<div class="archreview">',
        (
            f"<p><b>Architecture review</b> of {counted(totals['traces'], 'trace')}, "
            f"{counted(totals['spans'], 'span')} and {counted(totals['logs'], 'log record')} of "
            f"{counted(len(review.services), 'service')}: {said}.</p>"
        ),
        f"<table><thead><tr><th>severity</th><th>finding</th><th>detector</th></tr></thead>{rows}</table>"
        if rows
        else "",
        f"<p>{more} more in <code>.findings</code></p>" if more > 0 else "",
    ]
    if blind:
        listed = "".join(
            f"<li><code>{escape(item.detector)}</code>: {escape(plain('; '.join(item.missing)))}</li>" for item in blind
        )
        parts.append(f"<p>Not assessable:</p><ul>{listed}</ul>")
    return "".join(parts) + "</div>"


def _row(finding: Finding) -> str:
    return (
        f"<tr><td>{SEVERITY_BARS[finding.severity]} {escape(finding.severity)}</td>"
        f"<td>{escape(plain(finding.title, _TITLE))}</td><td>{escape(finding.detector)}</td></tr>"
    )
