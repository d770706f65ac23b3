"""A short page for a pipeline: the verdict of the gate, the worst findings in a table, what could not be judged."""

from __future__ import annotations

from typing import Final

from analysis._wording import counted, percent
from analysis.compare import Comparison
from analysis.gate import Verdict
from analysis.outputs._sentences import cost, overview, seen, tally
from analysis.outputs.as_markdown import escaped
from analysis.review import Review

__all__ = ["write"]

#: A summary is read at a glance; the report has all of it.
_MOST: Final = 25


def write(review: Review, comparison: Comparison | None = None, verdict: Verdict | None = None) -> str:
    """Return the review as a page of Markdown, as the job summary of GitHub and merge requests show it."""
    lines = ["# Architecture review", ""]
    if verdict is not None and verdict.gate.limits:
        lines += [f"**{'Passed' if verdict.passed else 'Failed'}.** {escaped(' '.join(_ended(verdict)))}", ""]
    lines += [f"{overview(review)} {tally(review)}", ""]
    if comparison is not None:
        counts = (f"{len(comparison.of_status(status))} {status}" for status in ("new", "persisting", "resolved"))
        lines += [f"Beside the earlier review: {', '.join(counts)}.", ""]
    if review.finding_objects:
        lines += ["| severity | finding | cost | traces | confidence | id |", "|---|---|---|---|---|---|"]
    for finding in review.finding_objects[:_MOST]:
        status = comparison.status_of(finding.id) if comparison is not None else ""
        told = [status] if status else []
        told += ["acknowledged"] if finding.acknowledged else []
        severity = f"{finding.severity} ({', '.join(told)})" if told else finding.severity
        cells = (severity, escaped(finding.title, 200), cost(finding) or "-", seen(finding) or "-")
        lines.append(f"| {' | '.join(cells)} | {percent(finding.confidence)} | `{finding.id}` |")
    if len(review.finding_objects) > _MOST:
        lines += ["", f"And {counted(len(review.finding_objects) - _MOST, 'more finding')}."]
    blind = sum(item.outcome == "not_assessable" for item in review.assessments_made)
    if blind:
        lines += ["", f"{counted(blind, 'detector')} could not judge: the report says what was missing."]
    return "\n".join(lines) + "\n"


def _ended(verdict: Verdict) -> list[str]:
    return [f"{sentence}." for sentence in verdict.sentences()]
