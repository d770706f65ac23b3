"""How a review and a finding display themselves in a notebook: small HTML, everything from telemetry escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from analysis.findings import SEVERITIES, Finding

if TYPE_CHECKING:
    from analysis.review import Review

__all__ = ["finding_section", "summary"]

_MOST: Final = 10
#: Severity is told by word and by the weight of the bar beside it, not by colour alone.
_BARS: Final = {"info": "▁", "low": "▃", "medium": "▅", "high": "█"}


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
            f"<p><b>Architecture review</b> of {totals['traces']:,} traces, {totals['spans']:,} spans, "
            f"{len(review.services)} services: {said}.</p>"
        ),
        f"<table><thead><tr><th>severity</th><th>finding</th><th>detector</th></tr></thead>{rows}</table>"
        if rows
        else "",
        f"<p>{more} more in <code>.findings</code></p>" if more > 0 else "",
    ]
    if blind:
        listed = "".join(
            f"<li><code>{escape(item.detector)}</code>: {escape('; '.join(item.missing))}</li>" for item in blind
        )
        parts.append(f"<p>Not assessable:</p><ul>{listed}</ul>")
    return "".join(parts) + "</div>"


def finding_section(finding: Finding) -> str:
    """Return one finding as HTML: claim, cost, evidence, counter-evidence, remedy."""
    considered = "".join(f"<li>{escape(sentence)}</li>" for sentence in finding.considered)
    traces = ", ".join(f"{escape(item.why)} <code>{escape(item.trace_id)}</code>" for item in finding.exemplars)
    costs = ", ".join(f"{escape(name)} {_number(value)}" for name, value in finding.cost.items())
    saving = ", ".join(f"{escape(name)} {_number(value)}" for name, value in finding.saving.items())
    return "".join(
        [
            f'<section class="finding" id="finding-{escape(finding.id)}">',
            f"<h3>{_BARS[finding.severity]} {escape(finding.severity)}: {escape(finding.title)}</h3>",
            f"<p>{escape(finding.summary)}</p>",
            f"<p><b>What to do:</b> {escape(finding.remedy)}</p>",
            f"<p><b>Cost:</b> {costs or 'none measured'}. <b>Saving:</b> {saving or 'not estimated'}.</p>",
            (
                f"<p><b>Seen</b> in {finding.traces_affected:,} of {finding.traces_seen:,} traces, confidence "
                f"{finding.confidence:.0%}. <b>Exemplars:</b> {traces or 'none'}.</p>"
            ),
            f"<p><b>Looked at against it:</b></p><ul>{considered}</ul>" if considered else "",
            "</section>",
        ]
    )


def _row(finding: Finding) -> str:
    return (
        f"<tr><td>{_BARS[finding.severity]} {escape(finding.severity)}</td>"
        f"<td>{escape(finding.title)}</td><td>{escape(finding.detector)}</td></tr>"
    )


def _number(value: object) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) else escape(str(value))
